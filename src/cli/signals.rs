//! What a signal does to a scan without a screen.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::launch;
use crate::root::Root;
use crate::scan::Scan;
use crate::tui::input::ending_signals;
use crate::{proc, timeout};

/// Every signal that would end the program ends the scan early instead, so that what was found is still summed up. A second
/// Ctrl-C does not wait for that, and nothing makes another signal wait for longer than [`GRACE`]: a reader of the output that
/// reads no more, or a disk that does not answer, may hold up the sum. What whoever started the program has it ignore, as
/// nohup(1) does SIGHUP, stays ignored.
pub(super) fn cancel_on_signals(scan: &Scan) -> anyhow::Result<Arc<AtomicBool>> {
    let control = Arc::clone(&scan.control);
    let interrupted = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&interrupted);
    let ignored = ignored();
    let is_ignored = |signal: &i32| ignored.checked_shr(*signal as u32 - 1).unwrap_or_default() & 1 == 1;
    let mut signals = Signals::new(ending_signals().filter(|signal| !is_ignored(signal)))?;
    timeout::spawn("signals", move || {
        let mut first = None;
        for signal in signals.forever() {
            tracing::info!(signal, "a signal ends the scan");
            tell.store(true, Ordering::Relaxed);
            control.cancel();
            let since = *first.get_or_insert_with(Instant::now);
            if signal != SIGINT {
                std::thread::sleep(GRACE);
            }
            if signal != SIGINT || since.elapsed() > ONE_PRESS {
                launch::leave(
                    "the scan was broken off before its sum could be printed; the case holds what was recorded",
                );
            }
        }
    })?;
    Ok(interrupted)
}

/// One press of Ctrl-C may arrive twice (see [`launch`]), but within this time.
const ONE_PRESS: Duration = Duration::from_millis(500);
/// How long the end of a scan may take after any other signal.
const GRACE: Duration = Duration::from_millis(1800);

/// Bytes of what the kernel says of a process that are read.
const MAX_STATUS: u64 = 64 << 10;

/// The signals that this process has ignored from its beginning, as bits (see [`proc::ignored_signals`]); none where `/proc` does
/// not say.
fn ignored() -> u64 {
    let status = Root::live().text_up_to(Path::new("/proc/self/status"), MAX_STATUS);
    status.ok().and_then(|status| proc::ignored_signals(&status.bytes)).unwrap_or_default()
}
