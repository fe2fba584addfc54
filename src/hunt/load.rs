//! Loads hunts and plain rules from disk and checks them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::cache::vet_with_cache;
use super::compile::RuleOptions;
use super::folder::{RuleFolder, is_rule_file};
use super::problem::{Problem, Problems};
use super::rule::Rule;
use super::site::Site;
use super::source::RuleText;
use super::vet::{Unused, Vetted};
use super::{Hunt, document, file, generic};

/// Hunts, and the texts their rules must be compiled from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// One hunt for each rule that is not private, in the order of files and of the rules in them.
    pub hunts: Vec<Hunt>,
    /// Every YARA text, whole: rules may refer to imports and to private rules beside them.
    pub texts: Vec<RuleText>,
    /// What cannot be used and is left out: rules, hunts' documents, whole files.
    pub unused: Vec<Unused>,
}

impl Loaded {
    /// Takes over what `other` holds.
    pub fn extend(&mut self, other: Self) {
        self.hunts.extend(other.hunts);
        self.texts.extend(other.texts);
        self.unused.extend(other.unused);
    }
}

/// The hunts of a folder: every `NAME.yar` or `NAME.yara` with the `NAME.toml` beside it. Folders in it are not entered.
///
/// A rule that no TOML names gets the generic scenarios, and so does one whose TOML cannot be used. Rules and files that
/// cannot be used are left out.
///
/// # Errors
/// The folder cannot be listed, or holds no hunt.
pub fn load_dir(dir: &Path, site: &Site, options: &RuleOptions) -> Result<Loaded, Problem> {
    load_dir_keeping(dir, site, options, None)
}

/// As [`load_dir`]. What is found out about many rules is kept in the folder `keep`, so that it need not be found out again.
///
/// # Errors
/// As there.
pub(crate) fn load_dir_keeping(
    dir: &Path,
    site: &Site,
    options: &RuleOptions,
    keep: Option<&Path>,
) -> Result<Loaded, Problem> {
    let folder = RuleFolder::open(dir)?;
    let listed = folder.files(false, |name| is_rule_file(name) || is_document(name))?;
    let (documents, rules): (Vec<PathBuf>, Vec<PathBuf>) =
        listed.files.into_iter().partition(|path| path.file_name().is_some_and(is_document));
    if rules.is_empty() && documents.is_empty() {
        let hint = "a hunt is NAME.yar with NAME.toml beside it; folders below this one are not looked into";
        return Err(Problem::whole(dir, "holds no hunt").hint(hint));
    }
    let mut documents: BTreeMap<PathBuf, PathBuf> =
        documents.into_iter().map(|path| (path.with_extension(""), path)).collect();
    let pairs: Vec<_> = rules.into_iter().map(|path| (documents.remove(&path.with_extension("")), path)).collect();
    let mut loaded = Loaded { unused: listed.problems.into_iter().map(Unused::from).collect(), ..Loaded::default() };
    loaded.extend(load_pairs(&folder, pairs, site, (options, keep)));
    for path in documents.values() {
        let problem = Problem::whole(path, "has no YARA file beside it");
        let hint = match path.file_name() {
            Some(name) if name == "site.toml" => "site facts are given apart, with --site".to_owned(),
            _ => format!("a hunt needs {} too", crate::text::escape_path(&path.with_extension("yar"))),
        };
        loaded.unused.push(problem.hint(hint).into());
    }
    Ok(loaded)
}

fn is_document(name: &OsStr) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

/// The hunts of one file of a hunt, `NAME.yar` or `NAME.toml`, with the other one beside it.
///
/// # Errors
/// The folder cannot be opened, or the YARA file is not there.
pub(crate) fn load_file(path: &Path, site: &Site, options: &RuleOptions) -> Result<Loaded, Problem> {
    let above = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let (rules, document) = if path.file_name().is_some_and(is_document) {
        let rules = ["yar", "yara"].map(|extension| path.with_extension(extension));
        let missing = || Problem::whole(path, "has no YARA file beside it").hint("a hunt needs NAME.yar and NAME.toml");
        let [first, second] = rules;
        let rules = if first.exists() { first } else { second };
        if !rules.exists() {
            return Err(missing());
        }
        (rules, Some(path.to_owned()))
    } else {
        let document = path.with_extension("toml");
        (path.to_owned(), document.exists().then_some(document))
    };
    Ok(load_pairs(&RuleFolder::open(above)?, vec![(document, rules)], site, (options, None)))
}

