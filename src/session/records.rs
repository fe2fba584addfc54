//! The records of a session: the case and the register, and what they say of each finding.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::book::{RuleBook, Subject};
use super::{box_facts, standing};
use crate::case::{
    self, Case, CaseError, CaseFault, Cover, Decision, FindingId, GivenAnswer, Head, JournalEntry, NotScanned, ScanEnd,
    ScanId, ScanPlan, Seen, Stamp, Undo,
};
use crate::finding::{FileFacts, Finding, RuleId};
use crate::scan::Unscanned;
use crate::triage::exclusion::{Exclusion, Revocation};
use crate::triage::folders::OnDisk;
use crate::triage::matching::{self, Exclusions, Standing};
use crate::triage::register::{Entry, Register, RegisterError};
use crate::triage::{Actor, Verdict};

/// How often a batch of findings is offered to a case that another process keeps locked.
const PATIENCE: usize = 6;

/// Where records are kept, of what, and by whom.
#[derive(Debug, Clone)]
pub struct RecordPlan {
    /// The case file, when one was named; `None` for the default place.
    pub case: Option<PathBuf>,
    /// The register.
    pub register: PathBuf,
    /// The tree, absolute.
    pub tree: PathBuf,
    /// Root of the box: `/`, or an image.
    pub root: PathBuf,
    /// Name of the box.
    pub host: String,
    /// Who decides.
    pub actor: Actor,
}

/// Records that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The register cannot be used.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The case cannot be used.
    #[error(transparent)]
    Case(#[from] CaseError),
}

/// What a finding has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its number in the case.
    pub id: FindingId,
    /// Its hunt, and whether it is a candidate.
    pub subject: Subject,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why it is not excluded though an exclusion was made for it; safe text.
    pub returned: Option<String>,
    /// The exclusion that covers it.
    pub exclusion: Option<Uuid>,
}

/// All that the records hold about one finding.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What it has come to.
    pub judged: Judged,
    /// Facts, matches and kept bytes.
    pub finding: Finding,
    /// The answers in force.
    pub answers: Vec<GivenAnswer>,
    /// Everything that was decided about it, oldest first.
    pub history: Vec<JournalEntry>,
    /// The exclusion that covers it.
    pub exclusion: Option<Exclusion>,
}

/// Case and register of a session. One thread owns them.
#[derive(Debug)]
pub struct Records {
    book: Arc<RuleBook>,
    plan: RecordPlan,
    case: Case,
    /// The case file that is to be caught up with, and why it is behind.
    unsaved: Option<(PathBuf, String)>,
    register: Register,
    exclusions: Exclusions,
    folders: OnDisk,
    scan: Option<ScanId>,
}

impl Records {
    /// Opens register and case. When no case was named and the default place cannot be used, the case is kept in memory
    /// and [`Records::unsaved`] says why.
    ///
    /// # Errors
    /// What is wrong with the register, or with the case that was named.
    pub fn open(plan: RecordPlan, book: Arc<RuleBook>) -> Result<Self, RecordsError> {
        let register = Register::load(&plan.register)?;
        let (case, unsaved) = open_case(&plan)?;
        let folders = OnDisk::below(&plan.root);
        let exclusions = Exclusions::index(register.entries().to_vec(), &folders);
        let mut records = Self { book, plan, case, unsaved, register, exclusions, folders, scan: None };
        let stamp = records.stamp();
        records.case.record_opening(&stamp)?;
        let facts = box_facts::facts(&records.plan.root, &records.plan.host);
        let facts: Vec<_> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        records.case.record_host(&facts)?;
        Ok(records)
    }

