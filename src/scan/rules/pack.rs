//! A few rules compiled together, when a file first needs one of them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::library::{Library, Needs};
use super::windowed::{self, Windowed};
use super::{RuleSource, compiler};
use crate::hunt::RuleOptions;
use crate::scan::prefilter::{Prefilter, RuleIndex, YaraSource};

/// Rules that are matched together.
#[derive(Debug)]
pub(in crate::scan) struct Pack {
    /// Its rules, by namespace and name in what is compiled. Others are compiled with them because they rest on them.
    members: HashMap<(String, String), RuleIndex>,
    sources: Vec<RuleSource>,
    needs: Needs,
    options: RuleOptions,
    searches: bool,
    compiled: OnceLock<Option<Arc<yara_x::Rules>>>,
    parts: OnceLock<Option<PartsMatching>>,
}

/// What matching parts of a large file takes.
#[derive(Debug)]
pub(in crate::scan) struct PartsMatching {
    /// Locates the parts.
    pub prefilter: Prefilter,
    pub windowed: Windowed,
}

impl Pack {
    /// `searches` makes yara-x list the matches of every rule; without, only of those that could not be decided without.
    pub(super) fn new(library: &Library, options: &RuleOptions, rules: &[RuleIndex], searches: bool) -> Self {
        let sources = library.extract(rules);
        let members = rules.iter().filter_map(|rule| Some((library.key(*rule)?, *rule))).collect();
        Self {
            members,
            sources: if searches { with_search(sources) } else { sources },
            needs: library.needs(rules),
            options: options.clone(),
            searches,
            compiled: OnceLock::new(),
            parts: OnceLock::new(),
        }
    }

    /// Rules in it.
    pub(in crate::scan) fn len(&self) -> usize {
        self.members.len()
    }

    /// Its rules, in no order.
    pub(in crate::scan) fn rules(&self) -> impl Iterator<Item = RuleIndex> {
        self.members.values().copied()
    }

    /// The rule of this namespace and name, if it is one of those that are matched here.
    pub(in crate::scan) fn member(&self, namespace: &str, name: &str) -> Option<RuleIndex> {
        self.members.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// The compiled rules; `None` if they do not compile apart from the others.
    pub(in crate::scan) fn compiled(&self) -> Option<&Arc<yara_x::Rules>> {
        let compile = || {
            let compiler = compiler(&self.sources, &self.options, &[]);
            let errors = compiler.errors();
            if let Some(error) = errors.first() {
                tracing::error!("rules that compile together do not compile apart: {error}");
            }
            errors.is_empty().then(|| Arc::new(compiler.build()))
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// What it takes to match the rules over parts of a large file, if they can be.
    pub(in crate::scan) fn parts(&self) -> Option<&PartsMatching> {
        let make = || {
            if self.needs.whole {
                return None;
            }
            let borrow =
                |source: &'_ RuleSource| -> (String, Arc<str>) { (source.namespace.clone(), Arc::clone(&source.text)) };
            let texts: Vec<(String, Arc<str>)> =
                self.sources.iter().filter(|source| source.namespace != SEARCH).map(borrow).collect();
            let sources: Vec<YaraSource> =
                texts.iter().map(|(namespace, text)| YaraSource { namespace, text }).collect();
            let prefilter = Prefilter::new(&sources, &[]);
            let reach = prefilter.reach().filter(|reach| reach.bytes <= windowed::MAX_REACH_BYTES)?;
            Some(PartsMatching { windowed: Windowed::new(&self.sources, &self.options, reach)?, prefilter })
        };
        self.parts.get_or_init(make).as_ref()
    }

    /// Whether all matches of its rules are listed.
    pub(in crate::scan) fn searches(&self) -> bool {
        self.searches
    }

    /// Whether a rule may ask for external variables.
    pub(in crate::scan) fn externals(&self) -> bool {
        self.needs.externals
    }

    /// Whether a condition asks for the MD5 of the whole file.
    pub(in crate::scan) fn md5(&self) -> bool {
        self.needs.md5
    }

    /// Whether a condition depends on how many matches a pattern has, or where they are.
    pub(in crate::scan) fn counts(&self) -> bool {
        self.needs.counts
    }
}

/// The namespace of the rule that makes yara-x search.
const SEARCH: &str = "search";

/// The sources with a rule that cannot be decided without a search.
///
/// yara-x searches for patterns when a condition first asks for one. A rule that is decided before has no matches listed,
/// unless another rule in the same set has asked: with this one, what is listed does not depend on the others.
pub(super) fn with_search(mut sources: Vec<RuleSource>) -> Vec<RuleSource> {
    let text = "rule search { strings: $a = { 8D C6 E2 F1 9B D4 A7 } condition: $a }";
    sources.push(RuleSource { namespace: SEARCH.into(), origin: String::new(), text: text.into(), warnings: None });
    sources
}
