//! The words of a command line that may be paths. A shell is imitated as far as its variables, quotes and `cd` go.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::root::normal;

/// Words looked at in one line.
const MAX_WORDS: usize = 256;
/// Quotes within quotes looked into.
const MAX_NESTING: usize = 3;
/// Bytes that a line may grow to when its variables are put in.
const MAX_EXPANDED: usize = 64 * 1024;
/// Variables kept of one table or script.
const MAX_VARIABLES: usize = 1000;
/// Variables within variables that are put in.
const MAX_DEPTH: usize = 4;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether it stands where a command's name stands, so that it may be found through `PATH`.
    pub(super) command: bool,
}

/// Programs and shell words after which another command stands.
const BEFORE_COMMANDS: &[&str] = &[
    "!", "do", "doas", "elif", "else", "env", "eval", "exec", "flock", "if", "ionice", "nice", "nohup", "setsid",
    "sudo", "then", "time", "timeout", "until", "while",
];

/// Splits a line at blanks, quotes and shell operators. A quoted text with blanks is also given whole, and a word such
/// as `--config=/etc/x` also in its parts, because a path may hold any of these characters.
pub(super) fn split(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current = String::new();
    let mut command = true;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => current.extend(escaped(&mut chars)),
            ';' | '&' | '|' | '(' | ')' | '`' | '{' | '}' => {
                flush(&mut words, &mut current, &mut command);
                command = true;
            }
            '\'' | '"' | '<' | '>' => flush(&mut words, &mut current, &mut command),
            c if c.is_whitespace() => flush(&mut words, &mut current, &mut command),
            c => current.push(c),
        }
        if words.len() >= MAX_WORDS {
            break;
        }
    }
    flush(&mut words, &mut current, &mut command);
    quoted(line, MAX_NESTING, &mut words);
    words.truncate(MAX_WORDS);
    words
}

/// What stands after a backslash: `x` and two hex digits are a byte (systemd.syntax(7)), all else stands for itself.
fn escaped(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let next = chars.next()?;
    let mut ahead = chars.clone();
    let digits: String = ahead.by_ref().take(2).collect();
    match u8::from_str_radix(&digits, 16) {
        Ok(byte) if next == 'x' && digits.len() == 2 && byte.is_ascii() => {
            *chars = ahead;
            Some(char::from(byte))
        }
        _ => Some(next),
    }
}

/// Adds the quoted texts of a line that hold blanks, and those quoted within them.
fn quoted(line: &str, nesting: usize, words: &mut Vec<Word>) {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once(['\'', '"']).filter(|_| nesting > 0 && words.len() < MAX_WORDS) {
        let quote = if rest[..rest.len() - after.len()].ends_with('"') { '"' } else { '\'' };
        let Some((text, after)) = after.split_once(quote) else { return };
        if text.contains(char::is_whitespace) {
            words.push(Word { text: text.to_owned(), command: false });
            quoted(text, nesting - 1, words);
        }
        rest = after;
    }
}

fn flush(words: &mut Vec<Word>, current: &mut String, command: &mut bool) {
    if current.is_empty() {
        return;
    }
    let text = std::mem::take(current);
    // `NAME=value command` sets a variable for the command that follows.
    let assignment = text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.contains('/'));
    if text.contains(['=', ',', ':', '[', ']']) {
        let parts = text.split(['=', ',', ':', '[', ']']).filter(|part| part.contains('/') || part.contains('.'));
        words.extend(parts.map(|part| Word { text: part.to_owned(), command: false }));
    }
    let short = text.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
    // `sh -c`, `su -c`, `bash -lc`: what follows is a command.
    let before_command =
        BEFORE_COMMANDS.contains(&text.as_str()) || short.is_some_and(|letters| letters.ends_with('c'));
    let stays = *command && (assignment || text.starts_with('-') || text.bytes().all(|byte| byte.is_ascii_digit()));
    words.push(Word { text, command: *command && !assignment });
    *command = stays || before_command;
}

