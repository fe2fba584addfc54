//! `--log FILE`: what the log is about, and what it hears of the program's end.

use std::panic;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::log::{Log, LogError};
use crate::scan;

/// Where the log goes, and what is in it.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Write what happens to this file, one line an event; a log that is there is added to.
    #[arg(id = "log", long = "log", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How much the log holds.
    #[arg(long = "log-level", value_name = "LEVEL", value_enum, default_value_t = Level::Info, requires = "log")]
    pub level: Level,
}

/// How much a log holds; each holds what stands before it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What failed.
    Error,
    /// What was not scanned though it should have been, and what is kept in memory only.
    Warn,
    /// Start and end, rules, scans, decisions, and all else that coverage lists.
    Info,
    /// Every finding.
    Debug,
}

impl LogArgs {
    /// Starts the log if one was asked for. Its first line says what was started, and panics go there too.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(&self) -> Result<Option<Log>, LogError> {
        let Some(path) = &self.file else { return Ok(None) };
        let level = match self.level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
        };
        let log = Log::start(path, level)?;
        let arguments: Vec<_> = std::env::args_os().skip(1).collect();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), ?arguments, "huntbook started");
        hear_panics(&log);
        Ok(Some(log))
    }
}

fn hear_panics(log: &Log) {
    let flush = log.flusher();
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // What the engine panics over is a file that was not scanned, and logged as such.
        if !scan::engine_runs() {
            tracing::error!("panic: {info}");
            flush();
        }
        previous(info);
    }));
}
