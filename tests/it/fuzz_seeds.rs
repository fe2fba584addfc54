//! The fuzz targets over their committed seeds: each seed as it is, cut short, and with bytes changed.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::path::Path;

/// Changed copies of each seed.
const CHANGES: u64 = 60;
/// Places at which each seed is cut.
const CUTS: usize = 20;

/// Runs a target over its seeds; what goes wrong is a panic, or a run that does not end.
fn run(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} holds no seed", folder.display());
    for path in seeds {
        let seed = std::fs::read(&path).unwrap();
        target(&seed);
        for cut in 1..=CUTS {
            target(&seed[..seed.len() * cut / (CUTS + 1)]);
        }
        for change in 0..CHANGES {
            target(&changed(&seed, change));
        }
    }
}

/// The seed with a few bytes set, removed or doubled; the same for the same number.
fn changed(seed: &[u8], number: u64) -> Vec<u8> {
    // A linear congruential generator (Knuth, MMIX) is enough: the same changes on every machine.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let mut bytes = seed.to_vec();
    for _ in 0..=next(4) {
        let (at, length) = (next(bytes.len()), next(16) + 1);
        let end = (at + length).min(bytes.len());
        match next(4) {
            0 if !bytes.is_empty() => bytes[at] = [0, b'\n', b'%', b'"', b'\\', 0x7f, 0x80, 0xff][next(8)],
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            _ if !bytes.is_empty() => bytes[at] ^= 1 << next(8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn texts_of_a_box_break_no_probe() {
    run("box_texts", targets::box_texts);
}

#[test]
fn elf_headers_break_no_decoder() {
    run("elf", targets::elf);
}

#[test]
fn what_people_write_breaks_no_reader() {
    run("site_toml", targets::site_toml);
    run("hunt_toml", targets::hunt_toml);
    run("plain_rules", targets::plain_rules);
    run("known_good", targets::known_good);
}

#[test]
fn a_changed_case_breaks_no_reader() {
    run("case", targets::case);
}

#[test]
fn a_changed_register_breaks_no_reader() {
    run("register", targets::register);
}

#[test]
fn headers_of_rpm_packages_break_no_probe() {
    run("rpm_header", targets::rpm_header);
}

#[test]
fn changed_archives_break_no_reader() {
    run("archive", targets::archive);
}
