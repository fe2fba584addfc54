//! The report as one HTML file: no script, nothing from elsewhere, readable on light and dark screens and on paper.

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{Environment, Error, Output, State, Value, context, escape_formatter};
use serde::Serialize;

use super::CaseReport;
use super::timeline::{Timeline, TimelineKind, WIDTH};
use crate::report::whole::{ReportSource, WriteError};
use crate::{text, version};

/// The template; every value that it shows is escaped, for a screen and as HTML.
const TEMPLATE: &str = concat!(include_str!("head.html"), include_str!("report.html"));
const STYLE: &str = include_str!("style.css");
/// Entries of a list that are shown unfolded.
const UNFOLDED: usize = 40;
/// Height of a kind's line in the picture, and the room for its title.
const LANE: f64 = 34.0;
const LEFT: f64 = 90.0;

/// Writes the file.
pub(super) fn write(whole: &ReportSource, report: &CaseReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut missed = Vec::new();
    whole.each_missed(|one| {
        let path = text::escape_path(&whole.origin.on_box(&one.path)).into_owned();
        missed.push((path, one.detail.clone()));
        Ok(())
    })?;
    render(report, &missed, out).map_err(|error| WriteError::Io(io::Error::other(error)))
}

fn render(report: &CaseReport, missed: &[(String, String)], out: &mut dyn Write) -> Result<(), Error> {
    let values = context! {
        report => Value::from(Serde(report)),
        missed => Value::from(Serde(missed)),
        picture => Value::from(Serde(Picture::of(&report.timeline))),
        unfolded => UNFOLDED,
    };
    page(TEMPLATE, &format!("Hunt on {}", report.host), values, out)
}

/// Writes a page: `template` begins with `head.html`, `values` are what its body shows.
pub(in crate::report) fn page(template: &str, title: &str, values: Value, out: &mut dyn Write) -> Result<(), Error> {
    let mut templates = environment();
    templates.add_template("page.html", template)?;
    let head = context! { style => STYLE, version => version::VERSION, title => title };
    templates.get_template("page.html")?.render_captured_to(context! { ..values, ..head }, out).map(drop)
}

/// Templates whose values are escaped, for a screen and as HTML.
fn environment<'t>() -> Environment<'t> {
    let mut templates = Environment::new();
    templates.set_formatter(show);
    templates.add_filter("count", |number: u64| text::count(number));
    templates
}

/// Escapes a value for a screen before it is escaped as HTML.
fn show(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|said| !value.is_safe() && *said != "\n") {
        Some(said) => escape_formatter(out, state, &Value::from(text::escape_str(said).into_owned())),
        None => escape_formatter(out, state, value),
    }
}

/// The line of time with a lane for each kind of event; coordinates in units of the picture.
#[derive(Debug, Serialize)]
struct Picture {
    width: f64,
    height: f64,
    bottom: f64,
    lanes: Vec<Lane>,
    stretches: Vec<Drawn>,
    events: Vec<Dot>,
    /// Events that are not listed.
    more: usize,
}

#[derive(Debug, Serialize)]
struct Lane {
    title: &'static str,
    y: f64,
}

#[derive(Debug, Serialize)]
struct Drawn {
    from: f64,
    to: f64,
    date: String,
    date_y: f64,
}

#[derive(Debug, Serialize)]
struct Dot {
    at: String,
    kind: &'static str,
    text: String,
    x: f64,
    y: f64,
}

impl Picture {
    fn of(timeline: &Timeline) -> Self {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let kinds: Vec<_> = TimelineKind::ALL
            .into_iter()
            .filter(|kind| timeline.events.iter().any(|event| event.kind == *kind))
            .collect();
        let y = |kind: TimelineKind| LANE * (kinds.iter().position(|one| *one == kind).unwrap_or(0) as f64 + 0.5);
        let stretches = timeline.stretches();
        let bottom = LANE * kinds.len() as f64;
        let whole = stretches.first().zip(stretches.last()).map(|(first, last)| last.to.0.duration_since(first.from.0));
        // Of a day, the seconds tell more than the date alone.
        let date =
            if whole.is_some_and(|whole| whole.as_hours() < 24) { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M" };
        let dots = timeline.events.iter().map(|event| Dot {
            at: format!("{:.0}", event.at),
            kind: event.kind.title(),
            text: event.text.clone(),
            x: round(LEFT + stretches.iter().find_map(|stretch| stretch.place(event.at)).unwrap_or_default()),
            y: y(event.kind),
        });
        Self {
            width: LEFT + WIDTH + 20.0,
            height: bottom + 56.0,
            bottom,
            lanes: kinds.iter().map(|kind| Lane { title: kind.title(), y: y(*kind) }).collect(),
            events: dots.collect(),
            more: timeline.more,
            stretches: stretches
                .iter()
                .enumerate()
                .map(|(index, stretch)| Drawn {
                    from: round(LEFT + stretch.from.1),
                    to: round(LEFT + stretch.to.1),
                    date: stretch.from.0.strftime(date).to_string(),
                    // Neighbours' dates would run into each other on one line.
                    date_y: bottom + 18.0 + 16.0 * (index % 2) as f64,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::TimelineEvent;
    use super::*;

    #[test]
    fn an_empty_report_and_a_hostile_one_are_whole_pages() {
        let page = |report: &CaseReport, missed: &[(String, String)]| {
            let mut out = Vec::new();
            render(report, missed, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(page(&CaseReport::default(), &[]).trim_end().ends_with("</html>"));
        let hostile = "\u{1b}[2J\u{202e}</script><img src=x onerror=1>\"'&\n{{ 7 * 7 }}";
        let at = jiff::Timestamp::UNIX_EPOCH;
        let report = CaseReport {
            host: hostile.to_owned(),
            summary: vec![("Asked", hostile.to_owned())],
            timeline: Timeline::of(vec![TimelineEvent::at(at, TimelineKind::File, hostile.to_owned())]),
            ..CaseReport::default()
        };
        let page = page(&report, &[(hostile.to_owned(), hostile.to_owned())]);
        assert!(!page.contains("<img") && !page.contains("49") && !page.contains(['\u{1b}', '\u{202e}']), "{page}");
        assert!(!page.contains("<script") && !page.contains("http://"));
    }
}
