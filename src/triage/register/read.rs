//! A register's text to its entries. What is not TOML, or not a register, is an error; an entry that is not
//! understood is listed as doubtful and the others stay what they are.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, Table};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;
use uuid::Uuid;

use crate::diagnostics::SourcePlace;
use crate::text;

use super::super::bound::{BoundBox, MAX_BOXES};
use super::super::exclusion::{CheckResult, Exclusion, HOST, Judgement, Revocation, SeenCheck, SeenFile};
use super::super::scope::{Scope, ScopeKind};
use super::entry::{InvalidEntry, RegisterEntry};
use super::error::RegisterError;
use super::fields::{Cause, Found, LineStarts, TableKeys};

/// The version of the register's form that is written here, and the newest that is read.
pub(crate) const VERSION: i64 = 1;

/// The entries of a register, with what is needed to edit its text.
#[derive(Debug)]
pub(super) struct ParsedRegister {
    pub entries: Vec<RegisterEntry>,
    /// Whether the text says its version; it need not while it says nothing at all.
    pub has_version: bool,
    /// For each entry the offset of the line after its `id`, if it has one.
    pub after_id: Vec<Option<usize>>,
    /// For each entry the bytes of the text from its `[[exclusion]]` to the next.
    pub parts: Vec<Range<usize>>,
}

/// Bytes of one entry at most, and of what stands before the first. TOML that is taken apart needs some eighty times its
/// length in memory, so a register is taken apart entry by entry.
const MAX_PART_BYTES: usize = 512 * 1024;

/// Entries of a register at most, so that a file full of empty ones does not fill the memory.
const MAX_ENTRIES: usize = 100_000;

/// Reads the text of `file`.
pub(super) fn parse(file: &Path, text: &str) -> Result<ParsedRegister, RegisterError> {
    let wrong = |offset: usize, message: String| {
        let SourcePlace { line, column } = SourcePlace::of(text, offset);
        RegisterError::Syntax { file: file.to_owned(), line, column, message }
    };
    let slice = |part: &Range<usize>| text.get(part.clone()).unwrap_or_default();
    let toml = |part: &Range<usize>| {
        if part.len() > MAX_PART_BYTES {
            let most = text::bytes(MAX_PART_BYTES as u64);
            return Err(wrong(
                part.start,
                format!("what begins here is longer than {most}, the most that one entry may take"),
            ));
        }
        Document::parse(slice(part)).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong(part.start + offset, format!("not TOML: {}", text::escape_str(error.message())))
        })
    };
    let entries = entry_starts(text);
    if let Some(first_too_many) = entries.get(MAX_ENTRIES) {
        return Err(wrong(*first_too_many, format!("there are more than {MAX_ENTRIES} entries")));
    }
    let ends = entries.iter().skip(1).copied().chain([text.len()]);
    let parts: Vec<_> = entries.iter().zip(ends).map(|(start, end)| *start..end).collect();
    let top = 0..entries.first().copied().unwrap_or(text.len());
    let document = toml(&top)?;
    let mut lines = LineStarts::of(slice(&top), 0);
    let start = |item: &Item| item.span().map_or(0, |span| span.start);
    match document.get("version").map(|item| (item, item.as_integer())) {
        None if document.is_empty() && parts.is_empty() => {}
        None => return Err(wrong(0, format!("no `version = {VERSION}` at the top, so this is not a register"))),
        Some((item, Some(found))) if found > VERSION => {
            let line = lines.line(start(item));
            return Err(RegisterError::Newer { file: file.to_owned(), line, found, known: VERSION });
        }
        Some((_, Some(VERSION))) => {}
        Some((item, _)) => return Err(wrong(start(item), format!("`version` must be {VERSION}"))),
    }
    if let Some(exclusions) = document.get("exclusion") {
        return Err(wrong(start(exclusions), "`exclusion` must be written as [[exclusion]] tables".to_owned()));
    }
    let has_version = document.contains_key("version");
    let mut parsed = ParsedRegister { entries: Vec::new(), has_version, after_id: Vec::new(), parts: Vec::new() };
    for part in &parts {
        let document = toml(part)?;
        lines = LineStarts::of(slice(part), lines.ended());
        for table in document.get("exclusion").and_then(Item::as_array_of_tables).into_iter().flatten() {
            parsed.entries.push(entry(table, &lines));
            parsed.parts.push(part.clone());
            let id = table.get("id").and_then(Item::span);
            parsed.after_id.push(id.map(|span| lines.next(span.end).map_or(part.end, |next| part.start + next)));
        }
    }
    doubt_twins(&mut parsed.entries);
    Ok(parsed)
}

