use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

fn source(text: &str) -> RuleSource {
    RuleSource { namespace: "test".into(), origin: "my.yar".into(), text: text.into(), warnings: None }
}

fn in_namespace(namespace: &str, text: &str) -> RuleSource {
    RuleSource { namespace: namespace.into(), ..source(text) }
}

#[test]
fn an_error_names_the_file_and_the_line_and_all_are_reported() {
    let wrong = [source("rule a {\n condition: nonsense }\nrule b {\n condition: folly }")];
    let report = Ruleset::compile(&wrong, &[]).unwrap_err().report;
    assert!(report.contains("my.yar:2") && report.contains("my.yar:4"), "{report}");
    let many: String = (0..30).map(|n| format!("rule r{n} {{ condition: nonsense }}\n")).collect();
    let report = Ruleset::compile(&[source(&many)], &[]).unwrap_err().report;
    assert!(report.ends_with("… and 10 more errors"), "{report}");
}

#[test]
fn nothing_is_included_from_where_the_program_stands() {
    let report = Ruleset::compile(&[source("include \"Cargo.toml\"\nrule a { condition: true }")], &[]).unwrap_err();
    assert!(report.report.contains("include"), "{report}");
}

#[test]
fn candidate_tests_are_not_counted_as_rules() {
    let rule = RuleId { namespace: "test".into(), name: "a".into() };
    let test = CandidateTest { rule: rule.clone(), condition: "filesize < 3 // small".into() };
    let set = Ruleset::compile(&[source("rule a { condition: false }")], &[test]).unwrap();
    assert_eq!(set.len(), 1);
    assert!(matches!(set.meaning(0), Meaning::Candidate(r) if r == rule));
    assert!(matches!(set.meaning(1), Meaning::Finding(r) if r == rule));
}

#[test]
fn warnings_are_kept_and_hurt_nothing() {
    let set = Ruleset::compile(&[source("rule a { condition: filesize }")], &[]).unwrap();
    assert_eq!(set.len(), 1);
    assert!(set.warnings().iter().any(|warning| warning.contains("my.yar:1")), "{:?}", set.warnings());
}

/// The rules that may match a file of these bytes.
fn left(set: &Ruleset, bytes: &[u8]) -> Vec<RuleIndex> {
    let mut pass = set.prefilter().pass(bytes.len() as u64);
    pass.feed(bytes);
    pass.left().to_vec()
}

/// The rules of a pack that yara-x reports for these bytes.
fn matched(pack: &Pack, bytes: &[u8]) -> Vec<RuleIndex> {
    let mut scanner = yara_x::Scanner::new(pack.compiled().unwrap());
    let found = scanner.scan(bytes).unwrap();
    found.matching_rules().filter_map(|rule| pack.member(rule.namespace(), rule.identifier())).collect()
}

#[test]
fn rules_that_want_whole_files_do_not_spoil_the_others() {
    let sources = [
        in_namespace("one", "rule word { strings: $a = \"needle-in-hay\" condition: $a and filesize < 3MB }"),
        in_namespace("two", "rule every { condition: true }"),
        in_namespace("three", "rule open { strings: $a = /needle-in-hay.*end/ condition: $a }"),
    ];
    let set = Ruleset::compile(&sources, &[]).unwrap();
    assert_eq!([0, 1, 2].map(|rule| set.is_told_by_parts(rule)), [true, false, false]);
    assert_eq!(set.len(), 3);
    assert_eq!(left(&set, b"nothing"), [1]);
    assert_eq!(left(&set, b"a needle-in-hay"), [0, 1, 2]);
    let packs = set.packs(&[0, 1, 2], 15);
    assert_eq!(packs.len(), 3, "each is met in another way");
    let of = |rule| {
        packs.iter().find(|(_, pack)| pack.member(&format!("{rule}"), ["word", "every", "open"][rule]).is_some())
    };
    assert!(of(0).unwrap().1.parts().unwrap().windowed.rules().is_some());
    assert!(of(1).unwrap().1.parts().is_none() && of(2).unwrap().1.parts().is_none());
    assert_eq!(matched(&of(0).unwrap().1, b"a needle-in-hay"), [0]);
}

