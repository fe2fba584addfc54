//! The lines of the ELF tab in words and roles: every field with its place, bytes, value and meaning; anomalies first;
//! the code at the entry point.
//!
//! A file may have 65,536 headers of a kind, so the lines come in parts, one for each header, and only the parts that are
//! looked at are ever put in words.

use std::ops::Range;

use super::detail::Detail;
use super::told::{Decoded, Explanation};
use crate::content::FileDescription;
use crate::elf::{Elf, ElfField, ElfText, Instruction, Structure};
use crate::evidence::execution::Execution;
use crate::explain::{self, ConditionPart, PartValue};
use crate::text;
use crate::theme::Role;

/// Bytes of a field that are shown.
const RAW: usize = 8;
/// Texts listed at most.
const STRINGS: usize = 200;
/// Columns of a field's name.
const NAME: usize = 14;
/// Columns of a field's meaning below which it gets lines of its own.
const MEANING: usize = 30;
/// Instructions that are the same and follow each other listed at most; of more, the first is.
const MAX_LINES_OF_ONE: usize = 4;
/// Column at which the words of an instruction begin.
const OPERANDS: usize = 37;

/// The pieces of one line, with their roles; safe text.
pub(crate) type RowPieces = Vec<(Role, String)>;

/// A line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ElfRow {
    /// What it says.
    pub pieces: RowPieces,
    /// The bytes of the file that it stands for.
    pub place: Option<Range<u64>>,
    /// The field that it says first, by its header and its place there.
    pub field: Option<(Structure, usize)>,
}

/// How many parts the tab has: what leads up to the program headers, one for each header, and what follows them.
pub(crate) fn count(detail: &Detail) -> usize {
    detail.elf().map_or(1, |elf| elf.segments.len() + elf.sections.len() + 2)
}

/// The part that a structure's fields are in.
pub(crate) fn part_of(detail: &Detail, structure: Structure) -> usize {
    let segments = detail.elf().map_or(0, |elf| elf.segments.len());
    match structure {
        Structure::ProgramHeader(place) | Structure::Segment(place) => 1 + place,
        Structure::SectionHeader(place) | Structure::Section(place) => 1 + segments + place,
        Structure::Header | Structure::Entry | Structure::Interpreter => 0,
    }
}

/// The lines of a part, `width` columns wide; a part that is not there has none.
pub(crate) fn rows(detail: &Detail, part: usize, width: usize) -> Vec<ElfRow> {
    let mut rows = Rows { width, rows: Vec::new() };
    match &detail.decoded {
        None if part == 0 => rows.say(Role::Dim, "Reading the file …", None),
        Some(Decoded { elf: None, content, execution, entropy, strings, .. }) if part == 0 => {
            rows.notice(detail);
            rows.content(content.as_ref(), execution);
            rows.candidate(detail);
            rows.figures(*entropy, strings);
        }
        None | Some(Decoded { elf: None, .. }) => {}
        Some(Decoded { elf: Some(elf), execution, .. }) if part == 0 => {
            rows.notice(detail);
            rows.verdicts(elf, execution);
            rows.anomalies(elf);
            rows.candidate(detail);
            rows.header(elf);
        }
        Some(Decoded { elf: Some(elf), code, entropy, strings, .. }) => {
            let segment = part - 1;
            let section = part.checked_sub(1 + elf.segments.len());
            match section {
                None => rows.segment(elf, segment),
                Some(section) if section < elf.sections.len() => rows.section(elf, section),
                Some(section) if section == elf.sections.len() => {
                    if let Some(code) = code {
                        rows.code(code, detail);
                    }
                    rows.figures(*entropy, strings);
                }
                Some(_) => {}
            }
        }
    }
    rows.rows
}

/// The lines of a condition, `width` columns wide.
pub(crate) fn condition(part: &ConditionPart, width: usize) -> Vec<RowPieces> {
    let line = |line: explain::ConditionLine| {
        let role = match line.value {
            PartValue::True => Role::CheckMet,
            PartValue::False | PartValue::Undefined => Role::CheckNotMet,
            PartValue::Unknown => Role::CheckUnknown,
        };
        vec![(role, format!("  {}", line.part)), (Role::FieldMeaning, line.because)]
    };
    explain::lines(part, width.saturating_sub(2)).into_iter().map(line).collect()
}

/// What stands before an explanation: that it is awaited, or what bytes it rests on.
pub(crate) fn before(explanation: Option<&Explanation>) -> Option<(Role, String)> {
    match explanation {
        None => Some((Role::Dim, "Reading the file …".to_owned())),
        Some(explanation) => explanation.notice.as_ref().map(|notice| (Role::Warning, format!("! {notice}"))),
    }
}

fn width(pieces: &RowPieces) -> usize {
    pieces.iter().map(|(_, piece)| text::width(piece)).sum()
}

struct Rows {
    width: usize,
    rows: Vec<ElfRow>,
}

