//! Extended attributes: their names, file capabilities and POSIX access lists decoded.

use std::fmt::Write as _;
use std::path::Path;

use rustix::fs::{getxattr, listxattr};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::Observed;
use crate::root::Located;
use crate::text;

/// The kernel's limit on the list of names and on one value, in bytes (xattr(7)).
const MAX_BYTES: usize = 64 * 1024;

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xattr {
    /// Its name with namespace, safe to show: `security.capability`.
    pub name: String,
    /// Its meaning, or its length where the meaning is not known here; safe to show.
    pub value: String,
    /// Whom an access list lets write.
    pub writers: Vec<String>,
}

/// Lists the attributes of what was located.
pub(super) fn read(located: &Located, accounts: &BoxAccounts) -> Observed<Vec<Xattr>> {
    let path = &located.proc_path();
    let mut names = vec![0; MAX_BYTES];
    let length = match listxattr(path, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Observed::NotFound,
        Err(error) => return Observed::Unknown(error.to_string()),
    };
    names.truncate(length);
    let found: Vec<Xattr> = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| describe(name, value(path, name), accounts))
        .collect();
    if found.is_empty() { Observed::NotFound } else { Observed::Found(found) }
}

fn value(path: &Path, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; MAX_BYTES];
    let length = getxattr(path, name, value.as_mut_slice())?;
    value.truncate(length);
    Ok(value)
}

fn describe(name: &[u8], value: Result<Vec<u8>, Errno>, accounts: &BoxAccounts) -> Xattr {
    let shown = text::escape(name).into_owned();
    let value = match value {
        Ok(value) => value,
        Err(error) => return Xattr { name: shown, value: error.to_string(), writers: Vec::new() },
    };
    let mut writers = Vec::new();
    let meaning = match name {
        b"security.capability" => capabilities(&value),
        b"system.posix_acl_access" => access_list(&value, accounts).map(|list| {
            writers = list.writers;
            list.shown
        }),
        _ => plain(&value),
    };
    let value = meaning.unwrap_or_else(|| text::counted(value.len() as u64, "byte"));
    Xattr { name: shown, value, writers }
}

/// A short text value, as security labels and user attributes are.
fn plain(value: &[u8]) -> Option<String> {
    let value = value.strip_suffix(b"\0").unwrap_or(value);
    (!value.is_empty() && value.len() <= 200 && std::str::from_utf8(value).is_ok())
        .then(|| text::escape(value).into_owned())
}

/// Capability names by number (capabilities(7), `linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Decodes `struct vfs_cap_data` of revision 1, 2 or 3 (`linux/capability.h`); all its words are little-endian.
fn capabilities(value: &[u8]) -> Option<String> {
    let words: Vec<u32> = value.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let magic = *words.first()?;
    let sets = match magic >> 24 {
        1 => 1,
        2 | 3 => 2,
        _ => return None,
    };
    let set = |offset: usize| -> Option<u64> {
        let low = u64::from(*words.get(1 + offset)?);
        let high = if sets == 2 { u64::from(*words.get(3 + offset)?) } else { 0 };
        Some(high << 32 | low)
    };
    let names = |bits: u64| -> String {
        let named: Vec<String> = (0..64)
            .filter(|bit| bits >> bit & 1 != 0)
            .map(|bit| CAPABILITIES.get(bit).map_or_else(|| format!("cap_{bit}"), |name| format!("cap_{name}")))
            .collect();
        if named.is_empty() { "none".to_owned() } else { named.join(", ") }
    };
    let mut shown = format!("permitted {}; inheritable {}", names(set(0)?), names(set(1)?));
    if magic & 1 != 0 {
        shown.push_str("; effective at once");
    }
    if magic >> 24 == 3 {
        let _ = write!(shown, "; for the user namespace of uid {}", words.get(5)?);
    }
    Some(shown)
}

struct AccessList {
    shown: String,
    writers: Vec<String>,
}

/// Decodes an access list: version 2, then entries of tag, permissions and id, little-endian
/// (`linux/posix_acl_xattr.h`, acl(5)). A named entry counts only as far as the mask lets it.
fn access_list(value: &[u8], accounts: &BoxAccounts) -> Option<AccessList> {
    let (version, entries) = value.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != 2 {
        return None;
    }
    let entries: Vec<(u16, u16, u32)> = entries
        .as_chunks::<8>()
        .0
        .iter()
        .map(|e| {
            (
                u16::from_le_bytes([e[0], e[1]]),
                u16::from_le_bytes([e[2], e[3]]),
                u32::from_le_bytes([e[4], e[5], e[6], e[7]]),
            )
        })
        .collect();
    let mask = entries.iter().find(|(tag, ..)| *tag == 0x10).map_or(7, |(_, permissions, _)| *permissions);
    let mut list = AccessList { shown: String::new(), writers: Vec::new() };
    for (tag, permissions, id) in entries {
        let who = match tag {
            0x02 => format!("user {}", accounts.user(id)),
            0x08 => format!("group {}", accounts.group(id)),
            _ => continue,
        };
        let granted = permissions & mask;
        if !list.shown.is_empty() {
            list.shown.push_str(", ");
        }
        let bit = |bit, letter| if granted & bit != 0 { letter } else { '-' };
        let _ = write!(list.shown, "{who} {}{}{}", bit(4, 'r'), bit(2, 'w'), bit(1, 'x'));
        if granted & 2 != 0 {
            list.writers.push(format!("{who} (access list)"));
        }
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_every_revision_are_named() {
        // As `setcap cap_net_raw+ep` writes it: revision 2, effective bit, permitted bit 13.
        let revision_2 = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(capabilities(&revision_2).unwrap(), "permitted cap_net_raw; inheritable none; effective at once");
        let revision_3 = [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x80, 0xe8, 3, 0, 0];
        assert_eq!(
            capabilities(&revision_3).unwrap(),
            "permitted cap_bpf; inheritable cap_63; for the user namespace of uid 1000"
        );
        assert_eq!(
            capabilities(&[0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap(),
            "permitted cap_chown; inheritable none"
        );
        for length in 0..revision_2.len() {
            assert_eq!(capabilities(&revision_2[..length]), None);
        }
    }

    #[test]
    fn an_access_list_names_those_who_may_write_within_the_mask() {
        let entry = |tag: u16, permissions: u16, id: u32| {
            [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let list = |mask| {
            let parts = [
                2u32.to_le_bytes().to_vec(),
                entry(1, 7, u32::MAX),
                entry(2, 6, 1000),
                entry(8, 4, 7),
                entry(0x10, mask, 0),
            ];
            access_list(&parts.concat(), &BoxAccounts::default()).unwrap()
        };
        assert_eq!(list(7).shown, "user uid 1000 rw-, group gid 7 r--");
        assert_eq!(list(7).writers, ["user uid 1000 (access list)"]);
        assert_eq!(list(4).writers, Vec::<String>::new());
        assert!(access_list(&[1, 0, 0, 0], &BoxAccounts::default()).is_none());
        assert!(access_list(&[2, 0], &BoxAccounts::default()).is_none());
    }
}
