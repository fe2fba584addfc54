//! A file with more holes than are hashed: its data digest stands nowhere for a SHA-256.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use huntbook::internals::finding::{Digest, Sha256};
use huntbook::internals::triage::register::Register;
use huntbook::internals::triage::scope::ScopeKind;
use serde_json::{Value, json};

use crate::cli::TestBox;
use crate::fixtures;
use crate::hostile_names::{RULE, assert_safe, exclusion_of};
use crate::parsers::csv;
use crate::screen_harness::{Stage, TestTree};
use crate::tui::{SMALL, WIDE};

/// Makes such a file, which [`RULE`] matches. False where the file system cannot hold it.
fn make(path: &Path) -> bool {
    let file = File::create(path).unwrap();
    let text = fixtures::payload().join("\n");
    file.set_len(3 << 30).and_then(|()| file.write_all_at(text.as_bytes(), 2 << 30)).is_ok()
}

/// A tree with one such file.
struct Sparse {
    ground: TestBox,
    path: PathBuf,
}

impl Sparse {
    /// Nothing where the file system cannot hold such a file.
    fn new() -> Option<Self> {
        let ground = TestBox::new();
        let path = ground.tree().join("disk.img");
        make(&path).then_some(Self { ground, path })
    }

    /// What `huntbook ARGS` prints.
    fn print(&self, args: &[&str]) -> String {
        let output = self.ground.huntbook(args).output().unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(!out.is_empty(), "{args:?}: {err}");
        assert_safe(&out);
        out
    }

    fn scan(&self, format: &str, more: &[&str]) -> String {
        let tree = self.ground.tree();
        self.print(&[&["scan", tree.to_str().unwrap(), "--format", format], more].concat())
    }

    /// The finding as NDJSON, scanned with the register.
    fn finding(&self) -> Value {
        let register = self.ground.register();
        finding(&self.scan("ndjson", &["--exclusions", register.to_str().unwrap()]))
    }

    /// Records the only exclusion of a content with this digest.
    fn exclude(&self, digest: Digest, kind: ScopeKind) {
        let _ = std::fs::remove_file(self.ground.register());
        let made = exclusion_of(&self.path, digest, kind, "the installer's own disk");
        Register::load(self.ground.register()).unwrap().add(&made).unwrap();
    }
}

