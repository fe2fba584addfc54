//! systemd units, their drop-ins and timers, of the system and of every user (systemd.unit(5)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::super::clock::is_zone_name;
use super::reader::Reader;
use super::specifier::{self, Specifiers};
use super::words::CommandSetting;
use super::{ScheduleEntry, Scheduler, script, unit};
use crate::root::Attributes;

/// Unit folders of the system, the strongest first (systemd.unit(5), table 1).
const SYSTEM: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// Unit folders of all users (systemd.unit(5), table 2).
const USERS: [&str; 7] = [
    "/etc/systemd/user",
    "/etc/xdg/systemd/user",
    "/run/systemd/user",
    "/usr/local/share/systemd/user",
    "/usr/share/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];
/// Unit folders in a user's home.
const HOME: [&str; 3] = [".config/systemd/user.control", ".config/systemd/user", ".local/share/systemd/user"];
/// Homes looked into.
const MAX_HOMES: usize = 20_000;
/// Where command names without a folder are looked for (systemd.service(5), "Command lines").
const SEARCH_PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Programs that systemd starts by themselves, without a unit (systemd.generator(7), systemd-sleep(8), systemd-shutdown(8)).
const PROGRAMS: [(&str, &str); 14] = [
    ("/etc/systemd/system-generators", "at boot and at each reload, before units are read"),
    ("/run/systemd/system-generators", "at boot and at each reload, before units are read"),
    ("/usr/local/lib/systemd/system-generators", "at boot and at each reload, before units are read"),
    ("/usr/lib/systemd/system-generators", "at boot and at each reload, before units are read"),
    ("/lib/systemd/system-generators", "at boot and at each reload, before units are read"),
    ("/etc/systemd/user-generators", "when a user's service manager starts"),
    ("/usr/local/lib/systemd/user-generators", "when a user's service manager starts"),
    ("/usr/lib/systemd/user-generators", "when a user's service manager starts"),
    ("/etc/systemd/system-sleep", "when the box sleeps or wakes"),
    ("/usr/lib/systemd/system-sleep", "when the box sleeps or wakes"),
    ("/lib/systemd/system-sleep", "when the box sleeps or wakes"),
    ("/etc/systemd/system-shutdown", "when the box is shut down"),
    ("/usr/lib/systemd/system-shutdown", "when the box is shut down"),
    ("/lib/systemd/system-shutdown", "when the box is shut down"),
];
/// Seconds by which a timer may be late unless it says otherwise (systemd.timer(5), `AccuracySec`).
const ACCURACY: u64 = 60;
/// Bytes of one file of variables.
const MAX_ENVIRONMENT: u64 = 256 * 1024;
/// Instances of one template that are looked at.
const MAX_INSTANCES: usize = 100;

pub(super) fn read(reader: &mut Reader<'_>) {
    programs(reader);
    Manager::new("root").read(reader, SYSTEM.iter().map(PathBuf::from));
    Manager::new("each user").read(reader, USERS.iter().map(PathBuf::from));
    let homes: BTreeSet<(PathBuf, String)> = (reader.accounts.users().iter())
        .filter(|user| user.home.is_absolute() && user.home != Path::new("/"))
        .map(|user| (user.home.clone(), user.name.clone()))
        .collect();
    if homes.len() > MAX_HOMES {
        reader.gap(Path::new("/etc/passwd"), "too many homes, the units of some users were not read");
    }
    for (home, user) in homes.into_iter().take(MAX_HOMES) {
        Manager::new(&user).read(reader, HOME.iter().map(|folder| home.join(folder)));
    }
}

/// Files each program under its own path and its lines under what they name.
fn programs(reader: &mut Reader<'_>) {
    for (folder, when) in PROGRAMS {
        for path in reader.names(Path::new(folder)) {
            let Ok(located) = reader.root.locate(&path, true) else { continue };
            let attributes = Attributes::of(&located.metadata);
            let never = (attributes.mode & 0o111 == 0).then(|| "not executable, so that systemd skips it".to_owned());
            let entry = ScheduleEntry {
                scheduler: Scheduler::Systemd,
                path: path.clone(),
                attributes,
                line: 1,
                when: when.to_owned(),
                user: Some("root".to_owned()),
                command: format!("the program {} itself", path.display()),
                never,
                ..ScheduleEntry::default()
            };
            reader.file_under(entry.clone(), vec![path.clone()]);
            let Some((_, text)) = reader.script_text(&path, MAX_ENVIRONMENT, false) else { continue };
            let mut setting = script::setting(&path);
            for (line, command) in super::reader::numbered(&text) {
                if !command.is_empty() && !command.starts_with('#') {
                    reader.file(ScheduleEntry { line, command, ..entry.clone() }, &mut setting);
                }
            }
        }
    }
}

/// A unit file or drop-in as read.
struct Fragment {
    /// The unit it is for: `backup.service`.
    unit: String,
    path: PathBuf,
    attributes: Attributes,
    note: Option<String>,
    never: Option<String>,
    is_drop_in: bool,
    settings: Vec<unit::UnitSetting>,
}

/// The units of one service manager.
struct Manager {
    /// Whom its units run as where they do not say.
    user: String,
    /// Its unit folders, links resolved.
    folders: Vec<PathBuf>,
    fragments: Vec<Fragment>,
    /// The first unit file of each name, which hides those in weaker folders.
    strongest: HashMap<String, PathBuf>,
    /// What starts a unit: targets that want it.
    wanted_by: HashMap<String, BTreeSet<String>>,
    /// Whole names of the instances of a template that something wants.
    instances: HashMap<String, BTreeSet<String>>,
    /// Units that are linked to `/dev/null` or are empty, and so never start; where that was said.
    masked: HashMap<String, PathBuf>,
}

impl Manager {
    fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            folders: Vec::new(),
            fragments: Vec::new(),
            strongest: HashMap::new(),
            wanted_by: HashMap::new(),
            instances: HashMap::new(),
            masked: HashMap::new(),
        }
    }

    fn read(mut self, reader: &mut Reader<'_>, folders: impl Iterator<Item = PathBuf>) {
        for folder in folders {
            match reader.there.resolve(&folder) {
                // `/lib` may be `/usr/lib`: one folder, read once.
                Some(resolved) if self.folders.contains(&resolved) => {}
                Some(resolved) => self.folders.push(resolved),
                // Listing it tells why it cannot be read, if that is more than not being there.
                None => drop(reader.names(&folder)),
            }
        }
        for folder in self.folders.clone() {
            for path in reader.names(&folder) {
                self.read_entry(reader, &path);
            }
        }
        self.file(reader);
    }

    fn read_entry(&mut self, reader: &mut Reader<'_>, path: &Path) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(unit) = name.strip_suffix(".d") {
            for drop_in in reader.names(path) {
                if drop_in.extension().is_some_and(|extension| extension == "conf") {
                    self.read_fragment(reader, unit.to_owned(), &drop_in, Some("a drop-in"));
                }
            }
        } else if let Some(target) = name.strip_suffix(".wants").or_else(|| name.strip_suffix(".requires")) {
            for wanted in reader.names(path) {
                let wanted = wanted.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                self.wants(&wanted, target);
            }
        } else if matches!(name.rsplit('.').next(), Some("service" | "timer" | "socket" | "path" | "mount" | "swap")) {
            self.read_fragment(reader, name, path, None);
        }
    }

    /// Notes that a unit or an instance of one is started by another unit.
    fn wants(&mut self, wanted: &str, by: &str) {
        let template = template(wanted);
        if template != wanted {
            self.instances.entry(template.clone()).or_default().insert(wanted.to_owned());
        }
        self.wanted_by.entry(template).or_default().insert(by.to_owned());
    }

    fn read_fragment(&mut self, reader: &mut Reader<'_>, unit: String, path: &Path, drop_in: Option<&str>) {
        let Ok(located) = reader.root.locate(path, false) else { return };
        let mut note = drop_in.map(|what| format!("{what} of {unit}"));
        if located.metadata.is_symlink() {
            // A link to /dev/null masks the unit. An image need not have that device.
            if located.target().is_ok_and(|target| target == Path::new("/dev/null")) {
                if !self.strongest.contains_key(&unit) {
                    self.masked.insert(unit.clone(), path.to_owned());
                }
                self.strongest.entry(unit).or_insert_with(|| path.to_owned());
                return;
            }
            match reader.there.resolve(path) {
                // A link to nothing starts nothing.
                None => return,
                // An alias of a unit that is read under its own name.
                Some(target) if target.parent().is_some_and(|folder| self.folders.iter().any(|own| own == folder)) => {
                    return;
                }
                Some(target) => note = Some(format!("a link to {}", target.display())),
            }
        }
        let mut never = None;
        if drop_in.is_none() {
            match self.strongest.get(&unit) {
                Some(strongest) => never = Some(format!("hidden by {}", strongest.display())),
                None => {
                    // An empty file masks the unit as a link to /dev/null does.
                    if located.metadata.is_file() && located.metadata.len() == 0 {
                        self.masked.insert(unit.clone(), path.to_owned());
                    }
                    self.strongest.insert(unit.clone(), path.to_owned());
                }
            }
        }
        let Some(found) = reader.text(path) else { return };
        if found.bytes.contains(&0) {
            reader.gap(path, "holds NUL bytes, so it is no text file; read as far as it goes");
        }
        let settings = unit::parse(&found.bytes);
        let (path, is_drop_in) = (path.to_owned(), drop_in.is_some());
        let attributes = found.attributes;
        self.fragments.push(Fragment { unit, path, attributes, note, never, is_drop_in, settings });
    }

    /// Files every command under what it names, with what starts its unit.
    fn file(mut self, reader: &mut Reader<'_>) {
        self.starters();
        let timers = self.timers();
        let mut units: BTreeMap<String, Vec<&Fragment>> = BTreeMap::new();
        for fragment in &self.fragments {
            units.entry(template(&fragment.unit)).or_default().push(fragment);
        }
        for (unit, fragments) in &units {
            let when = self.when(unit, timers.get(unit));
            let masked = self.masked.get(unit).map(|by| format!("masked by {}", by.display()));
            for name in self.names_of(unit, fragments) {
                let unit = Unit { name: &name, when: when.as_ref(), timers: timers.get(unit), masked: masked.as_ref() };
                self.file_unit(reader, &unit, fragments);
            }
        }
    }

    /// The whole names of a unit: its own, or those of a template's instances, as far as any are known.
    fn names_of(&self, unit: &str, fragments: &[&Fragment]) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            self.instances.get(unit).into_iter().flatten().take(MAX_INSTANCES).cloned().collect();
        names.extend(fragments.iter().map(|fragment| fragment.unit.clone()).take(MAX_INSTANCES));
        if names.len() > 1 {
            names.remove(unit);
        }
        names
    }

    fn file_unit(&self, reader: &mut Reader<'_>, unit: &Unit<'_>, fragments: &[&Fragment]) {
        let said = |key| setting(fragments, key);
        let user = said("User").unwrap_or(&self.user).to_owned();
        let home = reader.home(&user);
        let specifiers = Specifiers {
            unit: unit.name.to_owned(),
            home: home.as_ref().map(|home| home.display().to_string()).unwrap_or_default(),
            of_user: self.user != "root",
            user: user.clone(),
        };
        let last_run = (unit.timers.into_iter().flatten())
            .find_map(|timer| reader.stamp(&format!("/var/lib/systemd/timers/stamp-{}", timer.name)));
        let late = unit.timers.into_iter().flatten().map(|timer| timer.late).max().unwrap_or(0);
        let zone = unit.timers.into_iter().flatten().find_map(|timer| timer.zone.clone());
        let folder = said("WorkingDirectory").map(|folder| specifiers.expand(folder));
        let folder = match folder.as_deref() {
            Some("~") => home.clone(),
            folder => folder.map(|folder| specifier::folder(folder).to_owned()),
        };
        let mut setting = CommandSetting {
            home,
            folder,
            path: SEARCH_PATH.iter().map(PathBuf::from).collect(),
            ..CommandSetting::default()
        };
        variables(reader, fragments, &specifiers, &mut setting);
        for fragment in fragments {
            for item in fragment.settings.iter().filter(|item| unit::names_files(&item.key)) {
                // Marks before a command change how it is run, not what (systemd.service(5), table 1).
                let value = specifiers.expand(item.value.trim_start_matches(['@', '-', ':', '+', '!', '|']));
                let mut command = format!("{}={}", item.key, item.value);
                super::filing::truncate(&mut command, super::filing::MAX_COMMAND);
                let entry = ScheduleEntry {
                    scheduler: Scheduler::Systemd,
                    path: fragment.path.clone(),
                    attributes: fragment.attributes,
                    line: item.line,
                    when: unit.when.map_or_else(|| format!("{}, which nothing here starts", unit.name), Clone::clone),
                    user: Some(user.clone()),
                    last_run,
                    note: fragment.note.clone(),
                    never: fragment.never.clone().or_else(|| unit.masked.cloned()),
                    idle: unit.when.is_none().then(|| "it does not start by itself".to_owned()),
                    unit: Some(unit.name.to_owned()),
                    late,
                    zone: zone.clone(),
                    command: value,
                    ..ScheduleEntry::default()
                };
                // A folder that is only the working folder is no command.
                let paths = setting.paths(&entry.command);
                reader.file_command(ScheduleEntry { command, ..entry }, paths);
            }
        }
    }

    /// Adds what other units start: paths that are watched, sockets, units that want others or start them on failure.
    fn starters(&mut self) {
        let mut found: Vec<(String, String)> = Vec::new();
        for fragment in self.fragments.iter().filter(|fragment| fragment.never.is_none()) {
            let stem = fragment.unit.rsplit_once('.').map_or("", |(stem, _)| stem);
            let service = |key: &str| {
                let named = fragment.settings.iter().rfind(|item| item.key == key).map(|item| item.value.clone());
                named.unwrap_or_else(|| format!("{stem}.service"))
            };
            match fragment.unit.rsplit('.').next() {
                Some("path") => found.push((service("Unit"), fragment.unit.clone())),
                Some("socket") => found.push((service("Service"), fragment.unit.clone())),
                _ => {}
            }
            for item in fragment.settings.iter().filter(|item| STARTING.contains(&item.key.as_str())) {
                found.extend(item.value.split_ascii_whitespace().map(|unit| (unit.to_owned(), fragment.unit.clone())));
            }
        }
        for (unit, by) in found {
            // What `%i` stands for in there is not known here; the template counts.
            let unit = if unit.contains('%') {
                unit.split_once('@').map_or(unit.clone(), |(stem, _)| format!("{stem}@.service"))
            } else {
                unit
            };
            self.wants(&unit, &by);
        }
    }

    /// For each unit the timers that start it.
    fn timers(&self) -> HashMap<String, Vec<Timer>> {
        let mut timers: HashMap<String, Vec<Timer>> = HashMap::new();
        for fragment in self.fragments.iter().filter(|fragment| fragment.never.is_none()) {
            let Some(stem) = fragment.unit.strip_suffix(".timer") else { continue };
            if self.masked.contains_key(&fragment.unit) {
                continue;
            }
            let says: Vec<String> = (fragment.settings.iter())
                .filter(|item| !item.value.is_empty())
                .filter(|item| {
                    item.key.starts_with("On") || matches!(item.key.as_str(), "RandomizedDelaySec" | "AccuracySec")
                })
                .map(|item| format!("{}={}", item.key, item.value))
                .collect();
            if says.is_empty() {
                continue;
            }
            let span = |key: &str| {
                let said = fragment.settings.iter().rfind(|item| item.key == key);
                said.and_then(|item| specifier::seconds(&item.value))
            };
            let late = span("AccuracySec").unwrap_or(ACCURACY).saturating_add(span("RandomizedDelaySec").unwrap_or(0));
            let unit = fragment.settings.iter().rfind(|item| item.key == "Unit").map(|item| template(&item.value));
            let unit = unit.unwrap_or_else(|| template(&format!("{stem}.service")));
            let calendars = fragment.settings.iter().filter(|item| item.key == "OnCalendar");
            let last_words = calendars.filter_map(|item| item.value.trim().rsplit_once(char::is_whitespace));
            let zone = last_words.map(|(_, word)| word).find(|word| is_zone_name(word)).map(str::to_owned);
            let timer = Timer { name: fragment.unit.clone(), says: says.join(" "), late, zone };
            timers.entry(unit).or_default().push(timer);
        }
        timers
    }

    /// What starts a unit, if anything that is known does.
    fn when(&self, unit: &str, timers: Option<&Vec<Timer>>) -> Option<String> {
        let mut parts: Vec<String> =
            timers.into_iter().flatten().map(|timer| format!("{}: {}", timer.name, timer.says)).collect();
        parts.extend(self.wanted_by.get(unit).into_iter().flatten().map(|by| format!("started by {by}")));
        // A timer, a path or a socket is not started for itself.
        let starts_others = matches!(unit.rsplit('.').next(), Some("timer" | "path" | "socket"));
        if parts.is_empty() && starts_others {
            parts.push(format!("{unit} itself"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Keys by which a unit starts others (systemd.unit(5)).
const STARTING: [&str; 7] = ["Wants", "Requires", "Requisite", "BindsTo", "Upholds", "OnFailure", "OnSuccess"];

/// A timer that starts a unit.
struct Timer {
    name: String,
    /// What it says of the time.
    says: String,
    /// Seconds by which it may be late.
    late: u64,
    /// The time zone that its times are in, where they say so (systemd.time(7)).
    zone: Option<String>,
}

/// One unit or instance of a template.
struct Unit<'a> {
    name: &'a str,
    when: Option<&'a String>,
    timers: Option<&'a Vec<Timer>>,
    masked: Option<&'a String>,
}

/// Adds the variables that a unit sets, itself or by files.
fn variables(reader: &Reader<'_>, fragments: &[&Fragment], specifiers: &Specifiers, setting: &mut CommandSetting) {
    for item in fragments.iter().flat_map(|fragment| &fragment.settings) {
        match item.key.as_str() {
            "Environment" => {
                for (name, value) in specifier::assignments(&specifiers.expand(&item.value)) {
                    setting.set(&name, &value);
                }
            }
            "EnvironmentFile" => {
                let path = specifiers.expand(item.value.trim_start_matches('-'));
                let Ok(text) = reader.root.text_up_to(Path::new(&path), MAX_ENVIRONMENT) else { continue };
                for (name, value) in specifier::environment_file(&String::from_utf8_lossy(&text.bytes)) {
                    setting.set(name, value);
                }
            }
            _ => {}
        }
    }
}

/// What holds for a unit on a key: a drop-in's last word, else that of its strongest file, which is read first.
fn setting<'f>(fragments: &[&'f Fragment], key: &str) -> Option<&'f str> {
    let of = |fragment: &&&'f Fragment| fragment.settings.iter().any(|item| item.key == key);
    let drop_in = fragments.iter().filter(of).rfind(|fragment| fragment.is_drop_in);
    let fragment = drop_in.or_else(|| fragments.iter().find(of))?;
    let item = fragment.settings.iter().rfind(|item| item.key == key)?;
    Some(item.value.as_str()).filter(|value| !value.is_empty())
}

/// A unit's name without its instance: `backup@home.service` is made from `backup@.service`.
fn template(unit: &str) -> String {
    match (unit.split_once('@'), unit.rsplit_once('.')) {
        (Some((stem, _)), Some((_, kind))) => format!("{stem}@.{kind}"),
        _ => unit.to_owned(),
    }
}
