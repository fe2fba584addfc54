//! The screen on which the tree is chosen: recent trees, mounts, folders.

use std::path::Path;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::{bars, has_room, overlay, themes};
use crate::places::{ListedFolder, PathCompletion, Recent};
use crate::session::StartedAs;
use crate::text;
use crate::theme::Role;
use crate::tui::keymap::{Action, Binding, Context, TABLE};
use crate::tui::state::chooser::{Chooser, ChooserRow, ChooserSection, DrawnChooser, Fullness, MountRow, PathLine};
use crate::tui::widget::paint::Pieces;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Columns from which on the folders stand beside the rest instead of below it.
const WIDE: u16 = 110;
/// Columns of a mount's type, and of how full it is: `1023.9 GiB of 1023.9 GiB 100%`.
const KIND: usize = 10;
const FULLNESS: usize = 29;
/// Columns of what a recent tree's findings came to.
const COUNTS: usize = 20;

/// Draws everything, and tells what there was room for.
pub(crate) fn draw(frame: &mut Frame<'_>, chooser: &Chooser) -> DrawnChooser {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if !has_room(buffer, area, &chooser.theme) {
        return DrawnChooser { tops: chooser.tops, ..DrawnChooser::default() };
    }
    let [top, body, about, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)])
            .areas(area);
    header(buffer, top, chooser);
    let mut drawn = DrawnChooser { help: chooser.help, ..DrawnChooser::default() };
    for (section, area) in ChooserSection::ALL.into_iter().zip(panes(body, chooser)) {
        let place = section as usize;
        (drawn.tops[place], drawn.areas[place]) = draw_section(buffer, area, chooser, section);
    }
    status(buffer, about, chooser);
    let keys = rows().filter(|row| row.action != Action::Back);
    bars::keys(buffer, bottom, (&chooser.theme, &chooser.keymap), keys);
    if let Some(notice) = &chooser.notice {
        bars::notice(buffer, Rect { y: bottom.y.saturating_sub(2), ..bottom }, &chooser.theme, notice);
    }
    if let Some(line) = &chooser.path {
        let cursor = draw_path(buffer, area, chooser, line);
        frame.set_cursor_position(cursor);
    } else if let Some(scroll) = chooser.help {
        drawn.help = Some(overlay::help(buffer, area, (&chooser.theme, &chooser.keymap), rows(), scroll, ""));
    } else if let Some(place) = &chooser.asks_root {
        ask_root(buffer, area, chooser, &place.path);
    } else if let Some(list) = &chooser.themes {
        themes::draw(buffer, area, &chooser.theme, list);
    }
    drawn
}

/// Asks how what looks like the root of another system is to be scanned.
fn ask_root(buffer: &mut Buffer, area: Rect, chooser: &Chooser, path: &Path) {
    let width = area.width.saturating_sub(4).min(76);
    let room = usize::from(width).saturating_sub(4);
    let shown = text::truncate_middle(&text::escape_path(path), room.saturating_sub(36)).into_owned();
    let mut lines = text::wrap(&format!("{shown} looks like the root of a system. What is it?"), room);
    lines.push(String::new());
    let answers = [
        "i  an image or a mounted disk: its own accounts, packages, schedules and times are asked, and none of this \
         box's processes (as with --root)",
        "f  files on this box: this box's processes, packages and schedules are asked about them",
        "Esc  neither, choose again",
    ];
    for answer in answers {
        let (key, said) = answer.split_once("  ").unwrap_or((answer, ""));
        for (index, line) in text::wrap(said, room.saturating_sub(5)).into_iter().enumerate() {
            lines.push(format!("{:<4} {line}", if index == 0 { key } else { "" }));
        }
    }
    let inner = pane::popup(buffer, area, &chooser.theme, "Another system?", (width, lines.len() as u16 + 2));
    for (index, line) in lines.iter().enumerate() {
        let line = Pieces::new(&chooser.theme).add(Role::Popup, format!(" {line}")).line();
        paint::line(buffer, paint::row(inner, index), &line);
    }
}

/// The keys that work here.
fn rows() -> impl Iterator<Item = &'static Binding> {
    let here = TABLE.iter().filter(|row| row.context == Context::Chooser);
    here.chain(TABLE.iter().filter(|row| row.context == Context::Global && row.action.needs_no_tree()))
}