fn documents(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn finding(ndjson: &str) -> Value {
    let mut found = documents(ndjson).into_iter().filter(|document| document["huntbook"]["kind"] == "finding");
    let (first, second) = (found.next(), found.next());
    assert_eq!(second, None);
    first.unwrap()
}

/// The data digest of a finding that has no SHA-256.
fn data_digest(finding: &Value) -> Sha256 {
    assert_eq!(finding["file"]["hash"], json!(null), "{finding}");
    finding["huntbook"]["data_digest"].as_str().unwrap().parse().unwrap()
}

/// Checks what every format says of the finding.
fn check(print: &dyn Fn(&str) -> String, value: Sha256) {
    assert_eq!(data_digest(&finding(&print("ndjson"))), value);
    let lines = csv(&print("csv"));
    let cell = |name: &str| &lines[1][lines[0].iter().position(|head| head == name).unwrap()];
    assert_eq!((cell("RuleName").as_str(), cell("FileSHA256").as_str()), (RULE, ""));
    assert_eq!(*cell("FileDataDigest"), value.to_string());
    let sarif: Value = serde_json::from_str(&print("sarif")).unwrap();
    let artifact = &sarif["runs"][0]["artifacts"][0];
    assert_eq!(artifact["hashes"], json!(null));
    assert_eq!(artifact["properties"]["huntbook.dataDigest"], value.to_string());
    assert_eq!(artifact["length"], 3_u64 << 30);
    let fingerprint = sarif["runs"][0]["results"][0]["partialFingerprints"]["huntbookFinding/v2"].as_str().unwrap();
    assert!(fingerprint.len() == 64 && fingerprint != value.to_string(), "{fingerprint}");
}

#[test]
fn its_digest_is_nowhere_called_its_sha256() {
    let Some(sparse) = Sparse::new() else { return };
    let case = sparse.ground.home().join("hunt.case");
    let case = case.to_str().unwrap();
    let scanned = sparse.scan("ndjson", &["--case", case]);
    let value = data_digest(&finding(&scanned));
    let missed: Vec<_> =
        documents(&scanned).into_iter().map(|document| document["huntbook"]["reason"].clone()).collect();
    assert!(missed.contains(&json!("digest-of-data")), "{missed:?}");
    let said = format!("data:{value} ({})", Digest::NO_SHA256);
    check(&|format| sparse.scan(format, &[]), value);
    let text = sparse.scan("text", &[]);
    assert!(text.contains(&said) && !text.contains("sha256"), "{text}");

    check(&|format| sparse.print(&["report", case, "--format", format]), value);
    let markdown = sparse.print(&["report", case, "--format", "markdown"]);
    assert!(markdown.contains(&format!("- digest: data:{value} ({})", Digest::NO_SHA256)), "{markdown}");
    assert!(!markdown.contains("- SHA-256:"), "{markdown}");

    let path = sparse.path.to_str().unwrap();
    let document: Value = serde_json::from_str(&sparse.print(&["inspect", path, "--json"])).unwrap();
    assert_eq!((&document["file"]["hash"], &document["data_digest"]), (&json!(null), &json!(value)));
    let page = sparse.print(&["inspect", path]);
    assert!(page.contains(&said) && !page.contains("sha256"), "{page}");
}

#[test]
fn an_exclusion_of_its_digest_is_no_exclusion_of_a_sha256_and_the_other_way_round() {
    let Some(sparse) = Sparse::new() else { return };
    let value = data_digest(&sparse.finding());
    for kind in [ScopeKind::FileAsIs, ScopeKind::Content] {
        // What an older Huntbook recorded, or somebody who took it for the file's SHA-256.
        sparse.exclude(Digest::Whole(value), kind);
        let found = sparse.finding();
        assert_eq!(found["huntbook"]["verdict"], "open", "{found}");
        let why = found["huntbook"]["returned"].as_str().unwrap();
        assert!(why.contains("content cannot be compared"), "{why}");
        let register = sparse.ground.register();
        let with = |args: &[&str]| {
            sparse.print(&[&["exclusions"], args, &["--exclusions", register.to_str().unwrap()]].concat())
        };
        let checked = with(&["check", "--json"]);
        let is_said = checked.contains("one digest is of the whole file");
        assert!(!checked.contains("content-changed") && is_said == (kind == ScopeKind::FileAsIs), "{checked}");

        sparse.exclude(Digest::DataOnly(value), kind);
        let found = sparse.finding();
        assert_eq!(found["huntbook"]["verdict"], "benign", "{found}");
        let listed: Value = serde_json::from_str(&with(&["list", "--json"])).unwrap();
        assert_eq!((&listed[0]["sha256"], &listed[0]["data_digest"]), (&json!(null), &json!(value)));
        let checked = with(&["check", "--json"]);
        assert!(!checked.contains("content-changed") && !checked.contains("too large"), "{checked}");
        let loki = with(&["export", "--format", "loki", "-o", "-"]);
        assert!(!loki.contains(&value.to_string()) && loki.contains("it has no SHA-256"), "{loki}");
    }

    // Another content, of the same kind.
    File::options().write(true).open(&sparse.path).unwrap().write_all_at(b"x", 1 << 20).unwrap();
    sparse.exclude(Digest::DataOnly(value), ScopeKind::FileAsIs);
    let found = sparse.finding();
    assert_eq!(found["huntbook"]["returned"], "was excluded, content changed");
    assert_ne!(data_digest(&found), value);
}

#[test]
fn the_screens_mark_it_also_of_a_case_that_is_reopened() {
    let place = TestTree::new();
    if !make(&place.tree().join("disk.img")) {
        return;
    }
    let look = |stage: &mut Stage<'_>| {
        stage.wait("digest     data:");
        assert!(!stage.screen().contains("sha256"), "{}", stage.screen());
        stage.open_path("disk.img").press("4");
        stage.wait("not the file's SHA-256, which is not known");
        assert!(!stage.screen().contains("sha256"), "{}", stage.screen());
        stage.press("3");
        stage.wait("whether this file is one is not known");
        stage.resize(SMALL);
        stage.wait("for it has a data ");
        stage.wait("  digest and no SHA-256");
        stage.resize(WIDE);
    };
    let mut stage = Stage::open(&place, WIDE);
    look(&mut stage);
    stage.press("5 a").type_text("the installer's own disk").press("enter enter");
    stage.type_text("against").press("enter enter");
    stage.wait("excluded: in the register");
    stage.leave();
    let register = std::fs::read_to_string(place.register()).unwrap();
    assert!(register.contains("\ndata_digest = ") && !register.contains("\nsha256 = "), "{register}");
    let mut stage = Stage::reopen(&place, WIDE);
    look(&mut stage);
    assert!(stage.screen().contains("○ excluded"), "{}", stage.screen());
    stage.leave();
}
