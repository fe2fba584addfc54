//! Trees whose folders lie, change under the walk, or lead deeper than a path can.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};

use super::{Run, can_build, huntbook, run};
use crate::fixtures;

fn scan(home: &Path, tree: &Path) -> Run {
    run(huntbook(home, &[&"scan", &tree, &"--format", &"ndjson"]))
}

fn home() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    (dir, home)
}

/// Reasons in coverage for the file or folder of this name.
fn reasons(run: &Run, name: &str) -> Vec<String> {
    let coverage = run.documents("coverage");
    let of = coverage.iter().filter(|missed| missed["file"]["path"].as_str().is_some_and(|path| path.ends_with(name)));
    of.map(|missed| missed["huntbook"]["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

fn findings(run: &Run) -> Vec<String> {
    let mut paths: Vec<_> = (run.documents("finding").iter())
        .map(|finding| {
            Path::new(finding["file"]["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    paths.sort();
    paths
}

/// A mount that is taken down with the test.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Sets the type byte of the entry `name` in an ext4 image: `inode:u32 length:u16 name-length:u8 type:u8 name`
/// (<https://docs.kernel.org/filesystems/ext4/directory.html>).
fn set_type(image: &Path, name: &str, kind: u8) {
    let file = File::options().read(true).write(true).open(image).unwrap();
    let bytes = fs::read(image).unwrap();
    let mut changed = 0;
    for at in memchr::memmem::find_iter(&bytes, name) {
        if bytes[at - 2] == name.len() as u8 && matches!(bytes[at - 1], 1..=7) {
            file.write_all_at(&[kind], at as u64 - 1).unwrap();
            changed += 1;
        }
    }
    assert!(changed > 0, "{name} is in no folder of the image");
}

#[test]
fn the_type_byte_of_a_folder_is_not_believed() {
    let (link, fifo, regular, folder) = (7, 5, 1, 2);
    if !can_build("an ext4 image whose folders lie", &["mkfs.ext4", "mount", "umount"]) {
        return;
    }
    let (dir, home) = home();
    let content = dir.path().join("content");
    fs::create_dir_all(content.join("as-file-dddd/deeper")).unwrap();
    for name in ["as-link-aaaa", "as-fifo-bbbb", "as-folder-cc", "honest-eeeee", "as-file-dddd/deeper/below-ffffff"] {
        fs::write(content.join(name), fixtures::callback()).unwrap();
    }
    let image = dir.path().join("image");
    File::create(&image).unwrap().set_len(4 << 20).unwrap();
    let features = "^metadata_csum,^has_journal,filetype";
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-O", features, "-E", "lazy_itable_init=0", "-d"]).arg(&content).arg(&image);
    if !succeeds(&mut mkfs) {
        eprintln!("skipped: an ext4 image whose folders lie (mkfs.ext4 does not make it)");
        return;
    }
    for (name, kind) in
        [("as-link-aaaa", link), ("as-fifo-bbbb", fifo), ("as-folder-cc", folder), ("as-file-dddd", regular)]
    {
        set_type(&image, name, kind);
    }
    let point = dir.path().join("mnt");
    fs::create_dir(&point).unwrap();
    if !succeeds(Command::new("mount").args(["-o", "loop,ro,noload"]).arg(&image).arg(&point)) {
        eprintln!("skipped: an ext4 image whose folders lie (it cannot be mounted here)");
        return;
    }
    let mounted = Mounted(point);
    let scanned = scan(&home, &mounted.0);
    let all = ["as-fifo-bbbb", "as-folder-cc", "as-link-aaaa", "below-ffffff", "honest-eeeee"];
    assert_eq!(findings(&scanned), all, "{}{}", scanned.out, scanned.err);
    for name in ["as-link-aaaa", "as-fifo-bbbb", "as-folder-cc", "as-file-dddd"] {
        assert_eq!(reasons(&scanned, name), ["not-as-listed"], "{name}: {}", scanned.out);
    }
    assert!(reasons(&scanned, "honest-eeeee").is_empty());
}

#[test]
fn a_folder_that_a_link_takes_the_place_of_is_not_left_through_it() {
    let (dir, home) = home();
    let outside = dir.path().join("outside");
    let tree = dir.path().join("tree");
    fs::create_dir(&outside).unwrap();
    for n in 0..300 {
        fs::write(outside.join(format!("outside-{n}")), fixtures::callback()).unwrap();
    }
    for n in 0..20 {
        fs::create_dir_all(tree.join(format!("folder-{n}/in"))).unwrap();
        fs::write(tree.join(format!("folder-{n}/in/file")), "nothing").unwrap();
    }
    symlink(&outside, dir.path().join("link")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let link = dir.path().join("link");
            while !done.load(Ordering::Relaxed) {
                for n in 0..20 {
                    let folder = tree.join(format!("folder-{n}/in"));
                    for _ in 0..2 {
                        let _ = rustix::fs::renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE);
                    }
                }
            }
        });
        for _ in 0..15 {
            let scanned = scan(&home, &tree);
            assert!(!scanned.out.contains("outside-"), "{}", scanned.out);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A chain of folders, each in the one before it, made from descriptors: the path to its end is too long for the kernel.
fn chain(top: &Path, depth: usize) -> OwnedFd {
    let open = |at: &OwnedFd| rustix::fs::openat(at, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut at = rustix::fs::open(top, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
        at = open(&at);
    }
    at
}

#[test]
fn a_tree_deeper_than_a_path_can_be_is_scanned_to_its_end() {
    let (dir, home) = home();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let end = chain(&tree, 6000);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let file = File::from(rustix::fs::openat(&end, "hit", flags, Mode::RUSR | Mode::WUSR).unwrap());
    file.write_all_at(fixtures::callback().as_bytes(), 0).unwrap();
    drop((file, end));
    let scanned = scan(&home, &tree);
    let _ = Command::new("rm").arg("-rf").arg(&tree).status();
    assert_eq!((scanned.code, findings(&scanned)), (Some(1), vec!["hit".to_owned()]), "{}", scanned.err);
    assert!(scanned.documents("coverage").is_empty(), "{}", scanned.out.lines().last().unwrap());
}

/// The time of last access of a file or folder, in nanoseconds.
fn accessed(path: &Path) -> i128 {
    let facts = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    i128::from(facts.st_atime) * 1_000_000_000 + i128::from(facts.st_atime_nsec)
}

#[test]
fn access_times_of_folders_and_files_are_left_alone() {
    let (dir, home) = home();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("folder/inner")).unwrap();
    let file = tree.join("folder/inner/hit");
    fs::write(&file, fixtures::callback()).unwrap();
    let seen = [tree.clone(), tree.join("folder"), tree.join("folder/inner"), file.clone()];
    // Far enough back that relatime would move them with the first access.
    let old = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    for path in &seen {
        let times = rustix::fs::Timestamps { last_access: old, last_modification: old };
        rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()).unwrap();
    }
    let before: Vec<_> = seen.iter().map(|path| accessed(path)).collect();
    let scanned = scan(&home, &tree);
    assert_eq!(findings(&scanned), ["hit"], "{}", scanned.err);
    // Without a terminal the screen is refused, but not before it was looked at what the path leads to.
    let screen = run(huntbook(&home, &[&file]));
    assert_eq!(screen.code, Some(2), "{}", screen.out);
    let inspected = run(huntbook(&home, &[&"inspect", &file]));
    assert_eq!(inspected.code, Some(1), "{}", inspected.err);
    assert_eq!(seen.iter().map(|path| accessed(path)).collect::<Vec<_>>(), before);
}
