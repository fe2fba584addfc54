//! Actions on the open finding.

use super::ask::ask;
use super::{batch, form};
use crate::hex::copy::to_clipboard;
use crate::text;
use crate::triage::Answer;
use crate::triage::assess::{ScenarioAssessment, ScenarioState, set_in_words};
use crate::triage::exclusion::{AGAINST_THE_BOX, CheckResult, SeenCheck};
use crate::tui::keymap::{Action, key_of};
use crate::tui::message::{Effect, Gather, Request};
use crate::tui::state::detail::{Detail, Tab};
use crate::tui::state::elf_page;
use crate::tui::state::findings::ListedFinding;
use crate::tui::state::form::Form as ExclusionForm;
use crate::tui::state::overlay::{Await, Many, Overlay, Purpose};
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// The open finding, where it is what the screen shows; else says that one must be opened.
pub(super) fn opened(app: &mut App) -> Option<&mut Detail> {
    if app.screen != Screen::Finding {
        app.say(NoticeKind::Info, "open a finding first");
        return None;
    }
    app.detail.as_deref_mut()
}

/// Shows a tab.
pub(super) fn show(app: &mut App, tab: Tab) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.show(tab);
    }
    Vec::new()
}

/// Shows the tab so many places on; where the bytes stand beside another tab, the other of the two takes the keys.
pub(super) fn turn_tab(app: &mut App, by: isize) -> Vec<Effect> {
    let side_by_side = app.is_side_by_side();
    match opened(app) {
        Some(detail) if side_by_side => detail.turn_pane(),
        Some(detail) => detail.show(detail.tab.turned(by)),
        None => {}
    }
    Vec::new()
}

/// Gives the pane that takes the keys the whole screen, or takes it back.
pub(super) fn turn_whole(app: &mut App) -> Vec<Effect> {
    if opened(app).is_some() {
        app.whole ^= true;
    }
    Vec::new()
}

/// Awaits one more key.
pub(super) fn wait(app: &mut App, wait: Await) -> Vec<Effect> {
    if opened(app).is_some() {
        app.overlay = Some(Overlay::Await(wait));
    }
    Vec::new()
}

/// Asks the box again.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.ask(Gather::Again);
    app.say(NoticeKind::Info, "asking the box again");
    Vec::new()
}

/// Shows the scenario so many places on.
pub(super) fn turn_scenario(app: &mut App, by: isize) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.move_scenario(by);
    }
    Vec::new()
}

/// Shows for which findings one answer would be.
pub(super) fn ask_for_many(app: &mut App) -> Vec<Effect> {
    let Some(id) = opened(app).map(|detail| detail.id()) else { return Vec::new() };
    batch::show(app, if app.list.is_marked(id) { Many::Marked } else { Many::Content });
    Vec::new()
}

/// Scrolls by so many lines, or on the ELF tab moves the selected line.
pub(super) fn read(app: &mut App, by: isize) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    if detail.tab == Tab::Elf {
        if by.unsigned_abs() == 1 { elf_page::select(detail, by) } else { elf_page::turn(detail, by) }
    } else {
        detail.read(detail.tab, by);
    }
    Vec::new()
}

/// Scrolls by so many screens.
pub(super) fn read_page(app: &mut App, by: isize) -> Vec<Effect> {
    read(app, by * app.page as isize)
}

/// Opens the finding so many places on.
pub(super) fn neighbour(app: &mut App, by: isize) -> Vec<Effect> {
    let here = opened(app).map(|detail| detail.id());
    if here.is_none() {
        return Vec::new();
    }
    match here.and_then(|id| app.list.neighbour(id, by)) {
        Some(id) => super::open(app, id),
        None => {
            app.say(NoticeKind::Info, if by > 0 { "this is the last finding" } else { "this is the first finding" });
            Vec::new()
        }
    }
}

/// Answers the scenario at hand.
pub(super) fn answer(app: &mut App, answer: Answer) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(scenario) = detail.current().map(|scenario| scenario.id.clone()) else { return Vec::new() };
    let findings = vec![detail.id()];
    let given = (scenario.clone(), answer);
    // Not waiting for the disk: the next key is for the next scenario.
    detail.in_flight.push(scenario.clone());
    detail.go_to_unanswered();
    app.last_answer = Some(given);
    vec![Effect::Record(Request::Answer { findings, scenario, answer, note: None })]
}

/// Gives the last answer here too.
pub(super) fn repeat(app: &mut App) -> Vec<Effect> {
    let last = app.last_answer.clone();
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some((scenario, given)) = last else {
        app.say(NoticeKind::Info, "nothing was answered yet");
        return Vec::new();
    };
    let place = detail.hunt.scenarios.iter().position(|known| known.id == scenario);
    let Some(place) = place else {
        app.say(NoticeKind::Info, "this rule has no such scenario");
        return Vec::new();
    };
    detail.scenario = place;
    answer(app, given)
}

/// Asks what to copy of the finding that is open, or selected.
pub(super) fn copy(app: &mut App) -> Vec<Effect> {
    if here(app).is_some() {
        app.overlay = Some(Overlay::Await(Await::CopyFinding));
    } else {
        app.say(NoticeKind::Info, "select a finding first");
    }
    Vec::new()
}

