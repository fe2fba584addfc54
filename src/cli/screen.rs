//! `huntbook [TREE]`: the screen.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::args::{ScanArgs, ScreenArgs};
use super::exit::{INCOMPLETE, OPEN};
use super::rule_args::box_at;
use super::{confine, limits};
use crate::case::{self, Case};
use crate::print;
use crate::scan::Tree;
use crate::session::many::{ManyCases, case_files, is_folder_of_cases};
use crate::session::{CaseFacts, HostIdentity, RecordPlan, StartedAs, host_name, identity};
use crate::storage::{self, Base};
use crate::text;
use crate::theme::{self, ColorDepth, Theme};
use crate::triage::{Actor, register};
use crate::tui::backend::place_probe::{OpenTarget, Trial, Tried};
use crate::tui::config::Config;
use crate::tui::keymap::Keymap;
use crate::tui::state::bell::Bell;
use crate::tui::state::chooser::Outset;
use crate::tui::{self, Chosen, Counts, Session, Start, TerminalSession, Themes, UiOptions};

/// Opens the screen on `tree`; without one the responder chooses first.
pub(super) fn run(named: &[PathBuf], scan: &ScanArgs, screen: &ScreenArgs) -> anyhow::Result<ExitCode> {
    limits::check()?;
    let many = many_cases(named)?;
    let tree = named.first().filter(|_| many.is_none()).map(PathBuf::as_path);
    // What is wrong with the tree is said before all else.
    let prepared = tree.map(|tree| scan.prepare(tree).map(|plan| (tree, plan))).transpose()?;
    anyhow::ensure!(
        print::is_on_a_terminal(),
        match (tree, &many) {
            (_, Some(_)) => "the screen needs a terminal; without one use: huntbook report CASE …",
            (Some(_), None) => "the screen needs a terminal; without one use: huntbook scan TREE",
            (None, None) =>
                "name the folder or file to scan: huntbook scan TREE; choosing it on the screen needs a terminal",
        }
    );
    let term = std::env::var("TERM").unwrap_or_default();
    anyhow::ensure!(
        can_be_drawn_on(&term),
        "{}, and cannot be drawn on; use: huntbook scan TREE, or set TERM to what the terminal is",
        if term.is_empty() {
            "TERM is not set, so the terminal is unknown".to_owned()
        } else {
            format!("the terminal says TERM={term}")
        }
    );
    let themes = Themes {
        folder: themes_folder(),
        config: config_file(),
        depth: ColorDepth::detect(&|name| std::env::var_os(name)),
    };
    let config = config()?;
    let choice = screen.theme.as_deref().or(config.theme.as_deref()).unwrap_or(theme::DEFAULT);
    let theme = theme::load(choice, themes.folder.as_deref(), themes.depth)?;
    let mouse = config.mouse.unwrap_or(true) && !screen.no_mouse;
    let signs = config.signs.signs(&|name| std::env::var_os(name));
    // A tree that looks like the root of another system is asked about first: which box is asked depends on it.
    let is_root =
        |plan: &(Option<Tree>, RecordPlan)| plan.0.as_ref().is_some_and(|tree| scan.root_hint(tree.start()).is_some());
    let (prepared, asked) = match prepared {
        Some((tree, plan)) if is_root(&plan) => (None, Some(OpenTarget::from(tree))),
        prepared => (prepared, None),
    };
    let (front, chosen, scan, plan) = match (prepared, &many) {
        (Some((tree, plan)), _) => {
            confine::writing(&confine::of_session(scan, &plan.1));
            (
                TerminalSession::open(mouse, signs)?,
                Chosen { place: tree.into(), theme, keymap: config.keymap },
                scan.clone(),
                plan,
            )
        }
        (None, Some(cases)) => {
            let plan = scan.plan_of_many();
            confine::writing(&confine::of_many(scan, &plan, cases));
            let chosen = Chosen { place: plan.tree.as_path().into(), theme, keymap: config.keymap };
            (TerminalSession::open(mouse, signs)?, chosen, scan.clone(), (None, plan))
        }
        (None, None) => {
            let mut front = TerminalSession::open(mouse, signs)?;
            let outset = scan.outset(theme, config.keymap);
            let cases = case::default_folder(storage::env);
            let Some(chosen) = tui::choose(&mut front, outset, cases, scan.trial(), &themes, asked)? else {
                return Ok(ExitCode::SUCCESS);
            };
            let scan = scan.started_as(&chosen.place.started)?;
            let plan = scan.prepare(&chosen.place.path)?;
            confine::writing(&confine::of_session(&scan, &plan.1));
            (front, chosen, scan, plan)
        }
    };
    let (tree, plan) = plan;
    let other_box = match &many {
        Some(_) => Some("these are cases of many boxes".to_owned()),
        None => other_box(tree.is_none(), &plan)?,
    };
    let shown = match &many {
        Some(cases) => {
            let (all, boxes) = (cases.cases.len() as u64, text::counted(cases.boxes.into(), "box"));
            let unread = match cases.unread.len() {
                0 => String::new(),
                unread => format!(", {} more without a scan", text::count(unread as u64)),
            };
            format!("{} of {boxes}{unread}", text::counted(all, "case"))
        }
        None => text::escape_path(&plan.tree).into_owned(),
    };
    let start = Start {
        tree: shown,
        other_box: other_box.clone(),
        actor: plan.actor.clone(),
        host: plan.host.clone(),
        theme: chosen.theme,
        keymap: chosen.keymap,
        // A case that is opened again is read, not scanned: there is nothing to wait for.
        now: jiff::Timestamp::now(),
        bell: if tree.is_some() { config.bell } else { Bell::Never },
        panes: config.panes,
    };
    let manner = UiOptions {
        start,
        progress: tree.is_some() && config.progress.applies(&|name| std::env::var_os(name)),
        themes,
    };
    let record = scan.record(tree.as_ref().map_or(Path::new(""), Tree::start));
    let session = Session {
        tree,
        choice: scan.rules.choice(),
        plan,
        options: scan.options(Vec::new(), true),
        record,
        asking: scan.asking(false),
        other_box,
        many,
    };
    let ended = tui::run(front, session, manner)?;
    if let Some(why) = ended.fatal {
        anyhow::bail!(why);
    }
    if let Some(why) = ended.unsaved {
        print::say(format_args!("what this session found and decided was kept in memory only: {why}"));
    }
    if !ended.case.as_os_str().is_empty() {
        let Counts { open, malicious, suspicious, .. } = ended.counts;
        let case = text::shell_word(&ended.case);
        let said = format!("{open} open, {suspicious} suspicious, {malicious} malicious in {case}");
        writeln!(print::stdout(), "{said}\nreport: huntbook report {case}")?;
    }
    let standing = ended.counts.open + ended.counts.suspicious + ended.counts.malicious;
    Ok(ExitCode::from(match (standing, ended.covered) {
        (1.., _) => OPEN,
        (0, false) => INCOMPLETE,
        (0, true) => 0,
    }))
}

