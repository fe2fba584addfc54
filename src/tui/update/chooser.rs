//! What keys, mouse and answers do before a tree is chosen. No I/O here.

use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::themes;
use crate::places;
use crate::session::StartedAs;
use crate::text;
use crate::tui::backend::place_probe::{OpenTarget, PlaceAnswer, PlaceQuery, Tried};
use crate::tui::keymap::{Action, Context, Press};
use crate::tui::message::Message;
use crate::tui::state::chooser::{Chooser, ChooserRow, ChooserSection, FolderView, Fullness, PathLine};
use crate::tui::state::themes::ThemeList;
use crate::tui::state::{Notice, NoticeKind};
use crate::tui::widget::input::Input;

/// Rows that one turn of the wheel moves.
const WHEEL: usize = 3;
/// Characters that a jump takes at most; file names have 255 bytes.
const LONGEST_JUMP: usize = 255;

/// What the screen asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChooserEffect {
    /// Leave, with what was chosen or without.
    Leave(Option<OpenTarget>),
    /// Stop the process as Ctrl-Z does.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Have the themes read.
    ListThemes,
    /// Have a place looked at.
    PlaceQuery(PlaceQuery),
}

/// What is to be asked at the start.
pub fn begin(chooser: &Chooser) -> Vec<ChooserEffect> {
    [PlaceQuery::Folder(chooser.folder.path.clone()), PlaceQuery::Mounts, PlaceQuery::Recent]
        .map(ChooserEffect::PlaceQuery)
        .into()
}

/// Takes in what came from the terminal.
pub fn input(chooser: &mut Chooser, message: Message) -> Vec<ChooserEffect> {
    match message {
        Message::Key(key) if key.kind != KeyEventKind::Release => return self::key(chooser, key),
        Message::Mouse(event) => return mouse(chooser, event),
        Message::Paste(pasted) => paste(chooser, &pasted),
        Message::Themes(offer) => {
            if let Some(list) = &mut chooser.themes {
                list.arrived(offer);
            }
        }
        Message::Continued => return vec![ChooserEffect::Redraw],
        Message::Stop => return vec![ChooserEffect::Suspend],
        Message::Terminate => return vec![ChooserEffect::Leave(None)],
        _ => {}
    }
    Vec::new()
}

/// Takes in an answer. One to a question that no longer matters changes nothing.
pub fn news(chooser: &mut Chooser, news: PlaceAnswer) -> Vec<ChooserEffect> {
    match news {
        PlaceAnswer::Recent(Ok(recent)) => chooser.add_recent(*recent),
        PlaceAnswer::Recent(Err(why)) => chooser.unread = Some(why),
        PlaceAnswer::RecentEnd => chooser.recent_reading = false,
        PlaceAnswer::Mounts(Ok(mounts)) => chooser.set_mounts(mounts),
        PlaceAnswer::Mounts(Err(why)) => chooser.mounts_error = Some(format!("/proc/self/mountinfo: {why}")),
        PlaceAnswer::DiskUsage(point, room) => {
            let mut rows = chooser.mounts.iter_mut().flatten();
            if let Some(row) = rows.find(|row| row.mount.point == point) {
                row.fullness = room.map_or_else(Fullness::Refused, Fullness::Known);
            }
        }
        PlaceAnswer::RoomEnd => {
            for row in chooser.mounts.iter_mut().flatten().filter(|row| row.fullness == Fullness::Asked) {
                row.fullness = Fullness::NoAnswer;
            }
        }
        PlaceAnswer::Folders(path, listed) if path == chooser.folder.path => match listed {
            Ok((folders, more)) => {
                chooser.folder.more = more;
                chooser.set_folders(folders);
            }
            Err(why) => chooser.folder.error = Some(why),
        },
        PlaceAnswer::Links(path, mut links) if path == chooser.folder.path => {
            let mut folders = chooser.folder.folders.clone().unwrap_or_default();
            folders.retain(|folder| folder.link.is_none());
            folders.append(&mut links);
            chooser.set_folders(folders);
        }
        PlaceAnswer::Opened(place, outcome) if chooser.opening.as_ref() == Some(&place) => {
            chooser.opening = None;
            match outcome {
                Ok(Tried::Ready) => return vec![ChooserEffect::Leave(Some(place))],
                Ok(Tried::LooksLikeRoot) => {
                    chooser.path = None;
                    chooser.asks_root = Some(place);
                }
                Err(why) => refused(chooser, why),
            }
        }
        PlaceAnswer::Completed(typed, outcome) => completed(chooser, &typed, outcome),
        PlaceAnswer::Folders(..) | PlaceAnswer::Links(..) | PlaceAnswer::Opened(..) => {}
    }
    Vec::new()
}

