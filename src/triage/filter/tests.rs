use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::finding::Sha256;

const DIGEST: Digest = Digest::Whole(Sha256([0xab; 32]));

fn asked(path: &str) -> FilteredFinding<'_> {
    FilteredFinding {
        rule: 0,
        host: 0,
        verdict: Verdict::Open,
        returned: false,
        candidate: false,
        path,
        raw: Path::new(path),
        size: 2 << 20,
        modified: FileTime { seconds: 1_795_000_000, nanos: 0 },
        digest: &DIGEST,
        matches: 3,
        score: 80,
        uid: 33,
        owner: Some("www-data"),
        tags: &[],
        signs: Signs::default(),
    }
}

fn names() -> Names {
    Names {
        rules: vec!["EQGRP_tinyexec".into(), "EQGRP_ssh_telnet_29".into()],
        hosts: vec!["web01".into(), "db7".into()],
    }
}

fn passes(typed: &str, asked: &FilteredFinding<'_>) -> bool {
    let filter = Filter::parse(typed);
    assert_eq!(filter.wrong(), None, "{typed}");
    filter.bind(&names()).nearness(asked).is_some()
}

#[test]
fn every_field_asks_for_what_it_says() {
    let tags: Vec<Box<str>> = vec!["ask-bob".into(), "later".into()];
    let signs = Signs::default().with(Sign::Live).with(Sign::Tagged).saying(BoxState::Contradicted);
    let this = FilteredFinding { tags: &tags, signs, ..asked("opt/My App/run.py") };
    let member = FilteredFinding { raw: Path::new("/opt/a.tar\0run.py"), ..this };
    for holds in [
        "rule:tiny",
        "hunt:EQGRP",
        "RULE:tiny",
        "rule:*exec",
        "state:open",
        "verdict:open,excluded",
        "owner:www-data",
        "user:33",
        "owner:www*",
        "uid:33",
        "size>1M",
        "size:1M..2M",
        "size<=2MiB",
        "size>=2M",
        "size:2M",
        "size:>1M",
        "path:opt",
        "path:\"my app\"",
        "path:opt/*.py",
        "name:run",
        "name:*.py",
        "name:run.py",
        "hash:ab",
        "sha256:abAB",
        "hash:sha256:ab",
        "hash:aba",
        "matches>2",
        "matches=3",
        "score>=80",
        "score:70..90",
        "tag:later",
        "tag:#later",
        "tag:ask*",
        "host:web",
        "box:contradicted",
        "is:live",
        "is:tagged",
        "in:file",
        "modified:2026",
        "modified>2025",
        "modified:2026-11",
        "modified<2027",
        "modified>=2026-11-18",
        "modified:2026-11-18",
        "modified:2026-11-18T11:06:40",
        "modified:2026-11-18T11:06",
        "modified:2026-01..2026-12",
        "-rule:ssh",
        "-state:excluded,malicious",
        "-tag:done",
        "-is:scheduled",
        "-zip",
        "!zip",
        "\"y App/r\"",
        "run opt -zip size>1k",
        "r y",
        "'run",
        "in:archive,file",
        "tag:x,later",
        "",
    ] {
        assert!(passes(holds, &this), "{holds}");
    }
    for fails in [
        "rule:ssh",
        "rule:tiny*",
        "state:excluded",
        "state:returned",
        "state:candidate",
        "owner:root",
        "owner:www",
        "uid:3",
        "size>2M",
        "size<2M",
        "size:1M",
        "path:srv",
        "path:OPT",
        "path:opt*y.app*zip",
        "name:opt",
        "hash:ac",
        "hash:b",
        "matches>3",
        "score<80",
        "tag:late",
        "tag:bob",
        "host:db",
        "box:supported",
        "box:unasked",
        "is:listening",
        "in:archive",
        "in:process",
        "modified:2025",
        "modified>2026",
        "modified<2026-11-18",
        "modified>2026-11-18",
        "-rule:tiny",
        "-size>1M",
        "-is:live",
        "-run",
        "\"run py\"",
        "run -opt",
        "state:open tag:done",
    ] {
        assert!(!passes(fails, &this), "{fails}");
    }
    assert!(passes("in:archive", &member) && !passes("in:file", &member));
    let over_there = FilteredFinding { host: 1, rule: 1, ..this };
    assert!(passes("host:db7 rule:telnet", &over_there) && !passes("host:web", &over_there));
}

