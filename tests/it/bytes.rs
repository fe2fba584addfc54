//! Journeys through the bytes of a finding and the structures over them.

use huntbook::internals::elf;
use huntbook::internals::hex::{ByteWindow, ViewedBytes};
use huntbook::internals::session::RuleChoice;
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::bytes::Counted;
use huntbook::internals::tui::state::detail::Decoded;
use huntbook::internals::tui::state::elf_page;

use crate::screen_harness::{Stage, TestTree};
use crate::tui::{SMALL, WIDE};

#[test]
fn the_hex_view_goes_from_match_to_match() {
    let place = TestTree::new();
    let mut bytes = vec![0; 100_000];
    let callback = crate::fixtures::callback();
    for offset in [1000, 50_000, 99_000] {
        bytes[offset..offset + callback.len()].copy_from_slice(callback.as_bytes());
        bytes[offset - 1] = b' ';
    }
    std::fs::write(place.tree().join("three"), bytes).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("three");
    for (key, title) in [
        ("n", "match 2 of 3, at 0xc350"),
        ("n", "match 3 of 3, at 0x182b8"),
        ("n", "match 1 of 3, at 0x3e8"),
        ("N", "match 3 of 3"),
    ] {
        stage.press(key);
        stage.wait(title);
    }
    stage.press("g").type_text("0xc350").press("enter");
    stage.wait("at 0xc350");
    stage.wait("30.40.50.60:9342");
    stage.press("home");
    stage.press("/").type_text("x:33 30 2e ?? 30").press("enter");
    stage.wait("at 0x3e8");
    stage.press("f");
    stage.wait("at 0xc350");
    // After a search, the next and the previous match are what it finds.
    stage.press("N");
    stage.wait("at 0x3e8");
    stage.press("y h");
    stage.wait("copied 5 bytes");
    assert!(stage.copied.as_deref().is_some_and(|sequence| sequence.starts_with("\u{1b}]52;c;")));
    stage.leave();
}

/// What stands on the screen when `wanted` does not.
fn shows(stage: &Stage<'_>, wanted: &str) {
    assert!(stage.screen().contains(wanted), "{wanted:?} is not on the screen:\n{}", stage.screen());
}

#[test]
fn structures_lie_over_the_bytes_and_lead_to_their_fields_and_back() {
    for size in [SMALL, WIDE] {
        let place = TestTree::planted();
        let mut stage = Stage::open(&place, size);
        stage.open_path("tinyexec-269");
        stage.wait("segment 0 LOAD · R-X byte 0x56 of 0xc8");
        shows(&stage, "$s2  0x56, 10 bytes");
        stage.press("g").type_text("0x4c").press("enter");
        stage.wait("program header 0 LOAD · p_flags = 0x5 (R-X)");
        stage.hold("hex-structures");
        stage.press("enter");
        stage.wait("[2 ELF]");
        assert_eq!(elf_page::place(stage.app.detail.as_ref().unwrap()), Some(0x4c..0x50), "{}", stage.screen());
        stage.press("k enter");
        stage.wait("p_memsz = 0xc8");
        stage.press("}");
        stage.wait("entry point · address 0x8048054");
        stage.press("{ {");
        stage.wait("ELF header · EI_MAG");
        stage.press("{");
        shows(&stage, "no structure begins before");
        stage.press("s");
        shows(&stage, "are hidden");
        assert!(!stage.screen().contains("ELF header ·"), "{}", stage.screen());
        stage.press("]");
        stage.leave();
    }
}

