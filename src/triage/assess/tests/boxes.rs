//! Made-up boxes with an analyst's judgement beside each. No intrusion may have a scenario that is supported with nothing
//! against it; every benign file must have its true explanation. And for each thing that speaks against an explanation a
//! pair of boxes that differ in that alone.

use super::planted::{Case, Planted, at};
use crate::evidence::testing::git_index;
use crate::evidence::{Baseline, Evidence, Observed, Xattr};
use crate::finding::Sha256;
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

/// pip's record of a file with this content.
fn record(path: &str, content: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let Sha256(sum) = Sha256::of(content.as_bytes());
    let mut text = String::new();
    for three in sum.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digits = (0..=three.len()).map(|digit| char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        text.extend(digits);
    }
    format!("{path},sha256={text},{}\n", content.len())
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
        (
            "a job of at",
            PAYLOAD,
            at("/opt/x/payload.py").with("var/spool/cron/atjobs/a0000b01c5ab80", "#!/bin/sh\n/opt/x/payload.py\n"),
        ),
        (
            "a user's own unit",
            PAYLOAD,
            at("/opt/x/payload.py")
                .with("home/ann/.config/systemd/user/x.service", "[Service]\nExecStart=/opt/x/payload.py\n")
                .with("home/ann/.config/systemd/user/default.target.wants/x.service", ""),
        ),
        (
            "a line of PAM",
            PAYLOAD,
            at("/etc/x/payload.py").with("etc/pam.d/sshd", "auth optional pam_exec.so quiet /etc/x/payload.py\n"),
        ),
        (
            "a rule of udev",
            PAYLOAD,
            at("/opt/x/payload.py")
                .with("etc/udev/rules.d/99-x.rules", "ACTION==\"add\", RUN+=\"/opt/x/payload.py\"\n"),
        ),
        (
            "a hook of git, which git does not track",
            PAYLOAD,
            at("/var/lib/jenkins/app/.git/hooks/payload.py")
                .raw("var/lib/jenkins/app/.git/index", git_index("lib/x", b"x"))
                .with("var/lib/jenkins/app/.git/HEAD", "ref: refs/heads/main\n"),
        ),
        ("a checkout that anybody made", PAYLOAD, tracked("/tmp/.x/kit", "payload.py").with("home/ciuser/x", "")),
        (
            "a web shell and its table",
            MIX_TEXT,
            at("/var/www/html/uploads/MixText.py")
                .user("www-data")
                .with("etc/cron.d/php", "* * * * * www-data /var/www/html/uploads/MixText.py\n"),
        ),
        (
            "an updater in a product's folder, with a unit of the same second",
            PAYLOAD,
            at("/opt/vendor/bin/payload.py")
                .with("opt/vendor/bin/agent", "x")
                .with("etc/systemd/system/vendor-update.service", "[Service]\nExecStart=/opt/vendor/bin/payload.py\n")
                .with("etc/systemd/system/vendor-update.timer", "[Timer]\nOnCalendar=hourly\n")
                .package("vendor", &["opt/vendor", "opt/vendor/bin", "opt/vendor/bin/agent"]),
        ),
        (
            "a module of pip that is not as pip recorded it",
            PAYLOAD,
            at("/usr/lib/python3/dist-packages/mod/payload.py")
                .with("usr/lib/python3/dist-packages/mod-1.dist-info/RECORD", &record("mod/payload.py", "other")),
        ),
        (
            "a script with a rule in its comment",
            CALLBACKS,
            at("/home/ann/x")
                .content("#!/bin/sh\n# rule x { strings: $a = \"30.40.50.60:9342\" condition: $a }\nread line\n"),
        ),
        (
            "a mirror's file that is not what it mirrors",
            MIX_TEXT,
            at("/var/backups/box/opt/r/MixText.py").with("opt/r/MixText.py", "something else"),
        ),
        (
            "Ansible's folder without Ansible",
            PAYLOAD,
            at("/root/.ansible/tmp/ansible-tmp-1.2-3/payload.py").run_as("tmp/sshd"),
        ),
        (
            "a command of authorized_keys",
            SSH,
            at("/opt/x/ssh.py")
                .with("root/.ssh/authorized_keys", "command=\"/opt/x/ssh.py\" ssh-ed25519 AAAA x\n")
                .user("root")
                .group("root"),
        ),
        (
            "a shell's startup of all users",
            MIX_TEXT,
            at("/opt/x/MixText.py").with("etc/profile.d/x.sh", "/opt/x/MixText.py &\n"),
        ),
        (
            "an old table, and a script that it runs and that is as young as the file",
            PAYLOAD,
            wrapped().old("usr/local/bin/nightly.sh", 0),
        ),
        ("an interpreter under another name", CALLBACKS, old_entry("/srv/poll").run_as("usr/lib/systemd/systemd-netd")),
    ];
    assert!(boxes.len() >= 40);
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
        (
            "a table of last year that runs a wrapper, which runs the file",
            PAYLOAD,
            "maintenance-script",
            at("/opt/r/payload.py")
                .with("usr/local/bin/nightly.sh", "#!/bin/sh\nDIR=/opt/r\nexec python3 \"$DIR/payload.py\"\n")
                .mode("usr/local/bin/nightly.sh", 0o755)
                .old("usr/local/bin/nightly.sh", 400)
                .with("etc/cron.d/nightly", "0 3 * * * root /usr/local/bin/nightly.sh\n")
                .old("etc/cron.d/nightly", 400),
        ),
        (
            "an old script of cron.daily",
            PAYLOAD,
            "maintenance-script",
            at("/opt/r/payload.py")
                .with("etc/cron.daily/cleanup", "#!/bin/sh\npython3 /opt/r/payload.py --clean\n")
                .mode("etc/cron.daily/cleanup", 0o755)
                .old("etc/cron.daily/cleanup", 300),
        ),
        (
            "an old user's unit",
            PAYLOAD,
            "maintenance-script",
            at("/opt/r/payload.py")
                .with("etc/systemd/user/r.service", "[Service]\nExecStart=/opt/r/payload.py\n")
                .with("etc/systemd/user/default.target.wants/r.service", "")
                .old("etc/systemd/user/r.service", 300),
        ),
        (
            "a product in /opt with its own unit",
            PAYLOAD,
            "packaged-file",
            at("/opt/vendor/update/payload.py")
                .with("usr/lib/systemd/system/vendor.service", "[Service]\nExecStart=/opt/vendor/update/payload.py\n")
                .package("vendor", &["opt/vendor/update/payload.py", "usr/lib/systemd/system/vendor.service"]),
        ),
        (
            "a module of pip",
            PAYLOAD,
            "language-module",
            at("/usr/local/lib/python3.11/site-packages/mod/payload.py").with(
                "usr/local/lib/python3.11/site-packages/mod-1.dist-info/RECORD",
                &record("mod/payload.py", SCRIPT),
            ),
        ),
        (
            "playbooks in a repository",
            PAYLOAD,
            "tracked-checkout",
            tracked("/srv/playbooks", "roles/web/files/payload.py"),
        ),
        (
            "rules in a folder of a scanner",
            CALLBACKS,
            "rules-or-indicators",
            at("/opt/scanner/signatures/apt.yara").content(
                "import \"pe\"\nrule a { strings: $a = \"30.40.50.60:9342\" condition: $a }\n\
                 rule b { strings: $b = { 41 42 43 44 } condition: $b and pe.is_pe }\n",
            ),
        ),
        (
            "rules of Suricata",
            CALLBACKS,
            "rules-or-indicators",
            at("/var/lib/suricata/rules/apt.rules").content(
                "# EQGRP\nalert tcp any any -> 30.40.50.60 9342 (msg:\"x\"; sid:1; rev:1;)\n\
                 alert tcp any any -> 30.40.50.61 9342 (msg:\"y\"; sid:2; rev:1;)\n",
            ),
        ),
        (
            "a copy that rsync made",
            MIX_TEXT,
            "backup-copy",
            at("/srv/backup/daily.0/opt/r/MixText.py")
                .with("opt/r/MixText.py", SCRIPT)
                .old("/srv/backup/daily.0/opt/r/MixText.py", 0),
        ),
        (
            "a layer of containerd that is committed",
            PAYLOAD,
            "container-layer",
            at("/var/lib/docker/overlay2/bb/diff/opt/payload.py").with("var/lib/docker/overlay2/bb/committed", ""),
        ),
    ];
    assert!(boxes.len() >= 23);
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
        (
            "renamed-interpreter",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/srv/poll").run_as("opt/x/sh"),
            old_entry("/srv/poll").run_as("opt/x/agent"),
        ),
        (
            "live-connection",
            CALLBACKS,
            "scheduled-maintenance",
            old_entry("/srv/poll").calls(9342),
            old_entry("/srv/poll").calls(9342).names_port(9342),
        ),
        ("referrer-as-young", PAYLOAD, maintenance, wrapped(), wrapped().old("usr/local/bin/nightly.sh", 0)),
        ("referrer-writable", PAYLOAD, maintenance, wrapped(), wrapped().mode("usr/local/bin/nightly.sh", 0o777)),
        ("times-set-back", PAYLOAD, maintenance, job(), job().old("/opt/r/payload.py", 30)),
        (
            "copies-under-other-names",
            PAYLOAD,
            maintenance,
            job().copied("/srv/a/payload.py"),
            job().copied("/srv/a/other.py"),
        ),
        (
            "anybodys-checkout",
            PAYLOAD,
            "tracked-checkout",
            tracked("/srv/kit", "payload.py"),
            tracked("/tmp/kit", "payload.py"),
        ),
        (
            "folder-as-young",
            PAYLOAD,
            "configuration-management",
            managed().besides(|evidence| {
                on_an_old_box(evidence);
                let facts = &mut evidence.facts;
                for time in
                    [facts.born.as_mut(), Some(&mut facts.modified), Some(&mut facts.changed)].into_iter().flatten()
                {
                    time.seconds += 10 * 86_400;
                }
            }),
            managed().besides(on_an_old_box),
        ),
        (
            "not-as-its-package",
            MIX_TEXT,
            "packaged-file",
            shipped(),
            shipped().besides(|evidence| {
                if let Observed::Found(owner) = &mut evidence.package {
                    owner.differs.push("mode 0777, the package has 0644".into());
                }
            }),
        ),
        (
            "capabilities",
            PAYLOAD,
            maintenance,
            job(),
            job().besides(|evidence| {
                if let Observed::Found(file) = &mut evidence.file {
                    let (name, value) = ("security.capability".into(), "cap_net_raw".into());
                    file.xattrs = Observed::Found(vec![Xattr { name, value, writers: Vec::new() }]);
                }
            }),
        ),
        (
            "immutable",
            PAYLOAD,
            maintenance,
            job(),
            job().besides(|evidence| {
                if let Observed::Found(file) = &mut evidence.file {
                    file.flags = Observed::Found(vec!["immutable".into()]);
                }
            }),
        ),
    ]
}

