//! The byte sequences that a regular expression cannot match without.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::bytes::ByteSet;

/// Consecutive places, each with the bytes that may stand there.
pub(super) type Run = Vec<ByteSet>;
/// Runs of which at least one occurs in every match.
pub(super) type Cover = Vec<Run>;

/// A run is cut here; a longer one proves no more.
const MAX_RUN: usize = 128;
/// Alternations with more branches than this give no cover.
const MAX_BRANCHES: usize = 16;
/// Parts of an expression that are looked at; nested repetitions multiply them.
const MAX_STEPS: u32 = 10_000;
/// Regular expressions nested deeper than this are not looked into.
const MAX_DEPTH: u32 = 100;

/// All covers found for an expression, each of them sufficient. None for an expression without a required byte.
pub(super) fn covers(hir: &Hir) -> Vec<Cover> {
    let mut walk = Walk::default();
    walk.visit(hir);
    walk.cut();
    walk.covers
}

#[derive(Default)]
struct Walk {
    covers: Vec<Cover>,
    run: Run,
    /// Whether the expression is more than the one run: then the run alone does not stand for all of it.
    cut: bool,
    steps: u32,
    depth: u32,
}

impl Walk {
    fn cut(&mut self) {
        self.cut = true;
        if !self.run.is_empty() {
            self.covers.push(vec![std::mem::take(&mut self.run)]);
        }
    }

    fn push(&mut self, set: ByteSet) {
        if self.run.len() == MAX_RUN {
            self.cut();
        }
        self.run.push(set);
    }

    fn visit(&mut self, hir: &Hir) {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth > MAX_DEPTH {
            self.cut();
            return;
        }
        self.depth += 1;
        match hir.kind() {
            // Assertions have no width: what stands before and after them is adjacent.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => literal.0.iter().for_each(|&byte| self.push(ByteSet::one(byte))),
            HirKind::Class(class) => match bytes_of(class) {
                Some(set) => self.push(set),
                None => self.cut(),
            },
            HirKind::Capture(capture) => self.visit(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.visit(part)),
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Alternation(branches) => self.alternation(branches),
        }
        self.depth -= 1;
    }

    fn repetition(&mut self, repetition: &Repetition) {
        let fixed = repetition.max == Some(repetition.min);
        let shown = repetition.min.min(MAX_RUN as u32);
        (0..shown).for_each(|_| self.visit(&repetition.sub));
        if fixed && repetition.min == shown {
            return;
        }
        // The last rounds stand next to what follows, as the first ones do to what precedes.
        self.cut();
        (0..shown).for_each(|_| self.visit(&repetition.sub));
    }

    fn alternation(&mut self, branches: &[Hir]) {
        let walks: Vec<Self> = branches.iter().map(|branch| self.branch(branch)).collect();
        let cover: Option<Cover> = walks.iter().map(Self::best).collect::<Option<Vec<_>>>().map(|all| all.concat());
        if let Some(cover) = cover.filter(|cover| cover.len() <= MAX_BRANCHES) {
            self.covers.push(cover);
        }
        match merged(&walks) {
            Some(run) => run.into_iter().for_each(|set| self.push(set)),
            None => self.cut(),
        }
    }

    fn branch(&mut self, branch: &Hir) -> Self {
        let mut walk = Self { steps: self.steps, depth: self.depth, ..Self::default() };
        walk.visit(branch);
        self.steps = walk.steps;
        walk
    }

    /// The cover of a branch that tells most.
    fn best(&self) -> Option<Cover> {
        let run = Some(vec![self.run.clone()]).filter(|_| !self.run.is_empty());
        let telling = |cover: &Cover| {
            let runs = cover.iter().map(|run| run.iter().map(ByteSet::information).sum());
            runs.fold(f64::INFINITY, f64::min)
        };
        self.covers.iter().cloned().chain(run).max_by(|a, b| telling(a).total_cmp(&telling(b)))
    }
}

/// Branches of the same fixed length as one run. It allows mixtures of the branches, which is sound.
fn merged(branches: &[Walk]) -> Option<Run> {
    let (first, rest) = branches.split_first()?;
    if branches.iter().any(|branch| branch.cut || branch.run.len() != first.run.len()) {
        return None;
    }
    let union = |run: Run, branch: &Walk| run.iter().zip(&branch.run).map(|(a, b)| a.union(b)).collect();
    Some(rest.iter().fold(first.run.clone(), union))
}

/// The class as a set of single bytes; `None` if it is empty or has characters of several bytes.
fn bytes_of(class: &Class) -> Option<ByteSet> {
    let bytes = match class {
        Class::Bytes(bytes) => bytes.clone(),
        Class::Unicode(unicode) => unicode.to_byte_class()?,
    };
    let mut set = ByteSet::EMPTY;
    for range in bytes.ranges() {
        (range.start()..=range.end()).for_each(|byte| set.insert(byte));
    }
    Some(set).filter(|set| *set != ByteSet::EMPTY)
}