#[test]
fn overlapping_matches_are_all_named_and_a_wide_one_reads_as_text() {
    let place = TestTree::new();
    let callback = crate::fixtures::callback();
    let mut bytes = crate::fixtures::wide(&callback);
    bytes.resize(300, 0);
    std::fs::write(place.tree().join("wide"), bytes).unwrap();
    let rules = place.register().with_file_name("mine.yar");
    let source = "rule mine { strings: $a = \"40.50\" wide $b = { 34 00 30 00 } condition: all of them }";
    std::fs::write(&rules, source).unwrap();
    let choice = RuleChoice { rules: vec![rules], no_builtin: true, ..RuleChoice::default() };
    let mut stage = Stage::open_with(&place, WIDE, choice);
    stage.open_path("wide");
    stage.wait("$a  0x6, 10 bytes, wide, “40.50”");
    stage.press("l l");
    stage.wait("$a  0x6, 10 bytes, wide, “40.50”");
    shows(&stage, "$b  0x6, 4 bytes, wide, “40”");
    stage.press("s");
    shows(&stage, "this is no ELF file");
    stage.leave();
}

#[test]
fn a_file_that_changes_under_the_view_is_read_again_with_the_next_motion() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("home");
    stage.wait("ELF header · EI_MAG");
    let path = place.tree().join("tinyexec-269");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[18] = 0x3e;
    bytes.extend([0; 64]);
    std::fs::write(&path, bytes).unwrap();
    stage.press("g").type_text("0x12").press("enter");
    stage.wait("the file grew from 269 to 333 bytes");
    stage.wait("e_machine = 0x3e");
    std::fs::remove_file(&path).unwrap();
    stage.press("l");
    stage.wait("the file was deleted or moved");
    stage.leave();
}

#[test]
fn at_80_columns_the_inspector_shows_one_byte_order_whole_and_then_the_other() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("i");
    stage.wait("u64 LE 5788781975474362458");
    for whole in [
        "f64      LE 1.0136396816221733e79 ",
        "Unix 32  LE 2013-10-09T13:21:30Z ",
        "DOS      LE 2021-02-21T11:02:52 local time ",
    ] {
        shows(&stage, whole);
    }
    stage.press("i");
    shows(&stage, "u64 BE 6510047074353042768");
    shows(&stage, "DOS      BE 2025-02-24T10:42:36 local time ");
    stage.press("i");
    assert!(!stage.screen().contains("u64"), "{}", stage.screen());
    stage.leave();
    let mut stage = Stage::open(&place, crate::tui::WIDE);
    stage.open_path("tinyexec-269").press("w i");
    stage.wait("u64 5788781975474362458 BE 6510047074353042768");
    stage.press("i");
    assert!(!stage.screen().contains("u64"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn the_hits_of_a_search_are_counted_as_they_are_found_up_to_a_bound() {
    for size in [SMALL, WIDE] {
        let place = TestTree::new();
        // A callback, a few runs of letters, and more of another word than are counted.
        let bytes = format!("{} aaaa b aaa b aa {}", crate::fixtures::callback(), "word ".repeat(10_050));
        std::fs::write(place.tree().join("hits"), bytes).unwrap();
        let mut stage = Stage::open(&place, size);
        stage.open_path("hits").press("home");
        stage.press("/").type_text("r:a{3,}").press("enter");
        stage.wait(" hit 1 of 2 ");
        for said in [" hit 2 of 2 ", " hit 1 of 2 "] {
            stage.press("n");
            stage.wait(said);
        }
        // What is told while it goes on makes the count grow; what an older search tells does not.
        let hits = &stage.app.detail.as_ref().unwrap().hex.sought.as_ref().unwrap().hits;
        let (number, last) = (hits.number, *hits.offsets.last().unwrap());
        stage.message(Message::Counted(number, vec![last + 10], Counted::SoFar));
        shows(&stage, " hit 1 of 3… ");
        stage.message(Message::Counted(number - 1, vec![last + 20], Counted::All));
        shows(&stage, " hit 1 of 3… ");
        stage.message(Message::Counted(number, vec![last + 20; 1000], Counted::NotAll));
        shows(&stage, " hit 1 of 1,003+ ");
        stage.press("home").press("/").type_text("word").press("enter");
        stage.wait(" hit 1 of 10,000+ ");
        stage.press("N");
        stage.wait(" hit after the first 10,000 ");
        stage.press("n");
        stage.wait(" hit 1 of 10,000+ ");
        stage.leave();
    }
}

/// 60,000 bytes, of which no window holds both ends.
fn plant_a_long_file(place: &TestTree) {
    let mut bytes = crate::fixtures::callback().into_bytes();
    bytes.resize(60_000, b' ');
    std::fs::write(place.tree().join("long"), bytes).unwrap();
}

#[test]
fn what_is_copied_before_its_bytes_are_read_is_copied_when_they_are() {
    let place = TestTree::new();
    plant_a_long_file(&place);
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("long");
    let keys = |stage: &mut Stage<'_>, keys: &str| {
        keys.split(' ').for_each(|key| stage.feed(Message::Key(crate::screen_harness::event(key))));
    };
    keys(&mut stage, "end v left y h");
    assert!(stage.copied.is_none(), "nothing has been read since");
    stage.draw();
    shows(&stage, "copied as soon as these bytes are read");
    stage.wait("copied 2 bytes from 0xea5e");
    assert!(stage.copied.take().is_some());
    keys(&mut stage, "home y h esc");
    stage.wait("00000000");
    stage.press("l");
    assert!(stage.copied.is_none(), "Esc takes it back");
    stage.leave();
}

#[test]
fn a_selection_longer_than_the_screen_is_copied_and_a_click_moves_the_cursor() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let place = TestTree::new();
    plant_a_long_file(&place);
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("long").press("home v g").type_text("+8191").press("enter").press("y h");
    stage.wait("copied 8,192 bytes from 0x0");
    stage.press("home v end").press("y h");
    shows(&stage, "60,000 bytes are too many to copy");
    stage.press("y o");
    shows(&stage, "copied the offset 0x0");
    stage.press("home m b '");
    shows(&stage, "b 0x0");
    stage.press("esc");
    let area = stage.app.areas.bytes;
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    stage.message(click(area.x + 10, area.y + 2));
    stage.wait("at 0x20 of");
    let strip = stage.app.areas.strip;
    stage.message(click(strip.x, strip.bottom() - 1));
    stage.wait("at 0xd");
    stage.message(click(strip.x, strip.y));
    stage.wait("match 1 of 1, at 0x0");
    stage.leave();
}

