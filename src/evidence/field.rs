//! Evidence under the names that checks use: Elastic Common Schema fields (<https://www.elastic.co/docs/reference/ecs>)
//! and a few of Huntbook's own.

use std::ffi::OsStr;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{
    Ancestor, BoxEvent, ContentCheck, Evidence, NameMatch, Observed, Process, SameContent, Schedule, Scheduler, Socket,
    show,
};
use crate::finding::Digest;
use crate::hunt::{BoxTime, Field, PackageState, Strength, Value};
use crate::text;

/// One value of a field and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenValue {
    /// The value to compare.
    pub value: Value,
    /// Where the value was seen and who could have made it so; safe to show.
    pub provenance: String,
    /// The process it was seen on, where a process has it.
    pub pid: Option<u32>,
    /// How much it tells, where that is another than the field's own strength.
    pub strength: Option<Strength>,
}

/// What is known of one field. All empty means that the probes looked and found nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// What was seen.
    pub seen: Vec<SeenValue>,
    /// What may count as well: of processes that could not be looked into, of schedules that name only a folder above
    /// the file. The provenance says so.
    pub possible: Vec<SeenValue>,
    /// Why there may be values that are in neither list; a phrase that is safe to show.
    pub unknown: Option<String>,
}

impl Values {
    fn unknown(reason: impl Into<String>) -> Self {
        Self { unknown: Some(reason.into()), ..Self::default() }
    }

    fn one(value: SeenValue) -> Self {
        Self { seen: vec![value], ..Self::default() }
    }

