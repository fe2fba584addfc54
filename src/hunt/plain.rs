//! Plain YARA files: rules without a hunt beside them.

use std::path::Path;

use super::cache::vet_with_cache;
use super::compile::RuleOptions;
use super::folder::{RuleFolder, is_rule_file};
use super::include::Includes;
use super::problem::Problem;
use super::source::RuleText;
use super::vet::{Unused, Vetted};
use super::{Loaded, file, generic, rule::Rule};

/// Plain YARA files, with what they include, and without what of them cannot be used.
#[derive(Debug, Default)]
pub struct RuleFiles {
    texts: Vec<RuleText>,
    rules: Vec<Rule>,
    /// What is left out: rules, statements, whole files.
    unused: Vec<Unused>,
}

impl From<RuleFiles> for Loaded {
    /// One hunt with the generic scenarios for each rule that is not private, in the order of files and of the rules in
    /// them.
    fn from(files: RuleFiles) -> Self {
        let RuleFiles { texts, rules, unused } = files;
        let hunts = rules.into_iter().filter(|rule| !rule.private).map(generic::hunt).collect();
        Self { hunts, texts, unused }
    }
}

impl RuleFiles {
    /// Reads one file, or every `.yar` and `.yara` below a folder. A file may include others of the folder (of its own
    /// folder, if it was named alone). What cannot be used is left out.
    ///
    /// # Errors
    /// What was named cannot be read, or nothing of it can be used.
    pub fn read(path: &Path, options: &RuleOptions) -> Result<Self, Vec<Unused>> {
        Self::read_keeping(path, options, None)
    }

    /// As [`RuleFiles::read`]. What is found out about many rules is kept in the folder `keep`, so that it need not be found
    /// out again.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn read_keeping(path: &Path, options: &RuleOptions, keep: Option<&Path>) -> Result<Self, Vec<Unused>> {
        let one = |problem: Problem| vec![Unused::from(problem)];
        let (folder, listed) = if path.is_dir() {
            let folder = RuleFolder::open(path).map_err(one)?;
            let listed = folder.files(true, is_rule_file).map_err(one)?;
            if listed.files.is_empty() && listed.problems.is_empty() {
                return Err(one(Problem::whole(path, "holds no .yar or .yara file")));
            }
            (folder, listed)
        } else {
            let above = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
            // Of a file that was named, what is wrong with it is said before its folder is looked at.
            file::open(path).map_err(one)?;
            let mut listed = super::folder::HuntFiles::default();
            listed.files.push(path.to_owned());
            (RuleFolder::open(above).map_err(one)?, listed)
        };
        let mut unused: Vec<Unused> = listed.problems.into_iter().map(Unused::from).collect();
        let mut includes = Includes::below(&folder);
        let mut texts: Vec<RuleText> = Vec::new();
        for path in &listed.files {
            // What another file includes has its rules there; by itself it would report everything twice.
            if includes.seen.contains(path) {
                continue;
            }
            match folder.read(path, file::MAX_RULE_BYTES) {
                Ok(bytes) => {
                    let before = includes.seen.len();
                    let text = includes.expand(path, &RuleText::of_bytes(path, &bytes));
                    let new = includes.seen.get(before..).unwrap_or_default();
                    texts.retain(|text| !new.iter().any(|included| *included == Path::new(&text.origin)));
                    texts.push(text);
                }
                Err(problem) => unused.push(problem.into()),
            }
        }
        unused.extend(includes.unused);
        let mut files = Self::default();
        for Vetted { text, rules, unused: left_out } in vet_with_cache(texts, options, keep) {
            files.texts.push(text);
            files.rules.extend(rules);
            unused.extend(left_out);
        }
        // What two files include is wrong in both in the same way.
        for one in unused {
            if !files.unused.contains(&one) {
                files.unused.push(one);
            }
        }
        if files.rules.is_empty() && !files.unused.is_empty() {
            return Err(files.unused);
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    fn load(path: &Path) -> Loaded {
        RuleFiles::read(path, &RuleOptions::default()).unwrap().into()
    }

    fn names(path: &Path) -> Vec<String> {
        load(path).hunts.iter().map(|hunt| hunt.rule.id.name.to_string()).collect()
    }

    fn unused(path: &Path) -> Vec<String> {
        let inside = format!("{}/", path.display());
        load(path).unused.iter().map(|unused| unused.to_string().replace(&inside, "")).collect()
    }

    #[test]
    fn plain_rules_get_the_generic_scenarios_and_a_namespace_per_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let rules = "private rule p { condition: true } rule a { condition: p } rule c { condition: true }";
        fs::write(dir.path().join("sub/a.yar"), rules).unwrap();
        fs::write(dir.path().join("b.yara"), "rule a { condition: true }").unwrap();
        fs::write(dir.path().join("c.txt"), "no rule").unwrap();
        symlink(dir.path(), dir.path().join("loop")).unwrap();
        let loaded = load(dir.path());
        assert_eq!(names(dir.path()), ["a", "a", "c"]);
        assert_eq!(loaded.unused, []);
        assert_ne!(loaded.hunts[0].rule.id, loaded.hunts[1].rule.id);
        assert!(loaded.hunts.iter().all(|hunt| hunt.scenarios.len() == 4));
        assert_eq!(names(&dir.path().join("b.yara")), ["a"]);
        assert!(RuleFiles::read(&dir.path().join("c.txt"), &RuleOptions::default()).is_err());
        let empty = tempfile::tempdir().unwrap();
        let none = RuleFiles::read(empty.path(), &RuleOptions::default()).unwrap_err();
        assert!(none[0].to_string().contains("holds no .yar"));
    }

