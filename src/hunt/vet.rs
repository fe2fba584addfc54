//! Leaves out of rule files what cannot be used, rule by rule, so that the rest can.
//!
//! A rule is left out when it does not parse, does not compile, or needs one that is left out: the compiler finds that
//! one missing in turn. What stays is known to compile.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;

use yara_x::errors::CompileError;
use yara_x_parser::Parser;
use yara_x_parser::cst::{Event, SyntaxKind};

use super::compile::{self, RuleOptions};
use super::nesting;
use super::problem::Problem;
use super::rule::{self, DeclaredRule, Rule, SourceParts};
use super::source::RuleText;

/// Times that the compiler is asked about a text. Each time leaves out at least one rule; a text that holds out longer is
/// left out whole.
const MAX_ROUNDS: usize = 16;

/// What is said of a text that the compiler panics over.
pub(super) const FAILS: &str = "the compiler fails over it";

/// A rule that cannot be used, or a file or statement that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The rule's name; `None` when it is not about a single rule.
    pub rule: Option<String>,
    /// The file, the place in it, and what is wrong there.
    pub problem: Problem,
}

impl fmt::Display for Unused {
    /// On one line, safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "{} (rule {})", self.problem, crate::text::escape_str(rule)),
            None => self.problem.fmt(f),
        }
    }
}

impl From<Problem> for Unused {
    fn from(problem: Problem) -> Self {
        Self { rule: None, problem }
    }
}

/// What of a text can be used.
#[derive(Debug)]
pub(super) struct Vetted {
    /// The text, with blanks where something is left out.
    pub text: RuleText,
    /// The rules that can be used, in the order of the text.
    pub rules: Vec<Rule>,
    /// What is left out.
    pub unused: Vec<Unused>,
}

/// Takes each text apart and has it compiled, on as many threads as there are cores.
pub(super) fn vet(texts: Vec<RuleText>, options: &RuleOptions) -> Vec<Vetted> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(texts.len()).max(1);
    let mut chunks: Vec<Vec<(usize, RuleText)>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, text) in texts.into_iter().enumerate() {
        if let Some(chunk) = chunks.get_mut(index % threads) {
            chunk.push((index, text));
        }
    }
    let work = |chunk: Vec<(usize, RuleText)>| {
        let (places, texts): (Vec<_>, Vec<_>) = chunk.into_iter().unzip();
        let candidate = |text: &RuleText| {
            let mut candidate = Candidate::parse(text);
            candidate.compile(options);
            candidate
        };
        let candidates = texts.iter().map(candidate);
        places.into_iter().zip(candidates).collect::<Vec<_>>()
    };
    let mut all: Vec<(usize, Candidate)> = std::thread::scope(|scope| {
        let running: Vec<_> = (chunks.iter())
            .map(|chunk| std::thread::Builder::new().spawn_scoped(scope, || work(chunk.clone())))
            .collect();
        let done = running.into_iter().zip(&chunks).map(|(thread, chunk)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // A system that starts no more threads: it takes longer, and that is all.
            Err(_) => work(chunk.clone()),
        });
        done.flatten().collect()
    });
    all.sort_unstable_by_key(|(place, _)| *place);
    let mut candidates: Vec<Candidate> = all.into_iter().map(|(_, candidate)| candidate).collect();
    name_other_files(&mut candidates);
    candidates.into_iter().map(Candidate::finish).collect()
}

/// A text on its way through.
struct Candidate {
    text: RuleText,
    rules: Vec<DeclaredRule>,
    unused: Vec<Left>,
}

/// What is left out of a text.
struct Left {
    rule: Option<String>,
    /// Where it is wrong.
    span: Range<usize>,
    why: String,
    hint: Option<String>,
    /// The name that stands for nothing, if that is why.
    unknown: Option<String>,
}

impl Left {
    fn new(rule: Option<String>, span: Range<usize>, why: impl Into<String>) -> Self {
        Self { rule, span, why: why.into(), hint: None, unknown: None }
    }
}

