//! Every action in one table: the status hints, the help, the palette and the README's key table are made from it.

mod press;

use std::fmt::Write as _;

pub(crate) use press::Press;

/// Where keys are taken, from the outermost layer to the innermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere but in prompts.
    Global,
    /// Where the tree is chosen.
    Chooser,
    /// The findings screen.
    Findings,
    /// The screen of one finding, whatever its tab.
    Finding,
    /// The hex tab.
    Hex,
    /// Tabs that are read: ELF, rule, facts, history.
    Reading,
    /// The scenarios tab.
    Scenarios,
    /// The register screen.
    Register,
    /// The coverage screen.
    Coverage,
}

impl Context {
    /// What to call it in help and README.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Chooser => "Choosing a tree",
            Self::Findings => "Findings",
            Self::Finding => "One finding",
            Self::Hex => "Hex",
            Self::Reading => "ELF, Rule, Facts, History",
            Self::Scenarios => "Scenarios",
            Self::Register => "Register",
            Self::Coverage => "Coverage",
        }
    }

    /// All contexts, in the order in which help shows them.
    pub const ALL: [Self; 9] = [
        Self::Global,
        Self::Chooser,
        Self::Findings,
        Self::Finding,
        Self::Hex,
        Self::Reading,
        Self::Scenarios,
        Self::Register,
        Self::Coverage,
    ];
}

macro_rules! actions {
    ($($action:ident, $context:ident, $keys:literal, $short:literal, $long:literal;)*) => {
        /// What a key can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is described in the table")]
        pub enum Action { $($action),* }

        /// The table, in the order in which help shows it.
        pub(crate) const TABLE: &[Binding] = &[$(Binding {
            action: Action::$action,
            name: stringify!($action),
            context: Context::$context,
            keys: $keys,
            short: $short,
            long: $long,
        }),*];
    };
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its name, for configuration and palette.
    pub name: &'static str,
    /// Where it is taken.
    pub context: Context,
    /// Its keys, separated by spaces.
    pub keys: &'static str,
    /// What the hint bar calls it; empty where the hint bar leaves it out.
    pub short: &'static str,
    /// What it does, for help and README.
    pub long: &'static str,
}

impl Binding {
    /// Whether there is a place where both are in force: one of them would take the other's key.
    fn meets(&self, other: &Self) -> bool {
        let lies_within = |inner: &Self, outer: &Self| match outer.context {
            Context::Global => inner.context != Context::Chooser || outer.action.needs_no_tree(),
            Context::Finding => matches!(inner.context, Context::Hex | Context::Reading | Context::Scenarios),
            _ => false,
        };
        self.context == other.context || lies_within(self, other) || lies_within(other, self)
    }
}

