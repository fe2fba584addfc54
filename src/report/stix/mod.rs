//! STIX 2.1 (OASIS, <https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html>), by a small mapping:
//!
//! * a rule is an indicator with its own text as YARA pattern, the box an identity;
//! * a finding is a sighting of that indicator on that box, with the file or process as observed data;
//! * a content that was decided to be malicious or suspicious is an indicator of its own, by its SHA-256;
//! * what was decided is a note by whom; what was not scanned is a note on the box.
//!
//! A candidate is no match of its rule, so it is no sighting; the note on the scan counts them.

mod id;
mod observed;

use std::collections::HashSet;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json::JsonList;
use super::origin::Origin;
use super::outgoing::credit;
use super::{Reported, Summary};
use crate::hunt::Tactic;
use crate::text;
use crate::triage::Verdict;

/// A bundle under way; objects go out as they come, each once.
pub(super) struct Bundle<'w> {
    out: JsonList<'w>,
    known: HashSet<String>,
    /// When the case was begun, and last written to: `created` of what all its scans share, and `modified`.
    began: Timestamp,
    changed: Timestamp,
}

impl<'w> Bundle<'w> {
    /// Begins the bundle of a scan with the box; `began` is the start of the case's first scan, `changed` the time of the
    /// journal's last entry.
    ///
    /// # Errors
    /// What `out` says.
    pub(super) fn begin(
        out: &'w mut dyn Write,
        origin: &Origin,
        began: Timestamp,
        changed: Timestamp,
    ) -> io::Result<Self> {
        let id = id::own("bundle", &origin.case_id, &format!("{} {changed}", origin.scan.id));
        write!(out, r#"{{"type":"bundle","id":"{id}","objects":["#)?;
        let mut bundle = Self { out: JsonList::begin(out), known: HashSet::new(), began, changed: changed.max(began) };
        let mut host = bundle.shared("identity", origin, "host");
        host["name"] = text::escape_str(origin.host_name()).into();
        host["identity_class"] = "system".into();
        bundle.object(&host)?;
        Ok(bundle)
    }

    /// Adds a finding with what was decided about it, see [`lines`](super::decided::lines). A candidate is left out.
    ///
    /// # Errors
    /// What the writer says.
    pub(super) fn finding(&mut self, origin: &Origin, reported: Reported<'_>, decided: &[String]) -> io::Result<()> {
        let Reported { finding, judged, exclusion, .. } = reported;
        if judged.subject.candidate {
            return Ok(());
        }
        let rule = self.rule(origin, reported)?;
        let what = format!("finding {}", judged.id);
        let file = &finding.file;
        let seen = observed::objects(file, &origin.on_box(&file.path), &origin.case_id);
        let refs: Vec<_> = seen.iter().map(|object| object["id"].clone()).collect();
        for object in &seen {
            self.object(object)?;
        }
        // What an earlier scan met is seen by that one.
        let (first, last) = match &judged.gone {
            Some(gone) => (gone.at, gone.at),
            None => (origin.scan.started, origin.scan.ended.as_ref().map_or(origin.scan.started, |(at, _)| *at)),
        };
        let (first, last) = (stamp(first), stamp(last.max(first)));
        let mut data = self.of_scan("observed-data", origin, &what);
        let data_id = data["id"].clone();
        data["first_observed"] = first.as_str().into();
        data["last_observed"] = last.as_str().into();
        data["number_observed"] = 1.into();
        data["object_refs"] = refs.into();
        self.object(&data)?;
        let mut sighting = self.of_scan("sighting", origin, &what);
        let sighting_id = sighting["id"].clone();
        sighting["labels"] = json!([judged.verdict.to_string()]);
        sighting["description"] = format!(
            "{} matches {}: {}",
            text::escape_path(&origin.on_box(&file.path)),
            text::escape_str(&reported.rule.id.name),
            judged.verdict
        )
        .into();
        sighting["first_seen"] = first.into();
        sighting["last_seen"] = last.into();
        sighting["count"] = 1.into();
        sighting["sighting_of_ref"] = rule;
        sighting["observed_data_refs"] = json!([data_id]);
        sighting["where_sighted_refs"] = json!([id::own("identity", &origin.case_id, "host")]);
        self.object(&sighting)?;
        if matches!(judged.verdict, Verdict::Malicious | Verdict::Suspicious) {
            self.content(origin, reported, &data_id)?;
        }
        let exclusion = exclusion.map(ToString::to_string);
        let said: Vec<_> = judged.returned.iter().chain(&exclusion).chain(decided).map(String::as_str).collect();
        if said.is_empty() {
            return Ok(());
        }
        let mut note = self.of_scan("note", origin, &what);
        note["abstract"] = format!("What was decided: {}", judged.verdict).into();
        note["content"] = said.join("\n").into();
        note["object_refs"] = json!([sighting_id]);
        self.object(&note)
    }

    /// Ends the bundle with what the scan did not see.
    ///
    /// # Errors
    /// What the writer says.
    pub(super) fn finish(mut self, origin: &Origin, summary: &Summary) -> io::Result<()> {
        let mut note = self.of_scan("note", origin, "scan");
        let whole =
            if origin.is_complete() { "went through the whole tree" } else { "did not go through the whole tree" };
        note["abstract"] =
            format!("Scan {} of {}", origin.scan.id, text::escape_path(&origin.on_box(&origin.scan.tree))).into();
        note["content"] = format!(
            "The scan {whole}. {}. {}. Candidates are no matches, so they are no sightings. Journal head {}.",
            summary.tally.words(),
            summary.totals.missed(),
            summary.head
        )
        .into();
        note["object_refs"] = json!([id::own("identity", &origin.case_id, "host")]);
        self.object(&note)?;
        self.out.end()?;
        writeln!(self.out.out, "}}")
    }

    /// The rule as an indicator; its id.
    fn rule(&mut self, origin: &Origin, reported: Reported<'_>) -> io::Result<Value> {
        let Reported { rule, hunt, .. } = reported;
        let mut indicator = self.shared("indicator", origin, &format!("rule {} {}", rule.id.name, rule.digest));
        let id = indicator["id"].clone();
        if self.known.contains(id.as_str().unwrap_or_default()) {
            return Ok(id);
        }
        indicator["name"] = text::escape_str(&rule.id.name).into();
        let hypothesis = hunt.hypothesis.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = [rule.description().unwrap_or_default(), &hypothesis, &credit(&rule.id.name, Some(rule))];
        let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).map(text::escape_str).collect();
        indicator["description"] = said.join("\n").into();
        indicator["pattern"] = rule.source.as_str().into();
        indicator["pattern_type"] = "yara".into();
        indicator["valid_from"] = stamp(self.began).into();
        let tactics = hunt.threat.named_tactics();
        if !tactics.is_empty() {
            indicator["kill_chain_phases"] = tactics.iter().map(phase).collect();
        }
        let mut references: Vec<Value> = Vec::new();
        if let Some(reference) = rule.reference().filter(|said| !said.trim().is_empty()) {
            references.push(json!({"source_name": "the rule's reference", "description": text::escape_str(reference)}));
        }
        references.extend(
            hunt.threat
                .techniques
                .iter()
                .map(|id| json!({"source_name": "mitre-attack", "external_id": text::escape_str(id)})),
        );
        if !references.is_empty() {
            indicator["external_references"] = references.into();
        }
        self.object(&indicator)?;
        Ok(id)
    }

