//! Longer ways through the real program in a pseudo-terminal, as a responder goes them.

use huntbook::internals::triage::register::Register;

use crate::cli::TestBox;
use crate::pty::Term;

/// The one who looks before deciding: list, bytes, headers, rule, facts, and back.
#[test]
fn looking_at_everything_a_finding_has_decides_nothing() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 8 open");
    term.send("/tinyexec-269\r");
    term.wait("with 'tinyexec-269'");
    term.send("\r");
    term.wait("match 1 of 2");
    term.send("n");
    term.wait("match 2 of 2");
    term.send("g0x10\r");
    term.wait("at 0x10 of 0x10d");
    term.send("/x:cd 80\r");
    term.wait("at 0x62 of 0x10d");
    term.send("i");
    term.wait("u16");
    term.send("2");
    term.wait("Linux would run it");
    term.send("3");
    term.wait("from files tinyexec");
    term.send("4");
    term.wait("sha256");
    term.send("6");
    term.wait("Nothing has been decided");
    term.send("\u{1b}");
    term.wait("Findings: all hunts");
    term.send("q");
    assert_eq!(term.left(), 1);
    assert!(!ground.home().join(".local/share/huntbook/exclusions.toml").exists(), "nothing was decided");
}

/// From an exclusion to its revocation in the register.
#[test]
fn what_was_excluded_can_be_revoked_in_the_register_and_stands_open_again() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 8 open");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r5a");
    term.wait("Record an exclusion");
    term.send("a lab address\r\r");
    term.wait("excluded: in the register");
    term.send("R");
    term.wait("a lab address");
    term.send("d");
    term.wait("Revoke");
    term.send("it was no lab\r");
    term.wait("revoked");
    term.send("\u{1b}");
    // Only then another key: right behind Esc it would be one with Alt.
    term.wait("1 Bytes");
    term.wait("8 open");
    term.send("q");
    term.left();
    let register = Register::load(ground.home().join(".local/share/huntbook/exclusions.toml")).unwrap();
    let revoked = register.entries()[0].exclusion().unwrap().revoked.as_ref().unwrap();
    assert_eq!(revoked.why, "it was no lab");
}

/// The form binds an exclusion to the box of the finding, by what the box is; the register says so, and the next scan goes by it.
#[test]
fn an_exclusion_can_be_bound_to_this_box() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 8 open");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r5a");
    term.wait("Record an exclusion");
    term.wait("‹ any box ›");
    term.send("a lab address\t\t\u{1b}[C");
    term.wait(" only ›");
    term.send("\r\r");
    term.wait("excluded: in the register");
    term.send("q");
    term.left();
    let register = Register::load(ground.home().join(".local/share/huntbook/exclusions.toml")).unwrap();
    let made = register.entries()[0].exclusion().unwrap();
    assert_eq!(made.boxes.len(), 1);
    assert_eq!((&made.boxes[0].name, Some(&made.boxes[0].id)), (&made.host, made.host_id.as_ref()));
    let state = |ground: &TestBox| {
        let (lines, _) = ground.scan(&[]);
        let line = lines
            .into_iter()
            .find(|line| line["file"]["path"].as_str().is_some_and(|path| path.ends_with("callback.txt")));
        let own = line.unwrap()["huntbook"].clone();
        (own["verdict"].as_str().unwrap().to_owned(), own["exclusion"]["scope"].clone())
    };
    assert_eq!(state(&ground), ("benign".to_owned(), "host".into()));
    // The same register on another box of that name.
    let file = ground.home().join(".local/share/huntbook/exclusions.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&made.boxes[0].id, "0123456789abcdef0123456789abcdef")).unwrap();
    assert_eq!(state(&ground), ("open".to_owned(), serde_json::Value::Null));
}

/// Help, palette and coverage open above anything, and Esc closes one layer at a time.
#[test]
fn layers_open_above_one_another_and_close_one_by_one() {
    let ground = TestBox::planted();
    std::fs::create_dir(ground.tree().join("pipes")).unwrap();
    let fifo = ground.tree().join("pipes/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("o");
    term.wait("1 Bytes");
    term.send(":covera");
    term.wait("what was not scanned, and why");
    term.send("\r");
    term.wait("Coverage: ");
    term.wait("fifo");
    term.send("?");
    term.wait("Keys");
    term.send("\u{1b}");
    term.until("help to close", || !term.screen().contains(" Keys"));
    assert!(term.screen().contains("Coverage: "), "{}", term.screen());
    term.send("\u{1b}");
    term.wait("1 Bytes");
    term.send("\u{1b}");
    term.wait("Findings: all hunts");
    term.send("q");
    term.left();
}

/// A rescan after a file was put right forgets its finding.
#[test]
fn a_rescan_sees_what_has_changed_since() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 8 open");
    std::fs::write(ground.tree().join("callback.txt"), "nothing here").unwrap();
    std::fs::write(ground.tree().join("new.txt"), crate::fixtures::callback()).unwrap();
    std::fs::remove_file(ground.tree().join("MixText.py")).unwrap();
    term.send("ry");
    term.wait("7 open");
    term.wait("new.txt");
    term.send("q");
    term.left();
}

/// On a console without the usual signs all that is shown is ASCII, and the states stay apart.
#[test]
fn a_terminal_without_utf_8_gets_ascii() {
    let ground = TestBox::planted();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear();
    command.env("HOME", ground.home());
    command.env("TERM", "linux");
    command.env("LANG", "C");
    command.arg(ground.tree());
    let mut term = Term::spawn(command);
    term.wait("* 8 open");
    term.send("o5x");
    term.wait("- ruled out");
    let screen = term.settled();
    assert!(screen.is_ascii(), "{screen}");
    assert!(screen.contains("# Scenario 2 of 5 ==="), "{screen}");
    term.send("q");
    term.left();
}
