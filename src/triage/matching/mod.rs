//! Exclusions held against hits: which hit is excluded, which was and has come back, and why.
//!
//! An exclusion counts only if it is understood, not revoked, not expired, made for the rule as it is, and its scope
//! covers the hit. Everything else fails open: the hit shows.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::finding::{Digest, Sha256};

use super::bound::{self, BoundBox, Elsewhere};
use super::exclusion::Exclusion;
use super::folders::Folders;
use super::matched_file::MatchedFile;
use super::register::{InvalidEntry, RegisterEntry};
use super::scope::Scope;
use crate::text::subject::{is_inside, is_same, lasting};

/// How far the clocks of two boxes may differ before an exclusion counts as made in the future.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// Why a hit that an exclusion was made for shows again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The content is another.
    ContentChanged,
    /// The content has a digest of another kind, so whether it is another cannot be told.
    NotComparable,
    /// The file belongs to someone else.
    OwnerChanged,
    /// The rule is another.
    RuleChanged,
    /// The exclusion has run out.
    Expired,
    /// The content is a known sample, and the exclusion was not made for one by typing the rule's name.
    KnownSample,
    /// Something about the exclusion is not as it must be.
    Doubtful(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContentChanged => f.write_str("was excluded, content changed"),
            Self::NotComparable => f.write_str(
                "was excluded, content cannot be compared: one digest is of the whole file, the other of data and places only",
            ),
            Self::OwnerChanged => f.write_str("was excluded, owner changed"),
            Self::RuleChanged => f.write_str("was excluded, rule changed"),
            Self::Expired => f.write_str("was excluded, exclusion expired"),
            Self::KnownSample => f.write_str("an exclusion covers it, but it is a known sample"),
            Self::Doubtful(cause) => write!(f, "the exclusion does not count: {cause}"),
        }
    }
}

/// An exclusion that was made for a hit and does not cover it now.
#[derive(Debug, Clone)]
pub(crate) struct LapsedExclusion<'a> {
    /// Why it does not.
    pub why: Why,
    /// The register's entry.
    pub entry: &'a RegisterEntry,
}

/// How a hit stands with the exclusions.
#[derive(Debug, Clone)]
pub(crate) enum HitStatus<'a> {
    /// This exclusion covers it; the narrowest, if several do.
    Excluded(&'a Exclusion),
    /// No exclusion covers it, but these once did or were meant to. It belongs first in the list.
    Returned(Vec<LapsedExclusion<'a>>),
    /// No exclusion is about it.
    Open,
}

/// An entry, and what speaks against it that only the box could tell.
#[derive(Debug, Clone)]
struct Slot {
    entry: RegisterEntry,
    refused: Option<String>,
    /// Whether the very rule it was made for is loaded: another of that name is another rule, not a changed one.
    rule_is_loaded: bool,
}

/// Where to find the entries about a hit of one rule. The numbers are indices of slots.
#[derive(Debug, Clone, Default)]
struct RuleIndex {
    paths: HashMap<PathBuf, Vec<usize>>,
    contents: HashMap<Digest, Vec<usize>>,
    places: HashMap<PathBuf, Vec<usize>>,
}

/// The entries of a register, ready to be asked about any number of hits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exclusions {
    slots: Vec<Slot>,
    rules: HashMap<String, RuleIndex>,
    /// The box that hits are of; `None` for any, on which what is bound to boxes counts too.
    here: Option<BoundBox>,
}

/// Whether a rule of this name with this digest is loaded.
pub(crate) type IsLoaded<'a> = &'a dyn Fn(&str, &Sha256) -> bool;

impl Exclusions {
    /// Makes entries ready. Every excluded folder is looked at once: one that others can write to by now does not count.
    pub(crate) fn index(entries: impl IntoIterator<Item = RegisterEntry>, folders: &dyn Folders) -> Self {
        Self::index_among(entries, folders, &|_, _| false)
    }

    /// [`Exclusions::index`] where several rules of one name may be loaded: an exclusion that was made for one of them
    /// says nothing of the others.
    pub(crate) fn index_among(
        entries: impl IntoIterator<Item = RegisterEntry>,
        folders: &dyn Folders,
        is_loaded: IsLoaded<'_>,
    ) -> Self {
        let mut exclusions = Self::default();
        for entry in entries {
            exclusions.insert(entry, folders, is_loaded);
        }
        exclusions
    }