    /// The content as an indicator by its SHA-256, based on what was observed; nothing where that is not known.
    fn content(&mut self, origin: &Origin, reported: Reported<'_>, data: &Value) -> io::Result<()> {
        let Reported { finding, judged, rule, .. } = reported;
        let Some(sha256) = finding.file.digest.sha256() else { return Ok(()) };
        let mut indicator = self.shared("indicator", origin, &format!("content {sha256} {}", judged.verdict));
        let id = indicator["id"].clone();
        indicator["name"] = format!("{} content of {}", judged.verdict, text::escape_str(&rule.id.name)).into();
        indicator["description"] = format!(
            "Content that {} matches, decided to be {} on {}.",
            text::escape_str(&rule.id.name),
            judged.verdict,
            text::escape_str(origin.host_name())
        )
        .into();
        indicator["indicator_types"] =
            json!([if judged.verdict == Verdict::Malicious { "malicious-activity" } else { "anomalous-activity" }]);
        indicator["pattern"] = format!("[file:hashes.'SHA-256' = '{sha256}']").into();
        indicator["pattern_type"] = "stix".into();
        indicator["pattern_version"] = "2.1".into();
        indicator["valid_from"] = stamp(self.began).into();
        self.object(&indicator)?;
        let mut based = self.of_scan("relationship", origin, &format!("{id} finding {}", judged.id));
        based["relationship_type"] = "based-on".into();
        based["source_ref"] = id;
        based["target_ref"] = data.clone();
        self.object(&based)
    }

    /// An object that all scans of a case share.
    fn shared(&self, kind: &str, origin: &Origin, what: &str) -> Value {
        self.dated(kind, &id::own(kind, &origin.case_id, what), self.began)
    }

    /// An object of one scan.
    fn of_scan(&self, kind: &str, origin: &Origin, what: &str) -> Value {
        let what = format!("{} {what}", origin.scan.id);
        self.dated(kind, &id::own(kind, &origin.case_id, &what), origin.scan.started)
    }

    fn dated(&self, kind: &str, id: &str, created: Timestamp) -> Value {
        json!({"type": kind, "spec_version": "2.1", "id": id, "created": stamp(created), "modified": stamp(self.changed.max(created))})
    }

    fn object(&mut self, object: &Value) -> io::Result<()> {
        let id = object["id"].as_str().unwrap_or_default();
        if self.known.insert(id.to_owned()) { self.out.item(object) } else { Ok(()) }
    }
}

/// A time to the millisecond in UTC (section 2.16).
fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A tactic as a phase of ATT&CK's kill chain (section 2.11), named as in MITRE's own STIX: `command-and-control`.
fn phase(tactic: &Tactic) -> Value {
    json!({"kill_chain_name": "mitre-attack", "phase_name": tactic.name.to_ascii_lowercase().replace(' ', "-")})
}
