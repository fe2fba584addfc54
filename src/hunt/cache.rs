//! What was found out about many rules, kept from one start to the next: what they are, and what of them cannot be used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ENGINE;
use super::compile::RuleOptions;
use super::problem::{Problem, SourcePlace};
use super::rule::{MetaValue, Pattern, Rule};
use super::source::RuleText;
use super::vet::{self, FAILS, Unused, Vetted};
use crate::finding::{RuleId, Sha256};
use crate::storage::Cache;

/// Fewer bytes of text than this are looked through in no time.
const WORTH: usize = 256 * 1024;

/// Takes each text apart and has it compiled, or takes what was found out about them from the folder `keep` and else puts it
/// there. The texts keep their order.
pub(super) fn vet_with_cache(texts: Vec<RuleText>, options: &RuleOptions, keep: Option<&Path>) -> Vec<Vetted> {
    let Some(cache) = place(&texts, options, keep) else { return vet::vet(texts, options) };
    read(&cache, &texts).unwrap_or_else(|| {
        let vetted = vet::vet(texts.clone(), options);
        // That may be this machine's fault, and mended by the next start.
        let failed = vetted.iter().flat_map(|vetted| &vetted.unused).any(|unused| unused.problem.message == FAILS);
        if !failed {
            write(&cache, &vetted, &texts);
        }
        vetted
    })
}

/// The place in the folder `keep` for what is found out about `texts`; `None` if it is not worth it.
fn place(texts: &[RuleText], options: &RuleOptions, keep: Option<&Path>) -> Option<Cache> {
    let bytes: usize = texts.iter().map(|text| text.text.len()).sum();
    let folder = keep.filter(|_| bytes >= WORTH)?;
    let options = format!("hunt {ENGINE} {options:?}");
    let marks: Vec<String> = texts.iter().map(RuleText::marks).collect();
    let parts = texts.iter().zip(&marks).flat_map(|(text, marks)| {
        [text.namespace.as_bytes(), text.origin.as_bytes(), text.text.as_bytes(), marks.as_bytes()]
    });
    Cache::open(folder, [options.as_bytes()].into_iter().chain(parts))
}

/// What was kept about `texts`, if it is of them.
fn read(cache: &Cache, texts: &[RuleText]) -> Option<Vec<Vetted>> {
    let kept = cache.read::<Vec<KeptText>>().filter(|kept| kept.len() == texts.len())?;
    Some(kept.into_iter().zip(texts).map(|(kept, text)| kept.of(text)).collect())
}

/// Keeps what was found out.
fn write(cache: &Cache, vetted: &[Vetted], texts: &[RuleText]) {
    let kept: Vec<KeptText> = vetted.iter().zip(texts).map(|(vetted, text)| KeptText::from(vetted, text)).collect();
    cache.write(&kept);
}

/// [`Vetted`], as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptText {
    /// The text where something is left out of it.
    text: Option<String>,
    warnings: Option<Vec<String>>,
    rules: Vec<KeptRule>,
    unused: Vec<KeptUnused>,
}

#[derive(Serialize, Deserialize)]
struct KeptRule {
    name: String,
    meta: Vec<(String, KeptValue)>,
    tags: Vec<String>,
    patterns: Vec<(String, String, usize)>,
    source: String,
    condition: String,
    digest: [u8; 32],
    matching_digest: [u8; 32],
    private: bool,
}

#[derive(Serialize, Deserialize)]
enum KeptValue {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
}

#[derive(Serialize, Deserialize)]
struct KeptUnused {
    rule: Option<String>,
    path: PathBuf,
    place: Option<(usize, usize)>,
    message: String,
    hint: Option<String>,
}

impl KeptText {
    fn from(vetted: &Vetted, text: &RuleText) -> Self {
        Self {
            text: (vetted.text.text != text.text).then(|| vetted.text.text.to_string()),
            warnings: vetted.text.warnings().map(|warnings| warnings.to_vec()),
            rules: vetted.rules.iter().map(KeptRule::from).collect(),
            unused: vetted.unused.iter().map(KeptUnused::from).collect(),
        }
    }

    fn of(self, text: &RuleText) -> Vetted {
        let namespace: Arc<str> = text.namespace.as_str().into();
        let mut text = text.clone();
        if let Some(left) = self.text {
            text.text = left.into();
        }
        if let Some(warnings) = self.warnings {
            text = text.taken_with(warnings);
        }
        let rules = self.rules.into_iter().map(|rule| rule.of(&namespace)).collect();
        Vetted { text, rules, unused: self.unused.into_iter().map(Unused::from).collect() }
    }
}

