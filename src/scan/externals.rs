//! What rules written for Loki and THOR ask about a file by name.

use std::path::Path;

use md5::Digest as _;

use crate::hunt::RuleOptions;
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
        }
    }

    /// The same with the MD5 of the file, whose content is `bytes`.
    #[must_use]
    pub fn with_md5(self, bytes: &[u8]) -> Self {
        Self { md5: Some(text::hex(&md5::Md5::digest(bytes))), ..self }
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