impl Candidate {
    /// Leaves out what does not parse.
    fn parse(text: &RuleText) -> Self {
        let source = &*text.text;
        if let Some(at) = nesting::too_deep(source) {
            let whole = 0..source.len();
            let unused = vec![Left::new(None, at..at, nesting::message())];
            return Self { text: text.without(&[whole]), rules: Vec::new(), unused };
        }
        let SourceParts { mut rules, broken } = rule::parts_of(&text.namespace, source);
        let (mut unused, mut blank, mut lost_global) = (Vec::new(), Vec::new(), None);
        let errors = if broken.is_empty() { Vec::new() } else { rule::syntax_errors(source) };
        for part in broken {
            let here = errors.iter().filter(|(_, span)| span.start >= part.whole.start);
            let first = here.min_by_key(|(_, span)| span.start).cloned();
            let (why, span) = first.unwrap_or_else(|| ("cannot be parsed".to_owned(), part.whole.clone()));
            if part.global {
                lost_global = Some(part.name.clone());
            }
            unused.push(Left::new(part.name, span, why));
            blank.push(part.whole);
        }
        for at in not_utf8(text) {
            let Some(index) = rules.iter().position(|rule| rule.whole.contains(&at)) else { continue };
            let rule = rules.remove(index);
            let name = rule.rule.id.name.to_string();
            if rule.global {
                lost_global = Some(Some(name.clone()));
            }
            unused.push(Left::new(Some(name), at..at, "is not UTF-8 text"));
            blank.push(rule.whole);
        }
        if let Some(name) = lost_global {
            // Without it the other rules would match where it forbids them to.
            leave_out_all(&mut rules, name.as_deref(), &mut unused, &mut blank);
        }
        Self { text: text.without(&blank), rules, unused }
    }

    /// Leaves out the rules that `errors` are about, and what else of the text they are about. Returns whether that is
    /// anything.
    fn leave_out(&mut self, errors: Vec<Left>) -> bool {
        let before = self.text.text.clone();
        let mut blank = Vec::new();
        for mut error in errors {
            let Some(index) = self.rules.iter().position(|rule| rule.whole.contains(&error.span.start)) else {
                // An `import` of something that is not there; or a second error in a rule that is left out already.
                if !blank.iter().any(|range: &Range<usize>| range.contains(&error.span.start)) {
                    blank.push(error.span.clone());
                    self.unused.push(error);
                }
                continue;
            };
            let rule = self.rules.remove(index);
            error.rule = Some(rule.rule.id.name.to_string());
            blank.push(rule.whole);
            self.unused.push(error);
            if rule.global {
                leave_out_all(&mut self.rules, Some(&rule.rule.id.name), &mut self.unused, &mut blank);
            }
        }
        self.text = self.text.without(&blank);
        self.text.text != before
    }

    /// Leaves out everything.
    fn give_up(&mut self, why: &str) {
        let whole = 0..self.text.text.len();
        self.rules.clear();
        self.unused.push(Left::new(None, 0..0, why));
        self.text = self.text.without(&[whole]);
    }

    fn finish(mut self) -> Vetted {
        self.unused.sort_by_key(|left| left.span.start);
        let text = self.text;
        let unused = self.unused.into_iter().map(|left| {
            let problem = text.problem(&left.span, left.why, left.hint);
            Unused { rule: left.rule, problem }
        });
        let unused = unused.collect();
        Vetted { rules: self.rules.into_iter().map(|declared| declared.rule).collect(), unused, text }
    }
}

/// Leaves out all rules, for the `global` one of their file that is left out.
fn leave_out_all(
    rules: &mut Vec<DeclaredRule>,
    global: Option<&str>,
    unused: &mut Vec<Left>,
    blank: &mut Vec<Range<usize>>,
) {
    for rule in rules.drain(..) {
        let why = match global {
            Some(name) => format!("the global rule `{name}` of its file cannot be used"),
            None => "a global rule of its file cannot be used".to_owned(),
        };
        unused.push(Left::new(Some(rule.rule.id.name.to_string()), rule.at, why));
        blank.push(rule.whole);
    }
}

