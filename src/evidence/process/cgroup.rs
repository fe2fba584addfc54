//! What manages a process by its control group: a unit of systemd, a container (`proc_pid_cgroup(5)`, cgroups(7)).
//!
//! A process cannot move itself out of its unit without root, and unlike a parent's name its unit outlives its parents.

/// The unit and the container in `/proc/PID/cgroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ControlGroup {
    /// The innermost service, scope or the like: `backup.service`, safe to compare, not to show.
    pub(super) unit: Option<String>,
    /// The id of a container, 64 hex digits.
    pub(super) container: Option<String>,
}

/// Endings of units that can hold processes (systemd.unit(5)); a slice only groups others.
const KINDS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
/// Hex digits of a container's id in Docker, containerd, CRI-O and Podman.
const ID: usize = 64;

/// Reads the file: `ID:CONTROLLERS:PATH` a line; the line of cgroup v2 and that of systemd's own hierarchy count.
pub(super) fn parse(bytes: &[u8]) -> ControlGroup {
    let text = String::from_utf8_lossy(bytes);
    let mut group = ControlGroup::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if group.container.is_none() {
            group.container = path.split(['/', '-', '.', ':']).find(|part| is_id(part)).map(str::to_owned);
        }
        if controllers.is_empty() || controllers == "name=systemd" {
            let is_unit = |part: &&str| KINDS.iter().any(|kind| part.ends_with(kind));
            let unit = path.split('/').rev().find(is_unit).map(unescape);
            group.unit = unit.or(group.unit);
        }
    }
    group
}

fn is_id(part: &str) -> bool {
    part.len() == ID && part.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

/// Names that would clash with a controller's begin with `_` (systemd's `cg_unescape`).
fn unescape(part: &str) -> String {
    part.strip_prefix('_').unwrap_or(part).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_containers_are_read_from_both_versions() {
        let id = "0123456789abcdef".repeat(4);
        let of = |text: &str| {
            let group = parse(text.as_bytes());
            (group.unit.unwrap_or_default(), group.container.unwrap_or_default())
        };
        let pair = |unit: &str, container: &str| (unit.to_owned(), container.to_owned());
        for (text, expected) in [
            ("0::/system.slice/backup.service\n".to_owned(), pair("backup.service", "")),
            ("0::/system.slice/system-backup.slice/backup@home.service\n".to_owned(), pair("backup@home.service", "")),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service\n".to_owned(),
                pair("mine.service", ""),
            ),
            ("0::/user.slice/user-0.slice/session-3.scope\n".to_owned(), pair("session-3.scope", "")),
            (format!("0::/system.slice/docker-{id}.scope\n"), pair(&format!("docker-{id}.scope"), &id)),
            (format!("12:pids:/docker/{id}\n1:name=systemd:/docker/{id}\n"), pair("", &id)),
            (
                format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope\n"),
                pair(&format!("cri-containerd-{id}.scope"), &id),
            ),
            (
                "4:memory:/system.slice/x.service\n1:name=systemd:/system.slice/cron.service\n".to_owned(),
                pair("cron.service", ""),
            ),
            ("0::/\n".to_owned(), pair("", "")),
            ("noise".to_owned(), pair("", "")),
        ] {
            assert_eq!(of(&text), expected, "{text}");
        }
    }
}
