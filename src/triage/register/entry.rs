//! One `[[exclusion]]` of the register: understood, or doubtful with a cause.

use uuid::Uuid;

use super::super::exclusion::Exclusion;
use super::super::scope::Scope;

/// An entry of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterEntry {
    /// Line of its `[[exclusion]]` in the file, from 1; 0 for one that is not in a file yet.
    pub line: usize,
    /// What it says, or why that is not clear.
    pub content: Result<Exclusion, InvalidEntry>,
}

/// An entry that cannot be understood. It never excludes; what is known of it lets its hit show the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEntry {
    /// Its id, if that can be read.
    pub id: Option<Uuid>,
    /// Its rule, if that can be read.
    pub rule: Option<String>,
    /// Its scope, if that can be read.
    pub scope: Option<Scope>,
    /// Line of what is wrong, from 1.
    pub line: usize,
    /// What is wrong, safe to show.
    pub cause: String,
}

impl RegisterEntry {
    /// The entry's id, if it has one that can be read.
    pub fn id(&self) -> Option<Uuid> {
        match &self.content {
            Ok(exclusion) => Some(exclusion.id),
            Err(doubt) => doubt.id,
        }
    }

    /// The exclusion, if it is understood.
    pub fn exclusion(&self) -> Option<&Exclusion> {
        self.content.as_ref().ok()
    }
}

impl From<Exclusion> for RegisterEntry {
    fn from(exclusion: Exclusion) -> Self {
        Self { line: 0, content: Ok(exclusion) }
    }
}
