//! Actions on the bytes of the open finding.

use std::ops::Range;

use super::ask::ask;
use super::finding::opened;
use super::jumps;
use crate::hex::copy::{self, CopyError, CopyFormat};
use crate::hex::highlight::NthMatch;
use crate::hex::layout::Motion;
use crate::hex::search::{Hit, SearchDirection, SearchOrder};
use crate::text;
use crate::tui::keymap::{Action, key_of};
use crate::tui::message::{Effect, Look};
use crate::tui::state::bytes::{ActiveSearch, Counted, HexView};
use crate::tui::state::detail::Tab;
use crate::tui::state::elf_page;
use crate::tui::state::face::Face;
use crate::tui::state::overlay::Purpose;
use crate::tui::state::{App, NoticeKind};
use crate::tui::widget::input::Input;

/// Said when a search or a step among the matches went past the end, or the start, of the file.
fn wrapped(direction: SearchDirection) -> &'static str {
    match direction {
        SearchDirection::Forward => "none below: this is the first one from the start of the file",
        SearchDirection::Backward => "none above: this is the last one before the end of the file",
    }
}

/// Goes where the key behind the one that goes says; any other begins an offset.
pub(super) fn goto_by(app: &mut App, letter: char) -> Vec<Effect> {
    let motion = match letter {
        'g' => Motion::Start,
        'e' => Motion::End,
        'h' => Motion::LineStart,
        'l' => Motion::LineEnd,
        other => {
            let about =
                "An offset: 123, 0x7b, +16 or -0x10 from here, 50%. A line: :120. Ten lines down: 10j; k h l G too.";
            ask(app, Purpose::Goto, "Go to", about, Input::with(other.encode_utf8(&mut [0; 4])));
            return Vec::new();
        }
    };
    go(app, motion)
}

/// A motion so many times, as it is typed behind its count: `10j`, `120G`; nothing for a letter that is none.
pub(super) fn counted_motion(app: &mut App, count: u64, letter: char) -> Option<Vec<Effect>> {
    let detail = opened(app)?;
    let hex = &detail.hex;
    let (cursor, row) = (hex.viewport.cursor, hex.layout.per_line.max(1) as u64);
    let line = (hex.face == Face::Text).then(|| hex.line_at(cursor)).flatten();
    let rows = row.saturating_mul(count);
    let to = match (letter, line) {
        ('j', Some(line)) => return Some(to_line_at_most(app, line.saturating_add(count))),
        ('k', Some(line)) => return Some(to_line(app, line.saturating_sub(count).max(1))),
        ('G', Some(_)) => return Some(to_line_at_most(app, count.max(1))),
        ('j', None) => cursor.saturating_add(rows),
        ('k', None) => cursor.saturating_sub(rows),
        ('G', None) => rows.saturating_sub(row),
        ('l', _) => cursor.saturating_add(count),
        ('h', _) => cursor.saturating_sub(count),
        _ => return None,
    };
    Some(leap(app, Motion::To(to)))
}

/// As [`to_line`], to the last one where there are fewer.
fn to_line_at_most(app: &mut App, line: u64) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.hex.line_or_last = true;
    }
    to_line(app, line)
}

/// Moves the cursor far; the place that it leaves can be gone back to.
pub(super) fn leap(app: &mut App, motion: Motion) -> Vec<Effect> {
    jumps::leave(app);
    if let Some(detail) = opened(app) {
        detail.hex.go(motion);
    }
    Vec::new()
}

/// Asks what to search for.
pub(super) fn search(app: &mut App) -> Vec<Effect> {
    if opened(app).is_some() {
        let about = "Text; i:any case; u:UTF-16; x:de ad ?? ef; r:regular expression.";
        ask(app, Purpose::Search, "Search", about, Input::default());
    }
    Vec::new()
}

/// Shows the bytes in another way: as digits, as text, as the texts in them.
pub(super) fn turn_face(app: &mut App) -> Vec<Effect> {
    let number = app.searches + 1;
    let Some(detail) = opened(app) else { return Vec::new() };
    let face = detail.hex.face.next();
    detail.hex.show(face);
    if face == Face::Strings && detail.hex.strings.number == 0 {
        detail.hex.strings.begin(number);
        app.searches = number;
        return vec![Effect::Look(Look::Strings(number))];
    }
    Vec::new()
}

