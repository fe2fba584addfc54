//! Findings that somebody decided on and that a later scan did not meet: what was decided of them stands.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::error::CaseOutcome;
use super::facts::parse_time;
use super::{Case, CaseError, FindingId, ScanId, ScanRow, facts, query};
use crate::finding::FoundBy;

/// Why a scan did not meet a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The scan ran without the finding's rule.
    RuleLeftOut,
    /// The scan was of a tree that the file is not in.
    OutsideTree,
    /// The file, or a folder above it, is among what the scan did not scan.
    NotScanned,
    /// The scan did not go to its end.
    CutShort,
    /// The scan went through all of the tree with the rule: the file is not there, or the rule no longer matches it.
    Gone,
}

/// That a finding was not met again, who met it last, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// The last scan that met it.
    pub last: ScanId,
    /// When that scan began.
    pub at: Timestamp,
    /// Why the scan in question did not.
    pub why: Absence,
}

impl Gone {
    /// The word for the reason in exports.
    pub fn reason(&self) -> &'static str {
        match self.why {
            Absence::RuleLeftOut => "rule-left-out",
            Absence::OutsideTree => "outside-tree",
            Absence::NotScanned => "not-scanned",
            Absence::CutShort => "cut-short",
            Absence::Gone => "gone",
        }
    }

    /// `gone`, or `not met` where the file may well be there.
    pub fn word(&self) -> &'static str {
        if self.why == Absence::Gone { "gone" } else { "not met" }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Absence::RuleLeftOut => "its rule was not in the last scan",
            Absence::OutsideTree => "it is outside the tree of the last scan",
            Absence::NotScanned => "the last scan did not scan it, see coverage",
            Absence::CutShort => "the last scan did not go to its end",
            Absence::Gone => "the file is not there, or the rule matches it no more",
        };
        write!(f, "{}, last met by scan {} ({:.0}): {why}", self.word(), self.last, self.at)
    }
}

/// A decided finding that a scan did not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Its number.
    pub id: FindingId,
    /// Its rule, or candidate condition.
    pub found_by: FoundBy,
    /// Who met it last, and why this scan did not.
    pub gone: Gone,
}

impl Case {
    /// The findings with a decision in force (an answer, a note, a verdict, an exclusion) that `scan` did not meet, by
    /// number.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn unmet(&self, scan: &ScanRow) -> Result<Vec<Unmet>, CaseError> {
        self.read(|db| unmet(db, scan))
    }
}

fn unmet(db: &Connection, scan: &ScanRow) -> CaseOutcome<Vec<Unmet>> {
    let mut statement = db.prepare_cached(
        "SELECT found.id, found.rule_name, paths.path, last.id, last.started
         FROM findings AS found JOIN paths ON paths.id = found.path
         JOIN scans AS last ON last.id = (SELECT max(scans.id) FROM scans WHERE EXISTS
            (SELECT 1 FROM sightings WHERE sightings.scan = scans.id AND sightings.finding = found.id))
         WHERE found.id IN (SELECT finding FROM journal WHERE finding IS NOT NULL
            AND kind IN ('answered', 'note', 'tagged', 'marked-malicious', 'exclusion-recorded', 'exclusion-revoked')
            AND NOT EXISTS (SELECT 1 FROM undone WHERE undone.grp = journal.grp))
         AND NOT EXISTS (SELECT 1 FROM sightings WHERE scan = ?1 AND finding = found.id) ORDER BY found.id",
    )?;
    let mut rows = statement.query([scan.id])?;
    let mut asked = None;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let reach = match &mut asked {
            Some(reach) => reach,
            empty => empty.insert(Reach::of(db, scan)?),
        };
        let rule_name = row.get(1)?;
        let why = reach.absence(scan, rule_name, &facts::path(row.get(2)?));
        let gone = Gone { last: row.get(3)?, at: parse_time(&row.get::<_, String>(4)?)?, why };
        all.push(Unmet { id: row.get(0)?, found_by: query::found_by(db, rule_name)?, gone });
    }
    Ok(all)
}

/// What a scan could have met.
struct Reach {
    rule_names: HashSet<i64>,
    missed: HashSet<PathBuf>,
}

impl Reach {
    fn of(db: &Connection, scan: &ScanRow) -> CaseOutcome<Self> {
        let names = "SELECT rule_name FROM scan_rules JOIN rules ON rules.id = scan_rules.rule WHERE scan = ?1";
        let rule_names = db.prepare_cached(names)?.query_map([scan.id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut missed = db.prepare_cached("SELECT path FROM coverage WHERE scan = ?1")?;
        let missed = missed.query_map(params![scan.id], |row| Ok(facts::path(row.get(0)?)))?;
        Ok(Self { rule_names, missed: missed.collect::<Result<_, _>>()? })
    }

    fn absence(&self, scan: &ScanRow, rule_name: i64, path: &Path) -> Absence {
        let whole = scan.is_complete();
        match () {
            () if !self.rule_names.contains(&rule_name) => Absence::RuleLeftOut,
            () if !path.starts_with(&scan.tree) => Absence::OutsideTree,
            () if path.ancestors().any(|part| self.missed.contains(part)) => Absence::NotScanned,
            () if !whole => Absence::CutShort,
            () => Absence::Gone,
        }
    }
}
