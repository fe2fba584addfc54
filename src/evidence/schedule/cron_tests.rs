//! What Debian's cron starts of many tables, held against what is told here. Where cron is not there, or root does not run
//! the test, it is skipped; `HUNTBOOK_CRON` names a cron that is not at `/usr/sbin/cron`.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::super::super::account::BoxAccounts;
use super::super::Schedules;
use crate::evidence::testing::put;
use crate::root::Root;

/// The module of PAM that lets everything pass, where distributions keep it.
const PAM: [&str; 3] = [
    "/lib/x86_64-linux-gnu/security/pam_permit.so",
    "/lib/aarch64-linux-gnu/security/pam_permit.so",
    "/lib64/security/pam_permit.so",
];

/// A table: its path, mode, owner, and whether its job runs is what cron tells.
const TABLES: &[(&str, u32, u32)] = &[
    ("etc/crontab", 0o644, 0),
    ("etc/cron.d/good", 0o644, 0),
    ("etc/cron.d/good_one-2", 0o644, 0),
    ("etc/cron.d/dotted.name", 0o644, 0),
    ("etc/cron.d/x~", 0o644, 0),
    ("etc/cron.d/.hidden", 0o644, 0),
    ("etc/cron.d/.placeholder", 0o644, 0),
    ("etc/cron.d/old.dpkg-old", 0o644, 0),
    ("etc/cron.d/#hash", 0o644, 0),
    ("etc/cron.d/group-writes", 0o664, 0),
    ("etc/cron.d/all-write", 0o646, 0),
    ("etc/cron.d/anns", 0o644, 1000),
    ("etc/cron.d/executable", 0o755, 0),
    ("etc/cron.d/secret", 0o600, 0),
    ("etc/cron.d/none", 0o000, 0),
    ("etc/cron.d/setuid", 0o4644, 0),
    ("var/spool/cron/crontabs/ann", 0o600, 1000),
    ("var/spool/cron/crontabs/ben", 0o644, 1001),
    ("var/spool/cron/crontabs/carl", 0o600, 1000),
    ("var/spool/cron/crontabs/dora", 0o660, 1003),
    ("var/spool/cron/crontabs/ghost", 0o600, 0),
];

/// The name that a table's job leaves behind.
fn mark(path: &str) -> String {
    path.rsplit('/').next().unwrap().replace(['.', '~', '#'], "_")
}

fn made(cron: &Path, pam: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path.trim_start_matches('/'));
    for folder in ["dev", "run", "var/run", "ran", "tmp", "root", "usr/sbin", "bin"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::fs::set_permissions(at("ran"), PermissionsExt::from_mode(0o1777)).unwrap();
    let copy = |from: &Path, to: &str| {
        std::fs::create_dir_all(at(to).parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg("-L").args([from, &at(to)]).status().unwrap().success());
    };
    copy(cron, "usr/sbin/cron");
    copy(Path::new("/bin/sh"), "bin/sh");
    copy(Path::new(pam), pam);
    let needs =
        Command::new("ldd").arg(cron).args(["/bin/sh", pam]).output().map(|output| output.stdout).unwrap_or_default();
    for word in String::from_utf8_lossy(&needs).split_ascii_whitespace() {
        if word.starts_with('/') && !word.ends_with(':') {
            copy(Path::new(word), word);
        }
    }
    let passwd: String = [("root", 0), ("ann", 1000), ("ben", 1001), ("carl", 1002), ("dora", 1003)]
        .iter()
        .map(|(name, uid)| format!("{name}:x:{uid}:{uid}::/tmp:/bin/sh\n"))
        .collect();
    put(dir.path(), "etc/passwd", passwd.as_bytes());
    put(dir.path(), "etc/group", b"root:x:0:\ncrontab:x:101:\n");
    put(dir.path(), "etc/nsswitch.conf", b"passwd: files\ngroup: files\nshadow: files\n");
    put(dir.path(), "etc/debian_version", b"12\n");
    put(
        dir.path(),
        "etc/pam.d/cron",
        b"auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
    );
    let _ = mknodat(CWD, at("dev/null"), FileType::CharacterDevice, Mode::from(0o666), makedev(1, 3));
    for (path, mode, owner) in TABLES {
        let user = if path.starts_with("etc/") { "root " } else { "" };
        put(dir.path(), path, format!("@reboot {user}: > /ran/{}\n", mark(path)).as_bytes());
        std::fs::set_permissions(at(path), PermissionsExt::from_mode(*mode)).unwrap();
        chown(at(path), Some(*owner), None).unwrap();
    }
    // Links, a second name, a user who is not there, and a last line that does not end.
    put(dir.path(), "tmp/roots", b"@reboot root : > /ran/linked\n");
    symlink("/tmp/roots", at("etc/cron.d/linked")).unwrap();
    put(dir.path(), "tmp/anns", b"@reboot root : > /ran/linked-anns\n");
    chown(at("tmp/anns"), Some(1000), None).unwrap();
    symlink("/tmp/anns", at("etc/cron.d/linked-anns")).unwrap();
    put(dir.path(), "etc/cron.d/twice", b"@reboot root : > /ran/twice\n");
    std::fs::hard_link(at("etc/cron.d/twice"), at("tmp/twice")).unwrap();
    put(dir.path(), "etc/cron.d/nobodys", b"@reboot nobody9 : > /ran/nobodys\n");
    put(dir.path(), "etc/cron.d/unended", b"@reboot root : > /ran/unended-1\n@reboot root : > /ran/unended-2");
    dir
}

/// cron, which is ended when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_debian_s_cron_starts_is_what_is_told_to_run() {
    let cron = std::env::var_os("HUNTBOOK_CRON").unwrap_or_else(|| "/usr/sbin/cron".into());
    let pam = PAM.into_iter().find(|path| Path::new(path).exists());
    let (true, true, Some(pam)) = (rustix::process::getuid().is_root(), Path::new(&cron).exists(), pam) else {
        eprintln!("skipped: needs root and Debian's cron at /usr/sbin/cron or $HUNTBOOK_CRON");
        return;
    };
    let dir = made(Path::new(&cron), pam);
    let root = Root::image(dir.path());
    let schedules = Schedules::read(&root, &BoxAccounts::read(&root));
    let told = schedules.entries.iter().filter(|entry| entry.never.is_none());
    let told: BTreeSet<String> =
        told.filter_map(|entry| Some(entry.command.split_once("/ran/")?.1.to_owned())).collect();
    let mut running = Command::new("chroot");
    running
        .arg(dir.path())
        .args(["/usr/sbin/cron", "-f"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut running = Running(running.spawn().unwrap());
    let ran = || -> BTreeSet<String> {
        let names = std::fs::read_dir(dir.path().join("ran")).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    // All jobs of `@reboot` are started at once; what is told to run must have, and those under way must have ended.
    let children = format!("/proc/{0}/task/{0}/children", running.0.id());
    let started = Instant::now();
    let busy = |ran: &BTreeSet<String>| {
        !told.is_subset(ran) || std::fs::read_to_string(&children).is_ok_and(|children| !children.trim().is_empty())
    };
    while busy(&ran()) && running.0.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    if ran().is_empty() {
        eprintln!("skipped: this cron starts nothing in a root of its own");
        return;
    }
    assert_eq!(told, ran());
}
