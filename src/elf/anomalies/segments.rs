//! Anomalies of segments and of where the entry point lands in them.

use goblin::elf::{header as eh, program_header as ph};

use super::super::Elf;
use super::super::kernel;
use super::super::kind::ElfKind;
use super::super::layout;
use super::super::memory::{PAGE, page_start};
use super::super::segments::{FileExtent, Segment, shown_interpreter};
use super::AnomalyList;

/// Where a box keeps its dynamic linkers.
const INTERPRETER_FOLDERS: [&str; 2] = ["/lib", "/usr/lib"];

pub(super) fn find(elf: &Elf, found: &mut AnomalyList) {
    // What was split off keeps the headers of what it was split from, and they fit that.
    let headers_fit = elf.kind != ElfKind::DebugInformation;
    for segment in &elf.segments {
        if segment.cut || headers_fit {
            one(elf, segment, found);
        }
    }
    if elf.kind.is_loaded() || elf.kind == ElfKind::Unknown {
        overlaps(elf, found);
        stack(elf, found);
        interpreter(elf, found);
        entry(elf, found);
    }
}

fn one(elf: &Elf, segment: &Segment, found: &mut AnomalyList) {
    let values = &segment.values;
    let (index, name) = (segment.index, segment.type_name());
    if segment.cut {
        let text = format!("the file ends at offset {:#x}, inside program header {index}", elf.file_size);
        found.add_field("program-header-truncated", text, segment.field("p_type"));
        return;
    }
    if segment.extent.exceeds_file() && !found.is_full("segment-past-end") {
        let text = format!(
            "segment {index} ({name}) takes {} bytes from offset {:#x} on, past the end of the file at {:#x}",
            values.p_filesz, values.p_offset, elf.file_size
        );
        found.add_field("segment-past-end", text, segment.field("p_filesz"));
    }
    if !segment.is_load() {
        return;
    }
    if elf.kind != ElfKind::Core && values.p_memsz < values.p_filesz && !found.is_full("segment-memory-smaller") {
        let text = format!(
            "segment {index} has {} bytes in the file but only {} in memory; the process is killed by SIGSEGV",
            values.p_filesz, values.p_memsz
        );
        found.add_field("segment-memory-smaller", text, segment.field("p_memsz"));
    }
    // The memory of a process has what the process had.
    let is_mapped = elf.kind != ElfKind::Core;
    if is_mapped && segment.is_writable() && segment.is_executable() && !found.is_full("segment-writable-executable") {
        let text = format!("segment {index} at {:#x} is both writable and executable", values.p_vaddr);
        found.add_field("segment-writable-executable", text, segment.field("p_flags"));
    }
    let aligned = values.p_vaddr % PAGE == values.p_offset % PAGE;
    if layout::is_x86(elf.header.values.e_machine)
        && values.p_filesz > 0
        && !aligned
        && !found.is_full("segment-misaligned")
    {
        let text = format!(
            "segment {index}: address {:#x} and offset {:#x} differ within a page of 4096 bytes; the file cannot be mapped so",
            values.p_vaddr, values.p_offset
        );
        found.add_field("segment-misaligned", text, segment.field("p_offset"));
    }
}

/// Sorted by address, a segment can only overlap others if it overlaps the one that reaches furthest before it.
///
/// The kernel maps whole pages. Linkers let two segments share one where both show the same page of the file; where they
/// do not, the later hides bytes of the other.
fn overlaps(elf: &Elf, found: &mut AnomalyList) {
    let mut loads: Vec<&Segment> =
        elf.segments.iter().filter(|segment| segment.is_load() && segment.values.p_memsz > 0).collect();
    loads.sort_by_key(|segment| segment.values.p_vaddr);
    let mut furthest: Option<&Segment> = None;
    for segment in loads {
        let address = segment.values.p_vaddr;
        let overlapped = furthest.filter(|before| address < before.memory_end());
        let shared = furthest.filter(|before| overlapped.is_none() && page_start(address) < before.memory_end());
        if let Some(before) = overlapped.filter(|_| !found.is_full("segments-overlap")) {
            let text = format!(
                "segment {} at {address:#x} overlaps segment {}, which ends at {:#x}; the later in the table covers the other",
                segment.index,
                before.index,
                before.memory_end()
            );
            found.add_field("segments-overlap", text, segment.field("p_vaddr"));
        }
        let hides = |before: &&Segment| layout::is_x86(elf.header.values.e_machine) && hides(before, segment);
        if let Some(before) = shared.filter(hides).filter(|_| !found.is_full("segments-share-page")) {
            let (over, under) = if segment.index > before.index { (segment, before) } else { (before, segment) };
            let text = format!(
                "segments {} and {} share the page at {:#x} but not what they show there: segment {} is mapped over bytes of \
                 segment {}",
                before.index,
                segment.index,
                page_start(address),
                over.index,
                under.index
            );
            found.add_field("segments-share-page", text, over.field("p_vaddr"));
        }
        if furthest.is_none_or(|before| segment.memory_end() > before.memory_end()) {
            furthest = Some(segment);
        }
    }
}

