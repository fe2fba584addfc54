mod boxes;
mod planted;
mod scenarios;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use md5::{Digest as _, Md5};

use super::*;
use crate::evidence::testing::put;
use crate::evidence::{BoxQueries, Gatherer, Observed, Process, Referrer};
use crate::finding::{Digest, FileFacts};
use crate::hunt::known_good::KnownGood;
use crate::hunt::{CheckOperator, Field, NamedValues, Operand, Site};
use crate::text;
use planted::{at, hunt};

const SSH: &str = "EQGRP_ssh_telnet_29";
const PAYLOAD: &str = "EQGRP_payload";
const MIX_TEXT: &str = "EQGRP_MixText";

fn check<'a>(scenario: &'a ScenarioAssessment, starts: &str) -> &'a CheckAssessment {
    let mut checks = scenario.lines.iter().flat_map(|line| &line.checks);
    // A check on presence is said in words, with its field behind them.
    let field = format!("({starts})");
    checks
        .find(|check| check.check.starts_with(starts) || check.check.ends_with(&field))
        .unwrap_or_else(|| panic!("no {starts} in {scenario:#?}"))
}

#[test]
fn an_empty_set_is_unknown_and_names_itself() {
    let case = at("/srv/telnet.py").run().plant();
    let weighed = case.assess_with(SSH, "monitoring_tools = []", &KnownGood::default());
    let seen = check(&weighed[1], "process.name");
    assert_eq!(seen.unknown.as_deref(), Some("no monitoring tools are named in site.toml"));
    assert_eq!((seen.truth, seen.empty_set.as_deref()), (Truth::Unknown, Some("monitoring_tools")));
    assert_eq!(weighed[1].truth, Truth::Unknown);
    assert!(suggestion(&weighed[1]).starts_with("can't be told: no monitoring tools are named in site.toml"));
    let hashes = &case.assess_with(MIX_TEXT, "", &KnownGood::default())[0];
    assert!(check(hashes, "file.hash").unknown.as_ref().unwrap().contains("--known-good"));
}

#[test]
fn a_check_says_what_its_set_holds() {
    let case = at("/srv/telnet.py").run().plant();
    let set = |site: &str| check(&case.assess_with(SSH, site, &KnownGood::default())[0], "process.user").set.clone();
    assert_eq!(set("admin_accounts = ['ann', \"b\\u001B\"]").as_deref(), Some("$admin_accounts: ann, b\\x1b"));
    let many: Vec<String> = (0..12).map(|n| format!("'a{n}'")).collect();
    let many = set(&format!("admin_accounts = [{}]", many.join(", "))).unwrap();
    assert!(many.starts_with("$admin_accounts: a0, a1,") && many.ends_with("a7 and 4 more"), "{many}");
    assert_eq!(set("admin_accounts = []"), None);
    let hashes = case.assess_with(MIX_TEXT, "", &KnownGood::default());
    assert_eq!(check(&hashes[0], "file.hash").set, None);
}

#[test]
fn on_an_image_what_runs_is_unknown_and_all_else_is_told() {
    let case = at("/opt/r/payload.py").with("etc/crontab", "@daily root /opt/r/payload.py\n").old("etc/crontab", 30);
    let case = case.image().plant();
    let weighed = case.assess(PAYLOAD);
    assert_eq!(
        case.scenario("EQGRP_tinyexec", "maintenance-task").state,
        ScenarioState::Supported,
        "schedules are told"
    );
    assert_eq!(weighed[0].truth, Truth::Met);
    assert_eq!(suggestion(&weighed[0]), "the box shows this; weigh who could have made it so");
    let weighed = case.assess(SSH);
    assert_eq!(weighed[2].unknown(), ["an image has no processes"]);
    assert_eq!(suggestion(&weighed[2]), "can't be told: an image has no processes");
    assert_eq!(suggestion(&case.assess(MIX_TEXT)[4]), "nothing on the box supports this");
}

#[test]
fn members_of_a_named_group_count() {
    let entry = |user| at("/srv/ssh.py").with("etc/crontab", "@daily root /srv/ssh.py\n").user(user).run().plant();
    let job = entry("carol").scenario(SSH, "ssh-maintenance-job");
    assert_eq!(job.truth, Truth::Met, "{job:#?}");
    assert_eq!(check(&job, "process.user").seen, "carol");
    assert_ne!(entry("dave").scenario(SSH, "ssh-maintenance-job").truth, Truth::Met);
}

