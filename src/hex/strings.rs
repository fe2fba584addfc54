//! Printable texts in any file, as `strings` of binutils finds them: with offset and encoding.
//!
//! The file is read once from its beginning, a piece at a time, and what is kept is bounded.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::search::{SearchProgress, Watch};
use super::source::{self, ByteSource};

/// Characters that a text has at least to be kept.
pub(crate) const SHORTEST: usize = 4;
/// Texts that are kept at most.
pub(crate) const MAX_TEXTS: usize = 100_000;
/// Characters that are kept of one.
const LONGEST: usize = 200;
/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// How a text is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// A byte a character.
    Ascii,
    /// Two bytes, the low one first.
    WideLe,
    /// Two bytes, the high one first.
    WideBe,
}

impl Coding {
    /// Bytes of a character.
    pub fn width(self) -> u64 {
        match self {
            Self::Ascii => 1,
            Self::WideLe | Self::WideBe => 2,
        }
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::WideLe => "utf-16le",
            Self::WideBe => "utf-16be",
        }
    }
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundString {
    /// Offset of its first byte.
    pub offset: u64,
    /// Its characters, counted; more than are in `text` where it is long.
    pub length: u64,
    /// How it is written.
    pub coding: Coding,
    /// Its first characters: printable ASCII, and tabs.
    pub text: String,
}

/// A run of printable characters that goes on.
#[derive(Debug, Clone, Default)]
struct Run {
    offset: u64,
    length: u64,
    text: String,
}

impl Run {
    fn push(&mut self, offset: u64, byte: u8) {
        if self.length == 0 {
            self.offset = offset;
        }
        self.length += 1;
        if self.text.len() < LONGEST {
            self.text.push(char::from(byte));
        }
    }

    fn end(&mut self, coding: Coding) -> Option<FoundString> {
        let Self { offset, length, text } = std::mem::take(self);
        (length >= SHORTEST as u64).then_some(FoundString { offset, length, coding, text })
    }
}

/// Finds texts in bytes that come one after the other.
#[derive(Debug, Default)]
struct Finder {
    ascii: Run,
    /// Wide runs, by the parity of their offsets: low byte first, high byte first.
    wide: [[Run; 2]; 2],
    before: Option<u8>,
}