/// A file that an old script of an old table runs.
fn wrapped() -> Planted {
    at("/opt/r/payload.py")
        .with("usr/local/bin/nightly.sh", "#!/bin/sh\n/opt/r/payload.py\n")
        .mode("usr/local/bin/nightly.sh", 0o755)
        .old("usr/local/bin/nightly.sh", 90)
        .with("etc/cron.d/nightly", "0 3 * * * root /usr/local/bin/nightly.sh\n")
        .old("etc/cron.d/nightly", 90)
}

/// A script that a packaged Ansible runs.
fn managed() -> Planted {
    at("/srv/payload.py").with("etc/ansible/hosts", "").run_by("usr/bin/ansible-playbook")
}

/// A package's file.
fn shipped() -> Planted {
    at("/usr/share/mix/MixText.py").package("mix", &["usr/share/mix/MixText.py"])
}

/// The box is older than all that lies on it.
fn on_an_old_box(evidence: &mut Evidence) {
    let mut oldest = evidence.facts.changed;
    oldest.seconds -= 1000 * 86_400;
    evidence.baseline = Observed::Found(Baseline { oldest_change: Some(oldest), copied: false });
}

#[test]
fn each_contradiction_makes_the_difference_by_itself() {
    for (kind, rule, id, without, with) in pairs() {
        if kind == "root-twin" && !rustix::process::getuid().is_root() {
            eprintln!("skipped: {kind} needs a file of root");
            continue;
        }
        if matches!(kind, "times-set-back" | "folder-as-young") && !knows_births() {
            eprintln!("skipped: {kind} needs a file system that keeps births");
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

/// Whether the file system of temporary folders keeps when a file was made.
fn knows_births() -> bool {
    let dir = tempfile::tempdir().unwrap();
    std::fs::metadata(dir.path()).unwrap().created().is_ok()
}
