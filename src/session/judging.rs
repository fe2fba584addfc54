//! What findings have come to: the case and the register brought to agree, and what the box has said of each.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::finding_status::FindingStatus;
use super::records::Records;
use super::rule_catalog::RuleRef;
use super::signs::kept_signs;
use super::{Excluded, register_status};
use crate::case::{CaseError, Cover, FindingId};
use crate::finding::{FileFacts, FoundBy};
use crate::triage::Verdict;
use crate::triage::exclusion::Exclusion;
use crate::triage::filter::Signs;
use crate::triage::matched_file::MatchedFile;
use crate::triage::matching::HitStatus;
use crate::triage::register::RegisterEntry;

/// A finding of a rule of this session, and what the register says of it.
type CoveredFinding = (FindingId, RuleRef, Option<Cover>);

impl Records {
    /// What the register, as last read, says of findings; those of rules that are not of this session are left out.
    fn covers(&self, about: &[(FindingId, &FoundBy, &FileFacts)]) -> Result<Vec<CoveredFinding>, CaseError> {
        let now = Timestamp::now();
        let mut known = Vec::with_capacity(about.len());
        for &(id, rule, file) in about {
            let Some(subject) = self.book.subject(rule) else { continue };
            let name = rule.name();
            let known_sample = self.book.is_known_sample(rule, &file.digest);
            let hit = MatchedFile { known_sample, ..MatchedFile::new(&name, &subject.digest, file) };
            let standing = self.exclusions.judge(&hit, now);
            let cover = match (register_status::cover(&standing), &standing) {
                (None, HitStatus::Open) => self
                    .case
                    .recorded_exclusion(id)?
                    .map(|exclusion| Cover { exclusion, lapsed: Some(register_status::REMOVED.to_owned()) }),
                (cover, _) => cover,
            };
            known.push((id, subject, cover));
        }
        Ok(known)
    }

    /// What the register and the case say of findings; both come to agree.
    pub(super) fn judge(
        &mut self,
        about: &[(FindingId, &FoundBy, &FileFacts)],
    ) -> Result<Vec<FindingStatus>, CaseError> {
        let mut known = self.covers(about)?;
        let removed = |(_, _, cover): &CoveredFinding| {
            cover.as_ref().is_some_and(|cover| cover.lapsed.as_deref() == Some(register_status::REMOVED))
        };
        // Another Huntbook on this case and register may have recorded it since the register was read.
        if known.iter().any(removed) {
            match self.reload_register() {
                Ok(()) => known = self.covers(about)?,
                Err(error) => tracing::warn!("the register is judged by as last read: {error}"),
            }
        }
        if !self.reading {
            let covers: Vec<_> = known.iter().map(|(id, _, cover)| (*id, cover.clone())).collect();
            let stamp = self.stamp();
            self.write(|case| case.apply_register(&covers, &stamp))?;
            self.note_exclusions(&covers)?;
        }
        let judged = known.into_iter().map(|(id, subject, cover)| {
            let verdict =
                if self.reading { self.case.verdict_under(id, cover.as_ref())? } else { self.case.verdict(id)? };
            let (in_force, lapsed) = match cover {
                Some(Cover { exclusion, lapsed: None }) => (exclusion.parse().ok(), None),
                Some(Cover { lapsed, .. }) => (None, lapsed),
                None => (None, None),
            };
            let returned = lapsed.filter(|_| verdict == Verdict::Open);
            let gone = self.unmet.get(&id).copied();
            let against_the_box = in_force.and_then(|id| self.exclusion(id)).is_some_and(Exclusion::is_against_the_box);
            Ok(FindingStatus { id, subject, verdict, returned, exclusion: in_force, against_the_box, gone })
        });
        judged.collect()
    }

    /// Has the case hold the words of the exclusions that cover findings.
    fn note_exclusions(&mut self, covers: &[(FindingId, Option<Cover>)]) -> Result<(), CaseError> {
        let in_force = covers.iter().filter_map(|(_, cover)| cover.as_ref().filter(|cover| cover.lapsed.is_none()));
        let new: BTreeSet<Uuid> = in_force.filter_map(|cover| cover.exclusion.parse().ok()).collect();
        let new: BTreeSet<Uuid> = new.into_iter().filter(|id| !self.noted.contains(id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let entries = self.register.entries().iter().filter_map(RegisterEntry::exclusion);
        let met = entries.filter(|exclusion| new.contains(&exclusion.id));
        let words: Vec<_> =
            met.map(|exclusion| (exclusion.id.to_string(), Excluded::from(exclusion).words())).collect();
        let stamp = self.stamp();
        self.write(|case| case.record_exclusions(&words, &stamp))?;
        self.noted.extend(new);
        Ok(())
    }

    /// What the box has said of a finding of the last scan.
    pub(crate) fn signs(&self, id: FindingId) -> Signs {
        self.signs.get(&id).copied().unwrap_or_default()
    }

    /// Takes over what the case keeps of what the box said, for a case that is opened again.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn recall_signs(&mut self) -> Result<(), CaseError> {
        if let Some(scan) = self.scan {
            self.signs = kept_signs(&self.case, scan)?;
        }
        Ok(())
    }
}
