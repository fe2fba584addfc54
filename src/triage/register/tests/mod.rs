mod entries;
mod kill;
mod merging;
mod remarks;

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::super::exclusion::tests::{as_is, at, content, exclusion, folder, path};
use super::super::exclusion::{CheckResult, SeenCheck};
use super::super::scope::Scope;
use super::*;
use crate::finding::{Digest, Sha256};
use crate::storage::Distrust;

const NOW: &str = "2026-11-25T00:00:00Z";

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exclusions.toml");
    (folder, file)
}

fn put(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

fn revocation() -> Revocation {
    Revocation { by: exclusion("/a/b", "", as_is).by, at: at(NOW), why: "was the wrong \"host\"\u{202e}".into() }
}

fn one(exclusion: &Exclusion) -> String {
    write::append("", false, std::slice::from_ref(exclusion))
}

#[test]
fn reading_what_is_not_there_makes_nothing() {
    let (folder, file) = place();
    let register = Register::load(folder.path().join("deep").join("r.toml")).unwrap();
    assert!(register.entries().is_empty());
    assert!(Register::load(&file).unwrap().entries().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_data_digest_reads_back_as_one_and_is_no_sha256_to_anyone() {
    let (_folder, file) = place();
    for scope in [as_is, content, path] {
        let mut made = exclusion("/opt/r/x", "a", as_is);
        made.seen.digest = Digest::DataOnly(Sha256::of(b"a"));
        made.scope = scope(&made.seen);
        let text = one(&made);
        // What a Huntbook looks for that knows of nothing else.
        assert!(text.lines().all(|line| !line.starts_with("sha256") && !line.starts_with("seen_sha256")), "{text}");
        put(&file, &text);
        assert_eq!(Register::load(&file).unwrap().entries()[0].exclusion(), Some(&made));
        let both =
            text.replace("seen_data_digest =", &format!("seen_sha256 = \"{}\"\nseen_data_digest =", Sha256::of(b"a")));
        put(&file, &both);
        let register = Register::load(&file).unwrap();
        let Err(doubt) = &register.entries()[0].content else { panic!("{both}") };
        assert!(doubt.cause.contains("`seen_data_digest` stands beside `seen_sha256`"), "{}", doubt.cause);
    }
}

#[test]
fn what_is_recorded_reads_back_exactly() {
    let (_folder, file) = place();
    let deep = file.with_file_name("deep").join("er").join("r.toml");
    let mut register = Register::load(&deep).unwrap();
    let mut full = exclusion("/opt/r/x", "a", folder);
    full.ticket = Some("IR-17".into());
    full.scenario = Some("backup".into());
    full.reason = "it's \"fine\"\nreally \u{1b}[2J \u{202e}".into();
    full.known_sample = true;
    full.revoked = Some(revocation());
    full.checks = [CheckResult::Met, CheckResult::NotMet, CheckResult::Unknown]
        .map(|result| SeenCheck { check: "process.name in [cron]".into(), result, seen: "\u{1b}]0;x\u{7}".into() })
        .to_vec();
    full.seen.path = PathBuf::from(std::ffi::OsString::from_vec(b"/opt/r/\xff\n".to_vec()));
    let kinds = [as_is, content, path, folder].map(|scope| exclusion("/opt/r/y z", "a", scope));
    let hostile = Exclusion {
        scope: Scope::Path { path: full.seen.path.clone(), owner: full.seen.owner.clone() },
        ..exclusion("/opt/r/x", "a", as_is)
    };
    let all: Vec<_> = kinds.into_iter().chain([full, hostile]).collect();
    register.add_all(&all).unwrap();
    let again = Register::load(&deep).unwrap();
    assert!(again.entries().iter().map(RegisterEntry::exclusion).eq(all.iter().map(Some)), "{}", text(&deep));
    assert_eq!(register.entries(), again.entries());
    assert_eq!(fs::metadata(&deep).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(deep.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    let shown = text(&deep);
    assert!(shown.chars().all(|c| c == '\n' || (c.is_ascii() && !c.is_ascii_control())), "{shown}");
    assert!(shown.starts_with("# Huntbook's register"));
}

#[test]
fn recording_the_same_again_changes_nothing() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    let made = exclusion("/opt/r/x", "a", as_is);
    register.add(&made).unwrap();
    let before = text(&file);
    register.add(&made).unwrap();
    assert_eq!(text(&file), before);
}

#[test]
fn what_could_never_count_is_not_recorded() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    let blank = Exclusion { reason: " ".into(), ..exclusion("/opt/r/x", "a", as_is) };
    assert!(matches!(register.add(&blank), Err(RegisterError::Defective(_))));
    let twin = exclusion("/opt/r/x", "a", as_is);
    let error = register.add_all(&[twin.clone(), twin]).unwrap_err();
    assert!(matches!(error, RegisterError::NotReadBack { .. }), "{error}");
    assert!(!file.exists());
}

#[test]
fn revoking_keeps_the_entry_and_says_who_when_and_why() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    let [first, second] = ["a", "b"].map(|content| exclusion("/opt/r/x", content, as_is));
    register.add_all(&[first.clone(), second.clone()]).unwrap();
    let blank = Revocation { why: "\t".into(), ..revocation() };
    assert!(matches!(register.revoke(first.id, &blank), Err(RegisterError::NoReason(_))));
    register.revoke(first.id, &revocation()).unwrap();
    let entries = Register::load(&file).unwrap().entries;
    assert_eq!(entries[0].exclusion().unwrap().revoked, Some(revocation()));
    assert_eq!(entries[1].exclusion(), Some(&second));
    let again = register.revoke(first.id, &revocation()).unwrap_err();
    assert!(again.to_string().contains("revoked already"), "{again}");
    let unknown = register.revoke(Uuid::from_u128(1), &revocation()).unwrap_err();
    assert!(matches!(unknown, RegisterError::NoSuchExclusion { .. }));
}

#[test]
fn a_file_that_is_no_register_is_refused_with_its_line_and_left_alone() {
    let (_folder, file) = place();
    let cases: [(&[u8], &str, &str); 7] = [
        (b"version = 1\n[[exclusion]\n", ":2:", "not TOML"),
        (b"version = 1\nversion = 1\n", ":2:", "duplicate key"),
        (b"# mine\n[[exclusion]]\nid = 1\n", ":1:", "no `version = 1`"),
        (b"version = \"1\"\n", ":1:", "`version` must be 1"),
        (b"\n\nversion = 2\n", ":3:", "knows version 1"),
        (b"version = 1\nexclusion = []\n", ":2:", "[[exclusion]]"),
        (b"version = 1\n# \xff\n", ":2:3:", "not UTF-8"),
    ];
    for (bytes, line, what) in cases {
        put(&file, "");
        let mut register = Register::load(&file).unwrap();
        fs::write(&file, bytes).unwrap();
        let read = Register::load(&file).unwrap_err().to_string();
        assert!(read.contains("exclusions.toml") && read.contains(line) && read.contains(what), "{read}");
        let written = register.add(&exclusion("/opt/r/x", "a", as_is)).unwrap_err().to_string();
        assert_eq!(written, read);
        assert_eq!(fs::read(&file).unwrap(), bytes);
        assert!(register.reload().is_err() && register.entries().is_empty());
    }
}

#[test]
fn a_register_that_others_could_have_written_is_refused() {
    let (folder, file) = place();
    put(&file, "version = 1\n");
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = Register::load(&file).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", file.display())), "{error}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Register::load(&file).is_ok());

    let owner = fs::metadata(&file).unwrap().uid();
    let stranger = Trust { euid: owner.wrapping_add(1), behind: Some(owner), allow_foreign_owner: false };
    let error = Register::load_trusting(&file, stranger).unwrap_err();
    assert!(
        matches!(error, RegisterError::Distrusted(Distrust::Foreign { .. })) && error.to_string().contains("chmod 600"),
        "{error}"
    );
    assert!(Register::load_trusting(&file, Trust { allow_foreign_owner: true, ..stranger }).is_ok());

    let link = folder.path().join("link.toml");
    symlink(&file, &link).unwrap();
    assert!(Register::load(&link).unwrap_err().to_string().contains("a link"));
    assert!(Register::load(folder.path()).unwrap_err().to_string().contains("a folder"));
    let huge = folder.path().join("huge.toml");
    put(&huge, "");
    fs::File::options().write(true).open(&huge).unwrap().set_len(MAX_BYTES + 1).unwrap();
    assert!(matches!(Register::load(&huge), Err(RegisterError::TooLarge { .. })));
}

#[test]
fn a_place_that_cannot_be_written_is_a_clear_error_and_a_retry_works() {
    let (_folder, file) = place();
    let blocker = file.with_file_name("blocker");
    fs::write(&blocker, "").unwrap();
    let inside = blocker.join("r.toml");
    let mut register = Register::load(&file).unwrap();
    register.path = inside;
    let made = exclusion("/opt/r/x", "a", as_is);
    let error = register.add(&made).unwrap_err();
    assert!(error.to_string().contains("blocker: cannot make the folder"), "{error}");
    assert!(register.entries().is_empty());
    fs::remove_file(&blocker).unwrap();
    register.add(&made).unwrap();
    assert_eq!(Register::load(register.path()).unwrap().entries().len(), 1);
}

#[test]
fn a_failed_replacement_leaves_the_register_and_can_be_made_again() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    register.add(&exclusion("/opt/r/x", "a", as_is)).unwrap();
    let before = text(&file);
    let obstacle = file.with_file_name(".exclusions.toml.tmp");
    fs::create_dir(&obstacle).unwrap();
    let made = exclusion("/opt/r/x", "b", as_is);
    let error = register.add(&made).unwrap_err();
    assert!(matches!(error, RegisterError::Io { .. }), "{error}");
    assert_eq!((text(&file), register.entries().len()), (before, 1));
    fs::remove_dir(&obstacle).unwrap();
    register.add(&made).unwrap();
    assert_eq!(Register::load(&file).unwrap().entries().len(), 2);
}

