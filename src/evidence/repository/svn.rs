//! Subversion's checkouts, of version 1.7 and later.
//!
//! `.svn/wc.db` is read, not svn asked. Table `NODES` has a row for each file and layer: `presence` tells whether it is there, and
//! `checksum` is the SHA-1 of its content as the repository has it (`wc-metadata.sql` of Subversion).

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value;
use sha1::{Digest as _, Sha1};

use super::{Checkout, Tracked, VersionControl};
use crate::evidence::blocks;
use crate::evidence::observed::{Gaps, Observed, reason};
use crate::evidence::sqlite;
use crate::root::Root;
use crate::text;

/// Bytes of a file whose digest is computed.
const MAX_FILE: u64 = 256 << 20;
/// Bytes of the text or blob of one column that are taken.
const MAX_COLUMN: i64 = 64 << 10;

/// Subversion's own folder for what lies in `folder`; `None` where that is not the top of a checkout.
pub(super) fn store(root: &Root, folder: &Path) -> Option<PathBuf> {
    let store = folder.join(".svn");
    root.locate(&store.join("wc.db"), true).ok()?.metadata.is_file().then_some(store)
}

/// What is recorded of a file.
struct Node {
    presence: String,
    checksum: Option<String>,
    revision: Option<i64>,
    repository: Option<String>,
    properties: Vec<u8>,
}

/// What the checkout at `top` says of a file.
pub(super) fn look(root: &Root, top: &Path, store: &Path, file: &Path) -> Observed<Checkout> {
    let path = store.join("wc.db");
    let unknown = |why: &str| Observed::Unknown(format!("{}: {why}", text::escape_path(&path)));
    let Ok(below) = file.strip_prefix(top) else { return Observed::NotFound };
    let mut gaps = Gaps::default();
    let database = match sqlite::locate(root, &path, "what was done last", &mut gaps) {
        Ok(database) => database,
        Err(error) => return unknown(&reason(&error)),
    };
    let (Some(database), None) = (database, gaps.lines().next()) else {
        return Observed::Unknown(gaps.lines().collect::<Vec<_>>().join("; "));
    };
    let node = match node(&database, below) {
        Ok(node) => node,
        Err(error) => return unknown(&text::escape_str(&error.to_string())),
    };
    let mut checkout = Checkout {
        control: VersionControl::Subversion,
        path: top.to_owned(),
        state: Tracked::No,
        commit: None,
        branch: None,
        loose: false,
    };
    let Some(node) = node.filter(|node| node.presence == "normal") else { return Observed::Found(checkout) };
    checkout.commit = node.revision.map(|revision| revision.to_string());
    checkout.branch = node.repository.as_deref().map(|address| text::escape_str(address).into_owned());
    // What was added and never committed has no revision: the repository does not know it.
    if node.revision.is_none() {
        return Observed::Found(checkout);
    }
    let Some(recorded) = node.checksum.as_deref().and_then(|sum| sum.strip_prefix("$sha1$")) else {
        return unknown("it has no digest of the file");
    };
    match digest(root, file) {
        Err(why) => Observed::Unknown(why),
        Ok(now) if now.eq_ignore_ascii_case(recorded) => {
            Observed::Found(Checkout { state: Tracked::Unmodified, ..checkout })
        }
        Ok(_) if is_translated(&node.properties) => {
            unknown("the file is written with keywords or line ends of its own, so its content cannot be compared")
        }
        Ok(_) => Observed::Found(Checkout { state: Tracked::Modified, ..checkout }),
    }
}

fn node(database: &Path, below: &Path) -> rusqlite::Result<Option<Node>> {
    let connection = sqlite::open(database, &["NODES", "REPOSITORY"])?;
    let key = match below.to_str() {
        Some(text) => Value::Text(text.to_owned()),
        None => Value::Blob(below.as_os_str().as_bytes().to_vec()),
    };
    // Of several layers the last one is what is in the folder.
    let mut newest = connection.prepare(
        "SELECT substr(presence, 1, ?2), substr(checksum, 1, ?2), revision,
            (SELECT substr(root, 1, ?2) FROM repository WHERE id = repos_id), substr(properties, 1, ?2)
         FROM nodes WHERE local_relpath = ?1 AND kind = 'file' ORDER BY op_depth DESC LIMIT 1",
    )?;
    let row = newest.query_row((key, MAX_COLUMN), |row| {
        Ok(Node {
            presence: row.get(0)?,
            checksum: row.get(1)?,
            revision: row.get(2)?,
            repository: row.get(3)?,
            properties: row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default(),
        })
    });
    row.optional()
}

/// Whether the working file may differ from what the repository has without having been changed.
fn is_translated(properties: &[u8]) -> bool {
    let holds = |name: &[u8]| properties.windows(name.len()).any(|part| part == name);
    holds(b"svn:keywords") || holds(b"svn:eol-style") || holds(b"svn:special")
}