/// Where each `[[exclusion]]` begins, by the tokens of TOML: not what looks so in a comment, a text or an array.
fn entry_starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    // Brackets of values that are open, and whether a line begins that belongs to no value.
    let (mut depth, mut begins, mut header) = (0_usize, true, false);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Newline if depth == 0 => (begins, header) = (true, false),
            TokenKind::Whitespace | TokenKind::Newline => {}
            TokenKind::LeftSquareBracket if begins => {
                let line = text.get(token.span().start()..).and_then(|rest| rest.lines().next()).unwrap_or_default();
                let name = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")).map(|(name, _)| name.trim());
                if name.is_some_and(|name| matches!(name, "exclusion" | "\"exclusion\"" | "'exclusion'")) {
                    starts.push(token.span().start());
                }
                (begins, header) = (false, true);
            }
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket if !header => {
                (begins, depth) = (false, depth + 1);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket if !header => depth = depth.saturating_sub(1),
            _ => begins = false,
        }
    }
    starts
}

fn entry(table: &Table, lines: &LineStarts) -> RegisterEntry {
    let line = table.span().map_or(0, |span| lines.line(span.start));
    let fields = TableKeys::new(table, lines, line);
    let understood = exclusion(fields).and_then(|exclusion| match exclusion.check() {
        Ok(()) => Ok(exclusion),
        Err(defect) => Err(fields.cause(defect.to_string())),
    });
    let content = understood.map_err(|Cause { line, text }| InvalidEntry {
        id: id(fields).ok(),
        rule: fields.text("rule").ok().map(str::to_owned),
        scope: scope(fields).ok(),
        line,
        cause: text,
    });
    RegisterEntry { line, content }
}

/// Two entries of one id may be one entry before and after it was revoked, brought together by a merge: which of them
/// counts cannot be told, so neither does.
fn doubt_twins(entries: &mut [RegisterEntry]) {
    let mut lines: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for entry in entries.iter() {
        if let Some(id) = entry.id() {
            lines.entry(id).or_default().push(entry.line);
        }
    }
    for entry in entries {
        let Ok(exclusion) = &entry.content else { continue };
        let others = lines.get(&exclusion.id).into_iter().flatten();
        let Some(other) = others.copied().find(|line| *line != entry.line) else { continue };
        entry.content = Err(InvalidEntry {
            id: Some(exclusion.id),
            rule: Some(exclusion.rule.clone()),
            scope: Some(exclusion.scope.clone()),
            line: entry.line,
            cause: format!("the entry in line {other} has the same `id`; delete one of them"),
        });
    }
}

