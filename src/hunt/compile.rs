//! Asks yara-x itself whether a source compiles, so that a mistake shows with its place before a scan begins.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use yara_x::errors::CompileError;

use super::file_types::FileTypes;
use super::problem::{Problem, Problems};
use super::rule::rules_of;
use crate::timeout;

thread_local! {
    static ENGINE_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the matching engine, whose panics are caught, reported in coverage, and not printed.
pub(crate) fn engine_runs() -> bool {
    ENGINE_RUNS.get()
}

/// Has the engine do something and takes what it panics over as an error, which the panic hooks keep to themselves
/// (see [`engine_runs`]).
///
/// # Errors
/// The panic's message.
pub(crate) fn catch_engine_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    ENGINE_RUNS.set(true);
    let outcome = timeout::catch_panic(work);
    ENGINE_RUNS.set(false);
    outcome
}

/// The external variables that rules written for Loki and THOR use; all are text and set per file.
pub(crate) const EXTERNAL_VARIABLES: [&str; 6] = ["filename", "filepath", "extension", "filetype", "owner", "md5"];

/// How rules are compiled, and what their external variables stand for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleOptions {
    /// External variables with the same value for every file. One of [`EXTERNAL_VARIABLES`] among them has this value
    /// instead of the file's.
    pub defines: Vec<Define>,
    /// Regular expressions may hold what YARA takes and yara-x does not: escapes without a meaning, a bare `{`.
    pub relaxed_re_syntax: bool,
    /// What the variable `filetype` calls a file.
    pub file_types: FileTypes,
}

/// An external variable, as `NAME=VALUE` defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Define {
    /// The name.
    pub name: String,
    /// The value.
    pub value: DefineValue,
}

/// The value of an external variable, of the type that it is written as.
#[derive(Debug, Clone, PartialEq)]
pub enum DefineValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Anything else, and whatever stands in quotes.
    Text(String),
}

impl FromStr for Define {
    type Err = String;

    /// Reads `NAME=VALUE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = match quoted {
            Some(quoted) => DefineValue::Text(quoted.to_owned()),
            None => DefineValue::of(value),
        };
        let define = Self { name: name.to_owned(), value };
        define.add_to(&mut yara_x::Compiler::new()).map_err(|error| error.to_string())?;
        Ok(define)
    }
}

impl fmt::Display for Define {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name)?;
        match &self.value {
            DefineValue::Boolean(value) => write!(f, "{value}"),
            DefineValue::Integer(value) => write!(f, "{value}"),
            DefineValue::Float(value) => write!(f, "{value:?}"),
            DefineValue::Text(value) => write!(f, "\"{value}\""),
        }
    }
}

impl DefineValue {
    fn of(value: &str) -> Self {
        let number = value.parse().map(Self::Integer).or_else(|_| match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Self::Float(number)),
            _ => Err(()),
        });
        match value {
            "true" => Self::Boolean(true),
            "false" => Self::Boolean(false),
            _ => number.unwrap_or_else(|()| Self::Text(value.to_owned())),
        }
    }
}

impl Define {
    fn add_to(&self, compiler: &mut yara_x::Compiler) -> Result<(), yara_x::errors::VariableError> {
        match &self.value {
            DefineValue::Boolean(value) => compiler.define_global(&self.name, *value),
            DefineValue::Integer(value) => compiler.define_global(&self.name, *value),
            DefineValue::Float(value) => compiler.define_global(&self.name, *value),
            DefineValue::Text(value) => compiler.define_global(&self.name, value.as_str()),
        }
        .map(drop)
    }
}

impl RuleOptions {
    /// Whether the variable of this name has the same value for every file.
    pub fn defines(&self, name: &str) -> bool {
        self.defines.iter().any(|define| define.name == name)
    }

    /// A compiler that is set up like this. It reads no file.
    pub fn compiler<'c>(&self) -> yara_x::Compiler<'c> {
        let mut compiler = yara_x::Compiler::new();
        compiler.enable_includes(false).relaxed_re_syntax(self.relaxed_re_syntax);
        // Defining fails for a name that is no identifier or is there twice; a rule that uses it then does not compile.
        for name in EXTERNAL_VARIABLES.into_iter().filter(|name| !self.defines(name)) {
            let _ = compiler.define_global(name, "");
        }
        for define in &self.defines {
            let _ = define.add_to(&mut compiler);
        }
        compiler
    }
}

/// What is wrong, in one line.
pub(super) fn message_of(error: &CompileError) -> String {
    match error.labels().map(|label| label.text().to_owned()).find(|text| !text.is_empty()) {
        Some(detail) => format!("{}: {detail}", error.title()),
        None => error.title().to_owned(),
    }
}

/// Everything in `source` that keeps it from compiling; `path` is only named.
fn problems_of(path: &Path, source: &str) -> Vec<Problem> {
    let mut problems = Problems::new(path, source);
    let mut compiler = RuleOptions::default().compiler();
    let _ = compiler.add_source(source);
    for error in compiler.errors() {
        let span = error.labels().next().map(|label| label.span().range()).unwrap_or_default();
        problems.note(&span, message_of(error), None);
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
    let first = |problems: &[Problem]| problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
    let rules = rules_of("", Path::new(""), &source).map_err(|problems| first(&problems))?;
    let [rule] = rules.as_slice() else { return Err("is more than a condition".into()) };
    let problems = problems_of(Path::new(""), &source);
    if problems.is_empty() { Ok(rule.condition.clone()) } else { Err(first(&problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_definition_has_the_type_that_it_is_written_as() {
        let value = |text: &str| text.parse::<Define>().unwrap().value;
        assert_eq!(value("a=true"), DefineValue::Boolean(true));
        assert_eq!(value("a=-3"), DefineValue::Integer(-3));
        assert_eq!(value("a=0.5"), DefineValue::Float(0.5));
        assert_eq!(value("a="), DefineValue::Text(String::new()));
        assert_eq!(value("a=x=y"), DefineValue::Text("x=y".into()));
        assert_eq!(value("a=\"3\""), DefineValue::Text("3".into()));
        assert_eq!(value("a=inf"), DefineValue::Text("inf".into()));
        for text in ["a=true", "a=-3", "a=0.5", "a=2.0", "a=x=y", "a=\"3\"", "a="] {
            let define: Define = text.parse().unwrap();
            assert_eq!(define.to_string().parse(), Ok(define));
        }
        for wrong in ["a", "=x", "a b=c", "1=2"] {
            assert!(wrong.parse::<Define>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_definition_takes_the_place_of_what_is_set_per_file() {
        let options = RuleOptions { defines: vec!["owner=3".parse().unwrap()], ..RuleOptions::default() };
        let compiles = |options: &RuleOptions, condition: &str| {
            options.compiler().add_source(format!("rule a {{ condition: {condition} }}").as_str()).is_ok()
        };
        assert!(compiles(&options, "owner == 3") && !compiles(&RuleOptions::default(), "owner == 3"));
        let relaxed = RuleOptions { relaxed_re_syntax: true, ..RuleOptions::default() };
        let regex = r"filename matches /\Release/";
        assert!(compiles(&relaxed, regex) && !compiles(&RuleOptions::default(), regex));
    }
}
