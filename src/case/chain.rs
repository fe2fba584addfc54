//! The journal's rows: writing them, reading them, and the hash that chains them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::digest::DigestFields;
use super::error::CaseOutcome;
use super::facts::{must_follow, parse_time, time_text};
use super::{
    Case, CaseError, CaseErrorKind, FindingId, Head, JournalEntry, JournalEvent, JournalSubject, ScanId, Seq, Stamp,
};
use crate::finding::Sha256;

/// A row of the journal, as stored; the hash is over these very texts.
pub(super) struct StoredEntry {
    pub(super) seq: Seq,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) host: String,
    pub(super) kind: String,
    pub(super) group: Seq,
    pub(super) finding: Option<FindingId>,
    pub(super) about: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) payload: String,
    pub(super) previous: Sha256,
    pub(super) hash: Sha256,
    undone: bool,
}

impl StoredEntry {
    const COLUMNS: &str = "seq, at, actor, host, kind, grp, finding, about, subject, payload, previous, hash, \
                           EXISTS (SELECT 1 FROM undone WHERE undone.grp = journal.grp)";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            host: row.get(3)?,
            kind: row.get(4)?,
            group: row.get(5)?,
            finding: row.get(6)?,
            about: row.get(7)?,
            subject: row.get(8)?,
            payload: row.get(9)?,
            previous: Sha256(row.get(10)?),
            hash: Sha256(row.get(11)?),
            undone: row.get(12)?,
        })
    }

    /// The hash that the entry should have. Its fields, encoded as [`DigestFields`] does: the name `huntbook journal 1`, the
    /// hash of the entry before (zeros before the first), then the columns in their order.
    pub(super) fn computed_hash(&self) -> Sha256 {
        DigestFields::of("huntbook journal 1")
            .digest(self.previous)
            .number(self.seq.0.cast_unsigned())
            .text(&self.at)
            .text(&self.actor)
            .text(&self.host)
            .text(&self.kind)
            .number(self.group.0.cast_unsigned())
            .maybe(self.finding, |fields, finding| fields.number(finding.0.cast_unsigned()))
            .maybe(self.about.as_deref(), DigestFields::text)
            .maybe(self.subject.as_deref(), DigestFields::text)
            .text(&self.payload)
            .finish()
    }

    /// The entry with its texts understood.
    pub(super) fn parse(&self) -> CaseOutcome<JournalEntry> {
        let payload: Value = serde_json::from_str(&self.payload)?;
        let subject: Option<JournalSubject> = self.subject.as_deref().map(serde_json::from_str).transpose()?;
        Ok(JournalEntry {
            seq: self.seq,
            group: self.group,
            at: parse_time(&self.at)?,
            actor: serde_json::from_str(&self.actor)?,
            host: self.host.clone(),
            event: serde_json::from_value(json!({ "kind": self.kind, "payload": payload }))?,
            finding: self.finding.zip(subject),
            undone: self.undone,
            hash: self.hash,
        })
    }
}

/// Entries that are recorded together and undone together.
pub(super) struct UndoGroup<'a> {
    db: &'a Connection,
    stamp: &'a Stamp,
    head: Head,
    first: Seq,
}

impl<'a> UndoGroup<'a> {
    /// A group that begins at the journal's end; `db` is in a transaction that has the write lock.
    pub(super) fn begin(db: &'a Connection, stamp: &'a Stamp) -> CaseOutcome<Self> {
        let head = head(db)?;
        Ok(Self { db, stamp, head, first: Seq(head.seq.0 + 1) })
    }

    /// The group's first entry.
    pub(super) fn first(&self) -> Seq {
        self.first
    }

