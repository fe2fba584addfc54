//! Entries to text, and text to edited text. Nothing that is there is touched: a new entry goes to the end, a
//! revocation becomes one line of its entry. So comments, order, unknown keys and spacing stay as they are.

use std::fmt::Write as _;
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::finding::Digest;
use crate::text;

use super::super::Actor;
use super::super::bound::BoundBox;
use super::super::exclusion::{Exclusion, Revocation};
use super::super::scope::{Owner, Scope};
use super::read::VERSION;

/// What a new register begins with.
const HEADING: &str = "# Huntbook's register of exclusions: findings that are benign, with the reason for each.\n\
    # It may be edited by hand; comments and order are kept. Revoke rather than delete.\n";

/// `text` with entries at its end. `has_version` is whether the text says its version; if not, it says nothing else.
pub(super) fn append(text: &str, has_version: bool, exclusions: &[Exclusion]) -> String {
    let mut out = text.to_owned();
    if out.is_empty() {
        out.push_str(HEADING);
    }
    end_line(&mut out);
    if !has_version {
        let _ = writeln!(out, "version = {VERSION}");
    }
    for exclusion in exclusions {
        out.push('\n');
        out.push_str(&entry(exclusion));
    }
    out
}

/// `text` with a revocation as a line of its own at `offset`, the beginning of a line or the end of the text.
pub(super) fn revoke(text: &str, offset: usize, revocation: &Revocation) -> String {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let mut out = before.to_owned();
    end_line(&mut out);
    let fields = [
        ("by", actor(&revocation.by)),
        ("at", Value::from(revocation.at.to_string())),
        ("why", string(&revocation.why)),
    ];
    let _ = writeln!(out, "revoked = {}", inline(fields));
    out.push_str(after);
    out
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

fn entry(exclusion: &Exclusion) -> String {
    let mut table = Table::new();
    let mut put = |key: &str, what: Value| {
        table.insert(key, value(what));
    };
    put("id", exclusion.id.to_string().into());
    put("rule", string(&exclusion.rule));
    put("rule_digest", exclusion.rule_digest.to_string().into());
    put("scope", exclusion.scope_word().into());
    if !exclusion.boxes.is_empty() {
        put("of", exclusion.scope.kind().word().into());
        put("hosts", hosts(exclusion).into());
    }
    put_scope(&mut put, &exclusion.scope);
    put("judgement", exclusion.judgement.word().into());
    put("reason", string(&exclusion.reason));
    for (key, text) in [("scenario", &exclusion.scenario), ("ticket", &exclusion.ticket)] {
        if let Some(text) = text {
            put(key, string(text));
        }
    }
    put("by", actor(&exclusion.by));
    put("host", string(&exclusion.host));
    if let Some(id) = &exclusion.host_id {
        put("host_id", string(id));
    }
    put("created", exclusion.created.to_string().into());
    put("expires", exclusion.expires.to_string().into());
    if exclusion.known_sample {
        put("known_sample", true.into());
    }
    put_path(&mut put, "seen_path", &exclusion.seen.path);
    put_digest(&mut put, ("seen_sha256", "seen_data_digest"), &exclusion.seen.digest);
    put_owner(&mut put, ("seen_uid", "seen_owner"), &exclusion.seen.owner);
    if !exclusion.checks.is_empty() {
        put("checks", checks(exclusion).into());
    }
    if let Some(revocation) = &exclusion.revoked {
        let at = revocation.at.to_string().into();
        put("revoked", inline([("by", actor(&revocation.by)), ("at", at), ("why", string(&revocation.why))]));
    }
    let mut document = DocumentMut::new();
    document.insert("exclusion", Item::ArrayOfTables(ArrayOfTables::from_iter([table])));
    document.to_string()
}

fn put_scope(put: &mut impl FnMut(&str, Value), scope: &Scope) {
    match scope {
        Scope::FileAsIs { path, digest } => {
            put_path(put, "path", path);
            put_digest(put, ("sha256", "data_digest"), digest);
        }
        Scope::Content { digest } => put_digest(put, ("sha256", "data_digest"), digest),
        Scope::Path { path, owner } => {
            put_path(put, "path", path);
            put_owner(put, ("owner_uid", "owner"), owner);
        }
        Scope::Folder { folder, owner } => {
            put_path(put, "folder", folder);
            put_owner(put, ("owner_uid", "owner"), owner);
        }
    }
}

/// Under the key of its kind: a Huntbook that knows only SHA-256 finds none, so that the entry excludes nothing there.
fn put_digest(put: &mut impl FnMut(&str, Value), (whole, data_only): (&str, &str), digest: &Digest) {
    match digest {
        Digest::Whole(sha256) => put(whole, sha256.to_string().into()),
        Digest::DataOnly(value) => put(data_only, value.to_string().into()),
    }
}

/// Text where text can hold the path exactly and safely; otherwise its escaped form, and the bytes beside it.
fn put_path(put: &mut impl FnMut(&str, Value), key: &str, path: &Path) {
    let bytes = path.as_os_str().as_encoded_bytes();
    let shown = if text::subject::is_inside(path) { text::escape_path(path) } else { text::escape(bytes) };
    put(key, string(&shown));
    if shown.as_bytes() != bytes {
        put(&format!("{key}_hex"), text::hex(bytes).into());
    }
}

fn put_owner(put: &mut impl FnMut(&str, Value), (uid, name): (&str, &str), owner: &Owner) {
    put(uid, i64::from(owner.uid).into());
    if let Some(text) = &owner.name {
        put(name, string(text));
    }
}

fn checks(exclusion: &Exclusion) -> Array {
    let mut array = Array::new();
    for check in &exclusion.checks {
        let fields =
            [("check", string(&check.check)), ("result", check.result.word().into()), ("seen", string(&check.seen))];
        array.push_formatted(inline(fields).decorated("\n    ", ""));
    }
    array.set_trailing("\n");
    array.set_trailing_comma(true);
    array
}

fn hosts(exclusion: &Exclusion) -> Array {
    let named = |one: &BoundBox| inline([("id", string(&one.id)), ("name", string(&one.name))]);
    exclusion.boxes.iter().map(named).collect()
}

fn actor(actor: &Actor) -> Value {
    let behind = actor.behind.as_ref().map(|behind| ("behind", string(behind)));
    inline([("name", string(&actor.name)), ("uid", i64::from(actor.uid).into())].into_iter().chain(behind))
}

fn inline(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut table = InlineTable::new();
    for (key, value) in fields {
        table.insert(key, value);
    }
    Value::InlineTable(table)
}

/// Text as a TOML string on one line, in which whatever could fool a terminal or a reviewer is written `\uXXXX`.
///
/// TOML itself asks only that ASCII controls are escaped; bidirectional overrides and zero-width characters from the
/// box would go into the file as they are.
fn string(text: &str) -> Value {
    if text::escape_str(text) == text && !text.contains(['\'', '"', '\\']) {
        return Value::from(text);
    }
    let mut literal = String::with_capacity(text.len() + 16);
    literal.push('"');
    for c in text.chars() {
        let mut encoded = [0; 4];
        let plain: &str = c.encode_utf8(&mut encoded);
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            _ if text::escape_str(plain) == plain => literal.push(c),
            _ => {
                let _ = write!(literal, "\\U{:08X}", u32::from(c));
            }
        }
    }
    literal.push('"');
    literal.parse().unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_in_the_file_and_exact_in_the_data() {
        for text in ["plain", "a\"b\\c'd", "\u{1b}[2J\n\t\u{202e}\u{200b}", "日本 é", "", "'''\"\"\"", "\u{7f}\u{9b}"]
        {
            let written = string(text);
            assert_eq!(written.as_str(), Some(text));
            let line = written.to_string();
            assert_eq!(text::escape_str(&line), line, "{text:?}");
            assert_eq!(line.parse::<Value>().unwrap().as_str(), Some(text));
        }
    }
}
