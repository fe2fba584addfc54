//! Many cases as one list: the last scan of each box, and what was found on all of them, by content.
//!
//! Cases are only read here, each once, and none stays open: a thousand of them are a thousand files. What is decided over
//! several is [`ManyRecords`].

mod acting;
mod places;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use acting::{Acted, ManyRecords, answered, told};
pub use places::case_files;
pub(crate) use places::is_folder_of_cases;

use super::signs::kept_signs;
use super::{Excluded, HostIdentity};
use crate::case::{
    Annotations, Case, CaseError, CaseErrorKind, EvidenceEnd, FindingId, FindingRow, ScanOutcome, ScanRow,
};
use crate::finding::{Digest, FileTime, FoundBy};
use crate::scan::is_gap_kind;
use crate::text;
use crate::triage::Verdict;
use crate::triage::bound::BoundBox;
use crate::triage::filter::Signs;

/// Findings of one case read at once.
const PAGE: usize = 4096;
/// Findings of all cases together at most, so that memory stays bounded: some 300 bytes each.
pub(crate) const MAX_FINDINGS: usize = 4_000_000;

/// The last scan of one box.
#[derive(Debug, Clone)]
pub struct BoxCase {
    /// The case.
    pub path: PathBuf,
    /// Name of the box, safe text; `unknown` where the case does not say.
    pub host: String,
    /// Index of the box: cases of the same one share it.
    pub number: u32,
    /// The scan.
    pub scan: ScanRow,
    /// What of the tree could hold something that was not seen.
    pub gaps: u64,
    /// How far the box was asked about findings, if it was.
    pub evidence: Option<EvidenceEnd>,
    /// What tells the box from others.
    key: String,
    /// The box as an exclusion may be bound to it.
    pub(crate) identity: BoundBox,
}

impl BoxCase {
    /// Whether the box was done (`done`), in part (`partial`), or its scan did not come to an end (`not done`).
    pub fn result(&self) -> &'static str {
        match self.scan.ended.as_ref().map(|(_, end)| end.outcome) {
            Some(ScanOutcome::Finished) if self.gaps == 0 => "done",
            Some(ScanOutcome::Finished | ScanOutcome::Cancelled) => "partial",
            Some(ScanOutcome::Failed) | None => "not done",
        }
    }
}

/// A finding of one of the cases.
#[derive(Debug, Clone)]
pub struct ManyFinding {
    /// Index of its case.
    pub case: u32,
    /// Its number there.
    pub id: FindingId,
    /// Index of what found it.
    pub rule: u32,
    /// The file.
    pub path: Box<Path>,
    /// Digest of its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its owner's user id.
    pub uid: u32,
    /// Its owner's name on the box.
    pub owner: Option<Box<str>>,
    /// Last change of its content.
    pub modified: FileTime,
    /// Last change of its content or inode.
    pub changed: FileTime,
    /// Matches on record.
    pub matches: u64,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why it is not excluded though an exclusion was made for it; safe text.
    pub returned: Option<String>,
    /// Whether it is excluded for a scenario that nothing on its box supports.
    pub against_the_box: bool,
    /// What is written on it, if something is.
    pub written: Option<Box<Annotations>>,
    /// What its box said of it, at a glance.
    pub signs: Signs,
}

/// Findings of the same content, on whatever boxes.
#[derive(Debug, Clone)]
pub struct ContentGroup {
    /// The content.
    pub digest: Digest,
    /// On how many boxes.
    pub boxes: u32,
    /// Indexes of the findings, in the order of the cases.
    pub findings: Vec<u32>,
}

/// The last scans of many boxes.
#[derive(Debug, Default)]
pub struct ManyCases {
    /// The cases, unfinished ones first, then by name of the box.
    pub cases: Vec<BoxCase>,
    /// Cases that could not be read, or hold no scan: why, a whole sentence; safe text.
    pub unread: Vec<(PathBuf, String)>,
    /// What found something: rules and candidate conditions.
    pub rules: Vec<FoundBy>,
    /// All findings and candidates, in the order of the cases.
    pub findings: Vec<ManyFinding>,
    /// How many boxes they are of.
    pub boxes: u32,
}

