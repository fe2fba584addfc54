//! What rules written for Loki and THOR ask about a file by name.

use std::path::Path;

/// The values of [`crate::hunt::EXTERNAL_VARIABLES`] for one file, as the THOR manual describes them.
///
/// Paths are bytes here and text in YARA, so what is not UTF-8 becomes U+FFFD.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Externals {
    filename: String,
    filepath: String,
    extension: String,
    filetype: &'static str,
    owner: String,
}

impl Externals {
    /// `header` holds the first bytes of the file; `owner` is its owner's name or number.
    pub fn new(path: &Path, header: &[u8], owner: String) -> Self {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        Self {
            filename: path.file_name().map(text).unwrap_or_default(),
            filepath: path.parent().map(|folder| text(folder.as_os_str())).unwrap_or_default(),
            extension: path.extension().map(|end| format!(".{}", text(end).to_lowercase())).unwrap_or_default(),
            filetype: file_type(header),
            owner,
        }
    }

    /// Calls `set` with each variable and its value.
    pub fn each(&self, mut set: impl FnMut(&str, &str)) {
        set("filename", &self.filename);
        set("filepath", &self.filepath);
        set("extension", &self.extension);
        set("filetype", self.filetype);
        set("owner", &self.owner);
    }
}

/// The type that the first bytes tell, in the short names that published rules compare with; empty for any other.
fn file_type(header: &[u8]) -> &'static str {
    const TYPES: [(&[u8], &str); 20] = [
        (b"MZ", "EXE"),
        (b"\x7fELF", "ELF"),
        (b"\xfe\xed\xfa\xce", "MACHO"),
        (b"\xfe\xed\xfa\xcf", "MACHO"),
        (b"\xce\xfa\xed\xfe", "MACHO"),
        (b"\xcf\xfa\xed\xfe", "MACHO"),
        (b"PK\x03\x04", "ZIP"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"7z\xbc\xaf\x27\x1c", "7ZIP"),
        (b"\x1f\x8b", "GZIP"),
        (b"BZh", "BZIP2"),
        (b"MSCF", "CAB"),
        (b"%PDF-", "PDF"),
        (b"{\\rtf", "RTF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
        (b"GIF8", "GIF"),
        (b"\xff\xd8\xff", "JPG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"MDMP", "MDMP"),
        (b"regf", "REGHIVE"),
    ];
    TYPES.iter().find(|(magic, _)| header.starts_with(magic)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    fn shown(path: &Path, header: &[u8]) -> Vec<(String, String)> {
        let mut all = Vec::new();
        Externals::new(path, header, "root".into()).each(|name, value| all.push((name.to_owned(), value.to_owned())));
        all
    }

    #[test]
    fn every_variable_has_its_value() {
        let all = shown(Path::new("/opt/Tools/Run.TAR.Gz"), b"\x1f\x8b\x08");
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, crate::hunt::EXTERNAL_VARIABLES);
        let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["Run.TAR.Gz", "/opt/Tools", ".gz", "GZIP", "root"]);
    }

    #[test]
    fn odd_names_have_values_too() {
        let values = |path: &Path| shown(path, b"").into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(values(Path::new("/.bashrc")), [".bashrc", "/", "", "", "root"]);
        assert_eq!(values(Path::new(OsStr::from_bytes(b"/a/\xff.e\xfe")))[0], "\u{fffd}.e\u{fffd}");
    }
}
