//! The five built-in hunts.
//!
//! Their files are kept masked in the executable and unmasked when they are loaded: a copy of the program on a scanned
//! tree must not match its own rules.

use std::hint::black_box;
use std::path::Path;

use super::RuleText;
use super::load::{self, Loaded};
use super::problem::Problem;
use super::rule::rules_of;
use super::site::Site;
use crate::finding::Sha256;

/// The namespace of the built-in rules.
pub const NAMESPACE: &str = "builtin";

/// One built-in hunt, both files masked.
struct Masked {
    name: &'static str,
    rule: &'static [u8],
    document: &'static [u8],
}

/// Masks both files of a hunt while compiling: only the masked bytes get into the executable.
macro_rules! masked {
    ($name:literal) => {{
        const RULE: &[u8] = include_bytes!(concat!("builtin/", $name, ".yar"));
        const DOCUMENT: &[u8] = include_bytes!(concat!("builtin/", $name, ".toml"));
        static MASKED_RULE: [u8; RULE.len()] = mask(RULE);
        static MASKED_DOCUMENT: [u8; DOCUMENT.len()] = mask(DOCUMENT);
        Masked { name: $name, rule: &MASKED_RULE, document: &MASKED_DOCUMENT }
    }};
}

static MASKED: [Masked; 5] = [
    masked!("EQGRP_ssh_telnet_29"),
    masked!("EQGRP_payload"),
    masked!("EQGRP_MixText"),
    masked!("EQGRP_callbacks"),
    masked!("EQGRP_tinyexec"),
];

/// The built-in hunts, with the sets they use taken from `site`.
///
/// # Errors
/// Problems in the built-in files; tests hold that there are none, whatever `site` names.
pub fn load(site: &Site) -> Result<Loaded, Vec<Problem>> {
    let mut loaded = Loaded::default();
    for masked in &MASKED {
        loaded.extend(masked.load(site)?);
    }
    Ok(loaded)
}

/// The SHA-256 over names and files of the built-in hunts, each with its length before it, in their order.
pub(crate) fn digest() -> Sha256 {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for masked in &MASKED {
        for part in [masked.name.to_owned(), unmask(masked.rule), unmask(masked.document)] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    Sha256(hasher.finalize().into())
}

impl Masked {
    fn load(&self, site: &Site) -> Result<Loaded, Vec<Problem>> {
        let origin = format!("{NAMESPACE}/{}.yar", self.name);
        let text = unmask(self.rule);
        let rules = rules_of(NAMESPACE, Path::new(&origin), &text)?;
        let document = format!("{NAMESPACE}/{}.toml", self.name);
        let hunt = load::hunt_of(Path::new(&document), &unmask(self.document), &rules, site)?;
        let text = RuleText::of(Path::new(&origin), text).in_namespace(NAMESPACE);
        Ok(Loaded { hunts: vec![hunt], texts: vec![text], unused: Vec::new() })
    }
}

/// The byte that hides the one at `position`: it differs from place to place, so that no run of text keeps its shape.
const fn key(position: usize) -> u8 {
    (position.wrapping_mul(0x9d) ^ (position >> 3) ^ 0xa5) as u8 | 0x80
}

const fn mask<const N: usize>(plain: &[u8]) -> [u8; N] {
    let mut masked = [0; N];
    let mut position = 0;
    while position < N {
        masked[position] = plain[position] ^ key(position);
        position += 1;
    }
    masked
}

/// The text behind masked bytes.
fn unmask(masked: &[u8]) -> String {
    // Without the black box an optimiser could do this while compiling and put the plain text into the executable.
    let masked = black_box(masked);
    let plain = masked.iter().enumerate().map(|(position, byte)| byte ^ key(position)).collect();
    String::from_utf8(plain).unwrap_or_default()
}

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