    pub(super) fn append(
        &mut self,
        event: &JournalEvent,
        finding: Option<(FindingId, &JournalSubject)>,
    ) -> CaseOutcome<()> {
        let mut written = serde_json::to_value(event)?;
        let mut entry = StoredEntry {
            seq: Seq(self.head.seq.0 + 1),
            at: time_text(self.stamp.at),
            actor: serde_json::to_string(&self.stamp.actor)?,
            host: self.stamp.host.clone(),
            kind: written.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned(),
            group: self.first,
            finding: finding.map(|(id, _)| id),
            about: event.about(),
            subject: finding.map(|(_, subject)| serde_json::to_string(subject)).transpose()?,
            payload: written.get_mut("payload").map(Value::take).unwrap_or_default().to_string(),
            previous: self.head.hash,
            hash: Head::START.hash,
            undone: false,
        };
        entry.hash = entry.computed_hash();
        self.db
            .prepare_cached(
                "INSERT INTO journal (seq, at, actor, host, kind, grp, finding, about, subject, payload, previous, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                entry.seq,
                entry.at,
                entry.actor,
                entry.host,
                entry.kind,
                entry.group,
                entry.finding,
                entry.about,
                entry.subject,
                entry.payload,
                entry.previous.0,
                entry.hash.0
            ])?;
        self.head = Head { seq: entry.seq, hash: entry.hash };
        Ok(())
    }
}

/// The journal's last entry.
pub(super) fn head(db: &Connection) -> CaseOutcome<Head> {
    let last = db
        .prepare_cached("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { seq: row.get(0)?, hash: Sha256(row.get(1)?) }))
        .optional()?;
    Ok(last.unwrap_or(Head::START))
}

/// Hands every entry to `each`, first to last.
pub(super) fn each_entry(db: &Connection, mut each: impl FnMut(StoredEntry) -> CaseOutcome<()>) -> CaseOutcome<()> {
    let mut statement = db.prepare(&format!("SELECT {} FROM journal ORDER BY seq", StoredEntry::COLUMNS))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(StoredEntry::from_row(row)?)?;
    }
    Ok(())
}

/// What exclusions that cover findings say, by their ids, each in its last words.
pub(super) fn exclusion_words(db: &Connection) -> CaseOutcome<HashMap<String, Value>> {
    let sql = "SELECT about, payload FROM journal WHERE kind = 'exclusion-met' AND about IS NOT NULL ORDER BY seq";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut words = HashMap::new();
    while let Some(row) = rows.next()? {
        let mut payload: Value = serde_json::from_str(&row.get::<_, String>(1)?)?;
        words.insert(row.get(0)?, payload.get_mut("words").map(Value::take).unwrap_or_default());
    }
    Ok(words)
}

/// The entries of one kind, first to last.
pub(super) fn entries_of_kind(db: &Connection, kind: &str) -> CaseOutcome<Vec<JournalEntry>> {
    let sql = format!("SELECT {} FROM journal WHERE kind = ?1 ORDER BY seq", StoredEntry::COLUMNS);
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([kind], StoredEntry::from_row)?;
    rows.map(|row| row?.parse()).collect()
}

/// The entries about one finding, first to last.
pub(super) fn entries_of(db: &Connection, finding: FindingId) -> CaseOutcome<Vec<JournalEntry>> {
    let sql = format!("SELECT {} FROM journal WHERE finding = ?1 ORDER BY seq", StoredEntry::COLUMNS);
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([finding], StoredEntry::from_row)?;
    rows.map(|row| row?.parse()).collect()
}

/// Entries read at once by [`JournalEntries`].
const PAGE: usize = 1024;

/// The entries of a journal, first to last, read as they are asked for, so that one of any length takes little memory. Each
/// page is of one state of the case; what others record meanwhile comes at the end.
#[derive(Debug)]
pub(crate) struct JournalEntries<'c> {
    case: &'c Case,
    page: std::vec::IntoIter<JournalEntry>,
    /// The last entry that was read; `None` behind the end, and behind an error.
    after: Option<Seq>,
}

