//! What is said of an exclusion outside of the register: in a case, and in reports.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::{Decision, JournalEntry, JournalEvent};
use crate::text;
use crate::triage::exclusion::{AGAINST_THE_BOX, Exclusion, Judgement};

/// An exclusion in its own words. Texts may come from anywhere; they are escaped where they are printed. What is not
/// known is absent, never an empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Its id.
    pub id: String,
    /// What it covers: `file-as-is`, `content`, `path` or `folder`; `host` when it is bound to [`Excluded::hosts`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What it covers, in words that name the path or content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<String>,
    /// Id of the scenario that explains the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Why the finding is benign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `false-positive` or `benign-expected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Name of the box on which it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The boxes that it is bound to; none for one that counts on any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<ExcludedHost>,
    /// When it was decided, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// From when on it no longer counts, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The ticket it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The checks of the scenario with what was seen, as the one who decided had them on the screen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked>,
}

/// A box that an exclusion is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedHost {
    /// What tells it from others.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A check as it stood when the exclusion was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The check in words.
    pub check: String,
    /// `met`, `not met` or `unknown`.
    pub result: String,
    /// What was seen, or why nothing was.
    pub seen: String,
}

impl From<&Exclusion> for Excluded {
    fn from(exclusion: &Exclusion) -> Self {
        let checks = exclusion.checks.iter().map(|seen| Checked {
            check: seen.check.clone(),
            result: seen.result.word().to_owned(),
            seen: seen.seen.clone(),
        });
        Self {
            id: exclusion.id.to_string(),
            scope: Some(exclusion.scope_word().to_owned()),
            covers: Some(exclusion.covers()),
            scenario: exclusion.scenario.clone(),
            reason: Some(exclusion.reason.clone()),
            verdict: Some(exclusion.judgement.word().to_owned()),
            by: Some(exclusion.by.to_string()),
            host: Some(exclusion.host.clone()).filter(|host| !host.is_empty()),
            hosts: exclusion
                .boxes
                .iter()
                .map(|one| ExcludedHost { id: one.id.clone(), name: one.name.clone() })
                .collect(),
            created: Some(exclusion.created.to_string()),
            expires: Some(exclusion.expires.to_string()),
            ticket: exclusion.ticket.clone(),
            checks: checks.collect(),
        }
    }
}

impl Excluded {
    /// Whether it was recorded for a scenario that nothing on the box supports.
    pub fn is_against_the_box(&self) -> bool {
        self.checks.iter().any(|seen| seen.check == AGAINST_THE_BOX)
    }

    /// An exclusion of which the case knows no more than the id: an older Huntbook recorded it for another finding.
    pub fn known_by_id(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// The exclusion whose words a case holds; `None` when they are none of this program's.
    pub fn from_words(words: &Value) -> Option<Self> {
        serde_json::from_value(words.clone()).ok()
    }

    /// The words, as a case holds them.
    pub fn words(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What a journal's entry of an older Huntbook says of the exclusion `id`; `None` for an entry about something else.
    pub fn from_journal(entry: &JournalEntry, id: &str) -> Option<Self> {
        let JournalEvent::Decided(Decision::ExclusionRecorded { exclusion, summary }) = &entry.event else {
            return None;
        };
        let text = |key: &str| summary.get(key).and_then(Value::as_str).map(str::to_owned);
        (exclusion == id).then(|| Self {
            id: id.to_owned(),
            covers: text("scope"),
            scenario: text("scenario"),
            reason: text("reason"),
            verdict: text("verdict"),
            by: Some(entry.actor.to_string()),
            host: Some(entry.host.clone()).filter(|host| !host.is_empty()),
            created: Some(entry.at.to_string()),
            expires: text("expires"),
            ticket: text("ticket"),
            ..Self::default()
        })
    }

    /// When it expires, to the second, or that it is not known; safe text.
    pub fn expiry(&self) -> String {
        let Some(expires) = &self.expires else { return "a date that is not on record".to_owned() };
        expires.parse::<Timestamp>().map_or_else(|_| text::escape_str(expires).into_owned(), |at| format!("{at:.0}"))
    }

    /// When it was decided, to the second; safe text, empty where that is not on record.
    pub fn decided_at(&self) -> String {
        let created = self.created.as_deref().unwrap_or_default();
        created.parse::<Timestamp>().map_or_else(|_| text::escape_str(created).into_owned(), |at| format!("{at:.0}"))
    }

    /// `false positive` or `benign, expected`, safe text.
    pub fn judgement(&self) -> String {
        let word = self.verdict.as_deref().unwrap_or("benign");
        Judgement::from_word(word).map_or_else(|| text::escape_str(word).into_owned(), |known| known.to_string())
    }
}

impl fmt::Display for Excluded {
    /// The judgement, who made it, until when, and why, in one line of safe text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |value: &Option<String>, unknown: &str| {
            value.as_deref().map_or_else(|| unknown.to_owned(), |value| text::escape_str(value).into_owned())
        };
        let on = match self.hosts.as_slice() {
            [] => String::new(),
            [one] => format!(" on {} only", text::escape_str(&one.name)),
            hosts => format!(" on {} boxes only", text::count(hosts.len() as u64)),
        };
        write!(
            f,
            "{}{on} by {}, until {}: {}",
            self.judgement(),
            said(&self.by, "someone not on record"),
            self.expiry(),
            said(&self.reason, "the reason is in the register only")
        )
    }
}
