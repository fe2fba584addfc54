//! One ECS document a line (Elastic Common Schema 8.17, <https://www.elastic.co/guide/en/ecs/8.17/>), with Huntbook's own
//! fields below `huntbook`. A field has one type in every document; what is not known is absent, never empty.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::origin::Origin;
use super::{Reported, Summary, missed_word};
use crate::case::NotScanned;
use crate::finding::{Digest, FileFacts, FileTime, PatternMatch, StatedFacts};
use crate::hunt::{Rule, Threat};
use crate::scan::is_gap_kind;
use crate::session::ScenarioStatus;
use crate::text::{self, subject};
use crate::version;

/// Matches listed of one finding; the rest is counted. A match is at most some 700 bytes of JSON.
const MATCHES: usize = 1000;

/// The facts of a box that ECS has a field for; others go below `huntbook`.
const HOST_FIELDS: [&str; 15] = [
    "host.architecture",
    "host.boot.id",
    "host.domain",
    "host.hostname",
    "host.id",
    "host.ip",
    "host.name",
    "host.os.family",
    "host.os.full",
    "host.os.kernel",
    "host.os.name",
    "host.os.platform",
    "host.os.type",
    "host.os.version",
    "host.uptime",
];

impl Origin {
    /// A finding, or a candidate.
    pub fn finding(&self, reported: Reported<'_>) -> Value {
        let written = reported.written();
        let Reported { rule, hunt, finding, judged, exclusion, scenarios, .. } = reported;
        let kind = if judged.subject.candidate { "candidate" } else { "finding" };
        let mut own = Map::new();
        own.insert("kind".into(), kind.into());
        own.insert("verdict".into(), judged.verdict.to_string().into());
        own.insert("matches".into(), finding.matches.iter().take(MATCHES).map(pattern_match).collect());
        own.insert("matches_count".into(), finding.matches.len().into());
        own.insert("matches_left_out".into(), finding.matches.len().saturating_sub(MATCHES).into());
        own.insert("matches_capped".into(), finding.capped.into());
        own.insert("rule_digest".into(), judged.subject.digest.to_string().into());
        let path = &finding.file.path;
        let fingerprint = self.fingerprint(&judged.subject.digest, &finding.file.digest, path);
        own.insert("fingerprint".into(), fingerprint.to_string().into());
        if let Some(why) = &judged.returned {
            own.insert("returned".into(), why.as_str().into());
        }
        if let Some(gone) = &judged.gone {
            let not_met = json!({
                "why": gone.reason(),
                "detail": gone.to_string(),
                "last_scan": gone.last.0,
                "last_met": gone.at.to_string(),
            });
            own.insert("not_met".into(), not_met);
        }
        if let Some(exclusion) = exclusion {
            own.insert("exclusion".into(), exclusion.words());
        }
        if !written.tags.is_empty() {
            own.insert("tags".into(), json!(written.tags));
        }
        if !written.notes.is_empty() {
            own.insert("notes".into(), json!(written.notes));
        }
        if judged.against_the_box {
            own.insert("against_the_box".into(), true.into());
        }
        if !scenarios.is_empty() {
            own.insert("scenarios".into(), scenarios.iter().map(scenario).collect());
        }
        let file = file(&finding.file, self, &mut own);
        let name = text::escape_str(&rule.id.name);
        let shown = text::escape_path(path).into_owned();
        let what = if judged.subject.candidate { "is a candidate of" } else { "matches" };
        let message = format!("{shown} {what} {name}: {}", judged.verdict);
        let id = format!("finding {}", judged.id);
        let mut document = self.document(("alert", kind, &id), &message);
        if let Some(score) = rule.score() {
            own.insert("score".into(), score.into());
            document["event"]["risk_score"] = score.into();
        }
        document.insert("tags".into(), json!(rule.tags));
        document.insert("rule".into(), attribution(rule));
        document.insert("file".into(), file);
        if let Some(threat) = threat(&hunt.threat) {
            document.insert("threat".into(), threat);
        }
        self.finish(document, own)
    }

