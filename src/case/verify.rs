//! Whether a case is whole: the file, the chain, what the journal comes to, and what the scans saw.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _};

use super::chain::{StoredEntry, each_entry};
use super::error::CaseOutcome;
use super::facts::{self, HitContent};
use super::gathered::{edited_parts, evidence_digest, keeps_evidence, unvouched_scans};
use super::replay::{Decided, replay, undone_groups, verdict};
use super::rules::{rule_content, rule_from, scan_digest, stored_rules_digest};
use super::schema::GUARDS;
use super::verification::{CaseProblem, Unvouched, Verification};
use super::vouched::Vouched;
use super::{Case, CaseError, CaseErrorKind, FindingId, Head, JournalEntry, JournalEvent, LogState, Record, tables};
use crate::finding::Sha256;

impl Case {
    /// Checks everything that can be checked, and reads all of the case to do so.
    ///
    /// A whole case proves that nobody edited it in part. That nobody wrote it anew, hashes and all, only a head shows
    /// that was kept elsewhere: see [`Case::has_head`].
    ///
    /// # Errors
    /// Only when the case cannot be read at all; damage is a [`CaseProblem`].
    pub fn verify(&self) -> Result<Verification, CaseError> {
        self.read(|db| {
            let mut found =
                Verification { entries: 0, head: Head::START, problems: Vec::new(), unvouched: Vec::new(), more: 0 };
            match self.log {
                LogState::Whole => {}
                LogState::Missing => found.add(CaseProblem::LogMissing),
                LogState::Unknown => found.unvouched.push(Unvouched::Older("whether its last entries are here")),
            }
            for check in
                [check_file, check_guards, check_journal, check_rules, check_sightings, check_evidence, check_box]
            {
                match check(db, &mut found) {
                    Err(CaseErrorKind::Damaged(what)) => found.add(CaseProblem::File(what)),
                    other => other?,
                }
            }
            Ok(found)
        })
    }
}

fn check_file(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    for pragma in ["PRAGMA integrity_check(20)", "PRAGMA foreign_key_check"] {
        let mut statement = db.prepare(pragma)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match row.get::<_, String>(0)?.as_str() {
                "ok" => {}
                table if pragma.ends_with("foreign_key_check") => {
                    found.add(CaseProblem::File(format!("a row of {table} points to nothing")));
                }
                what => found.add(CaseProblem::File(what.to_owned())),
            }
        }
    }
    Ok(())
}

fn check_guards(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    for (name, definition) in GUARDS {
        let stored: Option<String> = db
            .query_row("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", [name], |row| row.get(0))
            .optional()?;
        if stored.as_deref() != Some(definition) {
            found.add(CaseProblem::Guard(name));
        }
    }
    Ok(())
}

/// Walks the chain, and replays what it says against the tables worked out from it.
fn check_journal(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    let mut undoings = BTreeSet::new();
    let mut decisions = Vec::new();
    let mut vouched = Vouched::default();
    each_entry(db, |stored| {
        check_link(&stored, found);
        found.entries += 1;
        found.head = Head { seq: stored.seq, hash: stored.hash };
        match stored.parse() {
            Ok(entry) => {
                check_subject(db, &entry, found)?;
                check_scan(db, &entry, found)?;
                vouched.take(&stored.at, &entry, found);
                match entry.event {
                    JournalEvent::Happened(Record::Undone { group }) => drop(undoings.insert((entry.group, group))),
                    JournalEvent::Decided(_) => decisions.push(entry),
                    JournalEvent::Happened(_) => {}
                }
            }
            Err(fault) => found.add(CaseProblem::Unreadable(stored.seq, fault.to_string())),
        }
        Ok(())
    })?;
    if found.entries == 0 {
        found.add(CaseProblem::Empty);
    }
    vouched.compare(db, found)?;
    let undone = undone_groups(&undoings.into_iter().collect::<Vec<_>>());
    if tables::stored_undone(db)? != undone {
        found.add(CaseProblem::Undone);
    }
    let mut decided = BTreeMap::new();
    replay(&mut decided, &decisions, &undone);
    check_decided(db, &decided, found)
}

fn check_link(stored: &StoredEntry, found: &mut Verification) {
    if stored.seq.0 != found.head.seq.0 + 1 {
        found.add(CaseProblem::Gap(stored.seq));
    } else if stored.previous != found.head.hash {
        found.add(CaseProblem::Chain(stored.seq));
    }
    if stored.computed_hash() != stored.hash {
        found.add(CaseProblem::Edited(stored.seq));
    }
}

/// The content and the rule may have changed since; rule name and path are what a finding is.
fn check_subject(db: &Connection, entry: &JournalEntry, found: &mut Verification) -> CaseOutcome<()> {
    let Some((finding, then)) = &entry.finding else { return Ok(()) };
    let same = match tables::subject(db, *finding) {
        Ok(now) => (&now.namespace, &now.rule, &now.path) == (&then.namespace, &then.rule, &then.path),
        Err(CaseErrorKind::NoSuchFinding(_)) => false,
        Err(fault) => return Err(fault),
    };
    if !same {
        found.add(CaseProblem::Misdirected(entry.seq));
    }
    Ok(())
}

