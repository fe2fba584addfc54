//! `huntbook exclusions list`.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::review::{Review, short};
use crate::print;
use crate::report::json;
use crate::report::outgoing::Outgoing;
use crate::session::Excluded;
use crate::text;
use crate::triage::exclusion::Exclusion;
use crate::triage::register::{InvalidEntry, RegisterEntry};
use crate::triage::state::ExclusionState;

pub(super) fn run(review: &Review, all: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = print::stdout();
    let mut documents = Vec::new();
    let mut hidden = 0_usize;
    // What was recorded against what the box says stands apart, and first.
    let is_against = |entry: &&RegisterEntry| entry.exclusion().is_some_and(Exclusion::is_against_the_box);
    let (against, others): (Vec<_>, Vec<_>) = review.register.entries().iter().partition(is_against);
    let counts = |entry: &&&RegisterEntry| entry.exclusion().is_none_or(|one| all || review.state(one).is_in_force());
    let both = against.iter().any(|entry| counts(&entry)) && !as_json;
    if both {
        writeln!(out, "Against the box: nothing on it supports the scenario, or it is contradicted\n")?;
    }
    for (place, entry) in against.iter().chain(&others).enumerate() {
        if both && place == against.len() {
            writeln!(out, "\nOthers\n")?;
        }
        match &entry.content {
            Ok(exclusion) => {
                let state = review.state(exclusion);
                if !all && !state.is_in_force() {
                    hidden += 1;
                } else if as_json {
                    documents.push(document(exclusion, &state)?);
                } else {
                    paragraph(&mut out, exclusion, &state)?;
                }
            }
            // One that is not understood is listed always: whoever wrote it thinks that it counts.
            Err(doubt) if as_json => documents.push(doubtful(doubt)),
            Err(doubt) => writeln!(out, "line {}: doubtful, it excludes nothing: {}", doubt.line, doubt.cause)?,
        }
    }
    if as_json {
        writeln!(out, "{}", json::pretty(&Value::Array(documents)))?;
    } else if hidden > 0 {
        writeln!(out, "{hidden} more do not count; --all lists them")?;
    } else if review.register.entries().is_empty() {
        writeln!(out, "no exclusions in {}", text::escape_path(review.register.path()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn paragraph(out: &mut dyn Write, exclusion: &Exclusion, state: &ExclusionState) -> io::Result<()> {
    let safe = |text: &str| text::escape_str(text).into_owned();
    let scenario = exclusion.scenario.as_ref().map(|id| format!(", scenario {}", safe(id))).unwrap_or_default();
    let ticket = exclusion.ticket.as_ref().map(|ticket| format!(", ticket {}", safe(ticket))).unwrap_or_default();
    writeln!(
        out,
        "{}  {state}\n    {}: {}\n    {}{scenario}{ticket}, by {} on {} at {:.0}, until {:.0}\n    {}",
        short(exclusion.id),
        safe(&exclusion.rule),
        exclusion.covers(),
        exclusion.judgement,
        safe(&exclusion.by.to_string()),
        safe(&exclusion.host),
        exclusion.created,
        exclusion.expires,
        safe(&exclusion.reason)
    )?;
    let Some(revocation) = &exclusion.revoked else { return Ok(()) };
    let by = safe(&revocation.by.to_string());
    writeln!(out, "    revoked by {by} at {:.0}: {}", revocation.at, safe(&revocation.why))
}

fn document(exclusion: &Exclusion, state: &ExclusionState) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(Excluded::from(exclusion))?;
    let outgoing = Outgoing { exclusion, state: state.clone(), rule: None };
    let path = outgoing.shown_path();
    document["rule"] = exclusion.rule.as_str().into();
    document["state"] = state.word().into();
    document["against_the_box"] = exclusion.is_against_the_box().into();
    document["cause"] = match state {
        ExclusionState::Doubtful(cause) => cause.as_str().into(),
        _ => Value::Null,
    };
    let digest = outgoing.digest();
    document["sha256"] = json!(digest.and_then(|digest| digest.sha256()));
    document["data_digest"] = json!(digest.and_then(|digest| digest.data_digest()));
    document["path"] = (!path.is_empty()).then_some(path).into();
    document["host_id"] = json!(exclusion.host_id);
    document["host"] = exclusion.host.as_str().into();
    document["revoked"] = exclusion.revoked.as_ref().map_or(
        Value::Null,
        |revocation| json!({"by": revocation.by.to_string(), "at": revocation.at.to_string(), "why": revocation.why}),
    );
    Ok(document)
}

fn doubtful(doubt: &InvalidEntry) -> Value {
    json!({
        "id": doubt.id.map(|id| id.to_string()),
        "rule": doubt.rule,
        "state": ExclusionState::Doubtful(String::new()).word(),
        "cause": doubt.cause,
        "line": doubt.line,
    })
}
