//! Evidence under the names that checks use: Elastic Common Schema fields (<https://www.elastic.co/docs/reference/ecs>)
//! and a few of Huntbook's own.

use std::ffi::OsStr;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::{Ancestor, Content, Evidence, Names, Observed, Process, Schedule, Scheduler, Socket, show};
use crate::finding::Digest;
use crate::text;

/// Every field that [`Evidence::field`] answers. `host.path` is asked by value: [`super::Gatherer::host_paths`].
pub const FIELDS: [&str; 22] = [
    "destination.port",
    "file.group",
    "file.hash.sha256",
    "file.mode",
    "file.mtime",
    "file.name",
    "file.owner",
    "file.package",
    "file.package.state",
    "file.path",
    "host.tool",
    "process.ancestor.name",
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
    /// The process it was seen on, where a process has it.
    pub pid: Option<u32>,
}

/// What is known of one field. All empty means that the probes looked and found nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Values {
    /// What was seen.
    pub seen: Vec<Value>,
    /// What may count as well: of processes that could not be looked into, of schedules that name only a folder above
    /// the file. The provenance says so.
    pub possible: Vec<Value>,
    /// Why there may be values that are in neither list; a phrase that is safe to show.
    pub unknown: Option<String>,
}

impl Values {
    fn unknown(reason: impl Into<String>) -> Self {
        Self { unknown: Some(reason.into()), ..Self::default() }
    }

    fn one(value: Value) -> Self {
        Self { seen: vec![value], ..Self::default() }
    }

    /// The values of every item that was found.
    fn of<T>(items: &Observed<Vec<T>>, values: impl Fn(&T) -> Vec<Value>) -> Self {
        Self {
            seen: items.found().into_iter().flatten().flat_map(values).collect(),
            possible: Vec::new(),
            unknown: items.reason().map(str::to_owned),
        }
    }
}

impl Evidence {
    /// The values of a field.
    ///
    /// `file.*` are as scanned, except `file.package*`. A schedule's value is its command. `destination.*` is the side
    /// of a connection that was called, `source.*` the side that called.
    pub fn field(&self, name: &str) -> Values {
        match name {
            "file.package" => match &self.package {
                Observed::Found(owner) => Values::one(value(owner.package.clone(), owner)),
                other => unanswered(other),
            },
            "file.package.state" => self.package_state(),
            "schedule.cron" => self.scheduled(|scheduler| scheduler != Scheduler::Systemd),
            "schedule.systemd" => self.scheduled(|scheduler| scheduler == Scheduler::Systemd),
            "destination.port" => self.sockets(|socket| socket.destination_port().map(|port| port.to_string())),
            "source.ip" => self.sockets(|socket| socket.source_ip().map(|ip| ip.to_string())),
            "user.group" => self.groups(),
            "host.tool" => Values::of(&self.tools, |tool| vec![value(tool.name.to_owned(), tool)]),
            name if name.starts_with("file.") => self.file_field(name),
            name if name.starts_with("process.") => self.process_field(name),
            _ => unknown_field(name),
        }
    }

    fn file_field(&self, name: &str) -> Values {
        let facts = &self.facts;
        let now = self.file.found();
        let scanned =
            &format_args!("as scanned: mode {}, changed {}", show::mode(facts.mode), show::time(facts.changed));
        let one = match name {
            "file.path" => value(text_of(self.path.as_os_str()), scanned),
            "file.name" => match self.path.file_name() {
                Some(name) => value(text_of(name), scanned),
                None => return Values::default(),
            },
            "file.owner" => {
                let named = || now.filter(|now| now.uid == facts.uid).map(|now| now.owner.clone());
                let owner = facts.owner.clone().or_else(named).unwrap_or_else(|| unnamed("uid", facts.uid));
                return account(owner, facts.uid, "uid");
            }
            "file.group" => {
                let named = || now.filter(|now| now.gid == facts.gid).map(|now| now.group.clone());
                let group = facts.group.clone().or_else(named).unwrap_or_else(|| unnamed("gid", facts.gid));
                return account(group, facts.gid, "gid");
            }
            "file.mode" => value(show::mode(facts.mode), scanned),
            "file.mtime" => return self.modified(),
            "file.hash.sha256" => match facts.digest {
                Digest::Whole(sha256) => value(sha256.to_string(), &"of the bytes that were scanned"),
                Digest::DataOnly(_) => {
                    return Values::unknown(format!("the file has a data digest, {}", Digest::NO_SHA256));
                }
            },
            _ => return unknown_field(name),
        };
        Values::one(one)
    }

