//! Rule sources compiled into what the workers scan with.

mod library;
mod pack;
mod packs;
mod usage;
mod windowed;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::coverage::Unscanned;
use super::prefilter::{Prefilter, PrefilterReport, RuleClass, RuleIndex, WholeReason, YaraSource};
use crate::finding::RuleId;
use crate::hunt::{ENGINE, RuleOptions, catch_engine_panic};
use crate::storage::Cache;
use library::Library;
pub(super) use pack::Pack;
#[cfg(test)]
pub(super) use pack::PartsMatching;
pub(super) use packs::PackId;
use packs::Packs;
use usage::Usage;
pub(super) use windowed::{FILESIZE, HEADER, Windowed};

/// The namespace of the rules that only point out candidates.
const CANDIDATES: &str = "huntbook-candidate";
/// Errors that a report holds at most; a wrong file can have one in every rule.
const MAX_ERRORS: usize = 20;

/// YARA source text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// Namespace the rules go into; rules of different namespaces may share a name.
    pub namespace: String,
    /// The file it was read from, for error messages.
    pub origin: String,
    /// The text. `include` is refused: nothing is read here.
    pub text: Arc<str>,
    /// What the compiler warned of when it took the text, with the same options and in a namespace of its own; `None` if it is
    /// still to be asked.
    pub warnings: Option<Arc<[String]>>,
}

/// A condition that points out files worth a look though the rule itself does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateTest {
    /// The rule whose hunt the candidate belongs to.
    pub rule: RuleId,
    /// A YARA condition.
    pub condition: String,
}

/// Rules that do not compile. The text is the compiler's own report: place, source line, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{report}")]
pub struct RulesError {
    /// The report, several lines for each error.
    pub report: String,
}

/// Rules, ready to scan with from any number of threads. They are known to compile; which of them are compiled, in packs of
/// a few, is decided by the files that they may match.
#[derive(Debug)]
pub struct Ruleset {
    library: Library,
    prefilter: Prefilter,
    packs: Packs,
    /// See [`Ruleset::told_by_parts`].
    told_by_parts: OnceLock<Option<Pack>>,
    usage: Usage,
    candidates: Vec<RuleId>,
    warnings: Vec<String>,
    options: RuleOptions,
    unused: Vec<Unscanned>,
}

impl Ruleset {
    /// Checks `sources` and the candidate tests.
    ///
    /// # Errors
    /// The compiler's report of what does not compile.
    pub fn compile(sources: &[RuleSource], tests: &[CandidateTest]) -> Result<Self, RulesError> {
        Self::compile_with(sources, tests, &RuleOptions::default(), None)
    }

    /// As [`Ruleset::compile`], with these options, and takes the compiler's word on a large set from `cache` if it was checked before, and
    /// else puts it there.
    ///
    /// `cache` is a folder that belongs to this user and that no one else may enter (mode 0700); it is made if it is
    /// not there. What others could have written is neither read nor replaced. A cache that cannot be used is no error:
    /// the rules are checked.
    ///
    /// # Errors
    /// The compiler's report of what does not compile.
    pub fn compile_with(
        sources: &[RuleSource],
        tests: &[CandidateTest],
        options: &RuleOptions,
        cache: Option<&Path>,
    ) -> Result<Self, RulesError> {
        let candidates = tests.iter().map(|test| test.rule.clone()).collect();
        let sources: Vec<RuleSource> = tests.iter().enumerate().map(candidate).chain(sources.iter().cloned()).collect();
        let cache = cache.filter(|_| is_worth_keeping(&sources)).and_then(|folder| cache_of(folder, &sources, options));
        if let Some((warnings, prefilter, library)) = cache.as_ref().and_then(Cache::read::<Kept>) {
            let engine = Checked::of_engine();
            if let Some(error) = engine.errors.into_iter().next() {
                return Err(RulesError { report: error });
            }
            log_classes(prefilter.report());
            return Ok(Self::of((warnings, prefilter, library.with_sources(sources)), candidates, options));
        }
        let (prefilter, library, checked) = std::thread::scope(|scope| {
            let read = scope.spawn(|| read(&sources));
            let checked = check(&sources, options);
            let (prefilter, library) = joined(read.join());
            (prefilter, library, checked)
        });
        let Checked { mut errors, warnings } = checked;
        if errors.is_empty() && prefilter.report().rules.len() != library.len() {
            errors.push("the rules were read in two ways that differ; please report this".to_owned());
        }
        if !errors.is_empty() {
            let more = errors.len().saturating_sub(MAX_ERRORS);
            errors.truncate(MAX_ERRORS);
            errors.extend((more > 0).then(|| format!("… and {}", crate::text::counted(more as u64, "more error"))));
            return Err(RulesError { report: errors.join("\n") });
        }
        if let Some(cache) = cache {
            cache.write(&(&warnings, &prefilter, &library));
        }
        log_classes(prefilter.report());
        Ok(Self::of((warnings, prefilter, library), candidates, options))
    }

