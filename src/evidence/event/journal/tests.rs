use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use flate2::read::GzDecoder;
use jiff::tz::TimeZone;

use super::super::super::account::BoxAccounts;
use super::super::super::observed::Observed;
use super::super::super::testing::{facts, put, scratch};
use super::super::BoxEvent;
use super::*;

/// Files that systemd-journal-remote wrote from an export: 25 entries that are of no interest, then one each of sshd, sudo,
/// CRON, sshd, the audit and useradd, a second apart. One in the compact form with keyed hashes, one in the older form;
/// both pack long values (ZSTD).
const SAMPLES: [(&str, &[u8]); 2] = [
    ("compact", include_bytes!("../../../../tests/samples/compact.journal.gz")),
    ("regular", include_bytes!("../../../../tests/samples/regular.journal.gz")),
];
/// When the first entry of interest was written: 2025-11-20T10:36:40Z.
const FIRST: i64 = 1_763_635_000;

fn unpacked(sample: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(sample).read_to_end(&mut bytes).unwrap();
    bytes
}

/// What is told of `/opt/x/payload.py`, last changed when the entries were written.
fn around(journal: &[u8], more: &[(&str, &str)]) -> Observed<Vec<BoxEvent>> {
    let (dir, root) = scratch(&[("opt/x/payload.py", "x")]);
    put(dir.path(), "var/log/journal/0123/system.journal", journal);
    for (path, text) in more {
        put(dir.path(), path, text.as_bytes());
    }
    let events = Events::read(&root, &BoxAccounts::default(), &TimeZone::UTC);
    let mut facts = facts(&dir.path().join("opt/x/payload.py"));
    (facts.changed.seconds, facts.born) = (FIRST, None);
    events.around(Path::new("/opt/x/payload.py"), &facts)
}

#[test]
fn what_the_journal_tells_is_told_with_its_time_and_number() {
    for (name, sample) in SAMPLES {
        let found = around(&unpacked(sample), &[]);
        let events = found.found().unwrap_or_else(|| panic!("{name}: {found:?}"));
        let told: Vec<_> = events.iter().map(|event| (event.kind, event.at.as_second() - FIRST, event.line)).collect();
        let kinds = [
            EventKind::Login,
            EventKind::Privilege,
            EventKind::Cron,
            EventKind::FailedLogin,
            EventKind::Audit,
            EventKind::Privilege,
        ];
        let expected: Vec<_> = (0..).zip(kinds).map(|(n, kind)| (kind, n, 26 + n as usize)).collect();
        assert_eq!(told, expected, "{name}");
        assert!(events[0].message.starts_with("Accepted publickey for admin"), "{}", events[0].message);
        assert!(events[2].message.starts_with("(root) CMD (/opt/x/payload.py xxx"), "{}", events[2].message);
        let naming: Vec<_> = events.iter().map(|event| event.names_file).collect();
        assert_eq!(naming, [false, true, true, false, true, false]);
        assert_eq!(events[0].source, PathBuf::from("/var/log/journal/0123/system.journal"));
    }
}

#[test]
fn what_a_log_of_text_tells_too_is_told_once() {
    let line = "2025-11-20T10:36:40+00:00 box sshd[811]: Accepted publickey for admin from 192.0.2.7 port 50222 ssh2\n";
    let found = around(&unpacked(SAMPLES[0].1), &[("var/log/auth.log", line)]);
    let logins: Vec<_> =
        found.found().into_iter().flatten().filter(|event| event.kind == EventKind::Login).cloned().collect();
    assert_eq!(logins.len(), 1, "{logins:#?}");
    assert_eq!(logins[0].source, PathBuf::from("/var/log/auth.log"));
}

