//! What lies over the bytes of an ELF file, and what the byte under the cursor is, in words.
//!
//! Structures are told apart by their style and, where one begins, by a sign before its first byte, so that nothing is
//! told by colour alone.

use std::ops::Range;

use crate::elf::Structure;
use crate::hex::byte;
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::bytes::HexView;
use crate::tui::state::detail::Detail;
use crate::tui::widget::paint::{Pieces, StyledLine};

/// Bytes of a match that are read as text.
const TEXT: u64 = 256;

/// The sign before the first byte of a structure, its role, and what the legend calls it.
fn sign(structure: Structure) -> (&'static str, Role, &'static str) {
    match structure {
        Structure::Header => ("H", Role::StructHeader, "ELF header"),
        Structure::ProgramHeader(_) => ("P", Role::StructSegment, "program header"),
        Structure::SectionHeader(_) => ("S", Role::StructSection, "section header"),
        Structure::Entry => (">", Role::StructEntry, "entry"),
        Structure::Interpreter => ("I", Role::StructInterpreter, "interpreter"),
        Structure::Section(_) => ("§", Role::StructSection, "section"),
        Structure::Segment(_) => ("¶", Role::StructSegment, "segment"),
    }
}

/// Roles of the structures whose bytes have a style of their own; what a byte belongs to is a bit for each.
const STYLED: [Role; 5] =
    [Role::StructHeader, Role::StructSegment, Role::StructSection, Role::StructEntry, Role::StructInterpreter];

#[derive(Debug, Clone, Copy, Default)]
struct Face {
    styles: u8,
    begins: Option<Structure>,
}

/// The structures of the bytes in sight.
pub(super) struct Faces {
    start: u64,
    bytes: Vec<Face>,
    /// The fields under the cursor.
    here: Vec<Range<u64>>,
}

impl Faces {
    /// What is in sight, if structures are shown.
    pub(super) fn new(hex: &HexView) -> Option<Self> {
        let map = hex.structures()?;
        let sight = hex.sight();
        let mut bytes = vec![Face::default(); hex.layout.window()];
        let index = |offset: u64| (offset.saturating_sub(sight.start)) as usize;
        for (range, structure) in map.headers_within(sight.clone()).chain(map.points_within(sight.clone())) {
            let (_, role, _) = sign(*structure);
            let bit = STYLED.iter().position(|styled| *styled == role).map_or(0, |bit| 1 << bit);
            let covered = index(range.start)..index(range.end.min(sight.end));
            bytes.get_mut(covered).into_iter().flatten().for_each(|face| face.styles |= bit);
        }
        // Of several that begin at one byte the first is the innermost.
        for (start, structure) in map.starts_within(sight.clone()).iter().rev() {
            if let Some(face) = bytes.get_mut(index(*start)) {
                face.begins = Some(*structure);
            }
        }
        let here = map.fields_at(hex.viewport.cursor).into_iter().map(|part| part.range);
        Some(Self { start: sight.start, bytes, here: here.collect() })
    }

    fn face(&self, at: u64) -> Option<&Face> {
        self.bytes.get(usize::try_from(at.checked_sub(self.start)?).ok()?)
    }

    /// The role of a byte. Where structures overlap, the bytes take turns, so that all show.
    pub(super) fn role(&self, at: u64) -> Option<Role> {
        let styles = self.face(at)?.styles;
        let turn = at.checked_rem(u64::from(styles.count_ones()))? as usize;
        let set = STYLED.into_iter().enumerate().filter(|(bit, _)| styles & (1 << bit) != 0);
        { set }.nth(turn).map(|(_, role)| role)
    }

    /// The sign to put before a byte, where a structure begins.
    pub(super) fn sign(&self, at: u64) -> Option<(&'static str, Role)> {
        let (sign, role, _) = sign(self.face(at)?.begins?);
        Some((sign, role))
    }

    /// Whether a byte is of a field that the byte under the cursor is of.
    pub(super) fn is_here(&self, at: u64) -> bool {
        self.here.iter().any(|range| range.contains(&at))
    }

