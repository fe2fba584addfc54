use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_case_is_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/cases/a?b %.case");
    let case = Case::open(&path).unwrap();
    assert_eq!(case.path(), path);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    assert_eq!(mode(Path::new(&log)), 0o600);
    let pragma = |name| case.db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
    assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
    assert_eq!(case.host().unwrap().len(), 1);
    drop(case);
    assert_eq!(Case::open(&path).unwrap().host().unwrap()[0].0, "case.id");
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("text"), "not a database, but long enough to be taken for one\n".repeat(40)).unwrap();
    rusqlite::Connection::open(at("other.db")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    fs::create_dir(at("folder")).unwrap();
    for name in ["text", "other.db", "folder"] {
        let before = fs::read(at(name)).unwrap_or_default();
        assert!(matches!(Case::open(&at(name)).unwrap_err().fault, CaseErrorKind::NotACase), "{name}");
        assert!(matches!(Case::open_read_only(&at(name)).unwrap_err().fault, CaseErrorKind::NotACase), "{name}");
        assert_eq!(fs::read(at(name)).unwrap_or_default(), before);
    }
    fs::write(at("empty"), "").unwrap();
    assert!(matches!(Case::open_read_only(&at("empty")).unwrap_err().fault, CaseErrorKind::NotACase));
    let missing = Case::open_read_only(&at("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing: cannot open it"), "{missing}");
    assert!(!at("missing").exists());
}

#[test]
fn a_newer_format_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    Case::open(&path).unwrap().db.pragma_update(None, "user_version", 9).unwrap();
    let error = Case::open(&path).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::Newer { found: 9, known: super::super::schema::FORMAT }));
    assert!(error.to_string().ends_with("open it with a newer Huntbook"), "{error}");
}

#[test]
fn a_link_is_refused_but_a_link_above_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.path().join("folder")).unwrap();
    let path = dir.path().join("folder/c");
    drop(Case::open(&path).unwrap());
    symlink(dir.path().join("real/c"), dir.path().join("link")).unwrap();
    symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
    for name in ["link", "dangling"] {
        assert!(matches!(Case::open(&dir.path().join(name)).unwrap_err().fault, CaseErrorKind::Symlink));
        assert!(matches!(Case::open_read_only(&dir.path().join(name)).unwrap_err().fault, CaseErrorKind::Symlink));
    }
    assert!(!dir.path().join("nowhere").exists());
    assert!(Case::open_read_only(&path).is_ok());
}

#[test]
fn reading_a_closed_case_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a?b #%.case");
    let (case, scan, ids) = fill(Case::open(&path).unwrap(), 3);
    drop(case);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let before = (names(dir.path()), fs::read(&path).unwrap());
    let mut case = Case::open_read_only(&path).unwrap();
    assert_eq!(case.findings(scan, FindingId(0), 10).unwrap().len(), 3);
    assert_eq!(case.load_finding(ids[1], Sighting::Last).unwrap(), finding("r", "/srv/1", b"content"));
    assert_whole(&case);
    let error = case.decide(&ids, &malicious(), &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::ReadOnly), "{error}");
    drop(case);
    assert_eq!((names(dir.path()), fs::read(&path).unwrap()), before);
}

#[test]
fn reading_a_case_in_use_sees_what_was_written_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, _, ids) = fill(Case::open(&path).unwrap(), 1);
    let reader = Case::open_read_only(&path).unwrap();
    assert_eq!(reader.verdict(ids[0]).unwrap(), Verdict::Open);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    assert_eq!(reader.verdict(ids[0]).unwrap(), Verdict::Malicious);
    assert_eq!(reader.head().unwrap(), case.head().unwrap());
}

#[test]
fn a_case_whose_huntbook_was_killed_is_read_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let (mut case, _, ids) = fill(Case::open(&dir.path().join("c")).unwrap(), 1);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    let copy = dir.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["c", "c-wal"] {
        fs::copy(dir.path().join(name), copy.join(name)).unwrap();
    }
    assert_eq!(Case::open_read_only(&copy.join("c")).unwrap().verdict(ids[0]).unwrap(), Verdict::Malicious);
}

#[test]
fn a_copy_is_whole_and_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let (mut case, _, ids) = with_findings(2);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    let path = dir.path().join(OsStr::from_bytes(b"evidence \xff?#%")).join("copy.case");
    case.save_copy(&path).unwrap();
    assert_eq!((names(path.parent().unwrap()), mode(&path)), (vec!["copy.case".to_owned()], 0o600));
    assert!(case.save_copy(&path).unwrap_err().to_string().contains("cannot create the copy"));
    let copy = Case::open_read_only(&path).unwrap();
    assert_eq!(copy.head().unwrap(), case.head().unwrap());
    assert_whole(&copy);
    let mut copy = Case::open(&path).unwrap();
    copy.undo(Undo::Last, &stamp()).unwrap();
    assert_whole(&copy);
}
