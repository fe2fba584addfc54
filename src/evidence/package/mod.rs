//! Which package a file belongs to, and whether its content is what the package shipped.
//!
//! The databases of dpkg, rpm, apk and pacman are read directly, and what pip, npm, gem, snap and flatpak keep. The tools themselves are never run: on a box under suspicion
//! they may be the intruder's. So may the databases; that a package lists a file is evidence, not proof.

mod apk;
mod digest;
mod dpkg;
mod module;
mod pacman;
mod rpm;
mod rpm_entry;
mod rpm_header;
mod rpm_older;
mod spelling;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, Observed};
use super::show;
use crate::accounts::Accounts as Names;
use crate::finding::Digest;
use crate::root::{Attributes, Root};
use crate::text;
pub(crate) use digest::ContentCheck;
use digest::Shipped;
use spelling::Spellings;

/// Paths of one package that are listed.
const MAX_FILES: usize = 100_000;

/// The package that ships a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageOwner {
    /// Whose database says so: `dpkg`, `rpm`, `apk`, `pacman`, or `pip`, `npm`, `gem`, `snap`, `flatpak`.
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
    pub content: ContentCheck,
    /// The permission bits that the package ships it with, where its database keeps them.
    pub mode: Option<u32>,
    /// Whether the package gives it capabilities.
    pub has_capabilities: bool,
    /// How mode, owner and capabilities differ from the package's, each in words that are safe to show.
    pub differs: Vec<String>,
}

impl fmt::Display for PackageOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}", self.package, self.version, self.manager)?;
        if !self.installed {
            f.write_str(", removed since")?;
        }
        match &self.content {
            ContentCheck::AsShipped => f.write_str(", content as shipped)"),
            ContentCheck::Changed => f.write_str(", content CHANGED since it was shipped)"),
            ContentCheck::NotCompared(reason) => write!(f, ", content not compared: {reason})"),
        }?;
        if !self.differs.is_empty() {
            write!(f, "; NOT as shipped: {}", self.differs.join(", "))?;
        }
        Ok(())
    }
}

/// What a database says of one path.
struct PackageEntry {
    manager: &'static str,
    package: String,
    version: String,
    installed: bool,
    listed_as: PathBuf,
    shipped: Shipped,
    rights: Rights,
}

/// The rights that a package ships a file with, as far as its database keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rights {
    mode: Option<u32>,
    user: Option<String>,
    group: Option<String>,
    /// As `cap_from_text(3)` reads them; empty when the package gives none.
    capabilities: Option<String>,
}

impl Rights {
    /// How those of the file at `path` differ.
    fn differences(&self, root: &Root, accounts: &Names, path: &Path) -> Vec<String> {
        let Ok(located) = root.locate(path, false) else { return Vec::new() };
        let is = Attributes::of(&located.metadata);
        let mut differences = Vec::new();
        if let Some(mode) = self.mode
            && mode & 0o7777 != is.mode & 0o7777
        {
            differences.push(format!("mode {:04o}, the package has {:04o}", is.mode & 0o7777, mode & 0o7777));
        }
        for (what, shipped, now) in
            [("owner", &self.user, accounts.user_name(is.uid)), ("group", &self.group, accounts.group_name(is.gid))]
        {
            if let (Some(shipped), Some(now)) = (shipped, now)
                && shipped != now
            {
                let (shipped, now) = (text::escape_str(shipped), text::escape_str(now));
                differences.push(format!("{what} {now}, the package has {shipped}"));
            }
        }
        differences
    }
}