/// Where each section is drawn: no more room for the first two than they need.
fn panes(area: Rect, chooser: &Chooser) -> [Rect; 3] {
    let height = |section, most: u16| {
        let count = chooser.count(section);
        let remark = usize::from(count > 0 && remark(chooser, section).is_some());
        (count + remark).clamp(1, usize::from(most)) as u16 + 2
    };
    if area.width >= WIDE {
        let [left, right] = Layout::horizontal([Constraint::Percentage(55), Constraint::Fill(1)]).areas(area);
        let recent = height(ChooserSection::Recent, area.height / 2 - 2);
        let [recent, mounts] = Layout::vertical([Constraint::Length(recent), Constraint::Fill(1)]).areas(left);
        return [recent, mounts, right];
    }
    let recent = height(ChooserSection::Recent, 4).min(area.height / 4);
    let mounts = height(ChooserSection::Mounts, 5).min(area.height / 3);
    Layout::vertical([Constraint::Length(recent), Constraint::Length(mounts), Constraint::Fill(1)]).areas(area)
}

fn header(buffer: &mut Buffer, area: Rect, chooser: &Chooser) {
    let host = format!("on {} ", text::escape_str(&chooser.host));
    let host = text::truncate_end(&host, usize::from(area.width) / 3);
    let room = usize::from(area.width).saturating_sub(text::width(&host) + 10);
    let said = text::fit("What is to be scanned? Type to jump, / for a path", room);
    let line = Pieces::new(&chooser.theme).add(Role::Title, " Huntbook ").add(Role::Text, said).add(Role::Dim, host);
    paint::line(buffer, area, &line.line());
}

fn title(chooser: &Chooser, section: ChooserSection, width: usize) -> String {
    match section {
        ChooserSection::Recent => "Recent trees".to_owned(),
        ChooserSection::Mounts => "Mounts".to_owned(),
        ChooserSection::Folders => {
            let more = if chooser.folder.more { " (not all are listed)" } else { "" };
            let path = text::escape_path(&chooser.folder.path).into_owned();
            format!("Folders in {}{more}", text::truncate_middle(&path, width.saturating_sub(16 + more.len())))
        }
    }
}

