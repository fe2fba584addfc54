//! What lies around a file: files of its folder that are as young, its first line, the original that it is a copy of.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::blocks;
use super::observed::{Observed, from_error, reason};
use super::show;
use crate::finding::{Digest, FileFacts, FileTime, Sha256};
use crate::root::{Attributes, Root};
use crate::text;

/// Names of a folder that are looked at.
const MAX_NAMES: usize = 2000;
/// Neighbours that are kept.
const MAX_NEIGHBOURS: usize = 20;
/// Seconds within which a neighbour is as young as the file.
const AS_YOUNG: i64 = 15 * 60;
/// Columns of a first line.
const MAX_LINE: usize = 120;
/// Bytes of an original that is compared.
const MAX_ORIGINAL: u64 = 256 << 20;

/// A file beside the found one, made within minutes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its path.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// When its inode was last changed.
    #[serde(with = "show::kept_time")]
    pub changed: FileTime,
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, changed {}", text::escape_path(&self.path), show::time(self.changed))
    }
}

/// A file with the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameContent {
    /// Its path.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Whether the found file's path ends with this whole path, as that of a mirror's copy does.
    pub is_mirrored: bool,
}

/// The files of the same folder that were changed within minutes of the file.
pub(super) fn neighbours(root: &Root, path: &Path, facts: &FileFacts) -> Observed<Vec<Neighbour>> {
    let Some(folder) = path.parent() else { return Observed::NotFound };
    let names = match root.folder(folder).and_then(|open| open.names()) {
        Ok((names, _)) => names,
        Err(error) => return from_error(folder, &error),
    };
    let own = path.file_name();
    let mut found: Vec<Neighbour> = Vec::new();
    for name in names.into_iter().filter(|name| Some(name.as_os_str()) != own).take(MAX_NAMES) {
        let path = folder.join(name);
        let Ok(located) = root.locate(&path, false) else { continue };
        let changed = Attributes::of(&located.metadata).changed;
        if changed.seconds.abs_diff(facts.changed.seconds) <= AS_YOUNG.unsigned_abs() {
            found.push(Neighbour { path, changed });
        }
    }
    found.sort_by_key(|one| one.changed.seconds.abs_diff(facts.changed.seconds));
    found.truncate(MAX_NEIGHBOURS);
    if found.is_empty() { Observed::NotFound } else { Observed::Found(found) }
}

/// The first line of the file, safe to show; not found where it is no text.
pub(super) fn first_line(root: &Root, path: &Path) -> Observed<String> {
    let text = match root.text_up_to(path, 1024) {
        Ok(text) => text.bytes,
        Err(error) => return Observed::Unknown(reason(&error)),
    };
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let plain = line.iter().all(|byte| *byte >= b' ' || *byte == b'\t' || *byte == b'\r');
    if line.is_empty() || !plain {
        return Observed::NotFound;
    }
    let shown = text::escape_str(String::from_utf8_lossy(line).trim_end()).into_owned();
    Observed::Found(text::truncate_end(&shown, MAX_LINE).into_owned())
}

/// The file that a copy's path speaks of: `/opt/x` of `/var/backups/box/opt/x`, if it has the same content.
pub(super) fn original(root: &Root, path: &Path, digest: Digest) -> Option<SameContent> {
    let Digest::Whole(wanted) = digest else { return None };
    let names: Vec<_> = path.components().skip(1).collect();
    // The name alone says nothing; a folder and a name do.
    for start in 1..names.len().saturating_sub(1) {
        let original = Path::new("/").join(names[start..].iter().collect::<PathBuf>());
        let Ok((located, file)) = root.open_file(&original) else { continue };
        if located.metadata.len() > MAX_ORIGINAL || located.path == path {
            continue;
        }
        if digest_of(file).is_some_and(|found| found == wanted) {
            return Some(SameContent { path: original, is_mirrored: true });
        }
    }
    None
}

fn digest_of(file: std::fs::File) -> Option<Sha256> {
    use sha2::Digest as _;
    let mut sha256 = sha2::Sha256::new();
    blocks::each(file, MAX_ORIGINAL, |block| sha256.update(block)).ok()?;
    Some(Sha256(sha256.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, scratch};
    use super::*;

    #[test]
    fn neighbours_first_line_and_original_are_found() {
        let (dir, root) = scratch(&[
            ("var/backups/box/opt/r/x.py", "#!/usr/bin/env python3\u{1b}[2J\nx"),
            ("var/backups/box/opt/r/y.py", "y"),
            ("opt/r/x.py", "#!/usr/bin/env python3\u{1b}[2J\nx"),
            ("opt/r/y.py", "other"),
        ]);
        let at = |path: &str| facts(&dir.path().join(path.trim_start_matches('/')));
        let copy = "/var/backups/box/opt/r/x.py";
        let found = neighbours(&root, Path::new(copy), &at(copy));
        assert_eq!(found.found().unwrap()[0].path, Path::new("/var/backups/box/opt/r/y.py"));
        assert_eq!(first_line(&root, Path::new("/opt/r/y.py")), Observed::Found("other".into()));
        assert_eq!(first_line(&root, Path::new(copy)), Observed::NotFound, "an escape sequence is no text");
        let found = original(&root, Path::new(copy), at(copy).digest).unwrap();
        assert_eq!((found.path.as_path(), found.is_mirrored), (Path::new("/opt/r/x.py"), true));
        let other = "/var/backups/box/opt/r/y.py";
        assert_eq!(original(&root, Path::new(other), at(other).digest), None);
        assert_eq!(original(&root, Path::new("/opt/r/x.py"), at("/opt/r/x.py").digest), None);
    }
}
