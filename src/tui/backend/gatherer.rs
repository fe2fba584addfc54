//! Asks the box about the open finding, and holds its scenarios against what the box says; of a case that is another box's,
//! against what the case keeps of it.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::case::FindingId;
use crate::evidence::{self, ByNow, Gatherer};
use crate::finding::Finding;
use crate::hunt::{Hunt, Site};
use crate::session::{KeptEvidence, RuleCatalog, peers};
use crate::text;
use crate::triage::assess::{AssessmentContext, assess};
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
        if let Some(about) = &about {
            let tell = |gathered| _ = messages.send(Message::Gathered(about.id, Box::new(gathered)));
            gather(gatherer, &site, &book, about, &tell);
        }
    }
}

/// Tells what is known of a finding, in parts while the box is still being asked.
fn gather(gatherer: Option<&Gatherer>, site: &Site, book: &RuleCatalog, about: &About, tell: &dyn Fn(Gathered)) {
    let (known_good, hunt) = (&book.known_good, &about.hunt);
    match (gatherer, &about.kept) {
        (Some(gatherer), _) => {
            let facts = (*about.finding.file).clone();
            let asked = evidence::AskedFile { facts, peers: peers(hunt), copies: about.copies.clone() };
            let evidence = gatherer.gather_telling(&asked, &mut |evidence| {
                let context = AssessmentContext { site, known_good, queries: &ByNow(gatherer) };
                let scenarios = assess(hunt, evidence, &context);
                tell(Gathered { evidence: evidence.clone(), scenarios, is_whole: false });
            });
            let scenarios = assess(hunt, &evidence, &AssessmentContext { site, known_good, queries: gatherer });
            tell(Gathered { evidence, scenarios, is_whole: true });
        }
        (None, Some(kept)) => {
            let scenarios = assess(hunt, &kept.evidence, &AssessmentContext { site, known_good, queries: &kept.named });
            tell(Gathered { evidence: kept.evidence.clone(), scenarios, is_whole: true });
        }
        (None, None) => {}
    }
}
