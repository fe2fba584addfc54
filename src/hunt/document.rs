//! Reads the TOML beside a rule: hypothesis, candidate condition, scenarios, checks.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::check::{Check, Operand, SCHEDULE, STRENGTH};
use super::field::{CheckOperator, Field, ValueKind};
use super::matching::{self, NamedValues};
use super::problem::{Problems, did_you_mean_one_of};
use super::site::Site;
use super::strength::Strength;
use super::table::{self, SpannedText, TomlTable};
use super::threat::{self, Threat};
use super::{Scenario, compile};

/// What the TOML says; the rule it names may or may not exist.
pub(super) struct HuntDocument {
    pub(super) rule: SpannedText,
    pub(super) hypothesis: String,
    pub(super) candidate: Option<String>,
    pub(super) threat: Threat,
    pub(super) scenarios: Vec<Scenario>,
}

/// The document, if all of it is right; otherwise everything that is wrong is in `problems`.
pub(super) fn read(source: &str, site: &Site, problems: &mut Problems<'_>) -> Option<HuntDocument> {
    let document = table::parse(source, problems)?;
    let table = TomlTable::new(document.get_ref(), document.span(), "the hunt");
    table.only(&["rule", "hypothesis", "candidate", "threat", "scenario"], problems);
    let rule = table.text("rule", problems);
    let hypothesis = table.text("hypothesis", problems);
    let candidate = table.optional_text("candidate", problems).and_then(|text| {
        let condition = compile::condition(&text.text);
        condition
            .map_err(|wrong| problems.note(&text.span, format!("`candidate` is no YARA condition: {wrong}"), None))
            .ok()
    });
    let threat = threat::read(&table, problems);
    let scenarios = Scenarios { site, ids: HashSet::new() }.read(&table, problems);
    Some(HuntDocument { rule: rule?, hypothesis: hypothesis?.text, candidate, threat, scenarios })
}

/// The key of the lines that speak for a scenario.
const APPLIES: &str = "applies_when";
/// The key of the lines that speak against it.
const CONTRADICTED: &str = "contradicted_when";

struct Scenarios<'a> {
    site: &'a Site,
    ids: HashSet<String>,
}

impl Scenarios<'_> {
    fn read(&mut self, table: &TomlTable<'_, '_>, problems: &mut Problems<'_>) -> Vec<Scenario> {
        let list = table.list("scenario", problems);
        if list.map_or_else(|| table.get("scenario").is_none(), |list| list.is_empty()) {
            let hint = "add a [[scenario]], or delete the file to get the generic ones";
            problems.note(table.span(), "the hunt has no scenario", Some(hint.into()));
        }
        list.into_iter().flatten().filter_map(|value| self.scenario(value, problems)).collect()
    }

    fn scenario(&mut self, value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Scenario> {
        let table = TomlTable::of(value, "the scenario", problems)?;
        table.only(&["id", "title", "story", "filter", APPLIES, CONTRADICTED], problems);
        let id = table.text("id", problems);
        if let Some(id) = &id {
            self.check_id(id, problems);
        }
        let title = table.text("title", problems);
        let story = table.text("story", problems);
        let filter = table.text("filter", problems);
        let applies_when = self.lines(&table, APPLIES, problems);
        let contradicted_when = self.lines(&table, CONTRADICTED, problems);
        let (id, title, story, filter) = (id?.text, title?.text, story?.text, filter?.text);
        Some(Scenario { id, title, story, filter, applies_when, contradicted_when })
    }

    fn check_id(&mut self, id: &SpannedText, problems: &mut Problems<'_>) {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !id.text.split('-').all(word) {
            let hint = Some("lower-case words joined by `-`, such as `nightly-backup`".into());
            problems.note(&id.span, format!("`{}` is no scenario id", id.text), hint);
        }
        if !self.ids.insert(id.text.clone()) {
            problems.note(&id.span, format!("another scenario has the id `{}`", id.text), None);
        }
    }

    /// The lines of checks under `key`.
    fn lines(&self, table: &TomlTable<'_, '_>, key: &'static str, problems: &mut Problems<'_>) -> Vec<Vec<Check>> {
        let lines = table.list(key, problems);
        lines.into_iter().flatten().filter_map(|line| self.line(line, key, problems)).collect()
    }

    fn line(&self, line: &Spanned<DeValue<'_>>, key: &str, problems: &mut Problems<'_>) -> Option<Vec<Check>> {
        let Some(checks) = line.get_ref().as_array() else {
            table::wrong_type(line, &format!("the line of `{key}`"), "a list of checks", problems);
            return None;
        };
        if checks.is_empty() {
            problems.note(&line.span(), "a line without a check would always be met", None);
        }
        Some(checks.iter().filter_map(|check| self.check(check, problems)).collect())
    }

    fn check(&self, value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Check> {
        let table = TomlTable::of(value, "the check", problems)?;
        let field = field_of(&table, problems);
        let named = operator_of(&table, problems)?;
        let (field, operator) = (field?, named.operator);
        if !field.operators().contains(&operator) {
            let fitting: Vec<&str> = field.operators().iter().map(|operator| operator.name()).collect();
            let hint = Some(format!("one of: {}", fitting.join(", ")));
            problems.note(&named.key, format!("`{operator}` does not fit `{field}`"), hint);
            return None;
        }
        let operand = self.operand(field, operator, named.operand, problems)?;
        let strength = strength_of(&table, problems)?;
        Some(Check { field, operator, operand, strength })
    }

    fn operand(
        &self,
        field: Field,
        operator: CheckOperator,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Problems<'_>,
    ) -> Option<Operand> {
        match value.get_ref() {
            DeValue::Boolean(wanted) if operator == CheckOperator::Exists => Some(Operand::Exists(*wanted)),
            _ if operator == CheckOperator::Exists => {
                table::wrong_type(value, "`exists`", "true or false", problems);
                None
            }
            DeValue::String(text) if text.starts_with('$') => {
                let name = SpannedText { text: text[1..].to_owned(), span: value.span() };
                let fits = self.site.check_use(&name, field.kind(), operator, problems);
                fits.then_some(Operand::SiteSet(name.text))
            }
            DeValue::String(text) if text == SCHEDULE && field == Field::ProcessStart => Some(Operand::Schedule),
            DeValue::Array(list) if list.is_empty() => {
                problems.note(&value.span(), "an empty list matches nothing", None);
                None
            }
            _ => {
                let alone = std::slice::from_ref(value);
                let list = value.get_ref().as_array().map_or(alone, |list| list);
                let values: Vec<_> = list.iter().map(|item| one(field, operator, item, problems)).collect();
                let values = values.into_iter().collect::<Option<_>>()?;
                Some(Operand::Values(NamedValues::parse(field.kind(), operator, values)))
            }
        }
    }
}

