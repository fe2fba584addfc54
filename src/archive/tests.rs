//! Every format as its own tools write it, and what a hostile hand makes of it. The samples are the fuzzer's seeds.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::finding::MemberFacts;
use crate::text::{escape_path, subject};
use ::tar as tar_crate;

fn samples() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/archive");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap());
    files.map(read).collect()
}

fn listed(name: &str, bytes: &[u8]) -> listing::MemberListing {
    list(&Path::new("/srv").join(name), bytes, &Limits::default()).unwrap_or_else(|| panic!("{name} has no format"))
}

/// The members of a sample as they are shown, without its own path, with what their bytes are.
fn shown(name: &str, (members, gaps): &listing::MemberListing) -> Vec<String> {
    let payload = |bytes: &[u8]| bytes.starts_with(b"#!/usr/bin/env python3\n# a member") && bytes.len() == 1053;
    let after = |path: &Path| escape_path(path).trim_start_matches(&format!("/srv/{name}")).trim_start().to_owned();
    let word = |bytes: &[u8]| match bytes {
        bytes if payload(bytes) => " = payload".to_owned(),
        bytes if bytes == b"notes, nothing else\n".repeat(3) => " = notes".to_owned(),
        _ => String::new(),
    };
    let members = members.iter().map(|(path, _, bytes)| format!("{}{}", after(path), word(bytes)));
    members.chain(gaps.iter().map(|(path, gap)| format!("{} ! {gap:?}", after(path)))).collect()
}

#[test]
fn every_format_gives_its_members_as_its_tools_wrote_them() {
    let both = ["▸ tools/payload.py = payload", "▸ etc/notes.txt = notes"];
    let package = ["▸ ./tools/payload.py = payload", r"▸ ./etc/notes\xff.txt = notes"];
    let turned = [both[1], both[0]];
    let built = ["▸ ./etc/notes.txt = notes", "▸ ./tools/payload.py = payload"];
    let all = samples();
    for (name, wanted) in [
        ("gnu.tar", &both[..]),
        ("pax.tar", &both),
        ("v7.tar", &both[..1]),
        ("tar.gz", &both),
        ("tar.xz", &both),
        ("tar.bz2", &both),
        ("tar.zst", &both),
        ("tar.lz4", &both),
        ("stored.zip", &both),
        ("deflate.zip", &both),
        ("bzip2.zip", &both),
        ("lzma.zip", &both),
        ("lzma2.7z", &both),
        ("bzip2.7z", &both),
        ("payload.gz", &["▸ payload = payload"]),
        ("payload.lzma", &["▸ payload = payload"]),
        ("lib.a", &["▸ payload.py = payload"]),
        ("old.cpio", &both[..1]),
        ("new.cpio", &package),
        ("package.rpm", &package),
        ("initramfs", &["▸ early = notes", "▸ ./tools/payload.py = payload", r"▸ ./etc/notes\xff.txt = notes"]),
        (
            "sample.deb",
            &[
                "▸ debian-binary",
                "▸ control.tar.xz",
                "▸ control.tar.xz ▸ ./control",
                "▸ data.tar.xz",
                "▸ data.tar.xz ▸ ./usr/bin/payload.py = payload",
            ],
        ),
        (
            "nested.a",
            &[
                "▸ n.zip",
                "▸ n.zip ▸ inner.tar.gz",
                "▸ n.zip ▸ inner.tar.gz ▸ tools/payload.py = payload",
                "▸ n.zip ▸ inner.tar.gz ▸ etc/notes.txt = notes",
            ],
        ),
        ("deflate64.zip", &turned),
        ("xz.zip", &turned),
        ("zstd.zip", &both),
        ("lzma.7z", &turned),
        ("bcj.7z", &turned),
        ("bcj2.7z", &turned),
        ("arm64.7z", &turned),
        ("delta.7z", &turned),
        ("ppmd.7z", &turned),
        ("deflate.7z", &turned),
        ("copy.7z", &turned),
        ("legacy.lz4", &both),
        ("payload.lz", &["▸ payload = payload"]),
        ("gz.rpm", &built),
        ("bz.rpm", &built),
        ("xz.rpm", &built),
        ("lz.rpm", &built),
        ("zst.rpm", &built),
        // Neither is in the list that programs go by.
        ("hidden.zip", &["▸ etc/notes.txt = notes", "▸ tools/payload.py = payload"]),
        ("behind.zip", &["▸ etc/notes.txt = notes", "▸ tools/payload.py = payload"]),
        // The list has it, and nothing is there.
        ("listed.zip", &["▸ etc/notes.txt = notes", "▸ tools/payload.py ! Broken"]),
        ("script.zipapp", &both),
        ("aes.zip", &["▸ tools/payload.py ! Encrypted"]),
        ("hidden-names.7z", &[" ! Encrypted"]),
        ("encrypted.zip", &["▸ tools/payload.py ! Encrypted"]),
        ("encrypted.7z", &["▸ tools/payload.py ! Encrypted"]),
    ] {
        let shown = shown(name, &listed(name, &all[name]));
        let shown: Vec<_> = shown.iter().map(|line| line.split("(\"").next().unwrap_or_default()).collect();
        assert_eq!(shown, wanted, "{name}");
    }
    let zstd = shown("zstd.7z", &listed("zstd.7z", &all["zstd.7z"]));
    assert!(zstd.len() == 2 && zstd.iter().all(|line| line.contains("! Unsupported")), "{zstd:?}");
    // Nobody adds a sample that is not looked at.
    let ppmd = shown("ppmd.zip", &listed("ppmd.zip", &all["ppmd.zip"]));
    assert!(ppmd.len() == 2 && ppmd.iter().all(|line| line.contains("! Unsupported")), "{ppmd:?}");
    let deflate64 = shown("deflate64.7z", &listed("deflate64.7z", &all["deflate64.7z"]));
    assert!(deflate64.len() == 2 && deflate64.iter().all(|line| line.contains("! Unsupported")), "{deflate64:?}");
    let odd = |name: &str| listed(name, &all[name]).0.iter().filter_map(|member| member.1.oddity.clone()).count();
    assert_eq!((odd("hidden.zip"), odd("behind.zip"), odd("deflate.zip"), odd("script.zipapp")), (1, 1, 0, 0));
    assert_eq!(all.len(), 56);
}