impl Rows {
    fn push(&mut self, pieces: RowPieces, place: Option<Range<u64>>) {
        self.rows.push(ElfRow { pieces, place, field: None });
    }

    fn say(&mut self, role: Role, said: &str, place: Option<&Range<u64>>) {
        for line in text::wrap(said, self.width) {
            self.push(vec![(role, line)], place.cloned());
        }
    }

    /// What belongs to the line above.
    fn say_below(&mut self, role: Role, said: &str, place: Option<&Range<u64>>) {
        for line in text::wrap(said, self.width.saturating_sub(2)) {
            self.push(vec![(role, format!("  {line}"))], place.cloned());
        }
    }

    fn heading(&mut self, title: &str) {
        self.rows.push(ElfRow::default());
        self.say(Role::Heading, title, None);
    }

    /// What a responder must know about the bytes that all this rests on.
    fn notice(&mut self, detail: &Detail) {
        if let Some(notice) = detail.hex.window.as_ref().and_then(|window| window.notice.as_deref()) {
            self.say(Role::Warning, notice, None);
        }
    }

    /// What a file is that is no ELF.
    fn content(&mut self, content: Option<&FileDescription>, execution: &Execution) {
        let Some(content) = content else {
            let said = "What kind of file this is cannot be told: its first bytes are not at hand.";
            return self.say(Role::Text, said, None);
        };
        self.say(Role::Strong, &content.summary, None);
        for line in &content.details {
            self.say_below(Role::Text, line, None);
        }
        self.execution(execution);
    }

    fn verdicts(&mut self, elf: &Elf, execution: &Execution) {
        let (headline, lines) = execution.in_words(elf);
        self.say(Role::Strong, &headline, None);
        for line in lines {
            self.say_below(Role::Text, &line, None);
        }
        self.execution(execution);
    }

    /// What the box adds to whether it runs.
    fn execution(&mut self, execution: &Execution) {
        for (fails, line) in execution.lines() {
            self.say_below(if fails { Role::Warning } else { Role::Text }, &line, None);
        }
    }

    fn anomalies(&mut self, elf: &Elf) {
        self.heading(&format!("Anomalies: {}", elf.anomalies.len()));
        for anomaly in &elf.anomalies {
            let place = anomaly.place.map(|place| place.offset..place.offset + place.length);
            let said = text::wrap(&format!("{}: {}", anomaly.id, anomaly.text), self.width.saturating_sub(2));
            for (line, said) in said.into_iter().enumerate() {
                let sign = if line == 0 { "! " } else { "  " };
                self.push(vec![(Role::Anomaly, format!("{sign}{said}"))], place.clone());
            }
        }
    }

    /// The hunt's candidate condition term by term, and where the rule's patterns are.
    fn candidate(&mut self, detail: &Detail) {
        if detail.hunt.candidate.is_none() {
            return;
        }
        self.heading("Candidate test");
        if let Some((role, said)) = before(detail.explanation.as_ref()) {
            self.say(role, &said, None);
        }
        let Some(Explanation { explained, .. }) = &detail.explanation else { return };
        if let Some(part) = &explained.candidate {
            for line in condition(part, self.width) {
                self.push(line, None);
            }
        }
        let matched = if detail.opened.judged.subject.candidate { "did not match" } else { "matched" };
        self.say(Role::FieldMeaning, &format!("The rule itself {matched}; its patterns:"), None);
        for seen in &explained.patterns {
            let (sign, role) = match &seen.places {
                None => ("?", Role::CheckUnknown),
                Some(places) if places.matches.is_empty() => ("✘", Role::CheckNotMet),
                Some(_) => ("✔", Role::CheckMet),
            };
            let said = format!("{sign} {} {}", text::escape_str(&seen.pattern), seen.words());
            let first = seen.places.as_ref().and_then(|places| places.matches.first());
            let place = first.map(|(at, length)| *at..at.saturating_add(*length));
            self.say_below(role, &said, place.as_ref());
        }
    }

    fn header(&mut self, elf: &Elf) {
        self.heading(&format!("ELF header, read as {}, {}", elf.layout.class.name(), elf.layout.endian.name()));
        self.fields(Structure::Header, &elf.header.fields, Role::StructHeader);
    }

    fn segment(&mut self, elf: &Elf, place: usize) {
        let Some(segment) = elf.segments.get(place) else { return };
        self.heading(&format!("Program header {}: {} {}", segment.index, segment.type_name(), segment.flags()));
        self.fields(Structure::ProgramHeader(place), &segment.fields(), Role::StructSegment);
    }

    fn section(&mut self, elf: &Elf, place: usize) {
        let Some(section) = elf.sections.get(place) else { return };
        let name = section.name.as_deref().unwrap_or("(no name)");
        self.heading(&format!("Section {}: {name} {} {}", section.index, section.type_name(), section.flags()));
        self.fields(Structure::SectionHeader(place), &section.fields(), Role::StructSection);
    }

