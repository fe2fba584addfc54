//! One key press: read from configuration, from the terminal, and written on screens.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers. Shift is part of the character for letters and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Press {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

impl From<KeyEvent> for Press {
    fn from(key: KeyEvent) -> Self {
        Self {
            code: key.code,
            ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
            alt: key.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

impl Press {
    /// Ctrl-C, which always quits.
    pub fn way_out() -> Self {
        Self { code: KeyCode::Char('c'), ctrl: true, alt: false }
    }

    /// Whether it is one of the keys that work whatever is typed: Ctrl-C, Ctrl-Z and Ctrl-L.
    pub fn is_emergency(self) -> bool {
        self.ctrl && matches!(self.code, KeyCode::Char('c' | 'z' | 'l'))
    }
}

/// A key that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no key; write a character, a name such as Enter, Tab, PgUp, F5, or Ctrl- and Alt- before one")]
pub struct BadKey(pub String);

const NAMED: [(&str, KeyCode, &str); 15] = [
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "Shift-Tab"),
    ("space", KeyCode::Char(' '), "Space"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Del"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("pgup", KeyCode::PageUp, "PgUp"),
    ("pgdn", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
];

impl FromStr for Press {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let wrong = || BadKey(crate::text::escape_str(text).into_owned());
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = after(rest, "ctrl-").filter(|after| !after.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = after(rest, "alt-").filter(|after| !after.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let code = named(rest).or_else(|| function_key(rest)).or_else(|| character(rest)).ok_or_else(wrong)?;
        // A terminal sends the same for Ctrl-n and Ctrl-N, which is how it is shown.
        let code = match code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        Ok(Self { code, ctrl, alt })
    }
}

/// `text` after `prefix`, in any letter case.
fn after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A key by its name or as it is shown, in any letter case.
fn named(text: &str) -> Option<KeyCode> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(text);
    NAMED.iter().find(|(name, _, shown)| is_it(name) || is_it(shown)).map(|(_, code, _)| *code)
}

fn function_key(text: &str) -> Option<KeyCode> {
    let number = after(text, "f")?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

fn character(text: &str) -> Option<KeyCode> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none()).map(KeyCode::Char)
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if let Some((_, _, shown)) = NAMED.iter().find(|(_, code, _)| *code == self.code) {
            return f.write_str(shown);
        }
        match self.code {
            KeyCode::Char(c) if self.ctrl => write!(f, "{}", c.to_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_shown() {
        for (text, shown) in
            [("q", "q"), ("ctrl-p", "Ctrl-P"), ("pgdn", "PgDn"), ("f5", "F5"), ("alt-x", "Alt-x"), ("-", "-")]
        {
            assert_eq!(text.parse::<Press>().unwrap().to_string(), shown);
        }
        for wrong in ["", "f13", "pageup", "ctrl-", "xx", "é-", "ctrlé"] {
            assert!(wrong.parse::<Press>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_key_is_read_as_it_is_shown_and_letters_keep_their_case() {
        let press = |text: &str| text.parse::<Press>().unwrap();
        for text in ["ctrl-n", "alt-x", "alt-X", "f5", "backtab", "delete", "up", "pgup", "space", "N", "ctrl-alt-f12"]
        {
            assert_eq!(press(&press(text).to_string()), press(text), "{text}");
        }
        for (text, same) in [("Ctrl-N", "ctrl-n"), ("CTRL-PgUp", "ctrl-pgup"), ("F5", "f5"), ("Shift-Tab", "backtab")] {
            assert_eq!(press(text), press(same));
        }
        assert_ne!(press("N"), press("n"));
        assert_ne!(press("Alt-X"), press("alt-x"));
    }
}
