//! What rules written for Loki and THOR ask about a file by name.

use serde::{Deserialize, Serialize};
use std::path::Path;

use md5::Digest as _;

use crate::hunt::{EXTERNAL_VARIABLES, RuleOptions};
use crate::text;

/// The values of [`crate::hunt::EXTERNAL_VARIABLES`] for one file, as the THOR manual describes them.
///
/// Paths are bytes here and text in YARA, so what is not UTF-8 becomes U+FFFD.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Externals {
    filename: String,
    filepath: String,
    extension: String,
    filetype: String,
    owner: String,
    /// `None` while it was not asked for: it takes reading the whole file.
    md5: Option<String>,
    /// By variable: whether it has another value, the same for all files.
    defined: [bool; EXTERNAL_VARIABLES.len()],
}

impl Externals {
    /// `header` holds the first bytes of the file; `owner` is its owner's name or number.
    pub fn new(path: &Path, header: &[u8], owner: String, options: &RuleOptions) -> Self {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        Self {
            filename: path.file_name().map(text).unwrap_or_default(),
            filepath: path.parent().map(|folder| text(folder.as_os_str())).unwrap_or_default(),
            extension: path.extension().map(|end| format!(".{}", text(end).to_lowercase())).unwrap_or_default(),
            filetype: options.file_types.name_of(header).to_owned(),
            owner,
            md5: None,
            defined: EXTERNAL_VARIABLES.map(|name| options.defines(name)),
        }
    }

    /// The same with the MD5 of the file, whose content is `bytes`.
    #[must_use]
    pub fn with_md5(self, bytes: &[u8]) -> Self {
        Self { md5: Some(text::hex(&md5::Md5::digest(bytes))), ..self }
    }

    /// The value of one of [`EXTERNAL_VARIABLES`], by its place there; `None` if that is not known.
    pub(super) fn value(&self, variable: usize) -> Option<&str> {
        let texts = [&self.filename, &self.filepath, &self.extension, &self.filetype, &self.owner];
        let all = texts.into_iter().map(Some).chain([self.md5.as_ref()]).zip(self.defined);
        all.map(|(value, defined)| value.filter(|_| !defined)).nth(variable).flatten().map(String::as_str)
    }

    /// Calls `set` with each variable that is known and its value, but for those that `options` define for all files.
    pub fn each(&self, options: &RuleOptions, mut set: impl FnMut(&str, &str)) {
        let all = [
            ("filename", Some(&self.filename)),
            ("filepath", Some(&self.filepath)),
            ("extension", Some(&self.extension)),
            ("filetype", Some(&self.filetype)),
            ("owner", Some(&self.owner)),
            ("md5", self.md5.as_ref()),
        ];
        for (name, value) in all.into_iter().filter(|(name, _)| !options.defines(name)) {
            if let Some(value) = value {
                set(name, value);
            }
        }
    }
}

/// A comparison of an external variable with a text, as YARA makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextTest {
    /// Index in [`EXTERNAL_VARIABLES`].
    pub variable: usize,
    pub relation: TextRelation,
    pub text: Vec<u8>,
}

/// How two texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TextRelation {
    Is,
    IsNot,
    IsInAnyCase,
    Contains,
    ContainsInAnyCase,
    Begins,
    BeginsInAnyCase,
    Ends,
    EndsInAnyCase,
}

impl TextTest {
    /// Whether it holds; `None` where case is not a matter of ASCII letters alone.
    pub(super) fn holds(&self, externals: &Externals) -> Option<bool> {
        use TextRelation as R;
        let value = externals.value(self.variable)?.as_bytes();
        let text = self.text.as_slice();
        let in_any_case =
            matches!(self.relation, R::IsInAnyCase | R::ContainsInAnyCase | R::BeginsInAnyCase | R::EndsInAnyCase);
        if in_any_case && !(value.is_ascii() && text.is_ascii()) {
            return None;
        }
        let begin = value.get(..text.len());
        let end = value.len().checked_sub(text.len()).and_then(|at| value.get(at..));
        Some(match self.relation {
            R::Is => value == text,
            R::IsNot => value != text,
            R::IsInAnyCase => value.eq_ignore_ascii_case(text),
            R::Contains => memchr::memmem::find(value, text).is_some(),
            R::ContainsInAnyCase => {
                memchr::memmem::find(&value.to_ascii_lowercase(), &text.to_ascii_lowercase()).is_some()
            }
            R::Begins => begin == Some(text),
            R::BeginsInAnyCase => begin.is_some_and(|begin| begin.eq_ignore_ascii_case(text)),
            R::Ends => end == Some(text),
            R::EndsInAnyCase => end.is_some_and(|end| end.eq_ignore_ascii_case(text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    fn shown(path: &Path, header: &[u8]) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let options = RuleOptions::default();
        Externals::new(path, header, "root".into(), &options)
            .with_md5(header)
            .each(&options, |name, value| all.push((name.to_owned(), value.to_owned())));
        all
    }

    #[test]
    fn every_variable_has_its_value() {
        let all = shown(Path::new("/opt/Tools/Run.TAR.Gz"), b"\x1f\x8b\x08");
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, crate::hunt::EXTERNAL_VARIABLES);
        let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["Run.TAR.Gz", "/opt/Tools", ".gz", "GZIP", "root", "613ffd2ae0a8828aa573ce62bf2e30c3"]);
    }

    #[test]
    fn odd_names_have_values_too() {
        let values = |path: &Path| shown(path, b"").into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(
            values(Path::new("/.bashrc")),
            [".bashrc", "/", "", "UNKNOWN", "root", "d41d8cd98f00b204e9800998ecf8427e"]
        );
        assert_eq!(values(Path::new(OsStr::from_bytes(b"/a/\xff.e\xfe")))[0], "\u{fffd}.e\u{fffd}");
    }
}
