//! What something else than the file system says of what was scanned: the archive that a member lies in, or the kernel of
//! a process. The file system's own word stays beside it, and is that of the archive, or of the executable.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FileTime;
use crate::text;

/// Who says more of what was scanned, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatedFacts {
    /// The archive, of its member. Whoever made it could write anything there.
    Archive(MemberFacts),
    /// The kernel, of a process at the time of the scan.
    Kernel(ProcessFacts),
}

/// What an archive says of a member. What it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberFacts {
    /// The format of the innermost container: `tar`, `zip`.
    pub format: String,
    /// Type and permission bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Owner's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// Owner's group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u64>,
    /// Owner's name, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group's name, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Last change of content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<FileTime>,
    /// Whether that is a time of day where the archive was made, of a zone that is not said; it is stored as if it were UTC.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub modified_is_local: bool,
    /// What is odd about the member, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oddity: Option<String>,
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessFacts {
    /// Its number.
    pub pid: u32,
    /// What it calls itself (`comm`).
    pub name: String,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<FileTime>,
    /// The user it runs as.
    pub uid: u32,
    /// That user's name on the box, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its command line, as it could be changed by itself.
    pub command_line: Vec<String>,
    /// Its parents, nearest first: number and name.
    pub parents: Vec<(u32, String)>,
    /// The region of its memory that was scanned, as `/proc/PID/maps` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl StatedFacts {
    /// Who says it, for a heading.
    pub fn who(&self) -> String {
        match self {
            Self::Archive(member) => format!("What the archive says of it ({})", text::escape_str(&member.format)),
            Self::Kernel(_) => "The process when it was scanned".to_owned(),
        }
    }

    /// What is said, name and value, for people; safe text.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Archive(member) => member.lines(),
            Self::Kernel(process) => process.lines(),
        }
    }

    /// In one line: `tar says: 0755 alice, modified 2024-…`.
    pub fn line(&self) -> String {
        let parts: Vec<String> = self.lines().iter().map(|(name, value)| format!("{name} {value}")).collect();
        let parts = parts.join(", ");
        match self {
            Self::Archive(member) if parts.is_empty() => {
                format!("{} says nothing of it", text::escape_str(&member.format))
            }
            Self::Archive(member) => format!("{} says: {parts}", text::escape_str(&member.format)),
            Self::Kernel(_) => parts,
        }
    }
}

fn named(name: Option<&str>, id: Option<u64>) -> Option<String> {
    match (name, id) {
        (Some(name), Some(id)) => Some(format!("{} ({id})", text::escape_str(name))),
        (Some(name), None) => Some(text::escape_str(name).into_owned()),
        (None, id) => id.map(|id| id.to_string()),
    }
}

impl MemberFacts {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let lines = [
            ("owner", named(self.owner.as_deref(), self.uid)),
            ("group", named(self.group.as_deref(), self.gid)),
            ("mode", self.mode.map(|mode| format!("{:04o}", mode & 0o7777))),
            ("modified", self.local_time().map(|time| format!("{time}, of a time zone that is not said"))),
            ("modified", self.utc_time().map(FileTime::to_the_second)),
            ("but", self.oddity.as_deref().map(|oddity| text::escape_str(oddity).into_owned())),
        ];
        lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Its last change, where the zone of that is known.
    pub fn utc_time(&self) -> Option<FileTime> {
        self.modified.filter(|_| !self.modified_is_local)
    }

    /// Its last change as a time of day, where nobody knows the zone: `2024-02-03T09:25:06`.
    pub fn local_time(&self) -> Option<String> {
        let time = self.modified.filter(|_| self.modified_is_local)?.timestamp()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).datetime().to_string())
    }
}

impl ProcessFacts {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let words: Vec<_> = self.command_line.iter().map(|word| text::escape_str(word).into_owned()).collect();
        let parents: Vec<_> =
            self.parents.iter().map(|(pid, name)| format!("{} ({pid})", text::escape_str(name))).collect();
        let lines = [
            ("process", Some(format!("{} ({})", self.pid, text::escape_str(&self.name)))),
            ("region", self.region.as_deref().map(|region| text::escape_str(region).into_owned())),
            ("started", self.started.map(FileTime::to_the_second)),
            ("user", named(self.user.as_deref(), Some(self.uid.into()))),
            ("command", (!words.is_empty()).then(|| words.join(" "))),
            ("parents", (!parents.is_empty()).then(|| parents.join(" ← "))),
        ];
        lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl fmt::Display for StatedFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_safe_to_show_and_reads_back() {
        let member = MemberFacts {
            format: "tar".into(),
            mode: Some(0o104_755),
            uid: Some(1000),
            owner: Some("al\u{1b}ice".into()),
            modified: Some(FileTime { seconds: 0, nanos: 0 }),
            oddity: Some("a\u{1b}b".into()),
            ..MemberFacts::default()
        };
        let local = MemberFacts { modified_is_local: true, ..member.clone() };
        assert!(
            StatedFacts::Archive(local.clone())
                .line()
                .contains("modified 1970-01-01T00:00:00, of a time zone that is not said")
        );
        let process = ProcessFacts {
            pid: 7,
            name: "sh\n".into(),
            command_line: vec!["sh".into(), "-c".into(), "\u{202e}x".into()],
            parents: vec![(1, "init".into())],
            ..ProcessFacts::default()
        };
        for said in [
            StatedFacts::Archive(member),
            StatedFacts::Archive(local),
            StatedFacts::Kernel(process),
            StatedFacts::Archive(MemberFacts::default()),
        ] {
            let line = said.to_string();
            assert_eq!(text::escape_str(&line), line);
            let json = serde_json::to_string(&said).unwrap();
            assert_eq!(serde_json::from_str::<StatedFacts>(&json).unwrap(), said);
        }
    }
}
