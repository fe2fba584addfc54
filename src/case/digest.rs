//! One way to take the digest of a row, so that an edited row can be told.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sha2::Digest as _;

use crate::finding::{Digest, Sha256};

/// A SHA-256 over fields, each preceded by its length, so that no two lists of fields share their bytes.
///
/// A text or blob is its length in bytes as 8 big-endian bytes, then the bytes. A number is 8 big-endian bytes, preceded
/// by the length 8. A field that is absent is the length 2^64 - 1 and nothing more. The first field is the name of
/// what is digested.
pub(super) struct DigestFields(sha2::Sha256);

impl DigestFields {
    pub(super) fn of(what: &str) -> Self {
        Self(sha2::Sha256::new()).text(what)
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn path(self, path: &Path) -> Self {
        self.bytes(path.as_os_str().as_bytes())
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn digest(self, digest: Sha256) -> Self {
        self.bytes(&digest.0)
    }

    /// The digest of a file's content, as the case stores it.
    pub(super) fn content(self, digest: Digest) -> Self {
        match digest {
            Digest::Whole(sha256) => self.digest(sha256),
            Digest::DataOnly(value) => self.bytes(&data_only(value)),
        }
    }

    /// The field `add` writes for a value, or the mark of an absent one.
    pub(super) fn maybe<T>(mut self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        if let Some(value) = value {
            return add(self, value);
        }
        self.0.update(u64::MAX.to_be_bytes());
        self
    }

    pub(super) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// What a stored data digest begins with.
const DATA_ONLY: u8 = b'd';

/// A data digest as it is stored: 33 bytes, which are never equal to the 32 of a SHA-256.
fn data_only(Sha256(value): Sha256) -> [u8; 33] {
    let mut stored = [DATA_ONLY; 33];
    stored[1..].copy_from_slice(&value);
    stored
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Whole(sha256) => sha256.0.to_vec().into(),
            Self::DataOnly(value) => data_only(*value).to_vec().into(),
        })
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let stored = value.as_blob()?;
        match (stored.len(), stored.split_first()) {
            (33, Some((&DATA_ONLY, value))) => value.try_into().map(|value| Self::DataOnly(Sha256(value))).ok(),
            _ => stored.try_into().map(|value| Self::Whole(Sha256(value))).ok(),
        }
        .ok_or(FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: stored.len() })
    }
}
