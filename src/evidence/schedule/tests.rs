use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::testing::{facts, put, scratch};
use super::*;

fn naming(dir: &Path, root: &Root, path: &str) -> Observed<Vec<Schedule>> {
    let accounts = BoxAccounts::read(root);
    let schedules = Schedules::read(root, &accounts);
    let host = dir.join(path.trim_start_matches('/'));
    schedules.naming(Path::new(path), &facts(&host), &Packages::read(root), &accounts)
}

fn lines(found: &Observed<Vec<Schedule>>) -> Vec<String> {
    let shown = |s: &Schedule| format!("{}:{} {} {}", s.referrer.path.display(), s.line, s.when, s.user);
    found.found().map(|found| found.iter().map(shown).collect()).unwrap_or_default()
}

fn mode(dir: &Path, path: &str, mode: u32) {
    std::fs::set_permissions(dir.join(path), PermissionsExt::from_mode(mode)).unwrap();
}

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";

#[test]
fn every_kind_of_cron_table_that_names_the_file_is_found() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        (
            "etc/crontab",
            "PATH=/opt/r:/bin\n# 1 2 3 4 5 root /opt/r/x.py\n*/5 * * jan-mar mon root x.py --now\nBASH_ENV=/opt/r/x.py\n",
        ),
        ("etc/cron.d/jobs", "@daily alice cd /opt/r && ./x.py\n"),
        ("etc/cron.d/jobs.bak", "1 1 * * * root /opt/r/x.py\n"),
        ("var/spool/cron/crontabs/alice", "0 0 * * * python3 /opt/r/x.py\n"),
        ("var/spool/cron/root", "@reboot tar c /opt/r >/dev/null\n"),
        ("etc/anacrontab", "7 10 weekly.x nice /opt/r/x.py\n@monthly 5 m true\nSHELL=/bin/sh\n"),
        ("var/spool/anacron/weekly.x", "20261101\n"),
        ("etc/cron.daily/run", "#!/bin/sh\n# /opt/r/x.py\nset -e\nexec \"/opt/r/x.py\"\n"),
        ("var/spool/cron/atjobs/a0000b01c5ab80", "#!/bin/sh\nHOME=/opt/r; export HOME\ncd /opt/r || exit\n./x.py\n"),
    ]);
    let found = naming(dir.path(), &root, "/opt/r/x.py");
    let all = found.found().unwrap();
    let direct: Vec<_> = all.iter().filter(|s| s.names == NameMatch::File).collect();
    let at = |path: &str, line| direct.iter().find(|s| s.referrer.path == Path::new(path) && s.line == line).unwrap();
    assert_eq!(direct.len(), 8, "{:#?}", lines(&found));
    assert_eq!(
        (at("/etc/crontab", 3).when.as_str(), at("/etc/crontab", 3).user.as_str()),
        ("*/5 * * jan-mar mon", "root")
    );
    assert!(at("/etc/crontab", 4).when.contains("environment"));
    assert_eq!(at("/etc/cron.d/jobs", 1).user, "alice");
    assert!(at("/etc/cron.d/jobs.bak", 1).note.as_ref().unwrap().contains("skips"));
    assert_eq!(at("/var/spool/cron/crontabs/alice", 1).user, "alice");
    assert!(at("/etc/anacrontab", 1).last_run.is_some());
    assert!(at("/etc/cron.daily/run", 4).never.as_ref().unwrap().contains("not executable"));
    assert_eq!(at("/var/spool/cron/atjobs/a0000b01c5ab80", 4).next_run.unwrap().seconds, 0x01c5_ab80 * 60);
    let folder = all.iter().find(|s| s.referrer.path == Path::new("/var/spool/cron/root")).unwrap();
    assert_eq!(folder.names, NameMatch::Folder("/opt/r".into()));
    assert!(folder.to_string().contains("names only the folder /opt/r"));
}

#[test]
fn the_referrer_shows_who_could_have_written_it() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        ("etc/cron.d/shipped", "@daily root /opt/r/x.py\n"),
        ("etc/cron.d/own", "@daily root /opt/r/x.py\n"),
        ("var/lib/dpkg/info/reports.list", "/etc/cron.d/shipped\n"),
    ]);
    std::fs::set_permissions(dir.path().join("etc/cron.d/own"), PermissionsExt::from_mode(0o646)).unwrap();
    let found = naming(dir.path(), &root, "/opt/r/x.py");
    let [own, shipped] = found.found().unwrap().as_slice() else { panic!("{found:#?}") };
    assert_eq!((own.referrer.mode & 0o777, own.referrer.writers.as_slice()), (0o646, &["everyone".to_owned()][..]));
    assert_eq!(own.referrer.package, Observed::NotFound);
    assert_eq!(shipped.referrer.package.found().unwrap().package, "reports");
    let shown = own.to_string();
    assert!(shown.starts_with("/etc/cron.d/own:1, @daily, as root, "), "{shown}");
    assert!(shown.contains("NEVER RUNS: cron refuses a table that everyone can write to"), "{shown}");
    assert!(
        shown.contains("mode 0646 (also everyone), changed 20") && shown.ends_with("shipped by no package"),
        "{shown}"
    );
}

