//! What could be typed next in a filter.

use std::ops::Range;

use super::field::{FIELDS, FilterField};
use super::parse::tokens;

/// Options that are offered at most.
const OFFERED: usize = 200;

/// What could stand in place of the part that the cursor is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilterCompletion {
    /// Bytes of what was typed that an option takes the place of.
    pub at: Range<usize>,
    /// The options, in the order in which they are offered; each is all of what is typed there.
    pub options: Vec<String>,
    /// What all options begin with.
    pub common: String,
}

/// What could stand where the cursor is, after so many bytes of what was typed. `values` gives what a field has in the
/// list: names of rules, owners, tags.
pub(crate) fn complete(typed: &str, cursor: usize, values: impl Fn(FilterField) -> Vec<String>) -> FilterCompletion {
    let Some(head) = typed.get(..cursor) else { return FilterCompletion::default() };
    let last = tokens(head).pop().filter(|token| token.at.end == head.len());
    let Some(token) = last else {
        return offer(cursor..cursor, "", fields());
    };
    let Some(name) = token.field.clone() else {
        if token.quoted {
            return FilterCompletion::default();
        }
        return offer(token.value_at..cursor, &token.value, fields());
    };
    let Some(field) = FilterField::named(&typed[name]) else { return FilterCompletion::default() };
    let part = head[token.value_at..].rfind(',').map_or(token.value_at, |comma| token.value_at + comma + 1);
    let part = if token.quoted { token.value_at } else { part };
    let begun = head[part..].trim_start_matches('"');
    let words: Vec<String> = match field.known().values {
        [] => values(field).into_iter().map(|value| quoted(&value)).collect(),
        words => words.iter().map(|(word, _)| (*word).to_owned()).collect(),
    };
    offer(part..cursor, begun, words)
}

fn fields() -> Vec<String> {
    FIELDS
        .iter()
        .map(|known| {
            let sign = if known.field.is_measured() { ">" } else { ":" };
            format!("{}{sign}", known.names[0])
        })
        .collect()
}

/// A value as it must be typed.
fn quoted(value: &str) -> String {
    if value.contains([' ', ',', '\t']) { format!("\"{}\"", value.replace('"', "")) } else { value.replace('"', "") }
}

/// Those of the words that begin with what was typed; where none does, those that hold it.
fn offer(at: Range<usize>, begun: &str, words: Vec<String>) -> FilterCompletion {
    let lower = begun.to_lowercase();
    let bare = |word: &str| word.trim_start_matches('"').to_lowercase();
    let begins: Vec<String> = words.iter().filter(|word| bare(word).starts_with(&lower)).cloned().collect();
    let mut options = if begins.is_empty() && !begun.is_empty() {
        words.into_iter().filter(|word| bare(word).contains(&lower)).collect()
    } else {
        begins
    };
    options.truncate(OFFERED);
    let common = options.iter().skip(1).fold(options.first().cloned().unwrap_or_default(), |common, option| {
        let same = common.chars().zip(option.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c);
        same.collect()
    });
    FilterCompletion { at, options, common }
}
