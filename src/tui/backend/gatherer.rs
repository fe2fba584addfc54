//! Asks the box about the open finding, and holds its scenarios against what the box says.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::case::FindingId;
use crate::evidence::Gatherer;
use crate::finding::Finding;
use crate::hunt::{Hunt, Site};
use crate::root::Root;
use crate::session::RuleCatalog;
use crate::text;
use crate::triage::assess::{Context, assess};
use crate::tui::message::{Gather, Message};
use crate::tui::state::detail::Gathered;

/// What was asked about last, to be told again when a set of the site changes.
struct About {
    id: FindingId,
    finding: Arc<Finding>,
    hunt: Arc<Hunt>,
}

/// Answers until nobody asks any more. The indexes of the box are built while the rules are still compiled.
pub(super) fn run(root: Root, books: &Receiver<Arc<RuleCatalog>>, asks: &Receiver<Gather>, messages: &Sender<Message>) {
    let gatherer = Gatherer::new(root).without_process(std::process::id());
    gatherer.prepare();
    let Ok(book) = books.recv() else { return };
    let mut site = book.site.clone();
    let mut about: Option<About> = None;
    for ask in asks {
        match ask {
            Gather::About(id, finding, hunt) => about = Some(About { id, finding, hunt }),
            Gather::Again => gatherer.refresh(),
            Gather::Name { set, value } => match site.add(&set, &value) {
                Ok(()) => {
                    let said =
                        format!("{} is in ${} for this session", text::escape_str(&value), text::escape_str(&set));
                    let _ = messages.send(Message::Said(said));
                }
                Err(why) => _ = messages.send(Message::NotRecorded(text::escape_str(&why).into_owned())),
            },
        }
        if let Some(about) = &about {
            let gathered = gather(&gatherer, &site, &book, about);
            let _ = messages.send(Message::Gathered(about.id, Box::new(gathered)));
        }
    }
}

fn gather(gatherer: &Gatherer, site: &Site, book: &RuleCatalog, about: &About) -> Gathered {
    let evidence = gatherer.gather(&about.finding.file);
    let context = Context { site, known_good: &book.known_good, gatherer };
    let scenarios = assess(&about.hunt, &evidence, &context);
    Gathered { evidence, scenarios }
}
