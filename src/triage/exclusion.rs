//! The exclusion: a recorded, attributable, revocable statement that a finding is benign.

use std::fmt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::finding::{Digest, Sha256};
use crate::storage;
use crate::text::subject;

use super::Actor;
use super::bound::{self, BoundBox};
use super::folders::{ScopeRefusal, full_path};
use super::matched_file::MatchedFile;
use super::scope::{Owner, Scope};

/// How long an exclusion lasts unless the responder says otherwise.
pub(crate) const DEFAULT_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long an exclusion of a folder lasts at most.
pub(crate) const FOLDER_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The most days that the form of the screen lets an exclusion last; a register written by hand is warned of more.
pub(crate) const MAX_DAYS: i64 = 3650;

/// Whether the rule erred, or was right about an activity that is allowed. Sentinel tells the same two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// The rule erred.
    FalsePositive,
    /// The rule was right, and the activity is allowed.
    BenignExpected,
}

impl Judgement {
    /// The word for it in the register and in exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::FalsePositive => "false-positive",
            Self::BenignExpected => "benign-expected",
        }
    }

    /// The judgement that `word` names, `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::FalsePositive, Self::BenignExpected].into_iter().find(|judgement| judgement.word() == word)
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FalsePositive => "false positive",
            Self::BenignExpected => "benign, expected",
        })
    }
}

/// What a check came to when the responder decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckResult {
    /// The evidence fits.
    Met,
    /// The evidence speaks against it.
    NotMet,
    /// The evidence could not be had.
    Unknown,
}

impl CheckResult {
    /// The words for it in the register and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::Unknown => "unknown",
        }
    }

    /// The result that `word` names, `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Met, Self::NotMet, Self::Unknown].into_iter().find(|result| result.word() == word)
    }
}

/// A check with its result and what was seen on the box, as the responder had it on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCheck {
    /// The check in words.
    pub check: String,
    /// What it came to.
    pub result: CheckResult,
    /// What was seen, or why nothing was. Untrusted text of the box.
    pub seen: String,
}

/// The word in the place of a scope's that says that an exclusion is bound to boxes.
pub(crate) const HOST: &str = "host";

/// What a check is called that says how the box stands to a scenario as a whole, where it does not support it.
pub(crate) const AGAINST_THE_BOX: &str = "against the box";

/// The file that the responder looked at when deciding: it tells, for every scope, what has changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Path as walked.
    pub path: PathBuf,
    /// Digest of its content.
    pub digest: Digest,
    /// Its owner.
    pub owner: Owner,
}

/// Who took an exclusion back, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why; not blank.
    pub why: String,
}

/// A recorded statement that findings of one rule in one scope are benign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Its own id.
    pub id: Uuid,
    /// Name of the rule.
    pub rule: String,
    /// Digest of the rule as it was; an exclusion does not cover the hits of a changed rule.
    pub rule_digest: Sha256,
    /// What it covers.
    pub scope: Scope,
    /// Id of the scenario that explains the finding, if it was decided on one.
    pub scenario: Option<String>,
    /// Why the finding is benign; not blank.
    pub reason: String,
    /// Whether the rule erred or the activity is allowed.
    pub judgement: Judgement,
    /// Who decided.
    pub by: Actor,
    /// Host name of the box on which it was decided.
    pub host: String,
    /// What tells that box from others, as [`BoundBox::id`]; absent where it was not known, or an older Huntbook wrote it.
    pub host_id: Option<String>,
    /// The boxes that it is bound to; none for one that counts on any.
    pub boxes: Vec<BoundBox>,
    /// When it was decided.
    pub created: Timestamp,
    /// From when on it no longer counts.
    pub expires: Timestamp,
    /// Ticket it belongs to, if there is one.
    pub ticket: Option<String>,
    /// The file that was looked at.
    pub seen: SeenFile,
    /// The checks of the scenario, as they stood.
    pub checks: Vec<SeenCheck>,
    /// Whether the file that was looked at is a known sample and the responder typed the rule's name to exclude it.
    pub known_sample: bool,
    /// Set when it was taken back.
    pub revoked: Option<Revocation>,
}

/// What the responder decided about a hit.
#[derive(Debug, Clone)]
pub struct ExclusionDraft {
    /// What to cover.
    pub scope: Scope,
    /// Whether the rule erred or the activity is allowed.
    pub judgement: Judgement,
    /// Why the finding is benign.
    pub reason: String,
    /// Scenario that explains it, with its checks as they stood.
    pub scenario: Option<(String, Vec<SeenCheck>)>,
    /// Ticket, if there is one.
    pub ticket: Option<String>,
    /// When it is to expire; `None` takes 90 days, 30 for a folder.
    pub expires: Option<Timestamp>,
    /// Whether the rule's name was typed, see [`confirm_known_sample`].
    pub known_sample_confirmed: bool,
}

/// Who decides, where and when.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Who.
    pub by: Actor,
    /// Host name of the box.
    pub host: String,
    /// When.
    pub at: Timestamp,
}