    /// The files that belong to Huntbook: the scan leaves them out.
    pub fn own_files(&self) -> Vec<PathBuf> {
        let mut own = vec![self.register.path().to_owned()];
        let case = self.unsaved.as_ref().map_or(self.case.path(), |(path, _)| path);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = case.as_os_str().to_owned();
            name.push(suffix);
            own.push(name.into());
        }
        own
    }

    /// Why decisions are only in memory, if they are; safe text.
    pub fn unsaved(&self) -> Option<&str> {
        self.unsaved.as_ref().map(|(_, why)| why.as_str())
    }

    /// The case's file.
    pub fn case_path(&self) -> &Path {
        self.case.path()
    }

    /// The head of the journal, which every report prints.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn head(&self) -> Result<Head, CaseError> {
        self.case.head()
    }

    /// The entries of the register as last read.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// How many findings of this scan each exclusion covers, by its id.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn exclusion_hits(&self) -> Result<Vec<(String, u64)>, CaseError> {
        self.scan.map_or(Ok(Vec::new()), |scan| self.case.exclusion_hits(scan))
    }

    /// Records that a scan of the tree begins.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn begin_scan(&mut self, options: Value) -> Result<(), CaseError> {
        let plan = ScanPlan { tree: self.plan.tree.clone(), options, rules: self.book.records() };
        let stamp = self.stamp();
        self.scan = Some(self.write(|case| case.start_scan(&plan, &stamp))?);
        Ok(())
    }

    /// Records findings of the running scan and says what each has come to. Those of rules that are not of this session
    /// are left out.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn take(&mut self, findings: &[Finding]) -> Result<Vec<Judged>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        let ids = self.write(|case| case.record_findings(scan, findings))?;
        let about: Vec<_> =
            ids.iter().zip(findings).map(|(id, finding)| (*id, &finding.rule, &*finding.file)).collect();
        self.judge(&about)
    }

    /// Records what was not scanned.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn missed(&mut self, missed: &[Unscanned]) -> Result<(), CaseError> {
        let Some(scan) = self.scan else { return Ok(()) };
        let missed: Vec<_> = missed
            .iter()
            .map(|item| NotScanned {
                path: item.path.clone(),
                reason: item.reason.kind().to_owned(),
                detail: item.reason.to_string(),
            })
            .collect();
        self.write(|case| case.record_coverage(scan, &missed))
    }

    /// Records that the scan is over.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn end_scan(&mut self, end: &ScanEnd) -> Result<(), CaseError> {
        let Some(scan) = self.scan else { return Ok(()) };
        let stamp = self.stamp();
        self.write(|case| case.end_scan(scan, end, &stamp))
    }

    /// Everything about one finding.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn open_finding(&mut self, id: FindingId) -> Result<Opened, CaseError> {
        let finding = self.case.load_finding(id, Seen::Last)?;
        let judged = self.judge(&[(id, &finding.rule, &finding.file)])?.into_iter().next();
        let judged = judged.ok_or_else(|| CaseError {
            path: self.case.path().to_owned(),
            fault: CaseFault::UnknownRule(finding.rule.clone()),
        })?;
        let exclusion = judged.exclusion.and_then(|id| self.exclusion(id)).cloned();
        Ok(Opened { answers: self.case.answers(id)?, history: self.case.history(id)?, judged, finding, exclusion })
    }

    /// What a finding has come to now.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn judge_again(&mut self, ids: &[FindingId]) -> Result<Vec<Judged>, CaseError> {
        let findings = ids.iter().map(|id| Ok((*id, self.case.load_finding(*id, Seen::Last)?)));
        let findings: Vec<_> = findings.collect::<Result<_, CaseError>>()?;
        let about: Vec<_> = findings.iter().map(|(id, finding)| (*id, &finding.rule, &*finding.file)).collect();
        self.judge(&about)
    }

    /// Records a decision about findings, as one step that is undone together.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn decide(&mut self, ids: &[FindingId], decision: &Decision) -> Result<(), CaseError> {
        let stamp = self.stamp();
        self.write(|case| case.decide(ids, decision, &stamp)).map(drop)
    }

    /// Takes the last decision about a finding back. An exclusion that was recorded by it is revoked in the register.
    ///
    /// # Errors
    /// When there is nothing to undo, or register or case cannot be written.
    pub fn undo(&mut self, id: FindingId) -> Result<(), RecordsError> {
        let before = self.case.recorded_exclusion(id)?;
        let stamp = self.stamp();
        self.write(|case| case.undo(Undo::LastOf(id), &stamp))?;
        let after = self.case.recorded_exclusion(id)?;
        let undone = before.filter(|exclusion| after.as_ref() != Some(exclusion)).and_then(|id| id.parse().ok());
        match undone {
            Some(exclusion) if self.exclusion(exclusion).is_some_and(|entry| entry.revoked.is_none()) => {
                let why = "undone by the one who recorded it".to_owned();
                self.register.revoke(exclusion, &Revocation { by: stamp.actor, at: stamp.at, why })?;
                self.reindex();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Which of these findings an exclusion would cover.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn preview<'a>(
        &self,
        exclusion: &Exclusion,
        about: impl IntoIterator<Item = (&'a RuleId, &'a FileFacts)>,
    ) -> Vec<usize> {
        let about: Vec<_> =
            about.into_iter().filter_map(|(rule, file)| Some((rule, file, self.book.subject(rule)?))).collect();
        let hits = about.iter().map(|(rule, file, subject)| standing::hit(&self.book, rule, &subject.digest, file));
        matching::covers(exclusion, hits, Timestamp::now(), &self.folders)
    }

    /// The facts that exclusions are held against, of every finding in `ids`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn facts_of(&self, ids: &[FindingId]) -> Result<Vec<(RuleId, Arc<FileFacts>)>, CaseError> {
        let load = |id: &FindingId| self.case.load_finding(*id, Seen::Last).map(|finding| (finding.rule, finding.file));
        ids.iter().map(load).collect()
    }

    /// Records an exclusion: in the register first, then in the case. When this returns it is on the disk.
    ///
    /// # Errors
    /// When the register cannot be written, nothing is recorded; when the case cannot, the register holds the exclusion
    /// and the finding shows as excluded all the same.
    pub fn exclude(&mut self, ids: &[FindingId], exclusion: &Exclusion) -> Result<(), RecordsError> {
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
        Ok(self.decide(ids, &Decision::ExclusionRecorded { exclusion: exclusion.id.to_string(), summary })?)
    }

    /// Revokes an exclusion in the register and notes it in the case.
    ///
    /// # Errors
    /// When register or case cannot be written.
    pub fn revoke(&mut self, id: Uuid, why: &str) -> Result<(), RecordsError> {
        let stamp = self.stamp();
        let why = why.trim().to_owned();
        self.register.revoke(id, &Revocation { by: stamp.actor, at: stamp.at, why: why.clone() })?;
        self.reindex();
        Ok(self.decide(&[], &Decision::ExclusionRevoked { exclusion: id.to_string(), reason: why })?)
    }

    /// Reads the register anew, in case somebody else changed it.
    ///
    /// # Errors
    /// When it cannot be read; the entries stay as last read.
    pub fn reload_register(&mut self) -> Result<(), RegisterError> {
        self.register.reload()?;
        self.reindex();
        Ok(())
    }

    /// Tries to bring the case on disk up to date after it failed.
    ///
    /// # Errors
    /// When that is not possible; the session goes on in memory.
    pub fn save(&mut self) -> Result<(), CaseError> {
        let Some((path, _)) = &self.unsaved else { return Ok(()) };
        let mut file = Case::open(path)?;
        file.catch_up(&self.case)?;
        self.case = file;
        self.unsaved = None;
        Ok(())
    }

    /// Who acts, where, now.
    pub fn stamp(&self) -> Stamp {
        Stamp { actor: self.plan.actor.clone(), host: self.plan.host.clone(), at: Timestamp::now() }
    }

    /// The register's exclusion of this id.
    pub fn exclusion(&self, id: Uuid) -> Option<&Exclusion> {
        self.register.entries().iter().filter_map(Entry::exclusion).find(|exclusion| exclusion.id == id)
    }

    fn reindex(&mut self) {
        self.exclusions = Exclusions::index(self.register.entries().to_vec(), &self.folders);
    }

    /// Writes to the case. When its medium fails, the session goes on with a copy in memory.
    fn write<T>(&mut self, work: impl Fn(&mut Case) -> Result<T, CaseError>) -> Result<T, CaseError> {
        let mut result = work(&mut self.case);
        for _ in 0..PATIENCE {
            match &result {
                Err(error) if matches!(error.fault, CaseFault::Busy) => result = work(&mut self.case),
                _ => break,
            }
        }
        match result {
            Err(error) if self.unsaved.is_none() && is_the_medium(&error.fault) => {
                let copy = self.case.copy_to_memory()?;
                let file = std::mem::replace(&mut self.case, copy);
                self.unsaved = Some((file.path().to_owned(), error.to_string()));
                work(&mut self.case)
            }
            other => other,
        }
    }

    /// What the register and the case say of findings; both come to agree.
    fn judge(&mut self, about: &[(FindingId, &RuleId, &FileFacts)]) -> Result<Vec<Judged>, CaseError> {
        let now = Timestamp::now();
        let mut known = Vec::with_capacity(about.len());
        let mut covers = Vec::with_capacity(about.len());
        for &(id, rule, file) in about {
            let Some(subject) = self.book.subject(rule) else { continue };
            let standing = self.exclusions.judge(&standing::hit(&self.book, rule, &subject.digest, file), now);
            let cover = match (standing::cover(&standing), &standing) {
                (None, Standing::Open) => self
                    .case
                    .recorded_exclusion(id)?
                    .map(|exclusion| Cover { exclusion, lapsed: Some(standing::REMOVED.to_owned()) }),
                (cover, _) => cover,
            };
            known.push((id, subject));
            covers.push((id, cover));
        }
        self.write(|case| case.apply_register(&covers))?;
        let judged = known.into_iter().zip(covers).map(|((id, subject), (_, cover))| {
            let verdict = self.case.verdict(id)?;
            let (in_force, lapsed) = match cover {
                Some(Cover { exclusion, lapsed: None }) => (exclusion.parse().ok(), None),
                Some(Cover { lapsed, .. }) => (None, lapsed),
                None => (None, None),
            };
            let returned = lapsed.filter(|_| verdict == Verdict::Open);
            Ok(Judged { id, subject, verdict, returned, exclusion: in_force })
        });
        judged.collect()
    }
}

/// Whether the failure is the disk's, so that another place may do.
fn is_the_medium(fault: &CaseFault) -> bool {
    matches!(
        fault,
        CaseFault::Full | CaseFault::ReadOnly | CaseFault::Gone | CaseFault::Io { .. } | CaseFault::Database(_)
    )
}

/// The case, or one in memory with the reason when the default place cannot be used.
fn open_case(plan: &RecordPlan) -> Result<(Case, Option<(PathBuf, String)>), CaseError> {
    if let Some(path) = &plan.case {
        return Ok((Case::open(path)?, None));
    }
    let Some(path) = case::default_path(|name| std::env::var_os(name), &plan.host, &plan.tree) else {
        let why = "neither XDG_STATE_HOME nor HOME names a folder for the case; name one with --case FILE";
        return Ok((Case::in_memory()?, Some((PathBuf::from("huntbook.case"), why.to_owned()))));
    };
    match Case::open(&path) {
        Ok(case) => Ok((case, None)),
        Err(error) if is_the_medium(&error.fault) => Ok((Case::in_memory()?, Some((path, error.to_string())))),
        Err(error) => Err(error),
    }
}