#[test]
fn a_file_that_is_no_journal_or_a_newer_one_is_a_gap_that_says_what_to_do() {
    let mut newer = unpacked(SAMPLES[0].1);
    newer[12] |= 1 << 6;
    for (bytes, why) in
        [(b"LPKSHHRH".to_vec(), "not read"), (vec![0; 4096], "does not begin"), (newer, "newer systemd")]
    {
        let found = around(&bytes, &[]);
        let reason = found.reason().unwrap_or_else(|| panic!("{found:?}"));
        assert!(reason.contains(why) && reason.contains("journalctl --file"), "{reason}");
        assert!(reason.contains("/var/log/journal/0123/system.journal"), "{reason}");
    }
    assert_eq!(around(b"", &[]), Observed::NotFound, "an empty file tells nothing");
}

#[test]
fn a_damaged_journal_holds_nothing_up_and_what_is_not_told_is_a_gap() {
    let whole = unpacked(SAMPLES[0].1);
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut gaps = 0;
    for round in 0..300 {
        let mut bytes = whole.clone();
        if round % 3 == 0 {
            bytes.truncate(next(used));
        } else {
            for _ in 0..64 {
                let at = if round % 3 == 1 { next(used) } else { next(272) };
                bytes[at] = next(256) as u8;
            }
        }
        gaps += usize::from(around(&bytes, &[]).reason().is_some());
    }
    assert!(gaps > 50, "only {gaps} of 300 were told as damaged");
}

#[test]
fn a_list_of_entries_that_leads_back_to_itself_ends() {
    let mut bytes = unpacked(SAMPLES[1].1);
    // Every list of entries goes on with itself, and every value comes after itself.
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    // Objects begin where the header ends.
    let (mut at, mut changed) = (number(&bytes, 88), 0);
    while at + 24 <= bytes.len() {
        let size = number(&bytes, at + 8);
        if size < 16 || at + size > bytes.len() {
            break;
        }
        let next = match bytes[at] {
            1 => Some(at + 32),
            6 => Some(at + 16),
            _ => None,
        };
        if let Some(next) = next {
            bytes[next..next + 8].copy_from_slice(&(at as u64).to_le_bytes());
            changed += 1;
        }
        at += size.next_multiple_of(8);
    }
    assert!(changed > 20, "{changed}");
    around(&bytes, &[]);
}

#[test]
fn every_way_of_packing_is_read() {
    let value = format!("MESSAGE={}", "long ".repeat(200));
    let mut lz4 = (value.len() as u64).to_le_bytes().to_vec();
    lz4.extend(lz4_flex::block::compress(value.as_bytes()));
    assert_eq!(file::unpacked(2, &lz4).unwrap(), value.as_bytes());
    let zstd = ruzstd::encoding::compress_to_vec(value.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    assert_eq!(file::unpacked(4, &zstd).unwrap(), value.as_bytes());
    assert!(
        file::unpacked(3, &lz4).is_err() && file::unpacked(2, b"\xff").is_err() && file::unpacked(1, b"x").is_err()
    );
}

#[test]
fn journalctl_says_the_same() {
    for (name, sample) in SAMPLES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("system.journal");
        std::fs::write(&path, unpacked(sample)).unwrap();
        let output = Command::new("journalctl").arg("--file").arg(&path).args(["-o", "json", "--no-pager"]).output();
        let Ok(output) = output else { return eprintln!("skipped: there is no journalctl") };
        let text = String::from_utf8(output.stdout).unwrap();
        let entries: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if entries.is_empty() {
            return eprintln!("skipped: this journalctl does not read the sample");
        }
        let mut file = JournalFile::new(std::fs::File::open(&path).unwrap()).unwrap();
        for (program, data) in file.values(PROGRAM).unwrap() {
            let (mut ours, more) = file.entries_with(data, 1000).unwrap();
            ours.reverse();
            let ours: Vec<_> = ours.into_iter().map(|entry| (entry.at.to_string(), entry.message)).collect();
            let theirs = entries.iter().filter(|entry| entry[PROGRAM] == *program);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let theirs: Vec<_> =
                theirs.map(|entry| (text(&entry["__REALTIME_TIMESTAMP"]), text(&entry["MESSAGE"]))).collect();
            assert!(!more && ours == theirs, "{name}, {program}: {ours:?}, {theirs:?}");
        }
    }
}
