//! A file to be read: what stat says, then its lines around the one that was pointed to; the first bytes of one that is no text;
//! the names in a folder.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::super::indexes::Indexes;
use super::super::observed::Observed;
use super::super::{lines, show};
use super::{LineKind, Reference, Referred};
use crate::root::{Attributes, Root};
use crate::text;

/// Lines shown before the one that was pointed to, and after it.
const AROUND: usize = 1000;
/// Bytes by which text is told from other files, and shown of those.
const HEAD: u64 = 4096;
/// Bytes a line of those.
const PER_LINE: usize = 16;
/// Where systemd looks for units, the first that has one wins (systemd.unit(5), "Unit File Load Path").
const UNIT_FOLDERS: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/transient",
];

/// The file of a unit.
pub(super) fn unit(root: &Root, indexes: &Indexes, unit: &str) -> Referred {
    if unit.contains('/') || unit.is_empty() {
        return Referred::gap("this is no name of a unit");
    }
    // `name@instance.service` is read from `name@.service`.
    let template = unit.split_once('@').and_then(|(name, rest)| Some(format!("{name}@.{}", rest.rsplit_once('.')?.1)));
    let names = [Some(unit.to_owned()), template];
    for name in names.into_iter().flatten() {
        for folder in UNIT_FOLDERS {
            let path = Path::new(folder).join(&name);
            if root.locate(&path, true).is_ok() {
                let mut page = page(root, indexes, &path, None);
                drop_ins(root, &mut page, &name);
                return page;
            }
        }
    }
    let all = UNIT_FOLDERS.join(", ");
    Referred::gap(format!(
        "no file of this unit lies in {all}: it may be of a user's own manager, or made while it runs"
    ))
}

/// The files that change a unit.
fn drop_ins(root: &Root, page: &mut Referred, unit: &str) {
    for folder in UNIT_FOLDERS {
        let folder = Path::new(folder).join(format!("{unit}.d"));
        let names = root.folder(&folder).and_then(|open| open.names());
        for name in names.into_iter().flat_map(|(names, _)| names) {
            let path = folder.join(name);
            page.fact("changed by", &path.to_string_lossy(), Some(Reference::File(path.clone(), None)));
        }
    }
}

/// A file, or a folder, at `path` on the box.
pub(super) fn page(root: &Root, indexes: &Indexes, path: &Path, line: Option<usize>) -> Referred {
    let located = match root.locate(path, true) {
        Ok(located) => located,
        Err(error) => return Referred::gap(format!("cannot be read: {error}")),
    };
    let is = Attributes::of(&located.metadata);
    let mut page = Referred::default();
    if located.path != path {
        let real = located.path.clone();
        page.fact("leads to", &real.to_string_lossy(), None);
    }
    facts(&mut page, &is, indexes);
    if let Observed::Found(owner) = indexes.packages().owner(&located.path, None) {
        let to = Reference::Package(owner.manager.to_string(), owner.package.clone());
        page.fact("package", &owner.to_string(), Some(to));
    }
    if located.metadata.is_dir() {
        folder(&mut page, root, &located.path);
        return page;
    }
    // A device, a pipe and the like is refused here.
    match located.open() {
        Ok(file) => content(&mut page, file, line),
        Err(error) => page.push(LineKind::Gap, &format!("cannot be read: {error}"), None),
    }
    page
}

fn facts(page: &mut Referred, is: &Attributes, indexes: &Indexes) {
    let accounts = indexes.accounts();
    let (owner, group) = (accounts.user(is.uid), accounts.group(is.gid));
    page.fact(
        "owner",
        &format!("{owner}:{group}, mode {}, {}", show::mode(is.mode), text::counted(is.size, "byte")),
        None,
    );
    let times = format!("{}, inode changed {}", show::time(is.modified), show::time(is.changed));
    page.fact("modified", &times, None);
}

/// The names in a folder.
fn folder(page: &mut Referred, root: &Root, path: &Path) {
    page.push(LineKind::Heading, "In this folder", None);
    match root.folder(path).and_then(|open| open.names()) {
        Ok((mut names, whole)) => {
            names.sort();
            let count = names.len();
            for name in names.iter().take(super::MAX_LINES - 100) {
                let to = Reference::File(path.join(name), None);
                page.push(LineKind::Text, &name.to_string_lossy(), Some(to));
            }
            if !whole || count > super::MAX_LINES - 100 {
                page.push(LineKind::Gap, "there are more", None);
            }
            if count == 0 {
                page.push(LineKind::Gap, "it is empty", None);
            }
        }
        Err(error) => page.push(LineKind::Gap, &format!("cannot be listed: {error}"), None),
    }
}

fn content(page: &mut Referred, file: File, wanted: Option<usize>) {
    let mut head = Vec::new();
    let reading = file.try_clone().and_then(|again| again.take(HEAD).read_to_end(&mut head));
    if let Err(error) = reading {
        return page.push(LineKind::Gap, &format!("cannot be read: {error}"), None);
    }
    if head.contains(&0) {
        return bytes(page, &head);
    }
    let rewound = std::io::Seek::seek(&mut &file, std::io::SeekFrom::Start(0));
    if let Err(error) = rewound {
        return page.push(LineKind::Gap, &format!("cannot be read: {error}"), None);
    }
    page.push(LineKind::Heading, "Its lines", None);
    let first = wanted.unwrap_or(1).saturating_sub(AROUND).max(1);
    let last = wanted.unwrap_or(AROUND).saturating_add(AROUND);
    let (mut number, mut is_cut) = (0, false);
    let read = lines::each(file, |line| {
        number += 1;
        if number > last {
            is_cut = true;
            return ControlFlow::Break(());
        }
        if number >= first {
            let kind = if Some(number) == wanted { LineKind::Here } else { LineKind::Text };
            page.push(kind, &format!("{number:>5}  {}", text::escape(line)), first_path(line));
        }
        ControlFlow::Continue(())
    });
    match read {
        Err(error) => page.push(LineKind::Gap, &format!("the reading ended: {error}"), None),
        Ok(_) if is_cut => page.push(LineKind::Gap, "there are more lines", None),
        Ok(_) if wanted.is_some_and(|wanted| wanted > number) => {
            page.push(
                LineKind::Gap,
                &format!("the line was {} and is gone: the file was changed", wanted.unwrap_or(0)),
                None,
            );
        }
        Ok(_) => {}
    }
}

/// The first absolute path that a line of a table or a unit names, to be gone on to.
fn first_path(line: &[u8]) -> Option<Reference> {
    let line = std::str::from_utf8(line).ok()?.trim_start();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || "\"'<>|&;()=,:".contains(c);
    let word =
        line.split(ends).find(|word| word.len() > 1 && word.starts_with('/') && !word.contains(['*', '$', '%']))?;
    Some(Reference::File(PathBuf::from(word), None))
}

/// The first bytes of a file that is no text.
fn bytes(page: &mut Referred, head: &[u8]) {
    page.push(LineKind::Heading, &format!("No text; its first {}", text::counted(head.len() as u64, "byte")), None);
    for (row, chunk) in head.chunks(PER_LINE).enumerate() {
        let mut line = format!("{:08x} ", row * PER_LINE);
        for byte in chunk {
            let _ = write!(line, " {byte:02x}");
        }
        let shown: String =
            chunk.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
        page.push(LineKind::Text, &format!("{line:<58}{shown}"), None);
    }
}