/// What cannot be opened is said where it was chosen.
fn refused(chooser: &mut Chooser, why: String) {
    if let Some(line) = &mut chooser.path {
        line.error = Some(why);
        return;
    }
    let has_case = matches!(chooser.selected(), Some(ChooserRow::Recent(_)));
    let key = chooser.keymap.first_key(Action::ChooseCase);
    let hint = if has_case { format!("; {key} opens its case without a scan") } else { String::new() };
    say(chooser, NoticeKind::Error, format!("{why}{hint}"));
}

fn completed(chooser: &mut Chooser, typed: &str, outcome: Result<places::PathCompletion, String>) {
    let Some(line) = chooser.path.as_mut().filter(|line| line.input.text() == typed) else { return };
    match outcome {
        Ok(completion) => {
            if completion.typed != typed {
                line.input = Input::with(&completion.typed);
            }
            line.completion = Some(completion);
        }
        Err(why) => line.error = Some(why),
    }
}

fn say(chooser: &mut Chooser, kind: NoticeKind, text: impl Into<String>) {
    chooser.notice = Some(Notice { kind, text: text.into() });
}

/// Whether nothing is chosen by it.
fn is_harmless(chooser: &Chooser, key: KeyEvent, action: Option<Action>) -> bool {
    key.code == KeyCode::Esc || action == Some(Action::Quit) && chooser.path.is_none()
}

fn key(chooser: &mut Chooser, key: KeyEvent) -> Vec<ChooserEffect> {
    chooser.notice = None;
    let press = Press::from(key);
    let everywhere = || chooser.keymap.action(press, &[Context::Global]).filter(|action| action.needs_no_tree());
    let action = chooser.keymap.action(press, &[Context::Chooser]).or_else(everywhere);
    match action {
        Some(action) if press.is_emergency() => return perform(chooser, action, key),
        // What cannot be seen is not chosen.
        _ if chooser.areas.iter().all(|area| area.is_empty()) && !is_harmless(chooser, key, action) => {
            return Vec::new();
        }
        Some(Action::Quit | Action::Back) if chooser.opening.is_some() => {
            chooser.opening = None;
            return Vec::new();
        }
        _ if chooser.opening.is_some() => return Vec::new(),
        _ => {}
    }
    if let Some(place) = chooser.asks_root.take() {
        return root_answer(chooser, place, key.code);
    }
    if let Some(mut list) = chooser.themes.take() {
        let (stays, notice) = themes::turn(&mut list, &mut chooser.theme, key);
        chooser.notice = notice;
        chooser.themes = stays.then_some(list);
        return Vec::new();
    }
    if let Some(scroll) = chooser.help {
        chooser.help = help(scroll, key.code);
        return Vec::new();
    }
    if chooser.path.is_some() {
        return path_key(chooser, key);
    }
    if let Some(letter) = jump_letter(chooser, key, action) {
        jump(chooser, letter);
        return Vec::new();
    }
    if key.code == KeyCode::Backspace && chooser.jump.pop().is_some() {
        return Vec::new();
    }
    match action {
        Some(Action::Back) if !chooser.jump.is_empty() => {
            chooser.jump.clear();
            Vec::new()
        }
        Some(action) => {
            chooser.jump.clear();
            perform(chooser, action, key)
        }
        None => {
            say(chooser, NoticeKind::Info, format!("{press} does nothing here; ? shows all keys"));
            Vec::new()
        }
    }
}

/// The letter by which a key begins a jump or goes on with one. Small letters that are keys begin none, but once one is
/// under way they belong to the name; capitals are never needed for a name.
fn jump_letter(chooser: &Chooser, key: KeyEvent, action: Option<Action>) -> Option<char> {
    let KeyCode::Char(letter) = key.code else { return None };
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return None;
    }
    let under_way = !chooser.jump.is_empty();
    let of_name = if under_way { action.is_none() || letter.is_lowercase() } else { action.is_none() && letter != ' ' };
    of_name.then_some(letter)
}

