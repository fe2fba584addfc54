//! Pieces that views are put together from.

pub(crate) mod input;
pub(crate) mod paint;
pub(crate) mod pane;
