//! One thing that a filter asks of a finding, and whether it holds.

use std::collections::HashSet;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{FilteredFinding, Names};
use crate::finding::Digest;
use crate::text::fuzzy::{FuzzyPattern, TermKind};
use crate::text::subject::{self, Inside};
use crate::triage::Verdict;

/// What is known of a finding from its box and from the scan before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sign {
    /// A process runs it, has it open or has it in memory.
    Live,
    /// Something starts it.
    Scheduled,
    /// A process that runs it, or has it open, waits for connections.
    Listening,
    /// The scan before did not see it.
    New,
    /// The scan before saw it with other content.
    Changed,
    /// This scan did not meet it.
    Gone,
    /// It has a tag.
    Tagged,
    /// Excluded for a scenario that nothing on the box supports.
    AgainstTheBox,
}

impl Sign {
    const ALL: [(Self, &str); 8] = [
        (Self::Live, "live"),
        (Self::Scheduled, "scheduled"),
        (Self::Listening, "listening"),
        (Self::New, "new"),
        (Self::Changed, "changed"),
        (Self::Gone, "gone"),
        (Self::Tagged, "tagged"),
        (Self::AgainstTheBox, "against-the-box"),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, other)| *other == name).map(|(sign, _)| *sign)
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What the box says of a scenario, as a filter asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BoxState {
    /// The box shows it.
    Supported,
    /// The box shows it, and something speaks against it.
    Contradicted,
    /// Nothing supports it.
    Unsupported,
    /// It can't be told.
    Unknown,
    /// The box was not asked.
    Unasked,
}

impl BoxState {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "supported" => Self::Supported,
            "contradicted" => Self::Contradicted,
            "unsupported" => Self::Unsupported,
            "unknown" => Self::Unknown,
            _ => Self::Unasked,
        }
    }

    fn bit(self) -> u16 {
        1 << (8 + self as u16)
    }
}

/// The signs of one finding, and what the box says of its scenarios.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs(u16);

impl Signs {
    /// With this sign.
    #[must_use]
    pub(crate) fn with(self, sign: Sign) -> Self {
        Self(self.0 | sign.bit())
    }

    /// With a scenario of which the box says this.
    #[must_use]
    pub(crate) fn saying(self, state: BoxState) -> Self {
        Self(self.0 | state.bit())
    }

    /// With all of both.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has this sign.
    pub(crate) fn has(self, sign: Sign) -> bool {
        self.0 & sign.bit() != 0
    }

    /// Whether the box says this of one of its scenarios.
    pub(crate) fn says(self, state: BoxState) -> bool {
        match state {
            BoxState::Unasked => self.0 >> 8 == 0,
            state => self.0 & state.bit() != 0,
        }
    }

    /// The names of those signs that the box gives, as a case keeps them.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let of_box = [Sign::Live, Sign::Scheduled, Sign::Listening];
        Sign::ALL.iter().filter(|(sign, _)| of_box.contains(sign) && self.has(*sign)).map(|(_, name)| *name).collect()
    }

    /// What a case keeps; names that are none are left out.
    pub(crate) fn of_names(names: &[String]) -> Self {
        let of_box = [Sign::Live, Sign::Scheduled, Sign::Listening];
        let signs = names.iter().filter_map(|name| Sign::named(name)).filter(|sign| of_box.contains(sign));
        signs.fold(Self::default(), Self::with)
    }

    /// Whether the box has said something.
    pub(crate) fn is_asked(self) -> bool {
        !self.says(BoxState::Unasked)
    }
}

/// A text that is asked for. `*` stands for any letters; letter case counts only where a capital is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// What lies between the stars.
    pieces: Vec<String>,
    /// Whether the first piece must begin the text, and the last one end it.
    ends: (bool, bool),
    cased: bool,
    /// The same for a text that holds no star, and may stand anywhere: faster.
    run: Option<FuzzyPattern>,
}

impl Ask {
    /// Somewhere in a text; all of it where there are stars.
    pub(super) fn part(value: &str) -> Self {
        if value.contains('*') {
            return Self::whole(value);
        }
        Self { run: Some(FuzzyPattern::of([(TermKind::Exact, value.to_owned())])), ..Self::read(value, (false, false)) }
    }

