//! The hunt under way, without a screen: rules, scan, register and case put together.
//!
//! [`book`] holds the hunts and what a rule's name stands for; [`records`] writes down what a scan finds and what the
//! responder decides, and says what each finding has come to.

mod archive;
pub mod book;
mod box_facts;
mod decisions;
mod excluded;
mod hunt_words;
mod logged;
mod opening;
pub mod records;
mod reopen;
mod standing;

pub use archive::{Archive, Archived, Listed};
pub use book::{BookError, Compiling, RuleBook, RuleChoice, Subject};
pub use box_facts::host_name;
pub use excluded::{Checked, Excluded};
pub use hunt_words::{HuntWords, ScenarioWords};
pub use opening::{RecordPlan, RecordsError};
pub use records::{Judged, Opened, Records};
pub use reopen::{CaseFacts, Since, not_scanned, reading, scan_end, scan_outcome};
