//! Reads the bytes of the open finding: windows of them, what they decode to, and searches.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::case::FindingId;
use crate::content;
use crate::elf;
use crate::evidence::execution::Execution;
use crate::finding::Finding;
use crate::hex::encoding::Encoding;
use crate::hex::lines::{self, LineIndex};
use crate::hex::query::Query;
use crate::hex::search::{self, SearchOrder, SearchOutcome, Watch, search};
use crate::hex::source::ByteSource;
use crate::hex::strings;
use crate::hex::{ByteWindow, View, ViewedBytes};
use crate::root::Root;
use crate::text;
use crate::timeout::{self, NoThread};
use crate::tui::message::{Look, Message};
use crate::tui::state::bytes::{Counted, MAX_HITS};
use crate::tui::state::compare::{ComparedSide, ContentComparison};
use crate::tui::state::told::Decoded;

/// Bytes of a file that its headers are decoded from when it is larger: `decode_with` reads no more for a sane file.
const SMALL: u64 = 64 * 1024;
/// Bytes by which an ELF file is known.
const MAGIC: u64 = 4;
/// Instructions shown of the code at the entry point.
const INSTRUCTIONS: usize = 200;
/// Shortest printable text that is listed, in characters.
const SHORTEST: usize = 4;
/// How often a search says how far it is.
const REPORT: Duration = Duration::from_millis(100);

/// How long a file may leave a question without an answer before its kept bytes are shown instead.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// What is open.
struct Open {
    id: FindingId,
    finding: Arc<Finding>,
    view: View,
    lines: Arc<Mutex<(Option<State>, LineIndex)>>,
}

/// What the lines of a file were counted on: which bytes, how many.
type State = (ViewedBytes, u64, Option<String>);

impl Open {
    fn new(id: FindingId, finding: Arc<Finding>, elsewhere: bool) -> Self {
        let asked = Arc::clone(&finding);
        let view = timeout::run_while_responsive(LIMIT, move || view(&asked, elsewhere));
        let view = view.unwrap_or_else(|_| without_answer(&finding));
        Self { id, finding, view, lines: Arc::default() }
    }

    /// Looks at the bytes; at the kept ones where the file does not answer, and from then on.
    fn look<T: Send + 'static>(self, work: impl Fn(&mut View) -> T + Clone + Send + 'static) -> (Self, T) {
        let Self { id, finding, mut view, lines } = self;
        let again = work.clone();
        let looked = timeout::run_while_responsive(LIMIT, move || {
            let seen = work(&mut view);
            (view, seen)
        });
        let (view, seen) = looked.unwrap_or_else(|_| {
            let mut view = without_answer(&finding);
            let seen = again(&mut view);
            (view, seen)
        });
        (Self { id, finding, view, lines }, seen)
    }
}

/// The file as it is now; the kept bytes of one that is `elsewhere`, on another box: a file of its path here is not it.
pub(super) fn view(finding: &Finding, elsewhere: bool) -> View {
    if elsewhere {
        View::of_another_box(&finding.file, Arc::clone(&finding.kept))
    } else {
        View::open(&finding.file.path, &finding.file, Arc::clone(&finding.kept))
    }
}

pub(super) fn without_answer(finding: &Finding) -> View {
    View::without_answer(&finding.file, Arc::clone(&finding.kept))
}

/// Work on the bytes of the open finding that takes long. It has a thread and a view of its own, so that the bytes can be
/// looked at meanwhile.
struct Job {
    elsewhere: bool,
    cancel: Arc<AtomicBool>,
}

impl Job {
    fn new(elsewhere: bool) -> Self {
        Self { elsewhere, cancel: Arc::default() }
    }

    /// Ends what was begun last.
    fn stop(&self) {
        self.cancel.store(true, Ordering::Release);
    }

    /// Begins it anew; what was begun before ends.
    fn start(
        &mut self,
        name: &str,
        open: &Open,
        work: impl FnOnce(&mut View, &AtomicBool) + Send + 'static,
    ) -> Result<(), NoThread> {
        self.stop();
        self.cancel = Arc::default();
        let (finding, elsewhere, cancel) = (Arc::clone(&open.finding), self.elsewhere, Arc::clone(&self.cancel));
        timeout::spawn(name, move || work(&mut view(&finding, elsewhere), &cancel)).map(drop)
    }
}

