//! SARIF 2.1.0 (OASIS). A finding is a result; the exclusion that covers it is its one suppression.
//!
//! No message holds a word of the box: viewers make links of `[text](target)` in a message, whoever wrote it (section
//! 3.11.6). Paths go into URIs, where every byte that could mean something is percent-encoded.

mod place;
mod words;

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::Reported;
use super::json::{self, JsonList};
use super::origin::{self, Origin};
use super::outgoing::Outgoing;
use crate::case::{Head, NotScanned};
use crate::finding::{RuleId, Sha256};
use crate::hunt::Rule;
use crate::scan::is_gap_kind;
use crate::session::Excluded;
use crate::text;
use crate::triage::Verdict;
use crate::triage::state::ExclusionState;
use place::{SarifArtifacts, region};
use words::literal;

/// Matches listed with a result; the rest is counted.
const MATCHES: usize = 100;

/// Where the schema of the format is.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A document under way. Results go out as they come, so that a hundred thousand of them need no memory; what they refer
/// to by number, rules and files, follows at the end.
pub struct SarifLog<'w> {
    out: JsonList<'w>,
    places: SarifArtifacts,
    rules: Vec<Value>,
    rule_index: HashMap<(RuleId, Option<Sha256>), usize>,
    /// Why something was not scanned, each reason once.
    reasons: Vec<String>,
    invocation: Option<Value>,
    properties: Value,
}

impl<'w> SarifLog<'w> {
    /// Begins a document of exclusions.
    ///
    /// # Errors
    /// What `out` says.
    pub fn of_register(out: &'w mut dyn Write) -> io::Result<Self> {
        Self::begin(out, SarifArtifacts::default(), None, json!({}))
    }

    /// Begins a document of what a scan found; paths below its tree are written relative to it. `gaps` are what it could
    /// not scan: an execution with gaps is none that succeeded.
    ///
    /// # Errors
    /// What `out` says.
    pub fn of_scan(out: &'w mut dyn Write, origin: &Origin, journal_head: Head, gaps: u64) -> io::Result<Self> {
        let scan = &origin.scan;
        let whole = origin.is_complete() && gaps == 0;
        let mut invocation = json!({"executionSuccessful": whole, "startTimeUtc": format!("{:.3}", scan.started)});
        if let Some((at, _)) = &scan.ended {
            invocation["endTimeUtc"] = format!("{at:.3}").into();
        }
        invocation["machine"] = text::escape_str(origin.host_name()).into();
        if let Some(began) = &origin.began {
            invocation["account"] = text::escape_str(&began.actor.to_string()).into();
        }
        let properties = json!({
            "huntbook.caseId": origin.case_id,
            "huntbook.scan": scan.id.0,
            "huntbook.journalHead": journal_head.to_string(),
            "huntbook.rulesDigest": scan.rules_digest.to_string(),
        });
        Self::begin(out, SarifArtifacts::below(&scan.tree), Some(invocation), properties)
    }

