//! `include` statements of plain YARA files, resolved below the folder that was named and nowhere else.
//!
//! The compiler itself is not let near the file system: a rule file from somewhere must not read from anywhere.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use yara_x_parser::ast::{Item, WithSpan as _};

use super::folder::RuleFolder;
use super::source::RuleText;
use super::{Unused, file, nesting, trees};

/// Files included in one another at most.
const MAX_DEPTH: usize = 16;

/// A folder whose files may include one another.
pub(super) struct Includes<'f> {
    folder: &'f RuleFolder,
    /// The files that others included.
    pub seen: Vec<PathBuf>,
    /// The statements that cannot be followed.
    pub unused: Vec<Unused>,
}

impl<'f> Includes<'f> {
    pub(super) fn below(folder: &'f RuleFolder) -> Self {
        Self { folder, seen: Vec::new(), unused: Vec::new() }
    }

    /// The file at `path` with the text of each included file in the place of the statement. A statement that cannot be
    /// followed is blanked out; what lacks for it fails to compile afterwards.
    pub(super) fn expand(&mut self, path: &Path, text: &RuleText) -> RuleText {
        let below = path.strip_prefix(self.folder.root()).unwrap_or(path).to_owned();
        let mut room = file::MAX_RULE_BYTES;
        self.expand_at(&mut vec![below], text, &mut room)
    }

    fn expand_at(&mut self, within: &mut Vec<PathBuf>, text: &RuleText, room: &mut u64) -> RuleText {
        let mut included = Vec::new();
        let mut blank = Vec::new();
        for (range, name) in statements(&text.text) {
            match self.included(within, &name, room) {
                Ok((at, inner)) => {
                    self.seen.push(self.folder.root().join(&at));
                    within.push(at);
                    included.push((range, self.expand_at(within, &inner, room)));
                    within.pop();
                }
                Err(why) => {
                    let problem = text.problem(&range, format!("cannot include `{name}`: {why}"), None);
                    self.unused.push(Unused { rule: None, problem });
                    blank.push(range);
                }
            }
        }
        text.without(&blank).with_included(included)
    }

    /// The path below the root, and the text, of a file that the last of `within` includes as `name`; each of them
    /// includes the one after it.
    fn included(&self, within: &[PathBuf], name: &str, room: &mut u64) -> Result<(PathBuf, RuleText), String> {
        let folder = within.last().and_then(|below| below.parent()).unwrap_or(Path::new(""));
        let at = inside(folder, Path::new(name)).ok_or("it lies outside the folder that was named")?;
        if within.contains(&at) {
            return Err("it includes this file in turn, and that would never end".to_owned());
        }
        if within.len() > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} files include one another"));
        }
        let path = self.folder.root().join(&at);
        let bytes = self.folder.read(&path, *room).map_err(|problem| format!("it {}", problem.message))?;
        *room -= bytes.len() as u64;
        Ok((at, RuleText::of_bytes(&path, &bytes)))
    }
}

/// Each `include` statement of `source`: where it stands, and the path it names. There is none in a source that nests
/// too deep to be parsed.
fn statements(source: &str) -> Vec<(Range<usize>, String)> {
    // The word alone is frequent in strings and comments; what comes after it in a statement is a path, or a comment.
    let may_be_one = |(_, rest): (&str, &str)| rest.trim_start().starts_with(['"', '/']);
    let maybe = source.match_indices("include").any(|(at, word)| may_be_one(source.split_at(at + word.len())));
    if !maybe || nesting::too_deep(source).is_some() {
        return Vec::new();
    }
    let mut includes = Vec::new();
    for tree in trees(source) {
        includes.extend(tree.items().filter_map(|item| match item {
            Item::Include(include) => Some((include.span().range(), include.file_name.to_owned())),
            _ => None,
        }));
    }
    includes
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

    fn expand(root: &Path, name: &str) -> (RuleText, Vec<String>, Vec<PathBuf>) {
        let folder = RuleFolder::open(root).unwrap();
        let mut includes = Includes::below(&folder);
        let text = RuleText::of(&root.join(name), fs::read_to_string(root.join(name)).unwrap());
        let text = includes.expand(&root.join(name), &text);
        let unused = includes.unused.iter().map(|unused| unused.problem.to_string()).collect();
        (text, unused, includes.seen)
    }

    #[test]
    fn included_text_stands_where_the_statement_stood() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("index.yar"), "include \"sub/a.yar\"\nrule c { condition: a and b }").unwrap();
        fs::write(dir.path().join("sub/a.yar"), "rule a { condition: true }\ninclude \"../b.yar\"\n").unwrap();
        fs::write(dir.path().join("b.yar"), "rule b { condition: true }").unwrap();
        let (text, unused, seen) = expand(dir.path(), "index.yar");
        assert_eq!(
            &*text.text,
            "rule a { condition: true }\nrule b { condition: true }\n\nrule c { condition: a and b }"
        );
        assert_eq!(unused, [""; 0]);
        assert_eq!(seen, [dir.path().join("sub/a.yar"), dir.path().join("b.yar")]);
    }

    #[test]
    fn a_circle_is_told_once_where_it_closes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.yar"), "include \"b.yar\"").unwrap();
        fs::write(dir.path().join("b.yar"), "// twice\ninclude \"./a.yar\" include \"a.yar\"").unwrap();
        let (text, shown, _) = expand(dir.path(), "a.yar");
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].contains("b.yar:2:1: cannot include `./a.yar`: it includes this file in turn"), "{shown:?}");
        assert_eq!(shown[1].matches("cannot include").count(), 1, "{shown:?}");
        assert_eq!(text.text.trim(), "// twice");
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
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo.yar"), rustix::fs::Mode::RUSR).unwrap();
        let absolute = outside.path().join("x.yar").display().to_string();
        for name in ["../above.yar", "link.yar", "fifo.yar", "absent.yar", "self.yar", &absolute] {
            fs::write(root.join("self.yar"), format!("// why\n  include \"{name}\"")).unwrap();
            let (text, unused, _) = expand(&root, "self.yar");
            let [shown] = unused.as_slice() else { panic!("{unused:?}") };
            assert!(shown.contains("self.yar:2:3: cannot include `"), "{shown}");
            assert_eq!(text.text.trim(), "// why");
        }
    }
}
