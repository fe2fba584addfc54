//! What a piece of the screen means. Views ask for a role, never for a colour.

use std::iter;

/// The key that every role falls back to in the end.
const ROOT: &str = "text";

/// Writes the roles once: variant, dotted key and meaning stay together.
macro_rules! roles {
    ($($role:ident = $key:literal, $about:literal;)*) => {
        /// What a piece of the screen means; each with its dotted key in a theme file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role {
            $(#[doc = concat!("`", $key, "`: ", $about)] $role,)*
        }

        impl Role {
            /// Every role, in the order of a theme's table of styles.
            pub const ALL: &'static [Self] = &[$(Self::$role),*];

            /// The role's key in a theme file, such as `border.focused`.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$role => $key,)* }
            }

            /// What the role is for, one sentence for people who write a theme.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$role => $about,)* }
            }
        }
    };
}

roles! {
    Text = "text", "Ordinary text; the whole screen is filled with it before anything else is drawn.";
    Strong = "strong", "Text that should be read first.";
    Dim = "dim", "Text that matters less: units, separators, explanations.";
    Title = "title", "Title of a pane.";
    TitleFocused = "title.focused", "Title of the pane that takes the keys.";
    Heading = "heading", "Column headings and headings within a text.";
    HeadingSorted = "heading.sorted", "Heading of the column the list is sorted by.";
    Border = "border", "Frame of a pane.";
    BorderFocused = "border.focused", "Frame of the pane that takes the keys.";
    Selected = "selected", "Row under the selection, laid over the styles of its cells.";
    SelectedUnfocused = "selected.unfocused", "The same in a pane that does not take the keys.";
    Mark = "mark", "Sign before a marked row.";
    FuzzyLetter = "fuzzy", "Letters of a row that the filter matched.";
    Folder = "path.folder", "Folders of a path.";
    FileName = "path.name", "Last part of a path.";
    Link = "link", "A reference to the world outside, such as a rule's URL.";
    Tab = "tab", "Name of a tab.";
    TabActive = "tab.active", "Name of the tab that is shown.";
    HintKey = "hint.key", "A key in the hint bar and in help.";
    HintText = "hint.text", "What that key does.";
    Status = "status", "Status line.";
    Success = "success", "Something was done and is on record.";
    Warning = "warning", "A danger in words, or something that was not scanned.";
    Error = "error", "What failed and what to do.";
    Progress = "progress", "Filled part of a progress bar: a background with text upon it.";
    ProgressPaused = "progress.paused", "The same while the scan is paused.";
    ProgressBack = "progress.back", "Part of a progress bar that is not filled yet.";
    ScrollTrack = "scroll.track", "Line that a scroll bar runs on.";
    ScrollThumb = "scroll.thumb", "Part of a scroll bar that shows the place.";
    Popup = "popup", "Ground and text of a layer above the screen.";
    PopupTitle = "popup.title", "Title of such a layer.";
    PopupBorder = "popup.border", "Frame of such a layer.";
    PromptLabel = "prompt.label", "Question before a field for typing.";
    PromptText = "prompt.text", "What was typed.";
    PromptGhost = "prompt.ghost", "Stands in an empty field to say what belongs there.";

    Open = "verdict.open", "A finding that nobody has judged yet.";
    Benign = "verdict.benign", "A finding that is harmless.";
    Excluded = "verdict.excluded", "A finding that an exclusion covers.";
    Suspicious = "verdict.suspicious", "A finding whose every scenario was ruled out.";
    Malicious = "verdict.malicious", "A finding the responder calls malicious, or a known sample.";
    Candidate = "verdict.candidate", "A file worth a look that no rule matched.";
    Changed = "verdict.changed", "Was excluded, and is back because content, rule or date changed.";
    CheckMet = "check.met", "A check that the evidence meets; a condition that holds.";
    CheckNotMet = "check.not-met", "A check that the evidence contradicts; a condition that fails.";
    CheckUnknown = "check.unknown", "A check that could not be decided.";
    AnswerApplies = "answer.applies", "The responder says that the scenario applies.";
    AnswerRuledOut = "answer.ruled-out", "The responder has ruled the scenario out.";
    AnswerUnsure = "answer.unsure", "The responder is unsure.";

    Offset = "hex.offset", "Offsets and addresses beside bytes.";
    Range = "hex.range", "Bytes of the field that is selected in another pane, laid over the bytes.";
    Search = "hex.search", "Bytes that the last search found.";
    Cursor = "cursor", "Byte or letter under the cursor.";
    CursorMirror = "cursor.mirror", "The same byte in the column that does not take the keys.";
    ByteZero = "byte.zero", "Byte 0x00.";
    BytePrintable = "byte.printable", "Bytes 0x21 to 0x7e.";
    ByteSpace = "byte.space", "White space: 0x09 to 0x0d and 0x20.";
    ByteControl = "byte.control", "Other bytes below 0x20, and 0x7f.";
    ByteHigh = "byte.high", "Bytes from 0x80 on.";
    MatchCurrent = "match.current", "The match that next and previous went to.";
    Match1 = "match.1", "Bytes that a rule's first pattern matched.";
    Match2 = "match.2", "Bytes that its second pattern matched.";
    Match3 = "match.3", "Bytes that its third pattern matched.";
    Match4 = "match.4", "Bytes that its fourth pattern matched.";
    Match5 = "match.5", "Bytes that its fifth pattern matched.";
    Match6 = "match.6", "Bytes that its sixth pattern matched.";
    Match7 = "match.7", "Bytes that its seventh pattern matched.";
    Match8 = "match.8", "Bytes that its eighth pattern matched; the ninth begins anew.";

    StructHeader = "struct.header", "Bytes and names of the ELF header.";
    StructSegment = "struct.segment", "Bytes and names of program headers.";
    StructSection = "struct.section", "Bytes and names of section headers.";
    StructEntry = "struct.entry", "The byte at which the code of an ELF file begins.";
    StructInterpreter = "struct.interpreter", "Bytes of the path of an ELF file's interpreter.";
    FieldName = "field.name", "Name of a field or fact.";
    FieldValue = "field.value", "Its value.";
    FieldMeaning = "field.meaning", "What the value means.";
    Anomaly = "anomaly", "What an honest file would not hold.";
    AsmMnemonic = "asm.mnemonic", "Name of a machine instruction.";
    AsmRegister = "asm.register", "A register.";
    AsmNumber = "asm.number", "A number or address in an instruction.";

    Keyword = "syntax.keyword", "Keyword of a rule's source.";
    Name = "syntax.name", "Rule, pattern or meta name in a rule's source.";
    String = "syntax.string", "String or regular expression in a rule's source.";
    Number = "syntax.number", "Number in a rule's source.";
    Comment = "syntax.comment", "Comment in a rule's source.";
}

impl Role {
    /// How many roles there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The highlight for a rule's pattern by its index, from 0; after eight patterns it begins anew.
    pub const fn pattern(index: usize) -> Self {
        match index % 8 {
            0 => Self::Match1,
            1 => Self::Match2,
            2 => Self::Match3,
            3 => Self::Match4,
            4 => Self::Match5,
            5 => Self::Match6,
            6 => Self::Match7,
            _ => Self::Match8,
        }
    }

    /// The keys to look a style up by: `match.1`, then `match`, then `text`.
    pub(super) fn fallbacks(self) -> impl Iterator<Item = &'static str> {
        prefixes(self.key()).chain(iter::once(ROOT))
    }
}

/// `a.b.c`, `a.b`, `a`.
fn prefixes(key: &'static str) -> impl Iterator<Item = &'static str> {
    iter::successors(Some(key), |key| key.rsplit_once('.').map(|(parent, _)| parent))
}

/// Every key that may carry a style: the roles' own and what they fall back to; some come more than once.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    Role::ALL.iter().flat_map(|role| prefixes(role.key()))
}
