//! Huntbook: from a YARA hit to a defensible verdict.

pub mod accounts;
pub mod finding;
pub mod scan;
pub mod text;
