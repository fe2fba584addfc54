//! A package with all files that it ships, by the box's database.

use super::super::indexes::Indexes;
use super::{LineKind, Reference, Referred};
use crate::root::Root;
use crate::text;

/// The package of this name.
pub(super) fn page(root: &Root, indexes: &Indexes, manager: &str, name: &str) -> Referred {
    let files = match indexes.packages().files(manager, name) {
        Ok(files) => files,
        Err(why) => return Referred::gap(why),
    };
    let mut page = Referred::default();
    page.fact("package", name, None);
    page.fact("manager", manager, None);
    let count = text::counted(files.len() as u64, "path");
    page.push(LineKind::Heading, &format!("It ships {count}"), None);
    let room = super::MAX_LINES - page.lines.len() - 1;
    for path in files.iter().take(room) {
        // What a package lists and the box has not is worth seeing: somebody took it away.
        let missing = if root.locate(path, false).is_err() { "  (not there)" } else { "" };
        let to = missing.is_empty().then(|| Reference::File(path.clone(), None));
        page.push(LineKind::Text, &format!("{}{missing}", text::escape_path(path)), to);
    }
    if files.len() > room {
        page.push(LineKind::Gap, "there are more", None);
    }
    page
}
