//! The command line as a user has it: the real binary, its output and its exit codes.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixtures;

/// A planted tree, and a home of its own for register and case.
pub struct TestBox {
    dir: TempDir,
}

impl TestBox {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    pub fn planted() -> Self {
        let ground = Self::new();
        fixtures::plant(&ground.tree());
        ground
    }

    /// The tree, as the scanner names it.
    pub fn tree(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("tree")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn register(&self) -> PathBuf {
        self.home().join("exclusions.toml")
    }

    /// Writes the person's `config.toml`.
    pub fn configure(&self, config: &str) {
        let folder = self.home().join(".config/huntbook");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), config).unwrap();
    }

    /// `huntbook ARGS` with nothing of this machine's user in its environment.
    pub fn huntbook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huntbook"));
        command.env_clear().env("HOME", self.home()).env("PATH", "/usr/bin:/bin").args(args);
        command
    }

    /// `huntbook scan TREE --format ndjson`, its documents and its exit code.
    pub fn scan(&self, more: &[&str]) -> (Vec<Value>, i32) {
        let tree = self.tree();
        let output =
            self.huntbook(&["scan", tree.to_str().unwrap(), "--format", "ndjson"]).args(more).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code().unwrap())
    }
}

fn of_kind<'d>(documents: &'d [Value], kind: &'d str) -> impl Iterator<Item = &'d Value> {
    documents.iter().filter(move |document| document["huntbook"]["kind"] == kind)
}

/// (rule, path, pattern, offset, length) of everything that yara-x itself finds below `root` with the built-in rules.
fn by_yara_x(root: &Path) -> BTreeSet<(String, PathBuf, String, u64, u64)> {
    let loaded = huntbook::internals::hunt::builtin::load(&huntbook::internals::hunt::Site::default()).unwrap();
    let mut compiler = yara_x::Compiler::new();
    for text in &loaded.texts {
        compiler.add_source(&*text.text).unwrap();
    }
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let mut found = BTreeSet::new();
    for entry in ignore::WalkBuilder::new(root).standard_filters(false).build() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_file() {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        for rule in scanner.scan(&bytes).unwrap().matching_rules() {
            for pattern in rule.patterns() {
                for hit in pattern.matches() {
                    found.insert((
                        rule.identifier().to_owned(),
                        entry.path().to_owned(),
                        pattern.identifier().to_owned(),
                        hit.range().start as u64,
                        hit.range().len() as u64,
                    ));
                }
            }
        }
    }
    found
}

#[test]
fn scan_reports_the_same_matches_as_yara_x() {
    let ground = TestBox::planted();
    let (documents, code) = ground.scan(&[]);
    assert_eq!(code, 1);
    let mut found = BTreeSet::new();
    for document in of_kind(&documents, "finding") {
        for hit in document["huntbook"]["matches"].as_array().unwrap() {
            found.insert((
                document["rule"]["name"].as_str().unwrap().to_owned(),
                PathBuf::from(document["file"]["path"].as_str().unwrap()),
                hit["pattern"].as_str().unwrap().to_owned(),
                hit["offset"].as_u64().unwrap(),
                hit["length"].as_u64().unwrap(),
            ));
        }
    }
    assert!(found.len() > 10);
    assert_eq!(found, by_yara_x(&ground.tree()));
}

#[test]
fn findings_carry_facts_and_the_rules_attribution() {
    let ground = TestBox::planted();
    let (documents, _) = ground.scan(&[]);
    let path = ground.tree().join("callback.txt");
    let document = of_kind(&documents, "finding").find(|d| d["file"]["path"] == path.to_str().unwrap()).unwrap();
    assert_eq!(document["rule"]["author"][0], "Florian Roth");
    assert!(document["rule"]["license"].as_str().unwrap().contains("Detection Rule License"));
    assert!(document["rule"]["reference"].is_string());
    let content = fixtures::callback();
    let digest = huntbook::internals::finding::Sha256::of(content.as_bytes()).to_string();
    assert_eq!(document["file"]["hash"]["sha256"], digest);
    assert_eq!(document["huntbook"]["verdict"], "open");
    let data = huntbook::internals::text::hex(content.as_bytes());
    assert_eq!(document["huntbook"]["matches"][0]["data"], data);
    let summary = documents.last().unwrap();
    assert_eq!(summary["huntbook"]["kind"], "summary");
    assert_eq!(summary["huntbook"]["files"], fixtures::all().len());
    assert_eq!(summary["huntbook"]["complete"], true);
}

