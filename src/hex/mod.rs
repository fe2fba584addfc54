//! The hex view without its drawing: where bytes come from, how they are laid out, marked, searched, read and copied.
//!
//! | module | its job |
//! | --- | --- |
//! | [`source`] | what bytes can be had from: known bytes, holes, unknown stretches |
//! | [`mod@file`] | the file on disk, and whether it is still the one that was scanned |
//! | [`snapshot`] | the bytes that were kept with a finding |
//! | [`view`] | the one or the other, and the words for which it is |
//! | [`layout`] | bytes to rows and columns; moving the cursor |
//! | [`encoding`], [`rows`], [`lines`] | bytes as text: characters, rows of a width, numbers of lines |
//! | [`strings`] | printable texts in any file |
//! | [`byte`] | one byte: its kind and the character that stands for it |
//! | [`highlight`] | which patterns cover which bytes; from match to match |
//! | [`minimap`] | where in the file the matches are |
//! | [`goto`] | an offset as it is typed |
//! | [`marks`] | offsets with a letter |
//! | [`query`], [`matcher`], [`search`] | what to search for, in one piece of memory, in a file of any size |
//! | [`inspect`] | the value under the cursor |
//! | [`copy`] | a selection as text, for the terminal's clipboard |
//! | [`compare`] | two contents side by side |
//! | [`dump`] | lines of a hexdump, for output without a screen |
//!
//! Reading blocks, so [`view`] and [`search`] belong on a worker thread; all else is pure.

pub(crate) mod byte;
pub(crate) mod compare;
pub(crate) mod copy;
pub(crate) mod dump;
pub(crate) mod encoding;
pub(crate) mod file;
#[cfg(test)]
mod fixtures;
pub(crate) mod goto;
pub(crate) mod highlight;
pub(crate) mod inspect;
pub(crate) mod layout;
pub(crate) mod lines;
pub(crate) mod marks;
pub(crate) mod matcher;
mod member;
pub(crate) mod minimap;
pub(crate) mod query;
pub(crate) mod rows;
pub(crate) mod search;
#[cfg(test)]
mod search_tests;
pub(crate) mod snapshot;
pub(crate) mod source;
pub(crate) mod strings;
pub(crate) mod view;
#[cfg(test)]
mod view_tests;

pub(crate) use highlight::Highlights;
pub(crate) use layout::HexLayout;
pub(crate) use view::View;
pub use view::{ByteWindow, ViewedBytes};
