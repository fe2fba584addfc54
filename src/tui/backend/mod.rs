//! The threads behind the screen. Each has one job and one queue, and answers with messages.
//!
//! | thread | its job |
//! | --- | --- |
//! | [`recorder`] | reads rules and records, starts scans, writes down what is found and decided |
//! | [`reader`] | opens the bytes of a finding, decodes and searches them |
//! | [`explainer`] | explains the conditions of a hunt for a finding |
//! | [`gatherer`] | asks the box about a finding, and weighs its scenarios |
//! | [`lookup`] | looks up what a check or a fact points to |
//! | [`place_probe`] | before all that: looks at the places there are to scan |

mod explainer;
mod export;
mod gatherer;
mod lookup;
mod many;
pub(crate) mod place_probe;
mod reader;
mod recorder;
mod rows;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde_json::Value;

use super::message::{Explain, Gather, Look, Message, Request};
use crate::evidence::Gatherer;
use crate::evidence::reference::Reference;
use crate::scan::{Control, Current, Progress, ProgressSnapshot, ScanOptions, Tree};
use crate::session::many::ManyCases;
use crate::session::{RecordPlan, RuleChoice};
use crate::text;
use crate::timeout::{self, NoThread};

/// How long the records may take to close.
const CLOSING: Duration = Duration::from_secs(10);

/// What a session is about.
#[derive(Debug)]
pub struct Session {
    /// The tree; `None` when a case is opened again instead of a tree being scanned.
    pub tree: Option<Tree>,
    /// Which rules.
    pub choice: RuleChoice,
    /// Where records are kept.
    pub plan: RecordPlan,
    /// How the tree is scanned.
    pub options: ScanOptions,
    /// The options as a case keeps them.
    pub record: Value,
    /// How long the box may be asked about findings after a scan, so that the case can tell what it said; `None` when it
    /// is not asked but for the screen.
    pub asking: Option<Duration>,
    /// Why this is not the box of the case that was opened again, if it is not: then what the case keeps of it counts.
    pub other_box: Option<String>,
    /// Many cases that are looked at as one list, instead of a tree or a case.
    pub many: Option<ManyCases>,
}

/// The levers and gauges of the scan that runs now.
#[derive(Debug, Clone, Default)]
pub struct ScanHandle(Arc<Mutex<Option<Levers>>>);

type Levers = (Arc<Control>, Arc<Progress>);

impl ScanHandle {
    fn set(&self, levers: Option<Levers>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = levers;
    }

    /// How far the scan is, and what it has at hand; `None` while none runs.
    pub fn read(&self) -> Option<(ProgressSnapshot, Current)> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(|(_, progress)| (progress.read(), progress.current()))
    }

    /// Does something with the levers, if a scan runs.
    pub fn steer(&self, with: impl FnOnce(&Control)) {
        if let Some((control, _)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            with(control);
        }
    }
}

/// The way to the threads, and from them.
#[derive(Debug)]
pub struct Backend {
    /// What they say.
    pub messages: Receiver<Message>,
    /// The same queue, for whoever else has something to say to the screen.
    pub sender: Sender<Message>,
    /// The scan's levers and gauges.
    pub gauges: ScanHandle,
    requests: Sender<Request>,
    looks: Sender<Look>,
    explains: Sender<Explain>,
    asks: Sender<Gather>,
    references: Sender<Reference>,
    /// Ends with the recorder.
    recorder: Receiver<()>,
}

impl Backend {
    /// Starts the threads; the first scan begins as soon as the rules are compiled.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(session: Session) -> Result<Self, NoThread> {
        Self::start_on(unbounded(), session)
    }

    /// The same, on a queue that others have something to say to already.
    ///
    /// # Errors
    /// As there.
    pub fn start_on(
        (sender, messages): (Sender<Message>, Receiver<Message>),
        session: Session,
    ) -> Result<Self, NoThread> {
        let (requests, asked) = unbounded();
        let (looks, looked) = unbounded();
        let (explains, explained) = unbounded();
        let (asks, asked_of_box) = unbounded();
        let (references, referred) = unbounded();
        let (books, book) = unbounded();
        let options = session.choice.options.clone();
        let gauges = ScanHandle::default();
        let box_root = session.plan.root.clone();
        let gatherer = Gatherer::new(box_root.clone()).without_process(std::process::id());
        {
            let (sender, gatherer) = (sender.clone(), gatherer.clone());
            start("look-up", &sender.clone(), move || lookup::run(&gatherer, &referred, &sender))?;
        }
        {
            let sender = sender.clone();
            // Another box's case must not be judged by what this box says.
            let gatherer = session.other_box.is_none().then(|| gatherer.clone());
            start("gatherer", &sender.clone(), move || {
                gatherer::run(gatherer.as_ref(), &book, &asked_of_box, &sender);
            })?;
        }
        // What this machine has under the same path is another file.
        let elsewhere = session.other_box.is_some();
        let (ended, recorder) = bounded(0);
        {
            let (sender, gauges) = (sender.clone(), gauges.clone());
            start("recorder", &sender.clone(), move || {
                let _ended = ended;
                if session.many.is_some() {
                    return many::run(session, &asked, &sender, &books);
                }
                recorder::run(session, gatherer, &recorder::Ends { requests: asked, messages: sender, books, gauges });
            })?;
        }
        {
            let sender = sender.clone();
            start("reader", &sender.clone(), move || reader::run(&looked, &sender, &box_root, elsewhere))?;
        }
        {
            let sender = sender.clone();
            start("explainer", &sender.clone(), move || explainer::run(&options, &explained, &sender, elsewhere))?;
        }
        Ok(Self { messages, sender, gauges, requests, looks, explains, asks, references, recorder })
    }

    /// Asks the records for something.
    pub fn record(&self, request: Request) {
        // When the thread has ended, it has said why.
        let _ = self.requests.send(request);
    }

    /// Asks for bytes.
    pub fn look(&self, look: Look) {
        let _ = self.looks.send(look);
    }

    /// Asks for an explanation; one that was asked for before and is not begun is dropped.
    pub fn explain(&self, ask: Explain) {
        let _ = self.explains.send(ask);
    }

    /// Asks the box.
    pub fn gather(&self, ask: Gather) {
        let _ = self.asks.send(ask);
    }

    /// Asks for something that evidence points to.
    pub fn look_up(&self, reference: Reference) {
        let _ = self.references.send(reference);
    }

    /// Ends the scan and waits until the records are closed; returns whether they are. A disk or a server that does not
    /// answer is not waited for for ever.
    pub fn finish(self) -> bool {
        let Self { requests, gauges, recorder, .. } = self;
        gauges.steer(Control::cancel);
        drop(requests);
        // Nothing is ever sent: the wait ends with the recorder, or at the limit.
        !recorder.recv_timeout(CLOSING).is_err_and(|error| error.is_timeout())
    }
}

/// Starts one of the threads. When it panics the session ends and says so: a screen that waits for it would wait for ever.
fn start(name: &'static str, messages: &Sender<Message>, work: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
    let messages = messages.clone();
    timeout::spawn(name, move || {
        if let Err(why) = timeout::catch_panic(work) {
            let why = format!("the {name} panicked: {}; please report this", text::escape_str(&why));
            let _ = messages.send(Message::Fatal(why));
        }
    })?;
    Ok(())
}
