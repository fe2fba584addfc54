//! The official schemas that what goes out is judged by; `tests/schemas/README.md` says where they are from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jsonschema::{Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use crate::reports::{Scanned, every_kind};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas")
}

fn schema(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What a document has against its schema, with the place of each.
fn faults(validator: &Validator, document: &Value) -> Vec<String> {
    let place = |fault: ValidationError<'_>| format!("{}: {fault}", fault.instance_path());
    validator.iter_errors(document).map(place).collect()
}

fn report(scanned: &Scanned, format: &str) -> Value {
    let case = scanned.case.to_str().unwrap();
    let output = scanned.ground.huntbook(&["report", case, "--format", format]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn sarif_is_as_oasis_says() {
    // OASIS's schema has a bracket in a pattern of languages that no strict reader of patterns takes; it stands for itself.
    let text = fs::read_to_string(folder().join("sarif-2.1.0.json")).unwrap();
    let schema: Value = serde_json::from_str(&text.replace("[a-zA-Z]{2}]?$", r"[a-zA-Z]{2}\\]?$")).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let (scanned, _) = every_kind();
    let mut log = report(&scanned, "sarif");
    assert_eq!(faults(&validator, &log), Vec::<String>::new());
    let exclusions = scanned.ground.register();
    let output = scanned
        .ground
        .huntbook(&["exclusions", "export", "--format", "sarif", "--exclusions", exclusions.to_str().unwrap()])
        .output()
        .unwrap();
    let register: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(faults(&validator, &register), Vec::<String>::new());
    // The schema can say no.
    log["runs"][0]["results"][0]["level"] = "loud".into();
    assert_eq!(faults(&validator, &log).len(), 1);
}

/// The schemas of STIX by their own addresses. Only what a document of ours can hold is there: the other observables are asked
/// for by the embedded `objects` of STIX 2.0 alone.
struct Stix;

impl Retrieve for Stix {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let (_, path) = uri.as_str().rsplit_once("/stix2.1/schemas/").ok_or("no schema of STIX")?;
        let file = folder().join("stix-2.1").join(path);
        Ok(if file.exists() { schema(&file) } else { Value::Bool(false) })
    }
}

fn stix_validators() -> BTreeMap<String, Validator> {
    let mut validators = BTreeMap::new();
    for room in ["sdos", "sros", "observables"] {
        for entry in fs::read_dir(folder().join("stix-2.1").join(room)).unwrap() {
            let path = entry.unwrap().path();
            let validator = jsonschema::options().with_retriever(Stix).build(&schema(&path)).unwrap();
            validators.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), validator);
        }
    }
    validators
}

/// Every reference of an object, by the name of its property.
fn references(object: &Value) -> Vec<String> {
    let of = |value: &Value| match value {
        Value::Array(list) => list.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    };
    let all = object.as_object().unwrap().iter();
    all.filter(|(key, _)| key.ends_with("_ref") || key.ends_with("_refs")).flat_map(|(_, value)| of(value)).collect()
}

#[test]
fn stix_is_as_oasis_says_and_every_reference_leads_somewhere() {
    let (scanned, documents) = every_kind();
    let bundle = report(&scanned, "stix");
    assert_eq!(bundle["type"], "bundle");
    assert!(bundle["id"].as_str().unwrap().starts_with("bundle--"));
    let objects = bundle["objects"].as_array().unwrap();
    let validators = stix_validators();
    let mut ids = BTreeSet::new();
    for object in objects {
        let kind = object["type"].as_str().unwrap();
        assert_eq!(faults(&validators[kind], object), Vec::<String>::new(), "{object}");
        assert!(object["id"].as_str().unwrap().starts_with(&format!("{kind}--")), "{object}");
        assert!(ids.insert(object["id"].as_str().unwrap().to_owned()), "twice: {object}");
        assert_eq!(object["spec_version"], "2.1");
    }
    let lost: Vec<_> = objects.iter().flat_map(references).filter(|id| !ids.contains(id)).collect();
    assert_eq!(lost, Vec::<String>::new());
    let count = |kind: &str| objects.iter().filter(|object| object["type"] == kind).count();
    let findings = documents.iter().filter(|one| one["huntbook"]["kind"] == "finding").count();
    assert_eq!((count("sighting"), count("observed-data"), count("identity")), (findings, findings, 1));
    let of_verdict = |verdict: &str| {
        documents
            .iter()
            .filter(|one| one["huntbook"]["kind"] == "finding" && one["huntbook"]["verdict"] == verdict)
            .count()
    };
    assert_eq!(count("relationship"), of_verdict("malicious") + of_verdict("suspicious"));
    assert!(count("relationship") > 0 && count("note") > 1);
    let yara = objects.iter().find(|object| object["pattern_type"] == "yara").unwrap();
    assert!(
        yara["pattern"].as_str().unwrap().starts_with("rule ")
            && yara["description"].as_str().unwrap().contains("author")
    );
    // The same case says the same, and the schema can say no.
    assert_eq!(report(&scanned, "stix"), bundle);
    let mut broken = yara.clone();
    broken["valid_from"] = "yesterday".into();
    assert_eq!(faults(&validators["indicator"], &broken).len(), 1);
}
