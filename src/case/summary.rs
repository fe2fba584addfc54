//! What a case is about, without opening it for a session.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use super::facts::{host_facts, parse_time};
use super::{Case, CaseError, ScanId, facts};
use crate::finding::FoundBy;

/// The last scan of a case, and what its findings have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// Name of the box that was scanned; empty when the case does not say.
    pub host: String,
    /// What else is known of that box, by which it is told from others.
    pub box_facts: Vec<(String, String)>,
    /// The tree that was scanned last.
    pub tree: PathBuf,
    /// When that scan began.
    pub started: Timestamp,
    /// Whether it went through the whole tree.
    pub whole: bool,
    /// Its findings.
    pub findings: u64,
    /// Those of them that nothing is decided on.
    pub open: u64,
    /// The options that the last scan ran with.
    pub options: Value,
}

impl Case {
    /// Looks at the last scan; `None` when the case holds none. Candidates are not counted.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn summary(&self) -> Result<Option<CaseSummary>, CaseError> {
        self.read(|db| {
            let box_facts: Vec<_> = host_facts(db)?.into_iter().collect();
            let host = box_facts.iter().find(|(name, _)| name == "host.name").map(|(_, value)| value.clone());
            let last = "SELECT id, tree, started, outcome IS 'finished', options FROM scans ORDER BY id DESC LIMIT 1";
            let last = db.query_row(last, [], |row| {
                Ok((
                    row.get::<_, ScanId>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                    row.get::<_, String>(4)?,
                ))
            });
            let Some((scan, tree, started, whole, options)) = last.optional()? else { return Ok(None) };
            let (findings, open) = db.query_row(
                "SELECT count(*), count(*) FILTER (WHERE verdict = 'open') FROM sightings
                 JOIN findings ON findings.id = sightings.finding JOIN rule_names ON rule_names.id = findings.rule_name
                 WHERE scan = ?1 AND instr(name, ?2) <> 1",
                params![scan, FoundBy::CANDIDATE_PREFIX],
                |row| Ok((row.get(0).map(i64::cast_unsigned)?, row.get(1).map(i64::cast_unsigned)?)),
            )?;
            let (tree, started) = (facts::path(tree), parse_time(&started)?);
            let options = serde_json::from_str(&options).unwrap_or_default();
            let host = host.unwrap_or_default();
            Ok(Some(CaseSummary { host, box_facts, tree, started, whole, findings, open, options }))
        })
    }
}
