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
//! | `attributes.rs` | what `stat` says |

mod attributes;
mod handle;
mod open;

pub(crate) use attributes::Attributes;
pub use handle::Root;
pub(crate) use handle::{Folder, Located, Text, normal};
pub(crate) use open::{NotRegular, Opened, kind_name, open_file, open_regular};
