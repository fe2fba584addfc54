//! `huntbook exclusions` as a user has it: the real binary, its output and its exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use huntbook::internals::triage::exclusion::Exclusion;
use huntbook::internals::triage::register::Register;
use huntbook::internals::triage::scope::ScopeKind;
use serde_json::Value;

use crate::cli::TestBox;
use crate::hostile_names::{NAMES, RULE, assert_safe, exclusion, place};

/// A folder of the tree that only its owner can write to.
fn folder(ground: &TestBox) -> PathBuf {
    let folder = ground.tree().join("reports");
    fs::create_dir_all(&folder).unwrap();
    for folder in [&ground.tree(), &folder] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn record(ground: &TestBox, exclusions: &[Exclusion]) {
    Register::load(ground.register()).unwrap().add_all(exclusions).unwrap();
}

/// `huntbook exclusions ARGS --exclusions REGISTER`: standard output, standard error, exit code.
fn run(ground: &TestBox, args: &[&str]) -> (String, String, i32) {
    let register = ground.register();
    let output = ground
        .huntbook(&["exclusions"])
        .args(args)
        .args(["--exclusions", register.to_str().unwrap()])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn backdated(mut made: Exclusion, days: i64) -> Exclusion {
    let back = jiff::SignedDuration::from_hours(24 * days);
    made.created = made.created.checked_sub(back).unwrap();
    made.expires = made.expires.checked_sub(back).unwrap();
    made
}

#[test]
fn list_says_what_each_exclusion_is_and_whether_it_counts() {
    let ground = TestBox::new();
    let path = folder(&ground).join("x");
    let good = exclusion(&path, b"a", ScopeKind::FileAsIs, "nightly job");
    let old = backdated(exclusion(&path, b"b", ScopeKind::Content, "old job"), 100);
    let future = backdated(exclusion(&path, b"c", ScopeKind::Content, "clock is wrong"), -5);
    let mut changed = exclusion(&path, b"d", ScopeKind::Content, "other rule");
    changed.rule_digest = huntbook::internals::finding::Sha256::of(b"the rule as it was");
    record(&ground, &[good.clone(), old, future, changed]);
    let (text, _, code) = run(&ground, &["list"]);
    assert_eq!(code, 0);
    let short = &good.id.to_string()[..8];
    for said in [short, "in force", RULE, "benign, expected", "deploy-job", "ann (as root)", "T-1", "nightly job"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("old job") && text.contains("3 more do not count"), "{text}");
    let (all, _, _) = run(&ground, &["list", "--all", "--json"]);
    let states: Vec<_> = json(&all).as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["in force", "expired", "not yet", "rule changed"]);
    let (none, _, _) = run(&TestBox::new(), &["list"]);
    assert!(none.starts_with("no exclusions in "), "{none}");
}

#[test]
fn nothing_printed_can_act_on_a_terminal() {
    let ground = TestBox::new();
    let folder = folder(&ground);
    let made: Vec<_> = NAMES
        .iter()
        .map(|bytes| exclusion(&place(&folder, bytes), bytes, ScopeKind::FileAsIs, &String::from_utf8_lossy(bytes)))
        .collect();
    record(&ground, &made);
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["check"],
        &["check", "--json"],
        &["export", "--format", "csv"],
        &["export", "--format", "kql"],
        &["export", "--format", "sarif"],
        &["export", "--format", "loki", "--output", "-"],
        &["revoke", "\u{1b}[2J\u{202e}", "--reason", "x"],
    ] {
        let (out, error, _) = run(&ground, args);
        assert!(!out.is_empty() || !error.is_empty());
        assert_safe(&out);
        assert_safe(&error);
    }
}

