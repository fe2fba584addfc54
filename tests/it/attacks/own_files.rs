//! Huntbook's own files in other hands: a case, a register, a log or a list that somebody changed, cut short or made to do
//! harm, and places where they cannot be kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use huntbook::internals::case::{Case, Decision, FindingId, Stamp};
use huntbook::internals::triage::Actor;
use rusqlite::Connection;

use super::{Run, huntbook, run};
use crate::fixtures;

/// A planted tree with a home beside it and a case of one scan.
struct TestTree {
    dir: tempfile::TempDir,
}

impl TestTree {
    fn scanned() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        for folder in ["tree", "home"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let place = Self { dir };
        fixtures::plant(&place.at("tree"));
        let run = place.scan(&[]);
        assert_eq!(run.code, Some(1), "{}", run.err);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn case(&self) -> PathBuf {
        self.at("home/c.case")
    }

    fn huntbook(&self, args: &[&str]) -> Run {
        let args: Vec<&dyn AsRef<std::ffi::OsStr>> = args.iter().map(|arg| arg as _).collect();
        run(huntbook(&self.at("home"), &args))
    }

    /// Scans the tree into the case.
    fn scan(&self, more: &[&str]) -> Run {
        let (tree, case) = (self.at("tree"), self.case());
        let mut args = vec!["scan", tree.to_str().unwrap(), "--case", case.to_str().unwrap()];
        args.extend(more);
        self.huntbook(&args)
    }

    fn verify(&self, case: &Path) -> Run {
        self.huntbook(&["case", "verify", case.to_str().unwrap()])
    }

    /// Does `sql` to the case as somebody with a database tool would.
    fn tamper(&self, sql: &str) {
        Connection::open(self.case()).unwrap().execute_batch(sql).unwrap();
    }
}

#[test]
fn a_trigger_or_a_view_in_a_case_is_refused_by_name_before_anything_is_done() {
    let place = TestTree::scanned();
    let case = place.case();
    let case = case.to_str().unwrap();
    place.tamper("CREATE TRIGGER quiet BEFORE INSERT ON findings BEGIN SELECT RAISE(IGNORE); END");
    let scan = place.scan(&[]);
    assert_eq!((scan.code, &*scan.out), (Some(2), ""), "a scan must not end without its findings");
    assert!(scan.err.contains("it has the trigger quiet"), "{}", scan.err);
    place.tamper(
        "DROP TRIGGER quiet; DROP TABLE coverage;
         CREATE VIEW coverage AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r)
         SELECT id, 1 AS scan, x'2f' AS path, 'permission' AS reason, '' AS detail FROM r",
    );
    for args in [&["report", case][..], &["case", "verify", case], &["case", "copy", case, "/dev/null/x"]] {
        let run = place.huntbook(args);
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.err.contains("it has the view coverage"), "{args:?}: {}", run.err);
    }
}

#[test]
fn what_a_report_begins_with_cannot_be_forged() {
    for sql in [
        "UPDATE scans SET tree = CAST('/other' AS BLOB)",
        "UPDATE scans SET files = 100000",
        "UPDATE scans SET ended = '2020-01-01T00:00:00.000000000Z'",
        "UPDATE scans SET started = '2020-01-01T00:00:00.000000000Z'",
        "UPDATE scans SET outcome = 'cancelled'",
        "UPDATE host SET value = 'other' WHERE key = 'host.name'",
        "INSERT INTO covers SELECT id, 'b7e3c8a0-0000-4000-8000-000000000000', NULL FROM findings;
         UPDATE findings SET verdict = 'benign'",
    ] {
        let place = TestTree::scanned();
        assert_eq!(place.verify(&place.case()).code, Some(0));
        place.tamper(sql);
        let found = place.verify(&place.case());
        assert_eq!(found.code, Some(1), "{sql}: {}{}", found.out, found.err);
        assert!(found.out.contains("NOT whole"), "{sql}: {}", found.out);
    }
}

