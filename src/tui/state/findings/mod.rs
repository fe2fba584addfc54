//! The list of findings: what is in it, what of it is shown, in what order and groups, and where the cursor stands.

mod columns;
mod cursor;
mod lines;
mod marks;
mod ranks;
mod row;
mod sort;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub(crate) use self::columns::{Placed, columns};
pub(crate) use self::row::Counts;
pub use self::row::{ListedFinding, Written};
pub use self::sort::{Column, Grouping, Sort};

use self::cursor::Cursor;
use self::lines::{At, ListLines};
use self::ranks::insert_all;
use self::store::Store;
use crate::case::FindingId;
use crate::text;
use crate::text::fuzzy::FuzzyPattern;
use crate::triage::filter::{Filter, FilterField, ListFilter, Names, Sign, Signs, Wrong};

/// One line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListLine<'l> {
    /// The heading of a group.
    Group(GroupHeading<'l>),
    /// A finding.
    Row(&'l ListedFinding),
}

/// A group, as its heading tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupHeading<'l> {
    /// Its first finding; what the findings of a group share is this one's too.
    pub first: &'l ListedFinding,
    /// Findings in it that the filter lets pass.
    pub count: usize,
    /// Those of them that nothing is decided on; candidates not counted.
    pub open: usize,
    /// Candidates among them that nothing is decided on.
    pub candidates: usize,
    /// Whether its findings are hidden.
    pub folded: bool,
    /// On how many boxes its findings are.
    pub boxes: usize,
}

/// Which groups are folded.
#[derive(Debug, Clone, Default)]
struct Folds {
    /// Whether all are but the others; else none is but those.
    all: bool,
    /// By number of the group, whether it is one of the others; none is beyond the end.
    others: Vec<bool>,
}

impl Folds {
    fn holds(&self, group: u32) -> bool {
        self.all != self.others.get(group as usize).is_some_and(|other| *other)
    }

    fn set(&mut self, group: u32, folded: bool) {
        let place = group as usize;
        self.others.resize(self.others.len().max(place + 1), false);
        self.others[place] = folded != self.all;
    }
}

/// The findings, and the view of them.
#[derive(Debug, Default)]
pub struct FindingList {
    store: Store,
    /// The tree that the paths lie in; nothing is known of it while it is empty.
    tree: PathBuf,
    /// Indexes of all rows in order, so that filter and hunt only have to leave some out.
    order: Vec<u32>,
    lines: ListLines,
    hunt: Option<usize>,
    typed: String,
    filter: Filter,
    /// The filter for the names of this list.
    bound: ListFilter,
    names: Names,
    /// Whose place the comparison with the scan before has changed.
    news: HashMap<FindingId, Sign>,
    knows_signs: bool,
    sort: Sort,
    grouping: Grouping,
    folds: HashMap<Grouping, Folds>,
    cursor: Cursor,
    /// The finding that was chosen last, for when a filter that hid it is gone.
    chosen: Option<FindingId>,
}

impl FindingList {
    /// An empty list for this many hunts.
    pub fn new(hunts: usize) -> Self {
        let mut list = Self::default();
        list.set_hunts(hunts);
        list
    }

    /// Takes over which tree the paths lie in.
    pub fn set_tree(&mut self, tree: &Path) {
        tree.clone_into(&mut self.tree);
    }

