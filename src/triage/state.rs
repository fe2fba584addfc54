//! How an exclusion stands: whether the next scan lets it exclude, and if not, why.

use std::fmt;

use jiff::Timestamp;

use super::exclusion::Exclusion;
use super::folders::Folders;
use super::matched_file::MatchedFile;
use super::matching::{Exclusions, HitStatus, Why};
use super::register::{RegisterEntry, RuleDigests};
use super::scope::Scope;

/// How an exclusion stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExclusionState {
    /// It excludes.
    InForce,
    /// It was made in the future: a clock is wrong.
    NotYet,
    /// It has run out.
    Expired,
    /// It was taken back.
    Revoked,
    /// The rule is another by now.
    RuleChanged,
    /// Something about it is not as it must be; the cause is safe to show.
    Doubtful(String),
}

impl ExclusionState {
    /// The word for it in lists and exports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::NotYet => "not yet",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::RuleChanged => "rule changed",
            Self::Doubtful(_) => "doubtful",
        }
    }

    /// Whether it excludes anything.
    pub fn is_in_force(&self) -> bool {
        *self == Self::InForce
    }
}

impl fmt::Display for ExclusionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doubtful(cause) => write!(f, "{}: {cause}", self.word()),
            _ => f.write_str(self.word()),
        }
    }
}

/// What exclusions are held against: the moment, the folders of the box, and the rules as they are.
#[derive(Clone, Copy)]
pub(crate) struct Against<'a> {
    /// When.
    pub now: Timestamp,
    /// Who can write to a folder.
    pub folders: &'a dyn Folders,
    /// The digest of a rule; a rule that is not loaded counts as unchanged.
    pub rules: RuleDigests<'a>,
}

impl Against<'_> {
    /// How `exclusion` stands. The question is put as the next scan puts it, about a hit that lies within the scope.
    pub(crate) fn state(&self, exclusion: &Exclusion) -> ExclusionState {
        if exclusion.revoked.is_some() {
            return ExclusionState::Revoked;
        }
        if exclusion.is_expired(self.now) {
            return ExclusionState::Expired;
        }
        let digest = (self.rules)(&exclusion.rule, &exclusion.rule_digest).unwrap_or(exclusion.rule_digest);
        let path = match &exclusion.scope {
            Scope::FileAsIs { path, .. } | Scope::Path { path, .. } => path.clone(),
            Scope::Content { .. } => exclusion.seen.path.clone(),
            Scope::Folder { folder, .. } => folder.join("file"),
        };
        let seen = match &exclusion.scope {
            Scope::FileAsIs { digest, .. } | Scope::Content { digest } => digest,
            Scope::Path { .. } | Scope::Folder { .. } => &exclusion.seen.digest,
        };
        let owner = match &exclusion.scope {
            Scope::Path { owner, .. } | Scope::Folder { owner, .. } => owner,
            Scope::FileAsIs { .. } | Scope::Content { .. } => &exclusion.seen.owner,
        };
        let hit = MatchedFile {
            rule: &exclusion.rule,
            rule_digest: &digest,
            path: &path,
            digest: seen,
            uid: owner.uid,
            owner: owner.name.as_deref(),
            known_sample: false,
        };
        let alone = Exclusions::index([RegisterEntry::from(exclusion.clone())], self.folders);
        match alone.judge(&hit, self.now) {
            HitStatus::Excluded(_) => ExclusionState::InForce,
            HitStatus::Returned(comebacks) => self.because(exclusion, comebacks.first().map(|back| &back.why)),
            HitStatus::Open => self.because(exclusion, None),
        }
    }

    fn because(&self, exclusion: &Exclusion, why: Option<&Why>) -> ExclusionState {
        match why {
            Some(Why::Expired) => ExclusionState::Expired,
            Some(Why::RuleChanged) => ExclusionState::RuleChanged,
            Some(Why::Doubtful(_)) if exclusion.created > self.now && self.allows(exclusion) => ExclusionState::NotYet,
            Some(Why::Doubtful(cause)) => ExclusionState::Doubtful(cause.clone()),
            Some(other) => ExclusionState::Doubtful(other.to_string()),
            None => ExclusionState::Doubtful("its scope covers nothing".to_owned()),
        }
    }

    fn allows(&self, exclusion: &Exclusion) -> bool {
        exclusion.check().is_ok() && exclusion.scope.allowed(self.folders).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::exclusion::Revocation;
    use super::super::exclusion::tests::{as_is, at, content, exclusion, folder, path, signature};
    use super::super::folders::tests::MadeUp;
    use super::*;
    use crate::finding::Sha256;

    fn state(exclusion: &Exclusion, now: &str, rule: &[u8], modes: &[(&str, u32)]) -> ExclusionState {
        let digest = Sha256::of(rule);
        let against = Against { now: at(now), folders: &MadeUp::new(modes), rules: &|_, _| Some(digest) };
        against.state(exclusion)
    }

    #[test]
    fn every_scope_is_in_force_until_it_expires() {
        for scope in [as_is, content, path, folder] {
            let made = exclusion("/opt/r/x", "a", scope);
            assert_eq!(state(&made, "2026-11-21T00:00:00Z", b"rule", &[]), ExclusionState::InForce, "{:?}", made.scope);
            assert_eq!(state(&made, "2027-11-21T00:00:00Z", b"rule", &[]), ExclusionState::Expired);
            assert_eq!(state(&made, "2026-11-21T00:00:00Z", b"rule 2", &[]), ExclusionState::RuleChanged);
            assert_eq!(state(&made, "2026-10-01T00:00:00Z", b"rule", &[]), ExclusionState::NotYet);
        }
    }

    #[test]
    fn what_was_taken_back_or_can_be_written_to_is_not_in_force() {
        let mut made = exclusion("/opt/r/x", "a", folder);
        let open = [("/opt/r", 0o040_777)];
        let found = state(&made, "2026-11-21T00:00:00Z", b"rule", &open);
        assert!(found.to_string().starts_with("doubtful: group or others can write to /opt/r"), "{found}");
        let early = state(&made, "2026-10-01T00:00:00Z", b"rule", &open);
        assert_eq!(early.word(), "doubtful", "the graver fault is told");
        made.revoked = Some(Revocation { by: signature().by, at: at("2026-11-20T13:00:00Z"), why: "gone".into() });
        assert_eq!(state(&made, "2026-11-21T00:00:00Z", b"rule", &[]), ExclusionState::Revoked);
    }
}
