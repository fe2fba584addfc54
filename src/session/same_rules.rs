//! The same rule from two places. Collections hold the rules that built-in hunts were made from: such a rule is that hunt,
//! and stands once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::finding::Sha256;
use crate::hunt::{Loaded, generic};

/// Takes out of `loaded` the hunts that no document describes and whose rule, by name and tokens, one of the first `builtin`
/// hunts has too; that one says where else its rule is. In the texts such a rule becomes private: others may rest on it, and
/// it reports nothing itself.
pub(super) fn unite(loaded: &mut Loaded, builtin: usize) {
    let rest = loaded.hunts.split_off(builtin.min(loaded.hunts.len()));
    let known: HashMap<(Arc<str>, Sha256), usize> = loaded
        .hunts
        .iter()
        .enumerate()
        .map(|(index, hunt)| ((Arc::clone(&hunt.rule.id.name), hunt.rule.digest), index))
        .collect();
    for hunt in rest {
        let same = known.get(&(Arc::clone(&hunt.rule.id.name), hunt.rule.digest));
        let plain = Arc::ptr_eq(&hunt.scenarios, &generic::generic_scenarios()) && hunt.candidate.is_none();
        let text = loaded.texts.iter_mut().find(|text| text.namespace == *hunt.rule.id.namespace);
        match (same.and_then(|same| loaded.hunts.get_mut(*same)), text) {
            (Some(same), Some(text)) if plain => {
                text.text = text.text.replacen(&hunt.rule.source, &format!("private {}", hunt.rule.source), 1).into();
                same.also_in.push(hunt.rule.id.namespace);
            }
            _ => loaded.hunts.push(hunt),
        }
    }
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
        let mut loaded = load("first.yar", "rule a { condition: filesize > 1 } rule b { condition: true }");
        let more = "// other layout\nrule a {\n condition: filesize > 1\n}\nrule b { condition: false }\nrule c { condition: a }";
        loaded.extend(load("second.yar", more));
        unite(&mut loaded, 2);
        let names: Vec<&str> = loaded.hunts.iter().map(|hunt| &*hunt.rule.id.name).collect();
        assert_eq!(names, ["a", "b", "b", "c"]);
        assert!(loaded.hunts[0].also_in.len() == 1 && loaded.hunts[0].also_in[0].ends_with("second.yar"));
        assert!(loaded.hunts[1].also_in.is_empty());
        let rules = yara_x::compile(&*loaded.texts[1].text).unwrap();
        let mut scanner = yara_x::Scanner::new(&rules);
        let found = scanner.scan(b"abc").unwrap();
        assert_eq!(found.matching_rules().map(|rule| rule.identifier().to_owned()).collect::<Vec<_>>(), ["c"]);
    }
}
