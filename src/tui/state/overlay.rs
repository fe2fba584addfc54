//! What lies above the screen and takes the keys first.

use std::cmp::Reverse;
use std::ops::Range;

use crate::case::FindingId;
use crate::text::fuzzy::FuzzyPattern;
use crate::tui::keymap::{Binding, Context, TABLE};
use crate::tui::widget::input::Input;

use super::compare::{CompareChoice, ContentComparison};
use super::form::Form;
use super::reference::ReferenceView;
use super::themes::ThemeList;

/// The top layer.
#[derive(Debug)]
pub enum Overlay {
    /// All keys.
    Help(Help),
    /// How far the hunt is, and what to do next.
    Summary {
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
    Batch(BatchAnswer),
    /// One more key is awaited.
    Await(Await),
    /// A theme is chosen.
    Themes(Box<ThemeList>),
    /// Which finding the open one is held against.
    CompareChoice(Box<CompareChoice>),
    /// Two findings side by side; `None` until both are read.
    Compare(Option<Box<ContentComparison>>),
    /// What a check or a fact points to.
    Reference(Box<ReferenceView>),
}

impl Overlay {
    /// Whether it has lines to move over, and nothing in it that the same keys change.
    pub fn has_lines(&self) -> bool {
        match self {
            Self::Help(help) => !help.typing,
            Self::Summary { .. }
            | Self::Palette(_)
            | Self::Batch(_)
            | Self::Themes(_)
            | Self::CompareChoice(_)
            | Self::Compare(_)
            | Self::Reference(_) => true,
            Self::Prompt(_) | Self::Form(_) | Self::Await(_) => false,
        }
    }
}

/// All keys, as far as they are shown.
#[derive(Debug, Default)]
pub struct Help {
    /// First line shown.
    pub scroll: usize,
    /// What is sought in it.
    pub sought: Input,
    /// Whether that is being typed.
    pub typing: bool,
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
pub struct BatchAnswer {
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
    /// Where to go in the bytes, or the first letter of an offset.
    Goto,
    /// What to copy the bytes as.
    Copy,
    /// What to copy of the finding.
    CopyFinding,
    /// Whether the tree is to be scanned again.
    Rescan,
}

impl Await {
    /// What is asked for.
    pub fn question(self) -> &'static str {
        match self {
            Self::Mark => "a letter names the mark",
            Self::Rescan => "scan the tree again?  y yes   any other key: no",
            Self::JumpMark => "the letter of the mark to go to",
            Self::Goto => "g first  e last  h l ends of the line; or 0x7b +16 50% :120, 10j 120G",
            Self::CopyFinding => "copy: p path  s SHA-256  r rule  f the finding as text  w write it to a file",
            Self::Copy => "copy as: h hex  t text  q quoted  l lines  c C array  y YARA string  o offset",
        }
    }
}

/// The palette: the actions of the screen below it and of those that can be gone to, what was typed, and which of those
/// found is selected.
#[derive(Debug)]
pub struct Palette {
    /// Whose actions are in force, the innermost first.
    pub contexts: Vec<Context>,
    /// Where else one can go, and what makes sense there.
    pub others: Vec<Context>,
    /// What was typed.
    pub input: Input,
    /// The selected one of those found.
    pub place: usize,
}

/// An action that the palette has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteMatch {
    /// The action.
    pub row: &'static Binding,
    /// Its name and what it does, as they are matched and shown.
    pub text: String,
    /// Bytes of `text` that are the name.
    pub name: usize,
    /// Offsets in bytes of the letters of `text` that were typed.
    pub places: Vec<usize>,
}

impl Palette {
    /// All actions of `contexts`, and of `others` those that are no mere motions.
    pub fn new(contexts: Vec<Context>, others: Vec<Context>) -> Self {
        Self { contexts, others, input: Input::default(), place: 0 }
    }

    /// The actions whose name or description matches what was typed, best first: those by name before others, and those
    /// of this screen before those of others.
    pub fn found(&self) -> Vec<PaletteMatch> {
        let pattern = FuzzyPattern::new(self.input.text());
        let of = |context: &Context| {
            TABLE.iter().filter({
                let context = *context;
                move |row| row.context == context
            })
        };
        let here = self.contexts.iter().flat_map(of).map(|row| (row, false));
        let elsewhere = self.others.iter().flat_map(of).filter(|row| !row.is_motion()).map(|row| (row, true));
        let mut found: Vec<_> = here
            .chain(elsewhere)
            .filter_map(|(row, elsewhere)| {
                let name = row.words();
                let place = if elsewhere { format!(" ({})", row.context.title()) } else { String::new() };
                let text = format!("{name}  {}{place}", row.long);
                let (by_name, whole) = (pattern.find(&name), pattern.find(&text)?);
                let rank = (by_name.is_none(), elsewhere, Reverse(by_name.as_ref().unwrap_or(&whole).score));
                let places = by_name.unwrap_or(whole).places;
                Some((rank, PaletteMatch { row, text, name: name.len(), places }))
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
    /// The filter of the printable texts.
    StringsFilter,
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
    /// A note on these findings.
    FindingNote(Vec<FindingId>),
    /// Tags to put on these findings, or to take off.
    Tags(Vec<FindingId>),
    /// The file that the case is written to.
    Export,
    /// The file that the finding goes to as text.
    WriteFinding,
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
    /// Where in what was typed that is, in bytes.
    pub wrong: Option<Range<usize>>,
    /// What could be typed next, as far as it is worth a look; safe text.
    pub offered: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_finds_actions_by_any_letters_in_order_those_of_its_screen_first() {
        let found = |contexts: &[Context], others: &[Context], typed| {
            let palette = Palette::new(contexts.to_vec(), others.to_vec());
            Palette { input: Input::with(typed), ..palette }.found()
        };
        let findings = [Context::Findings, Context::Global];
        let all = found(&findings, &[], "");
        assert_eq!(all.len(), TABLE.iter().filter(|row| findings.contains(&row.context)).count());
        assert_eq!(all[0].row.context, Context::Findings, "the screen's own come first");
        assert_eq!(found(&findings, &[], "coverage")[0].row.name, "Coverage");
        assert!(found(&findings, &[], "rscn").iter().any(|found| found.row.name == "Rescan"));
        let goto = &found(&[Context::Hex, Context::Finding, Context::Global], &[], "hex goto")[0];
        assert_eq!((goto.row.name, goto.text.get(..goto.name)), ("HexGoto", Some("hex goto")), "in words");
        let elsewhere = |others: &[Context]| {
            found(&findings, others, "hexgoto").into_iter().find(|found| found.row.name == "HexGoto")
        };
        assert_eq!(elsewhere(&[]), None, "what cannot be gone to is not offered");
        assert!(elsewhere(&[Context::Hex]).unwrap().text.ends_with(&format!("({})", Context::Hex.title())));
        let others = found(&findings, &[Context::Register], "");
        assert!(others.iter().any(|found| found.row.name == "RegisterRevoke"));
        assert!(others.iter().all(|found| found.row.name != "RegisterDown"), "motions make no sense from elsewhere");
    }
}