#[test]
fn a_case_that_is_empty_or_lost_its_log_is_not_called_whole() {
    let place = TestTree::scanned();
    let (empty, cut, copy) = (place.at("empty.case"), place.at("cut.case"), place.at("copy.case"));
    drop(Case::open(&empty).unwrap());
    let found = place.verify(&empty);
    assert_eq!(found.code, Some(1));
    assert!(found.out.contains("there is nothing in its journal"), "{}", found.out);

    let mut open = Case::open(&place.case()).unwrap();
    let stamp = Stamp { actor: Actor::current(), host: "web01".into(), at: jiff::Timestamp::now() };
    let reason = || Decision::MarkedMalicious { reason: "beacons out".into() };
    open.decide(&[FindingId(1)], &reason(), &stamp).unwrap();
    fs::copy(place.case(), &cut).unwrap();
    // The copy that Huntbook makes has all of it, while the case is in use.
    let copied = place.huntbook(&["case", "copy", place.case().to_str().unwrap(), copy.to_str().unwrap()]);
    assert_eq!(copied.code, Some(0), "{}", copied.err);
    assert!(copied.out.contains(&open.head().unwrap().to_string()), "{}", copied.out);
    assert_eq!(place.verify(&copy).code, Some(0));
    let again = place.huntbook(&["case", "copy", place.case().to_str().unwrap(), copy.to_str().unwrap()]);
    assert_eq!(again.code, Some(2), "a file that is there is left alone");

    let found = place.verify(&cut);
    assert_eq!(found.code, Some(1), "{}", found.out);
    assert!(found.out.contains("-wal file"), "{}", found.out);
    let report = place.huntbook(&["report", cut.to_str().unwrap()]);
    assert!(report.code == Some(0) && report.err.contains("entries may be missing"), "{}", report.err);
    drop(open);
    assert_eq!(place.verify(&place.case()).code, Some(0));
}

#[test]
fn an_interrupted_write_is_rolled_back_for_a_report_and_for_verify() {
    let place = TestTree::scanned();
    let cut = place.at("cut.case");
    let db = Connection::open(place.case()).unwrap();
    db.execute_batch(
        "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE findings SET verdict = 'benign'; DELETE FROM matches;
         UPDATE hits SET content = randomblob(4000); UPDATE files SET sha256 = randomblob(4000)",
    )
    .unwrap();
    for suffix in ["", "-journal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::copy(with(&place.case()), with(&cut)).unwrap();
    }
    drop(db);
    let report = place.huntbook(&["report", cut.to_str().unwrap(), "--format", "ndjson"]);
    assert_eq!(report.code, Some(0), "{}", report.err);
    assert!(!report.out.contains("\"verdict\":\"benign\""), "{}", report.out);
    assert_eq!(place.verify(&cut).code, Some(0));
}

