//! A line of text that is being typed.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::text;

/// Characters that one line takes at most.
const MAX_INPUT_BYTES: usize = 4096;

/// The text and where the cursor stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// Byte offset of the cursor, always on a character's edge.
    cursor: usize,
}

impl Input {
    /// An input that holds `text` already, with the cursor at its end.
    pub fn with(text: &str) -> Self {
        let mut input = Self::default();
        input.insert(text);
        input
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts `text` in place of what was typed from `start` up to the cursor.
    pub fn replace_back_to(&mut self, start: usize, text: &str) {
        if start <= self.cursor && self.text.is_char_boundary(start) {
            self.text.drain(start..self.cursor);
            self.cursor = start;
            self.insert(text);
        }
    }

    /// Inserts typed or pasted text at the cursor; line breaks become spaces, other control characters are left out.
    pub fn insert(&mut self, pasted: &str) {
        for c in pasted.chars() {
            let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
            if !c.is_control() && self.text.len() + c.len_utf8() <= MAX_INPUT_BYTES {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
        }
    }

    /// Edits by one key. Returns whether the key was one for editing.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Char('u') if ctrl => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('k') if ctrl => self.text.truncate(self.cursor),
            KeyCode::Char('w') if ctrl => self.delete_word(),
            KeyCode::Char(c) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace => {
                if let Some(start) = self.previous() {
                    self.text.drain(start..self.cursor);
                    self.cursor = start;
                }
            }
            KeyCode::Delete => {
                if let Some(end) = self.next() {
                    self.text.drain(self.cursor..end);
                }
            }
            KeyCode::Left => self.cursor = self.previous().unwrap_or(0),
            KeyCode::Right => self.cursor = self.next().unwrap_or(self.text.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// The part of the text that fits into `columns` with the cursor in it, and the cursor's column within that part.
    pub fn window(&self, columns: usize) -> (String, usize) {
        let columns = columns.max(1);
        let start = self.first_shown(columns);
        let shown = text::escape_str(&self.text[start..]).into_owned();
        let column = text::width(&text::escape_str(&self.text[start..self.cursor]));
        (text::fit(&shown, columns), column.min(columns - 1))
    }

    /// The columns of these bytes of the text within [`Input::window`].
    pub fn columns(&self, bytes: Range<usize>, columns: usize) -> Range<usize> {
        let columns = columns.max(1);
        let start = self.first_shown(columns);
        let column = |at: usize| {
            let part = self.text.get(start..at.max(start)).unwrap_or_default();
            text::width(&text::escape_str(part)).min(columns)
        };
        column(bytes.start)..column(bytes.end)
    }

    fn first_shown(&self, columns: usize) -> usize {
        let mut start = 0;
        while text::width(&self.text[start..self.cursor]) + 1 > columns {
            start += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        start
    }

    fn previous(&self) -> Option<usize> {
        self.text[..self.cursor].chars().next_back().map(|c| self.cursor - c.len_utf8())
    }

    fn next(&self) -> Option<usize> {
        self.text[self.cursor..].chars().next().map(|c| self.cursor + c.len_utf8())
    }

    fn delete_word(&mut self) {
        let head = self.text[..self.cursor].trim_end();
        let start =
            head.rfind(char::is_whitespace).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut Input, code: KeyCode, modifiers: KeyModifiers) {
        input.key(KeyEvent::new(code, modifiers));
    }

    #[test]
    fn typing_moving_and_deleting() {
        let mut input = Input::with("a日b");
        press(&mut input, KeyCode::Left, KeyModifiers::NONE);
        press(&mut input, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(input.text(), "ab");
        press(&mut input, KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(input.text(), "axb");
        press(&mut input, KeyCode::Home, KeyModifiers::NONE);
        press(&mut input, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(input.text(), "xb");
        press(&mut input, KeyCode::Char('k'), KeyModifiers::CONTROL);
        assert_eq!(input.text(), "");
    }

    #[test]
    fn pasted_text_cannot_smuggle_keys_in() {
        let mut input = Input::default();
        input.insert("reason\n\x1b[2Jmore\r");
        assert_eq!(input.text(), "reason [2Jmore ");
    }

    #[test]
    fn words_go_one_at_a_time_and_the_window_follows_the_cursor() {
        let mut input = Input::with("nightly backup of 日本");
        press(&mut input, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(input.text(), "nightly backup of ");
        for columns in 1..30 {
            let (shown, cursor) = input.window(columns);
            assert_eq!(text::width(&shown), columns);
            assert!(cursor < columns);
        }
    }
}