/// Reads the text in another encoding.
pub(super) fn turn_encoding(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.hex.turn_encoding();
    let said = format!("read as {}", detail.hex.text.encoding);
    app.say(NoticeKind::Info, said);
    Vec::new()
}

/// Has the beginning of a line, from 1, looked for.
pub(super) fn to_line(app: &mut App, line: u64) -> Vec<Effect> {
    let number = app.searches + 1;
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.hex.line_asked = Some(number);
    let encoding = detail.hex.text.encoding;
    app.searches = number;
    vec![Effect::Look(Look::Line(number, line, encoding))]
}

/// Goes to the line that was looked for.
pub(super) fn line_found(app: &mut App, number: u64, outcome: Result<u64, String>) {
    let hex = app.detail.as_mut().map(|detail| &mut detail.hex);
    let Some(hex) = hex.filter(|hex| hex.line_asked == Some(number)) else { return };
    hex.line_asked = None;
    let or_last = std::mem::take(&mut hex.line_or_last);
    match outcome {
        Ok(offset) => _ = leap(app, Motion::To(offset)),
        Err(_) if or_last => _ = leap(app, Motion::End),
        Err(why) => app.say(NoticeKind::Warning, why),
    }
}

/// Moves the cursor.
pub(super) fn go(app: &mut App, motion: Motion) -> Vec<Effect> {
    if matches!(motion, Motion::Start | Motion::End | Motion::To(_)) {
        return leap(app, motion);
    }
    if let Some(detail) = opened(app) {
        detail.hex.go(motion);
    }
    Vec::new()
}

/// Shows the value under the cursor, or no more.
pub(super) fn inspect(app: &mut App) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.hex.inspect_on();
    }
    Vec::new()
}

/// Begins a selection at the cursor, or ends it.
pub(super) fn select(app: &mut App) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        let cursor = detail.hex.viewport.cursor;
        detail.hex.anchor = if detail.hex.anchor.is_some() { None } else { Some(cursor) };
    }
    Vec::new()
}

/// Goes to the next match of the rule, or after a search to what it finds next, until another pattern is gone to.
pub(super) fn next(app: &mut App, direction: SearchDirection) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    if detail.hex.follows_search {
        return search_on(app, direction);
    }
    let cursor = detail.hex.viewport.cursor;
    let highlights = &detail.hex.highlights;
    // Others may begin where the cursor stands: from a match the way leads to the next, from elsewhere by offset.
    let here = detail.hex.current.filter(|found| found.offset == cursor);
    let found = match (direction, here) {
        (SearchDirection::Forward, Some(here)) => highlights.after(here),
        (SearchDirection::Forward, None) => highlights.next(cursor),
        (SearchDirection::Backward, Some(here)) => highlights.before(here),
        (SearchDirection::Backward, None) => highlights.previous(cursor),
    };
    let is_wrapped = found.is_some_and(|found| found.wrapped);
    jump(app, found);
    if is_wrapped {
        app.say(NoticeKind::Info, wrapped(direction));
    }
    Vec::new()
}

/// Goes to the first match of the next pattern.
pub(super) fn next_pattern(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.hex.follows_search = false;
    let found = detail.hex.highlights.next_pattern(detail.hex.current.map(|found| found.pattern));
    jump(app, found);
    Vec::new()
}

/// Goes to a match, or says why there is none.
fn jump(app: &mut App, found: Option<NthMatch>) {
    jumps::leave(app);
    let Some(detail) = opened(app) else { return };
    match found {
        Some(found) => detail.hex.go_to(found),
        None if detail.opened.judged.subject.candidate => {
            app.say(NoticeKind::Info, "there is no match here: a candidate, no rule matched it");
        }
        None => app.say(NoticeKind::Info, "there is no match here: the rule matched by its condition alone"),
    }
}

