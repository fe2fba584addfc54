//! Logs of lines: syslog's, the package managers', the audit's. Rotated ones too, gzip'ed or not.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;

use super::{EventKind, Events, stamp};
use crate::root::{Attributes, Root};

/// Bytes read of one log, from its end.
const MAX_LOG: u64 = 16 << 20;
/// Bytes that a packed log is unpacked to.
const MAX_UNPACKED: u64 = 16 << 20;
/// Logs of one name, the newest first.
const MAX_ROTATED: usize = 8;

/// A log and what its lines are.
struct Log {
    folder: &'static str,
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Syslog,
    Dpkg,
    AptHistory,
    Dnf,
    Pacman,
    Audit,
}

/// Where each distribution keeps them.
const LOGS: [Log; 14] = [
    Log { folder: "/var/log", name: "auth.log", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "secure", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "syslog", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "messages", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "cron", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "cron.log", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "sudo.log", kind: Kind::Syslog },
    Log { folder: "/var/log", name: "dpkg.log", kind: Kind::Dpkg },
    Log { folder: "/var/log/apt", name: "history.log", kind: Kind::AptHistory },
    Log { folder: "/var/log", name: "dnf.log", kind: Kind::Dnf },
    Log { folder: "/var/log", name: "yum.log", kind: Kind::Dnf },
    Log { folder: "/var/log/zypp", name: "history", kind: Kind::Dnf },
    Log { folder: "/var/log", name: "pacman.log", kind: Kind::Pacman },
    Log { folder: "/var/log/audit", name: "audit.log", kind: Kind::Audit },
];

/// Reads all of them.
pub(super) fn read(root: &Root, zone: &TimeZone, events: &mut Events) {
    for log in &LOGS {
        for path in rotated(root, log, events) {
            match text(root, &path) {
                Ok(Some((text, written, first_line))) => {
                    lines(&path, &text, written, first_line, log.kind, zone, events);
                }
                Ok(None) => {}
                Err(error) => events.gaps.add_error(&path, &error),
            }
        }
    }
}

/// The log and its rotated forms (logrotate(8)): `auth.log`, `auth.log.1`, `auth.log.2.gz`, `secure-20261101`.
fn rotated(root: &Root, log: &Log, events: &mut Events) -> Vec<PathBuf> {
    let folder = Path::new(log.folder);
    let names = match root.folder(folder).and_then(|open| open.names()) {
        Ok((names, _)) => names,
        Err(error) => {
            events.gaps.add_error(folder, &error);
            return Vec::new();
        }
    };
    let of_log = |name: &str| {
        let rest = name.strip_prefix(log.name)?;
        let number = rest.trim_end_matches(".gz").trim_start_matches(['.', '-']);
        (number.is_empty() && rest != ".gz" || number.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    let names = names.into_iter().filter(|name| name.to_str().is_some_and(|name| of_log(name).is_some()));
    names.take(MAX_ROTATED).map(|name| folder.join(name)).collect()
}

/// The end of a log as text, when it was written, and the number of its first line that was read; none when it is empty.
fn text(root: &Root, path: &Path) -> std::io::Result<Option<(String, i64, usize)>> {
    let located = root.locate(path, true)?;
    let is = Attributes::of(&located.metadata);
    if is.size == 0 {
        return Ok(None);
    }
    let mut file = located.open()?;
    let mut bytes = Vec::new();
    let mut begin = 1;
    if path.extension().is_some_and(|extension| extension == "gz") {
        // One that does not unpack to its end is read as far as it goes.
        let _ = MultiGzDecoder::new(file.take(MAX_LOG)).take(MAX_UNPACKED).read_to_end(&mut bytes);
    } else {
        if is.size > MAX_LOG {
            file.seek(SeekFrom::Start(is.size - MAX_LOG))?;
            begin = 0;
        }
        file.take(MAX_LOG).read_to_end(&mut bytes)?;
    }
    Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), is.modified.seconds, begin)))
}

fn lines(path: &Path, text: &str, written: i64, begin: usize, kind: Kind, zone: &TimeZone, events: &mut Events) {
    let source = events.source(path);
    // Lines of a log that is read from its end have no numbers of their own.
    let number = |index: usize| if begin == 0 { 0 } else { index + 1 };
    let mut started = None;
    for (index, line) in text.lines().enumerate() {
        match kind {
            Kind::Audit => {
                if let Some(at) = audited(line) {
                    events.add(source, number(index), Some(at), EventKind::Audit, line);
                }
            }
            Kind::AptHistory => {
                if let Some(date) = line.strip_prefix("Start-Date: ") {
                    started = stamp::split(&date.replacen("  ", " ", 1), zone, written).map(|(at, _)| at);
                } else if let Some(command) = line.strip_prefix("Commandline: ") {
                    events.add(source, number(index), started, EventKind::Package, command);
                }
            }
            Kind::Syslog | Kind::Dpkg | Kind::Dnf | Kind::Pacman => {
                let Some((at, rest)) = stamp::split(line, zone, written) else { continue };
                if let Some((kind, said)) = told(kind, rest) {
                    events.add(source, number(index), Some(at), kind, said);
                }
            }
        }
    }
}

