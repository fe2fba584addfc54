//! What the screen is told, and what it asks for. Between the two lies `update`, which does no I/O.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;
use uuid::Uuid;

use super::state::bytes::Counted;
use super::state::compare::ContentComparison;
use super::state::coverage::Missed;
use super::state::findings::ListedFinding;
use super::state::scan::BoxResults;
use super::state::themes::Offer;
use super::state::told::{AcrossBoxes, Decoded, Explanation, Gathered};
use crate::case::FindingId;
use crate::evidence::reference::{Reference, Referred};
use crate::finding::Finding;
use crate::hex::encoding::Encoding;
use crate::hex::search::{Hit, SearchOrder};
use crate::hex::strings::FoundString;
use crate::hex::{self, query::Query};
use crate::hunt::Hunt;
use crate::scan::{Current, ProgressSnapshot};
use crate::session::{FindingDetails, KeptEvidence, Since};
use crate::triage::Answer;
use crate::triage::exclusion::Exclusion;
use crate::triage::filter::Signs;
use crate::triage::register::RegisterEntry;

/// What the screen is told.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// What time it is by the clock.
    Clock(Timestamp),
    /// The terminal has another size now.
    Resize,
    /// The process was stopped and goes on.
    Continued,
    /// Time to look at the scan's gauges.
    Tick(ProgressSnapshot, Box<Current>),
    /// Rules and records are read.
    Ready {
        /// The hunts, in the order of their indexes.
        hunts: Vec<Arc<Hunt>>,
        /// The tree that is scanned, or was.
        tree: PathBuf,
        /// The case's file.
        case: PathBuf,
        /// The register's file.
        register: PathBuf,
    },
    /// The findings are of many cases; their boxes, by number, as safe text, and how far their scans went.
    Boxes(Vec<String>, BoxResults),
    /// What all boxes with the content of a finding said of its scenarios.
    Across(FindingId, Vec<AcrossBoxes>),
    /// Files are being scanned now; what was found before is forgotten.
    ScanStarted,
    /// Findings, new or changed.
    Rows(Vec<ListedFinding>),
    /// What the box says of findings, at a glance.
    Signs(Vec<(FindingId, Signs)>),
    /// What was not scanned.
    NotScanned(Vec<Missed>),
    /// What the scan saw differently from the one before.
    Since(Box<Since>),
    /// The scan is over.
    ScanEnded {
        /// Its last gauges.
        reading: ProgressSnapshot,
        /// Whether it was cancelled.
        cancelled: bool,
    },
    /// The case that was opened again holds no end of its last scan; only the gaps are known.
    ScanUnended(ProgressSnapshot),
    /// The session cannot begin; safe text. The program ends.
    Fatal(String),
    /// A finding with all that is known of it, as asked for or because it changed.
    Opened(Box<FindingDetails>),
    /// What was made of the bytes of a finding.
    Decoded(FindingId, Box<Decoded>),
    /// What the conditions of the hunt come to for a finding.
    Explained(FindingId, Box<Explanation>),
    /// What the box says of a finding, and what its scenarios come to by that.
    Gathered(FindingId, Box<Gathered>),
    /// Something was done; safe text.
    Said(String),
    /// Something is not as it should be, yet nothing was lost by it; safe text.
    Warned(String),
    /// Which of today's findings the exclusion of the form would cover.
    Covers(Vec<FindingId>),
    /// Something is on record now; safe text.
    Recorded(String),
    /// Something is not on record; safe text.
    NotRecorded(String),
    /// Whether what is recorded is only in memory, and why; safe text.
    Unsaved(Option<String>),
    /// The scan cannot go on; safe text.
    ScanFailed(String),
    /// The register as it is on disk now, and how many findings each exclusion covers.
    Register(Vec<RegisterEntry>, Vec<(Uuid, u64)>),
    /// Bytes that were asked for.
    Bytes(FindingId, Box<hex::ByteWindow>),
    /// The themes there are.
    Themes(Offer),
    /// How far the search of that number has got, in bytes of all.
    Searching(u64, u64, u64),
    /// What the search of that number came to; safe text when it found nothing.
    Searched(u64, Result<Hit, String>),
    /// The finding that the open one is to be held against.
    Beside(Arc<Finding>),
    /// What a finding and another one come to side by side, or why the two cannot be read; safe text.
    Compared(FindingId, Result<Box<ContentComparison>, String>),
    /// What was looked up because something points to it.
    LookedUp(Reference, Box<Referred>),
    /// Where the line begins that was asked for under this number; safe text when there is none.
    LineFound(u64, Result<u64, String>),
    /// More printable texts of the list of that number, how much of the file they are from, and whether these are the last
    /// that are kept though there are more.
    Strings(u64, Vec<FoundString>, Option<(u64, u64)>, bool),
    /// Where the next hits of the search of that number begin, and whether these are the last.
    Counted(u64, Vec<u64>, Counted),
    /// The process is to end.
    Terminate,
    /// The process is to stop as Ctrl-Z does.
    Stop,
}