fn check_scan(db: &Connection, entry: &JournalEntry, found: &mut Verification) -> CaseOutcome<()> {
    let (scan, same) = match &entry.event {
        JournalEvent::Happened(Record::ScanStarted { scan, rules, .. }) => {
            (scan, stored_rules_digest(db, *scan)? == *rules)
        }
        JournalEvent::Happened(Record::ScanEnded { scan, digest, .. }) => (scan, scan_digest(db, *scan)? == *digest),
        JournalEvent::Happened(Record::EvidenceGathered { scan, digest, .. }) => {
            if evidence_digest(db, *scan)? != *digest {
                found.add(CaseProblem::BoxEvidence(*scan));
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if !same {
        found.add(CaseProblem::Scan(*scan));
    }
    Ok(())
}

fn check_decided(
    db: &Connection,
    replayed: &BTreeMap<FindingId, Decided>,
    found: &mut Verification,
) -> CaseOutcome<()> {
    let stored = tables::stored_decided(db)?;
    let nothing = Decided::default();
    let both: BTreeSet<_> = stored.keys().chain(replayed.keys()).collect();
    for finding in both {
        if stored.get(finding).unwrap_or(&nothing) != replayed.get(finding).unwrap_or(&nothing) {
            found.add(CaseProblem::Decisions(*finding));
        }
    }
    let mut statement = db.prepare("SELECT id, verdict FROM findings")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let finding = row.get(0)?;
        let decided = replayed.get(&finding).unwrap_or(&nothing);
        let cover = tables::cover(db, finding)?;
        let stored: String = row.get(1)?;
        let fits = match tables::now(db, finding) {
            Ok(now) => tables::verdict_text(verdict(&now, decided, cover.as_ref()))? == stored,
            Err(CaseErrorKind::NoSuchFinding(_)) => false,
            Err(fault) => return Err(fault),
        };
        if !fits {
            found.add(CaseProblem::Verdict(finding));
        }
    }
    Ok(())
}

fn check_rules(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    let mut statement = db.prepare(
        "SELECT namespace, name, digest, source, meta, scenarios, known, rules.id, content
         FROM rules JOIN rule_names ON rule_names.id = rules.rule_name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if rule_content(&rule_from(row)?)? != Sha256(row.get(8)?) {
            found.add(CaseProblem::Rule(row.get(7)?));
        }
    }
    Ok(())
}

/// What the box said of findings, held against the digests that its entries in the journal rest on.
fn check_box(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    if !keeps_evidence(db)? {
        return Ok(());
    }
    edited_parts(db)?.into_iter().for_each(|finding| found.add(CaseProblem::BoxEvidencePart(finding)));
    found.unvouched.extend(unvouched_scans(db)?.into_iter().map(Unvouched::Gathering));
    Ok(())
}

/// What was seen of a finding is the finding's own, and its verdict goes by the latest scan that saw it.
fn check_sightings(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    let mut statement = db.prepare(
        "WITH latest AS (SELECT finding, hit, max(scan) FROM sightings GROUP BY finding)
         SELECT id FROM findings LEFT JOIN latest ON latest.finding = findings.id
         WHERE findings.last_hit IS NOT latest.hit
         UNION SELECT sightings.finding FROM sightings JOIN hits ON hits.id = sightings.hit
         WHERE hits.finding <> sightings.finding",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add(CaseProblem::Evidence(row.get(0)?));
    }
    Ok(())
}

/// Every hit's digest is taken anew from its facts, matches and bytes, which the scans' digests in the journal rest on.
fn check_evidence(db: &Connection, found: &mut Verification) -> CaseOutcome<()> {
    let mut statement = db.prepare(
        "SELECT hits.id, hits.finding, hits.file, hits.capped, hits.content, rules.content,
            rules.rule_name = findings.rule_name AND files.path = findings.path
         FROM hits JOIN rules ON rules.id = hits.rule JOIN findings ON findings.id = hits.finding
         JOIN files ON files.id = hits.file",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hit, finding) = (row.get(0)?, row.get(1)?);
        let kept = facts::load_kept(db, hit)?;
        let excerpts: Vec<_> = kept.excerpts.iter().map(|e| (e.offset, Sha256::of(&e.bytes))).collect();
        let taken_anew = HitContent {
            rule: Sha256(row.get(5)?),
            file: facts::facts_content(&facts::load_facts(db, row.get(2)?)?)?,
            capped: row.get(3)?,
            matches: &facts::load_matches(db, hit)?,
            excerpts: &excerpts,
        };
        if !row.get::<_, bool>(6)? || taken_anew.digest() != Sha256(row.get(4)?) {
            found.add(CaseProblem::Evidence(finding));
        }
    }
    Ok(())
}
