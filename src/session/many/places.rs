//! Which files are cases: those that were named, and those in folders that were.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::text;

/// Folders within folders that are looked through for cases.
const MAX_DEPTH: usize = 6;
/// Names that are looked at in all.
const MAX_NAMES: usize = 1_000_000;
/// The first bytes of an `SQLite` file, and `application_id` of a case at offset 68
/// (<https://www.sqlite.org/fileformat.html>, 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const APPLICATION_ID: [u8; 4] = *b"Hunt";
/// How files end that come with cases: their logs, and what was written beside them.
const BESIDE: [&str; 12] =
    ["case-wal", "case-shm", "case-journal", "ndjson", "json", "log", "txt", "md", "html", "csv", "sarif", "err"];

/// The cases that were named, and those in the folders that were named, each once, in the order of their names.
///
/// # Errors
/// When a file or folder that was named is not there, a folder cannot be read, or there is no case in it.
pub(crate) fn case_files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        let shown = text::escape_path(path);
        let facts = fs::metadata(path).with_context(|| shown.clone().into_owned())?;
        if !facts.is_dir() {
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

fn in_folder(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)?.take(MAX_NAMES) {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && depth < MAX_DEPTH {
            in_folder(&path, depth + 1, files)?;
        } else if kind.is_file() && is_named_so(&path) && files.len() < MAX_NAMES {
            files.push(path);
        }
    }
    Ok(())
}

fn is_named_so(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "case")
}

/// Whether a folder is one of cases rather than a tree to scan: it holds at least one case, and nothing but cases, what comes with
/// them, and folders like it.
pub(crate) fn is_folder_of_cases(folder: &Path) -> bool {
    let mut names = 0;
    holds_only_cases(folder, 0, &mut names) == Some(true)
}

/// Whether there is a case below `folder`; `None` where there is something else too.
fn holds_only_cases(folder: &Path, depth: usize, names: &mut usize) -> Option<bool> {
    let mut found = false;
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        *names += 1;
        if *names > MAX_NAMES || depth > MAX_DEPTH {
            return None;
        }
        let (path, kind) = (entry.path(), entry.file_type().ok()?);
        if kind.is_dir() {
            found |= holds_only_cases(&path, depth + 1, names)?;
        } else if kind.is_file() && is_named_so(&path) && begins_like_a_case(&path) {
            found = true;
        } else {
            let beside = path.extension().and_then(|extension| extension.to_str())?;
            (kind.is_file() && BESIDE.contains(&beside)).then_some(())?;
        }
    }
    Some(found)
}

fn begins_like_a_case(path: &Path) -> bool {
    let mut head = [0; 72];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(MAGIC) && head.ends_with(&APPLICATION_ID)
}