#[test]
fn check_finds_what_a_person_should_look_at() {
    let ground = TestBox::new();
    let folder = folder(&ground);
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let same = exclusion(&file("same", "same"), b"same", ScopeKind::FileAsIs, "r");
    record(&ground, std::slice::from_ref(&same));
    let (text, _, code) = run(&ground, &["check"]);
    assert_eq!((code, text.contains("1 exclusion, 0 to look at")), (0, true), "{text}");

    let mut other_rule = exclusion(&file("rule", "r"), b"r", ScopeKind::Content, "r");
    other_rule.rule_digest = huntbook::internals::finding::Sha256::of(b"the rule as it was");
    let mut elsewhere = exclusion(&file("elsewhere", "now"), b"then", ScopeKind::FileAsIs, "r");
    elsewhere.host = "another-box".into();
    let expected = [
        ("expired", backdated(exclusion(&file("old", "o"), b"o", ScopeKind::FileAsIs, "r"), 100)),
        ("rule-changed", other_rule),
        ("content-changed", exclusion(&file("changed", "now"), b"then", ScopeKind::FileAsIs, "r")),
        ("over-broad", exclusion(&ground.tree().join("open/x"), b"x", ScopeKind::Folder, "r")),
        ("redundant", exclusion(&folder.join("same"), b"same", ScopeKind::FileAsIs, "r")),
        ("shadowed", exclusion(&folder.join("wide"), b"w", ScopeKind::FileAsIs, "r")),
    ];
    fs::create_dir(ground.tree().join("open")).unwrap();
    fs::set_permissions(ground.tree().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let others = [elsewhere, exclusion(&folder.join("wide"), b"w", ScopeKind::Path, "r")];
    let later = expected.iter().map(|(_, made)| made.clone()).chain(others).map(|mut made| {
        // Of two that cover the same, the one that lasts longer is kept; of path and file, the broader must.
        if matches!(made.scope.kind(), ScopeKind::Path) {
            made.expires = made.expires.checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
        }
        made
    });
    record(&ground, &later.collect::<Vec<_>>());
    let (text, _, code) = run(&ground, &["check", "--json"]);
    assert_eq!(code, 1);
    let document = json(&text);
    let faults = document["faults"].as_array().unwrap();
    for (kind, made) in &expected[..4] {
        let fault = faults.iter().find(|fault| fault["id"] == made.id.to_string());
        assert_eq!(fault.map(|fault| &fault["kind"]), Some(&Value::from(*kind)), "{text}");
    }
    let kinds: Vec<_> = faults.iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    for (kind, _) in &expected {
        assert_eq!(kinds.iter().filter(|found| *found == kind).count(), 1, "{kind}: {text}");
    }
    assert_eq!(faults.len(), expected.len(), "what was made on another box is not held against this one: {text}");
    let why = document["not_compared"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("it is not there any more"), "{why}");
    let (text, _, code) = run(&ground, &["check"]);
    let places = text.lines().filter(|line| line.contains("exclusions.toml:")).count();
    assert_eq!((code, places), (1, expected.len()), "{text}");
}

#[test]
fn check_tells_the_box_by_what_it_is_and_says_where_only_the_name_does() {
    let ground = TestBox::new();
    let folder = folder(&ground);
    let made = |name: &str| {
        fs::write(folder.join(name), "now").unwrap();
        exclusion(&folder.join(name), b"then", ScopeKind::FileAsIs, "r")
    };
    let (by_name, mut another) = (made("a"), made("b"));
    another.host_id = Some("0123456789abcdef0123456789abcdef".into());
    record(&ground, &[by_name.clone(), another.clone()]);
    let (text, _, code) = run(&ground, &["check"]);
    assert_eq!(code, 1);
    let line = text.lines().find(|line| line.contains(&by_name.id.to_string()[..8])).unwrap();
    assert!(line.contains("other content by now") && line.contains("by its name alone"), "{line}");
    assert!(!text.contains("/b has other content"), "another box of that name: {text}");
    // It is listed with both.
    let (listed, ..) = run(&ground, &["list", "--all", "--json"]);
    let listed = json(&listed);
    let of = |made: &Exclusion| {
        let all = listed.as_array().unwrap();
        all.iter().find(|one| one["id"] == made.id.to_string()).unwrap().clone()
    };
    assert_eq!(of(&another)["host_id"], another.host_id.clone().unwrap());
    assert_eq!((of(&by_name)["host_id"].is_null(), of(&by_name)["host"] == by_name.host), (true, true));
}

#[test]
fn check_follows_no_link() {
    let ground = TestBox::new();
    let path = folder(&ground).join("x");
    let target = ground.home().join("target");
    fs::write(&target, "now").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    record(&ground, &[exclusion(&path, b"then", ScopeKind::FileAsIs, "r")]);
    let (text, _, code) = run(&ground, &["check"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("could not be compared"), "{text}");
}

#[test]
fn a_register_that_cannot_be_read_is_named_with_its_line() {
    let ground = TestBox::new();
    fs::write(ground.register(), "version = 1\n\n[[exclusion\n").unwrap();
    fs::set_permissions(ground.register(), fs::Permissions::from_mode(0o600)).unwrap();
    for args in [&["list"][..], &["check"], &["revoke", "12345678", "--reason", "x"], &["export", "--format", "csv"]] {
        let (out, error, code) = run(&ground, args);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(error.contains("exclusions.toml:3:"), "{error}");
    }
}

#[test]
fn revoke_takes_one_back_by_the_beginning_of_its_id() {
    let ground = TestBox::new();
    let path = folder(&ground).join("x");
    let mut first = exclusion(&path, b"a", ScopeKind::Content, "r");
    let mut second = exclusion(&path, b"b", ScopeKind::Content, "r");
    first.id = "12345678-aaaa-4000-8000-000000000000".parse().unwrap();
    second.id = "12345678-bbbb-4000-8000-000000000000".parse().unwrap();
    record(&ground, &[first.clone(), second]);
    let untouched = fs::read(ground.register()).unwrap();
    let slips = [("", "4 or more"), ("123", "4 or more"), ("12345678", "2 exclusions begin"), ("ffff", "no exclusion")];
    for (id, said) in slips {
        let (_, error, code) = run(&ground, &["revoke", id, "--reason", "x"]);
        assert_eq!((code, error.contains(said)), (2, true), "{error}");
    }
    let (_, error, code) = run(&ground, &["revoke", "12345678-aa", "--reason", " "]);
    assert_eq!((code, error.contains("say why")), (2, true), "{error}");
    assert_eq!(fs::read(ground.register()).unwrap(), untouched);
    let (said, _, code) = run(&ground, &["revoke", "12345678-AA", "--reason", "the job is gone"]);
    assert_eq!((code, said.contains(&first.id.to_string())), (0, true), "{said}");
    let (text, _, _) = run(&ground, &["list", "--all"]);
    assert!(text.contains("12345678  revoked") && text.contains("the job is gone"), "{text}");
    let (_, error, code) = run(&ground, &["revoke", "12345678-aa", "--reason", "again"]);
    assert_eq!((code, error.contains("revoked already")), (2, true), "{error}");
}

#[test]
fn an_export_is_a_new_file_of_ones_own() {
    let ground = TestBox::new();
    record(&ground, &[exclusion(&folder(&ground).join("x"), b"a", ScopeKind::FileAsIs, "r")]);
    let out = ground.home().join("list.txt");
    let to = |more: &[&str]| {
        let args = ["export", "--format", "loki", "--output", out.to_str().unwrap()];
        run(&ground, &[&args[..], more].concat())
    };
    let (said, warned, code) = to(&[]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(warned.contains("falsepositive"), "{warned}");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o600);
    fs::write(&out, "mine").unwrap();
    let (_, error, code) = to(&[]);
    assert_eq!((code, error.contains("--force")), (2, true), "{error}");
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    assert_eq!(to(&["--force"]).2, 0);
    assert!(fs::read_to_string(&out).unwrap().contains(&huntbook::internals::finding::Sha256::of(b"a").to_string()));
    assert!(fs::read_dir(ground.home()).unwrap().all(|entry| !is_left_over(&entry.unwrap().path())));
}

fn is_left_over(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new")
}

/// Runs git in `folder`; whether it succeeded, and what it said.
fn git(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = std::process::Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", folder)
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn git_merges_registers_that_two_people_added_to() {
    if std::process::Command::new("git").arg("--version").output().is_err() {
        println!("skipped: there is no git here");
        return;
    }
    let ground = TestBox::new();
    let path = folder(&ground).join("x");
    let repository = ground.register().parent().unwrap().to_owned();
    fs::create_dir_all(&repository).unwrap();
    let name = ground.register().file_name().unwrap().to_str().unwrap().to_owned();
    let do_git = |args: &[&str]| {
        let (done, said) = git(&repository, args);
        assert!(done, "{args:?}: {said}");
    };
    let commit = |message: &str| {
        do_git(&["add", "--all", &name, ".gitattributes"]);
        do_git(&["commit", "--quiet", "-m", message]);
    };
    do_git(&["init", "--quiet", "--initial-branch=main", "."]);
    let program = env!("CARGO_BIN_EXE_huntbook");
    do_git(&["config", "merge.huntbook.driver", &format!("'{program}' exclusions merge %O %A %B")]);
    fs::write(repository.join(".gitattributes"), format!("{name} merge=huntbook\n")).unwrap();
    let all = [b"a", b"b", b"c"].map(|content| exclusion(&path, content, ScopeKind::Content, "nightly job"));
    record(&ground, &all[..1]);
    commit("first");
    do_git(&["checkout", "--quiet", "-b", "theirs"]);
    record(&ground, &all[2..]);
    commit("theirs");
    do_git(&["checkout", "--quiet", "main"]);
    record(&ground, &all[1..2]);
    commit("ours");
    do_git(&["merge", "--quiet", "theirs"]);
    let (_, said) = git(&repository, &["status", "--porcelain"]);
    assert!(!said.contains("merge_file"), "nothing is left behind: {said}");
    let (listed, _, _) = run(&ground, &["list", "--json"]);
    let ids = all.map(|one| one.id.to_string());
    assert!(ids.iter().all(|id| listed.contains(id)), "{listed}");

    // A name that is not there is no empty register.
    let register = ground.register();
    let missing = ground.home().join("missing.toml");
    let output = ground.huntbook(&["exclusions", "merge"]).args([&register, &register, &missing]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.toml: there is no such register"));

    // Both give the first one another reason: git stops, and says why.
    let text = fs::read_to_string(ground.register()).unwrap();
    do_git(&["checkout", "--quiet", "-b", "again"]);
    fs::write(ground.register(), text.replacen("nightly job", "their reason", 1)).unwrap();
    commit("their reason");
    do_git(&["checkout", "--quiet", "main"]);
    fs::write(ground.register(), text.replacen("nightly job", "our reason", 1)).unwrap();
    commit("our reason");
    let (done, said) = git(&repository, &["merge", "--quiet", "again"]);
    assert!(!done && said.contains(&format!("exclusion {} was changed on both sides", ids[0])), "{said}");
    assert!(fs::read_to_string(ground.register()).unwrap().contains("our reason"));
}
