//! Names of users and groups, read as text from the account database of the box.
//!
//! The C library's lookups are not used: on a compromised box they may load the attacker's NSS modules, and on a mounted
//! image they would name the responder's own accounts.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

/// Bytes read of `passwd` and of `group` at most.
const MOST: u64 = 16 * 1024 * 1024;

/// User and group names by number, as `passwd(5)` and `group(5)` list them.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// Reads `etc/passwd` and `etc/group` below `root`. A file that cannot be read leaves its names unknown.
    pub fn read(root: &Path) -> Self {
        let load = |name: &str| {
            let mut text = Vec::new();
            let file = std::fs::File::open(root.join("etc").join(name));
            let _ = file.and_then(|f| f.take(MOST).read_to_end(&mut text));
            parse(&text)
        };
        Self { users: load("passwd"), groups: load("group") }
    }

    /// Name of the user with this id.
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// Name of the group with this id.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }
}

/// Both files begin a line with `name:password:id`. The first name of an id counts, as it does for `ls`.
fn parse(text: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.split(|b| *b == b'\n') {
        let mut fields = line.split(|b| *b == b':');
        let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let Some(id) = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()) else { continue };
        if !name.is_empty() && !name.starts_with(b"#") {
            names.entry(id).or_insert_with(|| String::from_utf8_lossy(name).into_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_name_of_an_id_counts_and_broken_lines_do_not() {
        let names =
            parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n#no:x:5:\nbad\nb:x:y:\nuser:x:1000:1000::\n\xff:x:7:");
        assert_eq!(names.get(&0).map(String::as_str), Some("root"));
        assert_eq!(names.get(&1000).map(String::as_str), Some("user"));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn a_root_without_accounts_knows_no_names() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Accounts::read(root.path()).user(0), None);
    }
}
