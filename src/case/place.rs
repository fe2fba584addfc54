//! Where the case of a host and a tree lies when no `--case` is given.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::digest::DigestFields;
use crate::storage::Base;

/// The longest that the host's and the tree's part of the name may become, in bytes each.
const PART: usize = 40;

/// Where cases lie that no `--case` names: `huntbook/cases` below the user's state folder.
///
/// `env` looks a variable up. `None` when there is no state folder, see [`Base::State`].
pub(crate) fn default_folder(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    Some(Base::State.folder(env)?.join("cases"))
}

/// The file of the case of `tree` on `host`: `HOST-TREE-DIGEST.case` in [`default_folder`], `None` where there is none.
///
/// `tree` is made absolute by the caller. The name is for people; the eight hex digits keep hosts and trees apart that
/// look alike once simplified.
pub(crate) fn default_path(env: impl Fn(&str) -> Option<OsString>, host: &str, tree: &Path) -> Option<PathBuf> {
    let tree_part = if tree == Path::new("/") { "root".into() } else { simplify(&tree.to_string_lossy()) };
    let digest = DigestFields::of("huntbook case place 1").text(host).path(tree).finish().short();
    Some(default_folder(env)?.join(format!("{}-{tree_part}-{digest}.case", simplify(host))))
}

/// Letters, digits, `.` and `_` of `text`, each run of anything else as one `-`; never empty, never with a dot in front.
fn simplify(text: &str) -> String {
    let mut simple = String::new();
    for c in text.chars() {
        let plain = c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        match (plain, simple.ends_with('-')) {
            _ if simple.len() == PART => break,
            (true, _) => simple.push(c),
            (false, true) => {}
            (false, false) => simple.push('-'),
        }
    }
    let trimmed = simple.trim_matches(|c| matches!(c, '-' | '.'));
    if trimmed.is_empty() { "unnamed".into() } else { trimmed.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(vars: &[(&str, &str)], host: &str, tree: &str) -> Option<String> {
        let env = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        default_path(env, host, Path::new(tree)).map(|path| path.to_string_lossy().into_owned())
    }

    #[test]
    fn the_state_folder_is_that_of_xdg() {
        let both = [("XDG_STATE_HOME", "/state"), ("HOME", "/home/ann")];
        assert!(at(&both, "web01", "/var/www").unwrap().starts_with("/state/huntbook/cases/web01-var-www-"));
        let relative = [("XDG_STATE_HOME", "state"), ("HOME", "/home/ann")];
        assert!(at(&relative, "web01", "/").unwrap().starts_with("/home/ann/.local/state/huntbook/cases/web01-root-"));
        assert_eq!(at(&[("HOME", "")], "web01", "/"), None);
    }

    #[test]
    fn names_are_plain_and_told_apart() {
        let home = [("HOME", "/h")];
        let name = |host: &str, tree: &str| at(&home, host, tree).unwrap().rsplit_once('/').unwrap().1.to_owned();
        assert!(name("../../etc", "/a b\u{1b}[2J/\u{202e}c").starts_with("etc-a-b-2J-c-"));
        assert_ne!(name("h", "/a/b"), name("h", "/a-b"));
        assert_ne!(name("h-a", "/b"), name("h", "/a/b"));
        assert_eq!(name("h", "/a/b"), name("h", "/a/b"));
        assert!(name("", "").starts_with("unnamed-unnamed-"));
        assert!(name(&"x".repeat(500), &"/y".repeat(500)).len() < 120);
    }
}
