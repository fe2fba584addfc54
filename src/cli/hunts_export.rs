//! `huntbook hunts export`: hunts as hunting queries for Microsoft Sentinel, and the table that findings go into.

use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::output::Output;
use crate::hunt::{Hunt, Site};
use crate::report::{hunting, json, sentinel};
use crate::{print, text};

/// As what hunts are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HuntFormat {
    /// A Kusto query for each hunt.
    Kql,
    /// The same as the YAML of Sentinel hunting queries, a document each.
    SentinelYaml,
    /// Table and data collection rule for scan --format sentinel; hunts are not named for it.
    Dcr,
}

pub(super) fn run(hunts: &[&Arc<Hunt>], site: &Site, format: HuntFormat, output: &Output) -> anyhow::Result<ExitCode> {
    if format == HuntFormat::Dcr {
        output.write_with(|out| Ok(writeln!(out, "{}", json::pretty(&sentinel::template()))?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut documents = Vec::new();
    let mut without = Vec::new();
    for hunt in hunts {
        let document = match format {
            HuntFormat::SentinelYaml => hunting::yaml(hunt, site),
            HuntFormat::Kql | HuntFormat::Dcr => hunting::query(hunt, site),
        };
        match document {
            Some(document) => documents.push(document),
            None => without.push(text::escape_str(&hunt.rule.id.name).into_owned()),
        }
    }
    if !without.is_empty() {
        print::say(format_args!(
            "left out, for no log can hold what they look for (no file name, SHA-256 or address): {}",
            without.join(", ")
        ));
    }
    anyhow::ensure!(!documents.is_empty(), "no hunt is left to be exported");
    let between = if format == HuntFormat::Kql { "\n" } else { "---\n" };
    output.write_with(|out| Ok(out.write_all(documents.join(between).as_bytes())?))?;
    Ok(ExitCode::SUCCESS)
}
