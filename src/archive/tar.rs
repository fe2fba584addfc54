//! tar: V7, ustar, GNU and pax, with sparse files in all their four ways (tar(5) of libarchive, and "Basic Tar Format" and
//! "Storing Sparse Files" of the GNU tar manual).
//!
//! The crate reads the fields of a header. Going from one to the next is done here, because the crate reads a name into
//! memory however long it is, and stops at what it does not know.

use std::io::{self, Read};

use tar::{GnuSparseHeader, Header};

use super::ArchiveGap;
use super::format::has_checksum;
use super::source::broken;
use super::walk::{ContainerContext, ContainerInput, Member, Walker};
use crate::finding::{FileTime, MemberFacts};

const BLOCK: u64 = 512;
/// Bytes of a long name that are kept; Linux takes paths of 4096 (limits.h).
const MAX_NAME: u64 = 64 * 1024;
/// Bytes of pax records before one member.
const MAX_PAX: u64 = 1 << 20;
/// Stretches of data of one sparse member.
const MAX_STRETCHES: usize = 1 << 16;

/// What extended headers say of the next member.
#[derive(Default, Clone)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    owner: Option<String>,
    group: Option<String>,
    modified: Option<FileTime>,
    sparse: PaxSparse,
}

/// What pax records say of a sparse member.
#[derive(Default, Clone)]
struct PaxSparse {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    /// The stretches, offset and length in turn; `None` where they stand before the data.
    map: Vec<u64>,
    map_is_in_data: bool,
}

pub(super) fn members(walker: &mut Walker, place: &mut ContainerContext, mut input: ContainerInput) -> io::Result<()> {
    let (mut global, mut next) = (Extended::default(), Extended::default());
    let mut ended = false;
    loop {
        walker.budget.check()?;
        let mut block = [0; BLOCK as usize];
        match input.fill(&mut block)? {
            0 => return if ended { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) },
            512 => {}
            _ if ended => return Ok(()),
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        // Two such blocks are the end; tar -i reads on, as those who hide something know.
        if block.iter().all(|byte| *byte == 0) {
            ended = true;
            continue;
        }
        if !has_checksum(&block) {
            return if ended { Ok(()) } else { Err(io::Error::other("a header's checksum is wrong")) };
        }
        ended = false;
        let header = Header::from_byte_slice(&block);
        let kind = header.entry_type();
        let stored = next.size.filter(|_| !is_extension(kind)).map_or_else(|| header.entry_size(), Ok)?;
        let padding = stored.wrapping_neg() % BLOCK;
        let mut data = Stored { input: &mut input, left: stored };
        if is_extension(kind) {
            let what = if kind.is_gnu_longname() || kind.is_gnu_longlink() { MAX_NAME } else { MAX_PAX };
            if stored > what {
                let gap = ArchiveGap::Broken(format!("a name or a record of {stored} bytes is left out"));
                walker.visit.gap(place.path, gap);
            }
            let mut text = Vec::new();
            data.by_ref().take(what).read_to_end(&mut text)?;
            match () {
                () if kind.is_gnu_longname() => next.name = Some(until_nul(&text).to_vec()),
                () if kind.is_pax_local_extensions() => next.read(&text),
                () if kind.is_pax_global_extensions() => global.read(&text),
                () => {}
            }
        } else {
            let said = std::mem::take(&mut next).over(&global);
            member(walker, place, header, said, &mut data)?;
        }
        let left = data.left;
        input.skip(left)?;
        input.skip(padding)?;
    }
}

fn is_extension(kind: tar::EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The data of one member, as they are stored.
struct Stored<'d, 'i> {
    input: &'d mut ContainerInput<'i>,
    left: u64,
}

impl Read for Stored<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..room).filter(|room| !room.is_empty()) else { return Ok(0) };
        match self.input.read(buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }
}

