//! A rule's condition, reduced to what can be told about a file before yara-x has seen it.

use super::format::Format;
use super::guard::{GuardIndex, KnownFacts, Number, PatternIndex, stands};
use super::required::Run;
use super::truth::{Bounds, PossibleTruth};
use crate::hunt::language::Comparison;
use crate::scan::externals::TextTest;
use serde::{Deserialize, Serialize};

/// Index of a rule in the order of declaration.
pub(in crate::scan) type RuleIndex = usize;
/// A boolean expression. What YARA's language has beyond these forms has become [`Condition::Unknown`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Condition {
    Constant(PossibleTruth),
    /// Anything: module calls, external variables, loop variables, strings, floats.
    Unknown,
    /// The pattern occurs, wherever an `at` or `in` wants it.
    Pattern(PatternIndex),
    /// The pattern at a constant offset; [`super::set::RuleSet`] makes a [`Guard`](super::guard::Guard) of it.
    At(PatternIndex, u64),
    Guard(GuardIndex),
    /// Anything in a file of the format, and nothing that holds in another; [`super::set::RuleSet`] makes
    /// [`Condition::Within`] of it.
    OfFormat(Format),
    /// Anything where the guard holds; false or undefined elsewhere.
    Within(GuardIndex),
    /// What an external variable is compared with.
    Text(TextTest),
    /// An external variable matches an expression that takes one of these runs.
    TextHas(usize, Vec<Run>),
    Rule(RuleIndex),
    Not(Box<Condition>),
    Defined(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Of(Quantifier, Vec<Condition>),
    /// `for … in`: the body holds in as many rounds as the quantifier asks; how many rounds there are is not known.
    Loop(Quantifier, Box<Condition>),
    Compare(Comparison, Number, Number),
    /// A number where a boolean is wanted.
    NonZero(Number),
}

/// How many of a set must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Quantifier {
    None,
    All,
    Any,
    Count(Number),
    Percent(Number),
}

impl Condition {
    /// Calls `each` with every rule that the condition refers to.
    pub(super) fn each_rule(&self, each: &mut dyn FnMut(RuleIndex)) {
        match self {
            Self::Rule(rule) => each(*rule),
            Self::Not(part) | Self::Defined(part) | Self::Loop(_, part) => part.each_rule(each),
            Self::All(parts) | Self::Any(parts) | Self::Of(_, parts) => {
                for part in parts {
                    part.each_rule(each);
                }
            }
            Self::Constant(_)
            | Self::Unknown
            | Self::Pattern(_)
            | Self::At(..)
            | Self::Guard(_)
            | Self::OfFormat(_)
            | Self::Within(_)
            | Self::Text(_)
            | Self::TextHas(..)
            | Self::Compare(..)
            | Self::NonZero(_) => {}
        }
    }

    /// Calls `each` with every guard of the condition.
    pub(super) fn each_guard(&self, each: &mut dyn FnMut(GuardIndex)) {
        match self {
            Self::Guard(guard) | Self::Within(guard) => each(*guard),
            Self::Not(part) | Self::Defined(part) | Self::Loop(_, part) => part.each_guard(each),
            Self::All(parts) | Self::Any(parts) | Self::Of(_, parts) => {
                for part in parts {
                    part.each_guard(each);
                }
            }
            Self::Constant(_)
            | Self::Unknown
            | Self::Pattern(_)
            | Self::At(..)
            | Self::OfFormat(_)
            | Self::Text(_)
            | Self::TextHas(..)
            | Self::Rule(_)
            | Self::Compare(..)
            | Self::NonZero(_) => {}
        }
    }

