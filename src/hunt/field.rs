//! What checks look at, and how.

use std::fmt;
use std::str::FromStr;

use super::persistence;

/// A fact about a finding or about the box, named as in the Elastic Common Schema.
///
/// Names that ECS does not have are Huntbook's own: `file.package*`, `schedule.*`, `host.path`, `process.ancestor.name`.
/// A field may have several values (a file is held by several processes): a check is met when one of them meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Absolute path of the file (ECS `file.path`).
    FilePath,
    /// Last component of the path (ECS `file.name`).
    FileName,
    /// Owner's account name (ECS `file.owner`).
    FileOwner,
    /// Group's name (ECS `file.group`).
    FileGroup,
    /// Permission bits in octal, such as `0755` (ECS `file.mode`).
    FileMode,
    /// Last change of content, RFC 3339 with the box's own offset (ECS `file.mtime`).
    FileMtime,
    /// SHA-256 of the content, lower-case hex (ECS `file.hash.sha256`).
    FileSha256,
    /// Name of the package that ships the path.
    FilePackage,
    /// `unchanged` or `changed`: the content against the digest that the package recorded.
    FilePackageState,
    /// Commands in cron tables, anacrontab and at jobs that name the file; one that names only a folder above it leaves
    /// the check unknown.
    ScheduleCron,
    /// Commands of systemd units that name the file; one that names only a folder above it leaves the check unknown.
    ScheduleSystemd,
    /// Names of a process that has to do with the file: its own, not cut to 15 bytes, its executable's, and that of the
    /// script it runs (ECS `process.name`).
    ProcessName,
    /// Its arguments, joined by spaces (ECS `process.command_line`).
    ProcessCommandLine,
    /// Account it runs as (ECS `process.user`, today `process.user.name`).
    ProcessUser,
    /// When it was started, RFC 3339 with the box's own offset (ECS `process.start`).
    ProcessStart,
    /// Names of the process that started it (ECS `process.parent.name`).
    ProcessParentName,
    /// Names of all processes above it, the parent included: a tool often stands behind a shell.
    ProcessAncestorName,
    /// Port of the side that was called, in a connection of such a process (ECS `destination.port`).
    DestinationPort,
    /// Address of the side that called, in a connection of such a process (ECS `source.ip`).
    SourceIp,
    /// Whose database says that a package ships the path: dpkg, rpm, apk, pacman, snap, flatpak, pip, npm, gem.
    FilePackageManager,
    /// `tracked`, `modified` or `untracked`: what the git or Subversion checkout that the file lies in says of it.
    FileRepositoryState,
    /// `yara-rules` or `ioc-list`: what the whole content is, where that explains that a rule matches it.
    FileContentKind,
    /// Whose container layer the path lies in: docker, podman, containerd.
    FileContainer,
    /// Paths of files with the same content.
    FileCopy,
    /// Kinds of the places, other than schedules, that start what they name and name the file.
    PersistenceKind,
    /// The systemd unit that such a process belongs to by its control group, where that unit names the file.
    ProcessUnit,
    /// Address of the side that was called, in a connection of such a process (ECS `destination.ip`).
    DestinationIp,
    /// `inbound` or `outbound`: which way such a connection was made (ECS `network.direction`).
    NetworkDirection,
    /// Minutes by which something that the box's logs tell came before the file's last change, an hour at most.
    EventBefore,
    /// Paths that exist on the box; asked for by name.
    HostPath,
    /// Groups of the account such a process runs as, or of the file's owner when none is known (ECS `user.group.name`).
    UserGroup,
}

/// How a field is compared with what a check names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckOperator {
    /// Equal to one of the values, letter for letter.
    In,
    /// Holds one of the values as a part; the case of ASCII letters does not count (as Sentinel's `contains`).
    Contains,
    /// Is one of these folders or lies below one, compared by path components; a component `*` stands for any one name.
    Under,
    /// Matches one of these patterns: `*` within a component, `**` across, `?`, `[…]`, `{a,b}`.
    Glob,
    /// An address within one of these networks, or a time within one of these daily windows.
    Within,
    /// Whether there is any value at all.
    Exists,
}

/// What sort of values a field, a site set or a list in a check holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// Absolute paths.
    Path,
    /// Names of files and processes, without a slash.
    Name,
    /// Account names; in a set also `%group` for the members of a group, as in sudoers(5).
    Account,
    /// Group names.
    Group,
    /// Permission bits.
    Mode,
    /// Points in time.
    Time,
    /// SHA-256 digests.
    Sha256,
    /// Package names.
    Package,
    /// `unchanged` or `changed`.
    PackageState,
    /// Text: command lines and entries of schedules.
    Text,
    /// Port numbers.
    Port,
    /// IP addresses and networks.
    Address,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number of minutes.
    Minutes,
}

/// What a git or Subversion repository says of a file.
const REPOSITORY_STATES: &[&str] = &["tracked", "modified", "untracked"];
/// What a file may be as a whole.
const CONTENT_KINDS: &[&str] = &["yara-rules", "ioc-list"];
/// Which way a connection was made.
const DIRECTIONS: &[&str] = &["inbound", "outbound"];

