mod builtin;
mod forms;
pub(in crate::scan) mod generate;
mod hostile;
mod property;
mod streaming;

use super::{FileDecision, Pass, Prefilter, RuleClass, YaraSource};

/// A prefilter for rules of one namespace.
fn prefilter(text: &str) -> Prefilter {
    Prefilter::new(&[YaraSource { namespace: "test", text }], &[])
}

/// Whether a file of these bytes would have to be scanned.
fn must_scan(prefilter: &Prefilter, data: &[u8]) -> bool {
    let mut pass = prefilter.pass(data.len() as u64);
    pass.feed(data);
    pass.finish()
}

/// Whether yara-x reports any rule.
fn yara_matches(rules: &yara_x::Rules, data: &[u8]) -> bool {
    yara_x::Scanner::new(rules).scan(data).unwrap().matching_rules().len() > 0
}
