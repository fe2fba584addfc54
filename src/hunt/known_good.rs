//! Hash lists of files known to be good, as `sha256sum`, `hashdeep`, the NSRL, and Loki's `hash;comment` write them.
//!
//! Lists of millions of lines are read as a stream and kept as 32 bytes a digest, sorted.

mod line;

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::file;
use super::problem::{Problem, SourcePlace};
use crate::finding::Sha256;
use line::{ListFormat, ParsedLine};

/// Bytes of one line at most; a path is at most 4096 bytes, quoted or escaped at most twice that.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// Digests kept at most: 4 GiB of them.
const MAX_DIGESTS: usize = 1 << 27;

/// Bytes of one list at most; the whole NSRL as text is some tens of GiB.
const MAX_BYTES: u64 = 64 << 30;

/// Bytes in which the first SHA-256 has to come: what has none there is no list of them.
const FIRST_WITHIN: u64 = 16 << 20;

/// Wrong lines of one list that are named.
const NAMED_WRONG: usize = 5;

/// SHA-256 digests of files known to be good.
#[derive(Debug, Clone, Default)]
pub struct KnownGood {
    /// Sorted, each once.
    digests: Vec<[u8; 32]>,
    lists: Vec<ListOutcome>,
}

/// What came of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOutcome {
    /// The file.
    pub path: PathBuf,
    /// Lines that held a SHA-256.
    pub digests: u64,
    /// Lines that held none and are neither blank, comment nor header.
    pub wrong: u64,
    /// The first few of them, with line and reason.
    pub first_wrong: Vec<Problem>,
}

impl KnownGood {
    /// Reads all lists.
    ///
    /// # Errors
    /// A list that cannot be read, that holds no SHA-256 at all, or that is too long to keep.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Problem> {
        let mut known = Self::default();
        for path in paths {
            let path = path.as_ref();
            let file = file::open(path)?;
            let size = file.metadata().map_or(0, |facts| facts.len());
            if size > MAX_BYTES {
                return Err(too_long(path));
            }
            // One that grows while it is read, or lies about its length, ends too.
            let list = known.read(path, BufReader::with_capacity(1 << 20, file.take(MAX_BYTES + 1)))?;
            known.lists.push(list);
        }
        known.digests.sort_unstable();
        known.digests.dedup();
        known.digests.shrink_to_fit();
        Ok(known)
    }

    /// Whether the digest is on one of the lists.
    pub fn contains(&self, digest: &Sha256) -> bool {
        self.digests.binary_search(&digest.0).is_ok()
    }

    /// How many different digests there are.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether no list was given, so that nothing is known.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// What came of each list, in the order given.
    pub fn lists(&self) -> &[ListOutcome] {
        &self.lists
    }

    fn read(&mut self, path: &Path, mut from: impl BufRead) -> Result<ListOutcome, Problem> {
        let mut list = ListOutcome { path: path.to_owned(), digests: 0, wrong: 0, first_wrong: Vec::new() };
        let mut format = ListFormat::default();
        let mut line = Vec::new();
        let mut number = 0;
        let mut bytes = 0;
        let unreadable = |error| Problem::whole(path, format!("cannot be read: {error}"));
        while let Some(whole) = next_line(&mut from, &mut line).map_err(unreadable)? {
            number += 1;
            bytes += line.len() as u64 + 1;
            // A hole of a sparse file reads as zeros, gigabytes of them.
            if line.contains(&0) {
                let place = Some(SourcePlace { line: number, column: 1 });
                return Err(Problem { place, ..Problem::whole(path, "holds zero bytes, so it is not text") });
            }
            if !whole {
                bytes += skip_line(&mut from, FIRST_WITHIN).map_err(unreadable)?;
            }
            let reading = if whole { format.read(&line) } else { ParsedLine::Wrong("is longer than 16 KiB") };
            match reading {
                ParsedLine::Digest(digest) => {
                    list.digests += 1;
                    self.digests.push(digest);
                }
                ParsedLine::Nothing => {}
                ParsedLine::Wrong(why) => {
                    list.wrong += 1;
                    if list.first_wrong.len() < NAMED_WRONG {
                        let place = Some(SourcePlace { line: number, column: 1 });
                        list.first_wrong.push(Problem { place, ..Problem::whole(path, why) });
                    }
                }
            }
            if list.digests == 0 && (format.has_no_column() || bytes > FIRST_WITHIN) {
                break;
            }
            if bytes > MAX_BYTES {
                return Err(too_long(path));
            }
            if self.digests.len() > MAX_DIGESTS {
                return Err(Problem::whole(path, format!("brings the digests to more than {MAX_DIGESTS}")));
            }
        }
        if list.digests == 0 { Err(no_digest(path, &format)) } else { Ok(list) }
    }
}

fn too_long(path: &Path) -> Problem {
    Problem::whole(path, format!("is larger than {}, the most that is read", crate::text::bytes(MAX_BYTES)))
        .hint("split it and give --known-good each part")
}

fn no_digest(path: &Path, format: &ListFormat) -> Problem {
    let problem = Problem::whole(path, "holds no SHA-256");
    let others = format.other_digests();
    if others.is_empty() {
        return problem.hint("a list as sha256sum, hashdeep, the NSRL or Loki write it is expected");
    }
    problem.hint(format!(
        "it holds {} only; get the list with SHA-256, as the NSRL has it since RDS 3",
        others.join(" and ")
    ))
}

