//! What lies inside of archives, packages and compressed files: each member with its bytes, whatever it is nested in.
//!
//! Everything that is read here may have been made to harm its reader. So names are names only, nothing is written
//! anywhere, no size that a header claims is allocated, and every byte that comes out is counted against the [`Limits`].
//! Formats are known by their content. What a format's crate panics over costs that container only.
//!
//! | file | its job |
//! | --- | --- |
//! | `format.rs` | which format bytes begin with |
//! | `container.rs`, `behind.rs` | what is opened, what is not, and archives behind a program, a script or an image |
//! | `budget.rs` | the limits, and the readers that hold to them |
//! | `walk.rs`, `open.rs` | going through a container and what is nested in it |
//! | `tar.rs`, `cpio.rs`, `ar.rs`, `rpm.rs`, `zip.rs`, `zip_local.rs`, `sevenz.rs`, `compressed.rs` | a format each |
//! | `member.rs` | the bytes of one member, found again |

mod ar;
mod behind;
mod budget;
mod compressed;
mod container;
mod cpio;
mod format;
mod listing;
mod member;
mod open;
mod rpm;
mod sevenz;
mod source;
mod tar;
#[cfg(test)]
mod tests;
mod walk;
mod zip;
mod zip_local;

use std::fmt;
use std::time::Duration;

pub(crate) use budget::Budget;
pub(crate) use container::Container;
pub use format::ArchiveFormat;
pub use listing::list;
pub(crate) use member::{MAX_MEMBER, member};
pub(crate) use open::walk;
pub(crate) use source::ArchiveSource;
pub(crate) use walk::{Large, Visit};

use crate::text;

/// How much is taken out of one file of the tree, with all that is nested in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Containers in one another, the outermost counted.
    pub depth: usize,
    /// Bytes that come out of it.
    pub bytes: u64,
    /// So many times its own size, once more than [`Limits::FREE`] bytes have come out.
    pub ratio: u64,
    /// Members, nested ones counted.
    pub members: u64,
    /// Time, pauses left out.
    pub time: Duration,
    /// Bytes of members that are held at once.
    pub held: u64,
}

impl Limits {
    /// Bytes that may come out of the smallest file.
    pub const FREE: u64 = 32 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 8, bytes: 16 << 30, ratio: 200, members: 1_000_000, time: Duration::from_mins(10), held: 1 << 30 }
    }
}

/// Why something inside of a container was not seen, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveGap {
    /// It is a container in more others than are opened.
    Depth(usize),
    /// So many bytes have come out of the outermost file.
    Bytes(u64),
    /// More has come out of the outermost file than so many times its size.
    Ratio(u64),
    /// So many members have come out of it.
    Members(u64),
    /// So many seconds have gone by over it.
    Time(u64),
    /// It is larger than what may be held; both in bytes. The size is as the container says it, or `None`.
    Held(Option<u64>, u64),
    /// It is encrypted.
    Encrypted,
    /// Nothing here reads it; the text says what is missing.
    Unsupported(String),
    /// It is not as its format has it; the text says how. What could be read was.
    Broken(String),
}

impl ArchiveGap {
    /// Whether it is one of the [`Limits`].
    pub fn is_limit(&self) -> bool {
        !matches!(self, Self::Encrypted | Self::Unsupported(_) | Self::Broken(_))
    }
}

impl fmt::Display for ArchiveGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth(limit) => {
                write!(f, "not opened: it lies in {limit} others, and --archive-depth opens no more")
            }
            Self::Bytes(limit) => write!(
                f,
                "not read to its end: {} came out of the outermost file, and --archive-bytes allows no more",
                text::bytes(*limit)
            ),
            Self::Ratio(limit) => write!(
                f,
                "not read to its end: more than {limit} times the size of the outermost file came out of it, as of a bomb; \
                 --archive-ratio allows more"
            ),
            Self::Members(limit) => {
                write!(
                    f,
                    "not read to its end: {} members came out of it; --archive-members allows more",
                    text::count(*limit)
                )
            }
            Self::Time(limit) => {
                write!(f, "not read to its end in {limit} s; --archive-time gives it more")
            }
            Self::Held(Some(size), limit) => {
                write!(f, "too large: {}, the limit is {}", text::bytes(*size), text::bytes(*limit))
            }
            Self::Held(None, limit) => write!(f, "too large: more than {}", text::bytes(*limit)),
            Self::Encrypted => f.write_str("encrypted, so nobody sees what is in it without the password"),
            Self::Unsupported(what) => write!(f, "not read: {}", text::escape_str(what)),
            Self::Broken(what) => write!(f, "broken, read as far as it goes: {}", text::escape_str(what)),
        }
    }
}
