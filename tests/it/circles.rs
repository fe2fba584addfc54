//! Files of the program name each other in one direction only: no file leads back to itself. A folder's own file is what puts
//! those in it together, and they use what it holds: that is no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Source files by module, without comments and without what is compiled for tests only.
fn modules() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_test =
        |module: &str| module.split("::").any(|part| part.ends_with("tests") || matches!(part, "testing" | "fixtures"));
    super::layering::files()
        .into_iter()
        .map(|(_, path, source)| {
            let inside = path.strip_prefix(&root).unwrap().with_extension("");
            let mut parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if parts.last().is_some_and(|last| last == "mod") {
                parts.pop();
            }
            (parts.join("::"), without_tests(&source))
        })
        .filter(|(module, _)| !is_test(module) && !matches!(module.as_str(), "lib" | "main" | "internals"))
        .collect()
}

fn without_tests(source: &str) -> String {
    let code: Vec<_> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    match code.find("#[cfg(test)]\nmod tests {") {
        Some(at) => code[..at].to_owned(),
        None => code,
    }
}

/// The paths of a `use` declaration, groups taken apart, renamings left out.
fn paths_of(prefix: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let join = |rest: &str| match (prefix, rest) {
        ("", rest) => rest.to_owned(),
        (prefix, rest) => format!("{prefix}::{rest}"),
    };
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return if path.is_empty() { Vec::new() } else { vec![join(path)] };
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let prefix = before.trim().trim_end_matches("::");
    let prefix = if prefix.is_empty() { prefix.to_owned() } else { join(prefix) };
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths.extend(paths_of(&prefix, &group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    paths.extend(paths_of(&prefix, &group[start..]));
    paths
}

/// What one file names of others: in `use`, and in paths that begin with `crate` or `super`.
struct Named {
    /// Paths that it uses, from the crate's root.
    used: Vec<String>,
    /// Paths that it hands on under its own name: those are no use.
    handed_on: Vec<String>,
}

/// `path` as it is written in `module`, from the crate's root; `None` for what is not of this crate.
fn from_root(module: &str, path: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let mut here: Vec<_> = module.split("::").collect();
    let mut parts: Vec<_> = path.split("::").collect();
    match parts[0] {
        "crate" => here.clear(),
        "self" => {}
        "super" => {
            while parts.first() == Some(&"super") {
                here.pop();
                parts.remove(0);
            }
            here.extend(parts);
            return Some(here.join("::"));
        }
        first => {
            let child = format!("{module}::{first}");
            return modules.contains_key(&child).then(|| format!("{module}::{path}"));
        }
    }
    here.extend(&parts[1..]);
    Some(here.join("::"))
}

fn named(module: &str, source: &str, modules: &BTreeMap<String, String>) -> Named {
    let mut named = Named { used: Vec::new(), handed_on: Vec::new() };
    let mut rest = String::new();
    for statement in source.split_inclusive(';') {
        let begin = statement.rfind("use ").filter(|at| {
            let line = statement[..*at].rsplit('\n').next().unwrap_or_default().trim();
            line.is_empty() || (line.starts_with("pub") && !line.contains(' ')) || line.starts_with("pub(in")
        });
        let Some(begin) = begin else {
            rest.push_str(statement);
            continue;
        };
        let line = statement[..begin].rsplit('\n').next().unwrap_or_default().trim();
        let paths = paths_of("", statement[begin + 4..].trim_end_matches(';'));
        let paths = paths.iter().filter_map(|path| from_root(module, path, modules));
        if line.starts_with("pub") { named.handed_on.extend(paths) } else { named.used.extend(paths) }
    }
    for way in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(way) {
            let preceded = rest[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            let path: String =
                rest[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
            if !preceded {
                named.used.extend(from_root(module, path.trim_end_matches(':'), modules));
            }
        }
    }
    named
}

/// For each file the files that it uses, names handed on by a file above followed to where they are from.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let named: BTreeMap<_, _> =
        modules.iter().map(|(module, source)| (module.clone(), named(module, source, &modules))).collect();
    let file_of = |path: &str| {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let mut module = path.as_str();
            while !modules.contains_key(module) {
                module = module.rsplit_once("::")?.0;
            }
            let Some(name) = path.get(module.len() + 2..) else { return Some(module.to_owned()) };
            let name = name.split("::").next().unwrap_or_default();
            let from = named[module].handed_on.iter().find(|from| from.rsplit("::").next() == Some(name));
            match from {
                Some(from) if *from != path => path.clone_from(from),
                _ => return Some(module.to_owned()),
            }
        }
        None
    };
    let of = |module: &String| {
        let files = named[module].used.iter().filter_map(|path| file_of(path));
        files.filter(|file| file != module && !file.starts_with(&format!("{module}::"))).collect()
    };
    modules.keys().map(|module| (module.clone(), of(module))).collect()
}

/// A way from some file back to itself.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = uses.clone();
    loop {
        let ends: Vec<_> = left.iter().filter(|(_, used)| used.is_empty()).map(|(file, _)| file.clone()).collect();
        if ends.is_empty() {
            break;
        }
        for end in &ends {
            left.remove(end);
        }
        for used in left.values_mut() {
            used.retain(|file| !ends.contains(file));
        }
    }
    let mut way = vec![left.keys().next()?.clone()];
    loop {
        let next = left[way.last()?].iter().next()?.clone();
        if let Some(at) = way.iter().position(|file| *file == next) {
            return Some(way.split_off(at));
        }
        way.push(next);
    }
}

#[test]
fn no_file_leads_back_to_itself() {
    let all = uses();
    assert!(all["case::chain"].contains("case::digest"), "{all:#?}");
    if let Some(circle) = circle(&all) {
        panic!("these files use each other in a circle: {}", circle.join(" -> "));
    }
}

#[test]
fn a_circle_is_seen() {
    let all = |pairs: &[(&str, &[&str])]| {
        pairs.iter().map(|(file, used)| ((*file).to_owned(), used.iter().map(ToString::to_string).collect())).collect()
    };
    assert_eq!(circle(&all(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), None);
    assert_eq!(circle(&all(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap(), ["b", "c"]);
    let modules = [("a::b", ""), ("a", "")].map(|(module, source)| (module.to_owned(), source.to_owned())).into();
    let source = "use super::{c::D, e};\npub(crate) use f::G;\nuse std::io;\nlet x = crate::h::i();\nuse crate::j::{k, l::{M, N as O}};";
    let found = named("a::b", source, &modules);
    assert_eq!(found.used, ["a::c::D", "a::e", "j::k", "j::l::M", "j::l::N", "h::i"]);
}
