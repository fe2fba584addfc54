//! systemd units, their drop-ins and timers, of the system and of every user (systemd.unit(5)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::words::Setting;
use super::{Entry, Reader, Scheduler, unit};
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

pub(super) fn read(reader: &mut Reader<'_>) {
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

/// A unit file or drop-in as read.
struct Fragment {
    /// The unit it is for: `backup.service`.
    unit: String,
    path: PathBuf,
    attributes: Attributes,
    note: Option<String>,
    is_drop_in: bool,
    settings: Vec<unit::Setting>,
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
}

impl Manager {
    fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            folders: Vec::new(),
            fragments: Vec::new(),
            strongest: HashMap::new(),
            wanted_by: HashMap::new(),
        }
    }

    fn read(mut self, reader: &mut Reader<'_>, folders: impl Iterator<Item = PathBuf>) {
        for folder in folders {
            match reader.resolve(&folder) {
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
                let wanted = wanted.file_name().map(|name| template(&name.to_string_lossy())).unwrap_or_default();
                self.wanted_by.entry(wanted).or_default().insert(target.to_owned());
            }
        } else if matches!(name.rsplit('.').next(), Some("service" | "timer" | "socket" | "path" | "mount" | "swap")) {
            self.read_fragment(reader, name, path, None);
        }
    }

    fn read_fragment(&mut self, reader: &mut Reader<'_>, unit: String, path: &Path, drop_in: Option<&str>) {
        let Ok(located) = reader.root.locate(path, false) else { return };
        let mut note = drop_in.map(|what| format!("{what} of {unit}"));
        if located.metadata.is_symlink() {
            // A link to /dev/null masks the unit. An image need not have that device.
            if located.target().is_ok_and(|target| target == Path::new("/dev/null")) {
                self.strongest.entry(unit).or_insert_with(|| path.to_owned());
                return;
            }
            match reader.resolve(path) {
                // A link to nothing starts nothing.
                None => return,
                // An alias of a unit that is read under its own name.
                Some(target) if target.parent().is_some_and(|folder| self.folders.iter().any(|own| own == folder)) => {
                    return;
                }
                Some(target) => note = Some(format!("a link to {}", target.display())),
            }
        }
        if drop_in.is_none() {
            match self.strongest.get(&unit) {
                Some(strongest) => note = Some(format!("hidden by {}", strongest.display())),
                None => {
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
        self.fragments.push(Fragment { unit, path, attributes: found.attributes, note, is_drop_in, settings });
    }

    /// Files every command under what it names, with the timers and targets that start its unit.
    fn file(self, reader: &mut Reader<'_>) {
        let timers = self.timers();
        let mut units: BTreeMap<String, Vec<&Fragment>> = BTreeMap::new();
        for fragment in &self.fragments {
            units.entry(template(&fragment.unit)).or_default().push(fragment);
        }
        for (unit, fragment) in units.iter().flat_map(|(unit, all)| all.iter().map(move |one| (unit, *one))) {
            let said = |key| units.get(unit).and_then(|all| setting(all, key));
            let user = said("User").unwrap_or(&self.user).to_owned();
            let when = self.when(unit, timers.get(unit));
            let last_run = timers
                .get(unit)
                .into_iter()
                .flatten()
                .find_map(|(timer, _)| reader.stamp(&format!("/var/lib/systemd/timers/stamp-{timer}")));
            let mut setting = Setting {
                home: reader.home(&user),
                folder: said("WorkingDirectory").map(|folder| folder.trim_start_matches('-').into()),
                path: SEARCH_PATH.iter().map(PathBuf::from).collect(),
            };
            for item in fragment.settings.iter().filter(|item| unit::names_files(&item.key)) {
                // Marks before a command change how it is run, not what (systemd.service(5), table 1).
                let value = item.value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
                let paths = setting.paths(value);
                let mut command = format!("{}={}", item.key, item.value);
                super::truncate(&mut command);
                let entry = Entry {
                    scheduler: Scheduler::Systemd,
                    path: fragment.path.clone(),
                    attributes: fragment.attributes,
                    line: item.line,
                    when: when.clone(),
                    user: Some(user.clone()),
                    command,
                    last_run,
                    next_run: None,
                    note: fragment.note.clone(),
                };
                reader.file_under(entry, paths);
            }
        }
    }

    /// For each unit the timers that start it, with what they say of the time.
    fn timers(&self) -> HashMap<String, Vec<(String, String)>> {
        let mut timers: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for fragment in &self.fragments {
            let Some(stem) = fragment.unit.strip_suffix(".timer") else { continue };
            let says: Vec<String> = (fragment.settings.iter())
                .filter(|item| !item.value.is_empty())
                .filter(|item| item.key.starts_with("On") || item.key == "RandomizedDelaySec")
                .map(|item| format!("{}={}", item.key, item.value))
                .collect();
            if says.is_empty() {
                continue;
            }
            let unit = fragment.settings.iter().rfind(|item| item.key == "Unit").map(|item| template(&item.value));
            let unit = unit.unwrap_or_else(|| template(&format!("{stem}.service")));
            timers.entry(unit).or_default().push((fragment.unit.clone(), says.join(" ")));
        }
        timers
    }

    fn when(&self, unit: &str, timers: Option<&Vec<(String, String)>>) -> String {
        let mut parts: Vec<String> =
            timers.into_iter().flatten().map(|(timer, says)| format!("{timer}: {says}")).collect();
        parts.extend(self.wanted_by.get(unit).into_iter().flatten().map(|target| format!("started by {target}")));
        if parts.is_empty() { format!("{unit}, which no timer and no target starts") } else { parts.join("; ") }
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
