use super::*;
use crate::hunt::{Operand, Value};

const RULES: &str = "private rule helper { condition: true }\nrule a { strings: $a = \"x\" condition: helper and $a }\n\
                     rule b { condition: filename == \"b\" }\n";

/// A hunt for rule `a` with `body` after its hypothesis.
fn hunt_with(body: &str) -> String {
    format!("rule = \"a\"\nhypothesis = \"h\"\n{body}")
}

/// A hunt with one scenario whose `applies_when` is `lines`, which begin at line 8, column 16.
fn checks(lines: &str) -> String {
    hunt_with(&format!(
        "[[scenario]]\nid = \"s\"\ntitle = \"t\"\nstory = \"s\"\nfilter = \"f\"\napplies_when = {lines}\n"
    ))
}

fn load(files: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let inside = format!("{}/", dir.path().display());
    let loaded = load_dir(dir.path(), &Site::default(), &RuleOptions::default()).unwrap();
    let shown = |unused: &Unused| unused.to_string().replace(&inside, "");
    if loaded.unused.is_empty() { Ok(loaded) } else { Err(loaded.unused.iter().map(shown).collect()) }
}

fn wrong(document: &str) -> Vec<String> {
    load(&[("a.yar", RULES), ("a.toml", document)]).unwrap_err()
}

#[test]
fn a_hunt_and_the_rules_beside_it_are_loaded() {
    let good = checks(
        "[[{ field = \"process.user\", in = \"$admin_accounts\" }, { field = \"schedule.cron\", exists = true }], [{ field = \"source.ip\", within = \"192.0.2.0/24\" }]]",
    );
    let good = good.replace("[[scenario]]", "candidate = \"filesize < 3 // tiny\"\n[[scenario]]");
    let loaded =
        load(&[("a.yar", RULES), ("a.toml", &good), ("README.md", "no"), ("z.yara", "rule z { condition: true }")])
            .unwrap();
    let names: Vec<&str> = loaded.hunts.iter().map(|hunt| &*hunt.rule.id.name).collect();
    assert_eq!(names, ["a", "b", "z"]);
    let [a, b, _] = loaded.hunts.as_slice() else { panic!() };
    assert_eq!((a.hypothesis.as_str(), a.candidate.as_deref()), ("h", Some("filesize < 3")));
    assert_eq!(a.scenarios[0].applies_when[0].len(), 2);
    assert_eq!(a.scenarios[0].applies_when[0][0].operand, Operand::SiteSet("admin_accounts".into()));
    let Operand::Values(networks) = &a.scenarios[0].applies_when[1][0].operand else { panic!() };
    assert_eq!(networks.texts(), ["192.0.2.0/24"]);
    for (address, is_within) in [("192.0.2.9", true), ("198.51.100.9", false)] {
        assert_eq!(networks.matches(&Value::Address(address.parse().unwrap())), is_within);
    }
    assert_eq!(b.scenarios, generic::generic_scenarios());
    assert_eq!(loaded.texts.len(), 2);
    assert_eq!(&*loaded.texts[0].text, RULES);
    assert_eq!(*loaded.texts[0].namespace, *a.rule.id.namespace);
}

#[test]
fn a_set_of_the_site_serves_its_own_hunts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yar"), RULES).unwrap();
    std::fs::write(dir.path().join("a.toml"), checks("[[{ field = \"source.ip\", within = \"$printers\" }]]")).unwrap();
    let site = |value| Site::parse(Path::new("site.toml"), &format!("[sets]\nprinters = ['{value}']")).unwrap();
    let unused = |site: &Site| load_dir(dir.path(), site, &RuleOptions::default()).unwrap().unused;
    assert_eq!(unused(&site("192.0.2.1")), []);
    let list = unused(&site("laser"));
    assert!(
        list[0]
            .to_string()
            .ends_with("`$printers` does not fit here: `laser` is not an IP address or a network such as 10.0.0.0/8")
    );
    assert!(unused(&Site::default())[0].to_string().contains("there is no site set `$printers`"));
}

