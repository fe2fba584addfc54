//! What the fuzz targets feed, as plain functions: the fuzzer calls them with bytes of its own, and `cargo test` with the
//! committed seeds and small changes to them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};
use std::sync::{Arc, LazyLock};

use huntbook::internals::archive::{self, Limits};
use huntbook::internals::case::{
    Case, CaseError, Decision, FindingId, NotScanned, RuleRecord, ScanEnd, ScanOutcome, ScanPlan, Seq, Sighting, Stamp,
};
use huntbook::internals::elf;
use huntbook::internals::evidence::Gatherer;
use huntbook::internals::finding::{FileFacts, FileTime, Finding, FoundBy, KeptBytes, PatternMatch, Sha256};
use huntbook::internals::hunt::known_good::KnownGood;
use huntbook::internals::hunt::{RuleFiles, RuleOptions, Site, load_dir};
use huntbook::internals::root::Root;
use huntbook::internals::session::CaseReader;
use huntbook::internals::triage::Actor;
use huntbook::internals::triage::register::Register;

/// Any bytes through the ELF decoder. The last byte says how much of the file is kept from the decoder, so that plain ELF
/// files serve as a corpus.
pub fn elf(data: &[u8]) {
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
}

/// A box made of texts: a line `=== PATH` begins each file, so that seeds can be read and written by hand. What lies
/// below `proc/` is taken for the box's `/proc`. All probes are asked about one file of it.
pub fn box_texts(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let mut sections = data.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = sections.next() {
        let Some(path) = line.strip_prefix(b"=== ") else { continue };
        let path = String::from_utf8_lossy(path);
        let mut content = Vec::new();
        while let Some(line) = sections.next_if(|line| !line.starts_with(b"=== ")) {
            content.extend_from_slice(line);
        }
        let path = Path::new(path.trim_end_matches('\n'));
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.as_os_str().is_empty() {
            continue;
        }
        let path = dir.path().join(path);
        // A path that cannot be made is as good as one that is not there.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, content);
    }
    ask_all_probes(dir.path());
}

/// Any bytes as a container: what comes out of it is bounded, and no reader of a format panics.
pub fn archive(data: &[u8]) {
    let limits = Limits { bytes: 4 << 20, ratio: 50, members: 1000, held: 1 << 20, ..Limits::default() };
    let Some((members, gaps)) = archive::list(Path::new("/srv/a"), data, &limits) else { return };
    assert!(members.iter().all(|(.., bytes)| bytes.len() as u64 <= limits.held));
    assert!(!gaps.iter().any(|(_, gap)| gap.to_string().contains("its reader panicked")), "{gaps:?}");
}

/// Any bytes as the header of one package in rpm's database, which owns the file that is asked about.
pub fn rpm_header(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let folder = dir.path().join("var/lib/rpm");
    let made = std::fs::create_dir_all(&folder).is_ok();
    let Some(db) = made.then(|| rusqlite::Connection::open(folder.join("rpmdb.sqlite")).ok()).flatten() else { return };
    let tables = "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL);
        CREATE TABLE Basenames(key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);
        INSERT INTO Basenames VALUES ('payload.py', 1, 0);";
    let filled = db.execute_batch(tables).and_then(|()| db.execute("INSERT INTO Packages VALUES (1, ?1)", [data]));
    if filled.is_ok() && db.close().is_ok() {
        ask_all_probes(dir.path());
    }
}

/// Asks all probes of the box at `dir` about one file of it.
fn ask_all_probes(dir: &Path) {
    let proc = dir.join("proc");
    let gatherer = Gatherer::new(Root::image(dir)).with_proc(proc);
    let evidence = gatherer.gather(&facts(&dir.join("opt/tool/payload.py")));
    let _ = serde_json::to_string(&evidence);
    for field in huntbook::internals::hunt::Field::ALL {
        let _ = evidence.field(field);
    }
}

/// A site's facts.
pub fn site_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Site::parse(Path::new("site.toml"), text);
}

/// The document of a hunt for a rule `a`.
pub fn hunt_toml(data: &[u8]) {
    with_files(&[("a.yar", b"rule a { condition: true }"), ("a.toml", data)], |folder| {
        let _ = load_dir(folder, &Site::default(), &RuleOptions::default());
    });
}

/// Plain rules, of which only what compiles is to be left.
pub fn plain_rules(data: &[u8]) {
    with_files(&[("a.yar", data), ("b.yar", b"include \"a.yar\"\nrule b { condition: true }")], |folder| {
        let _ = RuleFiles::read(folder, &RuleOptions::default());
    });
}

/// A list of hashes of known-good content.
pub fn known_good(data: &[u8]) {
    with_files(&[("list", data)], |folder| drop(KnownGood::load(&[folder.join("list")])));
}

/// Calls `work` with a folder of these files.
fn with_files(files: &[(&str, &[u8])], work: impl FnOnce(&Path)) {
    let Ok(dir) = tempfile::tempdir() else { return };
    if files.iter().all(|(name, bytes)| std::fs::write(dir.path().join(name), bytes).is_ok()) {
        work(dir.path());
    }
}

