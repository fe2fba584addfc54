//! A scan with the built-in hunts beside merely reading the same tree, and beside `yr` if there is one.
//!
//! `cargo bench --bench scan -- [TREE]` (`/usr` if none is named) prints a Markdown table: medians of five rounds, the
//! three taken in turn within the same minute, after one round that warms the cache; and the most memory that each used.

#![allow(missing_docs)]

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use huntbook::hunt::{Site, builtin};
use huntbook::scan::{CandidateTest, Event, RuleSource, Ruleset, Scan, ScanOptions, Tree};

const ROUNDS: usize = 5;

/// What one command took.
#[derive(Clone, Copy)]
struct Round {
    time: Duration,
    /// Most memory that was resident, in KiB; 0 where it is not known.
    peak: u64,
}

fn rules() -> Result<Ruleset, Box<dyn Error>> {
    let loaded = builtin::load(&Site::default()).map_err(|problems| problems[0].clone())?;
    let test = |hunt: &huntbook::hunt::Hunt| {
        Some(CandidateTest { rule: hunt.rule.id.clone(), condition: hunt.candidate.clone()? })
    };
    let tests: Vec<CandidateTest> = loaded.hunts.iter().filter_map(test).collect();
    let source =
        |text: huntbook::hunt::RuleText| RuleSource { namespace: text.namespace, origin: text.origin, text: text.text };
    let sources: Vec<RuleSource> = loaded.texts.into_iter().map(source).collect();
    Ok(Ruleset::compile(&sources, &tests)?)
}

/// The child: scans and prints its own peak.
fn scan(tree: &Path) -> Result<(), Box<dyn Error>> {
    let scan = Scan::start(Tree::open(tree)?, Arc::new(rules()?), ScanOptions::default())?;
    let mut findings = 0_u64;
    for event in &scan.events {
        match event {
            Event::Finding(_) => findings += 1,
            Event::Finished { reading, .. } => {
                eprintln!("{} files, {} bytes, {findings} findings", reading.files, reading.bytes);
                break;
            }
            Event::Candidate(_) | Event::Unscanned(_) => {}
        }
    }
    scan.join();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

fn timed(command: &mut Command) -> Result<Round, Box<dyn Error>> {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let time = begin.elapsed();
    Ok(Round { time, peak: String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0) })
}

fn median(rounds: &[Round]) -> Option<Round> {
    let mut rounds = rounds.to_vec();
    rounds.sort_by_key(|round| round.time);
    let peak = rounds.iter().map(|round| round.peak).max()?;
    Some(Round { peak, ..*rounds.get(rounds.len() / 2)? })
}

fn shell(script: &str, tree: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(tree);
    command
}

fn compare(tree: &Path) -> Result<(), Box<dyn Error>> {
    let itself = std::env::current_exe()?;
    let rule_files = tempfile::tempdir()?;
    for text in builtin::load(&Site::default()).map_err(|problems| problems[0].clone())?.texts {
        let name = Path::new(&text.origin).file_name().unwrap_or_default().to_owned();
        std::fs::write(rule_files.path().join(name), &*text.text)?;
    }
    let has_yr = Command::new("yr").arg("--version").output().is_ok();
    let read = || shell("find \"$1\" -type f -print0 | xargs -0 -P\"$(nproc)\" cat >/dev/null", tree);
    let huntbook = || {
        let mut command = Command::new(&itself);
        command.arg("--child").arg(tree);
        command
    };
    let yr = || {
        let mut command = Command::new("yr");
        command.arg("scan").arg("-r").arg(rule_files.path()).arg(tree).stdout(Stdio::null());
        command
    };
    let mut rounds: [Vec<Round>; 3] = Default::default();
    for round in 0..=ROUNDS {
        let [reading, scanning, other] = &mut rounds;
        let taken =
            [Some(timed(&mut read())?), Some(timed(&mut huntbook())?), has_yr.then(|| timed(&mut yr())).transpose()?];
        // The first one warms the cache.
        for (all, taken) in [reading, scanning, other].into_iter().zip(taken).filter(|_| round > 0) {
            all.extend(taken);
        }
    }
    let base = median(&rounds[0]).ok_or("nothing was measured")?;
    println!("| {} | seconds | of reading | peak MiB |", tree.display());
    println!("| --- | ---: | ---: | ---: |");
    for (name, rounds) in ["find and cat", "huntbook, built-in hunts", "yr scan -r"].iter().zip(&rounds) {
        let Some(round) = median(rounds) else { continue };
        let ratio = round.time.as_secs_f64() / base.time.as_secs_f64();
        let peak = if round.peak == 0 { "—".to_owned() } else { format!("{:.1}", round.peak as f64 / 1024.0) };
        println!("| {name} | {:.2} | {ratio:.2} | {peak} |", round.time.as_secs_f64());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--child", tree] => scan(Path::new(tree)),
        [tree, ..] => compare(Path::new(tree)),
        [] => compare(Path::new("/usr")),
    }
}
