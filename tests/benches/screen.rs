//! How fast the screen answers with 200,000 findings in the list while more stream in, and what it writes.
//!
//! `cargo bench --bench screen [-- TREE]` prints two Markdown tables: time from a key to the finished frame, bytes a frame
//! puts on the terminal, and the memory that a line of the list takes; then what the program itself draws and writes
//! while it scans `TREE` or a tree made for it, and when it is idle; last how fast very large files are read as text.

#![allow(missing_docs)]

mod drawn;
mod large;

use std::error::Error;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use huntbook::internals::case::FindingId;
use huntbook::internals::finding::{FileTime, Sha256};
use huntbook::internals::hunt::{Site, builtin};
use huntbook::internals::scan::{Current, ProgressSnapshot};
use huntbook::internals::theme::{self, ColorDepth};
use huntbook::internals::triage::filter::Signs;
use huntbook::internals::triage::{Actor, Verdict};
use huntbook::internals::tui::keymap::Keymap;
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::App;
use huntbook::internals::tui::state::bell::Bell;
use huntbook::internals::tui::state::findings::ListedFinding;
use huntbook::internals::tui::state::panes::Panes;
use huntbook::internals::tui::{Start, frame, update};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const FINDINGS: i64 = 200_000;
const SIZE: (u16, u16) = (200, 60);
/// Keys of a journey at least; each is gone through to its end.
const KEYS: usize = 600;
/// A filter by fields, as it is typed: rows pass, then few, then none.
const FIELDS: &str = "rule:tiny state:open path:7f size>1M";
/// Findings that arrive between two keys: a scan that finds 1,500 a second, and a key every 33 ms.
const ARRIVING: i64 = 50;

/// Counts what is written.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Screen = Terminal<CrosstermBackend<Counter>>;

fn row(id: i64) -> ListedFinding {
    // A multiplicative hash, so that rows arrive all over the list.
    let place = id.wrapping_mul(0x9e37_79b9) & 0xffff_ffff;
    ListedFinding {
        id: FindingId(id),
        at: 0,
        hunt: (id % 5) as usize,
        path: Path::new(&format!("/srv/data/{:03x}/{place:08x}/report-{id}.py", place >> 20)).into(),
        size: id as u64,
        modified: FileTime { seconds: id, nanos: 0 },
        digest: content(id).into(),
        matches: (id % 7) as usize,
        score: 75,
        plain: id % 5 == 0,
        uid: 0,
        owner: Some(Arc::from(if id % 4 == 0 { "www-data" } else { "root" })),
        written: None,
        signs: Signs::default(),
        candidate: false,
        verdict: if id % 11 == 0 { Verdict::Benign } else { Verdict::Open },
        returned: None,
        against_the_box: false,
        gone: None,
    }
}

/// Every third file is a copy of another.
fn content(id: i64) -> Sha256 {
    let number = if id % 3 == 0 { id % 1000 } else { id };
    Sha256::of(&number.to_le_bytes())
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut app, memory) = filled()?;

    let written = Counter::default();
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(written.clone()), options)?;
    terminal.draw(|frame| frame::draw(frame, &mut app))?;
    let first = written.0.swap(0, Ordering::Relaxed);

    println!(
        "| {FINDINGS} findings, {}×{}, {ARRIVING} more before every key | p50 | p99 | p99 of a processor |",
        SIZE.0, SIZE.1
    );
    println!("| --- | ---: | ---: | ---: |");
    let (mut bytes, mut pressed) = (0, 0);
    let fields: Vec<KeyCode> = std::iter::once(KeyCode::Char('/'))
        .chain(FIELDS.chars().map(KeyCode::Char))
        .chain(std::iter::repeat_n(KeyCode::Backspace, FIELDS.len()))
        .chain([KeyCode::Esc])
        .collect();
    let by_fields = [("typing a filter by fields and taking it back", fields.as_slice())];
    for (name, keys) in JOURNEYS.into_iter().chain(by_fields) {
        app = filled()?.0;
        terminal.draw(|frame| frame::draw(frame, &mut app))?;
        written.0.store(0, Ordering::Relaxed);
        let times = play(&mut app, &mut terminal, keys)?;
        bytes += written.0.load(Ordering::Relaxed);
        pressed += times.len() as u64;
        let (mut clock, mut busy): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        clock.sort_unstable();
        busy.sort_unstable();
        let at = |times: &[Duration], share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        println!("| {name} | {:.1} ms | {:.1} ms | {:.1} ms |", at(&clock, 50), at(&clock, 99), at(&busy, 99));
    }
    let bytes = bytes / pressed.max(1);
    println!("| bytes of the first frame | {first} | | |");
    println!("| bytes of a frame, mean over all keys | {bytes} | | |");
    println!("| memory a finding | {memory} bytes | | |");
    let tree = std::env::args_os().skip(1).find(|argument| !argument.as_encoded_bytes().starts_with(b"--"));
    let size = (NonZero::new(SIZE.0).ok_or("no width")?, NonZero::new(SIZE.1).ok_or("no height")?);
    drawn::table(tree.as_deref().map(Path::new), size)?;
    large::table()
}

