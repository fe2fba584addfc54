//! What yara-x reports, the prefilter never rules out.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::generate::{self, Rule, Stretch};
use super::{FileDecision, Pass, Prefilter, YaraSource, yara_matches};

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
    let first = prefilter.first_scratch();
    first.is_some_and(|first| passes_by(prefilter.pass_in(first, filesize as u64, None), file, sizes))
        || passes_by(prefilter.pass(filesize as u64), file, sizes)
}

fn passes_by(mut pass: Pass, file: &[Stretch], sizes: &[usize]) -> bool {
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
        if pass.decision() == FileDecision::CannotMatch {
            return true;
        }
    }
    !pass.finish()
}

/// Sends all of the file through.
fn passes_by_whole(pass: &mut Pass, file: &[Stretch], sizes: &[usize]) {
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
    }
}

/// A rule with so many literals that all are searched for as those of large sets are.
fn filler() -> String {
    let word = |n: u32| format!("$f{n} = \"{:08x}-{n}\"\n", 0x9e37_79b1_u32.wrapping_mul(n + 1));
    let words: String = (0..150).map(word).collect();
    format!("rule filler {{ strings: {words} condition: all of them }}")
}

/// Whether a prefilter of these sources among many rules out the file, in chunks or at once.
fn many_rule_out(sources: &[YaraSource], file: &[Stretch], sizes: &[usize], data: &[u8]) -> bool {
    let filler = filler();
    let mut all = sources.to_vec();
    all.push(YaraSource { namespace: "filler", text: &filler });
    let prefilter = Prefilter::new(&all, &[]);
    assert!(prefilter.report().literals > 128);
    let at_once = [Stretch::Bytes(data.to_vec())];
    rules_out(&prefilter, file, sizes, data.len()) || rules_out(&prefilter, &at_once, &[usize::MAX], data.len())
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
        let sources: Vec<YaraSource> =
            taken.iter().map(|rule| YaraSource { namespace: rule.namespace, text: &rule.source }).collect();
        let prefilter = Prefilter::new(&sources, &[]);
        for (file, sizes) in &files {
            let data = whole(file);
            let found = yara_matches(&compiled_rules, &data);
            let out = rules_out(&prefilter, file, sizes, data.len());
            matched.set(matched.get() + u32::from(found));
            ruled_out.set(ruled_out.get() + u32::from(out));
            if found && (out || many_rule_out(&sources, file, sizes, &data)) {
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
        let prefilter = Prefilter::new(&[YaraSource { namespace: "default", text: &text }], &[]);
        for (file, sizes) in &files {
            let data = whole(file);
            let found = yara_matches(&rules, &data);
            let out = rules_out(&prefilter, file, sizes, data.len());
            matched.set(matched.get() + u32::from(found));
            ruled_out.set(ruled_out.get() + u32::from(out));
            let sources = [YaraSource { namespace: "default", text: &text }];
            if found && (out || many_rule_out(&sources, file, sizes, &data)) {
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

/// Hundreds of rules at once: those that yara-x reports are among those that are left.
#[test]
fn no_rule_of_hundreds_that_yara_reports_is_ruled_out() {
    let (matched, left, asked) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let cases = vec(generate::rules(), 60).prop_flat_map(|sets| {
        let samples: Vec<Vec<u8>> = sets.iter().flatten().flat_map(|rule| rule.samples.clone()).collect();
        let sizes = prop_oneof![1..70usize, 300..9000usize];
        (Just(sets), vec((generate::file(samples), vec(sizes, 1..6)), 16))
    });
    let mut runner =
        TestRunner::new(Config { cases: 3, max_shrink_iters: 0, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases, |(sets, files)| {
        // Each set in namespaces of its own, so that rules of one name differ.
        let named = |(number, rules): (usize, &Vec<Rule>)| {
            let taken = compile(rules).1.into_iter();
            let named = taken.map(|rule| (format!("{}{number}", rule.namespace), rule.source.clone()));
            named.collect::<Vec<_>>()
        };
        let texts: Vec<(String, String)> = sets.iter().enumerate().flat_map(named).collect();
        let sources: Vec<YaraSource> = texts.iter().map(|(namespace, text)| YaraSource { namespace, text }).collect();
        let mut compiler = yara_x::Compiler::new();
        compiler.define_global("ext", 3).unwrap();
        for source in &sources {
            compiler.new_namespace(source.namespace).add_source(source.text).unwrap();
        }
        let rules = compiler.build();
        let mut scanner = yara_x::Scanner::new(&rules);
        let prefilter = Prefilter::new(&sources, &[]);
        let names = &prefilter.report().rules;
        assert!(
            names.len() > 90 && prefilter.report().literals > 128,
            "{} {}",
            names.len(),
            prefilter.report().literals
        );
        let mut scratch = prefilter.scratch();
        let mut first = prefilter.first_scratch().unwrap();
        for (file, sizes) in &files {
            let data = whole(file);
            let mut pass = prefilter.pass_in(scratch, data.len() as u64, None);
            passes_by_whole(&mut pass, file, sizes);
            let mut first_pass = prefilter.pass_in(first, data.len() as u64, None);
            passes_by_whole(&mut first_pass, file, sizes);
            let in_first = first_pass.left().to_vec();
            let left_of_both: Vec<usize> = pass.left().iter().copied().filter(|rule| in_first.contains(rule)).collect();
            prefilter.learn(&in_first, &left_of_both, data.len() as u64);
            let named = |left: &[usize]| -> Vec<(&str, &str)> {
                left.iter().map(|rule| (names[*rule].namespace.as_str(), names[*rule].name.as_str())).collect()
            };
            let may = named(&left_of_both);
            // As a scan does it: the second pass asks only what the first has left.
            let mut only = prefilter.pass_in(prefilter.scratch(), data.len() as u64, None).only(&in_first);
            passes_by_whole(&mut only, file, sizes);
            prop_assert!(only.left().iter().all(|rule| in_first.contains(rule)));
            let may_only = named(only.left());
            first = first_pass.into_scratch();
            let found = scanner.scan(&data).unwrap();
            for rule in found.matching_rules() {
                let name = (rule.namespace(), rule.identifier());
                matched.set(matched.get() + 1);
                prop_assert!(may.contains(&name), "{name:?} lost in {}", data.escape_ascii());
                prop_assert!(may_only.contains(&name), "{name:?} lost by the second pass in {}", data.escape_ascii());
            }
            left.set(left.get() + may.len());
            asked.set(asked.get() + names.len());
            scratch = pass.into_scratch();
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (matched, left, asked) = (matched.get(), left.get(), asked.get());
    println!("of {asked} rules asked about files, {left} were left and {matched} matched");
    assert!(matched > 50 && left < asked * 4 / 5, "{matched} {left} {asked}");
}
