//! What there is to scan on this box: trees that were scanned before, mounts, folders, and paths as they are typed.
//!
//! Nothing here draws or keeps state, and everything may take as long as a disk or a network takes: whoever asks does so
//! on a thread that may wait. Nothing is written, and links are told apart from folders, not followed.

mod completion;
mod folders;
mod mounts;
mod recent;

pub use completion::PathCompletion;
pub(crate) use completion::{complete, expand};
pub use folders::ListedFolder;
pub(crate) use folders::{links, list};
pub(crate) use mounts::Mount;
pub use mounts::{DiskUsage, MountList};
pub use recent::Recent;
pub(crate) use recent::each_recent;