impl KeptRule {
    fn of(self, namespace: &Arc<str>) -> Rule {
        let Self { name, meta, tags, patterns, source, condition, digest, matching_digest, private } = self;
        let patterns = patterns.into_iter().map(|(id, text, at)| Pattern { id, text, at }).collect();
        let meta = meta.into_iter().map(|(key, value)| (key, value.into())).collect();
        let id = RuleId { namespace: Arc::clone(namespace), name: name.into() };
        let (digest, matching_digest) = (Sha256(digest), Sha256(matching_digest));
        Rule { id, meta, tags, patterns, source, condition, digest, matching_digest, private }
    }
}

impl From<&Rule> for KeptRule {
    fn from(rule: &Rule) -> Self {
        let Rule { id, meta, tags, patterns, source, condition, digest, matching_digest, private } = rule;
        Self {
            name: id.name.to_string(),
            meta: meta.iter().map(|(key, value)| (key.clone(), value.into())).collect(),
            tags: tags.clone(),
            patterns: patterns.iter().map(|Pattern { id, text, at }| (id.clone(), text.clone(), *at)).collect(),
            source: source.clone(),
            condition: condition.clone(),
            digest: digest.0,
            matching_digest: matching_digest.0,
            private: *private,
        }
    }
}

impl From<&MetaValue> for KeptValue {
    fn from(value: &MetaValue) -> Self {
        match value {
            MetaValue::Text(text) => Self::Text(text.clone()),
            MetaValue::Integer(number) => Self::Integer(*number),
            MetaValue::Float(number) => Self::Float(*number),
            MetaValue::Boolean(value) => Self::Boolean(*value),
        }
    }
}

impl From<KeptValue> for MetaValue {
    fn from(value: KeptValue) -> Self {
        match value {
            KeptValue::Text(text) => Self::Text(text),
            KeptValue::Integer(number) => Self::Integer(number),
            KeptValue::Float(number) => Self::Float(number),
            KeptValue::Boolean(value) => Self::Boolean(value),
        }
    }
}

impl From<&Unused> for KeptUnused {
    fn from(Unused { rule, problem }: &Unused) -> Self {
        let Problem { path, place, message, hint } = problem.clone();
        Self { rule: rule.clone(), path, place: place.map(|place| (place.line, place.column)), message, hint }
    }
}

impl From<KeptUnused> for Unused {
    fn from(KeptUnused { rule, path, place, message, hint }: KeptUnused) -> Self {
        let place = place.map(|(line, column)| SourcePlace { line, column });
        Self { rule, problem: Problem { path, place, message, hint } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let filler = format!("// {}\n", "x".repeat(WORTH));
        let rules = "import \"pe\"\nprivate rule p : t { meta: a = 1 b = 0.5 c = true d = \"e\" strings: $a = \"abc\" nocase condition: $a }
            rule q { condition: p and pe.is_pe }\nrule wrong { condition: nothing }\nrule { }\n";
        let text = |name: &str| {
            let inside = RuleText::of_bytes(Path::new("inside"), b"rule i { condition: true }\n\xff");
            let text = RuleText::of_bytes(Path::new(name), format!("I\n{rules}{filler}").as_bytes());
            text.with_included(vec![(0..1, inside)])
        };
        let texts = vec![text("one"), text("two")];
        let options = RuleOptions::default();
        let keep = dir.path().join("cache");
        assert!(place(&texts[..0], &options, Some(&keep)).is_none());
        let cache = place(&texts, &options, Some(&keep)).unwrap();
        assert!(read(&cache, &texts).is_none());
        let first = vet_with_cache(texts.clone(), &options, Some(&keep));
        assert!(first[0].rules.len() == 3 && first[0].unused.len() == 3, "{:?}", first[0].unused);
        let again = read(&cache, &texts).unwrap();
        for (first, again) in first.iter().zip(&again) {
            assert_eq!((&first.text, &first.rules, &first.unused), (&again.text, &again.rules, &again.unused));
        }
        let kept = vet_with_cache(texts.clone(), &options, Some(&keep));
        assert_eq!(kept[1].rules, first[1].rules);
        let relaxed = RuleOptions { relaxed_re_syntax: true, ..RuleOptions::default() };
        assert!(read(&place(&texts, &relaxed, Some(&keep)).unwrap(), &texts).is_none());
        let moved = vec![text("one"), text("three")];
        assert!(read(&place(&moved, &options, Some(&keep)).unwrap(), &moved).is_none());
    }
}
