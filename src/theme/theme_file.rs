//! One theme file, parsed and checked as far as it can be without its parents.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::style::{Color, Modifier};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Fault, Place, ThemeError, word};
use super::{color, role};
use crate::diagnostics::nearest;

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

/// A name that the file holds, with the offset of its first byte for messages.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) offset: usize,
}

/// A style whose colours are still names or hex.
#[derive(Debug, Clone, Default)]
pub(super) struct RawStyle {
    pub(super) fg: Option<Named>,
    pub(super) bg: Option<Named>,
    pub(super) underline: Option<Named>,
    pub(super) modifiers: Modifier,
}

/// The text of a theme file and what it is called in messages.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) text: Cow<'static, str>,
}

impl Source {
    /// The error that `fault` at the byte at `offset` is.
    pub(super) fn wrong(&self, offset: usize, fault: Fault) -> ThemeError {
        ThemeError::Wrong { place: Place::at(&self.label, &self.text, offset), fault }
    }
}

/// What a theme file says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) about: String,
    pub(super) inherits: Option<Named>,
    pub(super) palette: BTreeMap<String, Color>,
    pub(super) styles: BTreeMap<&'static str, RawStyle>,
}

/// One theme file and what it says.
#[derive(Debug)]
pub(super) struct ThemeFile {
    pub(super) source: Source,
    pub(super) content: Content,
}

impl ThemeFile {
    /// Parses `source`.
    ///
    /// # Errors
    ///
    /// The first thing in the file that is wrong.
    pub(super) fn parse(source: Source) -> Result<Self, ThemeError> {
        match parse(&source.text) {
            Ok(content) => Ok(Self { source, content }),
            Err((offset, fault)) => Err(source.wrong(offset, fault)),
        }
    }
}

/// Offset in bytes of what is wrong, and what is wrong there.
type Wrong = (usize, Fault);

type Value<'i> = Spanned<DeValue<'i>>;

fn parse(text: &str) -> Result<Content, Wrong> {
    let document = DeTable::parse(text).map_err(|error| {
        let Range { start, .. } = error.span().unwrap_or_default();
        (start, Fault::Syntax(word(error.message())))
    })?;
    let mut content = Content::default();
    for Entry { key, offset, value } in entries(document.get_ref()) {
        match key {
            ABOUT => content.about = string(key, value, "a sentence in quotes")?.name,
            INHERITS => content.inherits = Some(string(key, value, "the name of a theme in quotes")?),
            PALETTE => content.palette = palette(value)?,
            _ => {
                let key = style_key(key, offset, value)?;
                content.styles.insert(key, style(key, value)?);
            }
        }
    }
    Ok(content)
}

/// A key of a table with its value, and the offset of the key's first byte.
struct Entry<'a, 'i> {
    key: &'a str,
    offset: usize,
    value: &'a Value<'i>,
}

/// The entries in the order of the file, so that the first mistake is the one reported.
fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let entry = |(key, value): (&'a Spanned<Cow<'i, str>>, _)| Entry {
        key: key.get_ref().as_ref(),
        offset: key.span().start,
        value,
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.offset);
    entries
}

/// The known key that `key` is. TOML reads `match.1 = …` without quotes as a table `match`, which gets its own
/// message.
fn style_key(key: &str, offset: usize, value: &Value) -> Result<&'static str, Wrong> {
    if let DeValue::Table(table) = value.get_ref() {
        let unquoted = |field: &str| role::keys().find(|known| *known == format!("{key}.{field}"));
        if let Some(key) = table.iter().find_map(|(field, _)| unquoted(field.get_ref())) {
            return Err((offset, Fault::Unquoted { key }));
        }
    }
    let unknown = || {
        let known = role::keys().chain([ABOUT, INHERITS, PALETTE]);
        (offset, Fault::UnknownKey { key: word(key), nearest: nearest(key, known) })
    };
    role::keys().find(|known| *known == key).ok_or_else(unknown)
}

fn palette(value: &Value) -> Result<BTreeMap<String, Color>, Wrong> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(wrong_type(PALETTE, value, "a table of colours: [palette]"));
    };
    let entry = |Entry { key, value, .. }: Entry| {
        let Named { name, offset } = string(key, value, "a colour in quotes, such as \"#7aa2f7\"")?;
        let found = if name.starts_with('#') { color::hex(&name) } else { color::named(&name) };
        let color = found.ok_or_else(|| (offset, unknown_color(&name, [])))?;
        Ok((key.to_owned(), color))
    };
    entries(table).into_iter().map(entry).collect()
}

fn style(key: &str, value: &Value) -> Result<RawStyle, Wrong> {
    const WANTED: &str = "a colour in quotes or a table like { fg = \"red\", modifiers = [\"bold\"] }";
    const COLOR: &str = "a colour in quotes";
    let table = match value.get_ref() {
        DeValue::String(_) => {
            return Ok(RawStyle { fg: Some(string(key, value, WANTED)?), ..RawStyle::default() });
        }
        DeValue::Table(table) => table,
        _ => return Err(wrong_type(key, value, WANTED)),
    };
    let mut style = RawStyle::default();
    for Entry { key: field, offset, value } in entries(table) {
        match field {
            "fg" => style.fg = Some(string(field, value, COLOR)?),
            "bg" => style.bg = Some(string(field, value, COLOR)?),
            "underline" => style.underline = Some(string(field, value, COLOR)?),
            "modifiers" => style.modifiers = modifiers(value)?,
            _ => return Err((offset, Fault::UnknownField { field: word(field), nearest: nearest(field, FIELDS) })),
        }
    }
    if style.underline.is_some() {
        style.modifiers |= Modifier::UNDERLINED;
    }
    Ok(style)
}

fn modifiers(value: &Value) -> Result<Modifier, Wrong> {
    const WANTED: &str = "a list of names, such as [\"bold\", \"underlined\"]";
    let DeValue::Array(list) = value.get_ref() else {
        return Err(wrong_type("modifiers", value, WANTED));
    };
    let mut modifiers = Modifier::empty();
    for item in list {
        let Named { name, offset } = string("modifiers", item, WANTED)?;
        let known = || MODIFIERS.iter().map(|(name, _)| *name);
        let found = MODIFIERS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            let nearest = nearest(&name, known());
            let known = known().collect::<Vec<_>>().join(", ");
            (offset, Fault::UnknownModifier { name: word(&name), nearest, known })
        })?;
        modifiers |= found.1;
    }
    Ok(modifiers)
}

/// What is wrong with a colour that is none; `palette` holds the names it might have been.
pub(super) fn unknown_color<'a>(name: &str, palette: impl IntoIterator<Item = &'a str>) -> Fault {
    if name.starts_with('#') {
        return Fault::BadHex { text: word(name) };
    }
    let terminal = color::names().map(|name| -> &'a str { name });
    let nearest = nearest(name, palette.into_iter().chain(terminal)).map(word);
    Fault::UnknownColor { name: word(name), nearest }
}

fn string(key: &str, value: &Value, wanted: &'static str) -> Result<Named, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(Named { name: text.clone().into_owned(), offset: value.span().start }),
        _ => Err(wrong_type(key, value, wanted)),
    }
}

fn wrong_type(key: &str, value: &Value, wanted: &'static str) -> Wrong {
    let found = match value.get_ref().type_str() {
        kind @ ("integer" | "array") => format!("an {kind}"),
        kind => format!("a {kind}"),
    };
    (value.span().start, Fault::WrongType { key: word(key), found, wanted })
}
