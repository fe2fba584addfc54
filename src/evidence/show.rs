//! Small texts that several probes share: modes and times as a person reads them, and how paths and times are kept in a case.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::finding::FileTime;
use crate::text;

/// Permission bits in octal, without the type: `0644`, `4755`.
pub(super) fn mode(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

/// A time to the second.
pub(super) fn time(time: FileTime) -> String {
    time.to_the_second()
}

/// Who, besides the owner, the permission bits let write.
pub(super) fn writers(mode: u32, group: &str) -> Vec<String> {
    let mut writers = Vec::new();
    if mode & 0o020 != 0 {
        writers.push(format!("group {group}"));
    }
    if mode & 0o002 != 0 {
        writers.push("everyone".to_owned());
    }
    writers
}

/// How a path is kept in a case: as text where text is all of it and safe to show, otherwise its bytes in hex, so that what is
/// read back is the very path.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum KeptPath {
    Text(String),
    Bytes { hex: String },
}

impl From<&Path> for KeptPath {
    fn from(path: &Path) -> Self {
        match path.to_str().filter(|name| text::escape_str(name) == *name) {
            Some(name) => Self::Text(name.to_owned()),
            None => Self::Bytes { hex: text::hex(path.as_os_str().as_encoded_bytes()) },
        }
    }
}

impl KeptPath {
    fn into_path<E: serde::de::Error>(self) -> Result<PathBuf, E> {
        match self {
            Self::Text(name) => Ok(name.into()),
            Self::Bytes { hex } => {
                let bytes = text::from_hex(hex.as_bytes()).ok_or_else(|| E::custom("a path is not in hex"))?;
                Ok(OsString::from_vec(bytes).into())
            }
        }
    }
}

/// A path as it is kept in a case, for `with`.
pub(super) mod kept_path {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::KeptPath;

    pub(in crate::evidence) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        KeptPath::from(path).serialize(serializer)
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        KeptPath::deserialize(deserializer)?.into_path()
    }
}

/// A path that may be unknown as it is kept in a case, for `with`.
pub(super) mod kept_maybe_path {
    use std::path::PathBuf;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{AsRefOption, KeptPath};

    pub(in crate::evidence) fn serialize<T: AsRefOption<PathBuf>, S: Serializer>(
        path: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_option().map(|path| KeptPath::from(path.as_path())).serialize(serializer)
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Option::<KeptPath>::deserialize(deserializer)?.map(KeptPath::into_path).transpose()
    }
}

/// What serde hands to a `serialize` function for a field that may be unknown.
pub(super) trait AsRefOption<T> {
    /// The value, if it is known.
    fn as_option(&self) -> Option<&T>;
}

impl<T> AsRefOption<T> for Option<T> {
    fn as_option(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// A time as it is kept in a case, seconds and nanoseconds since 1970, for `with`.
pub(super) mod kept_time {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::finding::FileTime;

    pub(in crate::evidence) fn serialize<S: Serializer>(time: &FileTime, serializer: S) -> Result<S::Ok, S::Error> {
        (time.seconds, time.nanos).serialize(serializer)
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileTime, D::Error> {
        let (seconds, nanos) = <_>::deserialize(deserializer)?;
        Ok(FileTime { seconds, nanos })
    }
}

/// A time that may be unknown as it is kept in a case, for `with`.
pub(super) mod kept_maybe_time {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::AsRefOption;
    use crate::finding::FileTime;

    pub(in crate::evidence) fn serialize<T: AsRefOption<FileTime>, S: Serializer>(
        time: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.as_option().map(|time| (time.seconds, time.nanos)).serialize(serializer)
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<FileTime>, D::Error> {
        let kept: Option<(i64, _)> = <_>::deserialize(deserializer)?;
        Ok(kept.map(|(seconds, nanos)| FileTime { seconds, nanos }))
    }
}
