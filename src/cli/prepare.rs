//! From arguments to what a session starts from, for the screen and for `huntbook scan` alike.

use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::args::ScanArgs;
use super::rule_args::must_lie_in;
use crate::case;
use crate::finding::Sha256;
use crate::sandbox;
use crate::scan::{Only, Tree};
use crate::session::{self, CaseFacts, RecordPlan, host_name};
use crate::text;
use crate::triage::{Actor, register};

/// Bytes of a list of paths at most.
const MAX_LIST_BYTES: u64 = 1 << 30;

impl ScanArgs {
    /// The tree to scan of the paths that were named and that `list` names. Of several it is the folder that all are in, and
    /// nothing else of it is scanned.
    ///
    /// # Errors
    /// The list cannot be read, or names nothing.
    pub fn tree_of(&mut self, mut paths: Vec<PathBuf>, list: Option<&Path>, null: bool) -> anyhow::Result<PathBuf> {
        if let (None, [path]) = (list, paths.as_slice()) {
            return Ok(path.clone());
        }
        if let Some(list) = list {
            let named = Only::parse(&read_list(list)?, null);
            anyhow::ensure!(!named.is_empty(), "{}: names no path", text::escape_path(list));
            paths.extend(named);
        }
        let only = Only::new(paths);
        let mut tree = only.tree().unwrap_or_else(|| PathBuf::from("/"));
        // Of what is not there, coverage tells.
        while !tree.exists() && tree.pop() {}
        if !only.paths().eq([tree.as_path()]) {
            self.only = Some(Arc::new(only));
        }
        Ok(tree)
    }

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
            case: self.case.clone().or_else(|| self.case_of_paths(opened.start())),
            register: self.exclusions.clone().or_else(register::default_path),
            tree: opened.start().to_owned(),
            root: self.root.clone(),
            host: host_name(&self.root),
            actor: Actor::current(),
            reopened: false,
        };
        Ok((opened, plan))
    }

    /// What to say of a tree that looks like the root of another system when no `--root` was given; safe text.
    pub fn root_hint(&self, tree: &Path) -> Option<String> {
        let is_there = |name: &&str| crate::root::named(&tree.join(name)).is_ok_and(|found| found.metadata.is_dir());
        if !self.root.is_live() || tree == Path::new("/") || !["etc", "usr", "var"].iter().all(is_there) {
            return None;
        }
        let shown = text::shell_word(tree);
        Some(format!(
            "{} looks like the root of a system: --root {shown} takes paths, accounts, packages and schedules from it",
            text::escape_path(tree)
        ))
    }

    /// The default case of the paths that were named: a scan of some of a tree is no scan of all of it.
    fn case_of_paths(&self, tree: &Path) -> Option<PathBuf> {
        let only = self.only.as_ref()?;
        let mut paths = Vec::new();
        only.paths().for_each(|path| paths.extend_from_slice(&[path.as_os_str().as_bytes(), b"\0"].concat()));
        let name = format!("{} {}", text::counted(only.paths().count() as u64, "path"), Sha256::of(&paths));
        case::default_path(|name| std::env::var_os(name), &host_name(&self.root), &tree.join(name))
    }

    /// Where decisions go when a case is opened again: into that case.
    pub fn reopen(&self, case: &Path, facts: CaseFacts) -> RecordPlan {
        RecordPlan {
            case: Some(case.to_owned()),
            register: self.exclusions.clone().or_else(register::default_path),
            tree: facts.tree,
            root: self.root.clone(),
            host: facts.host,
            actor: Actor::current(),
            reopened: true,
        }
    }

    /// The options of a scan of `tree`, as a case keeps them.
    pub fn record(&self, tree: &Path) -> Value {
        let shown =
            |paths: &[PathBuf]| paths.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let (processes, is_live) = (self.processes.options(), self.root.is_live());
        let command: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        json!({
            "command": command,
            "sandbox": sandbox::in_force().to_string(),
            "root": self.root.dir().to_string_lossy(),
            "max_file_size": self.max_file_size,
            "keep": self.keep,
            "archives": !self.archives.no_archives,
            "processes": processes.looks_at_executables(tree, is_live),
            "memory": processes.memory && is_live,
            "match_timeout": self.match_timeout,
            "file_timeout": self.file_timeout,
            "read_timeout": self.read_timeout,
            "one_file_system": self.one_file_system,
            "include_pseudo": self.include_pseudo,
            "exclude": self.exclude,
            "local_only": self.local_only,
            "newer": self.newer.map(|since| since.to_string()),
            "only": self.only.iter().flat_map(|only| only.paths()).map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
            "no_builtin": self.rules.no_builtin,
            "hunts": shown(&self.rules.hunts),
            "rules": shown(&self.rules.rules),
            "define": self.rules.compile.define.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "relaxed_re_syntax": self.rules.compile.relaxed_re_syntax,
            "site": self.rules.site.as_deref().map(session::named_file),
            "evidence": self.asking(false).is_some(),
        })
    }
}

/// The bytes of a list of paths; `-` is standard input.
fn read_list(list: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = text::escape_path(list);
    let mut bytes = Vec::new();
    let from: Box<dyn io::Read> = match list.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(std::fs::File::open(list).with_context(|| format!("--files-from {shown}"))?),
    };
    from.take(MAX_LIST_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("--files-from {shown}"))?;
    let most = text::bytes(MAX_LIST_BYTES);
    anyhow::ensure!(bytes.len() as u64 <= MAX_LIST_BYTES, "--files-from {shown}: is larger than {most}");
    Ok(bytes)
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
