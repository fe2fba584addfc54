//! rpm's database in its `SQLite` form.
//!
//! Table `Packages(hnum, blob)` holds a header a row, `Basenames(key, hnum, idx)` finds the headers that list a file name, so no
//! index of our own is needed.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, types::Value};

use super::super::observed::Gaps;
use super::super::sqlite;
use super::PackageEntry;
use super::rpm_entry::{files_of, find, is_named};
use super::rpm_header::RpmHeader;
use super::rpm_older::Older;
use crate::root::Root;
use crate::text;

/// Where distributions keep the database.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
/// Bytes of one header; rpm itself refuses more than 256 MiB of data.
const MAX_HEADER: i64 = 256 << 20;
/// Packages looked into for one file name; `__init__.py` is in a great many.
const MAX_PACKAGES: usize = 20_000;

pub(super) struct Rpm {
    /// The database's path on this machine, none of whose components is a link.
    database: PathBuf,
    /// The database in an older form, which is used instead.
    older: Option<Older>,
}

impl Rpm {
    pub(super) fn read(root: &Root, gaps: &mut Gaps) -> Option<Self> {
        for folder in FOLDERS.map(Path::new) {
            let path = folder.join("rpmdb.sqlite");
            match sqlite::locate(root, &path, "the newest rpm transactions", gaps) {
                Ok(Some(database)) => return Some(Self { database, older: None }),
                Ok(None) => return None,
                Err(error) => gaps.add_error(&path, &error),
            }
            for older in ["Packages.db", "Packages"] {
                let path = folder.join(older);
                if root.locate(&path, true).is_ok() {
                    let read = Older::read(root, &path, gaps)?;
                    return Some(Self { database: path, older: Some(read) });
                }
            }
        }
        None
    }

    pub(super) fn entry(&self, path: &Path, gaps: &mut Gaps) -> Option<PackageEntry> {
        if let Some(older) = &self.older {
            return older.entry(path);
        }
        match self.look_up(path, gaps) {
            Ok(entry) => entry,
            Err(error) => {
                let shown = text::escape_str(&error.to_string()).into_owned();
                gaps.add(format!("{}: {shown}", text::escape_path(&self.database)));
                None
            }
        }
    }

    /// The paths of a package that are installed.
    pub(super) fn files(&self, package: &str) -> Result<Vec<PathBuf>, String> {
        if let Some(older) = &self.older {
            return Ok(older.files(package));
        }
        self.listed(package).map_err(|error| error.to_string())
    }

