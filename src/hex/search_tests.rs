//! Searching by pieces must find what looking at the whole file at once finds.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::fixtures::Patchy;
use super::matcher::Matcher;
use super::query::Query;
use super::search::{
    Hit, SearchDirection, SearchOrder, SearchOutcome, SearchProgress, Watch, each_by, search, search_by,
};
use super::source::ByteSource;

const FORWARD: SearchOrder = SearchOrder { from: 0, direction: SearchDirection::Forward, wrap: false };
const BACKWARD: SearchOrder = SearchOrder { from: u64::MAX, direction: SearchDirection::Backward, wrap: false };

fn query(typed: &str) -> Query {
    Query::parse(typed).unwrap()
}

fn run(source: &mut dyn ByteSource, typed: &str, order: SearchOrder) -> SearchOutcome {
    run_by(source, query(typed).matcher(), query(typed).matcher().stretch(), order)
}

fn run_by(source: &mut dyn ByteSource, matcher: &Matcher, stretch: usize, order: SearchOrder) -> SearchOutcome {
    let mut last = 0;
    let mut progress = |SearchProgress { done, total }| {
        assert!(last <= done && done <= total, "{last} {done} {total}");
        last = done;
    };
    let mut watch = Watch { cancel: &AtomicBool::new(false), progress: &mut progress };
    search_by(source, matcher, stretch, order, &mut watch)
}

fn hit(offset: u64, length: u64) -> SearchOutcome {
    SearchOutcome::Found(Hit { offset, length, wrapped: false })
}

#[test]
fn a_match_across_two_pieces_is_found_both_ways() {
    for typed in ["needle", "u:ned", "x:6e 65 ?? 64", "r:ne+dle", "r:n.*e", "i:NEEDLE"] {
        let query = query(typed);
        let word: &[u8] = if typed.starts_with("u:") { b"n\0e\0d\0" } else { b"needle" };
        let stretch = query.matcher().stretch();
        for place in stretch - word.len()..=stretch + 1 {
            let mut bytes = vec![b'\n'; 2 * stretch];
            bytes[place..place + word.len()].copy_from_slice(word);
            let mut source = Patchy::new(&bytes);
            let length = if typed.starts_with("x:") { 4 } else { word.len() as u64 };
            assert_eq!(run(&mut source, typed, FORWARD), hit(place as u64, length), "{typed} {place}");
            assert_eq!(run(&mut source, typed, BACKWARD), hit(place as u64, length), "{typed} {place}");
        }
    }
}

#[test]
fn next_and_previous_go_from_the_cursor_and_round() {
    let mut source = Patchy::new(b"..ab....ab..");
    let order = |from, direction, wrap| SearchOrder { from, direction, wrap };
    let wrapped = |offset| SearchOutcome::Found(Hit { offset, length: 2, wrapped: true });
    let nothing = SearchOutcome::NotFound { unknown: 0 };
    assert_eq!(run(&mut source, "ab", order(3, SearchDirection::Forward, false)), hit(8, 2));
    assert_eq!(run(&mut source, "ab", order(9, SearchDirection::Forward, false)), nothing);
    assert_eq!(run(&mut source, "ab", order(9, SearchDirection::Forward, true)), wrapped(2));
    assert_eq!(run(&mut source, "ab", order(8, SearchDirection::Backward, false)), hit(2, 2));
    assert_eq!(run(&mut source, "ab", order(2, SearchDirection::Backward, true)), wrapped(8));
    assert_eq!(run(&mut source, "ab", order(u64::MAX, SearchDirection::Forward, true)), wrapped(2));
    assert_eq!(run(&mut source, "no", order(5, SearchDirection::Forward, true)), nothing);
    assert_eq!(run(&mut Patchy::new(b""), "ab", order(5, SearchDirection::Forward, true)), nothing);
}

#[test]
fn no_match_reaches_across_what_is_unknown() {
    let mut source = Patchy::new(b"ab??cd").without(2..4);
    assert_eq!(run(&mut source, "x:62 ?? ?? 63", FORWARD), SearchOutcome::NotFound { unknown: 2 });
    assert_eq!(run(&mut source, "cd", FORWARD), hit(4, 2));
    assert_eq!(run(&mut source, "ab", BACKWARD), hit(0, 2));
}

