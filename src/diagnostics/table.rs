//! Reads TOML tables so that every mistake is named with its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Problems, did_you_mean_one_of, quoted};

/// A text with the bytes it stands at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SpannedText {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

/// One table of a TOML document.
pub(crate) struct TomlTable<'t, 'i> {
    entries: &'t DeTable<'i>,
    span: Range<usize>,
    /// What it is, for messages: "the scenario".
    what: &'static str,
}

/// The document as a tree, or its syntax errors in `problems`.
pub(crate) fn parse<'i>(source: &'i str, problems: &mut Problems<'_>) -> Option<Spanned<DeTable<'i>>> {
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        problems.note(&error.span().unwrap_or_default(), error.message(), None);
    }
    errors.is_empty().then_some(document)
}

impl<'t, 'i> TomlTable<'t, 'i> {
    pub(crate) fn new(entries: &'t DeTable<'i>, span: Range<usize>, what: &'static str) -> Self {
        Self { entries, span, what }
    }

    /// The table that `value` is.
    pub(crate) fn of(value: &'t Spanned<DeValue<'i>>, what: &'static str, problems: &mut Problems<'_>) -> Option<Self> {
        let Some(entries) = value.get_ref().as_table() else {
            wrong_type(value, what, "a table", problems);
            return None;
        };
        Some(Self::new(entries, value.span(), what))
    }

    pub(crate) fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (SpannedText, &'t Spanned<DeValue<'i>>)> + use<'t, 'i> {
        self.entries
            .iter()
            .map(|(key, value)| (SpannedText { text: key.get_ref().to_string(), span: key.span() }, value))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.entries.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Notes every key that is not one of `known`.
    pub(crate) fn only(&self, known: &[&str], problems: &mut Problems<'_>) {
        for (key, _) in self.entries().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let hint = did_you_mean_one_of(&key.text, known);
            problems.note(&key.span, format!("{} has no key {}", self.what, quoted(&key.text)), hint);
        }
    }

    /// The text under `key`, which must be there and not be blank.
    pub(crate) fn text(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<SpannedText> {
        if self.get(key).is_none() {
            problems.note(&self.span, format!("{} lacks `{key}`", self.what), None);
        }
        self.optional_text(key, problems)
    }

    /// The text under `key`, if it is there; it must not be blank.
    pub(crate) fn optional_text(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<SpannedText> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            wrong_type(value, &format!("`{key}`"), "text", problems);
            return None;
        };
        if text.trim().is_empty() {
            problems.note(&value.span(), format!("`{key}` is blank"), None);
            return None;
        }
        Some(SpannedText { text: text.trim().to_owned(), span: value.span() })
    }

    /// The list under `key`, if it is there.
    pub(crate) fn list(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<&'t DeArray<'i>> {
        let value = self.get(key)?;
        let list = value.get_ref().as_array();
        if list.is_none() {
            wrong_type(value, &format!("`{key}`"), "a list", problems);
        }
        list
    }
}

/// Notes that `value` is of the wrong type.
pub(crate) fn wrong_type(value: &Spanned<DeValue<'_>>, what: &str, wanted: &str, problems: &mut Problems<'_>) {
    let found = match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    problems.note(&value.span(), format!("{what} is {found} where {wanted} belongs"), None);
}
