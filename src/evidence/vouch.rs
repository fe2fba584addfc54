//! Whether the names of a process are more than a claim: its executable is a package's, with the content that it shipped.
//!
//! Anybody can name a process `snort`. What a package vouches for is the name of the executable, and that of a script
//! which is a package's too.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::observed::Observed;
use super::package::{ContentCheck, PackageOwner, Packages};
use super::process::{Ancestor, Process, ProcessIndex, program_name};
use crate::root::Root;
use crate::text;

/// Processes whose executables are compared; a library may be in use by thousands.
const MAX_PROCESSES: usize = 64;

/// Asks the packages about the executables of processes, each once.
pub(super) struct Vouching<'a> {
    pub(super) root: &'a Root,
    pub(super) packages: &'a Packages,
    pub(super) index: &'a ProcessIndex,
    known: HashMap<PathBuf, Observed<PackageOwner>>,
}

impl<'a> Vouching<'a> {
    pub(super) fn new(root: &'a Root, packages: &'a Packages, index: &'a ProcessIndex) -> Self {
        Self { root, packages, index, known: HashMap::new() }
    }

    /// Fills in what the packages vouch for, of the processes that execute the file.
    pub(super) fn all(&mut self, processes: &mut [Process]) {
        for process in processes.iter_mut().filter(|process| process.runs_it()).take(MAX_PROCESSES) {
            process.package = self.executable(process.pid, process.executable.as_deref());
            process.vouched = vouched(&process.package, process.executable.as_deref(), &process.names);
            let scripts = self.scripts(process);
            process.vouched.extend(scripts);
            for Ancestor { pid, names, executable, vouched: by, .. } in &mut process.parents {
                let package = self.executable(*pid, executable.as_deref());
                *by = vouched(&package, executable.as_deref(), names);
            }
        }
    }

    /// The package of an executable that is the very file at its path on the box.
    fn executable(&mut self, pid: u32, executable: Option<&Path>) -> Observed<PackageOwner> {
        let Some(executable) = executable else {
            return Observed::Unknown("its executable could not be read".to_owned());
        };
        let Some(path) = self.root.on_box(executable) else { return Observed::NotFound };
        let Ok(located) = self.root.locate(&path, true) else { return Observed::NotFound };
        if !self.index.executable_is(pid, located.metadata.dev(), located.metadata.ino()) {
            return Observed::NotFound;
        }
        let packages = self.packages;
        self.known.entry(located.path).or_insert_with_key(|path| packages.owner(path, None)).clone()
    }

    /// Names of the packaged scripts that a packaged interpreter runs.
    fn scripts(&mut self, process: &Process) -> Vec<String> {
        if process.vouched.is_empty() {
            return Vec::new();
        }
        let mut names = Vec::new();
        for script in &process.scripts {
            let Some(path) = self.root.on_box(script) else { continue };
            let Ok(located) = self.root.locate(&path, true) else { continue };
            let packages = self.packages;
            let owner = self.known.entry(located.path).or_insert_with_key(|path| packages.owner(path, None));
            let name = script.file_name().map(|name| text::escape(name.as_encoded_bytes()).into_owned());
            if is_as_shipped(owner) {
                names.extend(name);
            }
        }
        names
    }
}

fn is_as_shipped(owner: &Observed<PackageOwner>) -> bool {
    owner.found().is_some_and(|owner| owner.installed && owner.content == ContentCheck::AsShipped)
}

/// Those of a process's names that its executable has.
fn vouched(package: &Observed<PackageOwner>, executable: Option<&Path>, names: &[String]) -> Vec<String> {
    let Some(program) = executable.map(program_name).filter(|_| is_as_shipped(package)) else { return Vec::new() };
    let program = text::escape_str(&program).into_owned();
    names.iter().filter(|name| **name == program).cloned().collect()
}
