//! What is handed over: the report for people, and hunts and findings for Microsoft Sentinel and timelines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use huntbook::internals::report::sentinel;
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

use crate::cli::TestBox;
use crate::exports::queries_of_hostile_names;
use crate::fixtures;
use crate::hostile_names::assert_safe;
use crate::parsers::csv;
use crate::reports::{Scanned, every_kind};
use crate::screen_harness::{Stage, TestTree};

/// The fields of ECS that documents may have outside of `huntbook`, with the kind of value and whether it is a list.
const ECS: &str = include_str!("../schemas/ecs.csv");

/// Values that `event.kind`, `event.category` and `event.type` may have.
const ALLOWED: [(&str, &[&str]); 3] =
    [("kind", &["alert", "state", "metric"]), ("category", &["file"]), ("type", &["info", "end"])];

fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, below)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if path != "huntbook" {
                leaves(&path, below, found);
            }
        }),
        other => found.push((path.to_owned(), other.clone())),
    }
}

#[test]
fn every_field_is_one_of_ecs_with_its_type() {
    let rows = ECS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').collect::<Vec<_>>());
    let known: BTreeMap<_, _> = rows.map(|row| (row[0].to_owned(), (row[1].to_owned(), row[2] == "list"))).collect();
    let (_, documents) = every_kind();
    let mut seen = BTreeSet::new();
    for document in &documents {
        let mut found = Vec::new();
        leaves("", document, &mut found);
        for (path, value) in found {
            let (kind, is_list) = known.get(&path).unwrap_or_else(|| panic!("{path} is no field of ECS"));
            assert_eq!(value.is_array(), *is_list, "{path}: {value}");
            let fits = |value: &Value| match kind.as_str() {
                "date" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
                "number" => value.is_u64(),
                _ => value.as_str().is_some_and(|text| !text.is_empty()),
            };
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value]);
            assert!(values.iter().all(fits), "{path}: {values:?} is no {kind}");
            seen.insert(path);
        }
        for (field, allowed) in ALLOWED {
            let value = &document["event"][field];
            let values: Vec<_> = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
            assert!(values.iter().all(|value| allowed.contains(&value.as_str().unwrap())), "event.{field}: {value}");
        }
    }
    for needed in [
        "tags",
        "rule.author",
        "event.id",
        "event.start",
        "event.end",
        "user.name",
        "threat.tactic.id",
        "host.os.kernel",
        "message",
    ] {
        assert!(seen.contains(needed), "{needed}");
    }
}

