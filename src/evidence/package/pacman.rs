//! pacman's local database: a folder a package with `desc`, `files` and a gzip'ed `mtree` (pacman's `alpm` sources,
//! `be_local.c`; mtree(5)).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::super::observed::Gaps;
use super::digest::Shipped;
use super::{MAX_FILES, PackageEntry, Rights};
use crate::root::Root;

/// Where the database is.
const LOCAL: &str = "/var/lib/pacman/local";
/// Bytes of one list, and what an `mtree` is unpacked to.
const MAX_LIST: u64 = 64 << 20;
/// Paths kept in all.
const MAX_PATHS: usize = 8_000_000;

pub(super) struct Pacman {
    packages: Vec<PathBuf>,
    by_path: HashMap<Vec<u8>, u32>,
}

impl Pacman {
    pub(super) fn read(root: &Root, gaps: &mut Gaps) -> Option<Self> {
        let folder = Path::new(LOCAL);
        let names = match root.folder(folder).and_then(|open| open.names()) {
            Ok((names, _)) => names,
            Err(error) => {
                gaps.add_error(folder, &error);
                return None;
            }
        };
        let mut pacman = Self { packages: Vec::new(), by_path: HashMap::new() };
        for name in names {
            let package = folder.join(name);
            let Ok(files) = root.text_up_to(&package.join("files"), MAX_LIST) else { continue };
            let number = pacman.packages.len() as u32;
            let lines = files.bytes.split(|byte| *byte == b'\n');
            let listed = lines.skip_while(|line| *line != b"%FILES%").skip(1).take_while(|line| !line.is_empty());
            for line in listed.filter(|line| !line.ends_with(b"/")) {
                if pacman.by_path.len() < MAX_PATHS {
                    pacman.by_path.insert(line.to_vec(), number);
                }
            }
            pacman.packages.push(package);
        }
        (!pacman.packages.is_empty()).then_some(pacman)
    }

    /// The paths of a package.
    pub(super) fn files(&self, package: &str, root: &Root) -> Result<Vec<PathBuf>, String> {
        // `NAME-VERSION-RELEASE`.
        let is_its = |folder: &&PathBuf| {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.rsplitn(3, '-').nth(2) == Some(package)
        };
        let Some(folder) = self.packages.iter().find(is_its) else { return Ok(Vec::new()) };
        let list = root.text_up_to(&folder.join("files"), MAX_LIST).map_err(|error| error.to_string())?;
        let lines = list.bytes.split(|byte| *byte == b'\n');
        let listed = lines.skip_while(|line| *line != b"%FILES%").skip(1).take_while(|line| !line.is_empty());
        let listed = listed.filter(|line| !line.ends_with(b"/")).take(MAX_FILES);
        Ok(listed.map(|line| Path::new("/").join(OsStr::from_bytes(line))).collect())
    }

    pub(super) fn entry(&self, path: &Path, root: &Root) -> Option<PackageEntry> {
        let below = path.as_os_str().as_encoded_bytes().strip_prefix(b"/")?;
        let package = self.packages.get(*self.by_path.get(below)? as usize)?;
        let name = package.file_name()?.to_string_lossy().into_owned();
        // `NAME-VERSION-RELEASE`.
        let mut parts = name.rsplitn(3, '-');
        let (release, version, stem) = (parts.next()?, parts.next()?, parts.next()?);
        let (shipped, rights) = recorded(root, &package.join("mtree"), below);
        Some(PackageEntry {
            manager: "pacman",
            package: stem.to_owned(),
            version: format!("{version}-{release}"),
            installed: true,
            listed_as: path.to_owned(),
            shipped,
            rights,
        })
    }
}

/// What the `mtree` says of a file: `./usr/bin/x time=… mode=4755 size=… sha256digest=…`, after `/set` lines of defaults.
fn recorded(root: &Root, path: &Path, below: &[u8]) -> (Shipped, Rights) {
    let unusable = |why: &str| (Shipped::Unusable(why.to_owned()), Rights::default());
    let Ok((_, file)) = root.open_file(path) else { return unusable("pacman's mtree of the package is missing") };
    let mut bytes = Vec::new();
    let _ = GzDecoder::new(file.take(MAX_LIST)).take(MAX_LIST).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let mut default_mode = None;
    let mode_of = |words: &str| {
        let mode = words.split_ascii_whitespace().find_map(|word| word.strip_prefix("mode="))?;
        u32::from_str_radix(mode, 8).ok()
    };
    for line in text.lines() {
        if let Some(defaults) = line.strip_prefix("/set ") {
            default_mode = mode_of(defaults).or(default_mode);
            continue;
        }
        let Some((name, words)) = line.strip_prefix("./").and_then(|line| line.split_once(' ')) else { continue };
        if unescape(name) != below {
            continue;
        }
        let word = |key: &str| words.split_ascii_whitespace().find_map(|word| word.strip_prefix(key));
        let digest = word("sha256digest=").or_else(|| word("md5digest="));
        let shipped = digest.and_then(|digits| Shipped::from_hex(digits.as_bytes()));
        let rights = Rights { mode: mode_of(words).or(default_mode), ..Rights::default() };
        let why = || Shipped::Unusable("pacman's mtree holds no digest of it".to_owned());
        return (shipped.unwrap_or_else(why), rights);
    }
    unusable("pacman's mtree does not list it")
}

/// Blanks and the like stand as `\040` (vis(3)).
fn unescape(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.first_chunk::<3>().filter(|_| *byte == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) => {
                out.push(value);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt;

    use super::super::super::testing::{put, scratch};
    use super::super::{ContentCheck, Packages};
    use super::*;
    use crate::finding::Sha256;

    #[test]
    fn files_are_compared_with_mtree_and_their_modes_too() {
        let (dir, root) = scratch(&[
            ("usr/bin/a b", "tool"),
            ("var/lib/pacman/local/tools-1.2-3/desc", "%NAME%\ntools\n"),
            ("var/lib/pacman/local/tools-1.2-3/files", "%FILES%\nusr/\nusr/bin/\nusr/bin/a b\n\n%BACKUP%\n"),
        ]);
        let mtree = format!(
            "#mtree\n/set type=file uid=0 gid=0 mode=755\n./usr/bin/a\\040b time=1.0 size=4 sha256digest={}\n",
            Sha256::of(b"tool")
        );
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(mtree.as_bytes()).unwrap();
        put(dir.path(), "var/lib/pacman/local/tools-1.2-3/mtree", &packed.finish().unwrap());
        let file = dir.path().join("usr/bin/a b");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        let owner = || Packages::read(&root).owner(Path::new("/usr/bin/a b"), None).found().unwrap().clone();
        let found = owner();
        assert_eq!(
            (found.package.as_str(), found.version.as_str(), &found.content),
            ("tools", "1.2-3", &ContentCheck::AsShipped)
        );
        assert!(found.differs.is_empty());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o4755)).unwrap();
        assert_eq!(owner().differs, ["mode 4755, the package has 0755"]);
        put(dir.path(), "usr/bin/a b", b"evil");
        assert_eq!(owner().content, ContentCheck::Changed);
    }
}
