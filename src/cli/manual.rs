//! The manual, in roff: a page for the program and, after it, one for each of its commands.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::Cli;

/// A heading's entries: what it is, and what it means.
type Entries = &'static [(&'static str, &'static str)];

const EXIT_STATUS: Entries = &[
    ("0", "Nothing is open."),
    ("1", "There are findings that no exclusion covers; for exclusions check and case verify, something is wrong."),
    ("2", "Wrong usage, or what ended huntbook scan early: a failure, a signal, a reader that went, as with | head."),
    ("3", "No such finding, but part of the tree could not be scanned, or the scan was stopped on the screen."),
];

const FILES: Entries = &[
    (
        "$XDG_STATE_HOME/huntbook/cases/HOST-TREE-DIGEST.case",
        "The case of a tree, where --case names no other file. Without XDG_STATE_HOME, below ~/.local/state.",
    ),
    (
        "$XDG_DATA_HOME/huntbook/exclusions.toml",
        "The register of exclusions, where --exclusions names no other file. Without XDG_DATA_HOME, below ~/.local/share.",
    ),
    (
        "$XDG_CONFIG_HOME/huntbook/config.toml",
        "Theme and keys of the screen. Without XDG_CONFIG_HOME, below ~/.config.",
    ),
    ("$XDG_CONFIG_HOME/huntbook/themes/NAME.toml", "Themes of your own."),
    (
        "$XDG_CACHE_HOME/huntbook/rules",
        "Compiled rules. Without XDG_CACHE_HOME, below ~/.cache. May be deleted at any time.",
    ),
    (
        "NAME.yar, NAME.toml",
        "A hunt in a folder that --hunts names: a YARA rule, and the hypothesis and scenarios beside it.",
    ),
    (
        "huntbook-falsepositive-hashes.txt",
        "What exclusions export --format loki writes. The name matters: THOR takes another file with the word hash for a list of malicious hashes.",
    ),
];

const ENVIRONMENT: Entries = &[
    ("HOME, XDG_STATE_HOME, XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME", "Where the files above lie."),
    ("NO_COLOR", "When it is set and not empty, the screen has no colours."),
    ("COLORTERM, TERM", "How many colours the terminal has: truecolor and 24bit in COLORTERM, 256color in TERM."),
    ("SUDO_USER", "The person behind sudo, who is recorded beside the account with every decision."),
];

const EXAMPLES: Entries = &[
    ("huntbook /srv", "Scan /srv with the built-in hunts and look at what is found on the screen."),
    (
        "huntbook scan / --one-file-system --format ndjson > findings.ndjson",
        "Scan without a screen, one ECS document a line.",
    ),
    (
        "huntbook scan /mnt/disk --root /mnt/disk --case disk.case",
        "Scan a mounted image; owners, packages and schedules are looked up in it.",
    ),
    ("huntbook scan /opt --no-builtin --rules rules.yar", "Scan with YARA rules of your own only."),
    ("huntbook disk.case", "Go on deciding in a case, on any machine."),
    ("huntbook report disk.case --output report.md", "Write what was found, decided and not scanned."),
    (
        "huntbook case verify disk.case --head 41:9f86…",
        "Check that nothing in a case was changed since that head was printed.",
    ),
    ("huntbook exclusions export --format kql", "Write the exclusions as a query for Microsoft Sentinel."),
];

/// The pages, one after the other.
///
/// # Errors
/// What the renderer says.
pub(crate) fn pages() -> io::Result<Vec<u8>> {
    let mut all = Cli::command().disable_help_subcommand(true);
    all.build();
    let mut pages = Vec::new();
    let mut commands = vec![all];
    while let Some(command) = commands.pop() {
        let within: Vec<_> = command.get_subcommands().filter(|within| !within.is_hide_set()).cloned().collect();
        commands.extend(within.into_iter().rev());
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        page(command.name(name), &mut pages)?;
    }
    Ok(pages)
}

fn page(command: Command, out: &mut Vec<u8>) -> io::Result<()> {
    let is_program = command.get_name() == "huntbook";
    let (has_options, has_commands) = (command.get_arguments().next().is_some(), command.has_subcommands());
    // What --help says at its end has a section of its own here.
    let man = Man::new(command.after_help("").after_long_help(""));
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    if has_options {
        man.render_options_section(out)?;
    }
    if has_commands {
        man.render_subcommands_section(out)?;
    }
    section("EXIT STATUS", EXIT_STATUS).to_writer(out)?;
    if is_program {
        section("FILES", FILES).to_writer(out)?;
        section("ENVIRONMENT", ENVIRONMENT).to_writer(out)?;
        section("EXAMPLES", EXAMPLES).to_writer(out)?;
        man.render_version_section(out)?;
    }
    Ok(())
}

fn section(title: &str, entries: Entries) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", [title]);
    for (what, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*what)]);
        roff.text([roman(*meaning)]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_program_has_every_section_and_every_command_a_page() {
        let pages = String::from_utf8(pages().unwrap()).unwrap();
        for title in ["NAME", "SYNOPSIS", "OPTIONS", "\"EXIT STATUS\"", "FILES", "ENVIRONMENT", "EXAMPLES"] {
            assert!(pages.contains(&format!("\n.SH {title}\n")), "{title}");
        }
        let commands = Cli::command().get_subcommands().count();
        assert!(pages.matches("\n.SH \"EXIT STATUS\"\n").count() > commands);
        assert!(!pages.contains("\n.SH EXTRA\n"), "said twice");
    }

    #[test]
    fn examples_are_commands_that_there_are() {
        for (example, _) in EXAMPLES {
            let words = example.split(' ').take_while(|word| *word != ">");
            let parsed = Cli::command().try_get_matches_from(words.map(|word| word.trim_end_matches('…')));
            // Files that are named need not be here.
            if let Err(error) = parsed {
                assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{example}: {error}");
            }
        }
    }
}