    /// The values of every item that was found.
    fn of<T>(items: &Observed<Vec<T>>, values: impl Fn(&T) -> Vec<SeenValue>) -> Self {
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
    /// of a connection that was called, `source.*` the side that called. `host.path` is asked by value:
    /// [`super::Gatherer::host_paths`].
    pub fn field(&self, field: Field) -> Values {
        self.values(field)
    }

    fn values(&self, field: Field) -> Values {
        match field {
            Field::FilePath => self.as_scanned(Value::Path(text_of(self.path.as_os_str()).into())),
            Field::FileName => match self.path.file_name() {
                Some(name) => self.as_scanned(Value::Text(text_of(name))),
                None => Values::default(),
            },
            Field::FileOwner => self.owner(),
            Field::FileGroup => self.group(),
            Field::FileMode => self.as_scanned(Value::Mode(self.facts.mode)),
            Field::FileMtime => self.modified(),
            Field::FileSha256 => match self.facts.digest {
                Digest::Whole(sha256) => Values::one(seen(Value::Sha256(sha256), &"of the bytes that were scanned")),
                Digest::DataOnly(_) => Values::unknown(format!("the file has a data digest, {}", Digest::NO_SHA256)),
            },
            Field::FilePackage => match &self.package {
                Observed::Found(owner) => Values::one(seen_text(&owner.package, owner)),
                other => unanswered(other),
            },
            Field::FilePackageState => self.package_state(),
            Field::FilePackageManager => match &self.package {
                Observed::Found(owner) => Values::one(seen_text(&owner.manager, owner)),
                other => unanswered(other),
            },
            Field::FileRepositoryState => match &self.checkout {
                Observed::Found(checkout) => Values::one(seen_text(checkout.word(), checkout)),
                other => unanswered(other),
            },
            Field::FileContentKind => match &self.content {
                Observed::Found(content) => Values::one(seen_text(content.word(), content)),
                other => unanswered(other),
            },
            Field::FileContainer => self.layer.as_ref().map_or_else(Values::default, |layer| {
                let strength = (layer.of_image == Some(true)).then_some(Strength::Strong);
                Values::one(SeenValue { strength, ..seen_text(&layer.runtime, layer) })
            }),
            Field::FileCopy => {
                let copy = |copy: &SameContent| SeenValue {
                    strength: copy.is_mirrored.then_some(Strength::Strong),
                    ..seen(
                        Value::Path(text_of(copy.path.as_os_str()).into()),
                        if copy.is_mirrored {
                            &"the same content at the path that this one mirrors"
                        } else {
                            &"the same content, by the scan"
                        },
                    )
                };
                Values { seen: self.copies.iter().map(copy).collect(), ..Values::default() }
            }
            Field::PersistenceKind => self.places(),
            Field::ProcessUnit => self.units(),
            Field::DestinationIp => self.sockets(|socket| socket.destination_ip().map(Value::Address)),
            Field::NetworkDirection => {
                self.sockets(|socket| socket.network_direction().map(|way| Value::Text(way.to_owned())))
            }
            Field::EventBefore => self.before(),
            Field::ScheduleCron => self.scheduled(|scheduler| scheduler != Scheduler::Systemd),
            Field::ScheduleSystemd => self.scheduled(|scheduler| scheduler == Scheduler::Systemd),
            Field::ProcessName => {
                self.of_processes(|process| named(&process.names, &process.vouched, process, process))
            }
            Field::ProcessCommandLine => {
                self.of_processes(|process| vec![of(Value::Text(process.command_line.clone()), process, process)])
            }
            Field::ProcessUser => self.users(),
            Field::ProcessStart => self.started(),
            Field::ProcessParentName => self.of_processes(|process| above(process, 1)),
            Field::ProcessAncestorName => self.of_processes(|process| above(process, usize::MAX)),
            Field::DestinationPort => self.sockets(|socket| socket.destination_port().map(Value::Port)),
            Field::SourceIp => self.sockets(|socket| socket.source_ip().map(Value::Address)),
            Field::HostPath => Values::unknown("the paths of a box are asked for by name"),
            Field::UserGroup => self.groups(),
        }
    }

    fn as_scanned(&self, value: Value) -> Values {
        let facts = &self.facts;
        let scanned =
            format_args!("as scanned: mode {}, changed {}", show::mode(facts.mode), show::time(facts.changed));
        Values::one(seen(value, &scanned))
    }

    fn owner(&self) -> Values {
        let facts = &self.facts;
        let named = || self.file.found().filter(|now| now.uid == facts.uid).map(|now| now.owner.clone());
        let owner = facts.owner.clone().or_else(named).unwrap_or_else(|| unnamed("uid", facts.uid));
        account(&owner, facts.uid, "uid")
    }

    fn group(&self) -> Values {
        let facts = &self.facts;
        let named = || self.file.found().filter(|now| now.gid == facts.gid).map(|now| now.group.clone());
        let group = facts.group.clone().or_else(named).unwrap_or_else(|| unnamed("gid", facts.gid));
        account(&group, facts.gid, "gid")
    }

    /// The processes that execute the file: who only opens or names it is not what a scenario speaks of.
    fn running(&self) -> impl Iterator<Item = &Process> {
        self.processes.found().into_iter().flatten().filter(|process| process.runs_it())
    }

    /// The values of the processes that execute the file, and of those that may.
    fn of_processes(&self, values: impl Fn(&Process) -> Vec<SeenValue>) -> Values {
        let mut all = Values { seen: self.running().flat_map(&values).collect(), ..Values::default() };
        // Why not all processes are known counts; that some could not be looked into is told one by one.
        let unknown =
            self.unread.reason().or_else(|| self.processes.reason().filter(|_| self.unread.found().is_none()));
        all.unknown = unknown.map(str::to_owned);
        for mut value in self.unread.found().into_iter().flatten().flat_map(&values) {
            value
                .provenance
                .push_str("; it could not be looked into (permission denied), so it may have to do with the file");
            all.possible.push(value);
        }
        all
    }

    fn users(&self) -> Values {
        let mut users = self.of_processes(|process| vec![of(Value::Text(process.user.clone()), process, process)]);
        let nameless = self.running().find(|process| process.user == unnamed("uid", process.uid));
        if let Some(process) = nameless {
            users.unknown.get_or_insert_with(|| no_name(process.uid, "uid"));
        }
        users
    }

    fn started(&self) -> Values {
        let Some(zone) = self.zone.found() else { return unanswered(&self.zone) };
        self.of_processes(|process| {
            let start = process.started.map(|start| local(start, zone));
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
        Values::one(seen(local(modified, zone), &provenance))
    }

    fn package_state(&self) -> Values {
        let owner = match &self.package {
            Observed::Found(owner) => owner,
            other => return unanswered(other),
        };
        match &owner.content {
            ContentCheck::AsShipped => Values::one(seen(Value::PackageState(PackageState::Unchanged), owner)),
            ContentCheck::Changed => Values::one(seen(Value::PackageState(PackageState::Changed), owner)),
            ContentCheck::NotCompared(reason) => {
                Values::unknown(format!("not compared with {}: {reason}", owner.package))
            }
        }
    }

    /// What schedulers run. An entry that never runs is no value; one that starts only when somebody starts it is weak.
    fn scheduled(&self, wanted: fn(Scheduler) -> bool) -> Values {
        let counts = |schedule: &&Schedule| wanted(schedule.scheduler) && schedule.never.is_none();
        let all = self.schedules.found().into_iter().flatten().filter(counts);
        let (direct, weak): (Vec<&Schedule>, Vec<&Schedule>) =
            all.partition(|schedule| schedule.names == NameMatch::File);
        let value = |one: &Schedule| SeenValue {
            strength: one.idle.is_some().then_some(Strength::Weak),
            ..seen_text(&one.command, one)
        };
        let values = |some: Vec<&Schedule>| some.into_iter().map(value).collect();
        Values { seen: values(direct), possible: values(weak), unknown: self.gap("schedule", &self.schedules) }
    }

    /// The kinds of other places that name the file.
    fn places(&self) -> Values {
        let all = self.persistence.found().into_iter().flatten();
        let direct = all.filter(|one| one.names == NameMatch::File && one.never.is_none());
        let value = |one: &Schedule| one.place.map(|place| seen_text(place.kind, one));
        let unknown = self.gap("schedule", &self.persistence);
        Values { seen: direct.filter_map(value).collect(), unknown, ..Values::default() }
    }

    /// The units that started a process that runs the file, and that name it.
    fn units(&self) -> Values {
        let all = self.schedules.found().into_iter().flatten();
        let naming: Vec<&Schedule> = all
            .filter(|one| one.scheduler == Scheduler::Systemd && one.names == NameMatch::File && one.never.is_none())
            .collect();
        self.of_processes(|process| {
            let unit = process.unit.as_ref();
            let by = unit.and_then(|unit| naming.iter().find(|one| one.unit.as_ref() == Some(unit)));
            let value = |by: &&&Schedule| {
                let unit = Value::Text(unit.cloned().unwrap_or_default());
                of(unit, process, &format_args!("control group of pid {} {}; {by}", process.pid, process.name))
            };
            by.iter().map(value).collect()
        })
    }

    /// Minutes by which what the logs tell came before the file's last change.
    fn before(&self) -> Values {
        let before = |event: &BoxEvent| {
            let seconds = self.facts.changed.seconds.checked_sub(event.at.as_second())?;
            let minutes = u32::try_from(seconds / 60).ok().filter(|_| (0..=3600).contains(&seconds))?;
            Some(seen(Value::Minutes(minutes), event))
        };
        Values {
            seen: self.events.found().into_iter().flatten().filter_map(before).collect(),
            unknown: self.gap("event", &self.events),
            ..Values::default()
        }
    }

    fn sockets(&self, wanted: fn(&Socket) -> Option<Value>) -> Values {
        let running: Vec<u32> = self.running().map(|process| process.pid).collect();
        let one = |socket: &Socket| {
            let seen =
                |value| SeenValue { value, provenance: socket.to_string(), pid: Some(socket.pid), strength: None };
            wanted(socket).filter(|_| running.contains(&socket.pid)).map(seen).into_iter().collect()
        };
        let mut values = Values::of(&self.sockets, one);
        // What could not be read counts where some process that it is of may run the file.
        values.unknown = match &self.unread {
            Observed::Unknown(why) => Some(why.clone()),
            Observed::Found(_) => self.gap("process", &self.sockets),
            Observed::NotFound => self.sockets.reason().map(str::to_owned),
        };
        values
    }

    /// The groups of those who run a process, or of the file's owner when no process is known.
    fn groups(&self) -> Values {
        let users: Vec<u32> = self.running().map(|process| process.uid).collect();
        let counts = |uid: u32| if users.is_empty() { uid == self.facts.uid } else { users.contains(&uid) };
        let mut values = Values::of(&self.accounts, |account| {
            let groups = account.groups.iter().filter(|_| counts(account.uid));
            groups.map(|group| seen_text(group, &format_args!("group of {account}"))).collect()
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
fn above(process: &Process, steps: usize) -> Vec<SeenValue> {
    let parents = process.parents.iter().take(steps).enumerate();
    let place =
        |index: usize| if index == 0 { "the parent of".to_owned() } else { format!("{} steps above", index + 1) };
    let values = |(index, parent): (usize, &Ancestor)| {
        named(
            &parent.names,
            &parent.vouched,
            process,
            &format_args!("{parent}, {} pid {} {}", place(index), process.pid, process.name),
        )
    };
    parents.flat_map(values).collect()
}

/// Names, each as strong as its package makes it.
fn named(names: &[String], vouched: &[String], process: &Process, provenance: &dyn fmt::Display) -> Vec<SeenValue> {
    let value = |name: &String| {
        let is_vouched = vouched.contains(name);
        let said = if is_vouched { "; its package ships this program, and it is as shipped" } else { "" };
        SeenValue {
            strength: is_vouched.then_some(Strength::Strong),
            ..of(Value::Text(name.clone()), process, &format_args!("{provenance}{said}"))
        }
    };
    names.iter().map(value).collect()
}

/// A value that a process has.
fn of(value: Value, process: &Process, provenance: &dyn fmt::Display) -> SeenValue {
    SeenValue { pid: Some(process.pid), ..seen(value, provenance) }
}

fn seen(value: Value, provenance: &dyn fmt::Display) -> SeenValue {
    SeenValue { value, provenance: provenance.to_string(), pid: None, strength: None }
}

fn seen_text(text: &str, provenance: &dyn fmt::Display) -> SeenValue {
    seen(Value::Text(text.to_owned()), provenance)
}

/// An account or group by name; one without a name may be named by a directory service.
fn account(name: &str, id: u32, kind: &str) -> Values {
    let unknown = (name == unnamed(kind, id)).then(|| no_name(id, kind));
    Values { unknown, ..Values::one(seen_text(name, &format_args!("{kind} {id}, as scanned"))) }
}

/// How an id without a name is shown.
fn unnamed(kind: &str, id: u32) -> String {
    format!("{kind} {id}")
}

fn no_name(id: u32, kind: &str) -> String {
    let file = if kind == "uid" { "/etc/passwd" } else { "/etc/group" };
    format!("{kind} {id} has no name in {file}; a directory service may know it")
}

/// A time as the box tells it.
fn local(time: Timestamp, zone: &TimeZone) -> Value {
    Value::Time(BoxTime::new(time, zone.to_offset(time)))
}

/// A path or name as text to compare: as it is when it is UTF-8.
fn text_of(name: &OsStr) -> String {
    name.to_str().map_or_else(|| text::escape(name.as_encoded_bytes()).into_owned(), str::to_owned)
}

fn unanswered<T>(observed: &Observed<T>) -> Values {
    observed.reason().map_or_else(Values::default, Values::unknown)
}
