//! Each form of pattern and condition: what it rules out, and what it must let through.

use super::{FileDecision, Prefilter, RuleClass, YaraSource, must_scan, prefilter};
use crate::scan::prefilter::{PrefilterRefusal, WholeReason};

/// A rule whose patterns `$a`, `$b`, `$c` are the words alpha-1, bravo-2 and charlie-3.
fn words(condition: &str) -> Prefilter {
    prefilter(&format!(
        "rule words {{ strings: $a = \"alpha-1\" $b = \"bravo-2\" $c = \"charlie-3\" condition: {condition} }}"
    ))
}

/// What a rule with one pattern makes of `data`.
fn sees(pattern: &str, data: &[u8]) -> bool {
    let prefilter = prefilter(&format!("rule one {{ strings: $a = {pattern} condition: $a }}"));
    assert!(!prefilter.always_full(), "{pattern} is not searched for");
    must_scan(&prefilter, data)
}

#[test]
fn text_patterns_are_seen_in_every_spelling_they_allow() {
    let wide = b"-s\0e\0c\0r\0e\0t\0.\x007\0-";
    assert!(sees("\"secret.7\"", b"-secret.7-") && !sees("\"secret.7\"", b"-secret.8-"));
    assert!(!sees("\"secret.7\"", wide) && !sees("\"secret.7\"", b"SECRET.7"));
    assert!(sees("\"secret.7\" wide", wide) && !sees("\"secret.7\" wide", b"secret.7"));
    assert!(sees("\"secret.7\" ascii wide", wide) && sees("\"secret.7\" ascii wide", b"secret.7"));
    assert!(sees("\"secret.7\" nocase", b"SeCrEt.7") && !sees("\"secret.7\" nocase", b"secre+.7"));
    assert!(sees("\"secret.7\" wide nocase", b"S\0e\0C\0r\0e\0t\0.\x007\0"));
    assert!(sees("\"secret.7\" fullword", b"secret.7"));
    assert!(sees(r#""C:\\a\x41\t\"q\"""#, b"C:\\aA\t\"q\""));
}

#[test]
fn encoded_patterns_are_seen_in_every_spelling_they_allow() {
    let keyed = |key: u8| b"-secret.7-".map(|byte| byte ^ key);
    for key in 0..=255 {
        assert!(sees("\"secret.7\" xor", &keyed(key)), "{key}");
        assert_eq!(sees("\"secret.7\" xor(3-5)", &keyed(key)), (3..=5).contains(&key), "{key}");
    }
    let wide: Vec<u8> = b"secret.7".iter().flat_map(|byte| [byte ^ 9, 9]).collect();
    assert!(sees("\"secret.7\" xor wide", &wide) && !sees("\"secret.7\" xor", &wide));
    for text in ["c2VjcmV0Ljc", "LXNlY3JldC43LQ", "LS1zZWNyZXQuNy0t"] {
        assert!(sees("\"secret.7\" base64", text.as_bytes()), "{text}");
        let other = text.to_ascii_lowercase();
        assert!(!sees("\"secret.7\" base64", other.as_bytes()), "{other}");
    }
    let alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    assert!(sees(&format!("\"secret.7\" base64(\"{alphabet}\")"), b"C2vJCMv0lJC"));
}

#[test]
fn hex_patterns_are_seen_around_their_wildcards() {
    assert!(sees("{ 5A 58 ?? 52 89 E2 }", b"\x5a\x58\xff\x52\x89\xe2"));
    assert!(!sees("{ 5A 58 ?? 52 89 E2 }", b"\x5a\x58\xff\x52\x89\xe3"));
    assert!(sees("{ 5A 58 5? ?2 89 E2 }", b"\x5a\x58\x5f\xf2\x89\xe2"));
    assert!(!sees("{ 5A 58 5? ?2 89 E2 }", b"\x5a\x58\x6f\xf2\x89\xe2"));
    assert!(
        !sees("{ 5A 58 55 ~52 89 }", b"\x5a\x58\x55\x52\x89") && sees("{ 5A 58 55 ~52 89 }", b"\x5a\x58\x55\x53\x89")
    );
    assert!(sees("{ 5A 58 55 [2-90] 99 E2 B0 }", b"\x5a\x58\x55..\x99\xe2\xb0"));
    assert!(sees("{ 5A 58 ( 55 89 | 66 ) E2 99 98 }", b"\x5a\x58\x66\xe2\x99\x98"));
    assert!(!sees("{ 5A 58 ( 55 89 | 66 88 ) E2 99 98 }", b"\x5a\x58\x77\x88\xe2\x99\x98"));
}

#[test]
fn regular_expressions_are_seen_by_what_they_cannot_match_without() {
    assert!(sees(r"/id=[0-9]{1,9}&token=/", b"id=4&token=") && !sees(r"/id=[0-9]{1,9}&token=/", b"id=4&taken="));
    assert!(sees(r"/(curl|wget) -q/", b"wget -q") && !sees(r"/(curl|wget) -q/", b"fetch -q"));
    assert!(sees(r"/eval\(base64_/i", b"EVAL(BASE64_") && !sees(r"/eval\(base64_/", b"EVAL(BASE64_"));
    assert!(sees(r"/(\x7fELF)+\bx?end-1/", b"\x7fELF\x7fELFend-1"));
    assert!(sees(r"/Q9~Z(1x*aaaa|eeee)Z~9Q/", b"Q9~Z1xaaaaZ~9Q") && sees(r"/Q9~Z(1x*aaaa|eeee)Z~9Q/", b"Q9~ZeeeeZ~9Q"));
    assert!(sees(r"/token=x/ wide", b"t\0o\0k\0e\0n\0=\0x\0"));
}

#[test]
fn patterns_without_a_usable_literal_are_taken_to_be_everywhere() {
    let weak = ["\"secret\" base64wide", "\"secret\" base64 base64wide", "\"ab\"", "{ 00 00 00 00 00 00 }"];
    for pattern in weak.into_iter().chain([r"/[a-z]+\d*/", r"/(secret|a)/", r"/ab\<cde\>/"]) {
        let prefilter = prefilter(&format!("rule one {{ strings: $a = {pattern} condition: $a }}"));
        assert_eq!(
            prefilter.report().rules[0].class,
            RuleClass::Whole(WholeReason::Patterns(vec!["$a".into()])),
            "{pattern}"
        );
        assert!(must_scan(&prefilter, b""));
    }
}

#[test]
fn each_form_of_condition_asks_for_what_it_needs() {
    let (none, a, b, ab): (&[u8], &[u8], &[u8], &[u8]) = (b"nothing", b"alpha-1", b"bravo-2", b"alpha-1 bravo-2");
    // For each condition: is a file with none, $a, $b, $a and $b to be scanned?
    let table = [
        ("$a", [false, true, false, true]),
        ("$a and $b", [false, false, false, true]),
        ("$a or $b", [false, true, true, true]),
        ("$a and not $b", [false, true, false, true]),
        ("not $a", [true; 4]),
        ("not ($a or true)", [false; 4]),
        ("1 of them", [false, true, true, true]),
        ("2 of them", [false, false, false, true]),
        ("3 of them", [false; 4]),
        ("all of ($a, $b)", [false, false, false, true]),
        ("any of ($b*)", [false, false, true, true]),
        ("none of them", [true; 4]),
        ("0 of them", [true; 4]),
        ("34% of them", [false, false, false, true]),
        ("33% of them", [false, true, true, true]),
        ("1 of ($a and $b, false)", [false, false, false, true]),
        ("#a > 0", [false, true, false, true]),
        ("#a >= 1 and #b == 2", [false, false, false, true]),
        ("#a == 0", [true; 4]),
        ("#a in (0..100) > 0", [false, true, false, true]),
        ("$a at 0", [false, true, false, true]),
        ("$a in (0..filesize)", [false, true, false, true]),
        ("any of them at 0", [false, true, true, true]),
        ("@a < 100", [false, true, false, true]),
        ("!b == 7", [false, false, true, true]),
        ("not (@a < 100)", [false, true, false, true]),
        ("defined @a", [false, true, false, true]),
        ("not defined @a", [true; 4]),
        ("$a and not defined @a[9]", [false, true, false, true]),
        ("$a and 0 of ($b)", [false, true, false, true]),
        ("for 2 of them : ( $ )", [false, false, false, true]),
        ("for any of ($b) : ( # > 2 )", [false, false, true, true]),
        ("for any i in (1..#a) : ( @b[i] < 9 )", [false, false, true, true]),
        ("for none i in (1..3) : ( $a )", [true; 4]),
        ("with x = 3 : ( $a and x > 2 )", [false, true, false, true]),
        ("filesize > 1MB and $a", [false; 4]),
        ("uint16(0) == 0x6c61 and any of them", [false, true, false, true]),
    ];
    for (condition, wanted) in table {
        let condition = format!("({condition}) and 0 <= #a + #b + #c");
        let prefilter = words(&condition);
        assert_eq!([none, a, b, ab].map(|data| must_scan(&prefilter, data)), wanted, "{condition}");
    }
}

#[test]
fn reads_and_sizes_guard_without_reading_on() {
    let elf = words("uint32(0) == 0x464c457f and filesize < 270 and any of them");
    assert_eq!(elf.report().rules[0].class, RuleClass::ByLiterals);
    assert_eq!(elf.pass(270).decision(), FileDecision::CannotMatch);
    assert_eq!(elf.pass(269).feed(b"MZ.."), FileDecision::NeedMore, "269 bytes are to come, and four of them decide");
    assert_eq!(elf.pass(4).feed(b"MZ.."), FileDecision::CannotMatch);
    assert_eq!(elf.pass(3).decision(), FileDecision::CannotMatch, "four bytes can't be read from three");
    assert_eq!(elf.pass(11).feed(b"\x7fELFalpha-1"), FileDecision::MustScan);
    let small = prefilter("rule small { condition: filesize < 10 }");
    assert_eq!(small.report().rules[0].class, RuleClass::ByGuards);
    assert!(!small.always_full() && must_scan(&small, b"123456789") && !must_scan(&small, b"1234567890"));
}

#[test]
fn undefined_values_are_not_false() {
    // With nothing to read at 9, the comparison is undefined, and so is its negation.
    let cases = [("uint8(9) == 1", false), ("not uint8(9) == 1", false), ("not (uint8(9) == 1 and true)", true)];
    for (condition, wanted) in cases {
        let text = format!("rule r {{ condition: {condition} }}");
        assert_eq!(must_scan(&prefilter(&text), b"123"), wanted, "{condition}");
    }
}

#[test]
fn rules_stand_for_their_conditions() {
    let set =
        |rules: &str| prefilter(&format!("private rule word {{ strings: $a = \"alpha-1\" condition: $a }} {rules}"));
    let asks = set("rule asks { condition: word }");
    assert!(!must_scan(&asks, b"nothing") && must_scan(&asks, b"alpha-1"));
    assert!(must_scan(&set("rule not_asks { condition: not word }"), b"nothing"));
    assert!(!must_scan(&set(""), b"alpha-1"), "a private rule is not reported");
    assert!(must_scan(&set("rule hides { condition: for any word in (0..3) : ( word == 2 ) }"), b"nothing"));
    let global = set("global rule must { condition: uint8(0) == 0x61 } rule every { condition: true }");
    assert!(must_scan(&global, b"a") && !must_scan(&global, b"b"));
}

#[test]
fn a_namespace_that_is_entered_again_is_another() {
    let global = "global rule never { condition: false }";
    let sources = [("one", global), ("two", global), ("one", "rule c { condition: true }")];
    let sources = sources.map(|(namespace, text)| YaraSource { namespace, text });
    assert!(must_scan(&Prefilter::new(&sources, &[]), b""));
    let together = [sources[0], sources[2], sources[1]];
    assert!(!must_scan(&Prefilter::new(&together, &[]), b""));
}

#[test]
fn the_report_says_why_a_file_always_goes_whole() {
    let class = |text: &str| prefilter(text).report().rules.last().unwrap().class.clone();
    assert_eq!(class("rule r { condition: true }"), RuleClass::Whole(WholeReason::Condition));
    assert_eq!(class("import \"pe\" rule r { condition: pe.is_dll() }"), RuleClass::ByGuards);
    assert_eq!(
        class("import \"math\" rule r { condition: math.entropy(0, 9) > 1 }"),
        RuleClass::Whole(WholeReason::Values)
    );
    assert_eq!(class("rule r { condition: filename == \"x\" }"), RuleClass::Whole(WholeReason::Values));
    let weak = "rule r { strings: $a = \"x\" $b = \"long enough\" condition: any of them }";
    assert_eq!(class(weak), RuleClass::Whole(WholeReason::Patterns(vec!["$a".into()])));
    let prefilter = prefilter("rule good { strings: $a = \"long enough\" condition: $a } rule r { condition: true }");
    assert!(prefilter.always_full());
    assert_eq!(prefilter.report().whole().map(|(rule, _)| rule.name.as_str()).collect::<Vec<_>>(), ["r"]);
    assert_eq!(prefilter.pass(1).decision(), FileDecision::MustScan);
}

#[test]
fn sets_that_cannot_be_read_are_refused_whole() {
    assert_eq!(prefilter("rule {").report().refusal, Some(PrefilterRefusal::Syntax { namespace: "test".into() }));
    let source = [YaraSource { namespace: "test", text: "include \"more.yar\" rule r { condition: false }" }];
    let unknown = Prefilter::new(&source, &[]);
    assert_eq!(unknown.report().refusal, Some(PrefilterRefusal::Include { path: "more.yar".into() }));
    assert!(unknown.always_full());
    let known = Prefilter::new(&source, &[("more.yar", "rule first { condition: true }")]);
    assert_eq!(known.report().refusal, None);
    assert_eq!(known.report().rules[0].name, "first");
    let endless = Prefilter::new(&source, &[("more.yar", "include \"more.yar\"")]);
    assert_eq!(endless.report().refusal, Some(PrefilterRefusal::Include { path: "more.yar".into() }));
    let word = |n: u32| format!("#{:08x}!", 0x9e37_79b1_u32.wrapping_mul(n));
    let rules = |count: u32| -> Vec<String> {
        (0..count).map(|n| format!("rule r{n} {{ strings: $a = \"{}\" condition: $a }}\n", word(n))).collect()
    };
    let most = prefilter(&rules(128).concat());
    assert_eq!((most.report().literals, &most.report().refusal), (128, &None));
    assert!((0..128).all(|n| must_scan(&most, word(n).as_bytes())) && !must_scan(&most, word(128).as_bytes()));
    let more = prefilter(&rules(3000).concat());
    assert!(!more.always_full() && more.report().literals >= 3000);
    assert!((0..3000).all(|n| must_scan(&more, word(n).as_bytes())) && !must_scan(&more, word(3000).as_bytes()));
}

#[test]
fn nesting_without_end_is_taken_for_unknown() {
    let deep = format!("rule r {{ condition: {}false{} }}", "(not ".repeat(300), ")".repeat(300));
    assert!(prefilter(&deep).always_full());
    let sum = format!("rule r {{ condition: filesize < 0{} }}", " + 1".repeat(3000));
    assert!(prefilter(&sum).always_full());
}
