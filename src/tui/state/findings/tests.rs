use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::finding::{FileTime, Sha256};
use crate::triage::Verdict;

fn row(id: i64, hunt: usize, path: &str, verdict: Verdict) -> ListedFinding {
    ListedFinding {
        id: FindingId(id),
        at: 0,
        hunt,
        path: std::path::Path::new(path).into(),
        size: id as u64,
        modified: FileTime { seconds: id, nanos: 0 },
        digest: Sha256([0; 32]).into(),
        matches: 1,
        score: 75,
        plain: false,
        uid: 0,
        owner: None,
        written: None,
        signs: Signs::default(),
        candidate: false,
        verdict,
        returned: None,
        against_the_box: false,
        gone: None,
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
    list.set_sort(Sort::by(Column::Size));
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
    let back = ListedFinding { returned: Some("content changed".into()), ..row(2, 0, "/z", Verdict::Open) };
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), back, row(3, 0, "/m", Verdict::Malicious)]);
    assert_eq!(paths(&list), ["/z", "/m", "/a"]);
}

#[test]
fn over_many_boxes_groups_begin_folded_and_what_few_have_comes_first() {
    let mut list = FindingList::new(1);
    list.set_rare_first();
    list.set_grouping(Grouping::Content);
    list.fold_from_the_start();
    let on = |id: i64, at: u32, content: u8| ListedFinding {
        at,
        digest: Sha256([content; 32]).into(),
        ..row(id, 0, &format!("/{id}"), Verdict::Open)
    };
    list.upsert(vec![on(1, 0, 1), on(2, 1, 1), on(3, 1, 1), on(4, 2, 2)]);
    let groups: Vec<_> = (0..list.len())
        .map(|line| match list.line(line) {
            Some(ListLine::Group(group)) => (group.boxes, group.count, group.folded),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(groups, [(1, 1, true), (2, 3, true)]);
}

#[test]
fn hunt_and_filter_narrow_the_view() {
    let mut list = FindingList::new(2);
    list.upsert(vec![row(1, 0, "/opt/A", Verdict::Open), row(2, 1, "/opt/b", Verdict::Open)]);
    list.set_hunt(Some(1));
    assert_eq!(paths(&list), ["/opt/b"]);
    list.set_hunt(None);
    list.set_filter("t/a");
    assert_eq!(paths(&list), ["/opt/A"]);
    list.set_filter("nothing");
    assert!(list.selected().is_none());
    list.set_filter("");
    assert_eq!(list.len(), 2);
}

#[test]
fn groups_fold_and_marks_reach_all_of_a_group() {
    let mut list = FindingList::new(1);
    list.upsert(vec![
        row(1, 0, "/a/x", Verdict::Open),
        row(2, 0, "/b/x", Verdict::Open),
        row(3, 0, "/a/y", Verdict::Benign),
    ]);
    list.set_grouping(Grouping::Folder);
    assert_eq!(list.len(), 5);
    list.select_place(0);
    let group = list.selected_group().unwrap();
    assert_eq!((group.count, group.open, group.folded), (2, 1, false));
    list.toggle_mark(0);
    assert_eq!(list.marked(), [FindingId(1), FindingId(3)]);
    assert!(list.is_line_marked(0) && list.is_line_marked(2) && !list.is_line_marked(3));
    list.fold(true);
    assert_eq!(list.len(), 3);
    list.upsert(vec![row(4, 0, "/a/z", Verdict::Open), row(5, 0, "/0/z", Verdict::Open)]);
    assert_eq!(list.selected_group().unwrap().first.id, FindingId(1));
    assert!(!list.is_line_marked(list.place()), "one that came later is not marked");
    // What is folded away can still be gone to, and is found again when its group unfolds.
    assert_eq!(list.next_open(Some(FindingId(1))), Some(FindingId(4)));
    list.select(FindingId(4));
    assert!(list.selected_group().is_some());
    list.fold(false);
    assert_eq!(list.selected().unwrap().id, FindingId(4));
    list.fold_all();
    assert_eq!(list.len(), 3);
    list.fold_all();
    list.set_grouping(Grouping::None);
    assert_eq!(list.selected().unwrap().id, FindingId(4));
    assert_eq!(list.marks(), 2);
}

#[test]
fn a_heading_whose_group_is_gone_is_not_stood_on_any_more() {
    let mut list = FindingList::new(1);
    list.set_grouping(Grouping::Content);
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), row(2, 0, "/b", Verdict::Open)]);
    list.select_place(0);
    assert!(list.selected_group().is_some());
    list.upsert(vec![ListedFinding { digest: Sha256([1; 32]).into(), ..row(1, 0, "/a", Verdict::Open) }]);
    assert_eq!(list.selected().unwrap().id, FindingId(1), "a content that was found once has no heading");
    assert_eq!(list.len(), 2);
    list.set_grouping(Grouping::Folder);
    list.fold_all();
    assert!(list.selected_group().is_some());
    list.fold(false);
    assert_eq!(list.selected().unwrap().id, FindingId(1), "back on the finding that was folded away");
}

