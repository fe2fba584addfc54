//! The same rule from two places. Collections hold the rules that built-in hunts were made from: such a rule is that hunt,
//! and stands once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::finding::Sha256;
use crate::hunt::{Loaded, generic};

/// Takes out of `loaded` the hunts that no document describes and whose rule one of the first `builtin` hunts has too, whatever
/// `meta` says; that one says where else its rule is. In the texts such a rule becomes private: others may rest on it, and it
/// reports nothing itself.
pub(super) fn unite(loaded: &mut Loaded, builtin: usize) {
    let rest = loaded.hunts.split_off(builtin.min(loaded.hunts.len()));
    let names: HashSet<Arc<str>> = loaded.hunts.iter().map(|hunt| Arc::clone(&hunt.rule.id.name)).collect();
    let known: HashMap<(Arc<str>, Sha256), usize> = loaded
        .hunts
        .iter()
        .enumerate()
        .filter(|(_, hunt)| !refers_to(&hunt.rule.condition, &names))
        .map(|(index, hunt)| ((Arc::clone(&hunt.rule.id.name), hunt.rule.matching_digest), index))
        .collect();
    for hunt in rest {
        let same = known.get(&(Arc::clone(&hunt.rule.id.name), hunt.rule.matching_digest));
        let plain = Arc::ptr_eq(&hunt.scenarios, &generic::generic_scenarios()) && hunt.candidate.is_none();
        let text = loaded.texts.iter_mut().find(|text| text.namespace == *hunt.rule.id.namespace);
        match (same.and_then(|same| loaded.hunts.get_mut(*same)), text) {
            (Some(same), Some(text)) if plain => {
                text.change(|text| text.replacen(&hunt.rule.source, &format!("private {}", hunt.rule.source), 1));
                same.also_in.push(hunt.rule.id.namespace);
            }
            _ => loaded.hunts.push(hunt),
        }
    }
}

/// Whether the condition has one of the names as a word. A rule of that name in another file may be another one.
fn refers_to(condition: &str, names: &HashSet<Arc<str>>) -> bool {
    condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| names.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::{RuleFiles, RuleOptions};

    #[test]
    fn a_rule_that_a_built_in_hunt_has_too_is_that_hunt() {
        let dir = tempfile::tempdir().unwrap();
        let load = |name: &str, text: &str| -> Loaded {
            std::fs::write(dir.path().join(name), text).unwrap();
            RuleFiles::read(&dir.path().join(name), &RuleOptions::default()).unwrap().into()
        };
        let mut loaded = load(
            "first.yar",
            "rule a : one { meta: author = \"A\" strings: $s = \"ab\" condition: $s } rule b { condition: true } rule d { condition: b }",
        );
        let more =
            "// other layout\nrule a {\n meta: id = 7 license = \"other\"\n strings: $s = \"ab\" condition: $s\n}
            rule b { condition: false } rule c { condition: a } rule d { condition: b }";
        loaded.extend(load("second.yar", more));
        unite(&mut loaded, 3);
        let names: Vec<&str> = loaded.hunts.iter().map(|hunt| &*hunt.rule.id.name).collect();
        assert_eq!(names, ["a", "b", "d", "b", "c", "d"]);
        assert!(loaded.hunts[0].also_in.len() == 1 && loaded.hunts[0].also_in[0].ends_with("second.yar"));
        assert!(loaded.hunts[1..3].iter().all(|hunt| hunt.also_in.is_empty()), "what it refers to may differ");
        let rules = yara_x::compile(&*loaded.texts[1].text).unwrap();
        let mut scanner = yara_x::Scanner::new(&rules);
        let found = scanner.scan(b"abc").unwrap();
        assert_eq!(found.matching_rules().map(|rule| rule.identifier().to_owned()).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_copy_of_a_built_in_rule_is_that_hunt_whatever_its_meta_says() {
        let builtin = || crate::hunt::builtin::load(&crate::hunt::Site::default()).unwrap();
        let count = builtin().hunts.len();
        // Something else of a rule than its meta makes another rule of it.
        for (from, to, stands_once) in [
            ("meta:", "meta: id = \"0-1\" more = 3", true),
            ("\nrule ", "\nrule  ", true),
            ("condition:", "condition: true and", false),
            ("$s1 = \"", "$s1 = \"x", false),
            (" fullword", "", false),
        ] {
            for hunt in builtin().hunts {
                let (rule, mut loaded) = (&hunt.rule, builtin());
                let copy = format!("\n{}", rule.source).replace(from, to);
                if copy.trim() == rule.source {
                    continue;
                }
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("copy.yar");
                std::fs::write(&path, &copy).unwrap();
                loaded.extend(RuleFiles::read(&path, &RuleOptions::default()).unwrap().into());
                unite(&mut loaded, count);
                assert_eq!(loaded.hunts.len() == count, stands_once, "{copy}");
                let known = loaded.hunts.iter().find(|known| known.rule.id == rule.id).unwrap();
                assert_eq!(known.also_in.len(), usize::from(stands_once), "{copy}");
            }
        }
    }
}