#[test]
fn a_namespace_that_is_entered_again_stays_another() {
    let sources = [
        in_namespace("one", "global rule never { strings: $a = \"never there\" condition: $a }"),
        in_namespace("two", "import \"math\" rule whole { condition: math.abs(-1) == 1 }"),
        in_namespace("one", "rule word { strings: $a = \"needle-in-hay\" condition: $a }"),
    ];
    let set = Ruleset::compile(&sources, &[]).unwrap();
    assert_eq!(left(&set, b"a needle-in-hay"), [1, 2]);
    let found: Vec<RuleIndex> =
        set.packs(&[1, 2], 15).iter().flat_map(|(_, pack)| matched(pack, b"a needle-in-hay")).collect();
    assert_eq!(found, [1, 2]);
}

#[test]
fn a_rule_is_matched_with_what_it_rests_on_which_is_reported_once() {
    let text = "rule a { strings: $a = \"needle-in-hay\" condition: $a } rule b { condition: a and filesize < 100 }
        rule c { condition: not a and uint8(0) == 0x61 } global rule g { condition: uint8(1) != 0x21 }";
    let set = Ruleset::compile(&[source(text)], &[]).unwrap();
    let answer = |bytes: &[u8]| {
        let left = left(&set, bytes);
        // Each rule in a pack of its own.
        let packs: Vec<_> = left.iter().flat_map(|rule| set.packs(&[*rule], 1)).collect();
        let found = packs.iter().flat_map(|(_, pack)| matched(pack, bytes)).collect::<Vec<_>>();
        let once: BTreeSet<RuleIndex> = found.iter().copied().collect();
        (once.into_iter().collect::<Vec<_>>(), left)
    };
    assert_eq!(answer(b"b needle-in-hay"), (vec![0, 1, 3], vec![0, 1, 3]));
    assert_eq!(answer(b"a b"), (vec![2, 3], vec![2, 3]));
    assert_eq!(answer(b"a!needle-in-hay").0, Vec::<usize>::new());
}

/// Enough text to be worth a cache.
fn large() -> Vec<RuleSource> {
    let comment = format!("// {}\n", "x".repeat(300_000));
    vec![source(&format!("{comment}rule a {{ strings: $a = \"needle-in-hay\" condition: $a and filesize }}"))]
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    file.clone()
}

#[test]
fn a_cache_gives_back_what_was_compiled() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    let first = Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
    let file = only_file(&folder);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let (warnings, prefilter, _) =
        cache_of(&folder, &large(), &RuleOptions::default()).unwrap().read::<Kept>().unwrap();
    assert_eq!(warnings.as_slice(), first.warnings());
    assert_eq!(prefilter.report(), first.prefilter().report());
    assert!(!warnings.is_empty());
    let again = Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
    assert_eq!(again.warnings(), first.warnings());
    assert_eq!(matched(&again.packs(&[0], 15)[0].1, b"a needle-in-hay"), [0]);
}

#[test]
fn a_cache_that_is_spoiled_or_not_ours_alone_is_not_read_and_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
    let file = only_file(&folder);
    let good = std::fs::read(&file).unwrap();
    let kept = |sources: &[RuleSource]| cache_of(&folder, sources, &RuleOptions::default())?.read::<Kept>();
    let read = || kept(&large()).is_some();
    let mut spoiled = good.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    for bad in [spoiled, good[..good.len() / 2].to_vec(), Vec::new()] {
        std::fs::write(&file, bad).unwrap();
        assert!(!read());
        Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
        assert!(read());
    }
    for (path, mode) in [(&file, 0o644), (&folder, 0o755)] {
        let before = std::fs::metadata(path).unwrap().permissions();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(!read());
        std::fs::set_permissions(path, before).unwrap();
    }
    std::fs::rename(&file, dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), &file).unwrap();
    assert!(!read());
    let mut other = large();
    other[0].text = format!("{} ", other[0].text).into();
    assert!(kept(&other).is_none());
}

#[test]
fn what_the_compiler_has_taken_already_is_not_asked_again() {
    let taken = |text: &str| RuleSource { warnings: Some(["said before".to_owned()].into()), ..source(text) };
    let rules = Ruleset::compile(&[taken("rule r { condition: true }")], &[]).unwrap();
    assert_eq!(rules.warnings(), ["said before"]);
    // Two texts in one namespace are something else than each by itself.
    let twice = [taken("rule r { condition: true }"), taken("rule r { condition: true }")];
    assert!(Ruleset::compile(&twice, &[]).is_err());
}
