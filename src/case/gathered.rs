//! What the box said of the findings of a scan, in parts: a part that says the same of many findings is stored once.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::chain::{self, UndoGroup};
use super::digest::DigestFields;
use super::error::CaseOutcome;
use super::schema;
use super::{Case, CaseError, CaseErrorKind, FindingId, JournalEvent, Record, ScanId, Stamp};
use crate::finding::Sha256;

/// The first format that keeps what the box said.
const SINCE_FORMAT: i64 = 5;
/// Bytes of all parts about one finding, above which they are not read: no Huntbook writes as many.
const MAX_BYTES: usize = 256 << 20;

/// A name and a JSON text: what one probe said.
type Part = (String, String);

/// How far the box was asked for a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceEnd {
    /// Findings that the box was to be asked about.
    pub asked: u64,
    /// Findings that it answered about.
    pub gathered: u64,
    /// Why not about all; safe text, `None` when it did.
    pub cut: Option<String>,
}

impl Case {
    /// Stores what the box said of findings of `scan`, in named parts; what was stored of them before is replaced.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchScan`], [`CaseErrorKind::NoSuchFinding`], [`CaseErrorKind::ScanOver`] when the scan's evidence is in
    /// the journal already, or when the case cannot be written.
    pub fn record_evidence(&mut self, scan: ScanId, said: &[(FindingId, Vec<Part>)]) -> Result<(), CaseError> {
        self.write(|db| {
            must_gather(db, scan)?;
            for (finding, parts) in said {
                db.prepare_cached("DELETE FROM evidence WHERE scan = ?1 AND finding = ?2")?
                    .execute(params![scan, finding])?;
                let mut insert =
                    db.prepare_cached("INSERT INTO evidence (scan, finding, kind, part) VALUES (?1, ?2, ?3, ?4)")?;
                for (kind, text) in parts {
                    insert
                        .execute(params![scan, finding, kind, part_row(db, text)?])
                        .map_err(|error| missing_finding(error, *finding))?;
                }
            }
            Ok(())
        })
    }

    /// Stores what the box as a whole said when `scan` asked it, and puts a digest of all that it said into the journal.
    ///
    /// # Errors
    /// As [`Case::record_evidence`].
    pub fn end_evidence(
        &mut self,
        scan: ScanId,
        of_box: &[Part],
        end: &EvidenceEnd,
        stamp: &Stamp,
    ) -> Result<(), CaseError> {
        self.write(|db| {
            must_gather(db, scan)?;
            let mut insert = db.prepare_cached("INSERT INTO box_evidence (scan, kind, part) VALUES (?1, ?2, ?3)")?;
            for (kind, text) in of_box {
                insert.execute(params![scan, kind, part_row(db, text)?])?;
            }
            let EvidenceEnd { asked, gathered, cut } = end.clone();
            let record = Record::EvidenceGathered { scan, asked, gathered, cut, digest: evidence_digest(db, scan)? };
            UndoGroup::begin(db, stamp)?.append(&JournalEvent::Happened(record), None)
        })
    }

    /// What the box said of `finding` when `scan` asked it, in named parts; empty where it was not asked.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn evidence(&self, scan: ScanId, finding: FindingId) -> Result<Vec<Part>, CaseError> {
        self.parts(
            "SELECT kind, text FROM evidence JOIN evidence_parts ON evidence_parts.id = part
             WHERE scan = ?1 AND finding = ?2 ORDER BY kind",
            params![scan, finding],
        )
    }

    /// One part of what the box said of `finding` when `scan` asked it.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn evidence_part(&self, scan: ScanId, finding: FindingId, kind: &str) -> Result<Option<String>, CaseError> {
        let found = self.parts(
            "SELECT kind, text FROM evidence JOIN evidence_parts ON evidence_parts.id = part
             WHERE scan = ?1 AND finding = ?2 AND kind = ?3",
            params![scan, finding, kind],
        )?;
        Ok(found.into_iter().next().map(|(_, text)| text))
    }

    /// What the box as a whole said when `scan` asked it, in named parts.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn box_evidence(&self, scan: ScanId) -> Result<Vec<Part>, CaseError> {
        self.parts(
            "SELECT kind, text FROM box_evidence JOIN evidence_parts ON evidence_parts.id = part
             WHERE scan = ?1 ORDER BY kind",
            params![scan],
        )
    }

    /// Hands the parts of these kinds that the box said of each finding of `scan` to `each`: finding, kind, number of the part,
    /// and how to read its text. A part that many findings share has one number.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn each_evidence_part(
        &self,
        scan: ScanId,
        kinds: &[&str],
        mut each: impl FnMut(FindingId, &str, i64, &dyn Fn() -> String),
    ) -> Result<(), CaseError> {
        self.read(|db| {
            if !keeps_evidence(db)? {
                return Ok(());
            }
            let mut statement = db.prepare_cached("SELECT finding, kind, part FROM evidence WHERE scan = ?1")?;
            let mut rows = statement.query([scan])?;
            let text = |part: i64| -> rusqlite::Result<String> {
                let mut statement = db.prepare_cached("SELECT text FROM evidence_parts WHERE id = ?1")?;
                statement.query_row([part], |row| row.get(0))
            };
            while let Some(row) = rows.next()? {
                let kind: String = row.get(1)?;
                if kinds.contains(&kind.as_str()) {
                    let part = row.get(2)?;
                    each(row.get(0)?, &kind, part, &|| text(part).unwrap_or_default());
                }
            }
            Ok(())
        })
    }

    fn parts(&self, sql: &str, of: impl rusqlite::Params) -> Result<Vec<Part>, CaseError> {
        self.read(|db| {
            if !keeps_evidence(db)? {
                return Ok(Vec::new());
            }
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(of)?;
            let (mut parts, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let part: Part = (row.get(0)?, row.get(1)?);
                bytes += part.1.len();
                if bytes > MAX_BYTES {
                    return Err(CaseErrorKind::Damaged("what the box said of one finding is too long".to_owned()));
                }
                parts.push(part);
            }
            Ok(parts)
        })
    }

    /// How far the box was asked for each scan; one that is not there was not asked, or its asking did not come to an end.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn evidence_ends(&self) -> Result<HashMap<ScanId, EvidenceEnd>, CaseError> {
        self.read(|db| {
            let mut ends = HashMap::new();
            for entry in chain::entries_of_kind(db, "evidence-gathered")? {
                if let JournalEvent::Happened(Record::EvidenceGathered { scan, asked, gathered, cut, .. }) = entry.event
                {
                    ends.insert(scan, EvidenceEnd { asked, gathered, cut });
                }
            }
            Ok(ends)
        })
    }
}