#[test]
fn what_a_finding_has_come_to_is_asked_for_in_the_words_of_the_list() {
    let of = |verdict, returned, candidate| FilteredFinding { verdict, returned, candidate, ..asked("x") };
    let states = ["open", "returned", "candidate", "excluded", "suspicious", "malicious", "decided"];
    for (asked, expected) in [
        (of(Verdict::Open, false, false), &["open"][..]),
        (of(Verdict::Open, true, false), &["open", "returned"]),
        (of(Verdict::Open, false, true), &["candidate"]),
        (of(Verdict::Benign, false, false), &["excluded", "decided"]),
        (of(Verdict::Suspicious, false, false), &["suspicious", "decided"]),
        (of(Verdict::Malicious, false, true), &["malicious", "decided"]),
    ] {
        let holds: Vec<_> = states.into_iter().filter(|state| passes(&format!("state:{state}"), &asked)).collect();
        assert_eq!(holds, expected, "{asked:?}");
    }
}

#[test]
fn what_is_wrong_says_where_and_what_would_be_right() {
    for (typed, at, said) in [
        ("opt stat:open", 4..8, "did you mean state:?"),
        ("rul:x", 0..3, "did you mean rule:?"),
        ("ruel:x", 0..4, "did you mean rule:?"),
        ("colour:red", 0..6, "fields are rule, state"),
        ("state:opne", 6..10, "did you mean open?"),
        ("a state:open,xyz", 8..16, "state: takes open, returned"),
        ("is:alive", 3..8, "did you mean live?"),
        ("box:suported", 4..12, "did you mean supported?"),
        ("size>lots", 5..9, "a size begins with a number"),
        ("size>1Q", 5..7, "unknown unit"),
        ("-size:5M..1M", 6..12, "ends before it begins"),
        ("matches>many", 8..12, "is no number"),
        ("path>opt", 0..8, "write path:opt"),
        ("hash:xyz", 5..8, "not hexadecimal"),
        ("modified>yesterday", 9..18, "2026-11-26"),
        ("modified:2026-13", 9..16, "2026-11-26"),
        ("modified:1-1-1-1", 9..16, "2026-11-26"),
    ] {
        let filter = Filter::parse(typed);
        let wrong = filter.wrong().unwrap_or_else(|| panic!("{typed}"));
        assert_eq!((wrong.at.clone(), wrong.unfinished), (at, false), "{typed}: {}", wrong.message);
        assert!(wrong.message.contains(said), "{typed}: {}", wrong.message);
    }
    for typed in ["rule:", "-state:", "size>", "\"two wor", "path:\"a b", "x rule:,"] {
        assert!(Filter::parse(typed).wrong().unwrap().unfinished, "{typed}");
    }
    let hostile = Filter::parse("\u{1b}[2J:x fie\u{202e}ld:x state:\u{1b}[2J");
    assert!(hostile.wrong().unwrap().message.chars().all(|c| !c.is_control() && c != '\u{202e}'));
    // What is wrong is left out, the rest counts.
    let filter = Filter::parse("stat:open run size>1M");
    assert!(filter.bind(&names()).nearness(&asked("run.py")).is_some());
    assert!(filter.bind(&names()).nearness(&asked("zip")).is_none());
}

#[test]
fn signs_in_names_of_files_are_letters() {
    for typed in ["a=b", "x>y", "-", "--", "c++", "a:b".trim_end_matches(":b"), "1", ":", "=x"] {
        assert_eq!(Filter::parse(typed).wrong(), None, "{typed}");
        assert!(passes(typed, &asked("-/--/a=b x>y c++ : =x 1")), "{typed}");
    }
}

