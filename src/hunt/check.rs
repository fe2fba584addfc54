//! One predicate over evidence, and how it reads.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::field::{CheckOperator, Field};
use super::matching::NamedValues;
use super::strength::Strength;
use crate::text;

/// One predicate over evidence, such as `process.parent.name in [systemd, cron]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is looked at.
    pub field: Field,
    /// How it is compared.
    pub operator: CheckOperator,
    /// With what.
    pub operand: Operand,
    /// How much it tells where it is met, if the hunt says so; otherwise that depends on what is seen.
    pub strength: Option<Strength>,
}

/// What a check compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Any one of these. For accounts, `%group` stands for its members.
    Values(NamedValues),
    /// The site set of this name, without the `$`.
    SiteSet(String),
    /// Whether there is a value; only with [`CheckOperator::Exists`].
    Exists(bool),
    /// The run times of a schedule that names the file; only `process.start` within it.
    Schedule,
}

/// How the operand [`Operand::Schedule`] is written.
pub(super) const SCHEDULE: &str = "schedule";
/// The key that says how much a check tells.
pub(super) const STRENGTH: &str = "strength";

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) => f.write_str(&either(values.texts())),
            Self::SiteSet(name) => write!(f, "${}", text::escape_str(name)),
            Self::Exists(wanted) => write!(f, "{wanted}"),
            Self::Schedule => f.write_str(SCHEDULE),
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
fn either(values: &[String]) -> String {
    let shown: Vec<_> = values.iter().map(|value| text::escape_str(value)).collect();
    match shown.split_last() {
        Some((last, [])) => last.to_string(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// What it means that a field has a value, and that it has none, where that says more than the field's name.
fn presence(field: Field) -> Option<(&'static str, &'static str)> {
    match field {
        Field::ScheduleCron => Some(("cron or at starts the file", "neither cron nor at starts the file")),
        Field::ScheduleSystemd => Some(("a systemd unit starts the file", "no systemd unit starts the file")),
        Field::ProcessUnit => Some(("a systemd unit started the process", "no systemd unit started the process")),
        Field::FilePackage => Some(("a package ships the file", "no package ships the file")),
        _ => None,
    }
}

impl fmt::Display for Check {
    /// As a person would read it; what came from a file is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, operator, operand, .. } = self;
        match (operator, operand) {
            (_, Operand::Exists(wanted)) => match (presence(*field), wanted) {
                (Some((words, _)), true) | (Some((_, words)), false) => write!(f, "{words} ({field})"),
                (None, true) => write!(f, "there is a {field}"),
                (None, false) => write!(f, "there is no {field}"),
            },
            (_, Operand::Schedule) => write!(f, "{field} fits a schedule that names the file"),
            (_, Operand::Values(_)) if *field == Field::HostPath => write!(f, "{operand} exists on the box"),
            (_, Operand::SiteSet(_)) if *field == Field::HostPath => write!(f, "one of {operand} exists on the box"),
            (CheckOperator::In, Operand::Values(values)) if values.texts().len() > 1 => {
                let shown: Vec<_> = values.texts().iter().map(|value| text::escape_str(value)).collect();
                write!(f, "{field} is one of {}", shown.join(", "))
            }
            (CheckOperator::In, Operand::SiteSet(_)) => write!(f, "{field} is one of {operand}"),
            (CheckOperator::In | CheckOperator::Exists, _) => write!(f, "{field} is {operand}"),
            (CheckOperator::Contains, _) => write!(f, "{field} contains {operand}"),
            (CheckOperator::Under, _) => write!(f, "{field} lies under {operand}"),
            (CheckOperator::Glob, _) => write!(f, "{field} matches {operand}"),
            (CheckOperator::Within, _) => write!(f, "{field} lies within {operand}"),
        }
    }
}

impl Serialize for Check {
    /// As in a hunt's TOML: `{"field": …, "<operator>": …}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("field", self.field.name())?;
        let key = self.operator.name();
        match &self.operand {
            Operand::Values(values) => map.serialize_entry(key, values)?,
            Operand::SiteSet(name) => map.serialize_entry(key, &format!("${name}"))?,
            Operand::Exists(wanted) => map.serialize_entry(key, wanted)?,
            Operand::Schedule => map.serialize_entry(key, SCHEDULE)?,
        }
        if let Some(strength) = self.strength {
            map.serialize_entry(STRENGTH, &strength)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: Field, operator: CheckOperator, operand: Operand) -> Check {
        Check { field, operator, operand, strength: None }
    }

    fn named(field: Field, operator: CheckOperator, values: &[&str]) -> Check {
        let values = NamedValues::fitting(field.kind(), operator, values);
        check(field, operator, Operand::Values(values))
    }

    #[test]
    fn checks_read_like_sentences_and_serialize_like_the_toml() {
        let cases = [
            (
                named(Field::ProcessParentName, CheckOperator::In, &["systemd", "cron", "crond"]),
                "process.parent.name is one of systemd, cron, crond",
                r#"{"field":"process.parent.name","in":["systemd","cron","crond"]}"#,
            ),
            (
                named(Field::DestinationPort, CheckOperator::In, &["23"]),
                "destination.port is 23",
                r#"{"field":"destination.port","in":[23]}"#,
            ),
            (
                named(Field::FilePath, CheckOperator::Under, &["/etc", "/opt"]),
                "file.path lies under /etc or /opt",
                r#"{"field":"file.path","under":["/etc","/opt"]}"#,
            ),
            (
                check(Field::SourceIp, CheckOperator::Within, Operand::SiteSet("internal_networks".into())),
                "source.ip lies within $internal_networks",
                r#"{"field":"source.ip","within":"$internal_networks"}"#,
            ),
            (
                check(Field::ScheduleCron, CheckOperator::Exists, Operand::Exists(true)),
                "cron or at starts the file (schedule.cron)",
                r#"{"field":"schedule.cron","exists":true}"#,
            ),
            (
                check(Field::ProcessStart, CheckOperator::Within, Operand::Schedule),
                "process.start fits a schedule that names the file",
                r#"{"field":"process.start","within":"schedule"}"#,
            ),
            (
                named(Field::HostPath, CheckOperator::In, &["/etc/ansible", "/var/lib/salt", "/etc/salt"]),
                "/etc/ansible, /var/lib/salt or /etc/salt exists on the box",
                r#"{"field":"host.path","in":["/etc/ansible","/var/lib/salt","/etc/salt"]}"#,
            ),
            (
                named(Field::FileName, CheckOperator::Glob, &["a\u{1b}*"]),
                r"file.name matches a\x1b*",
                r#"{"field":"file.name","glob":["a\u001b*"]}"#,
            ),
        ];
        for (check, sentence, json) in cases {
            assert_eq!(check.to_string(), sentence);
            assert_eq!(serde_json::to_string(&check).unwrap(), json);
        }
    }
}
