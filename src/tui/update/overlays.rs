//! Keys and pasted text for what lies above the screen.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;

use super::{actions, dispatch};
use crate::hex::goto::Target;
use crate::hex::layout::Motion;
use crate::hex::query::Query;
use crate::hex::search::{Direction, Order};
use crate::report::ReportFormat;
use crate::text;
use crate::triage::Answer;
use crate::triage::exclusion::Signature;
use crate::tui::message::{Effect, Gather, Look, Request};
use crate::tui::state::bytes::{ActiveSearch, Hits};
use crate::tui::state::form::{Field, Form, INSIST};
use crate::tui::state::overlay::{Await, Batch, Many, Overlay, Palette, Prompt, Purpose};
use crate::tui::state::{App, NoticeKind};

/// Whether something lies above the screen.
pub(super) fn is_open(app: &App) -> bool {
    app.overlay.is_some()
}

/// Text goes into what is being typed, and nowhere else.
pub(super) fn paste(app: &mut App, pasted: &str) {
    match &mut app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.input.insert(pasted),
        Some(Overlay::Palette(palette)) => palette.input.insert(pasted),
        Some(Overlay::Form(form)) => {
            if let Some(input) = form.input() {
                input.insert(pasted);
            }
        }
        _ => app.say(NoticeKind::Info, "pasted text is only taken where something is typed"),
    }
}

