//! The terminal: taken over at the start, given back as it was however the program ends.

use std::io::{self, Stdout, Write as _, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, SetTitle};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use super::glyphs::Glyphs;
use super::taskbar;
use crate::{scan, timeout};

/// Whether the terminal is ours now. One process has one terminal, so this is one for the process.
static TAKEN: AtomicBool = AtomicBool::new(false);
static MOUSE: AtomicBool = AtomicBool::new(false);
/// Whether the terminal was told of progress that it may still show.
static PROGRESS: AtomicBool = AtomicBool::new(false);

/// The screen that is drawn to.
pub(crate) type RealTerminal = Terminal<CrosstermBackend<Stdout>>;

/// Holds the terminal; dropping it gives the terminal back.
pub struct TerminalGuard {
    /// The screen. Never dropped: when the terminal has gone, that would print to it, and panic.
    pub screen: ManuallyDrop<RealTerminal>,
    signs: Glyphs,
}

impl TerminalGuard {
    /// Takes the terminal over and makes sure that a panic gives it back before its message is printed; `mouse` says
    /// whether the mouse is used, `signs` what is drawn with.
    ///
    /// # Errors
    /// When standard output is not a terminal that can be taken over.
    pub fn take(mouse: bool, signs: Glyphs) -> io::Result<Self> {
        MOUSE.store(mouse, Ordering::Relaxed);
        enter()?;
        install_panic_hook();
        let screen = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| restore())?;
        Ok(Self { screen: ManuallyDrop::new(screen), signs })
    }

    /// Draws a frame.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let signs = self.signs;
        self.screen.draw(|frame| {
            view(frame);
            signs.apply(frame.buffer_mut());
        })?;
        Ok(())
    }

    /// Gives the terminal back, stops the process as Ctrl-Z does, and takes the terminal again when it is continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        // The whole job, so that a shell whose script we are part of has its prompt back.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        self.retake()
    }

    /// Takes the terminal anew, whatever was done to it meanwhile, and draws everything on the next frame.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub fn retake(&mut self) -> io::Result<()> {
        enter()?;
        // Not `clear` of the screen: that asks the terminal where its cursor is, and the answer would be taken for keys.
        crossterm::execute!(stdout(), Clear(ClearType::All))?;
        self.screen = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(stdout()))?);
        Ok(())
    }

    /// Sets the terminal's title; the text must be safe already.
    pub fn set_title(&mut self, title: &str) {
        let _ = crossterm::execute!(self.screen.backend_mut(), SetTitle(title));
    }

    /// Writes a sequence that changes nothing on the screen. A terminal that has gone is noticed elsewhere.
    pub fn write(&mut self, sequence: &str) {
        let out = self.screen.backend_mut();
        let _ = out.write_all(sequence.as_bytes()).and_then(|()| io::Write::flush(out));
    }

    /// Writes a sequence of [`taskbar::Taskbar`]; what it shows is cleared when the terminal is given back.
    pub fn show_progress(&mut self, sequence: &str) {
        PROGRESS.store(true, Ordering::Release);
        self.write(sequence);
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

fn enter() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    let entered = crossterm::execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide);
    let entered = entered.and_then(|()| {
        if MOUSE.load(Ordering::Relaxed) { crossterm::execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
    });
    entered.inspect_err(|_| restore())
}

/// Gives the terminal back if it is ours. Safe to call from any thread, any number of times.
pub(crate) fn restore() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let mut out = stdout();
        if PROGRESS.swap(false, Ordering::AcqRel) {
            let _ = out.write_all(taskbar::CLEAR.as_bytes());
        }
        let _ = crossterm::execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = crossterm::terminal::disable_raw_mode();
        let _ = out.flush();
    }
}

fn install_panic_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // A rule that makes the engine panic costs one file, which coverage lists, and a thread that panics is reported on
        // the screen: neither may leave the screen behind.
        if !scan::engine_runs() && !timeout::is_supervised() {
            restore();
            previous(info);
        }
    }));
}
