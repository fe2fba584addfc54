//! What every screen has: the line at its top, the scan's progress, the notice, and the hint bar.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::keymap::{Action, Binding, Keymap, TABLE};
use crate::tui::state::scan::Phase;
use crate::tui::state::{App, Notice, NoticeKind, Screen};
use crate::tui::widget::paint;

/// Columns of the tree's path at the top; where the numbers beside it leave fewer, most go without their words.
const PATH: usize = 24;

/// The line at the top: program, tree, and what the findings have come to.
pub(super) fn header(buffer: &mut Buffer, area: Rect, app: &App) {
    let needed = text::width(&app.tree).min(PATH) + 11;
    let long = numbers(app, true);
    let fits = long.width() + needed <= usize::from(area.width);
    let right = if fits { long } else { numbers(app, false) };
    let room = usize::from(area.width).saturating_sub(right.width() + 11);
    let left = paint::Pieces::new(&app.theme)
        .add(Role::Title, " Huntbook ")
        .add(Role::Text, text::fit(&text::truncate_middle(&app.tree, room), room + 1));
    let mut line = left.line();
    line.append(right.line());
    paint::line(buffer, area, &line);
}

/// How many findings have come to what; the signs tell it without words too.
fn numbers(app: &App, words: bool) -> paint::Pieces<'_> {
    let counts = app.list.counts(None);
    let candidates = if counts.candidates == 1 { "candidate" } else { "candidates" };
    let numbers = [
        (Role::Open, "● ", counts.open, "open"),
        (Role::Suspicious, "▲ ", counts.suspicious, "suspicious"),
        (Role::Malicious, "✖ ", counts.malicious, "malicious"),
        (Role::Excluded, "○ ", counts.benign, "excluded"),
        (Role::Candidate, "? ", counts.candidates, candidates),
    ];
    let mut right = paint::Pieces::new(&app.theme);
    for (role, sign, count, name) in numbers {
        if count > 0 || name == "open" {
            let name = if words || name == "open" { format!(" {name}") } else { String::new() };
            right.push(role, format!("{sign}{}{name} ", text::count(count as u64)));
        }
    }
    let decided = counts.suspicious + counts.malicious + counts.benign;
    if words && decided > 0 {
        let all = text::count(counts.all() as u64);
        right.push(Role::Dim, format!("{} of {all} decided ", text::count(decided as u64)));
    }
    if app.unsaved.is_some() {
        right.push(Role::Error, "! not saved ");
    }
    right
}

/// The scan's progress: a bar that fills the line behind the gauges, then the path that is being read.
pub(super) fn progress(buffer: &mut Buffer, area: Rect, app: &App) {
    let scan = &app.scan;
    let width = usize::from(area.width);
    let (word, role) = match &scan.phase {
        Phase::Done | Phase::Cancelled if scan.boxes.is_some() => {
            let role = if scan.phase == Phase::Done { Role::Progress } else { Role::ProgressPaused };
            (scan.boxes.unwrap_or_default().words(), role)
        }
        Phase::Preparing => ("reading the rules".to_owned(), Role::Progress),
        Phase::Running => (scan.part().map_or("scanning".to_owned(), percent), Role::Progress),
        Phase::Paused => ("PAUSED".to_owned(), Role::ProgressPaused),
        Phase::Done => ("done".to_owned(), Role::Progress),
        Phase::Cancelled => ("CANCELLED".to_owned(), Role::ProgressPaused),
        Phase::Unended => {
            let coverage = app.keymap.first_key(Action::Coverage);
            let said = format!(" the scan DID NOT END: it was killed, and what came after is not covered ({coverage})");
            let line = paint::Pieces::new(&app.theme).add(Role::Warning, said);
            return paint::line(buffer, area, &line.line());
        }
        Phase::Failed(message) => {
            let line = paint::Pieces::new(&app.theme).add(Role::Error, format!(" scan failed: {message}"));
            return paint::line(buffer, area, &line.line());
        }
    };
    let left = match (&scan.phase, scan.seconds_left()) {
        (Phase::Running, Some(seconds)) if scan.silent.is_none() => format!(", {} left", duration(seconds)),
        (Phase::Done | Phase::Cancelled, _) if scan.boxes.is_none() => {
            format!(" in {:.1} s", scan.reading.elapsed.as_secs_f64())
        }
        _ => String::new(),
    };
    let mut said = format!(" {word}{left}  {}", scan.gauges());
    if let Some(seconds) = scan.silent.filter(|_| scan.is_active()) {
        // Where there is no room for both, what holds the scan up matters more than how far it is.
        let skip = app.keymap.first_key(Action::SkipFile);
        let silent = format!("NO ANSWER for {} ({skip} skips):", duration(seconds));
        let (short, long) = (format!(" {word}  {silent}"), format!("{said}  {silent}"));
        said = if text::width(&long) + 25 <= width { long } else { short };
    }
    let room = width.saturating_sub(text::width(&said) + 3);
    if scan.is_active() && room >= 12 {
        said = format!("{said}  {}", text::truncate_middle(&scan.current, room));
    }
    let said = text::fit(&said, width);
    let filled = (scan.part().unwrap_or(0.0) * width as f64) as usize;
    paint::text(buffer, area, &said, app.theme.style(Role::ProgressBack));
    paint::fill(buffer, Rect { width: filled as u16, ..area }, app.theme.style(role));
}

