//! Rules that meet a file in the same way.

use super::RuleSource;
use super::assign::{self, Kind};
use super::windowed::{self, MD5, Windowed};
use crate::hunt::{EXTERNAL_VARIABLES, RuleOptions};
use crate::scan::prefilter::Prefilter;

/// Compiled rules of one [`Kind`].
#[derive(Debug)]
pub(in crate::scan) struct Group {
    compiled: yara_x::Rules,
    prefilter: Option<Prefilter>,
    windowed: Option<Windowed>,
    needs: Needs,
}

/// What the conditions of a group ask for; kept with the compiled rules, for it takes parsing them to know.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Needs {
    externals: bool,
    md5: bool,
    counts: bool,
}

impl Needs {
    pub(super) fn of(sources: &[RuleSource]) -> Self {
        let md5 = sources.iter().any(|source| windowed::names_md5(&source.text));
        Self {
            externals: md5 || sources.iter().any(|source| names_external(&source.text)),
            md5,
            counts: sources.iter().any(|source| windowed::counts_matches(&source.text)),
        }
    }
}

impl Group {
    pub(super) fn new(
        kind: Kind,
        needs: Needs,
        sources: &[RuleSource],
        options: &RuleOptions,
        compiled: yara_x::Rules,
    ) -> Self {
        let prefilter = (kind != Kind::Whole).then(|| assign::prefilter_of(sources));
        let reach = prefilter.as_ref().and_then(Prefilter::reach).filter(|_| kind == Kind::Windowed);
        Self { windowed: reach.and_then(|reach| Windowed::new(sources, options, reach)), prefilter, needs, compiled }
    }

    /// Rules in it, candidate tests included.
    pub(in crate::scan) fn len(&self) -> usize {
        self.compiled.iter().len()
    }

    pub(in crate::scan) fn compiled(&self) -> &yara_x::Rules {
        &self.compiled
    }

    pub(super) fn needs(&self) -> Needs {
        self.needs
    }

    /// What rules a file out while it streams by; `None` if the rules want every file whole.
    pub(in crate::scan) fn prefilter(&self) -> Option<&Prefilter> {
        self.prefilter.as_ref()
    }

    /// The rules as they are matched over parts of a large file, if they can be.
    pub(in crate::scan) fn windowed(&self) -> Option<&Windowed> {
        self.windowed.as_ref()
    }

    /// Whether a rule may ask for [`EXTERNAL_VARIABLES`].
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

/// The word `md5` is frequent where it is no variable, so it is looked for apart.
fn names_external(text: &str) -> bool {
    EXTERNAL_VARIABLES.iter().filter(|name| **name != MD5).any(|name| text.contains(name))
}

/// A compiler that was given `sources`; what is wrong with them is in its errors. `integers` are further variables.
pub(super) fn compiler<'c>(sources: &[RuleSource], options: &RuleOptions, integers: &[String]) -> yara_x::Compiler<'c> {
    let mut compiler = options.compiler();
    for name in integers {
        let _ = compiler.define_global(name, 0_i64);
    }
    for source in sources {
        compiler.new_namespace(&source.namespace);
        let _ = compiler.add_source(yara_x::SourceCode::from(&*source.text).with_origin(&source.origin));
    }
    compiler
}
