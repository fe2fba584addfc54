//! What a person wrote into the register survives.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// What a person may have put between, before and behind the entries.
fn remark() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("\n\n".to_owned()), "# [a-z \u{e9}=\\[\\]\"]{0,20}\n", "   # [a-z]{0,8}\r\n",]
}

#[derive(Debug, Clone)]
enum Edit {
    Add,
    Revoke(prop::sample::Index),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_line_a_person_wrote_survives_in_its_order(
        head in remark(),
        remarks in proptest::collection::vec((remark(), remark(), any::<bool>()), 0..4),
        tail in "(# end)?",
        edits in proptest::collection::vec(
            prop_oneof![Just(Edit::Add), any::<prop::sample::Index>().prop_map(Edit::Revoke)], 1..6),
    ) {
        let mut written = format!("{head}version = 1 # mine\n");
        for (number, (above, within, unknown)) in remarks.iter().enumerate() {
            let whole = one(&exclusion("/opt/r/x", &number.to_string(), as_is));
            let entry = whole.split_once("version = 1\n\n").unwrap().1;
            let (first, rest) = entry.split_once("rule =").unwrap();
            let first = first.replacen("\"\n", "\" # the id\n", 1);
            let unknown = if *unknown { "  colour   = 'red' # kept\n" } else { "" };
            let _ = write!(written, "{above}{first}{within}{unknown}rule ={rest}");
        }
        written.push_str(&tail);
        let (_folder, file) = place();
        put(&file, &written);
        let mut register = Register::load(&file).unwrap();
        prop_assert_eq!(register.entries().len(), remarks.len());
        let mut expected = remarks.len();
        for (number, edit) in edits.iter().enumerate() {
            match edit {
                Edit::Add => {
                    register.add(&exclusion("/opt/r/new", &number.to_string(), content)).unwrap();
                    expected += 1;
                }
                Edit::Revoke(index) => {
                    let standing: Vec<_> = register.entries().iter().filter_map(RegisterEntry::exclusion)
                        .filter(|e| e.revoked.is_none()).map(|e| e.id).collect();
                    if !standing.is_empty() {
                        register.revoke(*index.get(&standing), &revocation()).unwrap();
                    }
                }
            }
        }
        let after = text(&file);
        let mut lines = after.split('\n');
        for line in written.split('\n').filter(|line| !line.is_empty()) {
            prop_assert!(lines.any(|kept| kept == line), "lost {line:?} of\n{written}\nin\n{after}");
        }
        let again = Register::load(&file).unwrap();
        prop_assert_eq!(again.entries().len(), expected);
        prop_assert!(again.entries().iter().all(|entry| entry.exclusion().is_some()));
    }
}