    /// A whole text.
    pub(super) fn whole(value: &str) -> Self {
        Self::read(value, (true, true))
    }

    fn read(value: &str, ends: (bool, bool)) -> Self {
        let cased = value.chars().any(char::is_uppercase);
        let pieces = value.split('*').map(str::to_owned).collect();
        Self { pieces, ends, cased, run: None }
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        if let Some(run) = &self.run {
            return run.matches(text);
        }
        let lower;
        let text = if self.cased {
            text
        } else {
            lower = text.to_lowercase();
            &lower
        };
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(first.as_str()).filter(|_| self.ends.0) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_str()).filter(|_| self.ends.1) else { return false };
        middle.iter().all(|piece| match rest.find(piece.as_str()) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }
}

/// A number that lies between two, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compare<N> {
    from: Option<N>,
    to: Option<N>,
    /// Whether nothing lies between them.
    none: bool,
}

/// Numbers with a next and a previous one.
pub(super) trait Stepped: Copy + Ord {
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

impl Stepped for u64 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Stepped for i64 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl<N: Stepped> Compare<N> {
    /// Reads `>1`, `<=1`, `1..2`, `1`. `one` gives the first and the last number that a text stands for.
    pub(super) fn read(sign: &str, value: &str, one: impl Fn(&str) -> Result<(N, N), String>) -> Result<Self, String> {
        let (sign, value) = match [">=", "<=", ">", "<", "="].into_iter().find(|sign| value.starts_with(sign)) {
            Some(inner) if matches!(sign, ":" | "=") => (inner, &value[inner.len()..]),
            _ => (sign, value),
        };
        let whole = |from, to| Self { from, to, none: false };
        let none = Self { from: None, to: None, none: true };
        if let Some((from, to)) = value.split_once("..").filter(|_| matches!(sign, ":" | "=")) {
            let (from, to) = (one(from)?, one(to)?);
            if from.0 > to.1 {
                return Err("the range ends before it begins".to_owned());
            }
            return Ok(whole(Some(from.0), Some(to.1)));
        }
        let (first, last) = one(value)?;
        Ok(match sign {
            ">=" => whole(Some(first), None),
            "<=" => whole(None, Some(last)),
            ">" => last.next().map_or(none, |next| whole(Some(next), None)),
            "<" => first.previous().map_or(none, |previous| whole(None, Some(previous))),
            _ => whole(Some(first), Some(last)),
        })
    }

