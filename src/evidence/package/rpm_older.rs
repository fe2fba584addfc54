//! rpm's databases that are not `SQLite`: ndb (SUSE) and Berkeley DB (RHEL 7 and 8, Amazon Linux 2).
//!
//! Both are read from the file that holds the headers, and what it lists is indexed once. Formats: rpm's
//! `lib/backend/ndb/rpmpkg.c`, and Berkeley DB's `dbinc/db_page.h` for its hash tables. Neither library is used: they take
//! locks, write beside the file, and trust it.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::super::observed::Gaps;
use super::PackageEntry;
use super::rpm_entry::{files_of, find, is_named};
use super::rpm_header::{RpmHeader, tag};
use crate::root::Root;
use crate::text;

/// Bytes of one header.
const MAX_HEADER: usize = 64 << 20;
/// Bytes of headers read in all.
const MAX_BYTES: usize = 2 << 30;
/// Packages, and paths that they list, kept at most.
const MAX_PACKAGES: usize = 200_000;
const MAX_PATHS: usize = 20_000_000;

/// A database that was indexed.
pub(super) struct Older {
    file: File,
    path: PathBuf,
    kind: DatabaseFormat,
    /// Where each header is.
    headers: Vec<HeaderLocation>,
    /// The hash of each path with the number of the header that lists it, sorted.
    paths: Vec<(u64, u32)>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabaseFormat {
    Ndb,
    Bdb(Pages),
}

/// How the pages of a Berkeley DB file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pages {
    size: u32,
    last: u32,
    big_endian: bool,
}

/// Where a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderLocation {
    /// So many bytes from there on.
    At(u64, u32),
    /// So many bytes on a chain of overflow pages, the first of which has this number.
    Chain(u32, u32),
}

impl Older {
    /// Reads the database at `path`, `Packages.db` (ndb) or `Packages` (Berkeley DB); why not, if it cannot.
    pub(super) fn read(root: &Root, path: &Path, gaps: &mut Gaps) -> Option<Self> {
        let shown = text::escape_path(path).into_owned();
        let file = match root.open_file(path) {
            Ok((_, file)) => file,
            Err(error) => {
                gaps.add_error(path, &error);
                return None;
            }
        };
        let mut head = [0; 512];
        if file.read_exact_at(&mut head, 0).is_err() {
            gaps.add(format!("{shown}: too short to be a database of rpm"));
            return None;
        }
        let Some(kind) = kind_of(&head) else {
            gaps.add(format!("{shown}: neither a Berkeley DB hash table nor an ndb database"));
            return None;
        };
        let mut older = Self {
            file,
            path: path.to_owned(),
            kind,
            headers: Vec::new(),
            paths: Vec::new(),
            hasher: RandomState::new(),
        };
        match kind {
            DatabaseFormat::Ndb => older.ndb(&head),
            DatabaseFormat::Bdb(pages) => older.bdb(pages),
        }
        older.index(gaps);
        if older.headers.is_empty() {
            gaps.add(format!("{shown}: holds no package that can be read"));
            return None;
        }
        Some(older)
    }