#[test]
fn files_that_others_could_have_written_are_not_written_to() {
    let place = TestTree::scanned();
    let open = Permissions::from_mode(0o666);
    let closed = Permissions::from_mode(0o600);
    fs::set_permissions(place.case(), open.clone()).unwrap();
    let refused = |run: Run, what: &str| {
        assert_eq!(run.code, Some(2), "{what}: {}", run.err);
        assert!(run.err.contains(what), "{what}: {}", run.err);
    };
    refused(place.scan(&[]), "group or others can write to it");
    let report = place.huntbook(&["report", place.case().to_str().unwrap()]);
    assert_eq!(report.code, Some(0), "a case travels: it may be read");
    assert!(report.err.contains("note:") && report.err.contains("can write to it"), "{}", report.err);
    fs::set_permissions(place.case(), closed.clone()).unwrap();

    for (flag, name, content) in [("--log", "l.log", "# Huntbook log\n"), ("--exclusions", "r.toml", "version = 1\n")] {
        let file = place.at(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, open.clone()).unwrap();
        refused(place.scan(&[flag, file.to_str().unwrap()]), "group or others can write to it");
        fs::set_permissions(&file, closed.clone()).unwrap();
        assert_eq!(place.scan(&[flag, file.to_str().unwrap()]).code, Some(1));
    }

    // A folder in which anybody can put another file in the place of ours.
    let folder = place.at("shared");
    fs::create_dir(&folder).unwrap();
    for (flag, name) in [("--case", "c.case"), ("--log", "l.log"), ("--exclusions", "r.toml")] {
        let file = folder.join(name);
        if name == "r.toml" {
            fs::write(&file, "version = 1\n").unwrap();
            fs::set_permissions(&file, closed.clone()).unwrap();
        }
        let tree = place.at("tree");
        let args = ["scan", tree.to_str().unwrap(), flag, file.to_str().unwrap()];
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        refused(place.huntbook(&args), "put another file in its place");
        fs::set_permissions(&folder, Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(place.huntbook(&args).code, Some(1), "{flag}");
    }
}

#[test]
fn without_a_home_a_scan_goes_on_in_memory_and_says_why() {
    let place = TestTree::scanned();
    let mut command = Process::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear().args(["scan", "--format", "ndjson"]).arg(place.at("tree"));
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let Ok(output) = command.output() else {
        eprintln!("skipped: another user cannot run the program from here");
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(126) {
        eprintln!("skipped: another user cannot run the program from here: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("neither XDG_STATE_HOME nor HOME names a folder for the case"), "{said}");
    assert!(said.contains("neither XDG_DATA_HOME nor HOME names a folder for the register"), "{said}");
    assert!(!said.contains("/root"), "{said}");
}

/// Runs a program whose record locks are answered as an NFS mount without a lock service does: by a filter on its system calls.
const WITHOUT_LOCKS: &str = r"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLKW, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 77;
    execv(argv[1], argv + 1);
    return 77;
}
";

#[test]
fn where_locks_are_refused_the_scan_goes_on_in_memory_and_says_why() {
    let place = TestTree::scanned();
    let (source, filter) = (place.at("without_locks.c"), place.at("without_locks"));
    fs::write(&source, WITHOUT_LOCKS).unwrap();
    if !Process::new("cc").arg("-o").args([&filter, &source]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no C compiler");
        return;
    }
    let mut command = Process::new(&filter);
    command.env_clear().env("HOME", place.at("home")).arg(env!("CARGO_BIN_EXE_huntbook")).arg("scan");
    let output = command.arg(place.at("tree")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(77) {
        eprintln!("skipped: system calls cannot be filtered here");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("kept in memory only") && said.contains("ENOLCK"), "{said}");
    assert!(!said.contains("another Huntbook"), "{said}");
}

#[test]
fn a_list_of_hashes_without_end_is_not_read_without_end() {
    let place = TestTree::scanned();
    let list = place.at("list");
    fs::write(&list, "").unwrap();
    for size in [1_u64 << 33, 100 << 30] {
        fs::File::options().write(true).open(&list).unwrap().set_len(size).unwrap();
        let run = place.scan(&["--known-good", list.to_str().unwrap()]);
        assert_eq!(run.code, Some(2), "{}", run.err);
        assert!(run.err.contains("holds zero bytes") || run.err.contains("is larger than"), "{}", run.err);
    }
}

#[test]
fn a_rule_file_named_like_candidates_loses_no_finding() {
    let place = TestTree::scanned();
    let rules = place.at("candidate");
    fs::write(&rules, "rule anything { condition: filesize > 0 }").unwrap();
    let case = place.at("rules.case");
    let (tree, rules, case) = (place.at("tree"), rules.to_str().unwrap(), case.to_str().unwrap());
    let args = ["scan", tree.to_str().unwrap(), "--no-builtin", "--rules", rules, "--case", case, "--format", "ndjson"];
    let scan = place.huntbook(&args);
    let report = place.huntbook(&["report", case, "--format", "ndjson"]);
    let (found, reported) = (scan.documents("finding").len(), report.documents("finding").len());
    assert!(found > 0 && scan.code == Some(1), "{}", scan.err);
    assert_eq!(reported, found);
}

#[test]
fn two_hunts_of_one_name_each_keep_their_candidates() {
    let place = TestTree::scanned();
    let case = place.at("two.case");
    let mut args = vec!["scan".to_owned(), place.at("tree").to_str().unwrap().to_owned(), "--no-builtin".to_owned()];
    for (folder, condition) in [("one", "filesize > 0"), ("two", "filesize > 1")] {
        let folder = place.at(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.yar"), "rule same { strings: $a = \"no file has this\" condition: $a }").unwrap();
        let toml = format!(
            "rule = \"same\"\nhypothesis = \"h\"\ncandidate = \"{condition}\"\n[[scenario]]\nid = \"s\"\ntitle = \"t\"\n\
             story = \"s\"\nfilter = \"f\"\napplies_when = [[{{ field = \"file.name\", in = [\"x\"] }}]]\n"
        );
        fs::write(folder.join("a.toml"), toml).unwrap();
        args.extend(["--hunts".to_owned(), folder.to_str().unwrap().to_owned()]);
    }
    args.extend(["--case", case.to_str().unwrap(), "--format", "ndjson"].map(str::to_owned));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let scan = place.huntbook(&args);
    let report = place.huntbook(&["report", case.to_str().unwrap(), "--format", "ndjson"]);
    let (found, reported) = (scan.documents("candidate").len(), report.documents("candidate").len());
    assert!(found > 2, "{}{}", scan.out, scan.err);
    assert_eq!(reported, found);
    assert_eq!(place.verify(&case).code, Some(0));
}
