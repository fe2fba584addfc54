//! What happened on the box by its own logs: logins, sudo and su, packages, cron's jobs, audited programs, what shells
//! remember.
//!
//! Everything is read as text or as plain records, systemd's journal too, bounded, from the end of each log. Logs can be changed by whoever has
//! root, and their clock is the box's own; so each event names its file and line.

mod history;
mod journal;
mod log;
mod login;
mod stamp;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::{Gaps, Observed};
use super::show;
use crate::finding::FileFacts;
use crate::root::Root;
use crate::text;

/// Events kept in all.
const MAX_EVENTS: usize = 400_000;
/// Events shown of one file.
const MAX_SHOWN: usize = 200;
/// Seconds around the file's last change that count.
const AROUND: i64 = 3600;

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Somebody logged in.
    Login,
    /// Somebody failed to.
    FailedLogin,
    /// Somebody became another user.
    Privilege,
    /// A package was installed, upgraded or removed.
    Package,
    /// cron started a job.
    Cron,
    /// The kernel's audit saw a program or a file.
    Audit,
    /// A shell remembers a command.
    Shell,
    /// The box was started or shut down, or its clock was set.
    System,
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "login",
            Self::FailedLogin => "failed login",
            Self::Privilege => "other user",
            Self::Package => "package",
            Self::Cron => "cron",
            Self::Audit => "audit",
            Self::Shell => "shell",
            Self::System => "system",
        })
    }
}

/// Something that a log of the box tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxEvent {
    /// When, by the box's clock.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: EventKind,
    /// What the log says, safe to show.
    #[serde(rename = "said")]
    pub message: String,
    /// The log.
    #[serde(with = "show::kept_path")]
    pub source: PathBuf,
    /// Its line or record, from 1.
    pub line: usize,
    /// Whether it names the found file.
    pub names_file: bool,
}

impl fmt::Display for BoxEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = text::escape_path(&self.source);
        write!(f, "{:.0} {}: {} ({source}:{})", self.at, self.kind, self.message, self.line)
    }
}

/// An event as it was read.
#[derive(Debug, Clone)]
struct Read {
    /// Seconds since 1970; none where the log does not say when.
    at: Option<i64>,
    kind: EventKind,
    /// As it stands there: not safe to show.
    message: String,
    source: u16,
    line: u32,
}

/// All events of a box, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Events {
    all: Vec<Read>,
    sources: Vec<PathBuf>,
    pub(super) gaps: Gaps,
}

impl Events {
    /// Reads all logs of the box; `zone` is the one that its logs' local times are in.
    pub(super) fn read(root: &Root, accounts: &BoxAccounts, zone: &TimeZone) -> Self {
        let mut events = Self::default();
        login::read(root, &mut events);
        log::read(root, zone, &mut events);
        let journal = events.all.len();
        journal::read(root, &mut events);
        events.drop_told(journal);
        history::read(root, accounts, &mut events);
        events.all.sort_by_key(|event| event.at);
        events
    }

    /// Drops of the events from that place on what one before it tells already: a log of text tells what the journal does.
    fn drop_told(&mut self, from: usize) {
        let later = self.all.split_off(from);
        let key = |event: &Read| (event.at, event.kind, event.message.clone());
        let told: HashSet<_> = if later.is_empty() { HashSet::new() } else { self.all.iter().map(key).collect() };
        self.all.extend(later.into_iter().filter(|event| !told.contains(&key(event))));
    }

