//! The scan's answers, held against those of yara-x alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::engine::{Engine, PartFacts, RuleMatches, ScannerRules};
use super::externals::Externals;
use super::prefilter::tests::generate::{self, Rule, Stretch};
use super::read::SizedFile;
use super::rules::Pack;
use super::windows::{PIECE, Windows};
use super::*;

/// Rule, pattern, offset, length; a pattern with the name `-` for a rule that matched, with whatever patterns.
type Answer = BTreeSet<(String, String, u64, u64)>;

fn source(namespace: &str, text: &str) -> RuleSource {
    RuleSource { namespace: namespace.to_owned(), origin: "test.yar".to_owned(), text: text.into(), warnings: None }
}

/// Those of the generated rules that compile, each in what is left of its namespace.
fn sources(rules: &[Rule]) -> Vec<RuleSource> {
    let compiles = |taken: &[RuleSource]| {
        let mut compiler = yara_x::Compiler::new();
        taken.iter().all(|source| compiler.new_namespace(&source.namespace).add_source(&*source.text).is_ok())
    };
    let mut taken: Vec<RuleSource> = Vec::new();
    for rule in rules {
        // An import is needed by few, and would keep all others from being matched in parts.
        let needs_math = rule.source.contains("math.");
        let text = if needs_math { rule.source.clone() } else { rule.source.replace("import \"math\"\n", "") };
        taken.push(source(rule.namespace, &text));
        if !compiles(&taken) {
            taken.pop();
        }
    }
    taken
}

fn shown(file: &[Stretch]) -> String {
    let stretch = |stretch: &Stretch| match stretch {
        Stretch::Bytes(bytes) => bytes.escape_ascii().to_string(),
        Stretch::Hole(length) => format!("<{length} zeros>"),
    };
    file.iter().map(stretch).collect()
}

/// The rules, and a few of the answers that only one of both gave.
fn differing(sources: &[RuleSource], answer: &Answer, wanted: &Answer) -> String {
    let rules: String = sources.iter().map(|source| format!("// {}\n{}\n", source.namespace, source.text)).collect();
    let few = |a: &Answer, b: &Answer| a.difference(b).take(5).cloned().collect::<Vec<_>>();
    format!("{rules}too much: {:?}\nlost: {:?}\n", few(answer, wanted), few(wanted, answer))
}

fn plain(sources: &[RuleSource], bytes: &[u8]) -> Answer {
    let mut compiler = yara_x::Compiler::new();
    for source in sources {
        compiler.new_namespace(&source.namespace).add_source(&*source.text).unwrap();
    }
    let rules = compiler.build();
    let mut answer = Answer::new();
    for rule in yara_x::Scanner::new(&rules).scan(bytes).unwrap().matching_rules() {
        answer.insert((rule.identifier().to_owned(), "-".to_owned(), 0, 0));
        for pattern in rule.patterns() {
            for found in pattern.matches().take(MATCHES_PER_PATTERN) {
                let (start, length) = (found.range().start as u64, found.range().len() as u64);
                answer.insert((rule.identifier().to_owned(), pattern.identifier().to_owned(), start, length));
            }
        }
    }
    answer
}

fn add(answer: &mut Answer, rule: &crate::finding::RuleId, matches: &[crate::finding::PatternMatch]) {
    answer.insert((rule.name.to_string(), "-".to_owned(), 0, 0));
    for found in matches {
        answer.insert((rule.name.to_string(), found.pattern.to_string(), found.offset, found.length));
    }
}

/// Everything a scan of one file finds.
fn scanned(rules: &Arc<Ruleset>, path: &Path) -> (Answer, Vec<Unscanned>) {
    let options = ScanOptions { threads: 1, ..ScanOptions::default() };
    let scan = Scan::start(Tree::open(path).unwrap(), Arc::clone(rules), options).unwrap();
    let (mut answer, mut gaps) = (Answer::new(), Vec::new());
    for event in &scan.events {
        match event {
            ScanEvent::Finding(finding) => {
                assert_eq!(finding.file.digest, crate::finding::Sha256::of(&std::fs::read(path).unwrap()).into());
                assert!(!finding.found_by.is_candidate(), "{finding:?}");
                add(&mut answer, finding.found_by.rule(), &finding.matches);
            }
            ScanEvent::Unscanned(unscanned) => gaps.push(unscanned),
            ScanEvent::Finished { .. } => break,
        }
    }
    scan.join();
    (answer, gaps)
}

