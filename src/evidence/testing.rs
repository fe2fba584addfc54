//! Made-up boxes for the tests of this room and of those that weigh its evidence.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha1::{Digest as _, Sha1};

use crate::finding::{FileFacts, Sha256};
use crate::root::{Attributes, Root};

/// A folder with these files in it, as the root of an image.
pub(crate) fn scratch(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        put(dir.path(), path, content.as_bytes());
    }
    let root = Root::image(dir.path());
    (dir, root)
}

/// Writes one file and the folders above it.
pub(crate) fn put(dir: &Path, path: &str, content: &[u8]) {
    let path = dir.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// The facts a scan would take of a file of this machine.
pub(crate) fn facts(path: &Path) -> FileFacts {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let now = Attributes::of(&metadata);
    FileFacts {
        path: path.to_owned(),
        dev: now.dev,
        ino: now.ino,
        mode: now.mode,
        links: metadata.nlink(),
        uid: now.uid,
        gid: now.gid,
        owner: None,
        group: None,
        size: now.size,
        accessed: now.accessed,
        modified: now.modified,
        changed: now.changed,
        born: now.born,
        digest: Sha256::of(&std::fs::read(path).unwrap()).into(),
        noatime: true,
        stated: None,
    }
}

/// A git index of version 2 with one entry, as git writes it.
pub(crate) fn git_index(path: &str, content: &[u8]) -> Vec<u8> {
    let mut sha1 = Sha1::new();
    sha1.update(format!("blob {}\0", content.len()).as_bytes());
    sha1.update(content);
    let mut bytes = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
    bytes.extend([0; 40]);
    bytes.extend(sha1.finalize());
    bytes.extend((path.len() as u16).to_be_bytes());
    bytes.extend(path.as_bytes());
    let padding = 8 - (62 + path.len()) % 8;
    bytes.extend(vec![0; padding]);
    bytes.extend([0; 20]);
    bytes
}