    fn of((warnings, prefilter, library): Kept, candidates: Vec<RuleId>, options: &RuleOptions) -> Self {
        let (packs, usage, options) = (Packs::default(), Usage::default(), options.clone());
        Self {
            library,
            prefilter,
            packs,
            told_by_parts: OnceLock::new(),
            usage,
            candidates,
            warnings,
            options,
            unused: Vec::new(),
        }
    }

    /// The same rules, and what coverage says of those that could not be used.
    #[must_use]
    pub fn with_unused(self, unused: Vec<Unscanned>) -> Self {
        Self { unused, ..self }
    }

    /// Rules that could not be used, each a gap in every scan with these.
    pub(super) fn unused(&self) -> &[Unscanned] {
        &self.unused
    }

    /// How the rules were compiled.
    pub(super) fn options(&self) -> &RuleOptions {
        &self.options
    }

    /// How many rules there are, candidate tests not counted.
    pub fn len(&self) -> usize {
        self.library.len() - self.candidates.len()
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the compiler warned of: slow patterns, conditions that never hold. None of it keeps a rule from working.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Tells which rules may match a file.
    pub(super) fn prefilter(&self) -> &Prefilter {
        &self.prefilter
    }

    /// Whether some condition may ask for external variables.
    pub(super) fn asks_externals(&self) -> bool {
        (0..self.library.len()).filter_map(|rule| self.library.rule(rule)).any(|rule| rule.needs.externals)
    }

    /// Whether a rule can be told by parts of a large file.
    pub(super) fn is_told_by_parts(&self, rule: RuleIndex) -> bool {
        let reach = self.prefilter.reach_of(rule).is_some_and(|reach| reach.bytes <= windowed::MAX_REACH_BYTES);
        reach && !self.library.needs(&[rule]).whole
    }

    /// All rules that can be told by parts, for what is not known beforehand; `None` if there is none.
    pub(super) fn told_by_parts(&self) -> Option<&Pack> {
        let make = || {
            let rules: Vec<RuleIndex> = (0..self.library.len()).filter(|rule| self.is_told_by_parts(*rule)).collect();
            (!rules.is_empty()).then(|| self.pack_of(&rules)).filter(|pack| pack.parts().is_some())
        };
        self.told_by_parts.get_or_init(make).as_ref()
    }

    /// Compiled rules, these among them, for a file of so many bytes that is matched in parts.
    pub(super) fn packs(&self, rules: &[RuleIndex], bytes: u64) -> Vec<(PackId, Arc<Pack>)> {
        let of = (&self.library, &self.options);
        self.packs.holding(of, rules, bytes, |rule| self.whole(rule), |rule| !self.is_told_by_parts(rule))
    }

    /// The same for one that is matched as a whole.
    pub(super) fn packs_for_whole(&self, rules: &[RuleIndex], bytes: u64) -> Vec<(PackId, Arc<Pack>)> {
        let of = (&self.library, &self.options);
        self.packs.holding_whole(of, rules, bytes, |rule| self.whole(rule), |rule| !self.is_told_by_parts(rule))
    }

    /// Of a rule that every file is matched against: whether it is so for its patterns' sake.
    fn whole(&self, rule: RuleIndex) -> Option<bool> {
        match self.prefilter.report().rules.get(rule).map(|rule| &rule.class) {
            Some(RuleClass::Whole(reason)) => Some(matches!(reason, WholeReason::Patterns(_))),
            _ => None,
        }
    }

    /// Compiled rules, just these, that list all their matches.
    pub(super) fn searching_pack(&self, rules: Vec<RuleIndex>) -> Option<(PackId, Arc<Pack>)> {
        self.packs.searching((&self.library, &self.options), rules)
    }

    /// A pack of just these rules, which lists all their matches and is not kept.
    pub(super) fn pack_of(&self, rules: &[RuleIndex]) -> Pack {
        Pack::new(&self.library, &self.options, rules, true)
    }

    /// Packs no other with a rule that takes too long or fails, from now on.
    pub(super) fn set_apart(&self, rule: RuleIndex) {
        self.packs.set_apart(rule);
    }

    /// A rule in words: its name, and the file it was read from.
    pub(super) fn described(&self, rule: RuleIndex) -> String {
        let Some((name, origin)) = self.library.rule(rule).map(|entry| (&entry.name, self.library.origin(entry)))
        else {
            return String::new();
        };
        // The candidate condition of a hunt is no rule of anybody's.
        if matches!(self.meaning(rule), Meaning::Candidate(_)) {
            return format!("the {origin}");
        }
        format!("rule {name} of {origin}")
    }

    /// Counts a file that was matched against the rules `left`.
    pub(super) fn note_use(&self, bytes: u64, left: &[RuleIndex], matched: impl IntoIterator<Item = RuleIndex>) {
        self.usage.note(bytes, left, matched);
    }

    /// Says in the log how much the prefilter left of the work, since the rules were made.
    pub(super) fn log_use(&self) {
        self.usage.log(self.packs.made(), |rule| self.described(rule));
    }

    /// What a matching rule means: a finding of the rule, or a candidate of the rule's hunt.
    pub(super) fn meaning(&self, rule: RuleIndex) -> Meaning {
        let Some(entry) = self.library.rule(rule) else { return Meaning::Nothing };
        let namespace = self.library.namespace(entry);
        if *namespace != *CANDIDATES {
            return Meaning::Finding(RuleId { namespace, name: Arc::clone(&entry.name) });
        }
        let index = entry.name.strip_prefix("candidate_").and_then(|index| index.parse::<usize>().ok());
        index.and_then(|index| self.candidates.get(index)).cloned().map_or(Meaning::Nothing, Meaning::Candidate)
    }
}

/// What is kept of rules that were found to compile: what the compiler warned of, and what was made of them.
type Kept = (Vec<String>, Prefilter, Library);

/// Whether so much text is worth a cache; less is checked in no time.
fn is_worth_keeping(sources: &[RuleSource]) -> bool {
    const WORTH: usize = 256 * 1024;
    sources.iter().map(|source| source.text.len()).sum::<usize>() >= WORTH
}

/// The place in a folder for what is made of these sources with these options.
fn cache_of(folder: &Path, sources: &[RuleSource], options: &RuleOptions) -> Option<Cache> {
    let options = format!("scan {ENGINE} {options:?}");
    let texts = sources.iter().flat_map(|source| [&*source.namespace, &*source.origin, &*source.text]);
    Cache::open(folder, [options.as_str()].into_iter().chain(texts).map(str::as_bytes))
}

/// The prefilter and the library of the sources.
fn read(sources: &[RuleSource]) -> (Prefilter, Library) {
    let borrowed: Vec<YaraSource> =
        sources.iter().map(|source| YaraSource { namespace: &source.namespace, text: &source.text }).collect();
    let mut library = Library::of(sources.to_vec());
    let prefilter = Prefilter::derive(&borrowed, &[], &mut |source, range, item| library.item(source, range, item));
    (prefilter, library)
}

/// Says in the log what can be done for which rules.
fn log_classes(report: &PrefilterReport) {
    let count = |is: fn(&RuleClass) -> bool| report.rules.iter().filter(|rule| is(&rule.class)).count();
    let by_literals = count(|class| matches!(class, RuleClass::ByLiterals));
    let by_guards = count(|class| matches!(class, RuleClass::ByGuards));
    let whole = count(|class| matches!(class, RuleClass::Whole(_)));
    tracing::info!(by_literals, by_guards, whole, windows = report.literals, "rules by how a file is ruled out");
    for (rule, reason) in report.whole() {
        tracing::debug!("{}: {} wants every file whole: it {reason}", rule.namespace, rule.name);
    }
}

/// What the compiler says of sources.
#[derive(Default)]
struct Checked {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Checked {
    fn of(sources: &[RuleSource], options: &RuleOptions) -> Self {
        if let [RuleSource { warnings: Some(warnings), .. }] = sources {
            return Self { errors: Vec::new(), warnings: warnings.to_vec() };
        }
        let check = || {
            let compiler = compiler(sources, options, &[]);
            Self {
                errors: compiler.errors().iter().map(ToString::to_string).collect(),
                warnings: compiler.warnings().iter().map(ToString::to_string).collect(),
            }
        };
        catch_engine_panic(check)
            .unwrap_or_else(|panic| Self { errors: vec![engine_failure(&panic)], ..Self::default() })
    }