impl Field {
    /// Every field, in the order they are listed to a person.
    pub const ALL: [Self; 31] = [
        Self::FilePath,
        Self::FileName,
        Self::FileOwner,
        Self::FileGroup,
        Self::FileMode,
        Self::FileMtime,
        Self::FileSha256,
        Self::FilePackage,
        Self::FilePackageState,
        Self::ScheduleCron,
        Self::ScheduleSystemd,
        Self::ProcessName,
        Self::ProcessCommandLine,
        Self::ProcessUser,
        Self::ProcessStart,
        Self::ProcessParentName,
        Self::ProcessAncestorName,
        Self::DestinationPort,
        Self::SourceIp,
        Self::FilePackageManager,
        Self::FileRepositoryState,
        Self::FileContentKind,
        Self::FileContainer,
        Self::FileCopy,
        Self::PersistenceKind,
        Self::ProcessUnit,
        Self::DestinationIp,
        Self::NetworkDirection,
        Self::EventBefore,
        Self::HostPath,
        Self::UserGroup,
    ];

    /// The name in hunt files, on screens and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::FilePath => "file.path",
            Self::FileName => "file.name",
            Self::FileOwner => "file.owner",
            Self::FileGroup => "file.group",
            Self::FileMode => "file.mode",
            Self::FileMtime => "file.mtime",
            Self::FileSha256 => "file.hash.sha256",
            Self::FilePackage => "file.package",
            Self::FilePackageState => "file.package.state",
            Self::ScheduleCron => "schedule.cron",
            Self::ScheduleSystemd => "schedule.systemd",
            Self::ProcessName => "process.name",
            Self::ProcessCommandLine => "process.command_line",
            Self::ProcessUser => "process.user",
            Self::ProcessStart => "process.start",
            Self::ProcessParentName => "process.parent.name",
            Self::ProcessAncestorName => "process.ancestor.name",
            Self::DestinationPort => "destination.port",
            Self::SourceIp => "source.ip",
            Self::FilePackageManager => "file.package.manager",
            Self::FileRepositoryState => "file.repository.state",
            Self::FileContentKind => "file.content.kind",
            Self::FileContainer => "file.container",
            Self::FileCopy => "file.copy",
            Self::PersistenceKind => "persistence.kind",
            Self::ProcessUnit => "process.unit",
            Self::DestinationIp => "destination.ip",
            Self::NetworkDirection => "network.direction",
            Self::EventBefore => "event.before",
            Self::HostPath => "host.path",
            Self::UserGroup => "user.group",
        }
    }

    /// What it is, in a few words for `huntbook help fields`.
    pub fn about(self) -> &'static str {
        match self {
            Self::FilePath => "absolute path of the file, as the box has it",
            Self::FileName => "last component of the path",
            Self::FileOwner => "owner's account name",
            Self::FileGroup => "group's name",
            Self::FileMode => "permission bits in octal, such as 0755",
            Self::FileMtime => "last change of content, in the box's own time",
            Self::FileSha256 => "SHA-256 of the content",
            Self::FilePackage => "name of the package that ships the path",
            Self::FilePackageState => "unchanged or changed: the content against the digest that the package recorded",
            Self::ScheduleCron => "commands in cron tables, anacrontab and at jobs that name the file",
            Self::ScheduleSystemd => "commands of systemd units that name the file",
            Self::ProcessName => "names of a process that has to do with the file, its executable and its script",
            Self::ProcessCommandLine => "its arguments, joined by spaces",
            Self::ProcessUser => "account it runs as",
            Self::ProcessStart => "when it was started, in the box's own time",
            Self::ProcessParentName => "names of the process that started it",
            Self::ProcessAncestorName => "names of all processes above it",
            Self::DestinationPort => "port of the side that was called, in a connection of such a process",
            Self::SourceIp => "address of the side that called, in a connection of such a process",
            Self::FilePackageManager => {
                "whose database lists the path: dpkg, rpm, apk, pacman, snap, flatpak, pip, npm, gem"
            }
            Self::FileRepositoryState => {
                "tracked, modified or untracked: what the git or Subversion checkout around the file says of it"
            }
            Self::FileContentKind => "yara-rules or ioc-list: what the whole content is, where that explains a match",
            Self::FileContainer => "whose container layers the path lies in: docker, podman, containerd, lxc",
            Self::FileCopy => "paths of files with the same content: of the scan, and the original of a mirrored path",
            Self::PersistenceKind => {
                "kinds of the places, other than schedules, that start what they name and name the file: see huntbook help persistence"
            }
            Self::ProcessUnit => {
                "systemd unit that started the process, by its control group, where the unit names the file"
            }
            Self::DestinationIp => "address of the side that was called, in a connection of such a process",
            Self::NetworkDirection => "inbound or outbound: which way such a connection was made",
            Self::EventBefore => {
                "minutes by which a login, a package's or a cron job's log line came before the file's last change"
            }
            Self::HostPath => "paths that exist on the box, asked for by name",
            Self::UserGroup => "groups of the account such a process runs as, or of the file's owner",
        }
    }

    /// What sort of values it has.
    pub fn kind(self) -> ValueKind {
        match self {
            Self::FilePath | Self::FileCopy | Self::HostPath => ValueKind::Path,
            Self::FileName
            | Self::FilePackageManager
            | Self::FileContainer
            | Self::ProcessName
            | Self::ProcessUnit
            | Self::ProcessParentName
            | Self::ProcessAncestorName => ValueKind::Name,
            Self::FileOwner | Self::ProcessUser => ValueKind::Account,
            Self::FileGroup | Self::UserGroup => ValueKind::Group,
            Self::FileMode => ValueKind::Mode,
            Self::FileMtime | Self::ProcessStart => ValueKind::Time,
            Self::FileSha256 => ValueKind::Sha256,
            Self::FilePackage => ValueKind::Package,
            Self::FilePackageState => ValueKind::PackageState,
            Self::ScheduleCron | Self::ScheduleSystemd | Self::ProcessCommandLine => ValueKind::Text,
            Self::DestinationPort => ValueKind::Port,
            Self::SourceIp | Self::DestinationIp => ValueKind::Address,
            Self::FileRepositoryState => ValueKind::Word(REPOSITORY_STATES),
            Self::FileContentKind => ValueKind::Word(CONTENT_KINDS),
            Self::NetworkDirection => ValueKind::Word(DIRECTIONS),
            Self::PersistenceKind => ValueKind::Word(persistence::KINDS),
            Self::EventBefore => ValueKind::Minutes,
        }
    }

    /// The operators that make sense for it.
    pub fn operators(self) -> &'static [CheckOperator] {
        use CheckOperator::{Contains, Exists, Glob, In, Under, Within};
        match (self, self.kind()) {
            // The paths of a box are not listed but asked for by name.
            (Self::HostPath, _) | (_, ValueKind::Mode | ValueKind::Sha256 | ValueKind::PackageState) => &[In],
            (_, ValueKind::Path) => &[In, Contains, Under, Glob, Exists],
            (_, ValueKind::Name) => &[In, Contains, Glob, Exists],
            (_, ValueKind::Account | ValueKind::Group | ValueKind::Package) => &[In, Glob, Exists],
            (_, ValueKind::Time | ValueKind::Minutes) => &[Within, Exists],
            (_, ValueKind::Text) => &[Contains, Exists],
            (_, ValueKind::Port | ValueKind::Word(_)) => &[In, Exists],
            (_, ValueKind::Address) => &[In, Within, Exists],
        }
    }
}

