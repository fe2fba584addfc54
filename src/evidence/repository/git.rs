//! git's checkouts.
//!
//! The index of the checkout is read, not git asked: hooks and configuration of a repository can run programs. Format:
//! <https://git-scm.com/docs/index-format>. A file is unmodified when its content has the object name that the index has
//! for it.

use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{Checkout, Tracked, VersionControl};
use crate::evidence::blocks;
use crate::evidence::observed::{Observed, reason};
use crate::root::Root;
use crate::text;

/// Bytes read of an index at most.
const MAX_INDEX: u64 = 256 << 20;
/// Bytes of a file whose object name is computed.
const MAX_FILE: u64 = 256 << 20;
/// Bytes of references that are read.
const MAX_REFERENCES: u64 = 4 << 20;

/// git's own folder for what lies in `folder`; `None` where that is not the top of a checkout.
pub(super) fn store(root: &Root, folder: &Path) -> Option<PathBuf> {
    let dot_git = folder.join(".git");
    let located = root.locate(&dot_git, true).ok()?;
    if located.metadata.is_dir() {
        return Some(dot_git);
    }
    // A worktree or submodule: `gitdir: PATH` (gitrepository-layout(5)).
    let text = root.text_up_to(&dot_git, 4096).ok()?;
    let text = String::from_utf8_lossy(&text.bytes).into_owned();
    text.trim().strip_prefix("gitdir:").map(|path| folder.join(path.trim()))
}

/// What the checkout at `top` says of a file.
pub(super) fn look(root: &Root, top: &Path, store: &Path, file: &Path) -> Observed<Checkout> {
    let index = match root.text_up_to(&store.join("index"), MAX_INDEX) {
        Ok(index) if index.cut => return Observed::Unknown("the git index is too long to be read".to_owned()),
        Ok(index) => index.bytes,
        Err(error) => {
            let path = text::escape_path(&store.join("index")).into_owned();
            return Observed::Unknown(format!("{path}: {}", reason(&error)));
        }
    };
    let Ok(below) = file.strip_prefix(top) else { return Observed::NotFound };
    let (branch, commit) = head(root, store);
    let control = VersionControl::Git;
    let mut checkout = Checkout { control, path: top.to_owned(), state: Tracked::No, commit, branch, loose: false };
    let wanted = below.as_os_str().as_encoded_bytes();
    match entry(&index, wanted) {
        Err(why) => return Observed::Unknown(format!("{}: {why}", text::escape_path(&store.join("index")))),
        Ok(None) => {}
        Ok(Some(recorded)) => {
            let now = match object_name(root, file, recorded.len()) {
                Ok(now) => now,
                Err(why) => return Observed::Unknown(why),
            };
            checkout.state = if now == recorded { Tracked::Unmodified } else { Tracked::Modified };
            let name = text::hex(&recorded);
            let (folder, rest) = name.split_at(2);
            checkout.loose = root.locate(&store.join("objects").join(folder).join(rest), false).is_ok();
        }
    }
    Observed::Found(checkout)
}

/// The branch and the commit that `HEAD` leads to.
fn head(root: &Root, store: &Path) -> (Option<String>, Option<String>) {
    let read = |name: &Path| {
        let text = root.text_up_to(&store.join(name), MAX_REFERENCES).ok()?;
        Some(String::from_utf8_lossy(&text.bytes).trim().to_owned())
    };
    let is_name = |name: &String| matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(head) = read(Path::new("HEAD")) else { return (None, None) };
    let Some(reference) = head.strip_prefix("ref:").map(str::trim) else {
        return (None, Some(head).filter(is_name));
    };
    let inside = !reference.split('/').any(|part| part == "..") && !reference.starts_with('/');
    let loose = inside.then(|| read(Path::new(reference))).flatten().filter(is_name);
    let packed = || {
        let packed = read(Path::new("packed-refs"))?;
        let line = packed.lines().find(|line| line.split_once(' ').is_some_and(|(_, name)| name == reference))?;
        line.split_once(' ').map(|(name, _)| name.to_owned()).filter(is_name)
    };
    let branch = reference.trim_start_matches("refs/heads/");
    (Some(text::escape_str(branch).into_owned()), loose.or_else(packed))
}

/// The object name that an index has for a path; none when it does not list it.
fn entry(index: &[u8], wanted: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    let word = |at: usize| {
        let bytes = index.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map(|bytes| u32::from_be_bytes(*bytes)).ok_or("it ends too early")
    };
    if index.get(..4) != Some(b"DIRC") {
        return Err("it is no git index");
    }
    let (version, count) = (word(4)?, word(8)?);
    if !(2..=4).contains(&version) {
        return Err("it is a git index of a version that is not known here");
    }
    // SHA-256 repositories have longer names; which it is shows only in the configuration, so the sizes are tried.
    for size in [20, 32] {
        if let Ok(found) = entries(index, version, count, size, wanted) {
            return Ok(found);
        }
    }
    Err("it is damaged")
}