    /// One thing that was not scanned.
    pub fn missed(&self, missed: &NotScanned) -> Value {
        let NotScanned { path, reason, detail } = missed;
        let mut own = Map::new();
        own.insert("kind".into(), "coverage".into());
        own.insert("gap".into(), is_gap_kind(reason).into());
        own.insert("reason".into(), reason.as_str().into());
        own.insert("detail".into(), detail.as_str().into());
        let mut file = Map::new();
        put_path(path, self, &mut file, &mut own);
        let shown = text::escape_path(path);
        let id = missed_id(missed);
        let message = format!("{} {shown}: {}", missed_word(reason), text::escape_str(detail));
        let mut document = self.document(("state", "coverage", &id), &message);
        document.insert("file".into(), Value::Object(file));
        self.finish(document, own)
    }

    /// The last line. What a case does not know is left out.
    pub fn summary(&self, summary: &Summary) -> Value {
        let Summary { tally, totals, head, evidence, unsaved } = summary;
        let mut own = Map::new();
        own.insert("kind".into(), "summary".into());
        for (key, count) in [
            ("findings", Some(tally.findings())),
            ("open", Some(tally.open)),
            ("benign", Some(tally.benign)),
            ("suspicious", Some(tally.suspicious)),
            ("malicious", Some(tally.malicious)),
            ("candidates", Some(tally.candidates)),
            ("gone", Some(tally.gone)),
            ("not_scanned", Some(totals.not_scanned)),
            ("gaps", Some(totals.gaps)),
            ("unused_rules", Some(totals.unused_rules)),
            ("files", totals.files),
            ("bytes", totals.bytes),
            ("folders", totals.folders),
            ("links", totals.links),
            ("members", totals.members),
            ("process_parts", totals.processes),
        ] {
            if let Some(count) = count {
                own.insert(key.into(), count.into());
            }
        }
        own.insert("complete".into(), self.is_complete().into());
        let whole = self.is_complete() && totals.gaps == 0;
        own.insert("result".into(), if whole { "done" } else { "partial" }.into());
        let said = |key: &str| Some((key.to_owned(), self.scan.options.get(key)?.clone()));
        let program: Map<_, _> = version::NAMES.into_iter().filter_map(said).collect();
        own.insert("program".into(), program.into());
        if let Some(end) = evidence {
            own.insert("evidence_asked".into(), end.asked.into());
            own.insert("evidence_gathered".into(), end.gathered.into());
            if let Some(why) = &end.cut {
                own.insert("evidence_cut".into(), why.as_str().into());
            }
        }
        own.insert("case".into(), self.case.as_str().into());
        if let Some(why) = unsaved {
            own.insert("case_unsaved".into(), text::escape_str(why).into());
        }
        own.insert("journal_head".into(), head.to_string().into());
        own.insert("tree".into(), text::escape_path(&self.scan.tree).into());
        let mut event = json!({
            "start": self.scan.started.to_string(),
            "outcome": if self.is_complete() { "success" } else { "failure" },
        });
        if let Some((ended, _)) = &self.scan.ended {
            event["end"] = ended.to_string().into();
        }
        if let Some(elapsed) = totals.elapsed {
            own.insert("seconds".into(), elapsed.as_secs_f64().into());
            event["duration"] = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).into();
        }
        let message = format!("{}, {}", tally.words(), totals.missed());
        let mut document = self.document(("metric", "summary", "summary"), &message);
        if let (Some(Value::Object(all)), Value::Object(more)) = (document.get_mut("event"), event) {
            all.extend(more);
        }
        self.finish(document, own)
    }

    /// What every document carries: `kind` for ECS, `what` it is in Huntbook's words, and `id`, its name in the scan.
    fn document(&self, (kind, what, id): (&str, &str, &str), message: &str) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("@timestamp".into(), self.scan.started.to_string().into());
        document.insert("ecs".into(), json!({"version": "8.17.0"}));
        document.insert("message".into(), message.into());
        document.insert(
            "agent".into(),
            json!({"type": "huntbook", "version": version::VERSION, "build": {"original": version::line()}}),
        );
        document.insert(
            "event".into(),
            json!({
                "id": self.event_id(id),
                "kind": kind,
                "category": ["file"],
                "type": [if what == "summary" { "end" } else { "info" }],
                "action": what,
                "module": "huntbook",
                "dataset": format!("huntbook.{what}"),
            }),
        );
        document.insert("host".into(), Value::Object(self.host_fields(true)));
        if let Some(began) = &self.began {
            let mut user = json!({"name": began.actor.name, "id": began.actor.uid.to_string()});
            if let Some(person) = &began.actor.behind {
                // The person, and the account that the person acts as (ECS 8.17, reuse of `user` at `user.effective`).
                user = json!({"name": person, "effective": user});
            }
            document.insert("user".into(), user);
        }
        document
    }

    /// The facts of the box that ECS has fields for, or the others, as nested objects below `host`.
    fn host_fields(&self, known: bool) -> Map<String, Value> {
        let mut host = Map::new();
        if known {
            host.insert("name".into(), self.host_name().into());
        }
        for (name, value) in &self.host {
            let Some(below) = name.strip_prefix("host.") else { continue };
            if value.is_empty() || HOST_FIELDS.contains(&name.as_str()) != known {
                continue;
            }
            let mut at = &mut host;
            let (path, last) = below.rsplit_once('.').unwrap_or(("", below));
            for part in path.split('.').filter(|part| !part.is_empty()) {
                let next = at.entry(part).or_insert_with(|| json!({}));
                if !next.is_object() {
                    *next = json!({});
                }
                let Some(object) = next.as_object_mut() else { return host };
                at = object;
            }
            // ECS has addresses as a list and seconds as a number.
            let value = match name.as_str() {
                "host.ip" => value.split(", ").collect(),
                "host.uptime" => value.parse::<u64>().map_or(Value::Null, Value::from),
                _ => value.as_str().into(),
            };
            if !value.is_null() {
                at.insert(last.into(), value);
            }
        }
        host
    }

    fn finish(&self, mut document: Map<String, Value>, mut own: Map<String, Value>) -> Value {
        own.insert("case_id".into(), self.case_id.as_str().into());
        own.insert("scan".into(), self.scan.id.0.into());
        let more = self.host_fields(false);
        if !more.is_empty() {
            own.insert("host".into(), Value::Object(more));
        }
        document.insert("huntbook".into(), Value::Object(own));
        Value::Object(document)
    }
}

