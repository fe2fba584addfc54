//! What one content is told from another by.

use std::fmt;
use std::str::FromStr;

use crate::text;

/// A SHA-256 digest. Written and parsed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The first eight hex digits, enough to tell digests apart on a screen.
    pub fn short(&self) -> String {
        text::hex(&self.0[..4])
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 hex digits; this is not: {0}")]
pub struct NotSha256(pub String);

impl FromStr for Sha256 {
    type Err = NotSha256;

    fn from_str(digits: &str) -> Result<Self, NotSha256> {
        let mut digest = [0; 32];
        if !text::from_hex_into(digits.as_bytes(), &mut digest) {
            return Err(NotSha256(text::escape_str(digits).into_owned()));
        }
        Ok(Self(digest))
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A digest of nothing that is known, for facts that are yet to be filled in.
impl Default for Digest {
    fn default() -> Self {
        Self::Whole(Sha256([0; 32]))
    }
}

/// What a scan tells a file's content from another by.
///
/// The two kinds are never equal, whatever their bytes: a file can be made whose SHA-256 is the data digest of another.
/// In JSON it is one key with 64 hex digits, `sha256` or `data_digest`.
///
/// ```
/// use huntbook::internals::finding::{Digest, Sha256};
///
/// let content = Sha256::of(b"abc");
/// let (whole, data) = (Digest::Whole(content), Digest::DataOnly(content));
/// assert_ne!(whole, data);
/// assert_eq!(whole.sha256(), Some(content));
/// assert_eq!(data.sha256(), None, "no hash list may be asked for it");
/// assert!(data.to_string().starts_with("data:"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Digest {
    /// SHA-256 of the whole content, as every tool computes it.
    #[serde(rename = "sha256")]
    Whole(Sha256),
    /// Digest of the data of a sparse file and their places; no tool but Huntbook computes it, and the file's SHA-256 is
    /// not known.
    ///
    /// It is the SHA-256 of a heading, the size, and of each stretch of data its offset, its length and its bytes: as hard
    /// to forge as the other. The same content may have another one where its holes are stored in another way.
    #[serde(rename = "data_digest")]
    DataOnly(Sha256),
}

impl Digest {
    /// Said wherever a data digest is shown.
    pub const NO_SHA256: &str = "not the file's SHA-256, which is not known: its holes were not hashed";

    /// The file's SHA-256, where it is known; what hash lists and other tools may be asked for.
    pub fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::Whole(sha256) => Some(*sha256),
            Self::DataOnly(_) => None,
        }
    }

    /// The data digest, where that stands for the file's SHA-256.
    pub fn data_digest(&self) -> Option<Sha256> {
        match self {
            Self::Whole(_) => None,
            Self::DataOnly(digest) => Some(*digest),
        }
    }

    /// Whether the two are of one kind, so that they differ if and only if what they are of does.
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.sha256().is_some() == other.sha256().is_some()
    }

    /// The first eight hex digits, enough to tell digests apart on a screen; of data, marked as that.
    pub fn short(&self) -> String {
        match self {
            Self::Whole(sha256) => sha256.short(),
            Self::DataOnly(digest) => format!("data:{}", digest.short()),
        }
    }

    /// Its name and its value for people to read: a value that is no SHA-256 says so.
    pub fn labelled(&self) -> (&'static str, String) {
        match self {
            Self::Whole(sha256) => ("sha256", sha256.to_string()),
            Self::DataOnly(_) => ("digest", format!("{self} ({})", Self::NO_SHA256)),
        }
    }
}

impl From<Sha256> for Digest {
    fn from(sha256: Sha256) -> Self {
        Self::Whole(sha256)
    }
}

/// 64 hex digits; those of a data digest stand behind `data:`, so that nobody takes them for a SHA-256.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(sha256) => sha256.fmt(f),
            Self::DataOnly(digest) => write!(f, "data:{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_parse_what_they_print() {
        let digest = Sha256::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        assert!("12".parse::<Sha256>().is_err());
        assert!("+1".repeat(32).parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }

    #[test]
    fn a_data_digest_is_no_sha256_wherever_it_is_written() {
        let sha256 = Sha256::of(b"abc");
        let (whole, data) = (Digest::Whole(sha256), Digest::DataOnly(sha256));
        assert_ne!(whole, data);
        assert!(whole.is_comparable(&Sha256::of(b"x").into()) && !whole.is_comparable(&data));
        assert_eq!((whole.sha256(), whole.data_digest()), (Some(sha256), None));
        assert_eq!((data.sha256(), data.data_digest()), (None, Some(sha256)));
        assert_eq!(whole.to_string(), sha256.to_string());
        assert!(data.to_string().parse::<Sha256>().is_err() && data.short().parse::<u32>().is_err());
        let (name, value) = data.labelled();
        assert!(!name.contains("sha") && value.ends_with(&format!("({})", Digest::NO_SHA256)), "{name} {value}");
        for digest in [whole, data] {
            let json = serde_json::to_value(digest).unwrap();
            assert_eq!(json.get("sha256").is_some(), digest == whole);
            assert_eq!(serde_json::from_value::<Digest>(json).unwrap(), digest);
        }
    }
}