/// What the screen asks for.
#[derive(Debug)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Stop the process as Ctrl-Z does.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Pause the scan, or let it go on.
    Pause(bool),
    /// Leave the file that is being scanned.
    SkipFile,
    /// End the scan.
    CancelScan,
    /// Have the records do something.
    Record(Request),
    /// Have the bytes of a finding looked at.
    Look(Look),
    /// Have the conditions of a hunt explained.
    Explain(Explain),
    /// Have the box asked.
    Gather(Gather),
    /// Have something looked up that a check or a fact points to.
    LookUp(Reference),
    /// Ring the terminal's bell.
    Ring,
    /// Have all themes read.
    ListThemes,
    /// Write the sequence that puts text into the terminal's clipboard.
    Copy(String),
}

/// What the records are asked for. They answer with messages, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Everything about a finding.
    Open(FindingId),
    /// The finding alone, to be held against the open one.
    Beside(FindingId),
    /// Record an answer.
    Answer {
        /// The findings.
        findings: Vec<FindingId>,
        /// The scenario's id.
        scenario: String,
        /// The word.
        answer: Answer,
        /// Why, if the responder says.
        note: Option<String>,
    },
    /// Record a remark on each of these findings; #words in it are tags.
    Note(Vec<FindingId>, String),
    /// Put tags on findings, or take them off.
    Tag {
        /// The findings.
        findings: Vec<FindingId>,
        /// Put on.
        add: Vec<String>,
        /// Taken off.
        remove: Vec<String>,
    },
    /// Take the last decision back, whichever finding it is about.
    Undo,
    /// Decide again what was taken back last.
    Redo,
    /// Record that findings are malicious.
    Malicious {
        /// The findings.
        findings: Vec<FindingId>,
        /// Why.
        reason: String,
    },
    /// Say what an exclusion would cover.
    Preview(Box<Exclusion>),
    /// Record an exclusion for a finding.
    Exclude {
        /// The finding it was made from.
        finding: FindingId,
        /// The exclusion.
        exclusion: Box<Exclusion>,
    },
    /// Revoke an exclusion.
    Revoke {
        /// Its id.
        id: Uuid,
        /// Why.
        why: String,
    },
    /// The register as it is on disk.
    Register,
    /// Try again to bring what is only in memory to the disk.
    Save,
    /// Write what the case holds to this new file.
    Export(PathBuf),
    /// Write this text to this new file.
    WriteText(PathBuf, String),
    /// Write a copy of the case to this new file.
    SaveCopy(PathBuf),
    /// Scan the tree again.
    Rescan,
}

/// What is asked of whoever reads bytes.
#[derive(Debug)]
pub enum Look {
    /// Open the bytes of this finding, and decode them.
    Open(FindingId, Arc<Finding>),
    /// Give these bytes of what is open.
    Window {
        /// Offset of the first byte.
        offset: u64,
        /// Bytes.
        length: usize,
        /// The encoding in which the lines before them are to be counted, if they are.
        lines: Option<Encoding>,
    },
    /// Decode what is open again, because it changed.
    Decode,
    /// Search what is open; the answers carry the number.
    Search(u64, Box<Query>, SearchOrder),
    /// Count what the search of that number finds in all.
    Count(u64, Box<Query>),
    /// Find where this line, from 1, begins in that encoding; the answer carries the number.
    Line(u64, u64, Encoding),
    /// List the printable texts; the answers carry the number.
    Strings(u64),
    /// Read the beginnings of the finding of this number and of another one, and bring them together.
    Compare(FindingId, [Arc<Finding>; 2]),
    /// End the search.
    StopSearch,
}

/// A finding of which the conditions are to be explained.
#[derive(Debug)]
pub struct Explain {
    /// Its number.
    pub id: FindingId,
    /// Facts, matches and kept bytes.
    pub finding: Arc<Finding>,
    /// Whose conditions.
    pub hunt: Arc<Hunt>,
    /// Whether it is a candidate: the rule did not match it.
    pub candidate: bool,
}

/// What is asked of whoever asks the box.
#[derive(Debug)]
pub enum Gather {
    /// What it says of this finding, and what the scenarios of its hunt come to by that.
    About {
        /// The finding.
        id: FindingId,
        /// Its facts.
        finding: Arc<Finding>,
        /// Its hunt.
        hunt: Arc<Hunt>,
        /// What the case keeps of it, where that counts.
        kept: Option<Box<KeptEvidence>>,
        /// Paths of other findings of files with the same content.
        copies: Vec<PathBuf>,
    },
    /// The same, with nothing remembered.
    Again,
    /// Count a value to a set of the site from now on.
    Name {
        /// The set, without its `$`.
        set: String,
        /// The value.
        value: String,
    },
}
