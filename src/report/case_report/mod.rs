//! A case as a report for the person who decides: what came of it first, worst findings next, all that was not seen, and what it
//! can be checked by. One model, written as Markdown or as one HTML file.
//!
//! Every text of the model is safe to show. Findings with the same content are one entry with its places.

mod box_said;
mod build;
mod content;
mod html;
mod markdown;
mod timeline;

pub(super) use html::page;
pub(super) use markdown::{code, plain};

use std::io::Write;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use self::content::MatchedContent;
use self::timeline::Timeline;
use super::whole::{ReportSource, WriteError};
use crate::finding::Digest;
use crate::session::Excluded;
use crate::triage::assess::CheckSaid;
use crate::triage::exclusion::AGAINST_THE_BOX;

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Markdown (GFM).
    Markdown,
    /// One HTML file without scripts and without anything from elsewhere.
    Html,
}

/// The report.
#[derive(Debug, Default, Serialize)]
struct CaseReport {
    host: String,
    /// What was asked, what was done, what came of it.
    summary: Vec<(&'static str, String)>,
    counts: Vec<(&'static str, u64)>,
    /// Malicious and suspicious ones.
    decided: Vec<FindingGroup>,
    /// Open ones, returned ones among them.
    open: Vec<FindingGroup>,
    candidates: Vec<FindingGroup>,
    /// Decided ones that the scan did not meet.
    not_met: Vec<FindingGroup>,
    excluded: Vec<Exclusion>,
    /// Those that were recorded against what the box said.
    against: Vec<Exclusion>,
    #[serde(skip)]
    timeline: Timeline,
    /// Coverage in one sentence.
    seen: String,
    /// Reason, how many, and whether content went unseen by it.
    coverage: Vec<(String, u64, bool)>,
    annex: Vec<(&'static str, Vec<String>)>,
}

/// Findings of one rule with the same content and verdict.
#[derive(Debug, Serialize)]
struct FindingGroup {
    /// `malicious`, `suspicious`, `open`, `returned` or `candidate`.
    word: &'static str,
    rule: String,
    /// What a hit may mean.
    hypothesis: String,
    size: u64,
    #[serde(serialize_with = "labelled")]
    digest: Digest,
    places: Vec<Occurrence>,
    /// Why it came back, or was not met again.
    remarks: Vec<String>,
    /// `None` for a line of a list.
    detail: Option<Detail>,
}

/// What is told of an entry in full.
#[derive(Debug, Default, Serialize)]
struct Detail {
    content: MatchedContent,
    capped: bool,
    /// What the box said when the scan asked it, as subject and line.
    box_said: Vec<(&'static str, String)>,
    /// Each scenario with what the box said and the answer.
    scenarios: Vec<Explanation>,
    /// What else was decided or remarked, by whom, when, why.
    decisions: Vec<String>,
}

/// A benign explanation, and what speaks for it.
#[derive(Debug, Default, Serialize)]
struct Explanation {
    title: String,
    /// `supported`, `contradicted`, `unsupported` or `unknown`, by what the box said.
    state: String,
    /// Why it is unknown.
    unknown: Vec<String>,
    /// What speaks against it.
    against: Vec<String>,
    checks: Vec<CheckSaid>,
    /// The answer, by whom, when and why; `None` without one.
    answer: Option<String>,
}

/// Where a file lies.
#[derive(Debug, Default, Serialize)]
struct Occurrence {
    path: String,
    /// Where it was read, when the box is mounted.
    mount: Option<String>,
    /// Owner, mode and times, of the first places.
    facts: Vec<(&'static str, String)>,
}

/// An exclusion, and what it covers here.
#[derive(Debug, Serialize)]
struct Exclusion {
    words: Excluded,
    /// The words of its verdict, when it was made, and its expiry.
    judgement: String,
    decided_at: String,
    expiry: String,
    rules: Vec<String>,
    /// Contents with their places, the first of them.
    places: Vec<String>,
    findings: u64,
}

impl Exclusion {
    /// Whether it was recorded for a scenario that the box does not support, or contradicts.
    fn is_against_the_box(&self) -> bool {
        self.words.checks.iter().any(|seen| seen.check == AGAINST_THE_BOX)
    }
}

impl ReportSource {
    /// Writes the report for people.
    ///
    /// # Errors
    /// When the case cannot be read, or what `out` says.
    pub(super) fn case_report(&self, style: Style, out: &mut dyn Write) -> Result<(), WriteError> {
        let report = self.model()?;
        match style {
            Style::Markdown => markdown::write(self, &report, out),
            Style::Html => html::write(self, &report, out),
        }
    }
}

/// A digest with its name and, where it is no SHA-256, what it is not.
fn labelled<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    let (name, note) = match digest {
        Digest::Whole(_) => ("SHA-256", ""),
        Digest::DataOnly(_) => ("digest", Digest::NO_SHA256),
    };
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("name", name)?;
    map.serialize_entry("value", &digest.to_string())?;
    map.serialize_entry("note", note)?;
    map.end()
}