/// Whether the file has the tables for it: one of an older format that is only read has not.
pub(super) fn keeps_evidence(db: &Connection) -> CaseOutcome<bool> {
    Ok(schema::format_of(db)? >= SINCE_FORMAT)
}

/// Refuses a scan that is not there, or whose evidence is in the journal already.
fn must_gather(db: &Connection, scan: ScanId) -> CaseOutcome<()> {
    let known: bool =
        db.prepare_cached("SELECT EXISTS (SELECT 1 FROM scans WHERE id = ?1)")?.query_row([scan], |row| row.get(0))?;
    let over: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM journal WHERE kind = 'evidence-gathered' AND about = ?1)")?
        .query_row([scan.to_string()], |row| row.get(0))?;
    match (known, over) {
        (false, _) => Err(CaseErrorKind::NoSuchScan(scan)),
        (true, true) => Err(CaseErrorKind::ScanOver(scan)),
        (true, false) => Ok(()),
    }
}

/// The row of this text, made where it is missing.
fn part_row(db: &Connection, text: &str) -> CaseOutcome<i64> {
    let digest = Sha256::of(text.as_bytes());
    let mut select = db.prepare_cached("SELECT id FROM evidence_parts WHERE sha256 = ?1")?;
    if let Some(id) = select.query_row([digest.0], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    let mut insert = db.prepare_cached("INSERT INTO evidence_parts (sha256, text) VALUES (?1, ?2)")?;
    Ok(insert.insert(params![digest.0, text])?)
}

fn missing_finding(error: rusqlite::Error, finding: FindingId) -> CaseErrorKind {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => CaseErrorKind::NoSuchFinding(finding),
        _ => error.into(),
    }
}

/// Digest over all that the box said when `scan` asked it: of each finding, then of the box, by the digests of the parts.
pub(super) fn evidence_digest(db: &Connection, scan: ScanId) -> CaseOutcome<Sha256> {
    let mut fields = DigestFields::of("huntbook evidence 1");
    let mut of_findings = db.prepare(
        "SELECT finding, kind, sha256 FROM evidence JOIN evidence_parts ON evidence_parts.id = part
         WHERE scan = ?1 ORDER BY finding, kind",
    )?;
    let mut rows = of_findings.query([scan])?;
    while let Some(row) = rows.next()? {
        let finding: FindingId = row.get(0)?;
        fields =
            fields.number(finding.0.cast_unsigned()).text(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
        fields = fields.digest(Sha256(row.get(2)?));
    }
    let mut of_box = db.prepare(
        "SELECT kind, sha256 FROM box_evidence JOIN evidence_parts ON evidence_parts.id = part
         WHERE scan = ?1 ORDER BY kind",
    )?;
    let mut rows = of_box.query([scan])?;
    while let Some(row) = rows.next()? {
        fields = fields.text(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?).digest(Sha256(row.get(1)?));
    }
    Ok(fields.finish())
}

/// The scans with evidence that no entry of the journal vouches for: they run, or were broken off.
pub(super) fn unvouched_scans(db: &Connection) -> CaseOutcome<Vec<ScanId>> {
    let mut statement = db.prepare(
        "SELECT scan FROM (SELECT scan FROM evidence UNION SELECT scan FROM box_evidence) AS kept
         WHERE NOT EXISTS
            (SELECT 1 FROM journal WHERE kind = 'evidence-gathered' AND about = CAST(kept.scan AS TEXT)) ORDER BY scan",
    )?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The parts whose text is not what their digest says, by a finding that they are of where there is one.
pub(super) fn edited_parts(db: &Connection) -> CaseOutcome<Vec<Option<FindingId>>> {
    let mut statement = db.prepare(
        "SELECT sha256, text, (SELECT min(finding) FROM evidence WHERE part = evidence_parts.id) FROM evidence_parts",
    )?;
    let mut rows = statement.query([])?;
    let mut edited = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if Sha256::of(text.as_bytes()) != Sha256(row.get(0)?) {
            edited.push(row.get(2)?);
        }
    }
    Ok(edited)
}
