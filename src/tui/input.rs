//! What comes from outside: the terminal's events and the process's signals, each on a thread of its own.

use std::io;
use std::time::Duration;

use crossbeam_channel::Sender;
use crossterm::event::{self, Event};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use super::message::Message;
use crate::timeout;

/// How long a session may take to close after SIGTERM.
const GRACE: Duration = Duration::from_millis(1800);
/// How long a terminal may take to be given back then.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Listens until nobody listens to it.
pub fn listen(messages: &Sender<Message>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGCONT, SIGTSTP])?;
    let sender = messages.clone();
    timeout::spawn("signals", move || {
        for signal in signals.forever() {
            tracing::info!(signal, "signal");
            let message = match signal {
                SIGCONT => Message::Continued,
                SIGTSTP => Message::Stop,
                _ => Message::Terminate,
            };
            if sender.send(message).is_err() {
                return;
            }
            if matches!(signal, SIGTERM | SIGHUP) {
                // The thread that draws may wait for a terminal that takes nothing, or for a disk.
                std::thread::sleep(GRACE);
                let _ = timeout::run(LAST_WORD, super::terminal::restore);
                std::process::exit(2);
            }
        }
    })
    .map_err(io::Error::other)?;
    let sender = messages.clone();
    timeout::spawn("input", move || {
        while let Some(message) = next() {
            if sender.send(message).is_err() {
                return;
            }
        }
        // A terminal that has gone away: leave as on SIGHUP.
        let _ = sender.send(Message::Terminate);
    })
    .map_err(io::Error::other)?;
    Ok(())
}

/// The next event that matters; `None` when the terminal can no longer be read.
fn next() -> Option<Message> {
    loop {
        match event::read().ok()? {
            Event::Key(key) => return Some(Message::Key(key)),
            Event::Mouse(mouse) => return Some(Message::Mouse(mouse)),
            Event::Paste(text) => return Some(Message::Paste(text)),
            Event::Resize(..) => return Some(Message::Resize),
            Event::FocusGained | Event::FocusLost => {}
        }
    }
}
