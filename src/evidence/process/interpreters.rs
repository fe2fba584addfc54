//! Interpreters under another name: a copy of the shell that is called `snort` runs scripts as the shell does.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::names;
use crate::root::{self, Root};

/// Folders whose interpreters are known, and those that processes are held against.
const FOLDERS: [&str; 3] = ["/bin", "/usr/bin", "/usr/local/bin"];
/// Interpreters that are known.
const MAX_KNOWN: usize = 200;
/// Bytes of the longest that is compared.
const MAX_BYTES: u64 = 64 << 20;

/// The interpreters of this machine.
#[derive(Debug, Default)]
pub(super) struct Interpreters {
    /// Each with its length; empty until somebody asks.
    known: Option<Vec<(u64, PathBuf)>>,
    /// Names of those that executables are, by device and inode.
    told: HashMap<(u64, u64), Option<String>>,
}

impl Interpreters {
    /// The name of the interpreter that the executable of the process in this folder of `/proc` holds the same bytes as.
    pub(super) fn same_as(&mut self, process: &Path) -> Option<String> {
        let located = root::named(&process.join("exe")).ok()?;
        let is = &located.metadata;
        let key = (is.dev(), is.ino());
        if let Some(told) = self.told.get(&key) {
            return told.clone();
        }
        let known = self.known.get_or_insert_with(all).iter().filter(|(length, _)| *length == is.len());
        let same = |path: &&PathBuf| is_same(path, || Ok(located.open_now()?.file)).unwrap_or(false);
        let found = known.map(|(_, path)| path).find(same);
        let name = found.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        self.told.insert(key, name.clone());
        name
    }
}

/// The interpreters in the folders.
fn all() -> Vec<(u64, PathBuf)> {
    let root = Root::live();
    let mut known = Vec::new();
    for folder in FOLDERS.map(Path::new) {
        let names = root.folder(folder).and_then(|open| open.names()).map(|(names, _)| names).unwrap_or_default();
        for path in names.into_iter().filter(|name| names::is_interpreter(&name.to_string_lossy())) {
            let Ok(located) = root.locate(&folder.join(path), true) else { continue };
            if located.metadata.is_file() && located.metadata.len() <= MAX_BYTES && known.len() < MAX_KNOWN {
                known.push((located.metadata.len(), located.path));
            }
        }
    }
    known
}

fn is_same(known: &Path, open: impl FnOnce() -> io::Result<std::fs::File>) -> io::Result<bool> {
    let mut one = Root::live().locate(known, true)?.open()?.take(MAX_BYTES);
    let mut other = open()?.take(MAX_BYTES);
    let (mut here, mut there) = (Vec::new(), Vec::new());
    loop {
        here.clear();
        there.clear();
        one.by_ref().take(256 * 1024).read_to_end(&mut here)?;
        other.by_ref().take(256 * 1024).read_to_end(&mut there)?;
        if here != there {
            return Ok(false);
        }
        if here.is_empty() {
            return Ok(true);
        }
    }
}