#[test]
fn units_drop_ins_timers_and_links_are_joined() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        (
            "usr/lib/systemd/system/rep.service",
            "[Service]\nUser=nobody\nExecStart=-/usr/bin/python3 \\\n  /opt/r/x.py\n",
        ),
        ("etc/systemd/system/rep.service.d/who.conf", "[Service]\nUser=alice\nExecStartPost=/opt/r/x.py --after\n"),
        ("etc/systemd/system/nightly.timer", "[Timer]\nOnCalendar=*-*-* 02:00\nUnit=rep.service\n"),
        ("var/lib/systemd/timers/stamp-nightly.timer", ""),
        ("etc/systemd/system/hidden.service", "[Service]\nExecStart=/bin/true\n"),
        ("usr/lib/systemd/system/hidden.service", "[Service]\nExecStart=/opt/r/x.py\n"),
        ("home/alice/.config/systemd/user/mine.service", "[Service]\nWorkingDirectory=/opt/r\nExecStart=x.py\n"),
        ("home/alice/.config/systemd/user/default.target.wants/mine.service", ""),
        ("srv/linked.service", "[Service]\nExecStart=/opt/r/x.py\n"),
    ]);
    symlink("usr/lib", dir.path().join("lib")).unwrap();
    symlink("/dev/null", dir.path().join("etc/systemd/system/masked.service")).unwrap();
    put(dir.path(), "usr/lib/systemd/system/masked.service", b"[Service]\nExecStart=/opt/r/x.py\n");
    symlink("/srv/linked.service", dir.path().join("etc/systemd/system/linked.service")).unwrap();
    let found = naming(dir.path(), &root, "/opt/r/x.py");
    let all = found.found().unwrap();
    let at =
        |path: &str| all.iter().find(|s| s.referrer.path == Path::new(path) && s.names == NameMatch::File).unwrap();
    let unit = at("/usr/lib/systemd/system/rep.service");
    assert_eq!(
        (unit.line, unit.user.as_str(), unit.when.as_str()),
        (3, "alice", "nightly.timer: OnCalendar=*-*-* 02:00")
    );
    assert!(unit.last_run.is_some());
    assert_eq!(at("/etc/systemd/system/rep.service.d/who.conf").note.as_deref(), Some("a drop-in of rep.service"));
    let hidden = at("/usr/lib/systemd/system/hidden.service");
    assert_eq!(hidden.never.as_deref(), Some("hidden by /etc/systemd/system/hidden.service"));
    assert!(hidden.when.contains("which nothing here starts") && hidden.idle.is_some());
    let mine = at("/home/alice/.config/systemd/user/mine.service");
    assert_eq!((mine.user.as_str(), mine.when.as_str()), ("alice", "started by default.target"));
    assert_eq!(at("/etc/systemd/system/linked.service").note.as_deref(), Some("a link to /srv/linked.service"));
    let masked = at("/usr/lib/systemd/system/masked.service");
    assert_eq!(masked.never.as_deref(), Some("hidden by /etc/systemd/system/masked.service"));
    assert_eq!(all.iter().filter(|s| s.names == NameMatch::File).count(), 6, "{:#?}", lines(&found));
}

#[test]
fn a_file_named_through_a_link_is_found_and_a_trivial_folder_is_not() {
    let (dir, root) = scratch(&[
        ("usr/bin/tool", ""),
        ("etc/crontab", "@daily root /bin/alias\n@daily root tar c /usr/bin /usr /\n@daily root ls /usr/bin/tool.d\n"),
    ]);
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    symlink("/usr/bin/tool", dir.path().join("usr/bin/alias")).unwrap();
    assert_eq!(lines(&naming(dir.path(), &root, "/usr/bin/tool")), ["/etc/crontab:1 @daily root"]);
}