#[test]
fn a_small_elf_without_the_pattern_is_a_candidate() {
    let ground = TestBox::new();
    std::fs::write(ground.tree().join("tiny"), fixtures::elf_header()).unwrap();
    let (documents, code) = ground.scan(&[]);
    assert_eq!(code, 0, "a candidate is no finding");
    let candidates: Vec<_> = of_kind(&documents, "candidate").collect();
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0]["rule"]["name"], "EQGRP_tinyexec");
}

#[test]
fn exit_codes_tell_nothing_open_open_failed_and_incomplete_apart() {
    let ground = TestBox::new();
    std::fs::write(ground.tree().join("plain"), "nothing").unwrap();
    assert_eq!(ground.scan(&[]).1, 0);
    let rules = ground.home().join("mine.yar");
    std::fs::write(&rules, "import \"hash\" rule mine { condition: hash.md5(0, filesize) == \"x\" }").unwrap();
    std::fs::write(ground.tree().join("large"), vec![0x41; 3 << 20]).unwrap();
    assert_eq!(ground.scan(&["--max-file-size", "1MiB", "--rules", rules.to_str().unwrap()]).1, 3);
    std::fs::write(ground.tree().join("callback"), fixtures::callback()).unwrap();
    assert_eq!(ground.scan(&[]).1, 1);
    for wrong in
        [&["scan"][..], &["scan", "/nonexistent/tree"], &["--nonsense"], &["scan", "/", "--max-file-size", "x"]]
    {
        ground.huntbook(wrong).assert().code(2);
    }
    let missing = ground.huntbook(&["scan", "/nonexistent/tree"]).output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nonexistent/tree"));
}

#[test]
fn without_a_terminal_the_tree_must_be_named() {
    let ground = TestBox::new();
    for (args, expected) in [(&[][..], "name the folder or file to scan: huntbook scan TREE"), (&["scan"], "<TREE>")] {
        let output = ground.huntbook(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && output.stdout.is_empty(), "{said}");
    }
}

