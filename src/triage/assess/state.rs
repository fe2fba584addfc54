//! What a scenario comes to: what speaks for it, held against what speaks against it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hunt::{Strength, Truth};

/// What a scenario comes to. Each has a sign of its own, so that nobody needs colours to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioState {
    /// A line of its checks is met, by more than weak signs, and nothing that was seen speaks against it.
    Supported,
    /// A line of its checks is met, and something that was seen speaks against it.
    Contradicted,
    /// No line of its checks is met.
    NotSupported,
    /// It could not be told, or only weak signs speak for it.
    Unknown,
}

impl ScenarioState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Supported, Self::Contradicted, Self::NotSupported, Self::Unknown];

    /// The state of a scenario whose lines come to `support`, met by signs of `strength` at best.
    pub(super) fn of(support: Truth, strength: Option<Strength>, contradicted: bool) -> Self {
        match support {
            Truth::NotMet => Self::NotSupported,
            Truth::Met if contradicted => Self::Contradicted,
            Truth::Met if strength == Some(Strength::Strong) => Self::Supported,
            Truth::Met | Truth::Unknown => Self::Unknown,
        }
    }

    /// One character that stands for it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Supported => "✔",
            Self::Contradicted => "!",
            Self::NotSupported => "✘",
            Self::Unknown => "?",
        }
    }

    /// The word in JSON, as serde has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Contradicted => "contradicted",
            Self::NotSupported => "not-supported",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ScenarioState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supported => "supported",
            Self::Contradicted => "supported, but contradicted",
            Self::NotSupported => "not supported",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_signs_alone_never_support_and_what_speaks_against_is_never_dropped() {
        use ScenarioState as State;
        let (strong, weak) = (Some(Strength::Strong), Some(Strength::Weak));
        assert_eq!(State::of(Truth::Met, strong, false), State::Supported);
        assert_eq!(State::of(Truth::Met, weak, false), State::Unknown);
        for strength in [strong, weak] {
            assert_eq!(State::of(Truth::Met, strength, true), State::Contradicted);
        }
        for contradicted in [false, true] {
            assert_eq!(State::of(Truth::NotMet, None, contradicted), State::NotSupported);
            assert_eq!(State::of(Truth::Unknown, None, contradicted), State::Unknown);
        }
    }

    #[test]
    fn each_state_has_a_sign_and_a_name_of_its_own() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(State::ALL.iter().filter(|other| other.sign() == state.sign()).count(), 1);
            assert_eq!(State::ALL.iter().filter(|other| other.to_string() == state.to_string()).count(), 1);
        }
    }

    use ScenarioState as State;
}
