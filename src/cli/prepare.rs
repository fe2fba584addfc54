//! From arguments to what a session starts from, for the screen and for `huntbook scan` alike.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{RuleArgs, ScanArgs};
use crate::scan::{Tree, TreeError};
use crate::session::{CaseFacts, RecordPlan, RuleChoice, host_name};
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
        }
    }
}

impl ScanArgs {
    /// Opens the tree, and says where what is found and decided there is recorded.
    ///
    /// # Errors
    /// When the tree cannot be opened.
    pub fn plan(&self, tree: &Path) -> Result<(Tree, RecordPlan), TreeError> {
        let opened = Tree::open(tree)?;
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
        json!({
            "root": self.root.to_string_lossy(),
            "max_file_size": self.max_file_size,
            "match_timeout": self.match_timeout,
            "one_file_system": self.one_file_system,
            "include_pseudo": self.include_pseudo,
            "exclude": self.exclude,
            "no_builtin": self.rules.no_builtin,
            "hunts": shown(&self.rules.hunts),
            "rules": shown(&self.rules.rules),
        })
    }
}

/// `huntbook/rules` in the user's cache folder (XDG Base Directory Specification).
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("huntbook/rules"))
}
