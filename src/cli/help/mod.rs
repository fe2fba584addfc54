//! `huntbook help TOPIC`: what does not fit into the help of one command, made where it can be from the tables that the
//! program itself works with.

mod page;

use std::fmt::Write as _;
use std::io::Write as _;

use clap::Args;

use crate::evidence::PLACES;
use crate::hunt::Field;
use crate::print;
use crate::scan::REASON_KINDS;
use crate::text;
use crate::triage::filter;
use crate::tui::keymap::{Context, Keymap, TABLE};

/// Columns of a page where standard output is no terminal.
const PLAIN_COLUMNS: usize = 100;
/// Columns of a page on a terminal at most: longer lines are hard to read.
const MAX_COLUMNS: usize = 120;

/// What is explained.
#[derive(Debug, Clone, Default, Args)]
pub struct HelpArgs {
    /// A topic, or a command with its own commands; without one, all topics are listed.
    #[arg(value_name = "TOPIC|COMMAND")]
    pub words: Vec<String>,
}

/// One page of help that is no command's.
struct Topic {
    /// Its name on the command line.
    name: &'static str,
    /// What it explains, in a few words.
    about: &'static str,
    /// The page, in the subset of Markdown that [`page`] knows.
    markdown: fn() -> String,
}

/// All topics, in the order in which they are listed.
const TOPICS: [Topic; 21] = [
    Topic { name: "keys", about: "every key of every screen", markdown: keys },
    Topic {
        name: "filter",
        about: "what / takes on the list of findings: words, fields, tags",
        markdown: || include_str!("filter.md").replace("FIELDS", filter::help().trim_end()),
    },
    Topic {
        name: "signs",
        about: "the signs for states and for structures of a file",
        markdown: || include_str!("signs.md").to_owned(),
    },
    Topic {
        name: "config",
        about: "config.toml: theme, keys, panes, bell, what the terminal is told",
        markdown: || include_str!("config.md").to_owned(),
    },
    Topic {
        name: "exit-codes",
        about: "what the exit status says",
        markdown: || include_str!("exit-codes.md").to_owned(),
    },
    Topic {
        name: "archives",
        about: "what is looked into, how members are named and excluded, limits",
        markdown: || include_str!("archives.md").to_owned(),
    },
    Topic {
        name: "processes",
        about: "what runs without a file, and the memory of processes",
        markdown: || include_str!("processes.md").to_owned(),
    },
    Topic { name: "coverage", about: "why something was not scanned, and which reasons are gaps", markdown: coverage },
    Topic {
        name: "safety",
        about: "what Huntbook gives up, so that a hostile box gains nothing",
        markdown: || include_str!("safety.md").to_owned(),
    },
    Topic {
        name: "hunts",
        about: "hunts of your own, site facts, plain rules",
        markdown: || include_str!("hunts.md").to_owned(),
    },
    Topic { name: "fields", about: "the fields and operators of checks", markdown: fields },
    Topic {
        name: "evidence",
        about: "when the box supports a scenario, and what speaks against one",
        markdown: || include_str!("evidence.md").to_owned(),
    },
    Topic {
        name: "persistence",
        about: "the places that start programs, with their techniques",
        markdown: persistence,
    },
    Topic {
        name: "register",
        about: "exclusions, their scopes, the file they are kept in",
        markdown: || include_str!("register.md").to_owned(),
    },
    Topic {
        name: "case",
        about: "the file that holds a hunt, its journal and the head",
        markdown: || include_str!("case.md").to_owned(),
    },
    Topic {
        name: "reports",
        about: "what report and scan write, and what Sentinel takes",
        markdown: || include_str!("reports.md").to_owned(),
    },
    Topic {
        name: "ndjson",
        about: "the fields of a scan's and a report's lines",
        markdown: || include_str!("ndjson.md").to_owned(),
    },
    Topic {
        name: "fleet",
        about: "many boxes: one file that runs anywhere, Ansible, Velociraptor, was a box done",
        markdown: || include_str!("fleet.md").to_owned(),
    },
    Topic {
        name: "exports",
        about: "exclusions for Sentinel, Kusto, SARIF, Loki and THOR",
        markdown: || include_str!("exports.md").to_owned(),
    },
    Topic {
        name: "conditions",
        about: "a rule's condition part by part, and ELF fields in JSON",
        markdown: || concat!(include_str!("conditions.md"), "\n", include_str!("elf.md")).to_owned(),
    },
    Topic { name: "log", about: "what --log writes", markdown: || include_str!("log.md").to_owned() },
];