#[test]
fn holes_are_not_read_unless_the_query_could_match_in_them() {
    let mut bytes = vec![0; 8 << 20];
    bytes[6 << 20] = b'x';
    let mut source = Patchy::new(&bytes).with_holes();
    assert_eq!(run(&mut source, "x", FORWARD), hit(6 << 20, 1));
    assert!(source.given < 2 << 20, "{} bytes read", source.given);
    assert_eq!(run(&mut source, "x:00 78", FORWARD), hit((6 << 20) - 1, 2));
    assert_eq!(run(&mut source, "x:78 00", BACKWARD), hit(6 << 20, 2));
    assert_eq!(run(&mut source, r"r:\x00+", FORWARD), hit(0, 4096));
    assert_eq!(run(&mut source, "x:00 00", BACKWARD), hit((8 << 20) - 2, 2));
}

#[test]
fn memory_is_one_stretch_whatever_the_size() {
    let mut source = Patchy::new(&vec![1; 4 << 20]);
    assert_eq!(run(&mut source, "no such text", FORWARD), SearchOutcome::NotFound { unknown: 0 });
    assert_eq!(run(&mut source, "r:no such.*", BACKWARD), SearchOutcome::NotFound { unknown: 0 });
    assert!(source.widest <= 1 << 20, "{}", source.widest);
}

#[test]
fn a_search_is_cancelled_after_the_stretch_it_is_in() {
    let cancel = AtomicBool::new(false);
    let mut looks = 0;
    let mut progress = |_| {
        looks += 1;
        cancel.store(looks == 2, Ordering::Relaxed);
    };
    let mut source = Patchy::new(&vec![1; 8 << 20]);
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    assert_eq!(search(&mut source, &query("no"), FORWARD, &mut watch), SearchOutcome::Cancelled);
    assert_eq!(looks, 2);
    assert!(source.given < 2 << 20);
}

