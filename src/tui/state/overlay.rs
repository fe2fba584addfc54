//! What lies above the screen and takes the keys first.

use std::cmp::Reverse;

use crate::case::FindingId;
use crate::text::fuzzy::Pattern;
use crate::tui::keymap::{Binding, Context, TABLE};
use crate::tui::widget::input::Input;

use super::form::Form;
use super::themes::ThemeList;

/// The top layer.
#[derive(Debug)]
pub enum Overlay {
    /// All keys.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// Any action by name.
    Palette(Palette),
    /// A line of text is asked for.
    Prompt(Prompt),
    /// The exclusion that would be recorded.
    Form(Box<Form>),
    /// One answer for many findings.
    Batch(Batch),
    /// One more key is awaited.
    Await(Await),
    /// A theme is chosen.
    Themes(Box<ThemeList>),
}

/// Which findings one answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Many {
    /// Those of this rule with the same content.
    Content,
    /// Those of this rule below the same folder.
    Folder,
    /// Those of this rule that are marked.
    Marked,
}

impl Many {
    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "the same content",
            Self::Folder => "the same folder, and below it",
            Self::Marked => "the marked findings",
        }
    }
}

/// One answer on the scenario at hand for many findings; they are listed before anything is recorded.
#[derive(Debug)]
pub struct Batch {
    /// Which findings.
    pub many: Many,
    /// Those findings.
    pub findings: Vec<FindingId>,
    /// First one shown.
    pub scroll: usize,
}

/// What the awaited key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Await {
    /// The name of a mark to set.
    Mark,
    /// The name of a mark to go to.
    JumpMark,
    /// What to copy the bytes as.
    Copy,
}

impl Await {
    /// What is asked for.
    pub fn question(self) -> &'static str {
        match self {
            Self::Mark => "a letter names the mark",
            Self::JumpMark => "the letter of the mark to go to",
            Self::Copy => "copy as: h hex  t text  c C array  y YARA string  o offset",
        }
    }
}

/// The palette: the actions of the screen below it, what was typed, and which of those found is selected.
#[derive(Debug)]
pub struct Palette {
    /// Whose actions are offered, the innermost first.
    pub contexts: Vec<Context>,
    /// What was typed.
    pub input: Input,
    /// The selected one of those found.
    pub place: usize,
}

/// An action that the palette has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The action.
    pub row: &'static Binding,
    /// Its name and what it does, as they are matched and shown.
    pub text: String,
    /// Offsets in bytes of the letters of `text` that were typed.
    pub places: Vec<usize>,
}

impl Palette {
    /// All actions of `contexts`.
    pub fn new(contexts: Vec<Context>) -> Self {
        Self { contexts, input: Input::default(), place: 0 }
    }

    /// The actions whose name or description matches what was typed, best first: those by name before others.
    pub fn found(&self) -> Vec<Found> {
        let pattern = Pattern::new(self.input.text());
        let mut found: Vec<_> = self
            .contexts
            .iter()
            .flat_map(|context| TABLE.iter().filter(move |row| row.context == *context))
            .filter_map(|row| {
                let text = format!("{}  {}", row.name, row.long);
                let (name, whole) = (pattern.find(row.name), pattern.find(&text)?);
                let rank = (name.is_none(), Reverse(name.as_ref().unwrap_or(&whole).score));
                let places = name.unwrap_or(whole).places;
                Some((rank, Found { row, text, places }))
            })
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, found)| found).collect()
    }
}

/// What a line of text is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The findings' filter.
    Filter,
    /// The register's filter.
    RegisterFilter,
    /// The filter of what was not scanned.
    CoverageFilter,
    /// An offset to go to.
    Goto,
    /// What to search for in the bytes.
    Search,
    /// Why these findings are malicious.
    Malicious(Vec<FindingId>),
    /// A note on a scenario's answer.
    Note {
        /// The finding.
        finding: FindingId,
        /// The scenario's id.
        scenario: String,
    },
    /// The file that the case is written to.
    Export,
    /// What belongs to this set of the site.
    NameInSet(String),
    /// Why this exclusion is revoked.
    Revoke(uuid::Uuid),
    /// The file that a copy of the case goes to.
    SaveCopy,
}

/// A line of text that is asked for.
#[derive(Debug)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// Title of the layer.
    pub label: &'static str,
    /// What the responder should know before typing; safe text.
    pub about: String,
    /// What was typed.
    pub input: Input,
    /// What is wrong with it.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_finds_actions_of_its_screen_by_any_letters_in_order() {
        let found = |contexts: &[Context], typed| {
            Palette { input: Input::with(typed), ..Palette::new(contexts.to_vec()) }.found()
        };
        let findings = [Context::Findings, Context::Global];
        let all = found(&findings, "");
        assert_eq!(all.len(), TABLE.iter().filter(|row| findings.contains(&row.context)).count());
        assert_eq!(all[0].row.context, Context::Findings, "the screen's own come first");
        assert_eq!(found(&findings, "coverage")[0].row.name, "Coverage");
        assert!(found(&findings, "rscn").iter().any(|found| found.row.name == "Rescan"));
        assert_eq!(found(&[Context::Hex, Context::Finding, Context::Global], "hexgoto")[0].row.name, "HexGoto");
        let elsewhere = found(&findings, "hexgoto").iter().any(|found| found.row.name == "HexGoto");
        assert!(!elsewhere, "what does nothing here is not offered");
    }
}
