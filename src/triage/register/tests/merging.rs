//! Registers that were changed apart.

use super::*;

/// Registers of these texts: what both were made from, ours, theirs.
fn three(base: &str, ours: &str, theirs: &str) -> (TempDir, [PathBuf; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["base", "ours", "theirs"].map(|name| folder.path().join(name));
    for (path, text) in paths.iter().zip([base, ours, theirs]) {
        put(path, text);
    }
    (folder, paths)
}

/// The text that came out, the numbers of entries added and changed, and the ids in conflict.
fn merged(base: &str, ours: &str, theirs: &str) -> (String, usize, usize, Vec<Option<Uuid>>) {
    let (_folder, [base, mine, other]) = three(base, ours, theirs);
    let (base, other) = (Register::load(base).unwrap(), Register::load(other).unwrap());
    let mut register = Register::load(&mine).unwrap();
    let MergedRegister { text: made, added, changed, conflicts } = register.merge(&base, &other).unwrap();
    assert_eq!(text(&mine), made, "what came out is on the disk");
    (made, added, changed, conflicts.iter().map(|conflict| conflict.id).collect())
}

fn with(text: &str, more: &[&Exclusion]) -> String {
    write::append(text, true, &more.iter().map(|one| (*one).clone()).collect::<Vec<_>>())
}

fn revoked_in(text: &str, id: Uuid, at_time: &str) -> String {
    let (folder, file) = place();
    put(&file, text);
    Register::load(&file).unwrap().revoke(id, &Revocation { at: at(at_time), ..revocation() }).unwrap();
    let text = super::text(&file);
    drop(folder);
    text
}

#[test]
fn what_each_side_added_is_there_and_what_stood_stays_as_it_was() {
    let [first, mine, other] = ["/a/1", "/a/2", "/a/3"].map(|path| exclusion(path, "why", as_is));
    let base = format!("{}# the end\n", one(&first));
    let ours = with(&base, &[&mine]);
    let their_entry = with(&base, &[&other]).split_off(base.len()).replacen('\n', "\n# by them\n", 1);
    let theirs = format!("{base}{their_entry}");
    let (made, added, changed, conflicts) = merged(&base, &ours, &theirs);
    assert_eq!((made.clone(), added, changed, conflicts.len()), (format!("{ours}{their_entry}"), 1, 0, 0));
    // The other way round nothing is lost either, and once more changes nothing.
    let (again, added, ..) = merged(&base, &made, &theirs);
    assert_eq!((again.as_str(), added), (made.as_str(), 0));
    // An editor left no line end.
    let (made, added, ..) = merged(&base, &ours, theirs.trim_end());
    assert_eq!((made, added), (format!("{ours}{their_entry}"), 1));
    // Neither had a register before.
    let (made, added, _, conflicts) = merged("", &one(&mine), &one(&other));
    assert_eq!((made.matches("version").count(), added, conflicts.len()), (1, 1, 0));
    let (made, added, ..) = merged("", "", &one(&other));
    assert_eq!((made, added), (one(&other), 1));
}

#[test]
fn a_revocation_is_never_lost() {
    let [first, second] = ["/a/1", "/a/2"].map(|path| exclusion(path, "why", as_is));
    let base = with(&one(&first), &[&second]);
    let early = revoked_in(&base, first.id, "2026-11-20T00:00:00Z");
    let late = revoked_in(&base, first.id, "2026-11-22T00:00:00Z");
    assert_eq!(merged(&base, &base, &early), (early.clone(), 0, 1, vec![]));
    assert_eq!(merged(&base, &early, &base), (early.clone(), 0, 0, vec![]));
    assert_eq!(merged(&base, &late, &early), (early.clone(), 0, 1, vec![]), "the earlier of two");
    assert_eq!(merged(&base, &early, &late), (early.clone(), 0, 0, vec![]));
    // One side took the entry out; the record of its revocation stays.
    let without = one(&second);
    let (made, added, _, conflicts) = merged(&base, &without, &early);
    assert_eq!((added, conflicts.len()), (1, 0));
    assert!(made.contains("revoked = ") && made.contains(&first.id.to_string()), "{made}");
    assert_eq!(merged(&base, &early, &without), (early, 0, 0, vec![]));
}

#[test]
fn what_both_changed_stays_ours_and_is_named() {
    let [first, second] = ["/a/1", "/a/2"].map(|path| exclusion(path, "why", as_is));
    let base = with(&one(&first), &[&second]);
    let edit = |text: &str, reason: &str| text.replacen("nightly report job", reason, 1);
    let (mine, other) = (edit(&base, "mine"), edit(&base, "theirs"));
    assert_eq!(merged(&base, &mine, &other), (mine.clone(), 0, 0, vec![Some(first.id)]));
    assert_eq!(merged(&base, &base, &other), (other.clone(), 0, 1, vec![]), "only theirs changed it");
    let without = one(&second);
    assert_eq!(merged(&base, &without, &other), (without.clone(), 0, 0, vec![Some(first.id)]));
    assert_eq!(merged(&base, &mine, &without), (mine.clone(), 0, 0, vec![Some(first.id)]));
    let (made, _, changed, conflicts) = merged(&base, &base, &without);
    assert_eq!((made, changed, conflicts.len()), (without.clone(), 1, 0), "they took it out, we left it alone");
    let (_, _, _, conflicts) = merged(&base, &format!("# mine\n{base}"), &format!("# theirs\n{base}"));
    assert_eq!(conflicts, [None], "what stands above the first entry");
}

#[test]
fn what_is_no_register_is_said_and_ours_stays() {
    let first = exclusion("/a/1", "why", as_is);
    let (_folder, [base, mine, _]) = three("", &one(&first), "");
    let mut register = Register::load(&mine).unwrap();
    let base = Register::load(base).unwrap();
    let broken = Register { text: Some("version = 1\n[[exclusion]\n".into()), ..Register::in_memory() };
    assert!(register.merge(&base, &broken).is_err());
    assert_eq!(text(&mine), one(&first));
}
