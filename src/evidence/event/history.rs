//! What shells remember: bash(1), HISTORY; zsh's zshoptions(1), `EXTENDED_HISTORY`; fish.

use std::path::{Path, PathBuf};

use super::super::account::BoxAccounts;
use super::{EventKind, Events};
use crate::root::Root;

/// Files in a home, all of them texts of a command a line.
const FILES: [&str; 8] = [
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".sh_history",
    ".ash_history",
    ".history",
    ".python_history",
    ".local/share/fish/fish_history",
];
/// Homes looked into.
const MAX_HOMES: usize = 2000;
/// Bytes of one file.
const MAX_BYTES: u64 = 4 << 20;
/// Lines of one file that are kept, the last.
const MAX_LINES: usize = 20_000;

pub(super) fn read(root: &Root, accounts: &BoxAccounts, events: &mut Events) {
    let mut homes: Vec<(PathBuf, String)> =
        accounts.users().iter().map(|user| (user.home.clone(), user.name.clone())).collect();
    homes.sort();
    homes.dedup_by(|a, b| a.0 == b.0);
    for (home, user) in
        homes.into_iter().filter(|(home, _)| home.is_absolute() && home != Path::new("/")).take(MAX_HOMES)
    {
        if root.locate(&home, true).is_err() {
            continue;
        }
        for name in FILES {
            let path = home.join(name);
            match root.text_up_to(&path, MAX_BYTES) {
                Ok(text) => file(&path, &user, &String::from_utf8_lossy(&text.bytes), events),
                Err(error) => events.gaps.add_error(&path, &error),
            }
        }
    }
}

fn file(path: &Path, user: &str, text: &str, events: &mut Events) {
    let source = events.source(path);
    let skipped = text.lines().count().saturating_sub(MAX_LINES);
    let mut at = None;
    for (index, line) in text.lines().enumerate().skip(skipped) {
        // bash writes the time before the command, zsh in front of it, fish after it.
        if let Some(seconds) = line.strip_prefix('#').and_then(|digits| digits.parse::<i64>().ok()) {
            at = Some(seconds);
            continue;
        }
        if line.is_empty() || line.trim_start().starts_with("when:") {
            continue;
        }
        let zsh = line.strip_prefix(": ").and_then(|rest| rest.split_once(';'));
        let (when, command) = match zsh {
            Some((times, command)) => (times.split(':').next().and_then(|time| time.trim().parse().ok()), command),
            None => (at.take(), line.strip_prefix("- cmd: ").unwrap_or(line)),
        };
        events.add(source, index + 1, when, EventKind::Shell, &format!("{user}: {command}"));
    }
}
