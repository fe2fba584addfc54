//! Tags: words that a responder puts on findings, to find them again.

use std::collections::BTreeSet;

/// Characters of a tag at most.
pub(crate) const MAX_TAG: usize = 64;

/// A tag as it is kept, from one as it is typed: with or without `#`, in small letters. `None` where it cannot be one:
/// letters, digits and `-_./` are taken, a letter must be among them, and it begins and ends with a letter or digit.
pub(crate) fn parse(typed: &str) -> Option<String> {
    let tag = typed.strip_prefix('#').unwrap_or(typed).to_lowercase();
    let letters = tag.chars().count();
    let is_whole = tag.starts_with(char::is_alphanumeric) && tag.ends_with(char::is_alphanumeric);
    let taken = tag.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    (is_whole && taken && letters <= MAX_TAG && tag.chars().any(char::is_alphabetic)).then_some(tag)
}

/// The tags in a note: its words that begin with `#`.
pub(crate) fn in_note(note: &str) -> BTreeSet<String> {
    let ends = |c: char| matches!(c, ',' | ';' | ':' | '.' | '!' | '?' | ')' | ']' | '"' | '\'');
    let words = note.split_whitespace().map(|word| word.trim_start_matches(['(', '[', '"', '\'']));
    let tags = words.filter(|word| word.starts_with('#')).filter_map(|word| parse(word.trim_end_matches(ends)));
    tags.collect()
}

/// Tags that are typed: `ask-bob #later -done` puts two on and takes one off.
///
/// # Errors
/// Which word is no tag, and why.
pub(crate) fn typed(typed: &str) -> Result<(BTreeSet<String>, BTreeSet<String>), String> {
    let (mut add, mut remove) = (BTreeSet::new(), BTreeSet::new());
    for word in typed.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        let (set, name) = match word.strip_prefix('-') {
            Some(name) => (&mut remove, name),
            None => (&mut add, word),
        };
        let tag = parse(name).ok_or_else(|| {
            format!(
                "{} is no tag: letters, digits, - _ . / (a letter among them), {MAX_TAG} at most",
                crate::text::quoted(name)
            )
        })?;
        set.insert(tag);
    }
    if let Some(both) = add.intersection(&remove).next() {
        return Err(format!("#{both} is put on and taken off"));
    }
    Ok((add, remove))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_with_a_number_sign_are_tags() {
        let tags: Vec<_> = in_note("see #Later, (#ask-bob) and #1234 or a#b, ##x # #é.").into_iter().collect();
        assert_eq!(tags, ["ask-bob", "later", "é"], "a ticket's number is none");
    }

    #[test]
    fn tags_are_put_on_and_taken_off_and_what_is_none_is_named() {
        let (add, remove) = typed("ask-bob, #Later  -done").unwrap();
        assert_eq!((add.len(), remove.into_iter().collect::<Vec<_>>()), (2, vec!["done".to_owned()]));
        for wrong in ["a b!", "x -", "1", "\u{1b}[2J", "a -a", &"x".repeat(MAX_TAG + 1)] {
            assert!(typed(wrong).is_err(), "{wrong:?}");
        }
        assert!(typed("\u{1b}[2J").unwrap_err().chars().all(|c| !c.is_control()));
    }

    proptest! {
        #[test]
        fn a_tag_read_again_is_itself(typed in "\\PC{0,12}") {
            if let Some(tag) = parse(&typed) {
                prop_assert_eq!(parse(&tag), Some(tag.clone()));
                prop_assert_eq!(parse(&format!("#{tag}")), Some(tag.clone()));
                let note = format!("x #{tag} y");
                prop_assert!(in_note(&note).contains(&tag));
            }
        }
    }
}
