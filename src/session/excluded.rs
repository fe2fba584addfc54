//! What reports say of an exclusion, from the register or, when that is not at hand, from a case's journal.

use serde::Serialize;
use serde_json::Value;

use crate::case::{Decision, Event, JournalEntry};
use crate::triage::exclusion::Exclusion;

/// An exclusion as reports name it. Texts may come from anywhere; they are escaped where they are printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Its id.
    pub id: String,
    /// What it covers: `file-as-is`, `content`, `path` or `folder` from the register, in words from a journal.
    pub scope: String,
    /// Id of the scenario that explains the finding.
    pub scenario: Option<String>,
    /// Why the finding is benign.
    pub reason: String,
    /// `false-positive` or `benign-expected`.
    pub verdict: String,
    /// Who decided.
    pub by: String,
    /// When it was decided, RFC 3339.
    pub created: String,
    /// From when on it no longer counts, RFC 3339.
    pub expires: String,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
}

impl From<&Exclusion> for Excluded {
    fn from(exclusion: &Exclusion) -> Self {
        Self {
            id: exclusion.id.to_string(),
            scope: exclusion.scope.kind().word().to_owned(),
            scenario: exclusion.scenario.clone(),
            reason: exclusion.reason.clone(),
            verdict: exclusion.judgement.word().to_owned(),
            by: exclusion.by.to_string(),
            created: exclusion.created.to_string(),
            expires: exclusion.expires.to_string(),
            ticket: exclusion.ticket.clone(),
        }
    }
}

impl Excluded {
    /// An exclusion of which the case knows no more than the id: it was recorded for another finding.
    pub fn known_by_id(id: &str) -> Self {
        let unknown = String::new;
        Self {
            id: id.to_owned(),
            scope: unknown(),
            scenario: None,
            reason: "recorded for another finding, see the register".to_owned(),
            verdict: unknown(),
            by: unknown(),
            created: unknown(),
            expires: unknown(),
            ticket: None,
        }
    }

    /// What a journal's entry says of the exclusion `id`; `None` for an entry about something else.
    pub fn from_journal(entry: &JournalEntry, id: &str) -> Option<Self> {
        let Event::Decided(Decision::ExclusionRecorded { exclusion, summary }) = &entry.event else { return None };
        let text = |key: &str| summary.get(key).and_then(Value::as_str).map(str::to_owned);
        (exclusion == id).then(|| Self {
            id: id.to_owned(),
            scope: text("scope").unwrap_or_default(),
            scenario: text("scenario"),
            reason: text("reason").unwrap_or_default(),
            verdict: text("verdict").unwrap_or_default(),
            by: entry.actor.to_string(),
            created: entry.at.to_string(),
            expires: text("expires").unwrap_or_default(),
            ticket: text("ticket"),
        })
    }
}
