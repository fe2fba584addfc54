//! Anomalies of sections and their names.

use super::super::Elf;
use super::super::sections::NameTable;
use super::AnomalyList;

pub(super) fn find(elf: &Elf, found: &mut AnomalyList) {
    names(elf, found);
    for section in &elf.sections {
        let index = section.index;
        if section.cut {
            let text = format!("the file ends at offset {:#x}, inside section header {index}", elf.file_size);
            found.add_field("section-header-truncated", text, section.field("sh_name"));
        } else if section.extent.exceeds_file() && !found.is_full("section-past-end") {
            let text = format!(
                "section {index} ({}) takes {} bytes from offset {:#x} on, past the end of the file at {:#x}",
                section.name.as_deref().unwrap_or(&section.type_name()),
                section.values.sh_size,
                section.values.sh_offset,
                elf.file_size
            );
            found.add_field("section-past-end", text, section.field("sh_size"));
        }
    }
}

fn names(elf: &Elf, found: &mut AnomalyList) {
    let field = elf.header.field("e_shstrndx");
    match elf.section_names {
        NameTable::NoSections | NameTable::NotRead { .. } => {}
        NameTable::None => {
            found.add_field("section-names-none", "e_shstrndx is 0: the sections have no names".to_owned(), field);
        }
        NameTable::BadIndex { index } => {
            let text = format!(
                "e_shstrndx is {index}, but the file holds {} of {} section headers",
                elf.section_table.inside, elf.section_table.count
            );
            found.add_field("section-names-index", text, field);
        }
        NameTable::Found { index, string_table, terminated } => {
            if !string_table {
                let text = format!("section {index} should hold the section names but is no string table");
                found.add_field("section-names-type", text, field);
            }
            if !terminated {
                let text = format!("section {index} with the section names does not end in a NUL");
                found.add_field("section-names-unterminated", text, field);
            }
        }
    }
}