    fn fields(&mut self, structure: Structure, fields: &[ElfField], role: Role) {
        for (place, field) in fields.iter().enumerate() {
            let raw: Vec<String> = field.raw.iter().take(RAW).map(|byte| format!("{byte:02x}")).collect();
            let more = if field.raw.len() > RAW { "…" } else { "" };
            let value = field.value.number().map_or_else(|| "-".to_owned(), |number| format!("{number:#x}"));
            let mut pieces = vec![
                (Role::Offset, format!("{:>6x}+{:<2} ", field.offset, field.length - field.missing())),
                (role, text::fit(field.name, NAME)),
                (Role::BytePrintable, text::fit(&format!(" {}{more}", raw.join(" ")), 26)),
                (Role::FieldValue, format!("{value:>11} ")),
            ];
            let present = field.present();
            let present = (!present.is_empty()).then_some(present);
            let first = self.rows.len();
            let meaning = text::escape_str(&field.meaning);
            let indent = width(&pieces);
            let room = self.width.saturating_sub(indent);
            if text::width(&meaning) <= room {
                pieces.push((Role::FieldMeaning, meaning.into_owned()));
                self.push(pieces, present);
            } else {
                // Cut, it would not be what the field means; it goes on below, where there is more room.
                let indent = if room < MEANING { NAME } else { indent };
                let mut wrapped = text::wrap(&meaning, self.width.saturating_sub(indent)).into_iter();
                if room >= MEANING {
                    pieces.push((Role::FieldMeaning, wrapped.next().unwrap_or_default()));
                }
                self.push(pieces, present.clone());
                for line in wrapped {
                    self.push(vec![(Role::FieldMeaning, format!("{}{line}", " ".repeat(indent)))], present.clone());
                }
            }
            if let Some(row) = self.rows.get_mut(first) {
                row.field = Some((structure, place));
            }
        }
    }

    fn code(&mut self, code: &Result<Vec<Instruction>, String>, detail: &Detail) {
        self.heading("Code at the entry point (* within a match)");
        match code {
            Err(why) => self.say(Role::Dim, why, None),
            Ok(instructions) => {
                // Zeros after the code read as instructions too, the same again and again.
                for same in instructions.chunk_by(|a, b| a.bytes == b.bytes && a.comment == b.comment) {
                    let (shown, more) = same.split_at(if same.len() > MAX_LINES_OF_ONE { 1 } else { same.len() });
                    for instruction in shown {
                        self.instruction(instruction, detail);
                    }
                    if let (Some(first), Some(last)) = (more.first(), more.last()) {
                        let said = format!("  … {} more of these, the last at {:x}", more.len(), last.offset);
                        let end = last.offset.saturating_add(last.bytes.len() as u64);
                        self.push(vec![(Role::Dim, said)], Some(first.offset..end));
                    }
                }
            }
        }
    }

    fn instruction(&mut self, instruction: &Instruction, detail: &Detail) {
        let end = instruction.offset + instruction.bytes.len() as u64;
        let matched = !detail.hex.highlights.patterns_in(instruction.offset..end).is_empty();
        let (mnemonic, operands) = instruction.text.split_once(' ').unwrap_or((&instruction.text, ""));
        let mut pieces = vec![
            if matched { (Role::Match1, "*".to_owned()) } else { (Role::Dim, " ".to_owned()) },
            (Role::Offset, format!("{:>5x} {:>8x} ", instruction.offset, instruction.address)),
            (Role::BytePrintable, text::fit(&text::hex(&instruction.bytes), 21)),
            (Role::AsmMnemonic, text::fit(mnemonic, 7)),
            (Role::AsmRegister, operands.to_owned()),
        ];
        let Some(comment) = &instruction.comment else { return self.push(pieces, Some(instruction.offset..end)) };
        let comment = format!("; {comment}");
        let taken = width(&pieces) + 2;
        if taken + text::width(&comment) <= self.width {
            pieces.push((Role::Comment, format!("  {comment}")));
            return self.push(pieces, Some(instruction.offset..end));
        }
        self.push(pieces, Some(instruction.offset..end));
        for line in text::wrap(&comment, self.width.saturating_sub(OPERANDS)) {
            let line = format!("{}{line}", " ".repeat(OPERANDS));
            self.push(vec![(Role::Comment, line)], Some(instruction.offset..end));
        }
    }

    fn figures(&mut self, entropy: Option<f64>, strings: &[ElfText]) {
        if let Some(entropy) = entropy {
            self.heading(&format!("Entropy {entropy:.2} bits a byte; {} printable texts", strings.len()));
        }
        for found in strings.iter().take(STRINGS) {
            let shown = text::escape_str(&found.text);
            let pieces = vec![
                (Role::Offset, format!("{:>6x} ", found.offset)),
                (Role::String, text::truncate_end(&shown, self.width.saturating_sub(7)).into_owned()),
            ];
            self.push(pieces, Some(found.offset..found.offset.saturating_add(found.length)));
        }
    }
}