/// Answers until nobody asks any more.
pub(super) fn run(looks: &Receiver<Look>, messages: &Sender<Message>, root: &Root, elsewhere: bool) {
    let mut open: Option<Open> = None;
    let [mut searching, mut counting, mut listing] = [(); 3].map(|()| Job::new(elsewhere));
    let send = |message| {
        // When the screen has gone, the queue of questions ends too.
        let _ = messages.send(message);
    };
    for look in looks {
        let tell = |number| Tell { number, messages: messages.clone() };
        match look {
            Look::Open(id, finding) => {
                [&searching, &counting, &listing].into_iter().for_each(Job::stop);
                let (opened, mut decoded) = Open::new(id, finding, elsewhere).look(decode);
                ask_the_box(root, &mut decoded);
                open = Some(opened);
                send(Message::Decoded(id, Box::new(decoded)));
            }
            Look::Window { offset, length, lines } => {
                open = open.map(|open| {
                    let index = Arc::clone(&open.lines);
                    let (open, window) = open.look(move |view| numbered(view, (offset, length), lines, &index));
                    send(Message::Bytes(open.id, Box::new(window)));
                    open
                });
            }
            Look::Decode => {
                open = open.map(|open| {
                    let (open, mut decoded) = open.look(decode);
                    ask_the_box(root, &mut decoded);
                    send(Message::Decoded(open.id, Box::new(decoded)));
                    open
                });
            }
            Look::Search(number, query, order) => {
                let Some(open) = &open else { continue };
                let tell = tell(number);
                let work = move |view: &mut View, cancel: &AtomicBool| seek(view, &query, order, cancel, &tell);
                if let Err(error) = searching.start("search", open, work) {
                    send(Message::Searched(number, Err(error.to_string())));
                }
            }
            Look::Count(number, query) => {
                let Some(open) = &open else { continue };
                let tell = tell(number);
                let work = move |view: &mut View, cancel: &AtomicBool| count_hits(view, &query, cancel, &tell);
                if counting.start("count", open, work).is_err() {
                    send(Message::Counted(number, Vec::new(), Counted::NotAll));
                }
            }
            // A line is searched for in the place of what was searched for before.
            Look::Line(number, line, encoding) => {
                let Some(open) = &open else { continue };
                let tell = tell(number);
                let work = move |view: &mut View, cancel: &AtomicBool| find_line(view, (line, encoding), cancel, &tell);
                if let Err(error) = searching.start("line", open, work) {
                    send(Message::LineFound(number, Err(error.to_string())));
                }
            }
            Look::Strings(number) => {
                let Some(open) = &open else { continue };
                let tell = tell(number);
                let work = move |view: &mut View, cancel: &AtomicBool| list_strings(view, cancel, &tell);
                if listing.start("strings", open, work).is_err() {
                    send(Message::Strings(number, Vec::new(), None, true));
                }
            }
            Look::Compare(id, pair) => {
                // Both are read on a thread of their own: a disk that does not answer must not hold up the bytes in view.
                let messages = messages.clone();
                let work = move || compare(id, pair, elsewhere, &messages);
                if let Err(error) = timeout::spawn("compare", work) {
                    send(Message::Compared(id, Err(error.to_string())));
                }
            }
            Look::StopSearch => {
                [&searching, &counting].into_iter().for_each(Job::stop);
            }
        }
    }
}

/// Bytes for a screen as something that ELF headers are read from.
pub(super) struct ViewSource<'v>(RefCell<&'v mut dyn ByteSource>);

impl<'v> ViewSource<'v> {
    pub(super) fn new(bytes: &'v mut dyn ByteSource) -> Self {
        Self(RefCell::new(bytes))
    }
}

impl elf::Bytes for ViewSource<'_> {
    fn size(&self) -> u64 {
        self.0.borrow().size()
    }

    fn readable(&self) -> u64 {
        self.0.borrow().known_first()
    }

    fn read(&self, offset: u64, length: usize) -> Cow<'_, [u8]> {
        let bytes = crate::hex::source::read(&mut **self.0.borrow_mut(), offset, length);
        Cow::Owned(bytes.into_iter().map_while(|byte| byte).collect())
    }
}