#[test]
fn a_wrong_check_is_named_with_the_nearest_right_word() {
    for (lines, expected) in [
        (
            "[[{ field = \"file.pth\", under = [\"/opt\"] }]]",
            "a.toml:8:28: there is no field `file.pth` (did you mean `file.path`?)",
        ),
        (
            "[[{ field = \"file.path\", undr = [\"/opt\"] }]]",
            "a.toml:8:41: there is no operator `undr` (did you mean `under`?)",
        ),
        (
            "[[{ field = \"process.name\", under = [\"/opt\"] }]]",
            "a.toml:8:44: `under` does not fit `process.name` (one of: in, contains, glob, exists)",
        ),
        ("[[{ field = \"file.path\", under = [\"opt\"] }]]", "a.toml:8:50: `opt` is not an absolute path"),
        (
            "[[{ field = \"process.user\", in = \"$admin_acounts\" }]]",
            "a.toml:8:49: there is no site set `$admin_acounts` (did you mean `$admin_accounts`?)",
        ),
        (
            "[[{ field = \"source.ip\", within = \"$backup_dirs\" }]]",
            "a.toml:8:50: each value of `$backup_dirs` is an absolute path, and an IP address or a network such as 10.0.0.0/8 \
             belongs here (sets that fit: $internal_networks)",
        ),
        ("[[{ field = \"destination.port\", in = [70000] }]]", "a.toml:8:54: `70000` is not a port from 0 to 65535"),
        (
            "[[{ field = \"process.name\", in = [23] }]]",
            "a.toml:8:50: the value is a whole number where a name without a slash belongs",
        ),
        (
            "[[{ field = \"schedule.cron\", exists = \"yes\" }]]",
            "a.toml:8:54: `exists` is text where true or false belongs",
        ),
        ("[[{ field = \"process.name\", in = [] }]]", "a.toml:8:49: an empty list matches nothing"),
        (
            "[[{ field = \"process.name\" }]]",
            "a.toml:8:18: the check has no operator (one of: in, contains, under, glob, within, exists)",
        ),
        (
            "[[{ field = \"process.name\", contains = [\"a\"], in = [\"b\"] }]]",
            "a.toml:8:62: a check has one operator (put the second in a check of its own)",
        ),
        ("[[{ in = [\"a\"] }]]", "a.toml:8:18: the check lacks `field`"),
        ("[[]]", "a.toml:8:17: a line without a check would always be met"),
        (
            "[{ field = \"process.name\", in = [\"a\"] }]",
            "a.toml:8:17: the line of `applies_when` is a table where a list of checks belongs",
        ),
        (
            "[[{ field = \"process.name\", in = [\"$admin_accounts\"] }]]",
            "a.toml:8:50: a site set stands alone, not in a list (in = \"$admin_accounts\")",
        ),
        (
            "[[{ field = \"file.package.state\", in = [\"unchangd\"] }]]",
            "a.toml:8:56: `unchangd` is not `unchanged` or `changed` (did you mean `unchanged`?)",
        ),
        (
            "[[{ field = \"file.name\", glob = [\"a*\", \"b[\"] }]]",
            "a.toml:8:55: `b[`: unclosed character class; missing ']'",
        ),
        (
            "[[{ field = \"source.ip\", within = [\"10.0.0.0/33\"] }]]",
            "a.toml:8:51: `10.0.0.0/33` is not an IP address or a network such as 10.0.0.0/8",
        ),
        (
            "[[{ field = \"file.mtime\", within = \"25:00-01:00\" }]]",
            "a.toml:8:51: `25:00-01:00` is not a daily window such as 01:00-05:30",
        ),
        (
            "[[{ field = \"file.owner\", in = [\"root\"], strength = \"weakly\" }]]",
            "a.toml:8:68: there is no strength `weakly` (weak or strong)",
        ),
        (
            "[[{ field = \"file.owner\", in = [\"root\"], strength = 1 }]]",
            "a.toml:8:68: `strength` is a whole number where text belongs",
        ),
        ("[[{ field = \"file.hash.sha256\", in = \"abc\" }]]", "a.toml:8:53: `abc` is not a SHA-256 of 64 hex digits"),
        (
            "[[{ field = \"process.start\", within = \"schedul\" }]]",
            "a.toml:8:54: `schedul` is not a daily window such as 01:00-05:30 (did you mean `schedule`?)",
        ),
    ] {
        assert_eq!(wrong(&checks(lines)), [expected], "{lines}");
    }
}

