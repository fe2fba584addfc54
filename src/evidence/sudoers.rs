//! The sudoers files (sudoers(5)), as text: which lines name an account. sudo itself is never asked.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::observed::Gaps;
use super::show;
use crate::root::Root;
use crate::text;

/// How deep `@include` may nest: sudo's own limit (sudoers(5), "Including other files").
const MAX_DEPTH: usize = 128;
/// Files read in all.
const MAX_FILES: usize = 1000;
/// Lines kept in all.
const MAX_GRANTS: usize = 10_000;
/// How often an alias is replaced by what it stands for.
const MAX_ALIASES: usize = 100;

/// A line of a sudoers file that lets somebody do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The file.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Its line number, from 1.
    pub line: usize,
    /// The line, continuations joined, safe to show.
    pub text: String,
    #[serde(skip)]
    users: Vec<String>,
}

/// Whom a grant is asked about.
pub(super) struct Who<'a> {
    pub(super) uid: u32,
    pub(super) gid: Option<u32>,
    pub(super) name: Option<&'a str>,
    pub(super) groups: &'a [String],
}

impl Grant {
    /// Whether the line's user list names the account. A `!` takes out what an earlier item let in.
    pub(super) fn is_for(&self, who: &Who<'_>) -> bool {
        self.users.iter().fold(false, |named, item| {
            let wanted = item.trim_start_matches('!');
            let negated = (item.len() - wanted.len()) % 2 == 1;
            if matches(wanted, who) { !negated } else { named }
        })
    }
}

fn matches(item: &str, who: &Who<'_>) -> bool {
    let number = |digits: &str, id: Option<u32>| id.is_some_and(|id| digits.parse() == Ok(id));
    if let Some(gid) = item.strip_prefix("%#") {
        number(gid, who.gid)
    } else if let Some(group) = item.strip_prefix('%') {
        who.groups.iter().any(|name| name == group)
    } else if let Some(uid) = item.strip_prefix('#') {
        number(uid, Some(who.uid))
    } else {
        item == "ALL" || who.name == Some(item)
    }
}

/// Reads `/etc/sudoers` and all that it includes.
pub(super) fn read(root: &Root, gaps: &mut Gaps) -> Vec<Grant> {
    let mut reader = Reader { root, gaps, seen: HashSet::new(), aliases: HashMap::new(), grants: Vec::new() };
    reader.file(Path::new("/etc/sudoers"), 0);
    let Reader { aliases, mut grants, .. } = reader;
    for grant in &mut grants {
        grant.users = expand(std::mem::take(&mut grant.users), &aliases);
    }
    grants
}

/// Replaces user aliases by their members.
fn expand(users: Vec<String>, aliases: &HashMap<String, Vec<String>>) -> Vec<String> {
    let mut pending: Vec<String> = users.into_iter().rev().collect();
    let (mut expanded, mut replaced) = (Vec::new(), 0);
    while let Some(item) = pending.pop() {
        let name = item.trim_start_matches('!');
        match aliases.get(name) {
            Some(members) if replaced < MAX_ALIASES => {
                replaced += 1;
                let negation = &item[..item.len() - name.len()];
                pending.extend(members.iter().rev().map(|member| format!("{negation}{member}")));
            }
            _ => expanded.push(item),
        }
    }
    expanded
}

