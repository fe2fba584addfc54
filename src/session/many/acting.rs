//! Deciding over many cases at once: one act, journalled in every case that it touches, and taken back as one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{BoxCase, ManyCases, ManyFinding};
use crate::case::{Act, Annotations, Case, Decision, FindingId, LastDecided, Seq};
use crate::finding::{Digest, FileFacts, Sha256};
use crate::root::Root;
use crate::session::kept_evidence::kept_scenarios;
use crate::session::opening::RecordsError;
use crate::session::records::Records;
use crate::session::{FindingDetails, FindingStatus};
use crate::session::{RecordPlan, RuleCatalog};
use crate::storage;
use crate::text;
use crate::triage::assess::BoxSaid;
use crate::triage::bound::{self, BoundBox, MAX_BOXES};
use crate::triage::exclusion::Exclusion;
use crate::triage::folders::{NoFolders, Proposal};
use crate::triage::matched_file::MatchedFile;
use crate::triage::matching;
use crate::triage::register::{Register, RegisterEntry};
use crate::triage::scope::Scope;
use crate::triage::{Actor, Answer};

/// Cases that are kept open at most.
const OPEN: usize = 16;

/// Many cases, to decide on.
pub(crate) struct ManyRecords {
    /// The cases as they are listed.
    pub many: ManyCases,
    book: Arc<RuleCatalog>,
    register: Option<PathBuf>,
    actor: Actor,
    /// Those that are open, the one used last at the end.
    open: Vec<(u32, Records)>,
    /// Each case's last decision in force, as far as that was looked up.
    last: HashMap<u32, Option<LastDecided>>,
    /// What was taken back in this session and can be decided again, the last at the end: in each case, the group that took it
    /// back; in the first of them the register went with it.
    undone: Vec<Vec<(u32, Seq)>>,
}

/// What became of an act.
#[derive(Debug, Default)]
pub(crate) struct Acted {
    /// The findings that may have come to something else.
    pub findings: Vec<usize>,
    /// Cases that it was recorded in.
    pub cases: usize,
    /// Cases that it could not be recorded in, and why; safe text.
    pub failed: Vec<String>,
}

impl Acted {
    /// One case more that it could not be recorded in.
    fn fails(&mut self, error: &RecordsError) {
        self.failed.push(text::escape_str(&error.to_string()).into_owned());
    }
}

impl ManyRecords {
    /// To decide on `many` with the hunts of `book`, exclusions going into `register`.
    pub(crate) fn new(many: ManyCases, book: Arc<RuleCatalog>, register: Option<PathBuf>, actor: Actor) -> Self {
        Self { many, book, register, actor, open: Vec::new(), last: HashMap::new(), undone: Vec::new() }
    }

    /// The hunts.
    pub(crate) fn book(&self) -> &Arc<RuleCatalog> {
        &self.book
    }

    /// The records of one case, opened for reading where they are not.
    fn records(&mut self, case: u32) -> Result<&mut Records, RecordsError> {
        if let Some(place) = self.open.iter().position(|(open, _)| *open == case) {
            let used = self.open.remove(place);
            self.open.push(used);
        } else {
            let BoxCase { path, host, scan, .. } = &self.many.cases[case as usize];
            let plan = RecordPlan {
                case: Some(path.clone()),
                register: self.register.clone(),
                tree: scan.tree.clone(),
                root: Root::live(),
                host: host.clone(),
                actor: self.actor.clone(),
                reopened: true,
            };
            let mut records = Records::read(plan, path, Arc::clone(&self.book))?;
            records.resume()?;
            if self.open.len() >= OPEN {
                self.open.remove(0);
            }
            self.open.push((case, records));
        }
        match self.open.last_mut() {
            Some((_, records)) => Ok(records),
            None => Err(RecordsError::Case(crate::case::CaseError {
                path: PathBuf::new(),
                fault: crate::case::CaseErrorKind::NothingChosen,
            })),
        }
    }

