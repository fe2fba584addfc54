//! The one place that opens what belongs to the scanned tree, to an image or to the box.
//!
//! Names, types, sizes and times in there are claims of somebody else's file system, and paths may change between two
//! looks. So everything is opened from the descriptor of a folder: no link is followed, a FIFO does not block, access
//! times are left alone where the kernel allows it, the type is asked of the inode, and texts are read up to a size and
//! a time only. No other room opens, lists or stats such a path; `tests/it/layering.rs` holds that.
//!
//! | file | its job |
//! | --- | --- |
//! | `open.rs` | opening beneath a folder, on kernels and in sandboxes without `openat2` too |
//! | `handle.rs` | [`Root`]: the box or image, links resolved inside it; bounded texts |
//! | `folder.rs` | an open folder: listing it, and opening what is in it |
//! | `located.rs` | something that was reached: its type, and opening it |
//! | `attributes.rs` | what `stat` says |

mod attributes;
mod folder;
mod handle;
mod located;
mod open;

pub(crate) use attributes::Attributes;
pub(crate) use folder::{EntryBuffer, Pointed, entry_buffer};
pub(crate) use folder::{Folder, MountPolicy};
pub use handle::Root;
pub(crate) use handle::{TextFile, named, normal, open_file, open_folder, stat_file};
pub(crate) use located::Located;
pub(crate) use open::OpenedFile;
pub(crate) use open::{NotRegular, kind_name, open_beneath};
