//! Styles in the colours a theme asks for to styles in the colours a terminal has.

use ratatui::style::{Color, Style};

use super::inheritance::{Styles, styles_by};
use super::role::Role;
use super::{ColorDepth, color};

/// Roles that stand side by side and must be told apart at a glance.
pub(super) const GROUPS: [&[Role]; 7] = [
    &[Role::Open, Role::Benign, Role::Excluded, Role::Suspicious, Role::Malicious, Role::Candidate, Role::Changed],
    &[Role::CheckMet, Role::CheckNotMet, Role::CheckUnknown],
    &[Role::AnswerApplies, Role::AnswerRuledOut, Role::AnswerUnsure],
    &[Role::Title, Role::TitleFocused],
    &[Role::Border, Role::BorderFocused],
    &[Role::Tab, Role::TabActive],
    &[Role::ScrollTrack, Role::ScrollThumb],
];

/// The built-in theme that lends a style where `depth` can't express what a theme asks for.
pub(super) const fn stand_in(depth: ColorDepth) -> Option<&'static str> {
    match depth {
        ColorDepth::TrueColor | ColorDepth::Ansi256 => None,
        ColorDepth::Ansi16 => Some("ansi16"),
        ColorDepth::Mono => Some("mono"),
    }
}

/// To 256 colours: the nearest of xterm's fixed ones.
///
/// The colour of an underline goes, here and below: terminals that don't know SGR 58 read its
/// numbers as blink and more.
pub(super) fn to_256(styles: &Styles) -> Styles {
    styles_by(|role| recolored(styles[role as usize], color::nearest_256))
}

/// To 16 colours: a foreground becomes the nearest.
///
/// Their looks and the terminal's ground are unknown here, and a dark grey behind a row would become black or nothing.
/// So a background that is not plainly one of the 16 takes the role's whole style from `ansi16`, and so does a group of
/// roles that would no longer be told apart.
pub(super) fn to_16(styles: &Styles, ansi16: &Styles) -> Styles {
    let mut found = styles_by(|role| {
        let style = styles[role as usize];
        match style.bg {
            Some(Color::Rgb(r, g, b)) if color::same_16([r, g, b]).is_none() => ansi16[role as usize],
            _ => recolored(style, color::nearest_16),
        }
    });
    for group in GROUPS {
        if collapsed(group, styles, &found) {
            for role in group {
                found[*role as usize] = ansi16[*role as usize];
            }
        }
    }
    found
}

/// To no colour at all: a style of modifiers alone stays; any other is the role's style in `mono`, so that what a theme
/// shows by colour, such as the selection, is still seen.
pub(super) fn to_mono(styles: &Styles, mono: &Styles) -> Styles {
    styles_by(|role| {
        let style = styles[role as usize];
        let colored = [style.fg, style.bg].iter().flatten().any(|color| *color != Color::Reset);
        let kept = if colored || style.add_modifier.is_empty() { mono[role as usize] } else { style };
        Style { fg: None, bg: None, underline_color: None, ..kept }
    })
}

fn recolored(style: Style, nearest: fn([u8; 3]) -> Color) -> Style {
    let recolor = |color| match color {
        Color::Rgb(r, g, b) => nearest([r, g, b]),
        other => other,
    };
    Style { fg: style.fg.map(recolor), bg: style.bg.map(recolor), underline_color: None, ..style }
}

/// Whether two of `group` that differ in `before` look the same in `after`.
fn collapsed(group: &[Role], before: &Styles, after: &Styles) -> bool {
    let alike = |styles: &Styles, a: Role, b: Role| styles[a as usize] == styles[b as usize];
    group
        .iter()
        .enumerate()
        .any(|(index, a)| group.iter().skip(index + 1).any(|b| alike(after, *a, *b) && !alike(before, *a, *b)))
}
