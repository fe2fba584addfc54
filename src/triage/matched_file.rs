//! What exclusions are held against: a rule that matched a file, cut down to what decides.

use std::path::Path;

use crate::finding::{Digest, FileFacts, Sha256};

use super::scope::Owner;

/// One rule that matched one file.
#[derive(Debug, Clone, Copy)]
pub struct MatchedFile<'a> {
    /// Name of the rule.
    pub rule: &'a str,
    /// Digest of the rule as it was when it matched.
    pub rule_digest: &'a Sha256,
    /// Path as walked.
    pub path: &'a Path,
    /// Digest of the bytes that were scanned.
    pub digest: &'a Digest,
    /// Owner's user id.
    pub uid: u32,
    /// Owner's name on the box, if it has one.
    pub owner: Option<&'a str>,
    /// Whether the rule's `hash` meta lists this content.
    pub known_sample: bool,
}

impl<'a> MatchedFile<'a> {
    /// A rule that matched `file`; of no known sample until [`MatchedFile::known_sample`] is set.
    pub fn new(rule: &'a str, rule_digest: &'a Sha256, file: &'a FileFacts) -> Self {
        Self {
            rule,
            rule_digest,
            path: &file.path,
            digest: &file.digest,
            uid: file.uid,
            owner: file.owner.as_deref(),
            known_sample: false,
        }
    }

    /// Owner as it is put on record.
    pub fn owner(&self) -> Owner {
        Owner { uid: self.uid, name: self.owner.map(str::to_owned) }
    }
}
