//! Made-up boxes with an analyst's judgement beside each. No intrusion may have a scenario that is supported with nothing
//! against it; every benign file must have its true explanation. And for each thing that speaks against an explanation a
//! pair of boxes that differ in that alone.

use super::planted::{Case, Planted, at};
use crate::evidence::testing::git_index;
use crate::triage::assess::ScenarioState;
use crate::triage::assess::ScenarioState::{Contradicted, Supported};

const SSH: &str = "EQGRP_ssh_telnet_29";
const PAYLOAD: &str = "EQGRP_payload";
const MIX_TEXT: &str = "EQGRP_MixText";
const CALLBACKS: &str = "EQGRP_callbacks";
const TINYEXEC: &str = "EQGRP_tinyexec";

/// What a script says and does, so that it can be run.
const SCRIPT: &str = "echo ready\nread line\n";

/// An old entry of the system's table that names this file.
fn old_entry(path: &str) -> Planted {
    at(path).with("etc/cron.d/job", &format!("0 3 * * * root {path}\n")).old("etc/cron.d/job", 90)
}

/// The unit of the pairs.
const UNIT: &str = "etc/systemd/system/r.service";

/// A file of a git checkout at `top`.
fn tracked(top: &str, below: &str) -> Planted {
    let index = git_index(below, SCRIPT.as_bytes());
    at(&format!("{top}/{below}"))
        .raw(&format!("{top}/.git/index"), index)
        .with(&format!("{top}/.git/HEAD"), "ref: refs/heads/main\n")
}

fn supported(case: &Case, rule: &str) -> Vec<String> {
    let all = case.assess(rule).into_iter();
    all.filter(|scenario| scenario.state == Supported).map(|scenario| scenario.id).collect()
}

#[test]
fn no_intrusion_has_a_scenario_that_nothing_speaks_against() {
    let boxes: Vec<(&str, &str, Planted)> = vec![
        (
            "an entry of the same second",
            PAYLOAD,
            at("/opt/x/payload.py").with("etc/crontab", "@daily root /opt/x/payload.py\n"),
        ),
        (
            "a unit of the same second",
            PAYLOAD,
            at("/opt/x/payload.py")
                .with("etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x/payload.py\n")
                .with("etc/systemd/system/multi-user.target.wants/x.service", ""),
        ),
        (
            "an entry that is younger than the file",
            PAYLOAD,
            old_entry("/opt/x/payload.py").old("/opt/x/payload.py", 200),
        ),
        ("a shell that calls itself snort", TINYEXEC, at("/srv/tinyexec").run_as("tmp/snort")),
        ("a file of root in /opt", PAYLOAD, at("/opt/x/payload.py").user("root").group("root")),
        ("a call to port 23 of this box", SSH, at("/srv/telnet.py").calls(23)),
        (
            "an every-minute table that started nothing",
            MIX_TEXT,
            at("/srv/MixText.py").with("etc/crontab", "* * * * * root /srv/MixText.py\n").run(),
        ),
        (
            "a folder named like Jenkins's, and no repository",
            PAYLOAD,
            at("/var/lib/jenkins/payload.py").with("home/ciuser/x", ""),
        ),
        ("a parent that calls itself systemd", TINYEXEC, at("/srv/tinyexec").under("systemd")),
        ("a process of root", SSH, at("/srv/ssh.py").user("root").run()),
        ("a second account with root's number", PAYLOAD, old_entry("/opt/x/payload.py").user("root").twin("toor")),
        ("set-user-id", PAYLOAD, old_entry("/opt/x/payload.py").mode("/opt/x/payload.py", 0o4755)),
        (
            "a package's file with other content",
            MIX_TEXT,
            at("/usr/share/mix/MixText.py")
                .with("var/lib/dpkg/info/mix.list", "/usr/share/mix/MixText.py\n")
                .with("var/lib/dpkg/info/mix.md5sums", "0123456789abcdef0123456789abcdef  usr/share/mix/MixText.py\n")
                .with("var/lib/dpkg/status", "Package: mix\nStatus: install ok installed\nVersion: 1\n"),
        ),
        (
            "a stray in a package's folder",
            CALLBACKS,
            old_entry("/usr/lib/tool/evil")
                .with("usr/lib/tool/good", "x")
                .package("tool", &["usr/lib/tool", "usr/lib/tool/good"]),
        ),
        (
            "an Ansible module that no package ships",
            MIX_TEXT,
            at("/usr/share/ansible/MixText.py")
                .with("usr/share/ansible/x", "")
                .package("ansible", &["usr/share/ansible", "usr/share/ansible/x"]),
        ),
        ("a file of root under /root/scripts", MIX_TEXT, at("/root/scripts/MixText.py").user("root").group("root")),
        ("a file of root under /tmp/.cache", MIX_TEXT, at("/tmp/.cache/MixText.py").user("root").group("root")),
        ("a folder that everyone can write to", PAYLOAD, old_entry("/opt/x/payload.py").mode("/opt/x", 0o777)),
        (
            "an entry that its group can write to",
            PAYLOAD,
            old_entry("/opt/x/payload.py").mode("etc/cron.d/job", 0o664).group("users"),
        ),
        (
            "a library that every program loads",
            CALLBACKS,
            old_entry("/opt/x/evil.so").with("etc/ld.so.preload", "/opt/x/evil.so\n"),
        ),
        ("a process with LD_PRELOAD", CALLBACKS, old_entry("/srv/poll").preloaded("/dev/null")),
        ("a process whose program is gone", CALLBACKS, old_entry("/srv/poll").run_deleted("opt/x/sh")),
        (
            "a tracked file that was changed",
            PAYLOAD,
            tracked("/home/ann/src/app", "payload.py").content("echo ready\nread line # new\n"),
        ),
        ("the layer that a container writes to", PAYLOAD, at("/var/lib/docker/overlay2/aa/merged/opt/payload.py")),
        (
            "an entry that never runs: its name",
            PAYLOAD,
            at("/opt/x/payload.py")
                .with("etc/cron.d/job.dpkg-old", "@daily root /opt/x/payload.py\n")
                .old("etc/cron.d/job.dpkg-old", 90),
        ),
    ];
    assert!(boxes.len() >= 18);
    for (what, rule, planted) in boxes {
        let case = planted.plant();
        for rule in [rule, SSH, PAYLOAD, MIX_TEXT, CALLBACKS, TINYEXEC] {
            assert_eq!(supported(&case, rule), Vec::<String>::new(), "{what}: {rule}: {:#?}", case.assess(rule));
        }
    }
}

