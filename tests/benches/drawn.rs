//! What the program itself writes to its terminal: while it scans, and when it is done.

use std::error::Error;
use std::io::Read as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// A tree where every file is a finding, so that rows stream in as fast as the scan goes.
const FILES: usize = 100_000;
const FILES_A_FOLDER: usize = 100;
const RULE: &str = "rule every_file { strings: $mark = \"huntbook bench\" condition: $mark }\n";
/// A scan that takes longer is given up.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);
/// After the end of a scan, what it came to is still drawn.
const SETTLE: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(2);
/// With this, ratatui hides the cursor or shows it, once with every frame.
const CURSOR: &[u8] = b"\x1b[?25";

/// What came from the program so far.
struct Terminal {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    fn frames(&self) -> usize {
        self.bytes.windows(CURSOR.len()).filter(|window| *window == CURSOR).count()
    }
}

/// Prints a table of what the program writes while it scans `tree` (or one made for it), and in two idle seconds.
pub(crate) fn table(tree: Option<&Path>, (width, height): (NonZero<u16>, NonZero<u16>)) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear();
    command.env("HOME", scratch.path());
    command.env("TERM", "xterm-256color");
    match tree {
        Some(tree) => command.arg(tree),
        None => {
            let rule = scratch.path().join("every_file.yar");
            std::fs::write(&rule, RULE)?;
            command.arg(grow(scratch.path())?);
            command.args(["--no-builtin".as_ref(), "--rules".as_ref(), rule.as_os_str()]);
        }
    }
    let pair = native_pty_system().openpty(PtySize {
        rows: height.get(),
        cols: width.get(),
        pixel_width: 0,
        pixel_height: 0,
    })?;
    let terminal = Arc::new(Mutex::new(Terminal { screen: vt100::Parser::new(height, width, 0), bytes: Vec::new() }));
    let mut reader = pair.master.try_clone_reader()?;
    let sink = Arc::clone(&terminal);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let mut terminal = sink.lock().unwrap_or_else(PoisonError::into_inner);
            terminal.screen.process(&buffer[..count]);
            terminal.bytes.extend_from_slice(&buffer[..count]);
        }
    });
    let mut child = pair.slave.spawn_command(command)?;
    let read = || {
        let terminal = terminal.lock().unwrap_or_else(PoisonError::into_inner);
        (terminal.frames(), terminal.bytes.len(), terminal.screen.screen().contents().contains(" done"))
    };
    let begin = Instant::now();
    while !read().2 && begin.elapsed() < WAIT_TIMEOUT {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (frames, bytes, done) = read();
    let seconds = begin.elapsed().as_secs_f64();
    std::thread::sleep(SETTLE);
    let settled = read();
    std::thread::sleep(IDLE);
    let idle = read();
    child.kill()?;
    child.wait()?;
    if !done {
        return Err("the scan did not end".into());
    }
    println!("\n| the program in a terminal, {width}×{height} | a second while scanning | in 2 s idle |");
    println!("| --- | ---: | ---: |");
    println!("| frames drawn | {:.1} | {} |", frames as f64 / seconds, idle.0 - settled.0);
    println!("| bytes written | {:.0} | {} |", bytes as f64 / seconds, idle.1 - settled.1);
    println!("| seconds that the scan took | {seconds:.1} | |");
    Ok(())
}

fn grow(scratch: &Path) -> std::io::Result<PathBuf> {
    let tree = scratch.join("tree");
    for folder in 0..FILES / FILES_A_FOLDER {
        let folder = tree.join(format!("{folder:04}"));
        std::fs::create_dir_all(&folder)?;
        for file in 0..FILES_A_FOLDER {
            std::fs::write(folder.join(format!("report-{file}.txt")), format!("huntbook bench {}", file / 2))?;
        }
    }
    Ok(tree)
}
