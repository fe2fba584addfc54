//! Large files are matched in parts: around what the rules' prefilters locate in them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Worker;
use crate::finding::KeptBytes;
use crate::scan::coverage::{Leave, Reason};
use crate::scan::engine::{PartFacts, RuleMatches};
use crate::scan::externals::Externals;
use crate::scan::facts;
use crate::scan::narrow::{MatchStop, Matching};
use crate::scan::prefilter::RuleIndex;
use crate::scan::rules::{self, Pack};
use crate::scan::subject::{ScanSubject, externals_of, report};
use crate::scan::windows::{PIECE, Windows};
use crate::text;

impl Worker<'_> {
    /// Matches rules around what their prefilters locate in a large file.
    pub(super) fn parts(&mut self, subject: &ScanSubject, rules: &[RuleIndex]) -> Result<(), Leave> {
        if rules.is_empty() {
            return Ok(());
        }
        let shared = self.shared;
        let share = self.reader.reserve(PIECE)?;
        let mut matching = Matching::new(&shared.rules, shared.match_timeout, rules);
        let packs = shared.rules.packs(rules, subject.content.size);
        let mut doubts = BTreeSet::new();
        let outcome =
            matching.run(&packs, &mut |_, pack, limit| self.pack_in_parts(subject, (pack, limit), &mut doubts));
        drop(share);
        if matches!(outcome, Err(Leave::Cancelled)) {
            return Err(Leave::Cancelled);
        }
        let found = matching.take_found();
        shared.rules.note_use(subject.content.size, rules, found.iter().map(|found| found.index));
        self.report_parts(subject, found)?;
        self.reader.check()?;
        matching.report_gaps(subject.path, shared);
        for doubt in doubts {
            self.note(subject, Reason::Partly(doubt));
        }
        outcome
    }

    /// Matches one pack within a time; what is not sure goes to `doubts`.
    fn pack_in_parts(
        &mut self,
        subject: &ScanSubject,
        (pack, limit): (&Pack, Duration),
        doubts: &mut BTreeSet<String>,
    ) -> Result<Vec<RuleMatches>, MatchStop> {
        let Self { shared, engine, reader, names, .. } = self;
        let content = &subject.content;
        let impossible =
            || format!("{} could not be matched over parts of it", text::counted(pack.len() as u64, "rule"));
        let Some(told) = pack.parts() else {
            doubts.insert(impossible());
            return Ok(Vec::new());
        };
        reader.checkpoint()?;
        let windows = reader.with_chunk(|reader, chunk| {
            Windows::locate(content, &told.prefilter, told.windowed.reach(), chunk, |_| reader.checkpoint())
        })?;
        reader.hold_range(content, 0..rules::HEADER)?;
        let externals = if *names { externals_of(shared, subject, &reader.held) } else { Externals::default() };
        let facts = PartFacts { filesize: content.size, header: &reader.held, externals: &externals };
        let Some(mut parts) = engine.parts(pack, &facts, limit) else {
            doubts.insert(impossible());
            return Ok(Vec::new());
        };
        let mut pieces = windows.pieces(PIECE);
        while let Some(range) = pieces.next() {
            reader.checkpoint()?;
            reader.hold_range(content, range.clone())?;
            parts.scan(range.start, pieces.cut(&reader.held))?;
        }
        let found = parts.finish(|range| content.read(range).unwrap_or_default())?;
        reader.check()?;
        if !windows.complete {
            doubts.insert("it has more places to look at than are kept".to_owned());
        } else if !pieces.exact() {
            let what =
                "a long stretch full of places to look at had to be cut where a match may depend on what was cut off";
            doubts.insert(what.to_owned());
        }
        Ok(found)
    }

    /// Reports what was matched in parts of a file.
    fn report_parts(&mut self, subject: &ScanSubject, found: Vec<RuleMatches>) -> Result<(), Leave> {
        if found.is_empty() {
            return Ok(());
        }
        self.reader.checkpoint()?;
        let digest =
            self.reader.with_chunk(|reader, chunk| facts::digest(&subject.content, chunk, |_| reader.checkpoint()))?;
        let content = &subject.content;
        report(&self.reader.checkpoints(), subject, (content.size, digest), found, |matches, whole| {
            let most = whole.max(KeptBytes::MAX_BYTES);
            KeptBytes::gather(content.size, matches, whole, |range| {
                content.read(range.start..range.end.min(range.start + most)).ok()
            })
        })?;
        if digest.data_digest().is_some() {
            self.note(subject, Reason::DataDigest);
        }
        Ok(())
    }
}
