//! The running kernel as the judge of [`super::kernel`] and [`super::memory`]: changed headers are run, and what comes of
//! it is compared with what was said.
//!
//! No changed file can do harm. It consists of headers and of code that does nothing but exit with a status that tells
//! where in the file it lies. It is started by a program of a few hundred bytes, made here, that first takes from
//! itself what it might be given: new privileges, files to write, memory dumps, more than a second of the processor, and
//! by `seccomp(2)` every system call but `exit` and the one `execve` with the file's name at the address where the
//! program keeps it. As root it runs as nobody.
//!
//! `HUNTBOOK_MUTANTS` says how many files are run, `HUNTBOOK_SEED` which. Skipped where the kernel is no Linux 6.7 or
//! later on x86-64, or where the program may not do all this.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::kernel::{ProgramEnd, RunCondition};
use super::kernel_starter::{Starter, header32, header64};
use super::{Elf, decode};

/// Files run unless the environment says otherwise.
const MUTANTS: u64 = 300;
/// Bytes from one piece of code to the next; each exits with a status of its own.
const SLOT: usize = 128;
/// Statuses from here on are those of code; those below are errors of `execve(2)`.
const FIRST_STATUS: u8 = 128;
/// Bytes of a file that is changed: as many pieces of code as there are statuses.
const SIZE: usize = SLOT * 128;
/// Where the code of the interpreter lies in its file.
const INTERPRETER_SLOT: usize = 2 * SLOT;

/// Stands for any signal.
const ANY_SIGNAL: i32 = 0;

/// What came of a file, or would.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// The code at this offset ran.
    Ran(u64),
    /// `execve` gave this error.
    Error(String),
    /// It was killed by this signal.
    Killed(i32),
    /// Anything else.
    Other(String),
}

/// A generator of numbers that is the same everywhere (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// Code that exits with the status of its place: `mov edi, status; mov eax, 60; syscall`, or what i386 has for it.
fn code(at: usize, bits: u32) -> [u8; 12] {
    let status = FIRST_STATUS.wrapping_add((at / SLOT) as u8);
    match bits {
        64 => [0xbf, status, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05],
        _ => [0xbb, status, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80],
    }
}

/// A file with numbers that are near to what runs.
fn mutant(random: &mut Random, bits: u32, interpreter: &Path) -> Vec<u8> {
    let mut path = interpreter.as_os_str().as_encoded_bytes().to_vec();
    path.push(0);
    let paths = [&path[..], b"/missing\0", b"/\0\0", b"\0\0", b"/proc\0/x\0", b"/missing"];
    let path = random.of(&paths);
    let base = random.of(&[0, 0x40_0000, 0x40_0000, 0x40_0000, 0x1000, 0x1_0000, 0x7000_0000]);
    let near = |random: &mut Random| {
        let page = random.below(6) * 0x1000;
        page + random.of(&[0, 0, 0, 0x80, 0x100, 0x800, 0xf80, 0x7f, 1])
    };
    let size = |random: &mut Random| match random.below(40) {
        0 => 0,
        1 => 1,
        2 => random.next() >> random.below(64),
        3 => 1_u64 << random.below(64),
        4 => SIZE as u64,
        _ => random.below(0x5000) & random.of(&[!0, !0x7f, !0xfff]),
    };
    let mut segments = Vec::new();
    for _ in 0..=random.below(4) {
        let offset = if random.below(4) == 0 { 0 } else { near(random) };
        let mut address = base + random.of(&[0, 0, 0x1000, 0x2000, 0x10_0000]) + near(random);
        if random.below(12) != 0 {
            address = (address & !0xfff) | (offset & 0xfff);
        }
        let in_file = size(random);
        let in_memory = if random.below(3) == 0 { size(random) } else { in_file };
        let in_memory = if random.below(10) == 0 { in_memory } else { in_memory.max(in_file) };
        let kind = random.of(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4, 6, 0x6474_e551, 7]);
        let flags = random.of(&[5, 5, 5, 5, 7, 7, 4, 6, 1, 3, 0, 2]);
        let align = if random.below(8) == 0 { 1_u64 << random.below(64) } else { 0x1000 };
        segments.push([kind, flags, offset, address, address, in_file, in_memory, align]);
    }
    if random.below(6) == 0 {
        let length = path.len() as u64;
        let length = if random.below(20) == 0 { random.of(&[0, 1, 4096, 4097, 2]) } else { length };
        segments.push([3, 4, SIZE as u64, 0, 0, length, length, 1]);
        if random.below(4) == 0 {
            segments.retain(|segment| segment[0] != 1);
        }
    }
    if random.below(16) == 0 {
        let place = random.below(segments.len() as u64) as usize;
        let field = 2 + random.below(6) as usize;
        let edge = [1_u64 << 47, (1 << 47) - 0x1000, 1 << 32, 0xffff_e000, 1 << 63, u64::MAX, 0x1_0000, 0x1000, 0];
        segments[place][field] =
            random.of(&edge).wrapping_add(random.of(&[0, 0, 1, 0x1000])).wrapping_sub(random.of(&[0, 1, 0x1000]));
    }
    let into = random.of(&[0, 0, 0x80, 0x100, 0x800, 0xf80]) + random.below(4) * 0x1000 * random.below(2);
    let near_one = segments[random.below(segments.len() as u64) as usize][3];
    let entry = match random.below(8) {
        0 => base + near(random),
        _ => (near_one & !0x7f).wrapping_add(into),
    };
    let e_type = random.of(&[2, 2, 2, 3, 3]);
    let mut file = if bits == 64 { header64(e_type, entry, &segments) } else { header32(e_type, entry, &segments) };
    for at in (file.len().next_multiple_of(SLOT)..SIZE).step_by(SLOT) {
        file.resize(at, 0);
        file.extend(code(at, bits));
    }
    file.resize(SIZE, 0);
    file.extend(path);
    if random.below(4) == 0 {
        file.truncate(random.below(SIZE as u64) as usize);
    }
    if random.below(6) == 0 && file.len() > 64 {
        // Any byte of the header, the magic excepted.
        let at = 4 + random.below(60) as usize;
        file[at] = random.of(&[0, 1, 2, 3, 0x20, 0x38, 0x3e, 0x40, 0x7f, 0x80, 0xff]);
    }
    file
}

