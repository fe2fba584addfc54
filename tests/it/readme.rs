//! The books say what there is, and nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory as _;
use huntbook::internals::cli::args::Cli;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
/// Bytes that a person reads in one sitting.
const ONE_SITTING: usize = 10 * 1024;

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_huntbook")).arg("help").args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The topics with what each explains, as `huntbook help` lists them.
fn topics() -> Vec<(String, String)> {
    let page = help(&[]);
    let (_, list) = page.split_once("Topics (huntbook help TOPIC):\n").unwrap();
    let line = |line: &str| line.trim().split_once("  ").map(|(name, about)| (name.into(), about.trim().into()));
    list.lines().map_while(line).collect()
}

#[test]
fn the_topics_in_it_are_those_of_help() {
    const MARKS: [&str; 2] = ["<!-- topics -->\n", "<!-- /topics -->"];
    let table: String =
        topics().iter().map(|(name, about)| format!("| `huntbook help {name}` | {about} |\n")).collect();
    let start = README.find(MARKS[0]).unwrap() + MARKS[0].len();
    let end = README.find(MARKS[1]).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        std::fs::write(path, format!("{}{table}{}", &README[..start], &README[end..])).unwrap();
        return;
    }
    assert_eq!(&README[start..end], table, "run: UPDATE_README=1 cargo test the_topics_in_it");
}

/// Every flag of a command and of the commands below it.
fn flags(command: &clap::Command, found: &mut BTreeSet<String>) {
    for argument in command.get_arguments() {
        found
            .extend(argument.get_long_and_visible_aliases().unwrap_or_default().iter().map(|long| format!("--{long}")));
    }
    for below in command.get_subcommands() {
        flags(below, found);
    }
}

#[test]
fn no_book_names_a_flag_that_there_is_not() {
    let mut command = Cli::command();
    // Adds what clap brings: --help and --version.
    command.build();
    let mut known = BTreeSet::new();
    flags(&command, &mut known);
    // Of ansible-playbook.
    known.extend(["--check", "--limit", "--tags"].map(str::to_owned));
    // Of cargo and git.
    known.extend(
        [
            "--profile",
            "--target",
            "--no-build",
            "--no-strip",
            "--release",
            "--bench",
            "--test",
            "--bin",
            "--fuzz-dir",
            "--sanitizer",
        ]
        .map(str::to_owned),
    );
    let mut books =
        vec![("README".to_owned(), README.to_owned()), ("CONTRIBUTING".to_owned(), CONTRIBUTING.to_owned())];
    books.extend(topics().into_iter().map(|(topic, _)| (topic.clone(), help(&[&topic]))));
    for (book, text) in books {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let named = words.filter(|word| word.starts_with("--") && word.chars().any(|c| c.is_ascii_alphabetic()));
        for flag in named {
            assert!(known.contains(flag), "{book} names {flag}, which there is not");
        }
    }
}

#[test]
fn it_names_every_command_and_is_read_in_one_sitting() {
    let all = format!("{README}{}", help(&[]));
    for command in Cli::command().get_subcommands() {
        assert!(all.contains(command.get_name()), "nowhere: {}", command.get_name());
    }
    assert!(README.len() <= ONE_SITTING, "README has {} bytes", README.len());
}
