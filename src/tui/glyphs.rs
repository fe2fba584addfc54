//! Signs for terminals that cannot show the usual ones: every sign has an ASCII character that stands for it.

use std::ffi::OsString;

use ratatui::buffer::Buffer;

/// Which signs the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// All of Unicode.
    #[default]
    Unicode,
    /// ASCII; letters of names stay, for the terminal reads UTF-8 and may have them.
    Plain,
    /// ASCII and nothing else: the terminal reads another encoding.
    Ascii,
}

/// What a person can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Choice {
    /// By what the environment says.
    #[default]
    Auto,
    /// All of Unicode.
    Unicode,
    /// ASCII.
    Ascii,
}

impl Choice {
    /// The words for them in `config.toml`.
    pub(crate) const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("unicode", Self::Unicode), ("ascii", Self::Ascii)];

    /// The signs to use; `env` looks a variable up.
    ///
    /// The locale of characters is `LC_ALL`, `LC_CTYPE` or `LANG`, whichever is set first (locale(7)). One that names
    /// another encoding than UTF-8, `C` and `POSIX` too, gets ASCII; without any UTF-8 is taken for granted. The fonts of
    /// the Linux console have at most 512 characters, and hardly the signs (setfont(8)).
    pub(crate) fn signs(self, env: &dyn Fn(&str) -> Option<OsString>) -> Glyphs {
        let get = |name: &str| env(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(get).into_iter().find(|value| !value.is_empty());
        let locale = locale.unwrap_or_default().to_lowercase();
        match self {
            Self::Ascii => Glyphs::Ascii,
            Self::Auto if !locale.is_empty() && !locale.contains("utf-8") && !locale.contains("utf8") => Glyphs::Ascii,
            Self::Auto if get("TERM").split('-').next() == Some("linux") => Glyphs::Plain,
            Self::Auto | Self::Unicode => Glyphs::Unicode,
        }
    }
}

impl Glyphs {
    /// Puts what the terminal can show in the place of what it can't. Nothing moves: one column stays one column.
    pub fn apply(self, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        for cell in &mut buffer.content {
            let Some(first) = cell.symbol().chars().next().filter(|first| !first.is_ascii()) else { continue };
            match ascii(first) {
                Some(sign) => _ = cell.set_char(sign),
                None if self == Self::Ascii => _ = cell.set_char('?'),
                None => {}
            }
        }
    }
}

/// What stands for the signs of the screens.
const ASCII: [(&str, char); 19] = [
    ("●◆", '*'),
    ("○", 'o'),
    ("↺", '@'),
    ("▲↑", '^'),
    ("▼▾↓", 'v'),
    ("✖", 'X'),
    ("≠", '!'),
    ("×", 'x'),
    ("→▶▸›►", '>'),
    ("←◀‹", '<'),
    ("·░", '.'),
    ("…◔", '~'),
    ("“”", '"'),
    ("∅", '0'),
    ("§", '%'),
    ("¶", '&'),
    ("✔┌┐└┘╔╗╚╝", '+'),
    ("✘—─", '-'),
    ("│┃║▐▏", '|'),
];
/// Thick lines and corners say which pane has the keys.
const THICK: [(&str, char); 2] = [("━═", '='), ("█┏┓┗┛", '#')];

fn ascii(sign: char) -> Option<char> {
    ASCII.iter().chain(&THICK).find(|(signs, _)| signs.contains(sign)).map(|(_, ascii)| *ascii)
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn signs(choice: Choice, set: &[(&str, &str)]) -> Glyphs {
        choice.signs(&|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_locale_and_the_console_decide_unless_a_person_does() {
        let auto = |set: &[(&str, &str)]| signs(Choice::Auto, set);
        assert_eq!(auto(&[]), Glyphs::Unicode);
        assert_eq!(auto(&[("LANG", "de_DE.UTF-8"), ("TERM", "xterm")]), Glyphs::Unicode);
        assert_eq!(auto(&[("LANG", "C.utf8")]), Glyphs::Unicode);
        assert_eq!(auto(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]), Glyphs::Ascii);
        assert_eq!(auto(&[("LANG", "de_DE.ISO-8859-1"), ("LC_CTYPE", "")]), Glyphs::Ascii);
        assert_eq!(auto(&[("LANG", "C.UTF-8"), ("TERM", "linux")]), Glyphs::Plain);
        assert_eq!(auto(&[("LANG", "C"), ("TERM", "linux")]), Glyphs::Ascii);
        assert_eq!(signs(Choice::Unicode, &[("LANG", "C")]), Glyphs::Unicode);
        assert_eq!(signs(Choice::Ascii, &[]), Glyphs::Ascii);
    }

    fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if !path.ends_with("tests.rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_sign_that_the_screens_draw_has_a_substitute() {
        let mut found = Vec::new();
        for room in ["tui", "explain", "hex", "elf"] {
            sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut found);
        }
        let code = found.iter().filter_map(|source| source.split("#[cfg(test)]").next()).flat_map(str::lines);
        let drawn = code.filter(|line| !line.trim_start().starts_with("//")).flat_map(str::chars);
        let missing: String = drawn.filter(|c| !c.is_ascii() && !c.is_alphabetic() && ascii(*c).is_none()).collect();
        assert_eq!(missing, "");
    }

    #[test]
    fn states_stay_apart_and_nothing_moves() {
        let states: Vec<_> = ['●', '↺', '○', '▲', '✖'].into_iter().map(ascii).collect();
        assert!((0..states.len()).all(|place| !states[..place].contains(&states[place])), "{states:?}");
        assert_ne!(ascii('✔'), ascii('✘'));
        let shown = |signs: Glyphs| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
            buffer.set_string(0, 0, "┏━ ● é 日 a…", Style::new());
            signs.apply(&mut buffer);
            buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        assert_eq!(shown(Glyphs::Unicode), "┏━ ● é 日  a…");
        assert_eq!(shown(Glyphs::Plain), "#= * é 日  a~");
        assert_eq!(shown(Glyphs::Ascii), "#= * ? ?  a~");
    }
}
