//! The terminal's bytes cut into keys, mouse events and pasted text.
//!
//! A sequence may arrive in pieces (ssh, a serial console), and only time tells the key Esc from the first byte of a longer
//! one. crossterm decides by what one `read` returned, so this is done here, and each whole sequence is handed to
//! `terminput`, which reads them as crossterm does. What a terminal answers to a question of another program (OSC, DCS,
//! APC, PM, SOS: ECMA-48, xterm's ctlseqs) is dropped as a whole; nobody typed it.

use std::time::Duration;

use crossterm::event::Event;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// How long the rest of a sequence may take that may also be the key Esc.
const ESC_WAIT: Duration = Duration::from_millis(40);
/// The same for one that may also be Alt and a key.
const ALT_WAIT: Duration = Duration::from_millis(150);
/// The same for one that can be nothing else.
const SEQUENCE_WAIT: Duration = Duration::from_secs(1);
/// The same for the end of pasted text: what is pasted must never be taken for keys.
const PASTE_WAIT: Duration = Duration::from_secs(10);
/// Bytes that are held of a sequence; those of keys and mouse events have fewer, and a longer one is dropped.
const MAX_SEQUENCE_BYTES: usize = 128;
/// Pasted bytes that are kept; what is typed into takes fewer.
const MAX_PASTE_BYTES: usize = 64 * 1024;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// What has arrived and is not yet whole.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    state: State,
    /// Its bytes; of a paste those after the beginning, of what is dropped none.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Between sequences.
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC [.
    Control,
    /// After ESC O.
    Shift3,
    /// Within a character of several bytes, of which so many are missing.
    Character(u8),
    /// After ESC and what begins a string (OSC, DCS, …), which may also be Alt and a key.
    Opening,
    /// Within a string.
    Dropping,
    /// Within a string, after an ESC.
    DroppingEscape,
    /// Within pasted text.
    Paste,
}

impl Sequences {
    /// Takes bytes in, and adds what became whole.
    pub(super) fn take(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for byte in bytes {
            self.byte(*byte, events);
        }
    }

    /// How long the next byte is waited for; `None` when nothing is unfinished.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(ESC_WAIT),
            State::Opening => Some(ALT_WAIT),
            State::Control | State::Shift3 if self.held.len() == 2 => Some(ALT_WAIT),
            State::Control | State::Shift3 | State::Character(_) | State::Dropping | State::DroppingEscape => {
                Some(SEQUENCE_WAIT)
            }
            State::Paste => Some(PASTE_WAIT),
        }
    }

    /// No byte came in that time: what there is is all of it.
    pub(super) fn wait_is_over(&mut self, events: &mut Vec<Event>) {
        match self.state {
            State::Escape => self.whole(events),
            // Alt and the key.
            State::Opening | State::Control | State::Shift3 if self.held.len() == 2 => {
                let key = self.held.pop();
                self.reset();
                let alt = key.into_iter().filter_map(|key| decode(&[key]));
                events.extend(alt.map(with_alt));
            }
            State::Paste => self.pasted(events),
            // A sequence without its end is no key.
            _ => self.reset(),
        }
    }

    fn byte(&mut self, byte: u8, events: &mut Vec<Event>) {
        match self.state {
            State::Ground => self.begin(byte, events),
            State::Escape => self.after_escape(byte, events),
            State::Control => self.control(byte, events),
            State::Shift3 => self.parameters(byte, events),
            State::Character(missing) => {
                if byte & 0xc0 != 0x80 {
                    self.restart(byte, events);
                } else if missing > 1 {
                    self.hold(byte, State::Character(missing - 1));
                } else {
                    self.held.push(byte);
                    self.whole(events);
                }
            }
            State::Opening | State::Dropping => match byte {
                ESC => self.state = State::DroppingEscape,
                BEL => self.reset(),
                // No string holds another control character: somebody presses a key.
                0..0x20 => self.restart(byte, events),
                _ => {
                    self.held.clear();
                    self.state = State::Dropping;
                }
            },
            State::DroppingEscape if byte == b'\\' => self.reset(),
            State::DroppingEscape => {
                self.restart(ESC, events);
                self.byte(byte, events);
            }
            State::Paste => {
                self.held.push(byte);
                if self.held.ends_with(PASTE_END) {
                    self.held.truncate(self.held.len() - PASTE_END.len());
                    self.pasted(events);
                } else if self.held.len() >= MAX_PASTE_BYTES + PASTE_END.len() {
                    self.held.remove(MAX_PASTE_BYTES);
                }
            }
        }
    }

    /// The first byte of a sequence, or of a key after an ESC that is held.
    fn begin(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            ESC => self.hold(byte, State::Escape),
            0..0x80 => {
                self.held.push(byte);
                self.whole(events);
            }
            0xc2..=0xdf => self.hold(byte, State::Character(1)),
            0xe0..=0xef => self.hold(byte, State::Character(2)),
            0xf0..=0xf4 => self.hold(byte, State::Character(3)),
            _ => self.reset(),
        }
    }

    fn after_escape(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            b'[' => self.hold(byte, State::Control),
            b'O' => self.hold(byte, State::Shift3),
            b']' | b'P' | b'X' | b'^' | b'_' => self.hold(byte, State::Opening),
            ESC => {
                self.whole(events);
                self.begin(byte, events);
            }
            _ => self.begin(byte, events),
        }
    }

    fn control(&mut self, byte: u8, events: &mut Vec<Event>) {
        match self.held.get(2) {
            // The Linux console's F1 to F5: ESC [ [ A (console_codes(4)).
            None if byte == b'[' => self.hold(byte, State::Control),
            Some(b'[') => {
                self.held.push(byte);
                self.whole(events);
            }
            // X10 mouse reports: button, column and line follow, each from a space on.
            None if byte == b'M' => self.hold(byte, State::Control),
            Some(b'M') if byte >= b' ' => {
                self.held.push(byte);
                if self.held.len() == 6 {
                    self.whole(events);
                }
            }
            _ => self.parameters(byte, events),
        }
    }

    /// Parameters up to the byte that ends the sequence.
    fn parameters(&mut self, byte: u8, events: &mut Vec<Event>) {
        match byte {
            b' '..=b'?' if self.held.len() == MAX_SEQUENCE_BYTES => {}
            b' '..=b'?' => self.held.push(byte),
            b'@'..=b'~' if self.held.len() == MAX_SEQUENCE_BYTES => self.reset(),
            b'@'..=b'~' => {
                self.held.push(byte);
                if self.held == PASTE_BEGIN {
                    self.held.clear();
                    self.state = State::Paste;
                } else {
                    self.whole(events);
                }
            }
            // Not part of any sequence: what was held is none.
            _ => self.restart(byte, events),
        }
    }

    fn hold(&mut self, byte: u8, state: State) {
        self.held.push(byte);
        self.state = state;
    }

    fn reset(&mut self) {
        self.held.clear();
        self.state = State::Ground;
    }

    /// Drops what is held, and begins anew.
    fn restart(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.reset();
        self.begin(byte, events);
    }

    fn whole(&mut self, events: &mut Vec<Event>) {
        events.extend(decode(&self.held));
        self.reset();
    }

    fn pasted(&mut self, events: &mut Vec<Event>) {
        events.push(Event::Paste(String::from_utf8_lossy(&self.held).into_owned()));
        self.reset();
    }
}

