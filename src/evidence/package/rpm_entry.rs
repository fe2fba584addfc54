//! What a header of rpm's database says of files, whichever form the database has.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::digest::Shipped;
use super::rpm_header::{RpmHeader, tag};
use super::{MAX_FILES, PackageEntry, Rights};

/// Whether it is the header of the package of this name.
pub(super) fn is_named(header: &RpmHeader<'_>, package: &str) -> bool {
    header.strings(tag::NAME).next() == Some(package.as_bytes())
}

/// The installed files that a header lists.
pub(super) fn files_of(header: &RpmHeader<'_>) -> Vec<PathBuf> {
    let folders: Vec<&[u8]> = header.strings(tag::DIRNAMES).collect();
    let all = header.strings(tag::BASENAMES).zip(header.numbers(tag::DIRINDEXES)).enumerate();
    let installed = all.filter(|(position, _)| is_installed(header, *position));
    let path = |(_, (base, index)): (usize, (&[u8], u32))| {
        let folder = folders.get(index as usize)?;
        Some(PathBuf::from(OsString::from_vec([*folder, base].concat())))
    };
    installed.filter_map(path).take(MAX_FILES).collect()
}

/// Whether the file at this place of a header is this package's: not replaced by another one's, and not left out.
fn is_installed(header: &RpmHeader<'_>, position: usize) -> bool {
    let state = header.small_number(tag::FILESTATES, position);
    state.is_none_or(|state| state == INSTALLED || state == NET_SHARED)
}

/// States of files: `rpmfileState` of rpm's `rpmfiles.h`.
const INSTALLED: u16 = 0;
const NET_SHARED: u16 = 3;

/// The entry of the file `name` in `folder`, whose whole path is `path`.
pub(super) fn find(header: &RpmHeader<'_>, folder: &[u8], name: &[u8], path: &Path) -> Option<PackageEntry> {
    let folders: Vec<&[u8]> = header.strings(tag::DIRNAMES).collect();
    let mut files = header.strings(tag::BASENAMES).zip(header.numbers(tag::DIRINDEXES));
    let position = files
        .position(|(base, index)| base == name && folders.get(index as usize).is_some_and(|known| *known == folder))?;
    // A file that another package has replaced, or that was never installed, is not this package's any more.
    if !is_installed(header, position) {
        return None;
    }
    let at = |tag| header.strings(tag).nth(position).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let rights = Rights {
        mode: header.small_number(tag::FILEMODES, position).map(u32::from),
        user: at(tag::FILEUSERNAME),
        group: at(tag::FILEGROUPNAME),
        capabilities: at(tag::FILECAPS),
    };
    let digest = header.strings(tag::FILEDIGESTS).nth(position).unwrap_or_default();
    // The hash numbers of OpenPGP (RFC 9580, 9.5): 1 MD5, which is meant when the tag is missing, 8 SHA-256.
    let shipped = match header.numbers(tag::FILEDIGESTALGO).next().unwrap_or(1) {
        _ if digest.is_empty() => Shipped::Unusable("the package records no digest for it".to_owned()),
        1 | 8 => Shipped::from_hex(digest)
            .unwrap_or_else(|| Shipped::Unusable("its digest in the package is damaged".to_owned())),
        other => {
            Shipped::Unusable(format!("the package uses digest algorithm {other}, which Huntbook does not compute"))
        }
    };
    let part = |tag| header.string(tag).unwrap_or_default();
    let epoch = header.numbers(tag::EPOCH).next().map(|epoch| format!("{epoch}:")).unwrap_or_default();
    Some(PackageEntry {
        manager: "rpm",
        package: part(tag::NAME),
        version: format!("{epoch}{}-{}", part(tag::VERSION), part(tag::RELEASE)),
        installed: true,
        listed_as: path.to_owned(),
        shipped,
        rights,
    })
}
