//! Generated rules and files: every part that is explained comes to what yara-x makes of it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::generate::{PATTERNS, condition, data};
use super::*;

/// Has yara-x search for all patterns before anything else: it leaves that out where it takes it for done.
fn searched(condition: &str) -> String {
    format!("(any of them or filesize >= 0) and ({condition})")
}

/// What yara-x makes of each condition; `None` for one that it refuses, for some have constants that it does.
fn verdicts(conditions: &[String], bytes: &[u8]) -> Vec<Option<bool>> {
    let mut compiler = yara_x::Compiler::new();
    externals()
        .each(&crate::hunt::RuleOptions::default(), |name, value| _ = compiler.define_global(name, value).unwrap());
    let taken: Vec<bool> = conditions
        .iter()
        .enumerate()
        .map(|(index, condition)| {
            let source = format!("rule r{index} {{ strings: {PATTERNS} condition: {}\n}}", searched(condition));
            compiler.add_source(source.as_str()).is_ok()
        })
        .collect();
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let results = scanner.scan(bytes).unwrap();
    let matched: Vec<String> = results.matching_rules().map(|rule| rule.identifier().to_owned()).collect();
    let holds = |(index, taken): (usize, bool)| taken.then(|| matched.contains(&format!("r{index}")));
    taken.into_iter().enumerate().map(holds).collect()
}

/// Numbers that make yara-x wrap around are not explained; nothing else of these forms may be.
fn may_be_unknown(part: &ConditionPart) -> bool {
    ["beyond 6", "mixes a negative", "negates an unsigned", "taken in two ways", "takes in two ways", "cannot be told"]
        .iter()
        .any(|why| part.because.contains(why))
}

#[test]
fn every_part_agrees_with_yara_x() {
    let (explained, unknown) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = ProptestConfig {
        max_global_rejects: 100_000,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    };
    let outcome = TestRunner::new(config).run(&(condition(), data()), |(condition, bytes)| {
        let rule = rule(PATTERNS, &searched(&condition));
        let part = unaided(&rule, &bytes);
        let rows: Vec<&ConditionPart> = part.rows().into_iter().map(|(_, part)| part).collect();
        let texts = rows.iter().flat_map(|part| [part.text.clone(), format!("defined ({})", part.text)]);
        let said = verdicts(&texts.collect::<Vec<_>>(), &bytes);
        if said.first().is_none_or(Option::is_none) {
            return Err(TestCaseError::reject("yara-x refuses it"));
        }
        for (part, said) in rows.iter().zip(said.chunks(2)) {
            if part.value == PartValue::Unknown {
                unknown.set(unknown.get() + 1);
                prop_assert!(!part.parts.is_empty() || may_be_unknown(part), "{:?}", part);
                continue;
            }
            explained.set(explained.get() + 1);
            let expected = [part.value == PartValue::True, part.value != PartValue::Undefined];
            for (said, expected) in said.iter().zip(expected) {
                prop_assert_eq!(said.unwrap_or(expected), expected, "{:?} of {}", part, condition);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(unknown.get() * 10 < explained.get(), "{} of {}", unknown.get(), explained.get());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Told what yara-x said, right or wrong, the whole says the same.
    #[test]
    fn the_whole_agrees_with_what_yara_x_said(condition in condition(), bytes in data(), matched: bool) {
        let rule = rule(PATTERNS, &condition);
        let bytes = bytes.as_slice();
        let facts = ExplainedFile { bytes: &bytes, places: &[], externals: None, options: &crate::hunt::RuleOptions::default() };
        let part = super::condition(&rule, facts, Some(matched));
        prop_assert_eq!(part.value == PartValue::True, matched);
        prop_assert!(part.value != PartValue::Unknown);
    }
}
