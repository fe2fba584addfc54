//! What the box says, on its way into the case.

use std::sync::Arc;
use std::time::Instant;

use super::gathering::{Copied, GatheredAnswer, Gathering, Told, as_kept};
use super::kept_evidence::{KeptEvidence, kept_evidence, kept_scenarios, why_not};
use super::records::Records;
use crate::case::{CaseError, EvidenceEnd, FindingId, ScanId, Sighting};
use crate::evidence::{Evidence, Gatherer, NamedFacts};
use crate::finding::{FileFacts, Finding};
use crate::timeout::NoThread;
use crate::triage::assess::{AssessmentContext, BoxSaid};

/// Rows of evidence that are written at once.
const ROWS: usize = 256;

/// Why the box is not asked any more when somebody ended the program or the scan.
pub(crate) const ENDED_EARLY: &str = "the scan was ended before the box had answered";
/// Why the box is not asked any more when that took too long.
pub(crate) const TIME_WAS_UP: &str = "the time for asking the box was up (--evidence-time)";

impl Records {
    /// Has the box asked about every finding from here on.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn ask_box(&mut self, gatherer: Gatherer) -> Result<(), NoThread> {
        self.gathering = Some(Gathering::start(gatherer, &self.book)?);
        Ok(())
    }

    /// Asks the box about findings that were just recorded.
    pub(super) fn ask_about(&mut self, ids: &[FindingId], findings: &[Finding]) {
        let Some(gathering) = &mut self.gathering else { return };
        for (id, finding) in ids.iter().zip(findings) {
            if let Some(hunt) = self.book.hunt_of(&finding.found_by) {
                gathering.ask(*id, &finding.file, &Arc::clone(hunt));
            }
        }
    }

    /// Records what the box has answered by now, a batch of it, and returns that.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn take_answers(&mut self) -> Result<Vec<Told>, CaseError> {
        let told = self.gathering.as_mut().map(Gathering::answers).unwrap_or_default();
        self.keep(told)
    }

    /// The same, for which it waits until `until` at most; nothing when nothing is open any more, or time is up.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn wait_for_answers(&mut self, until: Instant) -> Result<Vec<Told>, CaseError> {
        let told = self.gathering.as_mut().map(|gathering| gathering.answers_until(until)).unwrap_or_default();
        self.keep(told)
    }

    /// Questions that the box has not answered so far.
    pub(crate) fn open_questions(&self) -> u64 {
        self.gathering.as_ref().map_or(0, Gathering::open)
    }

    /// Asks the box no more, for the reason `why`.
    pub(crate) fn stop_asking(&mut self, why: &str) {
        if let Some(gathering) = &mut self.gathering {
            gathering.stop(why);
        }
    }

    fn keep(&mut self, told: Vec<Told>) -> Result<Vec<Told>, CaseError> {
        let Some(scan) = self.scan.filter(|_| !told.is_empty()) else { return Ok(told) };
        let rows: Vec<_> = told.iter().map(|told| (told.id, told.parts.clone())).collect();
        self.write(|case| case.record_evidence(scan, &rows))?;
        self.signs.extend(told.iter().map(|told| (told.id, told.signs)));
        Ok(told)
    }

    /// Puts what the box said into the journal; returns how far it was asked, if it was.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub(crate) fn end_evidence(&mut self) -> Result<Option<EvidenceEnd>, CaseError> {
        let Some((scan, gathering)) = self.scan.zip(self.gathering.take()) else { return Ok(None) };
        let GatheredAnswer { end, named, copied } = gathering.finish();
        self.keep_copies(scan, copied, &named)?;
        let (stamp, of_box) = (self.stamp(), named.parts());
        self.write(|case| case.end_evidence(scan, &of_box, &end, &stamp))?;
        tracing::info!(asked = end.asked, gathered = end.gathered, cut = end.cut, "the box was asked");
        Ok(Some(end))
    }

    /// Adds to what the box said of findings the other files of the scan with the same content, and weighs them anew.
    fn keep_copies(&mut self, scan: ScanId, copied: Vec<Copied>, named: &NamedFacts) -> Result<(), CaseError> {
        let book = Arc::clone(&self.book);
        let context = AssessmentContext { site: &book.site, known_good: &book.known_good, queries: named };
        let mut rows = Vec::new();
        for Copied { id, hunt, copies } in copied {
            let parts = self.case.evidence(scan, id)?;
            // What the box has not answered about stays unknown.
            if parts.is_empty() {
                continue;
            }
            let file = self.case.load_finding(id, Sighting::Last)?.file;
            let Ok(mut evidence) = Evidence::of_parts((*file).clone(), &parts) else { continue };
            for path in &copies {
                evidence.add_copy(path);
            }
            let (parts, signs) = as_kept(&hunt, &evidence, &context);
            self.signs.insert(id, signs);
            rows.push((id, parts));
            if rows.len() >= ROWS {
                self.write(|case| case.record_evidence(scan, &rows))?;
                rows.clear();
            }
        }
        if rows.is_empty() { Ok(()) } else { self.write(|case| case.record_evidence(scan, &rows)) }
    }

    /// Why the case holds nothing of what the box said of a finding of this scan; safe text.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn why_not_asked(&self) -> Result<String, CaseError> {
        why_not(&self.case, &self.scan()?)
    }

    /// What the case keeps of what the box said of the scenarios of a finding of this scan; `None` where it said nothing.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn kept_scenarios(&self, id: FindingId) -> Result<Option<Vec<BoxSaid>>, CaseError> {
        self.scan.map_or(Ok(None), |scan| kept_scenarios(&self.case, scan, id))
    }

    /// What the case keeps of what the box said of a finding. Its path is known in any case.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn kept_evidence(&self, id: FindingId, file: &FileFacts) -> Result<KeptEvidence, CaseError> {
        kept_evidence(&self.case, &self.scan()?, id, file)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::gathering::peers;
    use super::*;
    use crate::case::{ScanEnd, ScanOutcome};
    use crate::evidence::AskedFile;
    use crate::evidence::testing::{facts, put};
    use crate::finding::KeptBytes;
    use crate::root::Root;
    use crate::session::{CaseReader, RecordPlan, RuleCatalog, RuleChoice};
    use crate::triage::Actor;
    use crate::triage::assess::assess;

    /// A box with a file at each path, found by every built-in rule.
    struct Scanned {
        dir: tempfile::TempDir,
        book: Arc<RuleCatalog>,
        gatherer: Gatherer,
        records: Records,
        found: Vec<(FindingId, Finding)>,
    }

    fn scanned(paths: &[&str], limit: Duration) -> Scanned {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "etc/passwd", b"root:x:0:0::/:\nalice:x:1000:1000::/:\n");
        put(dir.path(), "etc/group", b"adm:x:4:alice\n");
        put(dir.path(), "etc/crontab", b"* * * * * root /opt/job/payload.py\n");
        put(dir.path(), "etc/ansible/hosts", b"");
        put(dir.path(), "var/lib/dpkg/info/other.list", b"/etc/other\n");
        for path in paths {
            put(dir.path(), path, b"content");
        }
        let root = Root::image(dir.path());
        let book = Arc::new(RuleCatalog::load(&RuleChoice::default()).unwrap());
        let plan = RecordPlan {
            case: Some(dir.path().join("hunt.case")),
            register: None,
            tree: dir.path().to_owned(),
            root: root.clone(),
            host: "web01".into(),
            actor: Actor { name: "root".into(), uid: 0, behind: None },
            reopened: false,
        };
        let mut records = Records::open(plan, Arc::clone(&book)).unwrap();
        let gatherer = Gatherer::new(root).with_proc("/proc").with_limit(limit);
        records.ask_box(gatherer.clone()).unwrap();
        let options = serde_json::json!({ "evidence": true, "root": dir.path().to_string_lossy() });
        records.begin_scan(options).unwrap();
        let findings: Vec<Finding> = paths
            .iter()
            .flat_map(|path| book.hunts.iter().map(move |hunt| (path, hunt)))
            .map(|(path, hunt)| Finding {
                found_by: crate::finding::FoundBy::Rule(hunt.rule.id.clone()),
                file: Arc::new(facts(&dir.path().join(path))),
                matches: Vec::new(),
                capped: false,
                kept: Arc::new(KeptBytes::default()),
            })
            .collect();
        let ids: Vec<_> = records.take(&findings).unwrap().into_iter().map(|judged| judged.id).collect();
        let found = ids.into_iter().zip(findings).collect();
        Scanned { dir, book, gatherer, records, found }
    }

    const END: ScanEnd = ScanEnd {
        outcome: ScanOutcome::Finished,
        files: 2,
        bytes: 14,
        folders: None,
        links: None,
        members: None,
        processes: None,
    };

    #[test]
    fn a_case_away_from_its_box_says_of_every_scenario_what_the_box_says() {
        let paths = ["opt/job/payload.py", "srv/x\u{1b}[2J.py", "tmp/tiny"];
        let Scanned { dir, book, gatherer, mut records, found } = scanned(&paths, Duration::from_mins(1));
        records.end_scan(&END).unwrap();
        let until = Instant::now() + Duration::from_mins(5);
        while records.open_questions() > 0 {
            records.wait_for_answers(until).unwrap();
        }
        let end = records.end_evidence().unwrap().unwrap();
        assert_eq!((end.asked, end.gathered, end.cut), (15, 15, None));
        let verified = records.case().verify().unwrap();
        assert!(verified.is_whole() && verified.unvouched.is_empty(), "{verified:?}");
        let case = records.case_path().to_owned();
        let mut states = std::collections::BTreeSet::new();
        let on_box: Vec<_> = found
            .iter()
            .map(|(_, finding)| {
                // As the screen asks it: with the other files of the scan that hold the same.
                let all = found.iter().map(|(_, other)| other.file.path.clone());
                let copies = all.filter(|path| *path != finding.file.path).collect();
                let hunt = book.hunt_of(&finding.found_by).unwrap();
                let about = AskedFile { facts: (*finding.file).clone(), peers: peers(hunt), copies };
                let evidence = gatherer.gather_about(&about);
                let context = AssessmentContext { site: &book.site, known_good: &book.known_good, queries: &gatherer };
                assess(book.hunt_of(&finding.found_by).unwrap(), &evidence, &context)
            })
            .collect();
        // The box goes away; only the case is left.
        let away = tempfile::tempdir().unwrap();
        records.save_copy(&away.path().join("copy.case")).unwrap();
        drop(records);
        std::fs::remove_file(case).unwrap();
        drop(dir);
        let reader = CaseReader::open(&away.path().join("copy.case")).unwrap();
        for ((id, finding), on_box) in found.iter().zip(on_box) {
            let kept = kept_evidence(&reader.case, &reader.scan, *id, &finding.file).unwrap();
            let context = AssessmentContext { site: &book.site, known_good: &book.known_good, queries: &kept.named };
            let elsewhere = assess(book.hunt_of(&finding.found_by).unwrap(), &kept.evidence, &context);
            assert_eq!(elsewhere.len(), on_box.len());
            for (one, other) in elsewhere.iter().zip(&on_box) {
                assert_eq!((&one.id, one.state), (&other.id, other.state), "{one:#?}\n{other:#?}");
                assert_eq!(one.against, other.against, "copies count away from the box, too");
            }
            assert_eq!(kept.evidence.copies.len(), 2);
            let archived = reader.finding(*id).unwrap().unwrap();
            for (status, assessed) in archived.scenarios.iter().zip(&elsewhere) {
                assert_eq!(status.box_said, BoxSaid::from(assessed), "what reports say");
                states.insert(status.box_said.state.clone());
            }
        }
        assert!(states.len() >= 3, "boxes that all say the same prove nothing: {states:?}");
    }

    #[test]
    fn what_was_not_gathered_is_unknown_with_that_reason_and_the_path_is_known_all_the_same() {
        let Scanned { mut records, found, dir, .. } = scanned(&["opt/job/payload.py"], Duration::from_mins(1));
        let (id, file) = (found[0].0, Arc::clone(&found[0].1.file));
        let reason = |records: &Records| {
            let kept = records.kept_evidence(id, &file).unwrap();
            assert_eq!(kept.evidence.path, Path::new("/opt/job/payload.py"), "as on the box");
            kept.evidence.package.reason().map(str::to_owned)
        };
        assert_eq!(reason(&records).as_deref(), Some("asking the box did not come to its end"));
        records.end_scan(&END).unwrap();
        records.stop_asking(TIME_WAS_UP);
        let end = records.end_evidence().unwrap().unwrap();
        assert_eq!((end.gathered, end.cut.as_deref()), (0, Some(TIME_WAS_UP)));
        assert_eq!(reason(&records).as_deref(), Some(TIME_WAS_UP));
        let verified = records.case().verify().unwrap();
        assert!(verified.is_whole() && verified.unvouched.is_empty(), "{verified:?}");
        let archived = CaseReader::of(records.case().copy_to_memory().unwrap()).unwrap().finding(id).unwrap().unwrap();
        assert!(archived.scenarios.iter().all(|status| status.box_said.unknown == [TIME_WAS_UP]), "{archived:#?}");
        drop(dir);
    }
}