    fn bytes(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        if length > MAX_HEADER {
            return None;
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    /// Slots of 16 bytes: magic, package, where its blob begins and how long it is in blocks of 16 bytes.
    fn ndb(&mut self, head: &[u8; 512]) {
        const PAGE: u64 = 4096;
        const SLOT: &[u8; 4] = b"Slot";
        const BLOB: &[u8; 4] = b"BlbS";
        let pages = u64::from(word(head, 12, false).unwrap_or(0)).min(100_000);
        let Some(slots) = self.bytes(0, usize::try_from(pages * PAGE).unwrap_or(0)) else { return };
        let (slots, _) = slots.as_chunks::<16>();
        // The first two places hold the head of the file.
        for slot in slots.iter().skip(2).take(MAX_PACKAGES) {
            let (Some(package), Some(block)) = (word(slot, 4, false), word(slot, 8, false)) else { continue };
            if slot.first_chunk::<4>() != Some(SLOT) || block == 0 {
                continue;
            }
            let at = u64::from(block) * 16;
            let Some(blob) = self.bytes(at, 16) else { continue };
            let length = word(&blob, 12, false);
            if blob.first_chunk::<4>() == Some(BLOB)
                && word(&blob, 4, false) == Some(package)
                && let Some(length) = length
            {
                self.headers.push(HeaderLocation::At(at + 16, length));
            }
        }
    }

    /// Goes through every page of the hash table; its items are pairs of a package's number and its header.
    fn bdb(&mut self, pages: Pages) {
        const UNSORTED: u8 = 2;
        const SORTED: u8 = 13;
        const INLINE: u8 = 1;
        const ELSEWHERE: u8 = 3;
        let size = pages.size as usize;
        for number in 1..=pages.last {
            let at = u64::from(number) * u64::from(pages.size);
            let Some(page) = self.bytes(at, size) else { return };
            if !matches!(page.get(25), Some(&(UNSORTED | SORTED))) || self.headers.len() >= MAX_PACKAGES {
                continue;
            }
            let count = usize::from(short(&page, 20, pages.big_endian).unwrap_or(0));
            let offset = |index: usize| short(&page, 26 + index * 2, pages.big_endian).map(usize::from);
            // Items grow down from the page's end: each ends where the one before it begins.
            for index in (1..count).step_by(2) {
                let (Some(start), Some(end)) = (offset(index), offset(index - 1)) else { continue };
                let Some(item) = page.get(start..end.min(size)) else { continue };
                match item.first() {
                    Some(&INLINE) if item.len() > 100 => {
                        self.headers.push(HeaderLocation::At(at + start as u64 + 1, item.len() as u32 - 1));
                    }
                    Some(&ELSEWHERE) => {
                        let words = (word(item, 4, pages.big_endian), word(item, 8, pages.big_endian));
                        if let (Some(first), Some(length)) = words {
                            self.headers.push(HeaderLocation::Chain(first, length));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn header(&self, place: HeaderLocation) -> Option<Vec<u8>> {
        const OVERFLOW: u8 = 7;
        let (mut number, length) = match place {
            HeaderLocation::At(at, length) => return self.bytes(at, length as usize),
            HeaderLocation::Chain(first, length) => (first, length as usize),
        };
        let DatabaseFormat::Bdb(pages) = self.kind else { return None };
        if length > MAX_HEADER {
            return None;
        }
        let mut bytes = Vec::new();
        // A chain that runs in a circle never gets longer than the header is said to be.
        while bytes.len() < length && number != 0 && number <= pages.last {
            let page = self.bytes(u64::from(number) * u64::from(pages.size), pages.size as usize)?;
            if page.get(25) != Some(&OVERFLOW) {
                return None;
            }
            let held = usize::from(short(&page, 22, pages.big_endian)?);
            let data = page.get(26..26 + held).filter(|data| !data.is_empty())?;
            bytes.extend_from_slice(data);
            number = word(&page, 16, pages.big_endian)?;
        }
        bytes.truncate(length);
        (bytes.len() == length).then_some(bytes)
    }

    fn index(&mut self, gaps: &mut Gaps) {
        let (mut read, mut damaged) = (0, 0_usize);
        for number in 0..self.headers.len() {
            let Some(bytes) = self.headers.get(number).and_then(|place| self.header(*place)) else {
                damaged += 1;
                continue;
            };
            read += bytes.len();
            let Some(header) = RpmHeader::parse(&bytes) else {
                damaged += 1;
                continue;
            };
            let folders: Vec<&[u8]> = header.strings(tag::DIRNAMES).collect();
            for (base, index) in header.strings(tag::BASENAMES).zip(header.numbers(tag::DIRINDEXES)) {
                if let Some(folder) = folders.get(index as usize) {
                    self.paths.push((self.hasher.hash_one([*folder, base].concat().as_slice()), number as u32));
                }
            }
            if read > MAX_BYTES || self.paths.len() > MAX_PATHS {
                gaps.add(format!("{}: too long, read in part", text::escape_path(&self.path)));
                break;
            }
        }
        if damaged > 0 {
            gaps.add(format!("{}: {damaged} packages are damaged and were not read", text::escape_path(&self.path)));
        }
        self.paths.sort_unstable();
    }

    /// The paths of a package that are installed.
    pub(super) fn files(&self, package: &str) -> Vec<PathBuf> {
        let of_header = |place: &HeaderLocation| {
            let bytes = self.header(*place)?;
            let header = RpmHeader::parse(&bytes).filter(|header| is_named(header, package))?;
            Some(files_of(&header))
        };
        self.headers.iter().find_map(of_header).unwrap_or_default()
    }

    pub(super) fn entry(&self, path: &Path) -> Option<PackageEntry> {
        let (parent, name) = (path.parent()?, path.file_name()?);
        let mut folder = parent.as_os_str().as_bytes().to_vec();
        if folder.last() != Some(&b'/') {
            folder.push(b'/');
        }
        let hash = self.hasher.hash_one([&folder, name.as_bytes()].concat().as_slice());
        let first = self.paths.partition_point(|(known, _)| *known < hash);
        let candidates = self.paths.iter().skip(first).take_while(|(known, _)| *known == hash);
        candidates.into_iter().find_map(|(_, number)| {
            let bytes = self.header(*self.headers.get(*number as usize)?)?;
            find(&RpmHeader::parse(&bytes)?, &folder, name.as_bytes(), path)
        })
    }
}

/// Which of the two it is.
fn kind_of(head: &[u8; 512]) -> Option<DatabaseFormat> {
    /// `DB_HASHMAGIC` of Berkeley DB's `db.h`.
    const HASH: u32 = 0x0006_1561;
    if head.starts_with(b"RpmP") {
        return Some(DatabaseFormat::Ndb);
    }
    let big_endian = [false, true].into_iter().find(|big| word(head, 12, *big) == Some(HASH))?;
    let (size, last) = (word(head, 20, big_endian)?, word(head, 32, big_endian)?);
    // Pages are a power of two from 512 bytes to 64 KiB.
    let fits = size.is_power_of_two() && (512..=65_536).contains(&size);
    fits.then_some(DatabaseFormat::Bdb(Pages { size, last: last.min(50_000_000), big_endian }))
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(if big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
}

fn short(bytes: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(if big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::super::observed::Observed;
    use super::super::super::testing::{put, scratch};
    use super::super::rpm_header::build;
    use super::super::{ContentCheck, Packages};
    use super::*;
    use proptest::prelude::*;

    /// A header that lists `/usr/bin/tool` twice as installed and `/usr/bin/old` as replaced.
    fn header() -> Vec<u8> {
        let digest = |bytes: &[u8]| crate::finding::Sha256::of(bytes).to_string().into_bytes();
        let digests = [digest(b"#!tool"), digest(b"old")].map(|digest| [digest, vec![0]].concat()).concat();
        let modes: Vec<u8> = [0o100_755_u16, 0o100_755].iter().flat_map(|mode| mode.to_be_bytes()).collect();
        build(&[
            (tag::NAME, 6, 1, b"tools\0".to_vec()),
            (tag::VERSION, 6, 1, b"1.2\0".to_vec()),
            (tag::RELEASE, 6, 1, b"3\0".to_vec()),
            (tag::FILESTATES, 1, 2, vec![0, 1]),
            (tag::FILEMODES, 3, 2, modes),
            (tag::BASENAMES, 8, 2, b"tool\0old\0".to_vec()),
            (tag::DIRINDEXES, 4, 2, [0u32, 0].iter().flat_map(|n| n.to_be_bytes()).collect()),
            (tag::DIRNAMES, 8, 1, b"/usr/bin/\0".to_vec()),
            (tag::FILEDIGESTS, 8, 2, digests),
            (tag::FILEDIGESTALGO, 4, 1, 8u32.to_be_bytes().to_vec()),
        ])
    }

    /// A database of ndb with one package, as rpm writes it.
    fn ndb(blob: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        bytes[..4].copy_from_slice(b"RpmP");
        bytes[12..16].copy_from_slice(&1_u32.to_le_bytes());
        let slot = [&b"Slot"[..], &7_u32.to_le_bytes(), &256_u32.to_le_bytes(), &9_u32.to_le_bytes()].concat();
        bytes[32..48].copy_from_slice(&slot);
        bytes.extend(
            [&b"BlbS"[..], &7_u32.to_le_bytes(), &0_u32.to_le_bytes(), &(blob.len() as u32).to_le_bytes()].concat(),
        );
        bytes.extend(blob);
        bytes.extend([&0_u32.to_le_bytes()[..], &(blob.len() as u32).to_le_bytes(), b"BlbE"].concat());
        bytes
    }

    /// A hash table of Berkeley DB with one package on two overflow pages of 512 bytes.
    fn bdb(blob: &[u8], big_endian: bool) -> Vec<u8> {
        let word = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let short = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let chunks: Vec<&[u8]> = blob.chunks(512 - 26).collect();
        let mut meta = vec![0; 512];
        meta[12..16].copy_from_slice(&word(0x0006_1561));
        meta[20..24].copy_from_slice(&word(512));
        meta[32..36].copy_from_slice(&word(1 + chunks.len() as u32));
        let mut hash = vec![0; 512];
        hash[20..22].copy_from_slice(&short(2));
        hash[25] = 13;
        let (key, data) = (512 - 5, 512 - 5 - 12);
        hash[26..28].copy_from_slice(&short(key));
        hash[28..30].copy_from_slice(&short(data));
        hash[usize::from(key)] = 1;
        hash[usize::from(data)] = 3;
        hash[usize::from(data) + 4..usize::from(data) + 8].copy_from_slice(&word(2));
        hash[usize::from(data) + 8..usize::from(data) + 12].copy_from_slice(&word(blob.len() as u32));
        let mut bytes = [meta, hash].concat();
        for (index, chunk) in chunks.iter().enumerate() {
            let mut page = vec![0; 512];
            let next = if index + 1 < chunks.len() { index as u32 + 3 } else { 0 };
            page[16..20].copy_from_slice(&word(next));
            page[22..24].copy_from_slice(&short(chunk.len() as u16));
            page[25] = 7;
            page[26..26 + chunk.len()].copy_from_slice(chunk);
            bytes.extend(page);
        }
        bytes
    }

    #[test]
    fn both_older_forms_are_read_with_states_and_modes() {
        for (path, bytes) in [
            ("var/lib/rpm/Packages.db", ndb(&header())),
            ("usr/lib/sysimage/rpm/Packages.db", ndb(&header())),
            ("var/lib/rpm/Packages", bdb(&header(), false)),
            ("var/lib/rpm/Packages", bdb(&header(), true)),
        ] {
            let (dir, root) = scratch(&[("usr/bin/tool", "#!tool"), ("usr/bin/old", "old"), ("opt/x", "")]);
            put(dir.path(), path, &bytes);
            let tool = dir.path().join("usr/bin/tool");
            std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
            let packages = Packages::read(&root);
            let owner = |path: &str| packages.owner(Path::new(path), None);
            let found = owner("/usr/bin/tool");
            let found = found.found().unwrap_or_else(|| panic!("{path}: {:?}", owner("/usr/bin/tool")));
            assert_eq!((found.package.as_str(), &found.content), ("tools", &ContentCheck::AsShipped), "{path}");
            assert!(found.differs.is_empty(), "{found}");
            assert_eq!(owner("/usr/bin/old"), Observed::NotFound, "another package has replaced it");
            assert_eq!(owner("/opt/x"), Observed::NotFound);
            std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o4755)).unwrap();
            let found = owner("/usr/bin/tool");
            assert_eq!(found.found().unwrap().differs, ["mode 4755, the package has 0755"]);
        }
    }

    proptest! {
        #[test]
        fn no_damage_breaks_it(at in 0_usize..2000, value in any::<u8>(), cut in 512_usize..3000, big in any::<bool>()) {
            for mut bytes in [ndb(&header()), bdb(&header(), big)] {
                let index = at % bytes.len();
                bytes[index] = value;
                bytes.truncate(cut);
                let (dir, root) = scratch(&[("x", "")]);
                put(dir.path(), "var/lib/rpm/Packages", &bytes);
                if let Some(older) = Older::read(&root, Path::new("/var/lib/rpm/Packages"), &mut Gaps::default()) {
                    older.entry(Path::new("/usr/bin/tool"));
                }
            }
        }
    }
}
