//! Files that a rule matches because they are about what it looks for: YARA rules, lists of indicators.
//!
//! Only a file that is such a thing as a whole counts: one that could also run is none.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::observed::{Observed, reason};
use crate::hunt::rules_of;
use crate::root::Root;

/// Bytes of a file that is looked at.
const MAX_BYTES: u64 = 8 << 20;
/// Indicators that a list must have at least.
const MIN_INDICATORS: usize = 2;

/// What a file is as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentKind {
    /// YARA rules; how many.
    YaraRules(usize),
    /// A list of indicators; how many.
    IocList(usize),
}

impl ContentKind {
    /// The word for checks.
    pub fn word(&self) -> &'static str {
        match self {
            Self::YaraRules(_) => "yara-rules",
            Self::IocList(_) => "ioc-list",
        }
    }
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::YaraRules(count) => {
                write!(f, "the whole file is YARA rules, {count} of them, and can be nothing else")
            }
            Self::IocList(count) => write!(f, "every line of the file is an indicator, {count} of them"),
        }
    }
}

/// Looks at the file at `path`.
pub(super) fn kind(root: &Root, path: &Path) -> Observed<ContentKind> {
    let text = match root.text_up_to(path, MAX_BYTES) {
        Ok(text) if text.cut => return Observed::NotFound,
        Ok(text) => text.bytes,
        Err(error) => return Observed::Unknown(reason(&error)),
    };
    let Ok(source) = String::from_utf8(text) else { return Observed::NotFound };
    // A script that begins like one is run as one, whatever follows.
    if source.starts_with("#!") || source.contains('\0') {
        return Observed::NotFound;
    }
    let rules = if source.contains("rule") { rules_of("", path, &source).map_or(0, |rules| rules.len()) } else { 0 };
    if rules > 0 {
        return Observed::Found(ContentKind::YaraRules(rules));
    }
    match indicators(&source) {
        Some(count) if count >= MIN_INDICATORS => Observed::Found(ContentKind::IocList(count)),
        _ => Observed::NotFound,
    }
}

/// How many indicators a text lists; none when one of its lines is something else.
fn indicators(source: &str) -> Option<usize> {
    let mut count = 0;
    for line in source.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//") {
            continue;
        }
        if !is_indicator(line) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// Whether a line is an indicator: a hash, an address, a network, a URL, a domain, with a comment behind it; a rule of
/// Snort or Suricata; a signature of `ClamAV`.
fn is_indicator(line: &str) -> bool {
    const ACTIONS: [&str; 8] = ["alert", "drop", "log", "pass", "reject", "rejectsrc", "rejectdst", "rejectboth"];
    let first = line.split_ascii_whitespace().next().unwrap_or_default();
    if ACTIONS.contains(&first) {
        return line.contains("->") && line.contains("sid:") && line.trim_end().ends_with(')');
    }
    let value = line.split([';', ',', '\t', ' ']).next().unwrap_or_default().trim_matches('"');
    is_hash(value) || is_endpoint(value) || is_domain(value) || is_url(value) || is_clamav(line)
}

fn is_hash(value: &str) -> bool {
    matches!(value.len(), 32 | 40 | 64 | 128) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_endpoint(value: &str) -> bool {
    let plain = value.replace("[.]", ".");
    plain.parse::<std::net::IpAddr>().is_ok()
        || plain.parse::<std::net::SocketAddr>().is_ok()
        || plain.parse::<ipnet::IpNet>().is_ok()
}

fn is_domain(value: &str) -> bool {
    let plain = value.replace("[.]", ".");
    let label = |label: &str| {
        !label.is_empty() && label.len() < 64 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let top = plain.rsplit('.').next().unwrap_or_default();
    plain.contains('.')
        && plain.split('.').all(label)
        && top.len() > 1
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_url(value: &str) -> bool {
    ["http://", "https://", "hxxp://", "hxxps://", "ftp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// `Name:Type:Offset:Hex` (`ClamAV`'s `.ndb`), or `Hash:Size:Name` (`.hdb`, `.hsb`).
fn is_clamav(line: &str) -> bool {
    let parts: Vec<&str> = line.split(':').collect();
    match parts.as_slice() {
        [hash, size, _, ..] if is_hash(hash) => *size == "*" || size.bytes().all(|byte| byte.is_ascii_digit()),
        [_, kind, _, hex, ..] => {
            kind.bytes().all(|byte| byte.is_ascii_digit())
                && hex.len() >= 8
                && hex.bytes().all(|byte| byte.is_ascii_hexdigit() || b"?*{}-()|".contains(&byte))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::scratch;
    use super::*;

    #[test]
    fn only_a_whole_file_of_signatures_is_one() {
        let rule = "import \"pe\"\n/* c */ rule x { strings: $a = \"class Payload:\" condition: $a }\n";
        let clam = "Eq.Tool-1:0:*:7368737472746162002e74657874\nd41d8cd98f00b204e9800998ecf8427e:12:Eq.Tool-2\n";
        let script = "#!/usr/bin/env python3\n30.40.50.60\n30.40.50.61\n";
        let (_dir, root) = scratch(&[
            ("a.yar", rule),
            ("b.yar", &format!("{rule}\nimport os\nos.system('x')\n")),
            ("ioc.txt", "# EQGRP\n30.40.50.60:9342;callback\nevil[.]example;C2\nhttp://x.example/a\n10.0.0.0/8\n"),
            ("one.txt", "30.40.50.60:9342\n"),
            ("run.py", script),
            ("list.py", "30.40.50.60:9342\nimport os\n"),
            ("x.ndb", clam),
            (
                "x.rules",
                "alert tcp any any -> any 23 (msg:\"x\"; sid:1;)\ndrop ip any any -> 30.40.50.60 any (sid:2;)\n",
            ),
        ]);
        let of = |path: &str| kind(&root, Path::new(path)).found().map(ContentKind::word);
        for (path, expected) in [
            ("/a.yar", Some("yara-rules")),
            ("/b.yar", None),
            ("/ioc.txt", Some("ioc-list")),
            ("/one.txt", None),
            ("/run.py", None),
            ("/list.py", None),
            ("/x.ndb", Some("ioc-list")),
            ("/x.rules", Some("ioc-list")),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
