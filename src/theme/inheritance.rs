//! A theme and its parents to one style for every role, in the colours the files ask for.

use std::collections::BTreeMap;

use ratatui::style::{Color, Style};

use super::color;
use super::error::ThemeError;
use super::role::Role;
use super::theme_file::{RawStyle, ThemeFile, unknown_color};
use crate::diagnostics::table::SpannedText;

/// One style for every role, at the role's place in [`Role::ALL`].
pub(super) type Styles = [Style; Role::COUNT];

/// A table of styles, one by one.
pub(super) fn styles_by(style: impl Fn(Role) -> Style) -> Styles {
    let mut styles = [Style::default(); Role::COUNT];
    for (place, role) in styles.iter_mut().zip(Role::ALL) {
        *place = style(*role);
    }
    styles
}

/// Resolves `chain`, a theme followed by its parents: a child's palette and styles stand before its parents', so a
/// child that only redefines colours recolours everything it inherits.
///
/// # Errors
///
/// [`ThemeError::File`] for a colour that neither the palettes nor the terminal know.
pub(super) fn resolve(chain: &[ThemeFile]) -> Result<Styles, ThemeError> {
    let mut palette = BTreeMap::new();
    let mut rules = BTreeMap::new();
    for file in chain.iter().rev() {
        palette.extend(file.content.palette.iter().map(|(name, color)| (name.as_str(), *color)));
        rules.extend(file.content.styles.iter().map(|(key, raw)| (*key, (file, raw))));
    }
    let resolved = rules
        .into_iter()
        .map(|(key, (file, raw))| Ok((key, style(raw, file, &palette)?)))
        .collect::<Result<BTreeMap<_, _>, ThemeError>>()?;
    Ok(styles_by(|role| role.fallbacks().find_map(|key| resolved.get(key).copied()).unwrap_or_default()))
}

fn style(raw: &RawStyle, file: &ThemeFile, palette: &BTreeMap<&str, Color>) -> Result<Style, ThemeError> {
    let look_up = |named: &Option<SpannedText>| named.as_ref().map(|named| find(named, file, palette)).transpose();
    Ok(Style {
        fg: look_up(&raw.fg)?,
        bg: look_up(&raw.bg)?,
        underline_color: look_up(&raw.underline)?,
        ..Style::default().add_modifier(raw.modifiers)
    })
}

fn find(named: &SpannedText, file: &ThemeFile, palette: &BTreeMap<&str, Color>) -> Result<Color, ThemeError> {
    let SpannedText { text: name, span } = named;
    let found = if name.starts_with('#') {
        color::hex(name)
    } else {
        palette.get(name.as_str()).copied().or_else(|| color::named(name))
    };
    found.ok_or_else(|| {
        let (message, hint) = unknown_color(name, palette.keys().copied());
        file.source.wrong(span, message, hint)
    })
}