#[test]
fn what_comes_nearest_to_the_filter_stands_first_and_the_cursor_on_it() {
    let mut list = FindingList::new(1);
    list.set_tree(Path::new("/srv/ssh.pylons"));
    let names = ["ssh/three_big2.py", "x/ssh.pyc", "x/ssh.py", "y/other"];
    let rows = names.iter().zip(1..).map(|(name, id)| row(id, 0, &format!("/srv/ssh.pylons/{name}"), Verdict::Open));
    list.upsert(rows.collect());
    list.select(FindingId(1));
    list.set_filter("ssh.py");
    let below = |list: &FindingList| -> Vec<String> {
        (0..list.len()).map(|place| list.below(&list.at(place).unwrap().path).display().to_string()).collect()
    };
    assert_eq!(
        below(&list),
        ["x/ssh.py", "x/ssh.pyc", "ssh/three_big2.py"],
        "letters of the tree's own path do not count"
    );
    assert_eq!(list.selected().unwrap().id, FindingId(3));
    list.upsert(vec![row(9, 0, "/srv/ssh.pylons/a/ssh.py", Verdict::Open)]);
    assert_eq!((list.at(0).unwrap().id, list.selected().unwrap().id), (FindingId(9), FindingId(3)));
    list.set_sort(Sort::by(Column::Path));
    assert_eq!(below(&list)[2], "x/ssh.py", "an order that was chosen holds");
    list.set_filter("");
    assert_eq!(list.selected().unwrap().id, FindingId(1), "and the cursor is where it was");
}

#[test]
fn until_somebody_moves_the_cursor_it_stands_at_the_beginning() {
    let mut list = FindingList::new(1);
    for id in [5, 3, 1] {
        list.upsert(vec![row(id, 0, &format!("/{id}"), Verdict::Open)]);
        assert_eq!(list.place(), 0);
    }
    assert_eq!(list.selected().unwrap().id, FindingId(1));
}

#[test]
fn a_filter_that_hid_the_selection_gives_it_back() {
    let mut list = FindingList::new(1);
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), row(2, 0, "/b", Verdict::Open)]);
    list.select(FindingId(2));
    list.set_filter("a");
    assert_eq!(list.selected().unwrap().id, FindingId(1));
    list.set_filter("");
    assert_eq!(list.selected().unwrap().id, FindingId(2));
}

