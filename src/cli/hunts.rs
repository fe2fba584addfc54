//! `huntbook hunts`: the hunts, as a list, one by one, or checked.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::FAILED;
use super::hunts_export::{self, HuntFormat};
use super::output::Output;
use super::rule_args::{CheckArgs, RuleArgs};
use crate::hunt::{self, Hunt, Loaded, RuleFiles, RuleOptions, RuleText, Site, Unused, describe, load_dir};
use crate::print;
use crate::report::json;
use crate::scan::prefilter::{Prefilter, YaraSource};
use crate::session::RuleCatalog;
use crate::text;

/// Columns of a list that goes nowhere in particular.
const COLUMNS: usize = 100;

/// What to do with the hunts.
#[derive(Debug, Subcommand)]
pub enum HuntsCommand {
    /// List every hunt with its rule, patterns and scenarios.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Which hunts there are.
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Print one hunt as a person reads it.
    Show {
        /// Name of its rule.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Which hunts there are.
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Write hunts as hunting queries for Microsoft Sentinel, or the table that findings go into. Nothing is sent.
    Export {
        /// Names of their rules; all hunts without one.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// As what.
        #[arg(long, value_enum)]
        format: HuntFormat,
        /// Where it goes.
        #[command(flatten)]
        output: Output,
        /// Which hunts there are.
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Check hunts and plain rules on disk: a verdict on each file, and every problem with line and column.
    Check {
        /// Folders of hunts (NAME.yar with NAME.toml) or of plain YARA files, or single files of them.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// What they are checked against.
        #[command(flatten)]
        rules: CheckArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: HuntsCommand) -> anyhow::Result<ExitCode> {
    match command {
        HuntsCommand::List { json, rules } => list(&RuleCatalog::load(&rules.choice())?, json),
        HuntsCommand::Show { name, json, rules } => show(&RuleCatalog::load(&rules.choice())?, &name, json),
        HuntsCommand::Check { paths, json, rules } => check(&paths, &rules, json),
        HuntsCommand::Export { names, format, output, rules } => {
            let catalog = RuleCatalog::load(&rules.choice())?;
            let hunts = match names.as_slice() {
                [] => catalog.hunts.iter().collect(),
                names => names.iter().map(|name| find(&catalog, name)).collect::<anyhow::Result<Vec<_>>>()?,
            };
            anyhow::ensure!(
                format != HuntFormat::Dcr || names.is_empty(),
                "the data collection rule is the same for all hunts; leave their names out"
            );
            hunts_export::run(&hunts, &catalog.site, format, &output)
        }
    }
}

fn list(book: &RuleCatalog, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = print::stdout();
    if as_json {
        let hunts: Vec<_> = book.hunts.iter().map(|hunt| &**hunt).collect();
        writeln!(out, "{}", json::pretty(&serde_json::to_value(hunts)?))?;
    } else {
        for hunt in &book.hunts {
            writeln!(out, "{}", describe::line(hunt, COLUMNS))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(book: &RuleCatalog, name: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let hunt = find(book, name)?;
    let mut out = print::stdout();
    if as_json {
        writeln!(out, "{}", json::pretty(&serde_json::to_value(&**hunt)?))?;
    } else {
        write!(out, "{}", describe::describe(hunt, &book.site, COLUMNS))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The hunt of the rule of this name.
pub(super) fn find<'b>(book: &'b RuleCatalog, name: &str) -> anyhow::Result<&'b Arc<Hunt>> {
    let Some(hunt) = book.hunts.iter().find(|hunt| &*hunt.rule.id.name == name) else {
        let names: Vec<_> = book.hunts.iter().map(|hunt| &*hunt.rule.id.name).collect();
        let near = crate::diagnostics::did_you_mean(name, names).map(|near| format!(" ({near})")).unwrap_or_default();
        anyhow::bail!("there is no hunt {}{near}; huntbook hunts list lists them", text::escape_str(name));
    };
    Ok(hunt)
}

/// Prints a verdict on every file, and every problem in it; exit code 2 if there is one.
fn check(paths: &[PathBuf], rules: &CheckArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut checked = Checked::default();
    let site = rules.site.as_deref().map_or_else(|| Ok(Site::default()), Site::load).unwrap_or_else(|list| {
        checked.problems.extend(list.into_iter().map(Unused::from));
        Site::default()
    });
    let options = rules.compile.options(paths);
    for path in paths {
        checked.path(path, &site, &options);
    }
    let Checked { files, hunts, whole, problems } = checked;
    let of = |file: &Path| problems.iter().filter(|unused| unused.problem.path == file).collect::<Vec<_>>();
    let slow = |file: &Path| whole.iter().filter(|whole| whole.path == file).collect::<Vec<_>>();
    let mut out = print::stdout();
    if as_json {
        let listed: Vec<_> = problems.iter().map(problem_document).collect();
        let verdict = |(path, rules): (&PathBuf, &usize)| json!({"path": path.to_string_lossy(), "rules": rules, "problems": of(path).len()});
        let files: Vec<_> = files.iter().map(verdict).collect();
        let whole: Vec<_> = whole.iter().map(UnfilteredRule::document).collect();
        let checked = json!({"files": files, "hunts": hunts, "problems": listed, "whole": whole});
        writeln!(out, "{}", json::pretty(&checked))?;
    } else {
        for (path, rules) in &files {
            let (wrong, slow) = (of(path), slow(path));
            let (path, rules) = (text::escape_path(path), text::counted(*rules as u64, "rule"));
            match wrong.len() {
                0 => writeln!(out, "{path}: {rules} in order")?,
                wrong => writeln!(out, "{path}: {rules} in order, {}", text::counted(wrong as u64, "problem"))?,
            }
            for unused in wrong {
                writeln!(out, "  {unused}")?;
            }
            for UnfilteredRule { rule, why, .. } in slow {
                writeln!(
                    out,
                    "  rule {} makes scans slow, it wants every file whole: it {why}",
                    text::escape_str(rule)
                )?;
            }
        }
        for unused in problems.iter().filter(|unused| !files.contains_key(&unused.problem.path)) {
            writeln!(out, "{unused}")?;
        }
        writeln!(
            out,
            "{} in order, {}",
            text::counted(hunts as u64, "hunt"),
            text::counted(problems.len() as u64, "problem")
        )?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// What was looked at, and what came of it.
#[derive(Default)]
struct Checked {
    /// Rules in order, by file.
    files: BTreeMap<PathBuf, usize>,
    hunts: usize,
    whole: Vec<UnfilteredRule>,
    problems: Vec<Unused>,
}

/// A rule that any file may match, so that every file must be read and matched whole.
struct UnfilteredRule {
    path: PathBuf,
    rule: String,
    why: String,
}

impl UnfilteredRule {
    /// Those of some texts.
    fn of(texts: &[RuleText]) -> Vec<Self> {
        let sources: Vec<YaraSource> =
            texts.iter().map(|text| YaraSource { namespace: &text.namespace, text: &text.text }).collect();
        let prefilter = Prefilter::new(&sources, &[]);
        let whole = prefilter.report().whole().map(|(rule, why)| Self {
            path: PathBuf::from(&rule.namespace),
            rule: rule.name.clone(),
            why: text::escape_str(&why.to_string()).into_owned(),
        });
        whole.collect()
    }

    fn document(&self) -> Value {
        json!({"path": self.path.to_string_lossy(), "rule": self.rule, "why": self.why})
    }
}

impl Checked {
    /// Checks a folder of hunts, the pair of files of one, or plain rules.
    fn path(&mut self, path: &Path, site: &Site, options: &RuleOptions) {
        let loaded = if is_of_hunts(path) {
            let load = if path.is_dir() { load_dir } else { hunt::load_file };
            load(path, site, options).map_err(|problem| vec![Unused::from(problem)])
        } else {
            RuleFiles::read(path, options).map(Loaded::from)
        };
        let Loaded { hunts, texts, unused } = loaded.unwrap_or_else(|unused| Loaded { unused, ..Loaded::default() });
        self.hunts += hunts.len();
        self.whole.extend(UnfilteredRule::of(&texts));
        for text in &texts {
            self.files.entry(PathBuf::from(&text.origin)).or_default();
        }
        for hunt in &hunts {
            *self.files.entry(PathBuf::from(&*hunt.rule.id.namespace)).or_default() += 1;
        }
        for unused in &unused {
            self.files.entry(unused.problem.path.clone()).or_default();
        }
        self.problems.extend(unused);
    }
}

/// Whether there are hunts: rules with a document beside them. All else is plain rules.
fn is_of_hunts(path: &Path) -> bool {
    let is_document = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        return entries.map(|entry| entry.path()).any(|path| is_document(&path));
    }
    is_document(path) || path.with_extension("toml").exists()
}

fn problem_document(Unused { rule, problem }: &Unused) -> Value {
    json!({
        "path": problem.path.to_string_lossy(),
        "line": problem.place.map(|place| place.line),
        "column": problem.place.map(|place| place.column),
        "rule": rule,
        "message": problem.message,
        "hint": problem.hint,
    })
}
