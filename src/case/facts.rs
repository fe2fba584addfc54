//! Facts of the box and of files, matches, kept bytes and times as rows hold them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::CaseErrorKind;
use super::digest::DigestFields;
use super::error::CaseOutcome;
use super::schema;
use crate::finding::{Excerpt, FileFacts, FileTime, KeptBytes, PatternMatch, Sha256};

/// The key under which the case's own id stands among the host facts.
pub(super) const CASE_ID: &str = "case.id";

/// The facts about the box, without the case's own id.
pub(super) fn host_facts(db: &Connection) -> CaseOutcome<BTreeMap<String, String>> {
    let mut statement = db.prepare_cached("SELECT key, value FROM host WHERE key <> ?1")?;
    let facts = statement.query_map([CASE_ID], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(facts.collect::<rusqlite::Result<_>>()?)
}

/// A stored path.
pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// The row of `path`, made where it is missing.
pub(super) fn path_row(db: &Connection, path: &Path) -> CaseOutcome<i64> {
    let bytes = path.as_os_str().as_bytes();
    let found = db.prepare_cached("SELECT id FROM paths WHERE path = ?1")?.query_row([bytes], |row| row.get(0));
    match found.optional()? {
        Some(id) => Ok(id),
        None => Ok(db.prepare_cached("INSERT INTO paths (path) VALUES (?1)")?.insert([bytes])?),
    }
}

/// Digest over all facts.
pub(super) fn facts_content(facts: &FileFacts) -> CaseOutcome<Sha256> {
    let time =
        |fields: DigestFields, time: FileTime| fields.number(time.seconds.cast_unsigned()).number(time.nanos.into());
    let fields = DigestFields::of(if facts.stated.is_some() { "huntbook file 2" } else { "huntbook file 1" })
        .path(&facts.path)
        .number(facts.dev)
        .number(facts.ino)
        .number(facts.mode.into())
        .number(facts.links)
        .number(facts.uid.into())
        .number(facts.gid.into())
        .maybe(facts.owner.as_deref(), DigestFields::text)
        .maybe(facts.group.as_deref(), DigestFields::text)
        .number(facts.size);
    let fields = time(time(time(fields, facts.accessed), facts.modified), facts.changed)
        .maybe(facts.born, time)
        .content(facts.digest)
        .number(facts.noatime.into());
    Ok(match &facts.stated {
        Some(said) => fields.text(&serde_json::to_string(said)?).finish(),
        None => fields.finish(),
    })
}

/// The row of these facts, made where it is missing, and their digest.
pub(super) fn facts_row(db: &Connection, facts: &FileFacts) -> CaseOutcome<(i64, Sha256)> {
    let content = facts_content(facts)?;
    let mut select = db.prepare_cached("SELECT id FROM files WHERE content = ?1")?;
    if let Some(id) = select.query_row([content.0], |row| row.get(0)).optional()? {
        return Ok((id, content));
    }
    let id = db
        .prepare_cached(
            "INSERT INTO files (path, dev, ino, mode, links, uid, gid, owner, grp, size, accessed, accessed_ns, modified,
                modified_ns, changed, changed_ns, born, born_ns, sha256, noatime, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        )?
        .insert(params![
            path_row(db, &facts.path)?,
            facts.dev.cast_signed(),
            facts.ino.cast_signed(),
            facts.mode,
            facts.links.cast_signed(),
            facts.uid,
            facts.gid,
            facts.owner,
            facts.group,
            facts.size.cast_signed(),
            facts.accessed.seconds,
            facts.accessed.nanos,
            facts.modified.seconds,
            facts.modified.nanos,
            facts.changed.seconds,
            facts.changed.nanos,
            facts.born.map(|born| born.seconds),
            facts.born.map(|born| born.nanos),
            facts.digest,
            facts.noatime,
            content.0
        ])?;
    if let Some(said) = &facts.stated {
        db.prepare_cached("INSERT INTO said (file, said) VALUES (?1, ?2)")?
            .execute(params![id, serde_json::to_string(said)?])?;
    }
    Ok((id, content))
}

/// The facts stored in row `id` of `files`.
pub(super) fn load_facts(db: &Connection, id: i64) -> CaseOutcome<FileFacts> {
    let mut statement = db.prepare_cached(
        "SELECT paths.path, dev, ino, mode, links, uid, gid, owner, grp, size, accessed, accessed_ns, modified,
            modified_ns, changed, changed_ns, born, born_ns, sha256, noatime
         FROM files JOIN paths ON paths.id = files.path WHERE files.id = ?1",
    )?;
    let mut facts = statement.query_row([id], facts_from)?;
    if schema::format_of(db)? >= schema::SAID {
        let mut said = db.prepare_cached("SELECT said FROM said WHERE file = ?1")?;
        let said: Option<String> = said.query_row([id], |row| row.get(0)).optional()?;
        facts.stated = said.map(|said| serde_json::from_str(&said)).transpose()?.map(Arc::new);
    }
    Ok(facts)
}

fn facts_from(row: &Row<'_>) -> rusqlite::Result<FileFacts> {
    let unsigned = |column| row.get(column).map(i64::cast_unsigned);
    let time = |column| Ok::<_, rusqlite::Error>(FileTime { seconds: row.get(column)?, nanos: row.get(column + 1)? });
    let born = match (row.get(16)?, row.get(17)?) {
        (Some(seconds), Some(nanos)) => Some(FileTime { seconds, nanos }),
        _ => None,
    };
    Ok(FileFacts {
        path: path(row.get(0)?),
        dev: unsigned(1)?,
        ino: unsigned(2)?,
        mode: row.get(3)?,
        links: unsigned(4)?,
        uid: row.get(5)?,
        gid: row.get(6)?,
        owner: row.get(7)?,
        group: row.get(8)?,
        size: unsigned(9)?,
        accessed: time(10)?,
        modified: time(12)?,
        changed: time(14)?,
        born,
        digest: row.get(18)?,
        noatime: row.get(19)?,
        stated: None,
    })
}

/// What a rule found in a file, with the digests of the rule's and the file's rows.
pub(super) struct HitContent<'a> {
    pub(super) rule: Sha256,
    pub(super) file: Sha256,
    pub(super) capped: bool,
    pub(super) matches: &'a [PatternMatch],
    /// Offset and digest of each kept excerpt.
    pub(super) excerpts: &'a [(u64, Sha256)],
}

