//! SARIF 2.1.0 (OASIS). A finding is a result; the exclusion that covers it is its one suppression.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Reported;
use crate::finding::PatternMatch;
use crate::hunt::Rule;
use crate::session::Excluded;
use crate::text;
use crate::triage::Verdict;
use crate::triage::exclusion::Exclusion;

/// Matches listed with a result; the rest is counted.
const MATCHES: usize = 100;

/// A document under construction.
#[derive(Debug, Default)]
pub struct Log {
    rules: Vec<Value>,
    rule_index: HashMap<String, usize>,
    artifacts: Vec<Value>,
    artifact_index: HashMap<String, usize>,
    results: Vec<Value>,
}

impl Log {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding or candidate.
    pub fn finding(&mut self, reported: Reported<'_>) {
        let Reported { rule, finding, judged, exclusion } = reported;
        let index = self.rule(rule);
        let file = &finding.file;
        let artifact = self.artifact(&file.path, &file.sha256.to_string(), Some(file.size));
        let locations: Vec<_> =
            finding.matches.iter().take(MATCHES).map(|found| location(&file.path, artifact, Some(found))).collect();
        let locations = if locations.is_empty() { vec![location(&file.path, artifact, None)] } else { locations };
        let level = match judged.verdict {
            Verdict::Benign => "none",
            Verdict::Open if judged.subject.candidate => "note",
            Verdict::Open => "warning",
            Verdict::Suspicious | Verdict::Malicious => "error",
        };
        let name = text::escape_str(&rule.id.name).into_owned();
        let what = if judged.subject.candidate { "is a candidate of" } else { "matches" };
        self.results.push(json!({
            "ruleId": name,
            "ruleIndex": index,
            "level": level,
            "kind": "fail",
            "message": {"text": format!("{} {what} {name}: {}", text::escape_path(&file.path), judged.verdict)},
            "locations": locations.get(..1).unwrap_or_default(),
            "relatedLocations": locations.get(1..).unwrap_or_default(),
            "partialFingerprints": {"huntbook/v1": format!("{}:{}", judged.subject.digest, file.sha256)},
            "suppressions": exclusion.map(suppression).into_iter().collect::<Vec<_>>(),
            "properties": {
                "huntbook.verdict": judged.verdict.to_string(),
                "huntbook.matches": finding.matches.len(),
                "huntbook.returned": judged.returned,
            },
        }));
    }

    /// Adds an exclusion of the register: the file it was made for, suppressed.
    pub fn exclusion(&mut self, exclusion: &Exclusion, rule: Option<&Rule>) {
        let name = text::escape_str(&exclusion.rule).into_owned();
        let index = match rule {
            Some(rule) => self.rule(rule),
            None => self.rule_value(&name, || json!({"id": name})),
        };
        let artifact = self.artifact(&exclusion.seen.path, &exclusion.seen.sha256.to_string(), None);
        let mut suppressed = suppression(&Excluded::from(exclusion));
        if exclusion.revoked.is_some() {
            suppressed["status"] = "rejected".into();
        }
        self.results.push(json!({
            "ruleId": name,
            "ruleIndex": index,
            "level": "none",
            "kind": "fail",
            "message": {"text": format!("{name}: {}", exclusion.scope)},
            "locations": [location(&exclusion.seen.path, artifact, None)],
            "partialFingerprints": {"huntbook/v1": format!("{}:{}", exclusion.rule_digest, exclusion.seen.sha256)},
            "suppressions": [suppressed],
        }));
    }

    /// The document.
    pub fn finish(self) -> Value {
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "Huntbook",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules,
                }},
                "artifacts": self.artifacts,
                "results": self.results,
                "columnKind": "unicodeCodePoints",
            }],
        })
    }

    fn rule(&mut self, rule: &Rule) -> usize {
        let name = text::escape_str(&rule.id.name).into_owned();
        self.rule_value(&name, || {
            let mut properties = Map::new();
            for (key, value) in [
                ("author", rule.author()),
                ("reference", rule.reference()),
                ("date", rule.date()),
                ("license", rule.license()),
            ] {
                properties.insert(key.to_owned(), value.into());
            }
            json!({
                "id": name,
                "shortDescription": {"text": rule.description().unwrap_or(&name)},
                "properties": properties,
            })
        })
    }

    fn rule_value(&mut self, name: &str, value: impl FnOnce() -> Value) -> usize {
        if let Some(index) = self.rule_index.get(name) {
            return *index;
        }
        let index = self.rules.len();
        self.rules.push(value());
        self.rule_index.insert(name.to_owned(), index);
        index
    }

    fn artifact(&mut self, path: &Path, sha256: &str, size: Option<u64>) -> usize {
        let uri = uri(path);
        let key = format!("{uri} {sha256}");
        if let Some(index) = self.artifact_index.get(&key) {
            return *index;
        }
        let index = self.artifacts.len();
        let mut artifact = json!({"location": {"uri": uri}, "hashes": {"sha-256": sha256}});
        if let Some(size) = size {
            artifact["length"] = size.into();
        }
        self.artifacts.push(artifact);
        self.artifact_index.insert(key, index);
        index
    }
}

fn location(path: &Path, artifact: usize, found: Option<&PatternMatch>) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(path), "index": artifact}});
    let mut location = Map::new();
    if let Some(found) = found {
        physical["region"] = json!({"byteOffset": found.offset, "byteLength": found.length});
        location.insert("message".into(), json!({"text": text::escape_str(&found.pattern)}));
    }
    location.insert("physicalLocation".into(), physical);
    Value::Object(location)
}

fn suppression(excluded: &Excluded) -> Value {
    json!({
        "kind": "external",
        "status": "accepted",
        "guid": excluded.id,
        "justification": format!("{} ({}) by {}, until {}", excluded.reason, excluded.verdict, excluded.by, excluded.expires),
    })
}

/// A `file` URI (RFC 8089): every byte that is not unreserved is percent-encoded, so a path that is not UTF-8 is exact.
fn uri(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("file://");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(*byte)),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn uris_are_exact_and_plain() {
        assert_eq!(uri(Path::new("/opt/a b\"<\u{1b}")), "file:///opt/a%20b%22%3C%1B");
        assert_eq!(uri(Path::new(OsStr::from_bytes(b"/caf\xe9"))), "file:///caf%E9");
    }
}
