//! A case written in any format.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::case_report::Style;
use super::whole::{ReportFormat, ReportSource, WriteError};
use super::{csv, sarif, sentinel, stix, timesketch};
use crate::case::Seq;
use crate::storage::NewFile;

impl ReportSource {
    /// Writes it.
    ///
    /// # Errors
    /// When the case cannot be read, or what `out` says.
    pub(crate) fn write(&self, format: ReportFormat, out: &mut dyn Write) -> Result<(), WriteError> {
        self.write_with(format, true, out)
    }

    /// The same; a format of lines begins with its heading if it is `headed`.
    ///
    /// # Errors
    /// As there.
    pub(super) fn write_with(&self, format: ReportFormat, headed: bool, out: &mut dyn Write) -> Result<(), WriteError> {
        match format {
            ReportFormat::Text | ReportFormat::Ndjson => self.stream(format, out),
            ReportFormat::Markdown => self.case_report(Style::Markdown, out),
            ReportFormat::Html => self.case_report(Style::Html, out),
            ReportFormat::Sentinel => self.sentinel(out),
            ReportFormat::Timesketch => self.timesketch(headed, out),
            ReportFormat::Stix => self.stix(out),
            ReportFormat::Sarif => self.sarif(out),
            ReportFormat::Csv => self.csv(headed, out),
        }
    }

    /// Writes it to a new file at `path`, whole or not at all.
    ///
    /// # Errors
    /// When the case cannot be read, when there is something at `path` already, or what the system says.
    pub(crate) fn write_file(&self, format: ReportFormat, path: &Path) -> Result<(), WriteError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        let file = NewFile::beside(path)?;
        let mut out = BufWriter::new(file.file());
        self.write(format, &mut out)?;
        out.flush()?;
        drop(out);
        Ok(file.take_name(path, false)?)
    }

    fn stream(&self, format: ReportFormat, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        let tally = self.each(|reported, _| Ok(out.write_all(format.finding(origin, reported).as_bytes())?))?;
        self.each_missed(|missed| Ok(out.write_all(format.missed(origin, missed).as_bytes())?))?;
        Ok(out.write_all(format.summary(origin, &self.summary(tally)).as_bytes())?)
    }

    fn sentinel(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        let mut calls = sentinel::Calls::default();
        let tally = self.each(|reported, _| Ok(calls.add(&sentinel::row(&origin.finding(reported)), out)?))?;
        self.each_missed(|missed| Ok(calls.add(&sentinel::row(&origin.missed(missed)), out)?))?;
        calls.add(&sentinel::row(&origin.summary(&self.summary(tally))), out)?;
        Ok(calls.end(out)?)
    }

    fn stix(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let (case, origin) = (&self.archive.case, &self.origin);
        let began = case.scans()?.first().map_or(origin.scan.started, |scan| scan.started);
        let last = case.journal(Seq(self.head.seq.0.saturating_sub(1)), 1)?.pop();
        let mut bundle = stix::Bundle::begin(out, origin, began, last.map_or(began, |entry| entry.at))?;
        let tally = self.each(|reported, decided| Ok(bundle.finding(origin, reported, &decided)?))?;
        Ok(bundle.finish(origin, &self.summary(tally))?)
    }

    fn timesketch(&self, headed: bool, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        if headed {
            out.write_all(timesketch::head().as_bytes())?;
        }
        for entry in self.archive.case.entries(Seq(0)) {
            out.write_all(timesketch::entry(origin, &entry?).as_bytes())?;
        }
        let mut known = HashSet::new();
        self.each(|reported, _| {
            out.write_all(timesketch::finding(origin, reported).as_bytes())?;
            let kept = self.archive.evidence_of(reported.judged.id, &reported.finding.file)?;
            for (id, row) in kept.iter().flat_map(|evidence| timesketch::evidence(origin, reported, evidence)) {
                if known.insert(id) {
                    out.write_all(row.as_bytes())?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn csv(&self, headed: bool, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        if headed {
            out.write_all(csv::head().as_bytes())?;
        }
        let tally =
            self.each(|reported, decided| Ok(out.write_all(csv::finding(origin, reported, &decided).as_bytes())?))?;
        self.each_missed(|missed| Ok(out.write_all(csv::missed(origin, missed).as_bytes())?))?;
        Ok(out.write_all(csv::summary(origin, &self.summary(tally)).as_bytes())?)
    }

    fn sarif(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let mut log = sarif::SarifLog::of_scan(out, &self.origin, self.head, self.totals.gaps)?;
        self.each(|reported, decided| Ok(log.finding(&self.origin, reported, &decided)?))?;
        let mut log = log.not_scanned()?;
        self.each_missed(|missed| Ok(log.add(missed)?))?;
        Ok(log.finish()?)
    }
}
