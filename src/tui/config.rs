//! A person's own `config.toml`: theme, mouse, progress, bell, signs, panes, keys. Every mistake in it is named with its place.
//!
//! ```toml
//! theme = "light"
//! mouse = false
//! progress = "never"
//! bell = "done"
//! signs = "ascii"
//! panes = [25, 40]
//!
//! [keys]
//! NextOpen = "o f5"
//! Quit = "q ctrl-q"
//! ```

use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::glyphs;
use super::keymap::{Action, Binding, Keymap, Press, TABLE};
use super::state::bell::Bell;
use super::state::panes::Panes;
use super::taskbar::When;
use crate::diagnostics::{Problem, Problems, did_you_mean, did_you_mean_one_of, table};

/// Bytes that are read of the file at most.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
/// The keys of the document.
const KNOWN: [&str; 7] = ["theme", "mouse", "progress", "bell", "signs", "panes", "keys"];

/// What a person has set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// Name or file of the theme.
    pub theme: Option<String>,
    /// Whether the mouse is used.
    pub mouse: Option<bool>,
    /// When the scan's progress is told to the terminal.
    pub progress: When,
    /// When the bell rings.
    pub bell: Bell,
    /// What is drawn with.
    pub signs: glyphs::Choice,
    /// How wide the panes of the screens are.
    pub panes: Panes,
    /// The keys.
    pub keymap: Keymap,
}

impl Config {
    /// Reads the file at `path`; one that is not there sets nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let mut bytes = Vec::new();
        match std::fs::File::open(path).and_then(|file| file.take(MAX_CONFIG_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => {
                Self::parse(path, &String::from_utf8(bytes).map_err(|error| vec![Problem::not_utf8(path, &error)])?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(vec![Problem::whole(path, format!("cannot be read: {error}"))]),
        }
    }

    /// Reads `source`; `path` is only named.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and column.
    pub(crate) fn parse(path: &Path, source: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { problems: Problems::new(path, source) };
        let mut config = Self::default();
        if let Some(document) = table::parse(source, &mut reader.problems) {
            for (key, value) in document.get_ref() {
                reader.entry(&mut config, key, value);
            }
        }
        let problems = reader.problems.finish();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

struct Reader<'s> {
    problems: Problems<'s>,
}

impl Reader<'_> {
    fn note(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.problems.note(span, message, hint);
    }

    fn entry<K: AsRef<str>>(&mut self, config: &mut Config, key: &Spanned<K>, value: &Spanned<DeValue<'_>>) {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("theme", DeValue::String(theme)) => config.theme = Some(theme.to_string()),
            ("mouse", DeValue::Boolean(mouse)) => config.mouse = Some(*mouse),
            ("progress", _) => config.progress = self.one_of("progress", value, &When::NAMES).unwrap_or_default(),
            ("bell", _) => config.bell = self.one_of("bell", value, &Bell::NAMES).unwrap_or_default(),
            ("signs", _) => config.signs = self.one_of("signs", value, &glyphs::Choice::NAMES).unwrap_or_default(),
            ("panes", _) => config.panes = self.panes(value).unwrap_or_default(),
            ("keys", DeValue::Table(keys)) => {
                let set: Vec<_> =
                    keys.iter().filter_map(|(name, keys)| self.keys(&mut config.keymap, name, keys)).collect();
                // Once all are set, so that two actions may change keys.
                for (row, span) in set {
                    if let Some((press, other)) = config.keymap.clash(row) {
                        self.note(&span, clash(row, press, other), None);
                    }
                }
            }
            ("theme", _) => self.note(&value.span(), "`theme` must be a text", None),
            ("mouse", _) => self.note(&value.span(), "`mouse` must be true or false", None),
            ("keys", _) => self.note(&value.span(), "`keys` must be a table", None),
            (other, _) => {
                self.note(&key.span(), format!("unknown key `{other}`"), did_you_mean_one_of(other, &KNOWN));
            }
        }
    }

    /// One of these words.
    fn one_of<T: Copy>(&mut self, key: &str, value: &Spanned<DeValue<'_>>, words: &[(&str, T)]) -> Option<T> {
        let given = if let DeValue::String(given) = value.get_ref() { given.as_ref() } else { "" };
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, meant)| *meant);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let wanted = format!("`{key}` must be one of the texts {}", words.join(", "));
            self.note(&value.span(), wanted, did_you_mean(given, words));
        }
        found
    }

    /// The widths of hunts and summary, and of a finding's bytes.
    fn panes(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Panes> {
        let percent = |value: &Spanned<DeValue<'_>>| {
            let percent = value.get_ref().as_integer()?.to_string().parse().ok()?;
            (percent <= 100).then_some(percent)
        };
        let percents: Option<Vec<u8>> =
            value.get_ref().as_array().and_then(|array| array.iter().map(percent).collect());
        let panes = match percents.as_deref() {
            Some([hunts, summary]) => Some(Panes::of_percents([*hunts, *summary], None)),
            Some([hunts, summary, bytes]) => Some(Panes::of_percents([*hunts, *summary], Some(*bytes))),
            _ => None,
        };
        if panes.is_none() {
            let wanted = "`panes` must be two or three numbers from 0 to 100: percent for hunts, summary and bytes";
            self.note(&value.span(), wanted, None);
        }
        panes
    }

    /// The keys of one action, separated by spaces; they take the place of those it has. The action and where its keys
    /// stand, if they were set.
    fn keys<K: AsRef<str>>(
        &mut self,
        keymap: &mut Keymap,
        name: &Spanned<K>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<(&'static Binding, Range<usize>)> {
        let wanted = name.get_ref().as_ref();
        let Some(row) = TABLE.iter().find(|row| row.name == wanted) else {
            let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            self.note(&name.span(), format!("unknown action `{wanted}`"), did_you_mean_one_of(wanted, &names));
            return None;
        };
        let DeValue::String(keys) = value.get_ref() else {
            self.note(&value.span(), format!("`{wanted}` must be a text with keys in it"), None);
            return None;
        };
        let mut presses: Vec<Press> = Vec::new();
        for key in keys.split_whitespace() {
            match key.parse() {
                Ok(press) => presses.push(press),
                Err(error) => self.note(&value.span(), format!("{error}"), None),
            }
        }
        // The way out stays, whatever else is set.
        let way_out = Press::way_out();
        if row.action == Action::Quit && !presses.contains(&way_out) {
            presses.push(way_out);
        } else if row.action != Action::Quit && presses.contains(&way_out) {
            self.note(&value.span(), format!("{way_out} always quits"), None);
            return None;
        }
        keymap.bind(row, &presses);
        Some((row, value.span()))
    }
}