/// Writes a file after `before` bytes of hole, and another hole after it; the content as a whole.
fn write(path: &Path, before: usize, file: &[Stretch]) -> Vec<u8> {
    let mut bytes = vec![0; before];
    let out = File::create(path).unwrap();
    for stretch in file {
        match stretch {
            Stretch::Bytes(data) => {
                out.write_all_at(data, bytes.len() as u64).unwrap();
                bytes.extend(data);
            }
            Stretch::Hole(length) => bytes.resize(bytes.len() + length, 0),
        }
    }
    bytes.resize(bytes.len() + 128, 0);
    out.set_len(bytes.len() as u64).unwrap();
    bytes
}

fn generated() -> impl Strategy<Value = (Vec<Rule>, Vec<Vec<Stretch>>)> {
    generate::rules().prop_flat_map(|rules| {
        let samples: Vec<Vec<u8>> = rules.iter().flat_map(|rule| rule.samples.clone()).collect();
        (Just(rules), vec(generate::file(samples), 4))
    })
}

/// One rule of the kind that can be matched in parts, most often.
fn near() -> impl Strategy<Value = (RuleSource, Vec<Vec<Stretch>>)> {
    near_and(|samples| vec(generate::file(samples), 4).boxed())
}

/// As [`near`], with files so full of samples that they are one window.
fn dense() -> impl Strategy<Value = (RuleSource, Vec<Vec<Stretch>>)> {
    near_and(|samples| {
        let packed = vec(generate::file(samples), 20..60).prop_map(|parts| {
            let bytes = parts.into_iter().flatten().filter(|stretch| matches!(stretch, Stretch::Bytes(_)));
            bytes.collect::<Vec<_>>()
        });
        vec(packed, 2).boxed()
    })
}

/// A rule, and the files that `files` makes of samples of its patterns.
fn near_and(
    files: impl Fn(Vec<Vec<u8>>) -> BoxedStrategy<Vec<Vec<Stretch>>>,
) -> impl Strategy<Value = (RuleSource, Vec<Vec<Stretch>>)> {
    let condition = prop::sample::select(vec![
        "any of them",
        "all of them",
        "$a and not $b",
        "#a > 1 or #b > 1",
        "@a[1] < @b[1] or !a[1] > 3",
        "$a in (3000..3500) or $b at 3000",
        "filesize > 3200 and any of them",
        "(filesize < 10KB and 2 of them) or 3 of them",
        "uint32(0) == 0 and uint8(3) != 0x7f and any of them",
        "for any of them : ( # == 2 )",
    ]);
    (generate::pattern(), generate::pattern(), condition).prop_flat_map(move |(a, b, condition)| {
        let text =
            format!("rule near {{ strings: $a = {} $b = {} condition: ({condition}) and 0 <= #a + #b }}", a.0, b.0);
        (Just(source("near", &text)), files(vec![a.1, b.1]))
    })
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    // Only the message: the value behind it is pages of bytes.
    // The same cases on every run, so that a slow pattern costs no one's build; the variable asks for others.
    let others = std::env::var_os("HUNTBOOK_RANDOM").is_some();
    let mut runner = if others {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    match runner.run(strategy, test) {
        Err(TestError::Fail(message, _)) => panic!("{message}"),
        Err(error) => panic!("{error}"),
        Ok(()) => {}
    }
}

/// Rule sets that are tried; each takes seconds, because a pattern of zeros matches everywhere in a hole.
const CASES: u32 = 12;

/// From a short file to one that is matched in parts, with the samples on the edge of chunks.
const BEFORE: [usize; 5] = [0, 9000, 256 * 1024 - 40, 300_000, 5 << 20];

#[test]
fn a_scan_answers_as_yara_x_alone_whatever_the_rules_and_the_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let matched = std::cell::Cell::new(0);
    let any = prop_oneof![
        generated().prop_map(|(rules, files)| (sources(&rules), files)),
        near().prop_map(|(source, files)| (vec![source], files)),
    ];
    run(CASES, &(any, 0..BEFORE.len()), |((sources, files), first)| {
        let Ok(compiled) = Ruleset::compile(&sources, &[]) else { return Ok(()) };
        let compiled = Arc::new(compiled);
        for (file, before) in files.iter().zip(BEFORE.iter().cycle().skip(first)) {
            let bytes = write(&path, *before, file);
            let (answer, gaps) = scanned(&compiled, &path);
            if gaps.iter().any(|gap| matches!(gap.reason, Reason::TimedOut { .. })) {
                continue;
            }
            let wanted = plain(&sources, &bytes);
            matched.set(matched.get() + wanted.len());
            let same = gaps.is_empty() && answer == wanted;
            prop_assert!(
                same,
                "{}{before} before {}
{gaps:?}",
                differing(&sources, &answer, &wanted),
                shown(file)
            );
        }
        Ok(())
    });
    assert!(matched.get() > 20, "{}", matched.get());
}

