//! Which rules are compiled together.
//!
//! A prefilter is worth what its worst rule allows, and yara-x's search is at its best with few patterns. So rules that
//! can be ruled out while a file streams by are kept apart from those that cannot. Rules of one namespace stay
//! together: they may refer to each other.

use super::{CANDIDATES, RuleSource, windowed};
use crate::scan::prefilter::{Prefilter, Source};

/// How a group's rules meet a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Kind {
    /// Ruled out while streaming; else matched whole, or in a large file around the places that count.
    Windowed,
    /// Ruled out while streaming; else matched whole.
    Streamed,
    /// Always matched whole.
    Whole,
}

/// Byte strings that the prefilter of a group searches for at most: as many as yara-x's own SIMD search takes.
const MOST_LITERALS: usize = 64;

/// A namespace without rules.
const BETWEEN: &str = "huntbook-between";

/// Sources that must be compiled together: neighbours of the same namespace. Each candidate test is one by itself.
pub(super) struct Unit<'s> {
    sources: &'s [RuleSource],
}

impl<'s> Unit<'s> {
    pub(super) fn all(sources: &'s [RuleSource]) -> Vec<Self> {
        let together = |a: &RuleSource, b: &RuleSource| a.namespace == b.namespace && a.namespace != CANDIDATES;
        sources.chunk_by(together).map(|sources| Self { sources }).collect()
    }
}

/// The sources as the prefilter wants them.
pub(super) fn prefilter_of<'s>(sources: impl IntoIterator<Item = &'s RuleSource>) -> Prefilter {
    let borrow = |source: &'s RuleSource| Source { namespace: &source.namespace, text: &source.text };
    Prefilter::new(&sources.into_iter().map(borrow).collect::<Vec<_>>(), &[])
}

/// The kind of each unit, first come first served. Once one has more literals than there is room for, those after it
/// are not looked at: every file is matched whole anyway, and of thousands of rules the few that would fit gain nothing.
pub(super) fn assign(units: &[Unit]) -> Vec<Kind> {
    let mut room = [MOST_LITERALS; 2];
    let mut full = false;
    let kind = |unit: &Unit| {
        if full {
            return Kind::Whole;
        }
        let prefilter = prefilter_of(unit.sources);
        if prefilter.always_full() {
            return Kind::Whole;
        }
        let near = prefilter.reach().is_some_and(|reach| reach.bytes <= windowed::MOST_REACH);
        let in_windows = near && windowed::can_be(unit.sources);
        let (kind, room) = match (in_windows, &mut room) {
            (true, [room, _]) => (Kind::Windowed, room),
            (false, [_, room]) => (Kind::Streamed, room),
        };
        match room.checked_sub(prefilter.report().literals) {
            Some(left) => {
                *room = left;
                kind
            }
            None => {
                full = true;
                Kind::Whole
            }
        }
    };
    units.iter().map(kind).collect()
}

/// The sources of each kind that has any.
///
/// Units of the same namespace that had another between them are two namespaces of one name, and would become one if
/// that other went elsewhere: a global rule of the first would then rule over the second. So something empty is put
/// between them.
pub(super) fn grouped(units: &[Unit], kinds: &[Kind]) -> Vec<(Kind, Vec<RuleSource>)> {
    let of = |kind: Kind| {
        let mut sources: Vec<RuleSource> = Vec::new();
        for (unit, _) in units.iter().zip(kinds).filter(|(_, of)| **of == kind) {
            let namespace = |source: Option<&RuleSource>| source.map(|source| source.namespace.clone());
            if namespace(sources.last()) == namespace(unit.sources.first()) {
                sources.push(RuleSource { namespace: BETWEEN.into(), origin: String::new(), text: "".into() });
            }
            sources.extend_from_slice(unit.sources);
        }
        (kind, sources)
    };
    let all = [Kind::Windowed, Kind::Streamed, Kind::Whole].map(of);
    all.into_iter().filter(|(_, sources)| !sources.is_empty()).collect()
}
