//! Any bytes through the ELF decoder, with `cargo install cargo-fuzz`:
//!
//! - nightly, with the address sanitizer: `cargo +nightly fuzz run --fuzz-dir tests/fuzz elf`
//! - stable, without it: `RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none elf`
//!
//! Any ELF files serve as a start; name their folder after the one that the fuzzer may write to:
//! `… elf CORPUS SEEDS -- -max_total_time=900 -max_len=65536`.
#![no_main]

use huntbook::elf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The last byte says how much of the file is kept from the decoder, so that plain ELF files serve as a corpus.
    let Some((hidden, bytes)) = data.split_last() else { return };
    let file_size = bytes.len() as u64 + u64::from(*hidden);
    let Some(decoded) = elf::decode(bytes, file_size) else { return };
    let _ = elf::disassemble_entry(&decoded, &elf::Prefix::new(bytes, file_size), 256);
    let map = elf::Map::new(&decoded);
    for offset in [0, bytes.len() as u64 / 2, file_size] {
        map.at(offset).take(8).for_each(|part| drop(part.describe(&decoded, offset)));
    }
    let _ = elf::strings(bytes, 4);
    let _ = elf::entropy(bytes);
});
