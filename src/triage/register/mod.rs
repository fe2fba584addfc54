//! The register: the file of exclusions, text that people read, edit and share through git.
//!
//! Every change takes the lock, reads the file anew, adds to its text, and replaces the file whole. So two Huntbooks
//! and a person's editor lose nothing, and a power cut leaves the old register or the new one.

mod check;
mod entry;
mod error;
mod fields;
mod lock;
mod merge;
mod read;
mod store;
mod write;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use self::read::ParsedRegister;
use self::store::{Replaced, Snapshot};
use super::exclusion::{Exclusion, Revocation};
use super::folders::Folders;
use crate::storage::{self, Base};

pub(crate) use self::check::{RegisterFinding, RegisterProblem, RuleDigests};
pub(crate) use self::entry::{InvalidEntry, RegisterEntry};
pub(crate) use self::error::RegisterError;
pub(crate) use self::merge::{MergeConflict, MergedRegister};
#[cfg(test)]
pub(crate) use self::store::MAX_BYTES;
pub(crate) use crate::storage::Trust;

/// How long to wait for another process that is changing the register.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a change is made anew because something else wrote to the file in the meantime.
const TRIES: usize = 8;

/// What stands for the file of a register that has none.
const IN_MEMORY: &str = "in memory only";

/// A register as it was last read, and the way to its file.
#[derive(Debug, Clone)]
pub struct Register {
    path: PathBuf,
    /// Whether there is no file, so that it ends with the process.
    in_memory: bool,
    trust: Trust,
    patience: Duration,
    /// Text as last read or written; `None` while there is no file.
    text: Option<String>,
    entries: Vec<RegisterEntry>,
}

impl Register {
    /// Reads a register of this process's user. A file that is not there is an empty register; none is made.
    ///
    /// # Errors
    /// [`RegisterError`], with file, line and what to do; the file is never changed by reading.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, RegisterError> {
        Self::load_trusting(path, Trust::current())
    }

    /// [`Register::load`] with a word on whose register is believed.
    ///
    /// # Errors
    /// As [`Register::load`].
    pub fn load_trusting(path: impl Into<PathBuf>, trust: Trust) -> Result<Self, RegisterError> {
        let mut register = Self { path: path.into(), trust, ..Self::in_memory() };
        register.in_memory = false;
        register.reload()?;
        Ok(register)
    }

    /// An empty register without a file, for where there is no place for one.
    pub fn in_memory() -> Self {
        let trust = Trust::current();
        let path = IN_MEMORY.into();
        Self { path, in_memory: true, trust, patience: LOCK_TIMEOUT, text: None, entries: Vec::new() }
    }

    /// Whether it has no file.
    pub fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// Whether there was a file when it was last read.
    pub fn has_file(&self) -> bool {
        self.text.is_some()
    }

    /// Reads the file again. If that fails, everything stays as last read.
    ///
    /// # Errors
    /// As [`Register::load`], and [`RegisterError::Vanished`]: a file that was there and is not is no empty register.
    pub fn reload(&mut self) -> Result<(), RegisterError> {
        if self.in_memory {
            return Ok(());
        }
        let text = store::read(&self.path, self.trust)?.map(|snapshot| snapshot.text);
        if text.is_none() && self.text.is_some() {
            return Err(RegisterError::Vanished(self.path.clone()));
        }
        self.entries = read::parse(&self.path, text.as_deref().unwrap_or_default())?.entries;
        self.text = text;
        Ok(())
    }

    /// The file; `in memory only` for a register that has none.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every entry in the order of the file, doubtful and revoked ones too.
    pub fn entries(&self) -> &[RegisterEntry] {
        &self.entries
    }

    /// Records an exclusion: when this returns, it is on the disk. Recording the same one again changes nothing, so a
    /// failed call may simply be made again.
    ///
    /// # Errors
    /// [`RegisterError`]; unless it is [`RegisterError::NotSynced`], the file is as it was.
    pub fn add(&mut self, exclusion: &Exclusion) -> Result<(), RegisterError> {
        self.add_all(std::slice::from_ref(exclusion))
    }

    /// Records several exclusions in one change: all of them or none.
    ///
    /// # Errors
    /// As [`Register::add`].
    pub fn add_all(&mut self, exclusions: &[Exclusion]) -> Result<(), RegisterError> {
        for exclusion in exclusions {
            exclusion.check()?;
        }
        let file = self.path.clone();
        self.change(|text, parsed| {
            let known = |exclusion: &Exclusion| parsed.entries.iter().any(|e| e.id() == Some(exclusion.id));
            let new: Vec<_> = exclusions.iter().filter(|exclusion| !known(exclusion)).cloned().collect();
            if new.is_empty() {
                return Ok(None);
            }
            let edited = write::append(text, parsed.has_version, &new);
            let read = read::parse(&file, &edited)?;
            let added = read.entries.iter().skip(parsed.entries.len()).map(RegisterEntry::exclusion);
            as_meant(&file, added.eq(new.iter().map(Some)), "an entry differs")?;
            Ok(Some(Edited { text: edited, entries: read.entries }))
        })
    }

    /// Takes an exclusion back. It stays in the file with who did so, when and why.
    ///
    /// # Errors
    /// [`RegisterError`], also if there is no such exclusion or it is revoked already.
    pub fn revoke(&mut self, id: Uuid, revocation: &Revocation) -> Result<(), RegisterError> {
        if revocation.why.trim().is_empty() {
            return Err(RegisterError::NoReason(id));
        }
        let file = self.path.clone();
        self.change(|text, parsed| {
            let edited = revoked(&file, text, parsed, id, revocation)?;
            let read = read::parse(&file, &edited)?;
            let stands = |entry: &RegisterEntry| entry.exclusion().is_some_and(|e| e.id == id && e.revoked.is_none());
            let same = read.entries.len() == parsed.entries.len() && !read.entries.iter().any(stands);
            as_meant(&file, same, "the exclusion would still stand")?;
            Ok(Some(Edited { text: edited, entries: read.entries }))
        })
    }

    /// Writes the register as last read to the place it was deleted from, after [`RegisterError::Vanished`]. If
    /// there is a file again, that one is read instead.
    ///
    /// # Errors
    /// As [`Register::add`].
    pub fn restore(&mut self) -> Result<(), RegisterError> {
        if self.in_memory {
            return Ok(());
        }
        store::make_folder(&self.path)?;
        let _lock = lock::hold(&self.path, self.patience)?;
        let Some(text) = &self.text else { return Ok(()) };
        match store::replace(&self.path, text, None)? {
            Replaced::Yes => Ok(()),
            Replaced::ChangedMeanwhile => self.reload(),
        }
    }

    /// Brings what another register says into this one, entry by entry; `base` is what both were made from. See
    /// [`MergedRegister`].
    ///
    /// # Errors
    /// [`RegisterError`]; the file is as it was then.
    pub(crate) fn merge(&mut self, base: &Self, theirs: &Self) -> Result<MergedRegister, RegisterError> {
        let file = self.path.clone();
        let of = |register: &'_ Self| register.text.clone().unwrap_or_default();
        let (base, theirs) = ((base.path.as_path(), of(base)), (theirs.path.as_path(), of(theirs)));
        // git hands over a copy of ours under a name of its own, beside which nothing is to be left.
        let had_lock = self.in_memory || lock::is_there(&self.path);
        let merged = RefCell::new(None);
        let result = self.change(|text, _| {
            let result = merge::merge((base.0, &base.1), (&file, text), (theirs.0, &theirs.1))?;
            let edited = Edited { entries: read::parse(&file, &result.text)?.entries, text: result.text.clone() };
            let is_changed = result.text != text;
            merged.replace(Some(result));
            Ok(is_changed.then_some(edited))
        });
        if !had_lock {
            lock::remove(&self.path, self.patience)?;
        }
        result?;
        merged.into_inner().ok_or(RegisterError::Changing(file))
    }

    /// What is wrong with the entries at `now`, in the order of the file, see [`RegisterProblem`].
    pub fn check(&self, now: Timestamp, folders: &dyn Folders, rules: RuleDigests<'_>) -> Vec<RegisterFinding> {
        check::check(&self.entries, now, folders, rules)
    }

    /// Makes a change under the lock, from the file as it is then; `edit` returns nothing if there is nothing to do.
    fn change(
        &mut self,
        edit: impl Fn(&str, &ParsedRegister) -> Result<Option<Edited>, RegisterError>,
    ) -> Result<(), RegisterError> {
        if self.in_memory {
            let text = self.text.clone().unwrap_or_default();
            if let Some(edited) = edit(&text, &read::parse(&self.path, &text)?)? {
                (self.text, self.entries) = (Some(edited.text), edited.entries);
            }
            return Ok(());
        }
        store::make_folder(&self.path)?;
        self.trust.check_folders(&self.path)?;
        let lock = lock::hold(&self.path, self.patience)?;
        for _ in 0..TRIES {
            let snapshot = store::read(&self.path, self.trust)?;
            if snapshot.is_none() && self.text.is_some() {
                return Err(RegisterError::Vanished(self.path.clone()));
            }
            lock.belong_with(snapshot.as_ref());
            let text = snapshot.as_ref().map_or("", |snapshot| &snapshot.text);
            let parsed = read::parse(&self.path, text)?;
            let Some(edited) = edit(text, &parsed)? else {
                self.entries = parsed.entries;
                self.text = snapshot.map(|Snapshot { text, .. }| text);
                return Ok(());
            };
            if store::replace(&self.path, &edited.text, snapshot.as_ref())? == Replaced::Yes {
                self.text = Some(edited.text);
                self.entries = edited.entries;
                return Ok(());
            }
        }
        Err(RegisterError::Changing(self.path.clone()))
    }
}

