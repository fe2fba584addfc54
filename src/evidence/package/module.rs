//! Modules of languages and packages that bring their own list along: pip, npm, gem, snap, flatpak.
//!
//! pip's `RECORD` holds a SHA-256 of every file
//! (<https://packaging.python.org/en/latest/specifications/recording-installed-packages/>); the others name the package
//! only. Whoever can write to the folder can write the list as well.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::observed::reason;
use super::digest::Shipped;
use super::{PackageEntry, Rights};
use crate::finding::Sha256;
use crate::root::Root;

/// Bytes of one list.
const MAX_LIST: u64 = 8 << 20;
/// Lists of one folder that are looked into, and their bytes in all.
const MAX_LISTS: usize = 2000;
const MAX_BYTES: u64 = 128 << 20;

/// The base64 of RECORD: the alphabet for addresses, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What the lists beside a file say of it.
pub(super) fn entry(root: &Root, path: &Path) -> Option<PackageEntry> {
    pip(root, path).or_else(|| npm(root, path)).or_else(|| gem(root, path)).or_else(|| mounted(path))
}

fn module(manager: &'static str, package: String, version: String, path: &Path, shipped: Shipped) -> PackageEntry {
    let listed_as = path.to_owned();
    PackageEntry { manager, package, version, installed: true, listed_as, shipped, rights: Rights::default() }
}

fn pip(root: &Root, path: &Path) -> Option<PackageEntry> {
    let is_site =
        |folder: &&Path| folder.file_name().is_some_and(|name| name == "site-packages" || name == "dist-packages");
    let site = path.ancestors().skip(1).find(is_site)?;
    let below = path.strip_prefix(site).ok()?.to_str()?;
    let (names, _) = root.folder(site).ok()?.names().ok()?;
    let mut left = MAX_BYTES;
    for name in
        names.iter().filter_map(|name| name.to_str()).filter(|name| name.ends_with(".dist-info")).take(MAX_LISTS)
    {
        let Ok(record) = root.text_up_to(&site.join(name).join("RECORD"), MAX_LIST.min(left)) else { continue };
        left -= record.bytes.len() as u64;
        let text = String::from_utf8_lossy(&record.bytes);
        let Some(line) = text.lines().find(|line| record_path(line) == Some(below)) else { continue };
        let sum = line.rsplit(',').nth(1).and_then(|sum| sum.strip_prefix("sha256="));
        let sum = sum.and_then(|sum| BASE64.decode(sum).ok()).and_then(|sum| sum.try_into().ok());
        let shipped = sum.map_or_else(
            || Shipped::Unusable("pip's RECORD holds no SHA-256 of it".to_owned()),
            |sum| Shipped::Sha256(Sha256(sum)),
        );
        let (package, version) = name.trim_end_matches(".dist-info").rsplit_once('-')?;
        return Some(module("pip", package.to_owned(), version.to_owned(), path, shipped));
    }
    None
}

/// The path of a line of RECORD, which is a CSV file: `path,sha256=…,size`.
fn record_path(line: &str) -> Option<&str> {
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(path, _)| path),
        None => line.split(',').next(),
    }
}

fn npm(root: &Root, path: &Path) -> Option<PackageEntry> {
    let names: Vec<Component<'_>> = path.components().collect();
    let modules = names.iter().rposition(|part| part.as_os_str() == "node_modules")?;
    let scoped = names.get(modules + 1)?.as_os_str().as_encoded_bytes().starts_with(b"@");
    let end = modules + if scoped { 3 } else { 2 };
    let folder: PathBuf = names.get(..end)?.iter().collect();
    if names.len() <= end {
        return None;
    }
    let manifest = root.text_up_to(&folder.join("package.json"), MAX_LIST).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).ok()?;
    let text = |key: &str| manifest.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let why = "npm keeps a digest of the whole package only".to_owned();
    Some(module("npm", text("name")?, text("version").unwrap_or_default(), path, Shipped::Unusable(why)))
}

