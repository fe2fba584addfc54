//! One file in full: facts, matches, ELF decode; as JSON, and for people.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ndjson;
use crate::content::{FileDescription, FileKind};
use crate::elf::{Elf, ElfField, ElfText, Instruction, Section, Segment};
use crate::evidence::execution::Execution;
use crate::evidence::interpreter::Interpreter;
use crate::evidence::memory::MemoryFit;
use crate::evidence::x32::X32;
use crate::explain::{self, ConditionPart, Explained};
use crate::finding::{FileFacts, Finding, KeptBytes, RuleId};
use crate::hex::dump::{self, DumpExtent};
use crate::hex::snapshot::KeptSource;
use crate::hex::{HexLayout, Highlights};
use crate::scan::Unscanned;
use crate::session::RuleCatalog;
use crate::text;

/// Columns of the page.
const COLUMNS: usize = 100;
/// Lines shown around a match, and matches shown at most.
const EXTENT: DumpExtent = DumpExtent { around: 1, most: 20 };
/// Headers of a kind that are listed unless all are asked for: more than nearly every file has, and few enough that a file
/// that claims 65,535 of them fills no disk.
const HEADERS: usize = 256;
/// Printable texts listed at most.
const STRINGS: usize = 40;

/// The code at the entry point, or why there is none.
#[derive(Debug)]
pub(crate) enum EntryCode {
    /// The instructions.
    Instructions(Vec<Instruction>),
    /// Why there are none.
    None(String),
}

/// What there is to say of a file.
#[derive(Debug, Default)]
pub(crate) struct Inspected {
    /// Its facts; `None` when it could not be read.
    pub facts: Option<Arc<FileFacts>>,
    /// Its bytes, whole or around the matches.
    pub kept: Option<Arc<KeptBytes>>,
    /// The rules that matched.
    pub findings: Vec<Finding>,
    /// The rules that did not match but whose candidate condition holds.
    pub candidates: Vec<RuleId>,
    /// What the conditions of the rules in both lists come to.
    pub explained: Vec<(RuleId, Explained)>,
    /// What was not matched, and why.
    pub not_scanned: Vec<Unscanned>,
    /// How the file has changed since it was matched, so that what follows from its bytes may be of others.
    pub changed: Option<String>,
    /// What kind of file it is; `None` where its first bytes could not be read.
    pub content: Option<FileDescription>,
    /// What the box adds to whether it runs.
    pub execution: Execution,
    /// Whether all headers are listed, however many there are.
    pub all_headers: bool,
    /// The ELF headers; `None` for another kind of file.
    pub elf: Option<Box<Elf>>,
    /// The code at the entry point of an ELF file.
    pub code: Option<EntryCode>,
    /// Bits a byte, of a small file.
    pub entropy: Option<f64>,
    /// Printable texts of a small file.
    pub strings: Vec<ElfText>,
}

impl Inspected {
    /// The headers of `all` that are listed, and how many are not.
    fn listed<'t, T>(&self, all: &'t [T]) -> (&'t [T], usize) {
        let most = if self.all_headers { all.len() } else { all.len().min(HEADERS) };
        (all.get(..most).unwrap_or(all), all.len() - most)
    }

    /// An instruction with the patterns that matched any of its bytes.
    fn matched<'i>(&'i self, instruction: &'i Instruction) -> Line<'i> {
        let bytes = instruction.offset..instruction.offset.saturating_add(instruction.bytes.len() as u64);
        let mut matched = Vec::new();
        for finding in &self.findings {
            for found in &finding.matches {
                let pattern = json!({"rule": &*finding.found_by.rule().name, "pattern": &*found.pattern});
                if found.offset < bytes.end && bytes.start < found.end() && !matched.contains(&pattern) {
                    matched.push(pattern);
                }
            }
        }
        Line { instruction, matched }
    }

    fn explained(&self, rule: &RuleId) -> Option<&Explained> {
        self.explained.iter().find_map(|(explained, parts)| (explained == rule).then_some(parts))
    }
}

