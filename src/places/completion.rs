//! Paths as a person types them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::root::{self, entry_buffer};

/// Names in a folder that are looked at at most.
const NAMES: usize = 50_000;
/// Names that are given back at most.
const SHOWN: usize = 100;

/// What a path that is being typed may go on as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathCompletion {
    /// What was typed, longer by all that the names below have in common; a folder ends in a slash.
    pub typed: String,
    /// Names that it may go on as, at most a hundred, by name; raw.
    pub names: Vec<String>,
    /// How many there are.
    pub count: usize,
    /// Names that cannot be typed, because they are not UTF-8 or hold control characters; they are not among the others.
    pub untypable: usize,
}

/// The path that `typed` stands for: `~` is `home`, and one that does not begin at the root is taken from `base`.
pub(crate) fn expand(typed: &str, base: &Path, home: Option<&Path>) -> PathBuf {
    match (typed.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => base.join(typed),
    }
}

/// What `typed` may go on as, by the names in the folder that it has reached so far.
///
/// # Errors
/// When that folder cannot be read.
pub(crate) fn complete(typed: &str, base: &Path, home: Option<&Path>) -> std::io::Result<PathCompletion> {
    if typed == "~" {
        return Ok(PathCompletion { typed: "~/".to_owned(), ..PathCompletion::default() });
    }
    let start = typed.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, begun) = typed.split_at(start);
    let mut completion = PathCompletion::default();
    let mut found = Vec::new();
    let folder_there = root::named(&expand(folder, base, home))?.enter()?;
    let mut buffer = entry_buffer();
    let mut entries = folder_there.entries(&mut buffer);
    for _ in 0..NAMES {
        let Some(entry) = entries.next() else { break };
        let Ok((name, _)) = entry else { continue };
        if !name.as_bytes().starts_with(begun.as_bytes()) || (begun.is_empty() && is_hidden(&name)) {
            continue;
        }
        match name.into_string() {
            Ok(name) if !name.contains(char::is_control) => found.push(name),
            _ => completion.untypable += 1,
        }
    }
    found.sort_unstable();
    let common = found.iter().map(String::as_str).reduce(common_start).unwrap_or(begun);
    completion.typed = format!("{folder}{common}");
    if let [only] = found.as_slice()
        && root::named(&folder_there.path.join(only)).is_ok_and(|found| found.metadata.is_dir())
    {
        completion.typed.push('/');
    }
    completion.count = found.len();
    completion.names = found.into_iter().take(SHOWN).collect();
    Ok(completion)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

fn common_start<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    a.get(..same).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_on_as_far_as_all_names_agree() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["prüfung-a", "prüfung-b", ".hidden", "only", "bad\u{1b}name"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::create_dir(dir.path().join(OsStr::from_bytes(b"bad\xff"))).unwrap();
        std::fs::write(dir.path().join("only/file"), "x").unwrap();
        let at = |typed: &str| complete(typed, dir.path(), Some(dir.path())).unwrap();
        assert_eq!((at("pr").typed.as_str(), at("pr").names.len()), ("prüfung-", 2));
        assert_eq!(at("o").typed, "only/");
        assert_eq!(at("only/f").typed, "only/file");
        assert_eq!(at("~/.").typed, "~/.hidden/");
        assert_eq!(at("~").typed, "~/");
        assert_eq!((at("bad").count, at("bad").untypable, at("bad").typed.as_str()), (0, 2, "bad"));
        assert_eq!((at("").count, at("nothing").count), (3, 0));
        assert!(complete("none/x", dir.path(), None).is_err());
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_nothing_else_is_changed() {
        let at = |typed: &str| expand(typed, Path::new("/base"), Some(Path::new("/home/ann")));
        assert_eq!(at("~"), Path::new("/home/ann"));
        assert_eq!(at("~/x y"), Path::new("/home/ann/x y"));
        assert_eq!(at("~bob"), Path::new("/base/~bob"));
        assert_eq!(at("/abs"), Path::new("/abs"));
        assert_eq!(at("rel"), Path::new("/base/rel"));
        assert_eq!(expand("~/x", Path::new("/base"), None), Path::new("/base/~/x"));
    }
}
