//! What is said of each form.

use super::*;

const PATTERNS: &str = "$a = \"alpha\"\n$b = \"beta\"\n$c = \"gamma\"";

/// What the whole of a condition comes to, and why.
fn whole(condition: &str, bytes: &[u8]) -> String {
    let line = told(PATTERNS, condition, bytes).swap_remove(0);
    line.replace(&format!(" `{condition}`"), "")
}

#[test]
fn the_parts_of_a_condition_are_told_one_by_one() {
    let condition = "uint32(0) == 0x464c457f and (filesize < 10 or not $c) and 2 of them and $a at 4 and #b > 1";
    assert_eq!(
        told(PATTERNS, condition, b"\x7fELFalpha beta beta"),
        [
            &format!("true `{condition}` → 5 of 5 true"),
            "  true `uint32(0) == 0x464c457f` → uint32(0) is 0x464c457f",
            "  true `filesize < 10 or not $c` → 1 of 2 true",
            "    false `filesize < 10` → filesize is 19 bytes",
            "    true `not $c` → ",
            "      false `$c` → $c is not found",
            "  true `2 of them` → 2 of 3 found: $a, $b",
            "  true `$a at 4` → $a is at 0x4",
            "  true `#b > 1` → #b is 2",
        ]
    );
}

#[test]
fn what_was_seen_is_said_of_every_form() {
    let bytes = b"alpha beta alpha";
    for (condition, said) in [
        ("filesize < 1KB", "true → filesize is 16 bytes, 1KB is 1,024"),
        ("3 of them", "false → 2 of 3 found: $a, $b"),
        ("$a at 3", "false → $a is at 0x0 and 0xb; not at 0x3"),
        ("$b in (0..3)", "false → $b is at 0x6; not from 0x0 to 0x3"),
        ("$b at uint8(99)", "undefined → $b is at 0x6; where it is wanted is undefined"),
        ("uint32(14) == 1", "undefined → uint32(14) is undefined"),
        ("@a[2] == 11", "true → @a[2] is 0xb"),
        ("#a in (1..20) == 1", "true → #a in (1..20) is 1"),
        ("!b == 4", "true → !b is 4"),
        ("for all of ($a, $b) : ( # > 1 )", "false → true in 1 of 2 patterns looked at"),
        ("for any i in (0..9) : ( uint8(i) == 0x70 )", "true → true in 1 of 3 rounds looked at"),
        ("filename == \"Agent.SH\"", "true → filename is \"Agent.SH\""),
        ("defined uint8(99)", "false → uint8(99) is undefined"),
    ] {
        assert_eq!(whole(condition, bytes), said, "{condition}");
    }
}

#[test]
fn what_cannot_be_told_is_said_to_be_so() {
    for (condition, said) in [
        ("pe.is_pe", "not explained → asks a module of yara-x"),
        ("filename matches /a/", "not explained → holds a text against a regular expression"),
        ("filesize > 1.5", "not explained → calculates with fractions"),
        ("other", "not explained → depends on other, another rule or a module"),
        ("for any s in pe.sections : ( true )", "not explained → goes through what a module of yara-x lists"),
        ("0 of ($a, $b)", "not explained → wants none of the patterns, which yara-x takes in two ways"),
        ("pe.is_pe or $c", "not explained → 0 of 2 true, 1 not explained"),
        ("pe.is_pe or $a", "true → 1 of 2 true, 1 not explained"),
        ("pe.is_pe and $c", "false → 0 of 2 true, 1 not explained"),
    ] {
        let part = unaided(&rule(PATTERNS, condition), b"alpha");
        assert_eq!(format!("{} → {}", part.value, part.because), said, "{condition}");
    }
}

#[test]
fn patterns_whose_places_are_not_known_are_not_guessed() {
    let rule = rule(PATTERNS, "$a and not $b and #c == 0");
    let bytes: &[u8] = b"alpha";
    let externals = externals();
    let facts = ExplainedFile {
        bytes: &bytes,
        places: &[],
        externals: Some(&externals),
        options: &crate::hunt::RuleOptions::default(),
    };
    let part = condition(&rule, facts, None);
    assert!(part.rows().iter().all(|(_, part)| part.value == PartValue::Unknown), "{part:?}");
    let told = condition(&rule, facts, Some(true));
    assert_eq!(told.value, PartValue::True);
    assert!(told.because.starts_with("says yara-x; a part is not explained"), "{}", told.because);
}

/// yara-x 1.22.1 takes the patterns for searched where an undefined operand kept it from that: its word counts, and the
/// parts that say otherwise are not shown.
#[test]
fn where_yara_x_says_otherwise_nothing_is_explained() {
    let rule = rule("$a = \"alpha\"", "uint8(999) + #a == 1 or $a");
    let bytes: &[u8] = b"alpha";
    assert!(
        yara_x::Scanner::new(&yara_x::compile(rule.source.as_str()).unwrap())
            .scan(bytes)
            .unwrap()
            .matching_rules()
            .len()
            == 0
    );
    assert_eq!(unaided(&rule, bytes).value, PartValue::True);
    let part = explained(&rule, bytes, Some(false));
    assert_eq!((part.value, part.parts.len()), (PartValue::False, 0));
    assert!(part.because.starts_with("says yara-x; not explained"), "{}", part.because);
}

#[test]
fn loops_and_depth_have_an_end() {
    let bytes = b"x";
    let many = "for all i in (0..100000000000) : ( i >= 0 )";
    assert_eq!(whole(many, bytes), "not explained → has more rounds than are followed");
    let within = "for all i in (1..5000) : ( for all j in (1..5000) : ( i + j > 0 ) )";
    assert!(whole(within, bytes).starts_with("not explained → "));
    let deep = format!("{}true{}", "not (".repeat(95), ")".repeat(95));
    let rows = told(PATTERNS, &deep, bytes);
    assert!(rows.len() > 90 && rows[0].starts_with("false"), "{}", rows[0]);
    let too_deep = format!("{}true", "not ".repeat(190));
    let rows = told(PATTERNS, &too_deep, bytes);
    assert!(rows[0].starts_with("not explained") || rows[0].starts_with("true"), "{}", rows[0]);
    let long = vec!["$a"; 20_000].join(" or ");
    assert!(told(PATTERNS, &long, bytes).len() <= 2_001);
    let long = vec!["1"; 20_000].join(" + ");
    assert!(whole(&format!("{long} > 0"), bytes).starts_with("true"));
    let chain = vec!["1"; 3_000].join(" << ");
    assert!(told(PATTERNS, &format!("{chain} == 0"), bytes)[0].starts_with("not explained"));
    let texts = format!("for all i in (1..100000) : ( filename != \"{}\" )", "x".repeat(1 << 20));
    assert!(told(PATTERNS, &texts, bytes)[0].starts_with("not explained"));
}

#[test]
fn a_text_of_any_length_is_cut() {
    let long = format!("filename != \"{}\"", "é".repeat(10_000));
    let part = told(PATTERNS, &long, b"x").swap_remove(0);
    assert!(part.len() < 5_000 && part.contains('…'), "{}", part.len());
}
