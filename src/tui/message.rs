//! What the screen is told, and what it asks for. Between the two lies `update`, which does no I/O.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent};
use uuid::Uuid;

use super::state::detail::Opened;
use super::state::findings::Row;
use super::state::register::Entry;
use crate::case::FindingId;
use crate::hex;
use crate::scan::{Reading, Unscanned};
use crate::triage::Answer;
use crate::triage::exclusion::Exclusion;

/// What the screen is told.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size now.
    Resize,
    /// Time to look at the scan's gauges.
    Tick(Reading, PathBuf),
    /// Files are being scanned now.
    ScanStarted,
    /// Findings, new or changed.
    Rows(Vec<Row>),
    /// What was not scanned.
    Unscanned(Vec<Unscanned>),
    /// The scan is over.
    ScanEnded {
        /// Its last gauges.
        reading: Reading,
        /// Whether it was cancelled.
        cancelled: bool,
    },
    /// The scan cannot go on; safe text.
    ScanFailed(String),
    /// A finding with all that is known of it, as asked for or because it changed.
    Opened(Box<Opened>),
    /// Which of today's findings the exclusion of the form would cover.
    Covers(Vec<FindingId>),
    /// Something is on record now; safe text.
    Recorded(String),
    /// Something is not on record; the session goes on in memory. Safe text.
    NotRecorded(String),
    /// Everything is on disk again.
    Saved,
    /// Something worth a line; safe text.
    Notice(String),
    /// The register as it is on disk now.
    Register(Vec<Entry>),
    /// Bytes that were asked for.
    Bytes(Box<hex::Window>),
    /// The process is to end.
    Terminate,
}

/// What the screen asks for.
#[derive(Debug, Clone, PartialEq)]
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
    /// Have the next theme loaded.
    NextTheme,
    /// Put bytes into the terminal's clipboard.
    Copy(String),
}

/// What the records are asked for. They answer with messages, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Everything about a finding.
    Open(FindingId),
    /// Record an answer.
    Answer {
        /// The finding.
        finding: FindingId,
        /// The scenario's id.
        scenario: String,
        /// The word.
        answer: Answer,
        /// Why, if the responder says.
        note: Option<String>,
    },
    /// Take the last decision about the finding back.
    Undo(FindingId),
    /// Record that the finding is malicious.
    Malicious {
        /// The finding.
        finding: FindingId,
        /// Why.
        reason: String,
    },
    /// Say what an exclusion would cover.
    Preview(Box<Exclusion>),
    /// Record an exclusion for a finding.
    Exclude {
        /// The finding it was made from.
        finding: FindingId,
        /// The scenario's id.
        scenario: String,
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
    /// Scan the tree again.
    Rescan,
}
