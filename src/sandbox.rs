//! What the process gives up before it touches anything that others have made: executing programs, sockets, looking into
//! other processes' memory, and writing anywhere but where its own files are.
//!
//! Three means, each used as far as the kernel has it:
//!
//! | means | what it takes | of which threads |
//! | --- | --- | --- |
//! | seccomp (`seccomp(2)`) | the system calls that execute, open sockets, or reach into other processes | all |
//! | Landlock (`landlock(7)`), first layer | executing files, TCP | all but those of [`outside`] |
//! | Landlock, second layer | writing files but below the folders that were named | those started later |
//!
//! A Landlock domain may not look into processes outside of it (`landlock(7)`, "Ptrace restrictions"), and that covers what
//! `/proc/PID` says of their files. The probe that reads it therefore runs [`outside`] of the domain, where seccomp still
//! holds. Reading is not restricted: what is scanned is the whole box.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, make_bitflags,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::timeout;

/// The newest Landlock interface whose rights are asked for; an older kernel gives those that it knows.
const NEWEST: ABI = ABI::V6;
/// Devices that a terminal program opens for writing.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/tty", "/dev/pts"];

/// What is in force by now.
static IN_FORCE: Mutex<InForce> = Mutex::new(InForce { seccomp: None, execution: None, writing: None, waived: false });

/// What is in force, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    seccomp: Option<String>,
    execution: Option<String>,
    writing: Option<String>,
    /// Whether Landlock is left alone on purpose.
    waived: bool,
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.seccomp, &self.execution, &self.writing].map(|part| part.as_deref().unwrap_or_default());
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join("; "))
    }
}

/// What is in force by now.
pub fn in_force() -> InForce {
    IN_FORCE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn note(change: impl FnOnce(&mut InForce)) {
    change(&mut IN_FORCE.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Gives up executing programs, sockets and other processes, for good and for every thread that this one starts from now
/// on. To be called before there is any other thread. With `without_landlock`, only seccomp is used, for the reason given.
pub fn forbid_execution(without_landlock: Option<&str>) {
    let seccomp = match apply_seccomp() {
        Ok(()) => "seccomp: no program is executed, no socket opened, no other process traced".to_owned(),
        Err(why) => format!("no seccomp ({why})"),
    };
    note(|in_force| in_force.seccomp = Some(seccomp));
    if let Some(why) = without_landlock {
        return note(|in_force| {
            in_force.execution = Some(format!("no Landlock ({why})"));
            in_force.waived = true;
        });
    }
    open_outside();
    let execution = match landlock_execution() {
        Ok(status) => said(&status, "no program is executed, no TCP"),
        Err(error) => format!("no Landlock ({error})"),
    };
    note(|in_force| in_force.execution = Some(execution));
}

/// Gives up writing but below `folders`, for this thread and every one that it starts from now on. What is open already
/// stays open. A folder that is not there gives no right. Does nothing when Landlock was left alone on purpose.
pub fn forbid_writing_outside(folders: &[PathBuf]) {
    if in_force().waived {
        return;
    }
    let writing = match landlock_writing(folders) {
        Ok(status) => {
            said(&status, "files are written only beside the case, the register, the log, the cache or an output")
        }
        Err(error) => format!("no Landlock for writing ({error})"),
    };
    note(|in_force| in_force.writing = Some(writing));
}

fn said(status: &RestrictionStatus, what: &str) -> String {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
            "no Landlock (not enabled in this kernel)".to_owned()
        }
        (RulesetStatus::NotEnforced, _) => "no Landlock (not in this kernel)".to_owned(),
        (enforced, LandlockStatus::Available { effective_abi, .. }) => {
            let partly = if *enforced == RulesetStatus::PartiallyEnforced { ", as far as this kernel can" } else { "" };
            format!("Landlock ABI {}: {what}{partly}", effective_abi as i32)
        }
        (..) => format!("Landlock: {what}"),
    }
}

fn landlock_execution() -> Result<RestrictionStatus, landlock::RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::Execute)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket)?
        .create()?
        .restrict_self()
}

fn landlock_writing(folders: &[PathBuf]) -> Result<RestrictionStatus, landlock::RulesetError> {
    let handled = AccessFs::from_write(NEWEST);
    // What our own files need: made, written, cut, renamed within their folder, removed.
    let own = make_bitflags!(AccessFs::{WriteFile | MakeReg | RemoveFile | Truncate | MakeDir});
    let device = make_bitflags!(AccessFs::{WriteFile | IoctlDev});
    let rule = |path: &Path, rights: BitFlags<AccessFs>| Some(PathBeneath::new(PathFd::new(path).ok()?, rights));
    let folders = folders.iter().filter(|folder| folder.is_dir()).filter_map(|folder| rule(folder, own));
    let devices = DEVICES.iter().filter_map(|path| rule(Path::new(path), device));
    Ruleset::default()
        .handle_access(handled)?
        .create()?
        .add_rules(folders.chain(devices).map(Ok::<_, landlock::RulesetError>))?
        .restrict_self()
}

/// System calls that nothing here makes, each refused with `EPERM`: those that execute, open a way out, reach into other
/// processes, or change the system; `io_uring_setup(2)` because it does other calls' work unseen.
const REFUSED: [i64; 18] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_userfaultfd,
];

fn apply_seccomp() -> Result<(), String> {
    let arch = std::env::consts::ARCH.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    let rules: BTreeMap<i64, _> = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

type Job = Box<dyn FnOnce() + Send>;

/// To the thread that was started before the first Landlock layer.
static OUTSIDE: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();

/// Starts the thread that [`outside`] uses. It starts one for each job, so that one that hangs holds up no other.
fn open_outside() {
    let (jobs, queue) = mpsc::channel::<Job>();
    let started = timeout::spawn("outside", move || {
        for job in queue {
            // Without a thread the job is dropped, and whoever waits for it hears of that.
            let _ = timeout::spawn("outside", job);
        }
    });
    if started.is_ok() {
        let _ = OUTSIDE.set(Mutex::new(jobs));
    }
}

/// Does `work` on a thread that is in no Landlock domain, and waits for it; here and now when this process has entered
/// none. For what a domain cannot do and a probe must: reading `/proc/PID` of other processes. `None` when its thread could
/// not be started, or panicked.
pub fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let Some(jobs) = OUTSIDE.get() else { return Some(work()) };
    let (done, outcome) = mpsc::sync_channel(1);
    let job = Box::new(move || {
        let _ = done.send(work());
    });
    jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job).ok()?;
    outcome.recv().ok()
}
