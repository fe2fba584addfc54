//! The hunts of a session, and what a rule's name stands for.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use serde_json::{Map, Value};

use super::{HuntWords, candidate_id};
use crate::case::RuleRecord;
use crate::finding::{Digest, RuleId, Sha256};
use crate::hunt::known_good::KnownGood;
use crate::hunt::{self, Hunt, Loaded, Problem, RuleFiles, RuleText, Site};
use crate::scan::{self, CandidateTest, RuleSource, RulesError, Ruleset};
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
}

/// Hunts that cannot be used.
#[derive(Debug)]
pub enum BookError {
    /// Everything that is wrong with the files.
    Problems(Vec<Problem>),
    /// Two files define the same hunt.
    Twice(RuleId),
    /// There is no rule at all.
    NoRules,
    /// There is no thread to compile the rules on.
    NoThread(NoThread),
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => {
                let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
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

impl std::error::Error for BookError {}

impl From<Vec<Problem>> for BookError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl From<NoThread> for BookError {
    fn from(error: NoThread) -> Self {
        Self::NoThread(error)
    }
}

impl From<Problem> for BookError {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

/// What a rule's id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Index of the hunt.
    pub hunt: usize,
    /// Whether it is the hunt's candidate condition, not its rule.
    pub candidate: bool,
    /// Digest of the rule, or of the candidate condition.
    pub digest: Sha256,
}

/// What was read of the files that were asked for; the plain rules among it are not taken apart yet.
struct Files {
    site: Site,
    /// Of plain rules, the texts only.
    loaded: Loaded,
    plain: Vec<RuleFiles>,
}

impl Files {
    fn read(choice: &RuleChoice) -> Result<Self, BookError> {
        let site = choice.site.as_deref().map_or_else(|| Ok(Site::default()), Site::load)?;
        let mut loaded = if choice.no_builtin { Loaded::default() } else { hunt::builtin::load(&site)? };
        for dir in &choice.hunts {
            loaded.extend(hunt::load_dir(dir, &site)?);
        }
        let plain = choice.rules.iter().map(|path| RuleFiles::read(path)).collect::<Result<Vec<_>, _>>()?;
        loaded.texts.extend(plain.iter().flat_map(RuleFiles::texts).cloned());
        Ok(Self { site, loaded, plain })
    }

    fn book(mut self, choice: &RuleChoice) -> Result<RuleBook, BookError> {
        for files in &self.plain {
            self.loaded.hunts.extend(files.hunts()?);
        }
        let known_good = KnownGood::load(&choice.known_good)?;
        let mut book = RuleBook::new(self.loaded, self.site, known_good)?;
        book.cache.clone_from(&choice.cache);
        let candidates = book.hunts.iter().filter(|hunt| hunt.candidate.is_some()).count();
        tracing::info!(rules = book.hunts.len(), candidates, "rules loaded");
        Ok(book)
    }
}

fn sources(texts: &[RuleText]) -> Vec<RuleSource> {
    let source = |text: &RuleText| RuleSource {
        namespace: text.namespace.clone(),
        origin: text.origin.clone(),
        text: text.text.clone(),
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
    pub fn finish(self, book: &RuleBook) -> Result<Ruleset, RulesError> {
        book.compiled(self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

/// All hunts of a session.
#[derive(Debug)]
pub struct RuleBook {
    /// The hunts; their place is their index.
    pub hunts: Vec<Arc<Hunt>>,
    /// Site facts.
    pub site: Site,
    /// Hashes of content known to be good.
    pub known_good: KnownGood,
    cache: Option<PathBuf>,
    texts: Vec<RuleText>,
    subjects: HashMap<RuleId, Subject>,
}

impl RuleBook {
    /// Reads everything that was asked for.
    ///
    /// # Errors
    /// Everything that is wrong with the files, each with its place.
    pub fn load(choice: &RuleChoice) -> Result<Self, BookError> {
        Files::read(choice)?.book(choice)
    }

    /// As [`RuleBook::load`], for a scan: the rules are compiled while they are taken apart into hunts.
    ///
    /// # Errors
    /// As there.
    pub fn load_to_scan(choice: &RuleChoice) -> Result<(Self, Compiling), BookError> {
        let files = Files::read(choice)?;
        let (sources, tests) = (sources(&files.loaded.texts), tests(&files.loaded.hunts));
        let cache = choice.cache.clone();
        let work = timeout::spawn("compiler", move || Ruleset::compile_cached(&sources, &tests, cache.as_deref()))?;
        Ok((files.book(choice)?, Compiling(work)))
    }

    fn new(loaded: Loaded, site: Site, known_good: KnownGood) -> Result<Self, BookError> {
        let mut subjects = HashMap::new();
        for (index, hunt) in loaded.hunts.iter().enumerate() {
            let subject = Subject { hunt: index, candidate: false, digest: hunt.rule.digest };
            if subjects.insert(hunt.rule.id.clone(), subject).is_some() {
                return Err(BookError::Twice(hunt.rule.id.clone()));
            }
            if let Some(condition) = &hunt.candidate {
                let digest = Sha256::of(condition.as_bytes());
                subjects.insert(candidate_id(&hunt.rule.id), Subject { hunt: index, candidate: true, digest });
            }
        }
        if loaded.hunts.is_empty() {
            return Err(BookError::NoRules);
        }
        let hunts = loaded.hunts.into_iter().map(Arc::new).collect();
        Ok(Self { hunts, site, known_good, cache: None, texts: loaded.texts, subjects })
    }

    /// Adds a hunt, after all others.
    pub(super) fn add(&mut self, hunt: Hunt) {
        let subject = Subject { hunt: self.hunts.len(), candidate: false, digest: hunt.rule.digest };
        self.subjects.insert(hunt.rule.id.clone(), subject);
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
        self.compiled(Ruleset::compile_cached(&sources(&self.texts), &tests, self.cache.as_deref()))
    }

    fn compiled(&self, compiled: Result<Ruleset, RulesError>) -> Result<Ruleset, RulesError> {
        let rules = compiled.map_err(|error| self.with_other_files(error))?;
        for warning in rules.warnings() {
            tracing::warn!("rules: {warning}");
        }
        Ok(rules)
    }

    /// `error`, with the files that hold what others lack: each file is a namespace of its own.
    fn with_other_files(&self, mut error: RulesError) -> RulesError {
        if error.unknown.is_empty() {
            return error;
        }
        for text in &self.texts {
            let rules = hunt::rules_of(&text.namespace, Path::new(&text.origin), &text.text).unwrap_or_default();
            for rule in rules.iter().filter(|rule| error.unknown.contains(&*rule.id.name)) {
                let (name, file) = (crate::text::escape_str(&rule.id.name), crate::text::escape_str(&text.origin));
                let _ = write!(
                    error.report,
                    "\nrule {name} is in {file}, and a rule can only refer to rules of its own file: include that file \
                     where it is needed, and give --rules the folder of both"
                );
            }
        }
        error
    }

    /// The compiled rules that are kept.
    pub(super) fn cache_files(&self) -> Vec<PathBuf> {
        self.cache.as_deref().map(scan::cache_files).unwrap_or_default()
    }

    /// What a rule's id stands for; `None` for one that is not of this session.
    pub fn subject(&self, rule: &RuleId) -> Option<Subject> {
        self.subjects.get(rule).copied()
    }

    /// The hunt that a rule's id belongs to.
    pub fn hunt_of(&self, rule: &RuleId) -> Option<&Arc<Hunt>> {
        self.hunts.get(self.subject(rule)?.hunt)
    }

    /// Whether a finding of `rule` with this content is one of the rule's known samples.
    ///
    /// Samples are known by their SHA-256, so a content of which only the data were hashed is none.
    pub fn is_known_sample(&self, rule: &RuleId, digest: &Digest) -> bool {
        let Some(sha256) = digest.sha256() else { return false };
        self.hunt_of(rule).is_some_and(|hunt| hunt.rule.known_samples().contains(&sha256))
    }

    /// Whether a rule or candidate condition of this name, in whatever namespace, has this digest.
    pub fn has(&self, name: &str, digest: &Sha256) -> bool {
        self.subjects.iter().any(|(id, subject)| subject.digest == *digest && &*id.name == name)
    }

    /// Digest of the rule of this name, for judging an exclusion that was made for `made_for`: that one if a rule of the
    /// name has it, otherwise the first.
    pub fn digest_of(&self, name: &str, made_for: &Sha256) -> Option<Sha256> {
        if self.has(name, made_for) {
            return Some(*made_for);
        }
        let hunt = self.hunts.iter().find(|hunt| &*hunt.rule.id.name == name);
        let candidate = || self.subjects.iter().find(|(id, _)| &*id.name == name).map(|(_, subject)| subject.digest);
        hunt.map(|hunt| hunt.rule.digest).or_else(candidate)
    }

    /// Every rule and candidate condition as a case stores it.
    pub fn records(&self) -> Vec<RuleRecord> {
        let mut records = Vec::new();
        for hunt in &self.hunts {
            let rule = &hunt.rule;
            let scenarios: Vec<String> = hunt.scenarios.iter().map(|scenario| scenario.id.clone()).collect();
            records.push(RuleRecord {
                id: rule.id.clone(),
                digest: rule.digest,
                source: rule.source.clone(),
                meta: meta(hunt),
                scenarios: scenarios.clone(),
                known: rule.known_samples(),
            });
            if let Some(condition) = &hunt.candidate {
                records.push(RuleRecord {
                    id: candidate_id(&rule.id),
                    digest: Sha256::of(condition.as_bytes()),
                    source: condition.clone(),
                    meta: meta(hunt),
                    scenarios,
                    known: rule.known_samples(),
                });
            }
        }
        records
    }
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
        let book = RuleBook::load(&RuleChoice::default()).unwrap();
        assert_eq!(book.hunts.len(), 5);
        let records = book.records();
        assert_eq!(records.len(), 6);
        for record in &records {
            let subject = book.subject(&record.id).unwrap();
            assert_eq!(subject.digest, record.digest);
            assert_eq!(record.scenarios.len(), 5);
            assert_eq!(book.digest_of(&record.id.name, &Sha256::of(b"another")), Some(record.digest));
        }
        assert!(records.iter().any(|record| &*record.id.name == "candidate:EQGRP_tinyexec"));
    }

    #[test]
    fn files_are_apart_and_who_refers_to_another_is_told_where_the_rule_is() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("base.yar", "rule is_elf { condition: uint32(0) == 0x464c457f }");
        write("more.yar", "rule small { condition: is_elf and filesize < 100 }");
        let choice = RuleChoice { rules: vec![dir.path().to_owned()], ..RuleChoice::default() };
        let compile = || {
            let (book, compiling) = RuleBook::load_to_scan(&choice).unwrap();
            (book.hunts.len(), compiling.finish(&book).map(|rules| rules.len()).map_err(|error| error.to_string()))
        };
        let said = compile().1.unwrap_err();
        let base = dir.path().join("base.yar");
        assert!(said.contains("unknown identifier `is_elf`"), "{said}");
        assert!(said.contains(&format!("rule is_elf is in {}, and", base.display())), "{said}");
        write("more.yar", "include \"base.yar\"\nrule small { condition: is_elf and filesize < 100 }");
        assert_eq!(compile(), (7, Ok(7)));
    }

    #[test]
    fn no_rules_at_all_is_an_error_that_says_what_to_do() {
        let choice = RuleChoice { no_builtin: true, ..RuleChoice::default() };
        assert!(RuleBook::load(&choice).unwrap_err().to_string().contains("--no-builtin"));
    }
}