/// Where bytes that are not UTF-8 belong to what a rule does. In comments and in `meta` they do not.
fn not_utf8(text: &RuleText) -> Vec<usize> {
    if text.not_utf8.is_empty() {
        return Vec::new();
    }
    let mut harmless = Vec::new();
    for event in Parser::new(text.text.as_bytes()) {
        match event {
            Event::Token { kind: SyntaxKind::COMMENT, span } | Event::Begin { kind: SyntaxKind::META_BLK, span } => {
                harmless.push(span.range());
            }
            _ => {}
        }
    }
    let harms = |at: &usize| !harmless.iter().any(|range| range.contains(at));
    text.not_utf8.iter().copied().filter(harms).collect()
}

impl Candidate {
    /// Leaves out what the compiler refuses. What stays is known to compile in a namespace of its own.
    fn compile(&mut self, options: &RuleOptions) {
        for _ in 0..MAX_ROUNDS {
            match asked(&self.text, options) {
                Ok(warnings) => {
                    self.text = self.text.clone().taken_with(warnings);
                    return;
                }
                Err(Refusal::Failed) => return self.give_up(FAILS),
                Err(Refusal::Errors(errors)) => {
                    if !self.leave_out(errors) {
                        break;
                    }
                }
            }
        }
        self.give_up("does not compile");
    }
}

/// Why the compiler does not take a text.
enum Refusal {
    /// It panics over it.
    Failed,
    Errors(Vec<Left>),
}

/// What the compiler warns of in a text that it takes.
fn asked(text: &RuleText, options: &RuleOptions) -> Result<Vec<String>, Refusal> {
    let compile = || {
        let mut compiler = options.compiler();
        compiler.new_namespace(&text.namespace);
        let _ = compiler.add_source(yara_x::SourceCode::from(&*text.text).with_origin(&text.origin));
        let errors: Vec<Left> = compiler.errors().iter().map(left_of).collect();
        if errors.is_empty() { Ok(compiler.warnings().iter().map(ToString::to_string).collect()) } else { Err(errors) }
    };
    compile::catch_engine_panic(compile).map_err(|_| Refusal::Failed)?.map_err(Refusal::Errors)
}

fn left_of(error: &CompileError) -> Left {
    let span = error.labels().next().map(|label| label.span().range()).unwrap_or_default();
    let mut left = Left::new(None, span, compile::message_of(error));
    match error {
        CompileError::UnknownIdentifier(error) => left.unknown = Some(error.identifier().to_owned()),
        CompileError::InvalidRegexp(_) => {
            left.hint = Some("--relaxed-re-syntax takes more of what YARA takes".to_owned());
        }
        _ => {}
    }
    left
}

/// Says of each unknown name what it is: a rule or a module that is left out, or a rule of another file.
fn name_other_files(candidates: &mut [Candidate]) {
    let unknown: HashSet<&str> =
        candidates.iter().flat_map(|candidate| &candidate.unused).filter_map(|left| left.unknown.as_deref()).collect();
    if unknown.is_empty() {
        return;
    }
    let mut files: HashMap<String, String> = HashMap::new();
    for candidate in candidates.iter() {
        let used = candidate.rules.iter().map(|declared| &*declared.rule.id.name);
        for name in used.filter(|name| unknown.contains(name)) {
            files.entry(name.to_owned()).or_insert_with(|| candidate.text.origin.clone());
        }
    }
    for candidate in candidates {
        let left_out: HashSet<String> = candidate.unused.iter().filter_map(|left| left.rule.clone()).collect();
        for left in &mut candidate.unused {
            let Some(name) = &left.unknown else { continue };
            if left_out.contains(name) {
                left.why = format!("refers to the rule `{name}`, which cannot be used");
            } else if let Some(file) = files.get(name) {
                let file = crate::text::escape_path(Path::new(file));
                left.hint = Some(format!(
                    "rule {name} is in {file}, and a rule can only refer to rules of its own file: include that file \
                     where it is needed, and give --rules the folder of both"
                ));
            }
        }
    }
}

#[cfg(test)]
#[path = "vet_tests.rs"]
mod tests;