fn member(
    walker: &mut Walker,
    place: &mut ContainerContext,
    header: &Header,
    said: Extended,
    data: &mut Stored,
) -> io::Result<()> {
    let kind = header.entry_type();
    // What has no content is a name only.
    if kind.is_dir()
        || kind.is_symlink()
        || kind.is_hard_link()
        || kind.is_fifo()
        || kind.is_character_special()
        || kind.is_block_special()
    {
        return Ok(());
    }
    let text = |bytes: Option<&[u8]>| {
        bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let facts = MemberFacts {
        format: "tar".to_owned(),
        mode: header.mode().ok(),
        uid: said.uid.or_else(|| header.uid().ok()),
        gid: said.gid.or_else(|| header.gid().ok()),
        owner: said.owner.or_else(|| text(header.username_bytes())),
        group: said.group.or_else(|| text(header.groupname_bytes())),
        modified: said
            .modified
            .or_else(|| header.mtime().ok().map(|seconds| FileTime { seconds: seconds as i64, nanos: 0 })),
        ..MemberFacts::default()
    };
    let name = said.sparse.name.or(said.name).unwrap_or_else(|| header.path_bytes().into_owned());
    let pax = said.sparse.map_is_in_data || !said.sparse.map.is_empty();
    let sparse = match (kind.is_gnu_sparse(), pax) {
        (true, _) => old_map(header, data),
        (_, true) => pax_map(&said.sparse.map, said.sparse.map_is_in_data, said.sparse.size, data),
        _ => {
            let size = Some(data.left);
            return walker.member(place, Member { name, facts, size }, data);
        }
    };
    let (map, size) = match sparse {
        Ok(sparse) => sparse,
        Err(error) => return walker.unreadable(place, &name, broken(&error)),
    };
    let budget = walker.budget;
    let mut whole =
        Sparse { data, map: map.into_iter(), stretch: 0..0, at: 0, size, count: &|holes| budget.count_bytes(holes) };
    walker.member(place, Member { name, facts, size: Some(size) }, &mut whole)
}

type Map = (Vec<std::ops::Range<u64>>, u64);

fn stretch(offset: u64, length: u64) -> io::Result<std::ops::Range<u64>> {
    let end = offset.checked_add(length).ok_or_else(|| io::Error::other("a stretch of a sparse member has no end"))?;
    Ok(offset..end)
}

/// The map of GNU's own format: four stretches in the header, 21 in each block that follows it.
fn old_map(header: &Header, data: &mut Stored) -> io::Result<Map> {
    let gnu = header.as_gnu().ok_or_else(|| io::Error::other("a sparse member without a GNU header"))?;
    let mut map = Vec::new();
    let mut add = |stretches: &[GnuSparseHeader]| {
        for part in stretches.iter().filter(|part| !part.is_empty()) {
            map.push(stretch(part.offset()?, part.length()?)?);
        }
        if map.len() > MAX_STRETCHES { Err(io::Error::other("a sparse member has too many stretches")) } else { Ok(()) }
    };
    add(&gnu.sparse)?;
    let mut more = gnu.is_extended();
    while more {
        let mut block = tar::GnuExtSparseHeader::new();
        // These blocks stand before the data, and are not counted in the size.
        if data.input.fill(block.as_mut_bytes())? < BLOCK as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        add(block.sparse())?;
        more = block.is_extended();
    }
    Ok((map, gnu.real_size()?))
}

/// The map of pax: in the records (0.0 and 0.1), or before the data as decimal numbers, a line each (1.0).
fn pax_map(numbers: &[u64], is_in_data: bool, size: Option<u64>, data: &mut Stored) -> io::Result<Map> {
    let mut numbers = numbers.to_vec();
    if is_in_data {
        let stored = data.left;
        let mut line = || {
            let (mut number, mut byte) = (0_u64, [0]);
            loop {
                data.read_exact(&mut byte)?;
                match byte {
                    [b'\n'] => return Ok::<_, io::Error>(number),
                    [digit @ b'0'..=b'9'] => {
                        let next = number.checked_mul(10).and_then(|ten| ten.checked_add(u64::from(digit - b'0')));
                        number = next.ok_or_else(|| io::Error::other("a number of a sparse map is too large"))?;
                    }
                    _ => return Err(io::Error::other("a sparse map is not made of numbers")),
                }
            }
        };
        let count = line()?;
        if count > MAX_STRETCHES as u64 {
            return Err(io::Error::other("a sparse member has too many stretches"));
        }
        numbers = (0..count * 2).map(|_| line()).collect::<io::Result<_>>()?;
        let rest = (stored - data.left).wrapping_neg() % BLOCK;
        io::copy(&mut data.take(rest), &mut io::sink())?;
    }
    let map: Vec<_> = numbers
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[offset, length]| stretch(*offset, *length))
        .collect::<io::Result<_>>()?;
    let end = map.last().map_or(0, |last| last.end);
    Ok((map, size.unwrap_or(end)))
}

