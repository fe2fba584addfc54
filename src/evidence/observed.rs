//! What a probe comes back with: something found, nothing found, or not known and why.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::text;

/// The answer of a probe. "Could not look" is never told as "is not there".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// The probe looked and found this.
    Found(T),
    /// The probe looked everywhere it should and found nothing.
    NotFound,
    /// The probe could not look, or not everywhere. The reason is a phrase that is safe to show.
    Unknown(String),
}

/// Why something is not known that the Huntbook that asked the box did not ask.
pub(super) const NOT_GATHERED: &str = "the box was not asked about this when it was scanned, and cannot be asked here";

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self::Unknown(NOT_GATHERED.to_owned())
    }
}

impl<T> Observed<T> {
    /// What was found, if anything was.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(value) => Some(value),
            Self::NotFound | Self::Unknown(_) => None,
        }
    }

    /// Why nothing is known, if that is so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Unknown(reason) => Some(reason),
            Self::Found(_) | Self::NotFound => None,
        }
    }

    /// The same answer about something made from what was found.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Found(value) => Observed::Found(f(value)),
            Self::NotFound => Observed::NotFound,
            Self::Unknown(reason) => Observed::Unknown(reason),
        }
    }

    /// The same answer about a part of what was found.
    pub fn as_ref(&self) -> Observed<&T> {
        match self {
            Self::Found(value) => Observed::Found(value),
            Self::NotFound => Observed::NotFound,
            Self::Unknown(reason) => Observed::Unknown(reason.clone()),
        }
    }

    /// The answer of the next question, asked only when this one found something.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Observed<U>) -> Observed<U> {
        match self {
            Self::Found(value) => f(value),
            Self::NotFound => Observed::NotFound,
            Self::Unknown(reason) => Observed::Unknown(reason),
        }
    }
}

/// What a probe could not read, as phrases that are safe to show: `/etc/cron.d/x: permission denied`.
#[derive(Debug, Clone, Default)]
pub(super) struct Gaps {
    listed: Vec<String>,
    more: usize,
}

impl Gaps {
    /// Gaps told one by one; later ones are only counted, so that a hostile tree cannot fill the memory with them.
    const LISTED: usize = 50;

    pub(super) fn add(&mut self, gap: String) {
        if self.listed.len() < Self::LISTED {
            self.listed.push(gap);
        } else {
            self.more += 1;
        }
    }

    /// Adds what is known to be missing, if anything is.
    pub(super) fn extend(&mut self, gaps: impl IntoIterator<Item = String>) {
        for gap in gaps {
            self.add(gap);
        }
    }

    /// Records that `path` could not be read. A path that is not there leaves no gap.
    pub(super) fn add_error(&mut self, path: &Path, error: &io::Error) {
        if !is_missing(error) {
            self.add(format!("{}: {}", text::escape_path(path), reason(error)));
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.extend(other.listed.iter().cloned());
        self.more += other.more;
    }

    /// Every gap as one line each, the uncounted rest as the last.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let rest = (self.more > 0).then(|| format!("and {} more", self.more));
        self.listed.iter().cloned().chain(rest)
    }

    /// Found when there is something; otherwise not found, or unknown when not everything could be read.
    pub(super) fn settle<T>(&self, items: Vec<T>) -> Observed<Vec<T>> {
        if !items.is_empty() {
            return Observed::Found(items);
        }
        match self.listed.first() {
            None => Observed::NotFound,
            Some(first) => match self.listed.len() - 1 + self.more {
                0 => Observed::Unknown(format!("not everything could be read: {first}")),
                rest => Observed::Unknown(format!("not everything could be read: {first}, and {rest} more")),
            },
        }
    }
}

/// Whether the error only says that there is no such file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// An I/O error in a few words.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "not there".to_owned(),
        _ => error.to_string(),
    }
}

/// The answer for something that could not be read: not found when it is not there, unknown otherwise.
pub(super) fn from_error<T>(path: &Path, error: &io::Error) -> Observed<T> {
    if is_missing(error) {
        Observed::NotFound
    } else {
        Observed::Unknown(format!("{}: {}", text::escape_path(path), reason(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_with_gaps_is_unknown_and_says_where() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.settle::<u8>(vec![]), Observed::NotFound);
        gaps.add_error(Path::new("/a"), &io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(gaps.settle::<u8>(vec![]), Observed::NotFound);
        gaps.add_error(Path::new("/a\u{202e}"), &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(
            gaps.settle::<u8>(vec![]).reason(),
            Some("not everything could be read: /a\\u{202e}: permission denied")
        );
        assert_eq!(gaps.settle(vec![1]), Observed::Found(vec![1]));
    }

    #[test]
    fn gaps_are_bounded_and_counted() {
        let mut gaps = Gaps::default();
        for n in 0..1000 {
            gaps.add(n.to_string());
        }
        let mut all = Gaps::default();
        all.absorb(&gaps);
        assert_eq!(all.lines().count(), Gaps::LISTED + 1);
        assert_eq!(all.lines().last().unwrap(), "and 950 more");
    }
}
