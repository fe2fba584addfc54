//! An exclusion on its way to another tool, and what every export must say with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::finding::Digest;
use crate::hunt::Rule;
use crate::text;
use crate::triage::exclusion::Exclusion;
use crate::triage::scope::Scope;
use crate::triage::state::ExclusionState;

/// An exclusion, how it stands, and its rule where that is loaded.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// The exclusion.
    pub exclusion: &'a Exclusion,
    /// How it stands; only one that is in force may exclude anything elsewhere.
    pub state: ExclusionState,
    /// Its rule, for author, reference and licence.
    pub rule: Option<&'a Rule>,
}

impl Outgoing<'_> {
    /// The content that the scope asks for, `None` when it asks for none. No other tool knows a [`Digest::DataOnly`].
    pub fn digest(&self) -> Option<Digest> {
        match &self.exclusion.scope {
            Scope::FileAsIs { digest, .. } | Scope::Content { digest } => Some(*digest),
            Scope::Path { .. } | Scope::Folder { .. } => None,
        }
    }

    /// The path or folder of the scope for people, safe text; empty for content anywhere.
    pub fn shown_path(&self) -> String {
        self.exclusion.scope.path().map(|path| text::escape_path(path).into_owned()).unwrap_or_default()
    }

    /// The path or folder of the scope, as another tool could compare it.
    pub fn path(&self) -> ScopePath {
        match self.exclusion.scope.path() {
            None => ScopePath::Any,
            Some(path) => exact(path).map_or(ScopePath::Inexact, ScopePath::Exact),
        }
    }
}

/// What a path is as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopePath {
    /// There is none: content anywhere.
    Any,
    /// This text and no other path's.
    Exact(String),
    /// No text is this path's alone: it is not UTF-8, or has characters that are shown escaped, or a backslash, with
    /// which another path's escaped form could be spelled.
    Inexact,
}

fn exact(path: &Path) -> Option<String> {
    // Without doubled or trailing slashes, as findings have it.
    let path: PathBuf = path.components().collect();
    let text = path.to_str()?;
    (!text.contains('\\') && text::escape_str(text) == text).then(|| text.to_owned())
}

/// One line a rule that `outgoing` name: author, reference, date and licence. Safe text, without line ends.
pub(crate) fn credits(outgoing: &[Outgoing<'_>]) -> Vec<String> {
    let mut rules = BTreeMap::new();
    for one in outgoing {
        let known = rules.entry(one.exclusion.rule.as_str()).or_insert(one.rule);
        *known = known.or(one.rule);
    }
    rules.into_iter().map(|(name, rule)| credit(name, rule)).collect()
}

/// A rule's author, reference, date and licence in one line of safe text, as its licence may ask for.
pub(crate) fn credit(name: &str, rule: Option<&Rule>) -> String {
    let name = text::escape_str(name);
    let Some(rule) = rule else {
        return format!("rule {name}: not loaded, so its author and licence are not known here");
    };
    let said = |value: Option<&str>| text::escape_str(value.unwrap_or("not stated")).into_owned();
    format!(
        "rule {name}: author {}, reference {}, date {}, licence {}",
        said(rule.author()),
        said(rule.reference()),
        said(rule.date()),
        said(rule.license())
    )
}
