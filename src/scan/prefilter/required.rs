//! The byte sequences that a regular expression cannot match without.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::bytes::ByteSet;

/// Consecutive places, each with the bytes that may stand there.
pub(super) type Run = Vec<ByteSet>;
/// Runs of which at least one occurs in every match.
pub(super) type RunCover = Vec<Run>;

/// A run is cut here; a longer one proves no more.
const MAX_RUN: usize = 128;
/// Alternations with more branches than this give no cover.
const MAX_BRANCHES: usize = 16;
/// Runs that are followed side by side.
const MAX_OPEN: usize = 8;
/// Parts of an expression that are looked at; nested repetitions multiply them.
const MAX_STEPS: u32 = 10_000;
/// Regular expressions nested deeper than this are not looked into.
const MAX_DEPTH: u32 = 100;
/// Parts in a row that may be empty and are looked through for what comes after them.
const MAX_EMPTY: usize = 16;
/// A place with more bytes than this is not worth a comparison.
const MAX_NEXT: usize = 64;

/// The cover of which the run that tells least tells most.
pub(super) fn most_telling(covers: Vec<RunCover>) -> Option<RunCover> {
    let telling = |cover: &RunCover| {
        let runs = cover.iter().map(|run| run.iter().map(ByteSet::information).sum());
        runs.fold(f64::INFINITY, f64::min)
    };
    covers.into_iter().max_by(|a, b| telling(a).total_cmp(&telling(b)))
}

/// All covers found for an expression, each of them sufficient. None for an expression without a required byte.
pub(super) fn covers(hir: &Hir) -> Vec<RunCover> {
    let mut walk = Walk::default();
    walk.visit(hir);
    walk.cut();
    walk.covers
}

struct Walk {
    covers: Vec<RunCover>,
    /// What stands before the place that is looked at, as far as that is known: one of these runs.
    open: Vec<Run>,
    /// Whether the expression is more than the open runs: then they alone do not stand for all of it.
    cut: bool,
    /// What may stand after what is looked at, at its next place; `None` if that is not known, or nothing.
    next: Option<ByteSet>,
    steps: u32,
    depth: u32,
}

impl Default for Walk {
    fn default() -> Self {
        Self { covers: Vec::new(), open: vec![Run::new()], cut: false, next: None, steps: 0, depth: 0 }
    }
}

impl Walk {
    fn cut(&mut self) {
        self.cut = true;
        let open = std::mem::replace(&mut self.open, vec![Run::new()]);
        self.covers.extend((!open.iter().any(Run::is_empty)).then_some(open));
    }

    /// As [`Walk::cut`], before something that begins with one of the bytes `first`, or is left out. Many a word is an everyday
    /// one, but for the bracket that comes after blanks.
    fn cut_before(&mut self, first: ByteSet) {
        let next = self.next.map(|next| next.union(&first)).filter(|next| next.len() <= MAX_NEXT);
        if let Some(next) = next.filter(|_| self.open.iter().all(|run| !run.is_empty() && run.len() < MAX_RUN)) {
            self.push(next);
        }
        self.cut();
    }

    fn push(&mut self, set: ByteSet) {
        if self.open.iter().any(|run| run.len() == MAX_RUN) {
            self.cut();
        }
        self.open.iter_mut().for_each(|run| run.push(set));
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
            HirKind::Concat(parts) => self.concat(parts),
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Alternation(branches) => self.alternation(branches),
        }
        self.depth -= 1;
    }

    fn concat(&mut self, parts: &[Hir]) {
        let after = self.next;
        for (index, part) in parts.iter().enumerate() {
            self.next = first_of(parts.get(index + 1..).unwrap_or_default(), after);
            self.visit(part);
        }
        self.next = after;
    }

    fn repetition(&mut self, repetition: &Repetition) {
        let fixed = repetition.max == Some(repetition.min);
        let shown = repetition.min.min(MAX_RUN as u32);
        let after = self.next;
        let first = first(&repetition.sub, 0).0;
        self.next = after.map(|after| after.union(&first));
        (0..shown).for_each(|_| self.visit(&repetition.sub));
        if !fixed || repetition.min != shown {
            // The last rounds stand next to what follows, as the first ones do to what precedes.
            self.cut_before(first);
            (0..shown).for_each(|_| self.visit(&repetition.sub));
        }
        self.next = after;
    }

    fn alternation(&mut self, branches: &[Hir]) {
        let walks: Vec<Self> = branches.iter().map(|branch| self.branch(branch)).collect();
        let cover: Option<RunCover> = walks.iter().map(Self::best).collect::<Option<Vec<_>>>().map(|all| all.concat());
        if let Some(cover) = cover.filter(|cover| cover.len() <= MAX_BRANCHES) {
            self.covers.push(cover);
        }
        if let Some(run) = merged(&walks) {
            for set in run {
                self.push(set);
            }
        } else if let Some(open) = self.continued(&walks) {
            // What comes before may tell more alone than each continuation of it.
            self.covers.extend((!self.open.iter().any(Run::is_empty)).then(|| self.open.clone()));
            self.open = open;
        } else {
            let all = branches.iter().map(|branch| first(branch, 0).0);
            self.cut_before(all.fold(ByteSet::EMPTY, |all, first| all.union(&first)));
        }
    }

    /// The open runs with each branch after each; `None` if that are too many, or a branch is more than runs.
    fn continued(&self, branches: &[Self]) -> Option<Vec<Run>> {
        let ends: usize = branches.iter().map(|branch| branch.open.len()).sum();
        if branches.iter().any(|branch| branch.cut) || ends * self.open.len() > MAX_OPEN {
            return None;
        }
        let after = |run: &Run| -> Vec<Run> {
            branches.iter().flat_map(|branch| &branch.open).map(|end| [run.as_slice(), end].concat()).collect()
        };
        let open: Vec<Run> = self.open.iter().flat_map(after).collect();
        open.iter().all(|run| run.len() <= MAX_RUN).then_some(open)
    }

    fn branch(&mut self, branch: &Hir) -> Self {
        let mut walk = Self { steps: self.steps, depth: self.depth, next: self.next, ..Self::default() };
        walk.visit(branch);
        self.steps = walk.steps;
        walk
    }

    /// The cover of a branch that tells most.
    fn best(&self) -> Option<RunCover> {
        let open = (!self.open.iter().any(Run::is_empty)).then(|| self.open.clone());
        most_telling(self.covers.iter().cloned().chain(open).collect())
    }
}

