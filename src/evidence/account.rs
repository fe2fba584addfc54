//! Accounts: who a user id is, which groups it belongs to, and what sudo lets it do.
//!
//! Read from `/etc/passwd` (passwd(5)), `/etc/group` (group(5)) and the sudoers files of the box.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, Observed};
use super::sudoers::{self, Grant};
use crate::accounts::{self, Unread, User};
use crate::root::Root;
use crate::text;

/// Groups, or users, of a box all of whose groups are told at once.
const MAX_GROUPS: usize = 5000;

/// One account and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Other names of the same user id: whoever logs in by one of them is this user.
    pub twins: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}, uid {}", text::escape_str(name), self.uid)?,
            None => write!(f, "uid {}, which /etc/passwd does not name", self.uid)?,
        }
        write!(f, " ({})", self.role)?;
        if !self.twins.is_empty() {
            write!(f, ", the same user id as {}", text::escape_str(&self.twins.join(", ")))?;
        }
        Ok(())
    }
}

/// The account database of the box, and what sudo lets its accounts do.
#[derive(Debug, Default)]
pub(super) struct BoxAccounts {
    known: accounts::Accounts,
    /// The groups that list a user.
    groups_of: HashMap<String, Vec<String>>,
    grants: Vec<Grant>,
    /// Why names of users or groups may be missing.
    unnamed: Option<String>,
    pub(super) gaps: Gaps,
}

impl BoxAccounts {
    pub(super) fn read(root: &Root) -> Self {
        let (known, unread) = accounts::Accounts::read(root);
        let mut accounts = Self { known, ..Self::default() };
        for Unread { path, error } in unread {
            accounts.gaps.add_error(Path::new(path), &error);
        }
        for group in accounts.known.groups() {
            for member in &group.members {
                accounts.groups_of.entry(member.clone()).or_default().push(group.name.clone());
            }
        }
        accounts.unnamed = accounts.gaps.settle::<()>(Vec::new()).reason().map(str::to_owned);
        accounts.grants = sudoers::read(root, &mut accounts.gaps);
        accounts
    }

    /// Whether a group is its owner's own: nobody else belongs to it, so that its right to write adds nobody.
    pub(super) fn is_private_group(&self, gid: u32, owner: u32) -> bool {
        let Some(name) = self.group_name(gid) else { return false };
        let owner_name = self.name_of(owner);
        let listed = self.known.groups().iter().filter(|group| group.gid == gid).flat_map(|group| &group.members);
        let primary = self.users().iter().filter(|user| user.gid == Some(gid));
        let others = listed.map(String::as_str).chain(primary.map(|user| user.name.as_str()));
        others.into_iter().all(|member| Some(member) == owner_name) && (owner == 0 || owner_name == Some(name))
    }

    /// The permission bits without those of a group that is its owner's own.
    pub(super) fn effective_mode(&self, mode: u32, uid: u32, gid: u32) -> u32 {
        if self.is_private_group(gid, uid) { mode & !0o020 } else { mode }
    }

    /// All users.
    pub(super) fn users(&self) -> &[User] {
        self.known.users()
    }

    /// The user's name, or `uid 1000`.
    pub(super) fn user(&self, uid: u32) -> String {
        self.name_of(uid).map_or_else(|| format!("uid {uid}"), |name| text::escape_str(name).into_owned())
    }

    pub(super) fn name_of(&self, uid: u32) -> Option<&str> {
        self.known.user_name(uid)
    }

    pub(super) fn named(&self, name: &str) -> Option<&User> {
        self.known.user_named(name)
    }

    pub(super) fn group_name(&self, gid: u32) -> Option<&str> {
        self.known.group_name(gid)
    }

    /// The group's name, or `gid 1000`.
    pub(super) fn group(&self, gid: u32) -> String {
        self.group_name(gid).map_or_else(|| format!("gid {gid}"), |name| text::escape_str(name).into_owned())
    }

    /// The accounts that belong to a group, safe to show: those it lists and those whose primary group it is.
    pub(super) fn members(&self, group: &str) -> Observed<Vec<String>> {
        let lines = || self.known.groups().iter().filter(|line| line.name == group);
        let primary: HashSet<u32> =
            lines().map(|line| line.gid).filter(|gid| self.known.group_name(*gid) == Some(group)).collect();
        let listed = lines().flat_map(|line| &line.members).map(String::as_str);
        let own = self.users().iter().filter(|user| user.gid.is_some_and(|gid| primary.contains(&gid)));
        let members = listed.chain(own.map(|user| user.name.as_str()));
        let members: Vec<String> = members.map(|name| text::escape_str(name).into_owned()).collect();
        match &self.unnamed {
            _ if !members.is_empty() => Observed::Found(members),
            Some(reason) => Observed::Unknown(reason.clone()),
            None => Observed::NotFound,
        }
    }

    /// Every group by name, with its members as [`BoxAccounts::members`] tells them; none where there are very many.
    pub(super) fn all_groups(&self) -> Vec<(String, Observed<Vec<String>>)> {
        if self.known.groups().len().max(self.users().len()) > MAX_GROUPS {
            return Vec::new();
        }
        self.known.groups().iter().map(|group| (group.name.clone(), self.members(&group.name))).collect()
    }

    /// Everything about one account.
    pub(super) fn account(&self, uid: u32, role: String) -> Account {
        let user = self.known.user(uid);
        let name = user.map(|user| user.name.clone());
        let gid = user.and_then(|user| user.gid);
        let mut groups: Vec<String> = gid.and_then(|gid| self.group_name(gid)).map(str::to_owned).into_iter().collect();
        for group in name.as_ref().and_then(|name| self.groups_of.get(name)).into_iter().flatten() {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let who = sudoers::Who { uid, name: name.as_deref(), groups: &groups, gid };
        let sudo = self.grants.iter().filter(|grant| grant.is_for(&who)).cloned().collect();
        let same = self.users().iter().filter(|user| user.uid == uid && Some(&user.name) != name.as_ref());
        let twins = same.map(|user| user.name.clone()).collect();
        Account { uid, name, role, groups, sudo, twins }
    }
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
        let accounts = BoxAccounts::read(&root);
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
        assert_eq!(accounts.users().len(), 2);
        assert_eq!(accounts.gaps.lines().count(), 0);
    }

    #[test]
    fn noise_in_the_account_files_names_nobody() {
        let noise: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
        let (dir, root) = root(&[("etc/group", "sudo:x:27:ali")]);
        std::fs::write(dir.path().join("etc/passwd"), &noise).unwrap();
        std::fs::write(dir.path().join("etc/sudoers"), &noise).unwrap();
        let accounts = BoxAccounts::read(&root);
        assert_eq!(accounts.user(0), "uid 0");
        assert_eq!(accounts.members("sudo"), Observed::Found(vec!["ali".to_owned()]));
    }

    #[test]
    fn an_account_file_that_cannot_be_read_is_a_gap() {
        let (_dir, root) = root(&[("etc/passwd/a-folder", "")]);
        let accounts = BoxAccounts::read(&root);
        assert_eq!(accounts.gaps.lines().next().unwrap(), "/etc/passwd: a folder, not a regular file; not read");
    }
}