/// What keeps an exclusion from counting, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The rule has no name.
    #[error("it names no rule")]
    NoRule,
    /// The reason is missing or blank.
    #[error("it gives no reason")]
    NoReason,
    /// It is over before it begins.
    #[error("it expires before it was made; set a later date")]
    ExpiresFirst,
    /// A folder is excluded for too long.
    #[error("an exclusion of a folder lasts at most {} days; set an earlier date", FOLDER_LIFE.as_hours() / 24)]
    FolderTooLong,
    /// The path could mean another place tomorrow.
    #[error(transparent)]
    Scope(#[from] ScopeRefusal),
    /// A known sample needs the rule's name typed.
    #[error("the content is a known sample; type the rule's name to exclude it")]
    KnownSample,
    /// The scope does not cover the hit it was made from.
    #[error("its scope does not cover the file it was made for; choose another scope")]
    Elsewhere,
}

impl Exclusion {
    /// Whether it was recorded for a scenario that the box does not support, or contradicts.
    pub fn is_against_the_box(&self) -> bool {
        self.checks.iter().any(|seen| seen.check == AGAINST_THE_BOX)
    }

    /// The exclusion that a decision about `hit` comes to. Nothing is written yet.
    ///
    /// # Errors
    /// [`Defect`], if it could never count. The scope's folder is not looked up here, see [`Scope::allowed`].
    pub fn new(hit: &MatchedFile<'_>, decision: ExclusionDraft, signature: Signature) -> Result<Self, Defect> {
        if hit.known_sample && !decision.known_sample_confirmed {
            return Err(Defect::KnownSample);
        }
        let life = if matches!(decision.scope, Scope::Folder { .. }) { FOLDER_LIFE } else { DEFAULT_LIFE };
        let (scenario, checks) = decision.scenario.unzip();
        let exclusion = Self {
            id: storage::new_id(),
            rule: hit.rule.to_owned(),
            rule_digest: *hit.rule_digest,
            scope: decision.scope,
            scenario,
            reason: decision.reason.trim().to_owned(),
            judgement: decision.judgement,
            by: signature.by,
            host: signature.host,
            host_id: None,
            boxes: Vec::new(),
            created: signature.at,
            expires: decision.expires.unwrap_or(signature.at.saturating_add(life).unwrap_or(Timestamp::MAX)),
            ticket: decision.ticket.filter(|ticket| !ticket.trim().is_empty()),
            seen: SeenFile { path: hit.path.to_owned(), digest: *hit.digest, owner: hit.owner() },
            checks: checks.unwrap_or_default(),
            known_sample: hit.known_sample,
            revoked: None,
        };
        exclusion.check()?;
        if exclusion.scope.covers(hit) { Ok(exclusion) } else { Err(Defect::Elsewhere) }
    }

    /// Whether it can count at all, apart from time and revocation.
    ///
    /// # Errors
    /// The first [`Defect`] found.
    pub fn check(&self) -> Result<(), Defect> {
        if self.rule.trim().is_empty() {
            return Err(Defect::NoRule);
        }
        if self.reason.trim().is_empty() {
            return Err(Defect::NoReason);
        }
        if self.expires <= self.created {
            return Err(Defect::ExpiresFirst);
        }
        let is_folder = matches!(self.scope, Scope::Folder { .. });
        if is_folder && self.expires.duration_since(self.created) > FOLDER_LIFE {
            return Err(Defect::FolderTooLong);
        }
        self.scope.path().map_or(Ok(()), full_path)?;
        Ok(())
    }

    /// What it covers, in words that name path or content, and the boxes if it is bound to some; safe text.
    pub fn covers(&self) -> String {
        self.on_its_boxes(self.scope.to_string())
    }

    /// `covered`, and the boxes if it is bound to some; safe text.
    pub(crate) fn on_its_boxes(&self, covered: String) -> String {
        match self.boxes.as_slice() {
            [] => covered,
            boxes => format!("{covered}, on {} only", bound::named(boxes)),
        }
    }

    /// The word for how far it reaches in the register and in exports: that of its scope, or [`HOST`] for one that is bound to
    /// boxes, so that who knows nothing of them does not take it for one that counts everywhere.
    pub fn scope_word(&self) -> &'static str {
        if self.boxes.is_empty() { self.scope.kind().word() } else { HOST }
    }

    /// Whether it has run out at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }

    /// Whether `hit` is in the very file that was looked at, by path, and that file's content is another now,
    /// or has a digest that cannot be compared.
    pub fn content_changed(&self, hit: &MatchedFile<'_>) -> bool {
        subject::is_same(&self.seen.path, hit.path) && self.seen.digest != *hit.digest
    }
}

