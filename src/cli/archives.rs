//! How far archives are opened, and what is looked at of processes.

use std::time::Duration;

use clap::Args;

use crate::archive::Limits;
use crate::scan::ProcessOptions;
use crate::text::size::parse_size;

/// What is looked at of processes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Processes")]
pub struct ProcessArgs {
    /// Scan programs and libraries that run and that the walk cannot reach: deleted, replaced, never on a disk (memfd). On
    /// unless told otherwise when TREE is /.
    #[arg(long, overrides_with = "no_processes")]
    pub processes: bool,
    /// Leave what runs alone.
    #[arg(long)]
    pub no_processes: bool,
    /// Scan the private memory of all processes, region by region. No process is stopped, and nothing is written.
    #[arg(long)]
    pub memory: bool,
    /// The only process that is looked at so. May be repeated.
    #[arg(long, value_name = "PID")]
    pub pid: Vec<u32>,
}

impl ProcessArgs {
    /// The scanner's options.
    pub fn options(&self) -> ProcessOptions {
        let executables = (self.processes || self.no_processes).then_some(self.processes);
        ProcessOptions { executables, memory: self.memory, only: self.pid.clone() }
    }
}

/// How far archives, packages and compressed files are opened.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Archives")]
pub struct ArchiveArgs {
    /// Leave archives, packages and compressed files closed: they are matched as they are, and not what lies in them.
    #[arg(long)]
    pub no_archives: bool,
    /// Archives in one another that are opened, the outermost counted.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub archive_depth: u8,
    /// Bytes that are taken out of one file with all that is nested in it.
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = parse_size)]
    pub archive_bytes: u64,
    /// So many times its own size is taken out of a file, once that is more than 32 MiB: a bomb promises more.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub archive_ratio: u64,
    /// Members that are taken out of one file.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub archive_members: u64,
    /// Seconds that the members of one file may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub archive_time: u64,
}

impl ArchiveArgs {
    /// The limits; `None` where archives stay closed. A member is held whole up to `max_file_size` bytes.
    pub fn limits(&self, max_file_size: u64) -> Option<Limits> {
        let limits = Limits {
            depth: self.archive_depth.into(),
            bytes: self.archive_bytes,
            ratio: self.archive_ratio,
            members: self.archive_members,
            time: Duration::from_secs(self.archive_time),
            held: max_file_size,
        };
        (!self.no_archives).then_some(limits)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn the_flags_say_the_defaults() {
        let limits = |arguments: &[&str]| {
            let cli = Cli::try_parse_from([&["huntbook", "/srv"], arguments].concat()).unwrap();
            cli.scan.archives.limits(1 << 30)
        };
        assert_eq!(limits(&[]), Some(Limits::default()));
        assert_eq!(limits(&["--no-archives"]), None);
        assert_eq!(limits(&["--archive-depth", "2"]).unwrap().depth, 2);
    }
}
