//! Kusto queries for Microsoft Sentinel: the exclusions as a datatable, and the joins that leave out what they cover.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::csv::{parts, status};
use crate::text;
use crate::triage::exclusion::Exclusion;
use crate::triage::scope::ScopeKind;

/// A query that keeps of `Findings` (columns `RuleName`, `FilePath`, `FileSHA256`) what no exclusion in force covers.
///
/// Folders are no join keys, so they are matched apart, component by component. Expiry is looked at when the query runs.
pub fn query<'a>(exclusions: impl IntoIterator<Item = &'a Exclusion>, now: Timestamp) -> String {
    let in_force: Vec<_> = exclusions.into_iter().filter(|exclusion| status(exclusion, now) == "in force").collect();
    let mut out = String::from(
        "// Huntbook exclusions. Owners are not looked at here: scopes of a path or folder cover more than in Huntbook.\n",
    );
    table(&mut out, "Exclusions", in_force.iter().filter(|exclusion| exclusion.scope.kind() != ScopeKind::Folder));
    table(&mut out, "Folders", in_force.iter().filter(|exclusion| exclusion.scope.kind() == ScopeKind::Folder));
    out.push_str(
        "Findings
| join kind=leftanti (Exclusions | where ScopeKind == 'file-as-is' and ExpiresUtc > now()) on RuleName, FileSHA256, FilePath
| join kind=leftanti (Exclusions | where ScopeKind == 'content' and ExpiresUtc > now()) on RuleName, FileSHA256
| join kind=leftanti (Exclusions | where ScopeKind == 'path' and ExpiresUtc > now()) on RuleName, FilePath
| extend InFolder = toscalar(Folders | where ExpiresUtc > now() | summarize make_list(pack('rule', RuleName, 'folder', FilePath)))
| mv-apply Folder = InFolder to typeof(dynamic) on (
    summarize Covered = countif(tostring(Folder.rule) == RuleName and FilePath startswith_cs strcat(tostring(Folder.folder), '/'))
  )
| where Covered == 0
| project-away InFolder, Covered
",
    );
    out
}

fn table<'a, 'e: 'a>(out: &mut String, name: &str, exclusions: impl Iterator<Item = &'a &'e Exclusion>) {
    let _ = writeln!(
        out,
        "let {name} = datatable(ExclusionId:string, RuleName:string, ScopeKind:string, FileSHA256:string, FilePath:string, Verdict:string, Reason:string, Analyst:string, ExpiresUtc:datetime) ["
    );
    for exclusion in exclusions {
        let (sha256, path) = parts(exclusion);
        let cells = [
            &exclusion.id.to_string(),
            &exclusion.rule,
            exclusion.scope.kind().word(),
            &sha256,
            &path,
            exclusion.judgement.word(),
            &exclusion.reason,
            &exclusion.by.to_string(),
        ];
        let cells: Vec<_> = cells.into_iter().map(literal).collect();
        let _ = writeln!(out, "  {}, datetime({:.0}),", cells.join(", "), exclusion.expires);
    }
    out.push_str("];\n");
}

/// A string literal: what could end it or act on a terminal is escaped.
fn literal(value: &str) -> String {
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
