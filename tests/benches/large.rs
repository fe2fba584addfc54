//! How fast a finding in a very large file is read as text: time from a key to the first frame after it and to the last one,
//! and how much of the file is read for it.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::num::NonZero;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const RULE: &str = "rule large { strings: $mark = \"huntbook bench\" condition: $mark }\n";
/// With this, ratatui hides the cursor or shows it, once with every frame.
const FRAME: &[u8] = b"\x1b[?25";
/// As long as nothing more is drawn, all that a key asks for is there.
const STILL: Duration = Duration::from_millis(150);
const WAIT_TIMEOUT: Duration = Duration::from_mins(5);
/// Keys pressed, round and round.
const KEYS: [(&str, &str); 9] = [
    ("j", "j"),
    ("page down", " "),
    ("page up", "\x02"),
    ("50 %", "g50%\r"),
    ("k", "k"),
    ("end", "ge"),
    ("page up from the end", "\x02"),
    ("back", "\x0f"),
    ("start", "gg"),
];
const ROUNDS: usize = 12;

struct Seen {
    screen: vt100::Parser,
    frames: usize,
    last: Instant,
}

/// Prints a table for a log of 1 GB and one for a file of 10 GB that is one line.
pub(crate) fn table() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let log = |path: &Path| -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        writeln!(file, "huntbook bench")?;
        let mut written = 0_u64;
        let mut number = 0_u64;
        while written < 1_000_000_000 {
            let line = format!(
                "Nov 26 22:{:02}:{:02} web01 sshd[{number}]: Failed password for root from 10.0.0.{} port {}\n",
                number / 60 % 60,
                number % 60,
                number % 250,
                number % 60_000
            );
            file.write_all(line.as_bytes())?;
            written += line.len() as u64;
            number += 1;
        }
        file.flush()
    };
    let line = |path: &Path| -> std::io::Result<()> {
        let file = File::create(path)?;
        let text = b"huntbook bench, one line ".repeat(200_000);
        file.set_len(10 << 30)?;
        // Text at its beginning, its middle and its end; holes between.
        for at in [0, (5_u64 << 30) - (1 << 20), (10 << 30) - text.len() as u64] {
            file.write_all_at(&text, at)?;
        }
        Ok(())
    };
    one(scratch.path(), "log of 1 GB", log)?;
    one(scratch.path(), "one line of 10 GB (sparse)", line)
}

fn one(scratch: &Path, name: &str, make: impl Fn(&Path) -> std::io::Result<()>) -> Result<(), Box<dyn Error>> {
    let tree = scratch.join("tree");
    std::fs::create_dir_all(&tree)?;
    let path = tree.join("large.log");
    if let Err(error) = make(&path) {
        println!("\n{name}: not made, {error}");
        return Ok(());
    }
    let rule = scratch.join("large.yar");
    std::fs::write(&rule, RULE)?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear();
    command.env("HOME", scratch);
    command.env("TERM", "xterm-256color");
    command.arg(&tree);
    command.args(["--no-builtin".as_ref(), "--rules".as_ref(), rule.as_os_str()]);
    let (rows, cols) = (50, 160);
    let (height, width) = (NonZero::new(rows).ok_or("no rows")?, NonZero::new(cols).ok_or("no columns")?);
    let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })?;
    let seen =
        Arc::new(Mutex::new(Seen { screen: vt100::Parser::new(height, width, 0), frames: 0, last: Instant::now() }));
    let mut reader = pair.master.try_clone_reader()?;
    let mut writer = pair.master.take_writer()?;
    let sink = Arc::clone(&seen);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let bytes = &buffer[..count];
            let mut seen = sink.lock().unwrap_or_else(PoisonError::into_inner);
            seen.screen.process(bytes);
            seen.frames += bytes.windows(FRAME.len()).filter(|window| *window == FRAME).count();
            seen.last = Instant::now();
        }
    });
    let mut child = pair.slave.spawn_command(command)?;
    let pid = child.process_id().unwrap_or_default();
    let look = || {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.frames, seen.last, seen.screen.screen().contents())
    };
    let wait = |text: &str| {
        let begin = Instant::now();
        while !look().2.contains(text) {
            if begin.elapsed() > WAIT_TIMEOUT {
                return Err(format!("waited for {text:?}:\n{}", look().2));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    };
    wait("done in")?;
    writer.write_all(b"\r")?;
    wait("at 0x")?;
    std::thread::sleep(Duration::from_secs(2));
    if !look().2.contains("Text, ") {
        writer.write_all(b"x")?;
        wait("Text, ")?;
    }
    // What the box says of the file is gathered meanwhile, which reads other files.
    std::thread::sleep(Duration::from_secs(5));
    let read = || -> u64 {
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")).and_then(|count| count.parse().ok()).unwrap_or(0)
    };
    println!("\n| {name}, as text, {cols}×{rows} | first frame, p50 | p99 | all there, p50 | p99 | bytes read, most |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut times: Vec<Vec<(Duration, Duration, u64)>> = vec![Vec::new(); KEYS.len()];
    for _ in 0..ROUNDS {
        for (place, (_, keys)) in KEYS.iter().enumerate() {
            let (frames, ..) = look();
            let before = read();
            let begin = Instant::now();
            writer.write_all(keys.as_bytes())?;
            writer.flush()?;
            while look().0 == frames && begin.elapsed() < WAIT_TIMEOUT {
                std::thread::sleep(Duration::from_micros(200));
            }
            let first = begin.elapsed();
            while look().1.elapsed() < STILL {
                std::thread::sleep(Duration::from_millis(5));
            }
            times[place].push((first, look().1.saturating_duration_since(begin), read() - before));
        }
    }
    for ((key, _), mut times) in KEYS.iter().zip(times) {
        let mut at = |share: usize, of: fn(&(Duration, Duration, u64)) -> Duration| {
            times.sort_unstable_by_key(of);
            of(&times[(times.len() - 1) * share / 100]).as_secs_f64() * 1000.0
        };
        let all = [at(50, |time| time.0), at(99, |time| time.0), at(50, |time| time.1), at(99, |time| time.1)];
        let [first, worst, there, late] = all.map(|time| format!("{time:.1} ms"));
        let most = times.iter().map(|time| time.2).max().unwrap_or(0);
        println!("| {key} | {first} | {worst} | {there} | {late} | {most} |");
    }
    child.kill()?;
    child.wait()?;
    std::fs::remove_dir_all(&tree)?;
    Ok(())
}