/// A scenario: what the box said, with its checks, and what the responder answered.
fn scenario(status: &ScenarioStatus) -> Value {
    let mut said = serde_json::to_value(&status.box_said).unwrap_or_default();
    let mut put = |key: &str, value: Value| {
        if let Some(map) = said.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
    };
    if !status.title.is_empty() {
        put("title", status.title.as_str().into());
    }
    if let Some(given) = &status.answer {
        put("answer", given.answer.word().into());
        put("answered_by", given.by.to_string().into());
        put("answered_at", given.at.to_string().into());
        if let Some(note) = &given.note {
            put("note", note.as_str().into());
        }
    }
    said
}

/// What names something that was not scanned among all of its scan.
pub(super) fn missed_id(missed: &NotScanned) -> String {
    format!("not scanned {} {}", missed.reason, text::hex(missed.path.as_os_str().as_bytes()))
}

/// ATT&CK tactics and techniques, as ECS names them.
fn threat(threat: &Threat) -> Option<Value> {
    let tactics = threat.named_tactics();
    if tactics.is_empty() && threat.techniques.is_empty() {
        return None;
    }
    let mut said = json!({"framework": "MITRE ATT&CK"});
    if !tactics.is_empty() {
        let ids: Vec<_> = tactics.iter().map(|tactic| tactic.id).collect();
        let names: Vec<_> = tactics.iter().map(|tactic| tactic.name).collect();
        said["tactic"] = json!({"id": ids, "name": names});
    }
    let of = |sub: bool| -> Vec<_> { threat.techniques.iter().filter(|id| id.contains('.') == sub).collect() };
    let mut techniques: Vec<_> = of(false).into_iter().map(String::as_str).collect();
    techniques.extend(of(true).into_iter().filter_map(|id| id.split('.').next()));
    techniques.dedup();
    if !techniques.is_empty() {
        said["technique"] = json!({"id": techniques});
    }
    if !of(true).is_empty() {
        said["technique"]["subtechnique"] = json!({"id": of(true)});
    }
    Some(said)
}

/// The rule with author, reference and licence, as ECS names them.
pub(crate) fn attribution(rule: &Rule) -> Value {
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
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // ECS has authors as a list.
            map.insert(key.into(), if key == "author" { json!([value]) } else { value.into() });
        }
    }
    Value::Object(map)
}

