//! Exclusions as a watchlist of Microsoft Sentinel, to be uploaded as CSV with the search key `MatchKey`.
//!
//! An exclusion that is bound to boxes has a row for each of them, with the scope `host`: who joins must join by `HostId` and
//! `Host` too, and who knows nothing of it has a key that equals no finding's.
//!
//! An exclusion of a path or folder holds for one owner: whoever joins by the path must join by `FileUid` and `FileOwner` too.

use std::os::unix::ffi::OsStrExt as _;

use super::csv;
use super::outgoing::{Outgoing, ScopePath};
use crate::text;
use crate::triage::bound::BoundBox;
use crate::triage::scope::ScopeKind;

/// The most that Microsoft Sentinel takes as the file of a watchlist, in bytes.
pub const MAX_FILE_BYTES: usize = 3_800_000;

/// A watchlist that Sentinel would refuse.
#[derive(Debug, thiserror::Error)]
#[error(
    "the watchlist would be {0} bytes and Sentinel takes {MAX_FILE_BYTES} of a file; --rule NAME writes the exclusions of one rule, and a \
     watchlist may be made of several files"
)]
pub struct TooLarge(pub usize);

/// The columns. The rule's licence has no place among them; it goes with the KQL and SARIF exports.
const COLUMNS: [&str; 17] = [
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
    "FileUid",
    "FileOwner",
    "HostId",
];

/// The watchlist: every exclusion with its state in `Status`, which a query must look at along with `ExpiresUtc`.
///
/// # Errors
/// [`TooLarge`].
pub fn watchlist(outgoing: &[Outgoing<'_>]) -> Result<String, TooLarge> {
    let mut out = csv::line(COLUMNS);
    for one in outgoing {
        let exclusion = one.exclusion;
        let owner = exclusion.scope.owner();
        let anywhere = [BoundBox { id: String::new(), name: exclusion.host.clone() }];
        let boxes = if exclusion.boxes.is_empty() { &anywhere } else { exclusion.boxes.as_slice() };
        for on in boxes {
            out.push_str(&csv::line([
                match_key(one, on),
                exclusion.id.to_string(),
                exclusion.rule.clone(),
                exclusion.scope_word().to_owned(),
                one.digest().and_then(|digest| digest.sha256()).map(|sha256| sha256.to_string()).unwrap_or_default(),
                one.shown_path(),
                on.name.clone(),
                exclusion.judgement.word().to_owned(),
                exclusion.reason.clone(),
                exclusion.by.to_string(),
                exclusion.created.to_string(),
                exclusion.expires.to_string(),
                exclusion.ticket.clone().unwrap_or_default(),
                one.state.word().to_owned(),
                owner.map(|owner| owner.uid.to_string()).unwrap_or_default(),
                owner.and_then(|owner| owner.name.clone()).unwrap_or_default(),
                on.id.clone(),
            ]));
        }
    }
    if out.len() > MAX_FILE_BYTES { Err(TooLarge(out.len())) } else { Ok(out) }
}

/// `rule|sha256|path`, with what the scope leaves open left empty; behind the path of an exclusion that holds for one owner
/// only stand the owner's id and name, `|0|root`, so that it is no key for the files of others.
///
/// Behind all of it stand id and name of the box of one that is bound to boxes, `|host:ID:NAME`.
///
/// What is no key for a join is written so that it equals no finding's: a folder ends in `/`, a path that no text stands
/// for is in hex, and a data digest stands behind `data:`.
fn match_key(one: &Outgoing<'_>, on: &BoundBox) -> String {
    let digest = one.digest().map(|digest| digest.to_string()).unwrap_or_default();
    let path = match one.path() {
        ScopePath::Any => String::new(),
        ScopePath::Exact(path) if one.exclusion.scope.kind() == ScopeKind::Folder => path + "/",
        ScopePath::Exact(path) => path,
        ScopePath::Inexact => {
            let bytes = one.exclusion.scope.path().map(|path| path.as_os_str().as_bytes()).unwrap_or_default();
            format!("hex:{}", text::hex(bytes))
        }
    };
    let owner = one.exclusion.scope.owner().map(|owner| {
        let name = owner.name.as_deref().unwrap_or_default();
        format!("|{}|{name}", owner.uid)
    });
    let host = if on.id.is_empty() { String::new() } else { format!("|host:{}:{}", on.id, on.name) };
    format!("{}|{digest}|{path}{}{host}", one.exclusion.rule, owner.unwrap_or_default())
}
