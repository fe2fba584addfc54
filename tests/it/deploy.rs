//! What other engines are given: the Ansible playbook, run by Ansible over several boxes that are folders here, and the artifact
//! for Velociraptor, by its YAML and the fields that artifacts have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::cli::TestBox;
use crate::fixtures;

fn deploy(ground: &TestBox, args: &[&str]) -> (String, Option<i32>) {
    let output = ground.huntbook(&[&["deploy"], args].concat()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.code())
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn yaml(text: &str) -> Yaml<'_> {
    Yaml::load_from_str(text).unwrap().remove(0)
}

/// Every file below a folder, as relative paths.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_playbook_is_written_whole_and_replaces_nothing_unasked() {
    let ground = TestBox::new();
    let folder = ground.home().join("hunt");
    let (said, code) = deploy(&ground, &["ansible", str(&folder)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(str(&folder)) && said.contains("huntbook help fleet"), "{said}");
    let names = files(&folder);
    assert!(names.contains(&"huntbook.yml".to_owned()) && names.len() == 9, "{names:?}");
    for name in names.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "yml")) {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(!text.contains("@VERSION@"), "{name}");
        yaml(&text);
    }
    let settings = folder.join("roles/huntbook/defaults/main.yml");
    fs::write(&settings, "mine: true").unwrap();
    let (said, code) = deploy(&ground, &["ansible", str(&folder)]);
    assert!(code == Some(2) && said.contains("is there already; --force replaces it"), "{said}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), "mine: true");
    assert_eq!(deploy(&ground, &["ansible", str(&folder), "--force"]).1, Some(0));
    assert!(fs::read_to_string(&settings).unwrap().contains("huntbook_trees"));
    let file = ground.home().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(deploy(&ground, &["ansible", str(&file)]).1, Some(2), "a file is no folder");
}

/// The fields of an artifact and of what it holds, by "Artifacts" in Velociraptor's documentation and `artifact.proto`.
const FIELDS: [&str; 12] = [
    "name",
    "author",
    "description",
    "type",
    "required_permissions",
    "implied_permissions",
    "tools",
    "precondition",
    "resources",
    "parameters",
    "sources",
    "reference",
];

