//! Whether a scan finds what yara-x finds with every rule on every file.
//!
//! `cargo bench --bench planted -- RULES [FILES]` plants a tree from the strings of the rules themselves: all strings of a rule
//! in one file, plain, wide or in the other case, under different first bytes, every few files across an edge of the chunks that
//! files are read in. It scans the tree, has plain yara-x scan every file with all rules, and compares the sets of (file, rule,
//! pattern, offset, length). Rule files that ask for external variables are left out: yara-x alone does not know them.

#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use huntbook::internals::finding::FoundBy;
use huntbook::internals::scan::{RuleSource, Ruleset, Scan, ScanEvent, ScanOptions, Tree};
use yara_x_parser::ast::{AST, HexToken, Pattern};

type Failure = Box<dyn Error>;
/// File, namespace, rule, pattern, offset and length.
type Match = (String, String, String, String, u64, u64);

/// Bytes that a scan reads at once.
const CHUNK: usize = 256 * 1024;
const FILES: usize = 6000;
const HEADERS: [&[u8]; 4] = [b"MZ\x90\0\x03\0\0\0", b"\x7fELF\x02\x01\x01\0", b"<?php ", b"text\n"];

fn rule_files(path: &Path, all: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        all.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let is_rules = entry.extension().is_some_and(|extension| extension == "yar" || extension == "yara");
        if entry.is_dir() || is_rules {
            rule_files(&entry, all)?;
        }
    }
    Ok(())
}

/// The rules that yara-x compiles, file by file.
fn sources(path: &Path) -> Result<Vec<RuleSource>, Failure> {
    let mut files = Vec::new();
    rule_files(path, &mut files)?;
    let mut sources = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let mut compiler = yara_x::Compiler::new();
        if compiler.add_source(text.as_str()).is_ok() {
            let name = file.display().to_string();
            sources.push(RuleSource { namespace: name.clone(), origin: name, text: text.into(), warnings: None });
        }
    }
    Ok(sources)
}

/// Bytes that the pattern is likely to match, in the form that `turn` asks for.
fn sample(pattern: &Pattern, turn: usize) -> Vec<u8> {
    let modifiers = pattern.modifiers();
    let mut bytes = match pattern {
        Pattern::Text(text) => text.text.value.to_vec(),
        Pattern::Hex(hex) => {
            let mut bytes = Vec::new();
            for token in hex.sub_patterns.iter() {
                match token {
                    HexToken::Byte(byte) => bytes.push(byte.value),
                    HexToken::NotByte(byte) => bytes.push(!byte.value),
                    HexToken::Jump(jump) => bytes.extend(vec![b'A'; jump.start.unwrap_or(0) as usize]),
                    HexToken::Alternative(alternative) => {
                        let first = alternative.alternatives.first();
                        bytes.extend(first.into_iter().flat_map(|first| {
                            first.iter().filter_map(|token| {
                                if let HexToken::Byte(byte) = token { Some(byte.value) } else { None }
                            })
                        }));
                    }
                }
            }
            bytes
        }
        Pattern::Regexp(regexp) => regexp.regexp.src.replace('\\', "").into_bytes(),
    };
    if modifiers.nocase().is_some() && turn % 2 == 1 {
        bytes = bytes
            .iter()
            .map(|b| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() })
            .collect();
    }
    if modifiers.wide().is_some() && (turn % 3 == 1 || modifiers.ascii().is_none()) {
        bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
    }
    bytes
}

/// Plants a file for each rule; returns how many.
fn plant(sources: &[RuleSource], tree: &Path, most: usize) -> Result<usize, Failure> {
    let mut turn = 0;
    for source in sources {
        for rule in AST::from(&*source.text).rules() {
            if turn == most {
                return Ok(turn);
            }
            let mut bytes = HEADERS[turn % HEADERS.len()].to_vec();
            if turn % 7 == 3 {
                bytes.resize(CHUNK - 4, b'.');
            }
            for pattern in rule.patterns.iter().flatten() {
                bytes.extend(sample(pattern, turn));
                bytes.extend(b"\n ");
            }
            std::fs::write(tree.join(format!("{turn:05}")), &bytes)?;
            turn += 1;
        }
    }
    Ok(turn)
}

fn scanned(sources: &[RuleSource], tree: &Path) -> Result<BTreeSet<Match>, Failure> {
    let rules = Arc::new(Ruleset::compile(sources, &[])?);
    let scan = Scan::start(Tree::open(tree)?, rules, ScanOptions::default())?;
    let mut found = BTreeSet::new();
    loop {
        match scan.events.recv()? {
            ScanEvent::Finding(finding) => {
                let FoundBy::Rule(rule) = &finding.found_by else { continue };
                let name = finding.file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let (namespace, rule) = (rule.namespace.to_string(), rule.name.to_string());
                found.insert((name.clone(), namespace.clone(), rule.clone(), String::new(), 0, 0));
                found.extend(finding.matches.iter().map(|one| {
                    (name.clone(), namespace.clone(), rule.clone(), one.pattern.to_string(), one.offset, one.length)
                }));
            }
            ScanEvent::Unscanned(unscanned) => println!("not scanned: {unscanned:?}"),
            ScanEvent::Finished { .. } => break,
        }
    }
    scan.join();
    Ok(found)
}

fn by_yara(sources: &[RuleSource], tree: &Path) -> Result<BTreeSet<Match>, Failure> {
    let mut compiler = yara_x::Compiler::new();
    for source in sources {
        compiler.new_namespace(&source.namespace);
        compiler.add_source(&*source.text)?;
    }
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(tree)?.filter_map(Result::ok) {
        let bytes = std::fs::read(entry.path())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        for rule in scanner.scan(&bytes)?.matching_rules() {
            let (namespace, identifier) = (rule.namespace().to_owned(), rule.identifier().to_owned());
            all.insert((name.clone(), namespace.clone(), identifier.clone(), String::new(), 0, 0));
            for pattern in rule.patterns() {
                all.extend(pattern.matches().map(|found| {
                    let (start, length) = (found.range().start as u64, found.range().len() as u64);
                    let pattern = pattern.identifier().to_owned();
                    (name.clone(), namespace.clone(), identifier.clone(), pattern, start, length)
                }));
            }
        }
    }
    Ok(all)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [rules, rest @ ..] = arguments.as_slice() else {
        println!("planted: no rules are named, so there is nothing to plant");
        return Ok(());
    };
    let most = rest.first().map_or(Ok(FILES), |most| most.parse())?;
    let sources = sources(Path::new(rules))?;
    let dir = tempfile::tempdir()?;
    let files = plant(&sources, dir.path(), most)?;
    let begin = Instant::now();
    let ours = scanned(&sources, dir.path())?;
    let (taken, begin) = (begin.elapsed(), Instant::now());
    let theirs = by_yara(&sources, dir.path())?;
    println!(
        "{files} files, {} files of rules: scan {} matches in {:.1} s, yara-x {} in {:.1} s (compiling in both)",
        sources.len(),
        ours.len(),
        taken.as_secs_f64(),
        theirs.len(),
        begin.elapsed().as_secs_f64()
    );
    let mut by_rule: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (what, one, other) in [("lost", &theirs, &ours), ("too much", &ours, &theirs)] {
        for found in one.difference(other) {
            *by_rule.entry((what, &found.2)).or_default() += 1;
        }
    }
    for ((what, rule), count) in &by_rule {
        println!("{what}: {count} of {rule}");
    }
    if by_rule.is_empty() { Ok(()) } else { Err("the two differ".into()) }
}