    fn process_field(&self, name: &str) -> Values {
        match name {
            "process.name" => self.of_processes(|process| named(&process.names, process, process)),
            "process.command_line" => {
                self.of_processes(|process| vec![of(process.command_line.clone(), process, process)])
            }
            "process.user" => self.users(),
            "process.start" => self.started(),
            "process.executable" => self.of_processes(|process| {
                let path = process.executable.as_ref();
                path.map(|path| of(text_of(path.as_os_str()), process, process)).into_iter().collect()
            }),
            "process.parent.name" => self.of_processes(|process| above(process, 1)),
            "process.ancestor.name" => self.of_processes(|process| above(process, usize::MAX)),
            _ => unknown_field(name),
        }
    }

    /// The values of the processes that have to do with the file, and of those that may.
    fn of_processes(&self, values: impl Fn(&Process) -> Vec<Value>) -> Values {
        let mut all = Values::of(&self.processes, &values);
        // Why not all processes are known counts; that some could not be looked into is told one by one.
        all.unknown = self.unread.reason().map(str::to_owned);
        for mut value in self.unread.found().into_iter().flatten().flat_map(&values) {
            value
                .provenance
                .push_str("; it could not be looked into (permission denied), so it may have to do with the file");
            all.possible.push(value);
        }
        all
    }

    fn users(&self) -> Values {
        let mut users = self.of_processes(|process| vec![of(process.user.clone(), process, process)]);
        let nameless =
            self.processes.found().into_iter().flatten().find(|process| process.user == unnamed("uid", process.uid));
        if let Some(process) = nameless {
            users.unknown.get_or_insert_with(|| no_name(process.uid, "uid"));
        }
        users
    }

    fn started(&self) -> Values {
        let Some(zone) = self.zone.found() else { return unanswered(&self.zone) };
        self.of_processes(|process| {
            let start = process.started.map(|start| local(start, zone.to_offset(start)));
            start.map(|start| of(start, process, process)).into_iter().collect()
        })
    }

    fn modified(&self) -> Values {
        let Some(zone) = self.zone.found() else { return unanswered(&self.zone) };
        let Some(modified) = self.facts.modified.timestamp() else {
            return Values::unknown("the time lies outside of the calendar");
        };
        let changed = show::time(self.facts.changed);
        let provenance =
            format_args!("its owner can set it; the inode, whose time nobody can set back, changed {changed}");
        Values::one(value(local(modified, zone.to_offset(modified)), &provenance))
    }

    fn package_state(&self) -> Values {
        let owner = match &self.package {
            Observed::Found(owner) => owner,
            other => return unanswered(other),
        };
        match &owner.content {
            Content::AsShipped => Values::one(value("unchanged".to_owned(), owner)),
            Content::Changed => Values::one(value("changed".to_owned(), owner)),
            Content::NotCompared(reason) => Values::unknown(format!("not compared with {}: {reason}", owner.package)),
        }
    }

    fn scheduled(&self, wanted: fn(Scheduler) -> bool) -> Values {
        let is_wanted = |schedule: &&Schedule| wanted(schedule.scheduler);
        let all = self.schedules.found().into_iter().flatten().filter(is_wanted);
        let (direct, weak): (Vec<&Schedule>, Vec<&Schedule>) = all.partition(|schedule| schedule.names == Names::File);
        let values = |some: Vec<&Schedule>| some.into_iter().map(|one| value(one.command.clone(), one)).collect();
        Values { seen: values(direct), possible: values(weak), unknown: self.gap("schedule", &self.schedules) }
    }

