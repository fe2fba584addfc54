//! rpm, version 3 and 4: what stands before the payload is stepped over, and the payload is a compressed cpio, known by
//! its content (<https://rpm-software-management.github.io/rpm/manual/format_v4.html>).

use std::io::{self, Cursor, Read as _};

use super::format::{ArchiveFormat, HEAD};
use super::walk::{ContainerContext, ContainerInput, Walker};

/// Bytes of the lead.
const LEAD: u64 = 96;
/// Entries of a header, and bytes of its store, at most: rpm's own limits (`hdrchkTags`, `hdrchkData` in lib/header.c).
const MAX_ENTRIES: u64 = 0xffff;
const MAX_STORE: u64 = 0x0fff_ffff;

pub(super) fn members(walker: &mut Walker, place: &mut ContainerContext, mut input: ContainerInput) -> io::Result<()> {
    input.skip(LEAD)?;
    // The signature ends at a multiple of 8, the header itself does not.
    let signature = header(&mut input)?;
    input.skip(signature.wrapping_neg() % 8)?;
    header(&mut input)?;
    let mut head = vec![0; HEAD];
    let filled = input.fill(&mut head)?;
    head.truncate(filled);
    let format = ArchiveFormat::of(&head).filter(|format| format.is_streamed());
    let format =
        format.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "the payload's format is not known"))?;
    let mut payload = Cursor::new(head).chain(input);
    walker.container(ContainerInput::Stream(&mut payload), place.path, format, place.depth + 1);
    Ok(())
}

/// Steps over a header; its length.
fn header(input: &mut ContainerInput) -> io::Result<u64> {
    let mut intro = [0; 16];
    input.read_exact(&mut intro)?;
    let [0x8e, 0xad, 0xe8, 1, _, _, _, _, e0, e1, e2, e3, s0, s1, s2, s3] = intro else {
        return Err(io::Error::other("a header is missing"));
    };
    let entries = u64::from(u32::from_be_bytes([e0, e1, e2, e3]));
    let store = u64::from(u32::from_be_bytes([s0, s1, s2, s3]));
    if entries > MAX_ENTRIES || store > MAX_STORE {
        return Err(io::Error::other("a header is larger than rpm takes"));
    }
    input.skip(entries * 16 + store)?;
    Ok(16 + entries * 16 + store)
}
