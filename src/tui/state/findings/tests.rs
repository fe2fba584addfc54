use super::*;
use crate::finding::{FileTime, Sha256};
use crate::triage::Verdict;

fn row(id: i64, hunt: usize, path: &str, verdict: Verdict) -> Row {
    Row {
        id: FindingId(id),
        hunt,
        path: path.into(),
        size: id as u64,
        modified: FileTime { seconds: id, nanos: 0 },
        sha256: Sha256([0; 32]),
        matches: 1,
        candidate: false,
        verdict,
        returned: None,
    }
}

fn paths(list: &FindingList) -> Vec<&str> {
    (0..list.len()).filter_map(|place| list.at(place)?.path.to_str()).collect()
}

#[test]
fn the_selection_stays_on_its_finding_while_the_list_grows() {
    let mut list = FindingList::new(2);
    list.upsert(vec![row(1, 0, "/m", Verdict::Open)]);
    list.select_place(0);
    list.upsert(vec![row(2, 0, "/a", Verdict::Open), row(3, 1, "/z", Verdict::Open)]);
    assert_eq!(list.selected().unwrap().id, FindingId(1));
    assert_eq!(paths(&list), ["/a", "/m", "/z"]);
    list.set_sort(Sort::Size);
    assert_eq!(paths(&list), ["/z", "/a", "/m"]);
    assert_eq!(list.selected().unwrap().id, FindingId(1));
}

#[test]
fn a_row_that_changes_moves_and_is_counted_once() {
    let mut list = FindingList::new(1);
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), row(2, 0, "/b", Verdict::Open)]);
    list.select(FindingId(1));
    list.upsert(vec![row(1, 0, "/a", Verdict::Benign)]);
    assert_eq!(paths(&list), ["/b", "/a"]);
    assert_eq!(list.counts(None), Counts { open: 1, benign: 1, ..Counts::default() });
    assert_eq!(list.selected().unwrap().id, FindingId(1));
    assert_eq!(list.next_open(Some(FindingId(1))), Some(FindingId(2)));
    assert_eq!(list.next_open(Some(FindingId(2))), None);
}

#[test]
fn what_came_back_stands_first() {
    let mut list = FindingList::new(1);
    let back = Row { returned: Some("content changed".into()), ..row(2, 0, "/z", Verdict::Open) };
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), back, row(3, 0, "/m", Verdict::Malicious)]);
    assert_eq!(paths(&list), ["/z", "/m", "/a"]);
}

#[test]
fn hunt_and_filter_narrow_the_view() {
    let mut list = FindingList::new(2);
    list.upsert(vec![row(1, 0, "/opt/A", Verdict::Open), row(2, 1, "/opt/b", Verdict::Open)]);
    list.set_hunt(Some(1));
    assert_eq!(paths(&list), ["/opt/b"]);
    list.set_hunt(None);
    list.set_filter("T/a");
    assert_eq!(paths(&list), ["/opt/A"]);
    list.set_filter("nothing");
    assert!(list.selected().is_none());
    list.set_filter("");
    assert_eq!(list.len(), 2);
}
