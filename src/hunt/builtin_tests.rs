use super::*;
use crate::finding::Sha256;
use crate::hunt::{Check, Hunt, MetaValue, Scenario};

fn hunts() -> Vec<Hunt> {
    load(&Site::default()).unwrap().hunts
}

fn hunt(name: &str) -> Hunt {
    hunts().into_iter().find(|hunt| &*hunt.rule.id.name == name).unwrap()
}

/// Name, patterns exactly as the documents have them, condition, known samples.
type Published = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static [&'static str]);

const RULES: [Published; 5] = [
    (
        "EQGRP_ssh_telnet_29",
        &[
            ("$s1", r#""received prompt, we're in" fullword ascii"#),
            ("$s2", r#""failed to login, bad creds, abort" fullword ascii"#),
            (
                "$s3",
                r#""sending command \" + str(n) + \"/\" + str(tot) + \", len \" + str(len(chunk) + " fullword ascii"#,
            ),
            ("$s4", r#""received nat - EPBA: ok, payload: mangled, did not run" fullword ascii"#),
            (
                "$s5",
                r#""no status returned from target, could be an exploit failure, or this is a version where we don't expect a stus return" ascii"#,
            ),
            ("$s6", r#""received arp - EPBA: ok, payload: fail" fullword ascii"#),
            ("$s7", r#""chopped = string.rstrip(payload, \"\\x0a\")" fullword ascii"#),
        ],
        "( filesize < 10KB and 2 of them ) or ( 3 of them )",
        &[
            "630d464b1d08c4dfd0bd50552bee2d6a591fb0b5597ecebaa556a3c3d4e0aa4e",
            "07f4c60505f4d5fb5c4a76a8c899d9b63291444a3980d94c06e1d5889ae85482",
        ],
    ),
    (
        "EQGRP_payload",
        &[
            ("$s1", r#""can't find target version module!" fullword ascii"#),
            ("$s2", r#""class Payload:" fullword ascii"#),
        ],
        "all of them",
        &["21bed6d699b1fbde74cbcec93575c9694d5bea832cd191f59eb3e4140e5c5e07"],
    ),
    (
        "EQGRP_MixText",
        &[("$s1", r#""BinStore enabled implants." fullword ascii"#)],
        "1 of them",
        &["e4d24e30e6cc3a0aa0032dbbd2b68c60bac216bef524eaf56296430aa05b3795"],
    ),
    ("EQGRP_callbacks", &[("$s1", r#""30.40.50.60:9342" fullword ascii wide"#)], "1 of them", &[]),
    (
        "EQGRP_tinyexec",
        &[("$s1", "{ 73 68 73 74 72 74 61 62 00 2E 74 65 78 74 }"), ("$s2", "{ 5A 58 55 52 89 E2 55 50 89 E1 }")],
        "uint32(0) == 0x464c457f and filesize < 270 and all of them",
        &[],
    ),
];

#[test]
fn five_rules_thirteen_patterns_as_published() {
    let hunts = hunts();
    assert_eq!(hunts.len(), 5);
    assert_eq!(hunts.iter().map(|hunt| hunt.rule.patterns.len()).sum::<usize>(), 13);
    for (hunt, (name, patterns, condition, samples)) in hunts.iter().zip(RULES) {
        let rule = &hunt.rule;
        assert_eq!((&*rule.id.namespace, &*rule.id.name), (NAMESPACE, name));
        let found: Vec<(&str, &str)> = rule.patterns.iter().map(|p| (p.id.as_str(), p.text.as_str())).collect();
        assert_eq!(found, patterns);
        assert_eq!(rule.condition, condition);
        let expected: Vec<Sha256> = samples.iter().map(|sample| sample.parse().unwrap()).collect();
        assert_eq!(rule.known_samples(), expected);
        assert_eq!(rule.author(), Some("Florian Roth"));
        assert_eq!((rule.reference(), rule.date()), (Some("Research"), Some("2016-08-16")));
        assert!(rule.description().unwrap().starts_with("EQGRP Toolset Firewall - "));
        assert!(rule.license().unwrap().starts_with("Detection Rule License 1.1 https://"));
    }
    let keys = |name| hunt(name).rule.meta.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let first = ["description", "author", "reference", "date"];
    assert_eq!(keys("EQGRP_ssh_telnet_29"), [&first[..], &["super_rule", "hash1", "hash2", "license"]].concat());
    assert_eq!(keys("EQGRP_tinyexec"), [&first[..], &["license"]].concat());
    assert!(hunt("EQGRP_ssh_telnet_29").rule.meta.contains(&("super_rule".to_owned(), MetaValue::Integer(1))));
    assert_eq!(hunt("EQGRP_tinyexec").candidate.unwrap(), "uint32(0) == 0x464c457f and filesize < 270");
    assert!(hunt("EQGRP_callbacks").rule.source.contains("ascii wide /* DoD */"));
}

/// Per scenario: hunt, id, and its checks as they read; one text for each line of `applies_when`.
const SCENARIOS: [(&str, &str, &[&str]); 25] = [
    (
        "EQGRP_ssh_telnet_29",
        "ssh-maintenance-job",
        &[
            "process.name contains scheduled_maintenance",
            "process.user is one of $admin_accounts",
            "process.user is one of $admin_accounts & cron or at starts the file (schedule.cron)",
            "process.user is one of $admin_accounts & a systemd unit starts the file (schedule.systemd)",
        ],
    ),
    (
        "EQGRP_ssh_telnet_29",
        "telnet-monitoring-tool",
        &["process.name is one of $monitoring_tools", "destination.port is 23 & network.direction is outbound"],
    ),
    (
        "EQGRP_ssh_telnet_29",
        "ssh-deployment-script",
        &["process.name contains deploy or ci_cd & process.user is one of $deploy_accounts"],
    ),
    (
        "EQGRP_ssh_telnet_29",
        "telnet-network-discovery",
        &["process.name is one of $discovery_tools", "source.ip lies within $internal_networks"],
    ),
    (
        "EQGRP_ssh_telnet_29",
        "scripted-ssh-backup",
        &["process.name contains backup or nightly & process.user is one of $backup_accounts"],
    ),
    (
        "EQGRP_payload",
        "maintenance-script",
        &[
            "cron or at starts the file (schedule.cron) & file.path lies under /etc or /opt",
            "a systemd unit starts the file (schedule.systemd) & file.path lies under /etc or /opt",
        ],
    ),
    (
        "EQGRP_payload",
        "configuration-management",
        &[
            "/etc/ansible, /var/lib/salt or /etc/salt exists on the box & \
             process.ancestor.name is one of ansible-playbook, ansible-pull, salt-call, salt-minion",
            "/etc/ansible, /var/lib/salt or /etc/salt exists on the box & \
             process.name is one of ansible-playbook, ansible-pull, salt-call, salt-minion",
        ],
    ),
    (
        "EQGRP_payload",
        "compliance-reporting",
        &[
            "file.path lies under /opt or /usr/local/bin & file.owner is one of $admin_accounts",
            "file.path lies under /opt or /usr/local/bin & file.group is one of $admin_groups",
        ],
    ),
    (
        "EQGRP_payload",
        "ci-build-script",
        &[
            "/var/lib/jenkins or /home/ciuser exists on the box & file.path lies under /var/lib/jenkins or /home/ciuser",
            "/var/lib/jenkins or /home/ciuser exists on the box & file.path lies under $development_dirs",
            "/var/lib/jenkins or /home/ciuser exists on the box & file.repository.state is tracked",
        ],
    ),
    (
        "EQGRP_payload",
        "threat-feed-processor",
        &[
            "one of $security_tool_dirs exists on the box & file.path lies under $security_tool_dirs",
            "one of $security_tool_dirs exists on the box & process.name is one of $security_tools",
            "one of $security_tool_dirs exists on the box & process.ancestor.name is one of $security_tools",
        ],
    ),
    (
        "EQGRP_MixText",
        "update-or-patch",
        &[
            "file.path lies under $update_dirs",
            "file.hash.sha256 is one of $known_good",
            "file.package.state is unchanged",
        ],
    ),
    (
        "EQGRP_MixText",
        "log-processing-job",
        &["file.path lies under /opt/log-processing", "process.start fits a schedule that names the file"],
    ),
    (
        "EQGRP_MixText",
        "configuration-backup",
        &[
            "file.path lies under /root/scripts",
            "file.owner is one of $admin_accounts",
            "file.group is one of $admin_groups",
        ],
    ),
    (
        "EQGRP_MixText",
        "third-party-tool",
        &[
            "file.path lies under /usr/share/ansible, /etc/ansible, /opt/chef, /etc/chef or /var/chef",
            "process.name is one of ansible-playbook, chef-client, chef-solo",
        ],
    ),
    (
        "EQGRP_MixText",
        "development-or-test",
        &[
            "file.path lies under $development_dirs",
            "file.path lies under $development_dirs & file.repository.state is tracked",
        ],
    ),
    (
        "EQGRP_callbacks",
        "scheduled-maintenance",
        &[
            "process.name is one of maintenance_script, maintenance_script.exe, maintenance_script.sh, maintenance_script.py",
            "process.parent.name is one of task scheduler, taskeng.exe",
            "process.ancestor.name is one of cron, crond, anacron, atd & cron or at starts the file (schedule.cron)",
            "process.parent.name is systemd & a systemd unit started the process (process.unit)",
            "cron or at starts the file (schedule.cron)",
            "a systemd unit starts the file (schedule.systemd)",
        ],
    ),
    (
        "EQGRP_callbacks",
        "remote-management",
        &[
            "process.name is one of msmpeng.exe, intunewin.exe, mdatp, wdavdaemon, intune-agent, intune-daemon, intune-portal",
        ],
    ),
    (
        "EQGRP_callbacks",
        "log-collection",
        &[
            "process.name is one of splunkforwarder.exe, logstash.exe, splunkforwarder, splunkd, logstash, filebeat, \
           elastic-agent, fluent-bit, fluentd, td-agent, vector, rsyslogd, syslog-ng, promtail, nxlog",
            "process.command_line contains org.logstash.Logstash",
        ],
    ),
    (
        "EQGRP_callbacks",
        "software-updates",
        &["process.name is one of wuauserv.exe, wsusutil.exe, unattended-upgrade, unattended-upgrades, packagekitd, \
           dnf-automatic, yum-cron"],
    ),
    (
        "EQGRP_callbacks",
        "cloud-backup",
        &["process.name is one of veeam.exe, cvbackup.exe, veeam, veeamagent, veeamservice, cvbackup, cvd"],
    ),
    (
        "EQGRP_tinyexec",
        "maintenance-task",
        &[
            "process.parent.name is systemd & a systemd unit started the process (process.unit)",
            "process.ancestor.name is one of cron, crond & cron or at starts the file (schedule.cron)",
            "cron or at starts the file (schedule.cron)",
            "a systemd unit starts the file (schedule.systemd)",
            "file.path lies under /etc/cron.d",
        ],
    ),
    (
        "EQGRP_tinyexec",
        "firewall-rules-deployment",
        &["process.user is root & process.command_line contains update-firewall-rules.sh"],
    ),
    (
        "EQGRP_tinyexec",
        "security-tool",
        &["process.name is one of snort, suricata, ossec, ossec-analysisd, ossec-execd, ossec-logcollector, \
           wazuh-analysisd, wazuh-execd, wazuh-logcollector, wazuh-modulesd"],
    ),
    (
        "EQGRP_tinyexec",
        "patching-tool",
        &["process.name is one of ansible, chef, puppet, ansible-playbook, ansible-pull, chef-client, puppet-agent"],
    ),
    (
        "EQGRP_tinyexec",
        "user-firewall-adjustment",
        &["process.user is one of $admin_accounts & file.name matches firewall*"],
    ),
];

#[test]
fn twenty_five_scenarios_with_their_filters_as_checks() {
    let hunts = hunts();
    let found: Vec<(&str, &Scenario)> =
        hunts.iter().flat_map(|hunt| hunt.scenarios.iter().map(|scenario| (&*hunt.rule.id.name, scenario))).collect();
    assert_eq!(found.len(), SCENARIOS.len());
    for ((rule, scenario), (expected_rule, id, lines)) in found.into_iter().zip(SCENARIOS) {
        assert_eq!((rule, scenario.id.as_str()), (expected_rule, id));
        let shown: Vec<String> = scenario.applies_when.iter().map(|line| sentence(line)).collect();
        assert_eq!(shown, lines, "{id}");
    }
}

fn sentence(line: &[Check]) -> String {
    line.iter().map(ToString::to_string).collect::<Vec<_>>().join(" & ")
}

#[test]
fn the_prose_is_whole_and_says_what_speaks_against_it() {
    for hunt in hunts() {
        assert!(hunt.hypothesis.ends_with('.') && hunt.hypothesis.len() > 100, "{}", hunt.hypothesis);
        for Scenario { id, title, story, filter, .. } in hunt.scenarios.iter().chain(crate::hunt::standard::scenarios())
        {
            assert!(!title.ends_with('.') && title.len() < 60, "{id}: {title}");
            assert!(story.ends_with('.') && story.len() > 60, "{id}: {story}");
            assert!(filter.ends_with('.') && filter.len() > 150, "{id}: {filter}");
            assert!(!filter.contains('\n') && !story.contains('\n'), "{id}");
        }
    }
}

#[test]
fn the_rules_match_what_they_describe_and_no_less() {
    let loaded = load(&Site::default()).unwrap();
    let mut compiler = yara_x::Compiler::new();
    for text in &loaded.texts {
        compiler.new_namespace(&text.namespace).add_source(&*text.text).unwrap();
    }
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let mut matching = |data: &[u8]| -> Vec<String> {
        scanner.scan(data).unwrap().matching_rules().map(|rule| rule.identifier().to_owned()).collect()
    };
    let elf = [&b"\x7fELF"[..], b"shstrtab\0.text", b"\x5a\x58\x55\x52\x89\xe2\x55\x50\x89\xe1"].concat();
    assert_eq!(matching(&elf), ["EQGRP_tinyexec"]);
    assert!(matching(&[&elf[..], &[0; 270]].concat()).is_empty());
    let s3 = br#" sending command " + str(n) + "/" + str(tot) + ", len " + str(len(chunk) + "#;
    let s7 = br#" chopped = string.rstrip(payload, "\x0a") "#;
    assert_eq!(matching(&[&s3[..], s7].concat()), ["EQGRP_ssh_telnet_29"]);
    assert!(matching(s3).is_empty());
    assert_eq!(matching(b"3\x000\0.\x004\x000\0.\x005\x000\0.\x006\x000\0:\09\x003\x004\x002\0"), ["EQGRP_callbacks"]);
    assert_eq!(matching(b"x BinStore enabled implants. x"), ["EQGRP_MixText"]);
    assert_eq!(matching(b"class Payload: can't find target version module!"), ["EQGRP_payload"]);
    assert!(matching(b"class Payload:").is_empty());
}

#[test]
fn masked_bytes_hold_nothing_readable() {
    for masked in &MASKED {
        for bytes in [masked.rule, masked.document] {
            // Every pattern holds a run of eight printable characters; masked, ASCII has the high bit set.
            assert!(!bytes.windows(8).any(|run| run.iter().all(u8::is_ascii)), "{}", masked.name);
        }
        assert!(unmask(masked.rule).starts_with("rule EQGRP_"));
    }
    let rules = load(&Site::default()).unwrap();
    for text in rules.texts {
        let compiled = yara_x::compile(&*text.text).unwrap();
        let mut scanner = yara_x::Scanner::new(&compiled);
        for masked in &MASKED {
            assert_eq!(scanner.scan(masked.rule).unwrap().matching_rules().len(), 0);
            assert_eq!(scanner.scan(masked.document).unwrap().matching_rules().len(), 0);
        }
    }
}

#[test]
fn the_json_document_has_the_promised_keys() {
    let json = serde_json::to_value(hunts()).unwrap();
    let tinyexec = &json[4];
    assert_eq!(tinyexec["rule"], "EQGRP_tinyexec");
    assert!(tinyexec["hypothesis"].as_str().unwrap().contains("tinyexec"));
    assert_eq!(tinyexec["patterns"][1]["pattern"], "$s2");
    assert_eq!(tinyexec["patterns"][1]["text"], "{ 5A 58 55 52 89 E2 55 50 89 E1 }");
    let scenario = &tinyexec["scenarios"][0];
    for key in ["id", "title", "story", "filter"] {
        assert!(scenario[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert_eq!(scenario["applies_when"][0][0]["field"], "process.parent.name");
    assert_eq!(scenario["applies_when"][0][0]["in"], serde_json::json!(["systemd"]));
    assert_eq!(scenario["applies_when"][4][0]["under"], serde_json::json!(["/etc/cron.d"]));
    let product = &tinyexec["scenarios"][2]["contradicted_when"];
    assert_eq!(*product, serde_json::json!([[{ "field": "file.package", "exists": false }]]));
    assert_eq!(tinyexec["author"], "Florian Roth");
    assert_eq!(tinyexec["digest"].as_str().unwrap().len(), 64);
    assert_eq!(json[0]["scenarios"][1]["applies_when"][1][0]["in"], serde_json::json!([23]));
}