/// Hundreds of rules, each generated set in namespaces of its own.
fn hundreds() -> impl Strategy<Value = (Vec<RuleSource>, Vec<Vec<Stretch>>)> {
    vec(generate::rules(), 45).prop_flat_map(|sets| {
        let samples: Vec<Vec<u8>> = sets.iter().flatten().flat_map(|rule| rule.samples.clone()).collect();
        let named = |(number, rules): (usize, &Vec<Rule>)| {
            let own = |source: RuleSource| RuleSource { namespace: format!("{}{number}", source.namespace), ..source };
            sources(rules).into_iter().map(own).collect::<Vec<_>>()
        };
        let sources: Vec<RuleSource> = sets.iter().enumerate().flat_map(named).collect();
        (Just(sources), vec(generate::file(samples), 5))
    })
}

#[test]
fn a_scan_with_hundreds_of_rules_answers_as_yara_x_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let matched = std::cell::Cell::new(0);
    run(1, &(hundreds(), 0..BEFORE.len()), |((sources, files), first)| {
        let compiled = Arc::new(Ruleset::compile(&sources, &[]).unwrap());
        assert!(compiled.len() > 60, "{}", compiled.len());
        for (file, before) in files.iter().zip(BEFORE.iter().cycle().skip(first)) {
            let bytes = write(&path, *before, file);
            let (answer, gaps) = scanned(&compiled, &path);
            if gaps.iter().any(|gap| matches!(gap.reason, Reason::TimedOut { .. })) {
                continue;
            }
            let wanted = plain(&sources, &bytes);
            matched.set(matched.get() + wanted.len());
            let same = gaps.is_empty() && answer == wanted;
            prop_assert!(same, "{}{before} before {}\n{gaps:?}", differing(&sources, &answer, &wanted), shown(file));
        }
        Ok(())
    });
    assert!(matched.get() > 100, "{}", matched.get());
}

/// A rule that is decided without its patterns lists them all the same, whatever rules are beside it.
#[test]
fn the_matches_of_a_rule_do_not_depend_on_other_rules() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"a needle-in-hay, and another").unwrap();
    let decided = source("n", "rule decided { strings: $a = \"needle-in-hay\" condition: filesize < 100 or $a }");
    let other = source("m", "rule other { strings: $b = \"and another\" condition: $b }");
    let of = |sources: &[RuleSource]| -> Answer {
        let rules = Arc::new(Ruleset::compile(sources, &[]).unwrap());
        scanned(&rules, &path).0.into_iter().filter(|(rule, ..)| rule == "decided").collect()
    };
    let alone = of(std::slice::from_ref(&decided));
    assert!(alone.contains(&("decided".into(), "$a".into(), 2, 13)));
    assert_eq!(of(&[other.clone(), decided.clone()]), alone);
    assert_eq!(
        alone,
        plain(&[other, decided], b"a needle-in-hay, and another")
            .into_iter()
            .filter(|(rule, ..)| rule == "decided")
            .collect()
    );
}

