//! The scan's progress where the window manager shows it: taskbar, tab, title bar. The sequence is `ConEmu`'s
//! `OSC 9 ; 4 ; state ; percent ST` (<https://conemu.github.io/en/AnsiEscapeCodes.html#ConEmu_specific_OSC>). It ends
//! in `ESC \`, which all that know it take; VTE does not take the shorter BEL.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::state::scan::{Phase, ScanView};

/// Least time between two writes for another percentage.
const PAUSE: Duration = Duration::from_millis(250);
/// A running scan is told again after this time: Ghostty hides what was not renewed for some 15 seconds.
const RENEW: Duration = Duration::from_secs(10);
/// Takes away whatever is shown.
pub(crate) const CLEAR: &str = "\x1b]9;4;0;0\x1b\\";

/// When progress is told to the terminal: `progress` of `config.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum When {
    /// To terminals that are known to show it.
    #[default]
    Auto,
    /// To every terminal.
    Always,
    /// To none.
    Never,
}

impl When {
    /// The words of `config.toml`.
    pub(crate) const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];

    /// Whether to tell the terminal that these variables of the environment speak of.
    pub(crate) fn applies(self, env: &dyn Fn(&str) -> Option<OsString>) -> bool {
        match self {
            Self::Auto => is_known(env),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether the terminal is known to show progress. Older ones take `OSC 9` for the text of a notification (iTerm2), so
/// in doubt it is not.
fn is_known(env: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let text = |name| env(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
    let number = |name| text(name).parse::<u32>().unwrap_or(0);
    let term = text("TERM");
    // tmux and screen have windows of many programs in one terminal, and hand the variables of an outer one on.
    if env("TMUX").is_some() || env("STY").is_some() || term.starts_with("tmux") || term.starts_with("screen") {
        return false;
    }
    match text("TERM_PROGRAM").as_str() {
        // Ghostty 1.2; WezTerm from 20250209 on, older ones ignore it; mintty 3.4.2.
        "ghostty" | "WezTerm" | "mintty" => return true,
        // iTerm2 3.6.6 says so itself.
        "iTerm.app" => return has_feature(&text("TERM_FEATURES"), "P"),
        _ => {}
    }
    // TERM outlives ssh, where the other variables are not handed on.
    term == "xterm-ghostty"
        // Windows Terminal 1.6
        || env("WT_SESSION").is_some()
        || text("ConEmuANSI") == "ON"
        // VTE 0.80: GNOME Terminal, Ptyxis
        || number("VTE_VERSION") >= 8000
        // Konsole 25.04
        || number("KONSOLE_VERSION") >= 250_400
}

/// Whether `features` names `wanted`: words of one capital and lower-case letters, each with a number behind it if it
/// has one (<https://iterm2.com/feature-reporting/>).
fn has_feature(features: &str, wanted: &str) -> bool {
    let begins = |at: &usize| features[*at..].starts_with(|c: char| c.is_ascii_uppercase());
    let mut starts: Vec<_> = features.char_indices().map(|(at, _)| at).filter(begins).collect();
    starts.push(features.len());
    starts.windows(2).any(|word| features[word[0]..word[1]].trim_end_matches(|c: char| c.is_ascii_digit()) == wanted)
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Percent(u8),
    Failed(u8),
    Unknown,
    Paused(u8),
}

impl Shown {
    fn of(scan: &ScanView) -> Self {
        let percent = scan.part().map(|part| (part.clamp(0.0, 1.0) * 100.0) as u8);
        match scan.phase {
            Phase::Preparing => Self::Unknown,
            Phase::Running => percent.map_or(Self::Unknown, Self::Percent),
            Phase::Paused => Self::Paused(percent.unwrap_or(0)),
            Phase::Failed(_) => Self::Failed(percent.unwrap_or(100)),
            Phase::Done | Phase::Cancelled | Phase::Unended => Self::Nothing,
        }
    }

    fn sequence(self) -> String {
        let (state, percent) = match self {
            Self::Nothing => return CLEAR.to_owned(),
            Self::Percent(percent) => (1, percent),
            Self::Failed(percent) => (2, percent),
            Self::Unknown => (3, 0),
            Self::Paused(percent) => (4, percent),
        };
        format!("\x1b]9;4;{state};{percent}\x1b\\")
    }
}

/// Knows what the terminal was told, so that nothing is told twice.
#[derive(Debug)]
pub(crate) struct Taskbar {
    on: bool,
    shown: Shown,
    at: Option<Instant>,
}

impl Taskbar {
    /// One that tells, or one that never does.
    pub(crate) fn new(on: bool) -> Self {
        Self { on, shown: Shown::Nothing, at: None }
    }

    /// The terminal was given back, and shows nothing any more.
    pub(crate) fn forget(&mut self) {
        self.shown = Shown::Nothing;
        self.at = None;
    }

    /// What to write so that the terminal shows how far `scan` is; `None` while it does, or did a moment ago.
    pub(crate) fn tell(&mut self, scan: &ScanView, now: Instant) -> Option<String> {
        let next = Shown::of(scan);
        let age = self.at.map(|at| now.saturating_duration_since(at));
        let due = match (self.shown, next) {
            (Shown::Percent(before), Shown::Percent(after)) if before != after => age.is_none_or(|age| age >= PAUSE),
            (before, after) if before == after => after != Shown::Nothing && age.is_some_and(|age| age >= RENEW),
            _ => true,
        };
        if !self.on || !due {
            return None;
        }
        self.shown = next;
        self.at = Some(now);
        Some(next.sequence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::ProgressSnapshot;

    fn known(variables: &[(&str, &str)]) -> bool {
        let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        When::Auto.applies(&env)
    }

    #[test]
    fn terminals_that_show_progress_are_known_by_their_variables() {
        for variables in [
            [("WT_SESSION", "c0ffee"), ("TERM", "xterm-256color")],
            [("ConEmuANSI", "ON"), ("TERM", "xterm")],
            [("TERM_PROGRAM", "WezTerm"), ("TERM", "xterm-256color")],
            [("TERM_PROGRAM", "iTerm.app"), ("TERM_FEATURES", "T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFP")],
            [("VTE_VERSION", "8000"), ("TERM", "xterm-256color")],
            [("KONSOLE_VERSION", "250401"), ("TERM", "xterm-256color")],
            [("SSH_TTY", "/dev/pts/0"), ("TERM", "xterm-ghostty")],
        ] {
            assert!(known(&variables), "{variables:?}");
        }
    }

    #[test]
    fn in_doubt_and_within_a_multiplexer_nothing_is_told() {
        for variables in [
            [("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")],
            [("TERM", "xterm-256color"), ("VTE_VERSION", "7802")],
            [("TERM_FEATURES", "T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFPr"), ("TERM_PROGRAM", "iTerm.app")],
            [("TERM", "tmux-256color"), ("WT_SESSION", "c0ffee")],
            [("TMUX", "/tmp/tmux"), ("VTE_VERSION", "8000")],
            [("TERM", "screen"), ("ConEmuANSI", "ON")],
            [("VTE_VERSION", "many"), ("KONSOLE_VERSION", "")],
        ] {
            assert!(!known(&variables), "{variables:?}");
        }
        assert!(When::Always.applies(&|_| None) && !When::Never.applies(&|_| Some("ON".into())));
    }

    fn scan(phase: Phase, files: u64, total: Option<u64>) -> ScanView {
        let reading = ProgressSnapshot { files, total_files: total, ..ProgressSnapshot::default() };
        ScanView { phase, reading, ..ScanView::default() }
    }

    #[test]
    fn every_state_has_its_number_and_the_end_shows_nothing() {
        let mut taskbar = Taskbar::new(true);
        let mut now = Instant::now();
        for (phase, total, said) in [
            (Phase::Preparing, None, Some("\x1b]9;4;3;0\x1b\\")),
            (Phase::Running, None, None),
            (Phase::Running, Some(200), Some("\x1b]9;4;1;25\x1b\\")),
            (Phase::Paused, Some(200), Some("\x1b]9;4;4;25\x1b\\")),
            (Phase::Failed("why".into()), Some(200), Some("\x1b]9;4;2;25\x1b\\")),
            (Phase::Done, Some(200), Some(CLEAR)),
            (Phase::Cancelled, Some(200), None),
        ] {
            now += Duration::from_secs(1);
            let phase_was = format!("{phase:?}");
            assert_eq!(taskbar.tell(&scan(phase, 50, total), now).as_deref(), said, "{phase_was}");
        }
        assert_eq!(Taskbar::new(false).tell(&scan(Phase::Running, 1, Some(2)), now), None);
    }

    #[test]
    fn a_percentage_is_told_once_not_too_often_and_again_before_it_grows_stale() {
        let mut taskbar = Taskbar::new(true);
        let start = Instant::now();
        let mut tell = |files, after| taskbar.tell(&scan(Phase::Running, files, Some(100)), start + after);
        assert!(tell(1, Duration::ZERO).is_some());
        assert_eq!(tell(2, Duration::from_millis(100)), None, "too soon");
        assert!(tell(2, Duration::from_millis(300)).is_some());
        assert_eq!(tell(2, Duration::from_secs(9)), None, "told already");
        assert!(tell(2, Duration::from_secs(11)).is_some());
        taskbar.forget();
        assert!(taskbar.tell(&scan(Phase::Running, 2, Some(100)), start).is_some());
    }
}