fn decode(view: &mut View) -> Decoded {
    let size = view.size();
    let source = ViewSource::new(view);
    let begins = elf::Bytes::readable(&source) >= size.min(MAGIC);
    let content = if begins { content::identify(&source) } else { None };
    let elf = elf::decode_with(&source);
    let code = elf.as_ref().map(|elf| {
        let code = elf::disassemble_entry(elf, &source, INSTRUCTIONS);
        code.map_err(|why| text::escape_str(&why.to_string()).into_owned())
    });
    let whole = (size <= SMALL).then(|| elf::Bytes::read(&source, 0, SMALL as usize).into_owned());
    let whole = whole.filter(|bytes| bytes.len() as u64 == size);
    Decoded {
        begins,
        content,
        execution: Execution::default(),
        entropy: whole.as_deref().map(elf::entropy),
        strings: whole.as_deref().map(|bytes| elf::strings(bytes, SHORTEST)).unwrap_or_default(),
        map: elf.as_ref().map(elf::Map::new),
        elf: elf.map(Box::new),
        code,
    }
}

/// Asks the box for what the file needs to run. One that does not answer leaves that unsaid.
fn ask_the_box(root: &Root, decoded: &mut Decoded) {
    let script = decoded.content.as_ref().and_then(|content| content.interpreter.clone());
    if !Execution::concerns(decoded.elf.as_deref(), script.as_deref()) {
        return;
    }
    let (root, elf) = (root.clone(), decoded.elf.clone());
    let work = move || Execution::ask(&root, elf.as_deref(), script.as_deref());
    decoded.execution = timeout::run_while_responsive(LIMIT, work).unwrap_or_default();
}

/// A window with the number of lines before it, if they are asked for; counted anew when the file is another by now.
fn numbered(
    view: &mut View,
    (offset, length): (u64, usize),
    lines: Option<Encoding>,
    index: &Mutex<(Option<State>, LineIndex)>,
) -> ByteWindow {
    let mut window = view.window(offset, length);
    if let Some(encoding) = lines {
        let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let state = Some((window.shown, window.size, window.notice.clone()));
        if index.0 != state {
            *index = (state, LineIndex::default());
        }
        window.line = index.1.before(view, offset, encoding);
    }
    window
}

/// Reads two findings' beginnings and brings them together.
fn compare(id: FindingId, pair: [Arc<Finding>; 2], elsewhere: bool, messages: &Sender<Message>) {
    let sides = pair.map(|finding| {
        let path = text::escape_path(&finding.file.path).into_owned();
        let (_, window) = Open::new(id, finding, elsewhere).look(|view| view.window(0, crate::hex::compare::MAX_BYTES));
        let bytes = window.bytes.into_iter().map_while(|byte| byte).collect();
        ComparedSide { path, bytes, size: window.size, notice: window.notice }
    });
    let _ = messages.send(Message::Compared(id, Ok(Box::new(ContentComparison::new(sides, true)))));
}

/// Finds where a line begins.
fn find_line(view: &mut View, (line, encoding): (u64, Encoding), cancel: &AtomicBool, tell: &Tell) {
    let mut watch = Watch { cancel, progress: &mut |_| {} };
    let found = lines::find(view, line, encoding, &mut watch);
    if cancel.load(Ordering::Acquire) {
        return;
    }
    let outcome = found.ok_or_else(|| format!("the file has no line {}", text::count(line)));
    let _ = tell.messages.send(Message::LineFound(tell.number, outcome));
}

