//! A search for two bytes in a row, for patterns that have nothing longer to search for. It takes a look at all bytes for
//! each pair, so there are only few.

use std::ops::Range;
use std::sync::OnceLock;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::guard::PatternIndex;

/// Pairs that are searched for at most.
pub(super) const MAX_PAIRS: usize = 6;

/// Two bytes.
pub(super) type Pair = [u8; 2];

/// The pairs that are searched for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pairs(Vec<Sought>);

#[derive(Debug, Serialize, Deserialize)]
struct Sought {
    pair: Pair,
    patterns: Vec<PatternIndex>,
    #[serde(skip)]
    finder: OnceLock<Finder<'static>>,
}

/// How often each pair was met in a file without telling anything.
#[derive(Debug, Default, Clone)]
pub(super) struct Tries([u32; MAX_PAIRS]);

impl Tries {
    /// Nothing more is to be found out.
    const DONE: u32 = u32::MAX;

    pub(super) fn clear(&mut self) {
        self.0 = [0; MAX_PAIRS];
    }
}

impl Pairs {
    /// Those of `wanted`, at most [`MAX_PAIRS`] different ones.
    pub(super) fn of(wanted: &[(Pair, PatternIndex)]) -> Self {
        let mut all: Vec<Sought> = Vec::new();
        for (pair, pattern) in wanted {
            let known = all.iter().position(|sought| sought.pair == *pair);
            if let Some(sought) = known.and_then(|known| all.get_mut(known)) {
                sought.patterns.push(*pattern);
            } else if all.len() < MAX_PAIRS {
                all.push(Sought { pair: *pair, patterns: vec![*pattern], finder: OnceLock::new() });
            }
        }
        Self(all)
    }

    /// The patterns that are searched for.
    pub(super) fn patterns(&self) -> impl Iterator<Item = PatternIndex> {
        self.0.iter().flat_map(|sought| sought.patterns.iter().copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls `each` with the patterns that are `open` and the places of their pairs in `bytes`; with `true` where it is not to
    /// look for itself any more, because it has looked at `most` places of the pair. It tells whether the pattern needs no further place.
    pub(super) fn search(
        &self,
        bytes: &[u8],
        (tries, most): (&mut Tries, u32),
        open: impl Fn(PatternIndex) -> bool,
        mut each: impl FnMut(PatternIndex, Range<usize>, bool) -> bool,
    ) {
        for (sought, tries) in self.0.iter().zip(&mut tries.0) {
            if *tries == Tries::DONE || !sought.patterns.iter().any(|pattern| open(*pattern)) {
                continue;
            }
            let finder = sought.finder.get_or_init(|| Finder::new(&sought.pair).into_owned());
            for place in finder.find_iter(bytes) {
                *tries += 1;
                let is_last = *tries >= most;
                let mut done = true;
                for pattern in sought.patterns.iter().filter(|pattern| open(**pattern)) {
                    done &= each(*pattern, place..place + sought.pair.len(), is_last);
                }
                if done || is_last {
                    *tries = Tries::DONE;
                    break;
                }
            }
        }
    }
}
