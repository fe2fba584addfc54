//! The report over many boxes as one HTML file, as the report of one is.

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::ManyReport;
use crate::report::case_report::{STYLE, environment};
use crate::report::whole::WriteError;
use crate::version;

const TEMPLATE: &str = include_str!("many.html");

pub(super) fn write(report: &ManyReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let render = || {
        let mut templates = environment();
        templates.add_template("many.html", TEMPLATE)?;
        let values = context! {
            report => Value::from(Serde(report)),
            style => STYLE,
            version => version::VERSION,
        };
        templates.get_template("many.html")?.render_captured_to(values, out).map(drop)
    };
    render().map_err(|error: minijinja::Error| WriteError::Io(io::Error::other(error)))
}
