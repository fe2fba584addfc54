//! Looks up what a check or a fact points to, beside the thread that asks the box about findings: that one may wait for long.

use crossbeam_channel::{Receiver, Sender};

use crate::evidence::Gatherer;
use crate::evidence::reference::Reference;
use crate::tui::message::Message;

/// Answers until nobody asks any more. The screen asks only where the box is the one that was scanned.
pub(super) fn run(gatherer: &Gatherer, asks: &Receiver<Reference>, messages: &Sender<Message>) {
    for reference in asks {
        let page = Box::new(gatherer.look_up(&reference));
        let _ = messages.send(Message::LookedUp(reference, page));
    }
}
