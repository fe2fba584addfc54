//! Which processes there are, what they run, and what the kernel says of them. All of it is asked through `root`, whose
//! paths below `/proc/PID` lead to the very files, deleted ones too.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::finding::{FileTime, ProcessFacts};
use crate::proc;
use crate::proc::maps::{Region, page};
use crate::root::{self, OpenedFile, Root};

/// Bytes read of one file of a process.
const MAX_TEXT: u64 = 16 << 20;
/// Parents that are named.
const MAX_PARENTS: usize = 16;
/// Words of a command line that are kept.
const MAX_WORDS: usize = 256;
/// Libraries without a name that are looked at in one process.
const MAX_LIBRARIES: usize = 64;
/// Regions of fewer bytes are read whole.
const SMALL: u64 = 1 << 20;

/// A file that a process runs.
pub(super) struct Image {
    /// Its path as the kernel says it, without the mark that it is deleted.
    pub path: PathBuf,
    /// `deleted`, `replaced`, `memfd`; empty where its path leads to it.
    pub state: &'static str,
    pub opened: OpenedFile,
}

/// A process with its executable, which comes first, and libraries that have no name any more.
pub(super) struct RunningProcess {
    pub facts: ProcessFacts,
    pub images: Vec<Image>,
}

/// The numbers of all processes, in order.
pub(super) fn numbers() -> io::Result<Vec<u32>> {
    let folder = Root::live().folder(Path::new("/proc"))?;
    let (names, _) = folder.names()?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn text(pid: u32, name: &str) -> io::Result<Vec<u8>> {
    let opened = root::open_file(Path::new(&format!("/proc/{pid}/{name}")))?;
    let mut bytes = Vec::new();
    opened.file.take(MAX_TEXT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a process runs, and what it is; `None` for one of the kernel's own.
pub(super) fn running(pid: u32, boot: i64) -> io::Result<Option<RunningProcess>> {
    let Some(executable) = image(Path::new(&format!("/proc/{pid}/exe")))? else { return Ok(None) };
    let mut images = vec![executable];
    for region in Region::all(&text(pid, "maps")?).iter().filter(|region| region.is_deleted_code()) {
        let link = format!("/proc/{pid}/map_files/{:x}-{:x}", region.range.start, region.range.end);
        // Only root may look there; what a deleted executable maps is the executable itself.
        let Ok(Some(library)) = image(Path::new(&link)) else { continue };
        let same = |image: &Image| {
            (image.opened.stat.st_dev, image.opened.stat.st_ino)
                == (library.opened.stat.st_dev, library.opened.stat.st_ino)
        };
        if !images.iter().any(same) && images.len() <= MAX_LIBRARIES {
            images.push(library);
        }
    }
    Ok(Some(RunningProcess { facts: facts(pid, boot)?, images }))
}

/// What a link of a process leads to; `None` where it leads nowhere, as those of the kernel's own.
fn image(link: &Path) -> io::Result<Option<Image>> {
    let located = match root::named(link) {
        Ok(located) => located,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(said) = located.led_to().map(Path::to_owned) else { return Ok(None) };
    let opened = located.open_now()?;
    let (path, state) = match located.deleted() {
        Some(path) if path.starts_with("/memfd:") || path.to_string_lossy().starts_with("/memfd:") => (path, "memfd"),
        // Whoever installs a new version puts it in the place of the old one, which has no name then.
        Some(path) if root::stat_file(&path).is_ok() => (path, "replaced"),
        Some(path) => (path, "deleted"),
        None => {
            let here = (opened.stat.st_dev, opened.stat.st_ino);
            let there = root::stat_file(&said).ok().map(|stat| (stat.st_dev, stat.st_ino));
            // Where the path is one of another mount name space, it leads to another file here, or to none.
            let state = if there == Some(here) { "" } else { "replaced" };
            (said, state)
        }
    };
    Ok(Some(Image { path, state, opened }))
}

fn facts(pid: u32, boot: i64) -> io::Result<ProcessFacts> {
    let stat = proc::stat(&text(pid, "stat")?).ok_or(io::ErrorKind::InvalidData)?;
    let uid = proc::user_ids(&text(pid, "status")?).map_or(0, |(_, effective)| effective);
    let words = proc::command_line(text(pid, "cmdline").unwrap_or_default());
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let started = FileTime {
        seconds: boot + (stat.started / per_second).cast_signed(),
        nanos: (stat.started % per_second * (1_000_000_000 / per_second)) as u32,
    };
    Ok(ProcessFacts {
        pid,
        started: (boot > 0).then_some(started),
        uid,
        user: None,
        command_line: words.iter().take(MAX_WORDS).map(|word| word.to_string_lossy().into_owned()).collect(),
        parents: parents(stat.parent),
        name: stat.name,
        region: None,
    })
}

fn parents(mut pid: u32) -> Vec<(u32, String)> {
    let mut parents = Vec::new();
    while pid > 0 && parents.len() < MAX_PARENTS {
        let Some(stat) = text(pid, "stat").ok().as_deref().and_then(proc::stat) else { break };
        parents.push((pid, stat.name));
        pid = stat.parent;
    }
    parents
}

/// When the box was started, in seconds since 1970; 0 where the kernel does not say.
pub(super) fn boot() -> i64 {
    let mut bytes = Vec::new();
    let read =
        root::open_file(Path::new("/proc/stat")).and_then(|opened| opened.file.take(MAX_TEXT).read_to_end(&mut bytes));
    let line = bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "));
    let seconds = line.and_then(|line| std::str::from_utf8(line).ok()?.trim().parse().ok());
    read.ok().and(seconds).unwrap_or(0)
}

/// The memory of a process.
pub(super) struct ProcessMemory {
    pub file: File,
    pub regions: Vec<Region>,
    /// What says which pages there are.
    pages: Option<File>,
}

/// Opens the memory of a process. Whoever has it open can read it without being asked again.
pub(super) fn memory(pid: u32) -> io::Result<ProcessMemory> {
    let regions = Region::all(&text(pid, "maps")?);
    let open = |name: &str| root::open_file(Path::new(&format!("/proc/{pid}/{name}")));
    Ok(ProcessMemory { file: open("mem")?.file, regions, pages: open("pagemap").ok().map(|opened| opened.file) })
}

impl ProcessMemory {
    /// The stretches of a region that were ever touched; all of it where that is not known. A page that is there, or was
    /// swapped out, says so in the two highest bits of its entry (Documentation/admin-guide/mm/pagemap.rst).
    pub(super) fn touched(&self, range: &Range<u64>) -> Vec<Range<u64>> {
        const ENTRIES: u64 = 4096;
        let Some(pages) = self.pages.as_ref().filter(|_| range.end - range.start > SMALL) else {
            return vec![range.clone()];
        };
        let (page, mut touched) = (page(), Vec::<Range<u64>>::new());
        let mut at = range.start;
        let mut buffer = vec![0; ENTRIES as usize * 8];
        while at < range.end {
            let count = (range.end - at).div_ceil(page).min(ENTRIES);
            let room = buffer.get_mut(..count as usize * 8).unwrap_or_default();
            if pages.read_exact_at(room, at / page * 8).is_err() {
                touched.push(at..range.end);
                break;
            }
            for entry in room.as_chunks::<8>().0 {
                let end = (at + page).min(range.end);
                if u64::from_ne_bytes(*entry) >> 62 != 0 {
                    match touched.last_mut() {
                        Some(last) if last.end == at => last.end = end,
                        _ => touched.push(at..end),
                    }
                }
                at = end;
            }
        }
        touched
    }
}
