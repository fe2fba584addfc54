//! A case opened again: on this box or another, whether the tree is still there or not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding_status::FindingStatus;
use super::records::Records;
use super::rule_catalog::RuleCatalog;
use crate::case::{Case, CaseError, FindingId, NotScanned, ScanRow, Sighting};
use crate::finding::{Finding, FoundBy};
use crate::{root, timeout};

/// The first bytes of an `SQLite` file (<https://www.sqlite.org/fileformat.html>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long a file may take to show whether it is a case.
const LIMIT: Duration = Duration::from_secs(10);
/// Findings read at once.
const PAGE: usize = 1024;

/// What a case is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    /// Name of the box that was scanned.
    pub host: String,
    /// The tree that was scanned last.
    pub tree: PathBuf,
}

impl CaseFacts {
    /// What the case at `path` is about; `None` when the file is no `SQLite` database, so not a case but something to scan.
    ///
    /// # Errors
    /// When it is a database but not a case, cannot be read, or holds no scan.
    pub fn of(path: &Path) -> Result<Option<Self>, CaseError> {
        if !begins_like_a_case(path) {
            return Ok(None);
        }
        let case = Case::open_read_only(path)?;
        let host = case.host()?.into_iter().find(|(name, _)| name == "host.name").map(|(_, value)| value);
        let scan = case.last_scan()?;
        Ok(Some(Self { host: host.unwrap_or_default(), tree: scan.tree }))
    }
}

/// It may as well be a file to scan, whose time of last access is evidence. So it is read only where that leaves the time
/// alone, or where its name says that it is a case.
pub(super) fn begins_like_a_case(path: &Path) -> bool {
    use std::io::Read as _;
    let named = path.extension().is_some_and(|extension| extension == "case");
    let asked = path.to_owned();
    let head = timeout::run(LIMIT, move || {
        let mut opened = root::named(&asked).ok()?.open_now().ok()?;
        let mut head = [0; 16];
        (opened.noatime || named).then(|| opened.file.read_exact(&mut head).ok().map(|()| head)).flatten()
    });
    head.is_ok_and(|head| head.is_some_and(|head| head == *MAGIC))
}

/// What differs between the last two scans of the tree that went to their end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// When the earlier one began, to the second.
    pub at: String,
    /// Seen only now.
    pub new: Vec<FindingId>,
    /// Seen by both, with another content or by another version of the rule.
    pub changed: Vec<FindingId>,
    /// Seen only before: rule and path.
    pub gone: Vec<(String, PathBuf)>,
}

impl Records {
    /// Takes up the case's last scan without scanning anything.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn resume(&mut self) -> Result<ScanRow, CaseError> {
        let scan = self.case.last_scan()?;
        self.scan = Some(scan.id);
        self.find_unmet()?;
        self.recall_signs()?;
        Ok(scan)
    }

    /// The findings of the scan after `after`, a page of them, with what each has come to by now; empty at the end.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn page(&mut self, after: FindingId) -> Result<Vec<(Finding, FindingStatus)>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        let ids: Vec<_> = self.case.findings(scan, after, PAGE)?.into_iter().map(|row| row.id).collect();
        self.judge_again(&ids)
    }

    /// Findings that somebody decided on and that the scan, now over, did not meet; those of rules that are not of this
    /// session are left out.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn unmet(&mut self) -> Result<Vec<(Finding, FindingStatus)>, CaseError> {
        let ids: Vec<_> = self.unmet.keys().copied().collect();
        self.judge_again(&ids)
    }

    /// Looks up which decided findings the scan did not meet.
    pub(super) fn find_unmet(&mut self) -> Result<(), CaseError> {
        let scan = self.case.last_scan()?;
        let unmet = self.case.unmet(&scan)?.into_iter();
        let known = unmet.filter(|unmet| self.book.subject(&unmet.found_by).is_some());
        self.unmet = known.map(|unmet| (unmet.id, unmet.gone)).collect();
        Ok(())
    }

    /// What the scan did not scan.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn not_scanned(&self) -> Result<Vec<NotScanned>, CaseError> {
        let Some(scan) = self.scan else { return Ok(Vec::new()) };
        Ok(self.case.coverage(scan, 0, usize::MAX)?.into_iter().map(|(_, missed)| missed).collect())
    }

    /// What this scan saw differently from the one before it, if there was one of the same tree.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn since_last(&self) -> Result<Option<Since>, CaseError> {
        let Some(scan) = self.scan else { return Ok(None) };
        let scans = self.case.scans()?;
        let Some(this) = scans.iter().find(|row| row.id == scan) else { return Ok(None) };
        let earlier =
            scans.iter().rev().filter(|row| row.id < scan && row.tree == this.tree).find(|row| row.is_complete());
        let Some(earlier) = earlier else { return Ok(None) };
        let compared = self.case.compare(earlier.id, scan)?;
        let gone = compared.gone.iter().map(|id| {
            let finding = self.case.load_finding(*id, Sighting::In(earlier.id))?;
            Ok((finding.found_by.name().into_owned(), finding.file.path.clone()))
        });
        Ok(Some(Since {
            at: format!("{:.0}", earlier.started),
            gone: gone.collect::<Result<_, CaseError>>()?,
            new: compared.new,
            changed: compared.changed.into_iter().chain(compared.rule_changed).collect(),
        }))
    }
}

impl RuleCatalog {
    /// Adds the rules that the last scan of the case at `path` ran with and that are not here, with the generic scenarios.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn add_from_case(&mut self, path: &Path) -> Result<(), CaseError> {
        let archive = super::CaseReader::open(path)?;
        for rule in archive.rules {
            if self.subject(&FoundBy::Rule(rule.id.clone())).is_none() {
                self.add(crate::hunt::generic::hunt(rule));
            }
        }
        Ok(())
    }
}
