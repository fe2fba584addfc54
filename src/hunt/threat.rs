//! What a hunt looks for in the terms of other tools: ATT&CK tactics and techniques, file names, addresses.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::problem::{Problems, did_you_mean_one_of};
use super::rule::Rule;
use super::table::{self, SpannedText, TomlTable};

/// A tactic of MITRE ATT&CK for Enterprise (version 17, <https://attack.mitre.org/tactics/enterprise/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tactic {
    /// Its id: `TA0008`.
    pub id: &'static str,
    /// Its name: `Lateral Movement`.
    pub name: &'static str,
}

impl Tactic {
    /// Every tactic in the order of the matrix.
    pub const ALL: [Self; 14] = [
        Self { id: "TA0043", name: "Reconnaissance" },
        Self { id: "TA0042", name: "Resource Development" },
        Self { id: "TA0001", name: "Initial Access" },
        Self { id: "TA0002", name: "Execution" },
        Self { id: "TA0003", name: "Persistence" },
        Self { id: "TA0004", name: "Privilege Escalation" },
        Self { id: "TA0005", name: "Defense Evasion" },
        Self { id: "TA0006", name: "Credential Access" },
        Self { id: "TA0007", name: "Discovery" },
        Self { id: "TA0008", name: "Lateral Movement" },
        Self { id: "TA0009", name: "Collection" },
        Self { id: "TA0011", name: "Command and Control" },
        Self { id: "TA0010", name: "Exfiltration" },
        Self { id: "TA0040", name: "Impact" },
    ];

    /// The tactic of this name or id, upper or lower case.
    pub fn named(name: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(|tactic| is(tactic.name) || is(tactic.id))
    }

    /// The name in one word, as Microsoft Sentinel writes it: `CommandAndControl`.
    pub fn one_word(&self) -> String {
        let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        self.name.split(' ').map(capital).collect()
    }
}

/// What a hunt's document says beside its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threat {
    /// ATT&CK tactics by id.
    #[serde(default)]
    pub tactics: Vec<String>,
    /// ATT&CK techniques by id, `T1021` or `T1021.004`.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// Names that the files are known to have.
    #[serde(default)]
    pub file_names: Vec<String>,
}

impl Threat {
    /// The tactics with their names; an id that this program does not know is left out.
    pub fn named_tactics(&self) -> Vec<Tactic> {
        self.tactics.iter().filter_map(|id| Tactic::named(id)).collect()
    }
}

/// The table `[threat]` of a hunt's document.
pub(super) fn read(document: &TomlTable<'_, '_>, problems: &mut Problems<'_>) -> Threat {
    let table = document.get("threat").and_then(|value| TomlTable::of(value, "`threat`", problems));
    let Some(table) = table else { return Threat::default() };
    table.only(&["tactics", "techniques", "file_names"], problems);
    let tactics = texts(&table, "tactics", problems).into_iter().filter_map(|tactic| {
        let known = Tactic::named(&tactic.text);
        if known.is_none() {
            let hint = did_you_mean_one_of(&tactic.text, &Tactic::ALL.map(|tactic| tactic.name));
            problems.note(&tactic.span, format!("`{}` is no tactic of MITRE ATT&CK", tactic.text), hint);
        }
        known.map(|tactic| tactic.id.to_owned())
    });
    let tactics = tactics.collect();
    let techniques = texts(&table, "techniques", problems);
    for wrong in techniques.iter().filter(|technique| !is_technique(&technique.text)) {
        let hint = Some("T1021, or T1021.004 for a sub-technique".to_owned());
        problems.note(&wrong.span, format!("`{}` is no id of an ATT&CK technique", wrong.text), hint);
    }
    let file_names = texts(&table, "file_names", problems);
    for wrong in file_names.iter().filter(|name| name.text.contains('/')) {
        problems.note(&wrong.span, "a file's name holds no `/`", None);
    }
    let plain = |list: Vec<SpannedText>| list.into_iter().map(|one| one.text).collect();
    Threat { tactics, techniques: plain(techniques), file_names: plain(file_names) }
}

fn texts(table: &TomlTable<'_, '_>, key: &'static str, problems: &mut Problems<'_>) -> Vec<SpannedText> {
    let list = table.list(key, problems);
    let text = |value: &toml::Spanned<toml::de::DeValue<'_>>| match value.get_ref().as_str() {
        Some(text) if !text.trim().is_empty() => Some(SpannedText { text: text.trim().to_owned(), span: value.span() }),
        Some(_) => {
            problems.note(&value.span(), format!("a value of `{key}` is blank"), None);
            None
        }
        None => {
            table::wrong_type(value, &format!("a value of `{key}`"), "text", problems);
            None
        }
    };
    list.into_iter().flatten().filter_map(text).collect()
}

/// `T` and four digits, and for a sub-technique a dot and three more.
fn is_technique(id: &str) -> bool {
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = id.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => digits(rest, 4),
    }
}

/// An address that a rule looks for as text, and the port behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The address.
    pub address: Ipv4Addr,
    /// The port, where the rule names one.
    pub port: Option<u16>,
}

/// The IPv4 addresses that are themselves text patterns of `rule`, each once: `"192.0.2.1"` or `"192.0.2.1:443"`.
pub(crate) fn endpoints(rule: &Rule) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for pattern in &rule.patterns {
        let text = pattern.text.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(text, _)| text);
        let Some(text) = text else { continue };
        let (address, port) = match text.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (text, None),
        };
        let Ok(address) = address.parse() else { continue };
        let port = match port.map(str::parse) {
            Some(Err(_)) => continue,
            Some(Ok(port)) => Some(port),
            None => None,
        };
        let endpoint = Endpoint { address, port };
        if !found.contains(&endpoint) {
            found.push(endpoint);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn tactics_are_named_as_sentinel_names_them() {
        assert_eq!(Tactic::named("lateral movement").map(|tactic| tactic.id), Some("TA0008"));
        assert_eq!(Tactic::named("TA0011").unwrap().one_word(), "CommandAndControl");
        assert_eq!(Tactic::named("lateral"), None);
    }

    #[test]
    fn techniques_are_ids() {
        for right in ["T1021", "T1021.004"] {
            assert!(is_technique(right));
        }
        for wrong in ["", "T", "1021", "T102", "T10210", "T1021.4", "T1021.", "T1021.004.1", "TA0008"] {
            assert!(!is_technique(wrong), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_taken_from_patterns_that_are_nothing_else() {
        let source = r#"rule r { strings: $a = "192.0.2.1:443" fullword $b = "192.0.2.7" wide $c = "192.0.2.7"
            $d = "at 192.0.2.9:1" $e = "192.0.2.9:99999" $f = { 31 } condition: any of them }"#;
        let rules = super::super::rules_of("n", Path::new("x"), source).unwrap();
        let found = endpoints(&rules[0]);
        let plain: Vec<_> = found.iter().map(|one| (one.address.to_string(), one.port)).collect();
        assert_eq!(plain, [("192.0.2.1".to_owned(), Some(443)), ("192.0.2.7".to_owned(), None)]);
    }
}