    pub(super) fn holds(&self, number: N) -> bool {
        !self.none && self.from.is_none_or(|from| from <= number) && self.to.is_none_or(|to| number <= to)
    }
}

/// Spans of time in seconds since 1970, UTC.
pub(super) struct Seconds;

impl Seconds {
    /// The first and the last second of a year, a month, a day, or of a time: `2026`, `2026-11`, `2026-11-26`,
    /// `2026-11-26T10:30`.
    pub(super) fn read(text: &str) -> Result<(i64, i64), String> {
        let fault = || "write a time as 2026, 2026-11, 2026-11-26 or 2026-11-26T10:30, in UTC".to_owned();
        let at = |time: DateTime| Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
        let text = text.trim_end_matches('Z');
        let span = match text.matches('-').count() {
            _ if text.contains('T') => {
                let time = text.parse::<DateTime>().map_err(|_| fault())?;
                let minute = text.matches(':').count() < 2;
                at(time).map(|first| (first, if minute { first + 59 } else { first }))
            }
            dashes => {
                let rest = ["-01-01", "-01", ""].get(dashes).ok_or_else(fault)?;
                let day = format!("{text}{rest}").parse::<Date>().map_err(|_| fault())?;
                let next = match dashes {
                    0 => day.checked_add(1.year()),
                    1 => day.checked_add(1.month()),
                    _ => day.tomorrow(),
                };
                let midnight = |day: Date| at(day.to_datetime(jiff::civil::Time::midnight()));
                next.ok().and_then(|next| Some((midnight(day)?, midnight(next)? - 1)))
            }
        };
        span.ok_or_else(fault)
    }
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TermTest {
    Rule(Ask),
    Host(Ask),
    Path(Ask),
    Name(Ask),
    Tag(Ask),
    /// By name, or by number.
    Owner(Ask, Option<u32>),
    State(&'static str),
    In(&'static str),
    Box(BoxState),
    Is(Sign),
    /// Half bytes that the digest begins with.
    Hash(Vec<u8>),
    Size(Compare<u64>),
    Matches(Compare<u64>),
    Score(Compare<u64>),
    Modified(Compare<i64>),
}

/// Any of these, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub not: bool,
    pub any: Vec<TermTest>,
}

/// A term for a list whose names are known.
#[derive(Debug, Clone)]
pub(super) struct BoundTerm {
    not: bool,
    any: Vec<BoundWanted>,
}

#[derive(Debug, Clone)]
enum BoundWanted {
    /// One of these rules, by index.
    Rules(HashSet<usize>),
    /// One of these boxes, by index.
    Hosts(HashSet<usize>),
    Other(TermTest),
}

impl Term {
    pub(super) fn bind(&self, names: &Names) -> BoundTerm {
        let among = |ask: &Ask, names: &[String]| {
            names.iter().enumerate().filter(|(_, name)| ask.holds(name)).map(|(index, _)| index).collect()
        };
        let bind = |wanted: &TermTest| match wanted {
            TermTest::Rule(ask) => BoundWanted::Rules(among(ask, &names.rules)),
            TermTest::Host(ask) => BoundWanted::Hosts(among(ask, &names.hosts)),
            other => BoundWanted::Other(other.clone()),
        };
        BoundTerm { not: self.not, any: self.any.iter().map(bind).collect() }
    }
}

impl BoundTerm {
    pub(super) fn asks_path(&self) -> bool {
        self.any.iter().any(|wanted| matches!(wanted, BoundWanted::Other(TermTest::Path(_) | TermTest::Name(_))))
    }

    pub(super) fn holds(&self, asked: &FilteredFinding<'_>) -> bool {
        self.not != self.any.iter().any(|wanted| wanted.holds(asked))
    }
}

impl BoundWanted {
    fn holds(&self, asked: &FilteredFinding<'_>) -> bool {
        let wanted = match self {
            Self::Rules(rules) => return rules.contains(&asked.rule),
            Self::Hosts(hosts) => return hosts.contains(&asked.host),
            Self::Other(wanted) => wanted,
        };
        match wanted {
            TermTest::Rule(_) | TermTest::Host(_) => false,
            TermTest::Path(ask) => ask.holds(asked.path),
            TermTest::Name(ask) => ask.holds(asked.path.rsplit('/').next().unwrap_or(asked.path)),
            TermTest::Tag(ask) => asked.tags.iter().any(|tag| ask.holds(tag)),
            TermTest::Owner(ask, uid) => *uid == Some(asked.uid) || asked.owner.is_some_and(|owner| ask.holds(owner)),
            TermTest::State(state) => is_in_state(asked, state),
            TermTest::In(place) => lies_in(asked) == *place,
            TermTest::Box(state) => asked.signs.says(*state),
            TermTest::Is(sign) => asked.signs.has(*sign),
            TermTest::Hash(nibbles) => {
                let (Digest::Whole(sha256) | Digest::DataOnly(sha256)) = asked.digest;
                let digits = sha256.0.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
                { digits }.zip(nibbles).all(|(digit, nibble)| digit == *nibble)
            }
            TermTest::Size(compare) => compare.holds(asked.size),
            TermTest::Matches(compare) => compare.holds(asked.matches),
            TermTest::Score(compare) => compare.holds(asked.score.into()),
            TermTest::Modified(compare) => compare.holds(asked.modified.seconds),
        }
    }
}

fn is_in_state(asked: &FilteredFinding<'_>, state: &str) -> bool {
    match asked.verdict {
        Verdict::Open if asked.candidate => state == "candidate",
        Verdict::Open => state == "open" || state == "returned" && asked.returned,
        Verdict::Benign => matches!(state, "excluded" | "decided"),
        Verdict::Suspicious => matches!(state, "suspicious" | "decided"),
        Verdict::Malicious => matches!(state, "malicious" | "decided"),
    }
}

fn lies_in(asked: &FilteredFinding<'_>) -> &'static str {
    match subject::steps(asked.raw).first() {
        None => "file",
        Some(Inside::Member { .. }) => "archive",
        Some(_) => "process",
    }
}
