//! Kusto queries for Microsoft Sentinel: the exclusions as a datatable, and the joins that leave out what they cover.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::outgoing::{Outgoing, ScopePath, credits};
use crate::finding::Digest;
use crate::text;
use crate::triage::bound::BoundBox;
use crate::triage::exclusion::{Exclusion, HOST};
use crate::triage::scope::{Owner, Scope};

const HEADING: &str = "\
// Put your table of findings in the place of Findings. Its columns, with the fields of Huntbook's NDJSON they come from:
//   RuleName (rule.name), FilePath (file.path), FileSHA256 (file.hash.sha256), FileUid (file.uid), FileOwner (file.owner),
//   HostId (host.id), HostName (host.name)
// Without HostId and HostName nothing is excluded that is bound to boxes.
// Without FileUid and FileOwner no path or folder is excluded, for those exclusions hold for one owner only.
// A rule that changes keeps its name: export again when rules change.
";

const JOINS: &str = "\
Findings
| extend FileSHA256 = tolower(FileSHA256), FileUid = tostring(column_ifexists('FileUid', '')), FileOwner = tostring(column_ifexists('FileOwner', ''))
| join kind=leftanti (Exclusions | where ScopeKind == 'file-as-is' and ExpiresUtc > now()) on RuleName, FileSHA256, FilePath
| join kind=leftanti (Exclusions | where ScopeKind == 'content' and ExpiresUtc > now()) on RuleName, FileSHA256
| join kind=leftanti (Exclusions | where ScopeKind == 'path' and ExpiresUtc > now()) on RuleName, FilePath, FileUid, FileOwner
";

/// What follows where exclusions are bound to boxes: the same, on one box. Their kinds are words of their own.
const HOST_JOINS: &str = "\
| extend HostId = tostring(column_ifexists('HostId', '')), HostName = tostring(column_ifexists('HostName', ''))
| join kind=leftanti (Exclusions | where ScopeKind == 'host file-as-is' and ExpiresUtc > now()) on RuleName, FileSHA256, FilePath, HostId, HostName
| join kind=leftanti (Exclusions | where ScopeKind == 'host content' and ExpiresUtc > now()) on RuleName, FileSHA256, HostId, HostName
| join kind=leftanti (Exclusions | where ScopeKind == 'host path' and ExpiresUtc > now()) on RuleName, FilePath, FileUid, FileOwner, HostId, HostName
";

/// The longest query that is written, in characters. A bound of Huntbook's own: long before that, portals and rules refuse a
/// query, and a watchlist serves better.
pub const MAX_QUERY_CHARS: usize = 2_000_000;

/// A query that Sentinel would refuse.
#[derive(Debug, thiserror::Error)]
#[error(
    "the query would be {0} characters, more than the {MAX_QUERY_CHARS} that a query should have; --rule NAME writes the exclusions of one rule, and a \
     watchlist (--format csv) takes more of them"
)]
pub struct TooLong(pub usize);

