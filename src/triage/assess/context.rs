//! What checks are weighed against: the site's sets, the known-good hashes, and all that the box says, looked up once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::evidence::{BoxQueries, Evidence, Observed, Referrer, Values};
use crate::hunt::field::ValueKind;
use crate::hunt::known_good::KnownGood;
use crate::hunt::{Check, Field, Hunt, NamedValues, Operand, Scenario, Site, standard};
use crate::text;

/// The site set that `--known-good` lists add to.
pub(super) const KNOWN_GOOD: &str = "known_good";

/// What an assessment needs beside the evidence. All of it can be shared with a worker thread.
#[derive(Clone, Copy)]
pub(crate) struct AssessmentContext<'a> {
    /// The site's facts.
    pub site: &'a Site,
    /// The hash lists that were given.
    pub known_good: &'a KnownGood,
    /// The box that the evidence comes from: its probes, or what it said when it was scanned.
    pub queries: &'a dyn BoxQueries,
}

/// The scenarios of a hunt, and after them those that fit any.
pub(super) fn scenarios_of(hunt: &Hunt) -> impl Iterator<Item = &Scenario> {
    hunt.scenarios.iter().chain(standard::scenarios())
}

/// All that the checks of one hunt ask about, for one finding.
pub(super) struct EvidenceContext<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) context: AssessmentContext<'a>,
    fields: BTreeMap<Field, Values>,
    paths: BTreeMap<String, Observed<Referrer>>,
    groups: BTreeMap<String, Observed<Vec<String>>>,
}

/// The values that a check names, with groups replaced by their members.
pub(super) struct ExpandedOperand<'a> {
    pub(super) values: Cow<'a, NamedValues>,
    /// Why there may be more of them.
    pub(super) unknown: Option<String>,
    /// The site set that they come from, where it holds nothing.
    pub(super) empty_set: Option<&'a str>,
}

impl<'a> EvidenceContext<'a> {
    /// Looks up every field, path and group that the hunt's checks name, each once.
    pub(super) fn gather(hunt: &Hunt, evidence: &'a Evidence, context: &AssessmentContext<'a>) -> Self {
        let mut known = Self {
            evidence,
            context: *context,
            fields: BTreeMap::new(),
            paths: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        let mut paths: Vec<String> = Vec::new();
        for check in scenarios_of(hunt).flat_map(Scenario::checks) {
            match check.field {
                Field::HostPath => paths.extend_from_slice(known.named(check).values.texts()),
                field => {
                    known.fields.entry(field).or_insert_with(|| evidence.field(field));
                }
            }
            if check.field.kind() == ValueKind::Account {
                for group in known.listed(check).iter().filter_map(|value| value.strip_prefix('%')) {
                    let members = || context.queries.members(group);
                    known.groups.entry(group.to_owned()).or_insert_with(members);
                }
            }
        }
        paths.sort_unstable();
        paths.dedup();
        let asked: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let answers = context.queries.host_paths(&asked, &evidence.facts);
        known.paths = paths.into_iter().zip(answers).collect();
        known
    }

    /// What is known of a field.
    pub(super) fn field(&self, field: Field) -> Cow<'_, Values> {
        self.fields.get(&field).map_or_else(|| Cow::Owned(self.evidence.field(field)), Cow::Borrowed)
    }

    /// Whether a path that a check names exists; `None` when no check of the hunt names it.
    pub(super) fn path(&self, path: &str) -> Option<&Observed<Referrer>> {
        self.paths.get(path)
    }

    /// The values that a check names. Those of a set are parsed here: it may grow after the hunts were loaded.
    pub(super) fn named<'k>(&'k self, check: &'k Check) -> ExpandedOperand<'k> {
        let listed = self.listed(check);
        let empty_set = self.empty_set(check, listed);
        let is_group = |value: &String| check.field.kind() == ValueKind::Account && value.starts_with('%');
        if let Operand::Values(values) = &check.operand
            && !listed.iter().any(is_group)
        {
            return ExpandedOperand { values: Cow::Borrowed(values), unknown: None, empty_set };
        }
        let (mut values, mut unknown) = (Vec::new(), None);
        for value in listed {
            match value.strip_prefix('%').filter(|_| is_group(value)).map(|group| self.groups.get(group)) {
                None => values.push(value.as_str()),
                Some(Some(Observed::Found(members))) => values.extend(members.iter().map(String::as_str)),
                Some(Some(Observed::Unknown(reason))) => unknown = Some(reason.clone()),
                Some(Some(Observed::NotFound) | None) => {}
            }
        }
        let values = NamedValues::fitting(check.field.kind(), check.operator, &values);
        ExpandedOperand { values: Cow::Owned(values), unknown, empty_set }
    }

    /// The values as a check or its set lists them.
    fn listed<'k>(&self, check: &'k Check) -> &'k [String]
    where
        'a: 'k,
    {
        match &check.operand {
            Operand::Values(values) => values.texts(),
            Operand::SiteSet(name) => {
                let site: &'a Site = self.context.site;
                site.set(name).map(|set| set.values.as_slice()).unwrap_or_default()
            }
            Operand::Exists(_) | Operand::Schedule => &[],
        }
    }

    /// What the site set that a check names holds, in words; nothing of one that is empty, and of hashes, which tell nobody anything.
    pub(super) fn set_words(&self, check: &Check) -> Option<String> {
        /// Values that are named; of more it is told how many.
        const SHOWN: usize = 8;
        let Operand::SiteSet(name) = &check.operand else { return None };
        let listed = self.listed(check);
        if listed.is_empty() || check.field.kind() == ValueKind::Sha256 {
            return None;
        }
        let shown: Vec<_> = listed.iter().take(SHOWN).map(|value| text::escape_str(value)).collect();
        let more = listed.len().saturating_sub(SHOWN) as u64;
        let more = if more > 0 { format!(" and {} more", text::count(more)) } else { String::new() };
        Some(format!("${}: {}{more}", text::escape_str(name), shown.join(", ")))
    }

    fn empty_set<'k>(&self, check: &'k Check, listed: &[String]) -> Option<&'k str> {
        let Operand::SiteSet(name) = &check.operand else { return None };
        let hashes = name == KNOWN_GOOD && !self.context.known_good.is_empty();
        (listed.is_empty() && !hashes).then_some(name)
    }
}
