//! The hunts of a session, and what a rule's name stands for.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde_json::{Map, Value};

use super::{HuntWords, same_rules};
use crate::case::RuleRecord;
use crate::finding::{Digest, FoundBy, RuleId, Sha256};
use crate::hunt::known_good::KnownGood;
use crate::hunt::{self, Hunt, Loaded, Problem, RuleFiles, RuleOptions, RuleText, Site, Unused};
use crate::scan::{CandidateTest, Reason, RuleSource, RulesError, Ruleset, Unscanned};
use crate::storage;
use crate::timeout::{self, NoThread};

/// Which hunts and rules were asked for.
#[derive(Debug, Clone, Default)]
pub struct RuleChoice {
    /// Leave out the built-in hunts.
    pub no_builtin: bool,
    /// Folders of hunts.
    pub hunts: Vec<PathBuf>,
    /// Plain YARA files, or folders of them.
    pub rules: Vec<PathBuf>,
    /// Site facts; `None` for the defaults.
    pub site: Option<PathBuf>,
    /// Lists of known-good hashes.
    pub known_good: Vec<PathBuf>,
    /// Folder for compiled rules, if there is one.
    pub cache: Option<PathBuf>,
    /// How the rules are compiled.
    pub options: RuleOptions,
    /// Whether a rule or file that cannot be used is an error rather than left out.
    pub strict: bool,
}

/// Hunts that cannot be used.
#[derive(Debug)]
pub enum RuleLoadError {
    /// Everything that is wrong with the files.
    Problems(Vec<Problem>),
    /// Two files define the same hunt.
    Twice(RuleId),
    /// Rules and files that cannot be used, where some must be.
    Unused(Vec<Unused>),
    /// There is no rule at all.
    NoRules,
    /// There is no thread to compile the rules on.
    NoThread(NoThread),
}

/// Problems that a message lists at most; a wrong file can have one in every rule.
const MAX_LISTED: usize = 100;

fn listed<T: ToString>(problems: &[T]) -> String {
    let mut lines: Vec<_> = problems.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = problems.len() - lines.len();
    lines.extend((more > 0).then(|| format!("… and {}", crate::text::counted(more as u64, "more problem"))));
    lines.join("\n")
}

impl fmt::Display for RuleLoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => f.write_str(&listed(problems)),
            Self::Unused(unused) => f.write_str(&listed(unused)),
            Self::Twice(rule) => write!(
                f,
                "{} is given twice by {}; name each file or folder once",
                crate::text::escape_str(&rule.name),
                crate::text::escape_str(&rule.namespace)
            ),
            Self::NoThread(error) => error.fmt(f),
            Self::NoRules => {
                f.write_str("there are no rules; leave out --no-builtin, or give rules with --hunts or --rules")
            }
        }
    }
}

impl std::error::Error for RuleLoadError {}

impl From<Vec<Problem>> for RuleLoadError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl From<NoThread> for RuleLoadError {
    fn from(error: NoThread) -> Self {
        Self::NoThread(error)
    }
}

impl From<Vec<Unused>> for RuleLoadError {
    fn from(unused: Vec<Unused>) -> Self {
        Self::Unused(unused)
    }
}

impl From<Problem> for RuleLoadError {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

/// What a rule, or a candidate condition, stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleRef {
    /// Index of the hunt.
    pub hunt: usize,
    /// Whether it is the hunt's candidate condition, not its rule.
    pub candidate: bool,
    /// Digest of the rule, or of the candidate condition.
    pub digest: Sha256,
    /// [`Rule::score_or_default`](crate::hunt::Rule::score_or_default) of the rule.
    pub score: u8,
}

/// Reads all that was asked for, but for the lists of hashes.
fn read(choice: &RuleChoice) -> Result<(Site, Loaded), RuleLoadError> {
    let site = choice.site.as_deref().map_or_else(|| Ok(Site::default()), Site::load)?;
    let mut loaded = if choice.no_builtin { Loaded::default() } else { hunt::builtin::load(&site)? };
    let builtin = loaded.hunts.len();
    for dir in &choice.hunts {
        loaded.extend(hunt::load_dir_keeping(dir, &site, &choice.options, choice.cache.as_deref())?);
    }
    for path in &choice.rules {
        loaded.extend(RuleFiles::read_keeping(path, &choice.options, choice.cache.as_deref())?.into());
    }
    same_rules::unite(&mut loaded, builtin);
    // What weighs most comes first wherever hunts are listed.
    loaded.hunts.sort_by_key(|hunt| std::cmp::Reverse(hunt.rule.score_or_default()));
    if choice.strict && !loaded.unused.is_empty() {
        return Err(RuleLoadError::Unused(loaded.unused));
    }
    Ok((site, loaded))
}

