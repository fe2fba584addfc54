//! Carries out what `update` asks for.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossbeam_channel::Sender;

use super::backend::Backend;
use super::message::{Effect, Message};
use super::state::App;
use super::state::scan::Phase;
use super::state::themes::{Offer, ThemeChoice};
use super::taskbar::Taskbar;
use super::terminal::TerminalGuard;
use crate::scan::Control;
use crate::text;
use crate::theme::{self, ColorDepth, ListedTheme};
use crate::timeout;

/// Where themes come from.
#[derive(Debug, Clone)]
pub struct Themes {
    /// The person's own.
    pub folder: Option<PathBuf>,
    /// The file that names the one to begin with.
    pub config: Option<PathBuf>,
    /// What the terminal can show.
    pub depth: ColorDepth,
}

impl Themes {
    /// All themes there are, each loaded or with what is wrong with it.
    pub fn offer(&self) -> Offer {
        let choice = |ListedTheme { name, built_in, about }: ListedTheme| {
            let loaded = about.and_then(|_| theme::load(&name, self.folder.as_deref(), self.depth));
            let name = text::escape_str(&name).into_owned();
            ThemeChoice { name, built_in, loaded: loaded.map_err(|error| error.to_string()) }
        };
        let choices = theme::available(self.folder.as_deref()).into_iter().map(choice).collect();
        let config = self.config.as_deref().unwrap_or(Path::new("config.toml"));
        Offer { choices, config: text::escape_path(config).into_owned() }
    }

    /// Reads the themes on a thread of its own, for a person's folder may lie on a slow disk, and sends them.
    pub(super) fn list(&self, sender: &Sender<Message>) {
        let (themes, answers) = (self.clone(), sender.clone());
        if timeout::spawn("themes", move || answers.send(Message::Themes(themes.offer()))).is_err() {
            // The built-in themes and a wait are better than none.
            let _ = sender.send(Message::Themes(self.offer()));
        }
    }
}

/// What is needed to act on the world outside the state.
pub(super) struct EffectRunner {
    themes: Themes,
    title: String,
    taskbar: Taskbar,
}

impl EffectRunner {
    /// Hands that find themes there, and tell the terminal how far the scan is if they may.
    pub(super) fn new(themes: Themes, progress: bool) -> Self {
        Self { themes, title: String::new(), taskbar: Taskbar::new(progress) }
    }

    /// Does it. Breaks when it is time to leave.
    ///
    /// # Errors
    /// When the terminal cannot be written to or taken again.
    pub(super) fn carry_out(
        &mut self,
        effect: Effect,
        guard: &mut TerminalGuard,
        backend: &Backend,
    ) -> io::Result<ControlFlow<()>> {
        match effect {
            Effect::Quit => return Ok(ControlFlow::Break(())),
            Effect::Suspend => {
                self.taskbar.forget();
                guard.suspend()?;
            }
            Effect::Redraw => {
                self.taskbar.forget();
                guard.retake()?;
            }
            Effect::Ring => guard.write("\x07"),
            Effect::Pause(true) => backend.gauges.steer(Control::pause),
            Effect::Pause(false) => backend.gauges.steer(Control::resume),
            Effect::SkipFile => backend.gauges.steer(Control::skip_current),
            Effect::CancelScan => backend.gauges.steer(Control::cancel),
            Effect::Record(request) => backend.record(request),
            Effect::Look(look) => backend.look(look),
            Effect::Explain(ask) => backend.explain(ask),
            Effect::Gather(ask) => backend.gather(ask),
            Effect::LookUp(reference) => backend.look_up(reference),
            Effect::ListThemes => self.themes.list(&backend.sender),
            Effect::Copy(sequence) => {
                guard.write(&sequence);
                // tmux(1), "allow-passthrough": each ESC doubled.
                if std::env::var_os("TMUX").is_some() {
                    guard.write(&format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The terminal's title says how it stands, for whoever looks at another window meanwhile.
    pub(super) fn set_title(&mut self, guard: &mut TerminalGuard, app: &App) {
        let counts = app.list.counts(None);
        let state = match &app.scan.phase {
            Phase::Preparing => "preparing",
            Phase::Running => "scanning",
            Phase::Paused => "paused",
            Phase::Done => "done",
            Phase::Cancelled => "cancelled",
            Phase::Unended => "did not end",
            Phase::Failed(_) => "failed",
        };
        let title = format!("huntbook {state}: {} open in {}", counts.open, text::truncate_middle(&app.tree, 60));
        if title != self.title {
            guard.set_title(&title);
            self.title = title;
        }
    }

    /// The taskbar says how far the scan is.
    pub(super) fn tell_taskbar(&mut self, guard: &mut TerminalGuard, app: &App) {
        if let Some(sequence) = self.taskbar.tell(&app.scan, Instant::now()) {
            guard.show_progress(&sequence);
        }
    }
}