/// That two actions have one key where only one of them can have it.
fn clash(row: &Binding, press: Press, other: &Binding) -> String {
    if row.context == other.context {
        return format!("{press} is bound to {} in the same place", other.name);
    }
    format!("{press} is bound to {} ({}), which is in force at the same time", other.name, other.context.title())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Context;

    #[test]
    fn what_is_set_takes_the_place_of_what_was() {
        let source = "theme = 'light'\nmouse = false\nprogress = 'never'\nbell = 'hits'\nsigns = 'ascii'\npanes = [25, 40]\n[keys]\nNextOpen = 'f5 ctrl-t'\n";
        let config = Config::parse(Path::new("config.toml"), source).unwrap();
        assert_eq!((config.theme.as_deref(), config.mouse), (Some("light"), Some(false)));
        assert_eq!((config.progress, config.bell), (When::Never, Bell::Hits));
        assert_eq!((config.signs, config.panes), (glyphs::Choice::Ascii, Panes::of_percents([25, 40], None)));
        let global = [Context::Global];
        assert_eq!(config.keymap.action("f5".parse().unwrap(), &global), Some(Action::NextOpen));
        assert_eq!(config.keymap.action("o".parse().unwrap(), &global), None);
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_the_right_word() {
        for (source, said) in [
            ("thme = 'x'", "config.toml:1:1: unknown key `thme` (did you mean `theme`?)"),
            ("mouse = 1", "config.toml:1:9: `mouse` must be true or false"),
            (
                "bell = 'don'",
                "config.toml:1:8: `bell` must be one of the texts never, done, hits (did you mean `done`?)",
            ),
            ("progress = true", "config.toml:1:12: `progress` must be one of the texts auto, always, never"),
            ("[keys]\nNextOpn = 'o'", "config.toml:2:1: unknown action `NextOpn` (did you mean `NextOpen`?)"),
            ("[keys]\nQuit = 'pageup'", "config.toml:2:8: 'pageup' is no key"),
            ("[keys]\nHelp = 'ctrl-c'", "config.toml:2:8: Ctrl-C always quits"),
            ("bell = 'x'", "config.toml:1:8: `bell` must be one of the texts never, done, hits"),
            ("[keys]\nHelp = 'q'", "config.toml:2:8: q is bound to Quit in the same place"),
            ("panes = [20]", "config.toml:1:9: `panes` must be two or three numbers from 0 to 100"),
            ("panes = [20, 30, 40, 50]", "config.toml:1:9: `panes` must be two or three numbers from 0 to 100"),
            ("panes = [20, 101]", "config.toml:1:9: `panes` must be two or three numbers from 0 to 100"),
            (
                "[keys]\nNextOpen = 'j'",
                "config.toml:2:12: j is bound to Down (Findings), which is in force at the same time",
            ),
            (
                "[keys]\nHexInspector = 'R'",
                "config.toml:2:16: R is bound to Register (Everywhere), which is in force at the same time",
            ),
            ("mouse =", "config.toml:1:"),
        ] {
            let problems = Config::parse(Path::new("config.toml"), source).unwrap_err();
            assert!(problems[0].to_string().starts_with(said), "{}", problems[0]);
            assert!(!problems[0].to_string().contains("(one of: never"), "{}", problems[0]);
        }
    }

    #[test]
    fn actions_change_keys() {
        let source = "[keys]\nCoverage = 'R'\nRegister = 'C'";
        let keymap = Config::parse(Path::new("config.toml"), source).unwrap().keymap;
        assert_eq!((keymap.keys(Action::Coverage), keymap.keys(Action::Register)), ("R".into(), "C".into()));
    }

    #[test]
    fn mistakes_are_in_the_order_of_their_places() {
        let source = "theme = 1\nmouse = 1\n[keys]\nZoom = 'z'\nQuit = 'j'\nNone = ''\nHelp = 'xx'";
        let problems = Config::parse(Path::new("config.toml"), source).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.place.unwrap().line).collect();
        assert_eq!(lines, [1, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn keys_are_taken_as_they_are_shown_and_a_way_out_stays() {
        let source = "[keys]\nNextOpen = 'Ctrl-T F5'\nQuit = ''";
        let keymap = Config::parse(Path::new("config.toml"), source).unwrap().keymap;
        assert_eq!((keymap.keys(Action::NextOpen), keymap.keys(Action::Quit)), ("Ctrl-T F5".into(), "Ctrl-C".into()));
    }

    #[test]
    fn what_is_not_utf_8_is_named_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, b"mouse = true\ntheme = '\xff\xfe'").unwrap();
        let problems = Config::load(&path).unwrap_err();
        assert!(
            problems[0].to_string().ends_with("config.toml:2:10: is not UTF-8 text (save it as UTF-8)"),
            "{}",
            problems[0]
        );
    }
}