#[test]
fn every_benign_file_has_its_explanation() {
    let boxes: Vec<(&str, &str, &str, Planted)> = vec![
        ("an old entry", PAYLOAD, "maintenance-script", old_entry("/opt/r/payload.py")),
        (
            "an old unit and its timer",
            PAYLOAD,
            "maintenance-script",
            at("/opt/r/payload.py")
                .with("etc/systemd/system/r.service", "[Service]\nExecStart=/opt/r/payload.py\n")
                .with("etc/systemd/system/r.timer", "[Timer]\nOnCalendar=daily\n")
                .old("etc/systemd/system/r.service", 300),
        ),
        (
            "an entry that its package ships, as young as all of it",
            PAYLOAD,
            "maintenance-script",
            at("/opt/r/payload.py")
                .with("etc/cron.d/r", "@daily root /opt/r/payload.py\n")
                .package("r", &["etc/cron.d/r"]),
        ),
        (
            "a package's file",
            MIX_TEXT,
            "packaged-file",
            at("/usr/share/mix/MixText.py").package("mix", &["usr/share/mix/MixText.py"]),
        ),
        (
            "the same by the hunt's own scenario",
            MIX_TEXT,
            "update-or-patch",
            at("/usr/share/mix/MixText.py").package("mix", &["usr/share/mix/MixText.py"]),
        ),
        ("a developer's checkout", PAYLOAD, "tracked-checkout", tracked("/home/ann/src/app", "lib/payload.py")),
        ("a pipeline's workspace", PAYLOAD, "ci-build-script", tracked("/var/lib/jenkins/workspace/app", "payload.py")),
        (
            "the rule itself",
            CALLBACKS,
            "rules-or-indicators",
            at("/home/ann/rules/eqgrp.yar").content("rule x { strings: $a = \"30.40.50.60:9342\" condition: $a }\n"),
        ),
        (
            "a list of indicators in a folder of everyone",
            CALLBACKS,
            "rules-or-indicators",
            at("/tmp/ioc.txt").content("# EQGRP\n30.40.50.60:9342;callback\n30.40.50.61;other\n").mode("/tmp", 0o1777),
        ),
        (
            "a mirror's copy",
            MIX_TEXT,
            "backup-copy",
            at("/var/backups/box/opt/r/MixText.py").with("opt/r/MixText.py", SCRIPT),
        ),
        (
            "a layer of an image",
            PAYLOAD,
            "container-layer",
            at("/var/lib/docker/overlay2/aa/diff/opt/payload.py")
                .with("var/lib/docker/image/overlay2/layerdb/sha256/1/cache-id", "aa"),
        ),
        (
            "Ansible on the managed node",
            PAYLOAD,
            "ansible-managed-node",
            at("/root/.ansible/tmp/ansible-tmp-1.2-3/payload.py").run_by("usr/sbin/sshd"),
        ),
        (
            "a job that cron runs now",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/srv/poll").run_by("usr/sbin/cron"),
        ),
    ];
    assert!(boxes.len() >= 12);
    for (what, rule, id, planted) in boxes {
        let case = planted.plant();
        let found = case.assess(rule).into_iter().find(|scenario| scenario.id == id).unwrap();
        assert_eq!(found.state, Supported, "{what}: {found:#?}");
    }
}