/// The JSON document. The ELF decode is written from what it is, not built up as JSON first: it may have 65,536 headers.
#[derive(Debug, Serialize)]
pub(crate) struct InspectDocument<'i> {
    file: Option<Value>,
    path_hex: Option<Value>,
    mount_path: Option<Value>,
    data_digest: Option<Value>,
    changed: Option<&'i str>,
    findings: Vec<Value>,
    candidates: Vec<Value>,
    not_scanned: Vec<Value>,
    content: Option<&'i FileDescription>,
    interpreter: Option<&'i Interpreter>,
    x32: Option<&'i X32>,
    memory: Option<&'i MemoryFit>,
    elf: Option<ElfDocument<'i>>,
    entropy: Option<f64>,
    strings: &'i [ElfText],
}

#[derive(Debug, Serialize)]
struct ElfDocument<'i> {
    #[serde(flatten)]
    elf: &'i Elf,
    segments: &'i [Segment],
    /// Program headers that are decoded but not listed.
    segments_left_off: usize,
    sections: &'i [Section],
    /// Section headers that are decoded but not listed.
    sections_left_off: usize,
    code: Option<Vec<Line<'i>>>,
    no_code: Option<&'i str>,
}

/// An instruction, and what matched it.
#[derive(Debug, Serialize)]
struct Line<'i> {
    #[serde(flatten)]
    instruction: &'i Instruction,
    matched: Vec<Value>,
}

/// The JSON document, for a box whose `/` is at `root`.
pub(crate) fn document<'i>(inspected: &'i Inspected, book: &RuleCatalog, root: &Path) -> InspectDocument<'i> {
    let mut own = Map::new();
    let file = inspected.facts.as_ref().map(|facts| ndjson::file(facts, root, &mut own));
    let findings = inspected.findings.iter().map(|finding| {
        let rule = book.hunt_of(&finding.found_by).map(|hunt| ndjson::attribution(&hunt.rule));
        let matches: Vec<_> = finding.matches.iter().map(ndjson::pattern_match).collect();
        let condition = inspected.explained(finding.found_by.rule()).map(|explained| &explained.rule);
        json!({"rule": rule, "matches": matches, "capped": finding.capped, "condition": condition})
    });
    let candidates = inspected.candidates.iter().map(|rule| {
        let explained = inspected.explained(rule);
        json!({
            "rule": &*rule.name,
            "condition": explained.map(|explained| &explained.candidate),
            "rule_condition": explained.map(|explained| &explained.rule),
        })
    });
    let elf = inspected.elf.as_deref().map(|elf| {
        let (code, no_code) = match &inspected.code {
            Some(EntryCode::Instructions(code)) => {
                (Some(code.iter().map(|line| inspected.matched(line)).collect()), None)
            }
            Some(EntryCode::None(why)) => (None, Some(why.as_str())),
            None => (None, None),
        };
        let (segments, segments_left_off) = inspected.listed(&elf.segments);
        let (sections, sections_left_off) = inspected.listed(&elf.sections);
        ElfDocument { elf, segments, segments_left_off, sections, sections_left_off, code, no_code }
    });
    InspectDocument {
        file,
        path_hex: own.remove("path_hex"),
        mount_path: own.remove("mount_path"),
        data_digest: own.remove("data_digest"),
        changed: inspected.changed.as_deref(),
        findings: findings.collect(),
        candidates: candidates.collect(),
        not_scanned: inspected
            .not_scanned
            .iter()
            .map(|item| json!({"reason": item.reason.kind(), "detail": item.reason.to_string()}))
            .collect(),
        content: inspected.content.as_ref(),
        interpreter: inspected.execution.interpreter.as_ref(),
        x32: inspected.execution.x32.as_ref(),
        memory: inspected.execution.memory.as_ref(),
        elf,
        entropy: inspected.entropy,
        strings: &inspected.strings,
    }
}

