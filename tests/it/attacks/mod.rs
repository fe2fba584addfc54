//! Attacks: each test builds the hostile tree, image, case or file system itself and holds the real binary against it. What
//! only root can build is skipped elsewhere, and says so. One module per subject.

mod fuse;
mod hang;
mod image;
mod no_openat2;
mod own_files;
mod process;
mod rules;
mod sandbox;
mod terminal;
mod tree;

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

/// How long any attack may hold Huntbook up: its own limits are shorter, the machine may be slow.
const LIMIT: Duration = Duration::from_mins(2);

/// What a run of the binary came to.
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The lines of NDJSON output of this kind.
    pub fn documents(&self, kind: &str) -> Vec<Value> {
        let lines = self.out.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|document: &Value| document["huntbook"]["kind"] == kind).collect()
    }
}

/// The binary with these arguments, at home in `home`, which lies beside the tree. It is ended after [`LIMIT`].
pub fn huntbook(home: &Path, args: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").timeout(LIMIT);
    command.args(args.iter().map(AsRef::as_ref));
    command
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Whether this is root with the tools that an attack needs; says so when the attack is skipped.
pub fn can_build(attack: &str, tools: &[&str]) -> bool {
    let is_there =
        |tool: &str| std::env::split_paths("/usr/sbin:/usr/bin:/sbin:/bin").any(|dir| dir.join(tool).is_file());
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: {attack} (only root can build it)");
        return false;
    }
    if let Some(tool) = tools.iter().find(|tool| !is_there(tool)) {
        eprintln!("skipped: {attack} ({tool} is not there)");
        return false;
    }
    true
}
