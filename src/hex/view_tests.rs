//! Views of files that are large, truncated, replaced or gone while they are looked at.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::file::{Change, FileState, MissingFile};
use super::fixtures::facts;
use super::query::Query;
use super::search::{Hit, SearchDirection, SearchOrder, SearchOutcome, Watch, search};
use super::source::{Ahead, ByteSource as _, MAX_READ_BYTES};
use super::view::{ByteWindow, View, ViewedBytes};
use crate::finding::{Excerpt, FileFacts, FileTime, KeptBytes};

/// A file with this content, as it was scanned, with the first 8 bytes kept.
struct Scanned {
    _dir: TempDir,
    path: PathBuf,
    facts: FileFacts,
    kept: Arc<KeptBytes>,
}

fn scanned(content: &[u8]) -> Scanned {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("file");
    fs::write(&path, content).unwrap();
    let head = Excerpt { offset: 0, bytes: content.iter().copied().take(8).collect() };
    let kept = Arc::new(KeptBytes { excerpts: vec![head] });
    Scanned { facts: facts(&path), path, kept, _dir: dir }
}

impl Scanned {
    fn view(&self) -> View {
        View::open(&self.path, &self.facts, Arc::clone(&self.kept))
    }

    fn replace(&self, content: &[u8]) {
        let other = self.path.with_extension("new");
        fs::write(&other, content).unwrap();
        fs::rename(&other, &self.path).unwrap();
    }
}

/// The bytes as text, `?` where they are unknown.
fn shown(window: &ByteWindow) -> String {
    window.bytes.iter().map(|byte| byte.map_or('?', char::from)).collect()
}

fn notice(window: &ByteWindow) -> &str {
    window.notice.as_deref().unwrap_or("")
}

#[test]
fn views_are_for_worker_threads() {
    fn crosses<T: Send + 'static>() {}
    crosses::<View>();
    crosses::<ByteWindow>();
}

#[test]
fn a_file_as_it_was_scanned_needs_no_words() {
    let file = scanned(b"0123456789");
    let mut view = file.view();
    let window = view.window(3, 4);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("3456", 10, ViewedBytes::File));
    assert_eq!((&window.notice, view.state()), (&None, FileState::AsScanned));
    assert_eq!(window.part(5, 9), [Some(b'5'), Some(b'6')]);
    assert_eq!(window.part(4, 1), [Some(b'4')]);
    assert!(window.part(2, 9).is_empty() && window.part(8, 9).is_empty() && window.part(u64::MAX, 1).is_empty());
    assert_eq!(shown(&view.window(8, 100)), "89");
    assert_eq!(shown(&view.window(10, 100)), "");
    assert_eq!(shown(&view.window(u64::MAX, usize::MAX)), "");
}

#[test]
fn what_was_kept_is_shown_of_a_file_that_does_not_answer() {
    let file = scanned(b"0123456789");
    let mut view = View::without_answer(&file.facts, Arc::clone(&file.kept));
    let window = view.window(5, 100);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("567??", 10, ViewedBytes::Kept));
    assert!(notice(&window).starts_with("the file system gives no answer: these are the 8 of its 10 bytes"));
}

#[test]
fn what_was_kept_is_shown_of_a_file_that_is_gone() {
    let file = scanned(b"0123456789");
    fs::remove_file(&file.path).unwrap();
    let mut view = file.view();
    let window = view.window(5, 100);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("567??", 10, ViewedBytes::Kept));
    assert_eq!(
        notice(&window),
        "the file was deleted or moved since the scan: these are the 8 of its 10 bytes that were kept with the finding, \
         the others are unknown"
    );
    let mut nothing = View::open(&file.path, &file.facts, Arc::new(KeptBytes { excerpts: Vec::new() }));
    assert!(notice(&nothing.window(0, 1)).ends_with("no bytes were kept with the finding"));
}

#[test]
fn a_file_deleted_while_it_is_open_can_still_be_read() {
    let file = scanned(b"0123456789");
    let mut view = file.view();
    fs::remove_file(&file.path).unwrap();
    let window = view.window(8, 2);
    assert_eq!((shown(&window).as_str(), window.shown), ("89", ViewedBytes::File));
    assert_eq!(view.state(), FileState::ChangedSince(Change::Deleted));
    assert!(notice(&window).ends_with("these are its bytes as they were scanned, until this view is closed"));
}