impl Finder {
    /// Takes the next byte; `None` is one that is not known.
    fn take(&mut self, offset: u64, byte: Option<u8>, each: &mut impl FnMut(FoundString)) {
        let printable = byte.filter(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        match printable {
            Some(byte) => self.ascii.push(offset, byte),
            None => self.ascii.end(Coding::Ascii).into_iter().for_each(&mut *each),
        }
        let before = std::mem::replace(&mut self.before, byte);
        // The pair that ends here.
        let parity = (offset & 1) as usize;
        let is_printable = |byte: Option<u8>| byte.filter(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        let pairs = [
            (Coding::WideLe, is_printable(before).filter(|_| byte == Some(0))),
            (Coding::WideBe, is_printable(byte).filter(|_| before == Some(0))),
        ];
        for ((coding, pair), runs) in pairs.into_iter().zip(&mut self.wide) {
            let Some(run) = runs.get_mut(parity) else { continue };
            match pair {
                Some(letter) => run.push(offset.saturating_sub(1), letter),
                None => run.end(coding).into_iter().for_each(&mut *each),
            }
        }
    }

    fn end(&mut self, each: &mut impl FnMut(FoundString)) {
        self.ascii.end(Coding::Ascii).into_iter().for_each(&mut *each);
        for (coding, runs) in [Coding::WideLe, Coding::WideBe].into_iter().zip(&mut self.wide) {
            runs.iter_mut().filter_map(|run| run.end(coding)).for_each(&mut *each);
        }
    }
}

/// Hands every text of `source` to `each`, in the order in which they end, until that breaks off. Returns whether the end
/// was reached.
pub(crate) fn each(
    source: &mut dyn ByteSource,
    watch: &mut Watch<'_>,
    each: &mut dyn FnMut(FoundString) -> ControlFlow<()>,
) -> bool {
    let mut finder = Finder::default();
    let mut buffer = Vec::new();
    let (mut offset, size) = (0, source.size());
    let mut ended = Vec::new();
    while offset < size && !watch.cancel.load(Ordering::Acquire) {
        if let source::Ahead::Zeros { until } | source::Ahead::Unknown { until } = source.ahead(offset)
            && until > offset
        {
            // Two bytes that are no text end whatever goes on.
            for at in [until - 1, until] {
                finder.take(at, None, &mut |found| ended.push(found));
            }
            offset = until;
        } else {
            let known = source::fill(source, offset, PIECE, &mut buffer);
            if buffer.is_empty() {
                break;
            }
            let mut stretches = known.into_iter().peekable();
            for (index, byte) in buffer.iter().enumerate() {
                while stretches.peek().is_some_and(|known| known.end <= index) {
                    stretches.next();
                }
                let byte = stretches.peek().filter(|known| known.contains(&index)).map(|_| *byte);
                finder.take(offset + index as u64, byte, &mut |found| ended.push(found));
            }
            offset += buffer.len() as u64;
        }
        for found in ended.drain(..) {
            if each(found).is_break() {
                return false;
            }
        }
        (watch.progress)(SearchProgress { done: offset, total: size });
    }
    finder.end(&mut |found| ended.push(found));
    let all = offset >= size;
    for found in ended {
        if each(found).is_break() {
            return false;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::hex::fixtures::Patchy;

    fn found(source: &mut Patchy) -> Vec<(u64, Coding, String)> {
        let mut all = Vec::new();
        let cancel = AtomicBool::new(false);
        let mut watch = Watch { cancel: &cancel, progress: &mut |_| {} };
        let whole = each(source, &mut watch, &mut |found| {
            all.push((found.offset, found.coding, found.text));
            ControlFlow::Continue(())
        });
        assert!(whole);
        all
    }

    #[test]
    fn texts_of_a_binary_are_found_with_their_coding() {
        let mut bytes = b"\x7fELF\x02/bin/sh\0abc\xff".to_vec();
        bytes.extend("wide".bytes().flat_map(|byte| [byte, 0]));
        bytes.extend(b"\xff\xff");
        bytes.extend("high".bytes().flat_map(|byte| [0, byte]));
        let said = found(&mut Patchy::new(&bytes));
        assert!(said.contains(&(5, Coding::Ascii, "/bin/sh".into())), "{said:?}");
        assert!(said.contains(&(17, Coding::WideLe, "wide".into())), "{said:?}");
        assert!(said.contains(&(27, Coding::WideBe, "high".into())), "{said:?}");
        assert!(said.iter().all(|(_, coding, text)| *coding != Coding::Ascii || text != "abc"), "too short");
    }

    #[test]
    fn a_text_does_not_go_on_past_bytes_that_are_not_known() {
        let mut source = Patchy::new(b"abcdefgh").without(4..5);
        assert_eq!(found(&mut source), [(0, Coding::Ascii, "abcd".to_owned())]);
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let cancel = AtomicBool::new(false);
        let mut watch = Watch { cancel: &cancel, progress: &mut |_| {} };
        let mut source = Patchy::new(&b"text\0".repeat(1000));
        let mut count = 0;
        let whole = each(&mut source, &mut watch, &mut |_| {
            count += 1;
            if count == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(!whole && count == 10);
    }

    proptest! {
        #[test]
        fn ascii_texts_are_what_a_naive_look_finds(bytes in prop::collection::vec(prop::sample::select(vec![b'a', b'~', b'\t', 0, 0xff]), 0..60)) {
            let naive: Vec<_> = bytes
                .split(|byte| !matches!(byte, b' '..=b'~' | b'\t'))
                .filter(|run| run.len() >= SHORTEST)
                .map(|run| String::from_utf8(run.to_vec()).unwrap())
                .collect();
            let said = found(&mut Patchy::new(&bytes));
            let ascii: Vec<_> = said.into_iter().filter(|found| found.1 == Coding::Ascii).map(|found| found.2).collect();
            prop_assert_eq!(ascii, naive);
        }
    }
}
