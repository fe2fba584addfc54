//! Where something is: URIs of files, the list of artifacts, regions in bytes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::words::literal;
use crate::finding::{Digest, PatternMatch};
use crate::text::subject;

/// The name that stands for the scanned tree in `uriBaseId`.
const TREE: &str = "TREE";

/// The files that are named, each listed once.
#[derive(Debug, Default)]
pub(super) struct SarifArtifacts {
    tree: Option<PathBuf>,
    artifacts: Vec<Artifact>,
    index: HashMap<(Arc<Path>, Option<Digest>), usize>,
}

/// A file with its digest and, where it is known, its length in bytes.
#[derive(Debug)]
struct Artifact {
    path: Arc<Path>,
    /// `None` of a container that is listed for what is in it.
    digest: Option<Digest>,
    size: Option<u64>,
    /// The index of the container that it lies in (3.24.3).
    parent: Option<usize>,
}

impl SarifArtifacts {
    /// Files below `tree` are named relative to it.
    pub(super) fn below(tree: &Path) -> Self {
        Self { tree: tree.is_absolute().then(|| tree.to_owned()), ..Self::default() }
    }

    /// `originalUriBaseIds`: where relative URIs begin.
    pub(super) fn bases(&self) -> Value {
        match &self.tree {
            Some(tree) => {
                let mut base = uri(tree);
                if !base.ends_with('/') {
                    base.push('/');
                }
                json!({TREE: {"uri": base}})
            }
            None => json!({}),
        }
    }

    /// The artifact location of `path`. What lies in a container is named from its top, as in the standard's own example
    /// of nested artifacts (3.24.2).
    pub(super) fn uri(&self, path: &Path) -> Value {
        if let Some(member) = subject::members(path).last() {
            let name = Path::new(OsStr::from_bytes(member));
            return json!({"uri": format!("/{}", encode(name.strip_prefix("/").unwrap_or(name)))});
        }
        let path = subject::file_of(path);
        let below = self.tree.as_ref().and_then(|tree| path.strip_prefix(tree).ok());
        match below.filter(|below| !below.as_os_str().is_empty()) {
            Some(below) => json!({"uri": encode(below), "uriBaseId": TREE}),
            None => json!({"uri": uri(path)}),
        }
    }

    /// Lists a file with its digest and, where it is known, its length in bytes.
    pub(super) fn artifact(&mut self, path: &Path, digest: &Digest, size: Option<u64>) -> ListedFile {
        let mut location = self.uri(path);
        location["index"] = self.listed(path, Some(*digest), size).into();
        ListedFile { location }
    }

    /// The index of an artifact; the containers that it lies in are listed before it.
    fn listed(&mut self, path: &Path, digest: Option<Digest>, size: Option<u64>) -> usize {
        let path: Arc<Path> = path.into();
        if let Some(index) = self.index.get(&(Arc::clone(&path), digest)) {
            return *index;
        }
        let parent = subject::container(&path).map(|container| self.listed(container, None, None));
        let index = self.artifacts.len();
        self.artifacts.push(Artifact { path: Arc::clone(&path), digest, size, parent });
        self.index.insert((path, digest), index);
        index
    }

    /// `artifacts`.
    pub(super) fn artifacts(&self) -> impl Iterator<Item = Value> {
        self.artifacts.iter().map(|Artifact { path, digest, size, parent }| {
            let mut artifact = json!({"location": self.uri(path)});
            // `hashes` is for what other tools compute too (3.24.11).
            match digest {
                Some(Digest::Whole(sha256)) => artifact["hashes"] = json!({"sha-256": sha256}),
                Some(Digest::DataOnly(value)) => artifact["properties"] = json!({"huntbook.dataDigest": value}),
                None => {}
            }
            if let Some(parent) = parent {
                artifact["parentIndex"] = (*parent).into();
            }
            if let Some(size) = size {
                artifact["length"] = (*size).into();
            }
            artifact
        })
    }
}