struct Reader<'a> {
    root: &'a Root,
    gaps: &'a mut Gaps,
    seen: HashSet<PathBuf>,
    aliases: HashMap<String, Vec<String>>,
    grants: Vec<Grant>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, depth: usize) {
        let found = match self.root.text(path) {
            Ok(found) => found,
            Err(error) => return self.gaps.add_error(path, &error),
        };
        if depth > MAX_DEPTH || self.seen.len() >= MAX_FILES {
            return self.gaps.add(format!("{}: included too deep or too often, not read", text::escape_path(path)));
        }
        if !self.seen.insert(found.resolved) {
            return;
        }
        if found.cut {
            self.gaps.add(format!("{}: only its first 4 MiB were read", text::escape_path(path)));
        }
        let mut joined = String::new();
        let mut first = 0;
        for (index, line) in String::from_utf8_lossy(&found.bytes).lines().enumerate() {
            if joined.is_empty() {
                first = index + 1;
            }
            if let Some(part) = line.strip_suffix('\\') {
                joined.push_str(part);
                continue;
            }
            joined.push_str(line);
            self.line(path, first, joined.trim(), depth);
            joined.clear();
        }
    }

    fn line(&mut self, path: &Path, number: usize, line: &str, depth: usize) {
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim().trim_matches('"');
        match keyword {
            "#include" | "@include" => self.file(&beside(path, rest), depth + 1),
            "#includedir" | "@includedir" => self.folder(&beside(path, rest), depth + 1),
            "User_Alias" => {
                for definition in rest.split(':') {
                    if let Some((name, members)) = definition.split_once('=') {
                        self.aliases.insert(name.trim().to_owned(), items(members));
                    }
                }
            }
            "" | "Host_Alias" | "Runas_Alias" | "Cmnd_Alias" | "Cmd_Alias" => {}
            _ if keyword.starts_with("Defaults") => {}
            // `#` opens a comment unless a user id follows.
            _ if keyword.starts_with('#') && !keyword[1..].starts_with(|c: char| c.is_ascii_digit()) => {}
            _ => {
                // A user specification: `USERS HOSTS = COMMANDS`; the last word before the first `=` is the hosts.
                let Some((left, _)) = line.split_once('=') else { return };
                let Some((users, _)) = left.trim_end().rsplit_once(char::is_whitespace) else { return };
                if self.grants.len() < MAX_GRANTS {
                    let users = items(users);
                    let text = text::escape_str(line).into_owned();
                    self.grants.push(Grant { path: path.to_owned(), line: number, text, users });
                }
            }
        }
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        let names = match self.root.folder(path).and_then(|folder| folder.names()) {
            Ok((names, _)) => names,
            Err(error) => return self.gaps.add_error(path, &error),
        };
        for name in names {
            // sudo skips names that end in `~` or contain a dot.
            let shown = name.to_string_lossy();
            if !shown.ends_with('~') && !shown.contains('.') {
                self.file(&path.join(&name), depth);
            }
        }
    }
}

fn beside(including: &Path, included: &str) -> PathBuf {
    including.parent().unwrap_or(Path::new("/")).join(included)
}

fn items(list: &str) -> Vec<String> {
    list.split(',').map(|item| item.trim().trim_matches('"').to_owned()).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(files: &[(&str, &str)]) -> (Vec<Grant>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/sudoers.d")).unwrap();
        for (path, content) in files {
            std::fs::write(dir.path().join("etc").join(path), content).unwrap();
        }
        let mut gaps = Gaps::default();
        let grants = read(&Root::image(dir.path()), &mut gaps);
        (grants, gaps.lines().collect())
    }

    fn who(name: &str) -> Who<'_> {
        Who { uid: 1000, gid: Some(1000), name: Some(name), groups: &[] }
    }

    #[test]
    fn includes_aliases_ids_and_negations_are_understood() {
        let (grants, gaps) = grants(&[
            (
                "sudoers",
                "User_Alias OPS = alice, !carol : DEV = bob\n@includedir /etc/sudoers.d\n#include sudoers.more\n# a comment = x\nOPS ALL = \\\n  ALL\n",
            ),
            ("sudoers.d/ids", "#1000 ALL=ALL\n%#1000 ALL=ALL\n"),
            ("sudoers.d/skipped.bak", "mallory ALL=ALL\n"),
            ("sudoers.more", "ALL, !bob ALL = NOPASSWD: /bin/true\n"),
        ]);
        assert_eq!(gaps, Vec::<String>::new());
        let named = |name: &str| -> Vec<usize> { (0..4).filter(|i| grants[*i].is_for(&who(name))).collect() };
        assert_eq!(grants.len(), 4);
        assert_eq!(named("alice"), [0, 1, 2, 3]);
        assert_eq!(named("bob"), [0, 1]);
        assert_eq!(named("carol"), [0, 1, 2]);
        assert_eq!((grants[3].line, grants[3].text.as_str()), (5, "OPS ALL =   ALL"));
    }

    #[test]
    fn loops_and_binary_noise_end() {
        let (grants, _) = grants(&[(
            "sudoers",
            "@include /etc/sudoers\nUser_Alias A = B, B\nUser_Alias B = A, A\nA ALL=ALL\n\0\x01=\x02\n",
        )]);
        assert_eq!(grants.len(), 1);
        assert!(!grants[0].is_for(&who("alice")));
    }
}