actions! {
    Quit, Global, "q ctrl-c", "quit", "leave Huntbook; everything decided is on disk already";
    Back, Global, "esc", "back", "close the top layer, go back one screen";
    Help, Global, "?", "help", "all keys of this screen";
    Palette, Global, ": ctrl-p", "", "find an action of this screen by name";
    Suspend, Global, "ctrl-z", "", "stop Huntbook, back to the shell; fg continues";
    Redraw, Global, "ctrl-l", "", "draw the screen anew";
    Register, Global, "R", "register", "the register of exclusions";
    Coverage, Global, "C", "coverage", "what was not scanned, and why";
    Theme, Global, "T", "", "choose a theme; the screen shows each while you choose";
    Pause, Global, "ctrl-s", "", "pause or resume the scan";
    SkipFile, Global, "ctrl-k", "", "leave the file that is being scanned; coverage lists it";
    CancelScan, Global, "ctrl-x", "", "end the scan; coverage says that it is incomplete";
    Save, Global, "W", "", "save again what the disk refused, or write a register that was deleted";
    Export, Global, "E", "", "write the case to a file: a report, NDJSON, SARIF or CSV, by the ending of its name";
    SaveCopy, Global, "ctrl-w", "", "save a copy of the case to a file, on another disk for instance";
    NextOpen, Global, "o", "next open", "open the next finding that nothing is decided on";

    Choose, Chooser, "enter", "open or scan", "look into a folder; scan a recent tree, a mount, this folder";
    ChooseScan, Chooser, "S", "scan", "scan what is selected, a folder too";
    ChoosePath, Chooser, "/ ~", "path", "type a path; Tab completes it, Enter takes it";
    ChooseInto, Chooser, "right", "", "look into the selected folder, mount or tree";
    ChooseOut, Chooser, "left backspace", "up", "the folder above";
    ChooseCase, Chooser, "O", "", "open the case of a recent tree as it is, without a scan";
    ChooseUp, Chooser, "k up", "", "one up";
    ChooseDown, Chooser, "j down", "", "one down";
    ChoosePageUp, Chooser, "pgup ctrl-b", "", "one page up";
    ChoosePageDown, Chooser, "pgdn ctrl-f", "", "one page down";
    ChooseFirst, Chooser, "home", "", "first of the section";
    ChooseLast, Chooser, "end", "", "last of the section";
    ChooseNextSection, Chooser, "tab", "section", "next section: recent trees, mounts, folders";
    ChoosePreviousSection, Chooser, "backtab", "", "previous section";
    ChooseAgain, Chooser, "ctrl-r", "", "read recent trees, mounts and folder again";

    Open, Findings, "enter", "open", "open the selected finding; fold or unfold the group";
    Up, Findings, "k up", "", "one up";
    Down, Findings, "j down", "", "one down";
    PageUp, Findings, "pgup ctrl-b", "", "one page up";
    PageDown, Findings, "pgdn ctrl-f", "", "one page down";
    First, Findings, "g home", "", "first finding";
    Last, Findings, "G end", "", "last finding";
    NextHunt, Findings, "tab", "next hunt", "show the next hunt's findings";
    PreviousHunt, Findings, "backtab", "", "show the previous hunt's findings";
    Unfold, Findings, "l right", "", "unfold the group; ungrouped, show the next hunt's findings";
    Fold, Findings, "h left", "", "fold the group; ungrouped, show the previous hunt's findings";
    FoldAll, Findings, "z", "", "fold all groups, or unfold them";
    Mark, Findings, "space", "", "mark the finding or the whole group, or take the mark off";
    Unmark, Findings, "U", "", "take all marks off";
    MarkedMalicious, Findings, "M", "", "say with a reason that the marked findings, or else the selected one, are malicious";
    Filter, Findings, "/", "filter", "show only paths that hold the letters you type, in order; empty shows all";
    Sort, Findings, "s", "sort", "sort by the next column: state, path, hunt, size, time, matches";
    Reverse, Findings, "S", "", "sort the other way round";
    Group, Findings, "b", "group", "group by hunt, folder, content, verdict or not at all";
    Rescan, Findings, "r", "rescan", "scan the tree again";
    ListNarrower, Findings, "<", "", "the list narrower, the pane beside it wider";
    ListWider, Findings, ">", "", "the list wider, the pane beside it narrower";
    HuntsNarrower, Findings, "{", "", "the hunts narrower";
    HuntsWider, Findings, "}", "", "the hunts wider";
    PanesReset, Findings, "=", "", "all panes as wide as usual";

    NextTab, Finding, "tab", "next tab", "next tab";
    PreviousTab, Finding, "backtab", "", "previous tab";
    TabHex, Finding, "1", "", "the bytes";
    TabElf, Finding, "2", "", "the ELF headers";
    TabRule, Finding, "3", "", "the rule";
    TabFacts, Finding, "4", "", "the file's facts and the evidence from the box";
    TabScenarios, Finding, "5", "", "the scenarios";
    TabHistory, Finding, "6", "", "what was decided, by whom, when";
    NextFinding, Finding, "]", "", "next finding of the list";
    PreviousFinding, Finding, "[", "", "previous finding of the list";

    HexNextMatch, Hex, "n", "match", "next match";
    HexPreviousMatch, Hex, "N", "", "previous match";
    HexNextPattern, Hex, "p", "", "first match of the next pattern";
    HexGoto, Hex, "g", "goto", "go to an offset: 123, 0x7b, +16, -0x10, 50%, end";
    HexSearch, Hex, "/", "search", "search: text, i:in any case, x:de ad ?? ef, u:UTF-16, r:regular expression";
    HexSearchNext, Hex, "f", "", "next place the search finds";
    HexSearchBack, Hex, "F", "", "previous place the search finds";
    HexInspector, Hex, "i", "inspect", "the value under the cursor in every reading; again: in the other byte order, or none";
    HexMark, Hex, "m", "", "set a mark, named by the next key";
    HexJumpMark, Hex, "'", "", "go to a mark, named by the next key";
    HexSelect, Hex, "v", "", "begin or end a selection";
    HexCopy, Hex, "y", "", "copy the selection, or the match under the cursor: h hex, t text, c C array, y YARA, o offset";
    HexStructures, Hex, "s", "", "show or hide the structures of an ELF file over its bytes";
    HexNextStructure, Hex, "}", "", "next ELF structure";
    HexPreviousStructure, Hex, "{", "", "previous ELF structure";
    HexToField, Hex, "enter", "", "show the field under the cursor in the ELF tab";
    HexLeft, Hex, "h left", "", "one byte back";
    HexRight, Hex, "l right", "", "one byte on";
    HexUp, Hex, "k up", "", "one line up";
    HexDown, Hex, "j down", "", "one line down";
    HexPageUp, Hex, "pgup ctrl-b", "", "one page up";
    HexPageDown, Hex, "pgdn ctrl-f space", "", "one page down";
    HexHalfUp, Hex, "ctrl-u", "", "half a page up";
    HexHalfDown, Hex, "ctrl-d", "", "half a page down";
    HexLineStart, Hex, "0 ^", "", "first byte of the line";
    HexLineEnd, Hex, "$", "", "last byte of the line";
    HexFirst, Hex, "home", "", "first byte";
    HexLast, Hex, "end G", "", "last byte";

    ReadUp, Reading, "k up", "", "one up";
    ReadDown, Reading, "j down", "", "one down";
    ReadPageUp, Reading, "pgup ctrl-b", "", "one page up";
    ReadPageDown, Reading, "pgdn ctrl-f space", "", "one page down";
    ReadFirst, Reading, "g home", "", "to the top";
    ReadLast, Reading, "G end", "", "to the end";
    ReadEnter, Reading, "enter", "to bytes", "ELF: show the field's bytes in the hex tab";
    Refresh, Finding, "ctrl-r", "", "ask the box about the finding again";
    Malicious, Finding, "M", "malicious", "say with a reason that the finding is malicious";

    Applies, Scenarios, "a", "applies", "the scenario explains the finding: propose an exclusion";
    RuledOut, Scenarios, "x", "ruled out", "the scenario does not explain the finding";
    Unsure, Scenarios, "u", "unsure", "cannot tell yet";
    NextScenario, Scenarios, "l right n", "next", "next scenario, without an answer";
    PreviousScenario, Scenarios, "h left p", "", "previous scenario";
    ScenarioUp, Scenarios, "k up", "", "scroll up";
    ScenarioDown, Scenarios, "j down", "", "scroll down";
    NameInSet, Scenarios, "S", "", "name one for a set of the site that is empty, so that a check can be told";
    Note, Scenarios, "t", "note", "write a note on this scenario's answer";
    Batch, Scenarios, "b", "", "the same answer for many: same content, same folder or marked; shows them first";
    Undo, Scenarios, "z", "undo", "take the last answer back; the journal keeps both";

    RegisterUp, Register, "k up", "", "one up";
    RegisterDown, Register, "j down", "", "one down";
    RegisterFirst, Register, "g home", "", "first exclusion";
    RegisterLast, Register, "G end", "", "last exclusion";
    RegisterFilter, Register, "/", "filter", "show only exclusions that hold the letters you type, in order";
    RegisterRevoke, Register, "d", "revoke", "revoke the exclusion with a reason; it stays in the register as revoked";

    CoverageUp, Coverage, "k up", "", "one up";
    CoverageDown, Coverage, "j down", "", "one down";
    CoveragePageUp, Coverage, "pgup ctrl-b", "", "one page up";
    CoveragePageDown, Coverage, "pgdn ctrl-f space", "", "one page down";
    CoverageFirst, Coverage, "g home", "", "first entry";
    CoverageLast, Coverage, "G end", "", "last entry";
    CoverageFilter, Coverage, "/", "filter", "show only entries that hold the letters you type, in order";
}

