//! The tables of a case, and whether a file has these and nothing else.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::CaseErrorKind;
use super::error::CaseOutcome;

/// `application_id` of a case: "Hunt" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x4875_6e74;

/// `user_version` that this program writes, and the highest it reads.
///
/// A case of an older format is read as it is, and brought up to date when it is written to, see [`migrate`](super::migrate):
///
/// - 1 stores a data digest ([`Digest::DataOnly`](crate::finding::Digest::DataOnly)) so that it looks like a SHA-256.
/// - 2 tells them apart.
/// - 3 holds entries of the kind `exclusion-met` in the journal.
/// - 4 has the host facts, the size of each scan and what the register says in the journal too; its file says whether it
///   was closed (see [`LogState`](super::LogState)), and a candidate is recorded under its rule's own namespace.
/// - 5 keeps what the box said of findings, with a digest of it in the journal, and what an archive or the kernel says of a
///   subject that is no plain file ([`TABLES_OF_5`]).
/// - 6 holds entries of the kinds `act-over-cases` and `tagged` in the journal, the boxes that an exclusion is bound to, and
///   finds notes and tags by an index ([`TABLES_OF_6`]).
pub(super) const FORMAT: i64 = 6;

/// The first format with the table `said`.
pub(super) const SAID: i64 = 5;

