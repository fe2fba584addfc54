//! The formats, and a case as what each of them is written from.

use std::io;
use std::path::Path;

use super::origin::Origin;
use super::{Reported, Summary, Tally, Totals, decided, json, text};
use crate::case::{CaseError, Head, NotScanned};
use crate::session::{Archived, CaseReader};

/// What was not scanned, read at once.
const PAGE: usize = 4096;

/// How a case is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people, as `huntbook scan` prints it.
    Text,
    /// The report for people, as Markdown.
    Markdown,
    /// The same as one HTML file.
    Html,
    /// One ECS document a line.
    Ndjson,
    /// SARIF 2.1.0.
    Sarif,
    /// One line a finding.
    Csv,
    /// JSON arrays for the Logs Ingestion API.
    Sentinel,
    /// One line a time, for timelines.
    Timesketch,
    /// STIX 2.1.
    Stix,
}

/// Name, what it is, and the usual ending of a file's name.
const FORMATS: [(ReportFormat, [&str; 3]); 9] = [
    (ReportFormat::Text, ["text", "For people, as it is found", "txt"]),
    (ReportFormat::Markdown, ["markdown", "The report for people, as Markdown", "md"]),
    (ReportFormat::Html, ["html", "The report for people, as one HTML file", "html"]),
    (ReportFormat::Ndjson, ["ndjson", "One ECS document a line", "ndjson"]),
    (ReportFormat::Sarif, ["sarif", "SARIF 2.1.0", "sarif"]),
    (ReportFormat::Csv, ["csv", "One line a finding, for spreadsheets", "csv"]),
    (
        ReportFormat::Sentinel,
        [
            "sentinel",
            "One JSON array a line, each for a call of the Logs Ingestion API; see hunts export --format dcr",
            "json",
        ],
    ),
    (
        ReportFormat::Timesketch,
        ["timesketch", "One line a time, as Timesketch and Timeline Explorer read CSV", "timesketch.csv"],
    ),
    (ReportFormat::Stix, ["stix", "STIX 2.1: indicators, sightings of them, and what was observed", "stix.json"]),
];

impl ReportFormat {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Markdown,
        Self::Html,
        Self::Ndjson,
        Self::Sarif,
        Self::Csv,
        Self::Sentinel,
        Self::Timesketch,
        Self::Stix,
    ];

    fn words(self) -> [&'static str; 3] {
        FORMATS.iter().find(|(format, _)| *format == self).map_or([""; 3], |(_, words)| *words)
    }

    /// The word by which it is asked for.
    pub fn name(self) -> &'static str {
        let [name, _, _] = self.words();
        name
    }

    /// What it is, in one line.
    pub fn about(self) -> &'static str {
        let [_, about, _] = self.words();
        about
    }

    /// The usual ending of a file's name.
    pub fn extension(self) -> &'static str {
        let [_, _, extension] = self.words();
        extension
    }

    /// The format that a file of this name is of, by its ending; the longest that fits, so that `x-timesketch.csv` is a timeline.
    pub fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let (_, extension) = name.rsplit_once('.')?;
        match extension {
            "htm" => Some(Self::Html),
            "markdown" => Some(Self::Markdown),
            "jsonl" => Some(Self::Ndjson),
            _ => {
                let fits = |format: &Self| match format.extension() {
                    long if long.contains('.') => name.ends_with(long),
                    short => short == extension,
                };
                Self::ALL.into_iter().filter(fits).max_by_key(|format| format.extension().len())
            }
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

    /// Whether it is a page for people.
    pub fn is_page(self) -> bool {
        matches!(self, Self::Markdown | Self::Html)
    }

    /// Whether a finding is written with what the box said, so that it waits for that.
    pub fn tells_scenarios(self) -> bool {
        self == Self::Ndjson
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
pub(crate) enum WriteError {
    /// The case cannot be read.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The writer failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The last scan of a case, with what every report says of it.
#[derive(Debug)]
pub(crate) struct ReportSource {
    pub(super) archive: CaseReader,
    pub(super) origin: Origin,
    pub(super) head: Head,
    pub(super) totals: Totals,
}

impl ReportSource {
    /// That of `archive`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn of(archive: CaseReader) -> Result<Self, CaseError> {
        let origin = Origin::of(&archive.case, archive.scan.clone())?;
        let head = archive.case.head()?;
        let totals = Totals::of_case(&archive.case, &archive.scan)?;
        Ok(Self { archive, origin, head, totals })
    }

    /// The end of its scan, of which `tally` counts the findings.
    pub(super) fn summary(&self, tally: Tally) -> Summary {
        let evidence = self.archive.evidence.clone();
        Summary { tally, totals: self.totals, head: self.head, evidence, unsaved: None }
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

impl CaseReader {
    /// A finding of this case as reports take it.
    pub fn reported<'a>(&'a self, archived: &'a Archived) -> Option<Reported<'a>> {
        let Archived { finding, judged, exclusion, rule, scenarios, history, .. } = archived;
        let (rule, hunt) = self.rules.get(*rule).zip(self.hunts.get(*rule))?;
        Some(Reported { rule, hunt, finding, judged, exclusion: exclusion.as_ref(), scenarios, history })
    }
}