/// One listed value: text, or a whole number where ports are compared.
fn one(
    field: Field,
    operator: CheckOperator,
    item: &Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let text = match item.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(port) if field.kind() == ValueKind::Port => port.to_string(),
        _ => {
            table::wrong_type(item, "the value", field.kind().noun(), problems);
            return None;
        }
    };
    if text.starts_with('$') && text.len() > 1 {
        let hint = Some(format!("{operator} = \"{text}\""));
        problems.note(&item.span(), "a site set stands alone, not in a list", hint);
        return None;
    }
    let normal = matching::normal(field.kind(), operator, &text);
    normal.map_err(|wrong| problems.note(&item.span(), wrong, hint_for(field, &text))).ok()
}

fn hint_for(field: Field, value: &str) -> Option<String> {
    match field.kind() {
        ValueKind::PackageState => did_you_mean_one_of(value, &["unchanged", "changed"]),
        ValueKind::Word(words) => {
            did_you_mean_one_of(value, words).or_else(|| Some(format!("one of: {}", words.join(", "))))
        }
        ValueKind::Time if field == Field::ProcessStart => did_you_mean_one_of(value, &[SCHEDULE]),
        _ => None,
    }
}

fn field_of(check: &TomlTable<'_, '_>, problems: &mut Problems<'_>) -> Option<Field> {
    let name = check.text("field", problems)?;
    let field = name.text.parse::<Field>();
    let hint = || did_you_mean_one_of(&name.text, &Field::ALL.map(Field::name));
    field.map_err(|unknown| problems.note(&name.span, unknown.to_string(), hint())).ok()
}

/// How much a check tells, where it says so; `None` when it says what is not known.
#[expect(clippy::option_option, reason = "wrong is not the same as not said")]
fn strength_of(check: &TomlTable<'_, '_>, problems: &mut Problems<'_>) -> Option<Option<Strength>> {
    if check.get(STRENGTH).is_none() {
        return Some(None);
    }
    let word = check.optional_text(STRENGTH, problems)?;
    let found = Strength::ALL.into_iter().find(|strength| strength.name() == word.text);
    if found.is_none() {
        let hint = Some("weak or strong".into());
        problems.note(&word.span, format!("there is no strength `{}`", word.text), hint);
    }
    found.map(Some)
}

/// The operator of a check, where its key stands, and what stands under it.
struct Named<'t, 'i> {
    operator: CheckOperator,
    key: Range<usize>,
    operand: &'t Spanned<DeValue<'i>>,
}

fn operator_of<'t, 'i>(check: &TomlTable<'t, 'i>, problems: &mut Problems<'_>) -> Option<Named<'t, 'i>> {
    let names = CheckOperator::ALL.map(CheckOperator::name);
    let mut found = None;
    let mut wrong = false;
    for (key, operand) in check.entries().filter(|(key, _)| !matches!(key.text.as_str(), "field" | STRENGTH)) {
        match key.text.parse::<CheckOperator>() {
            Ok(operator) if found.is_none() => found = Some(Named { operator, key: key.span, operand }),
            Ok(_) => {
                let hint = Some("put the second in a check of its own".into());
                problems.note(&key.span, "a check has one operator", hint);
                wrong = true;
            }
            Err(unknown) => {
                problems.note(&key.span, unknown.to_string(), did_you_mean_one_of(&key.text, &names));
                wrong = true;
            }
        }
    }
    if found.is_none() && !wrong {
        problems.note(check.span(), "the check has no operator", Some(format!("one of: {}", names.join(", "))));
    }
    found.filter(|_| !wrong)
}
