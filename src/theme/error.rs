//! Why a theme can't be used, said so that its author can mend it.

use crate::diagnostics::Problem;
use crate::text;

/// Why a theme can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// What is wrong with a theme file, in the order of the file; never empty.
    #[error("{}", first_of(.0))]
    File(Vec<Problem>),
    /// No built-in theme and no file in the user's folder has the name that was asked for.
    #[error("no theme is called {name}; give one of {known}, or the path of a TOML file{}", hint(nearest.as_deref()))]
    Unknown {
        /// The name as asked for, quoted and safe to show.
        name: String,
        /// What to write instead of it: the known name nearest to it.
        nearest: Option<String>,
        /// All known names, parted by commas.
        known: String,
    },
}

/// In one line: the first, and how many more there are.
fn first_of(problems: &[Problem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        all => format!("{first}; and {}", text::counted(all as u64 - 1, "more problem")),
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|hint| format!(" ({hint})")).unwrap_or_default()
}