    /// What the condition can come to; `rules` holds the results of the rules declared before.
    pub(super) fn truth(&self, facts: &KnownFacts, rules: &[PossibleTruth]) -> PossibleTruth {
        match self {
            Self::Constant(truth) => *truth,
            Self::Unknown | Self::OfFormat(_) => facts.unknown,
            Self::Within(guard) if facts.guard(*guard).holds => facts.unknown,
            Self::Within(_) => PossibleTruth { holds: false, ..PossibleTruth::ANY },
            // That the literal is there does not mean the pattern is: it may always be absent.
            Self::Pattern(pattern) | Self::At(pattern, _) => {
                PossibleTruth { undefined: true, ..PossibleTruth::at_most(facts.may_occur(*pattern)) }
            }
            Self::Guard(index) => facts.guard(*index),
            Self::Text(test) => facts
                .externals
                .and_then(|externals| test.holds(externals))
                .map_or(facts.unknown, |holds| if holds { PossibleTruth::HOLDS } else { PossibleTruth::FAILS }),
            Self::TextHas(variable, runs) => {
                let value = facts.externals.and_then(|externals| externals.value(*variable));
                let has = |run: &Run, value: &str| value.as_bytes().windows(run.len()).any(|there| stands(run, there));
                let lacks = value.is_some_and(|value| !runs.iter().any(|run| has(run, value)));
                if lacks { PossibleTruth { holds: false, ..PossibleTruth::ANY } } else { facts.unknown }
            }
            // A global rule that fails takes back the matches of its namespace, so a rule may always fail.
            Self::Rule(rule) => {
                rules.get(*rule).map_or(PossibleTruth::ANY, |truth| PossibleTruth::at_most(truth.holds))
            }
            Self::Not(operand) => !operand.truth(facts, rules),
            Self::Defined(operand) => operand.truth(facts, rules).defined(),
            Self::All(operands) => PossibleTruth::all(operands.iter().map(|operand| operand.truth(facts, rules))),
            Self::Any(operands) => PossibleTruth::any(operands.iter().map(|operand| operand.truth(facts, rules))),
            Self::Of(quantifier, items) => {
                let results = items.iter().map(|item| item.truth(facts, rules).settled());
                let (mut most, mut least) = (0, 0);
                for result in results {
                    most += usize::from(result.holds);
                    least += usize::from(!result.fails);
                }
                let holds = quantifier.can_be_met(items.len(), least, most, facts);
                PossibleTruth { undefined: true, ..PossibleTruth::at_most(holds) }
            }
            Self::Loop(quantifier, body) => {
                let holds = quantifier.can_end_true(body.truth(facts, rules).holds, facts);
                PossibleTruth { undefined: true, ..PossibleTruth::at_most(holds) }
            }
            Self::Compare(comparison, left, right) => {
                facts.decided(left.bounds(facts).compare(*comparison, right.bounds(facts)), &[left, right])
            }
            Self::NonZero(number) => {
                facts.decided(number.bounds(facts).compare(Comparison::NotEqual, Bounds::exactly(0)), &[number])
            }
        }
    }
}

impl Quantifier {
    /// Whether between `least` and `most` of `total` items can be enough.
    fn can_be_met(&self, total: usize, least: usize, most: usize, facts: &KnownFacts) -> bool {
        match self {
            Self::None => least == 0,
            Self::All => most == total,
            Self::Any => most > 0,
            Self::Count(number) => {
                let wanted = number.bounds(facts);
                // Zero means "none" in a loop and "any number, even none" over a pattern set.
                wanted.contains(0) || (wanted.high > 0 && wanted.low <= most as i128)
            }
            Self::Percent(number) => {
                let wanted = number.bounds(facts);
                let least_percent = wanted.low.clamp(0, 101) as f64;
                wanted.high >= 0 && (total as f64 * least_percent / 100.0).ceil() <= most as f64
            }
        }
    }

    /// Whether a loop can end true, given whether its body can hold in some round.
    ///
    /// A loop over an empty range or collection ends false whatever its quantifier.
    fn can_end_true(&self, body_can_hold: bool, facts: &KnownFacts) -> bool {
        let zero_asked = match self {
            Self::None => true,
            Self::All | Self::Any => false,
            Self::Count(number) | Self::Percent(number) => number.bounds(facts).contains(0),
        };
        zero_asked || body_can_hold
    }
}