/// The search of that number, as long as it runs. What a search says that was stopped or followed by another is too
/// late.
pub(super) fn running(app: &mut App, number: u64) -> Option<&mut ActiveSearch> {
    let sought = app.detail.as_mut()?.hex.sought.as_mut()?;
    (sought.number == number && sought.progress.is_some()).then_some(sought)
}

/// Goes to where a search found something, or says that it did not.
pub(super) fn searched(app: &mut App, number: u64, outcome: Result<Hit, String>) {
    let Some(sought) = running(app, number) else { return };
    sought.progress = None;
    sought.hit = outcome.as_ref().ok().copied();
    match outcome {
        Ok(hit) => {
            jumps::leave(app);
            let Some(detail) = &mut app.detail else { return };
            let direction = detail.hex.sought.as_ref().map_or(SearchDirection::Forward, |sought| sought.direction);
            detail.hex.go(Motion::To(hit.offset));
            if hit.wrapped {
                app.say(NoticeKind::Info, wrapped(direction));
            }
        }
        Err(why) => app.say(NoticeKind::Warning, why),
    }
}

/// Takes hits that were counted, unless they are of an older search.
pub(super) fn counted(app: &mut App, number: u64, offsets: Vec<u64>, counted: Counted) {
    let sought = app.detail.as_mut().and_then(|detail| detail.hex.sought.as_mut());
    if let Some(hits) = sought.map(|sought| &mut sought.hits).filter(|hits| hits.number == number) {
        hits.offsets.extend(offsets);
        hits.counted = counted;
    }
}

/// Searches on for what was searched for last.
pub(super) fn search_on(app: &mut App, direction: SearchDirection) -> Vec<Effect> {
    let number = app.searches + 1;
    let Some(detail) = opened(app) else { return Vec::new() };
    let cursor = detail.hex.viewport.cursor;
    let Some(sought) = &mut detail.hex.sought else {
        app.say(NoticeKind::Info, format!("nothing was searched for yet; {} asks", key_of(Action::HexSearch)));
        return Vec::new();
    };
    detail.hex.follows_search = true;
    (sought.number, sought.direction) = (number, direction);
    sought.progress = Some((0, 0));
    let query = Box::new(sought.query.clone());
    app.searches = number;
    let from = if direction == SearchDirection::Forward { cursor.saturating_add(1) } else { cursor };
    let order = SearchOrder { from, direction, wrap: true };
    vec![Effect::Look(Look::Search(number, query, order))]
}

const NO_FIELD: &str = "this byte belongs to no header, section or segment";
const NO_STRUCTURES: &str = "this is no ELF file, or it is not decoded yet";

/// Shows the structures of an ELF file over its bytes, or hides them.
pub(super) fn toggle_structures(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.hex.overlay ^= true;
    let said = match (&detail.hex.map, detail.hex.overlay) {
        (None, _) => NO_STRUCTURES,
        (Some(_), true) => "the structures of the ELF file are shown",
        (Some(_), false) => "the structures of the ELF file are hidden",
    };
    app.say(NoticeKind::Info, said);
    Vec::new()
}

/// Goes to where another structure begins.
pub(super) fn to_structure(app: &mut App, direction: SearchDirection) -> Vec<Effect> {
    jumps::leave(app);
    let Some(detail) = opened(app) else { return Vec::new() };
    let cursor = detail.hex.viewport.cursor;
    let start = detail.hex.map.as_ref().map(|map| match direction {
        SearchDirection::Forward => map.next_start(cursor),
        SearchDirection::Backward => map.previous_start(cursor),
    });
    match (start, direction) {
        (Some(Some(start)), _) => detail.hex.go(Motion::To(start)),
        (None, _) => app.say(NoticeKind::Info, NO_STRUCTURES),
        (Some(None), SearchDirection::Forward) => app.say(NoticeKind::Info, "no structure begins after this one"),
        (Some(None), SearchDirection::Backward) => app.say(NoticeKind::Info, "no structure begins before this one"),
    }
    Vec::new()
}

