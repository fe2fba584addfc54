//! One line of a hash list: which format it is in, and the SHA-256 it holds.

/// What one line holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParsedLine {
    /// A SHA-256.
    Digest([u8; 32]),
    /// A blank line, a comment or a header.
    Nothing,
    /// None of these, and why.
    Wrong(&'static str),
}

/// How the lines of a list are laid out, learnt from its header.
#[derive(Debug, Default)]
pub(super) struct ListFormat {
    layout: Layout,
    other: [bool; OTHERS.len()],
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Layout {
    /// Nothing but blank lines and comments so far.
    #[default]
    Unknown,
    /// `sha256sum`: digest, two characters, name; or `SHA256 (name) = digest` as with `--tag`. Loki and THOR: digest,
    /// semicolon, comment.
    Sums,
    /// Fields between commas, the SHA-256 in this column. `hashdeep` and the NSRL's text files.
    Columns(Option<usize>),
}

/// Digests that are no SHA-256: name, and length in hex digits.
const OTHERS: [(&str, usize); 2] = [("SHA-1", 40), ("MD5", 32)];

const NO_DIGEST: &str = "holds no SHA-256";

impl ListFormat {
    /// Names of the weaker digests that were seen.
    pub(super) fn other_digests(&self) -> Vec<&'static str> {
        OTHERS.iter().zip(self.other).filter(|(_, seen)| *seen).map(|((name, _), _)| *name).collect()
    }

    /// Whether the header names columns and none of them is a SHA-256.
    pub(super) fn has_no_column(&self) -> bool {
        self.layout == Layout::Columns(None)
    }

    /// Reads the next line, which comes without its end.
    pub(super) fn read(&mut self, line: &[u8]) -> ParsedLine {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        // hashdeep's header: `%%%% HASHDEEP-1.0`, then `%%%% size,md5,sha256,filename`.
        if let Some(header) = line.strip_prefix(b"%%%% ") {
            if !header.starts_with(b"HASHDEEP") {
                self.columns(header);
            }
            return ParsedLine::Nothing;
        }
        if line.trim_ascii().is_empty() || line.starts_with(b"#") {
            return ParsedLine::Nothing;
        }
        if self.layout == Layout::Unknown {
            if is_header(line) {
                self.columns(line);
                return ParsedLine::Nothing;
            }
            self.layout = Layout::Sums;
        }
        match self.layout {
            Layout::Columns(Some(column)) => {
                Fields(line).nth(column).map_or(ParsedLine::Wrong(NO_DIGEST), |f| self.digest(f))
            }
            Layout::Columns(None) => ParsedLine::Wrong(NO_DIGEST),
            Layout::Sums | Layout::Unknown => self.digest(sum_of(line)),
        }
    }

    fn columns(&mut self, header: &[u8]) {
        let mut column = None;
        for (index, field) in Fields(header).enumerate() {
            let name: Vec<u8> =
                field.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
            match name.as_slice() {
                b"sha256" => column = column.or(Some(index)),
                b"sha1" => self.saw_other(40),
                b"md5" => self.saw_other(32),
                _ => {}
            }
        }
        self.layout = Layout::Columns(column);
    }

    fn digest(&mut self, field: &[u8]) -> ParsedLine {
        if let Some(digest) = unhex(field) {
            return ParsedLine::Digest(digest);
        }
        if field.iter().all(u8::is_ascii_hexdigit) {
            self.saw_other(field.len());
        }
        ParsedLine::Wrong(NO_DIGEST)
    }

    fn saw_other(&mut self, digits: usize) {
        for (seen, (_, length)) in self.other.iter_mut().zip(OTHERS) {
            *seen |= length == digits;
        }
    }
}

/// Whether a first line names columns, as the NSRL's files do (`"SHA-256","SHA-1","MD5","FileName",…`).
fn is_header(line: &[u8]) -> bool {
    let mut names = Fields(line).map(<[u8]>::to_ascii_lowercase);
    // A sum's file name may read like a header.
    unhex(sum_of(line)).is_none()
        && names.any(|name| matches!(&*name, b"sha-256" | b"sha256" | b"sha-1" | b"sha1" | b"md5"))
}

/// The digest's place in a line of `sha256sum` or its BSD cousin, or of Loki's `hash;comment`. A name with odd characters puts a `\` first.
fn sum_of(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\\").unwrap_or(line).trim_ascii();
    if line.starts_with(b"SHA256 (") {
        return line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    }
    line.split(|b| matches!(b, b' ' | b'\t' | b';')).next().unwrap_or_default()
}

/// Fields between commas; one in double quotes may hold commas.
struct Fields<'l>(&'l [u8]);

impl<'l> Iterator for Fields<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = self.0.iter().position(|b| {
            quoted ^= *b == b'"';
            *b == b',' && !quoted
        });
        let (field, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        let field = field.trim_ascii();
        let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
        Some(bare.unwrap_or(field))
    }
}

fn unhex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    crate::text::from_hex_into(digits, &mut digest).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Sha256;
    use proptest::prelude::*;

    /// Reads `lines` as one list and returns the digests in it.
    fn digests(lines: &[String]) -> Vec<[u8; 32]> {
        let mut format = ListFormat::default();
        let readings = lines.iter().map(|line| format.read(line.as_bytes()));
        readings
            .filter_map(|reading| if let ParsedLine::Digest(digest) = reading { Some(digest) } else { None })
            .collect()
    }

    #[test]
    fn every_way_to_write_a_list_is_read() {
        let digest = Sha256::of(b"abc");
        let upper = digest.to_string().to_uppercase();
        let (sha1, md5) = ("a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72");
        let lists = [
            vec![format!("{digest}  name")],
            vec![format!("{digest} *name")],
            vec![format!("\\{digest}  na\\nme")],
            vec![format!("{digest}")],
            vec![format!("{digest}  a,md5,b")],
            vec!["# sha256;comment".into(), format!("{digest};clean, sha1 known; \u{fc}"), format!("{sha1};another")],
            vec![format!("{upper} ; comment")],
            vec![format!("SHA256 (a (b) = c) = {digest}")],
            vec!["# a comment".into(), String::new(), format!("\u{feff}{upper}\tname")],
            vec![
                "%%%% HASHDEEP-1.0".into(),
                "%%%% size,md5,sha256,filename".into(),
                "## Invoked from: /".into(),
                format!("3,{md5},{digest},/a,b"),
            ],
            vec![
                "\"SHA-256\",\"SHA-1\",\"MD5\",\"FileName\",\"FileSize\"".into(),
                format!("\"{upper}\",\"{sha1}\",\"{md5}\",\"a\",3"),
            ],
            vec!["\"FileName\",\"SHA-1\",\"SHA-256\"".into(), format!("\"a, \"\"b\"\", c\",\"{sha1}\",\"{upper}\"")],
            vec!["sha256,sha1,md5,crc32,file_name".into(), format!("{digest},{sha1},{md5},00,a")],
        ];
        for lines in lists {
            assert_eq!(digests(&lines), [digest.0], "{lines:?}");
        }
    }

    #[test]
    fn what_is_almost_a_digest_is_none() {
        let digest = Sha256::of(b"abc").to_string();
        for line in [format!("{digest}0  x"), digest[1..].to_owned(), digest.replace('b', "g"), format!("x{digest}")] {
            assert_eq!(ListFormat::default().read(line.as_bytes()), ParsedLine::Wrong(NO_DIGEST), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut format = ListFormat::default();
            for line in lines {
                format.read(&line);
            }
        }
    }
}