impl ManyCases {
    /// Reads the last scan of each of these cases, several at a time.
    ///
    /// # Errors
    /// When none of them can be read, or they hold more findings than can be listed.
    pub fn open(files: &[PathBuf]) -> anyhow::Result<Self> {
        let next = AtomicUsize::new(0);
        let read = Mutex::new(Vec::with_capacity(files.len()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len().max(1));
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let one = read_one(file).map_err(|error| why_unread(file, &error));
                read.lock().unwrap_or_else(PoisonError::into_inner).push((file.clone(), one));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Without a further thread this one does all the work.
                let _ = std::thread::Builder::new().name("cases".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
        Self::of(read.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(read: Vec<(PathBuf, Result<One, String>)>) -> anyhow::Result<Self> {
        let mut many = Self::default();
        let mut all = Vec::with_capacity(read.len());
        for (file, one) in read {
            match one {
                Ok(one) => all.push(one),
                Err(why) => many.unread.push((file, why)),
            }
        }
        many.unread.sort();
        if let (true, Some((file, why))) = (all.is_empty(), many.unread.first()) {
            anyhow::bail!("no case could be read; {}: {why}", text::escape_path(file));
        }
        all.sort_by(|a, b| {
            let key = |one: &One| (one.case.result() != "not done", one.case.host.clone(), one.case.path.clone());
            key(a).cmp(&key(b))
        });
        let mut boxes: HashMap<String, u32> = HashMap::new();
        let mut rules: HashMap<FoundBy, u32> = HashMap::new();
        for One { mut case, findings, mut written, signs, against } in all {
            let next = boxes.len() as u32;
            case.number = *boxes.entry(case.key.clone()).or_insert(next);
            let index = many.cases.len() as u32;
            anyhow::ensure!(
                many.findings.len() + findings.len() <= MAX_FINDINGS,
                "these cases hold more than {} findings; name fewer of them",
                text::count(MAX_FINDINGS as u64)
            );
            for row in findings {
                let rule = *rules.entry(row.found_by).or_insert_with_key(|found_by| {
                    many.rules.push(found_by.clone());
                    many.rules.len() as u32 - 1
                });
                many.findings.push(ManyFinding {
                    case: index,
                    id: row.id,
                    rule,
                    path: row.path.into(),
                    digest: row.digest,
                    size: row.size,
                    uid: row.uid,
                    owner: row.owner.map(Into::into),
                    modified: row.modified,
                    changed: row.changed,
                    matches: row.matches,
                    verdict: row.verdict,
                    returned: row.lapsed.filter(|_| row.verdict == Verdict::Open),
                    against_the_box: row.verdict == Verdict::Benign && against.contains(&row.id),
                    written: written.remove(&row.id).map(Box::new),
                    signs: signs.get(&row.id).copied().unwrap_or_default(),
                });
            }
            many.cases.push(case);
        }
        many.boxes = boxes.len() as u32;
        Ok(many)
    }

    /// The case that a finding is of.
    pub fn case_of(&self, finding: &ManyFinding) -> Option<&BoxCase> {
        self.cases.get(finding.case as usize)
    }

    /// What found it.
    pub fn rule_of(&self, finding: &ManyFinding) -> Option<&FoundBy> {
        self.rules.get(finding.rule as usize)
    }

    /// The findings by content: what few boxes have comes first, for what is everywhere is rarely what is sought.
    pub fn contents(&self) -> Vec<ContentGroup> {
        let mut groups: BTreeMap<Digest, Vec<u32>> = BTreeMap::new();
        for (index, finding) in (0..).zip(&self.findings) {
            groups.entry(finding.digest).or_default().push(index);
        }
        let mut contents: Vec<_> = groups
            .into_iter()
            .map(|(digest, findings)| ContentGroup { digest, boxes: self.boxes_of(&findings).len() as u32, findings })
            .collect();
        contents.sort_by_key(|group| (group.boxes, group.findings.len()));
        contents
    }

    /// The boxes that these findings are on.
    pub fn boxes_of(&self, findings: &[u32]) -> BTreeSet<u32> {
        let cases = findings.iter().filter_map(|index| self.findings.get(*index as usize));
        cases.filter_map(|finding| Some(self.case_of(finding)?.number)).collect()
    }
}

/// A case as it is read.
struct One {
    case: BoxCase,
    findings: Vec<FindingRow>,
    written: BTreeMap<FindingId, Annotations>,
    signs: HashMap<FindingId, Signs>,
    /// Those that are excluded against what the box says.
    against: HashSet<FindingId>,
}

/// Why a case could not be read, in a sentence; safe text.
fn why_unread(file: &Path, error: &CaseError) -> String {
    if matches!(error.fault, CaseErrorKind::NoScan) {
        let facts = Case::open_read_only(file).and_then(|case| case.host()).unwrap_or_default();
        let host = facts.iter().find(|(name, value)| name == "host.name" && !value.is_empty());
        let host = host.map(|(_, host)| format!("{}: ", text::escape_str(host))).unwrap_or_default();
        return format!("{host}Huntbook was ended on this box before its scan began");
    }
    format!("this case could not be read: {}", text::escape_str(&error.fault.to_string()))
}

fn read_one(path: &Path) -> Result<One, CaseError> {
    let case = Case::open_read_only(path)?;
    let scan = case.last_scan()?;
    let facts = case.host()?;
    let fact = |name: &str| facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let host = fact("host.name").filter(|name| !name.is_empty()).unwrap_or("unknown");
    // A copied machine has the id of the first, and another name.
    let identity = HostIdentity::of_case(&facts);
    let id = identity.key().map(str::to_owned);
    let key = match id {
        Some(id) => format!("{id}\n{host}"),
        None => format!("{}\n{host}", fact("case.id").unwrap_or_default()),
    };
    let gaps =
        case.coverage_counts(scan.id)?.iter().filter(|(kind, _)| is_gap_kind(kind)).map(|(_, count)| count).sum();
    let evidence = case.evidence_ends()?.remove(&scan.id);
    let mut findings: Vec<FindingRow> = Vec::new();
    loop {
        let after = findings.last().map_or(FindingId(0), |row| row.id);
        let page = case.findings(scan.id, after, PAGE)?;
        if page.is_empty() || findings.len() > MAX_FINDINGS {
            break;
        }
        findings.extend(page);
    }
    let host = text::escape_str(host).into_owned();
    let words = case.exclusion_words()?;
    let is_against = |id: &String| {
        words.get(id).and_then(Excluded::from_words).is_some_and(|excluded| excluded.is_against_the_box())
    };
    let against = case.covered()?.into_iter().filter(|(_, id)| is_against(id)).map(|(finding, _)| finding).collect();
    let (written, signs) = (case.annotations()?, kept_signs(&case, scan.id)?);
    let identity = identity.bound();
    let case = BoxCase { path: path.to_owned(), host, number: 0, scan, gaps, evidence, key, identity };
    Ok(One { case, findings, written, signs, against })
}
