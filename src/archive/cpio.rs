//! cpio with its header in ASCII: newc, crc and odc (cpio(5) of libarchive). The payload of an rpm is one, and so is an
//! initramfs, where several follow one another.
//!
//! By hand, because the crate takes no name that is not UTF-8 and so hides what has one.

use std::io::{self, Cursor, Read};

use super::ArchiveGap;
use super::format::{ArchiveFormat, HEAD};
use super::walk::{ContainerContext, ContainerInput, ExactTake, Member, Walker};
use crate::finding::{FileTime, MemberFacts};

/// Bytes of a name that are kept.
const MAX_NAME: u64 = 64 * 1024;
const TRAILER: &[u8] = b"TRAILER!!!";
/// The type of a file in its mode, and that of a regular one (inode(7)).
const TYPE: u64 = 0o170_000;
const REGULAR: u64 = 0o100_000;

struct Header {
    mode: u64,
    uid: u64,
    gid: u64,
    modified: u64,
    name: u64,
    size: u64,
    /// Name and data each end at a multiple of so many bytes.
    align: u64,
    /// Bytes of the header itself.
    length: u64,
}

pub(super) fn members(walker: &mut Walker, place: &mut ContainerContext, mut input: ContainerInput) -> io::Result<()> {
    loop {
        walker.budget.check()?;
        let Some(header) = Header::read(&mut input)? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let mut name = Vec::new();
        let kept = header.name.min(MAX_NAME);
        input.by_ref().take(kept).read_to_end(&mut name)?;
        input.skip(header.name - kept)?;
        input.skip(header.padding(header.length + header.name))?;
        while name.last() == Some(&0) {
            name.pop();
        }
        if name == TRAILER {
            return after(walker, place, input);
        }
        let mut data = input.by_ref().take(header.size);
        if header.mode & TYPE == REGULAR || header.mode & TYPE == 0 {
            let facts = MemberFacts {
                format: "cpio".to_owned(),
                mode: Some(header.mode as u32),
                uid: Some(header.uid),
                gid: Some(header.gid),
                modified: Some(FileTime { seconds: header.modified as i64, nanos: 0 }),
                ..MemberFacts::default()
            };
            let member = Member { name, facts, size: Some(header.size) };
            walker.member(place, member, &mut ExactTake(&mut data))?;
        }
        let left = data.limit();
        input.skip(left)?;
        input.skip(header.padding(header.size))?;
    }
}

/// What comes after the end of an archive: nothing, padding, or another one.
fn after(walker: &mut Walker, place: &mut ContainerContext, mut input: ContainerInput) -> io::Result<()> {
    let mut block = vec![0; HEAD];
    loop {
        walker.budget.check()?;
        let filled = input.fill(&mut block)?;
        let Some(start) = block.get(..filled).unwrap_or_default().iter().position(|byte| *byte != 0) else {
            if filled < HEAD {
                return Ok(());
            }
            continue;
        };
        let mut head = block.get(start..filled).unwrap_or_default().to_vec();
        let begun = head.len();
        head.resize(HEAD, 0);
        let more = input.fill(head.get_mut(begun..).unwrap_or_default())?;
        head.truncate(begun + more);
        return match ArchiveFormat::of(&head).filter(|format| format.is_streamed()) {
            Some(format) => {
                let mut rest = Cursor::new(head).chain(input);
                walker.container(ContainerInput::Stream(&mut rest), place.path, format, place.depth + 1);
                Ok(())
            }
            None => {
                walker
                    .visit
                    .gap(place.path, ArchiveGap::Broken("something follows its end that is not known".to_owned()));
                Ok(())
            }
        };
    }
}

impl Header {
    /// Reads one; `None` at the very end.
    fn read(input: &mut ContainerInput) -> io::Result<Option<Self>> {
        let mut magic = [0; 6];
        if input.fill(&mut magic)? == 0 {
            return Ok(None);
        }
        match &magic {
            b"070701" | b"070702" => {
                let mut fields = [0; 104];
                input.read_exact(&mut fields)?;
                let field = |index: usize| number(fields.get(index * 8..index * 8 + 8), 16);
                Ok(Some(Self {
                    mode: field(1)?,
                    uid: field(2)?,
                    gid: field(3)?,
                    modified: field(5)?,
                    size: field(6)?,
                    name: field(11)?,
                    align: 4,
                    length: 110,
                }))
            }
            b"070707" => {
                let mut fields = [0; 70];
                input.read_exact(&mut fields)?;
                let field = |from: usize, digits: usize| number(fields.get(from..from + digits), 8);
                Ok(Some(Self {
                    mode: field(12, 6)?,
                    uid: field(18, 6)?,
                    gid: field(24, 6)?,
                    modified: field(42, 11)?,
                    name: field(53, 6)?,
                    size: field(59, 11)?,
                    align: 1,
                    length: 76,
                }))
            }
            b"07070X" => Err(io::Error::new(io::ErrorKind::Unsupported, "an rpm with files of more than 4 GiB")),
            _ => Err(io::Error::other("a header is missing")),
        }
    }

    fn padding(&self, length: u64) -> u64 {
        length.wrapping_neg() % self.align
    }
}

fn number(digits: Option<&[u8]>, radix: u32) -> io::Result<u64> {
    let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    let number = text.and_then(|text| u64::from_str_radix(text.trim(), radix).ok());
    number.ok_or_else(|| io::Error::other("a field of a header is no number"))
}
