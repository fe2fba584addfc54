//! Asks the box about the open finding, and holds its scenarios against what the box says; of a case that is another box's,
//! against what the case keeps of it.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::case::FindingId;
use crate::evidence::{self, Gatherer, Peer};
use crate::finding::Finding;
use crate::hunt::threat::endpoints;
use crate::hunt::{Hunt, Site};
use crate::session::{KeptEvidence, RuleCatalog};
use crate::text;
use crate::triage::assess::{Context, assess};
use crate::tui::message::{Gather, Message};
use crate::tui::state::told::Gathered;

/// What was asked about last, to be told again when a set of the site changes.
struct About {
    id: FindingId,
    finding: Arc<Finding>,
    hunt: Arc<Hunt>,
    kept: Option<Box<KeptEvidence>>,
    /// Other files of the scan with the same content.
    copies: Vec<PathBuf>,
}

/// Answers until nobody asks any more. The indexes of the box are built while the rules are still compiled. Without a
/// `gatherer` the box cannot be asked.
pub(super) fn run(
    gatherer: Option<&Gatherer>,
    books: &Receiver<Arc<RuleCatalog>>,
    asks: &Receiver<Gather>,
    messages: &Sender<Message>,
) {
    if let Some(gatherer) = gatherer {
        gatherer.prepare();
    }
    let Ok(book) = books.recv() else { return };
    let mut site = book.site.clone();
    let mut about: Option<About> = None;
    for ask in asks {
        match ask {
            Gather::About { id, finding, hunt, kept, copies } => {
                about = Some(About { id, finding, hunt, kept, copies });
            }
            Gather::Again => {
                if let Some(gatherer) = gatherer {
                    gatherer.refresh();
                }
            }
            Gather::Name { set, value } => match site.add(&set, &value) {
                Ok(()) => {
                    let said =
                        format!("{} is in ${} for this session", text::escape_str(&value), text::escape_str(&set));
                    let _ = messages.send(Message::Said(said));
                }
                Err(why) => _ = messages.send(Message::NotRecorded(text::escape_str(&why).into_owned())),
            },
        }
        if let Some(gathered) = about.as_ref().and_then(|about| gather(gatherer, &site, &book, about)) {
            let _ = messages.send(gathered);
        }
    }
}

fn gather(gatherer: Option<&Gatherer>, site: &Site, book: &RuleCatalog, about: &About) -> Option<Message> {
    let known_good = &book.known_good;
    let gathered = match (gatherer, &about.kept) {
        (Some(gatherer), _) => {
            let peers = endpoints(&about.hunt.rule).into_iter();
            let peers = peers.map(|endpoint| Peer { address: endpoint.address.into(), port: endpoint.port }).collect();
            let facts = (*about.finding.file).clone();
            let evidence = gatherer.gather_about(&evidence::About { facts, peers, copies: about.copies.clone() });
            let scenarios = assess(&about.hunt, &evidence, &Context { site, known_good, queries: gatherer });
            Gathered { evidence, scenarios }
        }
        (None, Some(kept)) => {
            let scenarios = assess(&about.hunt, &kept.evidence, &Context { site, known_good, queries: &kept.named });
            Gathered { evidence: kept.evidence.clone(), scenarios }
        }
        (None, None) => return None,
    };
    Some(Message::Gathered(about.id, Box::new(gathered)))
}
