//! What the threads tell of the open finding.

use std::path::PathBuf;
use std::sync::Arc;

use super::{hex, jumps, press};
use crate::case::FindingId;
use crate::hex::ByteWindow;
use crate::session::{FindingDetails, MAX_COPIES};
use crate::tui::message::{Effect, Explain, Gather, Look};
use crate::tui::state::App;
use crate::tui::state::detail::Detail;
use crate::tui::state::findings::FindingList;

/// Bytes of the open finding have arrived, and with them what is known of its file by now.
pub(super) fn bytes(app: &mut App, id: FindingId, window: ByteWindow) -> Vec<Effect> {
    let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) else { return Vec::new() };
    let changed = detail.hex.arrived(window);
    detail.outdated |= changed;
    let asks: Vec<_> = detail.to_ask.drain(..).map(Effect::Gather).collect();
    let mut effects = hex::copy_what_is_there(app);
    effects.extend(changed.then_some(Effect::Look(Look::Decode)));
    effects.extend(asks);
    effects
}

/// A finding has arrived: it was asked for, or it changed while it is open.
pub(super) fn opened(app: &mut App, opened: Box<FindingDetails>) -> Vec<Effect> {
    let id = opened.judged.id;
    if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
        let same = detail.opened.finding.file.digest == opened.finding.file.digest;
        detail.renew(opened);
        let reopened = std::mem::take(&mut detail.reopened);
        if same {
            jumps::arrive(app);
            let Some(detail) = &mut app.detail else { return Vec::new() };
            if reopened {
                // What was seen of its file may be long ago.
                detail.ask(about(detail, &app.list));
            }
            return Vec::new();
        }
    } else {
        if app.wanted != Some(id) {
            return Vec::new();
        }
        let Some(hunt) = app.hunts.get(opened.judged.subject.hunt) else { return Vec::new() };
        let mut detail = Detail::new(opened, Arc::clone(&hunt.hunt));
        if let Some(before) = &app.detail {
            (detail.tab, detail.beside) = (before.tab, before.beside);
            detail.hex = detail.hex.in_manner_of(&before.hex);
        }
        app.detail = Some(Box::new(detail));
    }
    let mut effects = Vec::new();
    if let Some(detail) = &app.detail {
        let finding = &detail.opened.finding;
        effects.push(Effect::Look(Look::Open(id, Arc::clone(finding))));
        effects.push(Effect::Explain(Explain {
            id,
            finding: Arc::clone(finding),
            hunt: Arc::clone(&detail.hunt),
            candidate: detail.opened.judged.subject.candidate,
        }));
        effects.push(Effect::Gather(about(detail, &app.list)));
    }
    jumps::arrive(app);
    for key in std::mem::take(&mut app.typed_ahead) {
        effects.extend(press(app, key));
    }
    effects
}

/// The question to the box about a finding; `list` knows the other files with its content.
fn about(detail: &Detail, list: &FindingList) -> Gather {
    let finding = Arc::clone(&detail.opened.finding);
    let own = &finding.file.path;
    let same = list.alike(detail.id(), |one, other| one.digest == other.digest);
    let copies = same.into_iter().filter_map(|id| list.get(id)).map(|row| row.path.to_path_buf());
    let mut copies: Vec<PathBuf> = copies.filter(|path| path != own).collect();
    copies.sort();
    copies.dedup();
    copies.truncate(MAX_COPIES);
    let (hunt, kept) = (Arc::clone(&detail.hunt), detail.opened.kept.clone());
    Gather::About { id: detail.id(), finding, hunt, kept, copies }
}