/// Shows the field that the byte under the cursor belongs to in the ELF tab.
pub(super) fn to_field(app: &mut App) -> Vec<Effect> {
    jumps::leave(app);
    let Some(detail) = opened(app) else { return Vec::new() };
    let cursor = detail.hex.viewport.cursor;
    let field = match (&detail.hex.map, detail.elf()) {
        (Some(map), Some(elf)) => map.at(cursor).find_map(|part| part.source(elf)).ok_or(NO_FIELD),
        _ => Err(NO_STRUCTURES),
    };
    match field {
        Ok(field) => {
            elf_page::select_field(detail, field);
            detail.show(Tab::Elf);
        }
        Err(why) => app.say(NoticeKind::Info, why),
    }
    Vec::new()
}

/// Shows the bytes of the selected ELF field.
pub(super) fn to_bytes(app: &mut App) -> Vec<Effect> {
    jumps::leave(app);
    let Some(detail) = opened(app).filter(|detail| detail.tab == Tab::Elf) else { return Vec::new() };
    match elf_page::place(detail) {
        Some(range) => {
            detail.hex.point_to(range);
            detail.show(Tab::Hex);
        }
        None => app.say(NoticeKind::Info, "this line stands for no bytes of the file"),
    }
    Vec::new()
}

/// Copies the selection, the match under the cursor or the byte there.
pub(super) fn copy(app: &mut App, how: char) -> Vec<Effect> {
    let Some(detail) = &mut app.detail else { return Vec::new() };
    let form = match how {
        'h' => CopyFormat::Hex,
        't' => CopyFormat::Text,
        'c' => CopyFormat::CArray,
        'y' => CopyFormat::Yara,
        'o' => CopyFormat::Offset,
        'q' => CopyFormat::Quoted,
        'l' => CopyFormat::Lines,
        _ => {
            app.say(NoticeKind::Info, "copy as h, t, q, l, c, y or o");
            return Vec::new();
        }
    };
    detail.hex.copying = Some((form, detail.hex.chosen()));
    copy_what_is_there(app)
}

/// Copies what was to be copied, if its bytes have arrived.
pub(super) fn copy_what_is_there(app: &mut App) -> Vec<Effect> {
    let Some(hex) = app.detail.as_mut().map(|detail| &mut detail.hex) else { return Vec::new() };
    let Some((form, range)) = hex.copying.take() else { return Vec::new() };
    match sequence(hex, form, &range) {
        Ok(Some((sequence, said))) => {
            hex.anchor = None;
            app.say_copied(&said);
            return vec![Effect::Copy(sequence)];
        }
        Ok(None) if range.end <= hex.layout.size => {
            hex.copying = Some((form, range));
            app.say(NoticeKind::Info, "copied as soon as these bytes are read");
        }
        Ok(None) => app.say(NoticeKind::Warning, "the file has become shorter; nothing was copied"),
        Err(why) => app.say(NoticeKind::Warning, why),
    }
    Vec::new()
}

/// What to write to the terminal, and what to say of it; nothing while not all of the bytes are at hand.
fn sequence(hex: &HexView, form: CopyFormat, range: &Range<u64>) -> Result<Option<(String, String)>, String> {
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let bytes = hex.bytes_from(range.start);
    let (bytes, said) = match form {
        // An offset needs no bytes.
        CopyFormat::Offset => (&[None][..], format!("the offset {:#x}", range.start)),
        _ if length > copy::MAX_COPY_BYTES => return Err(CopyError::TooMany(length).to_string()),
        CopyFormat::Lines => {
            if bytes.len() < length {
                return Ok(None);
            }
            let (copied, count) = hex.numbered_lines(range);
            let said = text::counted(count, "line");
            return copy::to_clipboard(&copied).map(|copied| Some((copied, said))).map_err(|error| error.to_string());
        }
        _ => {
            let Some(bytes) = bytes.get(..length) else { return Ok(None) };
            (bytes, format!("{} from {:#x}", text::counted(length as u64, "byte"), range.start))
        }
    };
    let copied = copy::copy(range.start, bytes, form).and_then(|copied| copy::to_clipboard(&copied));
    copied.map(|sequence| Some((sequence, said))).map_err(|error| error.to_string())
}