/// What this box is that the verdict may depend on.
struct Host {
    lowest_address: u64,
    memory: u64,
    five_levels: bool,
}

impl Host {
    fn this() -> Option<Self> {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let memory = fs::read_to_string("/proc/meminfo").ok()?;
        let kilobytes = |name: &str| {
            let line = memory.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
        };
        let heuristic = number("/proc/sys/vm/overcommit_memory")? == 0;
        Some(Self {
            lowest_address: number("/proc/sys/vm/mmap_min_addr")?,
            memory: 1024 * (kilobytes("MemTotal:") + kilobytes("SwapTotal:")),
            five_levels: fs::read_to_string("/proc/cpuinfo").ok()?.contains(" la57 "),
        })
        .filter(|_| heuristic)
    }
}

/// What the verdict says comes of the file here; `None` where it does not say, or where what runs is no code of ours.
fn foretold(elf: &Elf, file: &[u8], host: &Host, interpreter: &Path) -> Option<Fate> {
    let named = elf.kernel.conditions.iter().find_map(|condition| match condition {
        RunCondition::Interpreter(path) => Some(path.as_str()),
        _ => None,
    });
    // An interpreter is opened, and looked at, before anything is mapped.
    match named {
        Some("/missing") => return Some(Fate::Error("ENOENT".to_owned())),
        Some("/" | "/proc") => return Some(Fate::Error("EACCES".to_owned())),
        Some(path) if Path::new(path) == interpreter && elf.bits() == 32 => {
            return Some(Fate::Error("ELIBBAD".to_owned()));
        }
        Some(path) if Path::new(path) != interpreter => return None,
        _ => {}
    }
    let kills = |condition: &RunCondition| match condition {
        RunCondition::LowAddress { address, .. } => *address < host.lowest_address,
        RunCondition::Memory { bytes, .. } => *bytes > host.memory,
        _ => false,
    };
    let gains = elf.kernel.conditions.iter().any(|condition| matches!(condition, RunCondition::FiveLevels { .. }));
    let killed = elf.kernel.conditions.iter().any(kills);
    match (elf.kernel.runnable, elf.kernel.end) {
        (Some(false), _) if gains && host.five_levels => None,
        (Some(false), Some(ProgramEnd::Error(name))) => Some(Fate::Error(name.to_owned())),
        (Some(false), Some(ProgramEnd::Segv)) => Some(Fate::Killed(11)),
        // Which of the two comes first, the mapping that fails or the entry, is in the order of the reasons.
        (Some(false), Some(ProgramEnd::Bus)) => Some(Fate::Killed(if killed { 11 } else { 7 })),
        (Some(false), Some(ProgramEnd::Signal)) => Some(Fate::Killed(if killed { 11 } else { ANY_SIGNAL })),
        (Some(true), _) if killed => Some(Fate::Killed(11)),
        (Some(true), _) if named.is_some() => Some(Fate::Ran(INTERPRETER_SLOT as u64)),
        (Some(true), _) => {
            let at = elf.offset_of(elf.entry.address)? as usize;
            let whole = elf.memory.run(elf.entry.address, 12) == 12 && at.is_multiple_of(SLOT);
            (whole && file.get(at..at + 12)? == code(at, elf.bits())).then_some(Fate::Ran(at as u64))
        }
        (Some(false) | None, _) => None,
    }
}

fn errno(number: i32) -> String {
    let names =
        [(1, "EPERM"), (2, "ENOENT"), (5, "EIO"), (8, "ENOEXEC"), (12, "ENOMEM"), (13, "EACCES"), (22, "EINVAL")];
    let names = names.into_iter().chain([(20, "ENOTDIR"), (36, "ENAMETOOLONG"), (40, "ELOOP"), (80, "ELIBBAD")]);
    { names }.find(|(known, _)| *known == number).map_or_else(|| number.to_string(), |(_, name)| name.to_owned())
}

