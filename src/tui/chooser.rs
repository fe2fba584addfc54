//! Choosing a tree, before there is anything to scan.

use std::io;
use std::path::PathBuf;

use crossbeam_channel::{select, unbounded};

use super::TerminalSession;
use super::backend::place_probe::{OpenTarget, PlaceProbe, Trial};
use super::effects::Themes;
use super::frame;
use super::keymap::Keymap;
use super::message::Message;
use super::state::chooser::{Chooser, Outset};
use super::update::chooser::{self as update, ChooserEffect};
use crate::theme::Theme;

/// What was chosen, and the colours and keys to go on with.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// What to scan or open.
    pub place: OpenTarget,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

/// Lets the responder choose; `cases` is the folder with the cases of recent trees, and what `trial` refuses is said on
/// the screen and not chosen. Of a place that was `asked` for and looks like the root of another system, it is asked first how it is
/// to be scanned. `None` when nothing was chosen. Nothing is written.
///
/// # Errors
/// When the terminal cannot be drawn to.
pub(crate) fn choose(
    front: &mut TerminalSession,
    outset: Outset,
    cases: Option<PathBuf>,
    trial: Trial,
    themes: &Themes,
    asked: Option<OpenTarget>,
) -> io::Result<Option<Chosen>> {
    let (sender, heard) = unbounded();
    let probe = PlaceProbe { news: sender, cases, home: outset.home.clone(), trial };
    let mut chooser = Chooser::new(outset);
    chooser.asks_root = asked;
    front.guard.set_title("huntbook: what is to be scanned?");
    let mut effects = update::begin(&chooser);
    loop {
        for effect in effects.drain(..) {
            match effect {
                ChooserEffect::Leave(None) => return Ok(None),
                ChooserEffect::Leave(Some(place)) => {
                    let Chooser { theme, keymap, .. } = chooser;
                    return Ok(Some(Chosen { place, theme, keymap }));
                }
                ChooserEffect::Suspend => front.guard.suspend()?,
                ChooserEffect::Redraw => front.guard.retake()?,
                ChooserEffect::ListThemes => themes.list(&front.queue.0),
                ChooserEffect::PlaceQuery(ask) => probe.ask(ask),
            }
        }
        front.guard.draw(|frame| frame::draw_chooser(frame, &mut chooser))?;
        select! {
            recv(front.queue.1) -> message => {
                effects = update::input(&mut chooser, message.unwrap_or(Message::Terminate));
            }
            recv(heard) -> news => {
                effects.extend(news.into_iter().flat_map(|news| update::news(&mut chooser, news)));
            }
        }
        // Answers come in bursts, and one frame is enough for a burst.
        while effects.is_empty()
            && let Ok(news) = heard.try_recv()
        {
            effects = update::news(&mut chooser, news);
        }
    }
}
