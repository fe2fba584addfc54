//! The ELF tab: every field with its place, bytes, value and meaning; anomalies first; the code at the entry point.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::parts;
use crate::elf::{Elf, Field, Instruction, Structure, Text};
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::App;
use crate::tui::state::detail::{Decoded, Detail, Explanation};
use crate::tui::widget::{paint, pane};

/// Raw bytes of a field that are shown.
const RAW: usize = 8;
/// Texts listed at most.
const STRINGS: usize = 200;
/// Shortest text that is listed comes from the decoder; this is the widest shown.
const NAME: usize = 14;
/// Columns of a field's meaning below which it gets lines of its own.
const MEANING: usize = 30;

/// A line, and the bytes it stands for.
type Placed = (Line<'static>, Option<Range<u64>>);

/// Draws the tab.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let inner = pane::pane(buffer, area, &app.theme, "ELF", true);
    let width = usize::from(inner.width).saturating_sub(1);
    let Some(detail) = &mut app.detail else { return };
    let Page { lines, fields, .. } = page(&app.theme, detail, width);
    if let Some(wanted) = detail.elf_wanted.take() {
        let line = fields.iter().find(|(field, _)| *field == wanted).map(|(_, line)| *line);
        detail.elf_line = line.unwrap_or(detail.elf_line);
        // With what leads up to it, and its meaning below it.
        *detail.scroll_mut() = detail.elf_line.saturating_sub(usize::from(inner.height) / 3);
    }
    let (lines, places): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let height = usize::from(inner.height);
    app.page = height.max(1);
    detail.lines = lines.len();
    detail.elf_places = places;
    detail.elf_line = detail.elf_line.min(lines.len().saturating_sub(1));
    let top = paint::scroll(detail.scroll(), detail.elf_line, height).min(lines.len().saturating_sub(height));
    *detail.scroll_mut() = top;
    for (index, line) in lines.iter().skip(top).take(height).enumerate() {
        let row = paint::row(inner, index);
        paint::line(buffer, row, line);
        if top + index == detail.elf_line {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, Rect { width: inner.width + 1, ..inner }, &app.theme, top, lines.len());
}

fn page<'t>(theme: &'t Theme, detail: &Detail, width: usize) -> Page<'t> {
    let mut page = Page { theme, width, lines: Vec::new(), fields: Vec::new() };
    match &detail.decoded {
        None => page.say(Role::Dim, "Reading the file …", None),
        Some(Decoded { elf: None, entropy, strings, .. }) => {
            page.say(Role::Text, "This file does not begin with the ELF magic 7f 45 4c 46.", None);
            page.candidate(detail);
            page.figures(*entropy, strings);
        }
        Some(Decoded { elf: Some(elf), code, entropy, strings }) => {
            page.verdicts(elf);
            page.anomalies(elf);
            page.candidate(detail);
            page.header(elf);
            page.segments(elf);
            page.sections(elf);
            if let Some(code) = code {
                page.code(code, detail);
            }
            page.figures(*entropy, strings);
        }
    }
    page
}

struct Page<'t> {
    theme: &'t Theme,
    width: usize,
    lines: Vec<Placed>,
    /// The line of each field, which goes by its header and its place there.
    fields: Vec<((Structure, usize), usize)>,
}

