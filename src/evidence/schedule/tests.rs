use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::testing::{facts, put, scratch};
use super::*;

fn naming(dir: &Path, root: &Root, path: &str) -> Observed<Vec<Schedule>> {
    let accounts = Accounts::read(root);
    let schedules = Schedules::read(root, &accounts);
    let host = dir.join(path.trim_start_matches('/'));
    schedules.naming(Path::new(path), &facts(&host), &Packages::read(root), &accounts)
}

fn lines(found: &Observed<Vec<Schedule>>) -> Vec<String> {
    let shown = |s: &Schedule| format!("{}:{} {} {}", s.referrer.path.display(), s.line, s.when, s.user);
    found.found().map(|found| found.iter().map(shown).collect()).unwrap_or_default()
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
    let gaps: Vec<String> = Schedules::read(&root, &Accounts::read(&root)).gaps.lines().collect();
    for expected in [
        "/etc/crontab: holds NUL",
        "/etc/cron.d/fifo: a FIFO",
        "/etc/cron.d/huge: only its first 4 MiB",
        "a.service: holds NUL",
    ] {
        assert!(gaps.iter().any(|gap| gap.contains(expected)), "{expected} in {gaps:#?}");
    }
}
