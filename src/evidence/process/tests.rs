use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::observed::Observed;
use super::super::testing::{facts, put, scratch};
use super::index::FileQuery;
use super::*;

/// Adds a process to a made-up `/proc`.
fn add(proc: &Path, pid: u32, parent: u32, name: &str, words: &str) {
    let put = |file: &str, content: &[u8]| put(proc, &format!("{pid}/{file}"), content);
    let stat = format!("{pid} ({name}) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
    put("stat", stat.as_bytes());
    put("status", b"Uid:\t1000\t0\t0\t0\n");
    put("cmdline", words.replace(' ', "\0").as_bytes());
    put("maps", b"");
    std::fs::create_dir_all(proc.join(format!("{pid}/fd"))).unwrap();
    std::fs::create_dir_all(proc.join(format!("{pid}/ns"))).unwrap();
    symlink("net:[1]", proc.join(format!("{pid}/ns/net"))).unwrap();
    symlink("/bin/sh", proc.join(format!("{pid}/exe"))).unwrap();
}

fn found(proc: &Path, file: &Path, without: Option<u32>) -> Observed<Vec<Process>> {
    let facts = facts(file);
    let sought = FileQuery { dev: facts.dev, ino: facts.ino, path: file };
    ProcessIndex::read(proc).of(&sought, &BoxAccounts::default(), without).found
}

#[test]
fn a_made_up_proc_gives_relations_parents_and_times() {
    let (dir, _) = scratch(&[("box/x.py", "x"), ("proc/stat", "cpu 1\nbtime 1000000\n")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("box/x.py"));
    add(&proc, 1, 0, "systemd", "/sbin/init");
    add(&proc, 20, 1, "cron", "cron -f");
    add(&proc, 30, 20, "py\u{1b}[2J", "python3 --run=x.py x.py");
    symlink(dir.path().join("box"), proc.join("30/cwd")).unwrap();
    symlink("/", proc.join("30/root")).unwrap();
    symlink(&file, proc.join("30/fd/7")).unwrap();
    add(&proc, 40, 99, "lonely", &format!("vi {}", file.display()));
    std::fs::remove_file(proc.join("40/exe")).unwrap();
    symlink("/usr/bin/vi", proc.join("40/exe")).unwrap();
    let all = found(&proc, &file, None);
    let all = all.found().unwrap();
    assert_eq!(all.iter().map(|p| p.pid).collect::<Vec<_>>(), [30, 40]);
    assert_eq!(all[0].relations, [Relation::Script, Relation::Open(7)]);
    assert!(all[0].runs_it() && !all[1].runs_it());
    assert_eq!(all[1].relations, [Relation::Named]);
    assert_eq!(all[0].name, "py\\x1b[2J");
    assert_eq!(all[0].parents.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["cron", "systemd"]);
    assert_eq!(all[0].started.unwrap().as_second(), 1_000_000 + 500 / rustix::param::clock_ticks_per_second() as i64);
    assert_eq!((all[0].uid, all[0].real_user.as_deref()), (0, Some("uid 1000")));
    assert!(all[1].parents.is_empty());
}

#[test]
fn mappings_match_by_device_or_by_path_and_never_by_inode_alone() {
    let (dir, _) = scratch(&[("lib.so", "x"), ("proc/stat", "")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("lib.so"));
    let ino = facts(&file).ino;
    add(&proc, 5, 1, "same", "a");
    put(&proc, "5/maps", format!("1-2 r-xp 0 00:7f {ino} {}\n", file.display()).as_bytes());
    add(&proc, 6, 1, "other", "b");
    put(&proc, "6/maps", format!("1-2 r-xp 0 00:7f {ino} /lib/else.so\n").as_bytes());
    let all = found(&proc, &file, None);
    assert_eq!(all.found().unwrap().iter().map(|p| p.pid).collect::<Vec<_>>(), [5]);
}

#[test]
fn huntbook_itself_and_what_its_parents_name_is_left_out() {
    let (dir, _) = scratch(&[("x", "x"), ("proc/stat", "")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("x"));
    add(&proc, 10, 1, "sudo", &format!("sudo huntbook inspect {}", file.display()));
    add(&proc, 11, 10, "huntbook", &format!("huntbook inspect {}", file.display()));
    symlink(&file, proc.join("11/fd/3")).unwrap();
    assert_eq!(found(&proc, &file, None).found().unwrap().len(), 2);
    assert!(found(&proc, &file, Some(11)).reason().unwrap().contains("does not list process 1"));
    add(&proc, 1, 0, "systemd", "/sbin/init");
    assert_eq!(found(&proc, &file, Some(11)), Observed::NotFound);
}

#[test]
fn damaged_and_vanishing_entries_are_skipped() {
    let (dir, _) = scratch(&[("x", "x"), ("proc/stat", "btime none\n"), ("proc/7/stat", "("), ("proc/8/nothing", "")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("x"));
    put(&proc, "9/stat", b"9 (loop) S 9 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99999999999999999999 0\n");
    add(&proc, 12, 12, "loop", &format!("cat {}", file.display()));
    std::fs::remove_file(proc.join("12/maps")).unwrap();
    let all = found(&proc, &file, None);
    let all = all.found().unwrap();
    assert_eq!((all.len(), all[0].pid, all[0].started), (1, 12, None));
    assert!(all[0].parents.is_empty());
    assert!(found(&dir.path().join("no-proc"), &file, None).reason().unwrap().contains("no-proc"));
}

#[test]
fn many_processes_do_not_make_a_look_up_slow() {
    let (dir, _) = scratch(&[("x", "x"), ("proc/stat", "")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("x"));
    for pid in 1..2000 {
        add(&proc, pid, pid / 2, "idle", "idle now");
    }
    add(&proc, 2000, 1000, "one", &format!("one {}", file.display()));
    let processes = ProcessIndex::read(&proc);
    let facts = facts(&file);
    let sought = FileQuery { dev: facts.dev, ino: facts.ino, path: &file };
    let started = std::time::Instant::now();
    for _ in 0..2000 {
        assert_eq!(processes.of(&sought, &BoxAccounts::default(), None).found.found().unwrap().len(), 1);
    }
    // Reading the folder again for each look-up would take thousands of times as long.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn every_process_of_the_responder_s_session_is_left_out_and_said_to_be_and_its_line_is_the_right_way_round() {
    let (dir, _) = scratch(&[("x", "x"), ("proc/stat", "")]);
    let (proc, file) = (dir.path().join("proc"), dir.path().join("x"));
    let named = |what: &str| format!("{what} {}", file.display());
    // Session 77 is the responder's, by the shell's number; 5 is somebody else's.
    let add = |pid: u32, parent: u32, session: u32, name: &str, words: &str, program: &str| {
        add(&proc, pid, parent, name, words);
        let stat = format!("{pid} ({name}) S {parent} 1 {session} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
        put(&proc, &format!("{pid}/stat"), stat.as_bytes());
        let exe = proc.join(format!("{pid}/exe"));
        std::fs::remove_file(&exe).unwrap();
        symlink(program, exe).unwrap();
    };
    let huntbook = dir.path().join("huntbook");
    std::fs::write(&huntbook, "x").unwrap();
    let huntbook = huntbook.to_str().unwrap();
    add(1, 0, 1, "systemd", "/sbin/init", "/bin/sh");
    add(77, 1, 77, "bash", "-bash", "/bin/bash");
    add(78, 77, 77, "sudo", &named("sudo huntbook"), "/usr/bin/env");
    add(79, 78, 77, "huntbook", &named("huntbook"), huntbook);
    add(80, 77, 77, "less", &named("less"), "/usr/bin/env");
    // In another session: another Huntbook, who looks by audit's session of the responder, and somebody else.
    add(81, 1, 81, "huntbook", &named("huntbook"), huntbook);
    add(82, 1, 82, "vi", &named("vi"), "/usr/bin/env");
    for pid in [79, 82] {
        put(&proc, &format!("{pid}/sessionid"), b"3");
        put(&proc, &format!("{pid}/loginuid"), b"1000");
    }
    add(90, 1, 5, "tail", &named("tail"), "/usr/bin/env");
    // What runs the file is told even of the responder's session.
    add(91, 77, 77, "sh", &named("sh"), "/bin/sh");
    let facts = facts(&file);
    let sought = FileQuery { dev: facts.dev, ino: facts.ino, path: &file };
    let alive = ProcessIndex::read(&proc).of(&sought, &BoxAccounts::default(), Some(79));
    let out: Vec<String> = alive.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        out,
        [
            "pid 78 sudo: started this Huntbook",
            "pid 79 huntbook: this Huntbook",
            "pid 80 less: of your own login session, and does not run the file",
            "pid 81 huntbook: another Huntbook",
            "pid 82 vi: of your own login session, and does not run the file",
        ]
    );
    let told = alive.found.found().unwrap();
    assert_eq!(told.iter().map(|process| process.pid).collect::<Vec<_>>(), [91, 90]);
    assert!(told[0].in_own_session && told[0].to_string().ends_with(", in your own login session"), "{}", told[0]);
    // The nearest parent is first, so that a line reads from the process up to init.
    let line: Vec<String> = told[0].parents.iter().map(ToString::to_string).collect();
    assert_eq!(line, ["pid 77 bash, user uid 0", "pid 1 systemd, user uid 0"]);
}
