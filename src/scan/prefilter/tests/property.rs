//! What yara-x reports, the prefilter never rules out.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::generate::{self, Rule, Stretch};
use super::{Decision, Prefilter, Source, yara_matches};

/// The rules that yara-x takes, compiled.
fn compile(rules: &[Rule]) -> (yara_x::Rules, Vec<&Rule>) {
    let compiler = |rules: &[&Rule]| {
        let mut compiler = yara_x::Compiler::new();
        compiler.define_global("ext", 3).unwrap();
        let mut refused = None;
        for (index, rule) in rules.iter().enumerate() {
            compiler.new_namespace(rule.namespace);
            if compiler.add_source(rule.source.as_str()).is_err() {
                refused = Some(index);
                break;
            }
        }
        (compiler, refused)
    };
    let mut taken: Vec<&Rule> = rules.iter().collect();
    loop {
        match compiler(&taken) {
            (compiler, None) => return (compiler.build(), taken),
            (_, Some(refused)) => drop(taken.remove(refused)),
        }
    }
}

fn whole(file: &[Stretch]) -> Vec<u8> {
    let bytes = |stretch: &Stretch| match stretch {
        Stretch::Bytes(bytes) => bytes.clone(),
        Stretch::Hole(length) => vec![0; *length],
    };
    file.iter().flat_map(bytes).collect()
}

/// Sends the file through in chunks of the given sizes, taken in turn.
fn rules_out(prefilter: &Prefilter, file: &[Stretch], sizes: &[usize], filesize: usize) -> bool {
    let mut pass = prefilter.pass(filesize as u64);
    let mut sizes = sizes.iter().copied().cycle();
    for stretch in file {
        match stretch {
            Stretch::Hole(length) => _ = pass.skip_zeros(*length as u64),
            Stretch::Bytes(bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                    pass.feed(chunk);
                    rest = after;
                }
            }
        }
        if pass.decision() == Decision::CannotMatch {
            return true;
        }
    }
    !pass.finish()
}

fn runner() -> TestRunner {
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
}

#[test]
fn no_file_that_yara_matches_is_ruled_out() {
    let (matched, ruled_out, compiled) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let cases = generate::rules().prop_flat_map(|rules| {
        let samples: Vec<Vec<u8>> = rules.iter().flat_map(|rule| rule.samples.clone()).collect();
        (Just(rules), vec((generate::file(samples), vec(1..70usize, 1..6)), 6))
    });
    let outcome = runner().run(&cases, |(rules, files)| {
        let (compiled_rules, taken) = compile(&rules);
        compiled.set(compiled.get() + taken.len());
        let sources: Vec<Source> =
            taken.iter().map(|rule| Source { namespace: rule.namespace, text: &rule.source }).collect();
        let prefilter = Prefilter::new(&sources, &[]);
        for (file, sizes) in &files {
            let data = whole(file);
            let found = yara_matches(&compiled_rules, &data);
            let out = rules_out(&prefilter, file, sizes, data.len());
            matched.set(matched.get() + u32::from(found));
            ruled_out.set(ruled_out.get() + u32::from(out));
            if found && out {
                let rules: Vec<String> = taken.iter().map(|r| format!("// {}\n{}", r.namespace, r.source)).collect();
                let lost = format!(
                    "{}\nrule out a match in {:?}\nchunks {sizes:?}",
                    rules.concat(),
                    data.escape_ascii().to_string()
                );
                return Err(TestCaseError::fail(lost));
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Neither side of the comparison may be empty.
    let (matched, ruled_out, compiled) = (matched.get(), ruled_out.get(), compiled.get());
    println!("{compiled} rules compiled; of the files {matched} matched and {ruled_out} were ruled out");
    assert!(compiled > 50 && matched > 50 && ruled_out > 50, "{compiled} {matched} {ruled_out}");
}

/// One pattern, required: if yara-x finds it, one of its needles is there.
#[test]
fn a_pattern_that_yara_finds_is_seen() {
    let (matched, ruled_out) = (Cell::new(0), Cell::new(0));
    let cases = generate::pattern().prop_flat_map(|pattern| {
        let samples = vec![pattern.1.clone()];
        (Just(pattern.0), vec((generate::file(samples), vec(1..70usize, 1..6)), 12))
    });
    let outcome = runner().run(&cases, |(pattern, files)| {
        let text = format!("rule one {{ strings: $a = {pattern} condition: $a }}");
        let Ok(rules) = yara_x::compile(text.as_str()) else { return Ok(()) };
        let prefilter = Prefilter::new(&[Source { namespace: "default", text: &text }], &[]);
        for (file, sizes) in &files {
            let data = whole(file);
            let found = yara_matches(&rules, &data);
            let out = rules_out(&prefilter, file, sizes, data.len());
            matched.set(matched.get() + u32::from(found));
            ruled_out.set(ruled_out.get() + u32::from(out));
            if found && out {
                return Err(TestCaseError::fail(format!("{pattern}\nlost in {}", data.escape_ascii())));
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("of the files {} matched and {} were ruled out", matched.get(), ruled_out.get());
    assert!(matched.get() > 200 && ruled_out.get() > 50, "{} {}", matched.get(), ruled_out.get());
}
