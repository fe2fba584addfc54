//! How long a thousand cases with 200,000 findings take to be one list on the screen, and how fast it answers then.
//!
//! `cargo bench --bench many [-- CASES [FINDINGS]]` makes the cases in a folder of its own and prints a Markdown table: time until the
//! list is whole, by the clock and of all processors, beside the plain reading of the same files in the same minute; the
//! memory that it took; and from each key to the finished frame.

#![allow(missing_docs)]

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use huntbook::internals::case::{Case, ScanEnd, ScanOutcome, ScanPlan, Stamp};
use huntbook::internals::finding::{FileFacts, Finding, FoundBy, KeptBytes, Sha256};
use huntbook::internals::root::Root;
use huntbook::internals::scan::ScanOptions;
use huntbook::internals::session::many::{ManyCases, case_files};
use huntbook::internals::session::{RecordPlan, RuleCatalog, RuleChoice};
use huntbook::internals::theme::{self, ColorDepth};
use huntbook::internals::triage::Actor;
use huntbook::internals::tui::backend::Backend;
use huntbook::internals::tui::keymap::Keymap;
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::App;
use huntbook::internals::tui::state::bell::Bell;
use huntbook::internals::tui::state::panes::Panes;
use huntbook::internals::tui::{Session, Start, frame, update};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const CASES: usize = 1000;
const FINDINGS: usize = 200;
/// Cases that are made whole; the others are copies with another box.
const MADE: usize = 20;
/// The share of a case's findings whose content all boxes have, in percent.
const COMMON: usize = 50;
const SIZE: (u16, u16) = (200, 60);
const ROUNDS: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (cases, findings) = (numbers.next().unwrap_or(CASES), numbers.next().unwrap_or(FINDINGS));
    let folder = tempfile::tempdir()?;
    make(folder.path(), cases, findings)?;
    let files = case_files(&[folder.path().to_owned()])?;

    let before = (Instant::now(), processor());
    let mut bytes = 0;
    for file in &files {
        bytes += fs::read(file)?.len();
    }
    let read = (before.0.elapsed(), processor().saturating_sub(before.1));

    let resident_before = resident();
    let before = (Instant::now(), processor());
    let many = ManyCases::open(&files)?;
    let opened = (before.0.elapsed(), processor().saturating_sub(before.1));
    let (mut app, backend) = listed(many)?;
    let shown = (before.0.elapsed(), processor().saturating_sub(before.1));
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(io::sink()), options)?;
    terminal.draw(|frame| frame::draw(frame, &mut app))?;
    let memory = (resident() - resident_before) >> 20;

    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let ratio = |time: (Duration, Duration)| time.1.as_secs_f64() / read.1.as_secs_f64().max(1e-9);
    println!(
        "| {} cases, {} findings, {} MB | clock | all processors | times reading |",
        files.len(),
        files.len() * findings,
        bytes >> 20
    );
    println!("| --- | ---: | ---: | ---: |");
    println!("| their files read | {:.0} ms | {:.0} ms | 1.0 |", ms(read.0), ms(read.1));
    println!("| opened | {:.0} ms | {:.0} ms | {:.1} |", ms(opened.0), ms(opened.1), ratio(opened));
    println!("| listed on the screen | {:.0} ms | {:.0} ms | {:.1} |", ms(shown.0), ms(shown.1), ratio(shown));
    println!("| memory | {memory} MB | | |");
    println!("\n| key | p50 | p99 | p99 of a processor |\n| --- | ---: | ---: | ---: |");
    for (name, keys) in JOURNEYS {
        let mut times = Vec::new();
        for key in keys.iter().cycle().take(keys.len() * ROUNDS) {
            let (begin, busy) = (Instant::now(), of_this_thread());
            update::update(&mut app, Message::Key(KeyEvent::new(*key, KeyModifiers::NONE)));
            terminal.draw(|frame| frame::draw(frame, &mut app))?;
            times.push((begin.elapsed(), of_this_thread().saturating_sub(busy)));
        }
        let (mut clock, mut busy): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        clock.sort_unstable();
        busy.sort_unstable();
        let at = |times: &[Duration], share: usize| ms(times[(times.len() - 1) * share / 100]);
        println!("| {name} | {:.1} ms | {:.1} ms | {:.1} ms |", at(&clock, 50), at(&clock, 99), at(&busy, 99));
    }
    drop(backend);
    io::stdout().flush()?;
    Ok(())
}