fn report(scanned: &Scanned, format: &str) -> String {
    let output =
        scanned.ground.huntbook(&["report", scanned.case.to_str().unwrap(), "--format", format]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_page_holds_everything_and_nothing_of_the_box_is_markup() {
    let (scanned, _) = every_kind();
    let page = report(&scanned, "html");
    assert_safe(&page);
    for part in ["summary", "decided", "open", "not-met", "excluded", "timeline", "coverage", "annex"] {
        assert_eq!(page.matches(&format!("<section id=\"{part}\"")).count(), 1, "{part}");
    }
    // Every tag is one of the template's: none came out of a name, a reason or a file.
    let tags: BTreeSet<_> = page
        .split('<')
        .skip(1)
        .map(|rest| {
            rest.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric() && c != '!').next().unwrap()
        })
        .collect();
    let known = "!DOCTYPE html head meta title style body header h1 nav a main section ul li b dl dt dd h2 h3 h4 span p code \
                 article details summary div table thead tbody tr th td pre mark svg text line circle";
    for tag in tags {
        assert!(known.split(' ').any(|one| one == tag), "<{tag}>");
    }
    assert!(!page.contains("url("), "nothing from elsewhere");
    for said in ["a copy", "nightly job", "ruled out, by ann", "Content unseen", "journal head", "Florian Roth"] {
        assert!(page.contains(said), "{said}");
    }
    let head = huntbook::internals::case::Case::open_read_only(&scanned.case).unwrap().head().unwrap();
    assert!(page.contains(&head.hash.to_string()));
    for (open, close) in
        [("<section", "</section>"), ("<details>", "</details>"), ("<article", "</article>"), ("<li", "</li>")]
    {
        assert_eq!(
            page.matches(open).count() - if open == "<li" { page.matches("<line").count() } else { 0 },
            page.matches(close).count(),
            "{open}"
        );
    }
}

#[test]
fn worst_comes_first_and_one_content_is_one_entry() {
    let ground = TestBox::new();
    for name in ["a", "b", "c"] {
        fs::write(ground.tree().join(name), fixtures::callback()).unwrap();
    }
    fs::write(ground.tree().join("z.py"), fixtures::payload().join("\n")).unwrap();
    let case = ground.home().join("hunt.case");
    ground.scan(&["--case", case.to_str().unwrap()]);
    let mut open = huntbook::internals::case::Case::open(&case).unwrap();
    let scan = open.scans().unwrap()[0].id;
    let rows = open.findings(scan, huntbook::internals::case::FindingId(0), 10).unwrap();
    let bad = rows.iter().find(|row| row.path.ends_with("z.py")).unwrap().id;
    let actor = huntbook::internals::triage::Actor { name: "root".into(), uid: 0, behind: None };
    let stamp = huntbook::internals::case::Stamp { actor, host: "web01".into(), at: jiff::Timestamp::now() };
    let decision = huntbook::internals::case::Decision::MarkedMalicious { reason: "it beacons".into() };
    open.decide(&[bad], &decision, &stamp).unwrap();
    drop(open);
    let output = ground.huntbook(&["report", case.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let entries: Vec<_> = text.lines().filter(|line| line.starts_with("### ") && line.contains(" in ")).collect();
    assert_eq!(entries.len(), 2, "{text}");
    assert!(entries[0].starts_with("### malicious: ") && entries[1].contains("and 2 more places"), "{entries:?}");
    assert!(text.contains("malicious: it beacons, by root"), "{text}");
    assert!(text.contains("- Asked: ") && text.contains("1 finding malicious or suspicious"), "{text}");
    assert!(text.contains("match `$s2` ") && text.contains("text: `class Payload:`"), "{text}");
    assert!(text.find("\n## Annex").unwrap() > text.find("\n## Coverage").unwrap());
}

#[test]
fn sentinel_gets_every_document_in_columns_that_its_table_has() {
    let (scanned, documents) = every_kind();
    let known: BTreeMap<_, _> = sentinel::COLUMNS.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    let text = report(&scanned, "sentinel");
    let rows: Vec<Value> = text.lines().flat_map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap()).collect();
    assert_eq!(rows.len(), documents.len());
    for row in &rows {
        for (column, value) in row.as_object().unwrap() {
            let fits = match known[column.as_str()] {
                "datetime" => value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
                "long" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                "string" => value.is_string(),
                _ => value.is_object() || value.is_array(),
            };
            assert!(fits, "{column}: {value}");
        }
        assert!(row["TimeGenerated"].is_string() && row["Host"].is_string() && row["Kind"].is_string());
    }
    let ids = |key: fn(&Value) -> &Value, of: &[Value]| -> BTreeSet<String> {
        of.iter().map(|one| key(one).to_string()).collect()
    };
    assert_eq!(ids(|row| &row["EventId"], &rows), ids(|document| &document["event"]["id"], &documents));
    let output = scanned.ground.huntbook(&["hunts", "export", "--format", "dcr"]).output().unwrap();
    let template: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(template["resources"].as_array().unwrap().len(), 2);
}

#[test]
fn a_timeline_has_one_row_a_time_that_parses() {
    let (scanned, _) = every_kind();
    let lines = csv(&report(&scanned, "timesketch"));
    assert_eq!(lines[0][..3], ["datetime", "timestamp_desc", "message"]);
    for line in &lines[1..] {
        assert_eq!(line.len(), lines[0].len());
        assert!(line[0].parse::<jiff::Timestamp>().is_ok() && !line[1].is_empty() && !line[2].is_empty(), "{line:?}");
    }
    let kinds: BTreeSet<_> = lines[1..].iter().map(|line| line[1].as_str()).collect();
    for kind in ["Content Modification Time", "Scan Started", "Scan Ended", "Decision"] {
        assert!(kinds.contains(kind), "{kind}");
    }
}

fn export(ground: &TestBox, args: &[&str]) -> (String, String, i32) {
    let output = ground.huntbook(&[&["hunts", "export"][..], args].concat()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn hunts_become_queries_with_their_facts_filters_and_tactics() {
    let ground = TestBox::new();
    let (callbacks, _, code) = export(&ground, &["--format", "kql", "EQGRP_callbacks"]);
    let [address, port] = fixtures::callback().split(':').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(code, 0);
    for said in [
        &*format!("dynamic(['{address}'])"),
        &*format!("dynamic([{port}])"),
        "RemoteIP in (addresses) and RemotePort in (ports)",
        "CommonSecurityLog",
        "Command and Control (TA0011)",
        "Florian Roth",
        "No log holds the bytes of files: the 1 pattern of the rule",
        "let exclude_cloud_backup = false;",
        "| where not(exclude_cloud_backup and (Process in~ (",
    ] {
        assert!(callbacks.contains(said), "{said}: {callbacks}");
    }
    assert!(!callbacks.contains("DeviceFileEvents"), "it knows no file");
    let (all, _, _) = export(&ground, &["--format", "sentinel-yaml"]);
    assert_eq!(all.split("---\n").count(), 5);
    for said in ["- LateralMovement", "- T1021.004", "- DeviceFileEvents", "query: |\n", "entityMappings:\n"] {
        assert!(all.contains(said), "{said}");
    }
    let file = ground.home().join("dcr.json");
    assert_eq!(
        export(&ground, &["--format", "dcr", "--output", file.to_str().unwrap()]),
        (String::new(), String::new(), 0)
    );
    assert!(fs::read_to_string(&file).unwrap().contains("HuntbookFindings_CL"));
    let (_, said, code) = export(&ground, &["--format", "kql", "EQGRP_tinyexe"]);
    assert_eq!((code, said.contains("did you mean")), (2, true), "{said}");
    let rules = ground.home().join("plain.yar");
    fs::write(&rules, "rule plain { strings: $a = \"x'y\" condition: $a }").unwrap();
    let (_, said, code) = export(&ground, &["--format", "kql", "--no-builtin", "--rules", rules.to_str().unwrap()]);
    assert_eq!((code, said.contains("no log can hold")), (2, true), "{said}");
}

/// Read by a YAML parser, the documents have the keys of a Sentinel hunting query, and the query is the one that KQL has.
#[test]
fn the_yaml_of_hunts_parses_and_holds_their_queries() {
    let ground = TestBox::new();
    let (yaml, _, _) = export(&ground, &["--format", "sentinel-yaml"]);
    let documents = Yaml::load_from_str(&yaml).unwrap();
    assert_eq!(documents.len(), 5);
    for document in &documents {
        let text = |key: &str| document[key].as_str().unwrap_or_else(|| panic!("{key}: {document:?}"));
        assert!(text("id").parse::<uuid::Uuid>().is_ok(), "{}", text("id"));
        let name = text("name").strip_prefix("Huntbook - ").unwrap();
        let (query, _, _) = export(&ground, &["--format", "kql", name]);
        assert_eq!(text("query").trim_end(), query.trim_end(), "{name}");
        for key in ["requiredDataConnectors", "tactics", "entityMappings"] {
            let list = document[key].as_sequence().unwrap_or_else(|| panic!("{name} has no list {key}"));
            assert!(!list.is_empty(), "{name}: {key}");
        }
        assert!(document["relevantTechniques"].as_sequence().is_some(), "{name}: an empty list where there is none");
        for mapping in document["entityMappings"].as_sequence().unwrap() {
            let column = mapping["fieldMappings"][0]["columnName"].as_str().unwrap();
            assert!(query.contains(column), "{name} maps {column}, which its query does not have");
        }
    }
}

#[test]
fn kusto_itself_parses_every_query() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kusto");
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_node || !folder.join("node_modules/@kusto/language-service-next").exists() {
        println!("skipped: node or target/kusto/node_modules/@kusto/language-service-next is not here, see .ci/run");
        return;
    }
    let ground = TestBox::new();
    let (_, _, _) = export(&ground, &["--format", "kql"]);
    let hunts = ground.home().join("hunts");
    fs::create_dir(&hunts).unwrap();
    let hostile =
        "rule hostile { meta: description = \"'\\\"\\\\ // */\\n| take 1\" strings: $a = \"192.0.2.1\" condition: $a }";
    fs::write(hunts.join("hostile.yar"), hostile).unwrap();
    fs::write(
        hunts.join("hostile.toml"),
        "rule = \"hostile\"\nhypothesis = \"a ' b \\\" c \\\\\"\n[threat]\nfile_names = [\"it's\\\\\", \"a\\\"b\"]\n[[scenario]]\nid = \
         \"s\"\ntitle = \"x ' y\"\nstory = \"s\"\nfilter = \"f\"\napplies_when = [[{ field = \"process.name\", in = [\"'); T\"] }]]\n",
    )
    .unwrap();
    let mut files = Vec::new();
    for name in
        ["EQGRP_callbacks", "EQGRP_ssh_telnet_29", "EQGRP_payload", "EQGRP_MixText", "EQGRP_tinyexec", "hostile"]
    {
        let (query, said, code) = export(&ground, &["--format", "kql", "--hunts", hunts.to_str().unwrap(), name]);
        assert_eq!((code, said.as_str()), (0, ""), "{name}");
        assert_safe(&query);
        let file = ground.home().join(format!("{name}.kql"));
        fs::write(&file, query).unwrap();
        files.push(file);
    }
    for (nth, query) in queries_of_hostile_names().into_iter().enumerate() {
        let file = ground.home().join(format!("exclusions-{nth}.kql"));
        fs::write(&file, query).unwrap();
        files.push(file);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kusto.cjs");
    let output = Command::new("node").arg(script).arg(&folder).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), files.len(), "{said}");
    assert!(lines.iter().all(|line| line.starts_with("parsed ")), "{said}");
}

#[test]
fn the_screen_writes_the_case_to_a_file_that_is_named() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, (160, 30));
    stage.wait("callback.txt");
    let folder = tempfile::tempdir().unwrap();
    let target = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, begins) in [
        ("r.html", "<!DOCTYPE html>"),
        ("r.md", "# Hunt on "),
        ("r.ndjson", "{"),
        ("r.sarif", "{"),
        ("r.csv", "Kind,"),
        ("r.json", "[{"),
        ("r.timesketch.csv", "datetime,"),
        ("r.stix.json", "{\"type\":\"bundle\""),
        ("r.txt", "open "),
    ] {
        stage.press("E ctrl-u").type_text(&target(name)).press("enter");
        stage.wait("written: ");
        stage.wait(name);
        let text = fs::read_to_string(target(name)).unwrap();
        assert!(text.starts_with(begins) && text.contains("callback.txt"), "{name}: {text}");
    }
    stage.press("E ctrl-u").type_text(&target("r.html")).press("enter");
    stage.wait("is there already");
    stage.press("E ctrl-u").type_text(&target("r.exe")).press("enter");
    stage.wait("end the name in one of");
    stage.press("esc");
    stage.leave();
}

