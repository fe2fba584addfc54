//! `huntbook inspect`: one file in full.

use serde_json::{Value, json};

use crate::cli::TestBox;
use crate::fixtures;

fn inspect(ground: &TestBox, name: &str, json: bool) -> (String, i32) {
    let path = ground.tree().join(name);
    let mut args = vec!["inspect", path.to_str().unwrap()];
    args.extend(json.then_some("--json"));
    let output = ground.huntbook(&args).output().unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

#[test]
fn the_fields_of_an_elf_that_is_cut_lie_inside_it_and_count_what_they_lack() {
    let ground = TestBox::planted();
    std::fs::write(ground.tree().join("cut"), &fixtures::tinyexec(269)[..26]).unwrap();
    let (text, _) = inspect(&ground, "cut", true);
    let document: Value = serde_json::from_str(&text).unwrap();
    let fields = document["elf"]["header"]["fields"].as_array().unwrap();
    let place = |name: &str| {
        let field = fields.iter().find(|field| field["name"] == name).unwrap();
        json!([field["offset"], field["length"], field["missing"], field["raw"].as_str().unwrap().len() / 2])
    };
    assert_eq!(place("e_version"), json!([20, 4, null, 4]));
    assert_eq!(place("e_entry"), json!([24, 2, 2, 2]));
    assert_eq!(place("e_phoff"), json!([26, 0, 4, 0]));
    assert_eq!(place("e_shstrndx"), json!([26, 0, 2, 0]));
}

#[test]
fn an_elf_that_a_rule_matches_is_told_in_full() {
    let ground = TestBox::planted();
    let (text, code) = inspect(&ground, "tinyexec-269", true);
    assert_eq!(code, 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    let content = fixtures::tinyexec(269);
    assert_eq!(document["file"]["hash"]["sha256"], huntbook::internals::finding::Sha256::of(&content).to_string());
    assert_eq!(document["findings"][0]["rule"]["name"], "EQGRP_tinyexec");
    assert_eq!(document["findings"][0]["matches"].as_array().unwrap().len(), 2);
    let condition = &document["findings"][0]["condition"];
    assert_eq!((&condition["value"], &condition["because"]), (&"true".into(), &"3 of 3 true".into()));
    let parts = condition["parts"].as_array().unwrap();
    assert_eq!(
        parts[1],
        json!({"text": "filesize < 270", "value": "true", "because": "filesize is 269 bytes", "parts": []})
    );
    let fields = document["elf"]["header"]["fields"].as_array().unwrap();
    let machine = fields.iter().find(|field| field["name"] == "e_machine").unwrap();
    assert_eq!((&machine["offset"], &machine["length"], &machine["raw"]), (&18.into(), &2.into(), &"0300".into()));
    assert_eq!(machine["value"], 3);
    for (place, header) in [(&document["elf"]["header"], 0_u64), (&document["elf"]["segments"][0], 52)] {
        for field in place["fields"].as_array().unwrap() {
            let (offset, length) = (field["offset"].as_u64().unwrap(), field["length"].as_u64().unwrap());
            let bytes = &content[offset as usize..(offset + length) as usize];
            assert!(offset >= header && field["raw"] == huntbook::internals::text::hex(bytes), "{field}");
            assert!(field["name"].is_string() && field["meaning"].as_str().is_some_and(|said| !said.is_empty()));
            let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let is_bytes = ["EI_MAG", "EI_PAD"].contains(&field["name"].as_str().unwrap());
            assert_eq!(field["value"], if is_bytes { Value::Null } else { number.into() }, "{field}");
        }
    }
    let segment = &document["elf"]["segments"][0];
    assert_eq!((&segment["type"], &segment["flags"], &segment["index"]), (&"LOAD".into(), &"R-X".into(), &0.into()));
    assert_eq!(document["elf"]["sections"], json!([]));
    let anomalies = document["elf"]["anomalies"].as_array().unwrap();
    assert!(anomalies.iter().any(|anomaly| anomaly["id"] == "tiny-static" && anomaly["text"].is_string()));
    let code = document["elf"]["code"].as_array().unwrap();
    assert_eq!(code[0]["matched"], json!([]));
    assert_eq!(code[1]["matched"], json!([{"rule": "EQGRP_tinyexec", "pattern": "$s2"}]));
    assert!(document["entropy"].as_f64().is_some_and(|bits| bits > 0.0 && bits < 8.0));
    assert!(document["strings"].as_array().unwrap().iter().any(|found| found["text"] == ".shstrtab"));
    assert!(document["changed"].is_null());
    let (text, _) = inspect(&ground, "tinyexec-269", false);
    for said in [
        "✔ true: filesize < 270 → filesize is 269 bytes",
        "EQGRP_tinyexec matched",
        "Florian Roth",
        "e_machine",
        "^^",
        "int 0x80",
        "code at the entry point (* within a match)",
        "\n*     56  8048056  5a",
        "printable texts",
    ] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
}

#[test]
fn a_file_that_nothing_matches_still_has_its_facts() {
    let ground = TestBox::new();
    std::fs::write(ground.tree().join("plain"), "nothing here").unwrap();
    let (text, code) = inspect(&ground, "plain", true);
    assert_eq!(code, 0);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["file"]["size"], 12);
    assert!(document["elf"].is_null() && document["findings"].as_array().unwrap().is_empty());
    std::fs::write(ground.tree().join("tiny"), fixtures::elf_header()).unwrap();
    let (text, code) = inspect(&ground, "tiny", false);
    assert!(code == 0 && text.contains("candidate of EQGRP_tinyexec"), "{text}");
    for said in ["✔ true: filesize < 270", "✘ false: all of them → 0 of 2 found", "$s1 is not found"] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
    let (text, _) = inspect(&ground, "tiny", true);
    let document: Value = serde_json::from_str(&text).unwrap();
    let candidate = &document["candidates"][0];
    assert_eq!(
        (&candidate["condition"]["value"], &candidate["rule_condition"]["value"]),
        (&"true".into(), &"false".into())
    );
}

#[test]
fn a_file_that_is_no_elf_is_told_as_what_it_is() {
    let ground = TestBox::new();
    for (content, kind, said) in [
        (&b"#!/no/such/interpreter -x\n"[..], "script", "a script for /no/such/interpreter"),
        (b"MZ\x90\0", "pe", "a DOS program"),
        (b"\x89PNG\r\n\x1a\n\0", "image", "PNG image"),
        (b"words\n", "text", "text, ASCII, lines end in LF"),
        (b"", "empty", "an empty file"),
    ] {
        std::fs::write(ground.tree().join("file"), content).unwrap();
        let document: Value = serde_json::from_str(&inspect(&ground, "file", true).0).unwrap();
        assert_eq!((&document["content"]["kind"], &document["content"]["summary"]), (&kind.into(), &said.into()));
        let text = inspect(&ground, "file", false).0;
        assert!(text.contains(&format!(": {said}\n")), "{text}");
    }
    std::fs::write(ground.tree().join("script"), "#!/no/such/interpreter\n").unwrap();
    let (text, _) = inspect(&ground, "script", false);
    assert!(text.contains("the interpreter /no/such/interpreter is not there (ENOENT)"), "{text}");
}

/// A 64-bit program with these bytes behind its two headers, the first of which names an interpreter.
fn interpreted(path: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2_u16.to_le_bytes(), 62_u16.to_le_bytes(), 1_u16.to_le_bytes(), [0; 2]].concat());
    bytes.extend([0x40_00b0_u64, 64, 0].map(u64::to_le_bytes).concat());
    bytes.extend([0_u16, 0, 64, 56, 2, 64, 0, 0].map(u16::to_le_bytes).concat());
    for [kind, flags, offset, address, size] in [[3, 4, 0xb0, 0, path.len() as u64], [1, 5, 0, 0x40_0000, 0x1000]] {
        bytes.extend([kind as u32, flags as u32].map(u32::to_le_bytes).concat());
        bytes.extend([offset, address, address, size, size, 0x1000].map(u64::to_le_bytes).concat());
    }
    assert_eq!(bytes.len(), 0xb0);
    bytes.extend(path);
    bytes.resize(0x2000, 0);
    bytes
}

