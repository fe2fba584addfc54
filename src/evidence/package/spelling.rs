//! One file, several spellings: on a box with a merged `/usr` the file `/usr/bin/env` may be listed as `/bin/env`.

use std::path::{Path, PathBuf};

use crate::root::Root;

/// Places that distributions have turned into links to other folders.
const LINKS: [&str; 11] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/sbin",
    "/usr/lib64",
    "/usr/tmp",
    "/var/run",
    "/var/lock",
];

/// The folder links of one box.
pub(super) struct Spellings {
    /// Link and the folder it leads to.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Spellings {
    pub(super) fn read(root: &Root) -> Self {
        let target = |link: &Path| {
            root.locate(link, false).ok().filter(|found| found.metadata.is_symlink())?;
            Some(root.locate(link, true).ok()?.path)
        };
        let links = LINKS.iter().map(PathBuf::from);
        Self { links: links.filter_map(|link| target(&link).map(|target| (link, target))).collect() }
    }

    /// Every spelling of `path`: resolved, as given, and through each link that leads to its folder.
    pub(super) fn of(&self, root: &Root, path: &Path) -> Vec<PathBuf> {
        let resolved = path.parent().zip(path.file_name()).and_then(|(parent, name)| {
            // The last component stays: a package lists a link under the link's own name.
            Some(root.locate(parent, true).ok()?.path.join(name))
        });
        let resolved = resolved.unwrap_or_else(|| path.to_owned());
        let through =
            self.links.iter().filter_map(|(link, target)| Some(link.join(resolved.strip_prefix(target).ok()?)));
        let mut spellings = vec![resolved.clone()];
        for spelling in through.chain([path.to_owned()]) {
            if !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
        spellings
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::super::testing::scratch;
    use super::*;

    #[test]
    fn a_merged_usr_has_two_spellings_and_a_split_one_has_one() {
        let (dir, root) = scratch(&[("usr/bin/env", ""), ("opt/x", "")]);
        let spell = |path| Spellings::read(&root).of(&root, Path::new(path));
        assert_eq!(spell("/usr/bin/env"), [Path::new("/usr/bin/env")]);
        symlink("usr/bin", dir.path().join("bin")).unwrap();
        symlink("bin", dir.path().join("usr/sbin")).unwrap();
        let all = ["/usr/bin/env", "/bin/env", "/usr/sbin/env"].map(Path::new);
        assert_eq!(spell("/usr/bin/env"), all);
        assert_eq!(spell("/bin/env"), all);
        assert_eq!(spell("/opt/x"), [Path::new("/opt/x")]);
    }
}
