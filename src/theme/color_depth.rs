//! How many colours the terminal can show.

use std::ffi::OsString;

/// What a terminal can show, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColorDepth {
    /// 24-bit colours.
    TrueColor,
    /// xterm's 256: the named 16, a cube of 216 and 24 greys.
    Ansi256,
    /// The named 16, whose looks the terminal's owner chooses.
    Ansi16,
    /// Modifiers alone: bold, dim, underlined, reversed, italic.
    Mono,
}

/// Values of `TERM`, up to a `-`, of terminals that show 24-bit colours. Over ssh and sudo `COLORTERM` is lost,
/// these are not.
const TRUE_COLOR_TERMS: [&str; 6] = ["alacritty", "contour", "foot", "ghostty", "kitty", "wezterm"];

/// Values of `TERM`, up to a `-`, of terminals without colour. `""` is a `TERM` that is unset.
const MONO_TERMS: [&str; 10] = ["", "dumb", "unknown", "vt52", "vt100", "vt102", "vt220", "vt320", "vt420", "wy50"];

impl ColorDepth {
    /// Every depth, from most to least colours.
    pub const ALL: [Self; 4] = [Self::TrueColor, Self::Ansi256, Self::Ansi16, Self::Mono];

    /// What the environment promises; `env` looks a variable up.
    ///
    /// `NO_COLOR` that is not empty wins (<https://no-color.org>). `COLORTERM` is believed when it says `truecolor` or
    /// `24bit`, except on the Linux console, on a terminal without colour, and in GNU screen, which hands its parent's
    /// `COLORTERM` on but garbles 24-bit colours. Otherwise `TERM` decides by terminfo's naming: `-direct`, `-256color`,
    /// `-m` or `-mono`.
    pub fn detect(env: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let get = |name| env(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        if !get("NO_COLOR").is_empty() {
            return Self::Mono;
        }
        let term = get("TERM");
        let promised = matches!(get("COLORTERM").as_str(), "truecolor" | "24bit");
        let gnu_screen = !get("STY").is_empty() && get("TMUX").is_empty();
        match Self::by_term(&term) {
            Self::Mono if term.is_empty() && promised => Self::TrueColor,
            Self::TrueColor | Self::Ansi256 | Self::Ansi16 if promised && !gnu_screen && !is_console(&term) => {
                Self::TrueColor
            }
            depth => depth,
        }
    }

    fn by_term(term: &str) -> Self {
        let family = term.strip_prefix("xterm-").filter(|rest| is_family(rest, &TRUE_COLOR_TERMS)).unwrap_or(term);
        if is_family(term, &MONO_TERMS) || term.ends_with("-m") || term.ends_with("-mono") {
            Self::Mono
        } else if is_family(family, &TRUE_COLOR_TERMS) || term.ends_with("-direct") {
            Self::TrueColor
        } else if term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

fn is_family(term: &str, families: &[&str]) -> bool {
    term.split('-').next().is_some_and(|family| families.contains(&family))
}

fn is_console(term: &str) -> bool {
    is_family(term, &["linux"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(set: &[(&str, &str)]) -> ColorDepth {
        ColorDepth::detect(&|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_environment_decides() {
        use ColorDepth::{Ansi16, Ansi256, Mono, TrueColor};
        let table: &[(&[(&str, &str)], ColorDepth)] = &[
            (&[], Mono),
            (&[("TERM", "")], Mono),
            (&[("TERM", "dumb")], Mono),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Mono),
            (&[("TERM", "vt100")], Mono),
            (&[("TERM", "vt220-8bit")], Mono),
            (&[("TERM", "linux-m")], Mono),
            (&[("TERM", "xterm-mono")], Mono),
            (&[("COLORTERM", "truecolor")], TrueColor),
            (&[("TERM", "xterm")], Ansi16),
            (&[("TERM", "ansi")], Ansi16),
            (&[("TERM", "linux")], Ansi16),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], Ansi16),
            (&[("TERM", "linux-16color")], Ansi16),
            (&[("TERM", "screen")], Ansi16),
            (&[("TERM", "xterm-256color")], Ansi256),
            (&[("TERM", "tmux-256color")], Ansi256),
            (&[("TERM", "screen.xterm-256color")], Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], TrueColor),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], TrueColor),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "yes")], Ansi256),
            (&[("TERM", "xterm"), ("COLORTERM", "truecolor")], TrueColor),
            (&[("TERM", "xterm-direct")], TrueColor),
            (&[("TERM", "xterm-kitty")], TrueColor),
            (&[("TERM", "xterm-ghostty")], TrueColor),
            (&[("TERM", "alacritty-direct")], TrueColor),
            (&[("TERM", "foot-extra")], TrueColor),
            (&[("TERM", "footprint")], Ansi16),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("STY", "1.pts")], Ansi256),
            (&[("TERM", "screen"), ("COLORTERM", "truecolor"), ("STY", "1.pts")], Ansi16),
            (
                &[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("STY", "1.pts"), ("TMUX", "/t,1,0")],
                TrueColor,
            ),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/t,1,0")], TrueColor),
            (&[("TERM", "xterm-kitty"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Mono),
            (&[("TERM", "xterm-kitty"), ("NO_COLOR", "0")], Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Ansi256),
        ];
        for (set, depth) in table {
            assert_eq!(detect(set), *depth, "{set:?}");
        }
    }

    #[test]
    fn a_variable_that_is_not_utf8_counts_as_set() {
        use std::os::unix::ffi::OsStringExt as _;
        let env = |name: &str| match name {
            "NO_COLOR" => Some(OsString::from_vec(vec![0xff])),
            "TERM" => Some(OsString::from("xterm-256color")),
            _ => None,
        };
        assert_eq!(ColorDepth::detect(&env), ColorDepth::Mono);
    }
}