    fn begin(
        out: &'w mut dyn Write,
        places: SarifArtifacts,
        invocation: Option<Value>,
        properties: Value,
    ) -> io::Result<Self> {
        write!(out, r#"{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"results":["#)?;
        let out = JsonList::begin(out);
        let (rules, reasons) = (Vec::new(), Vec::new());
        Ok(Self { out, places, rules, rule_index: HashMap::new(), reasons, invocation, properties })
    }

    /// Adds a finding or candidate, with what was decided about it, see [`lines`](super::decided::lines).
    ///
    /// # Errors
    /// What the writer says.
    pub fn finding(&mut self, origin: &Origin, reported: Reported<'_>, decided: &[String]) -> io::Result<()> {
        let Reported { rule, finding, judged, exclusion, .. } = reported;
        let index = self.rule(&rule.id, Some(rule));
        let file = &finding.file;
        let place = self.places.artifact(&file.path, &file.digest, Some(file.size));
        let mut locations: Vec<_> =
            finding.matches.iter().take(MATCHES).map(|found| place.location(Some(region(found)))).collect();
        if locations.is_empty() {
            locations.push(place.location(None));
        }
        let related = locations.split_off(1);
        // A level is for results of kind `fail` only (3.27.10); a candidate is for a person to look at (3.27.9).
        let (kind, level) = match judged.verdict {
            Verdict::Open | Verdict::Benign if judged.subject.candidate => ("review", "none"),
            Verdict::Open | Verdict::Benign => ("fail", "warning"),
            Verdict::Suspicious | Verdict::Malicious => ("fail", "error"),
        };
        let mut properties = json!({
            "huntbook.verdict": judged.verdict.to_string(),
            "huntbook.matches": finding.matches.len(),
            "huntbook.matchesCapped": finding.capped,
            "huntbook.decisions": decided,
        });
        if origin.is_mounted() {
            properties["huntbook.pathOnBox"] = text::escape_path(&origin.on_box(&file.path)).into();
        }
        if file.is_inside() {
            properties["huntbook.subject"] = text::escape_path(&file.path).into();
        }
        if let Some(why) = &judged.returned {
            properties["huntbook.returned"] = why.as_str().into();
        }
        if let Some(gone) = &judged.gone {
            properties["huntbook.notMet"] = gone.to_string().into();
        }
        let what = if judged.subject.candidate { "candidate of" } else { "match of" };
        self.out.item(&json!({
            "ruleId": literal(&rule.id.name),
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": {"text": format!("{what} {}: {}", literal(&rule.id.name), judged.verdict)},
            "locations": locations,
            "relatedLocations": related,
            "guid": guid(&origin.event_id(&format!("finding {}", judged.id))),
            "partialFingerprints": fingerprint(origin.fingerprint(&judged.subject.digest, &file.digest, &file.path)),
            "suppressions": exclusion.map(|excluded| suppression(excluded, "accepted")).into_iter().collect::<Vec<_>>(),
            "properties": properties,
        }))
    }

    /// Adds an exclusion of the register: the file it was made for, suppressed while the exclusion is in force.
    ///
    /// # Errors
    /// What the writer says.
    pub fn exclusion(&mut self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let Outgoing { exclusion, state, rule } = outgoing;
        let unknown = RuleId { namespace: "".into(), name: exclusion.rule.as_str().into() };
        let index = self.rule(rule.map_or(&unknown, |rule| &rule.id), *rule);
        let place = self.places.artifact(&exclusion.seen.path, &exclusion.seen.digest, None);
        // Anything but `accepted` leaves the result standing (3.27.23).
        let status = match state {
            ExclusionState::InForce => "accepted",
            ExclusionState::Revoked => "rejected",
            _ => "underReview",
        };
        self.out.item(&json!({
            "ruleId": literal(&exclusion.rule),
            "ruleIndex": index,
            "kind": "fail",
            "level": "warning",
            "message": {"text": format!("exclusion of {}: {}", literal(&exclusion.rule), exclusion.scope.kind().title())},
            "locations": [place.location(None)],
            "partialFingerprints": fingerprint(origin::fingerprint(
                &exclusion.host,
                &exclusion.rule_digest,
                &exclusion.seen.digest,
                &exclusion.seen.path
            )),
            "suppressions": [suppression(&Excluded::from(*exclusion), status)],
            "properties": {"huntbook.scope": exclusion.covers(), "huntbook.state": state.to_string()},
        }))
    }

    /// Goes on from the results to what was not scanned.
    ///
    /// # Errors
    /// What the writer says.
    pub fn not_scanned(mut self) -> io::Result<SarifNotifications<'w>> {
        let invocation = self.invocation.take().unwrap_or_else(|| json!({"executionSuccessful": true}));
        let invocation = json::line(&invocation);
        let open = invocation.strip_suffix('}').unwrap_or(&invocation);
        self.out.end()?;
        write!(self.out.out, r#","invocations":[{open},"toolExecutionNotifications":["#)?;
        Ok(SarifNotifications(self))
    }

    /// Ends a document without what was not scanned.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.end()?;
        self.rest()
    }

