//! What holds for every built-in theme at every depth, and what a person's own theme may say.

mod color_vision;
mod contrast;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;
use ratatui::style::{Color, Modifier, Style};

use super::theme_file::{RawStyle, ThemeFile, ThemeSource};
use super::*;

/// Every built-in theme at every depth.
fn built_in() -> impl Iterator<Item = Theme> {
    names().flat_map(|name| ColorDepth::ALL.map(|depth| load(name, None, depth).unwrap()))
}

/// The theme that `toml` is, saved as `own.toml` in a folder that holds nothing else.
fn own(toml: &str, depth: ColorDepth) -> Result<Theme, ThemeError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("own.toml"), toml).unwrap();
    load("own", Some(dir.path()), depth)
}

fn fg(color: Color) -> Style {
    Style::default().fg(color)
}

/// One line for each role: key, foreground, background, modifiers.
fn swatch(theme: &Theme) -> String {
    let color = |color: Option<Color>| color.map_or_else(|| "-".to_owned(), |color| color.to_string());
    Role::ALL.iter().fold(String::new(), |mut out, role| {
        let style = theme.style(*role);
        let mut modifiers = format!("{:?}", style.add_modifier);
        if style.add_modifier.is_empty() {
            modifiers.clear();
        }
        let line = format!("{:<20} {:<14} {:<14} {modifiers}", role.key(), color(style.fg), color(style.bg));
        writeln!(out, "{}", line.trim_end()).unwrap();
        out
    })
}

#[test]
fn the_default_comes_first() {
    assert_eq!(names().next(), Some(DEFAULT));
}

#[test]
fn dark_in_true_colour() {
    insta::assert_snapshot!(swatch(&load("dark", None, ColorDepth::TrueColor).unwrap()));
}

#[test]
fn dark_in_256_colours() {
    insta::assert_snapshot!(swatch(&load("dark", None, ColorDepth::Ansi256).unwrap()));
}

#[test]
fn dark_in_16_colours() {
    insta::assert_snapshot!(swatch(&load("dark", None, ColorDepth::Ansi16).unwrap()));
}

#[test]
fn dark_without_colour() {
    insta::assert_snapshot!(swatch(&load("dark", None, ColorDepth::Mono).unwrap()));
}

#[test]
fn mono_everywhere() {
    insta::assert_snapshot!(swatch(&load("mono", None, ColorDepth::TrueColor).unwrap()));
}

#[test]
fn keys_are_unique_and_each_role_is_where_the_table_says() {
    let keys: BTreeSet<_> = Role::ALL.iter().map(|role| role.key()).collect();
    assert_eq!(keys.len(), Role::COUNT);
    for (index, role) in Role::ALL.iter().enumerate() {
        assert_eq!(*role as usize, index);
        assert!(role.about().ends_with('.'), "{role:?}");
    }
}

#[test]
fn patterns_take_turns() {
    let keys: Vec<_> = (0..10).map(|index| Role::pattern(index).key()).collect();
    assert_eq!(keys[..2], ["match.1", "match.2"]);
    assert_eq!(keys[7..], ["match.8", "match.1", "match.2"]);
}

#[test]
fn every_built_in_theme_says_a_style_for_every_role() {
    for name in names() {
        let chain = ThemeCatalog::new(None).chain(name).unwrap();
        for role in Role::ALL {
            let own = role.fallbacks().filter(|key| *key != "text" || *role == Role::Text);
            let said = own.into_iter().any(|key| chain.iter().any(|file| file.content.styles.contains_key(key)));
            assert!(said, "{name} leaves {} to fall back to text", role.key());
        }
    }
}

#[test]
fn no_built_in_palette_has_an_unused_colour() {
    for name in names() {
        let chain = ThemeCatalog::new(None).chain(name).unwrap();
        let styles = |file: &ThemeFile| file.content.styles.clone();
        let merged: BTreeMap<_, RawStyle> = chain.iter().rev().flat_map(styles).collect();
        let used: BTreeSet<_> = merged
            .values()
            .flat_map(|style| [&style.fg, &style.bg, &style.underline])
            .flatten()
            .map(|named| named.text.as_str())
            .collect();
        for color in chain[0].content.palette.keys() {
            assert!(used.contains(color.as_str()), "{name} never uses its {color}");
        }
    }
}

#[test]
fn each_depth_has_only_the_colours_it_can_show() {
    for theme in built_in() {
        for role in Role::ALL {
            let style = theme.style(*role);
            let fits = |color: Color| match theme.depth() {
                ColorDepth::TrueColor => true,
                ColorDepth::Ansi256 => !matches!(color, Color::Rgb(..)),
                ColorDepth::Ansi16 => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
                ColorDepth::Mono => false,
            };
            assert!([style.fg, style.bg].into_iter().flatten().all(fits), "{} {role:?} {style:?}", theme.name());
            assert!(theme.depth() == ColorDepth::TrueColor || style.underline_color.is_none());
        }
    }
}

