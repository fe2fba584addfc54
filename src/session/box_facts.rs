//! Which box this is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustix::system::uname;

use super::host_identity::HostIdentity;
use crate::evidence::BoxZone;
use crate::root::Root;
use crate::timeout;

/// Longest host name that is believed, in bytes; `HOST_NAME_MAX` of Linux is 64, a fully qualified one may be longer.
const MAX_BYTES: u64 = 255;
/// Bytes read of os-release, and of a table of addresses.
const MAX_RELEASE_BYTES: u64 = 64 << 10;
const MAX_TABLE_BYTES: u64 = 1 << 20;
/// Addresses that are kept of a box.
const MAX_ADDRESSES: usize = 64;
/// How long an image may take to say its name.
const LIMIT: Duration = Duration::from_secs(5);

/// The name of the box: what the kernel says on a live system, `/etc/hostname` of an image.
pub fn host_name(root: &Root) -> String {
    if root.is_live() {
        return uname().nodename().to_string_lossy().into_owned();
    }
    let asked = root.clone();
    let read = move || asked.text_up_to(Path::new("/etc/hostname"), MAX_BYTES).ok();
    let text = timeout::run(LIMIT, read).ok().flatten().map(|text| text.bytes).unwrap_or_default();
    let text = std::str::from_utf8(&text).unwrap_or_default();
    let name = text.lines().next().unwrap_or_default().trim();
    if name.is_empty() { "unknown-image".to_owned() } else { name.to_owned() }
}

/// Which box it is whose root is `root`, and whose name `name`.
pub(crate) fn identity(root: &Root, name: &str) -> HostIdentity {
    let (asked, named) = (root.clone(), name.to_owned());
    timeout::run(LIMIT, move || HostIdentity::of(&asked, &named)).unwrap_or_default()
}

/// What a case keeps of the box, under the names of ECS; what ECS has no name for has one of Huntbook's own. Of an image it is
/// the image's own. What is not known is left out.
pub(super) fn facts(root: &Root, name: &str) -> Vec<(&'static str, String)> {
    let (asked, named) = (root.clone(), name.to_owned());
    let read = timeout::run(LIMIT, move || of_files(&asked, &named));
    let mut facts = vec![("host.name", name.to_owned()), ("host.os.type", "linux".to_owned())];
    facts.extend(read.unwrap_or_default());
    if root.is_live() {
        let kernel = uname();
        facts.push(("host.hostname", kernel.nodename().to_string_lossy().into_owned()));
        facts.push(("host.os.kernel", kernel.release().to_string_lossy().into_owned()));
        facts.push(("host.os.build", kernel.version().to_string_lossy().into_owned()));
        facts.push(("host.architecture", kernel.machine().to_string_lossy().into_owned()));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// The facts that stand in files of the box.
fn of_files(root: &Root, name: &str) -> Vec<(&'static str, String)> {
    let mut facts: Vec<_> = HostIdentity::of(root, name).facts().collect();
    facts.extend(os_release(root));
    let zone = BoxZone::of(root);
    if let Some(zone) = zone.found() {
        facts.push(("host.timezone", zone.name.clone()));
    }
    if root.is_live() {
        let now = Timestamp::now();
        if let Some(zone) = zone.found() {
            facts.push(("host.clock.offset", zone.to_offset(now).to_string()));
        }
        if let Some(uptime) = uptime(root) {
            facts.push(("host.uptime", uptime.to_string()));
        }
        // Since 1970 in UTC, as the hardware keeps it; how far the kernel's clock is off from that.
        let hardware = first_line(root, "/sys/class/rtc/rtc0/since_epoch").and_then(|line| line.parse::<i64>().ok());
        if let Some(hardware) = hardware {
            facts.push(("host.clock.hardware", (now.as_second() - hardware).to_string()));
        }
        facts.push(("host.ip", addresses(root).join(", ")));
    }
    facts
}

/// What the box's os-release says (os-release(5)).
fn os_release(root: &Root) -> Vec<(&'static str, String)> {
    let read = |path: &str| root.text_up_to(Path::new(path), MAX_RELEASE_BYTES).ok();
    let Some(text) = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")) else { return Vec::new() };
    let text = String::from_utf8_lossy(&text.bytes).into_owned();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned())
    };
    let names = [
        ("host.os.name", "NAME"),
        ("host.os.version", "VERSION_ID"),
        ("host.os.full", "PRETTY_NAME"),
        ("host.os.platform", "ID"),
        ("host.os.family", "ID_LIKE"),
    ];
    names.into_iter().filter_map(|(fact, key)| Some((fact, value(key)?))).collect()
}