    /// These, held against hits of this box: what is bound to others does not count.
    pub(crate) fn on(self, here: BoundBox) -> Self {
        Self { here: Some(here), ..self }
    }

    /// Adds one entry. A revoked one is left out: its hits are plainly open.
    fn insert(&mut self, entry: RegisterEntry, folders: &dyn Folders, is_loaded: IsLoaded<'_>) {
        let slot = self.slots.len();
        let (rule, scope, seen) = match &entry.content {
            Ok(exclusion) if exclusion.revoked.is_some() => return,
            Ok(exclusion) => (&exclusion.rule, &exclusion.scope, Some(&exclusion.seen.path)),
            Err(InvalidEntry { rule: Some(rule), scope: Some(scope), .. }) => (rule, scope, None),
            Err(_) => return,
        };
        let index = self.rules.entry(rule.clone()).or_default();
        match scope {
            Scope::FileAsIs { path, .. } | Scope::Path { path, .. } => {
                index.paths.entry(lasting(path).into_owned()).or_default().push(slot);
            }
            Scope::Content { digest } => index.contents.entry(*digest).or_default().push(slot),
            Scope::Folder { folder, .. } => index.places.entry(folder.clone()).or_default().push(slot),
        }
        // The file that was looked at comes back marked when its content changes, whatever the scope was.
        if let Some(seen) = seen.filter(|seen| matches!(scope, Scope::Content { .. }) && !seen.as_os_str().is_empty()) {
            index.paths.entry(lasting(seen).into_owned()).or_default().push(slot);
        }
        let refused = scope.allowed(folders).err().map(|refusal| refusal.to_string());
        let rule_is_loaded = entry.exclusion().is_some_and(|made| is_loaded(&made.rule, &made.rule_digest));
        self.slots.push(Slot { entry, refused, rule_is_loaded });
    }

