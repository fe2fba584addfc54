//! Generated rules and files: every part that is explained comes to what yara-x makes of it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::generate::{PATTERNS, condition, data};
use super::*;

/// Whether yara-x takes the condition: some that are generated have constants that it refuses.
fn compiles(source: &str) -> bool {
    let mut compiler = yara_x::Compiler::new();
    for name in crate::hunt::EXTERNAL_VARIABLES {
        compiler.define_global(name, "").unwrap();
    }
    compiler.add_source(source).is_ok()
}

/// What yara-x makes of a condition; patterns that it does not use are kept from being an error.
fn verdict(condition: &str, bytes: &[u8]) -> Option<bool> {
    let used = format!("({condition}) and (any of them or true)");
    let rule = rule(PATTERNS, &used);
    compiles(&rule.source).then(|| probed(&rule, bytes).matched.unwrap())
}

/// Numbers that make yara-x wrap around are not explained; nothing else of these forms may be.
fn may_be_unknown(part: &Part) -> bool {
    ["beyond 6", "mixes a negative", "negates an unsigned", "taken in two ways", "takes in two ways", "cannot be told"]
        .iter()
        .any(|why| part.because.contains(why))
}

#[test]
fn every_part_agrees_with_yara_x() {
    let (explained, unknown, taken) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = TestRunner::new(ProptestConfig { max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::with_cases(400) });
    let outcome = runner.run(&(condition(), data()), |(condition, bytes)| {
        let Some(expected) = verdict(&condition, &bytes) else { return Err(TestCaseError::reject("refused")) };
        taken.set(taken.get() + 1);
        let rule = rule(PATTERNS, &format!("({condition}) and (any of them or true)"));
        let part = unaided(&rule, &bytes, &probed(&rule, &bytes));
        for (_, part) in part.rows() {
            let holds = match part.value {
                Value::True => true,
                Value::False | Value::Undefined => false,
                Value::Unknown => {
                    unknown.set(unknown.get() + 1);
                    prop_assert!(!part.parts.is_empty() || may_be_unknown(part), "{:?}", part);
                    continue;
                }
            };
            explained.set(explained.get() + 1);
            let said = verdict(&part.text, &bytes);
            prop_assert_eq!(said.unwrap_or(holds), holds, "{:?} of {}", part, condition);
            let defined = verdict(&format!("defined ({})", part.text), &bytes);
            let is_defined = part.value != Value::Undefined;
            prop_assert_eq!(defined.unwrap_or(is_defined), is_defined, "{:?} of {}", part, condition);
        }
        match part.value {
            Value::Unknown => {}
            value => prop_assert_eq!(value == Value::True, expected),
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(taken.get() >= 400 && unknown.get() * 10 < explained.get(), "{} of {}", unknown.get(), explained.get());
}