const JOURNEYS: [(&str, &[KeyCode]); 4] = [
    (
        "moving",
        &[KeyCode::Down, KeyCode::PageDown, KeyCode::Char('G'), KeyCode::Char('g'), KeyCode::Tab, KeyCode::BackTab],
    ),
    (
        "typing a filter and taking it back",
        &[
            KeyCode::Char('/'),
            KeyCode::Char('c'),
            KeyCode::Char('o'),
            KeyCode::Char('m'),
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Backspace,
            KeyCode::Esc,
        ],
    ),
    ("sorting", &[KeyCode::Char('s'), KeyCode::Char('S')]),
    ("grouping, folding", &[KeyCode::Char('b'), KeyCode::Char('z'), KeyCode::Char('G'), KeyCode::Char('z')]),
];

/// The screen with all rows of the cases, and the threads behind it.
fn listed(many: ManyCases) -> Result<(App, Backend), Box<dyn Error>> {
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    let start = Start {
        tree: "/".into(),
        actor: actor.clone(),
        host: "desk".into(),
        other_box: Some("many boxes".into()),
        theme: theme::load(theme::DEFAULT, None, ColorDepth::TrueColor)?,
        keymap: Keymap::default(),
        bell: Bell::default(),
        panes: Panes::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let plan = RecordPlan {
        case: None,
        register: None,
        tree: "/".into(),
        root: Root::live(),
        host: "desk".into(),
        actor,
        reopened: true,
    };
    let session = Session {
        tree: None,
        choice: RuleChoice::default(),
        plan,
        options: ScanOptions::default(),
        record: serde_json::json!({}),
        asking: None,
        other_box: Some("many boxes".into()),
        many: Some(many),
    };
    let mut app = App::new(start);
    let backend = Backend::start(session)?;
    loop {
        let message = backend.messages.recv_timeout(Duration::from_mins(10))?;
        let ended = matches!(message, Message::ScanEnded { .. });
        update::update(&mut app, message);
        if ended {
            return Ok((app, backend));
        }
    }
}

/// Makes so many cases of as many boxes in `folder`, with so many findings each.
fn make(folder: &Path, cases: usize, findings: usize) -> Result<(), Box<dyn Error>> {
    let book = RuleCatalog::load(&RuleChoice::default())?;
    let rules: Vec<_> = book.records().collect();
    let found_by: Vec<FoundBy> = rules.iter().map(|rule| rule.id.clone()).filter(|id| !id.is_candidate()).collect();
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    let stamp = |host: &str| Stamp { actor: actor.clone(), host: host.into(), at: jiff::Timestamp::UNIX_EPOCH };
    let place = |number: usize| -> PathBuf { folder.join(format!("web{number:04}.case")) };
    for number in 0..cases {
        let (path, host) = (place(number), format!("web{number:04}"));
        if number >= MADE {
            fs::copy(place(number % MADE), &path)?;
        }
        let mut case = Case::open(&path)?;
        let id = format!("{number:032x}");
        let stamp = stamp(&host);
        case.record_host(&[("host.name", host.as_str()), ("host.id", id.as_str())], &stamp)?;
        if number >= MADE {
            continue;
        }
        case.record_opening(&stamp)?;
        let plan = ScanPlan { tree: "/srv".into(), options: serde_json::json!({}), rules: rules.clone() };
        let scan = case.start_scan(&plan, &stamp)?;
        let all: Vec<_> = (0..findings).map(|n| finding(number, n, findings, &found_by)).collect();
        case.record_findings(scan, &all)?;
        let end = ScanEnd {
            outcome: ScanOutcome::Finished,
            files: 90_000,
            bytes: 1 << 32,
            folders: None,
            links: None,
            members: None,
            processes: None,
        };
        case.end_scan(scan, &end, &stamp)?;
    }
    Ok(())
}

fn finding(case: usize, number: usize, findings: usize, found_by: &[FoundBy]) -> Finding {
    let common = number * 100 < findings * COMMON;
    let content = if common { format!("common {number}") } else { format!("{case} {number}") };
    let file = FileFacts {
        path: format!("/srv/{:02x}/{}.py", number % 64, content.replace(' ', "-")).into(),
        digest: Sha256::of(content.as_bytes()).into(),
        size: content.len() as u64,
        ..FileFacts::default()
    };
    Finding {
        found_by: found_by[number % found_by.len()].clone(),
        file: Arc::new(file),
        matches: Vec::new(),
        capped: false,
        kept: Arc::new(KeptBytes::around(content.as_bytes(), &[], KeptBytes::WHOLE)),
    }
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

/// Time that all threads of this process have had a processor, which is what counts on a machine that does other things too.
fn processor() -> Duration {
    clock(rustix::time::ClockId::ProcessCPUTime)
}

fn of_this_thread() -> Duration {
    clock(rustix::time::ClockId::ThreadCPUTime)
}

fn clock(id: rustix::time::ClockId) -> Duration {
    Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
}