    fn sockets(&self, wanted: fn(&Socket) -> Option<String>) -> Values {
        let one = |socket: &Socket| {
            let seen = |text| Value { text, provenance: socket.to_string(), pid: Some(socket.pid) };
            wanted(socket).map(seen).into_iter().collect()
        };
        let mut values = Values::of(&self.sockets, one);
        values.unknown = self.gap("process", &self.sockets);
        values
    }

    /// The groups of those who run a process, or of the file's owner when no process is known.
    fn groups(&self) -> Values {
        let users: Vec<u32> = self.processes.found().into_iter().flatten().map(|process| process.uid).collect();
        let counts = |uid: u32| if users.is_empty() { uid == self.facts.uid } else { users.contains(&uid) };
        let mut values = Values::of(&self.accounts, |account| {
            let groups = account.groups.iter().filter(|_| counts(account.uid));
            groups.map(|group| value(group.clone(), &format_args!("group of {account}"))).collect()
        });
        values.unknown = self.gap("account", &self.accounts);
        values
    }

    /// Why there may be more than what a probe found.
    fn gap<T>(&self, probe: &str, items: &Observed<T>) -> Option<String> {
        let gap = || self.gaps.iter().find(|gap| gap.probe == probe);
        let first = || gap().map(|gap| format!("not everything could be read: {}", gap.text));
        items.reason().map(str::to_owned).or_else(first)
    }
}

/// The names of the processes above one, at most `steps` of them.
fn above(process: &Process, steps: usize) -> Vec<Value> {
    let parents = process.parents.iter().take(steps).enumerate();
    let place = |index: usize| if index == 0 { "parent".to_owned() } else { format!("{} steps above", index + 1) };
    let values = |(index, parent): (usize, &Ancestor)| {
        named(&parent.names, process, &format_args!("{parent}, {} pid {} {}", place(index), process.pid, process.name))
    };
    parents.flat_map(values).collect()
}

fn named(names: &[String], process: &Process, provenance: &dyn fmt::Display) -> Vec<Value> {
    names.iter().map(|name| of(name.clone(), process, provenance)).collect()
}

/// A value that a process has.
fn of(text: String, process: &Process, provenance: &dyn fmt::Display) -> Value {
    Value { pid: Some(process.pid), ..value(text, provenance) }
}

fn value(text: String, provenance: &dyn fmt::Display) -> Value {
    Value { text, provenance: provenance.to_string(), pid: None }
}

/// An account or group by name; one without a name may be named by a directory service.
fn account(name: String, id: u32, kind: &str) -> Values {
    let unknown = (name == unnamed(kind, id)).then(|| no_name(id, kind));
    Values { unknown, ..Values::one(value(name, &format_args!("{kind} {id}, as scanned"))) }
}

/// How an id without a name is shown.
fn unnamed(kind: &str, id: u32) -> String {
    format!("{kind} {id}")
}

fn no_name(id: u32, kind: &str) -> String {
    let file = if kind == "uid" { "/etc/passwd" } else { "/etc/group" };
    format!("{kind} {id} has no name in {file}; a directory service may know it")
}

/// A time as the box tells it: RFC 3339 with the box's own offset.
fn local(time: Timestamp, offset: Offset) -> String {
    format!("{:.0}", time.display_with_offset(offset))
}

/// A path or name as text to compare: as it is when it is UTF-8.
fn text_of(name: &OsStr) -> String {
    name.to_str().map_or_else(|| text::escape(name.as_encoded_bytes()).into_owned(), str::to_owned)
}

fn unanswered<T>(observed: &Observed<T>) -> Values {
    observed.reason().map_or_else(Values::default, Values::unknown)
}

fn unknown_field(name: &str) -> Values {
    Values::unknown(format!("no probe answers the field {}", text::escape_str(name)))
}