/// The hunts of pairs of files: the document, if there is one, and the rules.
fn load_pairs(
    folder: &RuleFolder,
    pairs: Vec<(Option<PathBuf>, PathBuf)>,
    site: &Site,
    (options, keep): (&RuleOptions, Option<&Path>),
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut texts = Vec::new();
    let mut documents = Vec::new();
    for (document, path) in pairs {
        match folder.read(&path, file::MAX_BYTES) {
            Ok(bytes) => {
                texts.push(RuleText::of_bytes(&path, &bytes));
                documents.push(document);
            }
            Err(problem) => {
                loaded.unused.push(problem.into());
                // It is held against no rules, but what is wrong with it is said too.
                let problems = document.map(|document| read_document(folder, &document, &[], &[], site));
                loaded.unused.extend(problems.into_iter().filter_map(Result::err).flatten().map(Unused::from));
            }
        }
    }
    for (Vetted { text, rules, unused }, document) in vet_with_cache(texts, options, keep).into_iter().zip(documents) {
        let hunt = document.map(|path| read_document(folder, &path, &rules, &unused, site)).transpose();
        loaded.unused.extend(unused);
        let hunt = hunt.unwrap_or_else(|problems| {
            loaded.unused.extend(problems.into_iter().map(Unused::from));
            None
        });
        loaded.extend(assemble(text, rules, hunt.flatten().as_ref()));
    }
    loaded
}

/// The hunt that a document describes for one of `rules`; `None` when that rule is among the `unused`.
fn read_document(
    folder: &RuleFolder,
    path: &Path,
    rules: &[Rule],
    unused: &[Unused],
    site: &Site,
) -> Result<Option<Hunt>, Vec<Problem>> {
    let bytes = folder.read(path, file::MAX_BYTES).map_err(|problem| vec![problem])?;
    let source = file::text_of(path, bytes).map_err(|problem| vec![problem])?;
    let mut problems = Problems::new(path, &source);
    let document = document::read(&source, site, &mut problems);
    let is_left_out = document.is_some_and(|document| {
        unused.iter().any(|unused| unused.rule.as_deref() == Some(&document.rule.text)) || rules.is_empty()
    });
    let list = problems.finish();
    match (list.is_empty(), is_left_out) {
        (false, _) => Err(list),
        (true, true) => Ok(None),
        (true, false) => hunt_of(path, &source, rules, site).map(Some),
    }
}

fn assemble(text: RuleText, rules: Vec<Rule>, hunt: Option<&Hunt>) -> Loaded {
    let hunts = rules.into_iter().filter(|rule| !rule.private).map(|rule| match hunt {
        Some(hunt) if hunt.rule.id == rule.id => hunt.clone(),
        _ => generic::hunt(rule),
    });
    Loaded { hunts: hunts.collect(), texts: vec![text], unused: Vec::new() }
}

/// The hunt that `source` describes for one of `rules`; `path` is only named.
///
/// # Errors
/// Everything that is wrong with `source`.
pub(super) fn hunt_of(path: &Path, source: &str, rules: &[Rule], site: &Site) -> Result<Hunt, Vec<Problem>> {
    let mut problems = Problems::new(path, source);
    let document = document::read(source, site, &mut problems);
    let hunt = document.and_then(|document| {
        let name = &document.rule;
        let Some(rule) = rules.iter().find(|rule| *rule.id.name == *name.text) else {
            let names: Vec<&str> = rules.iter().map(|rule| &*rule.id.name).collect();
            let hint = super::problem::did_you_mean_one_of(&name.text, &names);
            problems.note(&name.span, format!("the YARA file has no rule `{}`", name.text), hint);
            return None;
        };
        if rule.private {
            problems.note(&name.span, format!("`{}` is a private rule and reports no match", name.text), None);
        }
        let document::HuntDocument { hypothesis, candidate, threat, scenarios, .. } = document;
        Some(Hunt {
            rule: rule.clone(),
            also_in: Vec::new(),
            hypothesis,
            candidate,
            threat,
            scenarios: scenarios.into(),
        })
    });
    let list = problems.finish();
    hunt.filter(|_| list.is_empty()).ok_or(list)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