fn percent(part: f64) -> String {
    format!("{:.0}%", (part * 100.0).floor())
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The last line: the keys that matter here. A notice stands above the line of the scan's progress, on what frames the
/// panes, so that it hides neither; where something lies above the screen, it takes the place of the keys.
pub(super) fn hints(buffer: &mut Buffer, area: Rect, app: &App) {
    if let Some(notice) = &app.notice {
        if app.overlay.is_some() {
            return self::notice(buffer, area, &app.theme, notice);
        }
        self::notice(buffer, Rect { y: area.y.saturating_sub(2), ..area }, &app.theme, notice);
    }
    let contexts = app.contexts();
    let of = |context| TABLE.iter().filter(move |row| row.context == context);
    let rows = contexts.iter().flat_map(|context| of(*context));
    let rows = rows.filter(|row| match row.action {
        Action::ReadEnter | Action::ScenarioEnter => app.shows_elf() || app.leads_on(),
        Action::Back => app.screen != Screen::Findings,
        Action::Rescan => app.screen == Screen::Findings && app.boxes.is_empty(),
        Action::Undo => app.screen == Screen::Finding,
        Action::Register => app.screen != Screen::Register,
        Action::Coverage => app.screen != Screen::Coverage,
        _ => true,
    });
    keys(buffer, area, (&app.theme, &app.keymap), rows);
}

/// A notice on the last line, in as many lines as it takes.
pub(super) fn notice(buffer: &mut Buffer, area: Rect, theme: &Theme, notice: &Notice) {
    let role_and_sign = match notice.kind {
        NoticeKind::Done => (Role::Success, " ✔ "),
        NoticeKind::Info => (Role::Status, "   "),
        NoticeKind::Warning => (Role::Warning, " ! "),
        NoticeKind::Error => (Role::Error, " ✖ "),
    };
    say(buffer, area, theme, role_and_sign, &notice.text);
}

/// The first key of each of `rows` that has a short name, as many as there is room for. Where there is not enough for
/// all, help stands last: it knows the others.
pub(super) fn keys<'r>(
    buffer: &mut Buffer,
    area: Rect,
    (theme, keymap): (&Theme, &Keymap),
    rows: impl Iterator<Item = &'r Binding>,
) {
    let mut pieces = paint::Pieces::new(theme);
    let rows: Vec<_> = rows.filter(|row| !row.short.is_empty()).collect();
    let needed = |row: &Binding| text::width(&keymap.first_key(row.action)) + text::width(row.short) + 3;
    let help = rows.iter().position(|row| row.action == Action::Help).unwrap_or(0);
    let mut room = usize::from(area.width);
    let mut shown = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let kept = rows.get(help).filter(|_| place < help);
        if needed(row) + kept.map_or(0, |help| needed(help)) > room {
            shown.extend(kept);
            break;
        }
        room -= needed(row);
        shown.push(row);
    }
    for row in shown {
        pieces.push(Role::HintKey, format!(" {}", keymap.first_key(row.action)));
        pieces.push(Role::HintText, format!(" {} ", row.short));
    }
    paint::line(buffer, area, &pieces.line());
}

/// Lines that one notice takes at most.
const NOTICE: usize = 4;

/// Says something in as many lines as it takes, the last of them in `area`, the others above it: what to do about a
/// failure stands at the end of its message.
pub(super) fn say(buffer: &mut Buffer, area: Rect, theme: &Theme, (role, sign): (Role, &str), said: &str) {
    let indent = text::width(sign);
    let lines = text::wrap(said, usize::from(area.width).saturating_sub(indent));
    let above = lines.len().clamp(1, NOTICE.min(usize::from(area.y) + 1)) - 1;
    for (index, line) in lines.iter().take(above + 1).enumerate() {
        let row = Rect { y: area.y - (above - index) as u16, ..area };
        let sign = if index == 0 { sign } else { "" };
        let line = format!("{}{line}", text::fit(sign, indent));
        let line = paint::Pieces::new(theme).add(role, text::fit(&line, usize::from(area.width))).line();
        paint::line(buffer, row, &line);
    }
}
