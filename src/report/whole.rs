//! A case as one document: what `report` writes, and `scan` where a format is no stream of lines.

use std::io::{self, Write};

use super::origin::Origin;
use super::{Reported, Summary, Tally, Totals, csv, decided, json, markdown, sarif, text};
use crate::case::{CaseError, Head, NotScanned};
use crate::session::{Archive, Archived};

/// What was not scanned, read at once.
const PAGE: usize = 4096;

/// How a case is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, as `huntbook scan` prints it.
    Text,
    /// For people.
    Markdown,
    /// One ECS document a line.
    Ndjson,
    /// SARIF 2.1.0.
    Sarif,
    /// One line a finding.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Text, Self::Markdown, Self::Ndjson, Self::Sarif, Self::Csv];

    /// The word by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Ndjson => "ndjson",
            Self::Sarif => "sarif",
            Self::Csv => "csv",
        }
    }

    /// What it is, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Text => "For people, as it is found",
            Self::Markdown => "A report for people",
            Self::Ndjson => "One ECS document a line",
            Self::Sarif => "SARIF 2.1.0",
            Self::Csv => "One line a finding, for spreadsheets",
        }
    }

    /// The usual ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Ndjson => "ndjson",
            Self::Sarif => "sarif",
            Self::Csv => "csv",
        }
    }

    /// Whether it can be written line by line while the scan goes on.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Text | Self::Ndjson)
    }

    /// A finding as a stream has it; empty for the other formats.
    pub fn finding(self, origin: &Origin, reported: Reported<'_>) -> String {
        match self {
            Self::Text => text::finding(reported),
            Self::Ndjson => json::line(&origin.finding(reported)) + "\n",
            _ => String::new(),
        }
    }

    /// Something that was not scanned, as a stream has it.
    pub fn missed(self, origin: &Origin, missed: &NotScanned) -> String {
        match self {
            Self::Text => text::missed(missed),
            Self::Ndjson => json::line(&origin.missed(missed)) + "\n",
            _ => String::new(),
        }
    }

    /// The end of a stream.
    pub fn summary(self, origin: &Origin, summary: &Summary) -> String {
        match self {
            Self::Text => text::summary(origin, summary),
            Self::Ndjson => json::line(&origin.summary(summary)) + "\n",
            _ => String::new(),
        }
    }
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The case cannot be read.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The writer failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The last scan of a case, with what every report says of it.
#[derive(Debug)]
pub struct Whole {
    pub(super) archive: Archive,
    pub(super) origin: Origin,
    pub(super) head: Head,
    pub(super) totals: Totals,
}

impl Whole {
    /// That of `archive`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn of(archive: Archive) -> Result<Self, CaseError> {
        let origin = Origin::of(&archive.case, archive.scan.clone())?;
        let head = archive.case.head()?;
        let totals = Totals::of_case(&archive.case, &archive.scan)?;
        Ok(Self { archive, origin, head, totals })
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the case cannot be read, or what `out` says.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> Result<(), WriteError> {
        match format {
            Format::Text | Format::Ndjson => self.stream(format, out),
            Format::Markdown => self.markdown(out),
            Format::Sarif => self.sarif(out),
            Format::Csv => self.csv(out),
        }
    }

    fn stream(&self, format: Format, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        let tally = self.each(|reported, _| Ok(out.write_all(format.finding(origin, reported).as_bytes())?))?;
        self.each_missed(|missed| Ok(out.write_all(format.missed(origin, missed).as_bytes())?))?;
        Ok(out.write_all(format.summary(origin, &self.summary(tally)).as_bytes())?)
    }

    fn markdown(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let scan = &self.archive.scan;
        out.write_all(markdown::head(self.origin.host_name(), scan, self.head).as_bytes())?;
        let tally =
            self.each(|reported, decided| Ok(out.write_all(markdown::finding(reported, &decided).as_bytes())?))?;
        out.write_all(markdown::tally(&tally, &self.totals).as_bytes())?;
        self.each_missed(|missed| Ok(out.write_all(markdown::missed(missed).as_bytes())?))?;
        Ok(out.write_all(markdown::foot(&self.archive.rules).as_bytes())?)
    }

    fn csv(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let origin = &self.origin;
        out.write_all(csv::head().as_bytes())?;
        let tally =
            self.each(|reported, decided| Ok(out.write_all(csv::finding(origin, reported, &decided).as_bytes())?))?;
        self.each_missed(|missed| Ok(out.write_all(csv::missed(origin, missed).as_bytes())?))?;
        Ok(out.write_all(csv::summary(origin, &self.summary(tally)).as_bytes())?)
    }

    fn sarif(&self, out: &mut dyn Write) -> Result<(), WriteError> {
        let mut log = sarif::Log::of_scan(out, &self.origin, self.head, self.totals.gaps)?;
        self.each(|reported, decided| Ok(log.finding(&self.origin, reported, &decided)?))?;
        let mut log = log.not_scanned()?;
        self.each_missed(|missed| Ok(log.add(missed)?))?;
        Ok(log.finish()?)
    }

    fn summary(&self, tally: Tally) -> Summary {
        Summary { tally, totals: self.totals, head: self.head }
    }

    /// Hands every finding to `take`, those last that the scan did not meet, with what was decided about it, and counts them.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(Reported<'_>, Vec<String>) -> Result<(), WriteError>,
    ) -> Result<Tally, WriteError> {
        let mut tally = Tally::default();
        let mut add = |archived: Archived| {
            tally.add(&archived.judged);
            let Some(reported) = self.archive.reported(&archived) else { return Ok(()) };
            let decided = decided::lines(&archived.answers, &archived.history, &archived.finding.file.digest);
            take(reported, decided)
        };
        self.archive.each(&mut add)?;
        self.archive.each_unmet(&mut add)?;
        Ok(tally)
    }

    /// Hands everything that was not scanned to `take`.
    pub(super) fn each_missed(
        &self,
        mut take: impl FnMut(&NotScanned) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let mut after = 0;
        loop {
            let page = self.archive.case.coverage(self.archive.scan.id, after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            page.iter().try_for_each(|(_, missed)| take(missed))?;
        }
    }
}

impl Archive {
    /// A finding of this case as reports take it.
    pub fn reported<'a>(&'a self, archived: &'a Archived) -> Option<Reported<'a>> {
        let Archived { finding, judged, exclusion, rule, .. } = archived;
        let (rule, hunt) = self.rules.get(*rule).zip(self.hunts.get(*rule))?;
        Some(Reported { rule, hunt, finding, judged, exclusion: exclusion.as_ref() })
    }
}