/// How a path is named elsewhere than on this machine.
pub(crate) trait Naming {
    /// `path` as the box itself would name it; `None` when it is named so already.
    fn elsewhere(&self, path: &Path) -> Option<std::path::PathBuf>;
}

impl Naming for Origin {
    fn elsewhere(&self, path: &Path) -> Option<std::path::PathBuf> {
        self.is_mounted().then(|| self.on_box(path))
    }
}

/// The root of a mounted box.
impl Naming for Path {
    fn elsewhere(&self, path: &Path) -> Option<std::path::PathBuf> {
        if self == Path::new("/") {
            return None;
        }
        path.strip_prefix(self).ok().map(|inside| Path::new("/").join(inside))
    }
}

/// The file's facts as ECS names them, the path as on the box; what is Huntbook's own goes to `own`.
pub(crate) fn file(facts: &FileFacts, naming: &(impl Naming + ?Sized), own: &mut Map<String, Value>) -> Value {
    let mut file = Map::new();
    put_path(&facts.path, naming, &mut file, own);
    if let Some(said) = &facts.stated {
        put_said(said, own);
    }
    file.insert("type".into(), "file".into());
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

/// What somebody else than the file system says of the subject, and of a process what ECS has a field for.
fn put_said(said: &StatedFacts, own: &mut Map<String, Value>) {
    match said {
        StatedFacts::Archive(member) => {
            let mut says = Map::new();
            let text = |value: &Option<String>| value.as_deref().map(Value::from);
            for (key, value) in [
                ("format", Some(member.format.as_str().into())),
                ("mode", member.mode.map(|mode| format!("{:04o}", mode & 0o7777).into())),
                ("uid", member.uid.map(|uid| uid.to_string().into())),
                ("gid", member.gid.map(|gid| gid.to_string().into())),
                ("owner", text(&member.owner)),
                ("group", text(&member.group)),
                ("mtime", member.utc_time().and_then(FileTime::timestamp).map(|time| time.to_string().into())),
                ("mtime_local", member.local_time().map(Value::from)),
                ("oddity", text(&member.oddity)),
            ] {
                if let Some(value) = value {
                    says.insert(key.into(), value);
                }
            }
            own.insert("archive_says".into(), Value::Object(says));
        }
        StatedFacts::Kernel(process) => {
            let mut says = json!({
                "pid": process.pid,
                "name": process.name,
                "uid": process.uid.to_string(),
                "args": process.command_line,
                "parents": process.parents.iter().map(|(pid, name)| json!({"pid": pid, "name": name})).collect::<Vec<_>>(),
            });
            if let Some(user) = &process.user {
                says["user"] = user.as_str().into();
            }
            if let Some(start) = process.started.and_then(FileTime::timestamp) {
                says["start"] = start.to_string().into();
            }
            if let Some(region) = &process.region {
                says["region"] = region.as_str().into();
            }
            own.insert("process".into(), says);
        }
    }
}

/// The path as on the box, and in `huntbook.mount_path` where the box is mounted. Where text is not all of it, the exact
/// bytes of what `file.path` says go to `huntbook.path_hex`.
fn put_path(path: &Path, naming: &(impl Naming + ?Sized), file: &mut Map<String, Value>, own: &mut Map<String, Value>) {
    let shown = |part: &OsStr| part.to_str().map_or_else(|| text::escape(part.as_bytes()).into_owned(), str::to_owned);
    let members = subject::members(path);
    if !members.is_empty() {
        let names = members.iter().map(|name| shown(OsStr::from_bytes(name)));
        own.insert("member".into(), names.collect());
    }
    if subject::is_inside(path) {
        own.insert("subject".into(), text::escape_path(path).into());
        own.insert("subject_hex".into(), text::hex(path.as_os_str().as_bytes()).into());
    }
    let path = subject::file_of(path);
    let elsewhere = naming.elsewhere(path);
    if elsewhere.is_some() {
        own.insert("mount_path".into(), shown(path.as_os_str()).into());
    }
    let path = elsewhere.as_deref().unwrap_or(path);
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
pub(crate) fn pattern_match(found: &PatternMatch) -> Value {
    json!({
        "pattern": &*found.pattern,
        "offset": found.offset,
        "length": found.length,
        "data": text::hex(&found.data),
    })
}
