//! One theme file, parsed and checked as far as it can be without its parents.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use ratatui::style::{Color, Modifier};
use toml::Spanned;
use toml::de::DeValue;

use super::error::ThemeError;
use super::{color, role};
use crate::diagnostics::table::{self, SpannedText, TomlTable};
use crate::diagnostics::{Problems, did_you_mean, quoted};

/// Top-level keys that are no roles.
const ABOUT: &str = "about";
const INHERITS: &str = "inherits";
const PALETTE: &str = "palette";

/// Keys of a style written as a table.
const FIELDS: [&str; 4] = ["fg", "bg", "modifiers", "underline"];

/// Modifiers by their names in a theme file. Blinking and hidden text are left out on purpose.
const MODIFIERS: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("crossed-out", Modifier::CROSSED_OUT),
];

/// A style whose colours are still names or hex.
#[derive(Debug, Clone, Default)]
pub(super) struct RawStyle {
    pub(super) fg: Option<SpannedText>,
    pub(super) bg: Option<SpannedText>,
    pub(super) underline: Option<SpannedText>,
    pub(super) modifiers: Modifier,
}

/// The text of a theme file and what it is called.
#[derive(Debug, Clone)]
pub(super) struct ThemeSource {
    /// The theme's name.
    pub(super) name: String,
    /// The file as messages name it.
    pub(super) path: PathBuf,
    pub(super) text: Cow<'static, str>,
}

impl ThemeSource {
    /// The error that one thing in it is wrong.
    pub(super) fn wrong(&self, span: &Range<usize>, message: String, hint: Option<String>) -> ThemeError {
        let mut problems = Problems::new(&self.path, &self.text);
        problems.note(span, message, hint);
        ThemeError::File(problems.finish())
    }
}

/// What a theme file says.
#[derive(Debug, Default)]
pub(super) struct ThemeFileContent {
    pub(super) about: String,
    pub(super) inherits: Option<SpannedText>,
    pub(super) palette: BTreeMap<String, Color>,
    pub(super) styles: BTreeMap<&'static str, RawStyle>,
}

/// One theme file and what it says.
#[derive(Debug)]
pub(super) struct ThemeFile {
    pub(super) source: ThemeSource,
    pub(super) content: ThemeFileContent,
}

