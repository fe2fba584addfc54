//! How a scan was started, as its case keeps it: enough to start one so again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::text;

/// What a scan was started with besides its tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartedAs {
    /// The root of the box, unless that was this one's.
    pub root: Option<PathBuf>,
    /// Hunts of the responder's own.
    pub hunts: Vec<PathBuf>,
    /// Rule files.
    pub rules: Vec<PathBuf>,
    /// Whether the built-in hunts were left out.
    pub no_builtin: bool,
}

impl StartedAs {
    /// By the options that a case keeps; what they do not say is as usual.
    pub fn of(options: &Value) -> Self {
        let paths = |name: &str| {
            let listed = options.get(name).and_then(Value::as_array);
            listed.into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from).collect()
        };
        let root = options.get("root").and_then(Value::as_str).filter(|root| *root != "/");
        Self {
            root: root.map(PathBuf::from),
            hunts: paths("hunts"),
            rules: paths("rules"),
            no_builtin: options.get("no_builtin").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// The arguments, each led in by a space; safe text that a shell takes.
    pub fn arguments(&self) -> String {
        let mut out = String::new();
        let named = [("--root", self.root.as_slice()), ("--hunts", &self.hunts), ("--rules", &self.rules)];
        for (flag, paths) in named {
            for path in paths {
                let _ = write!(out, " {flag} {}", text::shell_word(path));
            }
        }
        out.push_str(if self.no_builtin { " --no-builtin" } else { "" });
        out
    }

    /// The command that scans `tree` so again, into the same case; safe text.
    pub fn command(&self, tree: &Path, case: &Path) -> String {
        format!("huntbook{} --case {} {}", self.arguments(), text::shell_word(case), text::shell_word(tree))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_offered_as_it_was_started() {
        let options = serde_json::json!({
            "root": "/mnt/my image", "rules": ["a.yar"], "hunts": [], "no_builtin": true, "threads": 4,
        });
        let started = StartedAs::of(&options);
        assert_eq!(started.root.as_deref(), Some(Path::new("/mnt/my image")));
        let said = started.command(Path::new("/mnt/my image/srv"), Path::new("x.case"));
        assert_eq!(
            said,
            "huntbook --root '/mnt/my image' --rules a.yar --no-builtin --case x.case '/mnt/my image/srv'"
        );
        let usual = StartedAs::of(&serde_json::json!({"root": "/", "rules": "odd"}));
        assert_eq!((usual.arguments().as_str(), usual), ("", StartedAs::default()));
    }
}
