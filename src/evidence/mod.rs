//! What the box itself says about a found file: read-only, nothing executed, nothing written.
//!
//! [`Gatherer`] holds the indexes of one box; [`Gatherer::gather`] asks one probe per subject about one file and
//! returns the [`Evidence`]. Every probe answers [`Observed`]: found, not found, or unknown and why. Each piece shows who
//! could have made it so, because "a cron table names it" is as true of an intruder's file as of an administrator's.
//!
//! | file | what it asks |
//! | --- | --- |
//! | `file.rs`, `xattr.rs` | the file as it is now, and the folders above it |
//! | `package/` | dpkg, rpm, apk: whose file it is, and whether the content is as shipped |
//! | `schedule/` | cron, anacron, at, incron, systemd and all other places that start programs: what runs by itself and names it |
//! | `process/`, `proc_file.rs`, `socket.rs`, `socket_table.rs` | what runs, maps, opens or names it now, and whom that talks to |
//! | `account.rs`, `sudoers.rs` | who the users are and what they may do |
//! | `execution.rs`, `interpreter.rs`, `x32.rs`, `memory.rs` | whether what an ELF file or a script needs to run is there |
//! | `host.rs` | which paths exist and which tools are installed |
//! | `referrer.rs` | who could have made what speaks for a file |
//! | `repository`, `signature.rs`, `container.rs` | who vouches for its content: a git or Subversion checkout, a list of signatures, an image |
//! | `surroundings.rs`, `baseline.rs` | what lies beside it, and how old the box is |
//! | `event/`, `timeline.rs` | what the box's logs tell, and all of it in one order |
//! | `vouch.rs` | whether a process's name is more than a claim |
//! | `clock.rs` | the box's own time zone |
//! | `field.rs` | all of it under the names that checks use |
//! | `gather.rs`, `probe.rs`, `asking.rs`, `asked.rs` | the probes with their time limits, and their answers as they come |
//! | `reference/` | what evidence points to, looked up to be read: files, processes, packages, units |
//! | `lazy.rs`, `indexes.rs` | indexes that are built once |
//! | `recorded.rs` | all of it as a case keeps it |

mod account;
mod asked;
mod asking;
pub(crate) mod baseline;
mod blocks;
mod clock;
mod container;
mod event;
pub(crate) mod execution;
mod field;
mod file;
mod gather;
mod host;
mod indexes;
pub(crate) mod interpreter;
mod lazy;
mod lines;
pub(crate) mod memory;
mod observed;
mod package;
mod probe;
mod proc_file;
mod process;
mod recorded;
pub(crate) mod reference;
mod referrer;
mod repository;
mod schedule;
mod show;
mod signature;
mod socket;
mod socket_table;
mod sqlite;
mod sudoers;
mod surroundings;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod timeline;
mod vouch;
pub(crate) mod x32;
mod xattr;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use account::Account;
pub use asked::AskedFile;
pub(crate) use asked::STILL_ASKED;
pub(crate) use baseline::Baseline;
pub(crate) use clock::{BoxZone, is_zone_name};
pub(crate) use container::Layer;
pub(crate) use event::{BoxEvent, EventKind};
pub(crate) use field::{SeenValue, Values};
pub(crate) use file::{FileEvidence, FolderEvidence};
pub use gather::Gatherer;
pub(crate) use host::Tool;
pub(crate) use observed::Observed;
pub(crate) use package::{ContentCheck, PackageOwner};
#[cfg(test)]
pub(crate) use process::Relation;
pub(crate) use process::{Ancestor, LeftOut, Process};
pub(crate) use recorded::{AskedOnce, BoxQueries, ByNow, NamedFacts, RecordedPart};
pub(crate) use referrer::Referrer;
pub(crate) use repository::{Checkout, Tracked};
pub(crate) use schedule::places::PLACES;
pub(crate) use schedule::{NameMatch, Schedule, Scheduler};
pub(crate) use signature::ContentKind;
#[cfg(test)]
pub(crate) use socket::ConnectionDirection;
pub(crate) use socket::{Peer, Socket};
pub(crate) use surroundings::{Neighbour, SameContent};
#[cfg(test)]
pub(crate) use xattr::Xattr;

use crate::finding::FileFacts;

/// Something that a probe could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceGap {
    /// The probe: `account`, `package`, `process`, `schedule`.
    pub probe: Cow<'static, str>,
    /// Which path, and why; safe to show.
    pub text: String,
}

/// All that the box says about one found file.
///
/// A case keeps each field as a part (see `recorded.rs`): what an older Huntbook did not ask is unknown then.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The facts of the scan that this is about.
    #[serde(skip)]
    pub facts: FileFacts,
    /// The file's path on the box, links above it resolved; as walked when it does not lie below the root.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// The file as it is now.
    pub file: Observed<FileEvidence>,
    /// The folders above it, the nearest first.
    pub folders: Observed<Vec<FolderEvidence>>,
    /// The package that ships it.
    pub package: Observed<PackageOwner>,
    /// What runs by itself and names it or a folder above it; what names the file itself first.
    pub schedules: Observed<Vec<Schedule>>,
    /// The processes that have to do with it; those that run it first.
    pub processes: Observed<Vec<Process>>,
    /// Other places that start programs and name it or a folder above it; what names the file itself first.
    pub persistence: Observed<Vec<Schedule>>,
    /// Processes of the responder, and other Huntbooks, that only look at it, and so were left out.
    pub left_out: Vec<LeftOut>,
    /// Connections of any process of the box to an address that the rule's patterns name.
    pub live: Vec<Socket>,
    /// The git or Subversion checkout that it lies in.
    pub checkout: Observed<Checkout>,
    /// What its whole content is, where that explains that a rule matches it.
    pub content: Observed<ContentKind>,
    /// The container's layer that it lies in.
    pub layer: Option<Layer>,
    /// Files with the same content: of the scan, and the original of a mirrored path.
    pub copies: Vec<SameContent>,
    /// Files of the same folder that were changed within minutes of it.
    pub neighbours: Observed<Vec<Neighbour>>,
    /// Its first line, safe to show; not found where it is no text.
    pub first_line: Observed<String>,
    /// What the box's logs tell of the hour around its last change, and what in them names it.
    pub events: Observed<Vec<BoxEvent>>,
    /// How old the box is.
    pub baseline: Observed<Baseline>,
    /// The processes that could not be looked into, so that any of them may have to do with it. Unknown when not even
    /// these are all known.
    pub unread: Observed<Vec<Process>>,
    /// The TCP and UDP sockets of the processes that have to do with it.
    pub sockets: Observed<Vec<Socket>>,
    /// The file's owner and the users of those processes.
    pub accounts: Observed<Vec<Account>>,
    /// The management and security tools on the box; those whose folder holds the file first.
    pub tools: Observed<Vec<Tool>>,
    /// The box's own time zone.
    pub zone: Observed<BoxZone>,
    /// What could not be read on the way. What was found stands, but there may be more.
    pub gaps: Vec<EvidenceGap>,
    /// When `/proc` was read, if it was.
    pub processes_at: Option<Timestamp>,
    /// When this was gathered.
    pub gathered_at: Timestamp,
    /// How long that took.
    pub took: Duration,
}
