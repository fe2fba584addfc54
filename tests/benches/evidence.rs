//! How long the box takes to answer: 100,000 packages, 3,000 processes, a thousand tables and units.
//!
//! `cargo bench --bench evidence` prints a Markdown table: the first finding, which builds the indexes, and every one after
//! it, each also until its first part is told, beside the time that `cat` takes to read the same package lists in the same minute.

#![allow(missing_docs)]

use std::error::Error;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use huntbook::internals::evidence::{AskedFile, Gatherer};
use huntbook::internals::finding::{Digest, FileFacts, FileTime, Sha256};
use huntbook::internals::root::Root;

const PACKAGES: usize = 100_000;
const PROCESSES: usize = 3000;
const UNITS: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let at = |path: &str| dir.path().join(path);
    make(dir.path())?;
    let file = at("box/opt/r/payload.py");
    let facts = facts(&file)?;
    let started = Instant::now();
    // So many names are more than one command line holds; `find` gives them to `cat` in parts.
    let all = format!("find {} -name '*.list' -exec cat {{}} + > /dev/null", at("box/var/lib/dpkg/info").display());
    Command::new("sh").args(["-c", &all]).stdin(Stdio::null()).status()?;
    let cat = started.elapsed();
    let gatherer = Gatherer::new(Root::image(at("box"))).with_proc(at("proc"));
    println!("| what | ms |\n| --- | --- |\n| cat of all package lists | {} |", cat.as_millis());
    for what in ["the first finding", "the second", "the third"] {
        let started = Instant::now();
        let mut first = None;
        let evidence = gatherer.gather_telling(&AskedFile::file(&facts), &mut |_| {
            first.get_or_insert_with(|| started.elapsed());
        });
        let (all, first) = (started.elapsed(), first.map_or(String::new(), |first| first.as_millis().to_string()));
        println!("| {what}: its first part | {first} |\n| all of it | {} |", all.as_millis());
        assert!(evidence.took <= all);
    }
    Ok(())
}

fn put(path: &Path, content: &str) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, content)
}

fn make(dir: &Path) -> Result<(), Box<dyn Error>> {
    let root = dir.join("box");
    put(&root.join("opt/r/payload.py"), "class Payload:\n")?;
    put(&root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n")?;
    let mut status = String::new();
    for package in 0..PACKAGES {
        let list: String = (0..10).map(|file| format!("/usr/share/p{package}/f{file}\n")).collect();
        put(&root.join(format!("var/lib/dpkg/info/p{package}.list")), &list)?;
        status.push_str(&format!("Package: p{package}\nStatus: install ok installed\nVersion: 1\n\n"));
    }
    put(&root.join("var/lib/dpkg/status"), &status)?;
    for unit in 0..UNITS {
        let content = format!("[Service]\nExecStart=/usr/bin/p{unit} --config /etc/p{unit}.conf\n");
        put(&root.join(format!("usr/lib/systemd/system/p{unit}.service")), &content)?;
        put(&root.join(format!("etc/cron.d/p{unit}")), &format!("0 3 * * * root /usr/bin/p{unit}\n"))?;
    }
    let proc = dir.join("proc");
    put(&proc.join("stat"), "btime 1000000\n")?;
    for pid in 1..=PROCESSES {
        let folder = proc.join(pid.to_string());
        put(&folder.join("stat"), &format!("{pid} (p) S {} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n", pid / 2))?;
        put(&folder.join("status"), "Uid:\t0\t0\t0\t0\n")?;
        put(&folder.join("cmdline"), &format!("/usr/bin/p{pid}\0--config\0/etc/p{pid}.conf\0"))?;
        let maps: String =
            (0..60).map(|line| format!("{line}0-{line}f r-xp 0 08:01 {line} /usr/lib/l{line}.so\n")).collect();
        put(&folder.join("maps"), &maps)?;
        fs::create_dir_all(folder.join("fd"))?;
        for fd in 0..10 {
            symlink(root.join("etc/passwd"), folder.join(format!("fd/{fd}")))?;
        }
        symlink("/bin/sh", folder.join("exe"))?;
    }
    Ok(())
}

fn facts(path: &Path) -> Result<FileFacts, Box<dyn Error>> {
    let is = fs::metadata(path)?;
    let time = |seconds, nanos: i64| FileTime { seconds, nanos: nanos as u32 };
    Ok(FileFacts {
        path: path.to_owned(),
        dev: is.dev(),
        ino: is.ino(),
        mode: is.mode(),
        links: is.nlink(),
        uid: is.uid(),
        gid: is.gid(),
        owner: None,
        group: None,
        size: is.size(),
        accessed: time(is.atime(), is.atime_nsec()),
        modified: time(is.mtime(), is.mtime_nsec()),
        changed: time(is.ctime(), is.ctime_nsec()),
        born: None,
        digest: Digest::Whole(Sha256::of(&fs::read(path)?)),
        noatime: true,
        stated: None,
    })
}