/// The page for people; safe text.
pub(crate) fn page(inspected: &Inspected, book: &RuleCatalog) -> String {
    let mut out = String::new();
    if let Some(facts) = &inspected.facts {
        facts_section(&mut out, facts);
    }
    for item in &inspected.not_scanned {
        let _ = writeln!(out, "not scanned: {}", item.reason);
    }
    if let Some(changed) = &inspected.changed {
        let _ = writeln!(out, "\n! {}: what is said below may be of other bytes", text::escape_str(changed));
    }
    for finding in &inspected.findings {
        finding_section(&mut out, finding, inspected, book);
    }
    if inspected.findings.is_empty() {
        out.push_str("\nno rule matched\n");
    }
    for rule in &inspected.candidates {
        let condition = book.hunt(rule).and_then(|hunt| hunt.candidate.clone()).unwrap_or_default();
        let _ = writeln!(out, "\ncandidate of {}: {}", text::escape_str(&rule.name), text::escape_str(&condition));
        if let Some(explained) = inspected.explained(rule) {
            explained.candidate.iter().for_each(|part| condition_lines(&mut out, part));
            out.push_str("  the rule itself did not match\n");
            condition_lines(&mut out, &explained.rule);
            for seen in &explained.patterns {
                let _ = writeln!(out, "  {} {}", text::escape_str(&seen.pattern), seen.words());
            }
        }
    }
    match (&inspected.content, &inspected.elf) {
        (Some(content), None) if content.kind != FileKind::Elf => content_section(&mut out, content),
        _ => {}
    }
    if let Some(elf) = &inspected.elf {
        elf_section(&mut out, elf, inspected);
    } else {
        execution_lines(&mut out, &inspected.execution);
    }
    match &inspected.code {
        Some(EntryCode::Instructions(instructions)) => {
            out.push_str("\ncode at the entry point (* within a match)\n");
            for line in instructions {
                let comment = line.comment.as_ref().map(|comment| format!("  ; {comment}")).unwrap_or_default();
                let (bytes, offset, address) = (text::hex(&line.bytes), line.offset, line.address);
                let sign = if inspected.matched(line).matched.is_empty() { ' ' } else { '*' };
                let _ = writeln!(out, "{sign} {offset:>6x} {address:>8x}  {bytes:<20} {}{comment}", line.text);
            }
        }
        Some(EntryCode::None(why)) => _ = writeln!(out, "\nno code: {}", text::escape_str(why)),
        None => {}
    }
    if let Some(entropy) = inspected.entropy {
        let _ = writeln!(out, "\nentropy {entropy:.2} bits a byte; {} printable texts", inspected.strings.len());
    }
    for found in inspected.strings.iter().take(STRINGS) {
        let shown = text::escape_str(&found.text);
        let _ = writeln!(out, "  {:>6x} {}", found.offset, text::truncate_end(&shown, COLUMNS - 9));
    }
    out
}

fn facts_section(out: &mut String, facts: &FileFacts) {
    let named = |id: u32, name: &Option<String>| match name {
        Some(name) => format!("{} ({id})", text::escape_str(name)),
        None => id.to_string(),
    };
    let born = facts.born.map_or_else(|| "unknown".to_owned(), |time| time.to_string());
    for (name, value) in [
        ("path", text::escape_path(&facts.path).into_owned()),
        facts.digest.labelled(),
        ("size", text::counted(facts.size, "byte")),
        ("owner", named(facts.uid, &facts.owner)),
        ("group", named(facts.gid, &facts.group)),
        ("mode", format!("{:04o}", facts.mode & 0o7777)),
        ("inode", format!("{} on device {:#x}, {}", facts.ino, facts.dev, text::counted(facts.links, "link"))),
        ("accessed", facts.accessed.to_string()),
        ("modified", facts.modified.to_string()),
        ("changed", facts.changed.to_string()),
        ("born", born),
    ] {
        let _ = writeln!(out, "{name:<10}{value}");
    }
}

