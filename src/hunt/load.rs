//! Loads hunts and plain rules from disk and checks them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Problem, Problems};
use super::rule::{Rule, rules_of};
use super::site::Site;
use super::{Hunt, compile, document, file, generic};

/// Files looked at below one folder at most.
pub(super) const MOST_FILES: usize = 20_000;

/// The text of one YARA file, to be compiled into a namespace of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// The namespace that the rules' ids carry.
    pub namespace: String,
    /// Where the text comes from, for messages.
    pub origin: String,
    /// The text.
    pub text: Arc<str>,
}

impl RuleText {
    /// The text of the file at `path`, whose name is the namespace.
    pub(super) fn of(path: &Path, text: String) -> Self {
        let namespace = path.to_string_lossy().into_owned();
        Self { origin: namespace.clone(), namespace, text: text.into() }
    }
}

/// Hunts, and the texts their rules must be compiled from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// One hunt for each rule that is not private, in the order of files and of the rules in them.
    pub hunts: Vec<Hunt>,
    /// Every YARA text, whole: rules may refer to imports and to private rules beside them.
    pub texts: Vec<RuleText>,
}

impl Loaded {
    /// Takes over what `other` holds.
    pub fn extend(&mut self, other: Self) {
        self.hunts.extend(other.hunts);
        self.texts.extend(other.texts);
    }
}

/// The hunts of a folder: every `NAME.yar` or `NAME.yara` with the `NAME.toml` beside it. Folders in it are not entered.
///
/// A rule that no TOML names gets the generic scenarios.
///
/// # Errors
/// Every problem of every file.
pub fn load_dir(dir: &Path, site: &Site) -> Result<Loaded, Vec<Problem>> {
    let mut rules = BTreeMap::new();
    let mut documents = BTreeMap::new();
    for entry in entries(dir).map_err(|problem| vec![problem])? {
        let path = dir.join(&entry);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yar" | "yara") => _ = rules.insert(path, documents_key(&entry)),
            Some("toml") => _ = documents.insert(documents_key(&entry), path),
            _ => {}
        }
    }
    if rules.is_empty() && documents.is_empty() {
        let hint = "a hunt is NAME.yar with NAME.toml beside it; folders below this one are not looked into";
        return Err(vec![Problem::whole(dir, "holds no hunt").hint(hint)]);
    }
    let mut list = Vec::new();
    let mut loaded = Loaded::default();
    for (path, key) in &rules {
        match hunts_of(path, documents.get(key).map(PathBuf::as_path), site) {
            Ok(more) => loaded.extend(more),
            Err(problems) => list.extend(problems),
        }
    }
    for path in documents.iter().filter(|(key, _)| !rules.values().any(|k| k == *key)).map(|(_, path)| path) {
        let problem = Problem::whole(path, "has no YARA file beside it");
        let hint = match path.file_name() {
            Some(name) if name == "site.toml" => "site facts are given apart, with --site".to_owned(),
            _ => format!("a hunt needs {} too", crate::text::escape_path(&path.with_extension("yar"))),
        };
        list.push(problem.hint(hint));
    }
    if list.is_empty() { Ok(loaded) } else { Err(list) }
}

/// The hunts of one file of a hunt, `NAME.yar` or `NAME.toml`, with the other one beside it.
///
/// # Errors
/// Every problem of both files.
pub fn load_file(path: &Path, site: &Site) -> Result<Loaded, Vec<Problem>> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        let rules = ["yar", "yara"].map(|extension| path.with_extension(extension));
        let missing = || Problem::whole(path, "has no YARA file beside it").hint("a hunt needs NAME.yar and NAME.toml");
        let rules = rules.iter().find(|rules| rules.exists()).ok_or_else(|| vec![missing()])?;
        return hunts_of(rules, Some(path), site);
    }
    let document = path.with_extension("toml");
    hunts_of(path, document.exists().then_some(&*document), site)
}

/// Two files belong together when their names without extension are the same.
fn documents_key(entry: &Path) -> PathBuf {
    entry.with_extension("")
}

/// The names in a folder, sorted, so that hunts are listed in the same order everywhere.
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |error: std::io::Error| Problem::whole(dir, format!("cannot be listed: {error}"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        names.push(PathBuf::from(entry.map_err(unreadable)?.file_name()));
        if names.len() > MOST_FILES {
            return Err(Problem::whole(dir, format!("holds more than {MOST_FILES} files")));
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn read_rules(path: &Path) -> Result<(RuleText, Vec<Rule>), Vec<Problem>> {
    let text = RuleText::of(path, file::read(path, file::MOST_BYTES).map_err(|problem| vec![problem])?);
    let rules = rules_of(&text.namespace, path, &text.text)?;
    Ok((text, rules))
}

fn hunts_of(path: &Path, document: Option<&Path>, site: &Site) -> Result<Loaded, Vec<Problem>> {
    let rules = read_rules(path).and_then(|(text, rules)| {
        let problems = compile::problems_of(path, &text.text);
        if problems.is_empty() { Ok((text, rules)) } else { Err(problems) }
    });
    let document =
        document.map(|path| Ok((path, file::read(path, file::MOST_BYTES).map_err(|problem| vec![problem])?)));
    match (rules, document) {
        (Ok((text, rules)), None) => Ok(assemble(text, rules, None)),
        (Ok((text, rules)), Some(Ok((path, source)))) => {
            let hunt = hunt_of(path, &source, &rules, site)?;
            Ok(assemble(text, rules, Some(&hunt)))
        }
        // The rules are broken, so the document is held against none of them, but what is wrong with it is said too.
        (Err(mut list), Some(Ok((path, source)))) => {
            let mut problems = Problems::new(path, &source);
            document::read(&source, site, &mut problems);
            list.extend(problems.finish());
            Err(list)
        }
        (Err(mut list), Some(Err(more))) => {
            list.extend(more);
            Err(list)
        }
        (Err(list), None) | (Ok(_), Some(Err(list))) => Err(list),
    }
}

fn assemble(text: RuleText, rules: Vec<Rule>, hunt: Option<&Hunt>) -> Loaded {
    let hunts = rules.into_iter().filter(|rule| !rule.private).map(|rule| match hunt {
        Some(hunt) if hunt.rule.id == rule.id => hunt.clone(),
        _ => generic::hunt(rule),
    });
    Loaded { hunts: hunts.collect(), texts: vec![text] }
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
        let document::Document { hypothesis, candidate, threat, scenarios, .. } = document;
        Some(Hunt { rule: rule.clone(), hypothesis, candidate, threat, scenarios: scenarios.into() })
    });
    let list = problems.finish();
    hunt.filter(|_| list.is_empty()).ok_or(list)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
