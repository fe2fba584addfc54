//! What lies inside of archives, scanned by the real program: archives made by the tools of this machine, where they are
//! there, have the matches that yara-x finds in what the tools unpack.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::TestBox;

const RULE: &str = r#"
rule member_text { strings: $a = "looked for in a member" $b = { 7f 45 4c 46 } condition: any of them }
rule member_size { strings: $n = "number" condition: filesize < 100 and #n == 2 }
rule member_path { condition: filename == "payload.py" }
"#;

/// Rule, member path, pattern, offset and length of all matches.
type Matches = BTreeSet<(String, Vec<String>, String, u64, u64)>;

/// Files that are put into archives.
fn plant(folder: &Path) {
    std::fs::create_dir_all(folder.join("tools/deep")).unwrap();
    let mut large = vec![b'.'; 700_000];
    large.extend(b"looked for in a member");
    let files: [(&str, &[u8]); 4] = [
        ("tools/payload.py", b"#!/usr/bin/python3\nprint('looked for in a member')\n"),
        ("tools/deep/numbers", b"number one, number two"),
        ("large", &large),
        ("plain", b"nothing"),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// What yara-x finds in the planted files; the path without what tools put before it.
fn by_yara_x(folder: &Path) -> Matches {
    let mut compiler = yara_x::Compiler::new();
    compiler.define_global("filename", "").unwrap();
    compiler.add_source(RULE).unwrap();
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let mut found = Matches::new();
    for name in ["tools/payload.py", "tools/deep/numbers", "large", "plain"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        scanner.set_global("filename", name.rsplit('/').next().unwrap()).unwrap();
        for rule in scanner.scan(&bytes).unwrap().matching_rules() {
            let add = |pattern: &str, offset: usize, length: usize| {
                (rule.identifier().to_owned(), vec![name.to_owned()], pattern.to_owned(), offset as u64, length as u64)
            };
            found.insert(add("-", 0, 0));
            for pattern in rule.patterns() {
                found.extend(
                    pattern.matches().map(|hit| add(pattern.identifier(), hit.range().start, hit.range().len())),
                );
            }
        }
    }
    found
}

fn members(document: &Value) -> Vec<String> {
    let names = document["huntbook"]["member"].as_array().cloned().unwrap_or_default();
    names.iter().map(|name| name.as_str().unwrap().trim_start_matches("./").to_owned()).collect()
}

fn reported(documents: &[Value]) -> Matches {
    let mut found = Matches::new();
    for document in documents.iter().filter(|document| document["huntbook"]["kind"] == "finding") {
        let rule = document["rule"]["name"].as_str().unwrap().to_owned();
        // What the innermost archive says; those around it are told apart below.
        let member = members(document);
        let Some(last) = member.last() else { continue };
        found.insert((rule.clone(), vec![last.clone()], "-".to_owned(), 0, 0));
        for hit in document["huntbook"]["matches"].as_array().unwrap() {
            let number = |key: &str| hit[key].as_u64().unwrap();
            let pattern = hit["pattern"].as_str().unwrap().to_owned();
            found.insert((rule.clone(), vec![last.clone()], pattern, number("offset"), number("length")));
        }
    }
    found
}

/// Runs a command line of a shell in `folder`; whether its first word is a tool that is there. It must then do its work.
fn made(folder: &Path, line: &str) -> bool {
    let tool = line.split(' ').next().unwrap();
    let there = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
    if !there.unwrap().success() {
        eprintln!("{tool} is not installed: not tried");
        return false;
    }
    let done = Command::new("sh").args(["-c", line]).current_dir(folder).stdout(Stdio::null()).status().unwrap();
    assert!(done.success(), "{line}");
    true
}

fn box_with_rule() -> TestBox {
    let ground = TestBox::new();
    std::fs::write(ground.home().join("member.yar"), RULE).unwrap();
    ground
}

fn scan(ground: &TestBox, more: &[&str]) -> (Vec<Value>, i32) {
    let rule = ground.home().join("member.yar");
    let arguments = ["--no-builtin", "--rules", rule.to_str().unwrap()];
    ground.scan(&[&arguments, more].concat())
}

#[test]
fn archives_of_the_real_tools_have_the_matches_of_what_is_unpacked() {
    let source = tempfile::tempdir().unwrap();
    plant(source.path());
    let wanted = by_yara_x(source.path());
    assert_eq!(wanted.iter().filter(|found| found.2 != "-").count(), 4);
    let list = "tools large plain";
    let lines = [
        ("a.tar", format!("tar -cf OUT {list}")),
        ("gnu.tar", format!("tar --format=gnu -cf OUT {list}")),
        ("pax.tar", format!("tar --format=pax -cf OUT {list}")),
        ("a.tar.gz", format!("tar -czf OUT {list}")),
        ("a.tar.xz", format!("xz --version && tar -cJf OUT {list}")),
        ("a.tar.bz2", format!("bzip2 --help 2>&1 && tar -cjf OUT {list}")),
        ("a.tar.zst", format!("zstd --version && tar --zstd -cf OUT {list}")),
        ("a.tar.lz4", format!("lz4 --version && tar -cf - {list} | lz4 -q > OUT")),
        ("a.zip", format!("zip -qr OUT {list}")),
        ("stored.zip", format!("zip -0qr OUT {list}")),
        ("streamed.zip", format!("zip -qr - {list} > OUT")),
        ("a.7z", format!("7z a OUT {list}")),
        ("a.cpio", format!("cpio --version && find {list} | cpio -o -H newc --quiet > OUT")),
        ("python.whl", "python3 -m zipfile -c OUT tools large plain".to_owned()),
        ("nested.tar", format!("tar -czf in.tar.gz {list} && zip -q in.zip in.tar.gz && tar -cf OUT in.zip && rm in.*")),
        (
            "a.deb",
            "dpkg-deb --version && mkdir -p d/DEBIAN && cp -r tools large plain d && printf 'Package: a\\nVersion: 1\\n\
             Architecture: all\\nMaintainer: a <a@b.c>\\nDescription: a\\n' > d/DEBIAN/control && dpkg-deb -b d OUT && rm -r d"
                .to_owned(),
        ),
        ("deflate64.zip", format!("7z a -bd -tzip -mm=Deflate64 OUT {list}")),
        ("xz.zip", format!("7z a -bd -tzip -mm=xz OUT {list}")),
        ("lzma.zip", format!("7z a -bd -tzip -mm=LZMA OUT {list}")),
        ("bcj.7z", format!("7z a -bd -m0=BCJ -m1=LZMA2 OUT {list}")),
        ("ppmd.7z", format!("7z a -bd -m0=PPMd OUT {list}")),
        ("a.tar.lz", format!("lzip --version && tar -cf in.tar {list} && lzip -c in.tar > OUT && rm in.tar")),
        ("legacy.lz4", format!("lz4 --version && tar -cf in.tar {list} && lz4 -q -l in.tar OUT && rm in.tar")),
        // Behind a program, with a script before it, and an installer.
        ("sfx", format!("7z a -bd in.7z {list} && cat /bin/true in.7z > OUT && rm in.7z")),
        ("zipapp", format!("zip -qr in.zip {list} && printf '#!/bin/sh\\nexit\\n' | cat - in.zip > OUT && rm in.zip")),
        ("run.sh", format!("makeself --version && mkdir m && cp -r {list} m && makeself --quiet m OUT a true && rm -r m")),
        ("xz.run", format!("makeself --version && mkdir m && cp -r {list} m && makeself --quiet --xz m OUT a true && rm -r m")),
        // As `docker save` lays it out.
        ("image.tar", format!("tar -cf layer.tar {list} && tar -cf OUT layer.tar && rm layer.tar")),
    ];
    for (name, line) in lines {
        let ground = box_with_rule();
        let out = ground.tree().join(name);
        if !made(source.path(), &line.replace("OUT", out.to_str().unwrap())) {
            continue;
        }
        let (documents, code) = scan(&ground, &[]);
        // An archive that is not compressed matches as it is, too, and so does one in another.
        let outer: Vec<_> = ["in.zip", "layer.tar", "data.tar", "data.tar.xz", "data.tar.zst", "data.tar.gz"].to_vec();
        let found: Matches =
            reported(&documents).into_iter().filter(|found| !outer.contains(&found.1[0].as_str())).collect();
        assert_eq!(found, wanted, "{name}");
        assert_eq!(code, 1, "{name}");
        let gaps: Vec<_> = documents.iter().filter(|document| document["huntbook"]["gap"] == true).collect();
        assert!(gaps.is_empty(), "{name}: {gaps:?}");
        let document = documents.iter().find(|document| !members(document).is_empty()).unwrap();
        assert_eq!(document["file"]["path"], out.to_str().unwrap());
        // Without archives nothing but the file itself is matched.
        let (closed, _) = scan(&box_of(&out), &["--no-archives"]);
        assert!(reported(&closed).is_empty(), "{name}");
    }
}

/// A box of its own with this file.
fn box_of(file: &Path) -> TestBox {
    let ground = box_with_rule();
    std::fs::copy(file, ground.tree().join("copy")).unwrap();
    ground
}

#[test]
fn a_member_is_a_subject_of_its_own_from_the_scan_to_the_register() {
    let source = tempfile::tempdir().unwrap();
    plant(source.path());
    let ground = box_with_rule();
    let tar = ground.tree().join("a.tar.gz");
    if !made(source.path(), &format!("tar --owner=alice:1000 -czf {} tools plain", tar.to_str().unwrap())) {
        return;
    }
    let (documents, _) = scan(&ground, &[]);
    let finding = |documents: &[Value]| {
        let found = documents.iter().find(|document| document["rule"]["name"] == "member_text").cloned();
        found.unwrap()
    };
    let found = finding(&documents);
    assert_eq!(members(&found), ["tools/payload.py"]);
    assert_eq!(found["huntbook"]["archive_says"]["owner"], "alice");
    assert_eq!(found["huntbook"]["archive_says"]["format"], "tar");
    let payload = std::fs::read(source.path().join("tools/payload.py")).unwrap();
    let sha256 = huntbook::internals::finding::Sha256::of(&payload).to_string();
    assert_eq!((&found["file"]["hash"]["sha256"], &found["file"]["size"]), (&sha256.into(), &payload.len().into()));
    let rule = ground.home().join("member.yar");
    let print = |format: &str| {
        let tree = ground.tree();
        let arguments =
            ["scan", tree.to_str().unwrap(), "--no-builtin", "--rules", rule.to_str().unwrap(), "--format", format];
        String::from_utf8(ground.huntbook(&arguments).output().unwrap().stdout).unwrap()
    };
    assert!(print("text").contains("a.tar.gz ▸ tools/payload.py"), "{}", print("text"));
    assert!(print("text").contains("tar says: owner alice (1000)"));
    let csv = print("csv");
    assert!(csv.lines().next().unwrap().contains(",Member,"), "{csv}");
    assert!(csv.lines().any(|line| line.contains(tar.to_str().unwrap()) && line.contains("tools/payload.py")), "{csv}");
    let sarif: Value = serde_json::from_str(&print("sarif")).unwrap();
    let artifacts = sarif["runs"][0]["artifacts"].as_array().unwrap();
    let member = artifacts.iter().find(|artifact| artifact["location"]["uri"] == "/tools/payload.py").unwrap();
    let parent = usize::try_from(member["parentIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(artifacts[parent]["location"]["uri"], "a.tar.gz");
    // A broken or an encrypted one is in coverage, and so is what there is of it.
    let bytes = std::fs::read(&tar).unwrap();
    std::fs::write(&tar, &bytes[..bytes.len() / 2]).unwrap();
    let (documents, code) = scan(&ground, &[]);
    let missed = documents.iter().find(|document| document["huntbook"]["reason"] == "archive-unread");
    assert!(missed.is_some() && code != 0, "{documents:?}");
}

const LARGE_RULE: &str = r#"
import "math"
rule in_parts {
    strings: $a = "looked for in a member" $b = "second_of_them" fullword
    condition: filesize > 5MB and filesize < 6MB and uint32(0) == 0x2e2e2e2e and #a == 4 and $b
}
rule not_there { strings: $a = "looked for in a member" condition: $a and filesize < 5MB }
rule wants_it_whole { strings: $a = "looked for in a member" condition: $a and math.entropy(0, filesize) > 0 }
"#;

#[test]
fn a_member_larger_than_what_may_be_held_is_matched_in_parts() {
    let source = tempfile::tempdir().unwrap();
    let mut large = vec![b'.'; 5_500_000];
    // At the beginning, over the edge of a piece, and at the end.
    for offset in [4000, (2 << 20) - 7, 3_333_333, large.len() - 22] {
        large[offset..offset + 22].copy_from_slice(b"looked for in a member");
    }
    large[4_194_300..4_194_314].copy_from_slice(b"second_of_them");
    std::fs::write(source.path().join("large"), &large).unwrap();
    std::fs::write(source.path().join("small"), "looked for in a member").unwrap();
    let sha256 = huntbook::internals::finding::Sha256::of(&large).to_string();
    let mut wanted = Vec::new();
    let mut compiler = yara_x::Compiler::new();
    compiler.add_source(LARGE_RULE).unwrap();
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    for rule in scanner.scan(&large).unwrap().matching_rules().filter(|rule| rule.identifier() == "in_parts") {
        for pattern in rule.patterns() {
            wanted.extend(pattern.matches().map(|hit| (hit.range().start as u64, hit.range().len() as u64)));
        }
    }
    wanted.sort_unstable();
    assert_eq!(wanted.len(), 5);
    for (name, line) in [
        ("a.tar", "tar -cf OUT large small"),
        ("a.tar.gz", "tar -czf OUT large small"),
        ("large.gz", "gzip -c large > OUT"),
        ("a.zip", "zip -q OUT large small"),
        ("a.7z", "7z a -bd OUT large small"),
        // A container that is too large is gone through as well.
        ("nested.tar", "tar -cf in.tar large small && tar -cf OUT in.tar && rm in.tar"),
    ] {
        let ground = TestBox::new();
        std::fs::write(ground.home().join("member.yar"), LARGE_RULE).unwrap();
        let out = ground.tree().join(name);
        if !made(source.path(), &line.replace("OUT", out.to_str().unwrap())) {
            continue;
        }
        let (documents, _) = scan(&ground, &["--max-file-size", "1MiB"]);
        let of = |document: &&Value| members(document).last().is_some_and(|last| last == "large");
        let found: Vec<_> =
            documents.iter().filter(of).filter(|document| document["huntbook"]["kind"] == "finding").collect();
        let [found] = found.as_slice() else { panic!("{name}: {documents:?}") };
        assert_eq!(found["rule"]["name"], "in_parts");
        let hits = found["huntbook"]["matches"].as_array().unwrap().iter();
        let hits: Vec<_> = hits.map(|hit| (hit["offset"].as_u64().unwrap(), hit["length"].as_u64().unwrap())).collect();
        assert_eq!(hits, wanted, "{name}");
        assert_eq!(
            (&found["file"]["hash"]["sha256"], &found["file"]["size"]),
            (&sha256.as_str().into(), &large.len().into())
        );
        let data = found["huntbook"]["matches"][2]["data"].as_str().unwrap();
        assert_eq!(data, huntbook::internals::text::hex(b"looked for in a member"), "{name}");
        let whole = documents.iter().filter(of).find(|document| document["huntbook"]["reason"] == "scanned-in-part");
        let said = whole.unwrap_or_else(|| panic!("{name}: {documents:?}")).to_string();
        assert!(said.contains("1 rule wants the file whole; it has 5.2 MiB, the limit is 1.0 MiB"), "{said}");
        let summary = documents.iter().find(|document| document["huntbook"]["kind"] == "summary").unwrap();
        assert!(summary["huntbook"]["members"].as_u64().unwrap() >= 1, "{summary}");
        if name != "large.gz" {
            assert!(documents.iter().any(|document| members(document).last().is_some_and(|last| last == "small")));
        }
    }
}
