//! What a scan has found: a rule that matched a file, with the file's facts and the bytes that matched.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::subject;

mod digest;
mod said;

pub use digest::{Digest, Sha256};
pub use said::{MemberFacts, ProcessFacts, StatedFacts};

/// A point in time as `stat` gives it: seconds and nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileTime {
    /// Seconds since the epoch; negative before it.
    pub seconds: i64,
    /// Nanoseconds within the second, 0 to 999,999,999.
    pub nanos: u32,
}

impl FileTime {
    /// This time as a timestamp, `None` when it lies outside the years jiff can express.
    pub fn timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::new(self.seconds, self.nanos.try_into().ok()?).ok()
    }

    /// This time to the second, as every screen shows it; exports keep the nanoseconds.
    pub fn to_the_second(self) -> String {
        match self.timestamp() {
            Some(timestamp) => format!("{timestamp:.0}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Some(timestamp) => write!(f, "{timestamp:.9}"),
            None => write!(f, "{} s {} ns since 1970", self.seconds, self.nanos),
        }
    }
}

/// What the file system and the subject's own bytes say, taken from the descriptor that was scanned.
///
/// The subject is a file, a member of a container, or a process. Size and digest are always the subject's own; all that
/// the file system says is said of the file that it lies in, or that the process runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Path as walked, raw bytes; absolute unless the tree was given relative and could not be resolved. It may lead into
    /// the file, see [`text::subject`](crate::text::subject).
    pub path: PathBuf,
    /// Device number of the file system the file is on (`st_dev`).
    pub dev: u64,
    /// Inode number (`st_ino`).
    pub ino: u64,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Hard links (`st_nlink`).
    pub links: u64,
    /// Owner's user id.
    pub uid: u32,
    /// Owner's group id.
    pub gid: u32,
    /// The user's name in the account database of the box, if it has one.
    pub owner: Option<String>,
    /// The group's name in the account database of the box, if it has one.
    pub group: Option<String>,
    /// Length in bytes of the subject.
    pub size: u64,
    /// Last access (`st_atim`).
    pub accessed: FileTime,
    /// Last change of content (`st_mtim`).
    pub modified: FileTime,
    /// Last change of content or inode (`st_ctim`); a user cannot set it back.
    pub changed: FileTime,
    /// Birth, where the file system knows it (`stx_btime`); never 1970 for "unknown".
    pub born: Option<FileTime>,
    /// Digest of the very bytes that were scanned.
    pub digest: Digest,
    /// Whether `O_NOATIME` was granted, so that reading left the access time alone.
    pub noatime: bool,
    /// What somebody else than the file system says of the subject; `None` of a plain file.
    pub stated: Option<Arc<StatedFacts>>,
}

impl FileFacts {
    /// The file that the subject lies in, or that the process runs, as the file system knows it.
    pub fn file(&self) -> &Path {
        subject::file_of(&self.path)
    }

    /// Whether the subject is no plain file.
    pub fn is_inside(&self) -> bool {
        subject::is_inside(&self.path)
    }
}

/// One place where one pattern of a rule matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternMatch {
    /// The pattern's identifier with its `$`.
    pub pattern: Arc<str>,
    /// Offset of the first matched byte in the file.
    pub offset: u64,
    /// Matched bytes, counted.
    pub length: u64,
    /// The matched bytes themselves, at most [`PatternMatch::KEPT`] of them.
    pub data: Vec<u8>,
}

impl PatternMatch {
    /// How many of the matched bytes are kept with a finding.
    pub const KEPT: usize = 256;

    /// Offset one past the last matched byte.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// A stretch of a file as it was when it was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The bytes kept with a finding, so that a file deleted or changed since can still be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptBytes {
    /// Stretches in file order, not overlapping; the whole file when it is small.
    pub excerpts: Vec<Excerpt>,
}

impl KeptBytes {
    /// Files up to this many bytes are kept whole, unless the scan was asked to keep more or less (`--keep`).
    pub const WHOLE: u64 = 64 * 1024;
    /// Bytes kept before and after each match of a larger file.
    pub const AROUND: u64 = 512;
    /// Bytes kept of one finding at most in a file that is not kept whole.
    pub const MAX_BYTES: u64 = 256 * 1024;

    /// Takes from `file` what is worth keeping for these matches, which are in file order. Up to `whole` bytes it is kept whole.
    pub fn around(file: &[u8], matches: &[PatternMatch], whole: u64) -> Self {
        Self::gather(file.len() as u64, matches, whole, |range| {
            file.get(range.start as usize..range.end as usize).map(<[u8]>::to_vec)
        })
    }