#[test]
fn sparse_members_are_whole_in_all_four_ways() {
    let all = samples();
    for name in ["sparse-gnu.tar", "sparse-0.0.tar", "sparse-0.1.tar", "sparse-1.0.tar"] {
        let (members, gaps) = listed(name, &all[name]);
        let [(path, _, bytes)] = members.as_slice() else { panic!("{name}: {gaps:?}") };
        assert_eq!((escape_path(path).into_owned(), bytes.len()), (format!("/srv/{name} ▸ sparse"), 300 * 1024));
        assert_eq!(memchr::memmem::find(bytes, b"huntbook member"), Some(200_000), "{name}");
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 15, "{name}");
    }
}

#[test]
fn facts_are_those_that_the_archive_says() {
    let all = samples();
    let facts = |name: &str| listed(name, &all[name]).0.swap_remove(0).1;
    for name in ["gnu.tar", "pax.tar", "tar.xz"] {
        let facts = facts(name);
        assert_eq!((facts.mode, facts.uid, facts.gid), (Some(0o755), Some(1000), Some(50)), "{name}");
        assert_eq!((facts.owner.as_deref(), facts.group.as_deref()), (Some("alice"), Some("staff")), "{name}");
        assert_eq!(facts.modified.map(|time| time.seconds), Some(1_706_933_106), "{name}");
    }
    // What has no other time than that of a clock says so.
    assert!(facts("zstd.zip").modified_is_local);
    for name in ["stored.zip", "new.cpio", "old.cpio", "lzma2.7z"] {
        let facts = facts(name);
        assert_eq!(facts.mode.map(|mode| mode & 0o777), Some(0o755), "{name}");
        assert_eq!(facts.modified.map(|time| time.seconds), Some(1_706_933_106), "{name}");
    }
}

