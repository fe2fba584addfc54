//! ar, in the ways of GNU and BSD (ar(5)): static libraries, and Debian's packages.
//!
//! By hand, because the crate allocates the table of names that a header claims, and keeps every header.

use std::io::{self, Read};

use super::walk::{ContainerContext, ContainerInput, ExactTake, Member, Walker};
use crate::finding::{FileTime, MemberFacts};

/// Bytes of the table of long names, and of one name.
const MAX_NAMES: u64 = 4 << 20;
const MAX_NAME: u64 = 64 * 1024;

pub(super) fn members(walker: &mut Walker, place: &mut ContainerContext, mut input: ContainerInput) -> io::Result<()> {
    input.read_exact(&mut [0; 8])?;
    let mut names = Vec::new();
    loop {
        walker.budget.check()?;
        let mut header = [0; 60];
        match input.fill(&mut header)? {
            0 => return Ok(()),
            // Some pad the end.
            1 if header.first() == Some(&b'\n') => return Ok(()),
            60 => {}
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        if header.get(58..) != Some(b"`\n") {
            return Err(io::Error::other("a header is missing"));
        }
        let field = |from: usize, to: usize| {
            let text = std::str::from_utf8(header.get(from..to).unwrap_or_default()).unwrap_or_default();
            text.trim().to_owned()
        };
        let size: u64 = field(48, 58).parse().map_err(|_| io::Error::other("a size is no number"))?;
        let padding = size % 2;
        let short = field(0, 16);
        let mut data = input.by_ref().take(size);
        let name = match short.as_str() {
            "/" | "/SYM64/" | "__.SYMDEF" | "__.SYMDEF SORTED" => None,
            "//" => {
                names.clear();
                data.by_ref().take(MAX_NAMES).read_to_end(&mut names)?;
                None
            }
            _ if short.starts_with("#1/") => {
                let length: u64 = short.get(3..).unwrap_or_default().parse().unwrap_or(0);
                let mut name = Vec::new();
                data.by_ref().take(length.min(MAX_NAME)).read_to_end(&mut name)?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                (!name.starts_with(b"__.SYMDEF")).then_some(name)
            }
            _ if short.starts_with('/') => {
                let at: usize = short.get(1..).unwrap_or_default().parse().unwrap_or(usize::MAX);
                let rest = names.get(at..).unwrap_or_default();
                let name = rest.split(|byte| matches!(byte, b'\n' | 0)).next().unwrap_or_default();
                Some(name.strip_suffix(b"/").unwrap_or(name).to_vec())
            }
            _ => {
                let name = header.get(..16).unwrap_or_default().trim_ascii_end();
                Some(name.strip_suffix(b"/").unwrap_or(name).to_vec())
            }
        };
        if let Some(name) = name {
            let facts = MemberFacts {
                format: "ar".to_owned(),
                mode: u32::from_str_radix(&field(40, 48), 8).ok(),
                uid: field(28, 34).parse().ok(),
                gid: field(34, 40).parse().ok(),
                modified: field(16, 28).parse().ok().map(|seconds| FileTime { seconds, nanos: 0 }),
                ..MemberFacts::default()
            };
            let member = Member { name, facts, size: Some(data.limit()) };
            walker.member(place, member, &mut ExactTake(&mut data))?;
        }
        let left = data.limit();
        input.skip(left)?;
        input.skip(padding)?;
    }
}
