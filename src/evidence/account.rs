//! Accounts: who a user id is, which groups it belongs to, and what sudo lets it do.
//!
//! Read from `/etc/passwd` (passwd(5)), `/etc/group` (group(5)) and the sudoers files of the box. Accounts that a
//! directory service adds (LDAP, SSSD) are in none of them and have no name here.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::observed::{Gaps, Observed};
use super::root::Root;
use super::sudoers::{self, Grant};
use crate::text;

/// Lines read of one account file.
const MAX_LINES: usize = 1_000_000;

/// One account and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Name in `/etc/passwd`, if it has one.
    pub name: Option<String>,
    /// What the account has to do with the finding: `owner of the file`, `runs pid 412`.
    pub role: String,
    /// Its groups by name, the primary one first.
    pub groups: Vec<String>,
    /// Lines of the sudoers files that name it, one of its groups, or everyone.
    pub sudo: Vec<Grant>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}, uid {}", text::escape_str(name), self.uid)?,
            None => write!(f, "uid {}, which /etc/passwd does not name", self.uid)?,
        }
        write!(f, " ({})", self.role)
    }
}

/// A line of `/etc/passwd`.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
    gid: u32,
    pub(super) home: PathBuf,
}

/// The account database of the box.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) users: Vec<User>,
    by_uid: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
    groups: HashMap<u32, String>,
    member_of: HashMap<String, Vec<String>>,
    members: HashMap<String, Vec<String>>,
    grants: Vec<Grant>,
    /// Why names of users or groups may be missing.
    unnamed: Option<String>,
    pub(super) gaps: Gaps,
}

impl Accounts {
    pub(super) fn read(root: &Root) -> Self {
        let mut accounts = Self::default();
        let passwd = accounts.lines(root, "/etc/passwd");
        for user in passwd.iter().filter_map(|line| parse_user(line)) {
            accounts.by_uid.entry(user.uid).or_insert(accounts.users.len());
            accounts.by_name.entry(user.name.clone()).or_insert(accounts.users.len());
            accounts.users.push(user);
        }
        for line in accounts.lines(root, "/etc/group") {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members, ..] = fields.as_slice() else { continue };
            let Ok(gid) = gid.parse() else { continue };
            accounts.groups.entry(gid).or_insert_with(|| (*name).to_owned());
            for member in members.split(',').map(str::trim).filter(|member| !member.is_empty()) {
                accounts.member_of.entry(member.to_owned()).or_default().push((*name).to_owned());
                accounts.members.entry((*name).to_owned()).or_default().push(member.to_owned());
            }
        }
        accounts.unnamed = accounts.gaps.settle::<()>(Vec::new()).reason().map(str::to_owned);
        accounts.grants = sudoers::read(root, &mut accounts.gaps);
        accounts
    }

    fn lines(&mut self, root: &Root, path: &str) -> Vec<String> {
        match root.text(Path::new(path)) {
            Ok(found) => {
                if found.cut {
                    self.gaps.add(format!("{path}: only its first 4 MiB were read"));
                }
                found.bytes.split(|byte| *byte == b'\n').take(MAX_LINES).map(|line| utf8(line).to_owned()).collect()
            }
            Err(error) => {
                self.gaps.add_error(Path::new(path), &error);
                Vec::new()
            }
        }
    }

    /// The user's name, or `uid 1000`.
    pub(super) fn user(&self, uid: u32) -> String {
        self.name_of(uid).map_or_else(|| format!("uid {uid}"), |name| text::escape_str(name).into_owned())
    }

    pub(super) fn name_of(&self, uid: u32) -> Option<&str> {
        Some(&self.users.get(*self.by_uid.get(&uid)?)?.name)
    }

    pub(super) fn named(&self, name: &str) -> Option<&User> {
        self.users.get(*self.by_name.get(name)?)
    }

    pub(super) fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }

    /// The group's name, or `gid 1000`.
    pub(super) fn group(&self, gid: u32) -> String {
        self.group_name(gid).map_or_else(|| format!("gid {gid}"), |name| text::escape_str(name).into_owned())
    }

    /// The accounts that belong to a group, safe to show: those it lists and those whose primary group it is.
    pub(super) fn members(&self, group: &str) -> Observed<Vec<String>> {
        let primary: HashSet<u32> =
            self.groups.iter().filter(|(_, name)| *name == group).map(|(gid, _)| *gid).collect();
        let listed = self.members.get(group).into_iter().flatten().map(String::as_str);
        let own = self.users.iter().filter(|user| primary.contains(&user.gid)).map(|user| user.name.as_str());
        let members: Vec<String> = listed.chain(own).map(|name| text::escape_str(name).into_owned()).collect();
        match &self.unnamed {
            _ if !members.is_empty() => Observed::Found(members),
            Some(reason) => Observed::Unknown(reason.clone()),
            None => Observed::NotFound,
        }
    }

    /// Everything about one account.
    pub(super) fn account(&self, uid: u32, role: String) -> Account {
        let user = self.by_uid.get(&uid).and_then(|index| self.users.get(*index));
        let name = user.map(|user| user.name.clone());
        let mut groups: Vec<String> =
            user.and_then(|user| self.groups.get(&user.gid)).map(|name| vec![name.clone()]).unwrap_or_default();
        for group in name.as_ref().and_then(|name| self.member_of.get(name)).into_iter().flatten() {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let who = sudoers::Who { uid, name: name.as_deref(), groups: &groups, gid: user.map(|user| user.gid) };
        let sudo = self.grants.iter().filter(|grant| grant.is_for(&who)).cloned().collect();
        Account { uid, name, role, groups, sudo }
    }
}

