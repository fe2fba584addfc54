//! What was seen, as observables of STIX 2.1 (section 6): files, their folders, containers and processes.

use std::path::Path;

use serde_json::{Value, json};

use super::id;
use super::stamp;
use crate::finding::{FileFacts, FileTime, StatedFacts};
use crate::text::{self, subject};

/// The observables of a finding's file as the box names it, that which matched first. `case` tells processes of two boxes apart.
pub(super) fn objects(file: &FileFacts, on_box: &Path, case: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    let hashes = file.digest.sha256().map(|sha256| json!({"SHA-256": sha256}));
    match file.stated.as_deref() {
        Some(StatedFacts::Kernel(process)) => {
            let started = process.started.and_then(FileTime::timestamp);
            let what = format!("{} {:?}", process.pid, process.started);
            let mut seen =
                json!({"type": "process", "spec_version": "2.1", "id": id::process(case, &what), "pid": process.pid});
            if !process.command_line.is_empty() {
                seen["command_line"] = process.command_line.join(" ").into();
            }
            if let Some(at) = started {
                seen["created_time"] = stamp(at).into();
            }
            // The content is the executable's unless a region of memory was scanned, which is no file.
            if process.region.is_none() {
                let image = named(subject::file_of(on_box), hashes, Some(file), &mut objects);
                seen["image_ref"] = image["id"].clone();
                objects.insert(0, image);
            }
            objects.insert(0, seen);
        }
        _ if subject::is_inside(on_box) => {
            let mut inner: Option<Value> = None;
            for (index, name) in subject::members(on_box).iter().rev().enumerate() {
                let facts = if index == 0 { hashes.clone() } else { None };
                let member = with_id(json!({"name": text::escape(name)}), facts, inner.as_ref());
                objects.extend(inner.replace(member));
            }
            let mut outer = named(subject::file_of(on_box), None, None, &mut objects);
            if let Some(inner) = inner {
                outer["contains_refs"] = json!([inner["id"]]);
                objects.push(inner);
            }
            objects.push(outer);
            // Innermost first: what matched.
            if let Some(size) = objects.first_mut() {
                size["size"] = file.size.into();
            }
        }
        _ => {
            let seen = named(on_box, hashes, Some(file), &mut objects);
            objects.insert(0, seen);
        }
    }
    objects
}

/// A file of the file system; its folder goes to `objects`.
fn named(path: &Path, hashes: Option<Value>, facts: Option<&FileFacts>, objects: &mut Vec<Value>) -> Value {
    let name = path
        .file_name()
        .map_or_else(|| text::escape_path(path).into_owned(), |name| text::escape_path(Path::new(name)).into_owned());
    let mut file = json!({"name": name});
    if let Some(folder) = path.parent() {
        let path = text::escape_path(folder).into_owned();
        let folder = id::observable("directory", &json!({"path": path}));
        file["parent_directory_ref"] = folder.as_str().into();
        objects.push(json!({"type": "directory", "spec_version": "2.1", "id": folder, "path": path}));
    }
    let mut file = with_id(file, hashes, None);
    if let Some(facts) = facts {
        file["size"] = facts.size.into();
        // `ctime` is when a file was created here (section 6.7), not Unix's change of the inode.
        for (key, time) in [("ctime", facts.born), ("mtime", Some(facts.modified)), ("atime", Some(facts.accessed))] {
            if let Some(at) = time.and_then(FileTime::timestamp) {
                file[key] = stamp(at).into();
            }
        }
    }
    file
}

/// A file by its name, folder and content, from which its id follows (section 6.7).
fn with_id(mut file: Value, hashes: Option<Value>, inner: Option<&Value>) -> Value {
    if let Some(hashes) = hashes {
        file["hashes"] = hashes;
    }
    let id = id::observable("file", &file);
    file["type"] = "file".into();
    file["spec_version"] = "2.1".into();
    file["id"] = id.into();
    if let Some(inner) = inner {
        file["contains_refs"] = json!([inner["id"]]);
    }
    file
}
