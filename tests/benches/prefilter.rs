//! Throughput of the prefilter, single-threaded, beside that of yara-x with the same rules.
//!
//! `cargo bench --bench prefilter -- [RULES.yar] [FILE…]`: without rules, five of the built-in kind; the files are
//! read into memory first (the bench's own executable if none is named).
//!
//! `cargo bench --bench prefilter -- pairs TREE > src/scan/prefilter/pairs.bin` counts the pairs of bytes in the files of
//! a tree that the rarity of a window is judged by; `grams TREE > src/scan/prefilter/grams.bin` counts the four bytes in a row that
//! are most common.

use std::error::Error;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use huntbook::internals::scan::prefilter::{Prefilter, YaraSource};

const CHUNK: usize = 256 * 1024;
const BUFFER: usize = 256 * 1024 * 1024;
const ROUNDS: usize = 4;

const RULES: &str = include_str!("../../src/scan/prefilter/tests/five.yar");

/// Pseudo-random bytes (xorshift), the same on every run.
fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

fn stream(prefilter: &Prefilter, data: &[u8]) -> bool {
    let mut pass = prefilter.pass(data.len() as u64);
    for chunk in data.chunks(CHUNK) {
        pass.feed(chunk);
        if !pass.wants_more() {
            break;
        }
    }
    pass.finish()
}

/// Gigabytes per second of the best of some rounds over all files, and the last answers.
fn rate<T>(files: &[Vec<u8>], mut scan: impl FnMut(&[u8]) -> T) -> (f64, Vec<T>) {
    let total: usize = files.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    let mut answers = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        answers = files.iter().map(|file| black_box(scan(file))).collect();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    (total as f64 / best / 1e9, answers)
}

fn compare(what: &str, rules: &str, files: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let prefilter = Prefilter::new(&[YaraSource { namespace: "default", text: rules }], &[]);
    // Without a prefilter nothing is searched, and a rate would mean nothing.
    if prefilter.always_full() {
        println!("{what:28} always whole to yara-x: {:?}", prefilter.report().refusal);
        return Ok(());
    }
    let (fast, scans) = rate(files, |data| stream(&prefilter, data));
    let compiled = yara_x::compile(rules)?;
    let mut scanner = yara_x::Scanner::new(&compiled);
    let (plain, matches) = rate(files, |data| scanner.scan(data).is_ok_and(|found| found.matching_rules().len() > 0));
    let lost = scans.iter().zip(&matches).filter(|(scan, matched)| **matched && !**scan).count();
    let (scans, matches) = (scans.iter().filter(|&&s| s).count(), matches.iter().filter(|&&m| m).count());
    println!(
        "{what:28} prefilter {fast:6.2} GB/s, yara-x {plain:6.2} GB/s; of {} files {scans} go to yara-x, {matches} match, {lost} lost",
        files.len()
    );
    println!("{:28} {} byte strings are searched for", "", prefilter.report().literals);
    Ok(())
}

/// So many rules with one pattern each, none of which is anywhere and no two of which share a window.
fn many(count: u32) -> String {
    let word = |n: u32| 0x9e37_79b1_u32.wrapping_mul(n + 1);
    let rule = |n| format!("rule r{n} {{ strings: $a = {{ {} C5 D9 }} condition: $a }}\n", hex(word(n)));
    (0..count).map(rule).collect::<Vec<_>>().concat()
}

fn hex(word: u32) -> String {
    word.to_be_bytes().map(|byte| format!("{byte:02X}")).join(" ")
}

/// Bytes without the bit that tells upper from lower case.
const SQUEEZED: usize = 128;