/// A query that keeps of `Findings` what no exclusion in force at `now` covers, with expiry looked at when it runs.
///
/// Folders are no join keys, so each is a filter of its own, component by component. An exclusion that would cover more
/// here than in Huntbook is left out, and a comment says so.
///
/// # Errors
/// [`TooLong`].
pub fn query(outgoing: &[Outgoing<'_>], now: Timestamp) -> Result<String, TooLong> {
    let mut out = format!("// Huntbook's exclusions as they stood at {now:.0}.\n{HEADING}");
    for credit in credits(outgoing) {
        let _ = writeln!(out, "// {credit}");
    }
    let mut rows = Vec::new();
    let mut filters = String::new();
    for one in outgoing {
        match place(one) {
            Ok(QueryPart::Rows(more)) => rows.extend(more),
            Ok(QueryPart::Filter(filter)) => filters.push_str(&filter),
            Err(why) => _ = writeln!(out, "// left out: {} ({why})", one.exclusion.id),
        }
    }
    let _ = writeln!(
        out,
        "let Exclusions = datatable(ExclusionId:string, RuleName:string, ScopeKind:string, FileSHA256:string, \
         FilePath:string, FileUid:string, FileOwner:string, Verdict:string, Reason:string, Analyst:string, \
         ExpiresUtc:datetime, HostId:string, HostName:string) [\n{}\n];",
        rows.join(",\n")
    );
    let is_bound = outgoing.iter().any(|one| !one.exclusion.boxes.is_empty());
    let query = out + JOINS + if is_bound { HOST_JOINS } else { "" } + &filters;
    let length = query.chars().count();
    if length > MAX_QUERY_CHARS { Err(TooLong(length)) } else { Ok(query) }
}

/// Where an exclusion stands in the query.
enum QueryPart {
    /// One, or one for each box that it is bound to.
    Rows(Vec<String>),
    Filter(String),
}

/// The exclusion as Kusto, or why it is left out.
fn place(one: &Outgoing<'_>) -> Result<QueryPart, String> {
    let exclusion = one.exclusion;
    if !one.state.is_in_force() {
        return Err(one.state.to_string());
    }
    let path = match one.path() {
        ScopePath::Any => String::new(),
        ScopePath::Exact(path) => path,
        ScopePath::Inexact => return Err("no text stands for its path alone".to_owned()),
    };
    let sha256 = match one.digest() {
        // An empty cell would be equal to that of every finding without a SHA-256.
        Some(Digest::DataOnly(_)) => return Err("it has a data digest and no SHA-256".to_owned()),
        Some(Digest::Whole(sha256)) => sha256.to_string(),
        None => String::new(),
    };
    if exclusion.boxes.iter().any(|one| !is_exact(&one.id) || !is_exact(&one.name)) {
        return Err("no text stands for a box alone that it is bound to".to_owned());
    }
    Ok(match &exclusion.scope {
        Scope::FileAsIs { .. } | Scope::Content { .. } => QueryPart::Rows(rows(exclusion, [&sha256, &path, "", ""])),
        Scope::Path { owner, .. } => {
            let (uid, name) = owner_cells(owner)?;
            QueryPart::Rows(rows(exclusion, [&sha256, &path, &uid, name]))
        }
        Scope::Folder { owner, .. } => {
            let (uid, name) = owner_cells(owner)?;
            QueryPart::Filter(format!(
                "| where not(RuleName == {} and FilePath startswith_cs {} and FileUid == {} and FileOwner == {} and now() < \
                 datetime({:.0}){}) // {}\n",
                literal(&exclusion.rule),
                literal(&(path + "/")),
                literal(&uid),
                literal(name),
                exclusion.expires,
                on_boxes(exclusion),
                exclusion.id
            ))
        }
    })
}

/// An owner's name that no text stands for cannot be compared.
fn owner_cells(owner: &Owner) -> Result<(String, &str), String> {
    let name = owner.name.as_deref().unwrap_or_default();
    if is_exact(name) {
        Ok((owner.uid.to_string(), name))
    } else {
        Err("no text stands for its owner alone".to_owned())
    }
}

/// Whether a text stands as it is in a literal, so that it equals no other's.
fn is_exact(text: &str) -> bool {
    text::escape_str(text) == text && !text.contains('\\')
}

/// The condition of a filter that an exclusion counts on its boxes only.
fn on_boxes(exclusion: &Exclusion) -> String {
    let one = |one: &BoundBox| format!("HostId == {} and HostName == {}", literal(&one.id), literal(&one.name));
    let boxes: Vec<_> = exclusion.boxes.iter().map(one).collect();
    if boxes.is_empty() { String::new() } else { format!(" and ({})", boxes.join(" or ")) }
}

fn rows(exclusion: &Exclusion, cells: [&str; 4]) -> Vec<String> {
    let kind = exclusion.scope.kind().word();
    if exclusion.boxes.is_empty() {
        return vec![row(exclusion, kind, cells, &BoundBox::default())];
    }
    let kind = format!("{HOST} {kind}");
    exclusion.boxes.iter().map(|on| row(exclusion, &kind, cells, on)).collect()
}

fn row(exclusion: &Exclusion, kind: &str, [sha256, path, uid, owner]: [&str; 4], on: &BoundBox) -> String {
    let cells = [
        &exclusion.id.to_string(),
        &exclusion.rule,
        kind,
        sha256,
        path,
        uid,
        owner,
        exclusion.judgement.word(),
        &exclusion.reason,
        &exclusion.by.to_string(),
    ];
    let cells = cells.map(literal);
    let (expires, id, name) = (exclusion.expires, literal(&on.id), literal(&on.name));
    format!("  {}, datetime({expires:.0}), {id}, {name}", cells.join(", "))
}

/// A string literal: what could end it or act on a terminal is escaped.
pub(super) fn literal(value: &str) -> String {
    let shown = text::escape_str(value);
    let mut out = String::from("'");
    for c in shown.chars() {
        if matches!(c, '\\' | '\'' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(literal("a'; drop"), r"'a\'; drop'");
        assert_eq!(literal("a\\"), r"'a\\'");
        assert_eq!(literal("a\n\"b"), r#"'a\\n\"b'"#);
    }
}