fn sources(texts: &[RuleText]) -> Vec<RuleSource> {
    let source = |text: &RuleText| RuleSource {
        namespace: text.namespace.clone(),
        origin: text.origin.clone(),
        text: text.text.clone(),
        warnings: text.warnings().cloned(),
    };
    texts.iter().map(source).collect()
}

fn tests<H: Borrow<Hunt>>(hunts: &[H]) -> Vec<CandidateTest> {
    let test = |hunt: &Hunt| Some(CandidateTest { rule: hunt.rule.id.clone(), condition: hunt.candidate.clone()? });
    hunts.iter().filter_map(|hunt| test(hunt.borrow())).collect()
}

/// The rules of a book, being compiled.
#[derive(Debug)]
pub struct Compiling(thread::JoinHandle<Result<Ruleset, RulesError>>);

impl Compiling {
    /// The rules, once they are compiled; `book` is the one they are of.
    ///
    /// # Errors
    /// The compiler's report.
    pub fn finish(self, book: &RuleCatalog) -> Result<Ruleset, RulesError> {
        book.compiled(self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

/// All hunts of a session.
#[derive(Debug)]
pub struct RuleCatalog {
    /// The hunts; their place is their index.
    pub hunts: Vec<Arc<Hunt>>,
    /// Site facts.
    pub site: Site,
    /// Hashes of content known to be good.
    pub known_good: KnownGood,
    /// Rules and files that cannot be used and were left out.
    pub unused: Vec<Unused>,
    options: RuleOptions,
    cache: Option<PathBuf>,
    texts: Vec<RuleText>,
    subjects: HashMap<FoundBy, RuleRef>,
}

impl RuleCatalog {
    /// Reads everything that was asked for. What cannot be used is left out, and is in [`RuleCatalog::unused`].
    ///
    /// # Errors
    /// What was named and cannot be read or used at all, each with its place.
    pub fn load(choice: &RuleChoice) -> Result<Self, RuleLoadError> {
        let (site, loaded) = read(choice)?;
        Self::of(choice, site, loaded)
    }

    /// As [`RuleCatalog::load`], for a scan: the rules are compiled while the book is made.
    ///
    /// # Errors
    /// As there.
    pub fn load_to_scan(choice: &RuleChoice) -> Result<(Self, Compiling), RuleLoadError> {
        let (site, loaded) = read(choice)?;
        let (sources, tests) = (sources(&loaded.texts), tests(&loaded.hunts));
        let (cache, options) = (choice.cache.clone(), choice.options.clone());
        let compile = move || Ruleset::compile_with(&sources, &tests, &options, cache.as_deref());
        let work = timeout::spawn("compiler", compile)?;
        Ok((Self::of(choice, site, loaded)?, Compiling(work)))
    }

    fn of(choice: &RuleChoice, site: Site, mut loaded: Loaded) -> Result<Self, RuleLoadError> {
        let unused = std::mem::take(&mut loaded.unused);
        let known_good = KnownGood::load(&choice.known_good)?;
        let mut book = Self::new(loaded, site, known_good)?;
        book.cache.clone_from(&choice.cache);
        book.options.clone_from(&choice.options);
        book.unused = unused;
        for unused in &book.unused {
            tracing::warn!("not used: {unused}");
        }
        let candidates = book.hunts.iter().filter(|hunt| hunt.candidate.is_some()).count();
        tracing::info!(rules = book.hunts.len(), candidates, unused = book.unused.len(), "rules loaded");
        Ok(book)
    }

    fn new(loaded: Loaded, site: Site, known_good: KnownGood) -> Result<Self, RuleLoadError> {
        let mut subjects = HashMap::new();
        for (index, hunt) in loaded.hunts.iter().enumerate() {
            let score = hunt.rule.score_or_default();
            let subject = RuleRef { hunt: index, candidate: false, digest: hunt.rule.digest, score };
            if subjects.insert(FoundBy::Rule(hunt.rule.id.clone()), subject).is_some() {
                return Err(RuleLoadError::Twice(hunt.rule.id.clone()));
            }
            if let Some(condition) = &hunt.candidate {
                let digest = Sha256::of(condition.as_bytes());
                let subject = RuleRef { hunt: index, candidate: true, digest, score };
                subjects.insert(FoundBy::Candidate(hunt.rule.id.clone()), subject);
            }
        }
        if loaded.hunts.is_empty() {
            return Err(RuleLoadError::NoRules);
        }
        let hunts = loaded.hunts.into_iter().map(Arc::new).collect();
        Ok(Self {
            hunts,
            site,
            known_good,
            unused: Vec::new(),
            options: RuleOptions::default(),
            cache: None,
            texts: loaded.texts,
            subjects,
        })
    }

    /// Adds a hunt, after all others.
    pub(super) fn add(&mut self, hunt: Hunt) {
        let score = hunt.rule.score_or_default();
        let subject = RuleRef { hunt: self.hunts.len(), candidate: false, digest: hunt.rule.digest, score };
        self.subjects.insert(FoundBy::Rule(hunt.rule.id.clone()), subject);
        self.hunts.push(Arc::new(hunt));
    }

    /// The rules compiled, with `more` candidate tests than the hunts have. Takes from milliseconds to minutes, by their
    /// number.
    ///
    /// # Errors
    /// The compiler's report.
    pub fn compile_with(&self, more: impl IntoIterator<Item = CandidateTest>) -> Result<Ruleset, RulesError> {
        let mut tests = tests(&self.hunts);
        tests.extend(more);
        self.compiled(Ruleset::compile_with(&sources(&self.texts), &tests, &self.options, self.cache.as_deref()))
    }

    fn compiled(&self, compiled: Result<Ruleset, RulesError>) -> Result<Ruleset, RulesError> {
        let rules = compiled?;
        for warning in rules.warnings() {
            tracing::warn!("rules: {warning}");
        }
        Ok(rules.with_unused(self.unused.iter().map(not_scanned_with).collect()))
    }

    /// How the rules are compiled, and what their external variables stand for.
    pub fn options(&self) -> &RuleOptions {
        &self.options
    }

    /// The compiled rules that are kept.
    pub(super) fn cache_files(&self) -> Vec<PathBuf> {
        self.cache.as_deref().map(storage::cache_files).unwrap_or_default()
    }

    /// What a rule, or a candidate condition, stands for; `None` for one that is not of this session. Cases that an older
    /// Huntbook wrote know a candidate condition by its rule's name alone.
    pub fn subject(&self, found_by: &FoundBy) -> Option<RuleRef> {
        let by_name = || {
            let name = &found_by.rule().name;
            let mut same = self.subjects.iter().filter(|(id, _)| id.is_candidate() && id.rule().name == *name);
            same.next().filter(|_| same.next().is_none()).map(|(_, subject)| *subject)
        };
        let found = self.subjects.get(found_by).copied();
        if found.is_none() && found_by.is_candidate() { by_name() } else { found }
    }

    /// The hunt of a rule.
    pub fn hunt(&self, rule: &RuleId) -> Option<&Arc<Hunt>> {
        self.hunt_of(&FoundBy::Rule(rule.clone()))
    }

    /// The hunt of a rule or candidate condition.
    pub fn hunt_of(&self, found_by: &FoundBy) -> Option<&Arc<Hunt>> {
        self.hunts.get(self.subject(found_by)?.hunt)
    }

    /// Whether a finding of `rule` with this content is one of the rule's known samples.
    ///
    /// Samples are known by their SHA-256, so a content of which only the data were hashed is none.
    pub fn is_known_sample(&self, found_by: &FoundBy, digest: &Digest) -> bool {
        let Some(sha256) = digest.sha256() else { return false };
        self.hunt_of(found_by).is_some_and(|hunt| hunt.rule.known_samples().contains(&sha256))
    }

    /// Whether a rule or candidate condition of this name, in whatever namespace, has this digest.
    pub fn has(&self, name: &str, digest: &Sha256) -> bool {
        self.subjects.iter().any(|(id, subject)| subject.digest == *digest && id.name() == name)
    }

    /// Digest of the rule of this name, for judging an exclusion that was made for `made_for`: that one if a rule of the
    /// name has it, otherwise the first.
    pub fn digest_of(&self, name: &str, made_for: &Sha256) -> Option<Sha256> {
        if self.has(name, made_for) {
            return Some(*made_for);
        }
        let hunt = self.hunts.iter().find(|hunt| &*hunt.rule.id.name == name);
        let candidate = || self.subjects.iter().find(|(id, _)| id.name() == name).map(|(_, subject)| subject.digest);
        hunt.map(|hunt| hunt.rule.digest).or_else(candidate)
    }

    /// Every rule and candidate condition as a case stores it, made one after the other: what it keeps of thousands of rules takes
    /// many times the memory of their text.
    pub fn records(&self) -> impl Iterator<Item = RuleRecord> + Clone {
        self.hunts.iter().flat_map(|hunt| records_of(hunt))
    }
}

/// The rule of a hunt as a case stores it, and its candidate condition, if there is one.
fn records_of(hunt: &Hunt) -> Vec<RuleRecord> {
    let rule = &hunt.rule;
    let record = |id: FoundBy, digest: Sha256, source: &str| RuleRecord {
        id,
        digest,
        source: source.to_owned(),
        meta: meta(hunt),
        scenarios: hunt.scenarios.iter().map(|scenario| scenario.id.clone()).collect(),
        known: rule.known_samples(),
    };
    let mut records = vec![record(FoundBy::Rule(rule.id.clone()), rule.digest, &rule.source)];
    if let Some(condition) = &hunt.candidate {
        let digest = Sha256::of(condition.as_bytes());
        records.push(record(FoundBy::Candidate(rule.id.clone()), digest, condition));
    }
    records
}

/// What coverage says of a rule that no file is scanned with.
fn not_scanned_with(unused: &Unused) -> Unscanned {
    let Unused { rule, problem } = unused;
    let place = problem.place.map(|place| format!("{}:{}: ", place.line, place.column)).unwrap_or_default();
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let why = format!("{place}{}{hint}", problem.message);
    Unscanned { path: problem.path.clone(), reason: Reason::UnusedRule { rule: rule.clone(), why } }
}

/// The rule's meta section, in which a key that occurs more than once holds a list, and what the hunt says beside it.
fn meta(hunt: &Hunt) -> Value {
    let mut map = Map::new();
    map.insert(HuntWords::KEY.to_owned(), serde_json::to_value(HuntWords::of(hunt)).unwrap_or_default());
    for (key, value) in &hunt.rule.meta {
        let value = serde_json::to_value(value).unwrap_or_default();
        match map.get_mut(key) {
            None => _ = map.insert(key.clone(), value),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_rule_and_candidate_has_a_record_and_a_subject() {
        let book = RuleCatalog::load(&RuleChoice::default()).unwrap();
        assert_eq!(book.hunts.len(), 5);
        let records: Vec<RuleRecord> = book.records().collect();
        assert_eq!(records.len(), 6);
        for record in &records {
            let subject = book.subject(&record.id).unwrap();
            assert_eq!(subject.digest, record.digest);
            assert_eq!(record.scenarios.len(), 5);
            assert_eq!(book.digest_of(&record.id.name(), &Sha256::of(b"another")), Some(record.digest));
        }
        assert!(records.iter().any(|record| record.id.name() == "candidate:EQGRP_tinyexec"));
    }

    #[test]
    fn files_are_apart_and_who_refers_to_another_is_told_where_the_rule_is() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("base.yar", "rule is_elf { condition: uint32(0) == 0x464c457f }");
        write("more.yar", "rule small { condition: is_elf and filesize < 100 }");
        let choice = RuleChoice { rules: vec![dir.path().to_owned()], ..RuleChoice::default() };
        let compile = || {
            let (book, compiling) = RuleCatalog::load_to_scan(&choice).unwrap();
            let rules = compiling.finish(&book).unwrap().len();
            (book.hunts.len(), rules, book.unused.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let (hunts, rules, unused) = compile();
        assert_eq!((hunts, rules, unused.len()), (6, 6, 1));
        let base = dir.path().join("base.yar");
        assert!(unused[0].contains("unknown identifier `is_elf`"), "{unused:?}");
        assert!(unused[0].contains(&format!("rule is_elf is in {}, and", base.display())), "{unused:?}");
        let strict = RuleChoice { strict: true, ..choice.clone() };
        assert!(RuleCatalog::load(&strict).unwrap_err().to_string().contains("is_elf"));
        write("more.yar", "include \"base.yar\"\nrule small { condition: is_elf and filesize < 100 }");
        assert_eq!(compile(), (7, 7, Vec::new()));
    }

    #[test]
    fn no_rules_at_all_is_an_error_that_says_what_to_do() {
        let choice = RuleChoice { no_builtin: true, ..RuleChoice::default() };
        assert!(RuleCatalog::load(&choice).unwrap_err().to_string().contains("--no-builtin"));
    }
}