#[test]
fn the_elf_tab_leads_to_the_bytes_of_a_field() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("2");
    stage.wait("Anomalies");
    stage.press("G k enter");
    stage.wait("Hex:");
    stage.leave();
}

#[test]
fn an_elf_of_65_000_headers_of_each_kind_is_gone_through_from_end_to_end() {
    let place = TestTree::new();
    let file = crate::fixtures::many_headers(60_000, 65_000);
    let last = file.len() as u64 - 64;
    std::fs::write(place.tree().join("many"), file).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("many");
    stage.press("2");
    stage.wait("Anomalies:");
    stage.wait("Linux would not run it");
    stage.press("G");
    shows(&stage, "syscall");
    let is_there = |stage: &Stage<'_>| elf_page::place(stage.app.detail.as_ref().unwrap()) == Some(last..last + 4);
    for _ in 0..1000 {
        if is_there(&stage) {
            break;
        }
        stage.feed(Message::Key(crate::screen_harness::event("k")));
    }
    assert!(is_there(&stage), "{}", stage.screen());
    stage.press("k k k j j");
    shows(&stage, "Section 64999: .text.function_064999 PROGBITS AX");
    // To the bytes of the last section header and back.
    stage.press("enter");
    stage.wait("S  section header 64999");
    stage.press("{");
    stage.wait("section header 64998");
    stage.press("enter");
    shows(&stage, "Section 64998: .text.function_064998");
    stage.press("g");
    shows(&stage, "Linux would not run it");
    stage.press("pgdn pgdn pgdn pgdn");
    shows(&stage, "Program header 2: NOTE R--");
    stage.leave();
}