fn fate(status: ExitStatus) -> Fate {
    match (status.code(), status.signal()) {
        (Some(code), _) if code >= i32::from(FIRST_STATUS) => {
            Fate::Ran((code - i32::from(FIRST_STATUS)) as u64 * SLOT as u64)
        }
        (Some(code), _) => Fate::Error(errno(code)),
        (None, Some(signal)) => Fate::Killed(signal),
        (None, None) => Fate::Other(format!("{status:?}")),
    }
}

/// A folder with the starter, and the place of the file that it starts.
struct Bench {
    folder: tempfile::TempDir,
    root: bool,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let bench = Self { folder, root };
        bench.put("starter", &Starter::program(&bench.path("mutant")));
        let mut interpreter = header64(3, INTERPRETER_SLOT as u64, &[[1, 5, 0, 0, 0, 0x1000, 0x1000, 0x1000]]);
        interpreter.resize(INTERPRETER_SLOT, 0);
        interpreter.extend(code(INTERPRETER_SLOT, 64));
        bench.put("interpreter", &interpreter);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts the file. While another thread of this process starts a program, its child may for a moment hold the file
    /// open for writing (ETXTBSY): then it is tried again.
    fn run(&self, file: &[u8]) -> Fate {
        const BUSY: i32 = 26;
        let _ = fs::remove_file(self.path("mutant"));
        self.put("mutant", file);
        loop {
            let mut command = Command::new(self.path("starter"));
            command.env_clear().current_dir("/");
            if self.root {
                command.uid(65534).gid(65534);
            }
            match command.status() {
                Ok(status) if status.code() == Some(BUSY) => {}
                Err(error) if error.raw_os_error() == Some(BUSY) => {}
                Ok(status) => return fate(status),
                Err(error) => return Fate::Other(error.to_string()),
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

fn kernel_version() -> Option<(u32, u32)> {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut parts = version.split(['.', '-']).map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?))
}

fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn the_running_kernel_agrees() {
    if !cfg!(target_arch = "x86_64") || kernel_version().is_none_or(|version| version < (6, 7)) {
        return skip("no Linux 6.7 or later on x86-64");
    }
    let Some(host) = Host::this() else { return skip("memory is not given by heuristics here, or /proc is not there") };
    let bench = Bench::new();
    let interpreter = bench.path("interpreter");
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let plain = |bits| {
        let segment = [[1, 5, 0, 0x40_0000, 0, 0x1000, 0x1000, 0x1000]];
        let mut file = if bits == 64 { header64 } else { header32 }(2, 0x40_0000 + SLOT as u64, &segment);
        file.resize(SLOT, 0);
        file.extend(code(SLOT, bits));
        bench.run(&file)
    };
    let runs = Fate::Ran(SLOT as u64);
    let here = plain(64);
    if here != runs {
        return skip(&format!("a harmless program may not be started so ({here:?})"));
    }
    let widths: &[u32] = if plain(32) == runs { &[64, 64, 32] } else { &[64] };
    if widths.len() == 1 {
        skip("files of 32 bits; this kernel does not run them");
    }
    let mut random = Random(number("HUNTBOOK_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut compared, mut made) = (BTreeMap::<Fate, u64>::new(), 0_u64);
    let mut differences = String::new();
    let wanted = number("HUNTBOOK_MUTANTS", MUTANTS);
    while compared.values().sum::<u64>() < wanted && made < wanted.saturating_mul(20) {
        let bits = random.of(widths);
        let file = mutant(&mut random, bits, &interpreter);
        made += 1;
        let Some(elf) = decode(&file, file.len() as u64) else { continue };
        let Some(told) = foretold(&elf, &file, &host, &interpreter) else { continue };
        let happened = bench.run(&file);
        let agrees = match (&told, &happened) {
            (Fate::Killed(ANY_SIGNAL), Fate::Killed(_)) => true,
            (told, happened) => told == happened,
        };
        if !agrees {
            let _ = writeln!(differences, "\n{made}: told {told:?}, was {happened:?}; {:?}", elf.kernel);
            let _ = writeln!(
                differences,
                "  entry {:#x}, e_type {}, {} bytes",
                elf.entry.address,
                elf.header.type_name,
                file.len()
            );
            for segment in &elf.segments {
                let v = &segment.values;
                let _ = writeln!(
                    differences,
                    "  {:#x} {} offset {:#x} address {:#x} file {:#x} memory {:#x} align {:#x}",
                    v.p_type,
                    segment.flags(),
                    v.p_offset,
                    v.p_vaddr,
                    v.p_filesz,
                    v.p_memsz,
                    v.p_align
                );
            }
        }
        *compared
            .entry(match told {
                Fate::Ran(_) => Fate::Ran(0),
                other => other,
            })
            .or_default() += 1;
    }
    eprintln!("{made} files made, compared with Linux {:?}: {compared:?}", kernel_version());
    assert!(differences.is_empty(), "{differences}");
    assert!(compared.values().sum::<u64>() == wanted, "too few files could be compared: {compared:?} of {made}");
}
