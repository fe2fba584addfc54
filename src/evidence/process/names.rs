//! The names a process goes by, and the program that an interpreter runs for it.
//!
//! The kernel's own (`comm`) is cut to 15 bytes, names the interpreter where a script runs, and can be set to anything.
//! So the name of the executable, the first word of the command line and the script that an interpreter runs count too.

use std::ffi::OsString;
use std::path::Path;

use crate::text;

/// Bytes of `comm` (`TASK_COMM_LEN` less its NUL, `proc_pid_comm(5)`).
const MAX_COMM: usize = 15;

/// A program that runs programs that it is given as text or byte code.
struct Interpreter {
    names: &'static [&'static str],
    /// Options whose program stands on the command line itself.
    inline: &'static str,
    /// Options that take a value which is no program.
    valued: &'static str,
    /// The option that is followed by a module's name.
    module: Option<char>,
    /// The option that is followed by the program's file, where a plain word is none.
    file: Option<&'static str>,
}

const fn interpreter(names: &'static [&'static str], inline: &'static str, valued: &'static str) -> Interpreter {
    Interpreter { names, inline, valued, module: None, file: None }
}

/// After each program's manual page.
const INTERPRETERS: &[Interpreter] = &[
    interpreter(&["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh", "fish"], "cs", "oO"),
    Interpreter { module: Some('m'), ..interpreter(&["pypy", "python", "python-m"], "c", "WX") },
    interpreter(&["perl"], "eE", "I"),
    interpreter(&["ruby"], "e", "CIr"),
    interpreter(&["expect", "lua", "luajit", "node", "nodejs", "php", "tclsh", "Rscript", "guile"], "ce", "r"),
    Interpreter { file: Some("-f"), ..interpreter(&["awk", "gawk", "mawk", "sed"], "", "v") },
    Interpreter { file: Some("-jar"), ..interpreter(&["java"], "", "") },
];

/// What an interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs<'w> {
    /// The file that this word names.
    File(&'w str),
    /// The module of this name (`python -m`).
    Module(&'w str),
    /// What it reads from its standard input.
    Input,
    /// What stands on the command line.
    Inline,
}

/// Every name of a process, safe to show: `comm` first, each once.
pub(super) fn names(comm: &str, words: &[OsString], executable: Option<&Path>) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let program = executable.map(program_name);
    // A login shell is called `-bash`; a title such as `sshd: user` is no name.
    let first = words.first().filter(|word| !word.contains(' ')).map(|word| base(word.trim_start_matches('-')));
    let script = match runs(&words, executable) {
        Some(Runs::File(word) | Runs::Module(word)) => Some(base(word)),
        _ => None,
    };
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

/// The name of an executable as the kernel gives its path.
pub(in super::super) fn program_name(executable: &Path) -> String {
    let name = executable.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned()
}

/// What follows the last slash.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// What a process runs that is an interpreter by its executable's name, or by its first word where that is not known;
/// `None` when it is none.
pub(super) fn runs<'w>(words: &'w [String], executable: Option<&Path>) -> Option<Runs<'w>> {
    let program = executable.map(program_name);
    let first = words.first().map(|word| base(word.trim_start_matches('-')));
    let known = [program.as_deref(), first].into_iter().flatten().find_map(by_name)?;
    let mut rest = words.get(1..).unwrap_or_default().iter();
    // `busybox sh job.sh`: the applet is the interpreter.
    if program.as_deref() == Some("busybox") && first == Some("busybox") {
        rest.next();
    }
    while let Some(word) = rest.next() {
        if known.file.is_some_and(|option| option == word) {
            return rest.next().map(|word| Runs::File(word));
        }
        let Some(letters) = word.strip_prefix('-') else {
            return if known.file.is_some() { Some(Runs::Inline) } else { Some(Runs::File(word)) };
        };
        if letters.is_empty() {
            return Some(Runs::Input);
        }
        if letters == "-" {
            return rest.next().map(|word| Runs::File(word));
        }
        let long = letters.starts_with('-');
        if !long && known.module.is_some_and(|option| letters.ends_with(option)) {
            return rest.next().map(|word| Runs::Module(word));
        }
        if !long && letters.contains(|c| known.inline.contains(c)) && known.file.is_none() {
            return Some(Runs::Inline);
        }
        if !long && letters.len() == 1 && letters.contains(|c| known.valued.contains(c)) {
            rest.next();
        }
    }
    Some(Runs::Input)
}

/// Whether a program of this name is an interpreter.
pub(super) fn is_interpreter(name: &str) -> bool {
    by_name(name).is_some()
}

fn by_name(name: &str) -> Option<&'static Interpreter> {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let shell = if name == "busybox" { "sh" } else { plain };
    INTERPRETERS.iter().find(|known| known.names.contains(&shell))
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
        assert_eq!(of("python3", "python3 -m http.server", ""), ["python3", "http.server"]);
        assert_eq!(of("sh", "sh --posix -- -odd", ""), ["sh", "-odd"]);
        assert_eq!(of("cat", "cat /opt/backup.sh", "/bin/cat"), ["cat"]);
        let title = [OsString::from("sshd: root@pts/0")];
        assert_eq!(names("sshd", &title, None), ["sshd"]);
        assert_eq!(names("a\u{1b}", &[], None), [r"a\x1b"]);
        assert_eq!(names("", &[], None), Vec::<String>::new());
    }

    #[test]
    fn what_an_interpreter_runs_is_told_from_its_words() {
        let runs = |line: &str, executable: &str| {
            let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
            match super::runs(&words, Some(executable).filter(|path| !path.is_empty()).map(Path::new)) {
                None => "none".to_owned(),
                Some(Runs::File(word)) => format!("file {word}"),
                Some(Runs::Module(word)) => format!("module {word}"),
                Some(Runs::Input) => "input".to_owned(),
                Some(Runs::Inline) => "inline".to_owned(),
            }
        };
        for (line, executable, expected) in [
            ("python3 -u x.py", "/usr/bin/python3.12", "file x.py"),
            ("python3 -m pkg.mod a", "", "module pkg.mod"),
            ("python3 -um pkg", "", "module pkg"),
            ("python3 -c pass x.py", "", "inline"),
            ("python3", "/usr/bin/python3", "input"),
            ("python3 -", "", "input"),
            ("sh -c ./x", "/usr/bin/dash", "inline"),
            ("bash", "/usr/bin/bash", "input"),
            ("renamed ./x.sh", "/usr/bin/bash", "file ./x.sh"),
            ("busybox sh ./x.sh", "/bin/busybox", "file ./x.sh"),
            ("awk -f x.awk data", "/usr/bin/mawk", "file x.awk"),
            ("awk {print} data", "/usr/bin/mawk", "inline"),
            ("java -jar app.jar", "/usr/bin/java", "file app.jar"),
            ("tail -f x.py", "/usr/bin/tail", "none"),
            ("xxd x.py", "/usr/bin/xxd", "none"),
            ("yara rules.yar x.py", "/usr/bin/yara", "none"),
            ("vim x.py", "/usr/bin/vim.basic", "none"),
        ] {
            assert_eq!(runs(line, executable), expected, "{line}");
        }
    }
}