    /// As [`KeptBytes::around`], of a file of `size` bytes that is not at hand: `read` gives the bytes of a range.
    pub fn gather(
        size: u64,
        matches: &[PatternMatch],
        whole: u64,
        mut read: impl FnMut(Range<u64>) -> Option<Vec<u8>>,
    ) -> Self {
        let most = whole.max(Self::MAX_BYTES);
        let whole = size <= whole;
        let mut ranges = Vec::from([0..if whole { size } else { size.min(Self::AROUND) }]);
        for found in matches.iter().filter(|_| !whole) {
            let start = found.offset.saturating_sub(Self::AROUND);
            let end = (found.offset + found.length.min(Self::AROUND) + Self::AROUND).min(size);
            match ranges.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => ranges.push(start..end),
            }
        }
        let mut total = 0;
        let mut excerpts = Vec::new();
        for range in ranges {
            total += range.end.saturating_sub(range.start);
            if total > most {
                break;
            }
            let offset = range.start;
            excerpts.extend(read(range).map(|bytes| Excerpt { offset, bytes }));
        }
        Self { excerpts }
    }

    /// The kept byte at `offset`, if it was kept.
    pub fn byte(&self, offset: u64) -> Option<u8> {
        let index = self.excerpts.partition_point(|e| e.offset <= offset).checked_sub(1)?;
        let excerpt = &self.excerpts[index];
        excerpt.bytes.get((offset - excerpt.offset) as usize).copied()
    }
}

/// What points out a file: a rule that matched it, or the candidate condition of the rule's hunt, which holds although the
/// rule did not match.
///
/// ```
/// use huntbook::internals::finding::{FoundBy, RuleId};
///
/// let rule = RuleId { namespace: "builtin".into(), name: "EQGRP_tinyexec".into() };
/// let candidate = FoundBy::Candidate(rule.clone());
/// assert_eq!(candidate.rule(), &rule);
/// assert_eq!(candidate.name(), "candidate:EQGRP_tinyexec");
/// assert_eq!(FoundBy::named(rule.namespace.clone(), &candidate.name()), candidate);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FoundBy {
    /// This rule.
    Rule(RuleId),
    /// The candidate condition of this rule's hunt.
    Candidate(RuleId),
}

impl FoundBy {
    /// What stands before the rule's name in the name of a candidate condition. No YARA identifier has a colon in it.
    pub const CANDIDATE_PREFIX: &str = "candidate:";

    /// What is meant by a name, as [`FoundBy::name`] gives it, in a namespace.
    pub fn named(namespace: Arc<str>, name: &str) -> Self {
        let id = |name: &str| RuleId { namespace, name: name.into() };
        match name.strip_prefix(Self::CANDIDATE_PREFIX) {
            Some(rule) => Self::Candidate(id(rule)),
            None => Self::Rule(id(name)),
        }
    }

    /// The rule, or the rule of the hunt.
    pub fn rule(&self) -> &RuleId {
        match self {
            Self::Rule(rule) | Self::Candidate(rule) => rule,
        }
    }

    /// Whether it is a candidate condition.
    pub fn is_candidate(&self) -> bool {
        matches!(self, Self::Candidate(_))
    }

    /// The name under which the register and the case know it: the rule's, or `candidate:` and the rule's.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Rule(rule) => Cow::Borrowed(&rule.name),
            Self::Candidate(rule) => Cow::Owned(format!("{}{}", Self::CANDIDATE_PREFIX, rule.name)),
        }
    }
}

impl fmt::Display for FoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// One rule that matched one file, or one file that the candidate condition of a rule's hunt points out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, or the candidate condition.
    pub found_by: FoundBy,
    /// The file's facts, shared by all findings in the same file.
    pub file: Arc<FileFacts>,
    /// Every place a pattern of the rule matched, in file order; none of a candidate.
    pub matches: Vec<PatternMatch>,
    /// Whether a pattern met the cap on matches, so that there are more than are listed.
    pub capped: bool,
    /// The bytes around the matches as they were scanned.
    pub kept: Arc<KeptBytes>,
}

/// A rule's name and the namespace it was compiled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId {
    /// Namespace: `builtin` for the built-in hunts, otherwise made from the file the rule came from.
    pub namespace: Arc<str>,
    /// The rule's identifier.
    pub name: Arc<str>,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(offset: u64, length: u64) -> PatternMatch {
        PatternMatch { pattern: "$a".into(), offset, length, data: Vec::new() }
    }

    #[test]
    fn small_files_are_kept_whole_and_large_ones_around_their_matches() {
        let small = vec![7; 100];
        assert_eq!(KeptBytes::around(&small, &[found(10, 4)], KeptBytes::WHOLE).excerpts.len(), 1);
        let mut large = vec![0; 1 << 20];
        large[500_000] = 9;
        let places = [found(500_000, 1), found(500_100, 4), found((1 << 20) - 4, 4)];
        let kept = KeptBytes::around(&large, &places, KeptBytes::WHOLE);
        assert_eq!(kept.byte(500_000), Some(9));
        assert_eq!(kept.byte(0), Some(0));
        assert_eq!(kept.byte(250_000), None);
        assert_eq!(kept.byte((1 << 20) - 1), Some(0));
        assert_eq!(kept.byte(1 << 20), None);
        assert_eq!(kept.excerpts.len(), 3);
        let whole = KeptBytes::around(&large, &places, 1 << 20);
        assert_eq!((whole.excerpts.len(), whole.byte(250_000)), (1, Some(0)));
        assert_eq!(KeptBytes::around(&small, &[], 0).excerpts[0].bytes.len(), 100, "the beginning");
    }
}