#[test]
fn a_plain_rule_with_thousands_of_findings_leaves_the_hunts_on_the_first_page() {
    let mut list = FindingList::new(3);
    let plain = |id: i64| ListedFinding { plain: true, score: 100, ..row(id, 0, &format!("/a/{id}"), Verdict::Open) };
    list.upsert((1..=2000).map(plain).collect());
    list.upsert((2001..=2100).map(|id| row(id, 1, &format!("/b/{id}"), Verdict::Open)).collect());
    list.upsert(vec![
        row(3000, 2, "/z", Verdict::Open),
        ListedFinding { score: 90, ..row(3001, 1, "/y", Verdict::Open) },
    ]);
    assert_eq!(paths(&list)[..3], ["/y", "/z", "/b/2001"], "by score, then what is rare, hunts before plain rules");
    assert!(paths(&list)[102].starts_with("/a/"));
}

#[test]
fn the_hunts_counts_follow_the_filter_and_what_becomes_known_of_a_finding_does_too() {
    let mut list = FindingList::new(2);
    list.set_names(Some(vec!["tiny".into(), "ssh".into()]), Some(vec!["web01".into()]));
    list.upsert(vec![row(1, 0, "/a", Verdict::Open), row(2, 1, "/b", Verdict::Open), row(3, 1, "/c", Verdict::Benign)]);
    list.set_filter("rule:ssh");
    assert_eq!((list.passing_counts(Some(0)).all(), list.passing_counts(Some(1)).open, list.len()), (0, 1, 2));
    list.set_filter("is:live");
    assert!(list.is_empty());
    list.set_signs(&[(FindingId(2), Signs::default().with(Sign::Live)), (FindingId(9), Signs::default())]);
    assert_eq!((paths(&list), list.passing_counts(None).open), (vec!["/b"], 1));
    list.set_filter("is:new");
    list.set_news([(FindingId(3), Sign::New)]);
    assert_eq!(paths(&list), ["/c"]);
    list.upsert(vec![row(3, 1, "/c", Verdict::Open)]);
    assert_eq!(paths(&list), ["/c"], "it stays new when it is decided on");
    list.set_names(Some(vec!["ssh".into(), "tiny".into()]), None);
    list.set_filter("rule:ssh");
    assert_eq!(paths(&list), ["/a"]);
    assert_eq!(list.values(FilterField::Rule), ["ssh", "tiny"]);
}