/// Seconds since the box was started (`proc_uptime(5)`).
fn uptime(root: &Root) -> Option<u64> {
    first_line(root, "/proc/uptime")?.split(['.', ' ']).next()?.parse().ok()
}

fn first_line(root: &Root, path: &str) -> Option<String> {
    let text = root.text_up_to(Path::new(path), MAX_BYTES).ok()?;
    Some(String::from_utf8_lossy(&text.bytes).lines().next()?.trim().to_owned())
}

/// The box's own addresses without those of the loopback, at most [`MAX_ADDRESSES`].
fn addresses(root: &Root) -> Vec<String> {
    let read = |path: &str| root.text_up_to(Path::new(path), MAX_TABLE_BYTES).ok().map(|text| text.bytes);
    let tries = read("/proc/net/fib_trie").unwrap_or_default();
    let table = read("/proc/net/if_inet6").unwrap_or_default();
    let mut all: Vec<IpAddr> = local_v4(&String::from_utf8_lossy(&tries)).into_iter().map(IpAddr::V4).collect();
    all.extend(local_v6(&String::from_utf8_lossy(&table)).into_iter().map(IpAddr::V6));
    all.sort_unstable();
    all.dedup();
    all.iter().filter(|address| !address.is_loopback()).take(MAX_ADDRESSES).map(ToString::to_string).collect()
}

/// The leaves of the routing trie that are this host: an address, and below it `/32 host LOCAL` (the kernel's
/// `net/ipv4/fib_trie.c`).
fn local_v4(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut at: Option<Ipv4Addr> = None;
    for line in trie.lines().map(str::trim) {
        if let Some(leaf) = line.strip_prefix("|-- ") {
            at = leaf.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(at);
        }
    }
    found
}

/// The first column of `if_inet6` (`proc_pid_net(5)`).
fn local_v6(table: &str) -> Vec<Ipv6Addr> {
    let bits = |line: &str| u128::from_str_radix(line.split_ascii_whitespace().next()?, 16).ok();
    table.lines().filter_map(bits).map(Ipv6Addr::from_bits).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_image_says_its_own_system_and_nothing_of_this_one() {
        let image = tempfile::tempdir().unwrap();
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let release = "NAME=\"Rocky Linux\"\nID=rocky\nID_LIKE='rhel centos'\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"Rocky Linux 9.4\"\n";
        std::fs::write(image.path().join("etc/os-release"), release).unwrap();
        std::fs::write(image.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        let facts = facts(&Root::image(image.path()), "web01");
        let fact = |name: &str| facts.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(fact("host.os.full"), Some("Rocky Linux 9.4"));
        assert_eq!((fact("host.os.platform"), fact("host.os.version")), (Some("rocky"), Some("9.4")));
        assert_eq!((fact("host.timezone"), fact("host.id").map(str::len)), (Some("UTC"), Some(32)));
        for none in ["host.os.kernel", "host.ip", "host.uptime", "host.boot.id", "host.clock.offset"] {
            assert_eq!(fact(none), None, "{none}");
        }
    }

    #[test]
    fn addresses_are_read_as_the_kernel_lists_them() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 10.1.2.3\n        \
                    /32 host LOCAL\n     |-- 10.1.2.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(local_v4(trie), [Ipv4Addr::new(10, 1, 2, 3), Ipv4Addr::LOCALHOST]);
        let table = "fe80000000000000021122fffe334455 02 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\nx\n";
        let found = local_v6(table);
        assert_eq!(found[0].to_string(), "fe80::211:22ff:fe33:4455");
        assert_eq!((found[1], found.len()), (Ipv6Addr::LOCALHOST, 2));
        assert!(local_v4("|-- x\n/32 host LOCAL\n/32 host LOCAL").is_empty());
    }

    #[test]
    fn an_image_is_named_by_its_own_file() {
        let image = tempfile::tempdir().unwrap();
        let name = || host_name(&Root::image(image.path()));
        assert_eq!(name(), "unknown-image");
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let file = image.path().join("etc/hostname");
        std::fs::write(&file, "web01\nmore").unwrap();
        assert_eq!(name(), "web01");
        assert!(!host_name(&Root::live()).is_empty());
        std::fs::rename(&file, image.path().join("etc/hostname.real")).unwrap();
        symlink("/etc/hostname.real", &file).unwrap();
        assert_eq!(name(), "web01", "a link stays inside the image");
        std::fs::remove_file(&file).unwrap();
        symlink("/proc/sys/kernel/hostname", &file).unwrap();
        assert_eq!(name(), "unknown-image", "and does not lead out of it");
    }
}