/// Draws a section. Returns its first row shown, and where its rows stand.
fn draw_section(buffer: &mut Buffer, area: Rect, chooser: &Chooser, section: ChooserSection) -> (usize, Rect) {
    let focused = chooser.focus == section;
    let title = title(chooser, section, usize::from(area.width));
    let inner = pane::pane(buffer, area, &chooser.theme, &title, focused);
    let (index, count) = (section as usize, chooser.count(section));
    let remark = remark(chooser, section);
    let height =
        usize::from(inner.height).saturating_sub(usize::from(remark.is_some() && count > 0 && inner.height > 1));
    let top = paint::scroll(chooser.tops[index], chooser.places[index], height, count);
    let rows = Rect { height: height as u16, ..inner };
    let width = usize::from(inner.width).saturating_sub(1);
    for y in 0..height {
        let Some(spot) = chooser.spot(section, top + y) else { break };
        let row = paint::row(inner, y);
        paint::line(buffer, row, &spot_line(chooser, spot, width));
        if top + y == chooser.places[index] && focused {
            paint::fill(buffer, row, chooser.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, rows, &chooser.theme, top, count);
    if let Some((role, said)) = remark {
        let row = paint::row(inner, count.saturating_sub(top).min(height));
        let said = text::truncate_end(&said, width).into_owned();
        paint::line(buffer, row, &Pieces::new(&chooser.theme).add(role, format!(" {said}")).line());
    }
    (top, rows)
}

/// What is to be said of a section below its rows.
fn remark(chooser: &Chooser, section: ChooserSection) -> Option<(Role, String)> {
    let reading = || Some((Role::Dim, "…".to_owned()));
    match section {
        ChooserSection::Recent => match &chooser.unread {
            Some(why) => Some((Role::Warning, format!("not all cases can be read: {why}"))),
            None if !chooser.recent.is_empty() => None,
            None if chooser.recent_reading => reading(),
            None => Some((Role::Dim, "Nothing was scanned yet.".to_owned())),
        },
        ChooserSection::Mounts => match &chooser.mounts_error {
            Some(why) => Some((Role::Warning, why.clone())),
            None if chooser.mounts.is_none() => reading(),
            None => None,
        },
        ChooserSection::Folders => match (&chooser.folder.error, &chooser.folder.folders) {
            (Some(why), _) => Some((Role::Error, why.clone())),
            (None, None) => reading(),
            (None, Some(folders)) => folders.is_empty().then(|| (Role::Dim, "There is no folder in it.".to_owned())),
        },
    }
}

fn spot_line(chooser: &Chooser, spot: ChooserRow<'_>, width: usize) -> StyledLine {
    let pieces = Pieces::new(&chooser.theme);
    match spot {
        ChooserRow::Recent(recent) => recent_line(chooser, recent, width),
        ChooserRow::Mount(row) => mount_line(chooser, row, width),
        ChooserRow::Here => pieces.add(Role::Folder, " .   ").add(Role::Dim, "this folder: Enter scans it").line(),
        ChooserRow::Above => pieces.add(Role::Folder, " ..  ").add(Role::Dim, "the folder above").line(),
        ChooserRow::Folder(folder) => folder_line(chooser, folder, width),
    }
}

fn recent_line(chooser: &Chooser, recent: &Recent, width: usize) -> StyledLine {
    let summary = &recent.summary;
    let (role, counts) = match (summary.findings, summary.open) {
        (0, _) => (Role::Dim, "nothing found".to_owned()),
        (found, 0) => (Role::Text, format!("{} found, none open", text::count(found))),
        (found, open) => (Role::Open, format!("{} open of {}", text::count(open), text::count(found))),
    };
    let cut = if summary.whole { "" } else { " (cut short)" };
    let host = if chooser.is_here(recent) { String::new() } else { format!("{}:", text::escape_str(&summary.host)) };
    let when = format!("{:.0}", summary.started);
    let room = width.saturating_sub(text::width(&when) + COUNTS + cut.len() + 4);
    let tree = format!("{host}{}", text::escape_path(&summary.tree));
    Pieces::new(&chooser.theme)
        .add(Role::Dim, format!(" {when}  "))
        .add(role, text::fit(&counts, COUNTS))
        .add(Role::FileName, format!(" {}", text::truncate_middle(&tree, room)))
        .add(Role::Warning, cut)
        .line()
}

fn mount_line(chooser: &Chooser, row: &MountRow, width: usize) -> StyledLine {
    let (role, fullness) = match &row.fullness {
        Fullness::Asked => (Role::Dim, "…".to_owned()),
        Fullness::NoAnswer => (Role::Warning, "no answer".to_owned()),
        Fullness::Refused(_) => (Role::Warning, "not known".to_owned()),
        Fullness::Pseudo => (Role::Dim, "kernel's own".to_owned()),
        Fullness::Known(room) => match room.percent() {
            None => (Role::Dim, "no size".to_owned()),
            Some(percent) => {
                (Role::Text, format!("{} of {} {percent:>3}%", text::bytes(room.used), text::bytes(room.size)))
            }
        },
    };
    let name = if row.mount.pseudo { Role::Dim } else { Role::FileName };
    let kind = row.mount.kind.to_string_lossy().into_owned();
    let room = width.saturating_sub(KIND + FULLNESS + 3);
    let point = text::escape_path(&row.mount.point).into_owned();
    let fullness = text::truncate_end(&fullness, FULLNESS).into_owned();
    let indent = " ".repeat(FULLNESS - text::width(&fullness));
    Pieces::new(&chooser.theme)
        .add(name, format!(" {}", text::fit(&text::truncate_middle(&point, room), room)))
        .add(Role::Dim, format!(" {} ", text::fit(&text::escape_str(&kind), KIND)))
        .add(role, format!("{indent}{fullness}"))
        .line()
}

fn folder_line(chooser: &Chooser, folder: &ListedFolder, width: usize) -> StyledLine {
    let name = text::escape_path(folder.name.as_ref()).into_owned();
    let pieces = Pieces::new(&chooser.theme);
    match &folder.link {
        None => pieces.add(Role::Folder, format!(" {}/", text::truncate_middle(&name, width.saturating_sub(2)))).line(),
        Some(target) => {
            let name = text::truncate_middle(&name, width / 2).into_owned();
            let room = width.saturating_sub(text::width(&name) + 4);
            let target = text::escape_path(target).into_owned();
            let target = text::truncate_middle(&target, room).into_owned();
            pieces.add(Role::Text, format!(" {name}")).add(Role::Dim, format!(" → {target}")).line()
        }
    }
}

/// The line above the keys: the jump that is under way, and what Enter would do.
fn status(buffer: &mut Buffer, area: Rect, chooser: &Chooser) {
    let (role, said) = if let Some(place) = &chooser.opening {
        (Role::Status, format!("opening {}… Esc gives it up", text::escape_path(&place.path)))
    } else if chooser.jump.is_empty() {
        (Role::Dim, about(chooser))
    } else {
        let jump = text::escape_str(&chooser.jump);
        (Role::PromptText, format!("jump: {jump}▏  {}", about(chooser)))
    };
    let said = text::truncate_middle(&said, usize::from(area.width).saturating_sub(2)).into_owned();
    paint::line(buffer, area, &Pieces::new(&chooser.theme).add(role, format!(" {said}")).line());
}

/// What Enter would do with what is selected.
fn about(chooser: &Chooser) -> String {
    let Some(spot) = chooser.selected() else { return String::new() };
    let shown = text::escape_path(&chooser.path_of(spot)).into_owned();
    let scan = chooser.keymap.first_key(Action::ChooseScan);
    match spot {
        ChooserRow::Recent(recent) if !chooser.is_here(recent) => {
            "a tree of another box: Enter opens its case as it is, without a scan".to_owned()
        }
        ChooserRow::Recent(recent) => {
            let case = chooser.keymap.first_key(Action::ChooseCase);
            let with = StartedAs::of(&recent.summary.options).arguments();
            let with = if with.is_empty() { String::new() } else { format!(" with{with}") };
            format!("Enter scans it again{with}; {case} opens its case without a scan")
        }
        ChooserRow::Mount(row) => {
            let source = text::escape(row.mount.source.as_encoded_bytes()).into_owned();
            match &row.fullness {
                Fullness::Pseudo => format!("{source}: the kernel makes its files up; a scan leaves them out"),
                Fullness::Refused(why) => format!("{source}: {why}"),
                _ => format!("{source}: Enter scans it, → looks into it"),
            }
        }
        ChooserRow::Here => format!("Enter scans {shown}"),
        ChooserRow::Above => format!("Enter goes up to {shown}"),
        ChooserRow::Folder(ListedFolder { link: Some(_), .. }) => {
            format!("a link: {scan} scans the folder it points to and follows no link in it")
        }
        ChooserRow::Folder(_) => format!("Enter looks into {shown}, {scan} scans it"),
    }
}

/// The path that is being typed, with what it may go on as. Returns where the cursor belongs.
fn draw_path(buffer: &mut Buffer, screen: Rect, chooser: &Chooser, line: &PathLine) -> Position {
    let theme = &chooser.theme;
    let width = screen.width.saturating_sub(4).min(100);
    let names = line.completion.as_ref().map(|completion| goes_on(completion, usize::from(width).saturating_sub(4)));
    let mut names = names.unwrap_or_default();
    names.truncate(usize::from(screen.height).saturating_sub(6).min(8));
    let size = (width, names.len() as u16 + 4);
    let inner = pane::popup(buffer, screen, theme, "Path of a folder, a file or a case", size);
    let (shown, column) = line.input.window(usize::from(inner.width).saturating_sub(2));
    paint::line(buffer, inner, &Pieces::new(theme).add(Role::PromptText, format!(" {shown}")).line());
    for (index, said) in names.into_iter().enumerate() {
        paint::line(
            buffer,
            paint::row(inner, index + 1),
            &Pieces::new(theme).add(Role::Dim, format!(" {said}")).line(),
        );
    }
    let last = paint::row(inner, usize::from(inner.height).saturating_sub(1));
    match (&line.error, &chooser.opening) {
        (Some(error), _) => bars::say(buffer, last, theme, (Role::Error, " ✖ "), error),
        (None, Some(_)) => {
            paint::line(buffer, last, &Pieces::new(theme).add(Role::Status, " opening… Esc gives it up").line());
        }
        (None, None) => {
            let said = " Enter takes it, Tab completes it, Esc leaves it";
            paint::line(buffer, last, &Pieces::new(theme).add(Role::Dim, said).line());
        }
    }
    Position { x: inner.x + 1 + column as u16, y: inner.y }
}

/// What a path may go on as, in lines of at most `width` columns.
fn goes_on(completion: &PathCompletion, width: usize) -> Vec<String> {
    let mut lines = match completion.count {
        0 => vec!["nothing begins so".to_owned()],
        1 => Vec::new(),
        count => {
            let names: Vec<_> = completion.names.iter().map(|name| text::escape_str(name)).collect();
            let mut lines = vec![format!("{} begin so:", text::count(count as u64))];
            lines.extend(text::wrap(&names.join("  "), width));
            lines
        }
    };
    if completion.untypable > 0 {
        lines.insert(0, format!("{} more cannot be typed; choose them in the list", completion.untypable));
    }
    lines
}
