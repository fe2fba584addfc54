//! The condition of a rule, and of its hunt's candidate test, for a file whose bytes are at hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Facts, Part, condition};
use crate::elf::Bytes;
use crate::finding::Finding;
use crate::hunt::{Hunt, Rule, rules_of};
use crate::scan::{Externals, Places, probe};

/// A larger file, in bytes, is not searched for patterns again; those that a finding lists must do.
pub const MOST: u64 = 64 << 20;

/// What the two conditions of a hunt come to for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The rule's condition.
    pub rule: Part,
    /// The candidate condition, if the hunt has one.
    pub candidate: Option<Part>,
}

/// Explains the rule of `hunt` for the file of `bytes`.
///
/// `finding` holds what a scan found of the rule in the very same bytes, `matched` whether the rule matched there, as far
/// as these are known. Up to [`MOST`] bytes are held in memory and searched for all patterns of the rule, so that it can
/// be explained for a file that it did not match as well; of other files only what the finding lists is known.
pub fn file(
    rule: &Rule,
    bytes: &dyn Bytes,
    externals: Option<&Externals>,
    finding: Option<&Finding>,
    matched: Option<bool>,
) -> Part {
    let nothing = Externals::default();
    let probed = whole(bytes).and_then(|whole| probe(rule, &whole, externals.unwrap_or(&nothing)).ok());
    let (places, alone) = match probed {
        // Without the file's name, what yara-x says of the rule may depend on the wrong one.
        Some(probed) => (probed.places, probed.matched.filter(|_| externals.is_some())),
        None => (finding.map(|finding| listed(rule, finding)).unwrap_or_default(), None),
    };
    let rules = BTreeMap::new();
    condition(rule, Facts { bytes, places: &places, externals, rules: &rules }, matched.or(alone))
}

/// Explains the candidate condition of `hunt`, if it has one; `holds` is what yara-x made of it, if that is known.
pub fn candidate(hunt: &Hunt, bytes: &dyn Bytes, externals: Option<&Externals>, holds: Option<bool>) -> Option<Part> {
    // The line end keeps a comment at the end of the condition from swallowing the brace.
    let source = format!("rule candidate {{ condition: {}\n}}", hunt.candidate.as_ref()?);
    let rules = rules_of("", Path::new(""), &source).ok()?;
    let [rule] = rules.as_slice() else { return None };
    let none = BTreeMap::new();
    Some(condition(rule, Facts { bytes, places: &[], externals, rules: &none }, holds))
}

/// The whole content, if it is small enough and all of it is at hand.
fn whole(bytes: &dyn Bytes) -> Option<Vec<u8>> {
    const CHUNK: usize = 1 << 20;
    let size = usize::try_from(bytes.size()).ok().filter(|size| *size as u64 <= MOST)?;
    let mut whole = Vec::with_capacity(size);
    while whole.len() < size {
        let piece = bytes.read(whole.len() as u64, CHUNK.min(size - whole.len()));
        if piece.is_empty() {
            return None;
        }
        whole.extend_from_slice(&piece);
    }
    Some(whole)
}

/// Where the finding says that the patterns are. Patterns without a name cannot be told apart in it, and of one that
/// has no match it is not said whether all of the file was searched for it, so they are unknown.
fn listed(rule: &Rule, finding: &Finding) -> Vec<Places> {
    let of = |id: &str| {
        let found = finding.matches.iter().filter(|found| *found.pattern == *id);
        let matches = found.map(|found| (found.offset, found.length)).collect();
        Places { matches, capped: finding.capped }
    };
    if rule.patterns.iter().any(|pattern| pattern.id == "$") {
        return Vec::new();
    }
    rule.patterns.iter().map(|pattern| of(&pattern.id)).collect()
}
