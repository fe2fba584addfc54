//! Whether the address space that this process may use (`ulimit -v`) is enough. An allocation that fails ends a Rust program
//! at once, without a word to whoever waits for its report; no code of ours is asked. So what can be known is said before.

use rustix::process::{Resource, getrlimit};

use crate::text;

/// Address space of the process without workers, in bytes. Measured with the built-in rules on `x86_64`: at its peak a scan
/// had 463 MiB and 147 MiB for each worker mapped, most of it reserved and never touched (48 MiB were resident): the
/// memory of the rules' compiled code, the allocator's arenas, stacks.
const BASE: u64 = 480 << 20;
/// Address space of each worker, in bytes.
const WORKER: u64 = 150 << 20;

/// Whether there is room for one worker.
///
/// # Errors
/// When there is not: how much there is, and how much it takes.
pub(super) fn check() -> anyhow::Result<()> {
    let Some(limit) = getrlimit(Resource::As).current else { return Ok(()) };
    anyhow::ensure!(
        limit >= BASE + WORKER,
        "this process may use {} of address space (ulimit -v), and a scan takes {} and {} more for each further worker, \
         though little of it is ever touched; raise the limit, or bound the resident memory instead (memory.max of a \
         control group)",
        text::bytes(limit),
        text::bytes(BASE + WORKER),
        text::bytes(WORKER)
    );
    Ok(())
}

/// How many workers of those that were `asked` for there is room for; at least one.
pub(super) fn workers(asked: usize) -> usize {
    workers_within(getrlimit(Resource::As).current, asked)
}

fn workers_within(limit: Option<u64>, asked: usize) -> usize {
    let room = limit.map_or(usize::MAX, |limit| (limit.saturating_sub(BASE) / WORKER) as usize);
    let workers = asked.min(room).max(1);
    if workers < asked {
        tracing::warn!("{workers} of {asked} workers: the address space (ulimit -v) has no room for more");
    }
    workers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_workers_as_there_is_room_for() {
        assert_eq!(workers_within(None, 8), 8);
        assert_eq!(workers_within(Some(BASE + 3 * WORKER + 1), 8), 3);
        assert_eq!(workers_within(Some(BASE), 8), 1);
        assert_eq!(workers_within(Some(u64::MAX), 8), 8);
    }
}
