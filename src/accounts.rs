//! Names of users and groups, read as text from the account database of the box.
//!
//! The C library's lookups are not used: on a compromised box they may load the attacker's NSS modules, and on a mounted
//! image they would name the responder's own accounts. Accounts that a directory service adds (LDAP, SSSD) are in none of
//! these files and have no name here.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::root::Root;
use crate::timeout;

/// Bytes read of `passwd` and of `group` at most.
const MAX_BYTES: u64 = 16 << 20;
/// Lines taken from either of them at most.
const MAX_LINES: usize = 1_000_000;

/// A line of `passwd(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name, as it stands there: not safe to show.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Id of its primary group; `None` when the line names none.
    pub gid: Option<u32>,
    /// Home folder.
    pub home: PathBuf,
}

/// A line of `group(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name, as it stands there: not safe to show.
    pub name: String,
    /// Group id.
    pub gid: u32,
    /// Names of the users it lists.
    pub members: Vec<String>,
}

/// The account database of one box.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
    users_by_uid: HashMap<u32, usize>,
    users_by_name: HashMap<String, usize>,
    groups_by_gid: HashMap<u32, usize>,
}

/// A file of the database that could not be read, or not to its end.
#[derive(Debug)]
pub struct Unread {
    /// The file, as the box names it.
    pub path: &'static str,
    /// Why.
    pub error: io::Error,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group` of the box. What cannot be read leaves its names unknown.
    pub fn read(root: &Root) -> (Self, Vec<Unread>) {
        let mut unread = Vec::new();
        let mut load = |path| match root.text_up_to(Path::new(path), MAX_BYTES) {
            Ok(text) => {
                if text.cut {
                    let error = io::Error::other(format!("only its first {} MiB were read", MAX_BYTES >> 20));
                    unread.push(Unread { path, error });
                }
                text.bytes
            }
            Err(error) => {
                unread.push(Unread { path, error });
                Vec::new()
            }
        };
        let (passwd, group) = (load("/etc/passwd"), load("/etc/group"));
        (Self::parse(&passwd, &group), unread)
    }

    /// As [`Accounts::read`], for whoever can do without names: a box that has not answered within `limit` has none, and
    /// why names are missing goes to the log.
    pub fn read_within(limit: Duration, root: &Root) -> Self {
        let asked = root.clone();
        let (accounts, unread) = match timeout::run(limit, move || Self::read(&asked)) {
            Ok(read) => read,
            Err(why) => {
                tracing::warn!(root = ?root.dir(), "the accounts cannot be read: {why}; owners have no names");
                return Self::default();
            }
        };
        for Unread { path, error } in unread {
            tracing::warn!(root = ?root.dir(), "{path}: {error}; owners or groups may have no names");
        }
        accounts
    }

    /// The accounts that the texts of `passwd(5)` and `group(5)` list. The first line of a name or an id counts, as it
    /// does for `ls`; a line that is none is passed over.
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut accounts = Self::default();
        for user in lines(passwd).filter_map(|line| user(&line)) {
            accounts.users_by_uid.entry(user.uid).or_insert(accounts.users.len());
            accounts.users_by_name.entry(user.name.clone()).or_insert(accounts.users.len());
            accounts.users.push(user);
        }
        for group in lines(group).filter_map(|line| self::group(&line)) {
            accounts.groups_by_gid.entry(group.gid).or_insert(accounts.groups.len());
            accounts.groups.push(group);
        }
        accounts
    }

    /// All users, in the order of the file.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// All groups, in the order of the file.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The user with this id.
    pub fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(*self.users_by_uid.get(&uid)?)
    }

    /// The user with this name.
    pub fn user_named(&self, name: &str) -> Option<&User> {
        self.users.get(*self.users_by_name.get(name)?)
    }

    /// Name of the user with this id.
    pub fn user_name(&self, uid: u32) -> Option<&str> {
        self.user(uid).map(|user| user.name.as_str())
    }

    /// Name of the group with this id.
    pub fn group_name(&self, gid: u32) -> Option<&str> {
        Some(&self.groups.get(*self.groups_by_gid.get(&gid)?)?.name)
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    text.split(|byte| *byte == b'\n').take(MAX_LINES).map(|line| String::from_utf8_lossy(line).into_owned())
}

/// `name:password:uid:gid:comment:home:shell`. What follows the uid may be missing.
fn user(line: &str) -> Option<User> {
    let (name, mut rest) = named(line)?;
    let uid = rest.next()?.parse().ok()?;
    let gid = rest.next().and_then(|gid| gid.parse().ok());
    let home = rest.nth(1).unwrap_or_default().into();
    Some(User { name: name.to_owned(), uid, gid, home })
}

/// `name:password:gid:member,member`.
fn group(line: &str) -> Option<Group> {
    let (name, mut rest) = named(line)?;
    let gid = rest.next()?.parse().ok()?;
    let members = rest.next().unwrap_or_default().split(',').map(str::trim).filter(|member| !member.is_empty());
    Some(Group { name: name.to_owned(), gid, members: members.map(str::to_owned).collect() })
}

/// The name that a line begins with, and the fields after the password.
fn named(line: &str) -> Option<(&str, std::str::Split<'_, char>)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    fields.next()?;
    Some((name, fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_name_of_an_id_counts_and_broken_lines_do_not() {
        let passwd =
            b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n#no:x:5:\nbad\nb:x:y:\nuser:x:1000:1000::/home/u:\n\xff:x:7:";
        let accounts = Accounts::parse(passwd, b"root:x:0:\nsudo:x:27:ann, bob,\nx\n");
        assert_eq!((accounts.user_name(0), accounts.user_name(1000)), (Some("root"), Some("user")));
        assert_eq!((accounts.users().len(), accounts.user_name(5)), (4, None));
        assert_eq!(accounts.user_named("user").unwrap().home, Path::new("/home/u"));
        assert_eq!(accounts.user_named("toor").unwrap().gid, Some(0));
        assert_eq!((accounts.group_name(27), accounts.groups()[1].members.join("+")), (Some("sudo"), "ann+bob".into()));
    }

    #[test]
    fn a_root_without_accounts_knows_no_names_and_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let (accounts, unread) = Accounts::read(&Root::image(dir.path()));
        assert_eq!((accounts.user_name(0), unread.len()), (None, 2));
    }
}
