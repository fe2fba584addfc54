//! Evidence under the names that checks use: Elastic Common Schema fields (<https://www.elastic.co/docs/reference/ecs>)
//! and a few of Huntbook's own.

use std::ffi::OsStr;
use std::fmt;

use super::{Account, Ancestor, Content, Evidence, Observed, Process, Scheduler, show};
use crate::text;

/// Every field that [`Evidence::field`] answers. `host.path` is asked by value: [`super::Gatherer::host_path`].
pub const FIELDS: [&str; 21] = [
    "destination.port",
    "file.group",
    "file.hash.sha256",
    "file.mode",
    "file.mtime",
    "file.name",
    "file.owner",
    "file.package",
    "file.package_unchanged",
    "file.path",
    "host.tool",
    "process.command_line",
    "process.executable",
    "process.name",
    "process.parent.name",
    "process.start",
    "process.user",
    "schedule.cron",
    "schedule.systemd",
    "source.ip",
    "user.group",
];

/// One value of a field and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Value {
    /// The value to compare. A path or name that is not UTF-8 has its odd bytes as `\x..`.
    pub text: String,
    /// Where the value was seen and who could have made it so; safe to show.
    pub provenance: String,
}

impl Evidence {
    /// The values of a field: found (never empty), not found, or unknown and why.
    ///
    /// `file.*` are as scanned, except `file.package`. A schedule's value is its command; what names only a folder
    /// above the file says so in its provenance. `process.parent.name` has every ancestor, the nearest first.
    pub fn field(&self, name: &str) -> Observed<Vec<Value>> {
        match name {
            "file.package" => self.package.as_ref().map(|owner| vec![value(owner.package.clone(), owner)]),
            "file.package_unchanged" => self.package_unchanged(),
            "schedule.cron" => self.scheduled(|scheduler| scheduler != Scheduler::Systemd),
            "schedule.systemd" => self.scheduled(|scheduler| scheduler == Scheduler::Systemd),
            "destination.port" => {
                self.each("process", &self.sockets, |socket| vec![value(socket.destination_port().to_string(), socket)])
            }
            "source.ip" => self.each("process", &self.sockets, |socket| {
                socket.source_ip().map(|ip| value(ip.to_string(), socket)).into_iter().collect()
            }),
            "user.group" => self.each("account", &self.accounts, groups),
            "host.tool" => self.each("host", &self.tools, |tool| vec![value(tool.name.to_owned(), tool)]),
            name if name.starts_with("file.") => self.file_field(name),
            name if name.starts_with("process.") => self.process_field(name),
            _ => unknown_field(name),
        }
    }

    fn file_field(&self, name: &str) -> Observed<Vec<Value>> {
        let facts = &self.facts;
        let now = self.file.found();
        let one = match name {
            "file.path" => value(text_of(self.path.as_os_str()), &"as scanned"),
            "file.name" => match self.path.file_name() {
                Some(name) => value(text_of(name), &"as scanned"),
                None => return Observed::NotFound,
            },
            "file.owner" => {
                let named = || now.filter(|now| now.uid == facts.uid).map(|now| now.owner.clone());
                let owner = facts.owner.clone().or_else(named).unwrap_or_else(|| format!("uid {}", facts.uid));
                value(owner, &format_args!("uid {}, as scanned", facts.uid))
            }
            "file.group" => {
                let named = || now.filter(|now| now.gid == facts.gid).map(|now| now.group.clone());
                let group = facts.group.clone().or_else(named).unwrap_or_else(|| format!("gid {}", facts.gid));
                value(group, &format_args!("gid {}, as scanned", facts.gid))
            }
            "file.mode" => value(show::mode(facts.mode), &"as scanned"),
            "file.mtime" => {
                let changed = show::time(facts.changed);
                value(facts.modified.to_string(), &format_args!("as scanned; inode changed {changed}"))
            }
            "file.hash.sha256" => value(facts.sha256.to_string(), &"of the bytes that were scanned"),
            _ => return unknown_field(name),
        };
        Observed::Found(vec![one])
    }

    fn process_field(&self, name: &str) -> Observed<Vec<Value>> {
        let values: fn(&Process) -> Vec<Value> = match name {
            "process.name" => |process| vec![value(process.name.clone(), process)],
            "process.command_line" => |process| vec![value(process.command_line.clone(), process)],
            "process.user" => |process| vec![value(process.user.clone(), process)],
            "process.start" => {
                |process| process.started.map(|start| value(start.to_string(), process)).into_iter().collect()
            }
            "process.executable" => |process| {
                let path = process.executable.as_ref();
                path.map(|path| value(text_of(path.as_os_str()), process)).into_iter().collect()
            },
            "process.parent.name" => parents,
            _ => return unknown_field(name),
        };
        self.each("process", &self.processes, values)
    }

    fn package_unchanged(&self) -> Observed<Vec<Value>> {
        self.package.as_ref().and_then(|owner| match &owner.content {
            Content::AsShipped => Observed::Found(vec![value("yes".to_owned(), owner)]),
            Content::Changed => Observed::Found(vec![value("no".to_owned(), owner)]),
            Content::NotCompared(reason) => Observed::Unknown(format!("not compared with {}: {reason}", owner.package)),
        })
    }

    fn scheduled(&self, wanted: fn(Scheduler) -> bool) -> Observed<Vec<Value>> {
        self.each("schedule", &self.schedules, |schedule| {
            wanted(schedule.scheduler).then(|| value(schedule.command.clone(), schedule)).into_iter().collect()
        })
    }

    /// The values of every item. When no item has one it is not found, or unknown if the probe could not read all.
    fn each<T>(
        &self,
        probe: &str,
        items: &Observed<Vec<T>>,
        values: impl Fn(&T) -> Vec<Value>,
    ) -> Observed<Vec<Value>> {
        items.as_ref().and_then(|items| {
            let values: Vec<Value> = items.iter().flat_map(values).collect();
            let gap = self.gaps.iter().find(|gap| gap.probe == probe);
            match gap.filter(|_| values.is_empty()) {
                Some(gap) => Observed::Unknown(format!("not everything could be read: {}", gap.text)),
                None if values.is_empty() => Observed::NotFound,
                None => Observed::Found(values),
            }
        })
    }
}

fn parents(process: &Process) -> Vec<Value> {
    let parent = |(index, parent): (usize, &Ancestor)| {
        let place = match index {
            0 => "parent".to_owned(),
            steps => format!("{} steps above", steps + 1),
        };
        value(parent.name.clone(), &format_args!("{parent}, {place} pid {} {}", process.pid, process.name))
    };
    process.parents.iter().enumerate().map(parent).collect()
}

fn groups(account: &Account) -> Vec<Value> {
    account.groups.iter().map(|group| value(group.clone(), &format_args!("group of {account}"))).collect()
}

fn value(text: String, provenance: &dyn fmt::Display) -> Value {
    Value { text, provenance: provenance.to_string() }
}

/// A path or name as text to compare: as it is when it is UTF-8.
fn text_of(name: &OsStr) -> String {
    name.to_str().map_or_else(|| text::escape(name.as_encoded_bytes()).into_owned(), str::to_owned)
}

fn unknown_field(name: &str) -> Observed<Vec<Value>> {
    Observed::Unknown(format!("no probe answers the field {}", text::escape_str(name)))
}