#[test]
fn what_speaks_for_a_file_says_who_could_have_made_it_so() {
    let case = at("/opt/r/payload.py").with("etc/cron.d/own", "* * * * * root /opt/r/payload.py\n");
    let case = case.with("lib/systemd/system/n.service", "[Service]\nExecStart=/opt/r/payload.py\n");
    let case = case.with("lib/systemd/system/n.timer", "[Timer]\nOnCalendar=daily\n").plant();
    std::fs::set_permissions(case.file.parent().unwrap(), PermissionsExt::from_mode(0o777)).unwrap();
    let root = case.file.ancestors().nth(3).unwrap();
    std::fs::set_permissions(root.join("etc/cron.d/own"), PermissionsExt::from_mode(0o600)).unwrap();
    let case = case.again();
    let job = case.scenario(PAYLOAD, "maintenance-script");
    let cron = check(&job, "schedule.cron");
    assert_eq!(cron.seen, "/opt/r/payload.py");
    assert!(
        cron.provenance[0].contains("/etc/cron.d/own:1, * * * * *, as root; owner somebody, mode 0600"),
        "{cron:#?}"
    );
    assert!(cron.provenance[0].ends_with("shipped by no package"), "{cron:#?}");
    assert_eq!(
        cron.warning.as_deref(),
        Some("who could have made it so: somebody and root can write to /etc/cron.d/own")
    );
    let unit = check(&job, "schedule.systemd");
    assert!(unit.warning.as_ref().unwrap().contains("/lib/systemd/system/n.service"), "{unit:#?}");
    let path = check(&job, "file.path").warning.clone().unwrap();
    assert!(path.contains("everyone can write to /opt/r"), "{path}");
    let record = job.seen_checks();
    let checks = record.iter().filter(|check| !check.check.starts_with("speaks against it"));
    assert_eq!(checks.count(), 3, "each check once: {record:#?}");
    assert!(record.iter().any(|check| check.check == "speaks against it: folder-writable"), "{record:#?}");
    assert_eq!(record[0].result, CheckResult::Met);
    assert!(record[0].seen.contains("mode 0600"));
}

#[test]
fn a_schedule_that_names_only_the_folder_leaves_it_unknown() {
    let case = at("/opt/r/payload.py").with("etc/crontab", "0 3 * * * root tar c /opt/r\n").plant();
    let job = case.scenario(PAYLOAD, "maintenance-script");
    let cron = check(&job, "schedule.cron");
    assert_eq!((job.truth, cron.truth), (Truth::Unknown, Truth::Unknown));
    assert!(cron.unknown.as_ref().unwrap().contains("names only the folder /opt/r"), "{cron:#?}");
    assert_eq!(check(&job, "schedule.systemd").seen, "no systemd unit names the file");
}

#[test]
fn a_start_is_held_against_the_schedule() {
    let job = |when: &str| {
        let table = format!("{when} root /srv/MixText.py\n");
        let planted = at("/srv/MixText.py").user("root").with("etc/crontab", &table).old("etc/crontab", 30);
        planted.run_by("usr/sbin/cron").plant().scenario(MIX_TEXT, "log-processing-job")
    };
    let always = job("* * * * *");
    assert_eq!((always.truth, always.strength), (Truth::Met, Some(Strength::Weak)), "{always:#?}");
    // The same table explains no process that something else started.
    let other =
        at("/srv/MixText.py").user("root").with("etc/crontab", "* * * * * root /srv/MixText.py\n").run().plant();
    assert_eq!(other.scenario(MIX_TEXT, "log-processing-job").truth, Truth::NotMet);
    // The process that may not be looked into may have been started at the right time; nothing starts on 31 February.
    assert_eq!(job("0 0 31 2 *").truth, Truth::NotMet);
    let start = job("@reboot");
    assert_eq!(start.truth, Truth::Unknown);
    assert!(start.unknown()[0].contains("/etc/crontab:1: it runs @reboot"), "{start:#?}");
}

#[test]
fn packages_and_known_good_hashes_are_held_against_the_content() {
    let shipped = |content: &str| {
        let sums = format!("{}  srv/MixText.py\n", text::hex(&Md5::digest(content.as_bytes())));
        let case = at("/srv/MixText.py").with("var/lib/dpkg/info/mix.list", "/srv/MixText.py\n");
        case.with("var/lib/dpkg/info/mix.md5sums", &sums).plant()
    };
    let same = shipped("echo ready\nread line\n");
    let unchanged = same.scenario(MIX_TEXT, "update-or-patch");
    assert_eq!((unchanged.truth, check(&unchanged, "file.package.state").truth), (Truth::Met, Truth::Met));
    let changed = shipped("something else").scenario(MIX_TEXT, "update-or-patch");
    let state = check(&changed, "file.package.state");
    assert_eq!((state.truth, state.seen.as_str()), (Truth::NotMet, "changed"));
    assert!(state.provenance[0].contains("CHANGED"), "{state:#?}");

    let dir = tempfile::tempdir().unwrap();
    let list = format!("{}  MixText.py\n", same.evidence.facts.digest);
    put(dir.path(), "list", list.as_bytes());
    let known = KnownGood::load(&[dir.path().join("list")]).unwrap();
    let update = &same.assess_with(MIX_TEXT, "", &known)[0];
    assert_eq!(check(update, "file.hash").truth, Truth::Met);

    let mut sparse = same;
    sparse.evidence.facts.digest = Digest::DataOnly(sparse.evidence.facts.digest.sha256().unwrap());
    let update = &sparse.assess_with(MIX_TEXT, "", &known)[0];
    assert_eq!(check(update, "file.hash").truth, Truth::Unknown, "a list of SHA-256s says nothing of a data digest");
    let state = &sparse.again().scenario(MIX_TEXT, "update-or-patch");
    assert_eq!(check(state, "file.package.state").truth, Truth::Unknown, "nor is it a mismatch with a package");
}