    /// What happened in the hour around the last change of a file, or names it; the earliest first.
    pub(super) fn around(&self, path: &Path, facts: &FileFacts) -> Observed<Vec<BoxEvent>> {
        let whole = path.to_string_lossy();
        let times: Vec<i64> =
            [Some(facts.changed), facts.born].into_iter().flatten().map(|time| time.seconds).collect();
        let is_near = |at: i64| times.iter().any(|time| (at - time).abs() <= AROUND);
        let mut found: Vec<(bool, i64, BoxEvent)> = Vec::new();
        for event in &self.all {
            let names_file = whole.len() > 1 && event.message.contains(&*whole);
            let Some(at) = event.at.or(names_file.then_some(0)) else { continue };
            if !names_file && !is_near(at) {
                continue;
            }
            let Ok(stamp) = Timestamp::from_second(at) else { continue };
            let said = text::truncate_end(&text::escape_str(&event.message), 240).into_owned();
            let said = if event.at.is_some() { said } else { format!("{said} (the log does not say when)") };
            let source = self.sources.get(usize::from(event.source)).cloned().unwrap_or_default();
            let distance = times.iter().map(|time| (at - time).abs()).min().unwrap_or(i64::MAX);
            let line = event.line as usize;
            found.push((
                names_file,
                distance,
                BoxEvent { at: stamp, kind: event.kind, message: said, source, line, names_file },
            ));
        }
        // Of too many those that name the file count first, then the nearest.
        found.sort_by_key(|(names_file, distance, _)| (!names_file, *distance));
        found.truncate(MAX_SHOWN);
        let mut found: Vec<BoxEvent> = found.into_iter().map(|(_, _, event)| event).collect();
        found.sort_by_key(|event| event.at);
        self.gaps.settle(found)
    }

    /// The number of a log, which is added.
    fn source(&mut self, path: &Path) -> u16 {
        let number = self.sources.len().min(usize::from(u16::MAX)) as u16;
        self.sources.push(path.to_owned());
        number
    }

