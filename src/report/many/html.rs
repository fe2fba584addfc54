//! The report over many boxes as one HTML file, as the report of one is.

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::ManyReport;
use crate::report::case_report::page;
use crate::report::whole::WriteError;

const TEMPLATE: &str = concat!(include_str!("../case_report/head.html"), include_str!("many.html"));

pub(super) fn write(report: &ManyReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let values = context! { report => Value::from(Serde(report)) };
    page(TEMPLATE, "Hunt over many boxes", values, out).map_err(|error| WriteError::Io(io::Error::other(error)))
}
