//! Small texts that several probes share: paths, modes and times as a person reads them, and how they are serialised.

use std::path::{Path, PathBuf};

use serde::Serializer;

use crate::finding::FileTime;
use crate::text;

/// Permission bits in octal, without the type: `0644`, `4755`.
pub(super) fn mode(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

/// A time to the second.
pub(super) fn time(time: FileTime) -> String {
    match time.timestamp() {
        Some(timestamp) => format!("{timestamp:.0}"),
        None => time.to_string(),
    }
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

/// A path as text that is safe to show, for `serialize_with`.
pub(super) fn serialize_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::escape(path.as_os_str().as_encoded_bytes()))
}

/// What serde hands to a `serialize_with` function for a field that may be unknown.
pub(super) trait AsRefOption<T> {
    /// The value, if it is known.
    fn as_option(&self) -> Option<&T>;
}

impl<T> AsRefOption<T> for Option<T> {
    fn as_option(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// A path that may be unknown, an `Option<PathBuf>`, for `serialize_with`.
pub(super) fn serialize_maybe_path<T: AsRefOption<PathBuf>, S: Serializer>(
    path: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path.as_option() {
        Some(path) => serialize_path(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// A time with nanoseconds, for `serialize_with`.
pub(super) fn serialize_time<S: Serializer>(time: &FileTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// A time that may be unknown, an `Option<FileTime>`, for `serialize_with`.
pub(super) fn serialize_maybe_time<T: AsRefOption<FileTime>, S: Serializer>(
    time: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time.as_option() {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