#[test]
fn a_member_is_found_again_by_its_path() {
    for (name, bytes) in samples() {
        let (members, _) = listed(&name, &bytes);
        for (path, _, wanted) in members {
            let found = member(&mut io::Cursor::new(&bytes), bytes.len() as u64, &path);
            assert_eq!(found.as_ref(), Ok(&wanted), "{}", escape_path(&path));
        }
        let none = subject::inside(
            &Path::new("/srv").join(&name),
            &subject::Inside::Member { name: b"not there".as_slice().into(), nth: 1 },
        );
        assert!(member(&mut io::Cursor::new(&bytes), bytes.len() as u64, &none).is_err());
    }
}

#[test]
fn what_is_cut_off_is_told() {
    for (name, bytes) in samples() {
        let (whole, _) = listed(&name, &bytes);
        for cut in (0..bytes.len()).step_by(97) {
            let Some((members, gaps)) = list(&Path::new("/srv").join(&name), &bytes[..cut], &Limits::default()) else {
                continue;
            };
            let sorted = |members: &[(PathBuf, MemberFacts, Vec<u8>)]| {
                let mut all: Vec<_> = members.iter().map(|member| member.2.clone()).collect();
                all.sort_unstable();
                all
            };
            let same = sorted(&members) == sorted(&whole);
            // Nothing says of the first of two archives that another follows.
            let first = name == "initramfs" && memchr::memmem::find(&bytes[..cut], b"TRAILER!!!").is_some();
            assert!(same || !gaps.is_empty() || first, "{name} cut at {cut}");
        }
    }
}

#[test]
fn flipped_bits_neither_panic_nor_make_more_than_is_allowed() {
    let samples: Vec<_> = samples().into_iter().collect();
    let limits = Limits { bytes: 8 << 20, members: 1000, held: 1 << 20, ..Limits::default() };
    let flips = prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..8);
    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    runner
        .run(&(0..samples.len(), flips), |(index, flips)| {
            let (name, sample) = &samples[index];
            let mut bytes = sample.clone();
            for (place, bit) in flips {
                // Most of a tar is padding.
                let place = place.index(bytes.len().min(2048));
                bytes[place] ^= 1 << bit;
            }
            let Some((members, gaps)) = list(&Path::new("/srv").join(name), &bytes, &limits) else { return Ok(()) };
            let largest = members.iter().map(|member| member.2.len() as u64).max().unwrap_or(0);
            prop_assert!(largest <= limits.held && members.len() as u64 <= limits.members);
            let panicked =
                |gap: &ArchiveGap| matches!(gap, ArchiveGap::Broken(why) if why.contains("its reader panicked"));
            prop_assert!(!gaps.iter().any(|(_, gap)| panicked(gap)), "{name}: {gaps:?}");
            Ok(())
        })
        .unwrap();
}