#[test]
fn broken_tables_are_gaps_never_failures() {
    let (dir, root) = scratch(&[("opt/x", ""), ("etc/cron.d/good", "@daily root /opt/y\n")]);
    let binary: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
    put(dir.path(), "etc/crontab", &binary);
    put(dir.path(), "etc/anacrontab", &binary);
    put(dir.path(), "etc/systemd/system/a.service", b"[Service]\nExec\0Start=/opt/x\nExecStart\\\n");
    put(dir.path(), "var/spool/cron/atjobs/a0000b01c5ab80", &binary);
    put(dir.path(), "etc/cron.daily/elf", &binary);
    mknodat(CWD, dir.path().join("etc/cron.d/fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    symlink("loop", dir.path().join("etc/cron.d/loop")).unwrap();
    std::fs::File::create(dir.path().join("etc/cron.d/huge")).unwrap().set_len(1 << 40).unwrap();
    let found = naming(dir.path(), &root, "/opt/x");
    assert!(found.reason().unwrap().contains("not everything could be read"), "{found:?}");
    let gaps: Vec<String> = Schedules::read(&root, &BoxAccounts::read(&root)).gaps.lines().collect();
    for expected in [
        "/etc/crontab: holds NUL",
        "/etc/cron.d/fifo: a FIFO",
        "/etc/cron.d/huge: only its first 4 MiB",
        "a.service: holds NUL",
    ] {
        assert!(gaps.iter().any(|gap| gap.contains(expected)), "{expected} in {gaps:#?}");
    }
}

#[test]
fn a_great_many_scripts_are_looked_into_and_each_is_read_once_whoever_starts_it() {
    let (dir, root) = scratch(&[("etc/passwd", PASSWD), ("opt/last", ""), ("opt/x/shared", "")]);
    let script = |path: &str, lines: &str| {
        put(dir.path(), path, format!("#!/bin/sh\n{lines}").as_bytes());
        std::fs::set_permissions(dir.path().join(path), PermissionsExt::from_mode(0o755)).unwrap();
    };
    let padding = "# nothing\n: step\n".repeat(60);
    for number in 0..600 {
        put(dir.path(), &format!("opt/x/f{number}"), b"");
        script(&format!("opt/w/run{number}"), &format!("{padding}/opt/x/f{number}\n/opt/w/shared\n"));
        put(dir.path(), &format!("etc/cron.d/t{number}"), format!("1 2 * * * root /opt/w/run{number}\n").as_bytes());
    }
    script("opt/w/shared", &format!("{padding}/opt/x/shared\n/opt/w/deep\n"));
    script("opt/w/deep", "/opt/last\n");
    let accounts = BoxAccounts::read(&root);
    let schedules = Schedules::read(&root, &accounts);
    assert_eq!(schedules.gaps.lines().collect::<Vec<_>>(), Vec::<String>::new());
    let packages = Packages::read(&root);
    let of = |path: &str| {
        let facts = facts(&dir.path().join(path.trim_start_matches('/')));
        schedules.naming(Path::new(path), &facts, &packages, &accounts).found().cloned().unwrap_or_default()
    };
    for number in [0, 199, 200, 599] {
        let found = of(&format!("/opt/x/f{number}"));
        let direct: Vec<_> = found.iter().filter(|one| one.names == NameMatch::File).collect();
        assert_eq!(direct.len(), 1, "{direct:#?}");
        assert_eq!(direct[0].via.as_deref(), Some(format!("/opt/w/run{number}:122").as_str()));
        assert_eq!(direct[0].referrer.path, Path::new(&format!("/etc/cron.d/t{number}")));
        assert_eq!(direct[0].command, format!("/opt/x/f{number}"));
    }
    // Two levels of wrappers, and not a third; of so many ways it is said that not all are told.
    let shared: Vec<_> = of("/opt/x/shared").into_iter().filter(|one| one.names == NameMatch::File).collect();
    assert_eq!(shared.len(), 200);
    assert_eq!(shared[0].via.as_deref(), Some("/opt/w/run0:123 → /opt/w/shared:122"));
    assert!(shared[199].note.as_ref().unwrap().contains("more than 200 tables and units"), "{:?}", shared[199]);
    assert_eq!(of("/opt/last"), []);
}

#[test]
fn a_script_that_is_cut_is_a_gap_and_one_that_runs_itself_ends() {
    let (dir, root) =
        scratch(&[("etc/passwd", PASSWD), ("opt/x", ""), ("etc/crontab", "1 2 * * * root /opt/long; /opt/loop\n")]);
    put(dir.path(), "opt/long", format!("#!/bin/sh\n{}/opt/x\n", ":\n".repeat(30_000)).as_bytes());
    put(dir.path(), "opt/loop", b"#!/bin/sh\n/opt/loop\n/opt/x/none\n");
    for path in ["opt/long", "opt/loop"] {
        std::fs::set_permissions(dir.path().join(path), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let found = naming(dir.path(), &root, "/opt/x");
    assert!(found.reason().unwrap().contains("/opt/long: only the first 20,000 lines"), "{found:?}");
}

#[test]
fn the_zone_of_a_timer_and_of_a_table_has_the_rules_of_the_box() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/x", ""),
        ("etc/crontab", "CRON_TZ=Nowhere/City\n1 2 * * * root /opt/x\n"),
        ("etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x\n"),
        ("etc/systemd/system/x.timer", "[Timer]\nOnCalendar=02:10 UTC\n"),
    ]);
    let found = naming(dir.path(), &root, "/opt/x");
    let of = |scheduler| found.found().unwrap().iter().find(|one| one.scheduler == scheduler).unwrap();
    let table = of(Scheduler::Cron);
    assert_eq!((table.zone.as_deref(), &table.zone_rules), (Some("Nowhere/City"), &Observed::NotFound));
    let timer = of(Scheduler::Systemd);
    assert_eq!((timer.zone.as_deref(), timer.zone_rules.found()), (Some("UTC"), Some(&BoxZone::utc())));
}

#[test]
fn what_a_place_starts_does_not_hide_that_schedules_could_not_be_read() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        ("etc/rc.local", "#!/bin/sh\n/opt/r/x.py\n"),
        ("etc/cron.d/jobs", "1 1 * * * root /bin/true\0\n"),
    ]);
    let accounts = BoxAccounts::read(&root);
    let schedules = Schedules::read(&root, &accounts);
    let (path, facts) = (Path::new("/opt/r/x.py"), facts(&dir.path().join("opt/r/x.py")));
    let all = schedules.naming(path, &facts, &Packages::read(&root), &accounts);
    let Starters { schedules: run, places: started } = schedules.divided(all);
    assert_eq!(started.found().map(Vec::len), Some(1), "{started:#?}");
    assert!(run.reason().is_some_and(|why| why.contains("NUL bytes")), "{run:#?}");
}

