//! Colours: their names, and the nearest one that a poorer terminal can show.

use std::sync::LazyLock;

use ratatui::style::Color;

/// Red, green and blue in sRGB, 0 to 255 each.
type Rgb = [u8; 3];

/// The terminal's own colours: name in a theme file, ratatui's colour, and the looks xterm gives it by default
/// (XTerm-col.ad), which stand for all terminals when the nearest one is sought.
const ANSI: [(&str, Color, Rgb); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// Where in [`ANSI`] the greys are, the six hues, and how much further the bright one of a hue.
const GREYS: [usize; 4] = [0, 7, 8, 15];
const HUES: [usize; 6] = [1, 2, 3, 4, 5, 6];
const BRIGHT: usize = 8;

/// What the terminal shows when nothing is asked for.
const DEFAULT: &str = "default";

/// Distance in Oklab below which two colours are taken for the same.
const SAME: f32 = 0.03;

/// Chroma in Oklab below which a colour is taken for a grey.
const GREY: f32 = 0.04;

/// Names of the terminal's own colours, `default` among them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ANSI.iter().map(|(name, ..)| *name).chain([DEFAULT])
}

/// The terminal's own colour of that name.
pub(super) fn named(name: &str) -> Option<Color> {
    if name == DEFAULT {
        return Some(Color::Reset);
    }
    ANSI.iter().find(|(known, ..)| *known == name).map(|(_, color, _)| *color)
}

/// The colour that `#rrggbb` writes.
pub(super) fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().map(Color::from_u32)
}

/// A colour in Oklab (Ottosson 2020), where distance is close to the difference that people see.
#[derive(Debug, Clone, Copy)]
struct Lab {
    lightness: f32,
    a: f32,
    b: f32,
}

impl Lab {
    /// From sRGB; the matrices are those of <https://bottosson.github.io/posts/oklab/>.
    fn of(rgb: Rgb) -> Self {
        let [r, g, b] = rgb.map(linear);
        let long = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let medium = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let short = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        Self {
            lightness: 0.210_454_26 * long + 0.793_617_8 * medium - 0.004_072_047 * short,
            a: 1.977_998_5 * long - 2.428_592_2 * medium + 0.450_593_7 * short,
            b: 0.025_904_037 * long + 0.782_771_77 * medium - 0.808_675_77 * short,
        }
    }

    fn distance(self, other: Self) -> f32 {
        (self.lightness - other.lightness).hypot(self.a - other.a).hypot(self.b - other.b)
    }

    fn is_grey(self) -> bool {
        self.a.hypot(self.b) < GREY
    }

    /// Angle between the hues, 0 to π.
    fn hue_distance(self, other: Self) -> f32 {
        let cross = self.a * other.b - self.b * other.a;
        let dot = self.a * other.a + self.b * other.b;
        cross.atan2(dot).abs()
    }
}

/// How different two colours look: 0 for the same, 1 for black and white.
#[cfg(test)]
pub(super) fn distance(a: Rgb, b: Rgb) -> f32 {
    Lab::of(a).distance(Lab::of(b))
}