#[test]
fn a_wrong_hunt_is_named_with_its_place() {
    let scenario = "[[scenario]]\nid = \"s\"\ntitle = \"t\"\nstory = \"s\"\nfilter = \"f\"\n";
    for (document, expected) in [
        (
            format!("rule = \"c\"\nhypothesis = \"h\"\n{scenario}"),
            "a.toml:1:8: the YARA file has no rule `c` (one of: helper, a, b)",
        ),
        (
            format!("rule = \"helper\"\nhypothesis = \"h\"\n{scenario}"),
            "a.toml:1:8: `helper` is a private rule and reports no match",
        ),
        (format!("rule = \"a\"\n{scenario}"), "a.toml:1:1: the hunt lacks `hypothesis`"),
        (format!("rule = \"a\"\nhypothesis = \" \"\n{scenario}"), "a.toml:2:14: `hypothesis` is blank"),
        (
            hunt_with(""),
            "a.toml:1:1: the hunt has no scenario (add a [[scenario]], or delete the file to get the generic ones)",
        ),
        (
            hunt_with(&format!("colour = 1\n{scenario}")),
            "a.toml:3:1: the hunt has no key `colour` (one of: rule, hypothesis, candidate, threat, scenario)",
        ),
        (
            hunt_with(&format!("candidate = \"filesze < 3\"\n{scenario}")),
            "a.toml:3:13: `candidate` is no YARA condition: unknown identifier `filesze`: this identifier has not been declared",
        ),
        (
            hunt_with(&format!("candidate = \"true }} rule x {{ condition: true\"\n{scenario}")),
            "a.toml:3:13: `candidate` is no YARA condition: is more than a condition",
        ),
        (hunt_with(&scenario.replace("title", "titel")), "a.toml:3:1: the scenario lacks `title`"),
        (
            hunt_with(&scenario.replace("\"s\"\ntitle", "\"My id\"\ntitle")),
            "a.toml:4:6: `My id` is no scenario id (lower-case words joined by `-`, such as `nightly-backup`)",
        ),
        (hunt_with(&format!("{scenario}{scenario}")), "a.toml:9:6: another scenario has the id `s`"),
        (
            hunt_with(&format!("{scenario}applies_when = true\n")),
            "a.toml:8:16: `applies_when` is true or false where a list belongs",
        ),
        (
            hunt_with(&format!("{scenario}contradicted_when = [[{{ field = \"file.mod\", in = [\"4755\"] }}]]\n")),
            "a.toml:8:33: there is no field `file.mod` (did you mean `file.mode`?)",
        ),
        (
            hunt_with(&format!("{scenario}contradicted_when = [{{ field = \"file.mode\", in = [\"4755\"] }}]\n")),
            "a.toml:8:22: the line of `contradicted_when` is a table where a list of checks belongs",
        ),
        (
            hunt_with(&format!("{scenario}contradicts_when = []\n")),
            "a.toml:8:1: the scenario has no key `contradicts_when` (did you mean `contradicted_when`?)",
        ),
    ] {
        let found = wrong(&document);
        assert_eq!(found[0], expected, "{document}");
    }
    assert_eq!(
        wrong(&hunt_with(&scenario.replace("title", "titel")))[1],
        "a.toml:5:1: the scenario has no key `titel` (did you mean `title`?)"
    );
    assert!(wrong("rule = \"a\nx")[0].starts_with("a.toml:1:"));
}

#[test]
fn every_problem_of_every_file_is_reported_at_once() {
    let many = checks("[[{ field = \"x\", in = [\"a\"] }], [{ field = \"process.name\", in = [\"a/b\", \"c/d\"] }]]");
    let found = load(&[
        ("a.yar", RULES),
        ("a.toml", &many),
        ("b.yar", "rule b { condition: nothing }"),
        ("b.toml", "rule = 3"),
        ("c.yar", "rule c {"),
        ("d.toml", &many),
        ("site.toml", ""),
    ])
    .unwrap_err();
    let heads: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        heads,
        [
            "a.toml:8:28",
            "a.toml:8:81",
            "a.toml:8:88",
            "b.yar:1:21",
            "b.toml:1:1",
            "b.toml:1:1",
            "b.toml:1:8",
            "c.yar:1:9",
            "d.toml",
            "site.toml"
        ]
    );
    assert!(found[9].contains("given apart, with --site"));
}

#[test]
fn odd_files_are_left_out_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("a.yar")).unwrap();
    std::fs::write(dir.path().join("b.yar"), vec![b' '; (4 << 20) + 1]).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("c.yar"), rustix::fs::Mode::RUSR).unwrap();
    std::fs::write(dir.path().join("d.yar"), "rule d { condition: true }").unwrap();
    let load = |path: &Path| load_dir(path, &Site::default(), &RuleOptions::default());
    let loaded = load(dir.path()).unwrap();
    let shown: Vec<String> = loaded.unused.iter().map(ToString::to_string).collect();
    assert!(shown[0].contains("a.yar: is a symbolic link"), "{shown:?}");
    assert!(shown[1].contains("b.yar: is larger than 4.0 MiB"), "{shown:?}");
    assert!(shown[2].contains("c.yar: is not a regular file"), "{shown:?}");
    assert_eq!(loaded.hunts.len(), 1);
    assert!(load(&dir.path().join("absent")).unwrap_err().to_string().contains("cannot be opened"));
    std::fs::write(dir.path().join("d.toml"), "rule = 3").unwrap();
    let loaded = load(dir.path()).unwrap();
    assert_eq!(loaded.hunts[0].scenarios, generic::generic_scenarios(), "a rule outlives its broken document");
}
