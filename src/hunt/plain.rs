//! Plain YARA files: rules without a hunt beside them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::include::Includes;
use super::load::{MOST_FILES, RuleText, entries};
use super::problem::Problem;
use super::rule::rules_of;
use super::{Hunt, file, generic};

/// Folders nested in a folder of rules at most.
const MOST_DEPTH: usize = 16;

/// Plain YARA files, read and with what they include, but not yet taken apart: they can be compiled meanwhile.
#[derive(Debug, Default)]
pub struct RuleFiles {
    texts: Vec<RuleText>,
    /// What others include has its rules there; by itself it would report everything twice.
    included: HashSet<String>,
}

impl RuleFiles {
    /// Reads one file, or every `.yar` and `.yara` below a folder. A file may include others of the folder (of its own
    /// folder, if it was named alone).
    ///
    /// # Errors
    /// Every file that cannot be read or nests too deep to be parsed, and every `include` that cannot be followed.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let mut files = Vec::new();
        if path.is_dir() {
            rule_files(path, MOST_DEPTH, &mut files).map_err(|problem| vec![problem])?;
            if files.is_empty() {
                return Err(vec![Problem::whole(path, "holds no .yar or .yara file")]);
            }
        } else {
            files.push(path.to_owned());
        }
        let above = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let root = if path.is_dir() { path } else { above };
        let mut includes = Includes::below(root).map_err(|problem| vec![problem])?;
        let mut list = Vec::new();
        let mut texts = Vec::new();
        for path in &files {
            let text = file::read(path, file::MOST_RULE_BYTES).map_err(|problem| vec![problem]);
            match text.and_then(|text| includes.expand(path, text)) {
                Ok(text) => texts.push(RuleText::of(path, text)),
                Err(problems) => list.extend(problems),
            }
        }
        let included = includes.seen.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        if list.is_empty() { Ok(Self { texts, included }) } else { Err(list) }
    }

    /// The texts to compile.
    pub fn texts(&self) -> impl Iterator<Item = &RuleText> {
        self.texts.iter().filter(|text| !self.included.contains(&text.namespace))
    }

    /// One hunt with the generic scenarios for each rule that is not private, in the order of files and of the rules in
    /// them. Whether the rules compile is left to the compiler.
    ///
    /// # Errors
    /// Everything in every file that does not parse.
    pub fn hunts(&self) -> Result<Vec<Hunt>, Vec<Problem>> {
        let mut list = Vec::new();
        let mut hunts = Vec::new();
        for text in &self.texts {
            match rules_of(&text.namespace, Path::new(&text.origin), &text.text) {
                // It was looked at only for what is wrong in it, which is told with the place in its own file.
                Ok(_) if self.included.contains(&text.namespace) => {}
                Ok(rules) => hunts.extend(rules.into_iter().filter(|rule| !rule.private).map(generic::hunt)),
                Err(problems) => list.extend(problems),
            }
        }
        if list.is_empty() { Ok(hunts) } else { Err(list) }
    }
}

fn rule_files(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    for entry in entries(dir)? {
        let path = dir.join(&entry);
        let is_rules = matches!(path.extension().and_then(|extension| extension.to_str()), Some("yar" | "yara"));
        let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_dir());
        if is_folder {
            let depth = depth.checked_sub(1).ok_or_else(|| Problem::whole(&path, "is nested too deep"))?;
            rule_files(&path, depth, files)?;
        } else if is_rules {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(Problem::whole(dir, format!("holds more than {MOST_FILES} rule files")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunts(path: &Path) -> Vec<String> {
        RuleFiles::read(path).unwrap().hunts().unwrap().iter().map(|hunt| hunt.rule.id.name.to_string()).collect()
    }

    #[test]
    fn plain_rules_get_the_generic_scenarios_and_a_namespace_per_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let rules = "private rule p { condition: true } rule a { condition: p } rule c { condition: true }";
        std::fs::write(dir.path().join("sub/a.yar"), rules).unwrap();
        std::fs::write(dir.path().join("b.yara"), "rule a { condition: true }").unwrap();
        std::fs::write(dir.path().join("c.txt"), "no rule").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        let files = RuleFiles::read(dir.path()).unwrap();
        let loaded = files.hunts().unwrap();
        assert_eq!(hunts(dir.path()), ["a", "a", "c"]);
        assert_ne!(loaded[0].rule.id, loaded[1].rule.id);
        assert!(loaded.iter().all(|hunt| hunt.scenarios.len() == 4));
        assert_eq!(hunts(&dir.path().join("b.yara")), ["a"]);
        assert!(RuleFiles::read(&dir.path().join("c.txt")).unwrap().hunts().is_err());
        let empty = tempfile::tempdir().unwrap();
        assert!(RuleFiles::read(empty.path()).unwrap_err()[0].to_string().contains("holds no .yar"));
    }

    #[test]
    fn plain_rules_may_include_others_of_their_folder_which_then_count_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("index.yar"), "include \"base.yar\"\nrule b { condition: a }").unwrap();
        std::fs::write(at("base.yar"), "rule a { condition: true }").unwrap();
        assert_eq!(hunts(dir.path()), ["a", "b"]);
        assert_eq!(RuleFiles::read(dir.path()).unwrap().texts().count(), 1);
        assert_eq!(hunts(&at("index.yar")).len(), 2);
        std::fs::write(at("base.yar"), "// first\nrule a { condition: }").unwrap();
        let problems = RuleFiles::read(dir.path()).unwrap().hunts().unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains("base.yar:2:")), "{problems:?}");
        std::fs::write(at("index.yar"), "include \"/etc/hostname\"").unwrap();
        assert!(RuleFiles::read(dir.path()).unwrap_err()[0].to_string().contains("outside the folder"));
    }

    #[test]
    fn what_nests_too_deep_is_told_before_anything_parses_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let deep = format!("rule a {{ condition: {}true }}", "not ".repeat(100_000));
        let refused = || RuleFiles::read(&at("index.yar")).unwrap_err()[0].to_string();
        std::fs::write(at("index.yar"), format!("{deep}\ninclude \"base.yar\"")).unwrap();
        assert!(refused().contains("index.yar:1:") && refused().contains("nests deeper than"), "{}", refused());
        std::fs::write(at("index.yar"), "include \"base.yar\"").unwrap();
        std::fs::write(at("base.yar"), format!("{deep}\ninclude \"more.yar\"")).unwrap();
        assert!(refused().contains("base.yar:1:") && refused().contains("nests deeper than"), "{}", refused());
        std::fs::write(at("index.yar"), &deep).unwrap();
        assert!(refused().contains("nests deeper than"), "{}", refused());
    }
}
