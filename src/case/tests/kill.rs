//! Huntbooks that are killed while they record decisions.

use std::collections::HashMap;
use std::env;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::*;

const CHILD: &str = "HUNTBOOK_TEST_CASE";
const ROUNDS: &str = "HUNTBOOK_TEST_KILLS";

/// Records decisions and hands each one's entry and note to `acknowledged` once the case has taken it.
fn write_decisions(path: &Path, acknowledged: impl Fn(Seq, &str), enough: impl Fn(usize) -> bool) {
    let mut case = Case::open(path).unwrap();
    let scan = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let found: Vec<_> = (0..8).map(|n| finding("r", format!("/srv/{n}"), b"content")).collect();
    let ids = case.record_findings(scan, &found).unwrap();
    for n in 0.. {
        if enough(n) {
            break;
        }
        let note = uuid::Uuid::new_v4().to_string();
        let scenario = ["a", "b"][n % 2].to_owned();
        let answer = Decision::Answered { scenario, answer: Answer::RuledOut, note: Some(note.clone()) };
        let chosen = if n % 3 == 0 { &ids[..] } else { &ids[n % 8..=n % 8] };
        acknowledged(case.decide(chosen, &answer, &stamp()).unwrap(), &note);
        if n % 4 == 3 {
            acknowledged(case.undo(Undo::Last, &stamp()).unwrap(), "undone");
        }
    }
}

/// The process that is killed when the variable is set; otherwise its work, done to the end.
#[test]
fn child_writer() {
    if let Some(path) = env::var_os(CHILD) {
        write_decisions(Path::new(&path), |seq, note| println!("\nack {seq} {note}"), |_| false);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    write_decisions(&path, |seq, _| assert!(seq.0 > 1), |n| n == 12);
    let case = Case::open(&path).unwrap();
    assert_eq!(case.journal(Seq(0), 1000).unwrap().iter().filter(|entry| entry.undone).count(), 10);
    assert_whole(&case);
}

fn child(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "case::tests::kill::child_writer", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets two Huntbooks write to one case, kills them after `delay`, and returns what they had acknowledged.
fn kill_two(path: &Path, delay: Duration) -> Vec<(i64, String)> {
    let mut children = [child(path), child(path)];
    thread::sleep(delay);
    for child in &mut children {
        child.kill().unwrap();
    }
    let outputs = children.map(|child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap());
    let lines = outputs.iter().flat_map(|output| {
        let whole = output.rfind('\n').map_or("", |end| &output[..end]);
        whole.lines().filter_map(|line| line.strip_prefix("ack "))
    });
    lines.map(|line| line.split_once(' ').unwrap()).map(|(seq, note)| (seq.parse().unwrap(), note.into())).collect()
}

#[test]
fn no_acknowledged_decision_is_lost_when_huntbook_is_killed() {
    let rounds: usize = env::var(ROUNDS).map_or(60, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<i64, String> = HashMap::new();
    let (mut total, mut entries) = (0, 0);
    let mut longest = Duration::from_millis(100);
    for round in 0..rounds {
        // A new case now and then, so that some are killed while they create one.
        let path = dir.path().join(format!("case {}", round / 10));
        if round % 10 == 0 {
            acknowledged.clear();
        }
        let delay = Duration::from_micros((uuid::Uuid::new_v4().as_u128() % longest.as_micros()) as u64);
        let news = kill_two(&path, delay);
        // On a slow machine they need longer to get anywhere; on a fast one the early moments stay likely.
        longest = if news.is_empty() { longest * 5 / 4 } else { longest * 9 / 10 };
        longest = longest.clamp(Duration::from_millis(100), Duration::from_secs(5));
        total += news.len();
        acknowledged.extend(news);

        let case = Case::open(&path).unwrap();
        let journal = case.journal(Seq(0), usize::MAX).unwrap();
        if journal.is_empty() {
            // Killed before they wrote anything.
            assert!(case.verify().unwrap().problems.contains(&CaseProblem::Empty));
            assert!(acknowledged.is_empty());
            continue;
        }
        let mut problems = case.verify().unwrap().problems;
        // Killed between the mark in the file and the making of its log, or between its removal and the mark.
        problems.retain(|problem| *problem != CaseProblem::LogMissing);
        assert_eq!(problems, []);
        entries = entries.max(journal.len());
        for (seq, note) in &acknowledged {
            match &journal[*seq as usize - 1].event {
                JournalEvent::Decided(Decision::Answered { note: Some(kept), .. }) => assert_eq!(kept, note),
                JournalEvent::Happened(Record::Undone { .. }) => assert_eq!(note, "undone"),
                other => panic!("entry {seq} was acknowledged as {note} and is {other:?}"),
            }
        }
    }
    println!("{rounds} rounds, {} kills, {total} acknowledged, all kept; longest journal {entries}", 2 * rounds);
    assert!(total > rounds, "the children were killed before they wrote anything: {total} decisions");
}
