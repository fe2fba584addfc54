//! The command line: arguments to exit code.

mod archives;
pub(crate) mod args;
pub(crate) mod case;
pub(crate) mod completions;
mod confine;
mod deploy;
pub(crate) mod exclusions;
pub(crate) mod exit;
mod help;
mod hunts;
pub(crate) mod hunts_export;
pub(crate) mod inspect;
mod launch;
mod limits;
pub(crate) mod logging;
pub(crate) mod manual;
pub(crate) mod output;
mod prepare;
pub(crate) mod report;
mod rule_args;
mod scan;
mod screen;
mod signals;
mod when;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};
use signal_hook::consts::SIGXFSZ;

use args::{Cli, Command};
use exit::{FAILED, is_closed_pipe};
use logging::LogArgs;

use crate::{print, sandbox, scan as scanning, timeout, version};

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    if let Some(code) = launch::wait_for_work() {
        return code;
    }
    tell_panics();
    timeout::keep_supervised_panics_quiet();
    fail_writes_past_the_limit();
    let given = if wants_version_page() { Cli::try_parse_from(["huntbook", "version"]) } else { Cli::try_parse() };
    let cli = match given {
        Ok(cli) => cli,
        Err(error) => return not_run(&error),
    };
    confine::begin(&cli);
    // Held until the end, which writes what is on its way to the log.
    let log = match cli.log().map(LogArgs::start).transpose() {
        Ok(log) => log.flatten(),
        Err(error) => return failed(&error.into()),
    };
    let answers = cli.command.as_ref().is_some_and(Command::answers);
    // A panic has been told by now, and is a failure like any other to whoever waits for the exit code.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(cli)));
    let code = match outcome.unwrap_or_else(|_| Ok(ExitCode::from(FAILED))) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) && !answers => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => failed(&anyhow::anyhow!("whoever read the output went before its end")),
        Err(error) => failed(&error),
    };
    tracing::info!("huntbook ended");
    drop(log);
    launch::let_go();
    code
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tracing::error!("{error:#}");
    print::say(format_args!("{error:#}"));
    ExitCode::from(FAILED)
}

/// Prints help, version, or what is wrong with the arguments. What is wrong quotes arguments, so it goes without colours
/// through the writer that shows what a terminal would act on.
fn not_run(error: &clap::Error) -> ExitCode {
    let said = error.render();
    let _ =
        if error.use_stderr() { write!(print::stderr(), "{said}") } else { print::styled(&said.ansi().to_string()) };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED))
}

/// A limit on the size of files (`ulimit -f`) is a full disk: the write fails (EFBIG), and what it was for says so. By
/// default the signal that comes with it ends the program (setrlimit(2)).
fn fail_writes_past_the_limit() {
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// A panic's message may quote anything. What the engine panics over is a file that was not scanned, and coverage says so.
fn tell_panics() {
    panic::set_hook(Box::new(|info| {
        if !scanning::engine_runs() {
            print::say(format_args!("an error of Huntbook's own, please report it: {info}"));
            let backtrace = Backtrace::capture();
            if backtrace.status() == BacktraceStatus::Captured {
                let _ = write!(print::stderr(), "{backtrace}");
            }
        }
    }));
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(command) = &cli.command {
        confine::writing(&confine::folders(command));
    }
    match cli.command {
        None => screen::run(&cli.trees, &cli.scan, &cli.screen),
        Some(Command::Scan { trees, files_from, null, format, mut scan }) => {
            let tree = scan.tree_of(trees, files_from.as_deref(), null)?;
            scan::run(&tree, format, &scan)
        }
        Some(Command::Hunts(command)) => hunts::run(command),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Exclusions(command)) => exclusions::run(command),
        Some(Command::Case(command)) => case::run(command),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Deploy(command)) => deploy::run(&command),
        Some(Command::Completions { shell }) => {
            print::stdout().write_all(&completions::script(shell))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Help(args)) => help::run(&args, Cli::command()).map(|()| ExitCode::SUCCESS),
        Some(Command::Version) => {
            write!(print::stdout(), "{}", version_page())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Man) => {
            print::stdout().write_all(&manual::pages()?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Which Huntbook this is, a line each.
fn version_page() -> String {
    let mut page = String::new();
    for (key, value) in version::facts() {
        match key {
            "program" => page.push_str(&value),
            key => page.push_str(&format!("{}: {value}", key.replace('_', " "))),
        }
        page.push('\n');
    }
    page + &format!("sandbox: {}\n", sandbox::in_force())
}

/// Whether all of it is asked for: `--version --verbose`.
fn wants_version_page() -> bool {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    words.len() == 2 && (has("--version") || has("-V")) && has("--verbose")
}
