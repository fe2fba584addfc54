//! Whether the box gives a program as much memory at once as it asks for: the kernel's own count and its rule
//! (`Documentation/mm/overcommit-accounting.rst`, `__vm_enough_memory` in `mm/util.c`).

use std::path::Path;

use serde::Serialize;

use crate::elf::Elf;
use crate::elf::conditions::RunCondition;
use crate::root::Root;
use crate::text;

/// What the box has for a program that asks for much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryFit {
    /// Whether it gives that much; `None` where that cannot be told.
    pub enough: Option<bool>,
    /// What that rests on, in words; safe text.
    #[serde(rename = "said")]
    pub message: String,
}

/// The most bytes that a program wants at once, where that is much.
pub(crate) fn asked(program: &Elf) -> Option<u64> {
    let asked = program.kernel.conditions.iter().filter_map(|condition| match condition {
        RunCondition::Memory { bytes, .. } => Some(*bytes),
        _ => None,
    });
    asked.max()
}

impl MemoryFit {
    /// Asks about the most that a program wants at once; nothing for one that wants little, or that lies in an image.
    pub(crate) fn of(root: &Root, program: &Elf) -> Option<Self> {
        let asked = asked(program).filter(|_| root.is_live())?;
        let read = |path| root.text(Path::new(path)).map(|text| String::from_utf8_lossy(&text.bytes).into_owned());
        let counts = read("/proc/meminfo").unwrap_or_default();
        let rule = read("/proc/sys/vm/overcommit_memory").unwrap_or_default();
        Some(Self::judge(asked, &counts, rule.trim()))
    }

    fn judge(asked: u64, counts: &str, rule: &str) -> Self {
        let bytes = |name: &str| {
            let line = counts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024))
        };
        let all = bytes("MemTotal").and_then(|memory| memory.checked_add(bytes("SwapTotal")?));
        let (enough, said) = match (rule, all, bytes("CommitLimit")) {
            ("0", Some(all), _) => (Some(asked <= all), format!("has {} of memory and swap", text::bytes(all))),
            ("1", ..) => (Some(true), "promises any amount (vm.overcommit_memory is 1)".to_owned()),
            ("2", _, Some(limit)) => {
                let said = format!("promises {} in all (vm.overcommit_memory is 2)", text::bytes(limit));
                ((asked > limit).then_some(false), said)
            }
            _ => (None, "does not say how much memory it has".to_owned()),
        };
        let end = if enough == Some(false) { " (killed by SIGSEGV)" } else { "" };
        Self {
            enough,
            message: format!("it asks for {} of memory at once, and this box {said}{end}", text::bytes(asked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_rule_and_counts_decide() {
        let counts = "MemTotal:        8000000 kB\nMemFree: 1 kB\nSwapTotal:  2000000 kB\nCommitLimit:  6000000 kB\n";
        for (asked, rule, enough) in [
            (9_000_000_000, "0", Some(true)),
            (11_000_000_000, "0", Some(false)),
            (u64::MAX, "1", Some(true)),
            (5_000_000_000, "2", None),
            (9_000_000_000, "2", Some(false)),
            (9_000_000_000, "", None),
        ] {
            let judged = MemoryFit::judge(asked, counts, rule);
            assert_eq!(judged.enough, enough, "{judged:?}");
            assert_eq!(judged.message.ends_with("(killed by SIGSEGV)"), enough == Some(false));
        }
        assert_eq!(MemoryFit::judge(1, "MemTotal: many", "0").enough, None);
    }
}
