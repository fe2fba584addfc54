//! What a script loads from the folder that it lies in: modules of Python, files that a shell reads in.
//!
//! Neither leaves a trace in `/proc`, because a script is closed once it has been read. So its text is looked at: the
//! lines that import or source. Nothing is executed.

use std::path::{Path, PathBuf};

use crate::root::{Root, normal};

/// Bytes of a script looked at.
const MAX_SCRIPT: u64 = 256 * 1024;
/// Files that one script may load.
const MAX_LOADED: usize = 256;

/// The files that `module`, such as `tools.report`, may be in the folder where Python looks first (`sys.path[0]`).
pub(super) fn module(folder: &Path, module: &str) -> Vec<PathBuf> {
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    if module.len() > 1024 || !module.split('.').all(plain) {
        return Vec::new();
    }
    let stem = folder.join(module.replace('.', "/"));
    let file = |name: &str| stem.join(name);
    vec![stem.with_extension("py"), file("__main__.py"), file("__init__.py")]
}

/// The files that the script at `path` (as its process sees it) may load.
pub(super) fn by_script(root: &Root, path: &Path) -> Vec<PathBuf> {
    let Ok(text) = root.text_up_to(path, MAX_SCRIPT) else { return Vec::new() };
    let Some(folder) = path.parent() else { return Vec::new() };
    if text.bytes.contains(&0) {
        return Vec::new();
    }
    let source = String::from_utf8_lossy(&text.bytes);
    let mut loaded: Vec<PathBuf> = source.lines().flat_map(|line| by_line(folder, line.trim_start())).collect();
    loaded.truncate(MAX_LOADED);
    loaded
}

fn by_line(folder: &Path, line: &str) -> Vec<PathBuf> {
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("import") => {
            let names = line.trim_start_matches("import").split('#').next().unwrap_or_default().split(',');
            let names = names.filter_map(|name| name.split_ascii_whitespace().next());
            names.flat_map(|name| module(folder, name)).collect()
        }
        Some("from") => {
            let Some(from) = words.next() else { return Vec::new() };
            let from = from.trim_start_matches('.');
            let below = line.split_once(" import ").map(|(_, names)| names).unwrap_or_default();
            let names = below.split(',').filter_map(|name| name.trim_matches(['(', ')', ' ']).split(' ').next());
            let within = |name: &str| if from.is_empty() { name.to_owned() } else { format!("{from}.{name}") };
            let each = names.flat_map(|name| module(folder, &within(name)));
            each.chain(if from.is_empty() { Vec::new() } else { module(folder, from) }).collect()
        }
        // bash(1), "source": a path, as seen from the working folder; scripts mostly change to their own.
        Some("." | "source") => {
            let named = words.next().map(|word| word.trim_matches(['"', '\'', ';'])).unwrap_or_default();
            let named = named.trim_start_matches("$(dirname $0)/").trim_start_matches("${0%/*}/");
            if named.is_empty() || named.contains('$') { Vec::new() } else { vec![normal(&folder.join(named))] }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::scratch;
    use super::*;

    #[test]
    fn imports_and_sourced_files_are_found_beside_the_script() {
        let script =
            "#!/usr/bin/env python3\nimport os, payload as p  # x\nfrom lib.tools import a, (b)\nfrom . import near\n";
        let (_dir, root) =
            scratch(&[("opt/run.py", script), ("opt/run.sh", "set -e\n. ./env.sh\nsource \"/etc/x\"\n")]);
        let found = by_script(&root, Path::new("/opt/run.py"));
        for expected in
            ["/opt/payload.py", "/opt/payload/__init__.py", "/opt/lib/tools.py", "/opt/lib/tools/a.py", "/opt/near.py"]
        {
            assert!(found.contains(&PathBuf::from(expected)), "{expected}: {found:?}");
        }
        let found = by_script(&root, Path::new("/opt/run.sh"));
        assert_eq!(found, [PathBuf::from("/opt/env.sh"), "/etc/x".into()]);
        assert!(by_script(&root, Path::new("/opt/none")).is_empty());
    }

    #[test]
    fn a_module_is_a_file_or_a_folder_and_never_leads_out() {
        assert_eq!(module(Path::new("/w"), "a.b")[0], Path::new("/w/a/b.py"));
        for odd in ["../x", "", "a..b", "/etc", &"a".repeat(5000)] {
            assert!(module(Path::new("/w"), odd).is_empty(), "{odd}");
        }
    }
}
