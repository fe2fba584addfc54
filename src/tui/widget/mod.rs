//! Pieces that views are put together from.

pub mod input;
pub mod paint;
pub mod pane;
