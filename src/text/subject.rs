//! Paths that lead further than the file system does: into a container, or into a process.
//!
//! What was scanned has one path wherever it is stored, compared or shown. No path of a file system holds a NUL
//! (`path_resolution(7)`), so what stands after one names something inside of the file before it. A plain file's path is its
//! own, so that whatever was stored before there were members means the same. Nothing outside of this file takes such a
//! path apart, and none can be opened by mistake: the kernel would take it to end at the NUL, and Rust refuses it.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::{escape, escape_name};

/// Stands between a file and what is in it.
const INSIDE: u8 = 0;
/// Begins what no name says by itself.
const MARK: u8 = 1;
/// What stands between a container and its member where people read it.
pub const ARROW: char = '▸';

/// One step into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside<'p> {
    /// A member of a container.
    Member {
        /// Its name as the container says it; a name only, it leads nowhere.
        name: Cow<'p, [u8]>,
        /// Which of those with this name it is, from 1.
        nth: u32,
    },
    /// A process that runs the file.
    Process {
        /// Its number.
        pid: u32,
        /// What it calls itself, and how its executable is to be had: `deleted`, `replaced`, `memfd`, or nothing.
        name: Cow<'p, [u8]>,
        /// See `name`.
        state: Cow<'p, [u8]>,
    },
    /// A region of its memory, as `/proc/PID/maps` has it: `7f00-7f20 [heap]`.
    Region(Cow<'p, [u8]>),
}

/// The file that the path leads to, as the file system knows it; all of it for a plain file.
pub fn file_of(path: &Path) -> &Path {
    let bytes = path.as_os_str().as_bytes();
    match memchr::memchr(INSIDE, bytes) {
        Some(at) => Path::new(OsStr::from_bytes(bytes.get(..at).unwrap_or_default())),
        None => path,
    }
}

/// Whether the path leads into a file.
pub fn is_inside(path: &Path) -> bool {
    memchr::memchr(INSIDE, path.as_os_str().as_bytes()).is_some()
}

/// What the innermost step leads into: the container of a member; `None` of a plain file and of a process.
pub fn container(path: &Path) -> Option<&Path> {
    let bytes = path.as_os_str().as_bytes();
    let at = memchr::memrchr(INSIDE, bytes)?;
    matches!(steps(path).last(), Some(Inside::Member { .. }))
        .then(|| Path::new(OsStr::from_bytes(bytes.get(..at).unwrap_or_default())))
}

/// The steps into the file, outermost first; none for a plain file.
pub fn steps(path: &Path) -> Vec<Inside<'_>> {
    path.as_os_str().as_bytes().split(|byte| *byte == INSIDE).skip(1).map(step).collect()
}

/// The names of the members that lead to what is meant, outermost first; none for a plain file or a process.
pub fn members(path: &Path) -> Vec<Cow<'_, [u8]>> {
    let member = |step| match step {
        Inside::Member { name, .. } => Some(name),
        _ => None,
    };
    steps(path).into_iter().filter_map(member).collect()
}

/// The path of something inside of what `path` leads to.
pub fn inside(path: &Path, step: &Inside) -> PathBuf {
    let mut bytes = path.as_os_str().as_bytes().to_vec();
    bytes.push(INSIDE);
    let mut put = |text: &[u8]| {
        for byte in text {
            match *byte {
                INSIDE => bytes.extend([MARK, b'0']),
                MARK => bytes.extend([MARK, b'1']),
                other => bytes.push(other),
            }
        }
    };
    let mut number = String::new();
    match step {
        Inside::Member { name, nth } => {
            put(name);
            if *nth > 1 {
                let _ = write!(number, "\u{1}n{nth}");
            }
        }
        Inside::Process { pid, name, state } => {
            put(name);
            let _ = write!(number, "\u{1}p{pid} {}", String::from_utf8_lossy(state));
        }
        Inside::Region(region) => {
            put(region);
            number.push_str("\u{1}r");
        }
    }
    bytes.extend(number.as_bytes());
    OsString::from_vec(bytes).into()
}

fn step(bytes: &[u8]) -> Inside<'_> {
    let mut name = Vec::new();
    let mut rest = bytes;
    let mut whole = true;
    while let Some(at) = memchr::memchr(MARK, rest) {
        let (before, after) = rest.split_at(at);
        name.extend(before);
        whole = false;
        let (kind, more) = after.get(1..).and_then(<[u8]>::split_first).unwrap_or((&b'?', &[]));
        let text = || std::str::from_utf8(more).unwrap_or_default();
        match kind {
            b'0' => name.push(INSIDE),
            b'1' => name.push(MARK),
            b'n' => return Inside::Member { name: name.into(), nth: text().parse().unwrap_or(1) },
            b'p' => {
                let (pid, state) = text().split_once(' ').unwrap_or((text(), ""));
                let (pid, state) = (pid.parse().unwrap_or(0), state.as_bytes().to_vec().into());
                return Inside::Process { pid, name: name.into(), state };
            }
            b'r' => return Inside::Region(name.into()),
            // Nothing is written so; what it is stays visible.
            other => name.push(*other),
        }
        rest = more;
    }
    if whole {
        return Inside::Member { name: bytes.into(), nth: 1 };
    }
    name.extend(rest);
    Inside::Member { name: name.into(), nth: 1 }
}

/// The path with which two scans name one thing: as `path`, but for the number of a process, which is another each time it
/// runs, and for where its memory lies.
pub fn lasting(path: &Path) -> Cow<'_, Path> {
    let all = steps(path);
    if !all.iter().any(|step| matches!(step, Inside::Process { .. } | Inside::Region(_))) {
        return Cow::Borrowed(path);
    }
    let mut lasting = file_of(path).to_owned();
    for step in all {
        let step = match step {
            Inside::Process { state, .. } => Inside::Process { pid: 0, name: Cow::Borrowed(b""), state },
            Inside::Region(_) => Inside::Region(Cow::Borrowed(b"")),
            member @ Inside::Member { .. } => member,
        };
        lasting = inside(&lasting, &step);
    }
    Cow::Owned(lasting)
}

