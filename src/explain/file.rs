//! The conditions of a hunt for a file whose bytes are at hand, as far as they are.

use std::borrow::Cow;
use std::path::Path;

use super::{ConditionPart, ExplainedFile, because, condition};
use crate::elf::Bytes;
use crate::finding::{Digest, FileFacts, Finding, Sha256};
use crate::hunt::file_types::HEADER_BYTES;
use crate::hunt::{Hunt, Rule, RuleOptions, rules_of};
use crate::scan::{Externals, PatternLocations, probe};
use crate::text::subject;

/// A larger file, in bytes, is not searched for patterns again: of its patterns only those are known that a finding lists.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

/// What a scan has seen of a file and a hunt.
#[derive(Clone, Copy)]
pub(crate) struct ScannedFile<'s> {
    /// The file's facts when it was scanned.
    pub file: &'s FileFacts,
    /// The bytes that were scanned, as far as they are still at hand. Bytes that turn out to be others are not used.
    pub bytes: &'s dyn Bytes,
    /// What matched; `None` for a candidate.
    pub finding: Option<&'s Finding>,
    /// How the rules were compiled that it was scanned with.
    pub options: &'s RuleOptions,
}

/// What the conditions of a hunt come to for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The rule's condition.
    pub rule: ConditionPart,
    /// The patterns of the rule in their order.
    pub patterns: Vec<PatternPlaces>,
    /// The candidate condition, if the hunt has one.
    pub candidate: Option<ConditionPart>,
}

/// Where a pattern is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternPlaces {
    /// Its identifier with its `$`.
    pub pattern: String,
    /// Its places; `None` when they are not known.
    pub places: Option<PatternLocations>,
}

impl PatternPlaces {
    /// In words: `is at 0x4c`. Safe text.
    pub fn words(&self) -> String {
        self.places.as_ref().map_or_else(|| "cannot be told: not all bytes are at hand".to_owned(), because::places)
    }
}

/// Explains the rule of `hunt`, and its candidate condition, for a file. Up to [`MAX_FILE_BYTES`] bytes are held in memory and
/// searched for all patterns of the rule: a scan leaves out those that the condition did not come to.
pub(crate) fn explain(hunt: &Hunt, subject: ScannedFile) -> Explained {
    let nothing = Nothing(subject.file.size);
    let whole = whole(&subject);
    let bytes: &dyn Bytes = match &whole {
        AvailableBytes::Whole(bytes) => &bytes.as_slice(),
        AvailableBytes::Part => subject.bytes,
        AvailableBytes::Other => &nothing,
    };
    let found = match &whole {
        AvailableBytes::Whole(bytes) => probe(&hunt.rule, bytes).ok(),
        _ => None,
    };
    let places: Vec<Option<PatternLocations>> = match found {
        Some(found) => found.into_iter().map(Some).collect(),
        None => hunt.rule.patterns.iter().map(|pattern| listed(&pattern.id, subject.finding?)).collect(),
    };
    let externals = externals(&subject, bytes).map(|externals| match &whole {
        AvailableBytes::Whole(bytes) => externals.with_md5(bytes),
        _ => externals,
    });
    let facts = ExplainedFile { bytes, places: &places, externals: externals.as_ref(), options: subject.options };
    let rule = condition(&hunt.rule, facts, Some(subject.finding.is_some()));
    let candidate = candidate_rule(hunt).map(|rule| {
        // Of a file that the rule matches, no scan says whether it is a candidate too.
        let holds = subject.finding.is_none().then_some(true);
        condition(&rule, ExplainedFile { places: &[], ..facts }, holds)
    });
    let names = hunt.rule.patterns.iter().map(|pattern| pattern.id.clone());
    let patterns = names.zip(places).map(|(pattern, places)| PatternPlaces { pattern, places });
    Explained { rule, patterns: patterns.collect(), candidate }
}

/// The candidate condition as a rule of its own, without patterns.
fn candidate_rule(hunt: &Hunt) -> Option<Rule> {
    // The line end keeps a comment at the end of the condition from swallowing the brace.
    let source = format!("rule candidate {{ condition: {}\n}}", hunt.candidate.as_ref()?);
    rules_of("", Path::new(""), &source).ok()?.into_iter().next()
}

/// What is at hand of the bytes that were scanned.
enum AvailableBytes {
    Whole(Vec<u8>),
    Part,
    /// Nothing: these are others.
    Other,
}

fn whole(subject: &ScannedFile) -> AvailableBytes {
    const CHUNK: usize = 1 << 20;
    let (bytes, size) = (subject.bytes, subject.file.size);
    if bytes.size() != size {
        return AvailableBytes::Other;
    }
    let Some(size) = usize::try_from(size).ok().filter(|size| *size as u64 <= MAX_FILE_BYTES) else {
        return AvailableBytes::Part;
    };
    let mut whole = Vec::with_capacity(size);
    while whole.len() < size {
        let piece = bytes.read(whole.len() as u64, CHUNK.min(size - whole.len()));
        if piece.is_empty() {
            return AvailableBytes::Part;
        }
        whole.extend_from_slice(&piece);
    }
    match subject.file.digest {
        Digest::Whole(scanned) if scanned == Sha256::of(&whole) => AvailableBytes::Whole(whole),
        Digest::Whole(_) => AvailableBytes::Other,
        // Whether these are the bytes that were scanned cannot be told.
        Digest::DataOnly(_) => AvailableBytes::Part,
    }
}

/// A file of so many bytes, of which none is known.
struct Nothing(u64);

impl Bytes for Nothing {
    fn size(&self) -> u64 {
        self.0
    }

    fn readable(&self) -> u64 {
        0
    }

    fn read(&self, _offset: u64, _length: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }
}

fn externals(asked: &ScannedFile, bytes: &dyn Bytes) -> Option<Externals> {
    let file = asked.file;
    let wanted = (HEADER_BYTES as u64).min(file.size);
    let header = bytes.read(0, wanted as usize);
    let owner = file.owner.clone().unwrap_or_else(|| file.uid.to_string());
    (header.len() as u64 >= wanted)
        .then(|| Externals::new(&subject::as_names(&file.path), &header, owner, asked.options))
}

/// Where the finding says that the pattern is. Patterns without a name cannot be told apart in it, and of one that is
/// not in it no one knows whether all of the file was searched for it.
fn listed(pattern: &str, finding: &Finding) -> Option<PatternLocations> {
    let found = finding.matches.iter().filter(|found| *found.pattern == *pattern);
    let matches: Vec<_> = found.map(|found| (found.offset, found.length)).collect();
    (pattern != "$" && !matches.is_empty()).then_some(PatternLocations { matches, capped: finding.capped })
}
