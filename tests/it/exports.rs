//! Exports of exclusions for hostile file names, read back as the other tool would read them.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use huntbook::internals::finding::Digest;
use huntbook::internals::report::outgoing::Outgoing;
use huntbook::internals::report::{kql, loki, sarif, watchlist};
use huntbook::internals::session::{RuleCatalog, RuleChoice};
use huntbook::internals::text::{escape_path, escape_str};
use huntbook::internals::triage::bound::BoundBox;
use huntbook::internals::triage::exclusion::Exclusion;
use huntbook::internals::triage::scope::ScopeKind;
use huntbook::internals::triage::state::ExclusionState;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::hostile_names::{NAMES, RULE, assert_safe, exclusion, exclusion_of, place};
use crate::parsers::{Kql, csv, kql as tokens, percent_decoded};

fn outgoing(exclusions: &[Exclusion]) -> Vec<Outgoing<'_>> {
    exclusions.iter().map(|exclusion| Outgoing { exclusion, state: ExclusionState::InForce, rule: None }).collect()
}

/// Every scope of one file, whose name goes into the reason too.
fn every_scope(bytes: &[u8]) -> Vec<Exclusion> {
    let path = place(Path::new("/opt/reports"), bytes).join("file");
    let said = String::from_utf8_lossy(bytes);
    let reason = if said.trim().is_empty() { "blank" } else { &*said };
    ScopeKind::ALL.map(|kind| exclusion(&path, b"content", kind, reason)).to_vec()
}

/// The query for exclusions of every scope, one file for each name that is known to be a trick.
pub fn queries_of_hostile_names() -> Vec<String> {
    NAMES.iter().map(|name| kql::query(&outgoing(&every_scope(name)), Timestamp::now()).unwrap()).collect()
}

/// Names as the box may have them: any bytes but `/` and NUL, and not `.` or `..`.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        2 => prop::sample::select(&b"'\"\\\n\r\t`|;,=+-@[](){}<>/*#%$ \x1b\x9b\xff"[..]).prop_map(|byte| vec![byte]),
        1 => prop::sample::select(&["\u{202e}", "\u{200b}", "\u{2028}", "\u{feff}", "＝", "é"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    let joined = prop::collection::vec(part, 1..24).prop_map(|parts| parts.concat());
    joined.prop_filter_map("a name", |mut bytes| {
        bytes.retain(|byte| *byte != 0 && *byte != b'/');
        (!bytes.is_empty() && bytes != b"." && bytes != b"..").then_some(bytes)
    })
}

fn check_csv(exclusions: &[Exclusion]) {
    let text = watchlist::watchlist(&outgoing(exclusions)).unwrap();
    assert_safe(&text);
    let lines = csv(&text);
    assert_eq!(lines.len(), exclusions.len() + 1);
    for (cells, exclusion) in lines[1..].iter().zip(exclusions) {
        assert_eq!(cells.len(), 17);
        assert_eq!(cells[1], exclusion.id.to_string());
        let shown = exclusion.scope.path().map(|path| escape_path(path).into_owned()).unwrap_or_default();
        assert_eq!(cells[5], shown);
        let reason = escape_str(&exclusion.reason);
        assert!(cells[8] == reason || cells[8] == format!("'{reason}"), "{}", cells[8]);
        assert_eq!(cells[13], "in force");
        for cell in cells {
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']), "{cell}");
        }
    }
}

/// What is left of a query when its literals say nothing.
fn shape(query: &str) -> Vec<Kql> {
    let blank = |token| match token {
        Kql::Text(_) => Kql::Text(String::new()),
        other => other,
    };
    tokens(query).into_iter().map(blank).collect()
}

fn is_exact(path: &Path) -> bool {
    path.to_str().is_some_and(|text| !text.contains('\\') && escape_str(text) == text)
}

fn check_kql(exclusions: &[Exclusion], plain: &[Exclusion]) {
    let query = kql::query(&outgoing(exclusions), Timestamp::now()).unwrap();
    assert_safe(&query);
    let path = exclusions[0].scope.path().unwrap();
    let texts: Vec<_> = tokens(&query)
        .into_iter()
        .filter_map(|token| if let Kql::Text(text) = token { Some(text) } else { None })
        .collect();
    if is_exact(path) {
        let expected = kql::query(&outgoing(plain), Timestamp::now()).unwrap();
        // The times and ids of two calls may differ, the shape may not.
        let without_times = |query: &str| {
            shape(query)
                .into_iter()
                .filter(|token| !matches!(token, Kql::Word(word) if word.starts_with(|c: char| c.is_ascii_digit())))
                .collect::<Vec<_>>()
        };
        assert_eq!(without_times(&query), without_times(&expected), "{query}");
        assert!(texts.iter().any(|text| text == path.to_str().unwrap()), "{query}");
        let folder = format!("{}/", path.parent().unwrap().to_str().unwrap());
        assert!(texts.contains(&folder), "{query}");
    } else {
        // Content anywhere is all that can be told without the path.
        assert_eq!(query.matches("// left out: ").count(), 3, "{query}");
        assert!(!query.contains("startswith_cs"), "{query}");
    }
    assert!(texts.iter().any(|text| *text == escape_str(&exclusions[0].reason)));
}

fn check_loki(exclusions: &[Exclusion]) {
    let list = loki::list(&outgoing(exclusions), Timestamp::now());
    assert_safe(&list);
    assert!(list.starts_with("# ") && list.contains("for ALL rules"));
    let hashes: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(hashes.len(), 2, "{list}");
    for line in hashes {
        let (sha256, comment) = line.split_once(';').unwrap();
        sha256.parse::<huntbook::internals::finding::Sha256>().unwrap();
        assert!(!comment.contains(';') && comment.starts_with(RULE), "{line}");
    }
}

fn sarif_of(outgoing: &[Outgoing<'_>]) -> String {
    let mut out = Vec::new();
    let mut log = sarif::SarifLog::of_register(&mut out).unwrap();
    for one in outgoing {
        log.exclusion(one).unwrap();
    }
    log.finish().unwrap();
    String::from_utf8(out).unwrap()
}

fn check_sarif(exclusions: &[Exclusion]) {
    let printed = sarif_of(&outgoing(exclusions));
    assert_safe(&printed);
    let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), exclusions.len());
    for (result, exclusion) in results.iter().zip(exclusions) {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let path = percent_decoded(uri.strip_prefix("file://").unwrap());
        assert_eq!(path, exclusion.seen.path.as_os_str().as_bytes());
        assert_eq!(result["suppressions"].as_array().unwrap().len(), 1);
        assert_eq!(result["suppressions"][0]["guid"], exclusion.id.to_string());
        let message = result["message"]["text"].as_str().unwrap();
        assert!(message.starts_with("exclusion of EQGRP_payload: ") && !message.contains(['[', '{']), "{message}");
    }
}