/// Where a command runs, as far as its words depend on it.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandSetting {
    /// The user's home, for `~`, `$HOME` and commands that cron starts there.
    pub(super) home: Option<PathBuf>,
    /// The working folder, if the line or the unit sets one.
    pub(super) folder: Option<PathBuf>,
    /// Where command names are looked for.
    pub(super) path: Vec<PathBuf>,
    /// Variables that the table, the unit or the script has set.
    pub(super) variables: BTreeMap<String, String>,
    /// The script that the lines are of, for `$0` and for what it names beside itself.
    pub(super) script: Option<PathBuf>,
}

/// Whether a folder, an absolute path, holds a name.
pub(super) type LiesIn<'a> = dyn FnMut(&Path, &str) -> bool + 'a;

impl CommandSetting {
    /// The paths that the words of a command may mean, all absolute and without `.` and `..`.
    ///
    /// `cd FOLDER` sets the working folder for the words after it, as it does in a shell, and `NAME=value` a variable.
    pub(super) fn paths(&mut self, line: &str) -> Vec<PathBuf> {
        self.paths_there(line, &mut |_, _| true)
    }

    /// As [`CommandSetting::paths`], where of names alone only those are wanted that lie in a folder by what `lies_in` says of the
    /// folder and the name. Most words of a script lie nowhere, so that no path need be made of them.
    pub(super) fn paths_there(&mut self, line: &str, lies_in: &mut LiesIn<'_>) -> Vec<PathBuf> {
        let mut expanded = self.expand(line);
        self.assign(&expanded);
        // What the line itself has assigned counts for its later words.
        if expanded.contains('$') {
            expanded = self.expand(&expanded);
        }
        let mut paths = self.paths_of(&expanded, lies_in);
        // A quote may end within a word: `"$D"/f`.
        if has_quote_within_word(&expanded) {
            paths.extend(self.paths_of(&expanded.replace(['"', '\''], ""), lies_in));
            let mut seen = HashSet::new();
            paths.retain(|path| seen.insert(path.clone()));
        }
        paths
    }

    fn paths_of(&mut self, line: &str, lies_in: &mut LiesIn<'_>) -> Vec<PathBuf> {
        let beside = self.script.as_deref().and_then(Path::parent).map(Path::to_owned);
        let mut paths = Vec::new();
        let mut changing_folder = false;
        for word in split(line) {
            let text = self.expand_home(&word.text);
            let relative = Path::new(text.as_str());
            if relative.is_absolute() {
                paths.push(normal(relative));
            } else if !text.is_empty() && !text.starts_with('-') && text != "." && text.len() < 1024 {
                let is_name = !text.contains('/');
                let has_pattern = text.contains(['*', '?']);
                // An arm of a `case` and a `for` over all that there is tell nothing of one file.
                let is_anything = is_name && has_pattern && !text.contains(char::is_alphanumeric);
                let base = self.folder.as_ref().or(self.home.as_ref()).filter(|_| !is_anything);
                let beside = beside.as_ref().filter(|_| text.contains(['/', '.']) && !is_anything);
                // No shell looks for a pattern along `PATH`.
                let path: &[PathBuf] = if word.command && is_name && !has_pattern { &self.path } else { &[] };
                for folder in base.into_iter().chain(beside).chain(path) {
                    if !is_name || has_pattern || text == ".." || lies_in(folder, &text) {
                        paths.push(normal(&folder.join(relative)));
                    }
                }
            }
            if changing_folder {
                self.folder = if relative.is_absolute() {
                    Some(normal(relative))
                } else {
                    self.folder.as_ref().or(self.home.as_ref()).map(|base| normal(&base.join(relative)))
                };
            }
            changing_folder = word.command && matches!(text.as_str(), "cd" | "pushd" | "chdir");
        }
        paths
    }

