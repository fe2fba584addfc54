//! Standard output and standard error. All that the program prints goes through [`SafeWriter`], so that nothing of a
//! hostile box, a rule or an argument reaches the terminal raw, whoever wrote the text: a compiler's message that quotes a
//! rule, a parser's that quotes an argument, a panic.
//!
//! The screen draws through `tui::widget` and writes its own sequences in `tui::terminal`; nothing else prints.

use std::fmt;
use std::io::{self, IsTerminal as _, StderrLock, StdoutLock, Write};

use crate::text::{self, PlainText};

/// Standard output.
pub(crate) fn stdout() -> SafeWriter<StdoutLock<'static>> {
    SafeWriter::new(io::stdout().lock())
}

/// Standard error.
pub(crate) fn stderr() -> SafeWriter<StderrLock<'static>> {
    SafeWriter::new(io::stderr().lock())
}

/// Says a line to the person at the terminal: `huntbook: …` on standard error. That nobody reads it ends nothing.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(stderr(), "huntbook: {line}");
}

/// Prints text of our own on standard output, with the styles (SGR, ECMA-48) that are in it where it is a terminal.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn styled(text: &str) -> io::Result<()> {
    let mut out = stdout();
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let wears_style = io::stdout().is_terminal()
        && !is_set("NO_COLOR")
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
    let mut pieces = text.split('\x1b');
    out.write_all(pieces.next().unwrap_or_default().as_bytes())?;
    for piece in pieces {
        let style =
            piece.find(|c: char| !matches!(c, '[' | ';' | '0'..='9')).filter(|end| piece[*end..].starts_with('m'));
        let (style, rest) = piece.split_at(style.map_or(0, |end| end + 1));
        if wears_style && !style.is_empty() {
            write!(out.inner, "\x1b{style}")?;
        }
        out.write_all(rest.as_bytes())?;
    }
    out.flush()
}

/// Whether standard input and output are a terminal.
pub(crate) fn is_on_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Columns of the terminal that standard output is; `None` where it is none.
pub(crate) fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col))
}

/// Columns of [`StatusLine`].
const STATUS_COLUMNS: usize = 78;

/// A line on standard error that is written over again and again, when that is a terminal.
#[derive(Debug)]
pub(crate) struct StatusLine {
    on: bool,
    shown: bool,
}

impl StatusLine {
    /// For standard error as it is now; nothing is shown yet.
    pub(crate) fn on_stderr() -> Self {
        Self { on: io::stderr().is_terminal(), shown: false }
    }

    /// Shows what `line` comes to, cut in its middle where it is too long; without a terminal it is not asked.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if self.on {
            let line = text::escape_str(&line()).into_owned();
            let _ = write!(io::stderr(), "\r{}\x1b[K", text::truncate_middle(&line, STATUS_COLUMNS));
            self.shown = true;
        }
    }

    /// Takes it away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Writes text with every character escaped that a terminal would act on or that hides or reorders others. Line ends (LF,
/// CR LF) and tabs stay. What is plain already is written as it is, JSON, CSV and the like among it: those escape by rules
/// of their own before.
#[derive(Debug)]
pub(crate) struct SafeWriter<W: Write> {
    inner: W,
    plain: PlainText,
    /// The end of what was written so far, where it may be the beginning of a character or of a line end.
    held: Vec<u8>,
}

impl<W: Write> SafeWriter<W> {
    /// Writes to `inner`.
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, plain: PlainText::default(), held: Vec::new() }
    }

    /// Writes `bytes`, of which the last is followed by nothing more.
    fn finish(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let mut out = String::new();
        for byte in held {
            push_byte(&mut out, byte);
        }
        self.inner.write_all(out.as_bytes())
    }

    fn text(&mut self, out: &mut String, text: &str) {
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\n' | '\t' => {
                    self.plain.restart();
                    out.push(c);
                }
                '\r' if rest.peek() == Some(&'\n') => out.push(c),
                // The line end may be what comes next.
                '\r' if rest.peek().is_none() => self.held.push(b'\r'),
                c if self.plain.is_plain(c) => out.push(c),
                c => text::push_escape(out, c),
            }
        }
    }
}

fn push_byte(out: &mut String, byte: u8) {
    if byte.is_ascii() {
        text::push_escape(out, char::from(byte));
    } else {
        out.push_str("\\x");
        out.push_str(&text::hex(&[byte]));
    }
}

impl<W: Write> Write for SafeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Without an early end, so that many bytes are looked at at once.
        let ascii = bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
        if ascii && self.held.is_empty() {
            if !bytes.is_empty() {
                self.plain.restart();
            }
            self.inner.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut out = String::with_capacity(all.len() + 16);
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text(&mut out, chunk.valid());
            let is_last = chunks.peek().is_none();
            if is_last && is_begun(chunk.invalid()) {
                self.held.extend_from_slice(chunk.invalid());
            } else if !chunk.invalid().is_empty() {
                // A carriage return before bytes that are no text ends no line.
                for byte in std::mem::take(&mut self.held) {
                    push_byte(&mut out, byte);
                }
                chunk.invalid().iter().for_each(|byte| push_byte(&mut out, *byte));
            }
        }
        self.inner.write_all(out.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.finish()?;
        self.inner.flush()
    }
}

/// Whether `bytes`, which are no character, may be the beginning of one.
fn is_begun(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Drop for SafeWriter<W> {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is written for `pieces`, one after the other.
    fn written(pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut writer = SafeWriter::new(&mut out);
        for piece in pieces {
            writer.write_all(piece).unwrap();
        }
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown_instead() {
        assert_eq!(written(&[b"a\x1b[2J\x9b\xffb\n"]), "a\\x1b[2J\\x9b\\xffb\n");
        assert_eq!(written(&["\u{9b}2J \u{202e}x\u{200b}\u{2028}".as_bytes()]), r"\u{9b}2J \u{202e}x\u{200b}\u{2028}");
        assert_eq!(written(&["Prüfung 日本\tb\r\n".as_bytes()]), "Prüfung 日本\tb\r\n");
        assert_eq!(written(&[b"over\rwritten"]), r"over\rwritten");
    }

    #[test]
    fn what_is_cut_between_two_writes_is_put_together() {
        assert_eq!(written(&[b"\xe6\x97", b"\xa5\r", b"\n"]), "日\r\n");
        assert_eq!(written(&[b"\xc2", b"\x9b2J"]), r"\u{9b}2J");
        assert_eq!(written(&[b"\r", b"x\xc2"]), r"\rx\xc2");
        assert_eq!(
            written(&["e\u{301}\u{301}".as_bytes(), "\u{301}\n\u{301}".as_bytes()]),
            "e\u{301}\u{301}\\u{301}\n\u{301}"
        );
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_is_written_and_it_is_plain(
            text in ".{0,12}",
            raw in proptest::collection::vec(any::<u8>(), 0..24),
            cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = [text.as_bytes(), &raw, text.as_bytes()].concat();
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let whole = written(&[&bytes]);
            prop_assert_eq!(&whole, &written(&[head, tail]));
            let safe: Vec<_> = whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
            let mut plain = PlainText::default();
            for line in safe {
                plain.restart();
                prop_assert!(line.chars().all(|c| c == '\t' || plain.is_plain(c)), "{whole:?}");
            }
            prop_assert_eq!(&whole, &written(&[whole.as_bytes()]));
        }
    }
}