/// Shows `file`, of which `size` bytes are to be, in the place of the open finding's, and looks at both tabs.
fn look_at(stage: &mut Stage<'_>, file: &[u8], size: u64) {
    let source = elf::Prefix::new(file, size);
    let elf = elf::decode_with(&source);
    let decoded = Decoded {
        begins: true,
        code: elf.as_ref().map(|elf| elf::disassemble_entry(elf, &source, 20).map_err(|why| why.to_string())),
        map: elf.as_ref().map(elf::Map::new),
        entropy: Some(elf::entropy(file)),
        strings: elf::strings(file, 4),
        elf: elf.map(Box::new),
        content: huntbook::internals::content::identify(&source),
        ..Decoded::default()
    };
    let said = decoded.content.as_ref().map_or("cannot be told", |content| &content.summary);
    let told = if decoded.elf.is_some() { "read as" } else { said.get(..20).unwrap_or(said) }.to_owned();
    let name = decoded.content.as_ref().map_or("ELF", |content| content.kind.name());
    let tab = format!("[2 {name}]");
    let detail = stage.app.detail.as_mut().unwrap();
    let id = detail.id();
    let bytes = file.iter().copied().map(Some).collect();
    detail.hex.window = Some(ByteWindow { offset: 0, bytes, size, shown: ViewedBytes::File, line: None, notice: None });
    stage.feed(Message::Decoded(id, Box::new(decoded)));
    for (keys, wanted) in [("2 g", told.as_str()), ("G", name), ("1 g", "of "), ("}", "Hex:"), ("enter", "ELF")] {
        for key in keys.split(' ') {
            stage.feed(Message::Key(crate::screen_harness::event(key)));
        }
        stage.draw();
        let screen = stage.screen();
        if keys == "1 g" {
            // On the hex tab it asks where to.
            stage.feed(Message::Key(crate::screen_harness::event("esc")));
        }
        assert!(screen.contains(wanted) && screen.contains(&tab) | screen.contains("[1 Bytes]"), "{size}\n{screen}");
    }
}

/// A 45-byte i386 program: its program header begins inside the ELF header, `e_ident` names no byte order, and the file
/// ends inside `e_phnum`.
fn tiny45() -> Vec<u8> {
    let mut file = b"\x7fELF\x01\0\0\0\0\0\0\0\0\0\x01\0\x02\0\x03\0".to_vec();
    for word in [0x0001_0020_u32, 0x0001_0020, 4] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0xb3, 42, 0x31, 0xc0, 0x40, 0xcd, 0x80, 0, 0x34, 0, 0x20, 0, 1]);
    file
}

#[test]
fn an_elf_cut_at_every_length_is_a_sane_screen() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269");
    for file in [crate::fixtures::tinyexec(150), crate::fixtures::many_headers(1, 2), tiny45()] {
        for length in 0..=file.len() {
            look_at(&mut stage, &file[..length], length as u64);
        }
    }
    // A field is as long as what is there of it.
    look_at(&mut stage, &tiny45()[..26], 26);
    for key in ["2", "g", "pgdn", "pgdn"] {
        stage.feed(Message::Key(crate::screen_harness::event(key)));
    }
    stage.draw();
    for place in ["14+4  e_version", "18+2  e_entry", "1c+0  e_phoff"] {
        shows(&stage, place);
    }
    // Heads whose byte order is nonsense, and heads of which the rest is out of reach.
    for byte_order in [0, 1, 2, 3, 255] {
        for mut file in [tiny45(), crate::fixtures::many_headers(1, 2)] {
            file[5] = byte_order;
            for length in [20, 45] {
                look_at(&mut stage, &file[..length], length as u64);
                look_at(&mut stage, &file[..length], 100_000);
            }
        }
    }
    stage.leave();
}

