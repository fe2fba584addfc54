//! Entries read, doubted and reviewed.

use super::super::super::folders::ScopeRefusal;
use super::super::super::folders::tests::MadeUp;
use super::*;
use crate::finding::Sha256;
use crate::triage::bound::BoundBox;
use crate::triage::scope::ScopeKind;

/// The cause and line for which the only entry of a register is doubtful.
fn doubt(text: &str) -> (usize, String) {
    let parsed = read::parse(Path::new("r.toml"), text).unwrap();
    let [RegisterEntry { content: Err(doubt), .. }] = parsed.entries.as_slice() else {
        panic!("not doubtful: {parsed:?}")
    };
    (doubt.line, doubt.cause.clone())
}

#[test]
fn entries_that_are_not_understood_say_where_and_why() {
    let whole = one(&exclusion("/opt/r/x", "a", folder));
    let header = whole.lines().position(|line| line == "[[exclusion]]").unwrap() + 1;
    let line_of = |text: &str, key: &str| text.lines().position(|line| line.starts_with(key)).unwrap() + 1;
    for key in ["id", "rule", "rule_digest", "scope", "judgement", "reason", "by", "host", "created", "expires"] {
        let without: String =
            whole.lines().filter(|line| !line.starts_with(&format!("{key} ="))).flat_map(|l| [l, "\n"]).collect();
        assert_eq!(doubt(&without), (header, format!("no `{key}`")));
    }
    let cases = [
        ("expires", "expires = \"2027-02-30\"", "not a time"),
        ("expires", "expires = \"2026-12-01T00:00:00\"", "not a time"),
        ("expires", "expires = 5", "not a time"),
        ("judgement", "judgement = \"fine\"", "false-positive or benign-expected"),
        ("judgement", "verdict = \"benign-expected\"", "write it as `judgement`"),
        ("scope", "scope = \"rule\"", "file-as-is, content, path, folder or host: rule"),
        ("owner_uid", "owner_uid = -1", "not a user id"),
        ("seen_sha256", "seen_sha256 = \"12\"", "SHA-256"),
        ("by", "by = \"me\"", "`by` is not a table"),
        ("host", "host = 7", "not text"),
        ("seen_owner", "revoked = true", "`revoked` is not a table"),
        ("seen_owner", "checks = [1]", "not a list of tables"),
        ("seen_owner", "known_sample = 1", "neither true nor false"),
        ("folder", "folder = \"/opt/r\"\nfolder_hex = \"2f\"", "two different paths"),
    ];
    for (key, with, what) in cases {
        let changed: String = whole
            .lines()
            .map(|line| if line.starts_with(&format!("{key} =")) { with } else { line })
            .flat_map(|line| [line, "\n"])
            .collect();
        let (line, cause) = doubt(&changed);
        assert!(cause.contains(what), "{with}: {cause}");
        assert!(line.abs_diff(line_of(&changed, with.split('\n').next().unwrap())) <= 1, "{with}: {line}");
    }
    for (from, to, what) in [
        ("nightly report job", "  ", "no reason"),
        ("/opt/r\"", "opt/r\"", "not a full path"),
        ("2026-12-20T", "2026-12-21T", "at most 30 days"),
        ("2026-12-20T", "2026-10-20T", "expires before"),
    ] {
        let (line, cause) = doubt(&whole.replacen(from, to, 1));
        assert!(cause.contains(what) && line == header, "{cause}");
    }
}

#[test]
fn an_entry_that_is_bound_to_boxes_is_read_back_and_says_nothing_to_who_knows_none() {
    let boxes = [("1f", "web01"), ("2f", "\u{1b}[2J")].map(|(id, name)| BoundBox { id: id.into(), name: name.into() });
    let bound = Exclusion { boxes: boxes.to_vec(), host_id: Some("1f".into()), ..exclusion("/opt/r/x", "a", content) };
    let text = one(&bound);
    let parsed = read::parse(Path::new("r.toml"), &text).unwrap();
    assert_eq!(parsed.entries[0].exclusion(), Some(&bound));
    assert!(text.contains("scope = \"host\"\nof = \"content\"\n") && text.contains("name = \"web01\""), "{text}");
    assert_eq!(ScopeKind::from_word("host"), None, "no scope that an older Huntbook knows");
    for (from, to, what) in [
        ("of = \"content\"", "of = \"host\"", "`of` is not file-as-is"),
        ("of = \"content\"\n", "", "no `of`"),
        ("scope = \"host\"", "scope = \"content\"", "`hosts` stands beside"),
        ("id = \"2f\"", "id = \"\"", "a name alone tells no box"),
    ] {
        let (_, cause) = doubt(&text.replacen(from, to, 1));
        assert!(cause.contains(what), "{to}: {cause}");
    }
    let hosts = text.lines().find(|line| line.starts_with("hosts")).unwrap();
    assert!(doubt(&text.replace(hosts, "")).1.contains("`hosts` names none"));
    assert!(doubt(&text.replace(hosts, "hosts = [\"web01\"]")).1.contains("not a list of tables"));
}

