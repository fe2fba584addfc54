//! Each of the 25 built-in scenarios met and not met, through the real probes.

use super::planted::{Planted, at, hunt};
use crate::hunt::Truth;

const SSH: &str = "EQGRP_ssh_telnet_29";
const PAYLOAD: &str = "EQGRP_payload";
const MIX_TEXT: &str = "EQGRP_MixText";
const CALLBACKS: &str = "EQGRP_callbacks";
const TINYEXEC: &str = "EQGRP_tinyexec";

/// Plants both files; the scenario must be met by the one and not by the other.
fn check(rule: &str, rows: Vec<(&str, Planted, Planted)>) {
    let ids: Vec<String> = hunt(rule).scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), ids);
    for (id, met, not_met) in rows {
        let case = met.plant();
        let scenario = case.scenario(rule, id);
        assert_eq!(scenario.truth, Truth::Met, "{id} of {:?}: {scenario:#?}", case.file);
        let met = scenario.lines.iter().filter(|line| line.truth == Truth::Met).flat_map(|line| &line.checks);
        for check in met {
            assert!(
                !check.seen.is_empty() && !check.provenance.is_empty() && check.warning.is_some(),
                "{id}: {check:#?}"
            );
        }
        let case = not_met.plant();
        let scenario = case.scenario(rule, id);
        // Where some process can't be looked into, it may be the one that the scenario asks for.
        let refused = scenario.unknown().iter().any(|reason| reason.contains("could not be looked into"));
        let expected = if refused { Truth::Unknown } else { Truth::NotMet };
        assert_eq!(scenario.truth, expected, "{id} of {:?}: {scenario:#?}", case.file);
    }
}

#[test]
fn ssh_and_telnet() {
    check(
        SSH,
        vec![
            ("ssh-maintenance-job", at("/srv/scheduled_maintenance.sh").run(), at("/srv/ssh.py").run()),
            ("telnet-monitoring-tool", at("/srv/telnet.py").calls(23), at("/srv/telnet.py").run()),
            ("ssh-deployment-script", at("/srv/ci_cd-push.sh").user("deploy").run(), at("/srv/ci_cd-push.sh").run()),
            ("telnet-network-discovery", at("/srv/telnet.py").calls(9), at("/srv/telnet.py").run()),
            (
                "scripted-ssh-backup",
                at("/srv/Nightly-copy.sh").user("backup").run(),
                at("/srv/copy.sh").user("backup").run(),
            ),
        ],
    );
}

#[test]
fn payload() {
    let entry = |path: &str| at(path).with("etc/cron.d/reports", &format!("@daily root {path}\n"));
    let ansible = |parent| at("/tmp/payload.py").with("etc/ansible/hosts", "").under(parent);
    check(
        PAYLOAD,
        vec![
            ("maintenance-script", entry("/opt/r/payload.py"), entry("/srv/payload.py")),
            ("configuration-management", ansible("ansible-playbook"), ansible("ansible-like")),
            ("compliance-reporting", at("/opt/reports/payload.py").user("root"), at("/opt/reports/payload.py")),
            (
                "ci-build-script",
                at("/var/lib/jenkins/ws/payload.py"),
                at("/home/ann/payload.py").with("var/lib/jenkins/x", ""),
            ),
            (
                "threat-feed-processor",
                at("/var/ossec/bin/payload.py"),
                at("/var/ossec-like/payload.py").with("var/ossec/x", "").run(),
            ),
        ],
    );
}

#[test]
fn mix_text() {
    let elsewhere = || at("/srv/MixText.py").run();
    check(
        MIX_TEXT,
        vec![
            ("update-or-patch", at("/var/update/MixText.py"), elsewhere()),
            ("log-processing-job", at("/opt/log-processing/MixText.py"), elsewhere()),
            ("configuration-backup", at("/root/scripts/MixText.py"), elsewhere()),
            ("third-party-tool", at("/usr/share/ansible/plugins/MixText.py"), elsewhere()),
            ("development-or-test", at("/home/ann/src/app/MixText.py"), elsewhere()),
        ],
    );
}

#[test]
fn callbacks() {
    let run = |path| at(path).run();
    check(
        CALLBACKS,
        vec![
            (
                "scheduled-maintenance",
                at("/srv/poll").with("etc/crontab", "@daily root /srv/poll\n"),
                at("/srv/poll").under("launcher"),
            ),
            ("remote-management", run("/opt/microsoft/mdatp/sbin/wdavdaemon"), run("/opt/microsoft/mdatp/sbin/other")),
            ("log-collection", run("/opt/splunkforwarder/bin/splunkd"), run("/opt/splunkforwarder/bin/other")),
            ("software-updates", run("/usr/bin/unattended-upgrade"), run("/usr/bin/upgrade")),
            ("cloud-backup", run("/opt/v/veeamagent"), run("/opt/v/veeamagent2")),
        ],
    );
}

#[test]
fn tinyexec() {
    let run = |path| at(path).run();
    check(
        TINYEXEC,
        vec![
            (
                "maintenance-task",
                at("/srv/tinyexec").with("etc/crontab", "@daily root /srv/tinyexec\n"),
                at("/srv/tinyexec").under("systemd"),
            ),
            (
                "firewall-rules-deployment",
                at("/srv/update-firewall-rules.sh").user("root").run(),
                at("/srv/update-firewall-rules.sh").run(),
            ),
            ("security-tool", run("/srv/suricata"), run("/srv/suricata-like")),
            ("patching-tool", run("/srv/puppet"), run("/srv/muppet")),
            (
                "user-firewall-adjustment",
                at("/srv/firewall-open.sh").user("admin").run(),
                at("/srv/open-firewall.sh").user("admin").run(),
            ),
        ],
    );
}