fn check_all(bytes: &[u8]) {
    let exclusions = every_scope(bytes);
    check_csv(&exclusions);
    check_kql(&exclusions, &every_scope(b"plain"));
    check_loki(&exclusions);
    check_sarif(&exclusions);
}

#[test]
fn no_known_trick_breaks_out_of_an_export() {
    for name in NAMES {
        check_all(name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_breaks_out_of_an_export(name in names()) {
        check_all(&name);
    }
}

#[test]
fn a_match_key_is_no_other_findings() {
    let key = |path: &[u8], kind| {
        let made = exclusion(&place(Path::new("/"), path), b"content", kind, "r");
        csv(&watchlist::watchlist(&outgoing(&[made])).unwrap())[1][0].clone()
    };
    let sha256 = huntbook::internals::finding::Sha256::of(b"content");
    assert_eq!(key(b"/opt/r/x", ScopeKind::FileAsIs), format!("{RULE}|{sha256}|/opt/r/x"));
    assert_eq!(key(b"/opt/r/x", ScopeKind::Content), format!("{RULE}|{sha256}|"));
    assert_eq!(key(b"/opt/r/x", ScopeKind::Path), format!("{RULE}||/opt/r/x|0|root"));
    assert_eq!(key(b"/opt/r/x", ScopeKind::Folder), format!("{RULE}||/opt/r/|0|root"));
    // A newline and a backslash with an n are shown alike; neither may stand for the other.
    assert_eq!(key(b"/opt/a\nb", ScopeKind::Path), format!("{RULE}||hex:2f6f70742f610a62|0|root"));
    assert_eq!(key(b"/opt/a\\nb", ScopeKind::Path), format!("{RULE}||hex:2f6f70742f615c6e62|0|root"));
}

#[test]
fn what_is_bound_to_boxes_goes_out_for_these_boxes_only_or_not_at_all() {
    let of = |id: &str, name: &str| BoundBox { id: id.into(), name: name.into() };
    let path = Path::new("/opt/r/x");
    for kind in ScopeKind::ALL {
        let mut made = exclusion(path, b"content", kind, "r");
        let everywhere = csv(&watchlist::watchlist(&outgoing(std::slice::from_ref(&made))).unwrap())[1][0].clone();
        made.boxes = vec![of("1f", "web01"), of("2f", "web02")];
        let id = made.id.to_string();
        let lines = csv(&watchlist::watchlist(&outgoing(std::slice::from_ref(&made))).unwrap());
        let column = |title: &str| lines[0].iter().position(|cell| cell == title).unwrap();
        assert_eq!(lines.len(), 3, "a row for each box");
        assert_eq!(lines[1][0], format!("{everywhere}|host:1f:web01"), "no key that counts everywhere");
        assert_eq!([&lines[2][column("HostId")], &lines[2][column("Host")]], ["2f", "web02"]);
        assert_eq!(lines[1][column("ScopeKind")], "host");
        let query = kql::query(&outgoing(std::slice::from_ref(&made)), Timestamp::now()).unwrap();
        if kind == ScopeKind::Folder {
            let filter = query.lines().find(|line| line.contains(&id)).unwrap();
            let boxes = "and (HostId == '1f' and HostName == 'web01' or HostId == '2f' and HostName == 'web02')";
            assert!(filter.starts_with("| where not(") && filter.contains(boxes), "{filter}");
        } else {
            let rows: Vec<_> = query.lines().filter(|line| line.contains(&id)).collect();
            assert_eq!(rows.len(), 2, "{query}");
            let words = format!("'host {}'", kind.word());
            assert!(rows.iter().all(|row| row.contains(&words)), "{rows:?}");
            assert!(rows[0].ends_with("'1f', 'web01',") || rows[0].ends_with("'1f', 'web01'"), "{rows:?}");
            let join = query.lines().find(|line| line.contains(&words) && line.starts_with("| join")).unwrap();
            assert!(join.ends_with("HostId, HostName"), "{join}");
        }
        let list = loki::list(&outgoing(std::slice::from_ref(&made)), Timestamp::now());
        let line = list.lines().find(|line| line.contains(&id)).unwrap();
        assert!(line.starts_with("# left out, it counts on web01, web02 only"), "{line}");
        let document: serde_json::Value =
            serde_json::from_str(&sarif_of(&outgoing(std::slice::from_ref(&made)))).unwrap();
        let result = &document["runs"][0]["results"][0];
        assert!(result["properties"]["huntbook.scope"].as_str().unwrap().ends_with("on web01, web02 only"), "{result}");
        assert!(result["suppressions"][0]["justification"].as_str().unwrap().contains("on 2 boxes only"), "{result}");
        // A name that no text stands for alone is left out, in words.
        made.boxes = vec![of("1f", "web\\x01")];
        let query = kql::query(&outgoing(std::slice::from_ref(&made)), Timestamp::now()).unwrap();
        assert!(query.lines().any(|line| line.starts_with("// left out") && line.contains("no text stands for a box")));
    }
    let plain =
        kql::query(&outgoing(&[exclusion(path, b"content", ScopeKind::Content, "r")]), Timestamp::now()).unwrap();
    assert!(!plain.contains("'host "), "joins that nothing needs are not there: {plain}");
}

#[test]
fn a_data_digest_goes_out_as_no_sha256() {
    let value = huntbook::internals::finding::Sha256::of(b"content");
    let kinds = [ScopeKind::FileAsIs, ScopeKind::Content];
    let of_data = |kind| exclusion_of(Path::new("/opt/r/x"), Digest::DataOnly(value), kind, "r");
    let exclusions = kinds.map(of_data).to_vec();
    for (cells, exclusion) in csv(&watchlist::watchlist(&outgoing(&exclusions)).unwrap())[1..].iter().zip(&exclusions) {
        let path = exclusion.scope.path().map_or("", |path| path.to_str().unwrap());
        // Neither the key of a finding with that SHA-256 nor the one of the path whatever its content.
        assert_eq!((cells[0].as_str(), cells[4].as_str()), (&*format!("{RULE}|data:{value}|{path}"), ""));
    }
    for text in [
        kql::query(&outgoing(&exclusions), Timestamp::now()).unwrap(),
        loki::list(&outgoing(&exclusions), Timestamp::now()),
    ] {
        assert!(!text.contains(&value.to_string()), "{text}");
        for exclusion in &exclusions {
            let line = text.lines().find(|line| line.contains(&exclusion.id.to_string())).unwrap();
            assert!(line.starts_with(['#', '/']) && line.contains("left out") && line.contains("no SHA-256"), "{line}");
        }
    }
    let document: serde_json::Value = serde_json::from_str(&sarif_of(&outgoing(&exclusions))).unwrap();
    let artifact = &document["runs"][0]["artifacts"][0];
    assert!(artifact["hashes"].is_null(), "{artifact}");
    assert_eq!(artifact["properties"]["huntbook.dataDigest"], value.to_string());
}

#[test]
fn a_watchlist_that_sentinel_refuses_is_an_error() {
    let reason = "x".repeat(200_000);
    let made = exclusion(Path::new("/opt/r/x"), b"content", ScopeKind::FileAsIs, &reason);
    let small = watchlist::watchlist(&outgoing(&vec![made.clone(); 18]));
    assert!(small.is_ok_and(|text| text.len() < watchlist::MAX_FILE_BYTES));
    let error = watchlist::watchlist(&outgoing(&vec![made; 20])).unwrap_err();
    assert!(error.to_string().contains("3800000"), "{error}");
}

#[test]
fn a_query_of_megabytes_is_an_error_that_names_what_to_do() {
    let reason = "x".repeat(200_000);
    let made = exclusion(Path::new("/opt/r/x"), b"content", ScopeKind::FileAsIs, &reason);
    let error = kql::query(&outgoing(&vec![made; 11]), Timestamp::now()).unwrap_err();
    assert!(error.to_string().contains("--rule NAME"), "{error}");
}

#[test]
fn an_exclusion_for_one_owner_says_so_in_a_watchlist() {
    for (kind, owner) in [
        (ScopeKind::FileAsIs, ["", ""]),
        (ScopeKind::Content, ["", ""]),
        (ScopeKind::Path, ["0", "root"]),
        (ScopeKind::Folder, ["0", "root"]),
    ] {
        let made = exclusion(Path::new("/opt/r/x"), b"content", kind, "r");
        let lines = csv(&watchlist::watchlist(&outgoing(&[made])).unwrap());
        let column = |title: &str| lines[0].iter().position(|cell| cell == title).unwrap();
        assert_eq!([&lines[1][column("FileUid")], &lines[1][column("FileOwner")]], owner, "{kind:?}");
    }
}

#[test]
fn the_list_of_good_hashes_has_a_name_that_no_scanner_takes_for_bad_ones() {
    // By THOR's manual, section Custom Signatures: tags stand between characters that are no letters or digits.
    let good =
        regex::Regex::new(r"(^|\W)(trusted-hash|trusted-hashes|falsepositive-hash|falsepositive-hashes)\W").unwrap();
    assert!(good.is_match(loki::FILE_NAME));
    assert!(loki::list(&[], Timestamp::now()).contains(loki::FILE_NAME));
    assert!(loki::is_read_as_good(loki::FILE_NAME) && !loki::is_read_as_good("huntbook-hash-falsepositive.txt"));
}

#[test]
fn only_what_is_in_force_excludes_elsewhere() {
    let made = exclusion(Path::new("/opt/r/x"), b"content", ScopeKind::FileAsIs, "because");
    let states = [
        (ExclusionState::Expired, "underReview"),
        (ExclusionState::NotYet, "underReview"),
        (ExclusionState::RuleChanged, "underReview"),
        (ExclusionState::Revoked, "rejected"),
        (ExclusionState::Doubtful("others can write there".into()), "underReview"),
    ];
    for (state, status) in states {
        let one = [Outgoing { exclusion: &made, state: state.clone(), rule: None }];
        let now = Timestamp::now();
        assert!(!kql::query(&one, now).unwrap().contains("'because'"), "{state}");
        assert!(loki::list(&one, now).lines().all(|line| line.starts_with('#')), "{state}");
        assert_eq!(csv(&watchlist::watchlist(&one).unwrap())[1][13], state.word());
        let document: serde_json::Value = serde_json::from_str(&sarif_of(&one)).unwrap();
        assert_eq!(document["runs"][0]["results"][0]["suppressions"][0]["status"], status);
    }
}

#[test]
fn the_rules_author_and_licence_go_along() {
    let book = RuleCatalog::load(&RuleChoice::default()).unwrap();
    let rule = &book.hunts.iter().find(|hunt| &*hunt.rule.id.name == RULE).unwrap().rule;
    let made = exclusion(Path::new("/opt/r/x"), b"content", ScopeKind::Content, "because");
    let one = [Outgoing { exclusion: &made, state: ExclusionState::InForce, rule: Some(rule) }];
    let now = Timestamp::now();
    let document = sarif_of(&one);
    for said in [rule.author(), rule.reference(), rule.date(), rule.license()].map(Option::unwrap) {
        for export in [&kql::query(&one, now).unwrap(), &loki::list(&one, now), &document] {
            assert!(export.contains(said), "{said} in {export}");
        }
    }
}