#[test]
fn what_must_be_told_apart_is_told_apart_at_every_depth() {
    let pairs = [
        (Role::Selected, Role::Text),
        (Role::Selected, Role::SelectedUnfocused),
        (Role::SelectedUnfocused, Role::Text),
        (Role::Progress, Role::ProgressBack),
        (Role::Cursor, Role::CursorMirror),
        (Role::Cursor, Role::MatchCurrent),
        (Role::Anomaly, Role::FieldValue),
        (Role::Excluded, Role::Changed),
        (Role::Error, Role::Status),
    ];
    for theme in built_in() {
        let differ = |a: Role, b: Role| {
            assert_ne!(theme.style(a), theme.style(b), "{} {:?}: {a:?} {b:?}", theme.name(), theme.depth());
        };
        for (a, b) in pairs {
            differ(a, b);
        }
        for group in downgrade::GROUPS {
            for (index, role) in group.iter().enumerate() {
                group[index + 1..].iter().for_each(|other| differ(*role, *other));
            }
        }
        for index in 0..8 {
            let role = Role::pattern(index);
            for other in [Role::Text, Role::BytePrintable, Role::ByteZero, Role::Cursor, Role::MatchCurrent] {
                differ(role, other);
            }
            if theme.depth() != ColorDepth::Mono && theme.name() != "mono" {
                let colours = |role: Role| (theme.style(role).fg, theme.style(role).bg);
                assert_ne!(
                    colours(role),
                    colours(Role::MatchCurrent),
                    "{} {:?}: {role:?}",
                    theme.name(),
                    theme.depth()
                );
                differ(Role::Search, Role::MatchCurrent);
                (index + 1..8).for_each(|other| differ(role, Role::pattern(other)));
            }
        }
    }
}

#[test]
fn without_colour_the_selection_matches_cursor_and_focus_are_seen() {
    let seen = [Role::Selected, Role::SelectedUnfocused, Role::Cursor, Role::BorderFocused, Role::Match1, Role::Range];
    for theme in built_in().filter(|theme| theme.depth() == ColorDepth::Mono) {
        for role in seen {
            assert!(!theme.style(role).add_modifier.is_empty(), "{} {role:?}", theme.name());
        }
    }
}

#[test]
fn a_theme_that_shows_the_selection_by_colour_alone_still_shows_it_without_colour() {
    let toml = "text = 'white'\nselected = { bg = 'blue' }\nstrong = { modifiers = ['italic'] }\ncursor = {}";
    let theme = own(toml, ColorDepth::Mono).unwrap();
    assert_eq!(theme.style(Role::Selected).add_modifier, Modifier::REVERSED | Modifier::BOLD);
    assert_eq!(theme.style(Role::Cursor).add_modifier, Modifier::REVERSED);
    assert_eq!(theme.style(Role::Strong).add_modifier, Modifier::ITALIC);
}

#[test]
fn a_dark_grey_behind_a_row_does_not_become_black_in_16_colours() {
    let theme = own("selected = { bg = '#20242e' }\ntext = { bg = '#000000' }", ColorDepth::Ansi16).unwrap();
    assert_eq!(theme.style(Role::Selected), Style::default().add_modifier(Modifier::REVERSED | Modifier::BOLD));
    assert_eq!(theme.style(Role::Text), Style::default().bg(Color::Black));
}

#[test]
fn verdicts_that_would_look_alike_in_16_colours_are_lent_ones_that_do_not() {
    let toml = "'verdict.suspicious' = '#ff0000'\n'verdict.malicious' = '#ff2020'\nerror = '#ff0000'";
    let [full, poor] = [ColorDepth::TrueColor, ColorDepth::Ansi16].map(|depth| own(toml, depth).unwrap());
    assert_ne!(full.style(Role::Suspicious), full.style(Role::Malicious));
    assert_ne!(poor.style(Role::Suspicious), poor.style(Role::Malicious));
    assert_eq!(poor.style(Role::Open), load("ansi16", None, ColorDepth::Ansi16).unwrap().style(Role::Open));
    assert_eq!(poor.style(Role::Error), fg(Color::LightRed));
}

#[test]
fn a_key_falls_back_by_its_dots_and_then_to_text() {
    let theme = own("text = 'cyan'\nmatch = 'red'\n'match.2' = 'green'", ColorDepth::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Match1), fg(Color::Red));
    assert_eq!(theme.style(Role::Match2), fg(Color::Green));
    assert_eq!(theme.style(Role::Popup), fg(Color::Cyan));
    assert_eq!(own("", ColorDepth::TrueColor).unwrap().style(Role::Popup), Style::default());
}