/// A key for the top layer. Esc closes it and decides nothing.
pub(super) fn key(app: &mut App, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Esc {
        if let Some(Overlay::Themes(list)) = app.overlay.take() {
            super::themes::key(app, list, key);
        }
        return Vec::new();
    }
    match app.overlay.take() {
        Some(Overlay::Help { scroll }) => {
            help(app, scroll, key);
            Vec::new()
        }
        Some(Overlay::Palette(palette)) => palette_key(app, palette, key),
        Some(Overlay::Prompt(prompt)) => prompt_key(app, prompt, key),
        Some(Overlay::Form(form)) => form_key(app, form, key),
        Some(Overlay::Await(wait)) => awaited(app, wait, key),
        Some(Overlay::Batch(batch)) => batch_key(app, batch, key),
        Some(Overlay::Themes(list)) => {
            super::themes::key(app, list, key);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn help(app: &mut App, scroll: usize, key: KeyEvent) {
    let page = app.page.max(10);
    let scroll = match key.code {
        KeyCode::Char('j') | KeyCode::Down => scroll.saturating_add(1),
        KeyCode::Char('k') | KeyCode::Up => scroll.saturating_sub(1),
        KeyCode::Char(' ') | KeyCode::PageDown => scroll.saturating_add(page),
        KeyCode::PageUp => scroll.saturating_sub(page),
        KeyCode::Char('g') | KeyCode::Home => 0,
        KeyCode::Char('G') | KeyCode::End => usize::MAX / 2,
        KeyCode::Char('q' | '?') => return,
        KeyCode::Char('/') => {
            actions::palette(app);
            return;
        }
        _ => scroll,
    };
    app.overlay = Some(Overlay::Help { scroll });
}

fn palette_key(app: &mut App, mut palette: Palette, key: KeyEvent) -> Vec<Effect> {
    let last = palette.found().len().saturating_sub(1);
    match key.code {
        KeyCode::Enter => {
            return {
                let found = palette.found();
                let Some(row) = found.get(palette.place).map(|found| found.row) else { return Vec::new() };
                let mut effects = actions::go_where(app, row.context);
                effects.extend(dispatch::perform(app, row.action));
                effects
            };
        }
        KeyCode::Up => palette.place = palette.place.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => palette.place = (palette.place + 1).min(last),
        _ => {
            palette.input.key(key);
            palette.place = 0;
        }
    }
    app.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}

fn prompt_key(app: &mut App, mut prompt: Prompt, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Enter {
        return match submit(app, &prompt) {
            Ok(effects) => effects,
            Err(error) => {
                prompt.error = Some(error);
                app.overlay = Some(Overlay::Prompt(prompt));
                Vec::new()
            }
        };
    }
    prompt.input.key(key);
    prompt.error = None;
    // A filter shows what it does while it is typed.
    match prompt.purpose {
        Purpose::Filter => app.list.set_filter(prompt.input.text()),
        Purpose::RegisterFilter => prompt.input.text().clone_into(&mut app.register.filter),
        Purpose::CoverageFilter => app.coverage.set_filter(prompt.input.text()),
        Purpose::StringsFilter => filter_strings(app, prompt.input.text()),
        _ => {}
    }
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// What was typed is taken, or refused with what is wrong.
fn submit(app: &mut App, prompt: &Prompt) -> Result<Vec<Effect>, String> {
    let typed = prompt.input.text();
    let reason = || {
        let reason = typed.trim();
        if reason.is_empty() { Err("a reason is required".to_owned()) } else { Ok(reason.to_owned()) }
    };
    match &prompt.purpose {
        Purpose::Filter => app.list.set_filter(typed),
        Purpose::CoverageFilter => app.coverage.set_filter(typed),
        Purpose::RegisterFilter => {
            typed.clone_into(&mut app.register.filter);
            app.register.select(0);
        }
        Purpose::StringsFilter => filter_strings(app, typed),
        Purpose::Goto => return goto(app, typed),
        Purpose::Search => return search(app, typed),
        Purpose::Malicious(findings) => {
            return Ok(vec![Effect::Record(Request::Malicious { findings: findings.clone(), reason: reason()? })]);
        }
        Purpose::Export => {
            let path = PathBuf::from(typed.trim());
            if ReportFormat::of_file(&path).is_none() {
                let endings: Vec<_> = ReportFormat::ALL.iter().map(|format| format.extension()).collect();
                return Err(format!("end the name in one of: {}", endings.join(", ")));
            }
            return Ok(vec![Effect::Record(Request::Export(path))]);
        }
        Purpose::NameInSet(set) => {
            let value = typed.trim().to_owned();
            if value.is_empty() {
                return Err("name one".to_owned());
            }
            return Ok(vec![Effect::Gather(Gather::Name { set: set.clone(), value })]);
        }
        Purpose::Note { finding, scenario } => return Ok(note(app, *finding, scenario, typed)),
        Purpose::FindingNote(finding) => {
            let note = typed.trim();
            if note.is_empty() {
                return Err("write something, or leave it with Esc".to_owned());
            }
            return Ok(vec![Effect::Record(Request::Note(*finding, note.to_owned()))]);
        }
        Purpose::SaveCopy => {
            let path = typed.trim();
            if path.is_empty() {
                return Err("name a file".to_owned());
            }
            return Ok(vec![Effect::Record(Request::SaveCopy(path.into()))]);
        }
        Purpose::Revoke(id) => return Ok(vec![Effect::Record(Request::Revoke { id: *id, why: reason()? })]),
    }
    Ok(Vec::new())
}

fn filter_strings(app: &mut App, typed: &str) {
    if let Some(detail) = &mut app.detail {
        detail.hex.strings.set_filter(typed);
    }
}

fn goto(app: &mut App, typed: &str) -> Result<Vec<Effect>, String> {
    if let Some(line) = typed.trim().strip_prefix(':') {
        let number = line.trim().replace(',', "").parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("{} is no line: type :120", text::quoted(typed)))?;
        return Ok(super::hex::to_line(app, number));
    }
    let target = Target::parse(typed).map_err(|error| error.to_string())?;
    let Some(detail) = &mut app.detail else { return Ok(Vec::new()) };
    let landing = target.resolve(detail.hex.viewport.cursor, detail.hex.layout.size);
    detail.hex.go(Motion::To(landing.offset));
    if let Some(note) = landing.note {
        app.say(NoticeKind::Info, note);
    }
    Ok(Vec::new())
}

fn search(app: &mut App, typed: &str) -> Result<Vec<Effect>, String> {
    let query = Query::parse(typed).map_err(|error| error.to_string())?;
    let Some(detail) = &mut app.detail else { return Ok(Vec::new()) };
    let order = Order { from: detail.hex.viewport.cursor, direction: Direction::Forward, wrap: true };
    app.searches += 1;
    let number = app.searches;
    detail.hex.follows_search = true;
    let hits = Hits::new(number);
    detail.hex.sought = Some(ActiveSearch {
        number,
        hits,
        query: query.clone(),
        direction: order.direction,
        hit: None,
        progress: Some((0, 0)),
    });
    let count = Look::Count(number, Box::new(query.clone()));
    Ok(vec![Effect::Look(Look::Search(number, Box::new(query), order)), Effect::Look(count)])
}

/// A note goes with the answer there is; without one it is a remark on the finding.
fn note(app: &App, finding: crate::case::FindingId, scenario: &str, typed: &str) -> Vec<Effect> {
    let typed = typed.trim().to_owned();
    let given = app.detail.as_ref().filter(|detail| detail.id() == finding).and_then(|detail| detail.answer(scenario));
    let request = match given {
        Some(given) => Request::Answer {
            findings: vec![finding],
            scenario: scenario.to_owned(),
            answer: given.answer,
            note: (!typed.is_empty()).then_some(typed),
        },
        None if typed.is_empty() => return Vec::new(),
        None => Request::Note(finding, format!("{scenario}: {typed}")),
    };
    vec![Effect::Record(request)]
}

fn awaited(app: &mut App, wait: Await, key: KeyEvent) -> Vec<Effect> {
    let KeyCode::Char(letter) = key.code else { return Vec::new() };
    if wait == Await::CopyFinding {
        return super::finding::copy_as(app, letter);
    }
    let Some(detail) = &mut app.detail else { return Vec::new() };
    match wait {
        Await::Mark => match detail.hex.marks.set(letter, detail.hex.viewport.cursor) {
            Ok(()) => app.say(NoticeKind::Info, format!("mark {letter} set; '{letter} comes back here")),
            Err(error) => app.say(NoticeKind::Warning, error.to_string()),
        },
        Await::JumpMark => match detail.hex.marks.get(letter) {
            Ok(Some(offset)) => detail.hex.go(Motion::To(offset)),
            Ok(None) => app.say(NoticeKind::Info, format!("there is no mark {letter}")),
            Err(error) => app.say(NoticeKind::Warning, error.to_string()),
        },
        Await::Copy => return super::hex::copy(app, letter),
        Await::CopyFinding => {}
    }
    Vec::new()
}

/// Shows which findings one answer would be for.
pub(super) fn batch(app: &mut App, many: Many) {
    let Some(id) = app.detail.as_ref().map(|detail| detail.id()) else { return };
    let list = &app.list;
    let findings = match many {
        Many::Content => list.alike(id, |this, other| this.digest == other.digest),
        Many::Folder => {
            list.alike(id, |this, other| this.path.parent().is_some_and(|folder| other.path.starts_with(folder)))
        }
        Many::Marked => list.alike(id, |_, other| list.is_marked(other.id)),
    };
    app.overlay = Some(Overlay::Batch(Batch { many, findings, scroll: 0 }));
}

fn batch_key(app: &mut App, mut shown: Batch, key: KeyEvent) -> Vec<Effect> {
    let answer = match key.code {
        KeyCode::Char('x') => Answer::RuledOut,
        KeyCode::Char('u') => Answer::Unsure,
        other => {
            match other {
                KeyCode::Char('c') => batch(app, Many::Content),
                KeyCode::Char('f') => batch(app, Many::Folder),
                KeyCode::Char('m') => batch(app, Many::Marked),
                _ => {
                    let last = shown.findings.len().saturating_sub(1);
                    shown.scroll = match other {
                        KeyCode::Char('j') | KeyCode::Down => (shown.scroll + 1).min(last),
                        KeyCode::Char('k') | KeyCode::Up => shown.scroll.saturating_sub(1),
                        _ => shown.scroll,
                    };
                    app.overlay = Some(Overlay::Batch(shown));
                }
            }
            return Vec::new();
        }
    };
    let Some(detail) = &mut app.detail else { return Vec::new() };
    let Some(scenario) = detail.current().map(|scenario| scenario.id.clone()) else { return Vec::new() };
    detail.in_flight.push(scenario.clone());
    detail.go_to_unanswered();
    vec![Effect::Record(Request::Answer { findings: shown.findings, scenario, answer, note: None })]
}

fn form_key(app: &mut App, mut form: Box<Form>, key: KeyEvent) -> Vec<Effect> {
    form.error = None;
    let mut effects = Vec::new();
    let mut ask_again = false;
    match key.code {
        KeyCode::Tab | KeyCode::Down => form.turn(1),
        KeyCode::BackTab | KeyCode::Up => form.turn(-1),
        KeyCode::Enter if form.field == Field::Record => return record(app, form),
        // What is preselected is the narrowest, so a reason is all that is asked for before the last look.
        KeyCode::Enter => form.field = Field::Record,
        KeyCode::Left | KeyCode::Char('h') if form.input().is_none() => ask_again = form.choose(-1),
        KeyCode::Right | KeyCode::Char('l' | ' ') if form.input().is_none() => ask_again = form.choose(1),
        _ => {
            if let Some(input) = form.input() {
                input.key(key);
                ask_again = form.field == Field::Confirm;
            }
        }
    }
    app.overlay = Some(Overlay::Form(form));
    if ask_again {
        effects = preview(app);
    }
    effects
}

/// Asks what the exclusion of the form would cover.
pub(super) fn preview(app: &mut App) -> Vec<Effect> {
    let (Some(Overlay::Form(form)), Some(detail)) = (&app.overlay, &app.detail) else { return Vec::new() };
    let draft = form.draft(&detail.opened, signature(app), "preview");
    draft.ok().map(|exclusion| Effect::Record(Request::Preview(Box::new(exclusion)))).into_iter().collect()
}

fn record(app: &mut App, mut form: Box<Form>) -> Vec<Effect> {
    let Some(detail) = &app.detail else { return Vec::new() };
    let effects = match form.exclusion(&detail.opened, signature(app)) {
        Ok(exclusion) => {
            vec![Effect::Record(Request::Exclude { finding: form.finding, exclusion: Box::new(exclusion) })]
        }
        Err(error) => {
            if form.reason.text().trim().is_empty() {
                form.field = Field::Reason;
            } else if form.against.is_some() && form.insist.text().trim() != INSIST {
                form.field = Field::Against;
            }
            form.error = Some(error);
            Vec::new()
        }
    };
    app.overlay = Some(Overlay::Form(form));
    effects
}

fn signature(app: &App) -> Signature {
    Signature { by: app.actor.clone(), host: app.host.clone(), at: Timestamp::now() }
}
