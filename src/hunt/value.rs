//! A value as it was seen on the box, in the type that its field has.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;
use serde::ser::{Serialize, Serializer};

use super::field::ValueKind;
use crate::finding::Sha256;

/// One value of a [`Field`](super::Field). Shown, it reads as hunts write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A name, an account, a group, a package, a command. Bytes that are not UTF-8 stand as `\x..`.
    Text(String),
    /// An absolute path. Bytes that are not UTF-8 stand as `\x..`.
    Path(PathBuf),
    /// Permission bits.
    Mode(u32),
    /// A point in time with the box's own offset.
    Time(BoxTime),
    /// A digest.
    Sha256(Sha256),
    /// Whether the content is what the package shipped.
    PackageState(PackageState),
    /// A port.
    Port(u16),
    /// A number of minutes.
    Minutes(u32),
    /// An address; one that is IPv4 within IPv6 counts as IPv4 when it is compared.
    Address(IpAddr),
}

/// A point in time, to the second, and what the box's clocks were ahead of UTC by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoxTime {
    at: Timestamp,
    offset: Offset,
}

/// The content of a file against the digest that its package recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageState {
    /// As the package shipped it.
    Unchanged,
    /// Not as the package shipped it.
    Changed,
}

impl Value {
    /// What a hunt names as one value of this kind; `None` when it is none. Of times it names daily windows instead.
    pub(super) fn parse(kind: ValueKind, text: &str) -> Option<Self> {
        match kind {
            ValueKind::Path => {
                let trimmed = text.trim_end_matches('/');
                let good = text.starts_with('/') && !trimmed.split('/').any(|part| matches!(part, "." | ".."));
                good.then(|| Self::Path(if trimmed.is_empty() { "/".into() } else { trimmed.into() }))
            }
            ValueKind::Name if text.contains('/') => None,
            ValueKind::Name | ValueKind::Account | ValueKind::Group | ValueKind::Package | ValueKind::Text => {
                Some(Self::Text(text.to_owned()))
            }
            ValueKind::Mode => {
                let octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
                u32::from_str_radix(text, 8).ok().filter(|_| octal).map(Self::Mode)
            }
            ValueKind::Time | ValueKind::Minutes => None,
            ValueKind::Word(words) => words.contains(&text).then(|| Self::Text(text.to_owned())),
            ValueKind::Sha256 => text.parse().ok().map(Self::Sha256),
            ValueKind::PackageState => {
                let known = [PackageState::Unchanged, PackageState::Changed];
                known.into_iter().find(|state| state.word() == text).map(Self::PackageState)
            }
            ValueKind::Port => text.parse().ok().map(Self::Port),
            ValueKind::Address => text.parse().ok().map(|address: IpAddr| Self::Address(address.to_canonical())),
        }
    }
}

impl BoxTime {
    /// `at` without the part of a second.
    pub fn new(at: Timestamp, offset: Offset) -> Self {
        let second = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
        Self { at: Timestamp::from_second(second).unwrap_or(at), offset }
    }

    /// The point in time, without the box's offset.
    pub fn timestamp(self) -> Timestamp {
        self.at
    }

    /// The time of day on the box.
    pub fn time_of_day(self) -> Time {
        self.offset.to_datetime(self.at).time()
    }
}

impl PackageState {
    fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path(path) => path.display().fmt(f),
            Self::Mode(mode) => write!(f, "{:04o}", mode & 0o7777),
            // RFC 3339.
            Self::Time(time) => write!(f, "{:.0}", time.at.display_with_offset(time.offset)),
            Self::Sha256(digest) => digest.fmt(f),
            Self::PackageState(state) => f.write_str(state.word()),
            Self::Port(port) => port.fmt(f),
            Self::Minutes(minutes) => write!(f, "{minutes} min"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Serialize for Value {
    /// As in a hunt's TOML: a port as a number, all else as text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Port(port) => serializer.serialize_u16(*port),
            other => serializer.collect_str(other),
        }
    }
}