    /// The tree that the paths lie in.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// A path as it is seen from the tree.
    pub fn below<'p>(&self, path: &'p Path) -> &'p Path {
        below(path, &self.tree)
    }

    /// Whether what comes nearest to the filter comes first: not where the responder has chosen another order.
    fn is_ranked(&self) -> bool {
        !self.filter.pattern().is_empty() && self.sort == Sort::default()
    }

    /// Takes over how many hunts there are.
    pub fn set_hunts(&mut self, hunts: usize) {
        self.store.set_hunts(hunts);
    }

    /// Takes over what rules and boxes are called, by index; a filter may ask for them.
    pub fn set_names(&mut self, rules: Option<Vec<String>>, hosts: Option<Vec<String>>) {
        self.store.set_hunts(rules.as_ref().map_or(0, Vec::len));
        self.names.rules = rules.unwrap_or_else(|| std::mem::take(&mut self.names.rules));
        self.names.hosts = hosts.unwrap_or_else(|| std::mem::take(&mut self.names.hosts));
        if !self.filter.is_empty() {
            self.ask_all(false);
        }
    }

    /// What this field of a filter has in the list, in order.
    pub(crate) fn values(&self, field: FilterField) -> Vec<String> {
        let sorted = |mut values: Vec<String>| {
            values.sort();
            values.dedup();
            values
        };
        match field {
            FilterField::Rule => sorted(self.names.rules.clone()),
            FilterField::Host => sorted(self.names.hosts.clone()),
            FilterField::Owner => self.store.owners().map(|owner| text::escape_str(owner).into_owned()).collect(),
            FilterField::Tag => {
                sorted(self.store.rows().iter().flat_map(ListedFinding::tags).map(ToString::to_string).collect())
            }
            _ => Vec::new(),
        }
    }

    /// Takes over what is new, or has changed, since the scan before.
    pub(crate) fn set_news(&mut self, news: impl IntoIterator<Item = (FindingId, Sign)>) {
        self.news = news.into_iter().collect();
        let rows: Vec<ListedFinding> = self.news.keys().filter_map(|id| self.get(*id)).cloned().collect();
        self.upsert(rows);
    }

    /// How many are excluded for a scenario that nothing on the box supports.
    pub fn against_the_box(&self) -> usize {
        self.store.rows().iter().filter(|row| row.against_the_box).count()
    }

    /// Whether the box has said of one of them that it is live, scheduled or listening.
    pub fn knows_signs(&self) -> bool {
        self.knows_signs
    }

    /// Takes over what the box says of findings.
    pub fn set_signs(&mut self, signs: &[(FindingId, Signs)]) {
        let row = |(id, signs): &(FindingId, Signs)| {
            let row = self.get(*id)?;
            (row.signs != *signs).then(|| ListedFinding { signs: *signs, ..row.clone() })
        };
        let rows: Vec<ListedFinding> = signs.iter().filter_map(row).collect();
        if !rows.is_empty() {
            self.upsert(rows);
        }
    }

    /// Adds rows, or replaces those that are there under the same number. The cursor stays on its finding.
    pub fn upsert(&mut self, mut rows: Vec<ListedFinding>) {
        if !self.news.is_empty() {
            for row in &mut rows {
                row.signs = self.news.get(&row.id).map_or(row.signs, |sign| row.signs.with(*sign));
            }
        }
        self.knows_signs |= rows.iter().any(|row| row.letters().iter().any(|(_, on)| *on));
        let put = self.store.put(rows, |row| nearness(&self.bound, &self.tree, row));
        if self.store.weigh() && self.sort.column == Column::State {
            return self.arrange();
        }
        let (store, sort, grouping, ranked) = (&self.store, self.sort, self.grouping, self.is_ranked());
        let compare = |a, b| store.compare(a, b, (sort, grouping, false));
        let moved = put.all(compare);
        put.take_from(&mut self.order);
        insert_all(&mut self.order, moved.iter().copied(), compare);
        if self.hunt.is_none() && self.filter.is_empty() {
            self.lines.order.clone_from(&self.order);
        } else {
            put.take_from(&mut self.lines.order);
            let compare = |a: u32, b: u32| store.compare(a, b, (sort, grouping, ranked));
            let mut shown: Vec<_> = moved.into_iter().filter(|index| store.shows(*index, self.hunt)).collect();
            shown.sort_by(|a, b| compare(*a, *b));
            insert_all(&mut self.lines.order, shown, compare);
        }
        self.lay_out();
    }

    /// Forgets all rows, for a scan from the start; hunt, filter, sort, grouping and folds stay, and the marks of
    /// findings that come back.
    pub fn clear(&mut self) {
        self.store.clear();
        self.knows_signs = false;
        self.order.clear();
        self.lines.order.clear();
        self.lines.arrange(&self.store, self.grouping, |_| false);
    }

    /// The row of this finding.
    pub fn get(&self, id: FindingId) -> Option<&ListedFinding> {
        self.store.index(id).map(|index| self.store.row(index))
    }

    /// Every finding, in no order, whatever filter and hunt leave out.
    pub fn all(&self) -> impl Iterator<Item = &ListedFinding> {
        self.store.rows().iter()
    }

    /// How many lines are shown: findings, and headings of groups.
    pub fn len(&self) -> usize {
        self.lines.count()
    }

    /// Whether no line is shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many findings pass the filter, folded away or not.
    pub fn passing(&self) -> usize {
        self.lines.order.len()
    }

    /// What this line shows.
    pub fn line(&self, line: usize) -> Option<ListLine<'_>> {
        Some(match self.lines.at(line)? {
            At::Row(index) => ListLine::Row(self.store.row(index)),
            At::Group(span) => {
                let rows = self.lines.rows(span);
                let first = self.store.row(*rows.first()?);
                let at: HashSet<u32> = rows.iter().map(|row| self.store.row(*row).at).collect();
                let (open, candidates) = (span.open as usize, span.candidates as usize);
                ListLine::Group(GroupHeading {
                    first,
                    count: span.count as usize,
                    open,
                    candidates,
                    folded: span.folded,
                    boxes: at.len(),
                })
            }
        })
    }

    /// The finding shown on this line, if it shows one.
    pub fn at(&self, line: usize) -> Option<&ListedFinding> {
        match self.line(line)? {
            ListLine::Row(row) => Some(row),
            ListLine::Group(_) => None,
        }
    }

    /// Counts of one hunt, or of all.
    pub fn counts(&self, hunt: Option<usize>) -> Counts {
        self.store.counts(hunt)
    }

    /// The hunt whose findings are shown; `None` for all.
    pub fn hunt(&self) -> Option<usize> {
        self.hunt
    }

    /// Shows one hunt's findings, or all.
    pub fn set_hunt(&mut self, hunt: Option<usize>) {
        self.hunt = hunt;
        self.cursor.line = 0;
        self.show();
    }

    /// What was typed to filter by.
    pub fn filter(&self) -> &str {
        &self.typed
    }

    /// What of the filter is sought in paths.
    pub fn pattern(&self) -> &FuzzyPattern {
        self.filter.pattern()
    }

    /// What is wrong with the filter.
    pub(crate) fn wrong(&self) -> Option<&Wrong> {
        self.filter.wrong()
    }

    /// Counts of what passes the filter, of one hunt or of all.
    pub fn passing_counts(&self, hunt: Option<usize>) -> Counts {
        self.store.passing(hunt)
    }

    /// Shows only findings that the filter lets pass, and puts the cursor on the one that comes nearest. What the filter
    /// before has ruled out is not asked again where the new one asks for more of the same.
    pub fn set_filter(&mut self, typed: &str) {
        typed.clone_into(&mut self.typed);
        let before = std::mem::replace(&mut self.filter, Filter::parse(typed));
        let same = (self.filter.narrows(&before), before.narrows(&self.filter));
        if same == (true, true) {
            return;
        }
        self.ask_all(same.0);
        if !self.filter.is_empty() {
            let nearest = self.lines.order.iter().copied().min_by_key(|index| self.store.near(*index));
            if let Some(line) = nearest.and_then(|index| self.lines.line_of(index)) {
                self.go(line);
            }
        } else if let (None, Some(id)) = (self.cursor.group, self.chosen) {
            self.select(id);
        }
    }

    /// Asks the filter about all findings; with `narrows`, only about those that passed before.
    fn ask_all(&mut self, narrows: bool) {
        self.bound = self.filter.bind(&self.names);
        let (bound, tree) = (&self.bound, &self.tree);
        self.store.filter(|row, passed| if narrows && !passed { None } else { nearness(bound, tree, row) });
        self.show();
    }

    /// What the list is sorted by.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Sorts the list.
    pub fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// What the list is grouped by.
    pub fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// Groups the list; from a group's heading the cursor goes to its first finding.
    pub fn set_grouping(&mut self, grouping: Grouping) {
        self.grouping = grouping;
        self.cursor.group = None;
        self.arrange();
    }

    /// Puts contents with few copies first: what is on many boxes is rarely what is sought.
    pub fn set_rare_first(&mut self) {
        self.lines.rare_first = true;
        self.lay_out();
    }

    /// Folds the group under the cursor, or unfolds it; whether there is a group.
    pub fn fold(&mut self, fold: bool) -> bool {
        let Some(group) = self.group_at_cursor() else { return false };
        self.folds.entry(self.grouping).or_default().set(group, fold);
        if fold {
            self.cursor.group = Some(group);
        }
        self.lay_out();
        true
    }

    /// Folds all groups and those to come.
    pub fn fold_from_the_start(&mut self) {
        self.folds.insert(self.grouping, Folds { all: true, others: Vec::new() });
        self.lay_out();
    }

    /// Folds all groups and those to come, or unfolds all if they are.
    pub fn fold_all(&mut self) {
        let all = !self.lines.spans().iter().all(|span| span.folded || span.alone);
        self.folds.insert(self.grouping, Folds { all, others: Vec::new() });
        self.lay_out();
    }

    /// Works out anew in what order the rows are.
    fn arrange(&mut self) {
        self.order = self.store.sorted(self.sort, self.grouping);
        self.show();
    }

    /// Works out anew what is shown.
    fn show(&mut self) {
        self.lines.order.clear();
        self.lines.order.extend(self.order.iter().filter(|index| self.store.shows(**index, self.hunt)));
        if self.is_ranked() {
            let (store, grouping) = (&self.store, self.grouping);
            let groups = self.lines.order.chunk_by_mut(|a, b| store.group(*a, grouping) == store.group(*b, grouping));
            groups.for_each(|group| group.sort_by_key(|index| store.near(*index)));
        }
        self.lay_out();
    }

    /// Finds groups, lines and cursor in what is shown.
    fn lay_out(&mut self) {
        let folds = self.folds.get(&self.grouping);
        self.lines.arrange(&self.store, self.grouping, |group| folds.is_some_and(|folds| folds.holds(group)));
        let Cursor { finding, group, line } = self.cursor;
        let heading = group.and_then(|group| self.lines.line_of_group(group));
        let index = || finding.and_then(|id| self.store.index(id));
        if heading.is_none() {
            self.cursor.group = None;
        }
        match heading.or_else(|| self.lines.line_of(index()?)) {
            // Until somebody has moved it, the cursor stands at the beginning, whatever comes in before that.
            _ if self.chosen.is_none() && self.filter.is_empty() => self.go(0),
            Some(line) => self.cursor.line = line,
            None => self.go(line),
        }
    }
}