    fn listed(&self, package: &str) -> rusqlite::Result<Vec<PathBuf>> {
        let connection = self.connect()?;
        let mut all = connection.prepare("SELECT blob FROM Packages WHERE length(blob) <= ?1 LIMIT ?2")?;
        let mut rows = all.query((MAX_HEADER, MAX_PACKAGES as i64))?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
            if let Some(header) = RpmHeader::parse(bytes).filter(|header| is_named(header, package)) {
                return Ok(files_of(&header));
            }
        }
        Ok(Vec::new())
    }

    fn look_up(&self, path: &Path, gaps: &mut Gaps) -> rusqlite::Result<Option<PackageEntry>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let connection = self.connect()?;
        let mut folder = parent.as_os_str().as_bytes().to_vec();
        if folder.last() != Some(&b'/') {
            folder.push(b'/');
        }
        let key = match name.to_str() {
            Some(name) => Value::Text(name.to_owned()),
            None => Value::Blob(name.as_bytes().to_vec()),
        };
        let mut headers = connection
            .prepare("SELECT DISTINCT hnum FROM Basenames WHERE key = ?1 OR key = CAST(?1 AS BLOB) LIMIT ?2")?;
        let numbers: Vec<i64> =
            headers.query_map((key, MAX_PACKAGES as i64), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if numbers.len() == MAX_PACKAGES {
            gaps.add(format!("more than {MAX_PACKAGES} packages list a file of this name; not all were looked into"));
        }
        let mut blob = connection.prepare("SELECT blob FROM Packages WHERE hnum = ?1 AND length(blob) <= ?2")?;
        for number in numbers {
            let bytes: Option<Vec<u8>> = blob.query_row((number, MAX_HEADER), |row| row.get(0)).optional()?;
            match bytes.as_deref().and_then(RpmHeader::parse) {
                Some(header) => {
                    if let Some(entry) = find(&header, &folder, name.as_bytes(), path) {
                        return Ok(Some(entry));
                    }
                }
                None => gaps.add(format!("rpm package number {number}: its header is damaged or missing")),
            }
        }
        Ok(None)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        sqlite::open(&self.database, &["Packages", "Basenames"])
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::observed::Observed;
    use super::super::super::testing::{put, scratch};
    use super::super::rpm_header::{build, tag};
    use super::super::{ContentCheck, Packages};
    use super::*;

    fn header() -> Vec<u8> {
        let digests = [b"".to_vec(), Sha256Hex::of(b"#!tool").0, b"zz".to_vec()].map(|mut d| {
            d.push(0);
            d
        });
        build(&[
            (tag::NAME, 6, 1, b"tools\0".to_vec()),
            (tag::VERSION, 6, 1, b"1.2\0".to_vec()),
            (tag::RELEASE, 6, 1, b"3.el9\0".to_vec()),
            (tag::EPOCH, 4, 1, 1u32.to_be_bytes().to_vec()),
            (tag::BASENAMES, 8, 3, b"tool\0tool\0bad\0".to_vec()),
            (tag::DIRINDEXES, 4, 3, [0u32, 1, 1].iter().flat_map(|n| n.to_be_bytes()).collect()),
            (tag::DIRNAMES, 8, 2, b"/etc/\0/usr/bin/\0".to_vec()),
            (tag::FILEDIGESTS, 8, 3, digests.concat()),
            (tag::FILEDIGESTALGO, 4, 1, 8u32.to_be_bytes().to_vec()),
        ])
    }

    struct Sha256Hex(Vec<u8>);

    impl Sha256Hex {
        fn of(bytes: &[u8]) -> Self {
            Self(crate::finding::Sha256::of(bytes).to_string().into_bytes())
        }
    }

    fn database(path: &Path, blob: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let db = Connection::open(path).unwrap();
        db.execute_batch(
            "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
             CREATE TABLE 'Basenames' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);",
        )
        .unwrap();
        db.execute("INSERT INTO Packages VALUES (7, ?1)", [blob]).unwrap();
        db.execute("INSERT INTO Basenames VALUES ('tool', 7, 0), ('tool', 7, 1), ('bad', 7, 2)", []).unwrap();
    }

    #[test]
    fn a_file_is_found_by_folder_and_name_and_compared() {
        let (dir, root) =
            scratch(&[("usr/bin/tool", "#!tool"), ("etc/tool", ""), ("usr/bin/bad", ""), ("opt/tool", "")]);
        let path = dir.path().join("usr/lib/sysimage/rpm/rpmdb.sqlite");
        database(&path, &header());
        let packages = Packages::read(&root);
        let owner = |path| packages.owner(Path::new(path), None);
        let tool = owner("/usr/bin/tool");
        let tool = tool.found().unwrap();
        assert_eq!(
            (tool.package.as_str(), tool.version.as_str(), &tool.content),
            ("tools", "1:1.2-3.el9", &ContentCheck::AsShipped)
        );
        assert!(matches!(&owner("/etc/tool").found().unwrap().content, ContentCheck::NotCompared(_)));
        assert!(matches!(&owner("/usr/bin/bad").found().unwrap().content, ContentCheck::NotCompared(_)));
        assert_eq!(owner("/opt/tool"), Observed::NotFound);
        put(dir.path(), "usr/bin/tool", b"patched");
        assert_eq!(owner("/usr/bin/tool").found().unwrap().content, ContentCheck::Changed);
        let beside: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(beside.len(), 1, "looking wrote nothing beside the database");
    }

    #[test]
    fn what_cannot_be_read_of_rpm_is_unknown() {
        let older = scratch(&[("var/lib/rpm/Packages", "bdb"), ("x", "")]);
        let reason =
            |root: &Root| Packages::read(root).owner(Path::new("/usr/bin/tool"), None).reason().unwrap().to_owned();
        assert!(reason(&older.1).contains("too short to be a database of rpm"));

        let noise = scratch(&[("var/lib/rpm/rpmdb.sqlite", "not a database, only long enough to look like one")]);
        assert!(reason(&noise.1).contains("rpmdb.sqlite"));

        let (dir, root) = scratch(&[]);
        database(&dir.path().join("var/lib/rpm/rpmdb.sqlite"), &header()[..20]);
        put(dir.path(), "var/lib/rpm/rpmdb.sqlite-wal", b"pending");
        assert!(reason(&root).contains("newest rpm transactions"));

        let (dir, root) = scratch(&[("var/lib/rpm/.keep", "")]);
        let view = Connection::open(dir.path().join("var/lib/rpm/rpmdb.sqlite")).unwrap();
        view.execute_batch(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB);
             CREATE VIEW Basenames AS WITH RECURSIVE n(key, hnum, idx) AS (SELECT 'x', 1, 1 UNION ALL SELECT 'x', hnum + 1, 1 FROM n)
             SELECT * FROM n;",
        )
        .unwrap();
        assert!(reason(&root).contains("rpmdb.sqlite"));
    }
}
