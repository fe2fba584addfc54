//! What is odd about an ELF file. Each kind has a stable id; the text gives the numbers.
//!
//! An anomaly is no verdict: packers, build tools and hand-written demos make odd files too.

mod header;
mod sections;
mod segments;

use std::borrow::Borrow;

use serde::Serialize;

use super::Elf;
use super::field::ElfField;
use super::kind::ElfKind;
use crate::text::counted;

/// Anomalies of one kind listed at most; the rest is counted.
const MAX_OF_A_KIND: usize = 8;

/// One odd thing about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// Stable name of the kind, in kebab-case.
    pub id: &'static str,
    /// What is odd, with the numbers, in one line.
    pub text: String,
    /// The bytes concerned, where there are such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<ByteRange>,
}

/// A stretch of the file; it always lies inside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ByteRange {
    /// Offset of the first byte.
    pub offset: u64,
    /// Bytes, at least 1.
    pub length: u64,
}

/// All anomalies of a decoded file: header, segments, entry point, sections, what follows them.
pub(super) fn find(elf: &Elf) -> Vec<Anomaly> {
    let mut found = AnomalyList { list: Vec::new(), counts: Vec::new(), file_size: elf.file_size };
    if elf.header.not_read {
        found.add("header-not-read", "the ELF header was not read whole, so nothing is judged".to_owned(), None);
    } else {
        header::find(elf, &mut found);
        segments::find(elf, &mut found);
        sections::find(elf, &mut found);
        whole(elf, &mut found);
    }
    found.finish()
}

/// Largest file that is called tiny, bytes: smaller than what a linker makes of an empty program.
const TINY: u64 = 1024;

fn whole(elf: &Elf, found: &mut AnomalyList) {
    use goblin::elf::program_header as ph;
    let has = |kind| elf.segments.iter().any(|segment| segment.values.p_type == kind);
    if elf.file_size < TINY
        && elf.kind == ElfKind::Program
        && elf.segment_table.not_read == 0
        && !has(ph::PT_INTERP)
        && !has(ph::PT_DYNAMIC)
    {
        let text =
            format!("a program of {} bytes that needs no library: no compiler makes one so small", elf.file_size);
        found.add("tiny-static", text, None);
    }
    if !elf.segment_table.complete() || !elf.section_table.complete() {
        return;
    }
    let ends =
        elf.segments.iter().map(super::Segment::file_end).chain(elf.sections.iter().map(super::Section::file_end));
    let tables = [elf.layout.header_size(), elf.segment_table.end(), elf.section_table.end()];
    // An empty table claims nothing, wherever its offset points.
    let tables = tables.into_iter().zip([1, elf.segment_table.count, elf.section_table.count]);
    let end = ends.chain(tables.filter(|(_, count)| *count > 0).map(|(end, _)| end)).max().unwrap_or(0);
    if let Some(extra) = elf.file_size.checked_sub(end).filter(|extra| *extra > 0) {
        let text =
            format!("no header, segment or section holds the {} from offset {end:#x} on", counted(extra, "byte"));
        found.add("trailing-bytes", text, Some((end, extra)));
    }
}

/// The list as it grows.
struct AnomalyList {
    list: Vec<Anomaly>,
    counts: Vec<(&'static str, usize)>,
    file_size: u64,
}

impl AnomalyList {
    /// Adds an anomaly about `(offset, length)`, which is cut to what lies inside the file.
    fn add(&mut self, id: &'static str, text: String, place: Option<(u64, u64)>) {
        let count = if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == id) {
            *count += 1;
            *count
        } else {
            self.counts.push((id, 1));
            1
        };
        if count <= MAX_OF_A_KIND {
            let place = place.and_then(|(offset, length)| {
                let length = length.min(self.file_size.checked_sub(offset)?);
                (length > 0).then_some(ByteRange { offset, length })
            });
            self.list.push(Anomaly { id, text, place });
        }
    }

    /// Whether anomalies of this kind are only counted from now on, so that none need be put in words.
    fn is_full(&mut self, id: &'static str) -> bool {
        match self.counts.iter_mut().find(|(known, _)| *known == id) {
            Some((_, count)) if *count >= MAX_OF_A_KIND => {
                *count += 1;
                true
            }
            _ => false,
        }
    }

    /// Adds an anomaly about a field.
    fn add_field(&mut self, id: &'static str, text: String, field: Option<impl Borrow<ElfField>>) {
        let place = field.map(|field| {
            let field: &ElfField = field.borrow();
            (field.offset, field.length)
        });
        self.add(id, text, place);
    }

    fn finish(self) -> Vec<Anomaly> {
        let mut list = self.list;
        for (id, count) in self.counts.into_iter().filter(|(_, count)| *count > MAX_OF_A_KIND) {
            let more = (count - MAX_OF_A_KIND) as u64;
            let text = format!("and {} more of this kind", crate::text::count(more));
            let after = list.iter().rposition(|anomaly| anomaly.id == id).map_or(list.len(), |at| at + 1);
            list.insert(after, Anomaly { id, text, place: None });
        }
        list
    }
}
