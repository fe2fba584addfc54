use super::*;

/// The names of the rules that are left, and what is left out.
fn vetted(source: &[u8], options: &RuleOptions) -> (Vec<String>, Vec<String>) {
    let text = RuleText::of_bytes(Path::new("x.yar"), source);
    let vetted = vet(vec![text], options).pop().unwrap();
    assert_eq!(vetted.text.text.len(), RuleText::of_bytes(Path::new(""), source).text.len(), "all keeps its place");
    assert!(options.compiler().add_source(&*vetted.text.text).is_ok(), "what is left compiles");
    let names = vetted.rules.iter().map(|rule| rule.id.name.to_string()).collect();
    (names, vetted.unused.iter().map(ToString::to_string).collect())
}

fn plain(source: &str) -> (Vec<String>, Vec<String>) {
    vetted(source.as_bytes(), &RuleOptions::default())
}

#[test]
fn what_is_wrong_is_left_out_rule_by_rule_and_so_is_what_refers_to_it() {
    for (wrong, why) in [
        ("rule wrong { condition: androguard.app_name(\"x\") }", "unknown identifier `androguard`"),
        ("rule wrong { condition: nothing == \"x\" }", "unknown identifier `nothing`"),
        (r"rule wrong { strings: $a = /\Release/ condition: $a }", "--relaxed-re-syntax"),
        ("rule wrong { strings: $a = \"x\" condition: }", "expecting"),
        ("rule wrong { condition: $x }", "unknown pattern `$x`"),
        ("rule wrong { strings: $a = \"unused\" condition: true }", "unused pattern"),
    ] {
        let source = format!(
            "rule first {{ condition: true }}\n{wrong}\nrule second {{ condition: first and not wrong }}\n\
             rule third {{ condition: second }}\nrule last {{ condition: first }}"
        );
        let (names, unused) = plain(&source);
        assert_eq!(names, ["first", "last"], "{wrong}: {unused:?}");
        assert_eq!(unused.len(), 3, "{unused:?}");
        assert!(unused[0].starts_with("x.yar:2:") && unused[0].contains(why), "{unused:?}");
        assert!(unused[0].ends_with("(rule wrong)"), "{unused:?}");
        assert!(unused[1].starts_with("x.yar:3:") && unused[1].contains("refers to the rule `wrong`"), "{unused:?}");
        assert!(unused[2].contains("refers to the rule `second`, which cannot be used (rule third)"), "{unused:?}");
    }
}

#[test]
fn a_module_that_is_not_there_costs_the_rules_that_use_it() {
    let source = "import \"androguard\"\nimport \"pe\"\nrule a { condition: androguard.permission(/x/) }\nrule b { condition: pe.is_dll() }";
    let (names, unused) = plain(source);
    assert_eq!(names, ["b"]);
    assert_eq!(unused.len(), 2, "{unused:?}");
    assert!(unused[0].contains("x.yar:1:1: unknown module `androguard`"), "{unused:?}");
    assert!(unused[1].ends_with("(rule a)"), "{unused:?}");
}

#[test]
fn broken_syntax_costs_no_rule_that_stands_apart() {
    for broken in
        ["rule broken {", "rule broken { condition: (true }", "rule broken strings: }", "rubbish", "}", "rule { }", "@"]
    {
        let (names, unused) = plain(&format!(
            "rule a {{ condition: true }}\n{broken}\nrule b {{ condition: true }}\nrule c {{ condition: a }}"
        ));
        assert!(names.contains(&"a".to_owned()) && names.contains(&"c".to_owned()), "{broken}: {names:?} {unused:?}");
        assert!(!unused.is_empty() && names.len() + unused.len() >= 3, "{broken}: {names:?} {unused:?}");
    }
}

#[test]
fn text_that_is_not_utf8_costs_the_rule_that_matches_it_only() {
    let source = b"// caf\xe9\nrule a { meta: author = \"J\xf6rg\" condition: true } /* \xfc */\n\
        rule b { strings: $a = \"caf\xe9\" condition: $a }\nrule c { condition: true // \xe4\n}";
    let (names, unused) = vetted(source, &RuleOptions::default());
    assert_eq!(names, ["a", "c"]);
    assert_eq!(unused, ["x.yar:3:28: is not UTF-8 text (rule b)"]);
}

#[test]
fn without_a_global_rule_none_of_its_file_may_match() {
    let wrong = "global rule only { condition: nothing }\nrule a { condition: true }";
    let (names, unused) = plain(wrong);
    assert_eq!(names, [""; 0]);
    assert!(unused[1].contains("the global rule `only` of its file cannot be used (rule a)"), "{unused:?}");
    let (names, _) = plain("rule a { condition: true }\nglobal private rule only { condition: }");
    assert_eq!(names, [""; 0]);
}

#[test]
fn options_bring_rules_back() {
    let source = br"rule a { condition: imphash == 'x' }".map(|byte| if byte == b'\'' { b'"' } else { byte });
    let options = RuleOptions { defines: vec!["imphash=".parse().unwrap()], ..RuleOptions::default() };
    assert_eq!(vetted(&source, &options).0, ["a"]);
    let relaxed = RuleOptions { relaxed_re_syntax: true, ..RuleOptions::default() };
    assert_eq!(vetted(br"rule a { strings: $a = /\Release/ condition: $a }", &relaxed).0, ["a"]);
}

#[test]
fn each_text_keeps_its_place_and_knows_whose_rule_it_misses() {
    let texts: Vec<RuleText> = (0..20)
        .map(|index| {
            let other = (index + 1) % 20;
            let source = format!("rule r{index} {{ condition: true }}\nrule s{index} {{ condition: r{other} }}");
            RuleText::of(Path::new(&format!("{index}.yar")), source)
        })
        .collect();
    for (index, vetted) in vet(texts, &RuleOptions::default()).iter().enumerate() {
        assert_eq!(vetted.text.origin, format!("{index}.yar"));
        let [unused] = vetted.unused.as_slice() else { panic!("{vetted:?}") };
        let hint = format!("rule r{0} is in {0}.yar", (index + 1) % 20);
        assert!(unused.problem.hint.as_ref().is_some_and(|text| text.starts_with(&hint)), "{unused}");
    }
}

#[test]
fn what_nests_too_deep_is_left_out_before_anything_parses_it() {
    let deep = format!("rule a {{ condition: {}true }}", "not ".repeat(100_000));
    let (names, unused) = plain(&deep);
    assert_eq!(names, [""; 0]);
    assert!(unused[0].contains("nests deeper than"), "{unused:?}");
}

proptest::proptest! {
    #[test]
    fn what_is_left_of_any_text_compiles(words in proptest::collection::vec(WORDS, 0..40)) {
        let source = words.join(" ");
        let text = RuleText::of(Path::new("x"), source.clone());
        let options = RuleOptions::default();
        let vetted = vet(vec![text], &options).pop().unwrap();
        proptest::prop_assert!(options.compiler().add_source(&*vetted.text.text).is_ok(), "{source}");
        let parsed = rule::rules_of("x", Path::new("x"), &vetted.text.text).unwrap();
        proptest::prop_assert_eq!(parsed.len(), vetted.rules.len());
    }
}

const WORDS: &str = "rule a|rule b \\{ condition: true \\}|rule c \\{ condition: a or b \\}|global|private|rule|\\{|\\}|strings:|condition:|\\$a = \"x\"|\"|/a/|true|and|nothing|\\(|\\)|import \"pe\"|import \"cuckoo\"|include \"a\"|é|//\n";