#[test]
fn a_file_truncated_under_the_view_falls_back_to_what_was_kept() {
    let file = scanned(b"0123456789");
    let mut view = file.view();
    assert_eq!(shown(&view.window(0, 10)), "0123456789");
    File::options().write(true).open(&file.path).unwrap().set_len(3).unwrap();
    let window = view.window(0, 10);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("01234567??", 10, ViewedBytes::Kept));
    assert!(notice(&window).starts_with("the file was cut from 10 to 3 bytes since the scan: "));
    view.want(Some(ViewedBytes::File));
    let window = view.window(0, 10);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("012", 3, ViewedBytes::File));
    assert!(notice(&window).ends_with("these are its bytes as they are now"));
}

#[test]
fn a_file_cut_and_then_deleted_or_replaced_is_told_as_that() {
    for (gone, said) in [(true, "was deleted or moved"), (false, "was replaced by another")] {
        for size in [3, 20] {
            let file = scanned(b"0123456789");
            let mut view = file.view();
            File::options().write(true).open(&file.path).unwrap().set_len(size).unwrap();
            if gone {
                fs::remove_file(&file.path).unwrap();
            } else {
                file.replace(b"other data");
            }
            let window = view.window(0, 10);
            let wanted = format!("the file {said} since it was opened here, after it went from 10 to {size} bytes");
            assert!(notice(&window).starts_with(&wanted), "{}", notice(&window));
            assert_eq!(window.shown, if size < 10 { ViewedBytes::Kept } else { ViewedBytes::File });
        }
    }
}

#[test]
fn a_file_replaced_is_told_whether_before_or_under_the_view() {
    let file = scanned(b"0123456789");
    let mut before = file.view();
    file.replace(b"other data");
    let window = before.window(0, 4);
    assert_eq!((shown(&window).as_str(), before.state()), ("0123", FileState::ChangedSince(Change::Replaced)));
    let mut after = file.view();
    assert_eq!(after.window(0, 4).shown, ViewedBytes::Kept);
    assert_eq!(after.state(), FileState::ChangedSince(Change::OtherFile));
    after.want(Some(ViewedBytes::File));
    let window = after.window(0, 4);
    assert_eq!(shown(&window), "othe");
    assert!(notice(&window).ends_with("these are the other file's bytes"));
}

#[test]
fn growth_rewriting_and_changes_of_the_inode_are_told_apart() {
    let mut file = scanned(b"0123456789");
    // A clock of a few milliseconds may not tell a scan from what is done right after it.
    file.facts.changed.seconds -= 10;
    let handle = File::options().write(true).open(&file.path).unwrap();
    let mut view = file.view();
    let modified = |view: &mut View| (view.window(0, 1), view.state()).1;
    let times =
        |nanos: u32| fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(5, nanos));
    handle.set_times(times(7)).unwrap();
    let at = FileTime { seconds: 5, nanos: 7 };
    assert_eq!(modified(&mut view), FileState::ChangedSince(Change::Rewritten { at }));
    // Written, and the time set back: only the ctime tells.
    let back = file.facts.modified;
    let back = std::time::UNIX_EPOCH + std::time::Duration::new(back.seconds as u64, back.nanos);
    handle.write_all_at(b"X", 9).unwrap();
    handle.set_times(fs::FileTimes::new().set_modified(back)).unwrap();
    assert!(matches!(modified(&mut view), FileState::ChangedSince(Change::Inode { .. })));
    let window = view.window(9, 1);
    assert!(notice(&window).contains("inode was changed") && notice(&window).ends_with("bytes as they are now"));
    handle.write_all_at(b"more", 10).unwrap();
    assert_eq!(modified(&mut view), FileState::ChangedSince(Change::Grew { was: 10, now: 14 }));
    assert_eq!(shown(&view.window(10, 9)), "more");
}