#[test]
fn completion_offers_fields_then_values_and_what_the_list_has() {
    let offered = |typed: &str| {
        let values = |field| match field {
            FilterField::Tag => vec!["later".to_owned(), "ask bob".to_owned(), "lab".to_owned()],
            FilterField::Rule => names().rules,
            _ => Vec::new(),
        };
        let completion = complete(typed, typed.len(), values);
        (completion.at, completion.options, completion.common)
    };
    let texts = |options: &[&str]| options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
    assert_eq!(offered("opt ru"), (4..6, texts(&["rule:"]), "rule:".to_owned()));
    assert_eq!(offered("s").1, texts(&["state:", "size>", "score>"]));
    assert_eq!(offered("-st"), (1..3, texts(&["state:"]), "state:".to_owned()));
    assert_eq!(offered("state:o"), (6..7, texts(&["open"]), "open".to_owned()));
    assert_eq!(offered("state:open,re"), (11..13, texts(&["returned"]), "returned".to_owned()));
    assert_eq!(offered("tag:la"), (4..6, texts(&["later", "lab"]), "la".to_owned()));
    assert_eq!(offered("tag:a").1, texts(&["\"ask bob\""]));
    assert_eq!(offered("rule:tiny").1, texts(&["EQGRP_tinyexec"]), "what holds it, where nothing begins so");
    assert_eq!((offered("size>").1.len(), offered("path:o").1.len(), offered("\"a b").1.len()), (0, 0, 0));
    assert_eq!(offered("x ").1.len(), field::FIELDS.len(), "all of them where nothing is begun");
    assert_eq!(complete("é", 1, |_| Vec::new()), FilterCompletion::default(), "inside of a letter");
}

#[test]
fn the_help_names_every_field_and_every_example_is_right() {
    let help = help();
    for known in field::FIELDS {
        assert!(help.contains(known.example), "{}", known.example);
        assert_eq!(Filter::parse(known.example).wrong(), None, "{}", known.example);
        assert!(known.names.iter().all(|name| FilterField::named(name) == Some(known.field)), "{}", known.names[0]);
        for (value, _) in known.values {
            assert_eq!(Filter::parse(&format!("{}:{value}", known.names[0])).wrong(), None);
            assert!(help.contains(&format!("{}:{value}", known.names[0])));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_filter_and_what_is_wrong_lies_in_it(typed in "(-?(rule|size|is|x|modified|tag)?[:>=<]{0,2}[\"a-c0-9,.*é -]{0,6}){0,4}") {
        let filter = Filter::parse(&typed);
        if let Some(wrong) = filter.wrong() {
            prop_assert!(typed.get(wrong.at.clone()).is_some(), "{:?} {:?}", typed, wrong);
        }
        filter.bind(&names()).nearness(&asked("a/b.c"));
        for cursor in 0..=typed.len() {
            let completion = complete(&typed, cursor, |_| vec!["abc".to_owned()]);
            prop_assert!(completion.at.end == cursor || completion == FilterCompletion::default());
        }
    }

    /// What narrows lets nothing pass that the wider one does not; the list asks only what passed before.
    #[test]
    fn a_narrower_filter_lets_nothing_more_pass(
        old in "(-?(rule:t|size>1|a|b|tag:x|is:live) ?){0,3}", more in "[ a-c:x,]{0,4}", path in "[abc/]{0,6}", size in 0_u64..3,
    ) {
        let (wide, narrow) = (Filter::parse(&old), Filter::parse(&format!("{old}{more}")));
        let this = FilteredFinding { size, ..asked(&path) };
        if narrow.narrows(&wide) && narrow.bind(&names()).nearness(&this).is_some() {
            prop_assert!(wide.bind(&names()).nearness(&this).is_some(), "{} {}", old, more);
        }
    }

    #[test]
    fn a_filter_without_fields_is_what_it_was(typed in "[aB' !é/._]{0,8}", path in "[abBé/._]{0,12}") {
        let filter = Filter::parse(&typed);
        prop_assert_eq!(filter.wrong(), None);
        prop_assert_eq!(filter.bind(&names()).nearness(&asked(&path)), FuzzyPattern::new(&typed).nearness(&path));
    }

    #[test]
    fn not_is_the_opposite(typed in "(rule:tiny|size>1M|tag:x|state:open,decided|path:a|owner:root|matches:1\\.\\.3)", path in "[abc/]{0,6}") {
        let bound = |typed: &str| Filter::parse(typed).bind(&names());
        let holds = |typed: &str| bound(typed).nearness(&asked(&path)).is_some();
        prop_assert_ne!(holds(&typed), holds(&format!("-{typed}")));
    }
}