    /// How a hit stands at `now`.
    pub(crate) fn judge(&self, hit: &MatchedFile<'_>, now: Timestamp) -> HitStatus<'_> {
        let mut best: Option<&Exclusion> = None;
        let mut comebacks = Vec::new();
        for slot in self.about(hit) {
            match slot.judge(hit, now, self.here.as_ref()) {
                Ok(Some(exclusion)) => {
                    if best.is_none_or(|best| exclusion.scope.kind() < best.scope.kind()) {
                        best = Some(exclusion);
                    }
                }
                Ok(None) => {}
                Err(why) => comebacks.push(LapsedExclusion { why, entry: &slot.entry }),
            }
        }
        match best {
            Some(exclusion) => HitStatus::Excluded(exclusion),
            None if comebacks.is_empty() => HitStatus::Open,
            None => HitStatus::Returned(comebacks),
        }
    }

    /// Every exclusion that covers a hit at `now`, in the register's order.
    pub(crate) fn covering(&self, hit: &MatchedFile<'_>, now: Timestamp) -> Vec<&Exclusion> {
        self.about(hit).into_iter().filter_map(|slot| slot.judge(hit, now, self.here.as_ref()).ok().flatten()).collect()
    }

    /// The slots that could be about a hit, in order, each once.
    fn about(&self, hit: &MatchedFile<'_>) -> Vec<&Slot> {
        let Some(index) = self.rules.get(hit.rule) else { return Vec::new() };
        let mut found: Vec<usize> = Vec::new();
        found.extend(index.paths.get(&*lasting(hit.path)).into_iter().flatten());
        found.extend(index.contents.get(hit.digest).into_iter().flatten());
        if !index.places.is_empty() && !is_inside(hit.path) {
            let above = hit.path.ancestors().skip(1);
            found.extend(above.filter_map(|folder| index.places.get(folder)).flatten());
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|slot| self.slots.get(slot)).collect()
    }
}

impl Slot {
    /// The exclusion if it covers the hit, nothing if it is not about it, the cause if it is and does not count.
    fn judge(&self, hit: &MatchedFile<'_>, now: Timestamp, here: Option<&BoundBox>) -> Result<Option<&Exclusion>, Why> {
        let exclusion = match &self.entry.content {
            Ok(exclusion) => exclusion,
            Err(InvalidEntry { cause, scope: Some(scope), .. }) if scope.covers(hit) => {
                return Err(Why::Doubtful(cause.clone()));
            }
            Err(_) => return Ok(None),
        };
        let same_rule = exclusion.rule_digest == *hit.rule_digest;
        if !same_rule && self.rule_is_loaded {
            return Ok(None);
        }
        let elsewhere = here.and_then(|here| bound::elsewhere(&exclusion.boxes, here));
        if elsewhere == Some(Elsewhere::OtherBox) {
            return Ok(None);
        }
        if !exclusion.scope.covers(hit) {
            return strayed(exclusion, hit).map_or(Ok(None), Err);
        }
        if let Some(Elsewhere::Doubtful(cause)) = elsewhere {
            return Err(Why::Doubtful(cause));
        }
        if let Some(refused) = &self.refused {
            return Err(Why::Doubtful(refused.clone()));
        }
        if let Err(defect) = exclusion.check() {
            return Err(Why::Doubtful(defect.to_string()));
        }
        if !same_rule {
            return Err(Why::RuleChanged);
        }
        if exclusion.is_expired(now) {
            return Err(Why::Expired);
        }
        if exclusion.created.duration_since(now) > CLOCK_SLACK {
            return Err(Why::Doubtful(format!(
                "it was made in the future, at {}; a clock is wrong",
                exclusion.created
            )));
        }
        if hit.known_sample && !(exclusion.known_sample && exclusion.seen.digest == *hit.digest) {
            return Err(Why::KnownSample);
        }
        Ok(Some(exclusion))
    }
}

/// What has changed about the very file an exclusion was made for, when its scope no longer covers that.
fn strayed(exclusion: &Exclusion, hit: &MatchedFile<'_>) -> Option<Why> {
    match &exclusion.scope {
        Scope::FileAsIs { path, digest } if is_same(path, hit.path) && digest != hit.digest => Some(other(digest, hit)),
        Scope::Content { .. } if exclusion.content_changed(hit) => Some(other(&exclusion.seen.digest, hit)),
        Scope::Path { path, owner } if is_same(path, hit.path) && !owner.is(hit.uid, hit.owner) => {
            Some(Why::OwnerChanged)
        }
        Scope::Folder { owner, .. } if exclusion.seen.path == hit.path && !owner.is(hit.uid, hit.owner) => {
            Some(Why::OwnerChanged)
        }
        _ => None,
    }
}

/// What it means that a hit has another digest.
fn other(digest: &Digest, hit: &MatchedFile<'_>) -> Why {
    if digest.is_comparable(hit.digest) { Why::ContentChanged } else { Why::NotComparable }
}

impl Scope {
    /// Whether a hit lies within this scope; rule and time are not asked.
    pub fn covers(&self, hit: &MatchedFile<'_>) -> bool {
        match self {
            Self::FileAsIs { path, digest } => digest == hit.digest && is_same(path, hit.path),
            Self::Content { digest } => digest == hit.digest,
            Self::Path { path, owner } => is_same(path, hit.path) && owner.is(hit.uid, hit.owner),
            // Whoever can put an archive there chose what is in it: that is another matter than what lies in the folder.
            Self::Folder { folder, owner } => {
                folder != hit.path
                    && hit.path.starts_with(folder)
                    && !is_inside(hit.path)
                    && owner.is(hit.uid, hit.owner)
            }
        }
    }
}

/// Which of these hits an exclusion would cover at `now`, as indices, before it is recorded.
///
/// This asks the same question as the next scan will, so the preview cannot differ from what comes of it.
pub(crate) fn covers<'a>(
    exclusion: &Exclusion,
    hits: impl IntoIterator<Item = MatchedFile<'a>>,
    now: Timestamp,
    folders: &dyn Folders,
) -> Vec<usize> {
    let alone = Exclusions::index([RegisterEntry::from(exclusion.clone())], folders);
    let excluded = |hit: &MatchedFile<'_>| matches!(alone.judge(hit, now), HitStatus::Excluded(_));
    hits.into_iter().enumerate().filter(|(_, hit)| excluded(hit)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests;