impl HitContent<'_> {
    /// Digest over all of it.
    pub(super) fn digest(&self) -> Sha256 {
        let mut fields = DigestFields::of("huntbook hit 1")
            .digest(self.rule)
            .digest(self.file)
            .number(self.capped.into())
            .number(self.matches.len() as u64);
        for found in self.matches {
            fields = fields.text(&found.pattern).number(found.offset).number(found.length).bytes(&found.data);
        }
        for (offset, digest) in self.excerpts {
            fields = fields.number(*offset).digest(*digest);
        }
        fields.finish()
    }
}

/// Stores the matches of the new hit in row `hit`.
pub(super) fn store_matches(db: &Connection, hit: i64, matches: &[PatternMatch]) -> CaseOutcome<()> {
    let mut insert =
        db.prepare_cached("INSERT INTO matches (hit, n, pattern, at, length, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (n, found) in (0_i64..).zip(matches) {
        let (offset, length) = (found.offset.cast_signed(), found.length.cast_signed());
        insert.execute(params![hit, n, &*found.pattern, offset, length, found.data])?;
    }
    Ok(())
}

/// Stores the bytes kept with the new hit in row `hit`; bytes that the case has already are not stored again.
pub(super) fn store_kept(db: &Connection, hit: i64, kept: &KeptBytes, digests: &[(u64, Sha256)]) -> CaseOutcome<()> {
    for (n, (excerpt, (offset, digest))) in (0_i64..).zip(kept.excerpts.iter().zip(digests)) {
        db.prepare_cached("INSERT INTO blobs (sha256, bytes) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING")?
            .execute(params![digest.0, excerpt.bytes])?;
        db.prepare_cached(
            "INSERT INTO excerpts (hit, n, at, blob) SELECT ?1, ?2, ?3, id FROM blobs WHERE sha256 = ?4",
        )?
        .execute(params![hit, n, offset.cast_signed(), digest.0])?;
    }
    Ok(())
}

/// The matches of the hit in row `hit`, in file order.
pub(super) fn load_matches(db: &Connection, hit: i64) -> CaseOutcome<Vec<PatternMatch>> {
    let mut statement = db.prepare_cached("SELECT pattern, at, length, data FROM matches WHERE hit = ?1 ORDER BY n")?;
    let matches = statement.query_map([hit], |row| {
        Ok(PatternMatch {
            pattern: row.get::<_, Arc<str>>(0)?,
            offset: row.get(1).map(i64::cast_unsigned)?,
            length: row.get(2).map(i64::cast_unsigned)?,
            data: row.get(3)?,
        })
    })?;
    Ok(matches.collect::<rusqlite::Result<_>>()?)
}

/// The bytes kept with the hit in row `hit`.
pub(super) fn load_kept(db: &Connection, hit: i64) -> CaseOutcome<KeptBytes> {
    let mut statement = db.prepare_cached(
        "SELECT at, bytes FROM excerpts JOIN blobs ON blobs.id = excerpts.blob WHERE hit = ?1 ORDER BY n",
    )?;
    let excerpts = statement
        .query_map([hit], |row| Ok(Excerpt { offset: row.get(0).map(i64::cast_unsigned)?, bytes: row.get(1)? }))?;
    Ok(KeptBytes { excerpts: excerpts.collect::<rusqlite::Result<_>>()? })
}

/// A time as it is stored.
pub(super) fn time_text(at: jiff::Timestamp) -> String {
    format!("{at:.9}")
}

/// A stored time.
pub(super) fn parse_time(text: &str) -> CaseOutcome<jiff::Timestamp> {
    text.parse().map_err(|error: jiff::Error| CaseErrorKind::Damaged(error.to_string()))
}

/// Refuses a row whose number does not follow `before`, which a damaged or hostile table may hold: who pages through it by
/// the last number would never come to its end.
pub(super) fn must_follow<N: PartialOrd + Copy + std::fmt::Display>(before: &mut N, this: N) -> CaseOutcome<()> {
    if this <= *before {
        return Err(CaseErrorKind::Damaged(format!("row {this} stands after row {before}")));
    }
    *before = this;
    Ok(())
}