#[test]
fn hostile_names_reach_no_screen_raw() {
    let evil = "/opt/r\u{1b}[2J/payload\u{202e}.py";
    let table = format!("@daily root '{evil}' \u{1b}]0;x\u{7}\n");
    let case = at(evil).with("etc/crontab", &table).run().plant();
    for rule in [SSH, PAYLOAD, MIX_TEXT, "EQGRP_callbacks", "EQGRP_tinyexec"] {
        let weighed = case.assess(rule);
        let shown = format!(
            "{}{}",
            serde_json::to_string(&weighed).unwrap(),
            weighed.iter().map(suggestion).collect::<String>()
        );
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']) && !shown.contains("\\u001b"), "{shown}");
        // JSON escapes the backslash of our own escapes.
        assert!(rule != PAYLOAD || shown.contains("\\\\x1b"), "{shown}");
    }
}

#[test]
fn what_a_hunt_says_against_a_scenario_is_held_against_it() {
    let case = at("/opt/r/payload.py").with("etc/crontab", "@daily root /opt/r/payload.py\n");
    let case = case.old("etc/crontab", 30).plant();
    let mut hunt = hunt(PAYLOAD);
    let (site, known_good) = (Site::default(), KnownGood::default());
    let context = AssessmentContext { site: &site, known_good: &known_good, queries: &case.gatherer };
    let against = Check {
        field: Field::FileName,
        operator: CheckOperator::Glob,
        operand: Operand::Values(NamedValues::fitting(Field::FileName.kind(), CheckOperator::Glob, &["pay*"])),
        strength: None,
    };
    std::sync::Arc::make_mut(&mut hunt.scenarios)[0].contradicted_when = vec![vec![against]];
    let weighed = &assess(&hunt, &case.evidence, &context)[0];
    assert_eq!((weighed.state, weighed.truth), (ScenarioState::Contradicted, Truth::Met));
    assert_eq!(weighed.against[0].message, "file.name matches pay* (payload.py)");
    assert!(suggestion(weighed).contains("but it is contradicted: file.name matches"), "{}", suggestion(weighed));
    let json = serde_json::to_value(weighed).unwrap();
    assert_eq!((&json["state"], &json["strength"]), (&"contradicted".into(), &"strong".into()));
    assert!(weighed.seen_checks().iter().any(|check| check.check.starts_with("speaks against it")));
}

#[test]
fn weak_signs_alone_leave_a_scenario_unknown() {
    let case = at("/opt/r/payload.py").user("root").plant();
    let report = case.scenario(PAYLOAD, "compliance-reporting");
    assert_eq!((report.truth, report.strength), (Truth::Met, Some(Strength::Weak)));
    assert_eq!(report.state, ScenarioState::Unknown);
    assert!(suggestion(&report).contains("only weak signs"));
}

#[test]
fn a_scenario_without_checks_cannot_be_told() {
    let case = at("/srv/x").plant();
    let mut hunt = hunt(PAYLOAD);
    std::sync::Arc::make_mut(&mut hunt.scenarios)[0].applies_when.clear();
    let (site, known_good) = (Site::default(), KnownGood::default());
    let context = AssessmentContext { site: &site, known_good: &known_good, queries: &case.gatherer };
    let weighed = assess(&hunt, &case.evidence, &context);
    assert_eq!(weighed[0].truth, Truth::Unknown);
    assert!(suggestion(&weighed[0]).contains("no check expresses this"));
}

/// A box that counts how often it is asked.
struct Counted<'g> {
    gatherer: &'g Gatherer,
    asked: AtomicUsize,
}

impl BoxQueries for Counted<'_> {
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.gatherer.host_paths(paths, facts)
    }

    fn members(&self, group: &str) -> Observed<Vec<String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.gatherer.members(group)
    }
}

#[test]
fn weighing_many_processes_asks_the_box_no_oftener_and_can_be_done_on_any_thread() {
    let mut case = at("/srv/telnet.py").run().plant();
    let some = case.evidence.processes.found().unwrap()[0].clone();
    let (hunt, site, known_good) = (hunt(SSH), Site::default(), KnownGood::default());
    let mut asked = Vec::new();
    for many in [0, 4000] {
        // As for somebody without root on a busy box.
        let unread =
            (10_000..10_000 + many).map(|pid| Process { pid, command_line: format!("job {pid}"), ..some.clone() });
        case.evidence.unread = Observed::Found(unread.collect());
        let queries = Counted { gatherer: &case.gatherer, asked: AtomicUsize::new(0) };
        let context = AssessmentContext { site: &site, known_good: &known_good, queries: &queries };
        let evaluate = || assess(&hunt, &case.evidence, &context);
        let weighed = std::thread::scope(|scope| scope.spawn(evaluate).join().unwrap());
        assert_eq!(weighed.len(), 5 + crate::hunt::standard::scenarios().len());
        asked.push(queries.asked.into_inner());
    }
    assert_eq!(asked[0], asked[1]);
}
