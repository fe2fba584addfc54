//! What was not scanned, and why. A scan that says nothing of its gaps cannot be trusted.

use std::fmt;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use rustix::fs::FileType;

use super::worker_slot::Abandoned;
use crate::archive::ArchiveGap;
use crate::root::{NotRegular, kind_name};
use crate::text;

/// [`Reason::kind`] of what is wrong with the rules, not with the tree.
pub(crate) const UNUSED_RULE: &str = "unused-rule";

/// Why something in the tree was not scanned, or not as it now is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Opening or reading was refused (`EACCES`, `EPERM`).
    Permission,
    /// The system reported another error.
    Io(String),
    /// It was listed in its folder and gone when it was opened (`ENOENT`).
    Vanished,
    /// Its size or times changed while it was read; what was scanned may be neither the old nor the new content.
    Changed,
    /// A FIFO, socket or device: opening it could block or act on hardware.
    Special(&'static str),
    /// A file system made up by the kernel (`proc`, `sysfs`, …).
    PseudoFileSystem(&'static str),
    /// On another file system than the tree, with `--one-file-system`.
    OtherFileSystem,
    /// Huntbook's own file: case, register, cache or the running executable.
    Own,
    /// A glob of `--exclude` covers it.
    Excluded(String),
    /// Larger than `--max-file-size`, both in bytes.
    TooLarge {
        /// Size of the file in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Some rules or some bytes were left out; the text says which.
    Partly(String),
    /// It was scanned, but has more holes than can be hashed: its findings have a
    /// [`Digest::DataOnly`](crate::finding::Digest::DataOnly) and no SHA-256.
    DataDigest,
    /// Matching one rule, with those that it rests on, took longer than the limit; all others were matched unless another
    /// reason says so.
    TimedOut {
        /// The limit in seconds.
        seconds: u64,
        /// The rule, and the file it was read from.
        rule: String,
    },
    /// Reading the file, and matching it meanwhile, took longer than the limit, in seconds.
    FileTimedOut(u64),
    /// The file system had not answered after so many seconds, and was no longer waited for.
    NoAnswer(u64),
    /// So many files and folders of the same file system went without an answer before that it was not asked any more.
    Silent(usize),
    /// The path is longer than the kernel takes (`ENAMETOOLONG`).
    NameTooLong,
    /// It, or a folder above it, became a link after it was listed (`ELOOP`).
    BecameLink,
    /// Its folder lists it as one type of file, its inode is of another. It was exchanged in between, or somebody changed
    /// the folder's blocks to hide it.
    NotAsListed {
        /// The type that its folder lists.
        listed: &'static str,
        /// The type of its inode.
        is: &'static str,
    },
    /// It was scanned, and has no name any more: a process holds it. It had this one.
    Deleted(PathBuf),
    /// The engine failed on this file; the message says how.
    Engine(String),
    /// The responder skipped it.
    Skipped,
    /// Neither changed nor born since the time of `--newer`: so many files, left out because the responder asked for it.
    Older(u64, Timestamp),
    /// On a file system of this kind, which another machine or a program serves, with `--local-only`.
    NotLocal(&'static str),
    /// Only so many paths that were named were scanned of the tree.
    OnlyNamed(u64),
    /// It was named, and is not there, or is neither a file nor a folder.
    NotMet,
    /// It is a container, or lies in one, and not all of it was seen.
    Inside(ArchiveGap),
    /// It is a rule file, or a rule in it, that cannot be used: nothing was scanned with it.
    UnusedRule {
        /// The rule; `None` for the whole file, or a statement of it.
        rule: Option<String>,
        /// The place in the file, and what is wrong there.
        why: String,
    },
}

impl Reason {
    /// A stable short name for filters and reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Io(_) => "io-error",
            Self::Vanished => "vanished",
            Self::Changed => "changed",
            Self::Special(_) => "special-file",
            Self::PseudoFileSystem(_) => "pseudo-file-system",
            Self::OtherFileSystem => "other-file-system",
            Self::Own => "own-file",
            Self::Excluded(_) => "excluded",
            Self::TooLarge { .. } => "too-large",
            Self::Partly(_) => "scanned-in-part",
            Self::DataDigest => "digest-of-data",
            Self::TimedOut { .. } => "timed-out",
            Self::FileTimedOut(_) => "file-timed-out",
            Self::NoAnswer(_) | Self::Silent(_) => "no-answer",
            Self::NameTooLong => "name-too-long",
            Self::BecameLink => "became-link",
            Self::NotAsListed { .. } => "not-as-listed",
            Self::Deleted(_) => "deleted",
            Self::Engine(_) => "engine-failed",
            Self::Skipped => "skipped",
            Self::Older(..) => "older",
            Self::NotLocal(_) => "not-local",
            Self::OnlyNamed(_) => "not-named",
            Self::NotMet => "not-met",
            Self::Inside(ArchiveGap::Encrypted) => "encrypted",
            Self::Inside(gap) if gap.is_limit() => "archive-limit",
            Self::Inside(_) => "archive-unread",
            Self::UnusedRule { .. } => UNUSED_RULE,
        }
    }

    /// Whether content that could hold a finding went unseen. What was seen whole, holds no content (devices, kernel file systems), is
    /// Huntbook's own, or was left out because the responder asked for it, is listed but is no gap.
    pub fn is_gap(&self) -> bool {
        is_gap_kind(self.kind())
    }

    /// That a folder lists something as what it is not.
    pub(super) fn not_as_listed(listed: FileType, is: FileType) -> Self {
        Self::NotAsListed { listed: kind_name(listed), is: kind_name(is) }
    }

    /// The reason behind a system error.
    pub fn of(error: &io::Error) -> Self {
        use rustix::io::Errno;
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ACCESS | Errno::PERM) => Self::Permission,
            Some(Errno::NOENT) => Self::Vanished,
            Some(Errno::NAMETOOLONG) => Self::NameTooLong,
            Some(Errno::LOOP) => Self::BecameLink,
            _ => Self::Io(error.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission => f.write_str("permission denied"),
            Self::Io(message) => write!(f, "I/O error: {}", text::escape_str(message)),
            Self::Vanished => f.write_str("vanished before it could be opened"),
            Self::Changed => f.write_str("changed while it was read"),
            Self::Special(what) => write!(f, "{what}, not opened"),
            Self::PseudoFileSystem(kind) => write!(f, "{kind} file system, made up by the kernel"),
            Self::OtherFileSystem => f.write_str("on another file system"),
            Self::Own => f.write_str("Huntbook's own file"),
            Self::Excluded(glob) => write!(f, "left out by --exclude {}", text::escape_str(glob)),
            Self::TooLarge { size, limit } => {
                write!(f, "too large: {}, the limit is {}", text::bytes(*size), text::bytes(*limit))
            }
            Self::Partly(what) => write!(f, "scanned in part: {}", text::escape_str(what)),
            Self::DataDigest => {
                f.write_str("scanned; its holes were not hashed, so it has a data digest and no SHA-256")
            }
            Self::TimedOut { seconds, rule } => {
                write!(f, "matched but for {}, which took longer than {seconds} s", text::escape_str(rule))
            }
            Self::FileTimedOut(seconds) => {
                write!(f, "not read to its end in {seconds} s; --file-timeout gives it more")
            }
            Self::NoAnswer(seconds) => write!(f, "no answer from its file system in {seconds} s"),
            Self::Silent(others) => {
                write!(f, "not tried: its file system left {others} others without an answer")
            }
            Self::NameTooLong => f.write_str("path longer than the system takes"),
            Self::BecameLink => f.write_str("became a link while the tree was walked"),
            Self::NotAsListed { listed, is } => write!(
                f,
                "its folder lists it as a {listed}, but it is a {is}: it was exchanged just now, or the folder was tampered with"
            ),
            Self::Deleted(name) => write!(f, "scanned; it was {} (deleted)", text::escape_path(name)),
            Self::Engine(message) => write!(f, "the engine failed: {}", text::escape_str(message)),
            Self::Skipped => f.write_str("skipped by the responder"),
            Self::Older(count, since) => {
                write!(
                    f,
                    "left out by --newer: {}, neither changed nor born since {since:.0}",
                    text::counted(*count, "file")
                )
            }
            Self::NotLocal(kind) => write!(f, "left out by --local-only: a {kind} file system"),
            Self::OnlyNamed(count) => write!(f, "only {} in it, which were named", text::counted(*count, "path")),
            Self::Inside(gap) => gap.fmt(f),
            Self::NotMet => f.write_str("was named, and is not there, or is neither a file nor a folder"),
            Self::UnusedRule { rule: Some(rule), why } => {
                write!(f, "rule {} is not used: {}", text::escape_str(rule), text::escape_str(why))
            }
            Self::UnusedRule { rule: None, why } => write!(f, "rules not used: {}", text::escape_str(why)),
        }
    }
}