#[test]
fn what_the_box_adds_to_whether_a_program_runs_stands_in_the_headline() {
    let ground = TestBox::new();
    let long = [&b"/"[..], &[b'x'; 300], b"\0"].concat();
    let folder = [ground.tree().to_str().unwrap().as_bytes(), b"\0"].concat();
    for (path, headline, said) in [
        (&b"/no/such/interpreter\0"[..], "Linux would run it, but this box does not", "is not there (ENOENT)"),
        (&folder, "Linux would run it, but this box does not", "is a folder (EACCES)"),
        (&long, "Linux would run it, but this box does not", "…xxx"),
        // What the file says itself is not asked of the box.
        (b"\0\0", "Linux would not run it\n", "the interpreter's path is empty"),
        (b"/bin/sh", "Linux would not run it\n", "does not end in a NUL (ENOEXEC)"),
    ] {
        std::fs::write(ground.tree().join("program"), interpreted(path)).unwrap();
        let (text, _) = inspect(&ground, "program", false);
        assert!(text.contains(headline) && text.contains(said), "{path:?}: {text}");
        assert_eq!(text.contains("on this box the interpreter"), headline.contains("box"), "{text}");
    }
}

#[test]
fn a_file_too_large_to_be_held_is_told_as_a_scan_tells_it() {
    let ground = TestBox::new();
    let file = std::fs::File::create(ground.tree().join("huge")).unwrap();
    if file.set_len(3 << 30).is_err() {
        return;
    }
    let (text, code) = inspect(&ground, "huge", true);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &document["not_scanned"]), (0, &json!([])), "{text}");
    assert_eq!(document["file"]["size"], 3_u64 << 30);
    assert!(document["file"]["owner"].is_string() || document["file"]["uid"].is_string(), "{text}");
    assert!(text.contains("data_digest"), "{text}");
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    let ground = TestBox::new();
    std::fs::create_dir(ground.tree().join("folder")).unwrap();
    for (name, said) in [("folder", "is a folder"), ("missing", "missing")] {
        let (text, code) = inspect(&ground, name, false);
        assert!(code == 2 && text.contains(said), "{text}");
    }
}