/// What a line tells of interest after its time.
fn told(kind: Kind, rest: &str) -> Option<(EventKind, &str)> {
    match kind {
        Kind::Dpkg => {
            let verb = rest.split(' ').next()?;
            matches!(verb, "install" | "upgrade" | "remove" | "purge").then_some((EventKind::Package, rest))
        }
        Kind::Dnf => {
            let at =
                ["Installed:", "Upgraded:", "Updated:", "Removed:", "Erased:", "Downgraded:", "|install|", "|remove |"]
                    .iter()
                    .find_map(|mark| rest.find(mark))?;
            Some((EventKind::Package, rest.get(at..)?))
        }
        Kind::Pacman => {
            let said = rest.strip_prefix("[ALPM] ")?;
            let verb = said.split(' ').next()?;
            matches!(verb, "installed" | "upgraded" | "removed" | "reinstalled" | "downgraded")
                .then_some((EventKind::Package, said))
        }
        Kind::Syslog => syslog(rest),
        Kind::AptHistory | Kind::Audit => None,
    }
}

/// `HOST PROGRAM[PID]: MESSAGE`.
fn syslog(rest: &str) -> Option<(EventKind, &str)> {
    let (_, after) = rest.split_once(' ')?;
    let (tag, said) = after.split_once(": ").or_else(|| after.split_once(':'))?;
    by_program(tag.split(['[', '/']).next()?.trim(), said.trim_start())
}

/// What programs of one kind tell.
#[derive(Debug, Clone, Copy)]
enum ProgramKind {
    Login,
    Privilege,
    Accounts,
    Cron,
    Sessions,
}

impl ProgramKind {
    fn of(program: &str) -> Option<Self> {
        Some(match program {
            "sshd" | "sshd-session" | "dropbear" | "login" | "gdm-password" | "xrdp-sesman" | "vsftpd"
            | "cockpit-session" => Self::Login,
            "sudo" | "su" | "doas" | "pkexec" | "polkitd" => Self::Privilege,
            "useradd" | "usermod" | "userdel" | "groupadd" | "passwd" | "chpasswd" | "gpasswd" | "adduser" => {
                Self::Accounts
            }
            "CRON" | "cron" | "crond" | "crontab" | "anacron" | "atd" => Self::Cron,
            "systemd-logind" => Self::Sessions,
            _ => return None,
        })
    }
}

/// Whether a program may tell something of interest.
pub(super) fn is_of_interest(program: &str) -> bool {
    ProgramKind::of(program).is_some()
}

/// What a message of a program tells, if it is of interest.
pub(super) fn by_program<'s>(program: &str, said: &'s str) -> Option<(EventKind, &'s str)> {
    const SUCCESSES: [&str; 6] =
        ["COMMAND=", "session opened", "Successful su", " ran command", "Executing command", "to root"];
    let holds = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let kind = match ProgramKind::of(program)? {
        ProgramKind::Login if holds(&["Accepted ", "session opened", "succeeded", "LOGIN ON"]) => EventKind::Login,
        ProgramKind::Login if holds(&["Failed ", "Invalid user", "authentication failure", "FAILED LOGIN"]) => {
            EventKind::FailedLogin
        }
        ProgramKind::Privilege if holds(&SUCCESSES) => EventKind::Privilege,
        ProgramKind::Privilege
            if holds(&["authentication failure", "NOT in sudoers", "incorrect password", "FAILED SU"]) =>
        {
            EventKind::FailedLogin
        }
        ProgramKind::Accounts => EventKind::Privilege,
        ProgramKind::Cron if holds(&["CMD", "REPLACE", "EDIT", "Job", "Starting job"]) => EventKind::Cron,
        ProgramKind::Sessions if said.starts_with("New session") => EventKind::Login,
        _ => return None,
    };
    Some((kind, said))
}

/// Whether the audit's record of this type is of interest.
pub(super) fn is_audited(kind: &str) -> bool {
    const TYPES: [&str; 8] =
        ["EXECVE", "PATH", "USER_LOGIN", "USER_CMD", "ADD_USER", "SYSCALL", "USER_AUTH", "PROCTITLE"];
    TYPES.contains(&kind)
}

/// The time of a record of interest of the audit: `type=EXECVE msg=audit(1764180000.123:45): …` (auditd's documentation).
fn audited(line: &str) -> Option<i64> {
    if !is_audited(line.strip_prefix("type=")?.split(' ').next()?) {
        return None;
    }
    let (_, rest) = line.split_once("msg=audit(")?;
    rest.split(['.', ':']).next()?.parse().ok()
}
