//! Anomalies of the ELF header and of where it says the tables are.

use goblin::elf::header as eh;

use super::super::Elf;
use super::super::kernel;
use super::super::layout::Basis;
use super::super::names;
use super::super::table::HeaderTable;
use super::AnomalyList;

pub(super) fn find(elf: &Elf, found: &mut AnomalyList) {
    if elf.header.cut {
        let text = format!(
            "the file ends at offset {:#x}, inside the ELF header of {} bytes; the kernel reads zeros for the rest",
            elf.file_size,
            elf.layout.header_size()
        );
        found.add("header-truncated", text, Some((0, elf.file_size)));
    }
    ident(elf, found);
    kind(elf, found);
    sizes(elf, found);
    tables(elf, found);
}

fn ident(elf: &Elf, found: &mut AnomalyList) {
    let layout = elf.layout;
    let ident = elf.header.values.e_ident;
    let field = |name| elf.header.field(name).filter(|field| !field.raw.is_empty());
    let (class, endian) = (layout.class.name(), layout.endian.name());
    if let (Some(at), true) = (field("EI_CLASS"), layout.class_basis != Basis::Ident) {
        let text = format!("EI_CLASS is {}; read as {class} {}", ident[eh::EI_CLASS], because(layout.class_basis));
        found.add_field("ident-class", text, Some(at));
    }
    if let (Some(at), true) = (field("EI_DATA"), layout.endian_basis != Basis::Ident) {
        let text = format!("EI_DATA is {}; read as {endian} {}", ident[eh::EI_DATA], because(layout.endian_basis));
        found.add_field("ident-data", text, Some(at));
    }
    if let (Some(at), Basis::Ident, Some(reversed)) =
        (field("EI_DATA"), layout.endian_basis, kernel::reversed_machine(elf))
    {
        let text = format!(
            "EI_DATA is {}, {endian}, but x86 is little-endian; its kernels read {reversed:#x} in e_machine and refuse the file",
            ident[eh::EI_DATA]
        );
        found.add_field("ident-data", text, Some(at));
    }
    if let (Some(at), true) = (field("EI_VERSION"), ident[eh::EI_VERSION] != eh::EV_CURRENT) {
        let text = format!("EI_VERSION is {}, not 1; the kernel does not look", ident[eh::EI_VERSION]);
        found.add_field("ident-version", text, Some(at));
    }
    if let Some(at) = field("EI_PAD").filter(|field| field.raw.iter().any(|&byte| byte != 0)) {
        let text = format!("the padding of e_ident is {}, not zeros", crate::text::hex(&at.raw));
        found.add_field("ident-padding", text, Some(at));
    }
}

fn because(basis: Basis) -> &'static str {
    match basis {
        Basis::Ident => "as it says",
        Basis::Machine => "because e_machine settles it",
        Basis::Version => "because e_version is 1 in that order",
        Basis::ProgramHeaderSize => "because e_phentsize fits that",
        Basis::Guess => "for want of anything better",
    }
}

fn kind(elf: &Elf, found: &mut AnomalyList) {
    let values = &elf.header.values;
    let field = |name| elf.header.field(name).filter(|field| field.value.number().is_some());
    if let (Some(at), None) = (field("e_type"), names::object_type(values.e_type)) {
        let text = format!("e_type is {:#x}, which is no type of object", values.e_type);
        found.add_field("type-unknown", text, Some(at));
    }
    // A machine that is not in the table may be new; where nothing else fits either, the number is as odd as the rest.
    let fits = elf.layout.class_basis == Basis::Ident
        && elf.layout.endian_basis == Basis::Ident
        && values.e_version == u32::from(eh::EV_CURRENT);
    if let (Some(at), None, false) = (field("e_machine"), names::machine(values.e_machine), fits) {
        let text = format!("e_machine is {:#x}, which is no machine known here", values.e_machine);
        found.add_field("machine-unknown", text, Some(at));
    }
    if let (Some(at), true) = (field("e_version"), values.e_version != u32::from(eh::EV_CURRENT)) {
        let text = format!("e_version is {:#x}, not 1; the kernel does not look", values.e_version);
        found.add_field("version", text, Some(at));
    }
}

fn sizes(elf: &Elf, found: &mut AnomalyList) {
    let values = &elf.header.values;
    let layout = elf.layout;
    let used = [true, values.e_phnum > 0, values.e_shoff > 0 && values.e_shnum > 0];
    let sizes = [
        ("header-size", "e_ehsize", values.e_ehsize, layout.header_size(), "; the kernel does not look"),
        (
            "program-header-size",
            "e_phentsize",
            values.e_phentsize,
            layout.program_header_size(),
            "; the kernel refuses the file",
        ),
        ("section-header-size", "e_shentsize", values.e_shentsize, layout.section_header_size(), ""),
    ];
    for ((id, name, size, right, effect), used) in sizes.into_iter().zip(used) {
        let field = elf.header.field(name).filter(|field| field.value.number().is_some());
        if let (Some(at), true) = (field, used && u64::from(size) != right) {
            found.add_field(id, format!("{name} is {size}, not {right}{effect}"), Some(at));
        }
    }
}

fn tables(elf: &Elf, found: &mut AnomalyList) {
    let end = elf.file_size;
    let loadable = matches!(elf.header.values.e_type, eh::ET_EXEC | eh::ET_DYN);
    let programs = Claimed { table: elf.segment_table, name: "program header", count_field: "e_phnum" };
    let sections = Claimed { table: elf.section_table, name: "section header", count_field: "e_shnum" };
    if programs.table.count == 0 && loadable {
        let text = "there are no program headers, so nothing of the file can be mapped".to_owned();
        found.add_field("program-headers-none", text, elf.header.field("e_phnum"));
    }
    if sections.table.count == 0 && loadable {
        let text = "there are no sections, so tools that read only sections see nothing".to_owned();
        found.add_field("sections-none", text, elf.header.field("e_shnum"));
    }
    let stray = elf.header.values.e_shoff;
    if sections.table.count == 0 && stray != 0 && stray >= end {
        let text = format!("e_shoff is {stray:#x}, past the end of the file at {end:#x}");
        found.add_field("section-headers-past-end", text, elf.header.field("e_shoff"));
    }
    programs.judge(elf, ["program-headers-overlap-header", "program-headers-past-end", "program-headers-many"], found);
    sections.judge(elf, ["section-headers-overlap-header", "section-headers-past-end", "section-headers-many"], found);
}

/// A header table as the file claims it.
struct Claimed {
    table: HeaderTable,
    name: &'static str,
    count_field: &'static str,
}

impl Claimed {
    fn judge(&self, elf: &Elf, [overlap, past_end, many]: [&'static str; 3], found: &mut AnomalyList) {
        let HeaderTable { offset, entry_size, count, inside, decoded, not_read } = self.table;
        let name = self.name;
        if count == 0 {
            return;
        }
        let header = elf.layout.header_size();
        if offset < header {
            let text = format!("the {name}s begin at offset {offset:#x}, inside the ELF header of {header} bytes");
            found.add(overlap, text, Some((offset, header - offset)));
        }
        if inside < count {
            let text = format!(
                "{count} {name}s of {entry_size} bytes from offset {offset:#x} on end at {:#x}, past the end of the file \
                 at {:#x}; {inside} fit",
                self.table.end(),
                elf.file_size
            );
            found.add_field(past_end, text, elf.header.field(self.count_field));
        }
        if decoded + not_read < count.min(inside) {
            let text = format!("of {count} {name}s the first {decoded} are decoded");
            found.add_field(many, text, elf.header.field(self.count_field));
        }
    }
}
