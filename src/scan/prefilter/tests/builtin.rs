//! Rules of the kind the built-in hunts are: the prefilter must rule out nearly everything.

use super::{FileDecision, RuleClass, must_scan, prefilter, yara_matches};

const RULES: &str = include_str!("five.yar");

/// Bytes without a pattern (a linear congruence), some lines of text among them.
fn ordinary(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut data: Vec<u8> = std::iter::repeat_with(&mut next).take(length).collect();
    for (place, text) in
        [(100, "class Loader(object):\n"), (9000, "prompt is there, going on\n"), (70_000, ".shstrtab\0.text")]
    {
        data[place..place + text.len()].copy_from_slice(text.as_bytes());
    }
    data
}

#[test]
fn each_rule_is_ruled_out_by_its_literals() {
    let prefilter = prefilter(RULES);
    assert_eq!(prefilter.report().refusal, None);
    assert_eq!(prefilter.report().rules.len(), 5);
    assert!(prefilter.report().rules.iter().all(|rule| rule.class == RuleClass::ByLiterals));
}

#[test]
fn ordinary_files_are_ruled_out() {
    let prefilter = prefilter(RULES);
    let data = ordinary(1 << 20);
    for length in [0, 1, 269, 4096, 8000, 10_000, 100_000, 1 << 20] {
        assert!(!must_scan(&prefilter, &data[..length]), "{length} bytes");
    }
    let mut pass = prefilter.pass(1 << 20);
    data.chunks(256 * 1024).for_each(|chunk| assert_eq!(pass.feed(chunk), FileDecision::NeedMore));
    assert!(!pass.finish());
}

#[test]
fn what_yara_matches_is_scanned_and_little_else() {
    let (prefilter, rules) = (prefilter(RULES), yara_x::compile(RULES).unwrap());
    let (prompt, refused, fail) = (
        "prompt is there, going on\n",
        "login refused, wrong name, stop\n",
        "received ack - STATE: done, load: fail\n",
    );
    let wide: String = "10.20.30.40:9999".chars().flat_map(|c| [c, '\0']).collect();
    let tiny = b"\x7fELF\x5a\x58\x55\x52\x89\xe2\x55\x50\x89\xe1 shstrtab\0.text";
    let after = |size: usize, text: &str| [&ordinary(100_000)[9100..9100 + size], b"\n", text.as_bytes()].concat();
    let cases = [
        (after(0, "Storage of enabled modules."), true),
        (after(50_000, &wide), true),
        (after(0, "class Loader:"), false),
        (after(0, "class Loader: no such version of the module!"), true),
        (after(9000, &[prompt, refused].concat()), true),
        (after(20_000, &[prompt, refused].concat()), false),
        (after(20_000, &[prompt, prompt, refused, refused].concat()), false),
        (after(20_000, &[prompt, refused, fail].concat()), true),
        (tiny.to_vec(), true),
        ([&tiny[..], &[0; 300]].concat(), false),
        (tiny[1..].to_vec(), false),
    ];
    for (data, wanted) in cases {
        assert_eq!(yara_matches(&rules, &data), wanted);
        assert_eq!(must_scan(&prefilter, &data), wanted, "{}", data.escape_ascii());
    }
}
