//! What there is to scan on this box: trees that were scanned before, mounts, folders, and paths as they are typed.
//!
//! Nothing here draws or keeps state, and everything may take as long as a disk or a network takes: whoever asks does so
//! on a thread that may wait. Nothing is written, and links are told apart from folders, not followed.

mod folders;
mod mounts;
mod recent;
mod typed;

pub use folders::{Folder, Listing, PlaceError, links, list};
pub use mounts::{Mount, Mounts, Room};
pub use recent::{Recent, each_recent};
pub use typed::{Completion, complete, expand};
