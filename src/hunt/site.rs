//! Site facts: named sets that checks refer to, with defaults that hold for most boxes.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::field::{CheckOperator, ValueKind};
use super::problem::{Problem, Problems, did_you_mean};
use super::table::{self, SpannedText, TomlTable};
use super::{file, matching, site_defaults};

/// One named set of facts about a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSet {
    /// What sort of values it holds; `None` for a set the site defines for its own hunts.
    pub kind: Option<ValueKind>,
    /// What the values are, in words.
    pub meaning: String,
    /// The values, without repetition. An empty set makes checks unknown.
    pub values: Vec<String>,
}

impl SiteSet {
    /// The values with every `%group` of a set of accounts replaced by the group's members.
    pub fn expanded(&self, members: impl Fn(&str) -> Vec<String>) -> Vec<String> {
        if self.kind != Some(ValueKind::Account) {
            return self.values.clone();
        }
        let mut accounts = Vec::new();
        for value in &self.values {
            match value.strip_prefix('%') {
                Some(group) => accounts.extend(members(group)),
                None => accounts.push(value.clone()),
            }
        }
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}

/// All site facts.
///
/// In `site.toml` a key at the top replaces a set, a key under `[add]` adds to one, and a key under `[sets]` makes a new
/// one for the site's own hunts:
///
/// ```toml
/// deploy_accounts = ["release-bot"]
/// [add]
/// internal_networks = ["198.51.100.0/24"]
/// [sets]
/// printers = ["192.0.2.10"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    sets: BTreeMap<String, SiteSet>,
}

impl Default for Site {
    fn default() -> Self {
        let known = site_defaults::SETS.iter();
        let sets = known.map(|set| {
            let values = set.values.iter().map(ToString::to_string).collect();
            (set.name.to_owned(), SiteSet { kind: Some(set.kind), meaning: set.meaning.to_owned(), values })
        });
        Self { sets: sets.collect() }
    }
}

