//! A file's digests against the one a package recorded.

use std::path::Path;

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256 as Sha2};

use super::super::blocks;
use super::super::observed::reason;
use crate::finding::{Digest, Sha256};
use crate::root::Root;

/// Files over this many bytes are not compared.
const MAX_BYTES: u64 = 4 << 30;

/// A file's content against what its package shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentCheck {
    /// The digests agree.
    AsShipped,
    /// The digests differ.
    Changed,
    /// They could not be compared; a phrase that says why.
    NotCompared(String),
}

/// What a package recorded of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shipped {
    Md5([u8; 16]),
    Sha256(Sha256),
    Sha1([u8; 20]),
    /// Nothing that can be compared; a phrase that says why.
    Unusable(String),
}

impl Shipped {
    /// Reads a digest of as many hex digits as the MD5 or SHA-256 has.
    pub(super) fn from_hex(digits: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        if digits.len() == 64 {
            return digits.parse().ok().map(Self::Sha256);
        }
        let value = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
        Some(Self::Md5(value.to_be_bytes()))
    }

    /// Compares with the file at `path` as it is now, or not at all when that is no longer what was scanned.
    pub(super) fn compare(&self, root: &Root, path: &Path, scanned: Option<Digest>) -> ContentCheck {
        if let Self::Unusable(reason) = self {
            return ContentCheck::NotCompared(reason.clone());
        }
        // Whether it is still what was scanned could not be told, however long its holes were read.
        if let Some(Digest::DataOnly(_)) = scanned {
            return ContentCheck::NotCompared(format!("it has a data digest, {}", Digest::NO_SHA256));
        }
        let (md5, sha1, sha256) = match digests(root, path) {
            Ok(digests) => digests,
            Err(reason) => return ContentCheck::NotCompared(reason),
        };
        if scanned.is_some_and(|scanned| scanned != Digest::Whole(sha256)) {
            return ContentCheck::NotCompared("the file has changed since it was scanned".to_owned());
        }
        let same = match self {
            Self::Md5(shipped) => *shipped == md5,
            Self::Sha256(shipped) => *shipped == sha256,
            Self::Sha1(shipped) => *shipped == sha1,
            Self::Unusable(_) => false,
        };
        if same { ContentCheck::AsShipped } else { ContentCheck::Changed }
    }
}

fn digests(root: &Root, path: &Path) -> Result<([u8; 16], [u8; 20], Sha256), String> {
    let located = root.locate(path, false).map_err(|error| reason(&error))?;
    if located.metadata.len() > MAX_BYTES {
        return Err("the file is over 4 GiB".to_owned());
    }
    let file = located.open().map_err(|error| reason(&error))?;
    let (mut md5, mut sha1, mut sha256) = (Md5::new(), Sha1::new(), Sha2::new());
    let each = |block: &[u8]| {
        md5.update(block);
        sha1.update(block);
        sha256.update(block);
    };
    blocks::each(file, MAX_BYTES, each).map_err(|error| reason(&error))?;
    Ok((md5.finalize().into(), sha1.finalize().into(), Sha256(sha256.finalize().into())))
}
