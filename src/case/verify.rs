//! Whether a case is whole: the file, the chain, what the journal comes to, and what the scans saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rusqlite::{Connection, OptionalExtension as _};

use super::chain::{StoredEntry, each_entry};
use super::closing::LOG_MISSING;
use super::error::Outcome;
use super::facts::{self, HitContent};
use super::gathered::{edited_parts, evidence_digest, keeps_evidence, unvouched_scans};
use super::replay::{Decided, replay, undone_groups, verdict};
use super::rules::{rule_content, rule_from, scan_digest, stored_rules_digest};
use super::schema::GUARDS;
use super::vouched::Vouched;
use super::{
    Case, CaseError, CaseErrorKind, Event, FindingId, Head, JournalEntry, LogState, Record, ScanId, Seq, tables,
};
use crate::finding::Sha256;

/// How many problems are listed; the rest is counted.
const LISTED: usize = 100;

/// What [`Case::verify`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Entries in the journal.
    pub entries: u64,
    /// Its last entry.
    pub head: Head,
    /// What is wrong, at most 100 of them; none when the case is whole.
    pub problems: Vec<Problem>,
    /// What nothing in the case vouches for; nothing in a case of this format whose scans have all ended.
    pub unvouched: Vec<Unvouched>,
    /// Problems that are not listed.
    pub more: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn add(&mut self, problem: Problem) {
        if self.problems.len() < LISTED {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }
}

/// What a case holds and its journal does not vouch for, though nothing is wrong with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unvouched {
    /// The case is of an older format, whose journal does not hold this.
    Older(&'static str),
    /// The scan runs, or was stopped before it could write down what it saw.
    Running(ScanId),
    /// The box is being asked about the findings of the scan, or that was broken off.
    Gathering(ScanId),
}

impl fmt::Display for Unvouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Older(what) => {
                write!(
                    f,
                    "{what}: nothing vouches for that, as an older Huntbook wrote the case; the next scan into it will"
                )
            }
            Self::Gathering(scan) => {
                write!(
                    f,
                    "scan {scan}: asking the box did not come to its end: nothing vouches for what it said till then"
                )
            }
            Self::Running(scan) => {
                write!(
                    f,
                    "scan {scan} has not ended: nothing vouches yet for the findings and coverage that only it saw"
                )
            }
        }
    }
}

/// One thing that is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Nothing was ever recorded in it, or all of it was lost.
    Empty,
    /// The write-ahead log is missing, and with it what was recorded last.
    LogMissing,
    /// The write-ahead log was missing when the case was opened and this entry was recorded.
    LogWasMissing(Seq),
    /// The case is another than the one that this entry was recorded in.
    OtherCase(Seq),
    /// The facts about the box are not those in the journal.
    Host,
    /// What the register says of a finding is not what the journal says it says.
    Register(FindingId),
    /// A scan's tree, options, times, outcome, files or bytes are not those in the journal.
    ScanFacts(ScanId),
    /// `SQLite` finds its own structures damaged.
    File(String),
    /// A trigger that keeps the journal append-only is missing or was changed.
    Guard(&'static str),
    /// Entries are missing before this one.
    Gap(Seq),
    /// The entry does not follow the one before it: one of the two was replaced.
    Chain(Seq),
    /// The entry was edited: its hash is not that of its content.
    Edited(Seq),
    /// The entry cannot be understood.
    Unreadable(Seq, String),
    /// The entry names another finding than the one it points to.
    Misdirected(Seq),
    /// The list of what is undone differs from the journal.
    Undone,
    /// The stored answers or standing of a finding differ from the journal.
    Decisions(FindingId),
    /// The stored verdict of a finding is not what its decisions lead to.
    Verdict(FindingId),
    /// A rule was edited.
    Rule(i64),
    /// What was seen of a finding was edited: facts, matches, kept bytes, or which of them were seen last.
    Evidence(FindingId),
    /// What a scan saw is not what the journal says it saw: findings or coverage were added, removed or replaced.
    Scan(ScanId),
    /// What the box said of the findings of a scan is not what the journal says it said.
    BoxEvidence(ScanId),
    /// What the box said of a finding, or of no one finding, was edited.
    BoxEvidencePart(Option<FindingId>),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing in its journal: it is empty, or what was recorded is lost"),
            Self::LogMissing => f.write_str(LOG_MISSING),
            Self::LogWasMissing(seq) => write!(
                f,
                "journal entry {seq}: the case had not been closed, and its -wal file was gone: entries before it may be \
                 missing"
            ),
            Self::OtherCase(seq) => write!(f, "journal entry {seq}: it was recorded in another case"),
            Self::Host => f.write_str("the facts about the box are not those in the journal"),
            Self::Register(finding) => {
                write!(f, "finding {finding}: what the register says of it is not what the journal says")
            }
            Self::ScanFacts(scan) => {
                write!(f, "scan {scan}: its tree, options, times, outcome or counts are not those in the journal")
            }
            Self::File(what) => write!(f, "the file is damaged: {what}"),
            Self::Guard(name) => write!(f, "the guard {name} of the journal is missing or was changed"),
            Self::Gap(seq) => write!(f, "journal entry {seq}: entries are missing before it"),
            Self::Chain(seq) => write!(f, "journal entry {seq}: the entry before it is not the one it was chained to"),
            Self::Edited(seq) => write!(f, "journal entry {seq}: it was edited, its hash does not fit"),
            Self::Unreadable(seq, why) => write!(f, "journal entry {seq}: it cannot be understood: {why}"),
            Self::Misdirected(seq) => write!(f, "journal entry {seq}: it names another finding than it points to"),
            Self::Undone => f.write_str("the list of what is undone differs from the journal"),
            Self::Decisions(finding) => write!(f, "finding {finding}: its answers differ from the journal"),
            Self::Verdict(finding) => write!(f, "finding {finding}: its verdict is not what the journal comes to"),
            Self::Rule(row) => write!(f, "rule row {row}: it was edited"),
            Self::Evidence(finding) => write!(f, "finding {finding}: what was seen of it was edited"),
            Self::Scan(scan) => write!(f, "scan {scan}: what it saw is not what the journal says it saw"),
            Self::BoxEvidence(scan) => {
                write!(f, "scan {scan}: what the box said of its findings is not what the journal says it said")
            }
            Self::BoxEvidencePart(Some(finding)) => write!(f, "finding {finding}: what the box said of it was edited"),
            Self::BoxEvidencePart(None) => f.write_str("what the box said was edited"),
        }
    }
}