impl Site {
    /// The defaults with what the file at `path` replaces, adds and defines.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let source = file::read(path, file::MAX_BYTES).map_err(|problem| vec![problem])?;
        Self::parse(path, &source)
    }

    /// The defaults with what `source` replaces, adds and defines; `path` is only named.
    ///
    /// # Errors
    /// Everything that is wrong with `source`.
    pub fn parse(path: &Path, source: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new(path, source);
        let mut site = Self::default();
        if let Some(document) = table::parse(source, &mut problems) {
            site.read(&TomlTable::new(document.get_ref(), document.span(), "site.toml"), &mut problems);
        }
        let list = problems.finish();
        if list.is_empty() { Ok(site) } else { Err(list) }
    }

    /// The set of this name, without the `$`.
    pub fn set(&self, name: &str) -> Option<&SiteSet> {
        self.sets.get(name)
    }

    /// All sets by name.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &SiteSet)> {
        self.sets.iter().map(|(name, set)| (name.as_str(), set))
    }

    /// Adds one value to a set, as when the responder names a tool on the spot.
    ///
    /// # Errors
    /// Why the value does not fit, or that there is no such set.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), String> {
        let set = self.sets.get_mut(name).ok_or_else(|| format!("there is no site set `{name}`"))?;
        let value = normal(set.kind, value)?;
        if !set.values.contains(&value) {
            set.values.push(value);
        }
        Ok(())
    }

    fn read(&mut self, document: &TomlTable<'_, '_>, problems: &mut Problems<'_>) {
        // New sets first, so that `[add]` may name them.
        if let Some(sets) = document.get("sets").and_then(|value| TomlTable::of(value, "`sets`", problems)) {
            for (name, value) in sets.entries() {
                self.define(&name, value, problems);
            }
        }
        for (name, value) in document.entries() {
            match name.text.as_str() {
                "sets" => {}
                "add" => {
                    let Some(added) = TomlTable::of(value, "`add`", problems) else { continue };
                    for (name, value) in added.entries() {
                        self.fill(&name, value, Fill::Add, problems);
                    }
                }
                _ => self.fill(&name, value, Fill::Replace, problems),
            }
        }
    }

    fn define(&mut self, name: &SpannedText, value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) {
        if self.sets.contains_key(&name.text) {
            let message = format!("`{}` is a set already", name.text);
            problems.note(&name.span, message, Some("to change it, name it outside of [sets]".into()));
            return;
        }
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !name.text.bytes().all(plain) {
            problems.note(&name.span, "a set's name is lower-case letters, digits and `_`", None);
            return;
        }
        let values = values_of(None, value, problems);
        let meaning = "defined in site.toml".to_owned();
        self.sets.insert(name.text.clone(), SiteSet { kind: None, meaning, values });
    }

    fn fill(&mut self, name: &SpannedText, value: &Spanned<DeValue<'_>>, how: Fill, problems: &mut Problems<'_>) {
        let Some(set) = self.sets.get(&name.text) else {
            let names = self.sets.keys().map(String::as_str).chain(["add", "sets"]);
            let hint = did_you_mean(&name.text, names);
            let hint = hint.or_else(|| Some("a set of your own goes under [sets]".into()));
            problems.note(&name.span, format!("there is no site set `{}`", name.text), hint);
            return;
        };
        let values = values_of(set.kind, value, problems);
        let Some(set) = self.sets.get_mut(&name.text) else { return };
        if how == Fill::Replace {
            set.values.clear();
        }
        for value in values {
            if !set.values.contains(&value) {
                set.values.push(value);
            }
        }
    }

    /// Notes what is wrong with `$name` as the operand of `operator` on values of `kind`.
    pub(super) fn check_use(
        &self,
        name: &SpannedText,
        kind: ValueKind,
        operator: CheckOperator,
        problems: &mut Problems<'_>,
    ) -> bool {
        let Some(set) = self.set(&name.text) else {
            let names: Vec<String> = self.sets.keys().map(|name| format!("${name}")).collect();
            let hint = did_you_mean(&format!("${}", name.text), names.iter().map(String::as_str));
            let hint = hint.or_else(|| Some("name it under [sets] in site.toml".into()));
            problems.note(&name.span, format!("there is no site set `${}`", name.text), hint);
            return false;
        };
        if let Some(held) = set.kind.filter(|held| *held != kind) {
            let fitting = self.sets.iter().filter(|(_, set)| set.kind == Some(kind));
            let fitting: Vec<String> = fitting.map(|(name, _)| format!("${name}")).collect();
            let hint = (!fitting.is_empty()).then(|| format!("sets that fit: {}", fitting.join(", ")));
            let message =
                format!("each value of `${}` is {}, and {} belongs here", name.text, held.noun(), kind.noun());
            problems.note(&name.span, message, hint);
            return false;
        }
        let wrong = set.values.iter().find_map(|value| matching::normal(kind, operator, value).err());
        if let Some(wrong) = &wrong {
            problems.note(&name.span, format!("`${}` does not fit here: {wrong}", name.text), None);
        }
        wrong.is_none()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Add,
    Replace,
}

/// A value in the form that the operators compare.
fn normal(kind: Option<ValueKind>, value: &str) -> Result<String, String> {
    match kind {
        Some(kind @ (ValueKind::Address | ValueKind::Time)) => matching::normal(kind, CheckOperator::Within, value),
        Some(kind) => matching::normal(kind, CheckOperator::In, value),
        None => matching::normal(ValueKind::Text, CheckOperator::In, value),
    }
}

fn values_of(kind: Option<ValueKind>, value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Vec<String> {
    let Some(list) = value.get_ref().as_array() else {
        table::wrong_type(value, "the set", "a list", problems);
        return Vec::new();
    };
    let mut values = Vec::new();
    for item in list {
        let Some(text) = item.get_ref().as_str() else {
            table::wrong_type(item, "the value", "text", problems);
            continue;
        };
        match normal(kind, text) {
            Ok(value) => values.push(value),
            Err(wrong) => problems.note(&item.span(), wrong, None),
        }
    }
    values
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