/// The cases that were named, when they are several or in a folder of nothing else; `None` for a tree or one case.
fn many_cases(named: &[PathBuf]) -> anyhow::Result<Option<ManyCases>> {
    match named {
        [] => return Ok(None),
        [one] if !is_folder_of_cases(one) => return Ok(None),
        _ => {}
    }
    let files = case_files(named).map_err(|error| {
        error.context("the screen opens one tree, or cases; for several trees use: huntbook scan TREE …")
    })?;
    ManyCases::open(&files).map(Some)
}

/// Why the case that is opened again is not known to be of this box, if it is not.
fn other_box(reopened: bool, plan: &RecordPlan) -> anyhow::Result<Option<String>> {
    let Some(case) = plan.case.as_deref().filter(|_| reopened) else { return Ok(None) };
    let of_case = HostIdentity::of_case(&Case::open_read_only(case)?.host()?);
    Ok(of_case.differs_from(&identity(&plan.root, &host_name(&plan.root))))
}

/// Whether the cursor of such a terminal can be moved: `dumb` and its kind are terminfo's names for those that only add
/// lines, and editors name their shells so.
fn can_be_drawn_on(term: &str) -> bool {
    !matches!(term, "" | "dumb" | "unknown" | "emacs" | "lpr" | "printer" | "glasstty" | "network" | "dialup")
}