impl Page<'_> {
    fn say(&mut self, role: Role, said: &str, place: Option<&Range<u64>>) {
        for line in text::wrap(said, self.width) {
            self.lines.push((Line::styled(line, self.theme.style(role)), place.cloned()));
        }
    }

    fn heading(&mut self, title: &str) {
        if !self.lines.is_empty() {
            self.lines.push((Line::default(), None));
        }
        self.say(Role::Heading, title, None);
    }

    fn verdicts(&mut self, elf: &Elf) {
        let runs = match elf.kernel.runnable {
            Some(true) => "Linux would run it.",
            Some(false) => "Linux would not run it.",
            None => "Whether Linux would run it cannot be told.",
        };
        self.say(Role::Strong, runs, None);
        for reason in elf.kernel.reasons.iter().chain(&elf.kernel.notes) {
            self.say(Role::Text, &format!("  {reason}"), None);
        }
    }

    fn anomalies(&mut self, elf: &Elf) {
        self.heading(&format!("Anomalies: {}", elf.anomalies.len()));
        for anomaly in &elf.anomalies {
            let place = anomaly.place.map(|place| place.offset..place.offset + place.length);
            self.say(Role::Anomaly, &format!("! {}: {}", anomaly.id, anomaly.text), place.as_ref());
        }
    }

    /// The hunt's candidate condition term by term, and where the rule's patterns are.
    fn candidate(&mut self, detail: &Detail) {
        if detail.hunt.candidate.is_none() {
            return;
        }
        self.heading("Candidate test");
        if let Some((role, said)) = parts::before(detail.explanation.as_ref()) {
            self.say(role, &said, None);
        }
        let Some(Explanation { explained, .. }) = &detail.explanation else { return };
        if let Some(part) = &explained.candidate {
            let lines = parts::condition(self.theme, part, self.width);
            self.lines.extend(lines.into_iter().map(|line| (line, None)));
        }
        let matched = if detail.opened.judged.subject.candidate { "did not match" } else { "matched" };
        self.say(Role::FieldMeaning, &format!("The rule itself {matched}; its patterns:"), None);
        for seen in &explained.patterns {
            let (sign, role) = match &seen.places {
                None => ("?", Role::CheckUnknown),
                Some(places) if places.matches.is_empty() => ("✘", Role::CheckNotMet),
                Some(_) => ("✔", Role::CheckMet),
            };
            let said = format!("  {sign} {} {}", text::escape_str(&seen.pattern), seen.words());
            let first = seen.places.as_ref().and_then(|places| places.matches.first());
            let place = first.map(|(at, length)| *at..at.saturating_add(*length));
            self.lines.push((Line::styled(said, self.theme.style(role)), place));
        }
    }

    fn header(&mut self, elf: &Elf) {
        self.heading(&format!("ELF header, read as {:?} {:?}", elf.layout.class, elf.layout.endian));
        self.fields(Structure::Header, &elf.header.fields, Role::StructHeader);
    }

    fn segments(&mut self, elf: &Elf) {
        for (place, segment) in elf.segments.iter().enumerate() {
            self.heading(&format!("Program header {}: {} {}", segment.index, segment.type_name(), segment.flags()));
            self.fields(Structure::ProgramHeader(place), &segment.fields(), Role::StructSegment);
        }
    }

    fn sections(&mut self, elf: &Elf) {
        for (place, section) in elf.sections.iter().enumerate() {
            let name = section.name.as_deref().unwrap_or("(no name)");
            self.heading(&format!("Section {}: {name} {} {}", section.index, section.type_name(), section.flags()));
            self.fields(Structure::SectionHeader(place), &section.fields(), Role::StructSection);
        }
    }

    fn fields(&mut self, structure: Structure, fields: &[Field], role: Role) {
        for (place, field) in fields.iter().enumerate() {
            self.fields.push(((structure, place), self.lines.len()));
            let raw: Vec<String> = field.raw.iter().take(RAW).map(|byte| format!("{byte:02x}")).collect();
            let more = if field.raw.len() > RAW { "…" } else { "" };
            let value = field.value.number().map_or_else(|| "-".to_owned(), |number| format!("{number:#x}"));
            let mut pieces = paint::Pieces::new(self.theme)
                .add(Role::Offset, format!("{:>6x}+{:<2} ", field.offset, field.length))
                .add(role, text::fit(field.name, NAME))
                .add(Role::BytePrintable, text::fit(&format!(" {}{more}", raw.join(" ")), 26))
                .add(Role::FieldValue, format!("{value:>11} "));
            let present = field.present();
            let present = (!present.is_empty()).then_some(present);
            let meaning = text::escape_str(&field.meaning);
            let indent = pieces.width();
            let room = self.width.saturating_sub(indent);
            if text::width(&meaning) <= room {
                pieces.push(Role::FieldMeaning, meaning);
                self.lines.push((pieces.line(), present));
                continue;
            }
            // Cut, it would not be what the field means; it goes on below, where there is more room.
            let indent = if room < MEANING { NAME } else { indent };
            let mut wrapped = text::wrap(&meaning, self.width.saturating_sub(indent)).into_iter();
            if room >= MEANING {
                pieces.push(Role::FieldMeaning, wrapped.next().unwrap_or_default());
            }
            self.lines.push((pieces.line(), present.clone()));
            for line in wrapped {
                let line = Line::styled(format!("{}{line}", " ".repeat(indent)), self.theme.style(Role::FieldMeaning));
                self.lines.push((line, present.clone()));
            }
        }
    }

    fn code(&mut self, code: &Result<Vec<Instruction>, String>, detail: &Detail) {
        self.heading("Code at the entry point (* within a match)");
        match code {
            Err(why) => self.say(Role::Dim, why, None),
            Ok(instructions) => {
                for instruction in instructions {
                    self.instruction(instruction, detail);
                }
            }
        }
    }

    fn instruction(&mut self, instruction: &Instruction, detail: &Detail) {
        let end = instruction.offset + instruction.bytes.len() as u64;
        let matched = !detail.hex.highlights.patterns_in(instruction.offset..end).is_empty();
        let (mnemonic, operands) = instruction.text.split_once(' ').unwrap_or((&instruction.text, ""));
        let mut pieces = paint::Pieces::new(self.theme)
            .add(if matched { Role::Match1 } else { Role::Dim }, if matched { "*" } else { " " })
            .add(Role::Offset, format!("{:>5x} {:>8x} ", instruction.offset, instruction.address))
            .add(Role::BytePrintable, text::fit(&text::hex(&instruction.bytes), 21))
            .add(Role::AsmMnemonic, text::fit(mnemonic, 7))
            .add(Role::AsmRegister, operands.to_owned());
        if let Some(comment) = &instruction.comment {
            pieces.push(Role::Comment, format!("  ; {comment}"));
        }
        self.lines.push((pieces.line(), Some(instruction.offset..end)));
    }

    fn figures(&mut self, entropy: Option<f64>, strings: &[Text]) {
        if let Some(entropy) = entropy {
            self.heading(&format!("Entropy {entropy:.2} bits a byte; {} printable texts", strings.len()));
        }
        for found in strings.iter().take(STRINGS) {
            let line = paint::Pieces::new(self.theme)
                .add(Role::Offset, format!("{:>6x} ", found.offset))
                .add(Role::String, text::truncate_end(&text::escape_str(&found.text), self.width).into_owned())
                .line();
            self.lines.push((line, Some(found.offset..found.offset + found.length)));
        }
    }
}