/// Which action a key stands for, given the contexts in force from the innermost to the outermost.
#[derive(Debug, Clone)]
pub struct Keymap {
    bound: Vec<(Context, Press, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = TABLE
            .iter()
            .flat_map(|row| row.keys.split(' ').map(move |key| (row.context, key, row.action)))
            .filter_map(|(context, key, action)| Some((context, key.parse().ok()?, action)))
            .collect();
        Self { bound }
    }
}

impl Action {
    /// Whether it is one of those everywhere that make sense before a tree is chosen.
    pub fn needs_no_tree(self) -> bool {
        matches!(self, Self::Quit | Self::Back | Self::Help | Self::Suspend | Self::Redraw | Self::Theme)
    }
}

impl Keymap {
    /// Gives an action these keys instead of those it has.
    pub fn bind(&mut self, row: &Binding, presses: &[Press]) {
        self.bound.retain(|(_, _, action)| *action != row.action);
        self.bound.extend(presses.iter().map(|press| (row.context, *press, row.action)));
    }

    /// The first key of an action that another one has too while both are in force, and that action.
    pub fn clash(&self, row: &Binding) -> Option<(Press, &'static Binding)> {
        let of_row = self.bound.iter().filter(|(_, _, action)| *action == row.action);
        of_row.into_iter().find_map(|(_, press, _)| {
            let same = self.bound.iter().filter(|(_, other, action)| other == press && *action != row.action);
            let rows = same.filter_map(|(_, _, action)| TABLE.iter().find(|row| row.action == *action));
            rows.into_iter().find(|other| row.meets(other)).map(|other| (*press, other))
        })
    }