fn exclusion(fields: TableKeys<'_>) -> Found<Exclusion> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Exclusion {
        id: id(fields)?,
        rule: fields.text("rule")?.to_owned(),
        rule_digest: fields.sha256("rule_digest")?,
        scope: scope(fields)?,
        scenario: owned(fields.optional_text("scenario")?),
        reason: fields.text("reason")?.to_owned(),
        judgement: misnamed(fields)?.parsed("judgement", "false-positive or benign-expected", Judgement::from_word)?,
        by: fields.actor("by")?,
        host: fields.text("host")?.to_owned(),
        host_id: owned(fields.optional_text("host_id")?),
        boxes: boxes(fields)?,
        created: fields.time("created")?,
        expires: fields.time("expires")?,
        ticket: owned(fields.optional_text("ticket")?),
        seen: SeenFile {
            path: fields.path("seen_path")?,
            digest: fields.digest("seen_sha256", "seen_data_digest")?,
            owner: fields.owner("seen_uid", "seen_owner")?,
        },
        checks: fields.tables("checks")?.into_iter().map(check).collect::<Found<_>>()?,
        known_sample: fields.flag("known_sample")?,
        revoked: fields.item("revoked").map(|_| revocation(fields.table("revoked")?)).transpose()?,
    })
}

/// Every screen calls it the verdict, so somebody who writes an entry by hand may too.
fn misnamed(fields: TableKeys<'_>) -> Found<TableKeys<'_>> {
    match (fields.item("judgement"), fields.item("verdict")) {
        (None, Some(_)) => Err(fields.wrong("verdict", "is no key of an exclusion; write it as `judgement`")),
        _ => Ok(fields),
    }
}

fn id(fields: TableKeys<'_>) -> Found<Uuid> {
    fields.parsed("id", "a UUID", |text| text.parse().ok())
}

/// The boxes that an entry is bound to: with the scope `host`, which a Huntbook that knows nothing of them does not understand, so
/// that there the entry excludes nothing rather than too much.
fn boxes(fields: TableKeys<'_>) -> Found<Vec<BoundBox>> {
    let is_bound = fields.text("scope")? == HOST;
    let named = |fields: TableKeys<'_>| {
        Ok(BoundBox { id: fields.text("id")?.to_owned(), name: fields.text("name")?.to_owned() })
    };
    let boxes: Vec<_> = fields.tables("hosts")?.into_iter().map(named).collect::<Found<_>>()?;
    match boxes.len() {
        0 if is_bound => Err(fields.cause("the scope is `host`, and `hosts` names none")),
        1.. if !is_bound => Err(fields.wrong("hosts", "stands beside a scope that is not `host`")),
        count if count > MAX_BOXES => Err(fields.wrong("hosts", format!("names more than {MAX_BOXES} hosts"))),
        _ => match boxes.iter().find(|one| one.id.trim().is_empty()) {
            Some(_) => {
                Err(fields.wrong("hosts", "names a host without its `id`; a name alone tells no box from others"))
            }
            None => Ok(boxes),
        },
    }
}

fn scope(fields: TableKeys<'_>) -> Found<Scope> {
    let owner = || fields.owner("owner_uid", "owner");
    let kind = match fields.text("scope")? {
        HOST => fields.parsed("of", "file-as-is, content, path or folder", ScopeKind::from_word)?,
        _ => fields.parsed("scope", "file-as-is, content, path, folder or host", ScopeKind::from_word)?,
    };
    Ok(match kind {
        ScopeKind::FileAsIs => {
            Scope::FileAsIs { path: fields.path("path")?, digest: fields.digest("sha256", "data_digest")? }
        }
        ScopeKind::Content => Scope::Content { digest: fields.digest("sha256", "data_digest")? },
        ScopeKind::Path => Scope::Path { path: fields.path("path")?, owner: owner()? },
        ScopeKind::Folder => Scope::Folder { folder: fields.path("folder")?, owner: owner()? },
    })
}

fn check(fields: TableKeys<'_>) -> Found<SeenCheck> {
    Ok(SeenCheck {
        check: fields.text("check")?.to_owned(),
        result: fields.parsed("result", "met, not met or unknown", CheckResult::from_word)?,
        seen: fields.text("seen")?.to_owned(),
    })
}

fn revocation(fields: TableKeys<'_>) -> Found<Revocation> {
    Ok(Revocation { by: fields.actor("by")?, at: fields.time("at")?, why: fields.text("why")?.to_owned() })
}
