//! What the responder decides: into the register, into the case, and back out of both.

use jiff::Timestamp;
use uuid::Uuid;

use super::opening::RecordsError;
use super::records::Records;
use crate::case::{Act, CaseError, Decision, FindingId, GivenAnswer, JournalEntry, JournalEvent, Record, Seq, Undo};
use crate::storage;
use crate::triage::Answer;
use crate::triage::bound;
use crate::triage::exclusion::{Exclusion, Revocation};
use crate::triage::matched_file::MatchedFile;
use crate::triage::matching;
use crate::triage::register::RegisterEntry;

/// Findings looked through at once.
const PAGE: usize = 4096;

/// Decisions that were taken back, or made again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reversal {
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// The findings that it was decided about.
    pub about: Vec<FindingId>,
    /// The findings that may have come to something else by it, each once.
    pub findings: Vec<FindingId>,
}

/// Whether a decision writes on a finding, or takes off what is written.
fn writes(decision: &Decision) -> bool {
    matches!(decision, Decision::Note { .. } | Decision::Tagged { .. })
}

impl Reversal {
    fn settled(mut self) -> Self {
        self.findings.extend(&self.about);
        self.findings.sort_unstable();
        self.findings.dedup();
        self
    }
}

impl Records {
    /// Records a decision about findings, as one step that is undone together.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn decide(&mut self, ids: &[FindingId], decision: &Decision) -> Result<(), CaseError> {
        self.decide_together(ids, std::slice::from_ref(decision), None)
    }

    /// Records several decisions about findings, as one step that is undone together, and which may be this case's part of an
    /// act over several cases.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn decide_together(
        &mut self,
        ids: &[FindingId],
        decisions: &[Decision],
        act: Option<&Act>,
    ) -> Result<(), CaseError> {
        let stamp = self.stamp();
        self.write(|case| case.decide_together(ids, decisions, act, &stamp))?;
        self.undone.clear();
        if decisions.iter().any(writes) {
            self.read_annotations()?;
        }
        for decision in decisions {
            tracing::info!(findings = ?ids, ?decision, "decision recorded");
        }
        Ok(())
    }

    /// Takes the last decision of the case back, whichever findings it is about, with all that was decided together with
    /// it. An exclusion that was recorded by it is revoked in the register; one that was revoked by it goes into the
    /// register again, as a new one.
    ///
    /// # Errors
    /// When there is nothing to undo, or register or case cannot be written.
    pub(crate) fn undo(&mut self) -> Result<Reversal, RecordsError> {
        let (undoing, reversal) = self.take_back()?;
        self.undone.push(undoing);
        Ok(reversal)
    }

    /// As [`Records::undo`], and the group of the journal that took it back.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn take_back(&mut self) -> Result<(Seq, Reversal), RecordsError> {
        let stamp = self.stamp();
        let group = self.write(|case| case.undo(Undo::Last, &stamp))?;
        let (target, mut reversal) = self.reversal(group)?;
        tracing::info!(?group, ?target, "decision undone");
        if reversal.decisions.iter().any(writes) {
            self.read_annotations()?;
        }
        for decision in &reversal.decisions {
            match decision {
                Decision::ExclusionRecorded { exclusion, .. } => {
                    reversal.findings.extend(self.withdraw(exclusion, "undone by the one who recorded it")?);
                }
                Decision::ExclusionRevoked { exclusion, .. } => reversal.findings.extend(self.renew(exclusion)?),
                _ => {}
            }
        }
        Ok((group, reversal.settled()))
    }

    /// Decides again what was taken back last in this session; nothing may have been decided since.
    ///
    /// # Errors
    /// When nothing was taken back, or register or case cannot be written.
    pub(crate) fn redo(&mut self) -> Result<Option<Reversal>, RecordsError> {
        let Some(undoing) = self.undone.pop() else { return Ok(None) };
        self.decide_again(undoing).map(Some)
    }

    /// Decides again what the group `undoing` of the journal took back, in the register too.
    ///
    /// # Errors
    /// When it is in force again already, or register or case cannot be written.
    pub(crate) fn decide_again(&mut self, undoing: Seq) -> Result<Reversal, RecordsError> {
        let (_, mut reversal) = self.undo_group(undoing)?;
        for decision in &reversal.decisions {
            match decision {
                Decision::ExclusionRecorded { exclusion, .. } => reversal.findings.extend(self.renew(exclusion)?),
                Decision::ExclusionRevoked { exclusion, reason } => {
                    reversal.findings.extend(self.withdraw(exclusion, reason)?);
                }
                _ => {}
            }
        }
        Ok(reversal.settled())
    }

    /// What the undoing that is this group of the journal was about, and the group that it undid.
    fn reversal(&self, undoing: Seq) -> Result<(Seq, Reversal), CaseError> {
        let first = self.case.entries(Seq(undoing.0 - 1)).next().transpose()?;
        let target = first.map_or(undoing, |entry| match entry.event {
            JournalEvent::Happened(Record::Undone { group }) => group,
            _ => undoing,
        });
        let mut reversal = Reversal::default();
        for entry in self.case.entries(Seq(target.0 - 1)) {
            let entry = entry?;
            if entry.group != target {
                break;
            }
            if let Some((id, _)) = entry.finding
                && !reversal.about.contains(&id)
            {
                reversal.about.push(id);
            }
            if let JournalEvent::Decided(decision) = entry.event
                && !reversal.decisions.contains(&decision)
            {
                reversal.decisions.push(decision);
            }
        }
        Ok((target, reversal))
    }

    /// Revokes in the register what is in force of an exclusion: itself, or the one that was made from it anew. Returns the
    /// findings that it covered.
    fn withdraw(&mut self, exclusion: &str, why: &str) -> Result<Vec<FindingId>, RecordsError> {
        let Some(exclusion) = exclusion.parse().ok().and_then(|id| self.in_force(id)).cloned() else {
            return Ok(Vec::new());
        };
        let covered = self.preview(&exclusion)?;
        let stamp = self.stamp();
        self.register.revoke(exclusion.id, &Revocation { by: stamp.actor, at: stamp.at, why: why.to_owned() })?;
        self.reindex();
        Ok(covered)
    }

    /// Puts a revoked exclusion into the register anew, under an id of its own: a revocation stays. Returns the findings
    /// that it covers.
    fn renew(&mut self, exclusion: &str) -> Result<Vec<FindingId>, RecordsError> {
        let Some(id) = exclusion.parse().ok().filter(|id| self.in_force(*id).is_none()) else { return Ok(Vec::new()) };
        let Some(revoked) = self.exclusion(id).cloned() else { return Ok(Vec::new()) };
        let stamp = self.stamp();
        let anew = Exclusion { id: storage::new_id(), by: stamp.actor, created: stamp.at, revoked: None, ..revoked };
        self.register.add(&anew)?;
        self.reindex();
        Ok(self.preview(&anew)?)
    }

    /// Whether an answer counts: that a scenario applies counts no longer than the exclusion that it was recorded with.
    pub(super) fn stands(&self, given: &GivenAnswer, history: &[JournalEntry]) -> bool {
        if given.answer != Answer::Applies {
            return true;
        }
        let in_force = || history.iter().rev().filter(|entry| !entry.undone);
        let answered = in_force().find(|entry| {
            matches!(&entry.event, JournalEvent::Decided(Decision::Answered { scenario, .. }) if *scenario == given.scenario)
        });
        let group = answered.map(|entry| entry.group);
        let excluded = in_force().filter(|entry| Some(entry.group) == group).find_map(|entry| match &entry.event {
            JournalEvent::Decided(Decision::ExclusionRecorded { exclusion, .. }) => Some(exclusion),
            _ => None,
        });
        let Some(excluded) = excluded else { return true };
        let id: Option<Uuid> = excluded.parse().ok();
        if id.is_some_and(|id| self.in_force(id).is_some()) {
            return true;
        }
        let revoked_here = in_force().any(|entry| {
            matches!(&entry.event, JournalEvent::Decided(Decision::ExclusionRevoked { exclusion, .. }) if exclusion == excluded)
        });
        !revoked_here && id.is_none_or(|id| self.exclusion(id).is_none())
    }

    /// The exclusion of this id, or the one that was made from it anew, unless it is revoked.
    fn in_force(&self, id: Uuid) -> Option<&Exclusion> {
        let of_id = self.exclusion(id)?;
        let entries = self.register.entries().iter().filter_map(RegisterEntry::exclusion);
        let says_the_same = |other: &&Exclusion| {
            let said = |it: &Exclusion| {
                (it.rule.clone(), it.rule_digest, it.covers(), it.scope.clone(), it.reason.clone(), it.expires)
            };
            said(other) == said(of_id)
        };
        { entries }.find(|other| (other.id == id || says_the_same(other)) && other.revoked.is_none())
    }

    /// Which findings of this scan an exclusion would cover.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn preview(&self, exclusion: &Exclusion) -> Result<Vec<FindingId>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        if bound::elsewhere(&exclusion.boxes, &self.here).is_some() {
            return Ok(Vec::new());
        }
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
        self.add_to_register(exclusion)?;
        Ok(self.decide_together(ids, &Self::decisions_of(exclusion), None)?)
    }

    /// Records an exclusion in the register only.
    ///
    /// # Errors
    /// When the register cannot be written.
    pub(crate) fn add_to_register(&mut self, exclusion: &Exclusion) -> Result<(), RecordsError> {
        self.register.add(exclusion)?;
        self.reindex();
        Ok(())
    }

    /// What a case records of an exclusion of one of its findings.
    pub(crate) fn decisions_of(exclusion: &Exclusion) -> Vec<Decision> {
        let summary = serde_json::json!({
            "scope": exclusion.covers(),
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
        answered.into_iter().chain([recorded]).collect()
    }

    /// Takes back all that was decided together in `group`, or, if that took something back itself, decides that again; what the
    /// register holds stays. Returns the group that did so, and what it was about.
    ///
    /// # Errors
    /// When it is not there or was undone, or the case cannot be written.
    pub(crate) fn undo_group(&mut self, group: Seq) -> Result<(Seq, Reversal), CaseError> {
        let stamp = self.stamp();
        let (_, taken_back) = self.reversal(group)?;
        let undoing = self.write(|case| case.undo(Undo::Entry(group), &stamp))?;
        tracing::info!(?group, ?undoing, about = ?taken_back.decisions, "decision undone or made again");
        self.read_annotations()?;
        Ok((undoing, taken_back))
    }

    /// Revokes an exclusion in the register and notes it in the case.
    ///
    /// # Errors
    /// When register or case cannot be written.
    pub(crate) fn revoke(&mut self, id: Uuid, why: &str) -> Result<(), RecordsError> {
        let why = why.trim().to_owned();
        self.revoke_in_register(id, &why)?;
        Ok(self.decide(&[], &Decision::ExclusionRevoked { exclusion: id.to_string(), reason: why })?)
    }

    /// Revokes an exclusion in the register only.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn revoke_in_register(&mut self, id: Uuid, why: &str) -> Result<(), RecordsError> {
        let stamp = self.stamp();
        self.register.revoke(id, &Revocation { by: stamp.actor, at: stamp.at, why: why.to_owned() })?;
        self.reindex();
        Ok(())
    }
}
