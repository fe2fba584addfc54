//! One ECS document a line (Elastic Common Schema 8), with Huntbook's own fields below `huntbook`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Reported, Summary};
use crate::case::NotScanned;
use crate::finding::{Digest, FileFacts, FileTime, PatternMatch};
use crate::hunt::Rule;
use crate::scan::{Unscanned, is_gap_kind};
use crate::text;

/// What every document carries.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Name of the box.
    pub host: String,
    /// When the scan began.
    pub at: Timestamp,
}

impl Frame {
    /// A finding, or a candidate.
    pub fn finding(&self, reported: Reported<'_>) -> Value {
        let Reported { rule, finding, judged, exclusion } = reported;
        let mut own = Map::new();
        own.insert("kind".into(), if judged.subject.candidate { "candidate" } else { "finding" }.into());
        own.insert("verdict".into(), judged.verdict.to_string().into());
        own.insert("matches".into(), finding.matches.iter().map(pattern_match).collect());
        own.insert("matches_capped".into(), finding.capped.into());
        own.insert("rule_digest".into(), judged.subject.digest.to_string().into());
        if let Some(why) = &judged.returned {
            own.insert("returned".into(), why.as_str().into());
        }
        if let Some(gone) = &judged.gone {
            own.insert("gone".into(), gone.to_string().into());
        }
        if let Some(exclusion) = exclusion {
            own.insert("exclusion".into(), serde_json::to_value(exclusion).unwrap_or_default());
        }
        let file = file(&finding.file, &mut own);
        let mut document = self.document("alert");
        document.insert("rule".into(), attribution(rule));
        document.insert("file".into(), file);
        document.insert("huntbook".into(), Value::Object(own));
        Value::Object(document)
    }

    /// One thing that was not scanned.
    pub fn coverage(&self, unscanned: &Unscanned) -> Value {
        let Unscanned { path, reason } = unscanned;
        let mut own = Map::new();
        own.insert("gap".into(), reason.is_gap().into());
        self.not_scanned(path, (reason.kind(), &reason.to_string()), own)
    }

    /// One thing that was not scanned, as a case remembers it.
    pub fn missed(&self, missed: &NotScanned) -> Value {
        let mut own = Map::new();
        own.insert("gap".into(), is_gap_kind(&missed.reason).into());
        self.not_scanned(&missed.path, (&missed.reason, &missed.detail), own)
    }

    fn not_scanned(&self, path: &Path, (reason, detail): (&str, &str), mut own: Map<String, Value>) -> Value {
        own.insert("kind".into(), "coverage".into());
        own.insert("reason".into(), reason.into());
        own.insert("detail".into(), detail.into());
        let mut file = Map::new();
        put_path(path, &mut file, &mut own);
        let mut document = self.document("state");
        document.insert("file".into(), Value::Object(file));
        document.insert("huntbook".into(), Value::Object(own));
        Value::Object(document)
    }

    /// The last line. What a case does not know is left out.
    pub fn summary(&self, summary: &Summary) -> Value {
        let Summary { tally, totals, complete, head, case } = summary;
        let mut document = self.document("metric");
        let mut own = json!({
            "kind": "summary",
            "findings": tally.findings(),
            "open": tally.open,
            "benign": tally.benign,
            "suspicious": tally.suspicious,
            "malicious": tally.malicious,
            "candidates": tally.candidates,
            "gone": tally.gone,
            "not_scanned": totals.not_scanned,
            "gaps": totals.gaps,
            "complete": complete,
            "case": case,
            "journal_head": head.map(|head| head.to_string()),
        });
        let known =
            [("files", totals.files), ("bytes", totals.bytes), ("folders", totals.folders), ("links", totals.links)];
        for (key, value) in known {
            if let Some(value) = value {
                own[key] = value.into();
            }
        }
        if let Some(elapsed) = totals.elapsed {
            own["seconds"] = elapsed.as_secs_f64().into();
        }
        document.insert("huntbook".into(), own);
        Value::Object(document)
    }

    fn document(&self, kind: &str) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("@timestamp".into(), self.at.to_string().into());
        document.insert("ecs".into(), json!({"version": "8.17.0"}));
        document.insert("event".into(), json!({"kind": kind, "module": "huntbook", "category": ["file"]}));
        document.insert("host".into(), json!({"name": self.host}));
        document
    }
}

/// The rule with author, reference and licence, as ECS names them.
pub fn attribution(rule: &Rule) -> Value {
    let mut map = Map::new();
    for (key, value) in [
        ("name", Some(&*rule.id.name)),
        ("ruleset", Some(&*rule.id.namespace)),
        ("description", rule.description()),
        ("author", rule.author()),
        ("reference", rule.reference()),
        ("license", rule.license()),
        ("version", rule.date()),
    ] {
        if let Some(value) = value {
            map.insert(key.into(), value.into());
        }
    }
    Value::Object(map)
}

/// The file's facts as ECS names them; what is Huntbook's own goes to `own`.
pub fn file(facts: &FileFacts, own: &mut Map<String, Value>) -> Value {
    let mut file = Map::new();
    put_path(&facts.path, &mut file, own);
    match facts.digest {
        Digest::Whole(sha256) => file.insert("hash".into(), json!({"sha256": sha256})),
        Digest::DataOnly(value) => own.insert("data_digest".into(), json!(value)),
    };
    file.insert("size".into(), facts.size.into());
    file.insert("uid".into(), facts.uid.to_string().into());
    file.insert("gid".into(), facts.gid.to_string().into());
    for (key, value) in [("owner", &facts.owner), ("group", &facts.group)] {
        if let Some(value) = value {
            file.insert(key.into(), value.as_str().into());
        }
    }
    file.insert("mode".into(), format!("{:04o}", facts.mode & 0o7777).into());
    file.insert("inode".into(), facts.ino.to_string().into());
    for (key, time) in [
        ("mtime", Some(facts.modified)),
        ("ctime", Some(facts.changed)),
        ("accessed", Some(facts.accessed)),
        ("created", facts.born),
    ] {
        if let Some(time) = time.and_then(FileTime::timestamp) {
            file.insert(key.into(), time.to_string().into());
        }
    }
    Value::Object(file)
}

/// The path as text; when that is not all of it, the exact bytes go to `huntbook.path_hex`.
fn put_path(path: &Path, file: &mut Map<String, Value>, own: &mut Map<String, Value>) {
    let shown = |part: &OsStr| part.to_str().map_or_else(|| text::escape(part.as_bytes()).into_owned(), str::to_owned);
    file.insert("path".into(), shown(path.as_os_str()).into());
    if let Some(name) = path.file_name() {
        file.insert("name".into(), shown(name).into());
    }
    if let Some(folder) = path.parent() {
        file.insert("directory".into(), shown(folder.as_os_str()).into());
    }
    if path.to_str().is_none() {
        own.insert("path_hex".into(), text::hex(path.as_os_str().as_bytes()).into());
    }
}

/// One match: pattern, offset and length in bytes, data in hex.
pub fn pattern_match(found: &PatternMatch) -> Value {
    json!({
        "pattern": &*found.pattern,
        "offset": found.offset,
        "length": found.length,
        "data": text::hex(&found.data),
    })
}