/// The next line without its end in `line`, at most [`MAX_LINE_BYTES`] bytes of it: `Some(false)` when there is more, `None` at
/// the end.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    if from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let whole = line.ends_with(b"\n") || (line.len() as u64) < MAX_LINE_BYTES;
    while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(whole))
}

/// Leaves out the rest of a line, up to so many bytes, and says how many there were.
fn skip_line(from: &mut impl BufRead, most: u64) -> std::io::Result<u64> {
    let mut skipped = 0;
    while skipped <= most {
        let buffer = from.fill_buf()?;
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        from.consume(used);
        skipped += used as u64;
        if end.is_some() || used == 0 {
            break;
        }
    }
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: impl AsRef<[u8]>) -> Result<KnownGood, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        std::fs::write(&path, text).unwrap();
        KnownGood::load(&[path]).map_err(|problem| problem.to_string().split_once("list").unwrap().1.to_owned())
    }

    fn hex(text: &str) -> String {
        Sha256::of(text.as_bytes()).to_string()
    }

    #[test]
    fn digests_of_several_lists_are_found_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        std::fs::write(&one, format!("{}  a\n{}  b\n{}  a again\n", hex("a"), hex("b"), hex("a"))).unwrap();
        std::fs::write(&two, format!("%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n1,{},/c\n", hex("c"))).unwrap();
        let known = KnownGood::load(&[one, two]).unwrap();
        assert_eq!(known.len(), 3);
        for good in ["a", "b", "c"] {
            assert!(known.contains(&Sha256::of(good.as_bytes())), "{good}");
        }
        assert!(!known.contains(&Sha256::of(b"d")));
        assert_eq!(known.lists().iter().map(|list| list.digests).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn wrong_lines_are_counted_and_the_first_are_named() {
        let long = "x".repeat(40_000);
        let text = format!("{}  a\nnonsense\n\n{long}\n{}\n{}", hex("a"), "zz  y\n".repeat(10), hex("b"));
        let known = load(text).unwrap();
        assert_eq!(known.len(), 2);
        let list = &known.lists()[0];
        assert_eq!((list.digests, list.wrong, list.first_wrong.len()), (2, 12, NAMED_WRONG));
        let shown: Vec<String> = list.first_wrong.iter().map(ToString::to_string).collect();
        assert!(shown[0].ends_with("list:2:1: holds no SHA-256"), "{shown:?}");
        assert!(shown[1].ends_with("list:4:1: is longer than 16 KiB"), "{shown:?}");
    }

    #[test]
    fn a_list_without_sha256_says_what_it_holds_instead() {
        let nsrl = "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\"\n\"000\",\"1\",\"2\",\"a\"\n";
        let wrong = load(nsrl).unwrap_err();
        assert!(wrong.starts_with(": holds no SHA-256 (it holds SHA-1 and MD5 only"), "{wrong}");
        let wrong = load("d41d8cd98f00b204e9800998ecf8427e  a\n").unwrap_err();
        assert!(wrong.contains("it holds MD5 only"), "{wrong}");
        assert!(load("").unwrap_err().contains("is expected"));
        assert!(load([1, 255, 10, 7]).unwrap_err().contains("is expected"));
    }

    #[test]
    fn what_is_no_text_or_no_list_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let load = || KnownGood::load(&[&path]).unwrap_err().to_string();
        let sparse = |size| {
            std::fs::write(&path, format!("{}  a\n", hex("a"))).unwrap();
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
        };
        sparse(60 << 30);
        assert!(load().contains("list:2:1: holds zero bytes"), "{}", load());
        sparse(100 << 30);
        assert!(load().contains("is larger than"), "{}", load());
        let endless = std::io::repeat(b'x').take(u64::MAX).chain(&b""[..]);
        let mut known = KnownGood::default();
        let lines = std::io::Read::chain(&b"nonsense\n"[..], Lines { rest: b"nonsense\n".to_vec(), at: 0 });
        let refused = known.read(&path, BufReader::new(lines)).unwrap_err().to_string();
        assert!(refused.contains("holds no SHA-256"), "{refused}");
        let refused = known.read(&path, BufReader::new(endless.take(FIRST_WITHIN * 2))).unwrap_err().to_string();
        assert!(refused.contains("holds no SHA-256"), "{refused}");
    }

    /// The same line for ever.
    struct Lines {
        rest: Vec<u8>,
        at: usize,
    }

    impl std::io::Read for Lines {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            for byte in into.iter_mut() {
                *byte = self.rest[self.at];
                self.at = (self.at + 1) % self.rest.len();
            }
            Ok(into.len())
        }
    }

    #[test]
    fn an_endless_line_is_read_in_bounded_memory() {
        let mut from = std::io::Cursor::new(vec![b'a'; 1 << 20]);
        let mut line = Vec::new();
        assert_eq!(next_line(&mut from, &mut line).unwrap(), Some(false));
        assert!(line.capacity() <= 4 * MAX_LINE_BYTES as usize);
        assert_eq!(skip_line(&mut from, u64::MAX).unwrap() + MAX_LINE_BYTES, 1 << 20);
        assert_eq!(next_line(&mut from, &mut line).unwrap(), None);
    }
}