    /// Adds what the signs in sight mean, as far as there is room.
    pub(super) fn explain(&self, pieces: &mut Pieces<'_>, width: usize) {
        let mut told: Vec<&str> = Vec::new();
        for structure in self.bytes.iter().filter_map(|face| face.begins) {
            let (sign, role, name) = sign(structure);
            if !told.contains(&sign) && pieces.width() + text::width(name) + 4 <= width {
                told.push(sign);
                pieces.push(role, format!(" {sign}"));
                pieces.push(Role::Dim, format!(" {name}"));
            }
        }
    }
}

/// Lines that the words on the byte under the cursor take on a tab of `height` lines.
pub(super) fn lines_needed(hex: &HexView, height: u16) -> u16 {
    match hex.structures() {
        // As many as patterns may overlap.
        None => hex.highlights.legend().iter().filter(|legend| legend.count > 0).count().clamp(1, 3) as u16,
        Some(_) if height < 30 => 3,
        Some(_) => 5,
    }
}

/// What the byte under the cursor is: the matches that cover it, then its structures. What there is no room for is
/// counted.
pub(super) fn at_cursor(theme: &Theme, detail: &Detail, width: usize, room: usize) -> Vec<StyledLine> {
    let mut told = matches_here(&detail.hex);
    let cursor = detail.hex.viewport.cursor;
    let mut more = told.len().saturating_sub(room);
    if let (Some(map), Some(elf)) = (detail.hex.structures(), detail.elf()) {
        // Of a hostile file many thousands may cover one byte; only those that there is room for are put in words.
        let mut parts = map.at(cursor);
        for part in parts.by_ref().take(room.saturating_sub(told.len())) {
            let (sign, role, _) = sign(part.structure);
            told.push((role, format!(" {sign} "), part.describe(elf, cursor)));
        }
        more += parts.count();
    }
    let mut lines = Vec::with_capacity(room);
    let mut left = told.len();
    for (role, sign, said) in told.into_iter().take(room) {
        left -= 1;
        let more = if more > 0 && lines.len() + 1 == room { format!(" (and {more} more)") } else { String::new() };
        let columns = width.saturating_sub(text::width(&sign) + text::width(&more) + 1);
        // It may take the lines that no other needs.
        let spare = room.saturating_sub(lines.len() + left + 1);
        let mut rest = text::wrap(&said, columns).into_iter();
        let first =
            if spare == 0 { text::truncate_end(&said, columns).into_owned() } else { rest.next().unwrap_or_default() };
        let indent = " ".repeat(text::width(&sign) + 1);
        lines.push(Pieces::new(theme).add(role, sign).add(Role::FieldMeaning, format!(" {first}{more}")).line());
        for line in rest.take(spare) {
            lines.push(Pieces::new(theme).add(Role::FieldMeaning, format!("{indent}{line}")).line());
        }
    }
    lines
}

/// The matches under the cursor: role, pattern and what it matched. A wide string reads as text.
fn matches_here(hex: &HexView) -> Vec<(Role, String, String)> {
    let cursor = hex.viewport.cursor;
    let here = hex.highlights.covering(cursor).into_iter().filter_map(|pattern| {
        let legend = hex.highlights.legend().get(pattern)?;
        let found = hex.highlights.under_of(pattern, cursor)?;
        let length = found.length.min(TEXT);
        let bytes: Option<Vec<u8>> =
            hex.bytes_from(found.offset).get(..length as usize).and_then(|bytes| bytes.iter().copied().collect());
        let (text, wide) = bytes.map(|bytes| byte::readable(&bytes)).unwrap_or_default();
        let wide = if wide { "wide, " } else { "" };
        let length = text::counted(found.length, "byte");
        let said = format!("{:#x}, {length}, {wide}“{text}”", found.offset);
        Some((Role::pattern(pattern), format!(" {} ", text::escape_str(&legend.pattern)), said))
    });
    here.collect()
}
