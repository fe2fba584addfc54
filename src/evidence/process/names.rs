//! The names a process goes by.
//!
//! The kernel's own (`comm`) is cut to 15 bytes, names the interpreter where a script runs, and can be set to anything.
//! So the name of the executable, the first word of the command line and the script that an interpreter runs count too.

use std::ffi::OsString;
use std::path::Path;

use crate::text;

/// Bytes of `comm` (`TASK_COMM_LEN` less its NUL, `proc_pid_comm(5)`).
const MAX_COMM: usize = 15;

/// Interpreters, and which of their options take the program from elsewhere than a file, and which take a value.
const INTERPRETERS: &[(&[&str], &str, &str)] = &[
    (&["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"], "cs", "oO"),
    (&["pypy", "python"], "cm", "WX"),
    (&["perl"], "eE", "I"),
    (&["ruby"], "e", "CIr"),
    (&["expect", "lua", "node", "nodejs", "php", "tclsh"], "ce", "r"),
];

/// Every name of a process, safe to show: `comm` first, each once.
pub(super) fn names(comm: &str, words: &[OsString], executable: Option<&Path>) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let program = executable.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let program = program.map(|name| name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned());
    // A login shell is called `-bash`; a title such as `sshd: user` is no name.
    let first = words.first().filter(|word| !word.contains(' ')).map(|word| base(word.trim_start_matches('-')));
    let script = [program.as_deref(), first].into_iter().flatten().find_map(|name| script(name, &words));
    let whole = || words.iter().map(|word| base(word)).find(|word| word.len() > comm.len() && word.starts_with(comm));
    let whole = (comm.len() >= MAX_COMM).then(whole).flatten();

    let mut names: Vec<String> = Vec::new();
    for name in [Some(comm), whole, first, program.as_deref(), script].into_iter().flatten() {
        let name = text::escape_str(name);
        if !name.is_empty() && !names.iter().any(|known| *known == name) {
            names.push(name.into_owned());
        }
    }
    names
}

/// What follows the last slash.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The name of the script in the words of an interpreter: its first word that is no option.
fn script<'w>(interpreter: &str, words: &'w [String]) -> Option<&'w str> {
    let plain = interpreter.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let (_, elsewhere, valued) = INTERPRETERS.iter().find(|(names, ..)| names.contains(&plain))?;
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        let Some(letters) = word.strip_prefix('-') else { return Some(base(word)) };
        if letters == "-" {
            return rest.next().map(|word| base(word));
        }
        let long = letters.starts_with('-');
        if !long && letters.contains(|c| elsewhere.contains(c)) {
            return None;
        }
        if !long && letters.len() == 1 && letters.contains(|c| valued.contains(c)) {
            rest.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(comm: &str, words: &str, executable: &str) -> Vec<String> {
        let words: Vec<OsString> = words.split_ascii_whitespace().map(OsString::from).collect();
        names(comm, &words, Some(executable).filter(|path| !path.is_empty()).map(Path::new))
    }

    #[test]
    fn a_script_counts_beside_its_interpreter_and_cut_names_are_made_whole() {
        let script =
            of("scheduled_maint", "/usr/bin/python3.12 -u /opt/x/scheduled_maintenance.py -v", "/usr/bin/python3.12");
        assert_eq!(script, ["scheduled_maint", "scheduled_maintenance.py", "python3.12"]);
        let by_shell = of("sh", "sh /opt/nightly_backup.sh", "/usr/bin/dash");
        assert_eq!(by_shell, ["sh", "dash", "nightly_backup.sh"]);
        let renamed = of("Suricata-Main", "/usr/bin/suricata -c /etc/suricata/x", "/usr/bin/suricata");
        assert_eq!(renamed, ["Suricata-Main", "suricata"]);
        assert_eq!(
            of("ansible-playboo", "/usr/bin/python3 /usr/bin/ansible-playbook a.yml", ""),
            ["ansible-playboo", "ansible-playbook", "python3"]
        );
        assert_eq!(of("x", "x", "/tmp/evil (deleted)"), ["x", "evil"]);
    }

    #[test]
    fn options_and_titles_are_no_scripts() {
        assert_eq!(of("sh", "sh -ec /opt/backup.sh", ""), ["sh"]);
        assert_eq!(of("bash", "-bash -o pipefail job.sh", ""), ["bash", "job.sh"]);
        assert_eq!(of("python3", "python3 -m http.server", ""), ["python3"]);
        assert_eq!(of("sh", "sh --posix -- -odd", ""), ["sh", "-odd"]);
        assert_eq!(of("cat", "cat /opt/backup.sh", "/bin/cat"), ["cat"]);
        let title = [OsString::from("sshd: root@pts/0")];
        assert_eq!(names("sshd", &title, None), ["sshd"]);
        assert_eq!(names("a\u{1b}", &[], None), [r"a\x1b"]);
        assert_eq!(names("", &[], None), Vec::<String>::new());
    }
}