#[test]
fn a_good_elf_cut_at_every_length_is_always_told() {
    let ground = TestBox::new();
    let whole = fixtures::tinyexec(200);
    for length in [0, 3, 4, 5, 16, 19, 20, 45, 51, 52, 53, 83, 84, 100, 199] {
        std::fs::write(ground.tree().join("cut"), &whole[..length]).unwrap();
        let (text, code) = inspect(&ground, "cut", true);
        assert!(code < 2, "{length}: {text}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["elf"].is_null(), length < 4, "{length}");
    }
}

#[test]
fn sections_are_told_and_entropy_and_texts_of_small_files_only() {
    let ground = TestBox::new();
    std::fs::write(ground.tree().join("small"), fixtures::many_headers(1, 3)).unwrap();
    std::fs::write(ground.tree().join("large"), fixtures::many_headers(1, 1000)).unwrap();
    let document = |name| serde_json::from_str::<Value>(&inspect(&ground, name, true).0).unwrap();
    let (small, large) = (document("small"), document("large"));
    let path = ground.tree().join("large");
    let all = ground.huntbook(&["inspect", path.to_str().unwrap(), "--json", "--all-headers"]).output().unwrap();
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    let code = &small["elf"]["code"];
    assert_eq!(code[1]["text"], "syscall");
    assert_eq!(code[1]["comment"], "exit (system call 60) with status 0; the program ends");
    let section = &small["elf"]["sections"][2];
    assert_eq!((&section["name"], &section["type"]), (&".text.function_000002".into(), &"PROGBITS".into()));
    assert_eq!(section["fields"].as_array().unwrap().len(), 10);
    assert_eq!(section["fields"][0]["name"], "sh_name");
    assert!(small["entropy"].is_number() && !small["strings"].as_array().unwrap().is_empty());
    assert_eq!(large["elf"]["sections"].as_array().unwrap().len(), 256);
    assert_eq!(large["elf"]["sections_left_off"], 744);
    assert_eq!(all["elf"]["sections"].as_array().unwrap().len(), 1000);
    assert_eq!((&all["elf"]["sections_left_off"], &all["elf"]["segments_left_off"]), (&0.into(), &0.into()));
    let text = inspect(&ground, "large", false).0;
    assert!(text.contains("744 section headers more; --all-headers lists them"), "{text}");
    assert!(large["entropy"].is_null() && large["strings"].as_array().unwrap().is_empty());
}