fn jump(chooser: &mut Chooser, letter: char) {
    let mut typed = chooser.jump.clone();
    typed.push(letter);
    if typed.chars().count() <= LONGEST_JUMP && chooser.jump_to(&typed) {
        chooser.jump = typed;
    } else {
        let said = format!("no name here begins with {} or holds it", text::escape_str(&typed));
        say(chooser, NoticeKind::Info, said);
    }
}

fn help(scroll: usize, code: KeyCode) -> Option<usize> {
    match code {
        KeyCode::Char('j' | ' ') | KeyCode::Down | KeyCode::PageDown => Some(scroll.min(100) + 1),
        KeyCode::Char('k') | KeyCode::Up | KeyCode::PageUp => Some(scroll.saturating_sub(1)),
        _ => None,
    }
}

fn perform(chooser: &mut Chooser, action: Action, key: KeyEvent) -> Vec<ChooserEffect> {
    use Action as A;
    let page = usize::from(chooser.areas[chooser.focus as usize].height.max(1));
    let place = chooser.place();
    match action {
        A::Quit | A::Back => return vec![ChooserEffect::Leave(None)],
        A::Suspend => return vec![ChooserEffect::Suspend],
        A::Redraw => return vec![ChooserEffect::Redraw],
        A::Theme => {
            chooser.themes = Some(Box::new(ThemeList::new(chooser.theme.clone())));
            return vec![ChooserEffect::ListThemes];
        }
        A::Help => chooser.help = Some(0),
        A::Choose => return choose(chooser),
        A::ChooseScan => return scan(chooser),
        A::ChooseInto => return into(chooser),
        A::ChooseOut => return out(chooser),
        A::ChooseCase => return open_case(chooser),
        A::ChoosePath => {
            let begun = match key.code {
                KeyCode::Char('~') => "~/".to_owned(),
                KeyCode::Char('/') => "/".to_owned(),
                _ => String::new(),
            };
            chooser.path = Some(PathLine { input: Input::with(&begun), ..PathLine::default() });
        }
        A::ChooseUp => chooser.step(false),
        A::ChooseDown => chooser.step(true),
        A::ChoosePageUp => chooser.select(chooser.focus, place.saturating_sub(page)),
        A::ChoosePageDown => chooser.select(chooser.focus, place + page),
        A::ChooseFirst => chooser.select(chooser.focus, 0),
        A::ChooseLast => chooser.select(chooser.focus, usize::MAX),
        A::ChooseNextSection => chooser.turn(true),
        A::ChoosePreviousSection => chooser.turn(false),
        A::ChooseAgain => return again(chooser),
        _ => {}
    }
    Vec::new()
}

/// What Enter does: folders and mounts are looked into; a recent tree and the folder looked at are scanned.
fn choose(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    match chooser.selected() {
        Some(ChooserRow::Folder(_) | ChooserRow::Above | ChooserRow::Mount(_)) => into(chooser),
        _ => scan(chooser),
    }
}

fn scan(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    match chooser.selected() {
        Some(ChooserRow::Recent(recent)) if !chooser.is_here(recent) => open_case(chooser),
        Some(ChooserRow::Recent(recent)) => {
            let started = StartedAs::of(&recent.summary.options);
            open(chooser, OpenTarget { path: recent.summary.tree.clone(), started })
        }
        Some(spot) => open(chooser, chooser.path_of(spot).into()),
        None => Vec::new(),
    }
}

/// The answer to whether a tree is the root of another system.
fn root_answer(chooser: &mut Chooser, place: OpenTarget, code: KeyCode) -> Vec<ChooserEffect> {
    match code {
        KeyCode::Char('i') => {
            let started = StartedAs { root: Some(place.path.clone()), ..place.started };
            open(chooser, OpenTarget { path: place.path, started })
        }
        KeyCode::Char('f') => vec![ChooserEffect::Leave(Some(place))],
        KeyCode::Esc => Vec::new(),
        _ => {
            chooser.asks_root = Some(place);
            Vec::new()
        }
    }
}

/// Opens the case of a recent tree.
fn open_case(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    match chooser.selected() {
        Some(ChooserRow::Recent(recent)) => open(chooser, recent.case.clone().into()),
        _ => {
            say(chooser, NoticeKind::Info, "only a recent tree has a case that can be opened");
            Vec::new()
        }
    }
}

fn open(chooser: &mut Chooser, place: OpenTarget) -> Vec<ChooserEffect> {
    chooser.opening = Some(place.clone());
    vec![ChooserEffect::PlaceQuery(PlaceQuery::Open(place))]
}

