//! Three-valued logic: what a check comes to when not everything could be looked at.

use std::fmt;

/// What a check, or a combination of checks, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The evidence contradicts it.
    NotMet,
    /// The evidence could not be gathered.
    Unknown,
    /// The evidence bears it out.
    Met,
}

impl Truth {
    /// Both must hold: not met wins over unknown, unknown over met (Kleene's strong conjunction).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One must hold: met wins over unknown, unknown over not met (Kleene's strong disjunction).
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// [`Truth::and`] over all; met for none.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Met, Self::and)
    }

    /// [`Truth::or`] over all; not met for none.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::NotMet, Self::or)
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    /// Met for not met and the other way about; unknown stays unknown.
    fn not(self) -> Self {
        match self {
            Self::NotMet => Self::Met,
            Self::Unknown => Self::Unknown,
            Self::Met => Self::NotMet,
        }
    }
}

impl From<bool> for Truth {
    fn from(met: bool) -> Self {
        if met { Self::Met } else { Self::NotMet }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotMet => "not met",
            Self::Unknown => "unknown",
            Self::Met => "met",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, Met, NotMet, Unknown};
    use proptest::prelude::*;

    #[test]
    fn the_tables() {
        assert_eq!(Unknown.and(Met), Unknown);
        assert_eq!(Unknown.or(Met), Met);
        assert_eq!(NotMet.and(Unknown), NotMet);
        assert_eq!(NotMet.or(Unknown), Unknown);
        assert_eq!(Met.and(Met), Met);
        assert_eq!(NotMet.or(NotMet), NotMet);
        assert_eq!(Truth::all([]), Met);
        assert_eq!(Truth::any([]), NotMet);
        assert_eq!(Unknown.to_string(), "unknown");
    }

    fn truth() -> impl Strategy<Value = Truth> {
        prop_oneof![Just(Met), Just(NotMet), Just(Unknown)]
    }

    fn worlds(t: Truth) -> Vec<bool> {
        match t {
            Met => vec![true],
            NotMet => vec![false],
            Unknown => vec![false, true],
        }
    }

    /// What every way of filling in the unknowns agrees on.
    fn agreed(a: Truth, b: Truth, op: impl Fn(bool, bool) -> bool) -> Truth {
        let mut results: Vec<bool> = worlds(a)
            .into_iter()
            .flat_map(|x| worlds(b).into_iter().map(move |y| (x, y)))
            .map(|(x, y)| op(x, y))
            .collect();
        results.dedup();
        if results.len() == 1 { results[0].into() } else { Unknown }
    }

    proptest! {
        #[test]
        fn laws(a in truth(), b in truth(), c in truth()) {
            prop_assert_eq!(a.and(b), b.and(a));
            prop_assert_eq!(a.or(b), b.or(a));
            prop_assert_eq!(a.and(b).and(c), a.and(b.and(c)));
            prop_assert_eq!(a.or(b).or(c), a.or(b.or(c)));
            prop_assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)));
            prop_assert_eq!(a.or(a.and(b)), a);
            prop_assert_eq!(!a.and(b), (!a).or(!b));
            prop_assert_eq!(a.and(Met), a);
            prop_assert_eq!(a.or(NotMet), a);
        }

        #[test]
        fn it_is_what_all_ways_to_fill_in_the_unknown_agree_on(a in truth(), b in truth()) {
            prop_assert_eq!(a.and(b), agreed(a, b, |x, y| x && y));
            prop_assert_eq!(a.or(b), agreed(a, b, |x, y| x || y));
        }
    }
}
