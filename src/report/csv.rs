//! CSV (RFC 4180), with cells that a spreadsheet would take for a formula defused.

use super::Reported;
use crate::text;
use crate::triage::exclusion::Exclusion;
use jiff::Timestamp;

/// The most that Microsoft Sentinel takes as a watchlist, in bytes.
pub const WATCHLIST_MOST: usize = 3_800_000;

/// A watchlist that Sentinel would refuse.
#[derive(Debug, thiserror::Error)]
#[error("the watchlist would be {0} bytes, and Sentinel takes {WATCHLIST_MOST}; export fewer exclusions")]
pub struct TooLarge(pub usize);

/// One line, ended by CR LF.
pub fn line<I: IntoIterator<Item = S>, S: AsRef<str>>(cells: I) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| self::cell(cell.as_ref())).collect();
    cells.join(",") + "\r\n"
}

/// A cell: control and reordering characters made visible, formulas defused by a leading quote, quoted where needed.
fn cell(value: &str) -> String {
    let shown = text::escape_str(value);
    let formula = shown.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let shown = if formula { format!("'{shown}") } else { shown.into_owned() };
    if shown.contains([',', '"', '\n', '\r']) || formula {
        format!("\"{}\"", shown.replace('"', "\"\""))
    } else {
        shown
    }
}

/// The first line of a list of findings.
pub fn findings_head() -> String {
    line([
        "Verdict",
        "Kind",
        "RuleName",
        "FilePath",
        "FileSHA256",
        "Size",
        "Owner",
        "Group",
        "Mode",
        "ModifiedUtc",
        "Matches",
        "FirstOffset",
        "Returned",
        "ExclusionId",
        "ExclusionReason",
        "RuleAuthor",
        "RuleReference",
        "RuleLicense",
    ])
}

/// A finding.
pub fn finding(reported: Reported<'_>) -> String {
    let Reported { rule, finding, judged, exclusion } = reported;
    let file = &finding.file;
    let kind = if judged.subject.candidate { "candidate" } else { "finding" };
    line([
        judged.verdict.to_string(),
        kind.to_owned(),
        rule.id.name.to_string(),
        text::escape_path(&file.path).into_owned(),
        file.sha256.to_string(),
        file.size.to_string(),
        file.owner.clone().unwrap_or_else(|| file.uid.to_string()),
        file.group.clone().unwrap_or_else(|| file.gid.to_string()),
        format!("{:04o}", file.mode & 0o7777),
        file.modified.to_string(),
        finding.matches.len().to_string(),
        finding.matches.first().map(|found| format!("{:#x}", found.offset)).unwrap_or_default(),
        judged.returned.clone().unwrap_or_default(),
        exclusion.map(|exclusion| exclusion.id.clone()).unwrap_or_default(),
        exclusion.map(|exclusion| exclusion.reason.clone()).unwrap_or_default(),
        rule.author().unwrap_or_default().to_owned(),
        rule.reference().unwrap_or_default().to_owned(),
        rule.license().unwrap_or_default().to_owned(),
    ])
}

/// A Microsoft Sentinel watchlist with the search key `MatchKey`, which is `rule|sha256|path` with what the scope leaves
/// open left empty.
///
/// # Errors
/// [`TooLarge`].
pub fn watchlist<'a>(exclusions: impl IntoIterator<Item = &'a Exclusion>, now: Timestamp) -> Result<String, TooLarge> {
    let mut out = line([
        "MatchKey",
        "ExclusionId",
        "RuleName",
        "ScopeKind",
        "FileSHA256",
        "FilePath",
        "Host",
        "Verdict",
        "Reason",
        "Analyst",
        "CreatedUtc",
        "ExpiresUtc",
        "Ticket",
        "Status",
    ]);
    for exclusion in exclusions {
        let (sha256, path) = parts(exclusion);
        out.push_str(&line([
            format!("{}|{sha256}|{path}", exclusion.rule),
            exclusion.id.to_string(),
            exclusion.rule.clone(),
            exclusion.scope.kind().word().to_owned(),
            sha256,
            path,
            exclusion.host.clone(),
            exclusion.judgement.word().to_owned(),
            exclusion.reason.clone(),
            exclusion.by.to_string(),
            exclusion.created.to_string(),
            exclusion.expires.to_string(),
            exclusion.ticket.clone().unwrap_or_default(),
            status(exclusion, now).to_owned(),
        ]));
    }
    if out.len() > WATCHLIST_MOST { Err(TooLarge(out.len())) } else { Ok(out) }
}

/// The SHA-256 and the path that an exclusion is tied to, empty where it is not; safe text.
pub fn parts(exclusion: &Exclusion) -> (String, String) {
    use crate::triage::scope::Scope;
    let path = exclusion.scope.path().map(|path| text::escape_path(path).into_owned()).unwrap_or_default();
    match &exclusion.scope {
        Scope::FileAsIs { sha256, .. } | Scope::Content { sha256 } => (sha256.to_string(), path),
        Scope::Path { .. } | Scope::Folder { .. } => (String::new(), path),
    }
}

/// How an exclusion stands: `revoked`, `expired` or `in force`.
pub fn status(exclusion: &Exclusion, now: Timestamp) -> &'static str {
    match () {
        () if exclusion.revoked.is_some() => "revoked",
        () if exclusion.is_expired(now) => "expired",
        () => "in force",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_out_or_calculate() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        for formula in ["+1", "-1", "@SUM(A1)"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
        assert_eq!(cell("a\r\nb\u{202e}"), r"a\r\nb\u{202e}");
    }
}