/// Prints a topic, the help of a command of `program`, or the list of topics.
///
/// # Errors
/// When there is no such topic or command, or standard output cannot be written.
pub(super) fn run(args: &HelpArgs, program: clap::Command) -> anyhow::Result<()> {
    let columns = print::columns().map_or(PLAIN_COLUMNS, |columns| columns.clamp(40, MAX_COLUMNS));
    print::stdout().write_all(shown(&args.words, program, columns)?.as_bytes())?;
    Ok(())
}

fn shown(words: &[String], mut command: clap::Command, columns: usize) -> anyhow::Result<String> {
    command.build();
    let Some(first) = words.first() else { return Ok(overview(&mut command)) };
    if let [word] = words
        && let Some(topic) = TOPICS.iter().find(|topic| topic.name == word)
    {
        return Ok(page::plain(&(topic.markdown)(), columns));
    }
    let mut found = &mut command;
    for word in words {
        let Some(next) = found.find_subcommand_mut(word) else {
            anyhow::bail!(
                "there is no topic or command {}; huntbook help lists them",
                text::escape_str(if words.len() == 1 { first } else { word })
            );
        };
        found = next;
    }
    Ok(found.render_long_help().to_string())
}

/// The program's own help, and the topics.
fn overview(command: &mut clap::Command) -> String {
    let mut page = command.render_help().to_string();
    page.push_str("\nTopics (huntbook help TOPIC):\n");
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or_default();
    for topic in &TOPICS {
        let _ = writeln!(page, "  {:width$}  {}", topic.name, topic.about);
    }
    page
}

/// The keymap, context by context.
fn keys() -> String {
    let keymap = Keymap::default();
    let mut page = String::new();
    for context in Context::ALL {
        let _ = write!(page, "## {}\n\n| keys | what they do |\n| --- | --- |\n", context.title());
        for row in TABLE.iter().filter(|row| row.context == context) {
            let _ = writeln!(
                page,
                "| {} | {} |",
                keymap.keys(row.action).replace('|', "\\|"),
                row.long.replace('|', "\\|")
            );
        }
        page.push('\n');
    }
    page.push_str(include_str!("keys.md"));
    page
}

/// Fields and operators, from the types that checks are made of.
fn fields() -> String {
    let mut page = String::from(include_str!("fields.md"));
    page.push_str("\n| field | operators | what it is |\n| --- | --- | --- |\n");
    for field in Field::ALL {
        let operators: Vec<_> = field.operators().iter().map(|operator| operator.name()).collect();
        let _ = writeln!(page, "| {} | {} | {} |", field.name(), operators.join(", "), field.about());
    }
    page
}

/// The places that start programs, from the table that is looked through.
fn persistence() -> String {
    let mut page = String::from(include_str!("persistence.md"));
    page.push_str("\n| kind | technique | it starts | described in |\n| --- | --- | --- | --- |\n");
    for place in PLACES {
        let _ = writeln!(page, "| {} | {} | {} | {} |", place.kind, place.technique, place.when, place.source);
    }
    page
}

/// The reasons of coverage, gaps first.
fn coverage() -> String {
    let mut page = String::from(include_str!("coverage.md"));
    page.push_str("\n| reason | what it says |\n| --- | --- |\n");
    for kind in REASON_KINDS {
        let _ = writeln!(page, "| {} | {}{} |", kind.name, if kind.gap { "gap: " } else { "" }, kind.about);
    }
    page
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_topic_and_command_has_a_page_within_the_width() {
        for topic in &TOPICS {
            for columns in [40, 80, 120] {
                let page = shown(&words(topic.name), Cli::command(), columns).unwrap();
                assert!(page.lines().count() > 2, "{}", topic.name);
                assert!(!page.contains("| --- |") && !page.contains("]("), "{}: {page}", topic.name);
                let long = page.lines().find(|line| !line.starts_with("    ") && text::width(line) > columns);
                assert_eq!(long, None, "{} at {columns}", topic.name);
            }
        }
        for command in ["scan", "exclusions revoke", "case verify"] {
            assert!(shown(&words(command), Cli::command(), 80).unwrap().contains("Usage: huntbook"), "{command}");
        }
    }

    #[test]
    fn an_unknown_topic_is_named_and_the_overview_lists_all() {
        let error = shown(&words("nosuch"), Cli::command(), 80).unwrap_err().to_string();
        assert_eq!(error, "there is no topic or command nosuch; huntbook help lists them");
        assert!(shown(&words("scan \u{9b}2J"), Cli::command(), 80).unwrap_err().to_string().contains("\\u{9b}2J"));
        let overview = shown(&[], Cli::command(), 80).unwrap();
        assert!(TOPICS.iter().all(|topic| overview.contains(topic.name)));
    }
}
