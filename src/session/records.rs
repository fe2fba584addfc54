//! The records of a session: the case and the register, and what they say of each finding.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::case_reader::CaseReader;
use super::finding_status::{FindingDetails, FindingStatus};
use super::gathering::Gathering;
use super::host_identity::HostIdentity;
use super::opening::{RecordPlan, RecordsError, is_the_medium, must_be_of_this_tree, open_case};
use super::rule_catalog::RuleCatalog;
use super::scan_record::not_scanned;
use super::{audit, box_facts};
use crate::case::{
    self, Annotations, Case, CaseError, CaseErrorKind, FindingId, Gone, Head, LOG_MISSING, LogState, ScanEnd, ScanId,
    ScanPlan, ScanRow, Seq, Sighting, Stamp,
};
use crate::finding::{Finding, Sha256};
use crate::root::Root;
use crate::scan::Unscanned;
use crate::storage::{self, Base};
use crate::text::{self, escape_path};
use crate::triage::bound::BoundBox;
use crate::triage::exclusion::Exclusion;
use crate::triage::filter::Signs;
use crate::triage::folders::OnDisk;
use crate::triage::matching::Exclusions;
use crate::triage::register::{Register, RegisterEntry, RegisterError};
use crate::triage::scope::Scope;
use crate::version;

/// How often a batch of findings is offered to a case that another process keeps locked.
const MAX_RETRIES: usize = 6;

/// Case and register of a session. One thread owns them.
#[derive(Debug)]
pub(crate) struct Records {
    pub(super) book: Arc<RuleCatalog>,
    plan: RecordPlan,
    pub(super) case: Case,
    /// The case file that is to be caught up with, and why it is behind.
    unsaved: Option<(PathBuf, String)>,
    /// The box that the case is of.
    pub(super) here: BoundBox,
    /// Whether the case is only read so far, see [`Records::read`].
    pub(super) reading: bool,
    pub(super) register: Register,
    pub(super) exclusions: Exclusions,
    pub(super) folders: OnDisk,
    pub(super) scan: Option<ScanId>,
    /// Decided findings that the scan did not meet; known when it is over.
    pub(super) unmet: BTreeMap<FindingId, Gone>,
    /// Exclusions whose words, as the register was last read, are in the case.
    pub(super) noted: HashSet<Uuid>,
    /// The digest of this program, for the scan that begins soon.
    program: Option<version::ReadAhead>,
    /// The box being asked about the findings of the scan.
    pub(super) gathering: Option<Gathering>,
    /// The undoings of this session that can be undone, the last one last.
    pub(super) undone: Vec<Seq>,
    /// What the box has said of findings of the scan, at a glance.
    pub(super) signs: HashMap<FindingId, Signs>,
    /// What is written on findings.
    pub(super) written: BTreeMap<FindingId, Annotations>,
}

impl Records {
    /// Opens register and case. When no case was named and the default place cannot be used, the case is kept in memory
    /// and [`Records::unsaved`] says why.
    ///
    /// # Errors
    /// What is wrong with the register, or with the case that was named.
    pub(crate) fn open(plan: RecordPlan, book: Arc<RuleCatalog>) -> Result<Self, RecordsError> {
        let opened = open_case(&plan)?;
        Self::of(plan, book, opened, false)
    }

