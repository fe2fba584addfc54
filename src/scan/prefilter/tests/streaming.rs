//! Chunks, holes, and when a decision falls.

use super::{FileDecision, must_scan, prefilter};

const WORD: &str = "rule word { strings: $a = \"needle-in-hay\" condition: $a }";

#[test]
fn a_literal_is_seen_across_any_chunk_edges() {
    let prefilter = prefilter(WORD);
    let data = [&[b'.'; 300][..], b"needle-in-hay", &[b'.'; 300]].concat();
    for size in 1..data.len() {
        let mut pass = prefilter.pass(data.len() as u64);
        data.chunks(size).for_each(|chunk| _ = pass.feed(chunk));
        assert!(pass.finish(), "chunks of {size}");
    }
}

#[test]
fn overlapping_literals_are_all_seen() {
    let overlapping =
        prefilter("rule r { strings: $a = \"abcd$efgh\" $b = \"d$efghijk\" $c = \"cd$e\" condition: all of them }");
    assert!(must_scan(&overlapping, b"..abcd$efghijk") && !must_scan(&overlapping, b"abcd$efgh"));
    let beginning =
        "rule r { strings: $a = { C5 58 9F } $b = { C5 58 9F 52 89 E2 55 50 B9 E1 } condition: all of them }";
    assert!(must_scan(&prefilter(beginning), b"\xc5\x58\x9f\x52\x89\xe2\x55\x50\xb9\xe1"));
}

#[test]
fn counting_needs_different_patterns() {
    let two = prefilter("rule r { strings: $a = \"alpha-1\" $b = \"bravo-2\" condition: 2 of them }");
    let mut pass = two.pass(1000);
    assert_eq!(pass.feed(b"alpha-1 alpha-1 alpha-1"), FileDecision::NeedMore);
    pass.feed(&[b' '; 900]);
    assert_eq!(pass.feed(b"bravo-2"), FileDecision::NeedMore, "the first bytes are not all there yet");
    assert!(pass.finish(), "and a file shorter than its size is not judged");
    assert!(!must_scan(&two, b"alpha-1 alpha-1"));
}

#[test]
fn a_decision_stays() {
    let prefilter = prefilter(WORD);
    let mut pass = prefilter.pass(5000);
    assert_eq!(pass.feed(&[b'.'; 4096]), FileDecision::NeedMore);
    assert_eq!(pass.feed(b"needle-in-hay"), FileDecision::MustScan);
    assert_eq!(pass.feed(b"more"), FileDecision::MustScan);
    assert!(pass.finish());
}

#[test]
fn a_file_whose_size_was_another_is_scanned() {
    let prefilter = prefilter(WORD);
    for filesize in [9, 11] {
        let mut pass = prefilter.pass(filesize);
        pass.feed(b"0123456789");
        assert!(pass.finish());
    }
    assert!(!must_scan(&prefilter, b"0123456789") && !must_scan(&prefilter, b""));
}

#[test]
fn holes_are_as_their_zeros() {
    let zeros = "{ 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 99 E2 98 }";
    let edge = prefilter(&format!("rule r {{ strings: $a = {zeros} condition: $a }}"));
    let header = prefilter("rule r { condition: uint32(4000) == 0 and uint8(4095) == 0x2a }");
    for length in [0_u64, 5, 15, 16, 17, 127, 128, 3999, 4095, 4096, 1 << 40] {
        let mut pass = edge.pass(length + 3);
        pass.skip_zeros(length);
        pass.feed(b"\x99\xe2\x98");
        assert_eq!(pass.finish(), length >= 16, "{length}");
        let mut pass = header.pass(length + 1);
        pass.skip_zeros(length);
        pass.feed(b"*");
        assert_eq!(pass.finish(), length == 4095, "{length}");
    }
}

#[test]
fn a_file_full_of_useless_hits_goes_to_yara() {
    let rule = "rule r { strings: $a = { 5A 58 55 52 [1-9] 89 E2 } $b = \"never there\" condition: all of them }";
    let prefilter = prefilter(rule);
    let data = b"\x5a\x58\x55\x52\x90\x89\xe2".repeat(100_000);
    let mut pass = prefilter.pass(1 << 30);
    assert_eq!(pass.feed(&data), FileDecision::MustScan);
}

#[test]
fn patterns_may_come_in_any_order_in_the_first_pass() {
    // All patterns of `first` are searched for in the first pass, for `other` has no key; but one of them is enough of a key.
    let fill: String = (0..150).map(|n| format!("$f{n} = \"filler-{n:05}\" ")).collect();
    let text = format!(
        "rule first {{ strings: $a = \"uncommon-zqxj\" $b = \"/another\" condition: $a and $b }}
        rule other {{ condition: not first }}
        rule filler {{ strings: {fill} condition: all of them }}"
    );
    let prefilter = prefilter(&text);
    let first = prefilter.rules.keys();
    assert!(first[0] && first[1] && prefilter.rules.has_key(0) && !prefilter.rules.has_key(1));
    for file in [["uncommon-zqxj, then ", "/another"], ["/another, then ", "uncommon-zqxj"]] {
        let bytes = file.concat();
        for sizes in [vec![bytes.len()], vec![file[0].len(), file[1].len()], vec![1; bytes.len()]] {
            let mut pass = prefilter.pass_in(prefilter.first_scratch().unwrap(), bytes.len() as u64, None);
            let mut rest = bytes.as_bytes();
            for size in sizes {
                let (chunk, after) = rest.split_at(size);
                pass.feed(chunk);
                rest = after;
            }
            assert_eq!(pass.left(), [0, 1], "{bytes}");
        }
    }
}

#[test]
fn a_second_pass_asks_just_the_rules_that_a_first_one_left() {
    let rule = |n: usize| {
        format!("rule r{n} {{ strings: $a = \"alpha-{n}-xyz\" $b = \"omega-{n}-qrs\" condition: all of them }}\n")
    };
    let base = "private rule base { strings: $c = \"ground-of-one\" condition: $c }\n";
    let on_base = "rule rests { strings: $d = \"upon-the-other\" condition: base and $d }\n";
    let text = format!("{base}{on_base}{}", (0..200).map(rule).collect::<String>());
    let prefilter = prefilter(&text);
    assert!(prefilter.has_first_pass());
    let data = "alpha-5-xyz omega-5-qrs alpha-7-xyz alpha-9-xyz omega-9-qrs upon-the-other ground-of-one omega-3-qrs alpha-3-xyz";
    let left = |only: &[usize]| {
        let mut pass = prefilter.pass(data.len() as u64).only(only);
        pass.feed(data.as_bytes());
        pass.left().to_vec()
    };
    // Rule 1 rests on rule 0; the others stand two further on than their numbers.
    assert_eq!(left(&[1, 7, 9, 11]), [1, 7, 11]);
    assert!(left(&[9]).is_empty());
    assert_eq!(left(&(0..100).collect::<Vec<_>>()), [1, 5, 7, 11], "more than are searched for apart");
}