/// What there is to say of one kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReasonKind {
    /// Its stable short name, [`Reason::kind`].
    pub name: &'static str,
    /// Whether content that could hold a finding went unseen.
    pub gap: bool,
    /// What it means, for `huntbook help coverage`.
    pub about: &'static str,
}

const fn gap(name: &'static str, about: &'static str) -> ReasonKind {
    ReasonKind { name, gap: true, about }
}

const fn no_gap(name: &'static str, about: &'static str) -> ReasonKind {
    ReasonKind { name, gap: false, about }
}

/// Every kind of reason, gaps first.
pub(crate) const REASON_KINDS: [ReasonKind; 29] = [
    gap("permission", "opening or reading was refused"),
    gap("io-error", "the system reported another error"),
    gap("vanished", "it was listed and gone when it was opened"),
    gap("changed", "it changed while it was read: what was scanned may be neither the old nor the new content"),
    gap("not-as-listed", "its folder says that it is something else than it is; it was scanned as what it is"),
    gap("became-link", "it, or a folder above it, became a link after it was listed"),
    gap("too-large", "larger than --max-file-size, so rules that need it whole were not matched"),
    gap("scanned-in-part", "some rules or some bytes were left out; the text says which"),
    gap("timed-out", "matching took longer than --match-timeout"),
    gap("file-timed-out", "the file took longer than --file-timeout in all"),
    gap("no-answer", "its file system did not answer within --read-timeout, or had left too many others unanswered"),
    gap("name-too-long", "the path is longer than the system takes"),
    gap(
        "archive-limit",
        "an archive, or what lies in it, that met a limit; the text says which, huntbook help archives lists them",
    ),
    gap("archive-unread", "an archive, or what lies in it, that is broken or of a kind that is not read"),
    gap("encrypted", "it lies in an archive and is encrypted"),
    gap("engine-failed", "YARA-X failed on this file; the text says how"),
    gap("skipped", "the responder skipped it"),
    gap("not-met", "it was named to be scanned and is not in the tree"),
    gap(UNUSED_RULE, "a rule, or a rule file, that cannot be used: nothing was scanned with it"),
    no_gap("special-file", "a FIFO, socket or device, which is not opened"),
    no_gap("pseudo-file-system", "proc, sysfs and others that the kernel makes up; --include-pseudo enters them"),
    no_gap("other-file-system", "on another file system, with --one-file-system"),
    no_gap("not-local", "on a file system of another machine, with --local-only"),
    no_gap("older", "neither changed nor born since --newer"),
    no_gap("not-named", "not among the paths of --files-from"),
    no_gap("excluded", "a glob of --exclude covers it"),
    no_gap("own-file", "Huntbook's own: case, register, log, cache, the running program"),
    no_gap("deleted", "scanned, and no name leads to it any more: a process holds it"),
    no_gap("digest-of-data", "scanned, but with more holes than can be hashed: it has a data digest and no SHA-256"),
];

