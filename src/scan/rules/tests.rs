use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

fn source(text: &str) -> RuleSource {
    RuleSource { namespace: "test".into(), origin: "my.yar".into(), text: text.into() }
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
    assert!(matches!(set.meaning("huntbook-candidate", "candidate_0"), Meaning::Candidate(r) if r == rule));
}

#[test]
fn warnings_are_kept_and_hurt_nothing() {
    let set = Ruleset::compile(&[source("rule a { condition: filesize }")], &[]).unwrap();
    assert_eq!(set.len(), 1);
    assert!(set.warnings().iter().any(|warning| warning.contains("my.yar:1")), "{:?}", set.warnings());
}

#[test]
fn rules_that_want_whole_files_do_not_spoil_the_others() {
    let sources = [
        in_namespace("one", "rule word { strings: $a = \"needle-in-hay\" condition: $a and filesize < 3MB }"),
        in_namespace("two", "rule every { condition: true }"),
        in_namespace("three", "rule open { strings: $a = /needle-in-hay.*end/ condition: $a }"),
    ];
    let set = Ruleset::compile(&sources, &[]).unwrap();
    let kinds: Vec<(bool, bool)> =
        set.groups().iter().map(|group| (group.prefilter().is_some(), group.windowed().is_some())).collect();
    assert_eq!(kinds, [(true, true), (true, false), (false, false)]);
    assert_eq!(set.len(), 3);
    assert!(set.groups()[0].windowed().unwrap().rules().is_some());
}

#[test]
fn a_namespace_that_is_entered_again_stays_another() {
    let sources = [
        in_namespace("one", "global rule never { strings: $a = \"never there\" condition: $a }"),
        in_namespace("two", "import \"math\" rule whole { condition: math.abs(-1) == 1 }"),
        in_namespace("one", "rule word { strings: $a = \"needle-in-hay\" condition: $a }"),
    ];
    let set = Ruleset::compile(&sources, &[]).unwrap();
    assert_eq!(set.groups().len(), 2);
    let mut scanner = yara_x::Scanner::new(set.groups()[0].compiled());
    let found = scanner.scan(b"a needle-in-hay").unwrap();
    assert_eq!(found.matching_rules().map(|rule| rule.identifier().to_owned()).collect::<Vec<_>>(), ["word"]);
    let mut pass = set.groups()[0].prefilter().unwrap().pass(15);
    pass.feed(b"a needle-in-hay");
    assert!(pass.finish());
}

#[test]
fn more_words_than_the_search_is_good_for_go_whole() {
    let word = |n: u32| format!("#{:08x}!", 0x9e37_79b1_u32.wrapping_mul(n));
    let rule =
        |n: u32| in_namespace(&n.to_string(), &format!("rule r{n} {{ strings: $a = \"{}\" condition: $a }}", word(n)));
    let set = Ruleset::compile(&(0..70).map(rule).collect::<Vec<_>>(), &[]).unwrap();
    let sizes: Vec<(bool, usize)> =
        set.groups().iter().map(|group| (group.prefilter().is_some(), group.len())).collect();
    assert_eq!(sizes, [(true, 64), (false, 6)]);
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
    let cache = cache::Cache::open(&folder, &large(), &RuleOptions::default()).unwrap();
    let (groups, warnings) = cache.read(&large(), &RuleOptions::default()).unwrap();
    assert_eq!((groups.len(), groups[0].len(), warnings.as_slice()), (1, 1, first.warnings()));
    assert!(!warnings.is_empty());
    let again = Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
    let mut scanner = yara_x::Scanner::new(again.groups()[0].compiled());
    assert_eq!(scanner.scan(b"a needle-in-hay").unwrap().matching_rules().len(), 1);
}

#[test]
fn a_cache_that_is_spoiled_or_not_ours_alone_is_not_read_and_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    Ruleset::compile_with(&large(), &[], &RuleOptions::default(), Some(&folder)).unwrap();
    let file = only_file(&folder);
    let good = std::fs::read(&file).unwrap();
    let read = || {
        cache::Cache::open(&folder, &large(), &RuleOptions::default())
            .is_some_and(|cache| cache.read(&large(), &RuleOptions::default()).is_some())
    };
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
    let options = RuleOptions::default();
    assert!(cache::Cache::open(&folder, &other, &options).unwrap().read(&other, &options).is_none());
}
