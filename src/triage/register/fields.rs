//! Typed access to the keys of one TOML table, with the line of whatever is wrong.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use jiff::Timestamp;
use toml_edit::{Item, TableLike, Value};

use crate::finding::{Digest, Sha256};
use crate::text;

use super::super::Actor;
use super::super::scope::Owner;

/// Where the lines of a part of a text begin. Offsets are into the part; lines count from 1, in the whole text.
#[derive(Debug)]
pub(super) struct LineStarts {
    starts: Vec<usize>,
    /// Lines before the part.
    before: usize,
}

impl LineStarts {
    pub(super) fn of(part: &str, before: usize) -> Self {
        let after = part.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Self { starts: std::iter::once(0).chain(after).collect(), before }
    }

    fn within(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Line of a byte offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.before + self.within(offset)
    }

    /// Offset of the line after the one that holds `offset`, `None` on the last.
    pub(super) fn next(&self, offset: usize) -> Option<usize> {
        self.starts.get(self.within(offset)).copied()
    }

    /// Lines that end in the part or before it.
    pub(super) fn ended(&self) -> usize {
        self.before + self.starts.len() - 1
    }
}

/// What is wrong with a table, and in which line.
#[derive(Debug)]
pub(super) struct Cause {
    pub line: usize,
    pub text: String,
}

pub(super) type Found<T> = Result<T, Cause>;

/// The keys of one table.
#[derive(Clone, Copy)]
pub(super) struct TableKeys<'a> {
    table: &'a dyn TableLike,
    lines: &'a LineStarts,
    /// Line of the table itself, for keys that are missing.
    line: usize,
}

impl<'a> TableKeys<'a> {
    pub(super) fn new(table: &'a dyn TableLike, lines: &'a LineStarts, line: usize) -> Self {
        Self { table, lines, line }
    }

    pub(super) fn cause(&self, text: impl Into<String>) -> Cause {
        Cause { line: self.line, text: text.into() }
    }

