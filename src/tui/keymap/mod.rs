//! Every action in one table: the status hints, the help, the palette and the README's key table are made from it.

mod press;
mod table;

use std::fmt::Write as _;

pub(crate) use press::Press;
pub(crate) use table::action_table;

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
    /// The bytes, as digits or as text.
    Hex,
    /// The bytes, as a list of the printable texts in them.
    Strings,
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
            Self::Hex => "Bytes: hex and text",
            Self::Strings => "Bytes: strings",
            Self::Reading => "ELF, Rule, Facts, History, Times",
            Self::Scenarios => "Scenarios",
            Self::Register => "Register",
            Self::Coverage => "Coverage",
        }
    }

    /// All contexts, in the order in which help shows them.
    pub const ALL: [Self; 10] = [
        Self::Global,
        Self::Chooser,
        Self::Findings,
        Self::Finding,
        Self::Hex,
        Self::Strings,
        Self::Reading,
        Self::Scenarios,
        Self::Register,
        Self::Coverage,
    ];
}

macro_rules! actions {
    ($($action:ident, $context:ident, $keys:literal, $short:literal, $long:literal, $handler:expr;)*) => {
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
    /// Whether it only moves about, which makes no sense from another screen.
    pub fn is_motion(&self) -> bool {
        ["Up", "Down", "First", "Last", "Left", "Right", "LineStart", "LineEnd"]
            .iter()
            .any(|end| self.name.ends_with(end))
    }

    /// Its name in words: `next open`.
    pub fn words(&self) -> String {
        let mut words = String::new();
        for letter in self.name.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        words
    }

    /// Whether there is a place where both are in force: one of them would take the other's key.
    fn meets(&self, other: &Self) -> bool {
        let lies_within = |inner: &Self, outer: &Self| match outer.context {
            Context::Global => inner.context != Context::Chooser || outer.action.needs_no_tree(),
            Context::Finding => {
                matches!(inner.context, Context::Hex | Context::Strings | Context::Reading | Context::Scenarios)
            }
            _ => false,
        };
        self.context == other.context || lies_within(self, other) || lies_within(other, self)
    }
}

action_table!(actions);

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

/// Marks the name of an action in a message; neither stands in text that was made safe.
const KEY: [char; 2] = ['\u{1}', '\u{2}'];

/// Stands for the first key of an action in a message of a thread that does not know the keys: [`Keymap::spell`] puts it
/// there.
pub(crate) fn key_of(action: Action) -> String {
    let name = TABLE.iter().find(|row| row.action == action).map_or("", |row| row.name);
    format!("{}{name}{}", KEY[0], KEY[1])
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

    /// A message with the keys in it that [`key_of`] stands for.
    pub fn spell(&self, message: &str) -> String {
        let mut out = String::new();
        let mut rest = message;
        while let Some((before, (name, after))) =
            rest.split_once(KEY[0]).and_then(|(before, rest)| Some((before, rest.split_once(KEY[1])?)))
        {
            out.push_str(before);
            out.extend(TABLE.iter().find(|row| row.name == name).map(|row| self.first_key(row.action)));
            rest = after;
        }
        out + rest
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
    fn a_message_names_the_keys_that_a_person_has_set() {
        let said = format!("gone; {} takes it back, {} quits", key_of(Action::Undo), key_of(Action::Quit));
        let mut keymap = Keymap::default();
        assert_eq!(keymap.spell(&said), "gone; z takes it back, q quits");
        let undo = TABLE.iter().find(|row| row.action == Action::Undo).unwrap();
        keymap.bind(undo, &["f5".parse().unwrap()]);
        assert_eq!(keymap.spell(&said), "gone; F5 takes it back, q quits");
        assert_eq!(keymap.spell("{Undo} stays"), "{Undo} stays");
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
