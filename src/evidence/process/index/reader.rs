//! Reads `/proc` into the index: each process, and the files that it has to do with.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{IndexedProcess, ProcessIndex, Uses};
use crate::evidence::proc_file;
use crate::evidence::process::interpreters::Interpreters;
use crate::evidence::process::names::{self, Runs};
use crate::evidence::process::read::{self, Descriptor};
use crate::evidence::process::{Relation, loads};
use crate::root::{Root, normal};
use crate::text;

/// Words of a command line that are looked up as files.
const MAX_WORDS: usize = 64;

/// Reads `/proc`, and files every process under what it runs, maps, opens and names.
pub(super) struct ProcReader {
    pub processes: ProcessIndex,
    /// Files named on command lines, by the name spaces they are seen in and the path.
    resolved: HashMap<(Spaces, PathBuf), Option<(u64, u64)>>,
    /// What scripts load, by the same.
    loaded: HashMap<(Spaces, PathBuf), Vec<PathBuf>>,
    interpreters: Interpreters,
}

/// The mount name space and root that a process sees files in.
type Spaces = (PathBuf, PathBuf);

impl ProcReader {
    /// Nothing is read yet.
    pub(super) fn new(processes: ProcessIndex) -> Self {
        Self { processes, resolved: HashMap::new(), loaded: HashMap::new(), interpreters: Interpreters::default() }
    }