fn finding_section(out: &mut String, finding: &Finding, inspected: &Inspected, book: &RuleCatalog) {
    let _ = writeln!(out, "\n{} matched", text::escape_str(&finding.found_by.rule().name));
    let Some(hunt) = book.hunt_of(&finding.found_by) else { return };
    for (name, value) in [
        ("about", hunt.rule.description()),
        ("author", hunt.rule.author()),
        ("reference", hunt.rule.reference()),
        ("licence", hunt.rule.license()),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name:<10}{}", text::escape_str(value));
        }
    }
    if let Some(explained) = inspected.explained(finding.found_by.rule()) {
        let _ = writeln!(out, "  condition");
        condition_lines(out, &explained.rule);
    }
    let (Some(facts), Some(kept)) = (&inspected.facts, &inspected.kept) else { return };
    let highlights = Highlights::new(hunt.rule.patterns.iter().map(|pattern| pattern.id.as_str()), &finding.matches);
    let mut source = KeptSource::new(Arc::clone(kept), facts.size);
    let layout = HexLayout::new(COLUMNS - 2, 1, facts.size);
    for line in dump::matches(&mut source, &layout, &highlights, EXTENT) {
        let _ = writeln!(out, "  {line}");
    }
}

fn condition_lines(out: &mut String, part: &ConditionPart) {
    for line in explain::lines(part, COLUMNS - 4) {
        let _ = writeln!(out, "    {}{}", line.part, line.because);
    }
}

fn content_section(out: &mut String, content: &FileDescription) {
    let _ = writeln!(out, "\n{}: {}", content.kind.name(), content.summary);
    for line in &content.details {
        let _ = writeln!(out, "  {line}");
    }
}

fn elf_section(out: &mut String, elf: &Elf, inspected: &Inspected) {
    let (headline, lines) = inspected.execution.in_words(elf);
    let _ = writeln!(out, "\nELF: {headline}");
    for line in lines {
        let _ = writeln!(out, "  {}", text::escape_str(&line));
    }
    execution_lines(out, &inspected.execution);
    for anomaly in &elf.anomalies {
        let _ = writeln!(out, "  ! {}: {}", anomaly.id, text::escape_str(&anomaly.text));
    }
    let _ = writeln!(out, "\nELF header");
    fields(out, &elf.header.fields);
    let (segments, more) = inspected.listed(&elf.segments);
    for segment in segments {
        let _ = writeln!(out, "\nprogram header {}: {} {}", segment.index, segment.type_name(), segment.flags());
        fields(out, &segment.fields());
    }
    left_off(out, more, "program header");
    let (sections, more) = inspected.listed(&elf.sections);
    for section in sections {
        let name = section.name.as_deref().unwrap_or("(no name)");
        let _ = writeln!(out, "\nsection {}: {name} {} {}", section.index, section.type_name(), section.flags());
        fields(out, &section.fields());
    }
    left_off(out, more, "section header");
}

fn execution_lines(out: &mut String, execution: &Execution) {
    for (_, line) in execution.lines() {
        let _ = writeln!(out, "  {line}");
    }
}

fn left_off(out: &mut String, more: usize, what: &str) {
    if more > 0 {
        let _ = writeln!(out, "\n{} more; --all-headers lists them", text::counted(more as u64, what));
    }
}

fn fields(out: &mut String, fields: &[ElfField]) {
    for field in fields {
        let value = field.value.number().map_or_else(|| "-".to_owned(), |number| format!("{number:#x}"));
        let (raw, meaning) = (text::hex(&field.raw), text::escape_str(&field.meaning));
        let _ = writeln!(out, "  {:>6x} {:<14} {raw:<18} {value:>12}  {meaning}", field.offset, field.name);
    }
}