#[test]
fn what_counts_everywhere_makes_what_is_bound_to_a_box_needless_and_not_the_other_way_round() {
    let everywhere = exclusion("/srv/1/x", "a", content);
    let on = |names: &[&str]| Exclusion {
        id: crate::storage::new_id(),
        boxes: names.iter().map(|name| BoundBox { id: format!("id {name}"), name: (*name).into() }).collect(),
        ..everywhere.clone()
    };
    let check = |entries: &[Exclusion]| -> Vec<(Uuid, RegisterProblem)> {
        let mut register = Register::in_memory();
        register.add_all(entries).unwrap();
        let found = register.check(at(NOW), &MadeUp::new(&[]), &|_, digest| Some(*digest));
        found.into_iter().map(|found| (found.id.unwrap(), found.problem)).collect()
    };
    let (one, both, other) = (on(&["web01"]), on(&["web01", "web02"]), on(&["db01"]));
    let shadowed = |entries: &[Exclusion]| -> Vec<Uuid> {
        let found = check(entries).into_iter();
        found.filter(|(_, problem)| matches!(problem, RegisterProblem::Shadowed(_))).map(|(id, _)| id).collect()
    };
    assert_eq!(shadowed(&[everywhere.clone(), one.clone()]), [one.id]);
    assert_eq!(shadowed(&[one.clone(), both.clone(), other.clone()]), [one.id]);
    assert_eq!(check(&[other, one.clone()]), []);
    let twin = Exclusion { id: crate::storage::new_id(), ..one.clone() };
    assert!(matches!(check(&[one, twin]).as_slice(), [(_, RegisterProblem::Redundant(_))]));
}