fn gem(root: &Root, path: &Path) -> Option<PackageEntry> {
    let folder =
        path.ancestors().find(|folder| folder.parent().and_then(Path::file_name) == Some(OsStr::new("gems")))?;
    let name = folder.file_name()?.to_str()?;
    let specification = folder.parent()?.parent()?.join("specifications").join(format!("{name}.gemspec"));
    let why = match root.locate(&specification, true) {
        Ok(_) => "gem keeps no digests of files".to_owned(),
        Err(error) => {
            let _ = reason(&error);
            return None;
        }
    };
    let (package, version) = name.rsplit_once('-')?;
    Some(module("gem", package.to_owned(), version.to_owned(), path, Shipped::Unusable(why)))
}

/// Packages that are mounted or deployed as a whole, read-only.
fn mounted(path: &Path) -> Option<PackageEntry> {
    let names: Vec<&str> = path.components().skip(1).filter_map(|part| part.as_os_str().to_str()).collect();
    let why = |whose: &str| Shipped::Unusable(format!("{whose} keeps no digests of files; its image is read-only"));
    match names.as_slice() {
        ["snap", name, revision, _, ..] if revision.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(module("snap", (*name).to_owned(), (*revision).to_owned(), path, why("snap")))
        }
        ["var", "lib", "flatpak", "app" | "runtime", name, _, branch, _, "files", ..] => {
            Some(module("flatpak", (*name).to_owned(), (*branch).to_owned(), path, why("flatpak")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{put, scratch};
    use super::super::{ContentCheck, Packages};
    use super::*;

    #[test]
    fn modules_are_found_and_pip_s_compared() {
        let site = "usr/local/lib/python3.12/site-packages";
        // SHA-256 of `class Payload:`, in URL-safe base64 without padding as RECORD has it.
        let sum = text_of(&Sha256::of(b"class Payload:").0);
        let record = format!("tool/__init__.py,,\ntool/payload.py,sha256={sum},14\n\"a,b.py\",sha256={sum},14\n");
        let (dir, root) = scratch(&[
            (&format!("{site}/tool/payload.py"), "class Payload:"),
            (&format!("{site}/a,b.py"), "class Payload:"),
            (&format!("{site}/tool/__init__.py"), ""),
            (&format!("{site}/tool-1.2.dist-info/RECORD"), &record),
            (&format!("{site}/lone.py"), ""),
            ("opt/app/node_modules/@a/b/package.json", "{\"name\":\"@a/b\",\"version\":\"3.0\"}"),
            ("opt/app/node_modules/@a/b/lib/x.js", ""),
            ("var/lib/gems/3.1.0/specifications/rack-2.0.gemspec", ""),
            ("var/lib/gems/3.1.0/gems/rack-2.0/lib/x.rb", ""),
            ("snap/core/123/bin/x", ""),
        ]);
        let packages = Packages::read(&root);
        let of = |path: &str| {
            let owner = packages.owner(Path::new(path), None);
            owner.found().map(|owner| (owner.manager.to_string(), owner.package.clone(), owner.content.clone()))
        };
        let payload = format!("/{site}/tool/payload.py");
        assert_eq!(of(&payload), Some(("pip".into(), "tool".into(), ContentCheck::AsShipped)));
        assert_eq!(of(&format!("/{site}/a,b.py")).unwrap().2, ContentCheck::AsShipped);
        assert!(matches!(of(&format!("/{site}/tool/__init__.py")).unwrap().2, ContentCheck::NotCompared(_)));
        assert_eq!(of(&format!("/{site}/lone.py")), None);
        assert_eq!(of("/opt/app/node_modules/@a/b/lib/x.js").unwrap().1, "@a/b");
        assert_eq!(of("/var/lib/gems/3.1.0/gems/rack-2.0/lib/x.rb").unwrap().1, "rack");
        assert_eq!(of("/snap/core/123/bin/x").unwrap().0, "snap");
        put(dir.path(), &payload, b"class Payload: # patched");
        assert_eq!(of(&payload).unwrap().2, ContentCheck::Changed);
    }

    fn text_of(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for index in 0..=chunk.len() {
                out.push(char::from(LETTERS[(word >> (18 - 6 * index) & 63) as usize]));
            }
        }
        out
    }
}