fn facts(path: &Path) -> FileFacts {
    let time = FileTime { seconds: 1_700_000_000, nanos: 0 };
    FileFacts {
        path: path.to_owned(),
        dev: 1,
        ino: 2,
        mode: 0o10_0755,
        links: 1,
        uid: 1000,
        gid: 1000,
        owner: None,
        group: None,
        size: 3,
        accessed: time,
        modified: time,
        changed: time,
        born: None,
        digest: Sha256::of(b"abc").into(),
        noatime: true,
        stated: None,
    }
}

/// The bytes of a closed case with a scan, findings, coverage and decisions.
static WHOLE_CASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let file = dir.path().join("c.case");
    make_case(&file).expect("a case can be made there");
    std::fs::read(&file).expect("it was made just now")
});

fn make_case(file: &Path) -> Result<(), CaseError> {
    let stamp = Stamp {
        actor: Actor { name: "root".into(), uid: 0, behind: None },
        host: "web01".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut case = Case::open(file)?;
    case.record_opening(&stamp)?;
    case.record_host(&[("host.name", "web01")], &stamp)?;
    let found_by = FoundBy::named("own".into(), "r");
    let rule = RuleRecord {
        id: found_by.clone(),
        digest: Sha256::of(b"rule"),
        source: "rule r { condition: true }".into(),
        meta: serde_json::json!({}),
        scenarios: vec!["a".into()],
        known: Vec::new(),
    };
    let plan = ScanPlan { tree: "/srv".into(), options: serde_json::json!({}), rules: vec![rule] };
    let scan = case.start_scan(&plan, &stamp)?;
    let time = FileTime { seconds: 1, nanos: 2 };
    let found: Vec<_> = (0..40)
        .map(|n| {
            let content = format!("content {n}");
            let matches = vec![PatternMatch { pattern: "$a".into(), offset: 0, length: 2, data: b"co".to_vec() }];
            Finding {
                found_by: found_by.clone(),
                file: Arc::new(FileFacts {
                    path: format!("/srv/{n}").into(),
                    dev: 1,
                    ino: n,
                    mode: 0o100_644,
                    links: 1,
                    uid: 0,
                    gid: 0,
                    owner: Some("root".into()),
                    group: None,
                    size: content.len() as u64,
                    accessed: time,
                    modified: time,
                    changed: time,
                    born: None,
                    digest: Sha256::of(content.as_bytes()).into(),
                    noatime: true,
                    stated: None,
                }),
                kept: Arc::new(KeptBytes::around(content.as_bytes(), &matches, KeptBytes::WHOLE)),
                matches,
                capped: false,
            }
        })
        .collect();
    let ids = case.record_findings(scan, &found)?;
    let missed = NotScanned { path: "/srv/x".into(), reason: "permission".into(), detail: String::new() };
    case.record_coverage(scan, &[missed])?;
    case.end_scan(
        scan,
        &ScanEnd {
            outcome: ScanOutcome::Finished,
            files: 40,
            bytes: 400,
            folders: Some(1),
            links: Some(0),
            members: Some(2),
            processes: None,
        },
        &stamp,
    )?;
    case.decide(&ids[..1], &Decision::MarkedMalicious { reason: "x".into() }, &stamp)?;
    Ok(())
}

/// A case with any bytes of it changed, or cut short, read to its end. The data say what is changed in a case that is made here:
/// five bytes an edit, a big-endian offset and a value; four that are left over are the length that it is cut to.
pub fn case(data: &[u8]) {
    let mut bytes = WHOLE_CASE.clone();
    let offset = |four: &[u8]| u32::from_be_bytes([four[0], four[1], four[2], four[3]]) as usize;
    let edits = data.chunks_exact(5);
    if let [_, _, _, _] = edits.remainder() {
        bytes.truncate(offset(edits.remainder()));
    }
    for edit in edits {
        let at = offset(edit) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = edit[4];
        }
    }
    let Ok(dir) = tempfile::tempdir() else { return };
    let file = dir.path().join("c.case");
    if std::fs::write(&file, bytes).is_err() {
        return;
    }
    let Ok(case) = Case::open_read_only(&file) else { return };
    let _ = case.verify();
    let _ = case.host();
    let _ = case.journal(Seq(0), usize::MAX);
    for scan in case.scans().unwrap_or_default() {
        let _ = case.rules(scan.id);
        let _ = case.coverage(scan.id, 0, usize::MAX);
        for row in case.findings(scan.id, FindingId(0), usize::MAX).unwrap_or_default() {
            let _ = case.load_finding(row.id, Sighting::In(scan.id));
            let _ = case.answers(row.id);
            let _ = case.history(row.id);
        }
    }
    if let Ok(archive) = CaseReader::of(case) {
        let _ = archive.each::<CaseError>(|_| Ok(()));
    }
}

/// Any bytes as a register of exclusions; reading changes nothing.
pub fn register(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let file = dir.path().join("r.toml");
    let private = std::fs::Permissions::from_mode(0o600);
    if std::fs::write(&file, data).and_then(|()| std::fs::set_permissions(&file, private)).is_err() {
        return;
    }
    let Ok(register) = Register::load(&file) else { return };
    let lines = data.split(|byte| *byte == b'\n').count();
    for entry in register.entries() {
        assert!((1..=lines).contains(&entry.line), "an entry stands in a line of the file");
    }
    assert_eq!(std::fs::read(&file).ok().as_deref(), Some(data), "reading changes nothing");
}