    /// Remembers a variable; `value` is taken as it is.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain && self.variables.len() < MAX_VARIABLES && value.len() <= MAX_EXPANDED {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Remembers what a line assigns: `NAME=value`, alone or before a command, after `export` and the like, and within
    /// what a quoted text has a shell do.
    fn assign(&mut self, line: &str) {
        if !line.contains('=') {
            return;
        }
        for word in line.split(|c: char| c.is_whitespace() || ";&|()'\"`{}".contains(c)) {
            if let Some((name, value)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) {
                self.set(name, value);
            }
        }
        let mut rest = line.trim_start();
        for keyword in ["export ", "readonly ", "declare ", "local ", "set ", "typeset "] {
            rest = rest.strip_prefix(keyword).unwrap_or(rest).trim_start();
        }
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim_end();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return;
            }
            let after = after.trim_start_matches(' ');
            let (value, next) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => match after[1..].split_once(quote) {
                    Some((value, next)) => (value, next),
                    None => (&after[1..], ""),
                },
                _ => after.split_once([' ', '\t', ';', '&']).unwrap_or((after, "")),
            };
            self.set(name, value);
            rest = next.trim_start_matches([';', '&']).trim_start();
        }
    }

    /// A line with its variables put in, as far as they are known.
    fn expand(&self, line: &str) -> String {
        let mut line = self.own_folder(line);
        if !line.contains('$') {
            return line;
        }
        for _ in 0..MAX_DEPTH {
            let expanded = self.expand_once(&line);
            if expanded == line || expanded.len() > MAX_EXPANDED {
                break;
            }
            line = expanded;
        }
        line
    }

    fn expand_once(&self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, fallback, tail) = match braced {
                Some((inner, tail)) => {
                    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
                    let (name, operator) = inner.split_at(end);
                    let fallback = [":-", "-", ":="].iter().find_map(|mark| operator.strip_prefix(mark));
                    (name, fallback, tail)
                }
                None => {
                    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                    let (name, tail) = after.split_at(end);
                    (name, None, tail)
                }
            };
            let home = || self.home.as_ref().filter(|_| name == "HOME").map(|home| home.display().to_string());
            match self.variables.get(name).cloned().or_else(home).or_else(|| fallback.map(str::to_owned)) {
                Some(value) => out.push_str(&value),
                None if braced.is_some() => out.push_str(&format!("${name}")),
                None => {
                    out.push('$');
                    out.push_str(name);
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    /// A line with what scripts write to find themselves replaced by their folder: `$(dirname "$0")`, `${0%/*}`,
    /// `$(cd "$(dirname "$0")" && pwd)`.
    fn own_folder(&self, line: &str) -> String {
        if !line.contains(['$', '`']) {
            return line.to_owned();
        }
        let Some(script) = &self.script else { return line.to_owned() };
        let folder = script.parent().unwrap_or(Path::new("/")).display().to_string();
        let own = script.display().to_string();
        let mut line = line.replace("${0%/*}", &folder).replace("${BASH_SOURCE%/*}", &folder);
        for _ in 0..MAX_DEPTH {
            let Some(at) = ["$(dirname", "`dirname", "$(cd "].iter().filter_map(|mark| line.find(mark)).min() else {
                break;
            };
            let Some(end) = closing(&line[at..]) else { break };
            let inner = &line[at..at + end];
            if !inner.contains("$0") && !inner.contains("BASH_SOURCE") && !inner.contains("$(cd ") {
                break;
            }
            line.replace_range(at..at + end, &folder);
        }
        line.replace("${BASH_SOURCE[0]}", &own).replace("${0}", &own).replace("$0", &own)
    }

    fn expand_home(&self, word: &str) -> String {
        match (word.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.display())
            }
            _ => word.to_owned(),
        }
    }
}

/// Whether a quote begins or ends within a word, so that what stands on both its sides belongs together.
fn has_quote_within_word(line: &str) -> bool {
    let joins = |c: char| !c.is_whitespace() && !matches!(c, '=' | ',' | ';' | '&' | '|' | '(' | ')' | '[' | ']');
    line.match_indices(['"', '\'']).any(|(at, quote)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + quote.len()..].chars().next());
        before.is_some_and(joins) && after.is_some_and(joins)
    })
}

