//! How much a check tells where it is met.

use std::fmt;

use super::field::Field;

/// How much a met check tells. Weak ones alone never make a scenario supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// An intruder meets it too, or whoever has root can make it so at no cost: an owner, a folder's or a process's name.
    Weak,
    /// It takes more than a name: content that somebody else vouches for, what a scheduler or a service manager started.
    Strong,
}

impl Strength {
    /// Every strength.
    pub const ALL: [Self; 2] = [Self::Weak, Self::Strong];

    /// The word in hunt files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Field {
    /// How much a value of it tells where neither the hunt nor where it was seen says otherwise.
    ///
    /// Names of processes are weak until the executable is found to be its package's.
    pub fn strength(self) -> Strength {
        match self {
            Self::FileSha256
            | Self::FilePackageState
            | Self::FileRepositoryState
            | Self::FileContentKind
            | Self::ScheduleCron
            | Self::ScheduleSystemd
            | Self::ProcessUnit => Strength::Strong,
            Self::FilePath
            | Self::FileName
            | Self::FileOwner
            | Self::FileGroup
            | Self::FileMode
            | Self::FileMtime
            | Self::FilePackage
            | Self::FilePackageManager
            | Self::FileContainer
            | Self::FileCopy
            | Self::PersistenceKind
            | Self::ProcessName
            | Self::ProcessCommandLine
            | Self::ProcessUser
            | Self::ProcessStart
            | Self::ProcessParentName
            | Self::ProcessAncestorName
            | Self::DestinationPort
            | Self::SourceIp
            | Self::DestinationIp
            | Self::NetworkDirection
            | Self::EventBefore
            | Self::HostPath
            | Self::UserGroup => Strength::Weak,
        }
    }
}
