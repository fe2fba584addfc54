//! What comes from outside: the terminal's bytes and the process's signals, each on threads of their own.

mod sequences;

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use crossterm::event::Event;
use rustix::io::Errno;
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
    SIGXCPU,
};
use signal_hook::iterator::Signals;

use sequences::Sequences;

use super::message::Message;
use crate::timeout;

/// Signals that end a program that does not ask for them (signal(7)): the screen ends as on `q`, and the terminal is given
/// back. Left out are SIGPIPE and SIGXFSZ, which only make a write fail, and those that the processor or the C library
/// raises when the program cannot go on.
const ENDING: [i32; 13] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGSTKFLT, SIGPWR,
];
/// Linux has numbers for these two on all that it runs on but Alpha, MIPS and SPARC; `signal-hook` has no names for them.
const SIGSTKFLT: i32 = 16;
const SIGPWR: i32 = 30;
/// The real-time signals end a program too.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// How long a session may take to close after such a signal.
const GRACE: Duration = Duration::from_millis(1800);
/// How long a terminal may take to be given back then.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Bytes read at once.
const READ_BYTES: usize = 4096;

/// The signals that end a program that does not ask for them, and that it can do something on.
pub(crate) fn ending_signals() -> impl Iterator<Item = i32> {
    ENDING.into_iter().chain(REAL_TIME)
}

/// Listens until nobody listens to it.
///
/// # Errors
/// When signals cannot be asked for, or no thread can be had.
pub(crate) fn listen(messages: &Sender<Message>) -> io::Result<()> {
    let mut signals = Signals::new(ending_signals().chain([SIGCONT, SIGTSTP, SIGWINCH]))?;
    let sender = messages.clone();
    timeout::spawn("signals", move || {
        for signal in signals.forever() {
            let message = match signal {
                SIGWINCH => Message::Resize,
                SIGCONT => Message::Continued,
                SIGTSTP => Message::Stop,
                _ => Message::Terminate,
            };
            if signal != SIGWINCH {
                tracing::info!(signal, "signal");
            }
            let ends = matches!(message, Message::Terminate) && signal != SIGINT;
            if sender.send(message).is_err() {
                return;
            }
            if ends {
                // The thread that draws may wait for a terminal that takes nothing, or for a disk.
                std::thread::sleep(GRACE);
                let _ = timeout::run(LAST_WORD, super::terminal::restore);
                std::process::exit(2);
            }
        }
    })
    .map_err(io::Error::other)?;
    let sender = messages.clone();
    let (bytes, arriving) = unbounded();
    timeout::spawn("terminal", move || read_terminal(&bytes)).map_err(io::Error::other)?;
    timeout::spawn("input", move || decode(&arriving, &sender)).map_err(io::Error::other)?;
    Ok(())
}

/// Hands on what the terminal sends, until it cannot be read any longer or nobody listens.
fn read_terminal(bytes: &Sender<Vec<u8>>) {
    let stdin = io::stdin();
    let mut buffer = [0; READ_BYTES];
    loop {
        match rustix::io::read(&stdin, &mut buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) | Ok(0) => return,
            Ok(count) => {
                let read = buffer.get(..count).unwrap_or_default().to_vec();
                if bytes.send(read).is_err() {
                    return;
                }
            }
        }
    }
}

/// Makes messages of the bytes, until there are no more or nobody listens.
fn decode(bytes: &Receiver<Vec<u8>>, sender: &Sender<Message>) {
    let mut sequences = Sequences::default();
    loop {
        let mut events = Vec::new();
        let arrived = match sequences.wait() {
            Some(wait) => bytes.recv_timeout(wait),
            None => bytes.recv().map_err(RecvTimeoutError::from),
        };
        match arrived {
            Ok(bytes) => sequences.take(&bytes, &mut events),
            Err(RecvTimeoutError::Timeout) => sequences.wait_is_over(&mut events),
            Err(RecvTimeoutError::Disconnected) => {
                // A terminal that has gone away: leave as on SIGHUP.
                let _ = sender.send(Message::Terminate);
                return;
            }
        }
        for message in events.into_iter().filter_map(message) {
            if sender.send(message).is_err() {
                return;
            }
        }
    }
}

/// The message of an event that matters.
fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(key)),
        Event::Mouse(mouse) => Some(Message::Mouse(mouse)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(..) => Some(Message::Resize),
        Event::FocusGained | Event::FocusLost => None,
    }
}
