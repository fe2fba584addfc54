//! Images whose account files and host name lead elsewhere, or nowhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode};

use super::{Run, huntbook, run};
use crate::fixtures;

/// An image with one finding, owned by whoever runs the test, and a home beside it.
fn image() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (image, home) = (dir.path().join("image"), dir.path().join("home"));
    fs::create_dir_all(image.join("srv")).unwrap();
    fs::create_dir(&home).unwrap();
    fs::write(image.join("srv/hit"), fixtures::callback()).unwrap();
    (dir, image, home)
}

fn scan(image: &Path, home: &Path) -> Run {
    run(huntbook(home, &[&"scan", &image.join("srv"), &"--root", &image, &"--format", &"ndjson"]))
}

/// Account and host names that a scan of the image tells.
fn names(run: &Run) -> (Option<String>, Option<String>, Option<String>) {
    let findings = run.documents("finding");
    let [finding] = findings.as_slice() else { panic!("{}{}", run.out, run.err) };
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    (text(&finding["file"]["owner"]), text(&finding["file"]["group"]), text(&finding["host"]["name"]))
}

#[test]
fn account_files_that_never_answer_hold_nothing_up() {
    let (_dir, image, home) = image();
    fs::create_dir(image.join("etc")).unwrap();
    for name in ["passwd", "group", "hostname"] {
        rustix::fs::mkfifoat(CWD, image.join("etc").join(name), Mode::RUSR | Mode::WUSR).unwrap();
    }
    let scanned = scan(&image, &home);
    assert_eq!(scanned.code, Some(1), "{}", scanned.err);
    assert_eq!(names(&scanned), (None, None, Some("unknown-image".into())));
    let inspected = run(huntbook(&home, &[&"inspect", &image.join("srv/hit"), &"--root", &image]));
    assert_eq!(inspected.code, Some(1), "{}", inspected.err);
}

#[test]
fn account_files_that_are_links_stay_inside_the_image() {
    let own = fs::metadata("/proc/self").map(|facts| std::os::unix::fs::MetadataExt::uid(&facts)).unwrap();
    for shape in ["file", "folder", "process"] {
        let (dir, image, home) = image();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("passwd"), format!("outsider:x:{own}:{own}::/:/bin/sh\n")).unwrap();
        fs::write(outside.join("group"), format!("outsiders:x:{own}:\n")).unwrap();
        fs::write(outside.join("hostname"), "outside\n").unwrap();
        match shape {
            "file" => {
                fs::create_dir(image.join("etc")).unwrap();
                for name in ["passwd", "group", "hostname"] {
                    symlink(outside.join(name), image.join("etc").join(name)).unwrap();
                }
            }
            "folder" => symlink(&outside, image.join("etc")).unwrap(),
            _ => symlink("../../../../../../../../etc", image.join("etc")).unwrap(),
        }
        let scanned = scan(&image, &home);
        assert_eq!(names(&scanned), (None, None, Some("unknown-image".into())), "{shape}");
    }
}

#[test]
fn links_inside_the_image_are_followed_there() {
    let (_dir, image, home) = image();
    fs::create_dir_all(image.join("etc/real")).unwrap();
    fs::write(image.join("etc/real/hostname"), "web01\n").unwrap();
    symlink("/etc/real/hostname", image.join("etc/hostname")).unwrap();
    assert_eq!(names(&scan(&image, &home)).2, Some("web01".into()));
}

#[test]
fn account_files_without_end_are_read_to_a_bound() {
    let (_dir, image, home) = image();
    fs::create_dir(image.join("etc")).unwrap();
    for name in ["passwd", "group", "hostname", "crontab"] {
        fs::File::create(image.join("etc").join(name)).unwrap().set_len(1 << 40).unwrap();
    }
    let scanned = scan(&image, &home);
    assert_eq!((scanned.code, names(&scanned).0), (Some(1), None), "{}", scanned.err);
}