impl Iterator for JournalEntries<'_> {
    type Item = Result<JournalEntry, CaseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 {
            let read = self.case.journal(self.after?, PAGE);
            self.after = read.as_ref().ok().and_then(|page| page.last()).map(|last| last.seq);
            match read {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.next().map(Ok)
    }
}

/// Entries after `after`, at most `limit`, first to last.
fn entries_after(db: &Connection, after: Seq, limit: usize) -> CaseOutcome<Vec<JournalEntry>> {
    let sql = format!("SELECT {} FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2", StoredEntry::COLUMNS);
    let mut statement = db.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after, limit])?;
    let (mut before, mut entries) = (after, Vec::new());
    while let Some(row) = rows.next()? {
        let stored = StoredEntry::from_row(row)?;
        must_follow(&mut before, stored.seq)?;
        entries.push(stored.parse()?);
    }
    Ok(entries)
}

/// The one entry at `seq`.
pub(super) fn entry(db: &Connection, seq: Seq) -> CaseOutcome<JournalEntry> {
    let sql = format!("SELECT {} FROM journal WHERE seq = ?1", StoredEntry::COLUMNS);
    let stored = db.prepare_cached(&sql)?.query_row([seq], StoredEntry::from_row).optional()?;
    stored.ok_or(CaseErrorKind::NoSuchEntry(seq))?.parse()
}

impl Case {
    /// The journal's last entry, for the foot of every report.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn head(&self) -> Result<Head, CaseError> {
        self.read(head)
    }

    /// What exclusions that cover findings say, by their ids, each in its last words.
    ///
    /// # Errors
    /// When the case cannot be read, or an entry in it does not parse.
    pub fn exclusion_words(&self) -> Result<HashMap<String, Value>, CaseError> {
        self.read(exclusion_words)
    }

    /// The entry by which `scan` began: who started it, on which host.
    ///
    /// # Errors
    /// When the case cannot be read, or the entry does not parse.
    pub fn scan_started(&self, scan: ScanId) -> Result<Option<JournalEntry>, CaseError> {
        self.read(|db| {
            let columns = StoredEntry::COLUMNS;
            let sql = format!("SELECT {columns} FROM journal WHERE kind = 'scan-started' AND about = ?1 LIMIT 1");
            let stored = db.prepare(&sql)?.query_row([scan.to_string()], StoredEntry::from_row).optional()?;
            stored.map(|entry| entry.parse()).transpose()
        })
    }

    /// Whether the journal still holds the entry that was its head once. Together with a whole chain
    /// ([`Case::verify`]) this says that nothing up to it was changed.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn has_head(&self, kept: &Head) -> Result<bool, CaseError> {
        self.read(|db| {
            let hash = db
                .prepare_cached("SELECT hash FROM journal WHERE seq = ?1")?
                .query_row([kept.seq], |row| row.get(0).map(Sha256))
                .optional()?;
            Ok(hash == Some(kept.hash) || *kept == Head::START)
        })
    }

    /// The journal after entry `after` (`Seq(0)` for its start), first to last, read as it is asked for.
    pub(crate) fn entries(&self, after: Seq) -> JournalEntries<'_> {
        JournalEntries { case: self, page: Vec::new().into_iter(), after: Some(after) }
    }

    /// The journal after entry `after` (`Seq(0)` for its start), at most `limit` entries, first to last.
    ///
    /// # Errors
    /// When the case cannot be read, or an entry in it does not parse.
    pub fn journal(&self, after: Seq, limit: usize) -> Result<Vec<JournalEntry>, CaseError> {
        self.read(|db| entries_after(db, after, limit))
    }

    /// Everything ever recorded about `finding`, first to last, with what has been undone since.
    ///
    /// # Errors
    /// When the case cannot be read, or an entry in it does not parse.
    pub fn history(&self, finding: FindingId) -> Result<Vec<JournalEntry>, CaseError> {
        self.read(|db| entries_of(db, finding))
    }
}