/// Whether two scans mean one thing by these paths, see [`lasting`].
pub fn is_same(one: &Path, other: &Path) -> bool {
    one == other || is_inside(one) && is_inside(other) && lasting(one) == lasting(other)
}

/// The path as one path of names, as a rule's author would write it: members below the container as in a folder.
pub fn as_names(path: &Path) -> Cow<'_, Path> {
    if !is_inside(path) {
        return Cow::Borrowed(path);
    }
    let mut bytes = file_of(path).as_os_str().as_bytes().to_vec();
    for name in members(path) {
        bytes.push(b'/');
        bytes.extend(name.iter());
    }
    Cow::Owned(OsString::from_vec(bytes).into())
}

/// The steps as people read them, safe to show: `tools/payload.py`.
pub fn shown_members(path: &Path) -> Vec<String> {
    let mut shown = Vec::new();
    for step in steps(path) {
        if let Inside::Member { name, nth } = step {
            let mut name = escape_name(&name);
            if nth > 1 {
                let _ = write!(name, " (no. {nth} of this name)");
            }
            shown.push(name);
        }
    }
    shown
}

/// What [`escape_path`](super::escape_path) shows of a path that leads into a file.
pub(super) fn shown(path: &Path) -> String {
    let file = escape_name(file_of(path).as_os_str().as_bytes());
    let mut out = file.clone();
    let mut process: Option<String> = None;
    for step in steps(path) {
        match step {
            Inside::Process { pid: 0, state, .. } => {
                process = Some("a process".to_owned());
                out = with_state("a process", &state, &file);
            }
            Inside::Process { pid, name, state } => {
                let who = format!("process {pid} ({})", escape_name(&name));
                out = with_state(&who, &state, &file);
                process = Some(who);
            }
            Inside::Region(region) => {
                let region = if region.is_empty() { "memory".to_owned() } else { escape_name(&region) };
                out = format!("{}: {region}", process.as_deref().unwrap_or(&file));
            }
            Inside::Member { .. } => {}
        }
    }
    for name in shown_members(path) {
        let _ = write!(out, " {ARROW} {name}");
    }
    out
}

fn with_state(who: &str, state: &[u8], file: &str) -> String {
    if state.is_empty() { format!("{who}: {file}") } else { format!("{who}: {} {file}", escape(state)) }
}

#[cfg(test)]
mod tests {
    use super::super::escape_path;
    use super::*;

    fn member(path: &Path, name: &[u8], nth: u32) -> PathBuf {
        inside(path, &Inside::Member { name: name.to_vec().into(), nth })
    }

    #[test]
    fn what_was_put_together_comes_apart_again() {
        let names: [&[u8]; 8] =
            [b"tools/payload.py", b"", b"../../etc/passwd", b"/abs", b"a\0b", b"\x01n2", b"\x01", b"\xff\x1b[2J"];
        for outer in names {
            for name in names {
                for nth in [1, 2, 4_000_000_000] {
                    let one = member(Path::new("/srv/a.tar"), outer, nth);
                    let two = member(&one, name, 1);
                    assert_eq!(file_of(&two), Path::new("/srv/a.tar"));
                    let outermost = Inside::Member { name: outer.into(), nth };
                    assert_eq!(steps(&two), [outermost, Inside::Member { name: name.into(), nth: 1 }]);
                    assert_eq!(members(&two), [outer, name]);
                }
            }
        }
        assert!(!is_inside(Path::new("/srv/a.tar")) && members(Path::new("/srv/a.tar")).is_empty());
    }

    #[test]
    fn members_are_shown_behind_their_container_and_no_name_can_look_like_one() {
        let path = member(&member(Path::new("/srv/a.zip"), b"b.tar", 1), b"tools/p\x1b.py", 2);
        assert_eq!(escape_path(&path), r"/srv/a.zip ▸ b.tar ▸ tools/p\x1b.py (no. 2 of this name)");
        assert_eq!(escape_path(Path::new("/srv/a.zip ▸ x")), r"/srv/a.zip \u{25b8} x");
        let again = crate::text::escape_str(&escape_path(&path)).into_owned();
        assert_eq!(again, escape_path(&path), "once is enough");
        assert_eq!(as_names(&path), Path::new("/srv/a.zip/b.tar/tools/p\x1b.py"));
        assert!(std::fs::File::open(&path).is_err());
    }

    #[test]
    fn a_process_is_named_by_its_number_and_known_again_by_its_executable() {
        let step =
            |pid| Inside::Process { pid, name: b"kw/0:1".as_slice().into(), state: b"deleted".as_slice().into() };
        let path = inside(Path::new("/tmp/.x"), &step(4711));
        assert_eq!(escape_path(&path), "process 4711 (kw/0:1): deleted /tmp/.x");
        assert_eq!(steps(&path), [step(4711)]);
        assert_eq!(lasting(&path), lasting(&inside(Path::new("/tmp/.x"), &step(12))));
        assert_ne!(lasting(&path), lasting(&inside(Path::new("/tmp/.y"), &step(12))));
        let heap = inside(&path, &Inside::Region(b"7f00-7f20 [heap]".as_slice().into()));
        assert_eq!(escape_path(&heap), "process 4711 (kw/0:1): 7f00-7f20 [heap]");
        assert_eq!(escape_path(&lasting(&heap)), "a process: memory");
        assert_eq!(lasting(Path::new("/tmp/.x")), Path::new("/tmp/.x"));
    }
}
