//! The screen: state, `update(state, message) -> effects`, draw. The thread that draws never waits for a disk.

pub(crate) mod backend;
mod chooser;
pub(crate) mod config;
mod effects;
pub(crate) mod frame;
pub(crate) mod glyphs;
pub(crate) mod input;
pub(crate) mod keymap;
pub(crate) mod message;
pub(crate) mod state;
pub(crate) mod taskbar;
pub(crate) mod terminal;
pub(crate) mod update;
pub(crate) mod view;
pub(crate) mod widget;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use jiff::Timestamp;

pub use backend::Session;
pub(crate) use chooser::{Chosen, choose};
pub use state::Start;
pub(crate) use state::findings::Counts;

use backend::Backend;
use effects::EffectRunner;
use glyphs::Glyphs;
use message::Message;
use state::App;
use state::scan::Phase;
use terminal::TerminalGuard;

/// Least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(33);
/// How often the scan's gauges are looked at.
const TICK: Duration = Duration::from_millis(100);

/// What the screen is to look like and how it behaves.
#[derive(Debug)]
pub(crate) struct UiOptions {
    /// What it starts from.
    pub start: Start,
    /// Whether the terminal is told how far the scan is.
    pub progress: bool,
    /// Where the themes are.
    pub themes: Themes,
}

pub use effects::Themes;

/// How a session ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What the findings had come to.
    pub counts: Counts,
    /// Whether the scan went through the whole tree and nothing in it went unseen.
    pub covered: bool,
    /// Where the case is; empty when there is none on disk.
    pub case: PathBuf,
    /// Why the session could not begin; safe text.
    pub fatal: Option<String>,
    /// Why the records are only in memory, and lost now; safe text.
    pub unsaved: Option<String>,
}

/// The terminal, taken over, and the queue of what comes in from it. Dropping it gives the terminal back.
pub(crate) struct TerminalSession {
    guard: TerminalGuard,
    queue: (Sender<Message>, Receiver<Message>),
}

impl TerminalSession {
    /// Takes the terminal over; `mouse` says whether the mouse is used, `signs` what is drawn with.
    ///
    /// # Errors
    /// When it cannot be taken over.
    pub(crate) fn open(mouse: bool, signs: Glyphs) -> io::Result<Self> {
        let guard = TerminalGuard::take(mouse, signs)?;
        let queue = unbounded();
        input::listen(&queue.0)?;
        Ok(Self { guard, queue })
    }
}

/// Shows the session and stays until the responder leaves.
///
/// # Errors
/// When the terminal cannot be drawn to.
pub(crate) fn run(terminal: TerminalSession, session: Session, options: UiOptions) -> io::Result<Ended> {
    let TerminalSession { mut guard, queue } = terminal;
    let mut app = App::new(options.start);
    app.in_tmux = std::env::var_os("TMUX").is_some();
    guard.draw(|frame| frame::draw(frame, &mut app))?;
    let backend = Backend::start_on(queue, session).map_err(io::Error::other)?;
    let mut runner = EffectRunner::new(options.themes, options.progress);
    let result = turn(&mut guard, &mut app, &backend, &mut runner);
    drop(guard);
    let closed = backend.finish();
    result?;
    let unclosed =
        || "the records did not close, their disk does not answer: what was decided last may be lost".to_owned();
    let unsaved = app.unsaved.or_else(|| (!closed).then(unclosed));
    let covered = app.scan.phase == Phase::Done && app.scan.reading.gaps == 0;
    let case = if unsaved.is_none() { app.case } else { PathBuf::new() };
    Ok(Ended { counts: app.list.counts(None), covered, case, fatal: app.fatal, unsaved })
}

/// Takes messages in, and draws what came of all that were waiting, once.
fn turn(guard: &mut TerminalGuard, app: &mut App, backend: &Backend, runner: &mut EffectRunner) -> io::Result<()> {
    let mut drawn = Instant::now();
    let mut ticked = Instant::now();
    let mut dirty = true;
    loop {
        let running = app.scan.phase == Phase::Running;
        let urgent = match receive(backend, running, dirty.then(|| FRAME.saturating_sub(drawn.elapsed()))) {
            None => false,
            Some(message) => {
                let mut urgent = is_urgent(&message);
                update::update(app, Message::Clock(Timestamp::now()));
                let mut next = Some(message);
                while let Some(message) = next {
                    dirty = true;
                    for effect in update::update(app, message) {
                        if runner.carry_out(effect, guard, backend)?.is_break() {
                            return Ok(());
                        }
                    }
                    next = backend.messages.try_recv().ok();
                    urgent |= next.as_ref().is_some_and(is_urgent);
                }
                urgent
            }
        };
        if running && ticked.elapsed() >= TICK {
            ticked = Instant::now();
            if let Some((reading, current)) = backend.gauges.read() {
                update::update(app, Message::Tick(reading, Box::new(current)));
                dirty = true;
            }
        }
        if dirty && (urgent || drawn.elapsed() >= FRAME) {
            guard.draw(|frame| frame::draw(frame, app))?;
            runner.set_title(guard, app);
            runner.tell_taskbar(guard, app);
            drawn = Instant::now();
            dirty = false;
            for effect in update::wanted(app) {
                let _ = runner.carry_out(effect, guard, backend)?;
            }
        }
    }
}

/// The next message. Without a scan and with nothing left to draw it waits as long as it takes: an idle screen costs
/// nothing.
fn receive(backend: &Backend, running: bool, until_frame: Option<Duration>) -> Option<Message> {
    let wait = match (running, until_frame) {
        (_, Some(wait)) => wait,
        (true, None) => TICK,
        (false, None) => return Some(backend.messages.recv().unwrap_or(Message::Terminate)),
    };
    match backend.messages.recv_timeout(wait) {
        Ok(message) => Some(message),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Message::Terminate),
    }
}

/// Whether the responder waits for the answer.
fn is_urgent(message: &Message) -> bool {
    matches!(
        message,
        Message::Key(_)
            | Message::Mouse(_)
            | Message::Paste(_)
            | Message::Resize
            | Message::Continued
            | Message::Opened(_)
    )
}
