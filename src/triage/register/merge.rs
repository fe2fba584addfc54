//! Two registers that were changed apart, brought together entry by entry: what git cannot do with text at whose end both added.
//!
//! Each entry, with the comments above it, and what stands before the first one, is taken from the side that changed it. A
//! revocation is never lost. What both sides changed in other ways is left as ours has it, and named.

use std::collections::HashMap;
use std::path::Path;

use uuid::Uuid;

use super::super::exclusion::Exclusion;
use super::error::RegisterError;
use super::read::{self, ParsedRegister};

/// What both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergeConflict {
    /// The entry, if it has an id; `None` for what stands before the first one, and for an entry whose id cannot be read.
    pub id: Option<Uuid>,
    /// Its line in our register, from 1; `None` if it is not there any more.
    pub ours: Option<usize>,
    /// Its line in theirs.
    pub theirs: Option<usize>,
}

/// Registers brought together.
#[derive(Debug)]
pub(crate) struct MergedRegister {
    /// The text of the register.
    pub text: String,
    /// How many entries came from theirs.
    pub added: usize,
    /// How many of ours were revoked, changed or taken out as theirs has it.
    pub changed: usize,
    pub conflicts: Vec<MergeConflict>,
}

/// A register's text in its parts.
struct Parts<'t> {
    top: &'t str,
    entries: Vec<Part<'t>>,
    by_key: HashMap<Key<'t>, usize>,
}

/// One entry with the comments above it.
struct Part<'t> {
    key: Key<'t>,
    text: &'t str,
    line: usize,
    exclusion: Option<Exclusion>,
}

/// What tells that two entries are the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'t> {
    Id(Uuid),
    /// Of an entry without an id that can be read, and of the second with the same.
    Text(&'t str),
}

/// Whose entry is taken.
enum Side {
    Ours,
    Theirs,
}

/// Brings `theirs` into `ours`; `base` is what both were made from. Each is a file's path and text.
///
/// # Errors
/// One of them is no register, or what came out is none.
pub(super) fn merge(
    base: (&Path, &str),
    (file, ours): (&Path, &str),
    theirs: (&Path, &str),
) -> Result<MergedRegister, RegisterError> {
    let read = |(file, text)| Ok::<_, RegisterError>(Parts::of(text, read::parse(file, text)?));
    let (base, mine, other) = (read(base)?, read((file, ours))?, read(theirs)?);
    let mut merged = MergedRegister { text: String::new(), added: 0, changed: 0, conflicts: Vec::new() };
    let top = whole(Some(base.top), Some(mine.top), Some(other.top));
    if top.is_none() {
        merged.conflicts.push(MergeConflict { id: None, ours: Some(1), theirs: Some(1) });
    }
    merged.text.push_str(if matches!(top, Some(Side::Theirs)) { other.top } else { mine.top });
    let mut expected = 0;
    let of_theirs = other.entries.iter().filter(|entry| mine.get(entry.key).is_none());
    for key in mine.entries.iter().chain(of_theirs).map(|entry| entry.key) {
        let (before, ours, theirs) = (base.get(key), mine.get(key), other.get(key));
        let side = side(before, ours, theirs);
        if side.is_none() {
            let id = if let Key::Id(id) = key { Some(id) } else { None };
            let line = |entry: Option<&Part>| entry.map(|entry| entry.line);
            merged.conflicts.push(MergeConflict { id, ours: line(ours), theirs: line(theirs) });
        }
        let (taken, is_ours) = match side {
            Some(Side::Theirs) => (theirs, false),
            Some(Side::Ours) | None => (ours, true),
        };
        if !is_ours {
            *(if ours.is_none() { &mut merged.added } else { &mut merged.changed }) += 1;
        }
        let Some(taken) = taken else { continue };
        expected += 1;
        if !merged.text.is_empty() && !merged.text.ends_with('\n') {
            merged.text.push('\n');
        }
        if ours.is_none() && !merged.text.is_empty() && !merged.text.ends_with("\n\n") {
            merged.text.push('\n');
        }
        merged.text.push_str(taken.text);
    }
    if !merged.text.is_empty() {
        merged.text.truncate(merged.text.trim_end().len());
        merged.text.push('\n');
    }
    let result = read::parse(file, &merged.text)?;
    super::as_meant(file, result.entries.len() == expected, "an entry is missing or twice")?;
    Ok(merged)
}

impl<'t> Parts<'t> {
    fn of(text: &'t str, parsed: ParsedRegister) -> Self {
        let starts: Vec<usize> = parsed.parts.iter().map(|part| with_comments(text, part.start)).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let top = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
        let mut parts = Self { top, entries: Vec::new(), by_key: HashMap::new() };
        for ((entry, start), end) in parsed.entries.into_iter().zip(&starts).zip(ends) {
            let text = text.get(*start..end).unwrap_or_default();
            let id = entry.id().map(Key::Id).filter(|key| !parts.by_key.contains_key(key));
            let key = id.unwrap_or(Key::Text(text.trim_end()));
            parts.by_key.insert(key, parts.entries.len());
            parts.entries.push(Part { key, text, line: entry.line, exclusion: entry.content.ok() });
        }
        parts
    }

    fn get(&self, key: Key) -> Option<&Part<'t>> {
        self.by_key.get(&key).and_then(|index| self.entries.get(*index))
    }
}

/// The beginning of the comment lines right above the line that begins at `start`.
fn with_comments(text: &str, start: usize) -> usize {
    let before = text.get(..start).unwrap_or_default();
    let comments = before.split_inclusive('\n').rev().take_while(|line| line.trim_start().starts_with('#'));
    start - comments.map(str::len).sum::<usize>()
}

/// Which side a text is taken from, where at most one changed it.
fn whole(base: Option<&str>, ours: Option<&str>, theirs: Option<&str>) -> Option<Side> {
    let [base, ours, theirs] = [base, ours, theirs].map(|text| text.map(str::trim_end));
    if ours == theirs || base == theirs { Some(Side::Ours) } else { (base == ours).then_some(Side::Theirs) }
}

/// Which side an entry is taken from; `None` if both changed it.
fn side(base: Option<&Part>, ours: Option<&Part>, theirs: Option<&Part>) -> Option<Side> {
    let text = |part: &Part| part.text.to_owned();
    let [before, mine, other] = [base, ours, theirs].map(|part| part.map(text));
    if let Some(side) = whole(before.as_deref(), mine.as_deref(), other.as_deref()) {
        return Some(side);
    }
    let exclusion = |part: Option<&Part>| part.and_then(|part| part.exclusion.clone());
    let unrevoked = |exclusion: &Exclusion| Exclusion { revoked: None, ..exclusion.clone() };
    let at = |exclusion: &Exclusion| exclusion.revoked.as_ref().map(|revoked| revoked.at);
    match (exclusion(ours), exclusion(theirs)) {
        // A revocation on either side holds, the earlier of two.
        (Some(mine), Some(other)) if unrevoked(&mine) == unrevoked(&other) => match (at(&mine), at(&other)) {
            (Some(mine), Some(other)) if other < mine => Some(Side::Theirs),
            (None, Some(_)) => Some(Side::Theirs),
            (Some(_), _) => Some(Side::Ours),
            // Only how it is written differs.
            (None, None) => None,
        },
        // What one side took out and the other revoked stays on record: it excludes nothing.
        (Some(mine), None) if theirs.is_none() && at(&mine).is_some() => Some(Side::Ours),
        (None, Some(other)) if ours.is_none() && at(&other).is_some() => Some(Side::Theirs),
        _ => None,
    }
}
