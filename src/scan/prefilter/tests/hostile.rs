//! Files made to slow the search down. What counts is work, never time.

use super::super::search::most_work;
use super::{Prefilter, YaraSource};

/// Rules of many texts that begin alike, so that one place in a file is a place of many of them.
fn rules() -> (Vec<String>, String) {
    let words = ["https://www.", "function ", "include <", "Content-Type: ", "powershell -enc ", "cmd.exe /c "];
    let texts: Vec<String> = (0..1200).map(|n| format!("{}{:x}-{n}", words[n % words.len()], n * 7919)).collect();
    let rule = |(n, text): (usize, &String)| {
        let condition = if n % 2 == 0 { "$a" } else { "$a and $b" };
        format!("rule r{n} {{ strings: $a = \"{text}\" $b = \"http\" nocase condition: {condition} }}\n")
    };
    let source = texts.iter().enumerate().map(rule).collect();
    (texts, source)
}

/// Sends the file through both passes; how much work each took, and how many rules were left of the last.
fn work(prefilter: &Prefilter, file: &[u8]) -> (Vec<u64>, usize) {
    let mut left = 0;
    let passes = prefilter.first_scratch().into_iter().chain([prefilter.scratch()]);
    let work = passes.map(|scratch| {
        let mut pass = prefilter.pass_in(scratch, file.len() as u64, None);
        for chunk in file.chunks(64 * 1024) {
            pass.feed(chunk);
        }
        left = pass.left().len();
        assert!(pass.is_whole());
        pass.work()
    });
    let work = work.collect();
    (work, left)
}

/// No more than so many entries are looked at, whatever the file: a chunk is given up in its middle.
fn assert_bounded(prefilter: &Prefilter, what: &str, file: &[u8]) -> usize {
    const ONE_LOOK: u64 = 16 * 1024;
    let (work, left) = work(prefilter, file);
    assert!(work.iter().all(|work| *work <= most_work(file.len() as u64) + ONE_LOOK), "{what}: {work:?}");
    left
}

#[test]
fn hostile_files_cost_no_more_than_they_are_worth() {
    let (texts, source) = rules();
    let prefilter = Prefilter::new(&[YaraSource { namespace: "n", text: &source }], &[]);
    assert!(prefilter.report().literals > 2000);
    let repeat = |bytes: Vec<u8>| bytes.repeat((1 << 20) / bytes.len() + 1);
    for length in [4, 8, 12, 16] {
        // The beginnings of all texts, and all of them but for their last byte.
        let beginnings = texts.iter().flat_map(|text| text.bytes().take(length)).collect();
        assert_bounded(&prefilter, "beginnings", &repeat(beginnings));
    }
    let flawed = texts.iter().flat_map(|text| text.bytes().rev().skip(1).collect::<Vec<u8>>().into_iter().rev());
    assert_bounded(&prefilter, "flawed", &repeat(flawed.collect()));
    let common = super::super::rarity::common_bytes();
    assert!(common.len() > 4000);
    assert_bounded(&prefilter, "common n-grams", &repeat(common));
    // One window over and over, at every place that is looked at.
    for word in ["http", "https://www.", "cmd.exe /c ", "pppp", " "] {
        assert_bounded(&prefilter, word, &repeat(word.bytes().collect()));
    }
}

#[test]
fn a_file_that_is_given_up_leaves_every_rule() {
    // Five hundred rules hang on one window: a file full of it takes more than it is worth.
    let rule = |n: usize| {
        format!(
            "rule r{n} {{ strings: $a = {{ 71 7A 78 6A {}{:02X} }} condition: $a }}\n",
            "?? ".repeat(1 + n / 100),
            n % 100
        )
    };
    let source: String = (0..500).map(rule).collect();
    let prefilter = Prefilter::new(&[YaraSource { namespace: "n", text: &source }], &[]);
    let file = b"qzxj".repeat(1 << 18);
    assert_eq!(assert_bounded(&prefilter, "one window", &file), 500);
    assert_eq!(assert_bounded(&prefilter, "few of it", &b"qzxj".repeat(3)), 0);
}