#[test]
fn a_style_has_colours_modifiers_and_an_underline() {
    let toml = "anomaly = { fg = 'red', bg = '#010203', modifiers = ['bold', 'crossed-out'], underline = 'blue' }";
    let expected = fg(Color::Red).bg(Color::Rgb(1, 2, 3)).underline_color(Color::Blue);
    let modifiers = Modifier::BOLD | Modifier::CROSSED_OUT | Modifier::UNDERLINED;
    assert_eq!(own(toml, ColorDepth::TrueColor).unwrap().style(Role::Anomaly), expected.add_modifier(modifiers));
}

#[test]
fn a_child_recolours_what_it_inherits() {
    let dir = tempfile::tempdir().unwrap();
    let save = |name: &str, toml: &str| fs::write(dir.path().join(name), toml).unwrap();
    save(
        "base.toml",
        "title = 'sea'\nborder = 'red'\nabout = 'the parent'\n[palette]\nsea = '#000080'\nred = '#800000'",
    );
    save("child.toml", "inherits = 'base'\nborder = 'sea'\n[palette]\nsea = '#0000ff'");
    let path = dir.path().join("child.toml");
    for choice in ["child", path.to_str().unwrap()] {
        let theme = load(choice, Some(dir.path()), ColorDepth::TrueColor).unwrap();
        assert_eq!(theme.name(), "child");
        assert_eq!(theme.about(), "");
        assert_eq!(theme.style(Role::Title), fg(Color::Rgb(0, 0, 255)));
        assert_eq!(theme.style(Role::Border), fg(Color::Rgb(0, 0, 255)));
    }
    let base = load("base", Some(dir.path()), ColorDepth::TrueColor).unwrap();
    assert_eq!(base.style(Role::Border), fg(Color::Rgb(128, 0, 0)), "the palette stands before the terminal's own");
}

#[test]
fn the_list_names_every_theme_and_what_is_wrong_with_a_file() {
    let dir = tempfile::tempdir().unwrap();
    for (name, toml) in [
        ("sea.toml", "about = 'blue'"),
        ("broken.toml", "titel = 'red'"),
        ("dark.toml", "about = 'mine'"),
        ("my theme.toml", ""),
        ("notes.txt", "not a theme"),
    ] {
        fs::write(dir.path().join(name), toml).unwrap();
    }
    let list = available(Some(dir.path()));
    assert!(list[..names().count()].iter().all(|entry| entry.built_in && entry.about.is_ok()));
    let own: Vec<_> = list[names().count()..]
        .iter()
        .map(|entry| match &entry.about {
            Ok(about) => format!("{}: {about}", entry.name),
            Err(error) => format!("{}! {error}", entry.name).replace(&format!("{}/", dir.path().display()), ""),
        })
        .collect();
    assert_eq!(
        own,
        [
            "broken! broken.toml:1:1: a theme has no key `titel` (did you mean `title`?)",
            "dark.toml! dark.toml: a built-in theme has this name; rename the file",
            "my theme.toml! my theme.toml: a theme's file name has letters, digits, `-` and `_`; rename the file",
            "sea: blue",
        ]
    );
    assert_eq!(load("dark", Some(dir.path()), ColorDepth::Mono), load("dark", None, ColorDepth::Mono));
    assert_eq!(available(Some(&dir.path().join("gone"))), available(None));
}

/// A file in the person's folder may be a link into a folder of settings, and a path may be relative or absolute.
#[test]
fn a_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("user")).unwrap();
    fs::write(dir.path().join("real.toml"), "title = 'red'").unwrap();
    std::os::unix::fs::symlink("../real.toml", dir.path().join("user/mine.toml")).unwrap();
    let theme = load("mine", Some(&dir.path().join("user")), ColorDepth::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Title), fg(Color::Red));
}

fn parse(text: &str) -> Result<ThemeFile, ThemeError> {
    ThemeFile::parse(ThemeSource { name: "own".to_owned(), path: "own.toml".into(), text: text.to_owned().into() })
}

proptest! {
    #[test]
    fn any_text_is_a_theme_or_an_error_at_a_place_in_it(text in ".{0,200}|([a-z.'\"\\[\\]{}=,# \n]{0,12}(fg|palette|text|\\.1)?){0,12}") {
        if let Err(error) = parse(&text) {
            let ThemeError::File(problems) = error else { panic!("{error}") };
            for place in problems.iter().filter_map(|problem| problem.place) {
                prop_assert!(place.line <= text.matches('\n').count() + 1);
                prop_assert!(place.column <= text.chars().count() + 1);
            }
        }
    }

    #[test]
    fn every_colour_has_a_nearest_one(rgb in any::<[u8; 3]>()) {
        prop_assert!(matches!(color::nearest_256(rgb), Color::Indexed(16..)));
        prop_assert!(!matches!(color::nearest_16(rgb), Color::Indexed(_) | Color::Rgb(..) | Color::Reset));
    }
}