impl CheckOperator {
    /// Every operator.
    pub const ALL: [Self; 6] = [Self::In, Self::Contains, Self::Under, Self::Glob, Self::Within, Self::Exists];

    /// The key in hunt files.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Contains => "contains",
            Self::Under => "under",
            Self::Glob => "glob",
            Self::Within => "within",
            Self::Exists => "exists",
        }
    }
}

impl ValueKind {
    /// What one value is called, for error messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Path => "an absolute path",
            Self::Name => "a name without a slash",
            Self::Account => "an account",
            Self::Group => "a group",
            Self::Mode => "permission bits in octal such as 0755",
            Self::Time => "a daily window such as 01:00-05:30",
            Self::Sha256 => "a SHA-256 of 64 hex digits",
            Self::Package => "a package name",
            Self::PackageState => "`unchanged` or `changed`",
            Self::Text => "text",
            Self::Port => "a port from 0 to 65535",
            Self::Address => "an IP address or a network such as 10.0.0.0/8",
            Self::Word(_) => "one of the words that the field may be",
            Self::Minutes => "a span of minutes such as 0-15",
        }
    }
}

/// A name that is not one of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`")]
pub struct UnknownName {
    what: &'static str,
    name: String,
}

impl FromStr for Field {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|field| field.name() == name);
        found.ok_or_else(|| UnknownName { what: "field", name: name.to_owned() })
    }
}

impl FromStr for CheckOperator {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|operator| operator.name() == name);
        found.ok_or_else(|| UnknownName { what: "operator", name: name.to_owned() })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for CheckOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_what_prints_it_and_is_there_once() {
        for field in Field::ALL {
            assert_eq!(field.to_string().parse(), Ok(field));
            assert_eq!(Field::ALL.iter().filter(|other| **other == field).count(), 1);
            assert!(!field.operators().is_empty());
        }
        for operator in CheckOperator::ALL {
            assert_eq!(operator.to_string().parse(), Ok(operator));
            assert!(Field::ALL.iter().any(|field| field.operators().contains(&operator)), "{operator} fits no field");
        }
        assert_eq!("file.pth".parse::<Field>().unwrap_err().to_string(), "there is no field `file.pth`");
    }
}