impl Case {
    /// Checks everything that can be checked, and reads all of the case to do so.
    ///
    /// A whole case proves that nobody edited it in part. That nobody wrote it anew, hashes and all, only a head shows
    /// that was kept elsewhere: see [`Case::has_head`].
    ///
    /// # Errors
    /// Only when the case cannot be read at all; damage is a [`Problem`].
    pub fn verify(&self) -> Result<Verification, CaseError> {
        self.read(|db| {
            let mut found =
                Verification { entries: 0, head: Head::START, problems: Vec::new(), unvouched: Vec::new(), more: 0 };
            match self.log {
                LogState::Whole => {}
                LogState::Missing => found.add(Problem::LogMissing),
                LogState::Unknown => found.unvouched.push(Unvouched::Older("whether its last entries are here")),
            }
            for check in
                [check_file, check_guards, check_journal, check_rules, check_sightings, check_evidence, check_box]
            {
                match check(db, &mut found) {
                    Err(CaseErrorKind::Damaged(what)) => found.add(Problem::File(what)),
                    other => other?,
                }
            }
            Ok(found)
        })
    }
}

fn check_file(db: &Connection, found: &mut Verification) -> Outcome<()> {
    for pragma in ["PRAGMA integrity_check(20)", "PRAGMA foreign_key_check"] {
        let mut statement = db.prepare(pragma)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match row.get::<_, String>(0)?.as_str() {
                "ok" => {}
                table if pragma.ends_with("foreign_key_check") => {
                    found.add(Problem::File(format!("a row of {table} points to nothing")));
                }
                what => found.add(Problem::File(what.to_owned())),
            }
        }
    }
    Ok(())
}

fn check_guards(db: &Connection, found: &mut Verification) -> Outcome<()> {
    for (name, definition) in GUARDS {
        let stored: Option<String> = db
            .query_row("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", [name], |row| row.get(0))
            .optional()?;
        if stored.as_deref() != Some(definition) {
            found.add(Problem::Guard(name));
        }
    }
    Ok(())
}

/// Walks the chain, and replays what it says against the tables worked out from it.
fn check_journal(db: &Connection, found: &mut Verification) -> Outcome<()> {
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
                    Event::Happened(Record::Undone { group }) => drop(undoings.insert((entry.group, group))),
                    Event::Decided(_) => decisions.push(entry),
                    Event::Happened(_) => {}
                }
            }
            Err(fault) => found.add(Problem::Unreadable(stored.seq, fault.to_string())),
        }
        Ok(())
    })?;
    if found.entries == 0 {
        found.add(Problem::Empty);
    }
    vouched.compare(db, found)?;
    let undone = undone_groups(&undoings.into_iter().collect::<Vec<_>>());
    if tables::stored_undone(db)? != undone {
        found.add(Problem::Undone);
    }
    let mut decided = BTreeMap::new();
    replay(&mut decided, &decisions, &undone);
    check_decided(db, &decided, found)
}