    /// What results refer to, and the end.
    fn rest(self) -> io::Result<()> {
        let mut driver = json!({"name": "Huntbook", "version": env!("CARGO_PKG_VERSION"), "rules": self.rules});
        if !self.reasons.is_empty() {
            driver["notifications"] = self.reasons.iter().map(|reason| json!({"id": literal(reason)})).collect();
        }
        let (bases, out) = (self.places.bases(), self.out.out);
        for (key, value) in
            [("tool", json!({"driver": driver})), ("originalUriBaseIds", bases), ("properties", self.properties)]
        {
            write!(out, ",\n\"{key}\":{}", json::line(&value))?;
        }
        write!(out, ",\n\"artifacts\":[")?;
        let mut artifacts = JsonList::begin(out);
        for artifact in self.places.artifacts() {
            artifacts.item(&artifact)?;
        }
        artifacts.end()?;
        writeln!(artifacts.out, "}}]}}")
    }

    /// The index of a rule; two rules of one name but another text are two.
    fn rule(&mut self, id: &RuleId, rule: Option<&Rule>) -> usize {
        let key = (id.clone(), rule.map(|rule| rule.digest));
        if let Some(index) = self.rule_index.get(&key) {
            return *index;
        }
        let mut described = json!({"id": literal(&id.name)});
        if let Some(rule) = rule {
            let said = rule.description().filter(|said| !said.trim().is_empty()).unwrap_or(&id.name);
            described["shortDescription"] = json!({"text": literal(said)});
            described["properties"] = json!({
                "author": rule.author(),
                "reference": rule.reference(),
                "date": rule.date(),
                "license": rule.license(),
            });
        }
        let index = self.rules.len();
        self.rules.push(described);
        self.rule_index.insert(key, index);
        index
    }
}

/// A document that has come to what was not scanned.
pub struct SarifNotifications<'w>(SarifLog<'w>);

impl SarifNotifications<'_> {
    /// Adds one thing that was not scanned.
    ///
    /// # Errors
    /// What the writer says.
    pub fn add(&mut self, missed: &NotScanned) -> io::Result<()> {
        let uri = self.0.places.uri(&missed.path);
        let reasons = &mut self.0.reasons;
        let index = reasons.iter().position(|reason| *reason == missed.reason).unwrap_or_else(|| {
            reasons.push(missed.reason.clone());
            reasons.len() - 1
        });
        // What kept the scan from seeing something is an error of the run (3.58.6); the rest is as it was asked for.
        let gap = is_gap_kind(&missed.reason);
        self.0.out.item(&json!({
            "descriptor": {"id": literal(&missed.reason), "index": index},
            "level": if gap { "error" } else { "note" },
            "message": {"text": format!("not scanned: {}", literal(&missed.detail))},
            "locations": [{"physicalLocation": {"artifactLocation": uri}}],
            "properties": {"huntbook.gap": gap},
        }))
    }

    /// Ends the document.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.out.end()?;
        write!(self.0.out.out, "}}]")?;
        self.0.rest()
    }
}

/// What tells a finding from every other: box, rule, content and path, but no offsets, which move with the content.
fn fingerprint(value: Sha256) -> Value {
    json!({"huntbookFinding/v2": value.to_string()})
}

/// 32 hex digits of a digest as a GUID of version 5, made of a digest too (3.5.3; the schema asks for a version from 1 to 5).
fn guid(id: &str) -> Option<String> {
    let id = id.parse::<Uuid>().ok()?;
    Some(Builder::from_sha1_bytes(id.into_bytes()).into_uuid().hyphenated().to_string())
}

fn suppression(excluded: &Excluded, status: &str) -> Value {
    let mut suppression = json!({"kind": "external", "status": status, "justification": excluded.to_string()});
    // A journal may hold any text as an id, the format only a GUID (3.5.3).
    if let Ok(id) = excluded.id.parse::<Uuid>()
        && (1..=5).contains(&id.get_version_num())
    {
        suppression["guid"] = id.hyphenated().to_string().into();
    }
    suppression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_no_guid_is_left_out() {
        let excluded = Excluded::known_by_id("x\"</script>");
        assert!(suppression(&excluded, "accepted").get("guid").is_none());
        let excluded = Excluded::known_by_id("6F9619FF-8B86-4011-B42D-00C04FC964FF");
        assert_eq!(suppression(&excluded, "accepted")["guid"], "6f9619ff-8b86-4011-b42d-00c04fc964ff");
    }
}