/// Branches of the same fixed length as one run. It allows mixtures of the branches, which is sound.
fn merged(branches: &[Walk]) -> Option<Run> {
    let runs: Vec<&Run> = branches.iter().flat_map(|branch| &branch.open).collect();
    let (first, rest) = runs.split_first()?;
    if branches.iter().any(|branch| branch.cut) || rest.iter().any(|run| run.len() != first.len()) {
        return None;
    }
    let union = |run: Run, other: &&Run| run.iter().zip(*other).map(|(a, b)| a.union(b)).collect();
    Some(rest.iter().fold((*first).clone(), union))
}

/// What may stand at the first place of these parts, or of what comes `after` them where all may be empty.
fn first_of(parts: &[Hir], after: Option<ByteSet>) -> Option<ByteSet> {
    let mut all = ByteSet::EMPTY;
    for part in parts.iter().take(MAX_EMPTY) {
        let (first, may_be_empty) = first(part, 0);
        all = all.union(&first);
        if !may_be_empty {
            return Some(all);
        }
    }
    after.filter(|_| parts.len() <= MAX_EMPTY).map(|after| all.union(&after))
}

/// What may stand at the first place of an expression, and whether it may be empty. More, where that is not known.
fn first(hir: &Hir, depth: u32) -> (ByteSet, bool) {
    if depth > MAX_DEPTH {
        return (ByteSet::ALL, true);
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (ByteSet::EMPTY, true),
        HirKind::Literal(literal) => (literal.0.first().map_or(ByteSet::ALL, |byte| ByteSet::one(*byte)), false),
        HirKind::Class(class) => (bytes_of(class).unwrap_or(ByteSet::ALL), false),
        HirKind::Capture(capture) => first(&capture.sub, depth + 1),
        HirKind::Repetition(repetition) => {
            let (bytes, may_be_empty) = first(&repetition.sub, depth + 1);
            (bytes, may_be_empty || repetition.min == 0)
        }
        HirKind::Concat(parts) => {
            let mut all = (ByteSet::EMPTY, true);
            for part in parts.iter().take(MAX_EMPTY) {
                let (bytes, may_be_empty) = first(part, depth + 1);
                all = (all.0.union(&bytes), may_be_empty);
                if !may_be_empty {
                    return all;
                }
            }
            if parts.len() > MAX_EMPTY { (ByteSet::ALL, true) } else { all }
        }
        HirKind::Alternation(branches) => branches.iter().fold((ByteSet::EMPTY, false), |all, branch| {
            let (bytes, may_be_empty) = first(branch, depth + 1);
            (all.0.union(&bytes), all.1 || may_be_empty)
        }),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The covers of an expression, as text; a place with several bytes is their number in brackets.
    fn shown(expression: &str) -> Vec<Vec<String>> {
        let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).unwrap();
        let place = |set: &ByteSet| match set.iter().collect::<Vec<_>>().as_slice() {
            [byte] => char::from(*byte).to_string(),
            bytes => format!("[{}]", bytes.len()),
        };
        let run = |run: &Run| run.iter().map(place).collect::<String>();
        covers(&hir).iter().map(|cover| cover.iter().map(run).collect()).collect()
    }

    #[test]
    fn a_run_ends_with_what_may_come_next() {
        assert_eq!(shown(r"eval[	 ]{0,500}\("), [["eval[3]"], ["("]]);
        assert_eq!(shown(r"(eval\s*)x?\("), [["eval[8]"], ["("]]);
        assert_eq!(shown("ab(c|de|fgh)?i"), [["ab[4]"], ["i"]]);
        assert_eq!(shown("(ab|c{3,})+d"), shown("(?:ab|c{3,})+d"));
        assert_eq!(shown("ab.*"), [["ab"]], "what comes next may be nothing");
        assert_eq!(shown("ab.*c"), [["ab"], ["c"]], "or nearly anything");
        assert_eq!(shown("ab+c"), [["ab[2]"], ["bc"]]);
        let many = format!("ab{}c", "x?".repeat(MAX_EMPTY + 1));
        assert_eq!(shown(&many).first(), Some(&vec!["ab".to_owned()]), "not looked through for ever");
    }
}