impl ScanArgs {
    /// Opens `path`: a tree to scan, or a case to open again instead of one.
    fn prepare(&self, path: &Path) -> anyhow::Result<(Option<Tree>, RecordPlan)> {
        Ok(match CaseFacts::of(path)? {
            Some(facts) => (None, self.reopen(path, facts)),
            None => self.plan(path).map(|(tree, plan)| (Some(tree), plan))?,
        })
    }

    /// Prepares what is chosen on the screen once before it is taken: what is wrong with it does not end the program.
    fn trial(&self) -> Trial {
        let scan = self.clone();
        Arc::new(move |place| {
            let scan = scan.started_as(&place.started).map_err(|error| error.to_string())?;
            let (tree, _) = scan.prepare(&place.path).map_err(|error| error.to_string())?;
            let is_root = tree.is_some_and(|tree| scan.root_hint(tree.start()).is_some());
            Ok(if is_root { Tried::LooksLikeRoot } else { Tried::Ready })
        })
    }

    /// These arguments with what a scan was started with before, as far as they do not say otherwise.
    fn started_as(&self, before: &StartedAs) -> anyhow::Result<Self> {
        let mut scan = self.clone();
        if let Some(root) = before.root.as_ref().filter(|_| self.root.is_live()) {
            let shown = text::escape_path(root).into_owned();
            scan.root = box_at(root.clone()).map_err(|why| anyhow::anyhow!("--root {shown}: {why}"))?;
        }
        let rules = &self.rules;
        if rules.hunts.is_empty() && rules.rules.is_empty() && !rules.no_builtin {
            scan.rules.hunts.clone_from(&before.hunts);
            scan.rules.rules.clone_from(&before.rules);
            scan.rules.no_builtin = before.no_builtin;
        }
        Ok(scan)
    }

    /// Who decides over many cases, and where exclusions go.
    fn plan_of_many(&self) -> RecordPlan {
        RecordPlan {
            case: None,
            register: self.exclusions.clone().or_else(register::default_path),
            tree: PathBuf::from("/"),
            root: self.root.clone(),
            host: host_name(&self.root),
            actor: Actor::current(),
            reopened: true,
        }
    }

    /// Where choosing a tree begins: in the image if there is one, else in the folder that Huntbook was started in.
    fn outset(&self, theme: Theme, keymap: Keymap) -> Outset {
        let image = (!self.root.is_live()).then(|| self.root.dir().to_owned());
        let folder = image.or_else(|| std::env::current_dir().ok());
        let host = host_name(&self.root);
        Outset {
            identity: identity(&self.root, &host),
            host,
            folder: folder.unwrap_or_else(|| PathBuf::from("/")),
            home: std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()),
            theme,
            keymap,
        }
    }
}

/// The person's `config.toml`.
fn config() -> anyhow::Result<Config> {
    let Some(file) = config_file() else { return Ok(Config::default()) };
    let load = Config::load(&file);
    load.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })
}

/// Where what a person has set is.
fn config_file() -> Option<PathBuf> {
    Some(Base::Config.folder(storage::env)?.join("config.toml"))
}

/// Where a person's own themes are.
fn themes_folder() -> Option<PathBuf> {
    Some(Base::Config.folder(storage::env)?.join("themes"))
}
