//! Identifiers of STIX objects (section 2.9): the same for the same thing, however often a case is written.

use std::collections::BTreeMap;

use serde_json::Value;
use sha1::{Digest as _, Sha1};
use uuid::{Builder, Uuid};

use crate::finding::Sha256;

/// The namespace of observables whose id follows from what they say (section 2.9).
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);
/// Huntbook's own namespace, for everything else: section 2.9 keeps the one above for observables.
const OWN: Uuid = Uuid::from_u128(0x6b3d_58a1_4f0e_4c57_9f5b_2a1c_7d90_e8f4);

/// The id of an observable by the properties that make it what it is, as RFC 8785 writes them: in the order of their names, and
/// nothing escaped that need not be, as `serde_json` has it.
pub(super) fn observable(kind: &str, contributing: &Value) -> String {
    let sorted: BTreeMap<_, _> = contributing.as_object().into_iter().flatten().collect();
    let canonical = serde_json::to_string(&sorted).unwrap_or_default();
    format!("{kind}--{}", v5(OBSERVABLES, canonical.as_bytes()))
}

/// The id of anything else by `what` names it within the case.
pub(super) fn own(kind: &str, case: &str, what: &str) -> String {
    format!("{kind}--{}", v5(OWN, format!("{kind}\n{case}\n{what}").as_bytes()))
}

/// The id of a process, for which the specification asks for version 4 (section 6.13): a digest stands for the random bits.
pub(super) fn process(case: &str, what: &str) -> String {
    let mut bits = [0; 16];
    for (bit, byte) in bits.iter_mut().zip(Sha256::of(format!("process\n{case}\n{what}").as_bytes()).0) {
        *bit = byte;
    }
    format!("process--{}", Builder::from_random_bytes(bits).into_uuid())
}

/// RFC 9562, section 5.5.
fn v5(namespace: Uuid, name: &[u8]) -> Uuid {
    let digest = Sha1::new().chain_update(namespace.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_of_version_5_is_that_of_the_standard() {
        // The example of RFC 9562, appendix A.4: www.example.com in the namespace of domain names.
        let dns = Uuid::parse_str("6ba7b810-9dad-11d1-80b4-00c04fd430c8").unwrap();
        assert_eq!(v5(dns, b"www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        // As OASIS's own library for Python has them (stix2 3.0).
        let folder = observable("directory", &json!({"path": r"/opt/a b\x1b"}));
        assert_eq!(folder, "directory--cdfbc6e5-2dfa-527e-a0b7-005d37f482b6");
        let hashes = json!({"SHA-256": "ab".repeat(32)});
        let file = json!({"name": r#"pay"load\n.py"#, "parent_directory_ref": folder, "hashes": hashes});
        assert_eq!(observable("file", &file), "file--f6bc62cf-126c-5710-92c5-08c73b48261d");
        assert_eq!(observable("file", &json!({"name": "日本"})), "file--e41de63a-5842-52a7-ae83-f010fea2a5ea");
        assert_eq!(process("a", "b").as_bytes()["process--00000000-0000-".len()], b'4');
    }
}