/// Each thing that speaks against an explanation, and two boxes that differ in that alone.
fn pairs() -> Vec<(&'static str, &'static str, &'static str, Planted, Planted)> {
    let job = || old_entry("/opt/r/payload.py");
    let maintenance = "maintenance-script";
    let unit = || {
        at("/opt/r/payload.py")
            .with(UNIT, "[Service]\nExecStart=/opt/r/payload.py\n")
            .with("etc/systemd/system/multi-user.target.wants/r.service", "")
            .old(UNIT, 300)
    };
    vec![
        (
            "referrer-as-young",
            PAYLOAD,
            maintenance,
            job(),
            at("/opt/r/payload.py").with("etc/cron.d/job", "0 3 * * * root /opt/r/payload.py\n"),
        ),
        ("referrer-writable", PAYLOAD, maintenance, unit().mode(UNIT, 0o644), unit().mode(UNIT, 0o666)),
        ("folder-writable", PAYLOAD, maintenance, job(), job().mode("/opt/r", 0o777)),
        (
            "stray-in-package-folder",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/usr/lib/tool/poll").with("usr/lib/tool/good", "x").package("tool", &["usr/lib/tool/good"]),
            old_entry("/usr/lib/tool/poll")
                .with("usr/lib/tool/good", "x")
                .package("tool", &["usr/lib/tool", "usr/lib/tool/good"]),
        ),
        (
            "setuid",
            PAYLOAD,
            maintenance,
            job().mode("/opt/r/payload.py", 0o755),
            job().mode("/opt/r/payload.py", 0o4755),
        ),
        ("root-twin", PAYLOAD, maintenance, job().user("root"), job().user("root").twin("toor")),
        ("library-preload", PAYLOAD, maintenance, job(), job().with("etc/ld.so.preload", "/opt/r/payload.py\n")),
        (
            "ld-preload",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/srv/poll").run(),
            old_entry("/srv/poll").preloaded("/dev/null"),
        ),
        (
            "executable-deleted",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/srv/poll").run_as("opt/x/sh"),
            old_entry("/srv/poll").run_deleted("opt/x/sh"),
        ),
        (
            "contradicted-when",
            PAYLOAD,
            "ci-build-script",
            tracked("/var/lib/jenkins/app", "payload.py"),
            tracked("/var/lib/jenkins/app", "payload.py").content("echo ready\nread other\n"),
        ),
        (
            "name-only-claimed",
            CALLBACKS,
            "remote-management",
            at("/opt/m/mdatp").run_itself().package("mdatp", &["opt/m/mdatp"]),
            at("/opt/m/mdatp").run_itself(),
        ),
    ]
}

#[test]
fn each_contradiction_makes_the_difference_by_itself() {
    for (kind, rule, id, without, with) in pairs() {
        if kind == "root-twin" && !rustix::process::getuid().is_root() {
            eprintln!("skipped: {kind} needs a file of root");
            continue;
        }
        let state = |planted: Planted| {
            let scenario = planted.plant().scenario(rule, id);
            let kinds: Vec<&str> = scenario.against.iter().map(|against| &*against.kind).collect();
            (scenario.state, kinds.join(" "), scenario)
        };
        let (good, nothing, seen) = state(without);
        assert!(good == ScenarioState::Supported && nothing.is_empty(), "{kind}: {seen:#?}");
        let (bad, kinds, seen) = state(with);
        assert!(bad == Contradicted && kinds.contains(kind), "{kind}: {kinds}: {seen:#?}");
    }
}