    /// Reads all processes.
    pub(super) fn all(&mut self) {
        let proc = self.processes.proc.clone();
        let entries = match fs::read_dir(&proc) {
            Ok(entries) => entries,
            Err(error) => {
                self.processes.hidden = Some(format!("{}: {error}", text::escape_path(&proc)));
                return;
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = names.collect();
        pids.sort_unstable();
        // Every process space has a process 1. With `hidepid` other users' processes are not even listed (proc(5)).
        if pids.first() != Some(&1) {
            let hidden = format!("{} does not list process 1, so others may be hidden", text::escape_path(&proc));
            self.processes.hidden = Some(hidden);
        }
        for pid in pids {
            // A process that has ended meanwhile is left out.
            if let Err(error) = self.process(pid)
                && error.kind() == io::ErrorKind::PermissionDenied
            {
                self.processes.refused.push(pid);
            }
        }
    }

    fn process(&mut self, pid: u32) -> io::Result<()> {
        let folder = self.processes.folder(pid);
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let stat = read::stat(&proc_file::bytes(&folder.join("stat"))?).ok_or_else(damaged)?;
        let status = proc_file::bytes(&folder.join("status")).unwrap_or_default();
        // The owner of the folder is the effective user, except for processes that protect themselves.
        let owner = fs::metadata(&folder)?.uid();
        let (real_uid, uid) = read::user_ids(&status).unwrap_or((owner, owner));
        let words = read::command_line(proc_file::bytes(&folder.join("cmdline")).unwrap_or_default());
        let number = self.processes.known.len() as u32;
        self.processes.by_pid.insert(pid, number);
        self.processes.known.push(IndexedProcess {
            pid,
            parent: stat.parent,
            session: stat.session,
            is_kernel: stat.is_kernel,
            name: stat.name,
            started: stat.started,
            real_uid,
            uid,
            words,
            executable: None,
            scripts: Vec::new(),
            copy_of: None,
            sockets: Vec::new(),
        });
        let executable = fs::read_link(folder.join("exe"));
        let input = self.named(number, &folder, executable.as_deref().ok());
        self.files(number, &folder, executable, input)
    }

    /// Files a process under its executable, mappings and descriptors.
    fn files(
        &mut self,
        number: u32,
        folder: &Path,
        executable: io::Result<PathBuf>,
        runs_its_input: bool,
    ) -> io::Result<()> {
        // The kernel names paths as this process sees them; a container's layer knows them as its own root has them.
        let top = fs::read_link(folder.join("root")).unwrap_or_default();
        if let Some((dev, ino)) = read::identity(&folder.join("exe")) {
            let seen = executable.as_ref().ok().map(|path| below(&top, path));
            self.uses(dev, ino, seen, (number, Relation::Executable));
        }
        // A kernel thread has neither executable nor mappings.
        if executable.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(());
        }
        for mapping in read::mappings(&proc_file::bytes(&folder.join("maps"))?) {
            let relation = if mapping.is_code { Relation::MappedCode } else { Relation::Mapped };
            self.uses(mapping.dev, mapping.ino, Some(below(&top, &mapping.path)), (number, relation));
        }
        let mut sockets = Vec::new();
        for descriptor in read::descriptors_of_all_threads(folder)? {
            match descriptor {
                Descriptor::File { number: 0, dev, ino } if runs_its_input => {
                    self.uses(dev, ino, None, (number, Relation::Script));
                }
                Descriptor::File { number: fd, dev, ino } => self.uses(dev, ino, None, (number, Relation::Open(fd))),
                Descriptor::Socket { ino } => sockets.push(ino),
            }
        }
        if let Some(known) = self.processes.known.get_mut(number as usize) {
            known.executable = executable.ok();
            known.sockets = sockets;
        }
        Ok(())
    }

    fn uses(&mut self, dev: u64, ino: u64, seen_as: Option<PathBuf>, by: (u32, Relation)) {
        let all = self.processes.by_ino.entry(ino).or_default();
        match all.iter_mut().find(|uses| uses.dev == dev && uses.seen_as == seen_as) {
            Some(uses) => uses.by.push(by),
            None => all.push(Uses { dev, seen_as, by: vec![by] }),
        }
    }

    /// Files a process under what the words of its command line name, as seen from its working folder and root; what an
    /// interpreter runs as what it runs. Returns whether it is an interpreter that runs what it reads from its input.
    fn named(&mut self, number: u32, folder: &Path, executable: Option<&Path>) -> bool {
        let Some(known) = self.processes.known.get(number as usize) else { return false };
        let words = known.words.clone();
        let texts: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut runs = names::runs(&texts, executable);
        // Under another name it is an interpreter all the same. Whoever is given no words runs no script.
        let copy_of = if runs.is_none() && words.len() > 1 { self.interpreters.same_as(folder) } else { None };
        if let Some(name) = &copy_of {
            runs = names::runs(&texts, Some(Path::new(name)));
            if let Some(known) = self.processes.known.get_mut(number as usize) {
                known.copy_of = Some(name.clone());
            }
        }
        let cwd = fs::read_link(folder.join("cwd")).ok();
        let spaces = [folder.join("ns/mnt"), folder.join("root")].map(|link| fs::read_link(link).unwrap_or_default());
        let [mounts, top] = spaces;
        let root = if top.as_os_str().is_empty() { Root::live() } else { Root::image(folder.join("root")) };
        let all = words.iter().take(MAX_WORDS).flat_map(|word| candidates(Path::new(word), cwd.as_deref()));
        let mut paths: BTreeMap<PathBuf, Relation> = all.map(|path| (path, Relation::Named)).collect();
        match &runs {
            Some(Runs::File(word)) => {
                let scripts = candidates(Path::new(word), cwd.as_deref());
                let loaded = |script: &PathBuf| self.loaded(&(mounts.clone(), top.clone()), &root, script);
                let loaded: Vec<PathBuf> = scripts.iter().flat_map(loaded).collect();
                paths.extend(loaded.into_iter().map(|path| (path, Relation::Loaded)));
                paths.extend(scripts.iter().map(|path| (path.clone(), Relation::Script)));
                if let Some(known) = self.processes.known.get_mut(number as usize) {
                    known.scripts = scripts;
                }
            }
            Some(Runs::Module(name)) => {
                let modules = cwd.iter().flat_map(|cwd| loads::module(cwd, name));
                paths.extend(modules.map(|path| (path, Relation::Module)));
            }
            Some(Runs::Input | Runs::Inline) | None => {}
        }
        for (path, relation) in paths {
            let key = ((mounts.clone(), top.clone()), path.clone());
            let identity = *self.resolved.entry(key).or_insert_with(|| {
                let located = root.locate(&path, true).ok()?;
                Some((located.metadata.dev(), located.metadata.ino())).filter(|_| located.metadata.is_file())
            });
            match identity {
                Some((dev, ino)) => {
                    let seen = (top != Path::new("/")).then_some(path);
                    self.uses(dev, ino, seen, (number, relation));
                }
                // A script or module that is not there is none.
                None if matches!(relation, Relation::Loaded | Relation::Module) => {}
                None => self.processes.by_path.entry(path).or_default().push(number),
            }
        }
        runs == Some(Runs::Input)
    }

    /// What a script loads, looked up once for all who run it.
    fn loaded(&mut self, spaces: &Spaces, root: &Root, script: &Path) -> Vec<PathBuf> {
        let key = (spaces.clone(), script.to_owned());
        self.loaded.entry(key).or_insert_with(|| loads::by_script(root, script)).clone()
    }
}

/// `path` as a process sees it whose root is `top`.
fn below(top: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(top) {
        Ok(below) if top.parent().is_some() => Path::new("/").join(below),
        _ => path.to_owned(),
    }
}

/// The absolute paths that a word may mean: itself, joined to the working folder, or the value of `--option=value`.
fn candidates(word: &Path, cwd: Option<&Path>) -> Vec<PathBuf> {
    let text = word.to_string_lossy();
    if text.is_empty() || text.len() > 4096 {
        return Vec::new();
    }
    let value = text.split_once('=').map(|(_, value)| PathBuf::from(value)).filter(|value| value.is_absolute());
    let whole =
        if text.starts_with('-') { None } else { cwd.map(|cwd| cwd.join(word)).or_else(|| Some(word.to_owned())) };
    let all = [whole, value].into_iter().flatten();
    all.filter(|path| path.is_absolute()).map(|path| normal(&path)).collect()
}
