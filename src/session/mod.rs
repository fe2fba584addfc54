//! The hunt under way, without a screen: rules, scan, register and case put together.
//!
//! [`rule_catalog`] holds the hunts and what a rule's name stands for; [`records`] writes down what a scan finds and what the
//! responder decides, and says what each finding has come to.

mod asking;
mod audit;
mod box_facts;
mod case_reader;
mod decisions;
mod excluded;
mod gathering;
mod host_identity;
mod hunt_words;
pub(crate) mod many;
mod opening;
pub(crate) mod records;
mod register_status;
mod reopen;
pub(crate) mod rule_catalog;
mod same_rules;
mod started_as;

pub(crate) use asking::{ENDED_EARLY, KeptEvidence, ScenarioStatus, TIME_WAS_UP, kept_statuses, scenario_statuses};
pub use box_facts::host_name;
pub(crate) use box_facts::identity;
pub use case_reader::CaseReader;
pub(crate) use case_reader::{Archived, Listed};
pub(crate) use decisions::Reversal;
pub(crate) use excluded::Excluded;
pub(crate) use gathering::{GATHERING_TIME, Told};
pub use host_identity::HostIdentity;
pub(crate) use hunt_words::HuntWords;
pub use opening::RecordPlan;
pub(crate) use opening::RecordsError;
pub(crate) use records::{FindingStatus, Opened, Records, named_file};
pub(crate) use reopen::{CaseFacts, Since, not_scanned, reading, scan_end, scan_outcome};
pub(crate) use rule_catalog::Compiling;
pub use rule_catalog::{RuleCatalog, RuleChoice};
pub use started_as::StartedAs;