/// A changed text and what it reads as.
struct Edited {
    text: String,
    entries: Vec<RegisterEntry>,
}

/// `text` with every entry of this id revoked: a merge may have left two.
fn revoked(
    file: &Path,
    text: &str,
    parsed: &ParsedRegister,
    id: Uuid,
    revocation: &Revocation,
) -> Result<String, RegisterError> {
    let mut places = Vec::new();
    for (entry, after_id) in parsed.entries.iter().zip(&parsed.after_id) {
        if entry.id() != Some(id) {
            continue;
        }
        if entry.exclusion().is_some_and(|exclusion| exclusion.revoked.is_some()) {
            return Err(RegisterError::AlreadyRevoked { file: file.to_owned(), line: entry.line, id });
        }
        places.extend(after_id);
    }
    if places.is_empty() {
        return Err(RegisterError::NoSuchExclusion { file: file.to_owned(), id });
    }
    // From the end, so that the offsets before stay right.
    Ok(places.into_iter().rev().fold(text.to_owned(), |text, offset| write::revoke(&text, offset, revocation)))
}

/// The last guard before anything is written.
fn as_meant(file: &Path, same: bool, cause: &str) -> Result<(), RegisterError> {
    if same { Ok(()) } else { Err(RegisterError::NotReadBack { file: file.to_owned(), cause: cause.to_owned() }) }
}

/// Where the register lies unless the responder says otherwise: `exclusions.toml` in Huntbook's data folder, see
/// [`Base::Data`]. `None` where there is no such folder.
pub(crate) fn default_path() -> Option<PathBuf> {
    Some(Base::Data.folder(storage::env)?.join("exclusions.toml"))
}

#[cfg(test)]
mod tests;
