//! JSON that is safe to print on a terminal.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::text::PlainText;

/// `value` in one line. What a terminal would act on, or what hides or reorders text, is written as `\uXXXX`: the same
/// document for a parser, plain text for a screen.
pub(crate) fn line(value: &Value) -> String {
    defuse(&value.to_string())
}

/// `value` in many lines, as safe as [`line()`].
pub(crate) fn pretty(value: &Value) -> String {
    defuse(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Writes `value` in many lines, as safe as [`line()`], piece by piece: the document is never in memory as a whole.
///
/// # Errors
/// What `out` says.
pub(crate) fn write_pretty(out: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer_pretty(Defused(out), value)?)
}

/// An array that is being written, an item a line.
pub(crate) struct JsonList<'w> {
    /// Where it goes.
    pub(crate) out: &'w mut dyn io::Write,
    is_empty: bool,
}

impl<'w> JsonList<'w> {
    /// Begins an array whose bracket is written.
    pub(crate) fn begin(out: &'w mut dyn io::Write) -> Self {
        Self { out, is_empty: true }
    }

    /// Writes one more item, as safe as [`line()`].
    ///
    /// # Errors
    /// What `out` says.
    pub(crate) fn item(&mut self, value: &Value) -> io::Result<()> {
        let comma = if std::mem::replace(&mut self.is_empty, false) { "" } else { "," };
        write!(self.out, "{comma}\n{}", line(value))
    }

    /// Closes the bracket; what is written next begins another array.
    ///
    /// # Errors
    /// What `out` says.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.is_empty = true;
        write!(self.out, "]")
    }
}

/// A writer that defuses what goes through it. `serde_json` hands on whole characters only.
struct Defused<W>(W);

impl<W: io::Write> io::Write for Defused<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let json = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if json.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            self.0.write_all(bytes)?;
        } else {
            self.0.write_all(defuse(json).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// All such characters lie within strings, where JSON allows the escape for each of them.
fn defuse(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    let mut plain = PlainText::default();
    for c in json.chars() {
        if c == '\n' || plain.is_plain(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_defused_and_parses_back() {
        let value = serde_json::json!({"a": "x\u{1b}[2J\u{202e}\u{9b}\u{7f}é日\u{200b}\u{e0041}"});
        let mut written = Vec::new();
        write_pretty(&mut written, &value).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, pretty(&value));
        for printed in [line(&value), written] {
            assert!(
                !printed.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7f}', '\u{200b}', '\u{e0041}']),
                "{printed}"
            );
            assert!(printed.contains("é日"));
            assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
        }
    }
}