    /// As [`Records::open`] of a case that is opened again, but to the case nothing is written, not even that it was opened, until
    /// something is recorded in it.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn read(plan: RecordPlan, case: &Path, book: Arc<RuleCatalog>) -> Result<Self, RecordsError> {
        let case = Case::open_read_only(case)?;
        Self::of(plan, book, (case, None), true)
    }

    fn of(
        plan: RecordPlan,
        book: Arc<RuleCatalog>,
        (case, unsaved): (Case, Option<(PathBuf, String)>),
        reading: bool,
    ) -> Result<Self, RecordsError> {
        let program = (!plan.reopened).then(version::read_ahead);
        let register = plan.register.as_ref().map_or_else(|| Ok(Register::in_memory()), Register::load)?;
        must_be_of_this_tree(&case, &plan)?;
        let folders = OnDisk::of(&plan.root);
        let mut records = Self {
            book,
            plan,
            case,
            unsaved,
            here: BoundBox::default(),
            reading,
            register,
            exclusions: Exclusions::default(),
            folders,
            scan: None,
            unmet: BTreeMap::new(),
            noted: HashSet::new(),
            program,
            gathering: None,
            undone: Vec::new(),
            signs: HashMap::new(),
            written: BTreeMap::new(),
        };
        records.read_annotations()?;
        let stamp = records.stamp();
        if !reading {
            records.case.record_opening(&stamp)?;
        }
        // A case that is opened again may be another box's.
        if !records.plan.reopened {
            let facts = box_facts::facts(&records.plan.root, &records.plan.host);
            let facts: Vec<_> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
            records.case.record_host(&facts, &stamp)?;
        }
        records.here = HostIdentity::of_case(&records.case.host()?).bound();
        records.reindex();
        tracing::info!(
            case = ?records.case.path(),
            register = ?records.register.path(),
            exclusions = records.register.entries().len(),
            actor = %records.plan.actor,
            host = records.plan.host,
            "records opened"
        );
        if let Some(why) = records.unsaved() {
            tracing::error!("the case is kept in memory only: {why}");
        }
        Ok(records)
    }

    /// The files that belong to Huntbook: the scan leaves them out. Cases of other scans are among them where they lie in
    /// the default folder, and the compiled rules.
    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        let case = self.unsaved.as_ref().map_or(self.case.path(), |(path, _)| path);
        let mut own: Vec<_> = self.plan.register.clone().into_iter().collect();
        own.extend(case::with_its_log(case));
        own.extend(case::default_folder(storage::env).iter().flat_map(|folder| case::files_in(folder, case)));
        own.extend(self.book.cache_files());
        own
    }

    /// Why decisions are only in memory, if they are; safe text.
    pub(crate) fn unsaved(&self) -> Option<&str> {
        self.unsaved.as_ref().map(|(_, why)| why.as_str())
    }

    /// Why exclusions are only in memory, if they are; safe text.
    pub(crate) fn register_unsaved(&self) -> Option<String> {
        let why = || format!("{} for the register; name one with --exclusions FILE", Base::Data.why_none());
        self.register.is_in_memory().then(why)
    }

    /// What the responder is to know of case and rules before anything else, safe text.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let log = self.log_is_missing().then(|| format!("the case: {LOG_MISSING}"));
        let rules = || text::counted(self.book.unused.len() as u64, "rule");
        let unused =
            self.book.unused.first().map(|first| format!("{} not used, in coverage with the reason: {first}", rules()));
        log.into_iter().chain(unused).collect()
    }

    /// Writes a copy of the case to a new file, and says so.
    ///
    /// # Errors
    /// When the file exists or cannot be written, in words.
    pub(crate) fn save_copy(&self, path: &Path) -> Result<String, String> {
        self.case.save_copy(path).map_err(|error| error.to_string())?;
        Ok(format!("a copy of the case is in {}", escape_path(path)))
    }

    /// Whether the case had lost its write-ahead log when it was opened, and with it, perhaps, its last entries.
    pub(crate) fn log_is_missing(&self) -> bool {
        self.case.log_state() == LogState::Missing
    }

    /// The hunts of the session.
    pub(crate) fn book(&self) -> &RuleCatalog {
        &self.book
    }

    /// What is written on a finding.
    pub(crate) fn written(&self, id: FindingId) -> Option<&Annotations> {
        self.written.get(&id)
    }

    /// Reads anew what is written on findings.
    pub(super) fn read_annotations(&mut self) -> Result<(), CaseError> {
        self.written = self.case.annotations()?;
        Ok(())
    }

    /// The case's file.
    pub(crate) fn case_path(&self) -> &Path {
        self.case.path()
    }

    /// The case.
    pub(crate) fn case(&self) -> &Case {
        &self.case
    }

    /// The scan under way, or the last one.
    ///
    /// # Errors
    /// When the case cannot be read, or holds no scan.
    pub(crate) fn scan(&self) -> Result<ScanRow, CaseError> {
        self.case.last_scan()
    }

    /// The head of the journal, which every report prints.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn head(&self) -> Result<Head, CaseError> {
        self.case.head()
    }

    /// The entries of the register as last read.
    pub(crate) fn register(&self) -> &Register {
        &self.register
    }

    /// How many findings of this scan each exclusion covers, by its id.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn exclusion_hits(&self) -> Result<Vec<(String, u64)>, CaseError> {
        self.scan.map_or(Ok(Vec::new()), |scan| self.case.exclusion_hits(scan))
    }

    /// Records that a scan of the tree begins, and which program does it.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn begin_scan(&mut self, mut options: Value) -> Result<(), CaseError> {
        if let Some(program) = self.program.take() {
            program.wait();
        }
        if let Value::Object(options) = &mut options {
            options.extend(version::document());
            if let Some(file) = &self.plan.register {
                options.insert("register".to_owned(), named_file(file));
            }
        }
        tracing::info!(tree = ?self.plan.tree, %options, "scan started");
        let book = Arc::clone(&self.book);
        let plan = ScanPlan { tree: self.plan.tree.clone(), options, rules: book.records() };
        let stamp = self.stamp();
        self.unmet.clear();
        self.signs.clear();
        self.scan = Some(self.write(|case| case.start_scan(&plan, &stamp))?);
        Ok(())
    }

    /// Records findings of the running scan and says what each has come to. Those of rules that are not of this session
    /// are left out.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn take(&mut self, findings: &[Finding]) -> Result<Vec<FindingStatus>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        let ids = self.write(|case| case.record_findings(scan, findings))?;
        let about: Vec<_> =
            ids.iter().zip(findings).map(|(id, finding)| (*id, &finding.found_by, &*finding.file)).collect();
        let judged = self.judge(&about)?;
        audit::findings(&about);
        self.ask_about(&ids, findings);
        Ok(judged)
    }

    /// Records what was not scanned.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn missed(&mut self, missed: &[Unscanned]) -> Result<(), CaseError> {
        let Some(scan) = self.scan else { return Ok(()) };
        let rows: Vec<_> = missed.iter().map(not_scanned).collect();
        self.write(|case| case.record_coverage(scan, &rows))?;
        audit::missed(missed);
        Ok(())
    }

    /// Records that the scan is over.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn end_scan(&mut self, end: &ScanEnd) -> Result<(), CaseError> {
        let Some(scan) = self.scan else { return Ok(()) };
        let stamp = self.stamp();
        self.write(|case| case.end_scan(scan, end, &stamp))?;
        self.find_unmet()?;
        tracing::info!(outcome = ?end.outcome, files = end.files, bytes = end.bytes, "scan ended");
        Ok(())
    }

    /// Everything about one finding.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn open_finding(&mut self, id: FindingId) -> Result<FindingDetails, CaseError> {
        let finding = self.case.load_finding(id, Sighting::Last)?;
        let judged = self.judge(&[(id, &finding.found_by, &finding.file)])?.into_iter().next();
        let judged = judged.ok_or_else(|| CaseError {
            path: self.case.path().to_owned(),
            fault: CaseErrorKind::UnknownRule(finding.found_by.clone()),
        })?;
        let exclusion = judged.exclusion.and_then(|id| self.exclusion(id)).cloned();
        let history = self.case.history(id)?;
        let mut answers = self.case.answers(id)?;
        answers.retain(|given| self.stands(given, &history));
        Ok(FindingDetails {
            answers,
            history,
            scopes: Scope::proposals(&finding.file, &self.folders),
            known_sample: self.book.is_known_sample(&finding.found_by, &finding.file.digest),
            judged,
            finding: Arc::new(finding),
            exclusion,
            boxes: Some(self.here.clone()).into_iter().filter(|here| !here.id.is_empty()).collect(),
            kept: None,
        })
    }

    /// What findings have come to now.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn judge_again(&mut self, ids: &[FindingId]) -> Result<Vec<(Finding, FindingStatus)>, CaseError> {
        let findings = ids.iter().map(|id| Ok((*id, self.case.load_finding(*id, Sighting::Last)?)));
        let findings: Vec<_> = findings.collect::<Result<_, CaseError>>()?;
        let about: Vec<_> = findings.iter().map(|(id, finding)| (*id, &finding.found_by, &*finding.file)).collect();
        let judged = self.judge(&about)?;
        Ok(findings.into_iter().map(|(_, finding)| finding).zip(judged).collect())
    }

    /// Reads the register anew, in case somebody else changed it.
    ///
    /// # Errors
    /// When it cannot be read; the entries stay as last read.
    pub(crate) fn reload_register(&mut self) -> Result<(), RegisterError> {
        self.register.reload()?;
        self.reindex();
        Ok(())
    }

    /// Tries to bring what is on disk up to date after it failed: the case, and a register that was deleted meanwhile.
    ///
    /// # Errors
    /// When that is not possible; the session goes on in memory.
    pub(crate) fn save(&mut self) -> Result<(), RecordsError> {
        if !self.register.is_in_memory() && !self.register.entries().is_empty() && !self.register.path().exists() {
            self.register.restore()?;
        }
        let Some((path, _)) = &self.unsaved else { return Ok(()) };
        let mut file = Case::open(path)?;
        file.catch_up(&self.case)?;
        self.case = file;
        self.unsaved = None;
        tracing::info!(case = ?self.case.path(), "the case is on disk again");
        Ok(())
    }

    /// The case with its last scan, to be reported.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn into_archive(self) -> Result<CaseReader, CaseError> {
        CaseReader::of(self.case)
    }

    /// As [`Records::into_archive`], but only when the last scan did not meet every finding that somebody decided on: it
    /// takes all rules apart again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn into_archive_of_unmet(self) -> Result<Option<CaseReader>, CaseError> {
        let scan = self.case.scans()?.pop();
        let met_all = scan.map(|scan| self.case.unmet(&scan)).transpose()?.is_none_or(|unmet| unmet.is_empty());
        if met_all { Ok(None) } else { self.into_archive().map(Some) }
    }

    /// Who acts, where, now.
    pub(crate) fn stamp(&self) -> Stamp {
        let host = box_facts::host_name(&Root::live());
        Stamp { actor: self.plan.actor.clone(), host, at: Timestamp::now() }
    }

    /// The register's exclusion of this id.
    pub(crate) fn exclusion(&self, id: Uuid) -> Option<&Exclusion> {
        self.register.entries().iter().filter_map(RegisterEntry::exclusion).find(|exclusion| exclusion.id == id)
    }

    pub(super) fn reindex(&mut self) {
        self.noted.clear();
        let is_loaded = |rule: &str, digest: &Sha256| self.book.has(rule, digest);
        let entries = self.register.entries().to_vec();
        self.exclusions = Exclusions::index_among(entries, &self.folders, &is_loaded).on(self.here.clone());
    }

    /// Has the case open for writing, where it was only read.
    ///
    /// # Errors
    /// When it cannot be opened, or would be kept in memory only.
    pub(crate) fn begin_writing(&mut self) -> Result<(), RecordsError> {
        self.leave_reading()?;
        match &self.unsaved {
            Some((case, why)) => Err(RecordsError::NotWritable { case: case.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }

    fn leave_reading(&mut self) -> Result<(), CaseError> {
        if self.reading {
            (self.case, self.unsaved) = open_case(&self.plan)?;
            self.reading = false;
            let stamp = self.stamp();
            self.case.record_opening(&stamp)?;
        }
        Ok(())
    }

    /// Writes to the case. When its medium fails, the session goes on with a copy in memory.
    pub(super) fn write<T>(&mut self, work: impl Fn(&mut Case) -> Result<T, CaseError>) -> Result<T, CaseError> {
        self.leave_reading()?;
        let mut result = work(&mut self.case);
        for _ in 0..MAX_RETRIES {
            match &result {
                Err(error) if matches!(error.fault, CaseErrorKind::Busy) => result = work(&mut self.case),
                _ => break,
            }
        }
        match result {
            Err(error) if self.unsaved.is_none() && is_the_medium(&error.fault) => {
                let copy = self.case.copy_to_memory()?;
                let file = std::mem::replace(&mut self.case, copy);
                tracing::error!("the case is kept in memory only: {error}");
                self.unsaved = Some((file.path().to_owned(), error.to_string()));
                work(&mut self.case)
            }
            other => other,
        }
    }
}

/// A file that a scan goes by, as its options name it: where it is, and the digest of what it holds.
pub(crate) fn named_file(file: &Path) -> Value {
    let digest = std::fs::read(file).map(|bytes| Sha256::of(&bytes).to_string());
    let sha256 = digest.unwrap_or_else(|_| "none, it is not there".to_owned());
    serde_json::json!({ "file": file.to_string_lossy(), "sha256": sha256 })
}
