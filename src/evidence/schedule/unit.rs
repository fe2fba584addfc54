//! The text of a systemd unit: sections, keys, values (systemd.syntax(7)).

/// One `Key=value` of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitSetting {
    /// Line number of its first line, from 1.
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// Settings kept of one unit.
const MAX_SETTINGS: usize = 10_000;

/// Reads a unit. Lines that are no setting are skipped, as systemd skips them.
pub(super) fn parse(bytes: &[u8]) -> Vec<UnitSetting> {
    let text = String::from_utf8_lossy(bytes);
    let mut settings = Vec::new();
    let mut joined = String::new();
    let mut first = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            // A comment inside a continued line is left out of it.
            continue;
        }
        if joined.is_empty() {
            first = index + 1;
        }
        if let Some(part) = line.strip_suffix('\\') {
            joined.push_str(part);
            joined.push(' ');
            continue;
        }
        joined.push_str(line);
        let whole = std::mem::take(&mut joined);
        if settings.len() < MAX_SETTINGS
            && let Some((key, value)) = whole.split_once('=')
            && key.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            let (key, value) = (key.trim_end().to_owned(), value.trim().to_owned());
            settings.push(UnitSetting { line: first, key, value });
        }
    }
    settings
}

/// Whether the value of this key is a command or a file that systemd runs or reads for the unit, or watches to start it.
pub(super) fn names_files(key: &str) -> bool {
    key.starts_with("Exec")
        || matches!(
            key,
            "EnvironmentFile"
                | "WorkingDirectory"
                | "RootDirectory"
                | "RootImage"
                | "PathExists"
                | "PathExistsGlob"
                | "PathChanged"
                | "PathModified"
                | "DirectoryNotEmpty"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_continuations_and_comments() {
        let unit = b"[Service]\n# no\nExecStart=/opt/a \\\n; still no\n  --flag\n\0\nUser = bob\n[Broken\nExecStop=\n";
        let settings = parse(unit);
        let read: Vec<_> = settings.iter().map(|s| (s.line, s.key.as_str(), s.value.as_str())).collect();
        assert_eq!(read, [(3, "ExecStart", "/opt/a  --flag"), (7, "User", "bob"), (9, "ExecStop", "")]);
        assert_eq!(parse(b"Exec\\"), []);
    }
}
