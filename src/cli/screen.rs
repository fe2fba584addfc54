//! `huntbook TREE`: the screen.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{ScanArgs, ScreenArgs};
use super::{INCOMPLETE, OPEN};
use crate::session::{CaseFacts, host_name};
use crate::text;
use crate::theme::{self, Depth};
use crate::tui::config::Config;
use crate::tui::state::alarm::Bell;
use crate::tui::{self, Manner, Session, Start, Themes};

/// Opens the screen on `tree`.
pub(super) fn run(tree: &Path, scan: &ScanArgs, screen: &ScreenArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        io::stdout().is_terminal() && io::stdin().is_terminal(),
        "the screen needs a terminal; without one use: huntbook scan TREE"
    );
    let (tree, plan) = match CaseFacts::of(tree)? {
        Some(facts) => (None, scan.reopen(tree, facts)),
        None => scan.plan(tree).map(|(tree, plan)| (Some(tree), plan))?,
    };
    let themes = Themes { folder: themes_folder(), depth: Depth::detect(&|name| std::env::var_os(name)) };
    let config = config()?;
    let choice = screen.theme.as_deref().or(config.theme.as_deref()).unwrap_or(theme::DEFAULT);
    let theme = theme::load(choice, themes.folder.as_deref(), themes.depth)?;
    let start = Start {
        tree: text::escape_path(&plan.tree).into_owned(),
        other_box: tree.is_none() && plan.host != host_name(&plan.root),
        actor: plan.actor.clone(),
        host: plan.host.clone(),
        theme,
        keymap: config.keymap,
        // A case that is opened again is read, not scanned: there is nothing to wait for.
        bell: if tree.is_some() { config.bell } else { Bell::Never },
    };
    let manner = Manner {
        start,
        mouse: config.mouse.unwrap_or(true) && !screen.no_mouse,
        progress: tree.is_some() && config.progress.applies(&|name| std::env::var_os(name)),
        themes,
    };
    let session = Session {
        tree,
        choice: scan.rules.choice(),
        plan,
        options: scan.options(Vec::new(), true),
        record: scan.record(),
    };
    let ended = tui::run(session, manner)?;
    if let Some(why) = ended.fatal {
        anyhow::bail!(why);
    }
    let standing = ended.counts.open + ended.counts.suspicious + ended.counts.malicious;
    Ok(ExitCode::from(match (standing, ended.covered) {
        (1.., _) => OPEN,
        (0, false) => INCOMPLETE,
        (0, true) => 0,
    }))
}

/// The person's `config.toml`.
fn config() -> anyhow::Result<Config> {
    let Some(folder) = config_folder() else { return Ok(Config::default()) };
    let load = Config::load(&folder.join("config.toml"));
    load.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })
}

/// Where a person's own themes are.
fn themes_folder() -> Option<PathBuf> {
    Some(config_folder()?.join("themes"))
}

/// `huntbook` in the user's configuration folder (XDG Base Directory Specification).
fn config_folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(config.join("huntbook"))
}