#[test]
fn every_match_that_begins_at_one_offset_is_gone_to() {
    let place = TestTree::new();
    let source = r#"rule several { strings: $a = "abc" $b = "abcd" $c = "bcd" $d = /ab/ condition: any of them }"#;
    let rules = place.tree().join("../several.yar");
    std::fs::write(&rules, source).unwrap();
    std::fs::write(place.tree().join("twice"), "abcd....abcd").unwrap();
    let choice = RuleChoice { rules: vec![rules], ..RuleChoice::default() };
    let mut stage = Stage::open_with(&place, SMALL, choice);
    stage.open_path("twice");
    shows(&stage, "match 1 of 8, at 0x0");
    let way =
        ["2 of 8, at 0x0", "3 of 8, at 0x0", "4 of 8, at 0x1", "5 of 8, at 0x8", "6 of 8", "7 of 8", "8 of 8, at 0x9"];
    for title in way.into_iter().chain(["1 of 8, at 0x0"]) {
        stage.press("n");
        shows(&stage, &format!("match {title}"));
    }
    for title in ["8 of 8, at 0x9", "7 of 8, at 0x8", "6 of 8, at 0x8"] {
        stage.press("N");
        shows(&stage, &format!("match {title}"));
    }
    // From $b to the first match of $c, and so on round.
    for title in ["4 of 8, at 0x1", "3 of 8, at 0x0", "1 of 8, at 0x0", "2 of 8, at 0x0"] {
        stage.press("p");
        shows(&stage, &format!("match {title}"));
    }
    stage.leave();
}

/// Text is shown as text: lines with numbers, matches in place, and the cursor is the same in every face.
#[test]
fn text_has_lines_numbers_and_the_same_cursor_as_digits() {
    let place = TestTree::new();
    let mut text: String = (1..=200).fold(String::new(), |text, line| text + &format!("line {line}\n"));
    text.push_str(&format!("\tend \u{1b}[2J {}\n", "wide ".repeat(60)));
    text.push_str(&crate::fixtures::callback());
    std::fs::write(place.tree().join("script"), &text).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("enter");
    stage.wait("Text, UTF-8: match 1 of");
    stage.press("home");
    stage.wait("   1 line 1");
    stage.press("G");
    stage.wait("of 0x");
    stage.press("g").type_text(":120").press("enter");
    stage.wait("line 120, at");
    assert!(stage.screen().contains(" 120 line 120"), "{}", stage.screen());
    let offset = text.find("line 120\n").unwrap();
    stage.wait(&format!("at {offset:#x} of"));
    stage.press("j l l x x x");
    stage.wait(&format!("line 121, at {:#x} of", offset + 11));
    stage.press("/").type_text("line 77").press("enter");
    stage.wait("line 77, at");
    stage.press("/").type_text("wide wide").press("enter");
    stage.wait("→       end ^[[2J wide");
    assert!(stage.screen().contains("   · "), "a long line goes on below:\n{}", stage.screen());
    stage.press("v l l l y l");
    assert!(stage.copied.is_some());
    stage.press("g").type_text(":9999").press("enter");
    stage.wait("the file has no line 9,999");
    for size in [(60, 16), (200, 60), SMALL] {
        stage.resize(size);
        for key in ["pgdn", "pgup", "ctrl-d", "ctrl-u", "k", "j", "0", "$", "e", "e", "e", "e", "h", "end", "home"] {
            stage.press(key);
        }
    }
    stage.wait("   1 line 1");
    stage.leave();
}

/// The printable texts of a binary, found as they are read.
#[test]
fn strings_of_a_binary_are_listed_filtered_and_lead_to_their_bytes() {
    let place = TestTree::new();
    let mut file = b"\x01\0\xff".repeat(100);
    file.extend(b"/usr/lib/secret\0\xff\xffmore of it\0");
    file.extend(crate::fixtures::callback().as_bytes());
    std::fs::write(place.tree().join("mixed.bin"), &file).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path_by_name("mixed.bin").press("x");
    while !stage.screen().contains("Strings:") {
        stage.press("x");
    }
    stage.wait("/usr/lib/secret");
    stage.press("/").type_text("secret").press("enter");
    stage.wait("with 'secret'");
    stage.press("enter");
    let offset = file.windows(8).position(|window| window == b"/usr/lib").unwrap();
    stage.wait(&format!(", at {offset:#x} of"));
    stage.leave();
}