/// How near a finding comes to what was typed; `None` when the filter does not let it pass.
fn nearness(bound: &ListFilter, tree: &Path, row: &ListedFinding) -> Option<u8> {
    if bound.is_empty() {
        Some(0)
    } else if bound.asks_paths() {
        bound.nearness(&row.asked(&text::escape_path(below(&row.path, tree))))
    } else {
        bound.nearness(&row.asked(""))
    }
}

/// A path as it is seen from the tree: what all paths have in common does not tell them apart. The tree itself, when it is
/// a file, by its name.
pub(crate) fn below<'p>(path: &'p Path, tree: &Path) -> &'p Path {
    // Nearly every path is the tree's, a separator, and a name: taking it apart by components costs more than all else that a
    // filter does with it.
    let (whole, above) = (path.as_os_str().as_bytes(), tree.as_os_str().as_bytes());
    let rest = whole.strip_prefix(above).filter(|_| !above.is_empty());
    let rest = if above.ends_with(b"/") { rest } else { rest.and_then(|rest| rest.strip_prefix(b"/")) };
    if let Some(rest) =
        rest.filter(|rest| rest.first().is_some_and(|first| !b"/.".contains(first)) && !rest.ends_with(b"/"))
    {
        return Path::new(OsStr::from_bytes(rest));
    }
    match path.strip_prefix(tree) {
        Ok(below) if !below.as_os_str().is_empty() => below,
        Ok(_) => path.file_name().map_or(path, Path::new),
        Err(_) => path,
    }
}
