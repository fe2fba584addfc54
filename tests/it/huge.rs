//! The hex view on a file of 20 GB, as a user has it. The file is sparse, so that it costs the disk a few megabytes.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use crate::cli::TestBox;
use crate::pty::Term;

const GIB: u64 = 1 << 30;
/// Bytes of the file.
const SIZE: u64 = 20 * GIB;
/// Where the match is.
const MATCH: u64 = 12 * GIB + 1;
/// Where there is something to be searched for long.
const THICKET: u64 = 5 * GIB;
/// Bytes of that: a few seconds' work for the regular expression below, which is stopped long before.
const THICK: usize = 16 << 20;
/// Multiplier of the generator of those bytes (Knuth, MMIX).
const LCG: u64 = 6_364_136_223_846_793_005;
/// Where the text is that is searched for.
const TEXT: u64 = 19 * GIB;
/// Kilobytes that memory may grow from the list of findings to the end of the journey: windows of some ten kilobytes,
/// a megabyte that a search reads at once, up to eight that the regular expression may take (`hex::query`), and what
/// the allocator keeps. Reading a thousandth of the file would break it.
const GROWTH: u64 = 32 * 1024;

/// The file, or `None` where the file system cannot hold holes.
fn plant(ground: &TestBox) -> Option<()> {
    let file = File::create(ground.tree().join("disk.img")).unwrap();
    file.set_len(SIZE).ok()?;
    if file.metadata().unwrap().blocks() * 512 > GIB {
        return None;
    }
    file.write_all_at(format!(" {}\n", crate::fixtures::callback()).as_bytes(), MATCH - 1).unwrap();
    // Letters without order: an automaton for the expression has more states than there is memory for.
    let letters = std::iter::successors(Some(1_u64), |state| Some(state.wrapping_mul(LCG).wrapping_add(1)));
    let letters: Vec<u8> = letters.map(|state| b"ab"[(state >> 63) as usize]).take(THICK).collect();
    file.write_all_at(&letters, THICKET).unwrap();
    file.write_all_at(b"needle", TEXT).unwrap();
    Some(())
}

/// The most memory that the program has had so far, in kilobytes (`VmHWM`, `proc_pid_status(5)`).
fn peak(term: &Term) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", term.pid().as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_journey_through_20_gigabytes_takes_no_memory() {
    let ground = TestBox::new();
    if plant(&ground).is_none() {
        eprintln!("not tested: the file system of {} cannot hold a sparse file of 20 GB", ground.tree().display());
        return;
    }
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 1 open");
    let before = peak(&term);
    let steps = [
        ("\r", "match 1 of 1, at 0x300000001 of 0x500000000"),
        ("", "30.40.50.60:9342"),
        ("ma", "mark a set"),
        ("yo", "copied the offset 0x300000001"),
        ("yh", "copied 16 bytes from 0x300000001"),
        ("g0\r", "at 0x0 of"),
        ("g100%\r", "at 0x4ffffffff of"),
        ("\u{2}\u{2}", "of 0x500000000"),
        ("g50%\r", "at 0x280000000 of"),
        ("\u{6}\u{6}\u{6}", "at 0x28000"),
        ("vlllyh", "copied 4 bytes from"),
        ("/needle\r", "at 0x4c0000000 of"),
        ("F", "none above: this is the last one"),
        ("'a", "at 0x300000001 of"),
        ("p", "match 1 of 1"),
        ("n", "none below: this is the first one"),
        ("g0\r", "at 0x0 of"),
        ("/r:a[ab]{300}[c-z]\r", "searching 25%, Esc stops"),
        ("\u{1b}", "the search was stopped"),
        ("G", "at 0x4ffffffff of"),
    ];
    for (keys, shows) in steps {
        term.send(keys);
        term.wait(shows);
    }
    let grown = peak(&term) - before;
    assert!(grown < GROWTH, "{grown} kB more than the {before} kB before the file was opened");
    term.send("q");
    term.left();
}