/// A listed file.
pub(super) struct ListedFile {
    location: Value,
}

impl ListedFile {
    /// The file, or the region of it that matched.
    pub(super) fn location(&self, region: Option<(Value, String)>) -> Value {
        let mut physical = json!({"artifactLocation": self.location});
        match region {
            None => json!({"physicalLocation": physical}),
            Some((region, pattern)) => {
                physical["region"] = region;
                json!({"physicalLocation": physical, "message": {"text": pattern}})
            }
        }
    }
}

/// The bytes of a match, offset and length counted in bytes, and the pattern's identifier.
pub(super) fn region(found: &PatternMatch) -> (Value, String) {
    (json!({"byteOffset": found.offset, "byteLength": found.length}), literal(&found.pattern))
}

/// A `file` URI (RFC 8089); a relative reference where the path is relative.
fn uri(path: &Path) -> String {
    if path.is_absolute() { format!("file://{}", encode(path)) } else { encode(path) }
}

/// Every byte that is not unreserved (RFC 3986, 2.3) is percent-encoded, so a path that is not UTF-8 is exact.
fn encode(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(*byte)),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Sha256;

    #[test]
    fn uris_are_exact_and_plain() {
        assert_eq!(uri(Path::new("/opt/a b\"<\u{1b}")), "file:///opt/a%20b%22%3C%1B");
        assert_eq!(uri(Path::new(OsStr::from_bytes(b"/caf\xe9"))), "file:///caf%E9");
        assert_eq!(uri(Path::new("http://x")), "http%3A//x", "a relative path is no scheme or host");
    }

    #[test]
    fn files_of_the_tree_are_relative_to_it() {
        let places = SarifArtifacts::below(Path::new("/srv/a b"));
        assert_eq!(places.bases(), json!({"TREE": {"uri": "file:///srv/a%20b/"}}));
        assert_eq!(places.uri(Path::new("/srv/a b/c:d")), json!({"uri": "c%3Ad", "uriBaseId": "TREE"}));
        assert_eq!(places.uri(Path::new("/srv/a b")), json!({"uri": "file:///srv/a%20b"}), "a tree of one file");
        assert_eq!(places.uri(Path::new("/srv/a bc")), json!({"uri": "file:///srv/a%20bc"}));
        assert_eq!(SarifArtifacts::below(Path::new("/")).bases(), json!({"TREE": {"uri": "file:///"}}));
    }

    #[test]
    fn what_lies_in_a_container_refers_to_it() {
        let mut places = SarifArtifacts::below(Path::new("/srv"));
        let digest = Sha256::of(b"a").into();
        let member = |path: &Path, name: &'static [u8]| {
            subject::inside(path, &subject::Inside::Member { name: name.into(), nth: 1 })
        };
        let inner = member(&member(Path::new("/srv/a.zip"), b"b.tar"), b"/c d");
        assert_eq!(places.artifact(&inner, &digest, Some(1)).location["index"], 2);
        assert_eq!(places.artifact(&inner, &digest, Some(1)).location["index"], 2, "once is enough");
        let listed: Vec<_> = places.artifacts().collect();
        assert_eq!(listed[0], json!({"location": {"uri": "a.zip", "uriBaseId": "TREE"}}));
        assert_eq!(listed[1], json!({"location": {"uri": "/b.tar"}, "parentIndex": 0}));
        assert_eq!((&listed[2]["location"], &listed[2]["parentIndex"]), (&json!({"uri": "/c%20d"}), &json!(1)));
    }

    #[test]
    fn one_file_is_one_artifact() {
        let mut places = SarifArtifacts::default();
        let [a, b] = [b"a", b"b"].map(|content| Digest::from(Sha256::of(content)));
        for digest in [a, a, b] {
            places.artifact(Path::new("/x"), &digest, Some(1));
        }
        assert_eq!(places.artifacts().count(), 2);
    }
}