/// The screen with all findings while a scan goes on, and the bytes of memory that each of them takes.
fn filled() -> Result<(App, u64), Box<dyn Error>> {
    let start = Start {
        tree: "/srv".into(),
        actor: Actor { name: "root".into(), uid: 0, behind: None },
        host: "web01".into(),
        other_box: None,
        theme: theme::load(theme::DEFAULT, None, ColorDepth::TrueColor)?,
        keymap: Keymap::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
        bell: Bell::default(),
        panes: Panes::default(),
    };
    let mut app = App::new(start);
    let loaded = builtin::load(&Site::default()).map_err(|problems| problems[0].clone())?;
    let hunts = loaded.hunts.into_iter().map(Arc::new).collect();
    update::update(
        &mut app,
        Message::Ready {
            hunts,
            tree: "/srv".into(),
            case: "/root/srv.case".into(),
            register: "/root/exclusions.toml".into(),
        },
    );
    update::update(&mut app, Message::ScanStarted);
    let before = resident();
    for first in (1..=FINDINGS).step_by(1000) {
        update::update(&mut app, Message::Rows((first..first + 1000).map(row).collect()));
    }
    Ok((app, resident().saturating_sub(before) / FINDINGS as u64))
}

/// What is typed, round and round; each key is timed by itself.
const JOURNEYS: [(&str, &[KeyCode]); 4] = [
    (
        "moving, hunts",
        &[KeyCode::Down, KeyCode::PageDown, KeyCode::Char('G'), KeyCode::Char('g'), KeyCode::Tab, KeyCode::BackTab],
    ),
    (
        "typing a filter and taking it back",
        &[
            KeyCode::Char('/'),
            KeyCode::Char('s'),
            KeyCode::Char('d'),
            KeyCode::Char('r'),
            KeyCode::Char('p'),
            KeyCode::Char('7'),
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Char(' '),
            KeyCode::Char('e'),
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Esc,
        ],
    ),
    ("sorting", &[KeyCode::Char('s'), KeyCode::Char('S')]),
    ("grouping, folding", &[KeyCode::Char('b'), KeyCode::Char('z'), KeyCode::Char('G'), KeyCode::Char('z')]),
];

/// Time that this thread has had a processor, which is what counts on a machine that does other things too.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Presses keys while findings arrive, and gives back how long each took to a finished frame: by the clock, and of a
/// processor.
fn play(app: &mut App, terminal: &mut Screen, keys: &[KeyCode]) -> io::Result<Vec<(Duration, Duration)>> {
    let mut times = Vec::new();
    let mut next = FINDINGS + 1;
    let rounds = KEYS.div_ceil(keys.len());
    for (step, key) in (0..).zip(std::iter::repeat_n(keys, rounds).flatten()) {
        let reading = ProgressSnapshot { files: step * 900, bytes: step * 40_000_000, ..ProgressSnapshot::default() };
        update::update(
            app,
            Message::Tick(reading, Box::new(Current { path: format!("/srv/data/{step}").into(), silent: None })),
        );
        let rows = (next..next + ARRIVING).map(row).collect();
        next += ARRIVING;
        let (begin, busy) = (Instant::now(), processor());
        update::update(app, Message::Rows(rows));
        update::update(app, Message::Key(KeyEvent::new(*key, KeyModifiers::NONE)));
        terminal.draw(|frame| frame::draw(frame, app))?;
        times.push((begin.elapsed(), processor().saturating_sub(busy)));
    }
    Ok(times)
}