/// Something that happens to the list.
#[derive(Debug, Clone)]
enum Step {
    Rows(Vec<ListedFinding>),
    Filter(&'static str),
    Hunt(Option<usize>),
    Sort(Sort),
    Group(Grouping),
    Fold(bool),
    FoldAll,
    Move(usize),
    Mark,
}

fn any_row() -> impl Strategy<Value = ListedFinding> {
    let verdict = prop::sample::select(vec![Verdict::Open, Verdict::Benign, Verdict::Suspicious, Verdict::Malicious]);
    (0..40_i64, verdict, any::<bool>(), any::<bool>(), 0..3_u8, 0..4_u64).prop_map(
        |(id, verdict, candidate, returned, content, size)| ListedFinding {
            size,
            modified: FileTime { seconds: -(size as i64), nanos: u32::from(content) },
            digest: Sha256([content; 32]).into(),
            matches: usize::from(content),
            candidate: candidate && id % 5 == 0,
            plain: id % 3 == 1,
            score: [75, 40, 90][id as usize % 3],
            written: (id % 7 == 0).then(|| Box::new(Written { tags: vec!["x".into()], note: None })),
            signs: if id % 2 == 0 { Signs::default().with(Sign::Live) } else { Signs::default() },
            returned: returned.then(|| "expired".into()),
            ..row(
                id,
                (id % 3) as usize,
                &format!("/{}/{}/{}", ["a", "b\u{1b}", "C"][id as usize % 3], id % 4, id % 17),
                verdict,
            )
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let sort = (prop::sample::select(Column::ALL.to_vec()), any::<bool>());
    let groupings = [Grouping::None, Grouping::Hunt, Grouping::Folder, Grouping::Content, Grouping::Verdict];
    prop_oneof![
        3 => prop::collection::vec(any_row(), 1..12).prop_map(Step::Rows),
        2 => prop::sample::select(vec!["", "a", "a1", "a 1", "1", "c", "C", "!2", "!a 1", "x1b", "'/1", "zz", "state:open", "-size>1", "rule:1 a", "tag:x", "is:live -a", "rul:x a", "rule:"]).prop_map(Step::Filter),
        1 => prop::option::of(0..3_usize).prop_map(Step::Hunt),
        2 => sort.prop_map(|(column, descending)| Step::Sort(Sort { column, descending })),
        2 => prop::sample::select(groupings.to_vec()).prop_map(Step::Group),
        2 => any::<bool>().prop_map(Step::Fold),
        1 => Just(Step::FoldAll),
        3 => (0..60_usize).prop_map(Step::Move),
        1 => Just(Step::Mark),
    ]
}

/// What findings of a group share, so that groups are in order by it.
fn shared(row: &ListedFinding, grouping: Grouping) -> String {
    match grouping {
        Grouping::None => String::new(),
        Grouping::Hunt => row.hunt.to_string(),
        Grouping::Folder => row.path.parent().unwrap().display().to_string(),
        Grouping::Content => row.digest.to_string(),
        Grouping::Verdict => row.rank().to_string(),
    }
}

/// The list, recomputed from nothing whenever it is looked at.
#[derive(Default)]
struct Naive {
    rows: BTreeMap<FindingId, ListedFinding>,
    /// Groupings whose groups are all folded but those in `unlike`; of others, only those are.
    all_folded: BTreeSet<u8>,
    unlike: BTreeSet<(u8, String)>,
    marked: BTreeSet<FindingId>,
}

/// A line: of a group what it shares, how many, how many open and how many candidates, whether folded; of a finding its number.
#[derive(Debug, PartialEq)]
enum Seen {
    Group(String, usize, [usize; 2], bool),
    Row(FindingId),
}

impl Naive {
    fn groups(&self, list: &FindingList) -> Vec<(String, Vec<&ListedFinding>)> {
        let Sort { column, descending } = list.sort();
        let filter = Filter::parse(list.filter()).bind(&list.names);
        let near = |row: &ListedFinding| filter.nearness(&row.asked(&text::escape_path(&row.path)));
        let common = |row: &ListedFinding| {
            let alike = self.rows.values().filter(|other| other.hunt == row.hunt).count();
            (usize::BITS - alike.leading_zeros()).div_ceil(2)
        };
        let telling = |row: &ListedFinding| (row.rank(), row.plain, Reverse(row.score), common(row));
        let mut rows: Vec<&ListedFinding> = self.rows.values().collect();
        rows.retain(|row| list.hunt().is_none_or(|hunt| hunt == row.hunt));
        rows.retain(|row| near(row).is_some());
        let ranked = list.sort() == Sort::default();
        rows.sort_by_key(|row| (&row.path, row.hunt, row.candidate, row.id));
        rows.sort_by(|a, b| {
            let order = match column {
                Column::State => telling(a).cmp(&telling(b)),
                Column::Path => (&a.path, a.hunt, a.candidate, a.id).cmp(&(&b.path, b.hunt, b.candidate, b.id)),
                Column::Host => a.at.cmp(&b.at),
                Column::Hunt => a.hunt.cmp(&b.hunt),
                Column::Size => a.size.cmp(&b.size),
                Column::Modified => a.modified.cmp(&b.modified),
                Column::Matches => a.matches.cmp(&b.matches),
                Column::Signs => a.signs.has(Sign::Live).cmp(&b.signs.has(Sign::Live)),
            };
            if descending { order.reverse() } else { order }
        });
        rows.sort_by_key(|row| if ranked { near(row) } else { None });
        let mut groups: BTreeMap<String, Vec<&ListedFinding>> = BTreeMap::new();
        for row in rows {
            groups.entry(shared(row, list.grouping())).or_default().push(row);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        if list.grouping() == Grouping::Content {
            groups.sort_by_key(|(_, rows)| Reverse(rows.len()));
        }
        groups
    }

    fn is_folded(&self, grouping: u8, shared: &str) -> bool {
        self.all_folded.contains(&grouping) != self.unlike.contains(&(grouping, shared.to_owned()))
    }

    fn lines(&self, list: &FindingList) -> Vec<Seen> {
        let mut lines = Vec::new();
        for (shared, rows) in self.groups(list) {
            let folded = self.is_folded(list.grouping() as u8, &shared);
            let alone = list.grouping() == Grouping::Content && rows.len() == 1;
            let folded = folded && !alone;
            if list.grouping() != Grouping::None && !alone {
                let open = [false, true]
                    .map(|candidate| rows.iter().filter(|row| row.is_open() && row.candidate == candidate).count());
                lines.push(Seen::Group(shared, rows.len(), open, folded));
            }
            if !folded {
                lines.extend(rows.iter().map(|row| Seen::Row(row.id)));
            }
        }
        lines
    }
}

fn seen(list: &FindingList, line: usize) -> Seen {
    match list.line(line).unwrap() {
        ListLine::Row(row) => Seen::Row(row.id),
        ListLine::Group(group) => {
            let open = [group.open, group.candidates];
            Seen::Group(shared(group.first, list.grouping()), group.count, open, group.folded)
        }
    }
}

/// Does a step to both.
fn play(list: &mut FindingList, naive: &mut Naive, step: Step) {
    let grouping = list.grouping();
    let group = match list.line(list.place()) {
        Some(ListLine::Group(GroupHeading { first, .. }) | ListLine::Row(first)) => {
            Some((grouping as u8, shared(first, grouping)))
        }
        None => None,
    };
    match step {
        Step::Rows(rows) => {
            naive.rows.extend(rows.iter().map(|row| (row.id, row.clone())));
            list.upsert(rows);
        }
        Step::Filter(filter) => list.set_filter(filter),
        Step::Hunt(hunt) => list.set_hunt(hunt),
        Step::Sort(sort) => list.set_sort(sort),
        Step::Group(grouping) => list.set_grouping(grouping),
        Step::Fold(fold) => {
            let Some(group) = group.filter(|_| list.fold(fold)) else { return };
            if naive.is_folded(group.0, &group.1) != fold && !naive.unlike.remove(&group) {
                naive.unlike.insert(group);
            }
        }
        Step::FoldAll => {
            let number = grouping as u8;
            let is_folded = |(shared, _): &(String, Vec<&ListedFinding>)| naive.is_folded(number, shared);
            let counts = |group: &&(String, Vec<&ListedFinding>)| grouping != Grouping::Content || group.1.len() > 1;
            let all = grouping == Grouping::None || naive.groups(list).iter().filter(counts).all(is_folded);
            naive.unlike.retain(|(of, _)| *of != number);
            if all {
                naive.all_folded.remove(&number);
            } else {
                naive.all_folded.insert(number);
            }
            list.fold_all();
        }
        Step::Move(line) => list.select_place(line),
        Step::Mark => {
            let chosen: Vec<_> = match list.line(list.place()) {
                Some(ListLine::Row(row)) => vec![row.id],
                Some(ListLine::Group(_)) => {
                    let (_, shared) = group.unwrap();
                    let mut groups = naive.groups(list).into_iter();
                    let rows = groups.find(|(of, _)| *of == shared).unwrap().1;
                    rows.iter().map(|row| row.id).collect()
                }
                None => Vec::new(),
            };
            list.toggle_mark(list.place());
            if chosen.iter().all(|id| naive.marked.contains(id)) {
                naive.marked.retain(|id| !chosen.contains(id));
            } else {
                naive.marked.extend(chosen);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_list_is_what_a_naive_one_would_be_and_the_cursor_stays(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut list = FindingList::new(3);
        list.set_names(Some(vec!["rule0".into(), "rule1".into(), "rule2".into()]), None);
        let mut naive = Naive::default();
        let mut moved = false;
        for step in steps {
            let on_heading = list.cursor.group.is_some();
            let before = list.line(list.place()).map(|_| seen(&list, list.place()));
            let moves = matches!(step, Step::Move(_));
            let (regroups, filters) = (matches!(step, Step::Group(_)), matches!(step, Step::Filter(_)));
            play(&mut list, &mut naive, step);
            let expected = naive.lines(&list);
            let lines: Vec<_> = (0..list.len()).map(|line| seen(&list, line)).collect();
            prop_assert_eq!(&lines, &expected);
            for hunt in [None, Some(0), Some(1), Some(2)] {
                let filter = Filter::parse(list.filter()).bind(&list.names);
                let passes = |row: &&ListedFinding| {
                    hunt.is_none_or(|hunt| hunt == row.hunt)
                        && filter.nearness(&row.asked(&text::escape_path(&row.path))).is_some()
                };
                let passing = naive.rows.values().filter(passes).count();
                prop_assert_eq!(list.passing_counts(hunt).all(), passing, "the hunts' counts follow the filter");
            }
            prop_assert!(list.line(list.len()).is_none(), "nothing stands below the last line");
            let mut in_groups: Vec<_> =
                list.lines.spans().iter().flat_map(|span| list.lines.rows(*span)).copied().collect();
            in_groups.sort_unstable();
            let mut passing = list.lines.order.clone();
            passing.sort_unstable();
            prop_assert!(list.grouping() == Grouping::None || in_groups == passing);
            prop_assert_eq!(list.marked().into_iter().collect::<BTreeSet<_>>(), naive.marked.clone());
            prop_assert_eq!(list.marks(), naive.marked.len());
            let open: Vec<_> = naive.groups(&list).into_iter().flat_map(|(_, rows)| rows).filter(|row| row.is_open()).collect();
            prop_assert_eq!(list.next_open(None), open.first().map(|row| row.id));
            moved |= moves && !lines.is_empty();
            if !moved && list.filter().is_empty() {
                prop_assert_eq!(list.place(), 0, "nobody has moved the cursor yet");
            }
            if moves || !moved || lines.is_empty() {
                continue;
            }
            let after = seen(&list, list.place());
            match before {
                Some(Seen::Row(id)) if lines.contains(&Seen::Row(id)) && !filters => {
                    prop_assert_eq!(after, Seen::Row(id));
                }
                Some(Seen::Row(id)) if !filters && naive.groups(&list).iter().any(|(_, rows)| rows.iter().any(|row| row.id == id)) => {
                    let of = shared(&naive.rows[&id], list.grouping());
                    prop_assert!(matches!(after, Seen::Group(shared, ..) if shared == of));
                }
                Some(Seen::Group(of, ..)) if on_heading && !regroups && !filters => {
                    let still = lines.iter().any(|line| matches!(line, Seen::Group(shared, ..) if *shared == of));
                    prop_assert!(!still || matches!(&after, Seen::Group(shared, ..) if *shared == of));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_path_below_the_tree_is_what_its_components_say() {
    for tree in ["/", "/srv", "/srv/", "srv", ".", ""] {
        for path in ["/srv/a/b", "/srv/.hidden", "/srv//a", "/srv", "/srvx/a", "/a", "srv/a", "a", "./a", "/srv/a/"] {
            let (path, tree) = (Path::new(path), Path::new(tree));
            let expected = match path.strip_prefix(tree) {
                Ok(below) if !below.as_os_str().is_empty() => below,
                Ok(_) => path.file_name().map_or(path, Path::new),
                Err(_) => path,
            };
            assert_eq!(below(path, tree).as_os_str(), expected.as_os_str(), "{path:?} from {tree:?}");
        }
    }
}