    /// The records of one case, to write to it.
    fn writable(&mut self, case: u32) -> Result<&mut Records, RecordsError> {
        self.last.remove(&case);
        let records = self.records(case)?;
        records.begin_writing()?;
        Ok(records)
    }

    fn finding(&self, index: usize) -> Option<&ManyFinding> {
        self.many.findings.get(index)
    }

    /// Everything about one finding, with what its case keeps of what its box said. An exclusion of it could be of its content,
    /// wherever that is: paths of one box say nothing of another.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn open_finding(&mut self, index: usize) -> Result<Option<FindingDetails>, RecordsError> {
        let Some(&ManyFinding { case, id, .. }) = self.finding(index) else { return Ok(None) };
        let records = self.records(case)?;
        let mut opened = records.open_finding(id)?;
        let kept = records.kept_evidence(id, &opened.finding.file)?;
        opened.kept = Some(Box::new(kept));
        opened.scopes = proposals(&opened.finding.file);
        opened.boxes = self.boxes_with(index);
        self.take_over(index, &opened.judged);
        Ok(Some(opened))
    }

    /// The boxes that have what a finding found, its own first; none where one of them cannot be told from others, or there are
    /// too many to bind an exclusion to.
    fn boxes_with(&self, index: usize) -> Vec<BoundBox> {
        let identity = |place: &usize| Some(&self.many.cases.get(self.finding(*place)?.case as usize)?.identity);
        let Some(own) = identity(&index).filter(|own| !own.id.is_empty()) else { return Vec::new() };
        let others: BTreeSet<_> = self.alike(index).iter().filter_map(identity).filter(|other| *other != own).collect();
        if others.iter().any(|other| other.id.is_empty()) || others.len() >= MAX_BOXES {
            return vec![own.clone()];
        }
        std::iter::once(own).chain(others).cloned().collect()
    }

    /// The findings by what found them and their content, as `index` is.
    pub(crate) fn alike(&self, index: usize) -> Vec<usize> {
        let Some(this) = self.finding(index) else { return Vec::new() };
        let same = |other: &ManyFinding| other.rule == this.rule && other.digest == this.digest;
        self.many.findings.iter().enumerate().filter(|(_, other)| same(other)).map(|(place, _)| place).collect()
    }

    /// What each box said of the scenarios of findings, by box; those of which their case holds nothing are left out.
    pub(crate) fn said(&mut self, indexes: &[usize]) -> Vec<(String, Vec<BoxSaid>)> {
        let mut said = Vec::new();
        for (case, ids) in self.by_case(indexes) {
            let BoxCase { path, host, scan, .. } = &self.many.cases[case as usize];
            let Ok(opened) = Case::open_read_only(path) else { continue };
            let of_case = ids.iter().filter_map(|(_, id)| kept_scenarios(&opened, scan.id, *id).ok().flatten());
            said.extend(of_case.map(|all| (host.clone(), all)));
        }
        said
    }

    fn by_case(&self, indexes: &[usize]) -> BTreeMap<u32, Vec<(usize, FindingId)>> {
        let mut by_case: BTreeMap<u32, Vec<(usize, FindingId)>> = BTreeMap::new();
        for index in indexes {
            if let Some(finding) = self.finding(*index) {
                by_case.entry(finding.case).or_default().push((*index, finding.id));
            }
        }
        by_case
    }

    fn take_over(&mut self, index: usize, judged: &FindingStatus) {
        if let Some(finding) = self.many.findings.get_mut(index) {
            finding.verdict = judged.verdict;
            finding.returned.clone_from(&judged.returned);
            finding.against_the_box = judged.against_the_box;
        }
    }

    /// Records decisions about findings, which are one act, in every case that they are of. Each case has all of it or nothing.
    ///
    /// # Errors
    /// When no case could be written.
    pub(crate) fn decide(&mut self, indexes: &[usize], decisions: &[Decision]) -> Result<Acted, RecordsError> {
        self.act(self.by_case(indexes), decisions)
    }

    fn act(
        &mut self,
        by_case: BTreeMap<u32, Vec<(usize, FindingId)>>,
        decisions: &[Decision],
    ) -> Result<Acted, RecordsError> {
        self.undone.clear();
        let cases = by_case.len() as u64;
        let act = (cases > 1).then(|| Act { id: storage::new_id().to_string(), cases });
        let mut acted = Acted::default();
        let mut first = None;
        for (case, findings) in by_case {
            let ids: Vec<_> = findings.iter().map(|(_, id)| *id).collect();
            let done =
                self.writable(case).and_then(|records| Ok(records.decide_together(&ids, decisions, act.as_ref())?));
            match done {
                Ok(()) => {
                    acted.cases += 1;
                    acted.findings.extend(findings.iter().map(|(index, _)| *index));
                }
                Err(error) => {
                    acted.fails(&error);
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if acted.cases == 0 => Err(error),
            _ => self.judge(acted),
        }
    }

    /// Brings up to date what findings have come to.
    fn judge(&mut self, acted: Acted) -> Result<Acted, RecordsError> {
        for (case, findings) in self.by_case(&acted.findings) {
            let ids: Vec<_> = findings.iter().map(|(_, id)| *id).collect();
            let records = self.records(case)?;
            let judged = records.judge_again(&ids)?;
            for ((index, _), (_, status)) in findings.iter().zip(&judged) {
                self.take_over(*index, status);
            }
            let written: Vec<_> = ids.iter().map(|id| self.written(case, *id)).collect();
            for ((index, _), written) in findings.iter().zip(written) {
                if let Some(finding) = self.many.findings.get_mut(*index) {
                    finding.written = written;
                }
            }
        }
        Ok(acted)
    }

    fn written(&mut self, case: u32, id: FindingId) -> Option<Box<Annotations>> {
        self.records(case).ok()?.written(id).cloned().map(Box::new)
    }

    /// Which findings of all cases an exclusion would cover.
    pub(crate) fn preview(&self, exclusion: &Exclusion) -> Vec<usize> {
        self.covered_among(exclusion, 0..self.many.findings.len())
    }

    /// How many findings of all cases each exclusion covers that is in force.
    pub(crate) fn hits<'e>(&self, exclusions: impl Iterator<Item = &'e Exclusion>) -> Vec<(Uuid, u64)> {
        let mut by_digest: HashMap<Digest, Vec<usize>> = HashMap::new();
        for (index, finding) in self.many.findings.iter().enumerate() {
            by_digest.entry(finding.digest).or_default().push(index);
        }
        let count = |exclusion: &Exclusion| match &exclusion.scope {
            Scope::Content { digest } => {
                let alike = by_digest.get(digest).map(Vec::as_slice).unwrap_or_default();
                self.covered_among(exclusion, alike.iter().copied()).len() as u64
            }
            _ => self.preview(exclusion).len() as u64,
        };
        let now = Timestamp::now();
        let in_force = exclusions.filter(|one| one.revoked.is_none() && now < one.expires);
        in_force.map(|exclusion| (exclusion.id, count(exclusion))).collect()
    }

    fn covered_among(&self, exclusion: &Exclusion, indexes: impl Iterator<Item = usize>) -> Vec<usize> {
        let about: Vec<(usize, &ManyFinding, String, Sha256, bool)> = indexes
            .filter_map(|index| {
                let finding = self.finding(index)?;
                let found_by = self.many.rule_of(finding)?;
                let here = &self.many.case_of(finding)?.identity;
                if bound::elsewhere(&exclusion.boxes, here).is_some() {
                    return None;
                }
                let digest = self.book.subject(found_by)?.digest;
                let known = self.book.is_known_sample(found_by, &finding.digest);
                Some((index, finding, found_by.name().into_owned(), digest, known))
            })
            .collect();
        let hits = about.iter().map(|(_, finding, name, digest, known)| MatchedFile {
            rule: name,
            rule_digest: digest,
            path: &finding.path,
            digest: &finding.digest,
            uid: finding.uid,
            owner: finding.owner.as_deref(),
            known_sample: *known,
        });
        let covered = matching::covers(exclusion, hits, Timestamp::now(), &NoFolders);
        covered.into_iter().filter_map(|place| about.get(place)).map(|(index, ..)| *index).collect()
    }

    /// Records an exclusion: once in the register, and in every case of which it covers a finding.
    ///
    /// # Errors
    /// When the register cannot be written, nothing is recorded; when no case can, the register holds it all the same.
    pub(crate) fn exclude(&mut self, index: usize, exclusion: &Exclusion) -> Result<Acted, RecordsError> {
        let mut covered: BTreeSet<usize> = self.preview(exclusion).into_iter().collect();
        covered.insert(index);
        let indexes: Vec<_> = covered.into_iter().collect();
        let Some(&ManyFinding { case, .. }) = self.finding(index) else { return Ok(Acted::default()) };
        self.records(case)?.add_to_register(exclusion)?;
        self.reread_register();
        self.act(self.by_case(&indexes), &Records::decisions_of(exclusion))
    }

    /// Has all open cases go by the register as it is now.
    fn reread_register(&mut self) {
        for (_, records) in &mut self.open {
            if let Err(error) = records.reload_register() {
                tracing::warn!("the register is judged by as last read: {error}");
            }
        }
    }

    /// Revokes an exclusion: once in the register, and in every case of which it covered a finding.
    ///
    /// # Errors
    /// When the register cannot be written.
    pub(crate) fn revoke(&mut self, id: Uuid, why: &str) -> Result<Acted, RecordsError> {
        let exclusion =
            self.register()?.into_iter().find_map(|entry| entry.exclusion().filter(|one| one.id == id).cloned());
        let findings = exclusion.map(|exclusion| self.preview(&exclusion)).unwrap_or_default();
        let mut by_case = self.by_case(&findings);
        if by_case.is_empty() {
            // One that covers nothing here is on record all the same.
            by_case.insert(0, Vec::new());
        }
        let (reason, first) = (why.trim().to_owned(), by_case.first_key_value().map_or(0, |(case, _)| *case));
        self.records(first)?.revoke_in_register(id, &reason)?;
        self.reread_register();
        self.act(by_case, &[Decision::ExclusionRevoked { exclusion: id.to_string(), reason }])
    }

    /// The entries of the register as it is on disk.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn register(&self) -> Result<Vec<RegisterEntry>, RecordsError> {
        let register = self.register.as_ref().map_or_else(|| Ok(Register::in_memory()), Register::load)?;
        Ok(register.entries().to_vec())
    }

    /// Takes the last decision of all cases back, whichever finding it is about, in every case in which it was the same act.
    ///
    /// # Errors
    /// When there is nothing to undo, or the case that it was recorded in last cannot be written.
    pub(crate) fn undo(&mut self) -> Result<Acted, RecordsError> {
        let Some((case, act)) = self.last_decided() else { return Ok(Acted::default()) };
        let mut acted = Acted { cases: 1, ..Acted::default() };
        let (undoing, taken_back) = self.writable(case)?.take_back()?;
        let mut undone = vec![(case, undoing)];
        let mut touched = BTreeMap::from([(case, taken_back.findings)]);
        self.reread_register();
        if let Some(act) = act {
            for other in (0..self.many.cases.len() as u32).filter(|other| *other != case) {
                match self.undo_act(other, &act) {
                    Ok(None) => {}
                    Ok(Some((undoing, findings))) => {
                        acted.cases += 1;
                        undone.push((other, undoing));
                        touched.insert(other, findings);
                    }
                    Err(error) => acted.fails(&error),
                }
            }
        }
        self.undone.push(undone);
        acted.findings = self.indexes_of(&touched);
        self.judge(acted)
    }

    /// Decides again what was taken back last in this session, in every case in which it was; nothing may have been decided
    /// since. `None` when there is nothing.
    ///
    /// # Errors
    /// When register or case that it was taken back in first cannot be written.
    pub(crate) fn redo(&mut self) -> Result<Option<Acted>, RecordsError> {
        let Some(undone) = self.undone.pop() else { return Ok(None) };
        let mut acted = Acted::default();
        let mut touched = BTreeMap::new();
        for (place, (case, undoing)) in undone.into_iter().enumerate() {
            let again = self.writable(case).and_then(|records| match place {
                0 => Ok(records.decide_again(undoing)?.findings),
                _ => Ok(records.undo_group(undoing)?.1.about),
            });
            match again {
                Ok(findings) => {
                    acted.cases += 1;
                    touched.insert(case, findings);
                }
                Err(error) if place == 0 => return Err(error),
                Err(error) => acted.fails(&error),
            }
            if place == 0 {
                self.reread_register();
            }
        }
        acted.findings = self.indexes_of(&touched);
        self.judge(acted).map(Some)
    }

    /// Where findings are in the list.
    fn indexes_of(&self, by_case: &BTreeMap<u32, Vec<FindingId>>) -> Vec<usize> {
        let by_case: HashMap<u32, BTreeSet<FindingId>> =
            by_case.iter().map(|(case, ids)| (*case, ids.iter().copied().collect())).collect();
        let concerned = |finding: &ManyFinding| by_case.get(&finding.case).is_some_and(|ids| ids.contains(&finding.id));
        self.many.findings.iter().enumerate().filter(|(_, one)| concerned(one)).map(|(place, _)| place).collect()
    }

    /// The case in which a decision was recorded last that is in force, and the act if it is part of one over several. What a case says of that is read once, until it is written to.
    fn last_decided(&mut self) -> Option<(u32, Option<String>)> {
        for case in 0..self.many.cases.len() as u32 {
            if !self.last.contains_key(&case) {
                let read = Case::open_read_only(&self.many.cases[case as usize].path);
                let read = read.and_then(|case| case.last_decided());
                self.last.insert(case, read.ok().flatten());
            }
        }
        let last = self.last.iter().filter_map(|(case, last)| Some((last.as_ref()?.at, *case)));
        let (_, case) = last.max()?;
        let act = self.last.get(&case)?.as_ref()?.act.clone();
        Some((case, act))
    }

    /// Takes back what one case holds of an act: the group that did so, and the findings that it was about. `None` where the case
    /// knows nothing of the act, as most do; those are not opened for writing.
    fn undo_act(&mut self, case: u32, act: &str) -> Result<Option<(Seq, Vec<FindingId>)>, RecordsError> {
        let path = self.many.cases[case as usize].path.clone();
        let Some(group) = Case::open_read_only(&path)?.group_of_act(act)? else { return Ok(None) };
        let (undoing, taken_back) = self.writable(case)?.undo_group(group)?;
        Ok(Some((undoing, taken_back.about)))
    }
}

/// The scopes that an exclusion over many boxes may have: the content wherever it is.
fn proposals(file: &FileFacts) -> Vec<Proposal> {
    vec![Proposal { scope: Scope::Content { digest: file.digest }, allowed: Ok(()) }]
}

/// How an answer over several boxes is told: `ruled out in 14 cases`.
pub(crate) fn told(word: &str, acted: &Acted) -> String {
    let failed = match acted.failed.as_slice() {
        [] => String::new(),
        [first, ..] => format!("; NOT in {}: {first}", text::counted(acted.failed.len() as u64, "case")),
    };
    let findings = text::counted(acted.findings.len() as u64, "finding");
    format!("{word} for {findings} in {}{failed}", text::counted(acted.cases as u64, "case"))
}

/// The word for an answer as it is told.
pub(crate) fn answered(answer: Answer) -> &'static str {
    match answer {
        Answer::RuledOut => "ruled out",
        Answer::Applies | Answer::Unsure => "answered",
    }
}