fn utf8(line: &[u8]) -> &str {
    std::str::from_utf8(line).unwrap_or_default()
}

fn parse_user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    Some(User { name: (*name).to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: PathBuf::from(home) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let root = Root::image(dir.path());
        (dir, root)
    }

    #[test]
    fn users_groups_and_sudo_are_joined() {
        let (_dir, root) = root(&[
            (
                "etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/bash\nbroken\n:x:1:1::/:\n",
            ),
            ("etc/group", "root:x:0:\nalice:x:1000:\nsudo:x:27:alice,bob\nadm:x:4:alice\nx\n"),
            ("etc/sudoers", "Defaults env_reset\nroot ALL=(ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nbob ALL=/bin/ls\n"),
        ]);
        let accounts = Accounts::read(&root);
        let alice = accounts.account(1000, "owner of the file".into());
        assert_eq!(alice.groups, ["alice", "sudo", "adm"]);
        assert_eq!(alice.sudo.len(), 1);
        assert_eq!((alice.sudo[0].line, alice.sudo[0].text.as_str()), (3, "%sudo ALL=(ALL:ALL) ALL"));
        assert_eq!(accounts.user(1000), "alice");
        assert_eq!(accounts.user(4242), "uid 4242");
        assert_eq!(accounts.group(27), "sudo");
        let members = |group| accounts.members(group).found().cloned().unwrap_or_default();
        assert_eq!(members("sudo"), ["alice", "bob"]);
        assert_eq!((members("alice"), members("wheel")), (vec!["alice".to_owned()], vec![]));
        assert_eq!(accounts.account(4242, String::new()).groups, Vec::<String>::new());
        assert_eq!(accounts.users.len(), 2);
        assert_eq!(accounts.gaps.lines().count(), 0);
    }

    #[test]
    fn noise_in_the_account_files_names_nobody() {
        let noise: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
        let (dir, root) = root(&[("etc/group", "sudo:x:27:ali")]);
        std::fs::write(dir.path().join("etc/passwd"), &noise).unwrap();
        std::fs::write(dir.path().join("etc/sudoers"), &noise).unwrap();
        let accounts = Accounts::read(&root);
        assert_eq!(accounts.user(0), "uid 0");
        assert_eq!(accounts.members("sudo"), Observed::Found(vec!["ali".to_owned()]));
    }

    #[test]
    fn an_account_file_that_cannot_be_read_is_a_gap() {
        let (_dir, root) = root(&[("etc/passwd/a-folder", "")]);
        let accounts = Accounts::read(&root);
        assert_eq!(accounts.gaps.lines().next().unwrap(), "/etc/passwd: a folder, not a regular file; not read");
    }
}