/// [`Reason::is_gap`] of the reason with this short name; one that is not known is a gap.
pub(crate) fn is_gap_kind(kind: &str) -> bool {
    REASON_KINDS.iter().find(|known| known.name == kind).is_none_or(|known| known.gap)
}

/// One thing in the tree that was not scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unscanned {
    /// The file, or the folder with everything below it.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why a worker leaves a file.
#[derive(Debug)]
pub(super) enum Leave {
    Unscanned(Reason),
    /// The scan was cancelled, or the worker was abandoned: nobody wants to hear of the file.
    Cancelled,
}

impl From<Abandoned> for Leave {
    fn from(Abandoned: Abandoned) -> Self {
        Self::Cancelled
    }
}

impl From<io::Error> for Leave {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NotRegular>());
        let reason = |NotRegular(is): &NotRegular| Reason::NotAsListed { listed: "regular file", is };
        Self::Unscanned(inner.map_or_else(|| Reason::of(&error), reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_become_the_reasons_a_responder_knows() {
        let of = |errno: rustix::io::Errno| Reason::of(&io::Error::from(errno));
        assert_eq!(of(rustix::io::Errno::ACCESS), Reason::Permission);
        assert_eq!(of(rustix::io::Errno::NOENT), Reason::Vanished);
        assert_eq!(of(rustix::io::Errno::NAMETOOLONG), Reason::NameTooLong);
        assert_eq!(of(rustix::io::Errno::LOOP), Reason::BecameLink);
        for mount in [rustix::io::Errno::IO, rustix::io::Errno::STALE, rustix::io::Errno::NOTCONN] {
            assert!(matches!(of(mount), Reason::Io(_)), "the file system failed; nobody removed the file");
        }
    }

    #[test]
    fn only_unseen_content_is_a_gap() {
        assert!(Reason::Permission.is_gap() && Reason::NoAnswer(30).is_gap() && Reason::Silent(16).is_gap());
        assert!(Reason::TooLarge { size: 2, limit: 1 }.is_gap() && Reason::FileTimedOut(1800).is_gap());
        assert!(!Reason::Special("FIFO").is_gap() && !Reason::Deleted("/tmp/x".into()).is_gap());
        assert!(Reason::not_as_listed(FileType::Symlink, FileType::RegularFile).is_gap());
        assert!(!Reason::Own.is_gap());
        assert!(!Reason::PseudoFileSystem("proc").is_gap() && !Reason::OtherFileSystem.is_gap());
        assert!(!Reason::Excluded("*.o".into()).is_gap() && is_gap_kind("of a later version"));
        assert!(Reason::Partly("2 rules".into()).is_gap() && !Reason::DataDigest.is_gap());
    }

    #[test]
    fn the_table_of_kinds_has_each_once_and_all_that_reasons_have() {
        let source = include_str!("coverage.rs");
        let kinds =
            source.split("pub fn kind(&self)").nth(1).and_then(|rest| rest.split("pub fn is_gap").next()).unwrap();
        let named = kinds.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
        let named: Vec<_> = named.chain([UNUSED_RULE]).collect();
        assert!(named.len() > 20, "{named:?}");
        for kind in &named {
            assert_eq!(REASON_KINDS.iter().filter(|known| known.name == *kind).count(), 1, "{kind}");
        }
        assert!(REASON_KINDS.iter().all(|known| named.contains(&known.name)));
    }
}
