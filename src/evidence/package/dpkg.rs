//! dpkg's database: `/var/lib/dpkg/status`, `info/*.list`, `info/*.md5sums` and `diversions` (dpkg(1), deb-md5sums(5)).
//!
//! The paths of all lists are kept as hashes only, 16 bytes a path; a look-up opens the lists that may hold the path and
//! makes sure. A box with 100,000 packages costs some tens of megabytes and each look-up reads a few small files.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::super::lines::{self, LinesEnd};
use super::super::observed::{Gaps, is_missing};
use super::digest::Shipped;
use super::{MAX_FILES, PackageEntry, Rights};
use crate::root::{Folder, Root};
use crate::text;

const ADMIN: &str = "/var/lib/dpkg";
/// Paths indexed, 16 bytes each.
const MAX_PATHS: usize = 16_000_000;

/// What `status` says of a package.
#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    arch: String,
    installed: bool,
    /// Configuration files and the MD5 of each as shipped.
    conffiles: Vec<(PathBuf, Shipped)>,
}

/// A path that a package, or the administrator, moved out of another package's way (dpkg-divert(1)).
struct Diversion {
    from: PathBuf,
    to: PathBuf,
    /// The package it was moved for; `:` for the administrator.
    by: String,
}

pub(super) struct Dpkg {
    info: Folder,
    /// Names of the lists without `.list`: `cron`, `libc6:amd64`.
    lists: Vec<OsString>,
    /// Hash of a path and the number of a list that holds it, sorted.
    paths: Vec<(u64, u32)>,
    hasher: RandomState,
    packages: HashMap<String, Package>,
    diversions: Vec<Diversion>,
}

impl Dpkg {
    pub(super) fn read(root: &Root, gaps: &mut Gaps) -> Option<Self> {
        let info = Path::new(ADMIN).join("info");
        let info = match root.folder(&info) {
            Ok(folder) => folder,
            Err(error) => {
                gaps.add_error(&info, &error);
                return None;
            }
        };
        let mut dpkg = Self {
            info,
            lists: Vec::new(),
            paths: Vec::new(),
            hasher: RandomState::new(),
            packages: read_status(root, gaps),
            diversions: read_diversions(root, gaps),
        };
        dpkg.index(gaps);
        // An image with an empty info folder has no dpkg database worth the name.
        (!dpkg.lists.is_empty()).then_some(dpkg)
    }

    fn index(&mut self, gaps: &mut Gaps) {
        let names = match self.info.names() {
            Ok((names, _)) => names,
            Err(error) => return gaps.add_error(&self.info.path, &error),
        };
        for name in names {
            let Some(stem) = name.as_bytes().strip_suffix(b".list") else { continue };
            let number = self.lists.len() as u32;
            let (paths, hasher) = (&mut self.paths, &self.hasher);
            let read = self.info.open_file(&name).map(|opened| opened.file).and_then(|file| {
                lines::each(file, |line| {
                    if paths.len() >= MAX_PATHS {
                        return ControlFlow::Break(());
                    }
                    paths.push((hasher.hash_one(line), number));
                    ControlFlow::Continue(())
                })
            });
            match read {
                Ok(LinesEnd::Whole) => {}
                Ok(LinesEnd::Cut) => gaps.add(format!("{}: too long, read in part", text::escape(name.as_bytes()))),
                Err(error) => gaps.add_error(&self.info.path.join(&name), &error),
            }
            self.lists.push(OsString::from_vec(stem.to_vec()));
        }
        if self.paths.len() >= MAX_PATHS {
            gaps.add(format!("dpkg's lists hold more than {MAX_PATHS} paths; the rest was not read"));
        }
        self.paths.sort_unstable();
        self.paths.shrink_to_fit();
    }

