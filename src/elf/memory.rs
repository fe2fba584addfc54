//! The file as the kernel maps it: whole pages, segment by segment, each over what was mapped there before.
//!
//! What `elf_load` in `fs/binfmt_elf.c` does since Linux 6.7: the bytes of a segment are mapped with all of their first and
//! last page; where more memory than file is asked for, the rest of the last page is cleared if the segment may be
//! written to, and zeroed pages follow. Every mapping replaces what lay there (`MAP_FIXED`).
//!
//! Addresses are those of the file, before a position-independent one is moved.

use goblin::elf::program_header as ph;

use super::segments::Segment;

/// Bytes in a page of memory, which the kernel maps whole. Machines with larger pages have files that are laid out for
/// them, and those read the same with smaller ones.
pub const PAGE: u64 = 4096;

/// A stretch of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mapping {
    start: u64,
    /// One past the last address.
    end: u64,
    /// Place in the table of the segment that it is of.
    segment: u32,
    content: PageSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageSource {
    /// Bytes of the file from this offset on.
    File(u64),
    /// Zeros, in memory of their own.
    Zeros,
    /// What is left of the last page of a segment that may be written to, cleared.
    Cleared,
}

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressContent {
    /// Place in the table of the `PT_LOAD` segment that is mapped there.
    pub segment: usize,
    /// Offset in the file of the byte there, which may lie past its end; `None` where there are only zeros.
    pub offset: Option<u64>,
    /// Whether the address lies outside the segment's own bytes and is mapped only because pages are mapped whole.
    pub by_page: bool,
    /// Another segment whose own bytes are meant to be there but are covered by this one.
    pub covers: Option<usize>,
}

impl AddressContent {
    /// Whether there is nothing of the file there.
    pub fn is_zeros(&self) -> bool {
        self.offset.is_none()
    }
}

/// The memory of a program before its first instruction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryImage {
    mappings: Vec<Mapping>,
}

impl MemoryImage {
    pub(super) fn new(segments: &[Segment]) -> Self {
        let mut mappings = Vec::new();
        for segment in segments.iter().filter(|segment| segment.is_load()) {
            map(segment, &mut mappings);
        }
        Self { mappings }
    }

    /// What is at `address`; `None` where nothing is mapped.
    pub(super) fn landing(&self, segments: &[Segment], address: u64) -> Option<AddressContent> {
        let top = self.mappings.iter().rposition(|mapping| (mapping.start..mapping.end).contains(&address))?;
        let mapping = self.mappings.get(top)?;
        let own = |place: u32| {
            let segment = segments.get(place as usize);
            segment.is_some_and(|segment| (segment.values.p_vaddr..segment.memory_end()).contains(&address))
        };
        let below = self.mappings.get(..top).unwrap_or_default().iter().rev();
        let covered = { below }.find(|below| below.segment != mapping.segment && own(below.segment));
        Some(AddressContent {
            segment: mapping.segment as usize,
            offset: match mapping.content {
                PageSource::File(offset) => offset.checked_add(address - mapping.start),
                PageSource::Zeros | PageSource::Cleared => None,
            },
            by_page: !own(mapping.segment),
            covers: covered.map(|covered| covered.segment as usize),
        })
    }

    /// How many addresses from `address` on, at most `most`, have bytes of the file that follow each other there too.
    pub(super) fn run(&self, address: u64, most: u64) -> u64 {
        let mut count = 0;
        let mut next = None;
        while let Some(at) = address.checked_add(count).filter(|_| count < most) {
            let Some((offset, length)) =
                self.file_bytes(at).filter(|(offset, _)| next.is_none_or(|next| next == *offset))
            else {
                break;
            };
            count = count.saturating_add(length);
            next = offset.checked_add(length);
        }
        count.min(most)
    }

    /// The offset in the file of the byte at `address`, and how many bytes of the same mapping are there from it on.
    fn file_bytes(&self, address: u64) -> Option<(u64, u64)> {
        let top = self.mappings.iter().rposition(|mapping| (mapping.start..mapping.end).contains(&address))?;
        let mapping = self.mappings.get(top)?;
        let PageSource::File(offset) = mapping.content else { return None };
        let over = self.mappings.get(top + 1..).unwrap_or_default().iter().map(|mapping| mapping.start);
        let end = over.filter(|start| *start > address).min().unwrap_or(u64::MAX).min(mapping.end);
        Some((offset.checked_add(address - mapping.start)?, end - address))
    }
}

/// The first address of the page.
pub(super) fn page_start(address: u64) -> u64 {
    address - address % PAGE
}

/// The first address from this one on that begins a page, `None` past the last.
pub(super) fn page_end(address: u64) -> Option<u64> {
    address.checked_next_multiple_of(PAGE)
}

fn map(segment: &Segment, mappings: &mut Vec<Mapping>) {
    let ph::ProgramHeader { p_offset, p_vaddr, p_filesz, p_memsz, .. } = segment.values;
    let place = segment.index as u32;
    let mut push = |start: u64, end: u64, content| {
        if start < end {
            mappings.push(Mapping { start, end, segment: place, content });
        }
    };
    let file_end = p_vaddr.saturating_add(p_filesz);
    let memory_end = p_vaddr.saturating_add(p_memsz);
    let into = p_vaddr % PAGE;
    if p_offset % PAGE != into && p_filesz > 0 {
        // No kernel maps this; a loader that copies, as for a machine without pages, takes the bytes and nothing else.
        push(p_vaddr, file_end, PageSource::File(p_offset));
        push(file_end, memory_end, PageSource::Zeros);
        return;
    }
    let zeros_from = if p_filesz > 0 {
        let end = page_end(file_end).unwrap_or(u64::MAX);
        push(page_start(p_vaddr), end, PageSource::File(p_offset.saturating_sub(into)));
        if p_memsz > p_filesz && segment.is_writable() {
            push(file_end, end, PageSource::Cleared);
        }
        end
    } else {
        page_start(p_vaddr)
    };
    if p_memsz > p_filesz {
        push(zeros_from, page_end(memory_end).unwrap_or(u64::MAX), PageSource::Zeros);
    }
}