    #[test]
    fn plain_rules_may_include_others_of_their_folder_which_then_count_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("index.yar"), "include \"base.yar\"\nrule b { condition: a }").unwrap();
        fs::write(at("base.yar"), "rule a { condition: true }").unwrap();
        assert_eq!(names(dir.path()), ["a", "b"]);
        assert_eq!(load(dir.path()).texts.len(), 1);
        assert_eq!(names(&at("index.yar")).len(), 2);
        fs::write(at("base.yar"), "// first\nrule a { condition: }\nrule c { condition: true }").unwrap();
        assert_eq!(names(dir.path()), ["c"]);
        let left_out = unused(dir.path());
        assert!(left_out[0].starts_with("base.yar:2:") && left_out[0].ends_with("(rule a)"), "{left_out:?}");
        assert!(left_out[1].starts_with("index.yar:2:21: refers to the rule `a`"), "{left_out:?}");
        fs::write(at("index.yar"), "include \"/etc/hostname\"\nrule d { condition: true }").unwrap();
        assert!(unused(dir.path())[0].contains("outside the folder"));
        assert_eq!(names(dir.path()), ["c", "d"]);
    }

    #[test]
    fn files_that_include_one_another_are_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a.yar"), "include \"b.yar\"\nrule a { condition: true }").unwrap();
        fs::write(at("b.yar"), "include \"a.yar\"\nrule b { condition: true }").unwrap();
        assert_eq!(names(dir.path()), ["b", "a"]);
        assert_eq!(unused(dir.path()).len(), 1);
    }

    #[test]
    fn one_wrong_file_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(outside.path().join("x.yar"), "rule x { condition: true }").unwrap();
        fs::write(at("good.yar"), "rule good { condition: true }").unwrap();
        fs::write(at("._good.yar"), b"\0\x05\x16\x07\0\x02\0\0Mac OS X").unwrap();
        fs::write(at("packed.yar.gz"), b"\x1f\x8b\x08\0").unwrap();
        fs::write(at("compiled.yarc"), b"YARA\x15\0\0").unwrap();
        fs::write(at("wide.yar"), b"\xff\xfer\0u\0l\0e\0").unwrap();
        symlink("someone@host.4711:1700000000", at(".#good.yar")).unwrap();
        symlink(outside.path().join("x.yar"), at("link.yar")).unwrap();
        symlink(outside.path(), at("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.yar"), rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(names(dir.path()), ["good"]);
        let left_out = unused(dir.path());
        for (file, why) in [
            ("._good.yar", "AppleDouble"),
            (".#good.yar", "editor's lock"),
            ("packed.yar.gz", "gzip"),
            ("compiled.yarc", "YARA has compiled"),
            ("wide.yar", "UTF-16"),
            ("link.yar", "leads out"),
            ("folder", "leads out"),
            ("pipe.yar", "not a regular file"),
        ] {
            let told = left_out.iter().any(|line| line.starts_with(&format!("{file}: ")) && line.contains(why));
            assert!(told, "{file}: {left_out:?}");
        }
        assert_eq!(left_out.len(), 8, "{left_out:?}");
    }

    #[test]
    fn a_folder_of_links_is_read_as_kubernetes_lays_it_out() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("..2026_01_01/sub")).unwrap();
        fs::write(at("..2026_01_01/a.yar"), "rule a { condition: true }").unwrap();
        fs::write(at("..2026_01_01/sub/b.yar"), "rule b { condition: true }").unwrap();
        symlink("..2026_01_01", at("..data")).unwrap();
        symlink("..data/a.yar", at("a.yar")).unwrap();
        symlink("a.yar", at("again.yar")).unwrap();
        symlink("..data/sub", at("sub")).unwrap();
        let loaded = load(dir.path());
        let files: Vec<PathBuf> = loaded.texts.iter().map(|text| PathBuf::from(&text.origin)).collect();
        assert_eq!(files, [at("a.yar"), at("sub/b.yar")]);
        assert_eq!(loaded.unused, []);
        let lower = dir.path().join("..data");
        assert_eq!(load(&lower).hunts.len(), 2, "the folder itself may be a link");
    }
}