    /// Whether the engine works here at all, told before the first file needs it.
    fn of_engine() -> Self {
        let run = || {
            let rules = compiler(&pack::with_search(Vec::new()), &RuleOptions::default(), &[]).build();
            yara_x::Scanner::new(&rules).scan(b"").map(|_| ()).map_err(|error| error.to_string())
        };
        let failure = catch_engine_panic(run).unwrap_or_else(Err).err();
        Self { errors: failure.iter().map(|failure| engine_failure(failure)).collect(), ..Self::default() }
    }
}

fn engine_failure(what: &str) -> String {
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "the rule engine failed: {what}; it needs memory that can be made executable (see SELinux's execmem, \
         systemd's MemoryDenyWriteExecute) and address space (ulimit -v)"
    )
}

/// Has the compiler check all sources, one namespace after the other, on as many threads as there are processors.
fn check(sources: &[RuleSource], options: &RuleOptions) -> Checked {
    let namespaces: Vec<&[RuleSource]> = sources.chunk_by(|a, b| a.namespace == b.namespace).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, Checked)> = Vec::new();
        while let Some((index, sources)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            namespaces.get(index).map(|sources| (index, sources))
        } {
            done.push((index, Checked::of(sources, options)));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(namespaces.len());
    let mut done: Vec<(usize, Checked)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for worker in workers {
            done.extend(joined(worker.join()));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    let mut all = Checked::of_engine();
    for (_, checked) in done {
        all.errors.extend(checked.errors);
        all.warnings.extend(checked.warnings);
    }
    all
}

/// What a thread returned; what it panicked over goes on here.
fn joined<T>(outcome: std::thread::Result<T>) -> T {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A compiler that was given `sources`; what is wrong with them is in its errors. `integers` are further variables.
fn compiler<'c>(sources: &[RuleSource], options: &RuleOptions, integers: &[String]) -> yara_x::Compiler<'c> {
    let mut compiler = options.compiler();
    for name in integers {
        let _ = compiler.define_global(name, 0_i64);
    }
    for source in sources {
        compiler.new_namespace(&source.namespace);
        let _ = compiler.add_source(yara_x::SourceCode::from(&*source.text).with_origin(&source.origin));
    }
    compiler
}

/// See [`Ruleset::meaning`].
pub(super) enum Meaning {
    Finding(RuleId),
    Candidate(RuleId),
    Nothing,
}

/// A candidate test as a rule. The line end keeps a comment at the end of the condition from swallowing the brace.
fn candidate((index, test): (usize, &CandidateTest)) -> RuleSource {
    RuleSource {
        namespace: CANDIDATES.to_owned(),
        origin: format!("candidate condition of {}", test.rule),
        text: format!("rule candidate_{index} {{ condition: {}\n}}", test.condition).into(),
        warnings: None,
    }
}

#[cfg(test)]
mod tests;
