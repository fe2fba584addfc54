//! File systems that are made to hold a reader up: one that leaves a read without an answer, so that the thread that asked
//! cannot even be killed, and one whose file never ends. As root only: they are mounted.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{FdFlags, fcntl_setfd};

use super::{huntbook, run};
use crate::fixtures;

/// Operations of `linux/fuse.h`.
mod operation {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const INIT: u32 = 26;
    pub const OPENDIR: u32 = 27;
    pub const READDIR: u32 = 28;
    pub const RELEASEDIR: u32 = 29;
    pub const INTERRUPT: u32 = 36;
    pub const BATCH_FORGET: u32 = 42;
}

/// The files in the root folder, by inode number from 2 on.
const FILES: [&str; 3] = ["endless", "hit", "hung"];

/// A mounted file system; dropping it ends its connection and whatever waits for it.
struct Mount {
    point: PathBuf,
    asked: Arc<AtomicBool>,
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Forced: requests without an answer come back with an error.
        let _ = Command::new("umount").arg("-f").arg("-l").arg(&self.point).status();
    }
}

/// Mounts it at `point`; `None` where that cannot be done.
fn mount(point: &Path, files: &'static [&'static str]) -> Option<Mount> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
    fcntl_setfd(&device, FdFlags::empty()).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&device);
    let options = format!("fd={number},rootmode=40000,user_id=0,group_id=0,allow_other");
    let mounted = Command::new("mount").args(["-i", "-t", "fuse", "-o", &options, "huntbook-test"]).arg(point).output();
    fcntl_setfd(&device, FdFlags::CLOEXEC).unwrap();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let mount = Mount { point: point.to_owned(), asked: Arc::clone(&asked) };
    std::thread::spawn(move || serve(device, files, &asked));
    Some(mount)
}

/// Answers until the file system is unmounted.
fn serve(mut device: File, files: &[&str], asked: &AtomicBool) {
    let mut request = vec![0_u8; 1 << 18];
    while let Ok(length) = device.read(&mut request) {
        let word = |at: usize| u32::from_le_bytes(request[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(request[at..at + 8].try_into().unwrap());
        let (operation, unique, node) = (word(4), long(8), long(16));
        let name_of = |node: u64| (node as usize).checked_sub(2).and_then(|index| files.get(index).copied());
        let answer: Result<Vec<u8>, i32> = match operation {
            operation::INIT => Ok(init()),
            operation::FORGET | operation::BATCH_FORGET | operation::INTERRUPT => continue,
            operation::GETATTR => Ok([longs(&[3600, 0]), attributes(node, name_of(node))].concat()),
            operation::LOOKUP => {
                let name = &request[40..length - 1];
                match files.iter().position(|file| file.as_bytes() == name) {
                    None => Err(libc::ENOENT),
                    Some(index) => {
                        let node = index as u64 + 2;
                        Ok([longs(&[node, 0, 3600, 3600, 0]), attributes(node, name_of(node))].concat())
                    }
                }
            }
            operation::OPEN | operation::OPENDIR => Ok(longs(&[0, 0])),
            operation::STATFS => Ok(vec![0; 80]),
            // fuse_read_in: fh, offset, size.
            operation::READDIR if long(48) == 0 => Ok(entries(files)),
            operation::READDIR | operation::RELEASE | operation::RELEASEDIR => Ok(Vec::new()),
            operation::READ => match name_of(node) {
                Some("hung") => {
                    asked.store(true, Ordering::SeqCst);
                    continue;
                }
                Some("hit") => Ok(if long(48) == 0 { fixtures::callback().into_bytes() } else { Vec::new() }),
                _ => Ok(vec![0; word(56) as usize]),
            },
            _ => Err(libc::ENOSYS),
        };
        let (error, body) = answer.map_or_else(|error| (-error, Vec::new()), |body| (0, body));
        let mut reply = (16 + body.len() as u32).to_le_bytes().to_vec();
        reply.extend(error.to_le_bytes());
        reply.extend(unique.to_le_bytes());
        reply.extend(body);
        // One whose request was interrupted has gone.
        let _ = device.write(&reply);
    }
}

fn longs(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// `fuse_init_out` of version 7.31, 64 bytes.
fn init() -> Vec<u8> {
    let words = [7_u32, 31, 1 << 16, 0, 0x0010_0010, 1 << 16, 1];
    let mut init: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    init.resize(64, 0);
    init
}

/// `fuse_attr`, 88 bytes.
fn attributes(node: u64, name: Option<&str>) -> Vec<u8> {
    let size = match name {
        None => 4096,
        Some("endless") => 1 << 62,
        Some("hit") => fixtures::callback().len() as u64,
        Some(_) => 5000,
    };
    // Blocks of 512 bytes: all of it is stored, nothing is a hole.
    let mut attributes = longs(&[node, size, size.div_ceil(512), 0, 0, 0]);
    let mode = if name.is_none() { 0o040_755_u32 } else { 0o100_644 };
    for word in [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0] {
        attributes.extend(word.to_le_bytes());
    }
    attributes
}

/// `fuse_dirent` for each file.
fn entries(files: &[&str]) -> Vec<u8> {
    let mut entries = Vec::new();
    for (index, name) in files.iter().enumerate() {
        entries.extend(longs(&[index as u64 + 2, index as u64 + 1]));
        entries.extend((name.len() as u32).to_le_bytes());
        // DT_REG.
        entries.extend(8_u32.to_le_bytes());
        entries.extend(name.as_bytes());
        entries.resize(entries.len().next_multiple_of(8), 0);
    }
    entries
}

#[test]
fn a_scan_ends_with_its_exit_code_though_a_read_cannot_even_be_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (point, home) = (dir.path().join("mounted"), dir.path().join("home"));
    std::fs::create_dir(&point).unwrap();
    std::fs::create_dir(&home).unwrap();
    let Some(mount) = mount(&point, &FILES) else {
        println!("skipped: a FUSE file system cannot be mounted here");
        return;
    };
    let times: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"--read-timeout", &"1", &"--file-timeout", &"2"];
    let args: Vec<&dyn AsRef<std::ffi::OsStr>> =
        [&"scan" as &dyn AsRef<std::ffi::OsStr>, &point, &"--format", &"ndjson"].into_iter().chain(times).collect();
    let scan = run(huntbook(&home, &args));
    assert!(mount.asked.load(Ordering::SeqCst), "the file was read: {}{}", scan.out, scan.err);
    assert_eq!(scan.code, Some(1), "{}{}", scan.out, scan.err);
    assert_eq!(scan.documents("finding").len(), 1);
    let missed = scan.documents("coverage");
    let why = |name: &str| {
        let of = missed.iter().find(|missed| missed.to_string().contains(&format!("/{name}\"")));
        of.unwrap_or_else(|| panic!("{name}: {}", scan.out)).to_string()
    };
    assert!(why("hung").contains("no answer"), "{}", scan.out);
    assert!(why("endless").contains("--file-timeout"), "{}", scan.out);
}
