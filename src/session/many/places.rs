//! Which files are cases: those that were named, and those in folders that were.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::FileType;

use crate::root::{self, entry_buffer};
use crate::session::reopen::begins_like_a_case;
use crate::text;
use crate::timeout;

/// How long it may take to see whether a folder is one of cases.
const LIMIT: Duration = Duration::from_secs(10);
/// Folders within folders that are looked through for cases.
const MAX_DEPTH: usize = 6;
/// Files without an ending that come with cases: `huntbook deploy ansible` writes it.
const NAMED_BESIDE: &str = "exit-status";
/// Names that are looked at in all.
const MAX_NAMES: usize = 1_000_000;
/// How files end that come with cases: their logs, and what was written beside them.
const BESIDE: [&str; 12] =
    ["case-wal", "case-shm", "case-journal", "ndjson", "json", "log", "txt", "md", "html", "csv", "sarif", "err"];

/// The cases that were named, and those in the folders that were named, each once, in the order of their names.
///
/// # Errors
/// When a file or folder that was named is not there, a folder cannot be read, or there is no case in it.
pub fn case_files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        let shown = text::escape_path(path);
        let located = root::named(path).with_context(|| shown.clone().into_owned())?;
        if !located.metadata.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        in_folder(path, 0, &mut files).with_context(|| shown.clone().into_owned())?;
        anyhow::ensure!(files.len() > before, "{shown}: there is no case in this folder (a file that ends with .case)");
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn in_folder(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for (path, kind) in listed(folder)? {
        if kind == FileType::Directory && depth < MAX_DEPTH {
            in_folder(&path, depth + 1, files)?;
        } else if kind == FileType::RegularFile && is_named_so(&path) && files.len() < MAX_NAMES {
            files.push(path);
        }
    }
    Ok(())
}

/// What is in a folder, and of which kind; links are not followed, and no time of access is changed.
fn listed(folder: &Path) -> io::Result<Vec<(PathBuf, FileType)>> {
    let opened = root::named(folder)?.enter()?;
    let mut buffer = entry_buffer();
    let mut entries = opened.entries(&mut buffer);
    let mut all = Vec::new();
    while let Some(entry) = entries.next() {
        let (name, listed) = entry?;
        let kind = match listed {
            FileType::Directory | FileType::RegularFile => listed,
            // Some file systems leave the type out of their folders (readdir(3)).
            _ => opened.stat_of(&name).map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
        };
        all.push((folder.join(name), kind));
        if all.len() > MAX_NAMES {
            return Err(io::Error::other("it holds too many files"));
        }
    }
    Ok(all)
}

fn is_named_so(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "case")
}

/// Whether a folder is one of cases rather than a tree to scan: it holds at least one case, and nothing but cases, what comes with
/// them, and folders like it.
pub(crate) fn is_folder_of_cases(folder: &Path) -> bool {
    let folder = folder.to_owned();
    let looked = timeout::run(LIMIT, move || {
        let is_folder = root::named(&folder).is_ok_and(|located| located.metadata.is_dir());
        is_folder && holds_only_cases(&folder, 0, &mut 0) == Some(true)
    });
    looked.unwrap_or(false)
}

/// Whether there is a case below `folder`; `None` where there is something else too.
fn holds_only_cases(folder: &Path, depth: usize, names: &mut usize) -> Option<bool> {
    let mut found = false;
    for (path, kind) in listed(folder).ok()? {
        *names += 1;
        if *names > MAX_NAMES || depth > MAX_DEPTH {
            return None;
        }
        if kind == FileType::Directory {
            found |= holds_only_cases(&path, depth + 1, names)?;
        } else if kind == FileType::RegularFile && is_named_so(&path) && begins_like_a_case(&path) {
            found = true;
        } else if kind == FileType::RegularFile && (is_named_so(&path) || path.ends_with(NAMED_BESIDE)) {
            // A case that a full disk has cut hides no other, and is told as one that cannot be read.
        } else {
            let beside = path.extension().and_then(|extension| extension.to_str())?;
            (kind == FileType::RegularFile && BESIDE.contains(&beside)).then_some(())?;
        }
    }
    Some(found)
}
