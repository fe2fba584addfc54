//! Deciding over many cases at once: one act, journalled in every case that it touches, and taken back as one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{BoxCase, ManyCases, ManyFinding};
use crate::case::{Case, CaseError, Decision, FindingId, JournalEvent, Seq};
use crate::finding::{FileFacts, Sha256};
use crate::root::Root;
use crate::session::kept_evidence::kept_scenarios;
use crate::session::opening::RecordsError;
use crate::session::records::Records;
use crate::session::{FindingDetails, FindingStatus};
use crate::session::{RecordPlan, RuleCatalog};
use crate::storage;
use crate::text;
use crate::triage::assess::BoxSaid;
use crate::triage::exclusion::Exclusion;
use crate::triage::folders::{NoFolders, Proposal};
use crate::triage::matched_file::MatchedFile;
use crate::triage::matching;
use crate::triage::register::{Register, RegisterEntry};
use crate::triage::scope::Scope;
use crate::triage::{Actor, Answer};

/// Cases that are kept open at most.
const OPEN: usize = 16;
/// What begins the note by which the entries of one act are known in all cases.
const ACT: &str = "one act over ";

/// Many cases, to decide on.
pub(crate) struct ManyRecords {
    /// The cases as they are listed.
    pub many: ManyCases,
    book: Arc<RuleCatalog>,
    register: Option<PathBuf>,
    actor: Actor,
    /// Those that are open, the one used last at the end.
    open: Vec<(u32, Records)>,
    /// When each case's last decision in force was recorded, and in which act, as far as that was looked up.
    last: HashMap<u32, Option<(Timestamp, Option<String>)>>,
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

impl ManyRecords {
    /// To decide on `many` with the hunts of `book`, exclusions going into `register`.
    pub(crate) fn new(many: ManyCases, book: Arc<RuleCatalog>, register: Option<PathBuf>, actor: Actor) -> Self {
        Self { many, book, register, actor, open: Vec::new(), last: HashMap::new() }
    }

    /// The hunts.
    pub(crate) fn book(&self) -> &Arc<RuleCatalog> {
        &self.book
    }

