//! Conditions of a hunt for a file: which bytes count, and what is known without them.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::elf::{Bytes, Prefix};
use crate::explain::{Explained, PatternPlaces, ScannedFile, explain};
use crate::finding::{FileFacts, Finding, FoundBy, KeptBytes, PatternMatch, Sha256};
use crate::hunt::Hunt;

const PATTERNS: &str = "$a = \"alpha\" $b = \"beta\"";
const CONTENT: &[u8] = b"alpha, later beta";

fn hunt() -> Hunt {
    Hunt {
        rule: rule(PATTERNS, "$a and filesize < 50 and uint8(0) == 0x61 and filetype == \"UNKNOWN\" or $b at 0"),
        also_in: Vec::new(),
        hypothesis: String::new(),
        candidate: Some("filesize < 20 and uint8(1) == 0x6c // why".to_owned()),
        threat: crate::hunt::Threat::default(),
        scenarios: Vec::new().into(),
    }
}

fn facts() -> FileFacts {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, CONTENT).unwrap();
    FileFacts { path: PathBuf::from("/opt/file"), ..crate::evidence::testing::facts(&path) }
}

/// As a scan would have it that did not search for `$b`.
fn finding(hunt: &Hunt) -> Finding {
    let found = PatternMatch { pattern: "$a".into(), offset: 0, length: 5, data: b"alpha".to_vec() };
    Finding {
        found_by: FoundBy::Rule(hunt.rule.id.clone()),
        file: Arc::new(facts()),
        matches: vec![found],
        capped: false,
        kept: Arc::new(KeptBytes::default()),
    }
}

fn explained(bytes: &dyn Bytes) -> (Explained, Vec<String>) {
    let hunt = hunt();
    let finding = finding(&hunt);
    let explained = explain(
        &hunt,
        ScannedFile {
            file: &finding.file,
            bytes,
            finding: Some(&finding),
            options: &crate::hunt::RuleOptions::default(),
        },
    );
    let line = |(_, part): (usize, &ConditionPart)| format!("{} `{}`", part.value, part.text);
    let lines = explained.rule.rows().into_iter().skip(1).map(line).collect();
    (explained, lines)
}

#[test]
fn the_scanned_bytes_explain_everything() {
    let (explained, lines) = explained(&CONTENT);
    assert_eq!(lines.len(), 6);
    assert!(lines.iter().all(|line| line.starts_with("true") || line == "false `$b at 0`"), "{lines:?}");
    let words: Vec<String> = explained.patterns.iter().map(PatternPlaces::words).collect();
    assert_eq!(words, ["is at 0x0", "is at 0xd"]);
    let candidate = explained.candidate.unwrap();
    assert_eq!((candidate.value, candidate.parts.len()), (PartValue::True, 2));
}

#[test]
fn other_bytes_explain_nothing_that_they_would_be_read_for() {
    assert_eq!(facts().digest, Sha256::of(CONTENT).into());
    for other in [&b"alpha, later bets"[..], b"alpha", b""] {
        let (explained, lines) = explained(&other);
        assert_eq!(
            lines,
            [
                "true `$a and filesize < 50 and uint8(0) == 0x61 and filetype == \"UNKNOWN\"`",
                "true `$a`",
                "true `filesize < 50`",
                "not explained `uint8(0) == 0x61`",
                "not explained `filetype == \"UNKNOWN\"`",
                "not explained `$b at 0`",
            ]
            .map(|line| line.replace("true `$a and", "not explained `$a and"))
        );
        assert_eq!(explained.rule.value, PartValue::True);
        assert!(explained.rule.because.starts_with("says yara-x; a part is not explained"));
        assert_eq!(explained.candidate.unwrap().value, PartValue::Unknown);
    }
}

#[test]
fn of_a_part_of_the_bytes_that_part_is_known() {
    let (explained, lines) = explained(&Prefix::new(&CONTENT[..4], CONTENT.len() as u64));
    assert!(lines.contains(&"true `uint8(0) == 0x61`".to_owned()), "{lines:?}");
    assert!(lines.contains(&"not explained `filetype == \"UNKNOWN\"`".to_owned()), "{lines:?}");
    assert_eq!(explained.candidate.unwrap().value, PartValue::True);
    let words: Vec<String> = explained.patterns.iter().map(PatternPlaces::words).collect();
    assert_eq!(words, ["is at 0x0", "cannot be told: not all bytes are at hand"]);
}

#[test]
fn a_candidate_is_what_the_scan_says() {
    let (hunt, facts) = (Hunt { candidate: Some("filesize > 1000".to_owned()), ..hunt() }, facts());
    let explained = explain(
        &hunt,
        ScannedFile { file: &facts, bytes: &CONTENT, finding: None, options: &crate::hunt::RuleOptions::default() },
    );
    assert_eq!(explained.rule.value, PartValue::False);
    let candidate = explained.candidate.unwrap();
    assert_eq!(candidate.value, PartValue::True);
    assert!(candidate.because.starts_with("says yara-x; not explained"));
}