/// The event of a whole sequence; `None` of one that is no key and no mouse.
fn decode(sequence: &[u8]) -> Option<Event> {
    if is_off_the_screen(sequence) || is_cursor_report(sequence) {
        return None;
    }
    let event = terminput::Event::parse_from(sequence).ok()??;
    terminput_crossterm::to_crossterm(event).ok()
}

/// Whether it is a mouse report with a column or a line 0: they count from 1, and `terminput` relies on it.
fn is_off_the_screen(sequence: &[u8]) -> bool {
    let Some(parameters) = sequence.strip_prefix(b"\x1b[") else { return false };
    let is_mouse = sequence.ends_with(b"M") || sequence.ends_with(b"m");
    is_mouse
        && parameters
            .split(|byte| *byte == b';')
            .skip(1)
            .any(|number| number.iter().take_while(|byte| byte.is_ascii_digit()).all(|digit| *digit == b'0'))
}

/// Whether it tells where the cursor is (CPR), which `terminput` takes for F3 with a modifier; F3 alone has no parameters.
fn is_cursor_report(sequence: &[u8]) -> bool {
    sequence.starts_with(b"\x1b[") && sequence.ends_with(b"R") && sequence.contains(&b';')
}

fn with_alt(mut event: Event) -> Event {
    if let Event::Key(key) = &mut event {
        key.modifiers |= crossterm::event::KeyModifiers::ALT;
    }
    event
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    use proptest::prelude::*;

    use super::*;

    /// What comes of the pieces: after each but the last the next follows in time, after the last nothing does.
    fn events(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut sequences, mut events) = (Sequences::default(), Vec::new());
        for piece in pieces {
            sequences.take(piece, &mut events);
        }
        while sequences.wait().is_some() {
            sequences.wait_is_over(&mut events);
        }
        events
    }

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    fn plain(code: KeyCode) -> Event {
        key(code, KeyModifiers::NONE)
    }

    /// Sequences and the events that they are.
    fn known() -> Vec<(&'static [u8], Vec<Event>)> {
        let click = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 4,
            row: 9,
            modifiers: KeyModifiers::NONE,
        };
        vec![
            (b"\x1b", vec![plain(KeyCode::Esc)]),
            (b"\x1b\x1b", vec![plain(KeyCode::Esc), plain(KeyCode::Esc)]),
            (b"\x1b[B", vec![plain(KeyCode::Down)]),
            (b"\x1bOB", vec![plain(KeyCode::Down)]),
            (b"\x1b\x1b[B", vec![plain(KeyCode::Esc), plain(KeyCode::Down)]),
            (b"\x1b[1;5C", vec![key(KeyCode::Right, KeyModifiers::CONTROL)]),
            (b"\x1b[Z", vec![key(KeyCode::BackTab, KeyModifiers::SHIFT)]),
            (b"\x1b[6~", vec![plain(KeyCode::PageDown)]),
            (b"\x1b[15~", vec![plain(KeyCode::F(5))]),
            (b"\x1b[[A", vec![plain(KeyCode::F(1))]),
            (b"\x1b[<0;5;10M", vec![Event::Mouse(click)]),
            (b"\x1b[M %*", vec![Event::Mouse(click)]),
            (b"\x1b[<0;0;10M", vec![]),
            (b"\x1bx", vec![key(KeyCode::Char('x'), KeyModifiers::ALT)]),
            (b"\x1b]", vec![key(KeyCode::Char(']'), KeyModifiers::ALT)]),
            (b"\x1b[", vec![key(KeyCode::Char('['), KeyModifiers::ALT)]),
            (b"\x03", vec![key(KeyCode::Char('c'), KeyModifiers::CONTROL)]),
            (b"\r\t\x7f", vec![plain(KeyCode::Enter), plain(KeyCode::Tab), plain(KeyCode::Backspace)]),
            ("日é".as_bytes(), vec![plain(KeyCode::Char('日')), plain(KeyCode::Char('é'))]),
            (b"\xe6\x97x", vec![plain(KeyCode::Char('x'))]),
            (b"\x1b[200~a\rb\x1b[Bc\x1b[201~q", vec![Event::Paste("a\rb\x1b[Bc".into()), plain(KeyCode::Char('q'))]),
            (b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07q", vec![plain(KeyCode::Char('q'))]),
            (b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\q", vec![plain(KeyCode::Char('q'))]),
            (b"\x1bP>|term 1.0\x1b\\\x1b_Gi=1;OK\x1b\\q", vec![plain(KeyCode::Char('q'))]),
            (b"\x1b]11;rgb\x03", vec![key(KeyCode::Char('c'), KeyModifiers::CONTROL)]),
            (b"\x1b]11;rgb\x1b[B", vec![plain(KeyCode::Down)]),
            (b"\x1b[?62;4c\x1b[12;3R", vec![]),
        ]
    }

    #[test]
    fn a_sequence_is_the_same_however_it_arrives() {
        for (bytes, wanted) in known() {
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(events(&[head, tail]), wanted, "{} cut at {cut}", bytes.escape_ascii());
            }
            let single: Vec<_> = bytes.chunks(1).collect();
            assert_eq!(events(&single), wanted, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn esc_is_waited_on_for_a_moment_only() {
        let mut sequences = Sequences::default();
        let mut events = Vec::new();
        sequences.take(b"\x1b", &mut events);
        assert!(events.is_empty());
        let wait = sequences.wait().unwrap();
        assert!((Duration::from_millis(25)..=Duration::from_millis(50)).contains(&wait), "{wait:?}");
        sequences.wait_is_over(&mut events);
        sequences.take(b"[B", &mut events);
        assert_eq!(
            events,
            [plain(KeyCode::Esc), plain(KeyCode::Char('[')), key(KeyCode::Char('B'), KeyModifiers::SHIFT)]
        );
    }

    #[test]
    fn what_never_ends_is_bounded_and_given_up() {
        let mut sequences = Sequences::default();
        let mut events = Vec::new();
        sequences.take(b"\x1b[200~", &mut events);
        for _ in 0..100 {
            sequences.take(&[b'x'; 4096], &mut events);
        }
        assert!(sequences.held.len() <= MAX_PASTE_BYTES + PASTE_END.len());
        sequences.take(PASTE_END, &mut events);
        assert!(matches!(&events[..], [Event::Paste(text)] if text.len() == MAX_PASTE_BYTES));
        events.clear();
        for begun in [&b"\x1b]52;c;"[..], b"\x1b["] {
            sequences.take(begun, &mut events);
            sequences.take(&b"1".repeat(100_000), &mut events);
            assert!(sequences.held.len() <= MAX_SEQUENCE_BYTES);
            sequences.wait_is_over(&mut events);
            events.clear();
            sequences.take(b"q", &mut events);
            assert_eq!(events, [plain(KeyCode::Char('q'))]);
            events.clear();
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm_and_where_they_are_cut_changes_nothing(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..6),
                    (0..known().len()).prop_map(|at| known()[at].0.to_vec()),
                    "\x1b\\[[<?]?[0-9;:]{0,8}[A-Za-z~]".prop_map(String::into_bytes),
                ],
                0..6,
            ),
            cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = pieces.concat();
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(events(&[&bytes]), events(&[head, tail]));
        }
    }
}
