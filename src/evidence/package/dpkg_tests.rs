use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use md5::{Digest as _, Md5};

use super::super::super::observed::Observed;
use super::super::super::testing::{put, scratch};
use super::super::{ContentCheck, Packages};
use crate::finding::{Digest, Sha256};
use crate::text;

fn md5(content: &str) -> String {
    text::hex(&Md5::digest(content.as_bytes()))
}

fn status() -> String {
    format!(
        "Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.4-3\n\n\
         Package: cron\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0pl1\nConffiles:\n /etc/crontab {}\n /etc/my file {} obsolete\n broken\nDescription: x\n\n\
         Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n",
        md5("# cron"),
        md5("mine")
    )
}

#[test]
fn owner_version_and_content_in_both_spellings() {
    let (dir, root) = scratch(&[
        ("var/lib/dpkg/status", &status()),
        ("var/lib/dpkg/info/coreutils:amd64.list", "/.\n/bin\n/bin/ls\n/usr/bin/env\n"),
        ("var/lib/dpkg/info/coreutils:amd64.md5sums", &format!("{}  bin/ls\n{}  usr/bin/env\n", md5("ls"), md5("env"))),
        ("var/lib/dpkg/info/cron.list", "/etc/crontab\n/etc/my file\n"),
        ("var/lib/dpkg/info/old.list", "/etc/old.conf\n/etc/crontab\n"),
        ("usr/bin/ls", "ls"),
        ("usr/bin/env", "patched"),
        ("etc/crontab", "# cron"),
        ("etc/my file", "mine"),
        ("etc/old.conf", ""),
        ("opt/x", ""),
    ]);
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    let packages = Packages::read(&root);
    let owner = |path: &str| packages.owner(Path::new(path), None).found().cloned().unwrap();
    let ls = owner("/usr/bin/ls");
    assert_eq!(
        (ls.package.as_str(), ls.version.as_str(), &ls.content),
        ("coreutils", "9.4-3", &ContentCheck::AsShipped)
    );
    assert_eq!(ls.listed_as, Path::new("/bin/ls"));
    assert_eq!(owner("/bin/env").content, ContentCheck::Changed);
    assert_eq!(
        (owner("/etc/crontab").package.as_str(), owner("/etc/crontab").content),
        ("cron", ContentCheck::AsShipped)
    );
    assert_eq!(owner("/etc/my file").content, ContentCheck::AsShipped);
    assert!(!owner("/etc/old.conf").installed);
    assert_eq!(packages.owner(Path::new("/opt/x"), None), Observed::NotFound);

    let scanned = Some(Sha256::of(b"something else").into());
    let content = packages.owner(Path::new("/usr/bin/ls"), scanned).found().cloned().unwrap().content;
    assert_eq!(content, ContentCheck::NotCompared("the file has changed since it was scanned".into()));
    let scanned = Some(Sha256::of(b"ls").into());
    assert_eq!(
        packages.owner(Path::new("/usr/bin/ls"), scanned).found().cloned().unwrap().content,
        ContentCheck::AsShipped
    );
    let scanned = Some(Digest::DataOnly(Sha256::of(b"ls")));
    let content = packages.owner(Path::new("/usr/bin/ls"), scanned).found().cloned().unwrap().content;
    assert!(matches!(&content, ContentCheck::NotCompared(why) if why.contains("data digest")), "{content:?}");
}

#[test]
fn diversions_say_whose_file_it_is() {
    let (_dir, root) = scratch(&[
        ("var/lib/dpkg/info/dash.list", "/bin/sh\n"),
        ("var/lib/dpkg/info/bash.list", "/bin/sh\n"),
        ("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n/bin/local\n/bin/local.orig\n:\ncut off"),
        ("var/lib/dpkg/info/tool.list", "/bin/local\n"),
        ("bin/sh", ""),
        ("bin/sh.distrib", ""),
    ]);
    let packages = Packages::read(&root);
    let owner = |path: &str| packages.owner(Path::new(path), None).found().map(|owner| owner.package.clone());
    assert_eq!(owner("/bin/sh").unwrap(), "dash");
    assert_eq!(owner("/bin/sh.distrib").unwrap(), "bash");
    assert_eq!(owner("/bin/local"), None);
    assert_eq!(owner("/bin/local.orig").unwrap(), "tool");
}

#[test]
fn a_truncated_or_binary_md5sums_leaves_the_content_not_compared() {
    for md5sums in [&b"d41d8cd98f00b204e98009"[..], b"", b"\0\xff\0\xff", b"zz1d8cd98f00b204e9800998ecf8427e  bin/ls\n"]
    {
        let (dir, root) = scratch(&[("var/lib/dpkg/info/coreutils.list", "/bin/ls\n"), ("bin/ls", "ls")]);
        put(dir.path(), "var/lib/dpkg/info/coreutils.md5sums", md5sums);
        let owner = Packages::read(&root).owner(Path::new("/bin/ls"), None);
        assert!(matches!(owner.found().unwrap().content, ContentCheck::NotCompared(_)), "{md5sums:?}");
    }
}

#[test]
fn a_list_that_is_a_fifo_is_a_gap_and_hangs_nothing() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (dir, root) = scratch(&[("var/lib/dpkg/info/a.list", "/a\n")]);
    mknodat(CWD, dir.path().join("var/lib/dpkg/info/b.list"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let packages = Packages::read(&root);
    assert!(packages.owner(Path::new("/a"), None).found().is_some());
    assert!(packages.owner(Path::new("/b"), None).reason().unwrap().contains("a FIFO"));
}

#[test]
fn many_packages_do_not_make_a_look_up_slow() {
    let (dir, root) = scratch(&[]);
    let mut status = String::new();
    for n in 0..3000 {
        put(dir.path(), &format!("var/lib/dpkg/info/p{n}.list"), format!("/opt/p{n}/a\n/opt/p{n}/b\n").as_bytes());
        let _ = write!(status, "Package: p{n}\nStatus: install ok installed\nVersion: {n}\n\n");
    }
    put(dir.path(), "var/lib/dpkg/status", status.as_bytes());
    let packages = Packages::read(&root);
    let started = std::time::Instant::now();
    for n in 0..3000 {
        let owner = packages.owner(Path::new(&format!("/opt/p{n}/b")), None);
        assert_eq!(owner.found().unwrap().version, n.to_string());
    }
    // 3,000 look-ups that each scanned all lists would open nine million files.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
