//! From arguments to what a session starts from, for the screen and for `huntbook scan` alike.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{RuleArgs, ScanArgs};
use crate::root::Root;
use crate::sandbox;
use crate::scan::{READ_TIMEOUT, Tree};
use crate::session::{CaseFacts, RecordPlan, RuleChoice, host_name};
use crate::text;
use crate::timeout;
use crate::triage::{Actor, register};

impl RuleArgs {
    /// Which hunts and rules were asked for.
    pub fn choice(&self) -> RuleChoice {
        RuleChoice {
            no_builtin: self.no_builtin,
            hunts: self.hunts.clone(),
            rules: self.rules.clone(),
            site: self.site.clone(),
            known_good: self.known_good.clone(),
            cache: cache_folder(),
            options: self.compile.options(&self.rules),
            strict: self.strict_rules,
        }
    }
}

impl ScanArgs {
    /// Opens the tree, and says where what is found and decided there is recorded.
    ///
    /// # Errors
    /// When the tree cannot be opened, or what was asked for makes no sense on it.
    pub fn plan(&self, tree: &Path) -> anyhow::Result<(Tree, RecordPlan)> {
        let opened = Tree::open(tree)?;
        let shown = text::escape_path(tree);
        if let Some(kind) = opened.pseudo_file_system().filter(|_| !self.include_pseudo) {
            anyhow::bail!("{shown}: lies on {kind}, which the kernel makes up; --include-pseudo scans it all the same");
        }
        must_lie_in(&self.root, opened.start())?;
        self.walk().check(opened.start())?;
        if let Some(case) = &self.case {
            must_have_a_folder(case)?;
        }
        let plan = RecordPlan {
            case: self.case.clone(),
            register: self.exclusions.clone().unwrap_or_else(register::default_path),
            tree: opened.start().to_owned(),
            root: self.root.clone(),
            host: host_name(&self.root),
            actor: Actor::current(),
            reopened: false,
        };
        Ok((opened, plan))
    }

    /// Where decisions go when a case is opened again: into that case.
    pub fn reopen(&self, case: &Path, facts: CaseFacts) -> RecordPlan {
        RecordPlan {
            case: Some(case.to_owned()),
            register: self.exclusions.clone().unwrap_or_else(register::default_path),
            tree: facts.tree,
            root: self.root.clone(),
            host: facts.host,
            actor: Actor::current(),
            reopened: true,
        }
    }

    /// The options, as a case keeps them.
    pub fn record(&self) -> Value {
        let shown =
            |paths: &[PathBuf]| paths.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let command: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        json!({
            "program": concat!("huntbook ", env!("CARGO_PKG_VERSION")),
            "command": command,
            "sandbox": sandbox::in_force().to_string(),
            "root": self.root.dir().to_string_lossy(),
            "max_file_size": self.max_file_size,
            "match_timeout": self.match_timeout,
            "file_timeout": self.file_timeout,
            "read_timeout": self.read_timeout,
            "one_file_system": self.one_file_system,
            "include_pseudo": self.include_pseudo,
            "exclude": self.exclude,
            "no_builtin": self.rules.no_builtin,
            "hunts": shown(&self.rules.hunts),
            "rules": shown(&self.rules.rules),
            "define": self.rules.compile.define.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "relaxed_re_syntax": self.rules.compile.relaxed_re_syntax,
        })
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

/// Whether a new case can be made at `case`. Only the default place is made with its folders: of a place that was named,
/// a folder that is not there is a slip.
fn must_have_a_folder(case: &Path) -> anyhow::Result<()> {
    let folder = case.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    anyhow::ensure!(
        folder.is_dir(),
        "--case {}: there is no folder {}; make it, or name a file in one that is there",
        text::escape_path(case),
        text::escape_path(folder)
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

/// `huntbook/rules` in the user's cache folder (XDG Base Directory Specification).
pub(super) fn cache_folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("huntbook/rules"))
}
