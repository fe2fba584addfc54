//! Which Huntbook this is: what it was built from and how, and the very file that runs.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};

use serde_json::{Map, Value};
use sha2::Digest as _;

use crate::finding::Sha256;
use crate::hunt::{ENGINE, builtin};
use crate::timeout;

/// Name and version.
pub(crate) const NAME: &str = concat!("huntbook ", env!("CARGO_PKG_VERSION"));
/// Version alone.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A larger executable is one for debugging, whose digest nobody compares, in bytes.
const LARGEST: u64 = 64 << 20;

/// The commit it is built from, in full; `None` where that was not known, or for debugging.
pub(crate) fn commit() -> Option<&'static str> {
    Some(env!("HUNTBOOK_COMMIT")).filter(|commit| !commit.is_empty())
}

/// Profile, target, and whether the C library is part of it.
pub(crate) fn build() -> String {
    let linked = if cfg!(target_feature = "crt-static") { "static" } else { "dynamic" };
    format!("{}, {}, {linked}", env!("HUNTBOOK_PROFILE"), env!("HUNTBOOK_TARGET"))
}

/// All of it but the executable's digest, in one line.
pub(crate) fn line() -> String {
    let commit = commit().map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("{NAME}{commit}, {}, {ENGINE}", build())
}

/// The names of [`facts`].
pub(crate) const NAMES: [&str; 6] = ["program", "commit", "build", "engine", "builtin_hunts", "executable_sha256"];

/// All of it under the names that cases, reports and `huntbook version` use. Waits for the executable's digest.
pub(crate) fn facts() -> Vec<(&'static str, String)> {
    let unknown = || "not recorded".to_owned();
    let values = [
        NAME.to_owned(),
        commit().map_or_else(unknown, str::to_owned),
        build(),
        ENGINE.to_owned(),
        builtin::digest().to_string(),
        executable().map_or_else(|why| format!("not known: {why}"), |digest| digest.to_string()),
    ];
    NAMES.into_iter().zip(values).collect()
}

/// [`facts`] as a JSON object.
pub(crate) fn document() -> Map<String, Value> {
    facts().into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

type Answer = Result<Sha256, String>;

/// The digest once it is known.
static DIGEST: OnceLock<Answer> = OnceLock::new();

/// Begins to read the executable, for an [`executable`] that need not wait.
pub(crate) fn read_ahead() -> ReadAhead {
    let (done, digest) = mpsc::sync_channel(1);
    let _ = timeout::spawn("digest", move || {
        let _ = done.send(digest_of_executable());
    });
    ReadAhead(digest)
}

/// A digest that is being made.
#[derive(Debug)]
pub(crate) struct ReadAhead(Receiver<Answer>);

impl ReadAhead {
    /// Waits for it.
    pub(crate) fn wait(self) {
        if let Ok(answer) = self.0.recv() {
            let _ = DIGEST.set(answer);
        }
    }
}

/// The SHA-256 of the running executable, or why it is not known.
pub(crate) fn executable() -> Answer {
    DIGEST.get_or_init(digest_of_executable).clone()
}

fn digest_of_executable() -> Answer {
    let opened = running().map_err(|error| error.to_string())?;
    let size = opened.metadata().map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("{size} bytes are more than a release has"));
    }
    let mut hasher = sha2::Sha256::new();
    let mut opened = opened.take(LARGEST);
    let mut piece = vec![0; 256 * 1024];
    loop {
        match opened.read(&mut piece) {
            Ok(0) => return Ok(Sha256(hasher.finalize().into())),
            Ok(length) => hasher.update(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The file that runs, by the kernel's link to it; without `/proc` by the name under which it was started (`AT_EXECFN` of
/// `getauxval(3)`).
fn running() -> io::Result<File> {
    File::open("/proc/self/exe").or_else(|_| {
        let name = rustix::param::linux_execfn();
        File::open(std::ffi::OsStr::from_bytes(name.to_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_name_what_it_was_built_from_and_the_file_that_runs() {
        let document = document();
        assert_eq!(document["program"], NAME);
        assert!(document["build"].as_str().unwrap().contains("linux"), "{document:?}");
        assert_eq!(document["builtin_hunts"].as_str().unwrap().len(), 64);
        let size = std::fs::metadata("/proc/self/exe").map_or(0, |facts| facts.len());
        let digest = document["executable_sha256"].as_str().unwrap();
        assert_eq!(digest.len() == 64, size <= LARGEST && size > 0, "{digest}");
    }

    #[test]
    fn the_pinned_engine_is_the_one_of_the_manifest() {
        let manifest = include_str!("../Cargo.toml");
        let version = ENGINE.strip_prefix("yara-x ").unwrap();
        assert!(manifest.contains(&format!("yara-x = {{ version = \"={version}\"")));
        assert!(manifest.contains(&format!("yara-x-parser = \"={version}\"")));
    }
}