#[test]
fn a_register_deleted_meanwhile_is_told_and_can_be_restored() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    register.add(&exclusion("/opt/r/x", "a", as_is)).unwrap();
    let before = text(&file);
    fs::remove_file(&file).unwrap();
    let made = exclusion("/opt/r/x", "b", as_is);
    assert!(matches!(register.add(&made), Err(RegisterError::Vanished(_))));
    assert!(matches!(register.reload(), Err(RegisterError::Vanished(_))));
    assert_eq!(register.entries().len(), 1, "what was read stays");
    assert!(!file.exists());
    register.restore().unwrap();
    assert_eq!(text(&file), before);
    register.add(&made).unwrap();
    assert_eq!(Register::load(&file).unwrap().entries().len(), 2);
}

#[test]
fn restoring_never_replaces_a_register_that_came_back() {
    let (_folder, file) = place();
    let mut register = Register::load(&file).unwrap();
    register.add(&exclusion("/opt/r/x", "a", as_is)).unwrap();
    put(&file, "version = 1\n# by a person\n");
    register.restore().unwrap();
    assert_eq!(text(&file), "version = 1\n# by a person\n");
    assert!(register.entries().is_empty());
}

#[test]
fn two_handles_and_an_editor_lose_nothing() {
    let (_folder, file) = place();
    let mut first = Register::load(&file).unwrap();
    let mut second = Register::load(&file).unwrap();
    first.add(&exclusion("/opt/r/x", "a", as_is)).unwrap();
    second.add(&exclusion("/opt/r/x", "b", as_is)).unwrap();
    put(&file, &format!("{}# said by a person, last line", text(&file)));
    first.add(&exclusion("/opt/r/x", "c", as_is)).unwrap();
    assert_eq!(Register::load(&file).unwrap().entries().len(), 3);
    assert!(text(&file).contains("# said by a person, last line\n"));
}