    pub(super) fn item(&self, key: &str) -> Option<&'a Item> {
        self.table.get(key)
    }

    /// A cause that points at a key's value.
    pub(super) fn wrong(&self, key: &str, what: impl std::fmt::Display) -> Cause {
        let line = self.item(key).and_then(Item::span).map_or(self.line, |span| self.lines.line(span.start));
        Cause { line, text: format!("`{key}` {what}") }
    }

    fn need<T>(&self, key: &str, found: Option<T>) -> Found<T> {
        found.ok_or_else(|| self.cause(format!("no `{key}`")))
    }

    pub(super) fn optional_text(&self, key: &str) -> Found<Option<&'a str>> {
        let Some(item) = self.item(key) else { return Ok(None) };
        item.as_str().map(Some).ok_or_else(|| self.wrong(key, "is not text"))
    }

    pub(super) fn text(&self, key: &str) -> Found<&'a str> {
        let found = self.optional_text(key)?;
        self.need(key, found)
    }

    /// Text that `parse` understands; `what` says what it should have been.
    pub(super) fn parsed<T>(&self, key: &str, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Found<T> {
        let text = self.text(key)?;
        parse(text).ok_or_else(|| self.wrong(key, format!("is not {what}: {}", text::escape_str(text))))
    }

    pub(super) fn sha256(&self, key: &str) -> Found<Sha256> {
        self.parsed(key, "a SHA-256 in hex", |text| text.parse().ok())
    }

    /// A content's digest, under the key of its kind.
    pub(super) fn digest(&self, whole: &str, data_only: &str) -> Found<Digest> {
        match (self.item(whole), self.item(data_only)) {
            (Some(_), Some(_)) => {
                Err(self.wrong(data_only, format!("stands beside `{whole}`; a content has one of them")))
            }
            (None, Some(_)) => self.sha256(data_only).map(Digest::DataOnly),
            _ => self.sha256(whole).map(Digest::Whole),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Found<bool> {
        let Some(item) = self.item(key) else { return Ok(false) };
        item.as_bool().ok_or_else(|| self.wrong(key, "is neither true nor false"))
    }

    pub(super) fn uid(&self, key: &str) -> Found<u32> {
        let item = self.need(key, self.item(key))?;
        let uid = item.as_integer().and_then(|number| number.try_into().ok());
        uid.ok_or_else(|| self.wrong(key, "is not a user id"))
    }

    /// A time with its zone, as text or as TOML's own; a bare date is its first moment in UTC.
    pub(super) fn time(&self, key: &str) -> Found<Timestamp> {
        let item = self.need(key, self.item(key))?;
        let written = match item.as_value() {
            Some(Value::String(text)) => text.value().clone(),
            Some(Value::Datetime(time)) => time.value().to_string(),
            _ => return Err(self.wrong(key, "is not a time")),
        };
        let whole = if written.parse::<jiff::civil::Date>().is_ok() && written.len() == "2026-01-31".len() {
            format!("{written}T00:00:00Z")
        } else {
            written
        };
        let what = || format!("is not a time such as 2027-01-31T12:00:00Z: {}", text::escape_str(&whole));
        whole.parse().map_err(|_| self.wrong(key, what()))
    }

    /// A path as text, or exactly under `KEY_hex` where text cannot hold it; if both are there, they must agree.
    pub(super) fn path(&self, key: &str) -> Found<PathBuf> {
        let shown = self.text(key)?;
        let hex_key = format!("{key}_hex");
        let Some(hex) = self.optional_text(&hex_key)? else { return Ok(shown.into()) };
        let bytes = text::from_hex(hex.as_bytes()).ok_or_else(|| self.wrong(&hex_key, "is not hex"))?;
        let path = PathBuf::from(OsString::from_vec(bytes));
        let says = text::subject::is_inside(&path).then(|| text::escape_path(&path));
        if says.unwrap_or_else(|| text::escape(path.as_os_str().as_bytes())) != shown {
            return Err(self.wrong(key, format!("and `{hex_key}` name two different paths")));
        }
        Ok(path)
    }

    pub(super) fn owner(&self, uid: &str, name: &str) -> Found<Owner> {
        Ok(Owner { uid: self.uid(uid)?, name: self.optional_text(name)?.map(str::to_owned) })
    }

    pub(super) fn table(&self, key: &str) -> Found<Self> {
        let item = self.need(key, self.item(key))?;
        let table = item.as_table_like().ok_or_else(|| self.wrong(key, "is not a table"))?;
        Ok(Self { table, lines: self.lines, line: self.wrong(key, "").line })
    }

    /// The tables of an array, in either of the two ways that TOML writes them; none when there is no such key.
    pub(super) fn tables(&self, key: &str) -> Found<Vec<Self>> {
        let Some(item) = self.item(key) else { return Ok(Vec::new()) };
        let line = self.wrong(key, "").line;
        let fields = |table: &'a dyn TableLike| Self { table, lines: self.lines, line };
        if let Some(tables) = item.as_array_of_tables() {
            return Ok(tables.iter().map(|table| fields(table)).collect());
        }
        let inline = |value: &'a Value| value.as_inline_table().map(|table| fields(table));
        let all = item.as_array().and_then(|array| array.iter().map(inline).collect());
        all.ok_or_else(|| self.wrong(key, "is not a list of tables"))
    }

    pub(super) fn actor(&self, key: &str) -> Found<Actor> {
        let fields = self.table(key)?;
        let behind = fields.optional_text("behind")?.map(str::to_owned);
        Ok(Actor { name: fields.text("name")?.to_owned(), uid: fields.uid("uid")?, behind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_lines() {
        let lines = LineStarts::of("a\nbc\n", 0);
        assert_eq!([0, 1, 2, 4, 5].map(|offset| lines.line(offset)), [1, 1, 2, 2, 3]);
        assert_eq!((lines.next(0), lines.next(3), lines.next(5)), (Some(2), Some(5), None));
        let after = LineStarts::of("d\n", lines.ended());
        assert_eq!((after.line(0), after.line(2), after.ended()), (3, 4, 3));
    }
}