#[test]
fn what_a_shell_reads_commands_from_is_followed_though_nobody_may_execute_it() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        ("etc/cron.d/a", "1 1 * * * root . /opt/a/env && true\n"),
        ("etc/cron.d/b", "1 1 * * * root /opt/b/job.sh\n"),
        ("etc/cron.d/c", "1 1 * * * root cat /opt/c/notes\n"),
        ("opt/a/env", "PATH=/bin\n/opt/r/x.py\n"),
        ("opt/b/job.sh", "#!/bin/sh\nsource \"/opt/b/lib\"\n"),
        ("opt/b/lib", "python3 /opt/r/x.py\n"),
        ("opt/c/notes", "python3 /opt/r/x.py\n"),
    ]);
    for plain in ["opt/a/env", "opt/b/lib", "opt/c/notes"] {
        mode(dir.path(), plain, 0o644);
    }
    mode(dir.path(), "opt/b/job.sh", 0o755);
    let found = naming(dir.path(), &root, "/opt/r/x.py");
    let tables: Vec<_> = found.found().unwrap().iter().map(|found| found.referrer.path.clone()).collect();
    assert_eq!(tables, [Path::new("/etc/cron.d/a"), Path::new("/etc/cron.d/b")], "{found:#?}");
}

#[test]
fn a_script_is_one_by_its_first_line_too_and_an_arm_for_anything_names_nothing() {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/r/x.py", ""),
        ("etc/cron.d/a", "1 1 * * * root sh /opt/a/run\n"),
        ("etc/cron.d/b", "1 1 * * * root cd /opt/r && /opt/b/pick.sh\n"),
        ("opt/a/run", "#!/bin/sh\n/opt/r/x.py\n"),
        ("opt/b/pick.sh", "cd /opt/r\ncase $1 in\n*) true ;;\nesac\nfor f in *; do true; done\n"),
    ]);
    mode(dir.path(), "opt/a/run", 0o644);
    let found = naming(dir.path(), &root, "/opt/r/x.py");
    let direct = found.found().unwrap().iter().filter(|found| found.names == NameMatch::File);
    let tables: Vec<_> = direct.map(|found| found.referrer.path.clone()).collect();
    assert_eq!(tables, [Path::new("/etc/cron.d/a")], "{found:#?}");
}