/// Lists printable texts, and tells of them as they are found.
fn list_strings(view: &mut View, cancel: &AtomicBool, tell: &Tell) {
    let found = RefCell::new(Vec::new());
    let report = |progress, cut| {
        let _ = tell.messages.send(Message::Strings(tell.number, found.take(), progress, cut));
    };
    let (mut told, mut kept) = (Instant::now(), 0);
    let mut progress = |progress: search::SearchProgress| {
        if told.elapsed() >= REPORT {
            told = Instant::now();
            report(Some((progress.done, progress.total)), false);
        }
    };
    let mut watch = Watch { cancel, progress: &mut progress };
    let all = strings::each(view, &mut watch, &mut |text| {
        found.borrow_mut().push(text);
        kept += 1;
        if kept < strings::MAX_TEXTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if !cancel.load(Ordering::Acquire) {
        report(None, !all);
    }
}

/// Whom a search tells, and as which.
struct Tell {
    number: u64,
    messages: Sender<Message>,
}

/// Finds the next hit.
fn seek(view: &mut View, query: &Query, order: SearchOrder, cancel: &AtomicBool, tell: &Tell) {
    let mut told = Instant::now();
    let mut progress = |progress: search::SearchProgress| {
        if told.elapsed() >= REPORT {
            told = Instant::now();
            let _ = tell.messages.send(Message::Searching(tell.number, progress.done, progress.total));
        }
    };
    let outcome = search(view, query, order, &mut Watch { cancel, progress: &mut progress });
    let outcome = match outcome {
        SearchOutcome::Found(hit) => Ok(hit),
        SearchOutcome::NotFound { unknown: 0 } => Err(format!("not found: {}", query.describe())),
        SearchOutcome::NotFound { unknown } => {
            Err(format!("not found: {}; unknown: {}", query.describe(), text::counted(unknown, "byte")))
        }
        SearchOutcome::Cancelled => return,
    };
    let outcome = outcome.map_err(|why| text::escape_str(&why).into_owned());
    let _ = tell.messages.send(Message::Searched(tell.number, outcome));
}

/// Counts hits beside the search, which need not wait for that, and tells of them as they are found.
fn count_hits(view: &mut View, query: &Query, cancel: &AtomicBool, tell: &Tell) {
    let found = RefCell::new(Vec::new());
    let report = |counted| {
        let _ = tell.messages.send(Message::Counted(tell.number, found.take(), counted));
    };
    let mut told = Instant::now();
    let mut progress = |_| {
        if told.elapsed() >= REPORT && !found.borrow().is_empty() {
            told = Instant::now();
            report(Counted::SoFar);
        }
    };
    let mut watch = Watch { cancel, progress: &mut progress };
    let all = search::each(view, query, MAX_HITS, &mut watch, &mut |offset| found.borrow_mut().push(offset));
    report(if all { Counted::All } else { Counted::NotAll });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::facts;
    use crate::finding::{FileFacts, FoundBy, KeptBytes, RuleId};
    use crate::hex::search::SearchDirection;

    /// What a case of another box shows, and every search in it, is of that box's bytes: here a file of the same path and
    /// size holds something else.
    #[test]
    fn nothing_of_this_machines_file_is_found_in_a_finding_of_another_box() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"of this machine,\nin its two lines").unwrap();
        let scanned = b"of the other box, in a single one";
        let size = scanned.len() as u64;
        assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
        let rule = RuleId { namespace: "own".into(), name: "rule".into() };
        let finding = Arc::new(Finding {
            found_by: FoundBy::Rule(rule),
            file: Arc::new(FileFacts { size, ..facts(&path) }),
            matches: Vec::new(),
            capped: false,
            kept: Arc::new(KeptBytes::around(scanned, &[], KeptBytes::WHOLE)),
        });
        let told = |elsewhere: bool, questions: Vec<Look>| {
            let (ask, looks) = crossbeam_channel::unbounded();
            let (tell, told) = crossbeam_channel::unbounded();
            ask.send(Look::Open(FindingId(1), Arc::clone(&finding))).unwrap();
            for question in questions {
                ask.send(question).unwrap();
            }
            drop(ask);
            run(&looks, &tell, &Root::live(), elsewhere);
            drop(tell);
            told
        };
        let found = |elsewhere: bool, text: &str| {
            let order = SearchOrder { from: 0, direction: SearchDirection::Forward, wrap: true };
            let query = Box::new(Query::parse(text).unwrap());
            let questions = vec![Look::Search(1, query.clone(), order), Look::Count(2, query), Look::Strings(3)];
            let (mut sought, mut counted, mut strings) = (false, 0, String::new());
            for message in told(elsewhere, questions) {
                match message {
                    Message::Searched(1, outcome) => sought = outcome.is_ok(),
                    Message::Counted(2, hits, _) => counted += hits.len(),
                    Message::Strings(3, texts, ..) => strings.extend(texts.into_iter().map(|found| found.text)),
                    _ => {}
                }
            }
            (sought, counted, strings)
        };
        let has_line = |elsewhere: bool| {
            let mut messages = told(elsewhere, vec![Look::Line(1, 2, Encoding::Utf8)]).into_iter();
            messages.any(|message| matches!(message, Message::LineFound(1, Ok(_))))
        };
        let (sought, counted, strings) = found(true, "machine");
        assert!(!sought && counted == 0 && !strings.contains("machine"), "{strings}");
        let (sought, counted, strings) = found(true, "other box");
        assert!(sought && counted == 1 && strings.contains("other box"), "{counted} {strings}");
        assert!(!has_line(true));
        let (sought, counted, _) = found(false, "machine");
        assert!(sought && counted == 1 && has_line(false), "on the box itself it is the file");
    }
}
