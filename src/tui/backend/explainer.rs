//! Explains the conditions of the open finding's hunt, from the bytes that were scanned.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::reader::{self, LIMIT, ViewSource};
use crate::explain::{ScannedFile, explain};
use crate::hex::file::FileState;
use crate::hex::snapshot::KeptSource;
use crate::hex::source::ByteSource;
use crate::hex::view::{View, ViewedBytes};
use crate::hunt::RuleOptions;
use crate::timeout;
use crate::tui::message::{Explain, Message};
use crate::tui::state::told::Explanation;

/// Answers until nobody asks any more.
pub(super) fn run(options: &RuleOptions, asks: &Receiver<Explain>, messages: &Sender<Message>, elsewhere: bool) {
    for ask in asks {
        // Whoever runs through the list waits for the last one only.
        let ask = asks.try_iter().last().unwrap_or(ask);
        let ask = Arc::new(ask);
        let (asked, for_all) = (Arc::clone(&ask), options.clone());
        let explained = timeout::run_while_responsive(LIMIT, move || {
            explanation(&asked, &for_all, reader::view(&asked.finding, elsewhere))
        });
        let explained = explained.unwrap_or_else(|_| explanation(&ask, options, reader::without_answer(&ask.finding)));
        let _ = messages.send(Message::Explained(ask.id, Box::new(explained)));
    }
}

fn explanation(ask: &Explain, options: &RuleOptions, mut view: View) -> Explanation {
    let file = &ask.finding.file;
    let scanned = match view.state() {
        FileState::AsScanned => true,
        FileState::ChangedSince(change) => change.is_scanned_content(),
        FileState::Gone(_) => false,
    };
    if !scanned {
        view.want(Some(ViewedBytes::Kept));
    }
    let notice = view.window(0, 1).notice;
    let mut kept = KeptSource::new(Arc::clone(&ask.finding.kept), file.size);
    let bytes: &mut dyn ByteSource = if scanned { &mut view } else { &mut kept };
    let finding = (!ask.candidate).then_some(&*ask.finding);
    let explained = explain(&ask.hunt, ScannedFile { file, bytes: &ViewSource::new(bytes), finding, options });
    Explanation { explained, notice }
}