/// What is typed, over an alphabet small enough that there are matches.
fn typed() -> impl Strategy<Value = String> {
    let nibble = || prop::sample::select(vec!["6", "?"]);
    let low = || prop::sample::select(vec!["1", "2", "?"]);
    let masks = prop::collection::vec((nibble(), low()), 1..5);
    prop_oneof![
        "[ab]{1,4}",
        "[ab]{1,3}".prop_map(|text| format!("u:{text}")),
        "[abAB]{1,3}".prop_map(|text| format!("i:{text}")),
        masks.prop_map(|pairs| pairs.iter().fold("x:".to_owned(), |all, (high, low)| all + high + low)),
        prop::sample::select(vec![
            "r:a+",
            "r:a.b",
            "r:a[^b]*b",
            "r:(?m)^a",
            r"r:b$",
            r"r:a\b",
            r"r:\x00+a",
            r"r:\x00\x00",
            r"r:\Aa",
            r"r:b\z",
            "r:ab|b",
            r"r:[^\x00]+",
            r"r:\Ba",
        ])
        .prop_map(ToOwned::to_owned),
    ]
    .prop_filter("a query", |typed| Query::parse(typed).is_ok())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let letters = prop::collection::vec(prop::sample::select(b"aabb\0\n".to_vec()), 0..12);
    let piece = prop_oneof![letters, (0usize..30).prop_map(|count| vec![0; count])];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_regular_expression_finds_whole_matches_that_do_not_overlap() {
    let bytes = b"..aaaaa..aaa....aaaaaaa..";
    let starts = [2, 9, 16];
    for stretch in [1, 3, 7, 100] {
        let (query, mut source) = (query("r:a{3,}"), Patchy::new(bytes));
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let mut from = 0;
        while let SearchOutcome::Found(hit) = run_by(
            &mut source,
            query.matcher(),
            stretch,
            SearchOrder { from, direction: SearchDirection::Forward, wrap: false },
        ) {
            forward.push(hit.offset);
            from = hit.offset + 1;
        }
        from = bytes.len() as u64;
        while let SearchOutcome::Found(hit) = run_by(
            &mut source,
            query.matcher(),
            stretch,
            SearchOrder { from, direction: SearchDirection::Backward, wrap: false },
        ) {
            backward.push(hit.offset);
            from = hit.offset;
        }
        backward.reverse();
        assert_eq!((forward, backward), (starts.to_vec(), starts.to_vec()), "{stretch}");
    }
}

/// The matches that begin at `start`, seen in the known bytes around it all at once.
fn at(matcher: &Matcher, bytes: &[u8], unknown: &std::ops::Range<u64>, start: usize) -> Option<(u64, u64)> {
    let (low, high) = (unknown.start as usize, unknown.end as usize);
    let (base, known) = match start {
        start if low >= high || low >= bytes.len() => (0, (start < bytes.len()).then_some(bytes)?),
        start if start < low => (0, &bytes[..low]),
        start if start >= high => (high, bytes.get(high..)?),
        _ => return None,
    };
    let found = matcher.first(known, start - base..start - base + 1, &AtomicBool::new(false))?;
    Some(((found.start + base) as u64, found.len() as u64))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pieces_find_what_the_whole_finds(
        typed in typed(),
        bytes in bytes(),
        (from, stretch, wrap, backward, holes) in (0u64..80, 1usize..40, any::<bool>(), any::<bool>(), any::<bool>()),
        unknown in prop_oneof![Just(0..0), (0u64..40, 1u64..20).prop_map(|(start, length)| start..start + length)],
    ) {
        let query = query(&typed);
        let matcher = query.matcher();
        let mut source = Patchy::new(&bytes);
        if !unknown.is_empty() {
            source = source.without(unknown.clone());
        }
        if holes {
            source = source.with_holes();
        }
        let direction = if backward { SearchDirection::Backward } else { SearchDirection::Forward };
        let outcome = run_by(&mut source, matcher, stretch, SearchOrder { from, direction, wrap });

        let from = from.min(bytes.len() as u64) as usize;
        let [near, far] = if backward { [0..from, from..bytes.len()] } else { [from..bytes.len(), 0..from] };
        let naive = |mut starts: std::ops::Range<usize>| match direction {
            SearchDirection::Forward => starts.find_map(|start| at(matcher, &bytes, &unknown, start)),
            SearchDirection::Backward => starts.rev().find_map(|start| at(matcher, &bytes, &unknown, start)),
        };
        let expected = naive(near).map(|found| (found, false));
        let expected = expected.or_else(|| naive(far).filter(|_| wrap).map(|found| (found, true)));
        match (outcome, expected) {
            (SearchOutcome::Found(hit), Some(((offset, length), wrapped))) => {
                prop_assert_eq!(hit, Hit { offset, length, wrapped });
            }
            (SearchOutcome::NotFound { .. }, None) => {}
            (outcome, expected) => prop_assert!(false, "{outcome:?} {expected:?}"),
        }
    }

    /// What is counted is what stepping from match to match comes to, up to the most that is wanted.
    #[test]
    fn all_matches_are_those_that_one_steps_through(
        typed in typed(),
        bytes in bytes(),
        (stretch, most, holes) in (1usize..40, 0usize..12, any::<bool>()),
        unknown in prop_oneof![Just(0..0), (0u64..40, 1u64..20).prop_map(|(start, length)| start..start + length)],
    ) {
        let query = query(&typed);
        let mut source = Patchy::new(&bytes);
        if !unknown.is_empty() {
            source = source.without(unknown);
        }
        if holes {
            source = source.with_holes();
        }
        let mut steps = Vec::new();
        let mut order = FORWARD;
        while let SearchOutcome::Found(hit) = run_by(&mut source, query.matcher(), stretch, order) {
            steps.push(hit.offset);
            order.from = hit.offset + 1;
        }
        let mut found = Vec::new();
        let mut watch = Watch { cancel: &AtomicBool::new(false), progress: &mut |_| {} };
        let all = each_by(&mut source, query.matcher(), stretch, most, &mut watch, &mut |offset| found.push(offset));
        prop_assert_eq!(all, steps.len() <= most);
        steps.truncate(most);
        prop_assert_eq!(found, steps);
    }

    /// A literal needs no matcher of ours to be found.
    #[test]
    fn literals_are_found_where_they_are(word in "[ab]{1,5}", bytes in bytes(), stretch in 1usize..20) {
        let expected = bytes.windows(word.len()).position(|window| window == word.as_bytes());
        let last = bytes.windows(word.len()).rposition(|window| window == word.as_bytes());
        let matcher = Matcher::literal(word.as_bytes());
        for (order, place) in [(FORWARD, expected), (BACKWARD, last)] {
            let outcome = run_by(&mut Patchy::new(&bytes), &matcher, stretch, order);
            let wanted = place.map_or(SearchOutcome::NotFound { unknown: 0 }, |at| hit(at as u64, word.len() as u64));
            prop_assert_eq!(outcome, wanted);
        }
    }
}
