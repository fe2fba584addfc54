//! A scan beside merely reading the same tree, and beside `yr` if there is one.
//!
//! `cargo bench --bench scan -- [TREE [RULES [COUNT…]]]` prints a Markdown table for `TREE` (`/usr` if none is named): medians of
//! five rounds, all commands in turn within the same minute, after one round that warms the cache; the processor time of
//! all threads, and the most memory that each had resident. With `RULES`, a file or folder of rules, `generated` for 5,000 made-up
//! ones, or `hits` for one that a tenth of the files of a `/usr` match, it is these that are scanned for; with counts, once for the
//! first files that hold so many rules, which shows what each further rule costs. `levers` instead of a tree measures how soon a
//! scan inside a huge file obeys.
//!
//! `yr` does not look into archives, so there is a row without them too. Its rules are compiled before it scans, as Huntbook's are
//! kept from its first start.

#![allow(missing_docs)]

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use huntbook::internals::hunt::{Site, builtin};
use huntbook::internals::scan::{RuleSource, Ruleset, Scan, ScanEvent, ScanOptions, Tree};

type Failure = Box<dyn Error>;

const ROUNDS: usize = 5;
const GENERATED: usize = 5_000;
/// How often a lever is moved.
const MOVES: u64 = 20;

/// What one command took.
#[derive(Clone, Copy)]
struct Round {
    time: Duration,
    /// Seconds of all its processors.
    cpu: f64,
    /// Most memory that was resident, in KiB; 0 where it is not known.
    peak: u64,
}

/// Seconds of processors that children took which have ended: fields 16 and 17 of proc(5)'s stat, in hundredths.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory in KiB that a process or one below it had resident: of Huntbook one waits and another works.
fn peak_below(pid: u32) -> u64 {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = read("status");
    let own = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let own = own.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    let below = read(&format!("task/{pid}/children"));
    below.split_whitespace().filter_map(|child| child.parse().ok()).map(peak_below).fold(own, u64::max)
}

/// Runs `command` and looks at its peak every few milliseconds until it has ended.
fn timed(mut command: Command) -> Result<Round, Failure> {
    let (begin, before) = (Instant::now(), children());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak_below(child.id()).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(Round { time: begin.elapsed(), cpu: children() - before, peak })
}

fn median(rounds: &[Round]) -> Option<Round> {
    let mut rounds = rounds.to_vec();
    let middle = rounds.len() / 2;
    rounds.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let cpu = rounds.get(middle)?.cpu;
    rounds.sort_by_key(|round| round.time);
    let peak = rounds.iter().map(|round| round.peak).max()?;
    Some(Round { cpu, peak, ..*rounds.get(middle)? })
}

/// What is compared on one tree.
struct Contest {
    tree: PathBuf,
    /// `None` for the built-in hunts.
    rules: Option<PathBuf>,
    /// Rule files that `yr` can read.
    files: PathBuf,
    scratch: tempfile::TempDir,
}

impl Contest {
    fn new(tree: &str, rules: Option<&str>) -> Result<Self, Failure> {
        let scratch = tempfile::tempdir()?;
        let files = scratch.path().join("rules");
        std::fs::create_dir(&files)?;
        let (rules, files) = match rules {
            None => {
                for text in builtin::load(&Site::default()).map_err(|problems| problems[0].clone())?.texts {
                    let name = Path::new(&text.origin).file_name().unwrap_or_default().to_owned();
                    std::fs::write(files.join(name), &*text.text)?;
                }
                (None, files)
            }
            Some("generated") => {
                std::fs::write(files.join("generated.yar"), generated())?;
                (Some(files.clone()), files)
            }
            Some("hits") => {
                std::fs::write(files.join("hits.yar"), "rule hit { strings: $a = \"Copyright\" condition: $a }")?;
                (Some(files.clone()), files)
            }
            Some(path) => (Some(path.into()), path.into()),
        };
        Ok(Self { tree: tree.into(), rules, files, scratch })
    }