#[test]
fn nothing_but_a_regular_file_without_links_is_opened() {
    let file = scanned(b"0123456789");
    let state_of = |path: &Path| View::open(path, &file.facts, Arc::clone(&file.kept)).state();
    let beside = |name: &str| file.path.with_file_name(name);
    symlink(&file.path, beside("link")).unwrap();
    symlink(file.path.parent().unwrap(), beside("folder-link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, beside("fifo"), rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(state_of(&beside("link")), FileState::Gone(MissingFile::Link));
    assert_eq!(state_of(&beside("folder-link").join("file")), FileState::Gone(MissingFile::Link));
    assert_eq!(state_of(&beside("fifo")), FileState::Gone(MissingFile::NotRegular));
    assert_eq!(state_of(file.path.parent().unwrap()), FileState::Gone(MissingFile::NotRegular));
    assert_eq!(state_of(&file.path.join("below")), FileState::Gone(MissingFile::Missing));
    let socket = std::os::unix::net::UnixListener::bind(beside("socket")).unwrap();
    assert_eq!(state_of(&beside("socket")), FileState::Gone(MissingFile::NotRegular));
    drop(socket);
}

#[test]
fn twenty_sparse_gigabytes_are_seen_and_searched_in_little_memory() {
    const SIZE: u64 = 20 << 30;
    let near_end = SIZE - 5000;
    let mut file = scanned(b"head");
    let mut handle = File::options().write(true).open(&file.path).unwrap();
    handle.set_len(SIZE).unwrap();
    handle.write_all_at(b"needle", near_end).unwrap();
    handle.flush().unwrap();
    file.facts = facts(&file.path);
    let mut view = file.view();
    assert_eq!(shown(&view.window(near_end, 6)), "needle");
    let window = view.window(SIZE / 2, usize::MAX);
    assert!(window.bytes.len() == MAX_READ_BYTES && window.bytes.iter().all(|byte| *byte == Some(0)));

    let cancel = AtomicBool::new(false);
    let mut looks = 0_u64;
    let mut find = |typed: &str, from: u64, direction: SearchDirection| {
        let mut watch = Watch { cancel: &cancel, progress: &mut |_| looks += 1 };
        let query = Query::parse(typed).unwrap();
        search(&mut view, &query, SearchOrder { from, direction, wrap: false }, &mut watch)
    };
    let hit = |offset, length| SearchOutcome::Found(Hit { offset, length, wrapped: false });
    assert_eq!(find("needle", 0, SearchDirection::Forward), hit(near_end, 6));
    assert_eq!(find("x:00 00 6e ?? 65", 1000, SearchDirection::Forward), hit(near_end - 2, 5));
    assert_eq!(find("r:h[a-e]+d", SIZE, SearchDirection::Backward), hit(0, 4));
    assert_eq!(find("u:no", 0, SearchDirection::Forward), SearchOutcome::NotFound { unknown: 0 });
    // To read it all in stretches of half a megabyte would take 40,000 of them each time.
    let holes_are_told = view.ahead(1 << 20) != Ahead::Data;
    assert!(looks < 100 || !holes_are_told, "{looks} stretches");
}

#[test]
fn a_file_that_shrinks_during_a_search_ends_it() {
    let file = scanned(&vec![b'x'; 4 << 20]);
    let mut view = file.view();
    let handle = File::options().write(true).open(&file.path).unwrap();
    let mut progress = |_| handle.set_len(1 << 20).unwrap();
    let mut watch = Watch { cancel: &AtomicBool::new(false), progress: &mut progress };
    let order = SearchOrder { from: 0, direction: SearchDirection::Forward, wrap: true };
    let outcome = search(&mut view, &Query::parse("needle").unwrap(), order, &mut watch);
    assert!(matches!(outcome, SearchOutcome::NotFound { .. }), "{outcome:?}");
    assert_eq!(view.window(0, 1).shown, ViewedBytes::Kept);
}

#[test]
fn a_member_is_taken_out_of_its_archive_again_and_held_against_what_was_scanned() {
    let archive = include_bytes!("../../tests/fuzz/corpus/archive/nested.a");
    let file = scanned(archive);
    let limits = crate::archive::Limits::default();
    let (members, _) = crate::archive::list(&file.path, archive, &limits).unwrap();
    let (path, _, bytes) = members.into_iter().find(|(.., bytes)| bytes.starts_with(b"#!/usr/bin/env")).unwrap();
    let facts = FileFacts {
        path: path.clone(),
        size: bytes.len() as u64,
        digest: crate::finding::Sha256::of(&bytes).into(),
        ..file.facts.clone()
    };
    let mut view = View::open(&path, &facts, Arc::clone(&file.kept));
    let window = view.window(3, 13);
    assert_eq!((shown(&window).as_str(), window.size, window.shown), ("usr/bin/env p", facts.size, ViewedBytes::File));
    assert_eq!((view.state(), window.notice.as_deref()), (FileState::AsScanned, None));
    let other = FileFacts { digest: crate::finding::Sha256::of(b"other").into(), ..facts.clone() };
    let mut view = View::open(&path, &other, Arc::clone(&file.kept));
    assert!(notice(&view.window(0, 8)).starts_with("the archive holds other bytes by this name than were scanned"));
    file.replace(b"no archive any more, whatever it was");
    let mut view = View::open(&path, &facts, Arc::clone(&file.kept));
    let window = view.window(0, 8);
    assert!(notice(&window).starts_with("the archive holds nothing by this name any more"), "{:?}", window.notice);
    assert_eq!(window.shown, ViewedBytes::Kept);
}