#[test]
fn writers_at_the_same_time_all_get_their_entries_in() {
    let (_folder, file) = place();
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let file = &file;
            scope.spawn(move || {
                let mut register = Register::load(file).unwrap();
                register.patience = Duration::from_mins(2);
                for number in 0..200 {
                    register.add(&exclusion("/opt/r/x", &format!("{writer}/{number}"), as_is)).unwrap();
                }
            });
        }
    });
    let register = Register::load(&file).unwrap();
    let contents: std::collections::HashSet<_> =
        register.entries().iter().map(|entry| entry.exclusion().unwrap().seen.digest).collect();
    assert_eq!((register.entries().len(), contents.len()), (400, 400));
}

#[test]
fn two_entries_of_one_id_both_count_for_nothing_until_revoked() {
    let (_folder, file) = place();
    let made = exclusion("/opt/r/x", "a", as_is);
    let text = one(&made);
    let entry = text.split_once("version = 1\n").unwrap().1;
    put(&file, &format!("{text}{entry}"));
    let mut register = Register::load(&file).unwrap();
    assert!(register.entries().iter().all(|entry| entry.exclusion().is_none()));
    register.revoke(made.id, &revocation()).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap().matches("revoked = ").count(), 2);
}

#[test]
fn a_register_without_a_place_is_kept_in_memory() {
    let mut register = Register::in_memory();
    let made = exclusion("/opt/r/x", "a", as_is);
    register.add(&made).unwrap();
    register.reload().unwrap();
    assert_eq!(register.entries().iter().filter_map(RegisterEntry::exclusion).collect::<Vec<_>>(), [&made]);
    register.revoke(made.id, &revocation()).unwrap();
    assert!(register.entries()[0].exclusion().unwrap().revoked.is_some());
    register.restore().unwrap();
    assert!(register.is_in_memory() && !register.path().exists());
}