    pub(super) fn entry(&self, path: &Path, gaps: &mut Gaps) -> Option<PackageEntry> {
        if let Some(diverted) = self.diversions.iter().find(|diversion| diversion.to == path)
            && let Some(entry) = self.listing(&diverted.from, gaps, |package| package != diverted.by)
        {
            return Some(entry);
        }
        let away = self.diversions.iter().find(|diversion| diversion.from == path);
        self.listing(path, gaps, |package| away.is_none_or(|diversion| diversion.by == package))
    }

    /// The paths that the lists of a package name, of whatever architecture.
    pub(super) fn files(&self, package: &str) -> Result<Vec<PathBuf>, String> {
        let is_its = |list: &&OsString| list.as_bytes().split(|byte| *byte == b':').next() == Some(package.as_bytes());
        let mut files = Vec::new();
        for list in self.lists.iter().filter(is_its) {
            let file = self.info.open_file(&with_suffix(list, ".list")).map_err(|error| error.to_string())?.file;
            let read = lines::each(file, |line| {
                // The first is `/.`, the folder that all others lie in.
                if line != b"/." {
                    files.push(PathBuf::from(OsString::from_vec(line.to_vec())));
                }
                if files.len() < MAX_FILES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            read.map_err(|error| error.to_string())?;
        }
        Ok(files)
    }

    /// The package that lists `path`; an installed one before a removed one.
    fn listing(&self, path: &Path, gaps: &mut Gaps, wanted: impl Fn(&str) -> bool) -> Option<PackageEntry> {
        let hash = self.hasher.hash_one(path.as_os_str().as_bytes());
        let first = self.paths.partition_point(|(known, _)| *known < hash);
        let candidates = self.paths.iter().skip(first).take_while(|(known, _)| *known == hash);
        let mut best: Option<PackageEntry> = None;
        for (_, number) in candidates {
            let Some(list) = self.lists.get(*number as usize) else { continue };
            let shown = list.to_string_lossy();
            let name = shown.split(':').next().unwrap_or(&shown);
            if wanted(name) && self.holds(list, path, gaps) && best.as_ref().is_none_or(|best| !best.installed) {
                best = Some(self.describe(list, name, path));
            }
        }
        best
    }

    fn holds(&self, list: &OsStr, path: &Path, gaps: &mut Gaps) -> bool {
        let name = with_suffix(list, ".list");
        let mut found = false;
        let read = self.info.open_file(&name).map(|opened| opened.file).and_then(|file| {
            lines::each(file, |line| {
                found = line == path.as_os_str().as_bytes();
                if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        if let Err(error) = read {
            gaps.add_error(&self.info.path.join(&name), &error);
        }
        found
    }

    fn describe(&self, list: &OsStr, name: &str, path: &Path) -> PackageEntry {
        let shown = list.to_string_lossy();
        let package = self.packages.get(&*shown).or_else(|| self.packages.get(name));
        let conffile = package.and_then(|package| package.conffiles.iter().find(|(conffile, _)| conffile == path));
        PackageEntry {
            manager: "dpkg",
            package: name.to_owned(),
            version: package.map(|package| package.version.clone()).unwrap_or_default(),
            installed: package.is_some_and(|package| package.installed),
            listed_as: path.to_owned(),
            shipped: conffile.map_or_else(|| self.shipped(list, path), |(_, shipped)| shipped.clone()),
            rights: Rights::default(),
        }
    }

    /// The MD5 that the package's `md5sums` gives: 32 digits, two blanks, the path without its leading slash.
    fn shipped(&self, list: &OsStr, path: &Path) -> Shipped {
        let wanted = path.as_os_str().as_bytes().strip_prefix(b"/").unwrap_or_default();
        let mut shipped = None;
        let read = self.info.open_file(&with_suffix(list, ".md5sums")).map(|opened| opened.file).and_then(|file| {
            lines::each(file, |line| match line.split_at_checked(32) {
                Some((digits, rest)) if rest.strip_prefix(b"  ") == Some(wanted) => {
                    shipped = Some(Shipped::from_hex(digits));
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            })
        });
        match (read, shipped) {
            (Ok(_), Some(Some(shipped))) => shipped,
            (Ok(_), Some(None)) => Shipped::Unusable("its line in the package's md5sums is damaged".to_owned()),
            (Ok(_), None) => Shipped::Unusable("the package's md5sums does not list it".to_owned()),
            (Err(error), _) if is_missing(&error) => Shipped::Unusable("the package has no md5sums".to_owned()),
            (Err(error), _) => Shipped::Unusable(format!("the package's md5sums could not be read: {error}")),
        }
    }
}

fn with_suffix(list: &OsStr, suffix: &str) -> OsString {
    let mut name = list.to_owned();
    name.push(suffix);
    name
}

/// Reads `status`: one paragraph a package. Packages are found by `name` and by `name:arch`.
fn read_status(root: &Root, gaps: &mut Gaps) -> HashMap<String, Package> {
    let path = Path::new(ADMIN).join("status");
    let mut packages = HashMap::new();
    let mut package = Package::default();
    let mut in_conffiles = false;
    let read = root.open_file(&path).and_then(|(_, file)| {
        lines::each(file, |line| {
            if line.is_empty() {
                keep(&mut packages, std::mem::take(&mut package));
            }
            if in_conffiles && line.first() == Some(&b' ') {
                package.conffiles.extend(parse_conffile(line));
                return ControlFlow::Continue(());
            }
            in_conffiles = line == b"Conffiles:";
            let value =
                |key: &[u8]| line.strip_prefix(key).map(|value| String::from_utf8_lossy(value).trim().to_owned());
            if let Some(name) = value(b"Package:") {
                package.name = name;
            } else if let Some(version) = value(b"Version:") {
                package.version = version;
            } else if let Some(arch) = value(b"Architecture:") {
                package.arch = arch;
            } else if let Some(status) = value(b"Status:") {
                package.installed = status.ends_with(" installed");
            }
            ControlFlow::Continue(())
        })
    });
    keep(&mut packages, package);
    match read {
        Ok(LinesEnd::Whole) => {}
        Ok(LinesEnd::Cut) => gaps.add(format!("{}: too long, read in part", path.display())),
        Err(error) => gaps.add_error(&path, &error),
    }
    packages
}

fn keep(packages: &mut HashMap<String, Package>, package: Package) {
    if !package.name.is_empty() {
        let arch = format!("{}:{}", package.name, package.arch);
        let key = if packages.contains_key(&package.name) { arch } else { package.name.clone() };
        packages.insert(key, package);
    }
}

/// A line under `Conffiles:`: a blank, the path, a blank, the MD5, and perhaps `obsolete`.
fn parse_conffile(line: &[u8]) -> Option<(PathBuf, Shipped)> {
    let line = line.trim_ascii();
    let line = line.strip_suffix(b" obsolete").unwrap_or(line);
    let blank = line.iter().rposition(|byte| *byte == b' ')?;
    let (path, digits) = line.split_at_checked(blank)?;
    Some((PathBuf::from(OsStr::from_bytes(path)), Shipped::from_hex(digits.trim_ascii())?))
}

/// Reads `diversions`: three lines each, the path, where it was moved, and for which package.
fn read_diversions(root: &Root, gaps: &mut Gaps) -> Vec<Diversion> {
    let path = Path::new(ADMIN).join("diversions");
    let mut lines = Vec::new();
    let read = root.open_file(&path).and_then(|(_, file)| {
        lines::each(file, |line| {
            lines.push(line.to_vec());
            if lines.len() < 300_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    });
    if let Err(error) = read {
        gaps.add_error(&path, &error);
    }
    let path = |bytes: &Vec<u8>| PathBuf::from(OsString::from_vec(bytes.clone()));
    let (triples, _) = lines.as_chunks::<3>();
    let diversion = |[from, to, by]: &[Vec<u8>; 3]| Diversion {
        from: path(from),
        to: path(to),
        by: String::from_utf8_lossy(by).into_owned(),
    };
    triples.iter().map(diversion).collect()
}

#[cfg(test)]
#[path = "dpkg_tests.rs"]
mod tests;