/// Looks into what is selected.
fn into(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    match chooser.selected() {
        Some(ChooserRow::Folder(places::ListedFolder { link: Some(target), .. })) => {
            let target = text::escape_path(target).into_owned();
            let scan = chooser.keymap.first_key(Action::ChooseScan);
            let said = format!("a link to {target}: it is not followed; {scan} scans the folder it points to");
            say(chooser, NoticeKind::Info, said);
            Vec::new()
        }
        Some(ChooserRow::Recent(recent)) if !chooser.is_here(recent) => {
            say(chooser, NoticeKind::Info, "a tree of another box; Enter opens its case");
            Vec::new()
        }
        Some(ChooserRow::Above) => out(chooser),
        Some(ChooserRow::Here) | None => Vec::new(),
        Some(spot) => look(chooser, FolderView::new(chooser.path_of(spot), None)),
    }
}

/// Looks at the folder above.
fn out(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    let path = &chooser.folder.path;
    let Some(above) = path.parent().map(Path::to_owned) else { return Vec::new() };
    let left = path.file_name().map(ToOwned::to_owned);
    look(chooser, FolderView::new(above, left))
}

fn look(chooser: &mut Chooser, folder: FolderView) -> Vec<ChooserEffect> {
    let ask = PlaceQuery::Folder(folder.path.clone());
    chooser.folder = folder;
    chooser.tops[ChooserSection::Folders as usize] = 0;
    chooser.select(ChooserSection::Folders, 0);
    vec![ChooserEffect::PlaceQuery(ask)]
}

fn again(chooser: &mut Chooser) -> Vec<ChooserEffect> {
    chooser.recent.clear();
    chooser.places[ChooserSection::Recent as usize] = 0;
    chooser.recent_reading = true;
    chooser.unread = None;
    chooser.mounts_error = None;
    chooser.folder.error = None;
    begin(chooser)
}

fn path_key(chooser: &mut Chooser, key: KeyEvent) -> Vec<ChooserEffect> {
    let base = chooser.folder.path.clone();
    let Some(line) = &mut chooser.path else { return Vec::new() };
    line.error = None;
    match key.code {
        KeyCode::Esc => chooser.path = None,
        KeyCode::Tab => {
            let typed = line.input.text().to_owned();
            return vec![ChooserEffect::PlaceQuery(PlaceQuery::Complete { typed, base })];
        }
        KeyCode::Enter if line.input.text().is_empty() => chooser.path = None,
        KeyCode::Enter => {
            let path = places::expand(line.input.text(), &base, chooser.home.as_deref());
            return open(chooser, path.into());
        }
        _ => {
            line.input.key(key);
            line.completion = None;
        }
    }
    Vec::new()
}

/// Pasted text is a path; the line break that terminals copy along is none of it.
fn paste(chooser: &mut Chooser, pasted: &str) {
    if chooser.opening.is_none() && !chooser.has_layer() {
        let line = chooser.path.get_or_insert_default();
        let pasted = pasted.trim_matches(['\n', '\r']);
        // The key that opened the line stands in it already.
        if matches!(line.input.text(), "/" | "~") && pasted.starts_with(['/', '~']) {
            line.input = Input::default();
        }
        line.input.insert(pasted);
        line.completion = None;
        line.error = None;
    }
}

fn mouse(chooser: &mut Chooser, event: MouseEvent) -> Vec<ChooserEffect> {
    if chooser.opening.is_some() || chooser.has_layer() || chooser.path.is_some() {
        return Vec::new();
    }
    let at = Position { x: event.column, y: event.row };
    let below = ChooserSection::ALL.into_iter().find(|section| chooser.areas[*section as usize].contains(at));
    let Some(section) = below.filter(|section| chooser.count(*section) > 0) else { return Vec::new() };
    let place = chooser.places[section as usize];
    match event.kind {
        MouseEventKind::ScrollUp => chooser.select(section, place.saturating_sub(WHEEL)),
        MouseEventKind::ScrollDown => chooser.select(section, place + WHEEL),
        MouseEventKind::Down(MouseButton::Left) => {
            chooser.notice = None;
            chooser.jump.clear();
            let area = chooser.areas[section as usize];
            let clicked = chooser.tops[section as usize] + usize::from(at.y - area.y);
            if clicked == place && section == chooser.focus {
                return choose(chooser);
            }
            if clicked < chooser.count(section) {
                chooser.select(section, clicked);
            }
        }
        _ => {}
    }
    Vec::new()
}
