//! What can go wrong with a register: where, what, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::storage::Distrust;
use crate::text::escape_path;

use super::super::exclusion::Defect;

/// Why a register cannot be read or written. Nothing on the disk was changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The text is not TOML, or not a register's.
    #[error("{}:{line}:{column}: {message}; correct the file, it was left as it is", escape_path(file))]
    Syntax {
        /// The register.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A newer Huntbook wrote it.
    #[error(
        "{}:{line}: the register has version {found}, this Huntbook knows version {known}; use a newer Huntbook",
        escape_path(file)
    )]
    Newer {
        /// The register.
        file: PathBuf,
        /// Line of `version`, from 1.
        line: usize,
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// Someone else owns it, can write to it or can replace it, and so could hide a hit.
    #[error(transparent)]
    Distrusted(#[from] Distrust),
    /// It is a link, a folder, a device.
    #[error("{}: not a plain file but {what}; name the register itself", escape_path(file))]
    NotAFile {
        /// The register.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It is larger than any register.
    #[error(
        "{}: {size} bytes are too many for a register, {most} are the most; keep expired ones elsewhere",
        escape_path(file)
    )]
    TooLarge {
        /// The register.
        file: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// Greatest length read, in bytes.
        most: u64,
    },
    /// Another process holds the lock.
    #[error("{}: another Huntbook has held the lock for {seconds} s; try again", escape_path(lock))]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
    /// It was there and is gone.
    #[error("{}: the register was deleted meanwhile; put it back, or have Huntbook write what it knew (W on the screen)", escape_path(.0))]
    Vanished(PathBuf),
    /// Someone keeps writing to it.
    #[error("{}: something else keeps changing the register; close it there and try again", escape_path(.0))]
    Changing(PathBuf),
    /// The exclusion could never count.
    #[error("the exclusion was not recorded: {0}")]
    Defective(#[from] Defect),
    /// No entry has this id.
    #[error("{}: no exclusion has the id {id}; list them with: huntbook exclusions list", escape_path(file))]
    NoSuchExclusion {
        /// The register.
        file: PathBuf,
        /// The id.
        id: Uuid,
    },
    /// The entry is revoked already; the first revocation stands.
    #[error("{}:{line}: exclusion {id} is revoked already", escape_path(file))]
    AlreadyRevoked {
        /// The register.
        file: PathBuf,
        /// Line of the entry, from 1.
        line: usize,
        /// The id.
        id: Uuid,
    },
    /// A revocation needs a reason.
    #[error("exclusion {0} was not revoked: say why")]
    NoReason(Uuid),
    /// What would be written would not read back as what was meant.
    #[error(
        "{}: the new entry would not read back as it was meant ({cause}); nothing was written, please report this",
        escape_path(file)
    )]
    NotReadBack {
        /// The register.
        file: PathBuf,
        /// What would be wrong.
        cause: String,
    },
    /// The text is there, but a power cut could still lose it.
    #[error("{}: the change is written, but cannot be made to last: {source}; try again", escape_path(file))]
    NotSynced {
        /// The register.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused.
    #[error(
        "{}: cannot {action}: {source}; see to the file and its folder, or name another with --exclusions",
        escape_path(file)
    )]
    Io {
        /// What was to be done.
        action: &'static str,
        /// To which file or folder.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RegisterError {
    /// For `map_err`: the system refused `action` on `file`.
    pub(super) fn io<E: Into<io::Error>>(action: &'static str, file: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { action, file: file.to_owned(), source: source.into() }
    }
}