fn tar_header(name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let mut header = tar_crate::Header::new_gnu();
    let fields = header.as_gnu_mut().unwrap();
    fields.name[..name.len()].copy_from_slice(name);
    fields.typeflag = [kind];
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}
fn tar_of(members: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in members {
        tar.extend(tar_header(name, b'0', bytes.len() as u64));
        tar.extend(*bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

#[test]
fn names_are_names_only_and_each_member_has_its_own() {
    let names: [&[u8]; 7] = [b"../../etc/passwd", b"/etc/passwd", b"x", b"x", b"x", b"a\x1b[2J", b"."];
    let tar = tar_of(&names.map(|name| (name, &b"abc"[..])));
    let (members, gaps) = listed("a.tar", &tar);
    assert!(gaps.is_empty(), "{gaps:?}");
    let shown: Vec<_> = members.iter().map(|(path, ..)| escape_path(path).into_owned()).collect();
    assert_eq!(
        shown,
        [
            "/srv/a.tar ▸ ../../etc/passwd",
            "/srv/a.tar ▸ /etc/passwd",
            "/srv/a.tar ▸ x",
            "/srv/a.tar ▸ x (no. 2 of this name)",
            "/srv/a.tar ▸ x (no. 3 of this name)",
            r"/srv/a.tar ▸ a\x1b[2J",
            "/srv/a.tar ▸ .",
        ]
    );
    // A link has no content, whatever its size says, and hides nothing that comes after it.
    let link = [tar_header(b"link", b'2', 0), tar_of(&[(b"y", b"abc")])].concat();
    assert_eq!(listed("a.tar", &link).0.len(), 1);
    // tar -i goes on after its end.
    let behind = [tar_of(&[(b"x", b"abc")]), vec![0; 10_240], tar_of(&[(b"y", b"abc")])].concat();
    assert_eq!(listed("a.tar", &behind).0.len(), 2);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A ZIP whose members all have the same bytes, in the same place.
fn overlapping(deflated: &[u8], size: u32, members: u16) -> Vec<u8> {
    let local = |name: &[u8]| {
        let mut header = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
        header.extend((deflated.len() as u32).to_le_bytes());
        header.extend(size.to_le_bytes());
        header.extend((name.len() as u16).to_le_bytes());
        header.extend([0, 0]);
        header.extend(name);
        header
    };
    let mut zip = local(b"a");
    zip.extend(deflated);
    let begin = zip.len() as u32;
    for _ in 0..members {
        zip.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0");
        zip.extend((deflated.len() as u32).to_le_bytes());
        zip.extend(size.to_le_bytes());
        zip.extend(b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a");
    }
    let length = zip.len() as u32 - begin;
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(members.to_le_bytes());
    zip.extend(members.to_le_bytes());
    zip.extend(length.to_le_bytes());
    zip.extend(begin.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

#[test]
fn bombs_are_told_by_what_comes_out_of_them() {
    let zeros = vec![0; 64 << 20];
    let flat = gzip(&zeros);
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(&zeros[..16 << 20]).unwrap();
    let overlapping = overlapping(&deflate.finish().unwrap(), 16 << 20, 2000);
    let inner: Vec<u8> = tar_of(&[(b"a", &flat), (b"b", &flat), (b"c", &flat)]);
    let nested = gzip(&gzip(&inner));
    for (name, bomb) in [("flat.gz", flat), ("overlapping.zip", overlapping), ("nested.gz", nested)] {
        let (members, gaps) = listed(name, &bomb);
        let out: usize = members.iter().map(|member| member.2.len()).sum();
        assert!(out as u64 <= 2 * Limits::FREE, "{name}: {out}");
        assert!(gaps.iter().any(|(_, gap)| *gap == ArchiveGap::Ratio(200)), "{name}: {gaps:?}");
    }
}

#[test]
fn each_limit_is_named_where_it_is_met() {
    let named = |bytes: &[u8], limits: Limits| {
        let (members, gaps) = list(Path::new("/srv/a"), bytes, &limits).unwrap();
        let gaps: Vec<_> = gaps.into_iter().map(|(path, gap)| (escape_path(&path).into_owned(), gap)).collect();
        (members.len(), gaps)
    };
    let mut deep = tar_of(&[(b"x", b"abc")]);
    for _ in 0..9 {
        deep = tar_of(&[(b"t", &deep)]);
    }
    let (members, gaps) = named(&deep, Limits::default());
    let place = format!("/srv/a{}", " ▸ t".repeat(8));
    assert_eq!((members, gaps), (8, vec![(place, ArchiveGap::Depth(8))]));
    let many: Vec<(&[u8], &[u8])> = vec![(b"x", b"abc"); 50];
    let gaps = named(&tar_of(&many), Limits { members: 20, ..Limits::default() });
    assert_eq!(gaps, (20, vec![("/srv/a".to_owned(), ArchiveGap::Members(20))]));
    let tar = tar_of(&[(b"large", &[7; 3000]), (b"small", b"abc")]);
    let gaps = named(&tar, Limits { held: 2000, ..Limits::default() });
    assert_eq!(gaps, (1, vec![("/srv/a ▸ large".to_owned(), ArchiveGap::Held(Some(3000), 2000))]));
    let (_, gaps) = named(&gzip(&tar), Limits { bytes: 2000, ..Limits::default() });
    assert!(gaps.iter().any(|(_, gap)| *gap == ArchiveGap::Bytes(2000)), "{gaps:?}");
    let (members, gaps) = named(&tar, Limits { time: Duration::ZERO, ..Limits::default() });
    assert_eq!((members, gaps), (0, vec![("/srv/a".to_owned(), ArchiveGap::Time(0))]));
}

#[test]
fn a_gzip_of_a_thousand_streams_is_one_content() {
    let part = gzip(b"0123456789");
    let (members, gaps) = listed("log.gz", &part.repeat(1000));
    assert_eq!((members.len(), members[0].2.len(), gaps), (1, 10_000, Vec::new()));
    let (members, gaps) = listed("log.gz", &[&part[..], b"not a stream"].concat());
    assert_eq!((members.len(), gaps), (1, Vec::new()), "what comes after it is no content");
}

/// So many bytes, of which only the first are any.
struct Endless {
    first: Vec<u8>,
    size: u64,
    at: u64,
    read: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap().min(buffer.len());
        for byte in &mut buffer[..left] {
            *byte = self.first.get(self.at as usize).copied().unwrap_or(b'a');
            self.at += 1;
        }
        self.read += left as u64;
        Ok(left)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.size.checked_add_signed(by).unwrap(),
            SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

#[test]
fn sizes_that_headers_claim_are_neither_allocated_nor_read() {
    struct Nobody(Vec<ArchiveGap>, usize);
    impl<'v> Visit<'v> for Nobody {
        fn wants(&mut self, _: &Path) -> bool {
            true
        }
        fn hold(&mut self, _: u64) -> bool {
            true
        }
        fn member(&mut self, _: &Path, _: crate::finding::MemberFacts, _: &mut Vec<u8>) {
            self.1 += 1;
        }
        fn large(&mut self, _: &Path, _: &crate::finding::MemberFacts) -> Option<Box<dyn Large + 'v>> {
            None
        }
        fn gap(&mut self, _: &Path, gap: ArchiveGap) {
            self.0.push(gap);
        }
    }
    const TEN: u64 = 10 << 30;
    let mut sparse = tar_crate::Header::new_gnu();
    sparse.as_gnu_mut().unwrap().typeflag = [b'S'];
    sparse.as_gnu_mut().unwrap().name[0] = b's';
    sparse.as_gnu_mut().unwrap().set_real_size(5 * TEN);
    sparse.set_size(0);
    sparse.set_cksum();
    for (first, wanted) in [
        (tar_header(b"././@LongLink", b'L', TEN), "a name or a record of 10737418240 bytes is left out"),
        (tar_header(b"pax", b'x', TEN), "a name or a record"),
        (tar_header(b"large", b'0', TEN), "too large: 10.0 GiB"),
        (sparse.as_bytes().to_vec(), "too large: 50.0 GiB"),
        ([b"!<arch>\n", &b"//                                              9999999999`\n"[..]].concat(), ""),
        (b"070701".iter().copied().chain([b'F'; 104]).collect(), ""),
    ] {
        let format = ArchiveFormat::of(&[first.clone(), vec![b'a'; 512]].concat()).unwrap();
        let mut source = Endless { first, size: 5 * TEN, at: 0, read: 0 };
        let goes_on = || true;
        let budget = Budget::new(Limits::default(), source.size, &goes_on);
        let mut nobody = Nobody(Vec::new(), 0);
        walk(&mut source, Path::new("/srv/a"), Container::Of(format), &budget, &mut nobody);
        assert!(nobody.0.iter().any(|gap| gap.to_string().contains(wanted)), "{:?}", nobody.0);
        assert!(source.read < 32 << 20 && nobody.1 == 0, "{} bytes were read", source.read);
    }
}