/// Light from an sRGB channel, 0 to 1 (IEC 61966-2-1).
pub(super) fn linear(channel: u8) -> f32 {
    let value = f32::from(channel) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// xterm's colours 16 to 255: a cube with six steps a side, then 24 greys. The first 16 look different everywhere.
static XTERM: LazyLock<Vec<(u8, Lab)>> = LazyLock::new(|| (16..=255).map(|n| (n, Lab::of(xterm_rgb(n)))).collect());

/// The looks of xterm's colour `index`, from 16 on (xterm's 256colres.pl).
pub(super) fn xterm_rgb(index: u8) -> Rgb {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let cube = usize::from(index.saturating_sub(16));
    [STEPS[cube / 36 % 6], STEPS[cube / 6 % 6], STEPS[cube % 6]]
}

/// The nearest of xterm's 240 fixed colours.
pub(super) fn nearest_256(rgb: Rgb) -> Color {
    let wanted = Lab::of(rgb);
    let nearest = XTERM.iter().min_by(|(_, a), (_, b)| wanted.distance(*a).total_cmp(&wanted.distance(*b)));
    nearest.map_or(Color::Reset, |(index, _)| Color::Indexed(*index))
}

/// The terminal's own colour that looks the same, if xterm's defaults have one.
pub(super) fn same_16(rgb: Rgb) -> Option<Color> {
    let wanted = Lab::of(rgb);
    ANSI.iter().find(|(_, _, rgb)| wanted.distance(Lab::of(*rgb)) < SAME).map(|(_, color, _)| *color)
}

/// The nearest of the terminal's own colours.
///
/// Plain distance would turn every pastel into grey, for the 16 are shrill. The hue says what a colour means, so it is
/// kept: the nearest of the six hues first, then the nearer of its two in lightness; a grey stays a grey.
pub(super) fn nearest_16(rgb: Rgb) -> Color {
    let wanted = Lab::of(rgb);
    let lab = |index: usize| Lab::of(ANSI[index].2);
    let closest = |candidates: &[usize], distance: &dyn Fn(Lab) -> f32| {
        let nearest = candidates.iter().min_by(|a, b| distance(lab(**a)).total_cmp(&distance(lab(**b))));
        nearest.copied().unwrap_or_default()
    };
    let alike = if wanted.is_grey() {
        GREYS.to_vec()
    } else {
        let hue = closest(&HUES, &|lab| wanted.hue_distance(lab));
        vec![hue, hue + BRIGHT]
    };
    ANSI[closest(&alike, &|lab| (wanted.lightness - lab.lightness).abs())].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(text: &str) -> Rgb {
        match hex(text) {
            Some(Color::Rgb(r, g, b)) => [r, g, b],
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn hex_is_six_digits_and_nothing_else() {
        assert_eq!(hex("#7aA2f7"), Some(Color::Rgb(0x7a, 0xa2, 0xf7)));
        for wrong in ["", "#", "7aa2f7", "#7aa2f", "#7aa2f70", "#+aa2f7", "#7aa2fg", "#7aa2fé", "#７aa"] {
            assert_eq!(hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_found_and_only_they() {
        for name in names() {
            assert!(named(name).is_some(), "{name}");
        }
        assert_eq!(named("white"), Some(Color::Gray));
        assert_eq!(named("bright-white"), Some(Color::White));
        assert_eq!(named("Red"), None);
    }

    #[test]
    fn a_colour_of_the_256_is_its_own_nearest() {
        for index in 16..=255 {
            let Color::Indexed(found) = nearest_256(xterm_rgb(index)) else { panic!("{index}") };
            assert_eq!(xterm_rgb(found), xterm_rgb(index), "{index} became {found}");
        }
    }

    #[test]
    fn every_colour_of_the_16_is_its_own_nearest() {
        for (name, color, rgb) in ANSI {
            assert_eq!(nearest_16(rgb), color, "{name}");
            assert_eq!(same_16(rgb), Some(color), "{name}");
        }
    }

    #[test]
    fn pastels_and_deep_tones_keep_their_hue_in_16() {
        let table = [
            ("#8ab4f8", Color::LightBlue),
            ("#1d4ed8", Color::Blue),
            ("#1e3a8a", Color::Blue),
            ("#ff8a93", Color::LightRed),
            ("#991b1b", Color::Red),
            ("#166534", Color::Green),
            ("#b6f5c0", Color::LightGreen),
            ("#c3a6ff", Color::LightMagenta),
            ("#e6c37a", Color::Yellow),
            ("#9aa3b5", Color::DarkGray),
            ("#d5dbe8", Color::Gray),
            ("#1c212c", Color::Black),
        ];
        for (text, color) in table {
            assert_eq!(nearest_16(rgb(text)), color, "{text}");
            assert!(same_16(rgb(text)).is_none(), "{text}");
        }
    }
}
