//! The program runs as two processes: one that does the work, and one that waits for it.
//!
//! A thread in a system call that nothing breaks off (a file system whose server has gone) keeps its process in existence
//! after its end: neither `exit_group(2)` nor SIGKILL ends a thread that sleeps uninterruptibly, and until it wakes up
//! `wait(2)` says nothing of the process that it is part of. Whoever waits for a scan, a shell or an orchestrator, would
//! wait for that file system. So he waits for a process that touches none: it starts the one that does the work, passes
//! signals on, and ends with the other's exit code as soon as that one has ended, or has ended but for such a thread.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;

use super::exit::FAILED;
use crate::tui::input::ending_signals;
use crate::{print, timeout};

/// Tells the process that does the work which one waits for it.
const WAITER: &str = "HUNTBOOK_WAITER";
/// Whether this is the process that does the work, and another one waits for it.
static WAITED_FOR: AtomicBool = AtomicBool::new(false);
/// How long standard error may take to take a line.
const LAST_WORD: Duration = Duration::from_millis(100);
/// How often a process is looked at that may have ended but for a thread.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Looks in a row at which it has to be like that: the kernel takes a moment to end the threads of a healthy one.
const LOOKS: u32 = 3;

/// Has another process do the work and returns its exit code; `None` in that process, or when there can be no other.
pub(super) fn wait_for_work() -> Option<ExitCode> {
    let waiter = std::env::var_os(WAITER);
    if waiter.as_deref() == getppid().map(own_name).as_deref() {
        // Nobody would hear of its end.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        WAITED_FOR.store(true, Ordering::Release);
        return None;
    }
    // Without threads there is nothing to wait with; the work itself says what it lacks.
    timeout::spawn("trial", || ()).ok()?;
    let mut arguments = std::env::args_os();
    let mut command = Command::new(own_executable());
    command.arg0(arguments.next().unwrap_or_else(|| "huntbook".into())).args(arguments);
    command.env(WAITER, own_name(rustix::process::getpid()));
    let child = command.spawn().ok()?;
    Some(wait(child))
}

/// The file that runs now, by its own name where that still leads to it, so that the process is called after it.
fn own_executable() -> PathBuf {
    const RUNNING: &str = "/proc/self/exe";
    let is_it = |path: &PathBuf| {
        let facts = |path: &Path| std::fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
        facts(path).is_some_and(|named| Some(named) == facts(Path::new(RUNNING)))
    };
    std::env::current_exe().ok().filter(is_it).unwrap_or_else(|| RUNNING.into())
}

fn own_name(pid: Pid) -> OsString {
    pid.as_raw_nonzero().to_string().into()
}

/// Lets go of the terminal or pipes, so that a thread that cannot end holds none of them open. Only where another process
/// waits for this one: what is written after it is lost.
pub(super) fn let_go() {
    if WAITED_FOR.load(Ordering::Acquire)
        && let Ok(null) = File::options().read(true).write(true).open("/dev/null")
    {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Ends the process here and now, whatever its threads are at, and says why if standard error takes that.
pub(super) fn leave(why: &str) -> ! {
    let line = why.to_owned();
    let _ = timeout::run(LAST_WORD, move || print::say(line));
    let_go();
    std::process::exit(i32::from(FAILED))
}

fn wait(mut child: Child) -> ExitCode {
    let pid = Pid::from_child(&child);
    // A signal that comes before this ends both processes.
    if let Ok(mut signals) = Signals::new(ending_signals().chain([SIGTSTP, SIGCONT])) {
        let _ = timeout::spawn("signals", move || {
            for signal in signals.forever() {
                forward(signal, pid);
            }
        });
    }
    let (ended, end) = mpsc::sync_channel(1);
    let waits = timeout::spawn("wait", move || {
        let _ = ended.send(child.wait());
    });
    if waits.is_err() {
        // The end of this one is that of the other, see above.
        return ExitCode::from(FAILED);
    }
    follow(pid, &end)
}

/// Waits for the end of the process, or for that of all of it but threads that cannot end.
fn follow(pid: Pid, end: &Receiver<io::Result<ExitStatus>>) -> ExitCode {
    let mut looks = 0;
    loop {
        match end.recv_timeout(POLL_INTERVAL) {
            Ok(Ok(status)) => return code(status),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return ExitCode::from(FAILED),
            Err(RecvTimeoutError::Timeout) => {}
        }
        match ended_but_for_threads(pid) {
            Some(status) if looks >= LOOKS => return code(status),
            Some(_) => looks += 1,
            None => looks = 0,
        }
    }
}

fn code(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        // Ends this process in the same way; what a shell says of it is then right.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        return ExitCode::from(128_u8.saturating_add(signal as u8));
    }
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::from(FAILED), ExitCode::from)
}

/// How the process ended, if its first thread has and `wait(2)` does not say so yet: `/proc/PID/stat`, fields 3 (state) and
/// 52 (`exit_code`), see `proc_pid_stat(5)`.
fn ended_but_for_threads(pid: Pid) -> Option<ExitStatus> {
    let stat = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name of the program, in parentheses, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    let status = fields.get(52 - 3)?.parse().ok()?;
    (*fields.first()? == "Z").then(|| ExitStatus::from_raw(status))
}

/// Passes a signal on. What comes from a terminal reaches both processes already, so the other may get it twice.
fn forward(signal: i32, pid: Pid) {
    // A real-time signal has no name here; it means the same to the screen and to a scan.
    let _ = kill_process(pid, Signal::from_named_raw(signal).unwrap_or(Signal::TERM));
    if signal == SIGTSTP {
        // A shell that stops a job waits until the process that it started has stopped.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}