    /// The records of one case, opened where they are not.
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
            let mut records = Records::open(plan, Arc::clone(&self.book))?;
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
        self.take_over(index, &opened.judged);
        Ok(Some(opened))
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
        }
    }

    /// Records a decision about findings in every case that they are of. Each case has all of it or nothing.
    ///
    /// # Errors
    /// When no case could be written.
    pub(crate) fn decide(&mut self, indexes: &[usize], decision: &Decision) -> Result<Acted, RecordsError> {
        self.act(indexes, std::slice::from_ref(decision))
    }

    fn act(&mut self, indexes: &[usize], decisions: &[Decision]) -> Result<Acted, RecordsError> {
        let by_case = self.by_case(indexes);
        let mut decisions = decisions.to_vec();
        if by_case.len() > 1 {
            let cases = text::counted(by_case.len() as u64, "case");
            decisions.push(Decision::Note { note: format!("{ACT}{cases}, {}", storage::new_id()) });
        }
        let mut acted = Acted::default();
        let mut first = None;
        for (case, findings) in by_case {
            let ids: Vec<_> = findings.iter().map(|(_, id)| *id).collect();
            self.last.remove(&case);
            let done = self.records(case).and_then(|records| match records.unsaved() {
                // What would be in memory only is not recorded.
                Some(why) => Ok(Err(why.to_owned())),
                None => Ok(Ok(records.decide_together(&ids, &decisions)?)),
            });
            match done {
                Ok(Err(why)) => acted.failed.push(why),
                Ok(Ok(())) => {
                    acted.cases += 1;
                    acted.findings.extend(findings.iter().map(|(index, _)| *index));
                }
                Err(error) => {
                    acted.failed.push(text::escape_str(&error.to_string()).into_owned());
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
        }
        Ok(acted)
    }

    /// Which findings of all cases an exclusion would cover.
    pub(crate) fn preview(&self, exclusion: &Exclusion) -> Vec<usize> {
        let about: Vec<(usize, &ManyFinding, String, Sha256, bool)> = self
            .many
            .findings
            .iter()
            .enumerate()
            .filter_map(|(index, finding)| {
                let found_by = self.many.rule_of(finding)?;
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
        let decisions = Records::decisions_of(exclusion);
        self.act(&indexes, &decisions)
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
        let cases: BTreeSet<u32> = self.by_case(&findings).into_keys().chain([0]).collect();
        let mut acted = Acted { findings, ..Acted::default() };
        for (place, case) in cases.into_iter().enumerate() {
            let decision = Decision::ExclusionRevoked { exclusion: id.to_string(), reason: why.trim().to_owned() };
            self.last.remove(&case);
            let records = self.records(case)?;
            if place == 0 {
                records.revoke(id, why)?;
                self.reread_register();
            } else {
                records.decide(&[], &decision)?;
            }
            acted.cases += 1;
        }
        self.judge(acted)
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
        self.last.remove(&case);
        let undone = self.records(case)?.undo()?.findings;
        let mut touched: BTreeMap<u32, Vec<FindingId>> = BTreeMap::from([(case, undone)]);
        self.reread_register();
        if let Some(act) = act {
            for other in (0..self.many.cases.len() as u32).filter(|other| *other != case) {
                match self.undo_act(other, &act) {
                    Ok(findings) if findings.is_empty() => {}
                    Ok(findings) => {
                        acted.cases += 1;
                        touched.insert(other, findings);
                    }
                    Err(error) => acted.failed.push(text::escape_str(&error.to_string()).into_owned()),
                }
            }
        }
        let concerned = |finding: &ManyFinding| touched.get(&finding.case).is_some_and(|ids| ids.contains(&finding.id));
        acted.findings =
            self.many.findings.iter().enumerate().filter(|(_, one)| concerned(one)).map(|(place, _)| place).collect();
        self.judge(acted)
    }

    /// The case in which a decision was recorded last that is in force, and the note by which it is known in others if it is
    /// one act over several. What a case says of that is read once, until it is written to.
    fn last_decided(&mut self) -> Option<(u32, Option<String>)> {
        for case in 0..self.many.cases.len() as u32 {
            if !self.last.contains_key(&case) {
                let read = Case::open_read_only(&self.many.cases[case as usize].path).and_then(|case| last_of(&case));
                self.last.insert(case, read.ok().flatten());
            }
        }
        let last = self.last.iter().filter_map(|(case, last)| Some((last.as_ref()?.0, *case)));
        let (_, case) = last.max()?;
        let act = self.last.get(&case)?.as_ref()?.1.clone();
        Some((case, act))
    }

    /// Takes back what one case holds of an act; the findings that it was about.
    fn undo_act(&mut self, case: u32, act: &str) -> Result<Vec<FindingId>, RecordsError> {
        // Most cases know nothing of it, and need not be opened for writing.
        let path = self.many.cases[case as usize].path.clone();
        if group_of(&Case::open_read_only(&path)?, act)?.is_none() {
            return Ok(Vec::new());
        }
        self.last.remove(&case);
        let records = self.records(case)?;
        let Some(group) = group_of(records.case(), act)? else { return Ok(Vec::new()) };
        Ok(records.undo_group(group)?)
    }
}

/// The scopes that an exclusion over many boxes may have: the content wherever it is.
fn proposals(file: &FileFacts) -> Vec<Proposal> {
    vec![Proposal { scope: Scope::Content { digest: file.digest }, allowed: Ok(()) }]
}

/// When the last decision in force of a case was recorded, and the note by which it is known in others, if it is one act over
/// several.
fn last_of(case: &Case) -> Result<Option<(Timestamp, Option<String>)>, CaseError> {
    let (mut after, mut last): (Seq, Option<(Seq, Timestamp, Option<String>)>) = (Seq(0), None);
    loop {
        let page = case.journal(after, 4096)?;
        let Some(end) = page.last() else { return Ok(last.map(|(_, at, act)| (at, act))) };
        after = end.seq;
        for entry in page.iter().filter(|entry| !entry.undone && matches!(entry.event, JournalEvent::Decided(_))) {
            match &mut last {
                Some((group, _, act)) if *group == entry.group => *act = act.take().or(note_of(&entry.event)),
                _ => last = Some((entry.group, entry.at, note_of(&entry.event))),
            }
        }
    }
}

fn note_of(event: &JournalEvent) -> Option<String> {
    match event {
        JournalEvent::Decided(Decision::Note { note }) if note.starts_with(ACT) => Some(note.clone()),
        _ => None,
    }
}

/// The group of an act in a case, unless it was taken back.
fn group_of(case: &Case, act: &str) -> Result<Option<Seq>, CaseError> {
    let mut after = Seq(0);
    loop {
        let page = case.journal(after, 4096)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.seq;
        let is_it = |event: &JournalEvent| note_of(event).is_some_and(|note| note == act);
        if let Some(entry) = page.iter().find(|entry| !entry.undone && is_it(&entry.event)) {
            return Ok(Some(entry.group));
        }
    }
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
