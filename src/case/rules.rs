//! Rules as rows, and the digests that put a scan into the journal.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::ScanId;
use super::digest::DigestFields;
use super::error::CaseOutcome;
use crate::finding::{FoundBy, Sha256};

/// A rule as a scan ran it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRecord {
    /// The rule, or the candidate condition of its hunt.
    pub id: FoundBy,
    /// Digest of the rule's source.
    pub digest: Sha256,
    /// The rule's source text, or the condition.
    pub source: String,
    /// The rule's `meta` section, with author, reference and licence.
    pub meta: Value,
    /// Ids of the scenarios of its hunt, in their order. When all are ruled out the finding is suspicious.
    pub scenarios: Vec<String>,
    /// Digests of known samples; a file with one of them is malicious unless excluded.
    pub known: Vec<Sha256>,
}

/// Digest over all of a rule's record.
pub(super) fn rule_content(rule: &RuleRecord) -> CaseOutcome<Sha256> {
    Ok(DigestFields::of("huntbook rule 1")
        .text(&rule.id.rule().namespace)
        .text(&rule.id.name())
        .digest(rule.digest)
        .text(&rule.source)
        .text(&rule.meta.to_string())
        .text(&serde_json::to_string(&rule.scenarios)?)
        .text(&serde_json::to_string(&rule.known)?)
        .finish())
}

/// The row of this rule, made where it is missing, and its digest.
pub(super) fn rule_row(db: &Connection, rule: &RuleRecord) -> CaseOutcome<(i64, Sha256)> {
    let content = rule_content(rule)?;
    let found = db.prepare_cached("SELECT id FROM rules WHERE content = ?1")?.query_row([content.0], |row| row.get(0));
    if let Some(id) = found.optional()? {
        return Ok((id, content));
    }
    let id = db
        .prepare_cached(
            "INSERT INTO rules (rule_name, digest, source, meta, scenarios, known, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .insert(params![
            rule_name_row(db, &rule.id)?,
            rule.digest.0,
            rule.source,
            rule.meta.to_string(),
            serde_json::to_string(&rule.scenarios)?,
            serde_json::to_string(&rule.known)?,
            content.0
        ])?;
    Ok((id, content))
}

fn rule_name_row(db: &Connection, id: &FoundBy) -> CaseOutcome<i64> {
    let names = params![&*id.rule().namespace, &*id.name()];
    let mut select = db.prepare_cached("SELECT id FROM rule_names WHERE namespace = ?1 AND name = ?2")?;
    match select.query_row(names, |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => Ok(db.prepare_cached("INSERT INTO rule_names (namespace, name) VALUES (?1, ?2)")?.insert(names)?),
    }
}

/// A rule from the columns namespace, name, digest, source, meta, scenarios, known.
pub(super) fn rule_from(row: &Row<'_>) -> CaseOutcome<RuleRecord> {
    Ok(RuleRecord {
        id: FoundBy::named(row.get(0)?, &row.get::<_, String>(1)?),
        digest: Sha256(row.get(2)?),
        source: row.get(3)?,
        meta: serde_json::from_str(&row.get::<_, String>(4)?)?,
        scenarios: serde_json::from_str(&row.get::<_, String>(5)?)?,
        known: serde_json::from_str(&row.get::<_, String>(6)?)?,
    })
}

/// Digest over a set of rules, from the digests of their rows, in whatever order they were loaded.
pub(super) fn rules_digest(mut contents: Vec<Sha256>) -> Sha256 {
    contents.sort_unstable();
    contents.dedup();
    contents.into_iter().fold(DigestFields::of("huntbook rules 1"), DigestFields::digest).finish()
}

/// Digest over the rules of `scan`, as stored.
pub(super) fn stored_rules_digest(db: &Connection, scan: ScanId) -> CaseOutcome<Sha256> {
    let mut statement =
        db.prepare("SELECT content FROM scan_rules JOIN rules ON rules.id = scan_rules.rule WHERE scan = ?1")?;
    let contents = statement.query_map([scan], |row| row.get(0).map(Sha256))?;
    Ok(rules_digest(contents.collect::<rusqlite::Result<_>>()?))
}

/// Digest over all that `scan` saw: its rules, each finding by the digest of its hit, and coverage, in stored order.
pub(super) fn scan_digest(db: &Connection, scan: ScanId) -> CaseOutcome<Sha256> {
    let mut fields = DigestFields::of("huntbook scan 1").digest(stored_rules_digest(db, scan)?);
    let mut sightings = db.prepare(
        "SELECT hits.content FROM sightings JOIN hits ON hits.id = sightings.hit WHERE scan = ?1
         ORDER BY sightings.finding",
    )?;
    let mut rows = sightings.query([scan])?;
    while let Some(row) = rows.next()? {
        fields = fields.digest(Sha256(row.get(0)?));
    }
    let mut coverage = db.prepare("SELECT path, reason, detail FROM coverage WHERE scan = ?1 ORDER BY id")?;
    let mut rows = coverage.query([scan])?;
    while let Some(row) = rows.next()? {
        fields = fields.bytes(&row.get::<_, Vec<u8>>(0)?);
        fields = fields.text(&row.get::<_, String>(1)?).text(&row.get::<_, String>(2)?);
    }
    Ok(fields.finish())
}