/// A sparse member as it is when it is unpacked.
struct Sparse<'d, 's, 'i, 'c> {
    data: &'d mut Stored<'s, 'i>,
    map: std::vec::IntoIter<std::ops::Range<u64>>,
    stretch: std::ops::Range<u64>,
    at: u64,
    size: u64,
    /// Counts zeros that are stored nowhere.
    count: &'c dyn Fn(u64) -> io::Result<()>,
}

impl Read for Sparse<'_, '_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.stretch.end <= self.at {
            match self.map.next() {
                Some(next) if next.start < self.at => return Err(io::Error::other("a sparse map goes back")),
                // An empty one marks the end.
                Some(next) if next.is_empty() => {}
                Some(next) => self.stretch = next,
                None => self.stretch = self.size.max(self.at)..u64::MAX,
            }
        }
        let until = if self.at < self.stretch.start { self.stretch.start } else { self.stretch.end };
        let room = usize::try_from(until.min(self.size).saturating_sub(self.at)).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room).filter(|room| !room.is_empty()) else { return Ok(0) };
        let read = if self.at < self.stretch.start {
            buffer.fill(0);
            (self.count)(room as u64)?;
            room
        } else {
            self.data.read(buffer)?
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Extended {
    /// Reads pax records: `LENGTH KEY=VALUE` and a line end, where the length is that of all of it (pax(1)).
    fn read(&mut self, mut text: &[u8]) {
        while let Some((record, rest)) = record(text) {
            text = rest;
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else { continue };
            let (key, value) = record.split_at(equals);
            self.put(key, value.get(1..).unwrap_or_default());
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        let said = std::str::from_utf8(value).unwrap_or_default();
        let number = || said.parse::<u64>().ok();
        let text = || Some(String::from_utf8_lossy(value).into_owned());
        match key {
            b"path" => self.name = Some(until_nul(value).to_vec()),
            b"size" => self.size = number(),
            b"uid" => self.uid = number(),
            b"gid" => self.gid = number(),
            b"uname" => self.owner = text(),
            b"gname" => self.group = text(),
            b"mtime" => self.modified = time(said),
            b"GNU.sparse.name" => self.sparse.name = Some(until_nul(value).to_vec()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size = number(),
            b"GNU.sparse.major" => self.sparse.map_is_in_data = said == "1",
            b"GNU.sparse.map" => {
                self.sparse.map = said.split(',').map_while(|part| part.parse().ok()).take(MAX_STRETCHES * 2).collect();
            }
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" if self.sparse.map.len() < MAX_STRETCHES * 2 => {
                self.sparse.map.extend(number());
            }
            _ => {}
        }
    }

    /// This, and what a global header says where this says nothing.
    fn over(self, global: &Self) -> Self {
        Self {
            name: self.name.or_else(|| global.name.clone()),
            size: self.size,
            uid: self.uid.or(global.uid),
            gid: self.gid.or(global.gid),
            owner: self.owner.or_else(|| global.owner.clone()),
            group: self.group.or_else(|| global.group.clone()),
            modified: self.modified.or(global.modified),
            sparse: self.sparse,
        }
    }
}

/// The first record of some, without its length and line end, and the others.
fn record(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(text.get(..space)?).ok()?.parse().ok()?;
    let record = text.get(space + 1..length)?;
    Some((record.strip_suffix(b"\n")?, text.get(length..)?))
}

/// Seconds since 1970 with a fraction.
fn time(said: &str) -> Option<FileTime> {
    let (seconds, fraction) = said.split_once('.').unwrap_or((said, ""));
    let digits = fraction.get(..fraction.len().min(9))?;
    let nanos = if digits.is_empty() { 0 } else { digits.parse::<u32>().ok()? * 10_u32.pow(9 - digits.len() as u32) };
    Some(FileTime { seconds: seconds.parse().ok()?, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_by_their_length() {
        let mut said = Extended::default();
        said.read(b"16 path=a\nb=c\nd\n21 mtime=1.25\n20 uname=x\n");
        assert_eq!(said.name.as_deref(), Some(&b"a\nb=c\nd"[..]));
        for broken in [&b""[..], b"9", b"99 path=x\n", b"0 path=x\n", b"3 path=x\n", b"18446744073709551615 a=b\n"] {
            Extended::default().read(broken);
        }
        assert_eq!(time("12.5"), Some(FileTime { seconds: 12, nanos: 500_000_000 }));
        assert_eq!(time("-1"), Some(FileTime { seconds: -1, nanos: 0 }));
        assert_eq!((time("x"), time("1.é")), (None, None));
    }
}
