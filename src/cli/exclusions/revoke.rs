//! `huntbook exclusions revoke`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;
use uuid::Uuid;

use crate::print;
use crate::text;
use crate::triage::Actor;
use crate::triage::exclusion::Revocation;
use crate::triage::register::{Register, RegisterEntry};

/// Digits of an id that must be given at least: less is more likely a slip than a name.
const FEWEST: usize = 4;

pub(super) fn run(mut register: Register, id: &str, reason: &str) -> anyhow::Result<ExitCode> {
    let id = find(register.entries(), id)?;
    register.revoke(id, &Revocation { by: Actor::current(), at: Timestamp::now(), why: reason.trim().to_owned() })?;
    writeln!(print::stdout(), "revoked {id}; it stays in the register as revoked")?;
    Ok(ExitCode::SUCCESS)
}

/// The one id that begins as `wanted` does; a register may hold an id twice after a merge.
fn find(entries: &[RegisterEntry], wanted: &str) -> anyhow::Result<Uuid> {
    let shown = text::escape_str(wanted);
    let digits = wanted.trim().to_lowercase();
    anyhow::ensure!(digits.len() >= FEWEST, "give {FEWEST} or more digits of the id; this is not enough: {shown}");
    let ids = entries.iter().filter_map(RegisterEntry::id).filter(|id| id.to_string().starts_with(&digits));
    let ids: Vec<Uuid> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    match ids.as_slice() {
        [id] => Ok(*id),
        [] => anyhow::bail!("no exclusion has the id {shown}; list them with: huntbook exclusions list --all"),
        several => {
            let listed: Vec<_> = several.iter().take(10).map(ToString::to_string).collect();
            anyhow::bail!("{} exclusions begin with {shown}, give more of the id: {}", several.len(), listed.join(", "))
        }
    }
}
