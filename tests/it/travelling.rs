//! Evidence that travels: what a scan asked the box is in the case, in every line that goes out, and counts elsewhere.

use std::fs;
use std::path::PathBuf;

use huntbook::internals::case::{Case, FindingId, Sighting};
use serde_json::Value;

use crate::cli::TestBox;
use crate::fixtures;
use crate::pty::Term;

/// An image with a found file that a cron table names, and its case.
struct Image {
    ground: TestBox,
    case: PathBuf,
}

impl Image {
    fn new() -> Self {
        let ground = TestBox::new();
        let put = |path: &str, content: &[u8]| {
            let file = ground.tree().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        };
        put("opt/job/payload.py", fixtures::payload().join("\n").as_bytes());
        put("etc/crontab", b"0 3 * * * root /opt/job/payload.py\n");
        put("etc/passwd", b"root:x:0:0::/:\n");
        put("etc/machine-id", b"0123456789abcdef0123456789abcdef\n");
        put("etc/os-release", b"NAME=\"Rocky Linux\"\nPRETTY_NAME=\"Rocky Linux 9.4\"\nID=rocky\n");
        put("etc/hostname", b"web07\n");
        put("var/lib/dpkg/info/other.list", b"/etc/other\n");
        let case = ground.home().join("hunt.case");
        Self { ground, case }
    }

    fn scan(&self, more: &[&str]) -> Vec<Value> {
        let root = self.ground.tree();
        let args = ["--root", root.to_str().unwrap(), "--case", self.case.to_str().unwrap()];
        self.ground.scan(&[&args, more].concat()).0
    }

    fn report(&self, format: &str) -> String {
        let output =
            self.ground.huntbook(&["report", self.case.to_str().unwrap(), "--format", format]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn finding(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["huntbook"]["kind"] == "finding").unwrap()
}

#[test]
fn every_line_carries_what_the_box_said_of_each_scenario() {
    let image = Image::new();
    let lines = image.scan(&[]);
    let scenarios = finding(&lines)["huntbook"]["scenarios"].as_array().unwrap();
    assert!(scenarios.len() >= 5);
    let states: Vec<_> = scenarios.iter().map(|scenario| scenario["box"].as_str().unwrap()).collect();
    assert!(
        states.iter().all(|state| ["supported", "contradicted", "unsupported", "unknown"].contains(state)),
        "{states:?}"
    );
    let checks: Vec<_> =
        scenarios.iter().flat_map(|scenario| scenario["checks"].as_array().into_iter().flatten()).collect();
    let cron = checks.iter().find(|check| check["check"].as_str().unwrap().contains("(schedule.cron)")).unwrap();
    assert_eq!(cron["result"], "met");
    assert!(cron["why"].to_string().contains("/etc/crontab:1"), "{cron}");
    let summary = &lines.last().unwrap()["huntbook"];
    assert_eq!((&summary["evidence_asked"], &summary["evidence_gathered"]), (&1.into(), &1.into()));
    assert_eq!(summary["result"], "done");
    let reported: Vec<Value> = image.report("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(finding(&reported), finding(&lines), "one truth, wherever it is written");
    let page = image.report("markdown");
    assert!(page.contains("- the box, schedule: /etc/crontab:1"), "{page}");
    assert!(page.contains("  - by the box: "), "{page}");
    let verified = image.ground.huntbook(&["case", "verify", image.case.to_str().unwrap()]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert!(!String::from_utf8(verified.stdout).unwrap().contains("vouches"));
}

#[test]
fn a_scan_that_asks_nothing_says_so_and_keeps_the_path() {
    let image = Image::new();
    let lines = image.scan(&["--no-evidence"]);
    let finding = finding(&lines);
    for scenario in finding["huntbook"]["scenarios"].as_array().into_iter().flatten() {
        assert_eq!(scenario["unknown"][0], "the scan did not ask the box (--no-evidence)");
    }
    assert!(lines.last().unwrap()["huntbook"].get("evidence_asked").is_none());
    assert!(image.report("markdown").contains("the scan did not ask the box"));
}

#[test]
fn the_case_says_which_box_it_is_of() {
    let image = Image::new();
    let lines = image.scan(&[]);
    let host = &lines[0]["host"];
    assert_eq!((&host["name"], &host["os"]["full"]), (&"web07".into(), &"Rocky Linux 9.4".into()));
    assert_eq!((&host["os"]["platform"], &host["os"]["type"]), (&"rocky".into(), &"linux".into()));
    let id = host["id"].as_str().unwrap();
    assert!(id.len() == 32 && !lines[0].to_string().contains("0123456789abcdef"), "{host}");
    assert_eq!(lines[0]["huntbook"]["host"]["timezone"], "UTC");
    assert!(host.get("boot").is_none() && host["os"].get("kernel").is_none(), "nothing of this machine: {host}");
}

#[test]
fn the_live_box_is_told_by_more_than_its_name() {
    let ground = TestBox::new();
    fs::write(ground.tree().join("callback"), fixtures::callback()).unwrap();
    let (lines, _) = ground.scan(&["--no-evidence"]);
    let host = &lines[0]["host"];
    assert!(host["os"]["kernel"].is_string() && host["boot"]["id"].is_string(), "{host}");
    assert!(host["uptime"].is_u64(), "{host}");
    assert!(host.get("ip").is_none_or(Value::is_array), "{host}");
    let more = &lines[0]["huntbook"]["host"];
    assert!(more["clock"]["offset"].is_string() && more["instance"].is_string(), "{more}");
}

#[test]
fn larger_files_are_kept_whole_on_request_and_looked_at_to_their_end_elsewhere() {
    let image = Image::new();
    let mut large = fixtures::payload().join("\n") + "\n";
    while large.len() < 200 << 10 {
        large += "# nothing of interest in this line\n";
    }
    large += "# THE VERY END\n";
    let file = image.ground.tree().join("opt/job/payload.py");
    fs::write(&file, &large).unwrap();
    let kept = |case: &std::path::Path| {
        let case = Case::open_read_only(case).unwrap();
        let scan = case.scans().unwrap().pop().unwrap();
        let row = case.findings(scan.id, FindingId(0), 1).unwrap().remove(0);
        let finding = case.load_finding(row.id, Sighting::Last).unwrap();
        let bytes: usize = finding.kept.excerpts.iter().map(|excerpt| excerpt.bytes.len()).sum();
        (bytes, scan.options["keep"].as_u64().unwrap())
    };
    image.scan(&[]);
    let (usual, asked) = kept(&image.case);
    assert!(usual < large.len() && asked == 64 << 10, "{usual}");
    let more = Image { case: image.ground.home().join("more.case"), ground: image.ground };
    more.scan(&["--keep", "1MiB"]);
    assert_eq!(kept(&more.case), (large.len(), 1 << 20));
    let verified = more.ground.huntbook(&["case", "verify", more.case.to_str().unwrap()]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let refused = more.ground.huntbook(&["scan", "/", "--keep", "1GiB"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("at most"), "{refused:?}");
    // The box is gone; what is shown is what was kept, never this machine's file of that path.
    fs::write(&file, "this machine's own").unwrap();
    let mut term = Term::huntbook(&more.ground, &[more.case.to_str().unwrap()]);
    term.wait("payload.py");
    term.send("\r");
    term.wait("1 Bytes");
    term.send("G");
    term.wait("THE VERY END");
    term.send("q");
    term.left();
}
