//! The boxes that an exclusion may be bound to. A box is told from others by what it is, never by its name alone.

use crate::text;

/// Boxes that one exclusion is bound to at most, so that an entry of the register stays one that people can read.
pub(crate) const MAX_BOXES: usize = 1000;

/// A box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BoundBox {
    /// What tells it from others, as cases have it (`host.id`, or `host.instance` of one without a machine id); empty where that
    /// is not known.
    pub id: String,
    /// Its name, for people, and because a copied machine has the id of the first.
    pub name: String,
}

/// Why an exclusion that is bound to boxes does not count on a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// The box is another.
    OtherBox,
    /// Whether the box is one of them cannot be told; why not, safe text.
    Doubtful(String),
}

/// Why an exclusion that is bound to `boxes` does not count on `here`; `None` when it does, as one that is bound to none does
/// everywhere.
pub(crate) fn elsewhere(boxes: &[BoundBox], here: &BoundBox) -> Option<Elsewhere> {
    let same_id = |one: &&BoundBox| !here.id.is_empty() && one.id == here.id;
    if boxes.is_empty() || boxes.iter().filter(same_id).any(|one| one.name == here.name) {
        return None;
    }
    let name = text::escape_str(&here.name);
    if let Some(one) = boxes.iter().find(same_id) {
        let bound = text::escape_str(&one.name);
        let why = format!("it is bound to {bound}, whose machine id this box has, {name}, but another name");
        return Some(Elsewhere::Doubtful(why));
    }
    let nameless = here.id.is_empty() && boxes.iter().any(|one| one.name == here.name);
    Some(if nameless {
        Elsewhere::Doubtful(format!("it is bound to {name}, and whether this is that box is not known"))
    } else {
        Elsewhere::OtherBox
    })
}

/// The boxes by name as far as there is room for people, as `web01, web02 and 12 more`; safe text.
pub(crate) fn named(boxes: &[BoundBox]) -> String {
    const NAMED: usize = 3;
    let names: Vec<_> = boxes.iter().take(NAMED).map(|one| text::escape_str(&one.name)).collect();
    let more = boxes.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {} more", text::count(more as u64)) } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(id: &str, name: &str) -> BoundBox {
        BoundBox { id: id.into(), name: name.into() }
    }

    #[test]
    fn it_counts_on_its_boxes_by_what_they_are_and_fails_open() {
        let boxes = [bound("1", "web01"), bound("2", "web02")];
        assert_eq!(elsewhere(&[], &bound("9", "any")), None);
        assert_eq!(elsewhere(&boxes, &bound("2", "web02")), None);
        assert_eq!(elsewhere(&boxes, &bound("3", "web01")), Some(Elsewhere::OtherBox), "of one name");
        assert_eq!(elsewhere(&boxes, &bound("", "db01")), Some(Elsewhere::OtherBox));
        for (here, said) in [(bound("1", "clone"), "another name"), (bound("", "web01"), "not known")] {
            let Some(Elsewhere::Doubtful(why)) = elsewhere(&boxes, &here) else { panic!("{here:?}") };
            assert!(why.contains("web01") && why.contains(said), "{why}");
        }
    }

    #[test]
    fn many_boxes_are_counted_and_hostile_names_escaped() {
        let boxes = ["a", "\u{1b}[2J", "c", "d", "e"].map(|name| bound("1", name));
        assert_eq!(named(&boxes), r"a, \x1b[2J, c and 2 more");
        assert_eq!(named(&boxes[..1]), "a");
    }
}
