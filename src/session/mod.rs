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
mod finding_status;
mod gathering;
mod host_identity;
mod hunt_words;
mod judging;
mod kept_evidence;
pub(crate) mod many;
mod opening;
pub(crate) mod records;
mod register_status;
mod reopen;
pub(crate) mod rule_catalog;
mod same_rules;
mod scan_record;
mod signs;
mod started_as;

pub(crate) use asking::{ENDED_EARLY, TIME_WAS_UP};
pub use box_facts::host_name;
pub(crate) use box_facts::identity;
pub use case_reader::CaseReader;
pub(crate) use case_reader::{Archived, FindingSummary};
pub(crate) use decisions::Reversal;
pub(crate) use excluded::Excluded;
pub(crate) use finding_status::{FindingDetails, FindingStatus};
pub(crate) use gathering::{GATHERING_TIME, MAX_COPIES, peers};
pub use host_identity::HostIdentity;
pub(crate) use hunt_words::{HuntWords, ScenarioWords};
pub(crate) use kept_evidence::{KeptEvidence, ScenarioStatus, kept_statuses, scenario_statuses};
pub use opening::RecordPlan;
pub(crate) use opening::RecordsError;
pub(crate) use records::{Records, named_file};
pub(crate) use reopen::{CaseFacts, Since};
pub(crate) use rule_catalog::Compiling;
pub use rule_catalog::{RuleCatalog, RuleChoice};
pub(crate) use scan_record::{not_scanned, reading, scan_end, scan_outcome};
pub(crate) use signs::signs_of;
pub use started_as::StartedAs;
