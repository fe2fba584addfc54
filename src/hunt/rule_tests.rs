use super::*;

const SOURCE: &str = r#"import "pe"
private global rule a : x y { // a comment
  meta: b = 1 author = "Q\x41 \"me\"" c = true hash = "d41d8cd98f00b204e9800998ecf8427e"
    hash2 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" hashes = "no"
  strings:
    $s1 /*x*/ = "30=" fullword /* why */ ascii /* DoD */
    $h = { 01 [2-3] 0A } // z
    $ = /a.c/i
  condition: // first
    ( 2 of them ) and
    #s1 == 1 ? /* last */ }
rule b { meta: score = 60 condition: true }"#;

fn rules(source: &str) -> Vec<Rule> {
    rules_of("n", Path::new("x.yar"), source).unwrap()
}

#[test]
fn a_rule_is_taken_apart_exactly() {
    let rules = rules(&SOURCE.replace(" ?", ""));
    let [a, b] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!((&*a.id.namespace, &*a.id.name, a.private, b.private), ("n", "a", true, false));
    assert_eq!(a.tags, ["x", "y"]);
    assert_eq!(a.author(), Some("QA \"me\""));
    assert_eq!(a.meta[0], ("b".to_owned(), MetaValue::Integer(1)));
    assert_eq!(a.meta[2], ("c".to_owned(), MetaValue::Boolean(true)));
    assert_eq!(a.known_samples(), [Sha256::of(b"abc")]);
    let patterns: Vec<(&str, &str)> = a.patterns.iter().map(|p| (p.id.as_str(), p.text.as_str())).collect();
    assert_eq!(patterns, [("$s1", "\"30=\" fullword /* why */ ascii"), ("$h", "{ 01 [2-3] 0A }"), ("$", "/a.c/i")]);
    assert!(a.patterns.iter().all(|p| a.source[p.at..].starts_with(&p.id)), "{:?}", a.patterns);
    assert_eq!((a.score(), a.score_or_default(), b.score()), (None, 75, Some(60)));
    assert_eq!(a.condition, "( 2 of them ) and\n    #s1 == 1");
    assert!(a.source.starts_with("private global rule a") && a.source.ends_with('}'));
    assert_eq!(b.source, "rule b { meta: score = 60 condition: true }");
    assert_eq!(b.condition, "true");
}

#[test]
fn the_digest_outlives_formatting_and_nothing_else() {
    let digest = |source: &str| rules(source)[0].digest;
    let one = digest("rule a { strings: $a = \"x y\" $h = { 0A 0B } condition: any of them }");
    assert_eq!(one, digest("/* new */ rule a\n{\n strings: // why\n\t$a=\"x y\"\n$h={0A0B}\ncondition:any of them}"));
    assert_ne!(one, digest("rule a { strings: $a = \"x  y\" $h = { 0A 0B } condition: any of them }"));
    assert_ne!(one, digest("rule a { strings: $a = \"x y\" nocase $h = { 0A 0B } condition: any of them }"));
    assert_ne!(one, digest("rule a { strings: $a = \"x y\" $h = { 0A 0B } condition: all of them }"));
    assert_ne!(one, digest("rule b { strings: $a = \"x y\" $h = { 0A 0B } condition: any of them }"));
    assert_ne!(one, digest("rule a { strings: $a = \"x y\" $h = { 0A 0C } condition: any of them }"));
}

#[test]
fn what_does_not_parse_is_reported_with_its_place() {
    let wrong = rules_of("n", Path::new("x.yar"), SOURCE).unwrap_err();
    assert!(wrong[0].to_string().starts_with("x.yar:11:14: "), "{}", wrong[0]);
    let two = "rule a { condition: }\nrule b { strings: $a = condition: true }";
    assert_eq!(rules_of("n", Path::new("x.yar"), two).unwrap_err().len(), 2);
    let twice = rules_of("n", Path::new("x.yar"), "rule a { condition: true }\n\nrule a { condition: false }");
    assert_eq!(twice.unwrap_err()[0].to_string(), "x.yar:3:6: duplicate rule `a`: line 1 has one");
    let deep = format!("rule a {{ condition: {}true }}", "not ".repeat(100_000));
    let wrong = rules_of("n", Path::new("x.yar"), &deep).unwrap_err();
    assert!(wrong[0].to_string().contains("nests deeper than 200"), "{}", wrong[0]);
    assert_eq!(rules(""), []);
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken_apart_or_refused(source in ".*", words in proptest::collection::vec(WORDS, 0..60)) {
        let _ = rules_of("n", Path::new("x"), &source);
        let soup = format!("rule a {{ strings: $a = \"x\" condition: {} }}", words.join(" "));
        let _ = rules_of("n", Path::new("x"), &soup);
        let _ = rules_of("n", Path::new("x"), &words.join(" "));
    }
}

const WORDS: &str = "rule|\\{|\\}|strings:|meta:|condition:|\\$a|\\$|=|\"x|\"|/|/a/i|\\{ 0|true|all of|them|\\(|\\)|not|-|1|99999999999999999999|0x|1.5.2|for|in|:|\\[|\\\\|é|//|/\\*|\\*/|import|private";