/// The bytes up to the end of the command substitution that a text begins with.
fn closing(text: &str) -> Option<usize> {
    if let Some(inner) = text.strip_prefix('`') {
        return inner.find('`').map(|end| end + 2);
    }
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth <= 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(setting: &mut CommandSetting, line: &str) -> Vec<String> {
        setting.paths(line).iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand_in_a_command() {
        let mut setting = CommandSetting::default();
        let found =
            paths(&mut setting, r#"X=1 /usr/bin/python3 -u '/opt/a.py' "--conf=/etc/b" 2>/var/log/c;/opt/d|/opt/../e"#);
        assert_eq!(found, ["/usr/bin/python3", "/opt/a.py", "/etc/b", "/var/log/c", "/opt/d", "/e"]);
        assert!(paths(&mut setting, r#"sh -c "cp '/opt/my file' /tmp""#).contains(&"/opt/my file".to_owned()));
        assert!(paths(&mut setting, r"/opt/my\ file").contains(&"/opt/my file".to_owned()));
        assert!(paths(&mut setting, r"/opt/my\x20file").contains(&"/opt/my file".to_owned()));
    }

    #[test]
    fn relative_words_depend_on_home_folder_and_search_path() {
        let mut setting = CommandSetting {
            home: Some("/home/a".into()),
            path: vec!["/usr/local/bin".into()],
            ..CommandSetting::default()
        };
        assert_eq!(paths(&mut setting, "backup ~/x"), ["/home/a/backup", "/usr/local/bin/backup", "/home/a/x"]);
        let found = paths(&mut setting, "cd /opt/reports && ./payload.py --flag");
        assert!(found.contains(&"/opt/reports".to_owned()) && found.contains(&"/opt/reports/payload.py".to_owned()));
        assert_eq!(setting.folder.as_deref(), Some(Path::new("/opt/reports")));
    }

    #[test]
    fn variables_and_a_script_s_own_folder_are_put_in() {
        let script = || CommandSetting { script: Some("/opt/x/run.sh".into()), ..CommandSetting::default() };
        for (lines, expected) in [
            (&["BASE=/opt/y", "exec $BASE/f"][..], "/opt/y/f"),
            (&["BASE=/opt/y", "exec \"${BASE}/f\" 1"], "/opt/y/f"),
            (&["A=/opt", "B=$A/y", "sh ${B}/f"], "/opt/y/f"),
            (&["export BASE='/opt/y'; cd \"$BASE\" && ./f"], "/opt/y/f"),
            (&["\"$(dirname \"$0\")/f\""], "/opt/x/f"),
            (&["DIR=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)", "$DIR/f"], "/opt/x/f"),
            (&["exec ${0%/*}/f"], "/opt/x/f"),
            (&["exec `dirname $0`/f"], "/opt/x/f"),
            (&["${UNSET:-/opt/y}/f"], "/opt/y/f"),
            (&["subprocess.run(['python3', 'f.py'])"], "/opt/x/f.py"),
        ] {
            let mut setting = script();
            let found: Vec<String> = lines.iter().flat_map(|line| paths(&mut setting, line)).collect();
            assert!(found.contains(&expected.to_owned()), "{lines:?}: {found:?}");
        }
    }

    #[test]
    fn hostile_lines_are_bounded() {
        assert!(split(&"/a ".repeat(100_000)).len() <= MAX_WORDS);
        assert_eq!(split("'unclosed /a"), split("unclosed /a"));
        assert_eq!(split("\\"), []);
        // A variable that holds itself twice grows without end.
        let mut setting = CommandSetting::default();
        setting.set("A", &"$A$A".repeat(100));
        assert!(setting.expand("$A").len() <= MAX_EXPANDED);
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in "[$(){}'\"`a-z0-9/=;& \\\\x%.~]{0,60}", other in ".*") {
            let mut setting = CommandSetting { script: Some("/opt/x/é.sh".into()), home: Some("/h".into()), ..CommandSetting::default() };
            for line in [line, other] {
                for path in setting.paths(&line) {
                    prop_assert!(path.is_absolute());
                }
            }
        }
    }
}
