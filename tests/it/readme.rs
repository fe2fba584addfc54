//! README says what there is, and nothing else.

use clap::CommandFactory as _;
use huntbook::cli::args::Cli;
use huntbook::tui::keymap::{Context, Keymap, TABLE};

const README: &str = include_str!("../../README.md");
const BEGIN: &str = "<!-- keys -->\n";
const END: &str = "<!-- /keys -->";

/// The keymap as README shows it.
fn key_table() -> String {
    let keymap = Keymap::default();
    let mut table = String::new();
    for context in Context::ALL {
        table.push_str(&format!("**{}**\n\n| keys | what they do |\n| --- | --- |\n", context.title()));
        for row in TABLE.iter().filter(|row| row.context == context) {
            let keys: Vec<_> = keymap.keys(row.action).split(' ').map(|key| format!("`{key}`")).collect();
            table.push_str(&format!("| {} | {} |\n", keys.join(" "), row.long.replace('|', "\\|")));
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_key_table_is_the_keymaps() {
    let start = README.find(BEGIN).unwrap() + BEGIN.len();
    let end = README.find(END).unwrap();
    let table = key_table();
    if std::env::var_os("UPDATE_README").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        std::fs::write(path, format!("{}{table}{}", &README[..start], &README[end..])).unwrap();
        return;
    }
    assert_eq!(&README[start..end], table, "run: UPDATE_README=1 cargo test the_key_table");
}

/// Every flag of a command and of the commands below it.
fn flags(command: &clap::Command, found: &mut Vec<String>) {
    found.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")));
    for below in command.get_subcommands() {
        flags(below, found);
    }
}

#[test]
fn every_flag_and_command_is_in_it_and_no_other() {
    let mut command = Cli::command();
    // Adds what clap brings: --help and --version.
    command.build();
    let mut known = Vec::new();
    flags(&command, &mut known);
    for flag in &known {
        assert!(README.contains(flag.as_str()), "README lacks {flag}");
    }
    for below in command.get_subcommands() {
        let usage = format!("huntbook {}", below.get_name());
        assert!(README.contains(&usage), "README lacks {usage}");
    }
    let said = README.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| word.starts_with("--"));
    for word in said.filter(|word| word.len() > 3 && word.chars().any(|c| c.is_ascii_alphabetic())) {
        let is_cargo = matches!(word, "--release" | "--bench");
        assert!(is_cargo || known.iter().any(|flag| flag == word), "README names {word}, which there is not");
    }
}
