//! Hostile text against the terminal, and a terminal that is slow, poor or taken away.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use portable_pty::CommandBuilder;
use rustix::process::Signal;

use crate::cli::TestBox;
use crate::fixtures;
use crate::hostile_names;
use crate::pty::Term;

/// Ends a title, clears the screen, in seven and in eight bits, turns text round, hides it, and goes back in the line.
const HOSTILE: &str = "a\u{1b}]0;t\u{7}\u{1b}[2J\u{9b}2J\u{202e}gpj\u{200b}\u{feff}\u{ad}\u{e0041}\rb";

/// Fails when a terminal could act on what was printed, or an eye be fooled by it.
fn assert_harmless(what: &str, printed: &[u8]) {
    let text = std::str::from_utf8(printed).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut plain = huntbook::internals::text::PlainText::default();
    for line in text.split('\n') {
        plain.restart();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bad = line.chars().find(|c| *c != '\t' && !plain.is_plain(*c));
        assert_eq!(bad, None, "{what}: {line:?}");
    }
}

fn run(ground: &TestBox, args: &[OsString]) {
    let mut command = ground.huntbook(&[]);
    let output = command.args(args).current_dir(ground.tree()).output().unwrap();
    let what = format!("{args:?}");
    assert_harmless(&what, &output.stdout);
    assert_harmless(&what, &output.stderr);
    let said = [output.stdout, output.stderr].concat();
    assert!(!said.is_empty() && output.status.code().is_some_and(|code| code != 101), "{what}");
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// A tree of files with hostile names that match, all that is made of it, and its case.
fn hostile_ground() -> (TestBox, OsString) {
    let ground = TestBox::new();
    for name in hostile_names::NAMES.into_iter().chain([HOSTILE.as_bytes()]) {
        let path = hostile_names::place(&ground.tree(), name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Some file systems take only text.
        let _ = std::fs::write(path, fixtures::callback());
    }
    let case = OsString::from(ground.home().join("c.case"));
    (ground, case)
}

#[test]
fn no_argument_reaches_the_terminal_raw() {
    let ground = TestBox::new();
    let hostile = [OsString::from(HOSTILE), OsString::from_vec(b"--no\xff\x9b2J\x1b[2J".to_vec())];
    for hostile in hostile {
        let more: [&[&str]; 24] = [
            &[],
            &["scan"],
            &["scan", "--format"],
            &["scan", ".", "--exclude"],
            &["scan", ".", "--case"],
            &["scan", ".", "--root"],
            &["scan", ".", "--rules"],
            &["scan", ".", "--hunts"],
            &["scan", ".", "--site"],
            &["scan", ".", "--known-good"],
            &["scan", ".", "--exclusions"],
            &["scan", ".", "--threads"],
            &["scan", ".", "--max-file-size"],
            &["scan", ".", "--log"],
            &["scan", "."],
            &["inspect"],
            &["inspect", "--json"],
            &["hunts"],
            &["hunts", "show"],
            &["hunts", "check"],
            &["exclusions", "revoke", "--reason", "x"],
            &["case", "verify"],
            &["report"],
            &["completions"],
        ];
        for args in more {
            let mut args = words(args);
            args.push(hostile.clone());
            run(&ground, &args);
        }
        let mut option = OsString::from("--");
        option.push(&hostile);
        run(&ground, &[OsString::from("scan"), option]);
    }
}

#[test]
fn no_file_name_reaches_the_terminal_raw_in_any_format() {
    let (ground, case) = hostile_ground();
    for format in ["text", "ndjson", "sarif", "csv"] {
        let mut args = words(&["scan", ".", "--format", format, "--case"]);
        args.push(case.clone());
        run(&ground, &args);
    }
    for format in ["markdown", "ndjson", "sarif", "csv"] {
        run(&ground, &[words(&["report", "--format", format]), vec![case.clone()]].concat());
    }
    run(&ground, &[words(&["case", "verify"]), vec![case]].concat());
    // What a shell makes of `inspect *`.
    let names: Vec<_> = std::fs::read_dir(ground.tree()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for more in [&[][..], &["--json"]] {
        run(&ground, &[words(&["inspect"]), words(more), vec![OsString::from("--")], names.clone()].concat());
        for name in &names {
            run(&ground, &[words(&["inspect"]), words(more), vec![OsString::from("--"), name.clone()]].concat());
        }
    }
}

#[test]
fn no_rule_reaches_the_terminal_raw() {
    let ground = TestBox::planted();
    let safe = HOSTILE.replace('\r', "");
    let rules = [
        format!("rule broken {{ condition: {safe} }}"),
        "rule \u{9b}2J { condition: true }".to_owned(),
        format!("import \"{safe}\"\nrule a {{ condition: true }}"),
        format!("include \"{safe}\"\nrule a {{ condition: true }}"),
        format!("rule a {{ strings: $a = /{safe}(/ condition: $a }}"),
        format!("rule a {{ strings: $a = \"x\" condition: $b // {safe}\n }}"),
        // One that is right, slow enough to be warned of, and says its piece in all that it may say.
        format!(
            "rule a : tag {{ meta: author = \"{safe}\" description = \"{safe}\" reference = \"{safe}\" date = \"{safe}\"\n\
             strings: $a = {{ 00 }} $b = /.*{safe}/ condition: $a or $b or true }}"
        ),
    ];
    let folder = ground.home().join(format!("rules {safe}"));
    std::fs::create_dir(&folder).unwrap();
    for (number, rule) in rules.iter().enumerate() {
        let path = folder.join(format!("{number}.yar"));
        std::fs::write(&path, rule).unwrap();
        let path = path.into_os_string();
        for format in ["text", "ndjson", "sarif", "csv"] {
            run(&ground, &[words(&["scan", ".", "--format", format, "--rules"]), vec![path.clone()]].concat());
        }
        run(&ground, &[words(&["inspect", "callback.txt", "--rules"]), vec![path.clone()]].concat());
        for args in [&["hunts", "list", "--rules"][..], &["hunts", "show", "a", "--rules"], &["hunts", "check"]] {
            run(&ground, &[words(args), vec![path.clone()]].concat());
        }
    }
    for (name, text) in [("site.toml", "[sets]\n"), ("hashes.txt", ""), ("exclusions.toml", "version = 1\n")] {
        let path = ground.home().join(name);
        std::fs::write(&path, format!("{text}{safe} = [\n")).unwrap();
        for option in ["--site", "--known-good", "--exclusions"] {
            let args = [words(&["scan", ".", option]), vec![path.clone().into_os_string()]].concat();
            run(&ground, &args);
        }
    }
}

#[test]
fn the_screen_shows_hostile_text_and_does_not_obey_it() {
    let (ground, _) = hostile_ground();
    let rules = ground.home().join("plain.yar");
    let safe = HOSTILE.replace('\r', "");
    std::fs::write(&rules, format!("rule plain {{ meta: author = \"{safe}\" condition: filesize > 0 }}")).unwrap();
    let mut term = Term::huntbook(&ground, &[".", "--rules", rules.to_str().unwrap()]);
    term.wait("scan done");
    term.send("o");
    term.wait("Hex");
    for keys in ["2", "3", "4", "5", "6", "\u{1b}", "C", "R", "?"] {
        term.send(keys);
        term.settled();
    }
    term.send("\u{1b}");
    term.settled();
    term.send("q");
    let written = term.written.clone();
    term.left();
    let text = written.text();
    for bad in ["\u{9b}", "\u{202e}", "\u{200b}", "\u{feff}", "\u{ad}", "\u{e0041}", "\u{1b}]0;t", "\u{1b}[2J\u{9b}"] {
        assert!(!text.contains(bad), "{bad:?}");
    }
}

/// Bytes that arrive one after the other, each after a pause that a slow line makes.
fn send_slowly(term: &mut Term, pieces: &[&str]) {
    for piece in pieces {
        term.send(piece);
        std::thread::sleep(Duration::from_millis(12));
    }
}

#[test]
fn a_key_that_arrives_in_two_reads_is_one_key_and_a_typed_reason_stays() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r5");
    term.wait("Scenario 1 of 5");
    term.send("a");
    term.wait("this finding only");
    term.send("typed so far");
    term.wait("typed so far");
    send_slowly(&mut term, &["\u{1b}", "[", "D", "\u{1b}", "[D", "\u{1b}O", "D"]);
    term.send("X");
    term.wait("typed so Xfar");
    send_slowly(&mut term, &["\u{1b}", "[20", "0~pa", "sted\r", "\u{1b}", "[201", "~"]);
    term.wait("typed so Xpasted far");
    // A click, a scroll: nothing of them is typed.
    send_slowly(&mut term, &["\u{1b}", "[<64;", "5;5M"]);
    term.send("!");
    term.wait("typed so Xpasted !far");
    assert!(term.screen().contains("Record an exclusion"), "{}", term.screen());
    // Esc alone closes it after a moment.
    term.send("\u{1b}");
    term.until("the form to be closed", || !term.screen().contains("Record an exclusion"));
    assert!(!ground.home().join(".local/share/huntbook/exclusions.toml").exists());
    term.send("q");
    term.left();
}

#[test]
fn a_late_answer_of_the_terminal_is_typed_nowhere() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    let before = term.settled();
    // Colour of the background, version, graphics, attributes, place of the cursor: whole, in pieces, in both endings.
    for answer in [
        &["\u{1b}]11;rgb:1e1e/2e2e/3e3e\u{7}"][..],
        &["\u{1b}", "]11;rgb:1e1e/2e", "2e/3e3e\u{1b}", "\\"],
        &["\u{1b}P>|XTerm(388)\u{1b}\\"],
        &["\u{1b}_Gi=31;OK\u{1b}", "\\"],
        &["\u{1b}^private\u{1b}\\", "\u{1b}Xstring\u{1b}\\"],
        &["\u{1b}[?62;22c", "\u{1b}[24;80R"],
    ] {
        send_slowly(&mut term, answer);
        assert_eq!(term.settled(), before, "{answer:?}");
    }
    // One that never ends takes no key that is meant.
    term.send("\u{1b}]11;rgb:1e1e");
    std::thread::sleep(Duration::from_millis(1300));
    term.send("?");
    term.wait("Keys");
    term.send("\u{1b}");
    term.until("the help to be closed", || !term.screen().contains("Esc closes"));
    term.send("q");
    term.left();
}

#[test]
fn every_signal_that_ends_a_program_gives_the_terminal_back() {
    let ground = TestBox::planted();
    for signal in [
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::XCPU,
        Signal::IO,
        Signal::POWER,
        Signal::STKFLT,
    ] {
        let term = Term::on_tree(&ground);
        term.wait("scan done");
        term.signal(signal);
        term.left();
    }
}

fn in_a_terminal(ground: &TestBox, term: Option<&str>, script: &str) -> Term {
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_huntbook")]);
    command.arg(ground.tree());
    command.env_clear();
    command.env("HOME", ground.home());
    if let Some(term) = term {
        command.env("TERM", term);
    }
    command.cwd(ground.tree());
    Term::spawn(command)
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let ground = TestBox::planted();
    // Not even the case can be made: the screen is never taken, or left whole.
    let term = in_a_terminal(&ground, Some("xterm"), "ulimit -f 0; exec \"$0\" \"$1\"");
    term.until("an end or a screen", || !term.screen().trim().is_empty());
    let mut term = term;
    term.send("q");
    std::thread::sleep(Duration::from_millis(300));
    term.send("q");
    let code = term.left();
    assert!(code <= 3, "it ended by a signal: {code}");
    // Later, on the screen, it is a decision that is not on disk.
    let case = ground.home().join("c.case");
    let script = format!("ulimit -f 400; exec \"$0\" \"$1\" --case '{}'", case.display());
    let mut term = in_a_terminal(&ground, Some("xterm"), &script);
    term.wait("kept in memory only");
    term.send("qq");
    assert!(term.left() <= 3);
}

#[test]
fn a_scan_under_such_a_limit_says_so_and_ends_with_2() {
    let ground = TestBox::planted();
    let out = std::process::Command::new("/bin/sh")
        .args(["-c", "ulimit -f 0; exec \"$0\" scan \"$1\" --case \"$2\"", env!("CARGO_BIN_EXE_huntbook")])
        .args([ground.tree(), ground.home().join("c.case")])
        .env_clear()
        .env("HOME", ground.home())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stderr).contains("huntbook: "));
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_is_not_drawn_on() {
    let ground = TestBox::planted();
    for term in [None, Some(""), Some("dumb")] {
        let term = in_a_terminal(&ground, term, "exec \"$0\" \"$1\"");
        term.wait("huntbook scan TREE");
        let written = term.written.clone();
        assert_eq!(term.left(), 2);
        assert!(!written.text().contains('\u{1b}'), "{:?}", written.text());
    }
}

