//! What the responder decides: into the register, into the case, and back out of both.

use jiff::Timestamp;
use uuid::Uuid;

use super::opening::RecordsError;
use super::records::Records;
use crate::case::{CaseError, Decision, FindingId, Seq, Undo};
use crate::triage::Answer;
use crate::triage::exclusion::{Exclusion, Revocation};
use crate::triage::matched_file::MatchedFile;
use crate::triage::matching;

/// Findings looked through at once.
const PAGE: usize = 4096;

impl Records {
    /// Records a decision about findings, as one step that is undone together.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn decide(&mut self, ids: &[FindingId], decision: &Decision) -> Result<(), CaseError> {
        self.decide_together(ids, std::slice::from_ref(decision))
    }

    fn decide_together(&mut self, ids: &[FindingId], decisions: &[Decision]) -> Result<(), CaseError> {
        let stamp = self.stamp();
        self.write(|case| case.decide_together(ids, decisions, &stamp))?;
        for decision in decisions {
            tracing::info!(findings = ?ids, ?decision, "decision recorded");
        }
        Ok(())
    }

    /// Takes the last decision about a finding back, with all that was decided together with it. An exclusion that was
    /// recorded by it is revoked in the register. Returns the findings that may have come to something else by it.
    ///
    /// # Errors
    /// When there is nothing to undo, or register or case cannot be written.
    pub(crate) fn undo(&mut self, id: FindingId) -> Result<Vec<FindingId>, RecordsError> {
        let before = self.case.recorded_exclusion(id)?;
        let stamp = self.stamp();
        let group = self.write(|case| case.undo(Undo::LastOf(id), &stamp))?;
        let after = self.case.recorded_exclusion(id)?;
        tracing::info!(finding = ?id, ?group, "decision undone");
        let mut concerned = self.group(group)?;
        let undone = before.filter(|exclusion| after.as_ref() != Some(exclusion)).and_then(|id| id.parse().ok());
        let undone = undone.and_then(|id| self.exclusion(id)).filter(|entry| entry.revoked.is_none()).cloned();
        if let Some(exclusion) = undone {
            concerned.extend(self.preview(&exclusion)?);
            let why = "undone by the one who recorded it".to_owned();
            self.register.revoke(exclusion.id, &Revocation { by: stamp.actor, at: stamp.at, why })?;
            self.reindex();
        }
        concerned.sort_unstable();
        concerned.dedup();
        Ok(concerned)
    }

    /// The findings that a group of the journal is about.
    fn group(&self, group: Seq) -> Result<Vec<FindingId>, CaseError> {
        let entries = self.case.journal(Seq(group.0 - 1), usize::MAX)?;
        let of_group = entries.into_iter().take_while(|entry| entry.group == group);
        Ok(of_group.filter_map(|entry| entry.finding.map(|(id, _)| id)).collect())
    }

    /// Which findings of this scan an exclusion would cover.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn preview(&self, exclusion: &Exclusion) -> Result<Vec<FindingId>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        let now = Timestamp::now();
        let mut covered = Vec::new();
        let mut after = FindingId(0);
        loop {
            let page = self.case.findings(scan, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(covered) };
            after = last.id;
            let about: Vec<_> = page
                .iter()
                .filter_map(|row| Some((row, row.found_by.name(), self.book.subject(&row.found_by)?.digest)))
                .collect();
            let hits = about.iter().map(|(row, name, digest)| MatchedFile {
                rule: name,
                rule_digest: digest,
                path: &row.path,
                digest: &row.digest,
                uid: row.uid,
                owner: row.owner.as_deref(),
                known_sample: self.book.is_known_sample(&row.found_by, &row.digest),
            });
            let indexes = matching::covers(exclusion, hits, now, &self.folders);
            covered.extend(indexes.into_iter().filter_map(|index| about.get(index)).map(|(row, ..)| row.id));
        }
    }

    /// Records an exclusion: in the register first, then in the case, there together with the answer that its scenario
    /// applies. When this returns it is on the disk.
    ///
    /// # Errors
    /// When the register cannot be written, nothing is recorded; when the case cannot, the register holds the exclusion
    /// and the finding shows as excluded all the same.
    pub(crate) fn exclude(&mut self, ids: &[FindingId], exclusion: &Exclusion) -> Result<(), RecordsError> {
        self.register.add(exclusion)?;
        self.reindex();
        let summary = serde_json::json!({
            "scope": exclusion.scope.to_string(),
            "scenario": exclusion.scenario,
            "reason": exclusion.reason,
            "verdict": exclusion.judgement.word(),
            "expires": exclusion.expires.to_string(),
            "ticket": exclusion.ticket,
            "checks": exclusion.checks.iter().map(|seen| serde_json::json!({
                "check": seen.check, "result": seen.result.word(), "seen": seen.seen,
            })).collect::<Vec<_>>(),
        });
        let answered = exclusion.scenario.clone().map(|scenario| Decision::Answered {
            scenario,
            answer: Answer::Applies,
            note: Some(exclusion.reason.clone()),
        });
        let recorded = Decision::ExclusionRecorded { exclusion: exclusion.id.to_string(), summary };
        let decisions: Vec<_> = answered.into_iter().chain([recorded]).collect();
        Ok(self.decide_together(ids, &decisions)?)
    }

    /// Revokes an exclusion in the register and notes it in the case.
    ///
    /// # Errors
    /// When register or case cannot be written.
    pub(crate) fn revoke(&mut self, id: Uuid, why: &str) -> Result<(), RecordsError> {
        let stamp = self.stamp();
        let why = why.trim().to_owned();
        self.register.revoke(id, &Revocation { by: stamp.actor, at: stamp.at, why: why.clone() })?;
        self.reindex();
        Ok(self.decide(&[], &Decision::ExclusionRevoked { exclusion: id.to_string(), reason: why })?)
    }
}