    /// The action of `press` in the first of `contexts` that binds it.
    pub fn action(&self, press: Press, contexts: &[Context]) -> Option<Action> {
        contexts.iter().find_map(|context| {
            let of_context = self.bound.iter().find(|(c, p, _)| c == context && *p == press);
            of_context.map(|(_, _, action)| *action)
        })
    }

    /// The keys of `action`, as they are written on screens: `j ↓`.
    pub fn keys(&self, action: Action) -> String {
        let mut out = String::new();
        for (_, press, _) in self.bound.iter().filter(|(_, _, bound)| *bound == action) {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{press}");
        }
        out
    }

    /// The first key of `action`, for the hint bar.
    pub fn first_key(&self, action: Action) -> String {
        let bound = self.bound.iter().find(|(_, _, bound)| *bound == action);
        bound.map(|(_, press, _)| press.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_can_be_read_and_none_is_bound_twice_in_one_place() {
        for row in TABLE {
            for key in row.keys.split(' ') {
                key.parse::<Press>().unwrap_or_else(|_| panic!("{}: {key}", row.name));
            }
        }
        let keymap = Keymap::default();
        for row in TABLE {
            assert_eq!(keymap.clash(row), None, "{}", row.name);
        }
    }

    #[test]
    fn a_key_clashes_where_both_its_actions_are_in_force() {
        for (name, keys, other) in [
            ("NextOpen", "f5 j", Some("Down")),
            ("NextTab", "tab n", Some("HexNextMatch")),
            ("HexNextMatch", "R", Some("Register")),
            ("Theme", "O", Some("ChooseCase")),
            ("NextOpen", "O", None),
            ("HexNextMatch", "a", None),
        ] {
            let row = TABLE.iter().find(|row| row.name == name).unwrap();
            let mut keymap = Keymap::default();
            keymap.bind(row, &keys.split(' ').map(|key| key.parse().unwrap()).collect::<Vec<_>>());
            assert_eq!(keymap.clash(row).map(|(_, other)| other.name), other, "{name} = {keys}");
        }
    }

    #[test]
    fn the_innermost_context_wins() {
        let keymap = Keymap::default();
        let press = "p".parse().unwrap();
        assert_eq!(keymap.action(press, &[Context::Hex, Context::Finding]), Some(Action::HexNextPattern));
        assert_eq!(keymap.action(press, &[Context::Finding, Context::Global]), None);
        assert_eq!(keymap.first_key(Action::Open), "Enter");
    }
}
