//! Arguments that several commands share: which rules there are, and which box they are looked up on.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::hunt::file_types::FileTypes;
use crate::hunt::{Define, RuleOptions};
use crate::root::Root;
use crate::scan::READ_TIMEOUT;
use crate::session::RuleChoice;
use crate::storage::{self, Base};
use crate::text;
use crate::timeout;

/// How rules are compiled.
#[derive(Debug, Clone, Default, Args)]
pub struct CompileArgs {
    /// A value for an external variable that rules name. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub define: Vec<Define>,
    /// Take regular expressions that YARA takes and YARA-X does not, as `yr` does with the same flag.
    #[arg(long, alias = "relaxed-re")]
    pub relaxed_re_syntax: bool,
}

impl CompileArgs {
    /// The same, as the loader of these `rules` wants it.
    pub fn options(&self, rules: &[PathBuf]) -> RuleOptions {
        RuleOptions {
            defines: self.define.clone(),
            relaxed_re_syntax: self.relaxed_re_syntax,
            file_types: FileTypes::beside(rules),
        }
    }
}

/// What hunts are checked against.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckArgs {
    /// Site facts whose sets the checks may name.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// How rules are compiled.
    #[command(flatten)]
    pub compile: CompileArgs,
}

/// Which rules there are.
#[derive(Debug, Clone, Default, Args)]
pub struct RuleArgs {
    /// Hunts of your own: a folder of NAME.yar files with a NAME.toml beside each. May be repeated.
    #[arg(long, value_name = "DIR")]
    pub hunts: Vec<PathBuf>,
    /// A plain YARA file, or a folder of .yar and .yara files; they get generic scenarios. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Leave out the five built-in hunts.
    #[arg(long)]
    pub no_builtin: bool,
    /// How rules are compiled.
    #[command(flatten)]
    pub compile: CompileArgs,
    /// Refuse rule files that hold anything that cannot be used; without this it is left out, and coverage lists it.
    #[arg(long)]
    pub strict_rules: bool,
    /// Facts about this site: accounts, networks and tools that the scenarios' checks name.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Hashes of content known to be good, as sha256sum, hashdeep, NSRL RDS text and Loki (hash;comment) list them. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub known_good: Vec<PathBuf>,
}

impl RuleArgs {
    /// Which hunts and rules were asked for.
    pub fn choice(&self) -> RuleChoice {
        RuleChoice {
            no_builtin: self.no_builtin,
            hunts: self.hunts.clone(),
            rules: self.rules.clone(),
            site: self.site.clone(),
            known_good: self.known_good.clone(),
            cache: Base::Cache.folder(storage::env).map(|folder| folder.join("rules")),
            options: self.compile.options(&self.rules),
            strict: self.strict_rules,
        }
    }
}

/// Whether a file or folder belongs to the box whose root is `root`; both absolute and free of links.
///
/// # Errors
/// When it lies elsewhere: what is said of it would be looked up on the wrong box.
pub(super) fn must_lie_in(root: &Root, path: &Path) -> anyhow::Result<()> {
    let (shown, within) = (text::escape_path(path), text::escape_path(root.dir()));
    anyhow::ensure!(
        path.starts_with(root.dir()),
        "{shown}: does not lie in --root {within}; name something in it, or the root of the box that it is part of"
    );
    Ok(())
}

/// The box whose root is a folder that a person named.
///
/// # Errors
/// What is wrong with it, in words that stand behind its name.
pub(super) fn box_at(dir: PathBuf) -> Result<Root, String> {
    let opened = timeout::run(READ_TIMEOUT, move || Root::open(&dir)).map_err(|why| why.to_string())?;
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => {
            "is no folder; give the folder that the box's file system is mounted on".to_owned()
        }
        _ => error.to_string(),
    })
}
