//! Carries out what `update` asks for.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::backend::Backend;
use super::message::Effect;
use super::state::scan::Phase;
use super::state::{App, NoticeKind};
use super::terminal::Guard;
use crate::scan::Control;
use crate::text;
use crate::theme::{self, Depth};

/// Where themes come from.
#[derive(Debug, Clone)]
pub struct Themes {
    /// The person's own.
    pub folder: Option<PathBuf>,
    /// What the terminal can show.
    pub depth: Depth,
}

/// What is needed to act on the world outside the state.
pub struct Hands {
    themes: Themes,
    title: String,
}

impl Hands {
    /// Hands that find themes there.
    pub fn new(themes: Themes) -> Self {
        Self { themes, title: String::new() }
    }

    /// Does it. Breaks when it is time to leave.
    ///
    /// # Errors
    /// When the terminal cannot be written to or taken again.
    pub fn carry_out(
        &mut self,
        effect: Effect,
        guard: &mut Guard,
        app: &mut App,
        backend: &Backend,
    ) -> io::Result<ControlFlow<()>> {
        match effect {
            Effect::Quit => return Ok(ControlFlow::Break(())),
            Effect::Suspend => guard.suspend()?,
            Effect::Redraw => guard.retake()?,
            Effect::Pause(true) => backend.gauges.steer(Control::pause),
            Effect::Pause(false) => backend.gauges.steer(Control::resume),
            Effect::SkipFile => backend.gauges.steer(Control::skip_current),
            Effect::CancelScan => backend.gauges.steer(Control::cancel),
            Effect::Record(request) => backend.record(request),
            Effect::Look(look) => backend.look(look),
            Effect::Explain(ask) => backend.explain(ask),
            Effect::Gather(ask) => backend.gather(ask),
            Effect::NextTheme => self.next_theme(app),
            Effect::Copy(sequence) => {
                let mut out = io::stdout();
                out.write_all(sequence.as_bytes())?;
                out.flush()?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn next_theme(&self, app: &mut App) {
        let entries = theme::available(self.themes.folder.as_deref());
        let place = entries.iter().position(|entry| entry.name == app.theme.name()).map_or(0, |place| place + 1);
        let Some(entry) = entries.get(place % entries.len().max(1)) else { return };
        match theme::load(&entry.name, self.themes.folder.as_deref(), self.themes.depth) {
            Ok(theme) => {
                let said = format!("theme {}", text::escape_str(theme.name()));
                app.theme = theme;
                app.say(NoticeKind::Info, said);
            }
            Err(error) => app.say(NoticeKind::Error, error.to_string()),
        }
    }

    /// The terminal's title says how it stands, for whoever looks at another window meanwhile.
    pub fn set_title(&mut self, guard: &mut Guard, app: &App) {
        let counts = app.list.counts(None);
        let state = match &app.scan.phase {
            Phase::Preparing => "preparing",
            Phase::Running => "scanning",
            Phase::Paused => "paused",
            Phase::Done => "done",
            Phase::Cancelled => "cancelled",
            Phase::Failed(_) => "failed",
        };
        let title = format!("huntbook {state}: {} open in {}", counts.open, text::truncate_middle(&app.tree, 60));
        if title != self.title {
            guard.set_title(&title);
            self.title = title;
        }
    }
}
