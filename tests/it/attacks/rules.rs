//! Rule folders as they are met: one bad rule or file among many good ones.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;

use crate::cli::TestBox;

/// A folder of rules of which `good.yar` alone is in order.
fn odd_rules(ground: &TestBox) -> PathBuf {
    let folder = ground.home().join("rules");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    write("good.yar", b"rule good : apt linux { meta: score = 80 strings: $a = \"planted\" condition: $a }");
    write("latin.yar", b"// caf\xe9\nrule latin { strings: $a = \"planted\" condition: $a }");
    write("module.yar", b"import \"androguard\"\nrule apk { condition: androguard.permission(/x/) }");
    write("external.yar", b"rule external { condition: imphash == \"x\" }\nrule other { condition: not external }");
    write("regex.yar", b"rule regex { strings: $a = /\\Release/ condition: $a }");
    write("broken.yar", b"rule broken { condition: \nrule after { condition: false }");
    write("._good.yar", b"\0\x05\x16\x07\0\x02\0\0Mac OS X");
    symlink("someone@host.4711", folder.join(".#good.yar")).unwrap();
    symlink("/etc/hostname", folder.join("out.yar")).unwrap();
    mkfifoat(CWD, folder.join("pipe.yar"), Mode::RUSR).unwrap();
    folder
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn name(path: &str) -> &str {
    Path::new(path).file_name().unwrap().to_str().unwrap()
}

#[test]
fn one_bad_rule_or_file_does_not_keep_the_others_from_matching() {
    let ground = TestBox::new();
    let folder = odd_rules(&ground).display().to_string();
    fs::write(ground.tree().join("file"), "planted").unwrap();
    let tree = ground.tree().display().to_string();
    let args = ["scan", &tree, "--no-builtin", "--rules", &folder, "--format", "ndjson"];
    let done = ground.huntbook(&args).assert().code(1);
    let documents = lines(&done.get_output().stdout);
    let of = |kind: &str| documents.iter().filter(|document| document["huntbook"]["kind"] == kind).collect::<Vec<_>>();
    let mut found: Vec<_> = of("finding").iter().map(|document| document["rule"]["name"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, ["good", "latin"]);
    let good = of("finding").into_iter().find(|document| document["rule"]["name"] == "good").unwrap().clone();
    assert_eq!(good["tags"], serde_json::json!(["apt", "linux"]));
    assert_eq!((&good["huntbook"]["score"], &good["event"]["risk_score"]), (&80.into(), &80.into()));
    let missed = of("coverage");
    assert!(missed.iter().all(|document| document["huntbook"]["reason"] == "unused-rule"), "{missed:?}");
    assert!(missed.iter().all(|document| document["huntbook"]["gap"] == true), "{missed:?}");
    let mut files: Vec<_> = missed.iter().map(|document| name(document["file"]["path"].as_str().unwrap())).collect();
    files.sort_unstable();
    files.dedup();
    assert_eq!(
        files,
        [".#good.yar", "._good.yar", "broken.yar", "external.yar", "module.yar", "out.yar", "pipe.yar", "regex.yar"]
    );
    let detail = |file: &str, what: &str| {
        missed.iter().any(|document| {
            name(document["file"]["path"].as_str().unwrap()) == file
                && document["huntbook"]["detail"].as_str().unwrap().contains(what)
        })
    };
    assert!(detail("external.yar", "rule external is not used: 1:28: unknown identifier `imphash`"), "{missed:?}");
    assert!(detail("external.yar", "rule other is not used: 2:29: refers to the rule `external`"), "{missed:?}");
    assert!(detail("regex.yar", "--relaxed-re-syntax"), "{missed:?}");
    let summary = of("summary")[0].clone();
    assert_eq!(summary["huntbook"]["unused_rules"], missed.len());
}

#[test]
fn rules_that_were_not_used_are_a_gap_and_can_be_refused() {
    let ground = TestBox::new();
    let folder = odd_rules(&ground).display().to_string();
    let tree = ground.tree().display().to_string();
    let done = ground.huntbook(&["scan", &tree, "--rules", &folder]).assert().code(3);
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(said.contains("rule apk is not used: 2:23: "), "{said}");
    assert!(said.contains("not used, each named above"), "{said}");
    let case = ground.home().join("a.case").display().to_string();
    ground.huntbook(&["scan", &tree, "--rules", &folder, "--case", &case]).assert().code(3);
    let report = ground.huntbook(&["report", &case, "--format", "markdown"]).assert();
    let report = String::from_utf8_lossy(&report.get_output().stdout).into_owned();
    assert!(report.contains("rule apk is not used"), "{report}");

    let refused = ground.huntbook(&["scan", &tree, "--rules", &folder, "--strict-rules"]).assert().code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    for what in ["pipe.yar: is not a regular file", "unknown module `androguard`", "(rule regex)"] {
        assert!(said.contains(what), "{said}");
    }
    // What was named and gives nothing at all is no rule set to go on with.
    let only = format!("{folder}/regex.yar");
    ground.huntbook(&["scan", &tree, "--rules", &only]).assert().code(2);
    ground.huntbook(&["scan", &tree, "--rules", &only, "--relaxed-re"]).assert().code(0);
    let external = format!("{folder}/external.yar");
    ground.huntbook(&["scan", &tree, "--rules", &external, "--define", "imphash=y"]).assert().code(0);
    ground.huntbook(&["scan", &tree, "--define", "no value"]).assert().code(2);
}

#[test]
fn a_check_gives_a_verdict_on_every_file_of_a_folder_of_plain_rules() {
    let ground = TestBox::new();
    let folder = odd_rules(&ground);
    let shown = folder.display().to_string();
    let done = ground.huntbook(&["hunts", "check", &shown]).assert().code(2);
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    for line in [
        "good.yar: 1 rule in order",
        "latin.yar: 1 rule in order",
        "module.yar: 0 rules in order, 2 problems",
        "out.yar: 0 rules in order, 1 problem",
    ] {
        assert!(said.lines().any(|said| said.ends_with(line)), "{said}");
    }
    let done = ground.huntbook(&["hunts", "check", &shown, "--json"]).assert().code(2);
    let said: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(said["files"].as_array().unwrap().len(), 10, "{said}");
    fs::write(folder.join("top.yar"), "include \"inner.yar\"\nrule top { condition: true }").unwrap();
    fs::write(folder.join("inner.yar"), "\n\nrule inner { condition: nothing }").unwrap();
    let top = folder.join("top.yar").display().to_string();
    let done = ground.huntbook(&["hunts", "check", &top]).assert().code(2);
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(said.contains("inner.yar:3:25: unknown identifier `nothing`"), "{said}");
    let good = folder.join("good.yar").display().to_string();
    ground.huntbook(&["hunts", "check", &good]).assert().code(0);
}

#[test]
fn what_loki_and_thor_tell_rules_of_a_file_is_told() {
    let ground = TestBox::new();
    let rules = ground.home().join("rules.yar");
    let text = "rule cloaked { condition: extension == \".jpg\" and filetype == \"PHP\" }\n\
                rule batch { condition: filetype == \"BATCH\" }\n\
                rule known { condition: md5 == \"5d41402abc4b2a76b9719d911017c592\" }";
    fs::write(&rules, text).unwrap();
    fs::write(ground.tree().join("picture.jpg"), "<?php system($_GET[1]); ?>").unwrap();
    fs::write(ground.tree().join("start"), "@echo off\r\n").unwrap();
    fs::write(ground.tree().join("hello"), "hello").unwrap();
    fs::write(ground.tree().join("other"), "world").unwrap();
    let (tree, rules) = (ground.tree().display().to_string(), rules.display().to_string());
    let args = ["scan", &tree, "--no-builtin", "--rules", &rules, "--format", "ndjson"];
    let done = ground.huntbook(&args).assert().code(1);
    let mut found: Vec<(String, String)> = lines(&done.get_output().stdout)
        .iter()
        .filter(|document| document["huntbook"]["kind"] == "finding")
        .map(|document| (document["rule"]["name"].to_string(), document["file"]["name"].to_string()))
        .collect();
    found.sort();
    let wanted = [("batch", "start"), ("cloaked", "picture.jpg"), ("known", "hello")];
    assert_eq!(found, wanted.map(|(rule, file)| (format!("\"{rule}\""), format!("\"{file}\""))));
}

#[test]
fn several_trees_and_lists_of_paths_are_one_scan_of_nothing_else() {
    let ground = TestBox::new();
    let rules = ground.home().join("rules.yar");
    fs::write(&rules, "rule any_file { condition: true }").unwrap();
    for path in ["a/one", "a/deep/two", "b/three", "b/four", "c/five"] {
        let path = ground.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    symlink("a", ground.tree().join("link")).unwrap();
    let at = |path: &str| ground.tree().join(path).display().to_string();
    let rules = rules.display().to_string();
    let found = |args: &[&str], stdin: &str, code: i32| {
        let mut all = vec!["scan", "--no-builtin", "--rules", &rules, "--format", "ndjson"];
        all.extend(args);
        let done = ground.huntbook(&all).write_stdin(stdin).assert().code(code);
        let documents = lines(&done.get_output().stdout);
        let of = |kind: &str, what: &str| {
            let those = documents.iter().filter(|document| document["huntbook"]["kind"] == kind);
            let mut names: Vec<_> = those.map(|document| document.pointer(what).unwrap().clone()).collect();
            names.sort_by_key(Value::to_string);
            names
        };
        (of("finding", "/file/name"), of("coverage", "/huntbook/reason"))
    };
    let (names, missed) = found(&[&at("a"), &at("b/three")], "", 1);
    assert_eq!((names, missed), (vec!["one".into(), "three".into(), "two".into()], vec!["not-named".into()]));
    // Through a link to the folder, a file by its real path; one that is not there is a gap.
    let list = format!("{}\0{}\0{}\0", at("link/one"), at("b/four"), at("b/none"));
    let (names, missed) = found(&["--files-from", "-", "--null"], &list, 1);
    assert_eq!(names, ["four", "one"]);
    assert_eq!(missed, ["not-met", "not-named"]);
    let (names, missed) = found(&["--files-from", "-"], &at("b/none"), 3);
    assert_eq!((names, missed), (Vec::new(), vec!["not-met".into(), "not-named".into()]));
    ground.huntbook(&["scan", "--files-from", "-"]).write_stdin("\n").assert().code(2);
    ground.huntbook(&["scan"]).assert().code(2);
}

#[test]
fn files_that_did_not_change_since_are_left_out_and_counted() {
    let ground = TestBox::new();
    fs::write(ground.tree().join("file"), "x").unwrap();
    let tree = ground.tree().display().to_string();
    let scan = |newer: &str| {
        let done = ground.huntbook(&["scan", &tree, "--newer", newer, "--local-only"]).assert().code(0);
        String::from_utf8_lossy(&done.get_output().stdout).into_owned()
    };
    assert!(!scan("1h").contains("--newer"), "{}", scan("1h"));
    let said = scan("2099-01-01");
    assert!(said.contains("left out by --newer: 1 file, neither changed nor born since 2099-01-01"), "{said}");
    ground.huntbook(&["scan", &tree, "--newer", "whenever"]).assert().code(2);
}

/// Rules of which one takes hours over any file but a tiny one, whether the file is matched whole or in parts.
fn rules_with_a_slow_one(ground: &TestBox) -> PathBuf {
    let folder = ground.home().join("rules");
    fs::create_dir(&folder).unwrap();
    let ordinary = |n: usize| format!("rule plain_{n} {{ strings: $a = \"planted\" condition: $a }}\n");
    let slow = "rule slow { strings: $a = \"planted\" condition: \
                $a and for all i in (1..filesize) : (for all j in (1..filesize) : (i + j > 0)) }\n";
    let around: String = (0..5).map(ordinary).collect::<String>()
        + "global rule any_size { condition: filesize > 0 }\n"
        + slow
        + "rule after { strings: $a = \"planted\" condition: #a == 1 and plain_1 }\n";
    fs::write(folder.join("around.yar"), around).unwrap();
    fs::write(folder.join("whole.yar"), "rule whole { condition: uint8(filesize - 1) == 0x2e }\n").unwrap();
    fs::write(folder.join("other.yar"), "rule other { strings: $a = \"planted\" condition: $a }\n").unwrap();
    folder
}

#[test]
fn one_slow_rule_costs_a_file_no_finding_of_another_and_is_named() {
    let ground = TestBox::new();
    let rules = rules_with_a_slow_one(&ground).display().to_string();
    let sizes = [("tiny", 64), ("small", 1 << 20), ("large", 9 << 20)];
    for (name, size) in sizes {
        let mut bytes = vec![b'.'; size];
        bytes[20..27].copy_from_slice(b"planted");
        fs::write(ground.tree().join(name), bytes).unwrap();
    }
    let tree = ground.tree().display().to_string();
    let args = ["scan", &tree, "--no-builtin", "--rules", &rules, "--match-timeout", "1", "--threads", "1"];
    let done = ground.huntbook(&[&args[..], &["--format", "ndjson"]].concat()).assert().code(1);
    let documents = lines(&done.get_output().stdout);
    let of = |kind: &str, file: &str| {
        let those = documents.iter().filter(|document| document["huntbook"]["kind"] == kind);
        those.filter(|document| document["file"]["name"] == file).collect::<Vec<_>>()
    };
    let others = ["after", "any_size", "other", "plain_0", "plain_1", "plain_2", "plain_3", "plain_4", "whole"];
    for (name, _) in sizes {
        let mut found: Vec<_> =
            of("finding", name).iter().map(|document| document["rule"]["name"].as_str().unwrap()).collect();
        found.sort_unstable();
        let missed = of("coverage", name);
        if name == "tiny" {
            assert_eq!((found.len(), missed.len()), (others.len() + 1, 0), "{found:?} {missed:?}");
            continue;
        }
        assert_eq!(found, others, "{name}");
        let [missed] = missed.as_slice() else { panic!("{name}: {missed:?}") };
        assert_eq!((&missed["huntbook"]["reason"], &missed["huntbook"]["gap"]), (&"timed-out".into(), &true.into()));
        let detail = missed["huntbook"]["detail"].as_str().unwrap();
        assert!(detail.contains("rule slow of ") && detail.contains("around.yar"), "{detail}");
    }
    let done = ground.huntbook(&args).assert().code(1);
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert_eq!(said.matches("matched but for rule slow of ").count(), 2, "{said}");
}
