//! `huntbook deploy`: what other engines need to carry the program to many boxes. Nothing is sent from here.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::output::Output;
use crate::{print, text};

/// For which engine.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Write an Ansible playbook and role: copy the program, scan, fetch case and lines, clean up.
    Ansible {
        /// The folder that they are written to; it is made if it is not there.
        dir: PathBuf,
        /// Replace the files that are there.
        #[arg(long)]
        force: bool,
    },
    /// Write a client artifact for Velociraptor.
    Velociraptor {
        /// The file that it is written to.
        file: PathBuf,
        /// Replace FILE if it is there.
        #[arg(long)]
        force: bool,
    },
}

/// Where each file of the playbook lies in its folder, and what it is.
const ANSIBLE: [(&str, &str); 9] = [
    ("huntbook.yml", include_str!("ansible/playbook.yml")),
    ("roles/huntbook/defaults/main.yml", include_str!("ansible/defaults.yml")),
    ("roles/huntbook/files/run.sh", include_str!("ansible/run.sh")),
    ("roles/huntbook/tasks/main.yml", include_str!("ansible/main.yml")),
    ("roles/huntbook/tasks/copy.yml", include_str!("ansible/copy.yml")),
    ("roles/huntbook/tasks/scan.yml", include_str!("ansible/scan.yml")),
    ("roles/huntbook/tasks/fetch.yml", include_str!("ansible/fetch.yml")),
    ("roles/huntbook/tasks/keep.yml", include_str!("ansible/keep.yml")),
    ("roles/huntbook/tasks/sum_up.yml", include_str!("ansible/sum_up.yml")),
];
const VELOCIRAPTOR: &str = include_str!("velociraptor.yaml");

impl DeployCommand {
    /// The file or folder that is written.
    pub(super) fn target(&self) -> &Path {
        match self {
            Self::Ansible { dir, .. } => dir,
            Self::Velociraptor { file, .. } => file,
        }
    }
}

pub(super) fn run(command: &DeployCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeployCommand::Ansible { dir, force } => ansible(dir, *force)?,
        DeployCommand::Velociraptor { file, force } => {
            write(file, VELOCIRAPTOR, *force)?;
            let shown = text::escape_path(file);
            writeln!(
                print::stdout(),
                "{shown} is written: upload it to the server, and the static program as the tool Huntbook.\n\
                 huntbook help fleet says more."
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ansible(dir: &Path, force: bool) -> anyhow::Result<()> {
    let paths = || ANSIBLE.iter().map(|(name, content)| (dir.join(name), *content));
    // Said before anything is written, so that a folder holds one version or another.
    let there = paths().find(|(path, _)| !force && std::fs::symlink_metadata(path).is_ok());
    if let Some((path, _)) = there {
        anyhow::bail!("{} is there already; --force replaces it", text::escape_path(&path));
    }
    for (path, content) in paths() {
        let folder = path.parent().unwrap_or(dir);
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.with_context(|| format!("cannot make {}", text::escape_path(folder)))?;
        write(&path, content, force)?;
    }
    let (shown, program) = (text::escape_path(dir), dir.join("huntbook"));
    let program = text::escape_path(&program);
    writeln!(
        print::stdout(),
        "{shown} holds huntbook.yml and its role. Put the static program at {program}, look through\n\
         roles/huntbook/defaults/main.yml, and run: ansible-playbook -i INVENTORY huntbook.yml\n\
         huntbook help fleet says more."
    )?;
    Ok(())
}

fn write(path: &Path, content: &str, force: bool) -> anyhow::Result<()> {
    let content = content.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    let output = Output { output: Some(path.to_owned()), force };
    output.write_with(|out| Ok(out.write_all(content.as_bytes())?))
}