/// Names and definitions of the triggers that keep the journal append-only; `verify` looks for each, word for word.
///
/// The third refuses what `INSERT OR REPLACE` would slip past the second.
pub(super) const GUARDS: [(&str, &str); 3] = [
    (
        "journal_is_never_changed",
        "CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal \
         BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    ),
    (
        "journal_is_never_shortened",
        "CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal \
         BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    ),
    (
        "journal_grows_at_its_end",
        "CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal \
         WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal) \
         BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    ),
];

/// The tables. Paths and digests are blobs: a path is raw bytes, a digest 32 of them; a data digest in a column `sha256`
/// has a `d` before them, so that it equals no SHA-256. Times are RFC 3339 in UTC with nanoseconds, or seconds and
/// nanoseconds since 1970 where they come from `stat`. Unsigned 64-bit numbers (device, inode, size, offset) are stored as
/// the signed number with the same bits.
///
/// What a scan saw is stored once however often it is seen again: `content` is a digest over all of a row, and a later
/// scan that meets the same row points to it.
pub(super) const TABLES: &str = "
CREATE TABLE host (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE scans (
    id INTEGER PRIMARY KEY, tree BLOB NOT NULL, options TEXT NOT NULL, rules_digest BLOB NOT NULL,
    started TEXT NOT NULL, ended TEXT, outcome TEXT, files INTEGER, bytes INTEGER
) STRICT;

CREATE TABLE rule_names (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (namespace, name)
) STRICT;
CREATE TABLE rules (
    id INTEGER PRIMARY KEY, rule_name INTEGER NOT NULL REFERENCES rule_names, digest BLOB NOT NULL,
    source TEXT NOT NULL, meta TEXT NOT NULL, scenarios TEXT NOT NULL, known TEXT NOT NULL, content BLOB NOT NULL UNIQUE
) STRICT;
CREATE INDEX rules_by_name ON rules (rule_name);
CREATE TABLE scan_rules (
    scan INTEGER NOT NULL REFERENCES scans, rule INTEGER NOT NULL REFERENCES rules, PRIMARY KEY (scan, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE paths (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path INTEGER NOT NULL REFERENCES paths,
    dev INTEGER NOT NULL, ino INTEGER NOT NULL, mode INTEGER NOT NULL, links INTEGER NOT NULL,
    uid INTEGER NOT NULL, gid INTEGER NOT NULL, owner TEXT, grp TEXT, size INTEGER NOT NULL,
    accessed INTEGER NOT NULL, accessed_ns INTEGER NOT NULL, modified INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    changed INTEGER NOT NULL, changed_ns INTEGER NOT NULL, born INTEGER, born_ns INTEGER,
    sha256 BLOB NOT NULL, noatime INTEGER NOT NULL, content BLOB NOT NULL UNIQUE
) STRICT;

-- `last_hit` is a row of `hits`. It is not declared so, as hits refer to findings: with a circle SQLite would look through
-- all findings at each new hit. `verify` checks it.
CREATE TABLE findings (
    id INTEGER PRIMARY KEY, rule_name INTEGER NOT NULL REFERENCES rule_names, path INTEGER NOT NULL REFERENCES paths,
    last_hit INTEGER NOT NULL, verdict TEXT NOT NULL,
    UNIQUE (rule_name, path)
) STRICT;
CREATE INDEX findings_open ON findings (id) WHERE verdict = 'open';
CREATE TABLE hits (
    id INTEGER PRIMARY KEY, finding INTEGER NOT NULL REFERENCES findings, rule INTEGER NOT NULL REFERENCES rules,
    file INTEGER NOT NULL REFERENCES files, capped INTEGER NOT NULL, content BLOB NOT NULL, UNIQUE (finding, content)
) STRICT;
CREATE TABLE matches (
    hit INTEGER NOT NULL REFERENCES hits, n INTEGER NOT NULL, pattern TEXT NOT NULL, at INTEGER NOT NULL,
    length INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (hit, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT;
CREATE TABLE excerpts (
    hit INTEGER NOT NULL REFERENCES hits, n INTEGER NOT NULL, at INTEGER NOT NULL,
    blob INTEGER NOT NULL REFERENCES blobs, PRIMARY KEY (hit, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE sightings (
    scan INTEGER NOT NULL REFERENCES scans, finding INTEGER NOT NULL REFERENCES findings,
    hit INTEGER NOT NULL REFERENCES hits, PRIMARY KEY (scan, finding)
) STRICT, WITHOUT ROWID;
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY, scan INTEGER NOT NULL REFERENCES scans, path BLOB NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX coverage_by_scan ON coverage (scan, id);

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, host TEXT NOT NULL, kind TEXT NOT NULL,
    grp INTEGER NOT NULL, finding INTEGER REFERENCES findings, about TEXT, subject TEXT, payload TEXT NOT NULL,
    previous BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX journal_by_group ON journal (grp);
CREATE INDEX journal_by_finding ON journal (finding, seq) WHERE finding IS NOT NULL;
CREATE INDEX journal_exclusions ON journal (about, finding) WHERE kind = 'exclusion-recorded';
CREATE INDEX journal_undone ON journal (grp, about) WHERE kind = 'undone';

-- What follows is what the journal comes to, kept for quick reading; `verify` replays the journal against it.
CREATE TABLE undone (grp INTEGER PRIMARY KEY) STRICT;
CREATE TABLE answers (
    finding INTEGER NOT NULL REFERENCES findings, scenario TEXT NOT NULL, answer TEXT NOT NULL, seq INTEGER NOT NULL,
    sha256 BLOB NOT NULL, PRIMARY KEY (finding, scenario)
) STRICT, WITHOUT ROWID;
CREATE TABLE standings (
    finding INTEGER PRIMARY KEY REFERENCES findings, seq INTEGER NOT NULL, exclusion TEXT, sha256 BLOB NOT NULL,
    rule_digest BLOB NOT NULL
) STRICT;

-- What the register says of a finding, as last looked up; not decided here, so not in the journal.
CREATE TABLE covers (finding INTEGER PRIMARY KEY REFERENCES findings, exclusion TEXT NOT NULL, lapsed TEXT) STRICT;
";

/// The tables that came with format 5. A part is what one probe said, as JSON, whatever findings it said it of; what the box
/// as a whole said is kept beside that.
pub(super) const TABLES_OF_5: &str = "
CREATE TABLE evidence_parts (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE TABLE evidence (
    scan INTEGER NOT NULL REFERENCES scans, finding INTEGER NOT NULL REFERENCES findings, kind TEXT NOT NULL,
    part INTEGER NOT NULL REFERENCES evidence_parts, PRIMARY KEY (scan, finding, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_by_part ON evidence (part, finding);
CREATE TABLE said (file INTEGER PRIMARY KEY REFERENCES files, said TEXT NOT NULL) STRICT;
CREATE TABLE box_evidence (
    scan INTEGER NOT NULL REFERENCES scans, kind TEXT NOT NULL, part INTEGER NOT NULL REFERENCES evidence_parts,
    PRIMARY KEY (scan, kind)
) STRICT, WITHOUT ROWID;
";

/// The index that came with format 6: notes and tags are read for every finding when a case is opened.
pub(super) const TABLES_OF_6: &str = "
CREATE INDEX journal_annotations ON journal (finding, seq) WHERE kind IN ('note', 'tagged');
";

/// The `user_version` of a case.
pub(super) fn format_of(db: &Connection) -> CaseOutcome<i64> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Makes the tables, indexes and triggers of a case of this format.
pub(super) fn create(db: &Connection) -> CaseOutcome<()> {
    create_as_of(db, FORMAT)
}

/// Makes those of a case of that format.
fn create_as_of(db: &Connection, format: i64) -> CaseOutcome<()> {
    db.execute_batch(TABLES)?;
    if format >= 5 {
        db.execute_batch(TABLES_OF_5)?;
    }
    if format >= 6 {
        db.execute_batch(TABLES_OF_6)?;
    }
    for (_, trigger) in GUARDS {
        db.execute_batch(trigger)?;
    }
    Ok(())
}

/// Refuses a file whose schema is not word for word the one that is made here for its format, and names the first thing that differs: what a
/// view or a trigger does is up to whoever wrote the file. With `lenient`, a trigger that keeps the journal append-only may be
/// missing: for a case that is only read that does no harm, and `verify` names it.
pub(super) fn must_be_ours(db: &Connection, lenient: bool) -> CaseOutcome<()> {
    let ours = {
        let made = Connection::open_in_memory()?;
        create_as_of(&made, format_of(db)?)?;
        objects(&made)?
    };
    let found = objects(db)?;
    let foreign = |what: &str, (kind, name): &Object| {
        Err(CaseErrorKind::ForeignSchema { object: format!("{what} the {kind} {name}") })
    };
    for (object, definition) in &found {
        match ours.get(object) {
            None => return foreign("it has", object),
            Some(ours) if ours != definition => return foreign("it has another definition of", object),
            Some(_) => {}
        }
    }
    let may_lack = |(_, name): &(String, String)| lenient && GUARDS.iter().any(|(guard, _)| guard == name);
    match ours.keys().find(|object| !found.contains_key(*object) && !may_lack(object)) {
        Some(missing) => foreign("it lacks", missing),
        None => Ok(()),
    }
}

/// Kind and name of what a schema holds.
type Object = (String, String);

/// Everything in a schema, with its table and definition. An object that is there twice is damage.
fn objects(db: &Connection) -> CaseOutcome<BTreeMap<Object, (String, Option<String>)>> {
    let mut statement = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT ?1")?;
    let mut rows = statement.query([MAX_OBJECTS])?;
    let mut objects = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let object = (row.get(0)?, row.get(1)?);
        if objects.insert(object, (row.get(2)?, row.get(3)?)).is_some() {
            return Err(CaseErrorKind::Damaged("a table is there twice".to_owned()));
        }
    }
    Ok(objects)
}

/// Objects of a schema that are looked at at most; a case has about 50.
const MAX_OBJECTS: i64 = 1000;