#[test]
fn times_may_be_written_as_a_person_would() {
    let whole = one(&exclusion("/opt/r/x", "a", as_is));
    let expires = whole.lines().find(|line| line.starts_with("expires")).unwrap();
    for written in ["2027-01-31", "\"2027-01-31\"", "2027-01-31T00:00:00Z", "2027-01-31 01:00:00+01:00"] {
        let changed = whole.replace(expires, &format!("expires = {written}"));
        let parsed = read::parse(Path::new("r.toml"), &changed).unwrap();
        let exclusion = parsed.entries[0].exclusion().unwrap_or_else(|| panic!("{written}: {parsed:?}"));
        assert_eq!(exclusion.expires, at("2027-01-31T00:00:00Z"), "{written}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let text = format!("version = 1\nx = {}", "[".repeat(100_000));
    assert!(read::parse(Path::new("r.toml"), &text).is_err());
}

#[test]
fn check_finds_what_a_person_should_look_at() {
    let rules = |_: &str, _: &Sha256| Some(Sha256::of(b"rule"));
    let disk = MadeUp::new(&[("/opt/open", 0o040_777)]);
    let base = |path_text: &str, scope| exclusion(path_text, "a", scope);
    let register = [
        Exclusion { expires: at(NOW), ..base("/srv/1/x", as_is) },
        Exclusion { revoked: Some(revocation()), ..base("/srv/2/x", as_is) },
        Exclusion { rule_digest: Sha256::of(b"older"), ..base("/srv/3/x", as_is) },
        base("/opt/open/x", folder),
        base("/srv/4/x", path),
        base("/srv/4/x", path),
        base("/srv/5/x", path),
        base("/srv/5/y", folder),
        base("/srv/5/deep/x", folder),
        Exclusion { expires: at("2026-12-01T00:00:00Z"), ..base("/srv/5/z", as_is) },
        base("/srv/6/x", folder),
        base("/srv/6/y", folder),
        Exclusion { expires: at("9999-12-30T00:00:00Z"), ..base("/srv/7/x", as_is) },
    ];
    let (_folder, file) = place();
    put(&file, &write::append("", false, &register));
    let register = Register::load(&file).unwrap();
    let found = register.check(at(NOW), &disk, &rules);
    let index = |line| register.entries().iter().position(|entry| entry.line == line).unwrap();
    let found: Vec<_> = found.iter().map(|f| (index(f.line), f.problem.clone())).collect();
    let line = |index: usize| register.entries()[index].line;
    let expected = [
        (0, RegisterProblem::Expired(at(NOW))),
        (1, RegisterProblem::Revoked),
        (2, RegisterProblem::RuleChanged),
        (3, RegisterProblem::OverBroad(ScopeRefusal::Writable("/opt/open".into()))),
        (5, RegisterProblem::Redundant(line(4))),
        // Entry 6 outlasts the folder of entry 7, so it is needed after that.
        (8, RegisterProblem::Shadowed(line(7))),
        (9, RegisterProblem::Shadowed(line(7))),
        (11, RegisterProblem::Redundant(line(10))),
        (12, RegisterProblem::LongLived(at("9999-12-30T00:00:00Z"))),
    ];
    assert_eq!(found, expected);
    let faults: Vec<_> = found.iter().filter(|(_, problem)| !problem.is_fault()).map(|(index, _)| *index).collect();
    assert_eq!(faults, [1]);

    put(&file, "version = 1\n[[exclusion]]\nid = 5\n");
    let doubtful = Register::load(&file).unwrap().check(at(NOW), &disk, &rules);
    assert_eq!(doubtful[0].line, 3);
    assert!(matches!(&doubtful[0].problem, RegisterProblem::Doubtful(cause) if cause.contains("`id` is not text")));
}

#[test]
fn entries_are_told_apart_by_tokens_and_each_is_bounded() {
    let whole = one(&exclusion("/opt/r/x", "a", folder));
    let looks_like_one = "\"\"\"\n[[exclusion]]\nid = 3\n\"\"\"";
    let among = whole.replacen("ticket = ", "note = ", 1).replacen(
        "[[exclusion]]\n",
        &format!("other = {looks_like_one}\nlist = [\n[[1]],\n]\n# [[exclusion]]\n[[ exclusion ]] # first\n"),
        1,
    );
    let parsed = read::parse(Path::new("r.toml"), &among).unwrap();
    assert_eq!(parsed.entries.len(), 1, "{parsed:?}");
    assert!(parsed.entries[0].exclusion().is_some(), "{parsed:?}");

    let (second, third) = (exclusion("/opt/r/y", "b", as_is), exclusion("/opt/r/z", "c", as_is));
    let three = write::append(&whole, true, &[second, third]);
    let parsed = read::parse(Path::new("r.toml"), &three).unwrap();
    let headers: Vec<_> =
        three.lines().zip(1..).filter(|(line, _)| *line == "[[exclusion]]").map(|(_, number)| number).collect();
    assert_eq!(parsed.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), headers);
    for after in parsed.after_id {
        assert!(three[..after.unwrap()].lines().next_back().unwrap().starts_with("id = "));
    }
    let wrong = format!("{three}[[exclusion]]\nid = \n");
    let error = read::parse(Path::new("r.toml"), &wrong).unwrap_err().to_string();
    let line = wrong.lines().count();
    assert!(error.contains(&format!("r.toml:{line}:")), "{error}");

    let dense =
        format!("version = 1\n[[exclusion]]\n{}", (0..100_000).map(|n| format!("a{n}=1\n")).collect::<String>());
    let error = read::parse(Path::new("r.toml"), &dense).unwrap_err().to_string();
    assert!(error.contains("r.toml:2:1") && error.contains("longer than 512"), "{error}");
    let many = format!("version = 1\n{}", "[[exclusion]]\n".repeat(100_001));
    let error = read::parse(Path::new("r.toml"), &many).unwrap_err().to_string();
    assert!(error.contains("r.toml:100002:1") && error.contains("more than 100000 entries"), "{error}");
}