/// A field that begins before the last offset that is read and ends after it.
#[test]
fn fields_at_the_end_of_the_header_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut bytes = vec![0; 5 << 20];
    let at = (1 << 20) - 3;
    bytes[at..at + 4].copy_from_slice(b"\x11\x22\x33\x44");
    bytes[300_000..300_013].copy_from_slice(b"needle-in-hay");
    std::fs::write(&path, &bytes).unwrap();
    for (condition, offset) in [("uint32", 0), ("uint16", 2), ("uint16be", 2), ("uint32be", 0), ("uint8", 2)] {
        let read = format!("{condition}({})", at + offset);
        let text = format!(
            "rule right {{ strings: $a = \"needle-in-hay\" condition: $a and {read} != 0 }}
            rule wrong {{ strings: $a = \"needle-in-hay\" condition: $a and {read} == 0 }}"
        );
        let sources = [source("n", &text)];
        let rules = Arc::new(Ruleset::compile(&sources, &[]).unwrap());
        assert!(rules.is_told_by_parts(0));
        assert_eq!(scanned(&rules, &path).0, plain(&sources, &bytes), "{read}");
    }
}

/// What the parts of a file match; `most` says of a reach how many bytes a piece may have.
fn in_parts(rules: &Ruleset, pack: &Pack, file: &File, most: impl Fn(u64) -> u64) -> Parted {
    let rules::PartsMatching { prefilter, windowed } = pack.parts().unwrap();
    let content = SizedFile::new(file, &rustix::fs::fstat(file).unwrap());
    let windows = Windows::locate(&content, prefilter, windowed.reach(), &mut [0; 64], |_| Ok(())).unwrap();
    let mut bytes = vec![0; content.size as usize];
    content.fill(0, &mut bytes).unwrap();
    let shelf = ScannerRules::new();
    let engine = Engine::new(rules, MATCH_TIMEOUT, &shelf);
    let facts = PartFacts { filesize: content.size, header: &bytes, externals: &Externals::default() };
    let mut parts = engine.parts(pack, &facts, MATCH_TIMEOUT).unwrap();
    let mut pieces = windows.pieces(most(windowed.reach().bytes));
    let mut cuts = 0;
    while let Some(range) = pieces.next() {
        let piece = pieces.cut(&bytes[range.start as usize..range.end as usize]);
        parts.scan(range.start, piece).unwrap();
        cuts += usize::from(range.start + (piece.len() as u64) < range.end);
    }
    Parted { matches: parts.finish(|range| content.read(range).unwrap()).unwrap(), cuts, exact: pieces.exact() }
}

struct Parted {
    matches: Vec<RuleMatches>,
    /// Pieces that end before what was read does.
    cuts: usize,
    exact: bool,
}

/// Holds the parts of files against the whole; returns how many files had parts that must be exact, how many answers
/// there were, and how many cuts.
fn compare<S>(cases: u32, rules: &S, most: impl Fn(u64) -> u64) -> [usize; 3]
where
    S: Strategy<Value = (RuleSource, Vec<Vec<Stretch>>)>,
{
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let seen = std::cell::Cell::new([0; 3]);
    run(cases, rules, |(source, files)| {
        let sources = [source];
        let Ok(compiled) = Ruleset::compile(&sources, &[]) else { return Ok(()) };
        let all: Vec<usize> = (0..compiled.prefilter().report().rules.len()).collect();
        let told = |rule: &usize| compiled.is_told_by_parts(*rule);
        let near: Vec<usize> = all.into_iter().filter(told).collect();
        let packs = compiled.packs(&near, 0);
        let [(id, pack)] = packs.as_slice() else { return Ok(()) };
        for file in &files {
            let bytes = write(&path, 3000, file);
            let parted = in_parts(&compiled, pack, &File::open(&path).unwrap(), &most);
            if !parted.exact {
                continue;
            }
            let mut answer = Answer::new();
            for found in parted.matches {
                add(&mut answer, &found.rule, &found.matches);
            }
            let mut wanted = Answer::new();
            let shelf = ScannerRules::new();
            let mut engine = Engine::new(&compiled, MATCH_TIMEOUT, &shelf);
            for found in engine.whole((*id, pack), &bytes, &Externals::default()).unwrap() {
                add(&mut wanted, &found.rule, &found.matches);
            }
            let [tried, matched, cuts] = seen.get();
            seen.set([tried + 1, matched + wanted.len(), cuts + parted.cuts]);
            prop_assert!(answer == wanted, "{}{}", differing(&sources, &answer, &wanted), shown(file));
        }
        Ok(())
    });
    println!("files in parts, answers, cuts: {:?}", seen.get());
    seen.get()
}

/// The rules that can be matched in parts are told the same by the parts as by the whole.
#[test]
fn parts_of_a_file_answer_as_the_whole() {
    let [tried, matched, _] = compare(256, &near(), |_| PIECE);
    assert!(tried > 50 && matched > 50, "{tried} {matched}");
}

#[test]
fn parts_cut_between_words_answer_as_the_whole() {
    let [tried, matched, cuts] = compare(384, &dense(), |reach| 8 * reach);
    assert!(tried > 50 && matched > 1000 && cuts > 100, "{tried} {matched} {cuts}");
}

/// yara-x itself has no bytes of such a match, and panics when asked for them.
#[test]
fn a_match_that_a_later_part_makes_longer_has_its_bytes() {
    let bytes = b"-- token=abc def ghi --";
    let rules = source("n", "rule r { strings: $a = /token=[a-z ]{3,11}/ condition: !a == 17 }");
    let rules = Ruleset::compile(&[rules], &[]).unwrap();
    let shelf = ScannerRules::new();
    let engine = Engine::new(&rules, MATCH_TIMEOUT, &shelf);
    let facts = PartFacts { filesize: bytes.len() as u64, header: bytes, externals: &Externals::default() };
    let packs = rules.packs(&[0], 0);
    let mut parts = engine.parts(&packs[0].1, &facts, MATCH_TIMEOUT).unwrap();
    parts.scan(0, &bytes[..16]).unwrap();
    parts.scan(2, &bytes[2..]).unwrap();
    let found = parts.finish(|range| bytes[range.start as usize..range.end as usize].to_vec()).unwrap();
    let of_rule = found.iter().map(|found| (found.matches[0].offset, found.matches[0].data.as_slice()));
    assert_eq!(of_rule.collect::<Vec<_>>(), [(3, b"token=abc def ghi".as_slice())]);
}
