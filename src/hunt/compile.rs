//! Asks yara-x itself whether a source compiles, so that a mistake shows with its place before a scan begins.

use std::path::Path;

use yara_x::errors::CompileError;

use super::problem::{Problem, Problems};
use super::rule::rules_of;

/// The external variables that rules written for Loki and THOR use; all are text and set per file.
pub const EXTERNAL_VARIABLES: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// Everything in `source` that keeps it from compiling; `path` is only named.
pub(super) fn problems_of(path: &Path, source: &str) -> Vec<Problem> {
    let mut problems = Problems::new(path, source);
    for error in errors_of(source) {
        let span = error.labels().next().map(|label| label.span().range()).unwrap_or_default();
        let detail = error.labels().map(|label| label.text().to_owned()).find(|text| !text.is_empty());
        let message = match detail {
            Some(detail) => format!("{}: {detail}", error.title()),
            None => error.title().to_owned(),
        };
        let alone = "the files of a hunt stand alone; copy what this includes here, or give the file with --rules";
        let hint = matches!(error, CompileError::IncludeNotAllowed(_)).then(|| alone.to_owned());
        problems.note(&span, message, hint);
    }
    problems.finish()
}

/// The condition as it stands, without comments around it, if it is one YARA condition that needs no pattern.
///
/// # Errors
/// What is wrong with it.
pub(super) fn condition(text: &str) -> Result<String, String> {
    // The line end keeps a comment at the end of the condition from swallowing the brace.
    let source = format!("rule candidate {{ condition: {text}\n}}");
    let rules = rules_of("", Path::new(""), &source).map_err(|problems| message_of(&problems))?;
    let [rule] = rules.as_slice() else { return Err("is more than a condition".into()) };
    let problems = problems_of(Path::new(""), &source);
    if problems.is_empty() { Ok(rule.condition.clone()) } else { Err(message_of(&problems)) }
}

fn message_of(problems: &[Problem]) -> String {
    problems.first().map(|problem| problem.message.clone()).unwrap_or_default()
}

fn errors_of(source: &str) -> Vec<CompileError> {
    let mut compiler = yara_x::Compiler::new();
    compiler.enable_includes(false);
    for name in EXTERNAL_VARIABLES {
        // Fails only for a name that is no identifier or is there twice; a rule using it then fails to compile.
        let _ = compiler.define_global(name, "");
    }
    let _ = compiler.add_source(source);
    compiler.errors().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_says_what_to_do_instead() {
        let problems = problems_of(Path::new("a.yar"), "include \"b.yar\"");
        assert!(problems[0].to_string().contains("stand alone"), "{}", problems[0]);
    }

    #[test]
    fn every_error_comes_with_its_place() {
        let source = "rule a { condition: filenam == \"x\" }\nrule b {\n condition: $x }\nrule c { condition: owner == \"root\" }";
        let shown: Vec<String> = problems_of(Path::new("x.yar"), source).iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].starts_with("x.yar:1:21: unknown identifier `filenam`"), "{shown:?}");
        assert!(shown[1].starts_with("x.yar:3:13: unknown pattern `$x`"), "{shown:?}");
    }

    #[test]
    fn files_are_not_included() {
        assert!(!problems_of(Path::new("x.yar"), "include \"/etc/passwd\"").is_empty());
    }

    #[test]
    fn a_condition_is_one_condition() {
        assert_eq!(condition("filesize < 270 // small").as_deref(), Ok("filesize < 270"));
        assert_eq!(condition("true } rule b { condition: true"), Err("is more than a condition".into()));
        assert!(condition("any of them").is_err());
        assert!(condition("filesze < 3").unwrap_err().contains("filesze"));
        assert!(condition("").is_err());
        assert!(condition(&"(".repeat(100_000)).unwrap_err().contains("nests deeper"));
    }
}