#[test]
fn the_timeline_has_packages_and_logins_of_the_hour_and_a_table_in_markdown() {
    let ground = TestBox::new();
    let tree = ground.tree();
    fs::write(tree.join("z.py"), fixtures::payload().join("\n")).unwrap();
    fs::create_dir_all(tree.join("var/log")).unwrap();
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let log = format!("{} install netcat|<b>:amd64 <none> 1.10\n", now.strftime("%Y-%m-%d %H:%M:%S"));
    fs::write(tree.join("var/log/dpkg.log"), log).unwrap();
    let login = now.strftime("%b %e %H:%M:%S box sshd[1]: Accepted publickey for root from 203.0.113.9 port 5 ssh2\n");
    fs::write(tree.join("var/log/auth.log"), login.to_string()).unwrap();
    let case = ground.home().join("hunt.case");
    ground.scan(&["--case", case.to_str().unwrap(), "--root", tree.to_str().unwrap()]);
    let run = |format: &str| {
        let output = ground.huntbook(&["report", case.to_str().unwrap(), "--format", format]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (text, page) = (run("markdown"), run("html"));
    let rows: Vec<_> =
        text.lines().skip_while(|line| *line != "## Timeline").filter(|line| line.starts_with('|')).collect();
    for (kind, said) in [("files", "z.py"), ("packages", "netcat"), ("logins", "203.0.113.9"), ("scan", "scan 1 began")]
    {
        let found =
            rows.iter().find(|row| row.split(" | ").nth(1) == Some(kind)).unwrap_or_else(|| panic!("{kind}: {text}"));
        assert!(found.contains(said), "{found}");
        assert!(page.contains(&format!("<circle class=\"{kind}\"")), "{kind}");
    }
    assert!(!page.contains("<b>:amd64") && page.contains("<text x=\"0\""));
    let rows = csv(&run("timesketch"));
    for (kind, said) in [("LOG", "203.0.113.9"), ("LOG", "netcat"), ("FILE", "z.py")] {
        let of = rows.iter().filter(|row| row[4] == kind && row[2].contains(said)).count();
        assert!(of == 1 || kind == "FILE" && of > 1, "{kind} {said}: {rows:?}");
    }
}
