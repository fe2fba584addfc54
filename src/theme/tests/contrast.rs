//! Whether the built-in themes can be read: contrast as WCAG 2.2 counts it, 1 to 21.

use ratatui::style::{Color, Style};

use super::super::*;

type Rgb = [u8; 3];

/// Grounds of well-known dark and light terminals: black, Gruvbox, One Dark, Nord; white, Latte, Solarized, Gruvbox.
const DARK_GROUNDS: [Rgb; 4] = [[0, 0, 0], [0x28, 0x28, 0x28], [0x28, 0x2c, 0x34], [0x2e, 0x34, 0x40]];
const LIGHT_GROUNDS: [Rgb; 4] = [[255, 255, 255], [0xef, 0xf1, 0xf5], [0xfd, 0xf6, 0xe3], [0xfb, 0xf1, 0xc7]];

/// Layers that text of other roles is drawn upon.
const LAYERS: [Role; 3] = [Role::Popup, Role::Selected, Role::SelectedUnfocused];

/// Roles that carry no word.
const ORNAMENTS: [Role; 2] = [Role::Border, Role::ScrollTrack];

/// Roles of words that matter less, and of the one ornament that says something.
const QUIET: [Role; 13] = [
    Role::Dim,
    Role::Title,
    Role::Heading,
    Role::Folder,
    Role::Tab,
    Role::HintText,
    Role::Excluded,
    Role::Offset,
    Role::ByteZero,
    Role::FieldMeaning,
    Role::PromptGhost,
    Role::Comment,
    Role::ScrollThumb,
];

/// What a theme is drawn on where its text sets no background, and the contrast it owes: ornaments, quiet words, words.
struct Case {
    name: &'static str,
    grounds: &'static [Rgb],
    owed: [f32; 3],
}

const CASES: [Case; 4] = [
    Case { name: "dark", grounds: &DARK_GROUNDS, owed: [1.4, 3.0, 4.5] },
    Case { name: "deuteranopia", grounds: &DARK_GROUNDS, owed: [1.4, 3.0, 4.5] },
    Case { name: "light", grounds: &LIGHT_GROUNDS, owed: [1.4, 3.0, 4.5] },
    Case { name: "high-contrast", grounds: &[[0, 0, 0]], owed: [3.0, 7.0, 7.0] },
];

/// WCAG 2.2, "relative luminance".
fn luminance(rgb: Rgb) -> f32 {
    let [r, g, b] = rgb.map(color::linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// WCAG 2.2, "contrast ratio".
fn contrast(a: Rgb, b: Rgb) -> f32 {
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

fn rgb(color: Color) -> Rgb {
    match color {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index @ 16..) => color::xterm_rgb(index),
        other => panic!("{other} looks different on every terminal"),
    }
}

fn owed(case: &Case, role: Role) -> f32 {
    let [ornament, quiet, word] = case.owed;
    match role {
        role if ORNAMENTS.contains(&role) => ornament,
        role if QUIET.contains(&role) => quiet,
        _ => word,
    }
}

/// Every foreground and background that `role` is seen in, with the layer it lies on.
fn seen(case: &Case, theme: &Theme, role: Role) -> Vec<(Rgb, Rgb, String)> {
    let style = theme.style(role);
    let text = theme.style(Role::Text);
    let on = |ground: Rgb, layer: Style, name: String| {
        let style = style.patch(layer);
        let fg = style.fg.or(text.fg).map(rgb).unwrap();
        (fg, style.bg.map_or(ground, rgb), name)
    };
    let grounds = case.grounds.iter().map(|ground| on(*ground, Style::default(), format!("{ground:?}")));
    let layers = LAYERS.iter().filter(|_| style.bg.is_none()).map(|layer| {
        let laid = Style {
            bg: theme.style(*layer).bg,
            fg: theme.style(*layer).fg.filter(|_| *layer != Role::Popup),
            ..Style::default()
        };
        on(case.grounds[0], laid, layer.key().to_owned())
    });
    grounds.chain(layers).collect()
}

#[test]
fn words_can_be_read_in_true_colour_and_in_256() {
    let mut poor = Vec::new();
    for case in CASES {
        for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256] {
            let theme = load(case.name, None, depth).unwrap();
            for role in Role::ALL {
                for (fg, bg, layer) in seen(&case, &theme, *role) {
                    let (is, owed) = (contrast(fg, bg), owed(&case, *role));
                    if is < owed {
                        poor.push(format!("{} {depth:?}: {} on {layer}: {is:.2} < {owed}", case.name, role.key()));
                    }
                }
            }
        }
    }
    assert!(poor.is_empty(), "\n{}", poor.join("\n"));
}

#[test]
fn the_selection_stands_out() {
    for case in CASES {
        for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256] {
            let theme = load(case.name, None, depth).unwrap();
            let bg = |role| theme.style(role).bg.map(rgb).unwrap();
            let ratio = contrast(bg(Role::Selected), case.grounds[0]);
            assert!(ratio >= 1.25, "{} {depth:?}: the selection has {ratio:.2}", case.name);
            assert_ne!(bg(Role::Selected), bg(Role::SelectedUnfocused), "{} {depth:?}", case.name);
            assert_ne!(bg(Role::Selected), bg(Role::Popup), "{} {depth:?}", case.name);
            // Greys are all that 256 colours have between the darkest and the usual grounds.
            for ground in case.grounds.iter().filter(|_| depth == ColorDepth::TrueColor) {
                let apart = color::distance(bg(Role::Selected), *ground);
                assert!(apart >= 0.05, "{}: the selection is only {apart:.3} from {ground:x?}", case.name);
            }
        }
    }
}

#[test]
fn contrast_is_counted_as_wcag_does() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.001);
    assert!((contrast([0x77; 3], [255; 3]) - 4.478).abs() < 0.001);
}

/// On an unknown ground the terminal's blue is too dark, its yellow and white too bright, its greys anything.
#[test]
fn ansi16_writes_only_in_colours_that_can_be_read_on_dark_and_light() {
    let theme = load("ansi16", None, ColorDepth::TrueColor).unwrap();
    for role in Role::ALL {
        let style = theme.style(*role);
        match (style.fg, style.bg) {
            (None | Some(Color::Reset), None | Some(Color::Reset))
            | (Some(Color::Red | Color::Green | Color::Magenta | Color::Cyan), None)
            | (Some(Color::Black), Some(Color::Yellow | Color::Cyan | Color::Green))
            | (Some(Color::White), Some(Color::Blue | Color::Red | Color::Magenta)) => {}
            other => panic!("{role:?}: {other:?}"),
        }
    }
}

#[test]
fn mono_has_no_colour_at_all() {
    let theme = load("mono", None, ColorDepth::TrueColor).unwrap();
    for role in Role::ALL {
        let style = theme.style(*role);
        assert_eq!((style.fg, style.bg, style.underline_color), (None, None, None), "{role:?}");
    }
}