impl ThemeFile {
    /// Parses `source`.
    ///
    /// # Errors
    ///
    /// Everything in the file that is wrong.
    pub(super) fn parse(source: ThemeSource) -> Result<Self, ThemeError> {
        let mut problems = Problems::new(&source.path, &source.text);
        let content = parse(&source.text, &mut problems);
        let problems = problems.finish();
        if problems.is_empty() { Ok(Self { source, content }) } else { Err(ThemeError::File(problems)) }
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

fn parse(text: &str, problems: &mut Problems) -> ThemeFileContent {
    let mut content = ThemeFileContent::default();
    let Some(document) = table::parse(text, problems) else { return content };
    for (key, value) in TomlTable::new(document.get_ref(), document.span(), "a theme").entries() {
        match key.text.as_str() {
            ABOUT => {
                content.about = string(&key.text, value, "a sentence in quotes", problems).unwrap_or_default().text;
            }
            INHERITS => content.inherits = string(&key.text, value, "the name of a theme in quotes", problems),
            PALETTE => content.palette = palette(value, problems),
            _ => {
                if let Some(key) = style_key(&key, value, problems) {
                    content.styles.insert(key, style(key, value, problems));
                }
            }
        }
    }
    content
}

/// The known key that `key` is. TOML reads `match.1 = …` without quotes as a table `match`, which gets its own
/// message.
fn style_key(key: &SpannedText, value: &Value, problems: &mut Problems) -> Option<&'static str> {
    if let DeValue::Table(table) = value.get_ref() {
        let unquoted = |field: &str| role::keys().find(|known| *known == format!("{}.{field}", key.text));
        if let Some(key_of) = table.iter().find_map(|(field, _)| unquoted(field.get_ref())) {
            problems.note(&key.span, format!("a dotted key is written in quotes: \"{key_of}\" = …"), None);
            return None;
        }
    }
    let found = role::keys().find(|known| *known == key.text);
    if found.is_none() {
        let known = role::keys().chain([ABOUT, INHERITS, PALETTE]);
        problems.note(&key.span, format!("a theme has no key {}", quoted(&key.text)), did_you_mean(&key.text, known));
    }
    found
}

fn palette(value: &Value, problems: &mut Problems) -> BTreeMap<String, Color> {
    let mut palette = BTreeMap::new();
    let DeValue::Table(entries) = value.get_ref() else {
        wrong_type(PALETTE, value, "a table of colours, [palette],", problems);
        return palette;
    };
    for (key, value) in TomlTable::new(entries, value.span(), "the palette").entries() {
        let wanted = "a colour in quotes, such as \"#7aa2f7\",";
        let Some(SpannedText { text, span }) = string(&key.text, value, wanted, problems) else { continue };
        match if text.starts_with('#') { color::hex(&text) } else { color::named(&text) } {
            Some(color) => drop(palette.insert(key.text, color)),
            None => {
                let (message, hint) = unknown_color(&text, []);
                problems.note(&span, message, hint);
            }
        }
    }
    palette
}

fn style(key: &str, value: &Value, problems: &mut Problems) -> RawStyle {
    const WANTED: &str = "a colour in quotes or a table like { fg = \"red\", modifiers = [\"bold\"] }";
    const COLOR: &str = "a colour in quotes";
    let entries = match value.get_ref() {
        DeValue::String(_) => {
            return RawStyle { fg: string(key, value, WANTED, problems), ..RawStyle::default() };
        }
        DeValue::Table(entries) => entries,
        _ => {
            wrong_type(key, value, WANTED, problems);
            return RawStyle::default();
        }
    };
    let table = TomlTable::new(entries, value.span(), "a style");
    table.only(&FIELDS, problems);
    let mut style = RawStyle::default();
    for (field, value) in table.entries() {
        match field.text.as_str() {
            "fg" => style.fg = string("fg", value, COLOR, problems),
            "bg" => style.bg = string("bg", value, COLOR, problems),
            "underline" => style.underline = string("underline", value, COLOR, problems),
            "modifiers" => style.modifiers = modifiers(value, problems),
            _ => {}
        }
    }
    if style.underline.is_some() {
        style.modifiers |= Modifier::UNDERLINED;
    }
    style
}

fn modifiers(value: &Value, problems: &mut Problems) -> Modifier {
    const WANTED: &str = "a list of names, such as [\"bold\", \"underlined\"],";
    let mut modifiers = Modifier::empty();
    let DeValue::Array(list) = value.get_ref() else {
        wrong_type("modifiers", value, WANTED, problems);
        return modifiers;
    };
    for item in list {
        let Some(SpannedText { text, span }) = string("modifiers", item, WANTED, problems) else { continue };
        match MODIFIERS.iter().find(|(known, _)| *known == text) {
            Some((_, modifier)) => modifiers |= *modifier,
            None => {
                let known = MODIFIERS.map(|(name, _)| name);
                problems.note(
                    &span,
                    format!("no modifier is called {}; there are {}", quoted(&text), known.join(", ")),
                    did_you_mean(&text, known),
                );
            }
        }
    }
    modifiers
}

/// What is wrong with a colour that is none, and a hint; `palette` holds the names it might have been.
pub(super) fn unknown_color<'a>(name: &str, palette: impl IntoIterator<Item = &'a str>) -> (String, Option<String>) {
    let name_quoted = quoted(name);
    if name.starts_with('#') {
        return (format!("{name_quoted} is no colour; write # and six hex digits, such as #7aa2f7"), None);
    }
    let terminal = color::names().map(|name| -> &'a str { name });
    let hint = did_you_mean(name, palette.into_iter().chain(terminal));
    (format!("no colour is called {name_quoted}; define it under [palette] or write it as #rrggbb"), hint)
}

fn string(key: &str, value: &Value, wanted: &str, problems: &mut Problems) -> Option<SpannedText> {
    match value.get_ref() {
        DeValue::String(text) => Some(SpannedText { text: text.clone().into_owned(), span: value.span() }),
        _ => {
            wrong_type(key, value, wanted, problems);
            None
        }
    }
}

fn wrong_type(key: &str, value: &Value, wanted: &str, problems: &mut Problems) {
    table::wrong_type(value, &quoted(key), wanted, problems);
}