/// The table of `src/scan/prefilter/rarity.rs`: for each byte, then for the bytes alone, `-8 log2` of the share of each
/// other one after it. Of each file the first 16 MiB are counted; every pair as once more than it was met.
fn pairs(tree: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut counts = vec![1_u64; SQUEEZED * SQUEEZED];
    let squeezed = |byte: u8| usize::from(byte & 0x1f | (byte & 0xc0) >> 1);
    for entry in ignore::WalkBuilder::new(tree).standard_filters(false).build().filter_map(Result::ok) {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = std::fs::File::open(entry.path()) else { continue };
        let mut bytes = Vec::new();
        file.take(16 << 20).read_to_end(&mut bytes)?;
        for pair in bytes.windows(2) {
            counts[squeezed(pair[0]) * SQUEEZED + squeezed(pair[1])] += 1;
        }
    }
    let eighths = |count: u64, all: u64| (-8.0 * (count as f64 / all as f64).log2()).round().clamp(0.0, 255.0) as u8;
    let mut table = Vec::new();
    for row in counts.chunks(SQUEEZED) {
        let all = row.iter().sum();
        table.extend(row.iter().map(|count| eighths(*count, all)));
    }
    let alone: Vec<u64> = (0..SQUEEZED).map(|byte| counts.chunks(SQUEEZED).map(|row| row[byte]).sum()).collect();
    let all = alone.iter().sum();
    table.extend(alone.iter().map(|count| eighths(*count, all)));
    Ok(table)
}

/// The most common four bytes in a row of every third file of a tree, as `grams.bin` has them.
fn grams(tree: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    const MOST: usize = 16_384;
    const PLACES: u32 = 7 * 4;
    let squeezed = |byte: u8| u32::from(byte & 0x1f | (byte & 0xc0) >> 1);
    // Of text files and of others.
    let mut counts = [vec![0_u32; 1 << PLACES], vec![0_u32; 1 << PLACES]];
    let mut totals = [0_u64; 2];
    let files = ignore::WalkBuilder::new(tree).standard_filters(false).build().filter_map(Result::ok);
    for entry in files.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())).step_by(3) {
        let Ok(file) = std::fs::File::open(entry.path()) else { continue };
        let mut bytes = Vec::new();
        file.take(4 << 20).read_to_end(&mut bytes)?;
        let kind = usize::from(bytes.iter().take(4096).all(|byte| (8..0x80).contains(byte)));
        for four in bytes.windows(4) {
            let gram = four.iter().fold(0, |gram, byte| gram << 7 | squeezed(*byte));
            counts[kind][gram as usize] += 1;
            totals[kind] += 1;
        }
    }
    let share = |gram: u32| {
        let shares =
            counts.iter().zip(totals).map(|(counts, all)| f64::from(counts[gram as usize]) / all.max(1) as f64);
        shares.fold(0.0, f64::max)
    };
    let mut all: Vec<(f64, u32)> =
        (0..1 << PLACES).map(|gram| (share(gram), gram)).filter(|(share, _)| *share > 1e-6).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(MOST);
    all.sort_by_key(|(_, gram)| *gram);
    let unsqueezed = |byte: u8| byte & 0x1f | (byte & 0x60) << 1 | 0x20;
    let entry = |(share, gram): (f64, u32)| {
        let [a, b, c, d] = [21, 14, 7, 0].map(|place| unsqueezed((gram >> place & 0x7f) as u8));
        [a, b, c, d, (-8.0 * share.log2()).round().clamp(0.0, 255.0) as u8]
    };
    Ok(all.into_iter().flat_map(entry).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if std::env::args().any(|argument| argument == "pairs") {
        let tree = arguments.nth(1).ok_or("a tree to count in is missing")?;
        return Ok(std::io::stdout().write_all(&pairs(Path::new(&tree))?)?);
    }
    if std::env::args().any(|argument| argument == "grams") {
        let tree = arguments.nth(1).ok_or("a tree to count in is missing")?;
        return Ok(std::io::stdout().write_all(&grams(Path::new(&tree))?)?);
    }
    let rules = arguments.next().map(std::fs::read_to_string).transpose()?;
    let rules = rules.as_deref().unwrap_or(RULES);
    let mut paths: Vec<String> = arguments.collect();
    if paths.is_empty() {
        paths.extend(std::env::current_exe().ok().map(|path| path.display().to_string()));
    }
    let files: Vec<Vec<u8>> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    let noise = [random(BUFFER)];
    compare("random bytes", rules, &noise)?;
    compare("zeros", rules, &[vec![0; BUFFER]])?;
    compare("the files", rules, &files)?;
    for count in [8, 32, 64, 128, 256, 1024, 4096, 16_384, 65_536, 100_000] {
        compare(&format!("the files, {count} literals"), &many(count), &files)?;
    }
    Ok(())
}