/// The package databases of a box, opened or indexed once.
pub(super) struct Packages {
    root: Root,
    spellings: Spellings,
    dpkg: Option<dpkg::Dpkg>,
    rpm: Option<rpm::Rpm>,
    apk: Option<apk::Apk>,
    pacman: Option<pacman::Pacman>,
    /// Names of owners and groups on the box.
    names: Names,
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
            pacman: pacman::Pacman::read(root, &mut gaps),
            names: Names::read(root).0,
            gaps,
        }
    }

    /// The package that ships `path` (as on the box). With `scanned`, the content is compared only if the file still
    /// has that digest.
    pub(super) fn owner(&self, path: &Path, scanned: Option<Digest>) -> Observed<PackageOwner> {
        let databases = [self.dpkg.is_some(), self.rpm.is_some(), self.apk.is_some(), self.pacman.is_some()];
        if !databases.contains(&true) {
            // What pip, npm, snap and the like keep lies beside the file, not in a database of the box.
            if let Some(entry) = module::entry(&self.root, path) {
                return Observed::Found(self.compare(entry, path, scanned));
            }
            let gap = self
                .gaps
                .lines()
                .next()
                .unwrap_or_else(|| "no dpkg, rpm, apk or pacman database on this box".to_owned());
            return Observed::Unknown(gap);
        }
        let mut gaps = self.gaps.clone();
        for spelling in self.spellings.of(&self.root, path) {
            if let Some(entry) = self.entry(&spelling, &mut gaps) {
                return Observed::Found(self.compare(entry, path, scanned));
            }
        }
        if let Some(entry) = module::entry(&self.root, path) {
            return Observed::Found(self.compare(entry, path, scanned));
        }
        match gaps.settle::<()>(Vec::new()) {
            Observed::Unknown(reason) => Observed::Unknown(reason),
            Observed::Found(_) | Observed::NotFound => Observed::NotFound,
        }
    }

    /// The paths that a package ships, in the spelling and order of its manager's database; why not, if they are not known.
    pub(super) fn files(&self, manager: &str, package: &str) -> Result<Vec<PathBuf>, String> {
        let none = || format!("this box has no database of {}", text::escape_str(manager));
        let files = match manager {
            "dpkg" => self.dpkg.as_ref().ok_or_else(none)?.files(package),
            "rpm" => self.rpm.as_ref().ok_or_else(none)?.files(package),
            "apk" => self.apk.as_ref().ok_or_else(none)?.files(package, &self.root),
            "pacman" => self.pacman.as_ref().ok_or_else(none)?.files(package, &self.root),
            _ => return Err(format!("{} keeps no list of files in one place", text::escape_str(manager))),
        };
        let files = files.map_err(|why| text::escape_str(&why).into_owned())?;
        if files.is_empty() {
            let shown = text::escape_str(package);
            return Err(format!("the database of {} lists no file of {shown} any more", text::escape_str(manager)));
        }
        Ok(files)
    }

    fn entry(&self, spelling: &Path, gaps: &mut Gaps) -> Option<PackageEntry> {
        let dpkg = self.dpkg.as_ref().and_then(|dpkg| dpkg.entry(spelling, gaps));
        let rpm = || self.rpm.as_ref().and_then(|rpm| rpm.entry(spelling, gaps));
        let apk = || self.apk.as_ref().and_then(|apk| apk.entry(spelling, &self.root));
        let pacman = || self.pacman.as_ref().and_then(|pacman| pacman.entry(spelling, &self.root));
        dpkg.or_else(rpm).or_else(apk).or_else(pacman)
    }

    fn compare(&self, entry: PackageEntry, path: &Path, scanned: Option<Digest>) -> PackageOwner {
        let content = entry.shipped.compare(&self.root, path, scanned);
        PackageOwner {
            manager: entry.manager.into(),
            package: text::escape_str(&entry.package).into_owned(),
            version: text::escape_str(&entry.version).into_owned(),
            installed: entry.installed,
            differs: entry.rights.differences(&self.root, &self.names, path),
            mode: entry.rights.mode,
            has_capabilities: entry.rights.capabilities.is_some_and(|capabilities| !capabilities.is_empty()),
            listed_as: entry.listed_as,
            content,
        }
    }
}

#[cfg(test)]
mod real_tools_tests;
#[cfg(test)]
mod tests {
    use super::super::testing::{put, scratch};
    use super::*;

    #[test]
    fn a_box_without_a_database_is_unknown_not_unowned() {
        let (_dir, root) = scratch(&[("opt/x", "")]);
        let owner = Packages::read(&root).owner(Path::new("/opt/x"), None);
        assert_eq!(owner, Observed::Unknown("no dpkg, rpm, apk or pacman database on this box".into()));
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
        assert!(matches!(&owner.content, ContentCheck::NotCompared(why) if why.contains("SHA-1")));
        assert_eq!(packages.owner(Path::new("/lib/ld.so"), None).found().unwrap().package, "musl");
        assert_eq!(packages.owner(Path::new("/etc/busybox"), None), Observed::NotFound);
    }
}
