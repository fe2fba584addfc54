//! What the journal says of the box, the scans and the register, held against the tables that reports are made from.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use super::error::CaseOutcome;
use super::facts::{CASE_ID, host_facts};
use super::journal::{JournalEvent, PathText, Record};
use super::migrate::VOUCHED_SINCE;
use super::schema::format_of;
use super::verification::{CaseProblem, Unvouched, Verification};
use super::{Cover, FindingId, JournalEntry, ScanId, Seq, facts, tables};
use crate::finding::Sha256;

/// What the journal says, gathered entry by entry.
#[derive(Default)]
pub(super) struct Vouched {
    case: Option<(Seq, String)>,
    host: Option<BTreeMap<String, String>>,
    covers: Option<BTreeMap<FindingId, Cover>>,
    scans: BTreeMap<ScanId, Scan>,
}

/// A scan as the journal has it.
#[derive(Default)]
struct Scan {
    started: Option<Started>,
    ended: Option<Ended>,
    /// Files and bytes.
    totals: Option<(u64, u64)>,
}

#[derive(PartialEq)]
struct Started {
    at: String,
    tree: PathText,
    options: Value,
    rules: Sha256,
}

#[derive(PartialEq)]
struct Ended {
    at: String,
    outcome: String,
}

impl Vouched {
    /// Takes in the next entry, which was recorded `at` that time, as it is stored.
    pub(super) fn take(&mut self, at: &str, entry: &JournalEntry, found: &mut Verification) {
        let JournalEvent::Happened(record) = &entry.event else { return };
        match record {
            Record::CaseOpened { case, log_missing, .. } => {
                if self.case.as_ref().is_some_and(|(_, before)| before != case) {
                    found.add(CaseProblem::OtherCase(entry.seq));
                }
                self.case = Some((entry.seq, case.clone()));
                if *log_missing {
                    found.add(CaseProblem::LogWasMissing(entry.seq));
                }
            }
            Record::HostRecorded { facts } => self.host = Some(facts.clone()),
            Record::RegisterApplied { covers } => {
                let all = self.covers.get_or_insert_default();
                for covered in covers {
                    for finding in &covered.findings {
                        match &covered.cover {
                            Some(cover) => drop(all.insert(*finding, cover.clone())),
                            None => drop(all.remove(finding)),
                        }
                    }
                }
            }
            Record::Upgraded { scans, .. } => {
                for totals in scans {
                    self.scans.entry(totals.scan).or_default().totals = Some((totals.files, totals.bytes));
                }
            }
            Record::ScanStarted { scan, tree, options, rules } => {
                let (at, tree, options) = (at.to_owned(), tree.clone(), options.clone());
                self.scans.entry(*scan).or_default().started = Some(Started { at, tree, options, rules: *rules });
            }
            Record::ScanEnded { scan, outcome, files, bytes, .. } => {
                let this = self.scans.entry(*scan).or_default();
                this.ended = Some(Ended { at: at.to_owned(), outcome: outcome.clone() });
                this.totals = files.zip(*bytes);
            }
            Record::Undone { .. }
            | Record::ActOverCases { .. }
            | Record::ExclusionMet { .. }
            | Record::EvidenceGathered { .. } => {}
        }
    }

    /// Says what the tables have otherwise.
    pub(super) fn compare(self, db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
        let older = format_of(db)? < VOUCHED_SINCE;
        let id: Option<String> =
            db.query_row("SELECT value FROM host WHERE key = ?1", [CASE_ID], |row| row.get(0)).optional()?;
        if let Some((seq, case)) = &self.case
            && id.as_ref() != Some(case)
        {
            found.add(CaseProblem::OtherCase(*seq));
        }
        let host = host_facts(db)?;
        match self.host {
            None if older && !host.is_empty() => found.unvouched.push(Unvouched::Older("the facts about the box")),
            said if said.as_ref().unwrap_or(&BTreeMap::new()) != &host => found.add(CaseProblem::Host),
            _ => {}
        }
        let covers = tables::covers(db)?;
        match self.covers {
            None if older && !covers.is_empty() => found.unvouched.push(Unvouched::Older("what the register says")),
            said => {
                let said = said.unwrap_or_default();
                let both: BTreeSet<_> = said.keys().chain(covers.keys()).collect();
                for finding in both {
                    if said.get(finding) != covers.get(finding) {
                        found.add(CaseProblem::Register(*finding));
                    }
                }
            }
        }
        compare_scans(db, self.scans, older, found)
    }
}

fn compare_scans(
    db: &Connection,
    mut said: BTreeMap<ScanId, Scan>,
    older: bool,
    found: &mut Verification,
) -> CaseOutcome<()> {
    let mut totals_unvouched = false;
    let mut statement = db.prepare(
        "SELECT id, tree, options, rules_digest, started, ended, outcome, files, bytes FROM scans ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: ScanId = row.get(0)?;
        let scan = said.remove(&id).unwrap_or_default();
        let started = Started {
            at: row.get(4)?,
            tree: PathText::from(facts::path(row.get(1)?).as_path()),
            options: serde_json::from_str(&row.get::<_, String>(2)?)?,
            rules: Sha256(row.get(3)?),
        };
        let ended: Option<String> = row.get(5)?;
        let ended = match ended {
            Some(at) => Some(Ended { at, outcome: row.get(6)? }),
            None => None,
        };
        let count = |column| row.get::<_, Option<i64>>(column).map(|count| count.map(i64::cast_unsigned));
        let totals = count(7)?.zip(count(8)?);
        if ended.is_none() {
            found.unvouched.push(Unvouched::Running(id));
        }
        let totals_fit = scan.totals == totals || (older && scan.totals.is_none());
        totals_unvouched |= scan.totals.is_none() && totals.is_some();
        if scan.started != Some(started) || scan.ended != ended || !totals_fit {
            found.add(CaseProblem::ScanFacts(id));
        }
    }
    if older && totals_unvouched {
        found.unvouched.push(Unvouched::Older("how many files and bytes its scans went through"));
    }
    // Scans that the journal knows and the table does not.
    for scan in said.into_keys() {
        found.add(CaseProblem::ScanFacts(scan));
    }
    Ok(())
}