#[test]
fn the_artifact_is_yaml_with_the_fields_that_velociraptor_knows() {
    let ground = TestBox::new();
    let file = ground.home().join("huntbook.yaml");
    assert_eq!(deploy(&ground, &["velociraptor", str(&file)]).1, Some(0));
    let (said, code) = deploy(&ground, &["velociraptor", str(&file)]);
    assert!(code == Some(2) && said.contains("--force"), "{said}");
    let text = fs::read_to_string(&file).unwrap();
    let artifact = yaml(&text);
    for (key, _) in artifact.as_mapping().unwrap() {
        assert!(FIELDS.contains(&key.as_str().unwrap()), "{key:?}");
    }
    let at = |key: &str| artifact.as_mapping_get(key).unwrap();
    assert!(at("name").as_str().unwrap().starts_with("Custom.") && at("type").as_str() == Some("CLIENT"));
    assert_eq!(at("required_permissions").as_sequence().unwrap()[0].as_str(), Some("EXECVE"));
    let tool = at("tools").as_sequence().unwrap()[0].as_mapping_get("name").unwrap().as_str().unwrap().to_owned();
    let query = at("sources").as_sequence().unwrap()[0].as_mapping_get("query").unwrap().as_str().unwrap().to_owned();
    assert!(query.contains(&format!("ToolName=\"{tool}\"")));
    for parameter in at("parameters").as_sequence().unwrap() {
        let name = parameter.as_mapping_get("name").unwrap().as_str().unwrap();
        assert!(query.contains(name), "{name} is used nowhere");
        assert!(["csv", "bool", "int"].contains(&parameter.as_mapping_get("type").unwrap().as_str().unwrap()));
    }
    let (open, closed) = (query.matches(['(', '{']).count(), query.matches([')', '}']).count());
    assert_eq!(open, closed, "{query}");
    // The arguments are those that huntbook scan has.
    let flags = query.split('"').filter(|word| word.starts_with("--") && word.len() > 2);
    let help = ground.huntbook(&["scan", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    flags.for_each(|flag| assert!(help.contains(flag), "{flag}"));
}

/// Ansible where `.ci/run` has put it, or where the environment or the path has one.
fn ansible() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ansible/bin/ansible-playbook");
    let named = std::env::var_os("HUNTBOOK_ANSIBLE").map(PathBuf::from);
    let in_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut places = named.into_iter().chain([own]).chain(in_path.map(|folder| folder.join("ansible-playbook")));
    places.find(|path| path.is_file())
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn ansible_hunts_on_several_boxes_and_leaves_nothing_there() {
    let Some(ansible) = ansible() else { return eprintln!("skipped: there is no ansible-playbook here") };
    let ground = TestBox::new();
    let hunt = ground.home().join("hunt");
    assert_eq!(deploy(&ground, &["ansible", str(&hunt)]).1, Some(0));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_huntbook"), hunt.join("huntbook")).unwrap();
    let boxes = ground.home().join("boxes");
    let mut hosts = String::new();
    for (name, tree) in [("clean", "tree"), ("hit", "tree"), ("broken", "no-such-tree")] {
        let here = boxes.join(name);
        fs::create_dir_all(here.join("tree")).unwrap();
        fs::create_dir_all(here.join("root")).unwrap();
        fs::write(here.join("tree/file"), if name == "hit" { fixtures::callback() } else { "nothing".into() }).unwrap();
        hosts += &format!(
            "    {name}: {{huntbook_trees: ['{at}/{tree}'], huntbook_remote_parent: '{at}/root'}}\n",
            at = str(&here)
        );
    }
    // One whose hunt is killed in the middle.
    let dies = hunt.join("dies");
    fs::write(&dies, "#!/bin/sh\ncase $1 in --version) exit 0 ;; scan) : >hunt.case; echo '{}'; kill -9 $$ ;; esac\n")
        .unwrap();
    let at = boxes.join("dies");
    fs::create_dir_all(at.join("root")).unwrap();
    hosts += &format!("    dies: {{huntbook_binary: '{}', huntbook_remote_parent: '{}/root'}}\n", str(&dies), str(&at));
    // One whose disk fills: the case is cut, and there is no room for a copy of it.
    let full = hunt.join("full");
    let last =
        r#"{"huntbook":{"kind":"summary","result":"done","complete":true,"open":0,"gaps":0,"case_unsaved":"full"}}"#;
    let script = format!(
        "#!/bin/sh\ncase $1 in --version) exit 0 ;; scan) echo a >hunt.case; echo b >hunt.case-wal; echo '{last}' ;; *) exit 2 ;; esac\n"
    );
    fs::write(&full, script).unwrap();
    let at = boxes.join("full");
    fs::create_dir_all(at.join("root")).unwrap();
    hosts += &format!("    full: {{huntbook_binary: '{}', huntbook_remote_parent: '{}/root'}}\n", str(&full), str(&at));
    // Nobody listens there.
    hosts += "    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}\n";
    let inventory = ground.home().join("inventory.yml");
    let settings = "    ansible_connection: local\n    ansible_python_interpreter: '{{ ansible_playbook_python }}'\n    huntbook_become: false\n    huntbook_poll: 1\n";
    fs::write(&inventory, format!("all:\n  vars:\n{settings}  hosts:\n{hosts}")).unwrap();
    let play = |more: &[&str]| {
        let mut command = Command::new(&ansible);
        command.env("HOME", ground.home()).env("ANSIBLE_HOME", ground.home().join("ansible")).env("LC_ALL", "C.UTF-8");
        command.env_remove("ANSIBLE_CONFIG").arg("-i").arg(&inventory).arg(hunt.join("huntbook.yml")).args(more);
        command.output().unwrap()
    };
    let before = files(&boxes);
    let results = hunt.join("huntbook-results");
    let checked = play(&["--check", "--limit", "hit"]);
    assert!(checked.status.success(), "{}", printed(&checked));
    assert!(printed(&checked).contains("would scan") && files(&boxes) == before && !results.exists());

    let played = play(&[]);
    let log = printed(&played);
    assert!(!played.status.success() && log.contains("not done: broken, dies, gone; states.csv says why"), "{log}");
    assert_eq!(files(&boxes), before, "nothing is left");
    let states = fs::read_to_string(results.join("states.csv")).unwrap();
    let rows: Vec<Vec<&str>> = states.lines().map(|line| line.splitn(6, ',').collect()).collect();
    let said: Vec<_> = rows.iter().map(|row| row[..5].join(",")).collect();
    let expected = [
        "host,state,exit_status,open,gaps",
        "broken,not done,2,,",
        "clean,done,0,0,0",
        "dies,not done,137,,",
        "full,partial,0,0,0",
        "gone,not done,,,",
        "hit,done,1,1,0",
    ];
    assert_eq!(said, expected, "{log}");
    assert!(
        rows[1][5].contains("exit status 2: ")
            && rows[1][5].contains("no-such-tree")
            && rows[3][5].contains("exit status 137")
            && rows[4][5] == "full"
            && rows[5][5].contains("Connection refused"),
        "{states}"
    );
    assert_eq!(fs::read_to_string(results.join("unfinished.txt")).unwrap(), "broken\ndies\nfull\ngone\n");
    let of = |name: &str| fs::read_to_string(results.join(name)).unwrap();
    assert_eq!((of("full/hunt.case"), of("full/hunt.case-wal")), ("a\n".to_owned(), "b\n".to_owned()));
    assert!(!results.join("hit/hunt.case-wal").exists());
    assert!(fs::read_to_string(results.join("broken/messages.txt")).unwrap().contains("no-such-tree"));
    let case = results.join("hit/hunt.case");
    assert_eq!(ground.huntbook(&["case", "verify", str(&case)]).output().unwrap().status.code(), Some(0));
    let lines = fs::read_to_string(results.join("hit/findings.ndjson")).unwrap();
    assert!(lines.lines().count() == 2 && lines.contains("EQGRP_callbacks"), "{lines}");

    // The broken one is mended and asked again; what is known of the others stays.
    fs::create_dir(boxes.join("broken/no-such-tree")).unwrap();
    let again = play(&["--limit", "broken"]);
    let states = fs::read_to_string(results.join("states.csv")).unwrap();
    assert!(states.contains("\nbroken,done,0,0,0,\n") && states.contains("\nhit,done,1,1,0,\n"), "{}", printed(&again));
}