    /// The same with the first files of `rules` that hold at least `count` rules; how many they hold.
    fn with_first(tree: &str, rules: &str, count: usize) -> Result<(Self, usize), Failure> {
        let contest = Self::new(tree, Some("hits"))?;
        std::fs::remove_file(contest.files.join("hits.yar"))?;
        let mut held = 0;
        let mut entries: Vec<PathBuf> = std::fs::read_dir(rules)?.filter_map(Result::ok).map(|e| e.path()).collect();
        entries.sort();
        for path in entries.iter().filter(|path| path.extension().is_some_and(|end| end == "yar" || end == "yara")) {
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            held += yara_x_parser::ast::AST::from(text.as_str()).rules().count();
            std::fs::copy(path, contest.files.join(path.file_name().unwrap_or_default()))?;
            if held >= count {
                break;
            }
        }
        Ok((contest, held))
    }

    fn read(&self) -> Command {
        let mut command = Command::new("sh");
        let script = "find \"$1\" -type f -print0 | xargs -0 -P\"$(nproc)\" cat >/dev/null";
        command.args(["-c", script, "sh"]).arg(&self.tree);
        command
    }

    /// The program as it is used, its case included.
    fn huntbook(&self, first: bool, archives: bool) -> Result<Command, Failure> {
        let cache = self.scratch.path().join("cache");
        if first && cache.exists() {
            std::fs::remove_dir_all(&cache)?;
        }
        let case = self.scratch.path().join(format!("{}.case", uuid::Uuid::new_v4()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_huntbook"));
        command.env("HOME", self.scratch.path()).env("XDG_CACHE_HOME", cache);
        command.arg("scan").arg(&self.tree).arg("--case").arg(case);
        if !archives {
            command.arg("--no-archives");
        }
        if let Some(rules) = &self.rules {
            command.arg("--no-builtin").arg("--rules").arg(rules);
        }
        Ok(command)
    }

    fn yr_compile(&self) -> Command {
        let mut command = Command::new("yr");
        command.args(["compile", "-w", "--relaxed-re-syntax"]);
        for variable in ["filename", "filepath", "extension", "filetype", "owner", "md5"] {
            command.arg("--define").arg(format!("{variable}=\"\""));
        }
        command.arg("-o").arg(self.scratch.path().join("compiled")).arg(&self.files);
        command
    }

    fn yr(&self) -> Command {
        let mut command = Command::new("yr");
        command.args(["scan", "-r", "-C"]).arg(self.scratch.path().join("compiled")).arg(&self.tree);
        command
    }

    fn run(&self) -> Result<(), Failure> {
        let has_yr = Command::new("yr").arg("--version").output().is_ok();
        let names = [
            "find and cat",
            "huntbook",
            "huntbook, not into archives",
            "huntbook, first start",
            "yr compile",
            "yr scan -C",
        ];
        let mut rounds: [Vec<Round>; 6] = Default::default();
        for round in 0..=ROUNDS {
            let first = self.rules.is_some().then(|| self.huntbook(true, false)).transpose()?;
            let first = first.map(timed).transpose()?;
            let taken = [
                Some(timed(self.read())?),
                Some(timed(self.huntbook(false, true)?)?),
                Some(timed(self.huntbook(false, false)?)?),
                first,
                has_yr.then(|| timed(self.yr_compile())).transpose()?,
                has_yr.then(|| timed(self.yr())).transpose()?,
            ];
            // The first one warms the cache.
            for (all, taken) in rounds.iter_mut().zip(taken).filter(|_| round > 0) {
                all.extend(taken);
            }
        }
        let base = median(&rounds[0]).ok_or("nothing was measured")?;
        println!("| {} | seconds | of reading | CPU s | peak MiB |", self.tree.display());
        println!("| --- | ---: | ---: | ---: | ---: |");
        for (name, rounds) in names.iter().zip(&rounds) {
            let Some(round) = median(rounds) else { continue };
            let ratio = round.time.as_secs_f64() / base.time.as_secs_f64();
            // The reading is many processes; none of them is the one that was looked at.
            let peak = if *name == names[0] { "—".into() } else { format!("{:.1}", round.peak as f64 / 1024.0) };
            println!("| {name} | {:.2} | {ratio:.2} | {:.2} | {peak} |", round.time.as_secs_f64(), round.cpu);
        }
        Ok(())
    }
}

/// Rules of the kinds that rule sets are made of, whose patterns hardly any file has.
fn generated() -> String {
    let mut text = String::new();
    for n in 0..GENERATED {
        let word = format!("{:016x}", (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (a, b) = word.split_at(8);
        let _ = match n % 4 {
            0 => writeln!(text, "rule r{n} {{ strings: $a = \"{a}\" $b = \"x{b}\" wide condition: all of them }}"),
            1 => writeln!(text, "rule r{n} {{ strings: $a = \"k{a}\" nocase $b = \"{b}\" condition: any of them }}"),
            2 => writeln!(
                text,
                "rule r{n} {{ strings: $a = {{ {} ?? {} }} condition: uint16(0) == 0x5a4d and $a }}",
                spaced(a),
                spaced(b)
            ),
            _ => writeln!(text, "rule r{n} {{ strings: $a = /{a}[0-9]{{2,8}}z/ condition: filesize < 2MB and $a }}"),
        };
    }
    text
}

fn spaced(digits: &str) -> String {
    digits.as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// How soon a scan inside a file of 40 GB ends, or leaves the file, once it is told to; and how long all of a sparse
/// file of 50 GB takes, with one stretch of data at 40 GB.
fn levers() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("huge");
    let file = File::create(&path)?;
    // A block every 1 MiB, so that there is something to read all the way.
    for step in 0..40_000 {
        file.write_all_at(b"data", step << 20)?;
    }
    let source = |text: huntbook::internals::hunt::RuleText| RuleSource {
        namespace: text.namespace,
        origin: text.origin,
        text: text.text,
        warnings: None,
    };
    let texts = builtin::load(&Site::default()).map_err(|problems| problems[0].clone())?.texts;
    let rules = Arc::new(Ruleset::compile(&texts.into_iter().map(source).collect::<Vec<_>>(), &[])?);
    println!("| lever | median ms | worst ms |");
    println!("| --- | ---: | ---: |");
    for lever in ["cancel", "skip"] {
        let mut taken = Vec::new();
        for turn in 0..MOVES {
            let scan = Scan::start(Tree::open(&path)?, Arc::clone(&rules), ScanOptions::default())?;
            std::thread::sleep(Duration::from_millis(5 + turn * 3));
            let begin = Instant::now();
            if lever == "cancel" {
                scan.control.cancel();
            } else {
                scan.control.skip_current();
            }
            while !matches!(scan.events.recv()?, ScanEvent::Finished { .. }) {}
            taken.push(begin.elapsed().as_secs_f64() * 1e3);
            scan.join();
        }
        taken.sort_by(f64::total_cmp);
        println!("| {lever} | {:.1} | {:.1} |", taken[taken.len() / 2], taken[taken.len() - 1]);
    }
    let sparse = dir.path().join("sparse");
    let file = File::create(&sparse)?;
    file.set_len(50 << 30)?;
    file.write_all_at(b"data", 40 << 30)?;
    let begin = Instant::now();
    let scan = Scan::start(Tree::open(&sparse)?, rules, ScanOptions::default())?;
    while !matches!(scan.events.recv()?, ScanEvent::Finished { .. }) {}
    println!("\n50 GB of holes: {:.3} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["levers"] => levers(),
        [tree, rules] => Contest::new(tree, Some(rules))?.run(),
        [tree, rules, counts @ ..] => counts.iter().try_for_each(|count| {
            let (contest, held) = Contest::with_first(tree, rules, count.parse()?)?;
            println!("\n{held} rules\n");
            contest.run()
        }),
        [tree] => Contest::new(tree, None)?.run(),
        [] => Contest::new("/usr", None)?.run(),
    }
}