    fn add(&mut self, source: u16, line: usize, at: Option<i64>, kind: EventKind, said: &str) {
        if self.all.len() >= MAX_EVENTS {
            return;
        }
        if self.all.len() + 1 == MAX_EVENTS {
            self.gaps.add(format!("the logs tell of more than {MAX_EVENTS} events, not all were read"));
        }
        let end = said.floor_char_boundary(1024);
        let said = said.get(..end).unwrap_or_default().to_owned();
        self.all.push(Read { at, kind, message: said, source, line: u32::try_from(line).unwrap_or(u32::MAX) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, put, scratch};
    use super::*;

    fn around(dir: &Path, root: &Root, file: &str, at: i64) -> Vec<(EventKind, String)> {
        let accounts = BoxAccounts::read(root);
        let events = Events::read(root, &accounts, &TimeZone::fixed(jiff::tz::offset(1)));
        let mut facts = facts(&dir.join(file.trim_start_matches('/')));
        facts.changed.seconds = at;
        facts.born = None;
        let found = events.around(Path::new(file), &facts);
        found.found().into_iter().flatten().map(|event| (event.kind, event.to_string())).collect()
    }

    #[test]
    fn each_kind_of_log_is_read_and_told_with_its_line() {
        // 2026-11-20T10:30:00Z; the box is an hour ahead.
        let at = "2026-11-20T10:30:00Z".parse::<Timestamp>().unwrap().as_second();
        let (dir, root) = scratch(&[
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"),
            ("opt/x.py", ""),
            (
                "var/log/auth.log",
                "Nov 20 11:20:00 box sshd[1]: Accepted publickey for root from 203.0.113.9 port 5 ssh2\n\
                 2026-11-20T11:21:00.5+01:00 box sudo:   ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cp x /opt/x.py\n\
                 Nov 20 11:22:00 box sshd[2]: Failed password for ann from 203.0.113.9 port 5 ssh2\n\
                 Nov 20 11:22:01 box kernel: nothing\n",
            ),
            ("var/log/syslog", "Nov 20 11:25:01 box CRON[77]: (root) CMD (/opt/x.py)\n"),
            ("var/log/dpkg.log", "2026-11-20 11:26:00 install evil:amd64 <none> 1.0\n2026-11-20 11:26:01 status x\n"),
            ("var/log/apt/history.log", "Start-Date: 2026-11-20  11:25:59\nCommandline: apt install evil\n"),
            ("var/log/dnf.log", "2026-11-20T11:27:00+0100 SUBDEBUG Installed: evil-1.0\n"),
            ("var/log/audit/audit.log", &format!("type=EXECVE msg=audit({}.5:7): argc=1 a0=\"/opt/x.py\"\n", at - 60)),
            ("home/ann/.bash_history", &format!("#{}\nchmod +x /opt/x.py\nls\n", at - 120)),
            ("root/.zsh_history", ": 1000:0;rm /opt/x.py\n"),
            ("root/.bash_history", "vi /opt/x.py\n"),
        ]);
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64 + 600);
        for log in ["var/log/auth.log", "var/log/syslog"] {
            std::fs::File::options().write(true).open(dir.path().join(log)).unwrap().set_modified(old).unwrap();
        }
        let found = around(dir.path(), &root, "/opt/x.py", at);
        let shown: Vec<String> = found.iter().map(|(_, said)| said.clone()).collect();
        for expected in [
            "2026-11-20T10:20:00Z login: Accepted publickey for root from 203.0.113.9",
            "2026-11-20T10:21:00Z other user: ann : TTY=pts/0",
            "2026-11-20T10:22:00Z failed login: Failed password for ann",
            "2026-11-20T10:25:01Z cron: (root) CMD (/opt/x.py) (/var/log/syslog:1)",
            "2026-11-20T10:26:00Z package: install evil:amd64",
            "2026-11-20T10:25:59Z package: apt install evil",
            "2026-11-20T10:27:00Z package: Installed: evil-1.0",
            "2026-11-20T10:29:00Z audit: type=EXECVE",
            "2026-11-20T10:28:00Z shell: ann: chmod +x /opt/x.py (/home/ann/.bash_history:2)",
            "shell: root: rm /opt/x.py",
            "shell: root: vi /opt/x.py (the log does not say when)",
        ] {
            assert!(shown.iter().any(|said| said.contains(expected)), "{expected}\n{}", shown.join("\n"));
        }
        assert!(!shown.iter().any(|said| said.contains("nothing") || said.contains("status x")), "{shown:#?}");
        assert_eq!(around(dir.path(), &root, "/etc/passwd", at + 1_000_000).len(), 0);
    }

    #[test]
    fn logins_are_read_from_their_records() {
        let (dir, root) = scratch(&[("opt/x", "")]);
        let mut record = vec![0_u8; 384];
        record[0] = 7;
        record[8..13].copy_from_slice(b"pts/0");
        record[44..47].copy_from_slice(b"ann");
        record[76..87].copy_from_slice(b"203.0.113.9");
        record[340..344].copy_from_slice(&1_000_000_i32.to_le_bytes());
        let mut damaged = record.clone();
        damaged[0] = 99;
        put(dir.path(), "var/log/wtmp", &[record.clone(), damaged, record[..100].to_vec()].concat());
        put(dir.path(), "var/log/btmp", &record);
        let found = around(dir.path(), &root, "/opt/x", 1_000_300);
        let said: Vec<String> = found.into_iter().map(|(_, said)| said).collect();
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said[0].contains("login: ann on pts/0 from 203.0.113.9 (/var/log/wtmp:1)"), "{said:#?}");
        assert!(said[1].contains("failed login: ann on pts/0"), "{said:#?}");
    }

    #[test]
    fn noise_in_the_logs_breaks_nothing() {
        let noise: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
        let (dir, root) = scratch(&[("opt/x", ""), ("etc/passwd", "root:x:0:0::/root:/bin/sh\n")]);
        for log in ["wtmp", "btmp", "lastlog", "auth.log", "syslog.1", "dpkg.log", "audit/audit.log", "auth.log.2.gz"] {
            put(dir.path(), &format!("var/log/{log}"), &noise);
        }
        put(dir.path(), "root/.bash_history", &noise);
        around(dir.path(), &root, "/opt/x", 0);
    }
}
