//! Reads tables, units and scripts of the box, each once, and tells what could not be read.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::there::Lookup;
use super::{Schedules, run_parts};
use crate::evidence::account::BoxAccounts;
use crate::finding::FileTime;
use crate::root::{Attributes, Root, TextFile};
use crate::text;

/// Bytes read of one file of a place.
const MAX_PLACE: u64 = 1 << 20;

/// A path that an entry names, and that may be a script.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) path: PathBuf,
    /// Home of the user it runs as.
    pub(super) home: Option<PathBuf>,
    /// Number of the entry.
    pub(super) entry: u32,
    /// Whether a shell reads commands from it.
    pub(super) is_sourced: bool,
}

/// Reads tables and units and files the paths they name.
pub(super) struct Reader<'a> {
    pub root: &'a Root,
    pub accounts: &'a BoxAccounts,
    pub schedules: Schedules,
    /// What lies where words of commands may mean something.
    pub there: Lookup<'a>,
    /// What a pattern fits, worked out once.
    pub matched: HashMap<PathBuf, Vec<PathBuf>>,
    /// Files read already, by device and inode: two folders may be one.
    pub seen: HashSet<(u64, u64)>,
    /// Files that entries name, and that may be scripts which name others.
    pub pending: Vec<Started>,
    /// How cron and run-parts of this box choose names.
    pub names_rule: run_parts::NameRules,
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Root, accounts: &'a BoxAccounts) -> Self {
        Self {
            root,
            accounts,
            schedules: Schedules::default(),
            there: Lookup::new(root),
            matched: HashMap::new(),
            seen: HashSet::new(),
            pending: Vec::new(),
            names_rule: run_parts::NameRules::of(root),
        }
    }

    pub(super) fn gap(&mut self, path: &Path, what: &str) {
        self.schedules.gaps.add(format!("{}: {what}", text::escape_path(path)));
    }

    /// The names in a folder; none when it is not there.
    pub(super) fn names(&mut self, folder: &Path) -> Vec<PathBuf> {
        match self.root.folder(folder).and_then(|open| open.names()) {
            Ok((names, cut)) => {
                if cut {
                    self.gap(folder, "too many entries, not all were read");
                }
                names.into_iter().map(|name| folder.join(name)).collect()
            }
            Err(error) => {
                self.schedules.gaps.add_error(folder, &error);
                Vec::new()
            }
        }
    }

    /// A text file, once; `None` when it is not there, was read before, or cannot be read.
    pub(super) fn text(&mut self, path: &Path) -> Option<TextFile> {
        match self.root.text(path) {
            Ok(found) => {
                if found.cut {
                    self.gap(path, "only its first 4 MiB were read");
                }
                self.seen.insert((found.attributes.dev, found.attributes.ino)).then_some(found)
            }
            Err(error) => {
                self.schedules.gaps.add_error(path, &error);
                None
            }
        }
    }

    /// A text file of a place, which may be a table as well; `None` when it is not there or cannot be read.
    pub(super) fn text_of_place(&mut self, path: &Path) -> Option<TextFile> {
        match self.root.text_up_to(path, MAX_PLACE) {
            Ok(found) => {
                if found.cut {
                    self.gap(path, "only its first 1 MiB was read");
                }
                Some(found)
            }
            Err(error) => {
                self.schedules.gaps.add_error(path, &error);
                None
            }
        }
    }

    /// The text of a script, and what it is; `None` where it is none: a program, a document, or what nobody may execute and
    /// neither its first line nor an interpreter's ending tells; `is_sourced` says that it need not be executable.
    pub(super) fn script_text(&mut self, path: &Path, most: u64, is_sourced: bool) -> Option<(Attributes, Vec<u8>)> {
        let located = self.root.locate(path, true).ok()?;
        if !located.metadata.is_file() {
            return None;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_named_so = matches!(ending, "sh" | "bash" | "py" | "pl" | "rb" | "php" | "js" | "lua" | "awk" | "tcl");
        let mut file = located.open().ok()?;
        let mut head = [0; 4];
        file.read_exact(&mut head).ok()?;
        let may_be_run =
            is_sourced || Attributes::of(&located.metadata).mode & 0o111 != 0 || is_named_so || head.starts_with(b"#!");
        if !may_be_run || head == *b"\x7fELF" || head.contains(&0) {
            return None;
        }
        let mut bytes = head.to_vec();
        file.take(most).read_to_end(&mut bytes).ok()?;
        if bytes.contains(&0) {
            return None;
        }
        if located.metadata.len() > bytes.len() as u64 {
            self.gap(path, "only the first part of this script was read");
        }
        Some((Attributes::of(&located.metadata), bytes))
    }

    /// A table as numbered lines of text.
    pub(super) fn table(&mut self, path: &Path) -> Option<(Attributes, Vec<(usize, String)>)> {
        let found = self.text(path)?;
        Some((found.attributes, self.lines_of(path, &found)))
    }

    /// The numbered lines of a table. One that holds NUL bytes is told as a gap and read as far as it goes.
    pub(super) fn lines_of(&mut self, path: &Path, found: &TextFile) -> Vec<(usize, String)> {
        if found.bytes.contains(&0) {
            self.gap(path, "holds NUL bytes, so it is no text file; read as far as it goes");
        }
        numbered(&found.bytes)
    }

    pub(super) fn home(&self, user: &str) -> Option<PathBuf> {
        self.accounts.named(user).map(|user| user.home.clone())
    }

    /// When `path`, a stamp file, was last written.
    pub(super) fn stamp(&self, path: &str) -> Option<FileTime> {
        let located = self.root.locate(Path::new(path), true).ok()?;
        Some(Attributes::of(&located.metadata).modified)
    }
}

/// The numbered lines of a text.
pub(super) fn numbered(bytes: &[u8]) -> Vec<(usize, String)> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    lines.map(|(index, line)| (index + 1, String::from_utf8_lossy(line).trim().to_owned())).collect()
}