fn entries(index: &[u8], version: u32, count: u32, size: usize, wanted: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut at = 12;
    let mut path: Vec<u8> = Vec::new();
    for _ in 0..count {
        let name = index.get(at + 40..at + 40 + size).ok_or(())?;
        let flags = index.get(at + 40 + size..).and_then(|rest| rest.first_chunk::<2>()).ok_or(())?;
        let flags = u16::from_be_bytes(*flags);
        let extended = flags & 0x4000 != 0;
        if extended && version < 3 {
            return Err(());
        }
        let mut next = at + 42 + size + if extended { 2 } else { 0 };
        if version == 4 {
            let (strip, length) = offset(index.get(next..).ok_or(())?).ok_or(())?;
            next += length;
            path.truncate(path.len().checked_sub(strip).ok_or(())?);
            let rest = index.get(next..).ok_or(())?;
            let end = rest.iter().position(|byte| *byte == 0).ok_or(())?;
            path.extend_from_slice(&rest[..end]);
            next += end + 1;
        } else {
            let rest = index.get(next..).ok_or(())?;
            let end = rest.iter().position(|byte| *byte == 0).ok_or(())?;
            path = rest[..end].to_vec();
            let length = usize::from(flags & 0xfff);
            if length < 0xfff && length != end {
                return Err(());
            }
            // Padded with NUL to a multiple of eight bytes, one at least.
            next = at + (next + end - at + 8) / 8 * 8;
        }
        if path == wanted {
            return Ok(Some(name.to_vec()));
        }
        at = next;
    }
    Ok(None)
}

/// A number of variable length as in packs (`offset encoding`), and the bytes it takes.
fn offset(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        if index > 0 {
            value = value.checked_add(1)?;
        }
        value = value.checked_shl(7)? | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// The name of the blob that a file's content is: SHA-1, or SHA-256 of 32 bytes, of `blob LENGTH`, NUL and the content.
fn object_name(root: &Root, path: &Path, size: usize) -> Result<Vec<u8>, String> {
    let located = root.locate(path, false).map_err(|error| reason(&error))?;
    let length = located.metadata.len();
    if length > MAX_FILE {
        return Err("the file is too long for its git object name to be computed".to_owned());
    }
    let file = located.open().map_err(|error| reason(&error))?;
    let header = format!("blob {length}\0");
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    sha1.update(header.as_bytes());
    sha256.update(header.as_bytes());
    blocks::each(file, length, |block| if size == 20 { sha1.update(block) } else { sha256.update(block) })
        .map_err(|error| reason(&error))?;
    Ok(if size == 20 { sha1.finalize().to_vec() } else { sha256.finalize().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::super::of;
    use super::*;
    use crate::evidence::testing::{git_index as index, put, scratch};
    use proptest::prelude::*;

    #[test]
    fn tracked_modified_and_untracked_files_are_told_apart() {
        let (dir, root) = scratch(&[
            ("home/ann/src/app/lib/payload.py", "class Payload:"),
            ("home/ann/src/app/new.py", ""),
            ("home/ann/src/app/.git/HEAD", "ref: refs/heads/main\n"),
            ("home/ann/src/app/.git/packed-refs", "# x\n0123456789012345678901234567890123456789 refs/heads/main\n"),
            ("opt/x", ""),
        ]);
        put(dir.path(), "home/ann/src/app/.git/index", &index("lib/payload.py", b"class Payload:"));
        let file = Path::new("/home/ann/src/app/lib/payload.py");
        let found = of(&root, file);
        let checkout = found.found().unwrap();
        assert_eq!((checkout.state, checkout.branch.as_deref()), (Tracked::Unmodified, Some("main")));
        assert!(checkout.to_string().contains("/home/ann/src/app, at commit 012345678901 of main"), "{checkout}");
        assert_eq!(of(&root, Path::new("/home/ann/src/app/new.py")).found().unwrap().state, Tracked::No);
        assert_eq!(of(&root, Path::new("/opt/x")), Observed::NotFound);
        put(dir.path(), "home/ann/src/app/lib/payload.py", b"class Payload: # patched");
        assert_eq!(of(&root, file).found().unwrap().state, Tracked::Modified);
        put(dir.path(), "home/ann/src/app/.git/index", b"DIRC\0\0\0\x02\xff\xff\xff\xff");
        assert!(of(&root, file).reason().unwrap().contains("damaged"));
    }

    #[test]
    fn git_s_own_indexes_of_each_version_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.current_dir(dir.path()).env("HOME", dir.path()).env("GIT_CONFIG_NOSYSTEM", "1").args(arguments);
            command.output().is_ok_and(|output| output.status.success())
        };
        if !git(&["init", "-q", "."]) {
            eprintln!("skipped: there is no git here");
            return;
        }
        put(dir.path(), "a/one.py", b"one");
        put(dir.path(), "a/two.py", b"two");
        put(dir.path(), "b.py", b"");
        for version in ["2", "3", "4"] {
            assert!(git(&["add", "a", "b.py"]) && git(&["update-index", "--index-version", version]));
            let root = Root::image(dir.path());
            for file in ["/a/one.py", "/a/two.py", "/b.py"] {
                assert_eq!(of(&root, Path::new(file)).found().unwrap().state, Tracked::Unmodified, "{version} {file}");
            }
            put(dir.path(), "c.py", b"x");
            assert_eq!(of(&root, Path::new("/c.py")).found().unwrap().state, Tracked::No);
        }
    }

    proptest! {
        #[test]
        fn no_index_breaks_it(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 2_u8..5, path in "[a-z/]{0,9}") {
            let _ = entry(&bytes, path.as_bytes());
            if bytes.len() > 12 {
                bytes[..12].copy_from_slice(&[b'D', b'I', b'R', b'C', 0, 0, 0, version, 0, 0, 0, 9]);
                let _ = entry(&bytes, path.as_bytes());
            }
        }
    }
}