/// Every line of the program's own text, comments and tests left out: its file, its number from 1, and itself.
fn lines_of_code() -> Vec<(String, usize, String)> {
    let mut lines = Vec::new();
    for (_, path, source) in crate::layering::files() {
        let path = path.display().to_string();
        if path.contains("/tests") || path.ends_with("tests.rs") {
            continue;
        }
        let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            lines.push((path.clone(), number + 1, line.to_owned()));
        }
    }
    lines
}

/// Fails where one of `words` stands in a line of code outside the places that `may` use them.
fn assert_nowhere_else(words: &[&str], may: impl Fn(&str) -> bool) {
    let lines = lines_of_code();
    assert!(
        lines.iter().any(|(path, _, line)| may(path) && words.iter().any(|word| line.contains(word))),
        "all moved?"
    );
    let found = lines.iter().filter(|(path, _, line)| !may(path) && words.iter().any(|word| line.contains(word)));
    let wrong: Vec<_> = found.map(|(path, number, line)| format!("{path}:{number}: {line}")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_printed_past_the_one_writer() {
    let printing = [
        "println!",
        "print!(",
        "eprintln!",
        "eprint!(",
        "dbg!(",
        "io::stdout",
        "io::stderr",
        " stdout()",
        "(stdout()",
        ".exit()",
        "Cli::parse()",
    ];
    assert_nowhere_else(&printing, |path| path.ends_with("src/print.rs") || path.ends_with("tui/terminal.rs"));
}

#[test]
fn nothing_is_painted_past_the_widgets() {
    let painting = ["ratatui::text", "set_string", "set_line", "set_span", "set_symbol", "ratatui::widgets", "Span::"];
    assert_nowhere_else(&painting, |path| path.contains("/tui/widget/"));
}
