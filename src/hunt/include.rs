//! `include` statements of plain YARA files, resolved below the folder that was named and nowhere else.
//!
//! The compiler itself is not let near the file system: a rule file from somewhere must not read from anywhere.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use yara_x_parser::ast::{Item, WithSpan as _};

use super::problem::{Problem, Problems};
use super::{file, nesting, trees};

/// Files included in one another at most.
const MOST_DEPTH: usize = 16;

/// A folder whose files may include one another.
pub(super) struct Includes {
    root: PathBuf,
    folder: OwnedFd,
    /// The files that others included.
    pub seen: Vec<PathBuf>,
}

impl Includes {
    /// # Errors
    /// The folder cannot be opened.
    pub(super) fn below(root: &Path) -> Result<Self, Problem> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, root, flags, Mode::empty())
            .map_err(|errno| Problem::whole(root, format!("cannot be opened: {errno}")))?;
        Ok(Self { root: root.to_owned(), folder, seen: Vec::new() })
    }

    /// `source` with the text of each included file in the place of the statement; `path` is where it was read.
    ///
    /// # Errors
    /// Each statement that cannot be followed, with its place, and each file that nests too deep to be parsed.
    pub(super) fn expand(&mut self, path: &Path, source: String) -> Result<String, Vec<Problem>> {
        let below = path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        let mut room = file::MOST_RULE_BYTES;
        self.expand_at(&mut vec![below], source, &mut room)
    }

    fn expand_at(
        &mut self,
        within: &mut Vec<PathBuf>,
        mut source: String,
        room: &mut u64,
    ) -> Result<String, Vec<Problem>> {
        let path = within.last().map_or_else(|| self.root.clone(), |below| self.root.join(below));
        let statements = statements(&path, &source)?;
        let mut list = Vec::new();
        // From the end, so that the ranges before stay right.
        for (range, name) in statements.into_iter().rev() {
            let (at, text) = match self.included(within, &name, room) {
                Ok(included) => included,
                Err(why) => {
                    let mut here = Problems::new(&path, &source);
                    here.note(&range, format!("cannot include `{name}`: {why}"), None);
                    list.push(here.finish());
                    continue;
                }
            };
            self.seen.push(self.root.join(&at));
            within.push(at);
            match self.expand_at(within, text, room) {
                Ok(text) => source.replace_range(range, &text),
                // They name their own file.
                Err(problems) => list.push(problems),
            }
            within.pop();
        }
        if list.is_empty() { Ok(source) } else { Err(list.into_iter().rev().flatten().collect()) }
    }

    /// The path below the root, and the text, of a file that the last of `within` includes as `name`; each of them
    /// includes the one after it.
    fn included(&self, within: &[PathBuf], name: &str, room: &mut u64) -> Result<(PathBuf, String), String> {
        let folder = within.last().and_then(|below| below.parent()).unwrap_or(Path::new(""));
        let at = inside(folder, Path::new(name)).ok_or("it lies outside the folder that was named")?;
        if within.contains(&at) {
            return Err("it includes this file in turn, and that would never end".to_owned());
        }
        if within.len() > MOST_DEPTH {
            return Err(format!("more than {MOST_DEPTH} files include one another"));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let file = rustix::fs::openat2(&self.folder, &at, flags, Mode::empty(), resolve);
        let file = File::from(file.map_err(|errno| errno.to_string())?);
        if !file.metadata().is_ok_and(|facts| facts.is_file()) {
            return Err("it is no regular file".to_owned());
        }
        let mut text = String::new();
        let read = file.take(*room + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        *room = room.checked_sub(read as u64).ok_or("all together are too large")?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok((at, text))
    }
}

/// Each `include` statement of `source`: where it stands, and the path it names.
///
/// # Errors
/// The source nests too deep to be parsed.
fn statements(path: &Path, source: &str) -> Result<Vec<(Range<usize>, String)>, Vec<Problem>> {
    nesting::check(path, source)?;
    // The word alone is frequent in strings and comments; what comes after it in a statement is a path, or a comment.
    let may_be_one = |(_, rest): (&str, &str)| rest.trim_start().starts_with(['"', '/']);
    if !source.match_indices("include").any(|(at, word)| may_be_one(source.split_at(at + word.len()))) {
        return Ok(Vec::new());
    }
    let mut includes = Vec::new();
    for tree in trees(source) {
        includes.extend(tree.items().filter_map(|item| match item {
            Item::Include(include) => Some((include.span().range(), include.file_name.to_owned())),
            _ => None,
        }));
    }
    Ok(includes)
}

/// `name` as seen from `folder`, without `.` and `..`; `None` if it leads out.
fn inside(folder: &Path, name: &Path) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn expand(root: &Path, name: &str) -> (Result<String, Vec<Problem>>, Vec<PathBuf>) {
        let mut includes = Includes::below(root).unwrap();
        let text = fs::read_to_string(root.join(name)).unwrap();
        (includes.expand(&root.join(name), text), includes.seen)
    }

    #[test]
    fn included_text_stands_where_the_statement_stood() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("index.yar"), "include \"sub/a.yar\"\nrule c { condition: a and b }").unwrap();
        fs::write(dir.path().join("sub/a.yar"), "rule a { condition: true }\ninclude \"../b.yar\"\n").unwrap();
        fs::write(dir.path().join("b.yar"), "rule b { condition: true }").unwrap();
        let (text, seen) = expand(dir.path(), "index.yar");
        assert_eq!(
            text.unwrap(),
            "rule a { condition: true }\nrule b { condition: true }\n\nrule c { condition: a and b }"
        );
        assert_eq!(seen, [dir.path().join("sub/a.yar"), dir.path().join("b.yar")]);
    }

    #[test]
    fn a_circle_is_told_once_where_it_closes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.yar"), "include \"b.yar\"").unwrap();
        fs::write(dir.path().join("b.yar"), "// twice\ninclude \"./a.yar\" include \"a.yar\"").unwrap();
        let problems = expand(dir.path(), "a.yar").0.unwrap_err();
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].contains("b.yar:2:1: cannot include `./a.yar`: it includes this file in turn"), "{shown:?}");
        assert_eq!(shown[1].matches("cannot include").count(), 1, "{shown:?}");
    }

    #[test]
    fn nothing_outside_is_read_and_nothing_is_read_without_end() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("x.yar"), "rule x { condition: true }").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("rules");
        fs::create_dir(&root).unwrap();
        fs::write(dir.path().join("above.yar"), "rule x { condition: true }").unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.yar"), root.join("link.yar")).unwrap();
        rustix::fs::mkfifoat(CWD, root.join("fifo.yar"), Mode::RUSR).unwrap();
        let absolute = outside.path().join("x.yar").display().to_string();
        for name in ["../above.yar", "link.yar", "fifo.yar", "absent.yar", "self.yar", &absolute] {
            fs::write(root.join("self.yar"), format!("// why\n  include \"{name}\"")).unwrap();
            let problems = expand(&root, "self.yar").0.unwrap_err();
            let [problem] = problems.as_slice() else { panic!("{problems:?}") };
            let shown = problem.to_string();
            assert!(shown.contains("self.yar:2:3: cannot include `"), "{shown}");
        }
    }
}