fn check_link(stored: &StoredEntry, found: &mut Verification) {
    if stored.seq.0 != found.head.seq.0 + 1 {
        found.add(Problem::Gap(stored.seq));
    } else if stored.previous != found.head.hash {
        found.add(Problem::Chain(stored.seq));
    }
    if stored.computed_hash() != stored.hash {
        found.add(Problem::Edited(stored.seq));
    }
}

/// The content and the rule may have changed since; rule name and path are what a finding is.
fn check_subject(db: &Connection, entry: &JournalEntry, found: &mut Verification) -> Outcome<()> {
    let Some((finding, then)) = &entry.finding else { return Ok(()) };
    let same = match tables::subject(db, *finding) {
        Ok(now) => (&now.namespace, &now.rule, &now.path) == (&then.namespace, &then.rule, &then.path),
        Err(CaseErrorKind::NoSuchFinding(_)) => false,
        Err(fault) => return Err(fault),
    };
    if !same {
        found.add(Problem::Misdirected(entry.seq));
    }
    Ok(())
}

fn check_scan(db: &Connection, entry: &JournalEntry, found: &mut Verification) -> Outcome<()> {
    let (scan, same) = match &entry.event {
        Event::Happened(Record::ScanStarted { scan, rules, .. }) => (scan, stored_rules_digest(db, *scan)? == *rules),
        Event::Happened(Record::ScanEnded { scan, digest, .. }) => (scan, scan_digest(db, *scan)? == *digest),
        Event::Happened(Record::EvidenceGathered { scan, digest, .. }) => {
            if evidence_digest(db, *scan)? != *digest {
                found.add(Problem::BoxEvidence(*scan));
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if !same {
        found.add(Problem::Scan(*scan));
    }
    Ok(())
}

fn check_decided(db: &Connection, replayed: &BTreeMap<FindingId, Decided>, found: &mut Verification) -> Outcome<()> {
    let stored = tables::stored_decided(db)?;
    let nothing = Decided::default();
    let both: BTreeSet<_> = stored.keys().chain(replayed.keys()).collect();
    for finding in both {
        if stored.get(finding).unwrap_or(&nothing) != replayed.get(finding).unwrap_or(&nothing) {
            found.add(Problem::Decisions(*finding));
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
            found.add(Problem::Verdict(finding));
        }
    }
    Ok(())
}

fn check_rules(db: &Connection, found: &mut Verification) -> Outcome<()> {
    let mut statement = db.prepare(
        "SELECT namespace, name, digest, source, meta, scenarios, known, rules.id, content
         FROM rules JOIN rule_names ON rule_names.id = rules.rule_name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if rule_content(&rule_from(row)?)? != Sha256(row.get(8)?) {
            found.add(Problem::Rule(row.get(7)?));
        }
    }
    Ok(())
}

/// What the box said of findings, held against the digests that its entries in the journal rest on.
fn check_box(db: &Connection, found: &mut Verification) -> Outcome<()> {
    if !keeps_evidence(db)? {
        return Ok(());
    }
    edited_parts(db)?.into_iter().for_each(|finding| found.add(Problem::BoxEvidencePart(finding)));
    found.unvouched.extend(unvouched_scans(db)?.into_iter().map(Unvouched::Gathering));
    Ok(())
}

/// What was seen of a finding is the finding's own, and its verdict goes by the latest scan that saw it.
fn check_sightings(db: &Connection, found: &mut Verification) -> Outcome<()> {
    let mut statement = db.prepare(
        "WITH latest AS (SELECT finding, hit, max(scan) FROM sightings GROUP BY finding)
         SELECT id FROM findings LEFT JOIN latest ON latest.finding = findings.id
         WHERE findings.last_hit IS NOT latest.hit
         UNION SELECT sightings.finding FROM sightings JOIN hits ON hits.id = sightings.hit
         WHERE hits.finding <> sightings.finding",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add(Problem::Evidence(row.get(0)?));
    }
    Ok(())
}

/// Every hit's digest is taken anew from its facts, matches and bytes, which the scans' digests in the journal rest on.
fn check_evidence(db: &Connection, found: &mut Verification) -> Outcome<()> {
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
            found.add(Problem::Evidence(finding));
        }
    }
    Ok(())
}