/// The finding that is open, or selected in the list.
fn here(app: &App) -> Option<&ListedFinding> {
    match app.screen {
        Screen::Finding => app.list.get(app.detail.as_ref()?.id()),
        _ => app.list.selected(),
    }
}

/// Copies what the key says of the finding.
pub(super) fn copy_as(app: &mut App, how: char) -> Vec<Effect> {
    let Some(row) = here(app) else { return Vec::new() };
    let path = text::escape_path(&row.path).into_owned();
    let rule = app.hunts.get(row.hunt).map_or_else(String::new, |hunt| hunt.name.clone());
    let (name, digest) = row.digest.labelled();
    if how == 'w' {
        return ask_for_file(app, &path);
    }
    let (what, copied) = match how {
        'p' => ("the path", path),
        's' => (name, digest),
        'r' => ("the rule", rule),
        'f' => ("the finding", as_text(app).unwrap_or_default()),
        _ => {
            app.say(NoticeKind::Info, "copy p, s, r or f; w writes it to a file");
            return Vec::new();
        }
    };
    copy_text(app, what, &copied)
}

/// Copies a text, and says what.
pub(super) fn copy_text(app: &mut App, what: &str, copied: &str) -> Vec<Effect> {
    match to_clipboard(copied) {
        Ok(sequence) => {
            app.say_copied(what);
            vec![Effect::Copy(sequence)]
        }
        Err(why) => {
            app.say(NoticeKind::Warning, why.to_string());
            Vec::new()
        }
    }
}

/// Asks for the file that the finding goes to as text, for where a terminal takes no copies.
fn ask_for_file(app: &mut App, path: &str) -> Vec<Effect> {
    let about = format!("A new file for the finding as text: {path}");
    ask(app, Purpose::WriteFinding, "Write to", &about, Input::with("finding.txt"));
    Vec::new()
}

/// The finding at hand as text.
pub(super) fn as_text(app: &App) -> Option<String> {
    let row = here(app)?;
    let rule = app.hunts.get(row.hunt).map_or("", |hunt| hunt.name.as_str());
    let (name, digest) = row.digest.labelled();
    let (path, size) = (text::escape_path(&row.path), text::counted(row.size, "byte"));
    let tags: Vec<String> = row.tags().iter().map(|tag| format!("#{}", text::escape_str(tag))).collect();
    let tags = if tags.is_empty() { String::new() } else { format!("tags: {}\n", tags.join(" ")) };
    Some(format!("{path}\nrule: {rule}\n{name}: {digest}\nsize: {size}\nmodified: {}\n{tags}", row.modified))
}

/// What is recorded of a scenario that the box does not support, or contradicts.
fn against_the_box(assessed: &ScenarioAssessment) -> Option<SeenCheck> {
    let said = match assessed.state {
        ScenarioState::NotSupported => "Nothing on the box supports this scenario.",
        ScenarioState::Contradicted => "Something on the box contradicts this scenario.",
        ScenarioState::Supported | ScenarioState::Unknown => return None,
    };
    Some(SeenCheck { check: AGAINST_THE_BOX.to_owned(), result: CheckResult::NotMet, seen: said.to_owned() })
}

/// Proposes the exclusion that this scenario would justify.
pub(super) fn applies(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    if detail.opened.exclusion.is_some() {
        let register = key_of(Action::Register);
        app.say(NoticeKind::Info, format!("an exclusion covers this finding already; {register} shows the register"));
        return Vec::new();
    }
    let scenario = detail.current().map(|scenario| (scenario.id.clone(), scenario.title.clone()));
    let assessed = scenario.as_ref().and_then(|(id, _)| detail.assessment(id));
    let mut seen = assessed.map(ScenarioAssessment::seen_checks).unwrap_or_default();
    seen.extend(assessed.and_then(against_the_box));
    let form = ExclusionForm::new(&detail.opened, scenario, seen);
    app.overlay = Some(Overlay::Form(Box::new(form)));
    form::preview(app)
}

/// Asks for a note on the answer to the scenario at hand.
pub(super) fn note(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(scenario) = detail.current() else { return Vec::new() };
    let about = format!("A note on: {}", crate::text::escape_str(&scenario.title));
    let said = detail.answer(&scenario.id).and_then(|given| given.note.clone()).unwrap_or_default();
    let purpose = Purpose::Note { finding: detail.id(), scenario: scenario.id.clone() };
    ask(app, purpose, "Note", &about, Input::with(&said));
    Vec::new()
}

/// Asks for something to count to the set of the site that leaves this scenario unknown.
pub(super) fn name_in_set(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let assessed = detail.current().and_then(|scenario| detail.assessment(&scenario.id));
    let checks = assessed.iter().flat_map(|assessed| &assessed.lines).flat_map(|line| &line.checks);
    let Some(set) = { checks }.find_map(|check| check.empty_set.clone()) else {
        app.say(NoticeKind::Info, "no check of this scenario waits for a set of the site");
        return Vec::new();
    };
    let about = format!("No {} are named. Name one; site.toml keeps it for good.", set_in_words(&set));
    ask(app, Purpose::NameInSet(set), "Site fact", &about, Input::default());
    Vec::new()
}

/// Asks why the finding is malicious.
pub(super) fn malicious(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let findings = vec![detail.id()];
    ask(app, Purpose::Malicious(findings), "Malicious", "Why is this finding malicious?", Input::default());
    Vec::new()
}
