//! From a finding to a verdict: the responder's answers, exclusions and the register that keeps them.

pub(crate) mod actor;
pub(crate) mod assess;
pub(crate) mod bound;
pub(crate) mod exclusion;
pub(crate) mod filter;
pub(crate) mod folders;
pub(crate) mod matched_file;
pub(crate) mod matching;
pub(crate) mod register;
pub(crate) mod scope;
pub(crate) mod state;
pub(crate) mod tag;

use std::fmt;

use serde::{Deserialize, Serialize};

/// The responder's word on one scenario for one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The scenario explains the finding.
    Applies,
    /// The scenario does not explain the finding.
    RuledOut,
    /// The responder cannot tell yet.
    Unsure,
}

impl Answer {
    /// The word for it in what other programs read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applies => "applies",
            Self::RuledOut => "ruled-out",
            Self::Unsure => "unsure",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applies => "applies",
            Self::RuledOut => "ruled out",
            Self::Unsure => "unsure",
        })
    }
}

/// What a finding has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing is decided yet.
    Open,
    /// An exclusion in force covers it.
    Benign,
    /// Every scenario was ruled out.
    Suspicious,
    /// The responder says so, or the SHA-256 is a known sample's.
    Malicious,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Benign => "benign",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
        })
    }
}

/// Who decided: the account the program runs as, and the person behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Account name, or the uid in digits when it has no name.
    pub name: String,
    /// Effective user id.
    pub uid: u32,
    /// The login user behind `sudo` or `su`, when that is someone else (`SUDO_USER`, or `/proc/self/loginuid`).
    pub behind: Option<String>,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.behind {
            Some(person) => write!(f, "{person} (as {})", self.name),
            None => f.write_str(&self.name),
        }
    }
}
