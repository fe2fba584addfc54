//! Writing down what a scan finds.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::CaseOutcome;
use super::facts::{self, HitContent};
use super::scans::must_run;
use super::tables::{refresh, verdict_text};
use super::{Case, CaseError, CaseErrorKind, FindingId, ScanId, migrate};
use crate::finding::{Finding, FoundBy, Sha256};
use crate::triage::Verdict;

impl Case {
    /// Records `findings` of the running scan, all or none, and returns their numbers in the same order.
    ///
    /// A finding that an earlier scan saw (same rule, same path) keeps its number. One found twice by this scan counts
    /// as found the second time. Its verdict goes by the latest scan that saw it. The write lock is held for the length of the call, so a batch of some hundreds is a
    /// good size.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchScan`], [`CaseErrorKind::ScanOver`], [`CaseErrorKind::UnknownRule`], or when the case cannot be written.
    pub fn record_findings(&mut self, scan: ScanId, findings: &[Finding]) -> Result<Vec<FindingId>, CaseError> {
        self.write(|db| {
            must_run(db, scan)?;
            let mut writer = Writer { db, scan, rules: HashMap::new() };
            findings.iter().map(|finding| writer.record(finding)).collect()
        })
    }
}

#[derive(Clone, Copy)]
struct RuleRow {
    id: i64,
    rule_name: i64,
    content: Sha256,
}

struct Writer<'a> {
    db: &'a Connection,
    scan: ScanId,
    rules: HashMap<FoundBy, RuleRow>,
}

impl Writer<'_> {
    fn record(&mut self, finding: &Finding) -> CaseOutcome<FindingId> {
        let rule = self.rule(&finding.found_by)?;
        let path = facts::path_row(self.db, &finding.file.path)?;
        let id = self.finding(rule.rule_name, path)?;
        let hit = self.hit(id, rule, finding)?;
        self.db
            .prepare_cached(
                "INSERT INTO sightings (scan, finding, hit) VALUES (?1, ?2, ?3)
                 ON CONFLICT (scan, finding) DO UPDATE SET hit = excluded.hit",
            )?
            .execute(params![self.scan, id, hit])?;
        self.db
            .prepare_cached(
                "UPDATE findings SET last_hit = ?2 WHERE id = ?1 AND NOT EXISTS
                 (SELECT 1 FROM scans JOIN sightings ON scan = scans.id AND finding = ?1 WHERE scans.id > ?3)",
            )?
            .execute(params![id, hit, self.scan])?;
        refresh(self.db, id)?;
        Ok(id)
    }

    fn rule(&mut self, id: &FoundBy) -> CaseOutcome<RuleRow> {
        if let Some(row) = self.rules.get(id) {
            return Ok(*row);
        }
        let of = |namespace: &str| self.rule_of_scan(namespace, &id.name());
        let row = match of(&id.rule().namespace)? {
            None if id.is_candidate() => of(migrate::CANDIDATE_NAMESPACE)?,
            found => found,
        };
        let row = row.ok_or_else(|| CaseErrorKind::UnknownRule(id.clone()))?;
        self.rules.insert(id.clone(), row);
        Ok(row)
    }

    /// The rule of this name that the scan was started with.
    fn rule_of_scan(&self, namespace: &str, name: &str) -> CaseOutcome<Option<RuleRow>> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT rules.id, rules.rule_name, rules.content
                 FROM rule_names JOIN rules ON rules.rule_name = rule_names.id
                 JOIN scan_rules ON scan_rules.rule = rules.id AND scan_rules.scan = ?1
                 WHERE rule_names.namespace = ?2 AND rule_names.name = ?3",
            )?
            .query_row(params![self.scan, namespace, name], |row| {
                Ok(RuleRow { id: row.get(0)?, rule_name: row.get(1)?, content: Sha256(row.get(2)?) })
            })
            .optional()?)
    }

    /// The number of the finding. A new one points to no hit yet.
    fn finding(&self, rule_name: i64, path: i64) -> CaseOutcome<FindingId> {
        let mut select = self.db.prepare_cached("SELECT id FROM findings WHERE rule_name = ?1 AND path = ?2")?;
        if let Some(id) = select.query_row([rule_name, path], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        let mut insert = self
            .db
            .prepare_cached("INSERT INTO findings (rule_name, path, last_hit, verdict) VALUES (?1, ?2, 0, ?3)")?;
        Ok(FindingId(insert.insert(params![rule_name, path, verdict_text(Verdict::Open)?])?))
    }

    fn hit(&self, id: FindingId, rule: RuleRow, finding: &Finding) -> CaseOutcome<i64> {
        let (file, file_content) = facts::facts_row(self.db, &finding.file)?;
        let excerpts: Vec<_> =
            finding.kept.excerpts.iter().map(|excerpt| (excerpt.offset, Sha256::of(&excerpt.bytes))).collect();
        let content = HitContent {
            rule: rule.content,
            file: file_content,
            capped: finding.capped,
            matches: &finding.matches,
            excerpts: &excerpts,
        }
        .digest();
        let mut select = self.db.prepare_cached("SELECT id FROM hits WHERE finding = ?1 AND content = ?2")?;
        if let Some(hit) = select.query_row(params![id, content.0], |row| row.get(0)).optional()? {
            return Ok(hit);
        }
        let hit = self
            .db
            .prepare_cached("INSERT INTO hits (finding, rule, file, capped, content) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .insert(params![id, rule.id, file, finding.capped, content.0])?;
        facts::store_matches(self.db, hit, &finding.matches)?;
        facts::store_kept(self.db, hit, &finding.kept, &excerpts)?;
        Ok(hit)
    }
}