/// Whether of two segments, in this order in one page, the later in the table shows another page than the other does.
fn hides(before: &Segment, after: &Segment) -> bool {
    let moved = |segment: &Segment| segment.values.p_vaddr.wrapping_sub(segment.values.p_offset);
    let same = moved(before) == moved(after);
    let file_only = before.values.p_memsz <= before.values.p_filesz;
    let shows_the_same = before.index > after.index || after.values.p_filesz > 0;
    !(same && file_only && shows_the_same)
}

fn stack(elf: &Elf, found: &mut AnomalyList) {
    let header = kernel::stack(elf);
    if let Some(header) = header.filter(|header| header.is_executable()) {
        let text = format!("PT_GNU_STACK asks for {}: the stack is executable", header.flags());
        found.add_field("executable-stack", text, header.field("p_flags"));
    } else if elf.segments.iter().any(Segment::is_load) && kernel::read_implies_exec(elf) {
        let what = if elf.is_x32() { "x32" } else { "i386" };
        let text = format!("an {what} file without PT_GNU_STACK: the stack and all readable memory are executable");
        found.add("executable-stack", text, None);
    }
}

fn interpreter(elf: &Elf, found: &mut AnomalyList) {
    let mut all = elf.segments.iter().filter(|segment| segment.values.p_type == ph::PT_INTERP);
    let Some(segment) = all.next() else { return };
    let Some(interpreter) = &segment.interpreter else { return };
    let path = &interpreter.path;
    let shown = shown_interpreter(path);
    let place = Some((segment.values.p_offset, segment.values.p_filesz));
    let more = all.count();
    if more > 0 {
        let text = format!("{} PT_INTERP segments; the kernel heeds the first, {shown}", more + 1);
        found.add_field("interpreter-many", text, segment.field("p_type"));
    }
    // What lies past the end is reported as such, and what was not read cannot be judged.
    if segment.extent == FileExtent::NotRead || segment.extent.exceeds_file() {
        return;
    }
    if !interpreter.terminated {
        let text = format!("the interpreter's path {shown} does not end in a NUL; the kernel refuses that");
        found.add("interpreter-unterminated", text, place);
    }
    let usual = INTERPRETER_FOLDERS.iter().any(|folder| {
        // `/lib64` and `/libx32` count as `/lib`.
        let inside = path.strip_prefix(folder).and_then(|rest| rest.split_once('/'));
        inside.is_some_and(|(bits, _)| bits.len() <= 3) && !path.contains("/../")
    });
    if !usual {
        found.add("interpreter-unusual", format!("the interpreter is {shown}, not under /lib* or /usr/lib*"), place);
    }
}

fn entry(elf: &Elf, found: &mut AnomalyList) {
    let address = elf.entry.address;
    let is_loaded = matches!(elf.header.values.e_type, eh::ET_EXEC | eh::ET_DYN);
    // Linkers write an entry point into libraries that nothing jumps to.
    let is_run = elf.kind == ElfKind::Program || elf.interpreter().is_some();
    if !is_loaded || !is_run || elf.has_no_entry() || elf.segment_table.not_read > 0 {
        return;
    }
    let field = elf.header.field("e_entry");
    let landing = elf.landing(address);
    let segment = landing.and_then(|landing| elf.segments.get(landing.segment));
    let (Some(landing), Some(segment)) = (landing, segment) else {
        found.add_field("entry-outside-segments", format!("no segment maps the entry point {address:#x}"), field);
        return;
    };
    let (index, flags) = (segment.index, segment.flags());
    if let Some(covered) = landing.covers {
        let text = format!(
            "segment {index} is mapped over segment {covered} at the entry point {address:#x}: what runs is not the code \
             that segment {covered} has there"
        );
        found.add_field("entry-covered", text, field);
    }
    if landing.by_page {
        let text = format!(
            "the entry point {address:#x} lies outside the bytes of segment {index}, which is mapped there because pages \
             are mapped whole"
        );
        found.add_field("entry-outside-segments", text, field);
    }
    if segment.is_writable() {
        let text = format!("the entry point {address:#x} lies in segment {index}, which is writable ({flags})");
        found.add_field("entry-writable", text, field);
    }
    if !segment.is_executable() {
        let effect = if kernel::executes(elf, segment) {
            "; the kernel runs it all the same, for want of PT_GNU_STACK"
        } else {
            ""
        };
        let text =
            format!("the entry point {address:#x} lies in segment {index}, which is not executable ({flags}){effect}");
        found.add_field("entry-not-executable", text, field);
    }
    match landing.offset {
        None => {
            found.add_field("entry-in-zeros", format!("there are only zeros at the entry point {address:#x}"), field);
        }
        Some(offset) if offset >= elf.file_size => {
            let text = format!("the entry point {address:#x} maps to offset {offset:#x}, past the end of the file");
            found.add_field("entry-past-end", text, field);
        }
        Some(offset) => in_headers(elf, offset, found),
    }
}

fn in_headers(elf: &Elf, offset: u64, found: &mut AnomalyList) {
    let table = elf.segment_table;
    let what = if offset < elf.layout.header_size() {
        "the ELF header"
    } else if (table.offset..table.end()).contains(&offset) {
        "the program headers"
    } else {
        return;
    };
    let text = format!("the entry point {:#x} is offset {offset:#x} in the file, inside {what}", elf.entry.address);
    found.add("entry-in-headers", text, Some((offset, 1)));
}
