//! Small readers of what Huntbook writes, so that a test sees what another tool would see.

/// The cells of RFC 4180 text, line by line.
pub fn csv(text: &str) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let mut cells = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let cell = cells.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '"' => panic!("a quote within a bare cell: {text}"),
            ',' if !quoted => cells.push(String::new()),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                lines.push(std::mem::replace(&mut cells, vec![String::new()]));
            }
            '\n' if !quoted => panic!("a line without a carriage return: {text}"),
            c => cell.push(c),
        }
    }
    assert!(!quoted && cells == [""], "the text does not end with a line: {text}");
    lines
}

/// A token of a Kusto query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kql {
    /// A string literal, read.
    Text(String),
    /// A word or number.
    Word(String),
    /// Anything else.
    Sign(char),
}

/// The tokens of a Kusto query, comments left out.
pub fn kql(query: &str) -> Vec<Kql> {
    let mut tokens = Vec::new();
    let mut chars = query.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' | '"' => tokens.push(Kql::Text(kql_text(&mut chars, c))),
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                tokens.push(Kql::Word(word));
            }
            c => tokens.push(Kql::Sign(c)),
        }
    }
    tokens
}

fn kql_text(chars: &mut impl Iterator<Item = char>, end: char) -> String {
    let mut text = String::new();
    loop {
        match chars.next().expect("a literal that does not end") {
            '\\' => match chars.next().unwrap() {
                c @ ('\\' | '\'' | '"') => text.push(c),
                c => panic!("an escape that was not meant: \\{c}"),
            },
            '\n' | '\r' => panic!("a line end within a literal"),
            c if c == end => return text,
            c => text.push(c),
        }
    }
}

/// A line of Markdown with its code spans (GFM 6.3) taken out, and what was in them.
pub fn code_spans(line: &str) -> (String, Vec<String>) {
    let (mut outside, mut spans) = (String::new(), Vec::new());
    let mut rest = line;
    while let Some(start) = rest.find(['`', '\\']) {
        outside.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.starts_with('\\') {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            outside.push_str(&rest[..=escaped]);
            rest = &rest[1 + escaped..];
            continue;
        }
        let fence = rest.len() - rest.trim_start_matches('`').len();
        let body = &rest[fence..];
        let end = closing(body, fence).unwrap_or_else(|| panic!("a code span that does not end: {line}"));
        let inner = &body[..end];
        let padded = inner.starts_with(' ') && inner.ends_with(' ') && !inner.trim().is_empty();
        spans.push(if padded { &inner[1..inner.len() - 1] } else { inner }.to_owned());
        rest = &body[end + fence..];
    }
    outside.push_str(rest);
    (outside, spans)
}

/// Where a run of exactly `fence` backticks begins.
fn closing(body: &str, fence: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = body[at..].find('`') {
        let start = at + found;
        let run = body[start..].len() - body[start..].trim_start_matches('`').len();
        if run == fence {
            return Some(start);
        }
        at = start + run;
    }
    None
}

/// The bytes that a percent-encoded URI part stands for.
pub fn percent_decoded(part: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            assert!(byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte), "{part}");
            bytes.push(byte);
        }
    }
    bytes
}