/// The SHA-1 of a file in hexadecimal digits.
fn digest(root: &Root, path: &Path) -> Result<String, String> {
    let located = root.locate(path, false).map_err(|error| reason(&error))?;
    let length = located.metadata.len();
    if length > MAX_FILE {
        return Err("the file is too long for its SHA-1 to be computed".to_owned());
    }
    let file = located.open().map_err(|error| reason(&error))?;
    let mut sha1 = Sha1::new();
    blocks::each(file, length, |block| sha1.update(block)).map_err(|error| reason(&error))?;
    Ok(text::hex(&sha1.finalize()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::of;
    use super::*;
    use crate::evidence::testing::{put, scratch};

    /// Path, layer, presence, revision, properties and content of a file.
    type Row<'r> = (&'r str, i64, &'r str, Option<i64>, &'r str, &'r str);

    /// A checkout as Subversion lays one out, as far as it is read.
    fn checkout(dir: &Path, rows: &[Row<'_>]) {
        std::fs::create_dir_all(dir.join(".svn")).unwrap();
        let db = rusqlite::Connection::open(dir.join(".svn/wc.db")).unwrap();
        db.execute_batch(
            "CREATE TABLE REPOSITORY (id INTEGER PRIMARY KEY, root TEXT, uuid TEXT);
             INSERT INTO REPOSITORY VALUES (1, 'https://svn.example/tools', 'x');
             CREATE TABLE NODES (wc_id INTEGER, local_relpath TEXT, op_depth INTEGER, repos_id INTEGER, revision INTEGER,
                presence TEXT, kind TEXT, properties BLOB, checksum TEXT, PRIMARY KEY (wc_id, local_relpath, op_depth));",
        )
        .unwrap();
        for (path, depth, presence, revision, properties, content) in rows {
            let sum = format!("$sha1${}", text::hex(&Sha1::digest(content.as_bytes())));
            let row = (path, depth, revision, presence, properties.as_bytes(), sum);
            db.execute("INSERT INTO NODES VALUES (1, ?1, ?2, 1, ?3, ?4, 'file', ?5, ?6)", row).unwrap();
        }
    }

    #[test]
    fn tracked_modified_added_deleted_and_unknown_files_are_told_apart() {
        let files = ["same.py", "changed.py", "added.py", "gone.py", "new.py", "keyword.py"];
        let all: Vec<_> = files.iter().map(|name| format!("srv/wc/lib/{name}")).collect();
        let (dir, root) = scratch(&all.iter().map(|path| (path.as_str(), "content")).collect::<Vec<_>>());
        checkout(
            &dir.path().join("srv/wc"),
            &[
                ("lib/same.py", 0, "normal", Some(17), "()", "content"),
                ("lib/changed.py", 0, "normal", Some(17), "()", "other"),
                ("lib/added.py", 2, "normal", None, "()", "content"),
                ("lib/gone.py", 0, "normal", Some(17), "()", "content"),
                ("lib/gone.py", 2, "base-deleted", None, "()", "content"),
                ("lib/keyword.py", 0, "normal", Some(17), "(svn:keywords Id)", "other"),
            ],
        );
        let found = |name: &str| of(&root, &Path::new("/srv/wc/lib").join(name));
        let states: Vec<_> = files[..5].iter().map(|name| found(name).found().map(|checkout| checkout.state)).collect();
        let expected = [Tracked::Unmodified, Tracked::Modified, Tracked::No, Tracked::No, Tracked::No];
        assert_eq!(states, expected.map(Some));
        let same = found("same.py").found().unwrap().to_string();
        let said =
            "tracked and unmodified in the Subversion checkout /srv/wc, at revision 17 of https://svn.example/tools";
        assert_eq!(same, said);
        assert!(found("keyword.py").reason().unwrap().contains("keywords"));
        put(dir.path(), "srv/wc/.svn/wc.db", b"no database");
        assert!(found("same.py").reason().unwrap().contains("/srv/wc/.svn/wc.db"));
        assert_eq!(of(&root, Path::new("/srv/wc/.svn/pristine/x")), Observed::NotFound);
    }

    #[test]
    fn a_checkout_of_svn_itself_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.current_dir(dir.path()).env("HOME", dir.path()).args(arguments);
            command.output().is_ok_and(|output| output.status.success())
        };
        let address = format!("file://{}/repository", dir.path().display());
        if !run("svnadmin", &["create", "repository"]) || !run("svn", &["checkout", &address, "wc"]) {
            return eprintln!("skipped: there is no svn here");
        }
        put(dir.path(), "wc/lib/one.py", b"one");
        put(dir.path(), "wc/lib/two.py", b"two");
        assert!(run("svn", &["add", "wc/lib"]) && run("svn", &["commit", "-m", "two files", "wc"]));
        put(dir.path(), "wc/lib/two.py", b"two, changed");
        put(dir.path(), "wc/lib/three.py", b"three");
        assert!(run("svn", &["add", "wc/lib/three.py"]));
        put(dir.path(), "wc/lib/four.py", b"four");
        let root = Root::image(dir.path());
        let state = |name: &str| of(&root, &Path::new("/wc/lib").join(name)).found().unwrap().state;
        let states = ["one.py", "two.py", "three.py", "four.py"].map(state);
        assert_eq!(states, [Tracked::Unmodified, Tracked::Modified, Tracked::No, Tracked::No]);
    }
}