#[test]
fn a_tree_may_be_a_single_file() {
    let ground = TestBox::planted();
    let file = ground.tree().join("callback.txt");
    let output = ground.huntbook(&["scan", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("EQGRP_callbacks") && text.contains("1 open"), "{text}");
}

#[test]
fn a_register_that_cannot_be_believed_stops_the_scan_and_is_left_alone() {
    let ground = TestBox::planted();
    let register = ground.register();
    for (content, mode, expected) in [
        ("version = 1\n[[exclusion\n", 0o600, ":2"),
        ("version = 99\n", 0o600, "newer Huntbook"),
        ("version = 1\n", 0o666, "chmod 600"),
    ] {
        std::fs::write(&register, content).unwrap();
        std::fs::set_permissions(&register, std::fs::Permissions::from_mode(mode)).unwrap();
        let tree = ground.tree();
        let args = ["scan", tree.to_str().unwrap(), "--exclusions", register.to_str().unwrap()];
        let output = ground.huntbook(&args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && said.contains("exclusions.toml"), "{said}");
        assert_eq!(std::fs::read_to_string(&register).unwrap(), content);
    }
}

#[test]
fn names_are_exact_in_ndjson_and_harmless_in_both_formats() {
    let ground = TestBox::new();
    let escape = ground.tree().join("\u{1b}[2J\u{202e}x");
    let bytes = ground.tree().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    for path in [&escape, &bytes] {
        std::fs::write(path, fixtures::callback()).unwrap();
    }
    let (documents, _) = ground.scan(&[]);
    let paths: Vec<_> = of_kind(&documents, "finding").map(|d| d["file"]["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&escape.to_str().unwrap()));
    let odd = of_kind(&documents, "finding").find(|d| d["huntbook"]["path_hex"].is_string()).unwrap();
    assert_eq!(odd["huntbook"]["path_hex"], huntbook::internals::text::hex(bytes.as_os_str().as_bytes()));
    assert!(odd["file"]["path"].as_str().unwrap().ends_with(r"caf\xe9"));
    let tree = ground.tree();
    for format in ["text", "ndjson"] {
        let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--format", format]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
}

#[test]
fn the_case_of_a_scan_is_whole_and_left_out_of_the_next_one() {
    let ground = TestBox::planted();
    let case = ground.tree().join("evidence.case");
    let more = ["--case", case.to_str().unwrap()];
    let (first, _) = ground.scan(&more);
    let (second, _) = ground.scan(&more);
    assert_eq!(of_kind(&first, "finding").count(), of_kind(&second, "finding").count());
    let own = of_kind(&second, "coverage").find(|d| d["file"]["path"] == case.to_str().unwrap()).unwrap();
    assert_eq!(own["huntbook"]["reason"], "own-file");
    let opened = huntbook::internals::case::Case::open_read_only(&case).unwrap();
    assert!(opened.verify().unwrap().is_whole());
    assert_eq!(opened.scans().unwrap().len(), 2);
    let head = opened.head().unwrap().to_string();
    assert_eq!(second.last().unwrap()["huntbook"]["journal_head"], head.as_str());
}

#[test]
fn cases_of_other_scans_are_no_findings_of_the_next() {
    let ground = TestBox::planted();
    let tree = ground.tree();
    let scan = |tree: &std::path::Path| {
        let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--format", "ndjson"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let planted = of_kind(&scan(&tree), "finding").count();
    assert!(planted > 0);
    let all = scan(&ground.home());
    let outside = |d: &&Value| !d["file"]["path"].as_str().unwrap().starts_with(tree.to_str().unwrap());
    assert_eq!(of_kind(&all, "finding").filter(outside).collect::<Vec<_>>(), Vec::<&Value>::new());
    let own = of_kind(&all, "coverage").filter(|d| d["huntbook"]["reason"] == "own-file").count();
    assert!(own >= 2, "both cases: {own}");
}

#[test]
fn a_scan_and_the_report_of_its_case_say_the_same() {
    let ground = TestBox::planted();
    std::os::unix::fs::symlink("callback.txt", ground.tree().join("link")).unwrap();
    std::fs::write(ground.tree().join("left.out"), "x").unwrap();
    let case = ground.home().join("hunt.case").to_str().unwrap().to_owned();
    let scanned = ground.scan(&["--case", &case, "--exclude", "*.out", "--max-file-size", "200K"]).0;
    let output = ground.huntbook(&["report", &case, "--format", "ndjson"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let reported: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gaps = |documents: &[Value]| -> BTreeSet<(String, bool)> {
        let said = |d: &Value| (d["file"]["path"].to_string(), d["huntbook"]["gap"].as_bool().unwrap());
        of_kind(documents, "coverage").map(said).collect()
    };
    assert_eq!(gaps(&reported), gaps(&scanned));
    assert!(gaps(&scanned).len() >= 2);
    let (last, same) = (&reported.last().unwrap()["huntbook"], &scanned.last().unwrap()["huntbook"]);
    for key in ["files", "bytes", "folders", "links", "not_scanned", "gaps", "findings", "gone", "journal_head"] {
        assert!(!last[key].is_null());
        assert_eq!(last[key], same[key], "{key}");
    }
    assert!(last["folders"].as_u64() > Some(1) && last["links"] == 1);
    let tree = ground.tree();
    let text = ground.huntbook(&["scan", tree.to_str().unwrap(), "--exclude", "*.out"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains(" 1 not scanned, no gap\n"), "{text}");
    let head = text.lines().find_map(|line| line.strip_prefix("journal head ")).unwrap();
    assert!(head.split_once(':').is_some_and(|(seq, hash)| seq.parse::<u32>().is_ok() && hash.len() == 64), "{head}");
}

#[test]
fn hunts_list_has_every_rule_pattern_and_scenario() {
    let ground = TestBox::new();
    let output = ground.huntbook(&["hunts", "list", "--json"]).output().unwrap();
    assert!(output.status.success());
    let hunts: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(hunts.len(), 5);
    let patterns: usize = hunts.iter().map(|hunt| hunt["patterns"].as_array().unwrap().len()).sum();
    assert_eq!(patterns, 13);
    for scenario in hunts.iter().flat_map(|hunt| hunt["scenarios"].as_array().unwrap()) {
        for key in ["id", "title", "story", "filter"] {
            assert!(!scenario[key].as_str().unwrap().is_empty());
        }
        assert!(scenario["applies_when"].is_array());
    }
    let text = ground.huntbook(&["hunts", "list"]).output().unwrap();
    assert_eq!(String::from_utf8(text.stdout).unwrap().lines().count(), 5);
    let shown = ground.huntbook(&["hunts", "show", "EQGRP_tinyexec"]).output().unwrap();
    assert!(String::from_utf8(shown.stdout).unwrap().contains("Florian Roth"));
    ground.huntbook(&["hunts", "show", "EQGRP_tinyexe"]).assert().code(2);
}

#[test]
fn hunts_check_names_file_line_and_column() {
    let ground = TestBox::new();
    let dir = ground.tree();
    std::fs::write(dir.join("mine.yar"), "rule mine { condition: true }").unwrap();
    std::fs::write(dir.join("mine.toml"), "rule = \"mine\"\nhypothesis = \"x\"\n[[scenario]]\nid = \"a\"\n").unwrap();
    let output = ground.huntbook(&["hunts", "check", dir.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("mine.toml:3:"), "{text}");
    std::fs::remove_file(dir.join("mine.toml")).unwrap();
    ground.huntbook(&["hunts", "check", dir.join("mine.yar").to_str().unwrap()]).assert().success();
}

#[test]
fn warnings_of_the_compiler_are_shown_as_it_words_them_and_are_not_fatal() {
    let ground = TestBox::new();
    let rules = ground.home().join("slow.yar");
    let slow = |n: u32| format!("rule slow_{n} {{ strings: $zero = {{ 00 00 }} condition: $zero }}\n");
    std::fs::write(&rules, (0..7).map(slow).collect::<String>()).unwrap();
    let output =
        ground.huntbook(&["scan", "--no-builtin"]).arg(ground.tree()).arg("--rules").arg(&rules).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("warning[slow_pattern]").count(), 5, "{said}");
    assert!(
        said.contains("slow.yar:1:") && said.contains("… and 2 more warnings; --log FILE keeps them all\n"),
        "{said}"
    );
    assert!(said.lines().any(|line| line.ends_with("this pattern may slow down the scan")), "{said}");
}

#[test]
fn version_commit_build_and_digests_are_told_alike_by_command_case_report_and_lines() {
    let ground = TestBox::planted();
    let told = |args: &[&str]| String::from_utf8(ground.huntbook(args).output().unwrap().stdout).unwrap();
    let page = told(&["version"]);
    let line = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    assert!(page.starts_with(concat!("huntbook ", env!("CARGO_PKG_VERSION"), "\n")), "{page}");
    assert!(line("engine: ").starts_with("yara-x ") && line("builtin hunts: ").len() == 64, "{page}");
    assert!(!line("sandbox: ").is_empty() && !line("commit: ").is_empty(), "{page}");
    assert_eq!(told(&["--version", "--verbose"]), page);
    assert_eq!(told(&["--version"]).lines().count(), 1);
    let case = ground.home().join("version.case");
    let (documents, _) = ground.scan(&["--case", case.to_str().unwrap()]);
    let program = &documents.last().unwrap()["huntbook"]["program"];
    for (name, key) in [
        ("commit: ", "commit"),
        ("build: ", "build"),
        ("engine: ", "engine"),
        ("builtin hunts: ", "builtin_hunts"),
        ("executable sha256: ", "executable_sha256"),
    ] {
        assert_eq!(program[key], line(name), "{key}");
    }
    // Markdown has a backslash before what it would take for a sign.
    let report = told(&["report", case.to_str().unwrap()]).replace('\\', "");
    for said in [line("builtin hunts: "), line("build: "), line("engine: ")] {
        assert!(report.contains(&said), "{said} is not in the report");
    }
}

#[test]
fn completions_and_manual_are_printed() {
    let ground = TestBox::new();
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"], &["--help"]]
    {
        let output = ground.huntbook(args).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 500, "{args:?}");
    }
}

#[test]
fn a_scan_can_be_written_as_sarif_and_csv() {
    let ground = TestBox::planted();
    let tree = ground.tree();
    let written = |format: &str| {
        let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--format", format]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let sarif: Value = serde_json::from_str(&written("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 8);
    let csv = written("csv");
    assert_eq!(csv.lines().filter(|line| line.contains("EQGRP_callbacks")).count(), 2, "{csv}");
}

#[test]
fn hunts_check_names_rules_that_want_every_file_whole_and_why() {
    let ground = TestBox::new();
    let rules = ground.home().join("slow.yar");
    let text = "import \"math\"
        rule good { strings: $a = \"needle-in-hay\" condition: $a }
        rule short { strings: $a = \"ab\" condition: $a }
        rule random { condition: math.entropy(0, filesize) >= 7.5 }
        rule absent { strings: $a = \"needle-in-hay\" condition: not $a }";
    std::fs::write(&rules, text).unwrap();
    let checked = ground.huntbook(&["hunts", "check", rules.to_str().unwrap()]).output().unwrap();
    assert!(checked.status.success());
    let said = String::from_utf8(checked.stdout).unwrap();
    let named: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(" makes scans slow, ").map(|(rule, _)| rule.trim())).collect();
    assert_eq!(named, ["rule short", "rule random", "rule absent"], "{said}");
    for why in [
        "patterns that can't be searched for: $a\n",
        "depends on modules or variables\n",
        "can match without any pattern\n",
    ] {
        assert!(said.contains(why), "{why} {said}");
    }
    let checked = ground.huntbook(&["hunts", "check", "--json", rules.to_str().unwrap()]).output().unwrap();
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let named: Vec<&str> =
        checked["whole"].as_array().unwrap().iter().filter_map(|whole| whole["rule"].as_str()).collect();
    assert_eq!(named, ["short", "random", "absent"]);
}

#[test]
fn a_copy_of_a_built_in_rule_stands_once_with_both_origins() {
    let ground = TestBox::new();
    let copy = ground.home().join("collection.yar");
    let rule = include_str!("../../src/hunt/builtin/EQGRP_MixText.yar").replace("Florian Roth", "somebody else");
    std::fs::write(&copy, &rule).unwrap();
    let list = |rules: &str| -> Vec<Value> {
        let output = ground.huntbook(&["hunts", "list", "--json", "--rules", rules]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let hunts = list(copy.to_str().unwrap());
    assert_eq!(hunts.len(), 5);
    let also: Vec<&Value> = hunts.iter().filter_map(|hunt| hunt["also_in"].as_array()).flatten().collect();
    assert!(also.len() == 1 && also[0].as_str().unwrap().ends_with("collection.yar"), "{also:?}");
    std::fs::write(&copy, rule.replace("1 of them", "all of them")).unwrap();
    assert_eq!(list(copy.to_str().unwrap()).len(), 6, "another condition is another rule");
}