/// Whether `typed` is the rule's name, letter for letter, so that a known sample may be excluded.
pub(crate) fn confirm_known_sample(rule_name: &str, typed: &str) -> bool {
    !rule_name.is_empty() && typed.trim() == rule_name
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    pub(in crate::triage) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(in crate::triage) fn signature() -> Signature {
        let by = Actor { name: "root".into(), uid: 0, behind: Some("alice".into()) };
        Signature { by, host: "db1".into(), at: at("2026-11-20T12:00:00Z") }
    }

    pub(in crate::triage) fn decision(scope: Scope) -> ExclusionDraft {
        ExclusionDraft {
            scope,
            judgement: Judgement::BenignExpected,
            reason: "nightly report job".into(),
            scenario: None,
            ticket: None,
            expires: None,
            known_sample_confirmed: false,
        }
    }

    /// An exclusion of rule `rule` (digest of its name), by user 0, for a file at `path` with content `content`.
    pub(in crate::triage) fn exclusion(path: &str, content: &str, scope: fn(&SeenFile) -> Scope) -> Exclusion {
        let (rule, digest) = (Sha256::of(b"rule"), Sha256::of(content.as_bytes()).into());
        let hit = hit(path, &rule, &digest);
        let seen = SeenFile { path: path.into(), digest, owner: hit.owner() };
        Exclusion::new(&hit, decision(scope(&seen)), signature()).unwrap()
    }

    pub(in crate::triage) fn hit<'a>(path: &'a str, rule_digest: &'a Sha256, digest: &'a Digest) -> MatchedFile<'a> {
        let (path, owner) = (Path::new(path), Some("root"));
        MatchedFile { rule: "rule", rule_digest, path, digest, uid: 0, owner, known_sample: false }
    }

    pub(in crate::triage) fn as_is(seen: &SeenFile) -> Scope {
        Scope::FileAsIs { path: seen.path.clone(), digest: seen.digest }
    }

    pub(in crate::triage) fn content(seen: &SeenFile) -> Scope {
        Scope::Content { digest: seen.digest }
    }

    pub(in crate::triage) fn path(seen: &SeenFile) -> Scope {
        Scope::Path { path: seen.path.clone(), owner: seen.owner.clone() }
    }

    pub(in crate::triage) fn folder(seen: &SeenFile) -> Scope {
        Scope::Folder { folder: seen.path.parent().unwrap().into(), owner: seen.owner.clone() }
    }

    #[test]
    fn it_lasts_ninety_days_and_a_folder_thirty() {
        let days = |e: Exclusion| e.expires.duration_since(e.created).as_hours() / 24;
        assert_eq!(days(exclusion("/opt/r/x", "a", as_is)), 90);
        assert_eq!(days(exclusion("/opt/r/x", "a", folder)), 30);
    }

    #[test]
    fn what_could_never_count_is_not_made() {
        let (rule, digest) = (Sha256::of(b"rule"), Sha256::of(b"a").into());
        let hit = hit("/opt/r/x", &rule, &digest);
        let make = |decision: ExclusionDraft| Exclusion::new(&hit, decision, signature()).unwrap_err();
        let scope = Scope::Content { digest };
        assert_eq!(make(ExclusionDraft { reason: " \n".into(), ..decision(scope.clone()) }), Defect::NoReason);
        let past = Some(at("2026-11-20T12:00:00Z"));
        assert_eq!(make(ExclusionDraft { expires: past, ..decision(scope) }), Defect::ExpiresFirst);
        let below = Scope::Folder { folder: "/opt/r".into(), owner: hit.owner() };
        let late = Some(at("2026-12-20T12:00:01Z"));
        assert_eq!(make(ExclusionDraft { expires: late, ..decision(below) }), Defect::FolderTooLong);
        let other = Scope::Content { digest: Sha256::of(b"b").into() };
        assert_eq!(make(decision(other)), Defect::Elsewhere);
    }

    #[test]
    fn a_known_sample_takes_typing_the_name_of_the_rule() {
        let (rule, digest) = (Sha256::of(b"rule"), Sha256::of(b"a").into());
        let hit = MatchedFile { known_sample: true, ..hit("/opt/r/x", &rule, &digest) };
        let plain = decision(Scope::Content { digest });
        assert_eq!(Exclusion::new(&hit, plain.clone(), signature()), Err(Defect::KnownSample));
        let typed = ExclusionDraft { known_sample_confirmed: true, ..plain };
        assert!(Exclusion::new(&hit, typed, signature()).unwrap().known_sample);
    }

    #[test]
    fn words_read_back() {
        for judgement in [Judgement::FalsePositive, Judgement::BenignExpected] {
            assert_eq!(Judgement::from_word(judgement.word()), Some(judgement));
        }
        for result in [CheckResult::Met, CheckResult::NotMet, CheckResult::Unknown] {
            assert_eq!(CheckResult::from_word(result.word()), Some(result));
        }
        assert_eq!(CheckResult::from_word("maybe"), None);
    }

    #[test]
    fn only_the_name_itself_confirms() {
        assert!(confirm_known_sample("EQGRP_tinyexec", "EQGRP_tinyexec\n"));
        for typed in ["", "y", "eqgrp_tinyexec", "EQGRP_tinyexec2"] {
            assert!(!confirm_known_sample("EQGRP_tinyexec", typed), "{typed}");
        }
        assert!(!confirm_known_sample("", ""));
    }
}
