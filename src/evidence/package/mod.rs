//! Which package a file belongs to, and whether its content is what the package shipped.
//!
//! The databases of dpkg, rpm and apk are read directly. The tools themselves are never run: on a box under suspicion
//! they may be the intruder's. So may the databases; that a package lists a file is evidence, not proof.

mod apk;
mod digest;
mod dpkg;
mod rpm;
mod rpm_header;
mod spelling;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, Observed};
use super::show;
use crate::finding::Digest;
use crate::root::Root;
use crate::text;
use digest::Shipped;
use spelling::Spellings;

/// The package that ships a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageOwner {
    /// Whose database says so: `dpkg`, `rpm`, `apk`.
    pub manager: Cow<'static, str>,
    /// The package's name, safe to show.
    pub package: String,
    /// Its version, safe to show; empty when the database has none.
    pub version: String,
    /// Whether it is installed now. Configuration files stay behind when a package is removed.
    pub installed: bool,
    /// The path in the package's own spelling.
    #[serde(with = "show::kept_path")]
    pub listed_as: PathBuf,
    /// Whether the content is what the package shipped.
    pub content: Content,
}

/// A file's content against what its package shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The digests agree.
    AsShipped,
    /// The digests differ.
    Changed,
    /// They could not be compared; a phrase that says why.
    NotCompared(String),
}

impl fmt::Display for PackageOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}", self.package, self.version, self.manager)?;
        if !self.installed {
            f.write_str(", removed since")?;
        }
        match &self.content {
            Content::AsShipped => f.write_str(", content as shipped)"),
            Content::Changed => f.write_str(", content CHANGED since it was shipped)"),
            Content::NotCompared(reason) => write!(f, ", content not compared: {reason})"),
        }
    }
}

/// What a database says of one path.
struct Entry {
    manager: &'static str,
    package: String,
    version: String,
    installed: bool,
    listed_as: PathBuf,
    shipped: Shipped,
}

/// The package databases of a box, opened or indexed once.
pub(super) struct Packages {
    root: Root,
    spellings: Spellings,
    dpkg: Option<dpkg::Dpkg>,
    rpm: Option<rpm::Rpm>,
    apk: Option<apk::Apk>,
    pub(super) gaps: Gaps,
}

impl Packages {
    pub(super) fn read(root: &Root) -> Self {
        let mut gaps = Gaps::default();
        Self {
            root: root.clone(),
            spellings: Spellings::read(root),
            dpkg: dpkg::Dpkg::read(root, &mut gaps),
            rpm: rpm::Rpm::read(root, &mut gaps),
            apk: apk::Apk::read(root, &mut gaps),
            gaps,
        }
    }

    /// The package that ships `path` (as on the box). With `scanned`, the content is compared only if the file still
    /// has that digest.
    pub(super) fn owner(&self, path: &Path, scanned: Option<Digest>) -> Observed<PackageOwner> {
        if self.dpkg.is_none() && self.rpm.is_none() && self.apk.is_none() {
            let gap = self.gaps.lines().next().unwrap_or_else(|| "no dpkg, rpm or apk database on this box".to_owned());
            return Observed::Unknown(gap);
        }
        let mut gaps = self.gaps.clone();
        for spelling in self.spellings.of(&self.root, path) {
            if let Some(entry) = self.entry(&spelling, &mut gaps) {
                return Observed::Found(self.compare(entry, path, scanned));
            }
        }
        match gaps.settle::<()>(Vec::new()) {
            Observed::Unknown(reason) => Observed::Unknown(reason),
            Observed::Found(_) | Observed::NotFound => Observed::NotFound,
        }
    }

    fn entry(&self, spelling: &Path, gaps: &mut Gaps) -> Option<Entry> {
        let dpkg = self.dpkg.as_ref().and_then(|dpkg| dpkg.entry(spelling, gaps));
        let rpm = || self.rpm.as_ref().and_then(|rpm| rpm.entry(spelling, gaps));
        dpkg.or_else(rpm).or_else(|| self.apk.as_ref().and_then(|apk| apk.entry(spelling, &self.root)))
    }

    fn compare(&self, entry: Entry, path: &Path, scanned: Option<Digest>) -> PackageOwner {
        let content = entry.shipped.compare(&self.root, path, scanned);
        PackageOwner {
            manager: entry.manager.into(),
            package: text::escape_str(&entry.package).into_owned(),
            version: text::escape_str(&entry.version).into_owned(),
            installed: entry.installed,
            listed_as: entry.listed_as,
            content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, scratch};
    use super::*;

    #[test]
    fn a_box_without_a_database_is_unknown_not_unowned() {
        let (_dir, root) = scratch(&[("opt/x", "")]);
        let owner = Packages::read(&root).owner(Path::new("/opt/x"), None);
        assert_eq!(owner, Observed::Unknown("no dpkg, rpm or apk database on this box".into()));
    }

    #[test]
    fn noise_in_the_databases_owns_nothing_and_hangs_nothing() {
        let noise: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
        let (dir, root) = scratch(&[("opt/x", ""), ("var/lib/dpkg/info/a.list", "/opt/x\n")]);
        for database in ["lib/apk/db/installed", "var/lib/dpkg/status", "var/lib/dpkg/diversions"] {
            put(dir.path(), database, &noise);
        }
        put(dir.path(), "var/lib/dpkg/info/b.list", &noise);
        let packages = Packages::read(&root);
        let owner = packages.owner(Path::new("/opt/x"), None);
        let owner = owner.found().unwrap();
        assert_eq!((owner.package.as_str(), owner.version.as_str(), owner.installed), ("a", "", false));
        assert_eq!(packages.owner(Path::new("/opt/y"), None), Observed::NotFound);
    }

    #[test]
    fn apk_lists_its_files_by_folder() {
        let installed =
            "P:busybox\nV:1.36\nF:bin\nR:busybox\nZ:Q1abc=\nF:etc\nR:securetty\n\nP:musl\nV:1.2\nF:lib\nR:ld.so\n\n";
        let (_dir, root) = scratch(&[("lib/apk/db/installed", installed), ("bin/busybox", "")]);
        let packages = Packages::read(&root);
        let owner = packages.owner(Path::new("/bin/busybox"), None);
        let owner = owner.found().unwrap();
        assert_eq!((owner.package.as_str(), owner.version.as_str(), &*owner.manager), ("busybox", "1.36", "apk"));
        assert!(matches!(&owner.content, Content::NotCompared(why) if why.contains("SHA-1")));
        assert_eq!(packages.owner(Path::new("/lib/ld.so"), None).found().unwrap().package, "musl");
        assert_eq!(packages.owner(Path::new("/etc/busybox"), None), Observed::NotFound);
    }
}
