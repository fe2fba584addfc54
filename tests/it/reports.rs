//! `huntbook report` and `huntbook case verify` on a case whose files have hostile names.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use huntbook::internals::case::{Case, Decision, FindingId, JournalEvent, Record, Sighting, Stamp, Undo};
use huntbook::internals::text::{escape_path, escape_str};
use huntbook::internals::triage::exclusion::{CheckResult, SeenCheck};
use huntbook::internals::triage::register::Register;
use huntbook::internals::triage::scope::ScopeKind;
use huntbook::internals::triage::{Actor, Answer};
use serde_json::Value;

use crate::cli::TestBox;
use crate::fixtures;
use crate::hostile_names::{NAMES, RULE, assert_safe, exclusion, place};
use crate::parsers::{code_spans, csv, percent_decoded};

/// Words that a responder might paste from a hostile box.
const NOTE: &str = "seen ` | <b>\n# [x](http://e.example) =1 \u{202e}";

/// A scanned tree with a file for each hostile name, one of them excluded, and decisions about others.
pub struct Scanned {
    pub ground: TestBox,
    pub case: PathBuf,
    files: BTreeSet<PathBuf>,
    excluded: String,
}

impl Scanned {
    fn new() -> Self {
        let ground = TestBox::new();
        let mut files = BTreeSet::new();
        for bytes in NAMES {
            let path = place(&ground.tree(), bytes);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, fixtures::callback()).unwrap();
            files.insert(path);
        }
        let content = fixtures::payload().join("\n");
        let benign = ground.tree().join("benign.py");
        fs::write(&benign, &content).unwrap();
        files.insert(benign.clone());
        let made = exclusion(&benign, content.as_bytes(), ScopeKind::FileAsIs, "nightly job");
        Register::load(ground.register()).unwrap().add(&made).unwrap();
        let _socket = UnixListener::bind(ground.tree().join("s`\n<b>")).unwrap();
        let case = ground.home().join("hunt.case");
        let (case_text, register) = (case.to_str().unwrap(), ground.register());
        ground.scan(&["--case", case_text, "--exclusions", register.to_str().unwrap()]);
        let scanned = Self { ground, case, files, excluded: made.id.to_string() };
        scanned.decide();
        scanned
    }

    fn decide(&self) {
        let mut case = Case::open(&self.case).unwrap();
        let actor = Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) };
        let stamp = Stamp { actor, host: "web01".into(), at: jiff::Timestamp::now() };
        let scan = case.scans().unwrap().pop().unwrap().id;
        let open: Vec<_> = case.findings(scan, FindingId(0), 100).unwrap();
        let ids: Vec<_> = open.iter().filter(|row| row.found_by.name() != RULE).map(|row| row.id).collect();
        let scenario =
            case.rules(scan).unwrap().into_iter().find(|rule| rule.id == open[0].found_by).unwrap().scenarios;
        let answered =
            Decision::Answered { scenario: scenario[0].clone(), answer: Answer::RuledOut, note: Some(NOTE.into()) };
        case.decide(&ids[..1], &answered, &stamp).unwrap();
        case.decide(&ids[1..2], &Decision::MarkedMalicious { reason: NOTE.into() }, &stamp).unwrap();
        case.decide(&ids[2..3], &Decision::Note { note: "taken back".into() }, &stamp).unwrap();
        case.undo(Undo::Last, &stamp).unwrap();
    }

    fn run(&self, args: &[&str]) -> (String, String, i32) {
        let output = self.ground.huntbook(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    /// The report in one format, which must be safe to print and hold the journal's head.
    fn report(&self, format: &str) -> String {
        let (report, error, code) = self.run(&["report", self.case.to_str().unwrap(), "--format", format]);
        assert_eq!((code, error.as_str()), (0, ""));
        assert_safe(&report);
        let head = Case::open_read_only(&self.case).unwrap().head().unwrap();
        assert!(report.contains(&head.hash.to_string()), "{format} lacks the journal's head");
        report
    }
}

#[test]
fn markdown_lists_everything_and_no_name_is_markup() {
    let scanned = Scanned::new();
    let report = scanned.report("markdown");
    let mut named = BTreeSet::new();
    let mut fence: Option<&str> = None;
    let mut columns = None;
    for line in report.lines() {
        if let Some(end) = fence {
            fence = Some(end).filter(|end| line != *end);
            continue;
        }
        if line.starts_with("```") {
            fence = line.strip_suffix("text");
            continue;
        }
        if line.starts_with('|') {
            // An escaped sign is itself.
            let (mut bare, mut escaped) = (String::new(), false);
            for sign in line.chars() {
                if escaped || sign == '\\' {
                    escaped = !escaped;
                } else {
                    bare.push(sign);
                }
            }
            let bars = bare.matches('|').count();
            assert!(*columns.get_or_insert(bars) == bars && !bare.contains(['`', '[', '<']), "{line}");
            continue;
        }
        columns = None;
        let (outside, spans) = code_spans(line);
        let bare = outside.replace("\\[", "").replace("\\]", "").replace("\\<", "").replace("\\|", "");
        assert!(!bare.contains(['[', '<', '|']) && !bare.contains("http://e.example"), "{line}");
        if line.starts_with("- place ") {
            named.extend(spans.into_iter().next());
        }
    }
    assert_eq!(fence, None);
    let expected: BTreeSet<_> = scanned.files.iter().map(|path| escape_path(path).into_owned()).collect();
    assert_eq!(named, expected);
    assert!(report.contains("ruled out, by ann \\(as root\\)") || report.contains("ruled out, by ann (as root)"));
    assert_eq!(report.lines().filter(|line| line.starts_with("### malicious: ")).count(), 1);
    assert_eq!(report.lines().filter(|line| line.starts_with("- malicious: seen")).count(), 1);
    assert!(report.contains(&format!("- excluded by {}", scanned.excluded)), "{report}");
    assert!(!report.contains("taken back"), "what was undone is not in force");
    assert!(report.contains("`$s1` at 0x0, 16 bytes, text: "), "{report}");
    assert!(report.contains("1 left out on purpose"), "{report}");
    assert!(report.contains("author Florian Roth") && report.contains("licence Detection Rule License"));
}

#[test]
fn tags_and_notes_in_force_are_in_every_report() {
    let scanned = Scanned::new();
    let mut case = Case::open(&scanned.case).unwrap();
    let scan = case.scans().unwrap().pop().unwrap().id;
    let id = case.findings(scan, FindingId(0), 100).unwrap()[0].id;
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    let stamp = Stamp { actor, host: "web01".into(), at: jiff::Timestamp::now() };
    let tagged = |add: &[&str], remove: &[&str]| {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        Decision::Tagged { add: owned(add), remove: owned(remove) }
    };
    case.decide(&[id], &tagged(&["askbob", "done"], &[]), &stamp).unwrap();
    case.decide(&[id], &Decision::Note { note: format!("look again {NOTE}") }, &stamp).unwrap();
    case.decide(&[id], &tagged(&[], &["done"]), &stamp).unwrap();
    drop(case);
    for format in ["markdown", "html"] {
        let report = scanned.report(format);
        assert!(report.contains("askbob") && report.contains("look again"), "{format}");
    }
    let lines = csv(&scanned.report("csv"));
    let column = |name: &str| lines[0].iter().position(|cell| cell == name).unwrap();
    let tags: Vec<_> = lines.iter().filter(|line| line[column("Tags")] == "#askbob").collect();
    assert_eq!(tags.len(), 1);
    assert!(tags[0][column("Notes")].starts_with("look again"));
    let ndjson = scanned.report("ndjson");
    let documents: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tagged: Vec<_> =
        documents.iter().filter(|one| one["huntbook"]["tags"] == serde_json::json!(["askbob"])).collect();
    assert_eq!(tagged.len(), 1);
    assert!(tagged[0]["huntbook"]["notes"][0].as_str().unwrap().starts_with("look again"));
}

#[test]
fn csv_has_a_line_for_every_finding_gap_and_the_head() {
    let scanned = Scanned::new();
    let lines = csv(&scanned.report("csv"));
    assert!(lines.iter().all(|cells| cells.len() == lines[0].len()));
    let column = |title: &str| lines[0].iter().position(|cell| cell == title).unwrap();
    let of_kind = |kind: &'static str| lines.iter().filter(move |cells| cells[0] == kind);
    let paths: BTreeSet<_> = of_kind("finding").map(|cells| cells[column("FilePath")].clone()).collect();
    assert_eq!(paths, scanned.files.iter().map(|path| escape_path(path).into_owned()).collect());
    let malicious: Vec<_> = of_kind("finding").filter(|cells| cells[column("Verdict")] == "malicious").collect();
    assert_eq!(malicious.len(), 1);
    assert!(malicious[0][column("Decisions")].contains(&*escape_str(NOTE)));
    assert!(malicious[0][column("Matches")].starts_with("$s1@0+16"), "{malicious:?}");
    assert_eq!(malicious[0][column("RuleAuthor")], "Florian Roth");
    assert_eq!(of_kind("coverage").count(), 1);
    let last = lines.last().unwrap();
    assert_eq!(last[0], "summary");
    assert!(last[column("JournalHead")].contains(':') && last[column("Detail")].contains("1 not scanned"), "{last:?}");
    let excluded = of_kind("finding").find(|cells| cells[column("Verdict")] == "benign").unwrap();
    assert_eq!(excluded[column("ExclusionId")], scanned.excluded);
}

#[test]
fn sarif_has_exact_places_and_one_suppression() {
    let scanned = Scanned::new();
    let document: Value = serde_json::from_str(&scanned.report("sarif")).unwrap();
    let run = &document["runs"][0];
    let base = run["originalUriBaseIds"]["TREE"]["uri"].as_str().unwrap();
    let tree = percent_decoded(base.strip_prefix("file://").unwrap());
    assert_eq!(tree, [scanned.ground.tree().as_os_str().as_bytes(), b"/"].concat());
    let results = run["results"].as_array().unwrap();
    let mut paths = BTreeSet::new();
    for result in results {
        let physical = &result["locations"][0]["physicalLocation"];
        let location = &physical["artifactLocation"];
        assert_eq!(location["uriBaseId"], "TREE");
        let below = percent_decoded(location["uri"].as_str().unwrap());
        paths.insert([&tree[..], &below].concat());
        let artifact = &run["artifacts"][location["index"].as_u64().unwrap() as usize];
        assert_eq!(artifact["location"]["uri"], location["uri"]);
        assert_eq!(artifact["hashes"]["sha-256"].as_str().unwrap().len(), 64);
        assert_eq!(physical["region"]["byteOffset"], 0);
        assert!(physical["region"]["byteLength"].as_u64().unwrap() > 10);
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["properties"]["author"], "Florian Roth");
        assert!(rule["properties"]["license"].as_str().unwrap().contains("Detection Rule License"));
        let suppressions = result["suppressions"].as_array().unwrap();
        if result["properties"]["huntbook.verdict"] == "benign" {
            assert_eq!(suppressions.len(), 1);
            assert_eq!(suppressions[0]["status"], "accepted");
            assert_eq!(suppressions[0]["kind"], "external");
            assert_eq!(suppressions[0]["guid"], scanned.excluded);
        } else {
            assert!(suppressions.is_empty());
        }
        let message = result["message"]["text"].as_str().unwrap();
        assert!(!message.contains(['[', '{']), "{message}");
        assert_eq!(result["partialFingerprints"].as_object().unwrap().len(), 1);
    }
    assert_eq!(paths, scanned.files.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect());
    let notifications = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(notifications.len(), 1);
    assert_eq!(notifications[0]["descriptor"]["id"], "special-file");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn ndjson_has_a_document_for_every_finding_gap_and_the_summary() {
    let scanned = Scanned::new();
    let report = scanned.report("ndjson");
    let documents: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| documents.iter().filter(|document| document["huntbook"]["kind"] == kind).count();
    assert_eq!((count("finding"), count("coverage"), count("summary")), (scanned.files.len(), 1, 1));
}

#[test]
fn a_report_goes_into_a_file_and_leaves_the_case_as_it_was() {
    let scanned = Scanned::new();
    let before = fs::read(&scanned.case).unwrap();
    let out = scanned.ground.home().join("report.md");
    let args = ["report", scanned.case.to_str().unwrap(), "--output", out.to_str().unwrap()];
    assert_eq!(scanned.run(&args), (String::new(), String::new(), 0));
    assert_eq!(fs::read_to_string(&out).unwrap(), scanned.report("markdown"));
    let (_, error, code) = scanned.run(&args);
    assert_eq!((code, error.contains("--force")), (2, true), "{error}");
    assert!(fs::read(&scanned.case).unwrap() == before);
}

#[test]
fn verify_tells_a_whole_case_from_an_edited_one() {
    let scanned = Scanned::new();
    let file = scanned.case.to_str().unwrap();
    let verify = |more: &[&str]| scanned.run(&[&["case", "verify", file][..], more].concat());
    let head = Case::open_read_only(&scanned.case).unwrap().head().unwrap();
    let (text, _, code) = verify(&[]);
    assert_eq!((code, text.starts_with("whole: ")), (0, true), "{text}");
    let hash = head.hash.to_string();
    for kept in [&head.to_string(), &hash] {
        assert_eq!(verify(&["--head", kept]).2, 0);
    }
    let other = huntbook::internals::finding::Sha256::of(b"another journal").to_string();
    for kept in [&format!("{}:{other}", head.seq), &other] {
        let (text, _, code) = verify(&["--head", kept]);
        assert_eq!((code, text.contains("does not hold the head")), (1, true), "{text}");
    }
    let db = rusqlite::Connection::open(&scanned.case).unwrap();
    db.execute("UPDATE findings SET verdict = 'benign'", []).unwrap();
    drop(db);
    let (text, _, code) = verify(&["--json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &document["whole"]), (1, &Value::Bool(false)));
    assert!(!document["problems"].as_array().unwrap().is_empty());
    assert_eq!(verify(&["--head", "x"]).2, 2);
    let register = scanned.ground.register();
    let (_, error, code) = scanned.run(&["case", "verify", register.to_str().unwrap()]);
    assert_eq!((code, error.contains("not a Huntbook case")), (2, true), "{error}");
}

#[test]
fn the_last_scan_is_the_one_that_is_reported() {
    let scanned = Scanned::new();
    fs::remove_file(scanned.ground.tree().join("benign.py")).unwrap();
    let case_text = scanned.case.to_str().unwrap();
    scanned.ground.scan(&["--case", case_text]);
    let lines = csv(&scanned.report("csv"));
    assert_eq!(lines.iter().filter(|cells| cells[0] == "finding").count(), scanned.files.len() - 1);
    let case = Case::open_read_only(&scanned.case).unwrap();
    let (first, last) = (case.scans().unwrap()[0].id, case.scans().unwrap().pop().unwrap().id);
    let journal = case.journal(huntbook::internals::case::Seq(0), 100).unwrap();
    let ended = |entry: &&huntbook::internals::case::JournalEntry| {
        matches!(entry.event, JournalEvent::Happened(Record::ScanEnded { .. }))
    };
    assert_eq!(journal.iter().filter(ended).count(), 2);
    let gone = case.compare(first, last).unwrap().gone;
    assert_eq!(gone.len(), 1);
    assert!(case.load_finding(gone[0], Sighting::Last).is_ok(), "what is gone stays in the case");
}

/// Every field of a document by its path, with the type of its value; lists have that of what is in them.
fn types(path: &str, value: &Value, found: &mut Vec<(String, &'static str)>) {
    let of = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(text) => {
            assert!(!text.is_empty(), "{path} is empty: leave it out");
            if text.parse::<jiff::Timestamp>().is_ok() { "time" } else { "text" }
        }
        Value::Array(list) => return list.iter().for_each(|one| types(path, one, found)),
        Value::Object(map) => {
            map.iter().for_each(|(key, below)| types(&format!("{path}/{key}"), below, found));
            "object"
        }
    };
    found.push((path.to_owned(), of));
}

/// A tree with every kind of line: open, excluded by another file's exclusion, malicious, gone, not scanned.
pub fn every_kind() -> (Scanned, Vec<Value>) {
    let scanned = Scanned::new();
    let ground = &scanned.ground;
    let made = exclusion(
        &ground.tree().join("benign.py"),
        fixtures::payload().join("\n").as_bytes(),
        ScopeKind::Content,
        "a copy",
    );
    Register::load(ground.register()).unwrap().add(&made).unwrap();
    fs::write(ground.tree().join("copy.py"), fixtures::payload().join("\n")).unwrap();
    let mut case = Case::open(&scanned.case).unwrap();
    let scan = case.scans().unwrap().pop().unwrap().id;
    let rows = case.findings(scan, FindingId(0), 100).unwrap();
    let gone = rows.iter().find(|row| row.found_by.name() != RULE).unwrap();
    let stamp = Stamp {
        actor: Actor { name: "root".into(), uid: 0, behind: None },
        host: "web01".into(),
        at: jiff::Timestamp::now(),
    };
    case.decide(&[gone.id], &Decision::Note { note: "remember".into() }, &stamp).unwrap();
    drop(case);
    fs::remove_file(&gone.path).unwrap();
    let register = ground.register();
    let (documents, _) =
        ground.scan(&["--case", scanned.case.to_str().unwrap(), "--exclusions", register.to_str().unwrap()]);
    (scanned, documents)
}

#[test]
fn scan_and_report_print_the_same_lines() {
    let (scanned, mut scan) = every_kind();
    let mut report: Vec<Value> =
        scanned.report("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let key = |document: &Value| document["event"]["id"].as_str().unwrap().to_owned();
    scan.sort_by_key(key);
    report.sort_by_key(key);
    assert_eq!(scan, report);
    assert_eq!(scan.iter().map(key).collect::<BTreeSet<_>>().len(), scan.len(), "an id names one line");
}

#[test]
fn one_field_has_one_type_in_all_lines() {
    let (scanned, mut documents) = every_kind();
    let kinds: BTreeSet<_> = documents.iter().map(|d| d["huntbook"]["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, BTreeSet::from(["coverage", "finding", "summary"].map(str::to_owned)));
    assert!(documents.iter().any(|document| document["huntbook"]["not_met"].is_object()));
    documents.extend(scanned.report("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()));
    let mut found = Vec::new();
    for document in &documents {
        types("", document, &mut found);
    }
    let mut known = std::collections::BTreeMap::new();
    for (path, of) in found {
        assert_ne!(of, "null", "{path}: leave out what is not known");
        let before = *known.entry(path.clone()).or_insert(of);
        assert_eq!(before, of, "{path}");
    }
}

#[test]
fn an_exclusion_of_another_file_is_told_in_its_own_words_without_the_register() {
    let (scanned, _) = every_kind();
    fs::remove_file(scanned.ground.register()).unwrap();
    let report = scanned.report("ndjson");
    let documents: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let copy = documents.iter().find(|d| d["file"]["name"] == "copy.py").unwrap();
    let exclusion = &copy["huntbook"]["exclusion"];
    assert_eq!((&exclusion["reason"], &exclusion["scope"]), (&"a copy".into(), &"content".into()));
    for time in ["created", "expires"] {
        assert!(exclusion[time].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{exclusion}");
    }
    assert!(exclusion["by"].as_str().unwrap().contains("ann"), "{exclusion}");
    assert!(scanned.report("markdown").contains("until 20") && scanned.report("csv").contains("a copy"));
}

#[test]
fn what_was_excluded_against_the_box_has_a_heading_of_its_own() {
    let ground = TestBox::new();
    let content = fixtures::payload().join("\n");
    let mut made = Vec::new();
    for (name, reason) in [("a.py", "as ever"), ("b.py", "| against <b>")] {
        let path = ground.tree().join(name);
        fs::write(&path, &content).unwrap();
        let mut exclusion = exclusion(&path, content.as_bytes(), ScopeKind::FileAsIs, reason);
        if name == "b.py" {
            let (check, result, seen) = ("against the box".to_owned(), CheckResult::NotMet, "not supported".to_owned());
            exclusion.checks.push(SeenCheck { check, result, seen });
        }
        Register::load(ground.register()).unwrap().add(&exclusion).unwrap();
        made.push(exclusion.id.to_string());
    }
    let case = ground.home().join("hunt.case");
    let register = ground.register();
    ground.scan(&["--case", case.to_str().unwrap(), "--exclusions", register.to_str().unwrap()]);
    let run = |format: &str| {
        let output = ground.huntbook(&["report", case.to_str().unwrap(), "--format", format]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (text, page) = (run("markdown"), run("html"));
    let part = |from: &str, to: &str| text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    let against = part("## Excluded against the box\n", "## Excluded\n");
    assert!(against.contains(&made[1]) && !against.contains(&made[0]), "{text}");
    assert!(against.contains("| \\| against \\<b\\> | benign, expected |"), "{against}");
    let others = part("## Excluded\n", "## Timeline");
    assert!(
        others.contains(&made[0])
            && !others.contains(&made[1])
            && others.contains("| T\\-1 |") | others.contains("| T-1 |"),
        "{others}"
    );
    let against = page.find("<section id=\"against\"").unwrap();
    assert!(page[against..].find(&made[1]) < page[against..].find("<section id=\"excluded\""), "{page}");
}

#[test]
fn rows_of_two_boxes_are_told_apart_and_a_mounted_box_names_its_files_itself() {
    let ground = TestBox::planted();
    let image = ground.tree();
    fs::create_dir(image.join("etc")).unwrap();
    fs::write(image.join("etc/hostname"), "web07\n").unwrap();
    let case = ground.home().join("image.case");
    let args = ["--root", image.to_str().unwrap(), "--case", case.to_str().unwrap()];
    let (documents, _) = ground.scan(&args);
    let callback = documents.iter().find(|d| d["file"]["name"] == "callback.txt").unwrap();
    assert_eq!(callback["file"]["path"], "/callback.txt");
    assert_eq!(callback["huntbook"]["mount_path"], image.join("callback.txt").to_str().unwrap());
    assert_eq!(callback["host"]["name"], "web07");
    let output = ground.huntbook(&["report", case.to_str().unwrap(), "--format", "csv"]).output().unwrap();
    let lines = csv(&String::from_utf8(output.stdout).unwrap());
    let column = |title: &str| lines[0].iter().position(|cell| cell == title).unwrap();
    for cells in &lines[1..] {
        assert_eq!(cells[column("Host")], "web07");
        assert!(cells[column("ScanUtc")].parse::<jiff::Timestamp>().is_ok(), "{cells:?}");
    }
    let row = lines.iter().find(|cells| cells[column("FilePath")] == "/callback.txt").unwrap();
    assert_eq!(row[column("MountPath")], image.join("callback.txt").to_str().unwrap());
}

#[test]
fn sarif_tells_copies_apart_and_says_when_something_was_not_seen() {
    let ground = TestBox::new();
    for name in ["a", "b", "c"] {
        fs::write(ground.tree().join(name), fixtures::callback()).unwrap();
    }
    let case = ground.home().join("hunt.case");
    let case = case.to_str().unwrap();
    ground.scan(&["--case", case]);
    let sarif = |ground: &TestBox| -> Value {
        let output = ground.huntbook(&["report", case, "--format", "sarif"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = sarif(&ground);
    let prints = |document: &Value| -> BTreeSet<String> {
        let results = document["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    assert_eq!(prints(&first).len(), 3);
    assert_eq!(first["runs"][0]["invocations"][0]["executionSuccessful"], true);
    // A file that is too large for a rule that wants it whole is a gap.
    let rules = ground.home().join("whole.yar");
    fs::write(&rules, "import \"hash\" rule whole { condition: hash.md5(0, filesize) == \"x\" }").unwrap();
    fs::write(ground.tree().join("large"), vec![0x41; 3 << 20]).unwrap();
    ground.scan(&["--case", case, "--rules", rules.to_str().unwrap(), "--max-file-size", "1MiB"]);
    let second = sarif(&ground);
    assert_eq!(prints(&first), prints(&second), "a later scan finds the same");
    let run = &second["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let gap = notes.iter().find(|note| note["level"] == "error").unwrap();
    let described = &run["tool"]["driver"]["notifications"][gap["descriptor"]["index"].as_u64().unwrap() as usize];
    assert_eq!(described["id"], gap["descriptor"]["id"]);
}
