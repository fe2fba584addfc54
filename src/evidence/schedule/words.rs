//! The words of a command line that may be paths. No shell is imitated further than that.

use std::path::{Path, PathBuf};

use crate::root::normal;

/// Words looked at in one line.
const MAX_WORDS: usize = 256;
/// Quotes within quotes looked into.
const MAX_NESTING: usize = 3;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether it stands where a command's name stands, so that it may be found through `PATH`.
    pub(super) command: bool,
}

/// Splits a line at blanks, quotes and shell operators. A quoted text with blanks is also given whole, and a word such
/// as `--config=/etc/x` also in its parts, because a path may hold any of these characters.
pub(super) fn split(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current = String::new();
    let mut command = true;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => current.extend(chars.next()),
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
    if text.contains(['=', ',', ':']) {
        let parts = text.split(['=', ',', ':']).filter(|part| part.contains('/'));
        words.extend(parts.map(|part| Word { text: part.to_owned(), command: false }));
    }
    words.push(Word { text, command: *command && !assignment });
    *command &= assignment;
}

/// Where a command runs, as far as its relative words depend on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Setting {
    /// The user's home, for `~`, `$HOME` and commands that cron starts there.
    pub(super) home: Option<PathBuf>,
    /// The working folder, if the line or the unit sets one.
    pub(super) folder: Option<PathBuf>,
    /// Where command names are looked for.
    pub(super) path: Vec<PathBuf>,
}

impl Setting {
    /// The paths that the words of a command may mean, all absolute and without `.` and `..`.
    ///
    /// `cd FOLDER` sets the working folder for the words after it, as it does in a shell.
    pub(super) fn paths(&mut self, line: &str) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut changing_folder = false;
        for word in split(line) {
            let text = self.expand_home(&word.text);
            let relative = Path::new(text.as_str());
            if relative.is_absolute() {
                paths.push(normal(relative));
            } else if !text.starts_with('-') && text != "." && text.len() < 1024 {
                let base = self.folder.as_ref().or(self.home.as_ref());
                paths.extend(base.map(|base| normal(&base.join(relative))));
                if word.command && !text.contains('/') {
                    paths.extend(self.path.iter().map(|folder| normal(&folder.join(relative))));
                }
            }
            if changing_folder {
                self.folder = if relative.is_absolute() {
                    Some(normal(relative))
                } else {
                    self.folder.as_ref().or(self.home.as_ref()).map(|base| normal(&base.join(relative)))
                };
            }
            changing_folder = word.command && text == "cd";
        }
        paths
    }

    fn expand_home(&self, word: &str) -> String {
        let rest = ["~", "$HOME", "${HOME}"].iter().find_map(|name| word.strip_prefix(name));
        match (rest, &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.display())
            }
            _ => word.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(setting: &mut Setting, line: &str) -> Vec<String> {
        setting.paths(line).iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand_in_a_command() {
        let mut setting = Setting::default();
        assert_eq!(
            paths(&mut setting, r#"X=1 /usr/bin/python3 -u '/opt/a.py' "--conf=/etc/b" 2>/var/log/c;/opt/d|/opt/../e"#),
            ["/usr/bin/python3", "/opt/a.py", "/etc/b", "/var/log/c", "/opt/d", "/e"]
        );
        assert!(paths(&mut setting, r#"sh -c "cp '/opt/my file' /tmp""#).contains(&"/opt/my file".to_owned()));
        assert!(paths(&mut setting, r"/opt/my\ file").contains(&"/opt/my file".to_owned()));
    }

    #[test]
    fn relative_words_depend_on_home_folder_and_search_path() {
        let mut setting = Setting { home: Some("/home/a".into()), folder: None, path: vec!["/usr/local/bin".into()] };
        assert_eq!(paths(&mut setting, "backup ~/x"), ["/home/a/backup", "/usr/local/bin/backup", "/home/a/x"]);
        let found = paths(&mut setting, "cd /opt/reports && ./payload.py --flag");
        assert!(found.contains(&"/opt/reports".to_owned()) && found.contains(&"/opt/reports/payload.py".to_owned()));
        assert_eq!(setting.folder.as_deref(), Some(Path::new("/opt/reports")));
    }

    #[test]
    fn hostile_lines_are_bounded() {
        assert!(split(&"/a ".repeat(100_000)).len() <= MAX_WORDS);
        assert_eq!(split("'unclosed /a"), split("unclosed /a"));
        assert_eq!(split("\\"), []);
    }
}
