//! The fields of a filter: their names, what they take, and what they are.

use std::fmt::Write as _;

/// What can be asked of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FilterField {
    /// Name of the rule or hunt.
    Rule,
    /// What the finding has come to.
    State,
    /// A tag.
    Tag,
    /// Path below the tree.
    Path,
    /// Last part of the path.
    Name,
    /// Owner of the file.
    Owner,
    /// Size of the file.
    Size,
    /// Last change of content.
    Modified,
    /// SHA-256 of the content.
    Hash,
    /// Places where a pattern matched.
    Matches,
    /// How much a match of the rule weighs.
    Score,
    /// Name of the box.
    Host,
    /// What the box says of its scenarios.
    Box,
    /// What is known of it.
    Is,
    /// What it lies in.
    In,
}

/// A value that a field takes, and what it means.
pub(super) type FilterValue = (&'static str, &'static str);

/// One field.
pub(super) struct Known {
    pub field: FilterField,
    /// Its name, then others that are taken for it.
    pub names: &'static [&'static str],
    /// An example.
    pub example: &'static str,
    /// What it is, for help.
    pub what: &'static str,
    /// All values, where they are words.
    pub values: &'static [FilterValue],
}

pub(super) const STATES: &[FilterValue] = &[
    ("open", "nothing is decided; candidates not among them"),
    ("returned", "open again though an exclusion once covered it"),
    ("candidate", "no rule matched, and nothing is decided"),
    ("excluded", "an exclusion covers it"),
    ("suspicious", "every scenario is ruled out"),
    ("malicious", "said to be, or a known sample"),
    ("decided", "excluded, suspicious or malicious"),
];

pub(super) const BOX: &[FilterValue] = &[
    ("supported", "the box shows one of its scenarios"),
    ("contradicted", "the box shows one, and something speaks against it"),
    ("unsupported", "nothing on the box supports one of them"),
    ("unknown", "one of them can't be told"),
    ("unasked", "the box was not asked, or has not answered yet"),
];

pub(super) const IS: &[FilterValue] = &[
    ("live", "a process runs it, has it open or has it in memory"),
    ("scheduled", "something starts it: cron, a timer, a unit, a script at boot or login"),
    ("listening", "a process that runs it, or has it open, waits for connections"),
    ("new", "the scan before did not see it"),
    ("changed", "the scan before saw it with other content"),
    ("gone", "decided on earlier, and this scan did not meet it"),
    ("tagged", "it has a tag"),
    ("against-the-box", "excluded for a scenario that nothing on the box supports"),
];

pub(super) const IN: &[FilterValue] =
    &[("file", "a file of the tree"), ("archive", "a member of an archive"), ("process", "a process or its memory")];

/// All fields, in the order in which help shows and completion offers them.
pub(super) const FIELDS: &[Known] = &[
    Known {
        field: FilterField::Rule,
        names: &["rule", "hunt"],
        example: "rule:tiny",
        what: "part of the rule's name",
        values: &[],
    },
    Known {
        field: FilterField::State,
        names: &["state", "verdict"],
        example: "state:open,returned",
        what: "what it has come to",
        values: STATES,
    },
    Known { field: FilterField::Tag, names: &["tag"], example: "tag:ask-bob", what: "one of its tags", values: &[] },
    Known {
        field: FilterField::Path,
        names: &["path"],
        example: "path:opt/",
        what: "part of the path below the tree",
        values: &[],
    },
    Known {
        field: FilterField::Name,
        names: &["name", "file"],
        example: "name:*.py",
        what: "part of the file's name",
        values: &[],
    },
    Known {
        field: FilterField::Owner,
        names: &["owner", "user", "uid"],
        example: "owner:root",
        what: "the owner, by name or number; of a process, the user that it runs as",
        values: &[],
    },
    Known {
        field: FilterField::Size,
        names: &["size"],
        example: "size>1M",
        what: "bytes: >, <, >=, <=, a range 4k..1M, or exactly so many",
        values: &[],
    },
    Known {
        field: FilterField::Modified,
        names: &["modified", "time", "mtime"],
        example: "modified>=2026-11",
        what: "last change of the content, in UTC: a year, month, day or time, with >, <, >=, <= or as a range",
        values: &[],
    },
    Known {
        field: FilterField::Hash,
        names: &["hash", "sha256", "digest"],
        example: "hash:ab12",
        what: "how the content's SHA-256 begins",
        values: &[],
    },
    Known {
        field: FilterField::Matches,
        names: &["matches"],
        example: "matches>=3",
        what: "places where a pattern of the rule matched",
        values: &[],
    },
    Known {
        field: FilterField::Score,
        names: &["score"],
        example: "score>70",
        what: "what the rule's meta gives a match, 0 to 100",
        values: &[],
    },
    Known {
        field: FilterField::Host,
        names: &["host"],
        example: "host:web01",
        what: "part of the box's name, over many cases",
        values: &[],
    },
    Known {
        field: FilterField::Box,
        names: &["box"],
        example: "box:contradicted",
        what: "what the box says of its scenarios",
        values: BOX,
    },
    Known { field: FilterField::Is, names: &["is"], example: "is:live", what: "what is known of it", values: IS },
    Known { field: FilterField::In, names: &["in"], example: "in:archive", what: "what it lies in", values: IN },
];

impl FilterField {
    /// The field of this name, in any letter case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_it = |known: &&Known| known.names.iter().any(|other| other.eq_ignore_ascii_case(name));
        FIELDS.iter().find(is_it).map(|known| known.field)
    }

    /// Its row. Each field has one.
    pub(super) fn known(self) -> &'static Known {
        FIELDS.iter().find(|known| known.field == self).unwrap_or(&FIELDS[0])
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.known().names[0]
    }

    /// Whether it is compared with numbers or times.
    pub(super) fn is_measured(self) -> bool {
        matches!(self, Self::Size | Self::Modified | Self::Matches | Self::Score)
    }
}

/// The table of fields and their values for `huntbook help filter`, in Markdown.
pub(crate) fn help() -> String {
    let mut out = String::new();
    for known in FIELDS {
        let others = match known.names {
            [_] | [] => String::new(),
            [_, others @ ..] => format!(" (also {})", others.join(", ")),
        };
        let _ = writeln!(out, "- `{}`: {}{others}", known.example, known.what);
    }
    for (name, values) in [("state", STATES), ("box", BOX), ("is", IS), ("in", IN)] {
        let _ = write!(out, "\nWhat `{name}:` takes:\n\n");
        for (value, what) in values {
            let _ = writeln!(out, "- `{name}:{value}`: {what}");
        }
    }
    out
}
