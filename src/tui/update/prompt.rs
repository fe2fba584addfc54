//! A line of text that was asked for: what each key does, and what is made of it.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};

use super::filter;
use crate::hex::goto::GotoTarget;
use crate::hex::layout::Motion;
use crate::hex::query::Query;
use crate::hex::search::{SearchDirection, SearchOrder};
use crate::report::ReportFormat;
use crate::text;
use crate::triage::tag;
use crate::tui::message::{Effect, Gather, Look, Request};
use crate::tui::state::bytes::{ActiveSearch, Hits};
use crate::tui::state::overlay::{Overlay, Prompt, Purpose};
use crate::tui::state::{App, NoticeKind};

/// A key while a line is typed.
pub(super) fn key(app: &mut App, mut prompt: Prompt, key: KeyEvent) -> Vec<Effect> {
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
    if let (Purpose::Goto, KeyCode::Char(letter)) = (&prompt.purpose, key.code)
        && let Ok(count) = prompt.input.text().parse()
        && let Some(effects) = super::hex::counted_motion(app, count, letter)
    {
        return effects;
    }
    if key.code == KeyCode::Tab && prompt.purpose == Purpose::Filter {
        filter::complete(app, &mut prompt);
    } else {
        prompt.input.key(key);
    }
    changed(app, prompt);
    Vec::new()
}

/// Takes text that was pasted.
pub(super) fn paste(app: &mut App, mut prompt: Prompt, pasted: &str) {
    prompt.input.insert(pasted);
    changed(app, prompt);
}

/// What is typed is another by now: a filter shows what it does while it is typed.
fn changed(app: &mut App, mut prompt: Prompt) {
    (prompt.error, prompt.wrong) = (None, None);
    match prompt.purpose {
        Purpose::Filter => filter::typed(app, &mut prompt),
        Purpose::RegisterFilter => prompt.input.text().clone_into(&mut app.register.filter),
        Purpose::CoverageFilter => app.coverage.set_filter(prompt.input.text()),
        Purpose::StringsFilter => filter_strings(app, prompt.input.text()),
        _ => {}
    }
    app.overlay = Some(Overlay::Prompt(prompt));
}

/// What was typed is taken, or refused with what is wrong.
fn submit(app: &mut App, prompt: &Prompt) -> Result<Vec<Effect>, String> {
    let typed = prompt.input.text();
    let reason = || {
        let reason = typed.trim();
        if reason.is_empty() { Err("a reason is required".to_owned()) } else { Ok(reason.to_owned()) }
    };
    match &prompt.purpose {
        Purpose::Filter => {
            app.list.set_filter(typed);
            if let Some(wrong) = app.list.wrong() {
                return Err(wrong.message.clone());
            }
        }
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
        Purpose::WriteFinding => {
            let path = typed.trim();
            if path.is_empty() {
                return Err("name a file".to_owned());
            }
            let text = super::finding::as_text(app).unwrap_or_default();
            return Ok(vec![Effect::Record(Request::WriteText(path.into(), text))]);
        }
        Purpose::NameInSet(set) => {
            let value = typed.trim().to_owned();
            if value.is_empty() {
                return Err("name one".to_owned());
            }
            return Ok(vec![Effect::Gather(Gather::Name { set: set.clone(), value })]);
        }
        Purpose::Note { finding, scenario } => return Ok(note(app, *finding, scenario, typed)),
        Purpose::Tags(findings) => {
            let (add, remove) = tag::typed(typed)?;
            if add.is_empty() && remove.is_empty() {
                return Err("name a tag, or leave it with Esc".to_owned());
            }
            let (add, remove) = (add.into_iter().collect(), remove.into_iter().collect());
            return Ok(vec![Effect::Record(Request::Tag { findings: findings.clone(), add, remove })]);
        }
        Purpose::FindingNote(findings) => {
            let note = typed.trim();
            if note.is_empty() {
                return Err("write something, or leave it with Esc".to_owned());
            }
            return Ok(vec![Effect::Record(Request::Note(findings.clone(), note.to_owned()))]);
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
        detail.hex.strings.texts.set_filter(typed);
    }
}

fn goto(app: &mut App, typed: &str) -> Result<Vec<Effect>, String> {
    if let Some(line) = typed.trim().strip_prefix(':') {
        let number = line.trim().replace(',', "").parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("{} is no line: type :120", text::quoted(typed)))?;
        return Ok(super::hex::to_line(app, number));
    }
    let target = GotoTarget::parse(typed).map_err(|error| error.to_string())?;
    super::jumps::leave(app);
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
    let order = SearchOrder { from: detail.hex.viewport.cursor, direction: SearchDirection::Forward, wrap: true };
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
        None => Request::Note(vec![finding], format!("{scenario}: {typed}")),
    };
    vec![Effect::Record(request)]
}
