//! How far the scan is, as the screen knows it.

use crate::scan::ProgressSnapshot;
use crate::text;

/// What the scan is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Rules are read and compiled.
    #[default]
    Preparing,
    /// Files are scanned.
    Running,
    /// Waiting for the responder to let it go on.
    Paused,
    /// All of the tree was walked.
    Done,
    /// Ended early by the responder.
    Cancelled,
    /// The case says that it began, not that it ended: it was killed.
    Unended,
    /// Ended by a failure; the message is safe text.
    Failed(String),
}

/// How far the scans of many boxes went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BoxResults {
    /// All of the tree was seen.
    pub done: u64,
    /// The scan went to its end, and something could not be seen.
    pub with_gaps: u64,
    /// The scan did not go to its end, or its case cannot be read.
    pub cut: u64,
}

impl BoxResults {
    /// `16 of 19 boxes done, 1 with gaps, 2 did not finish`.
    pub fn words(&self) -> String {
        let Self { done, with_gaps, cut } = *self;
        let mut said = format!("{} of {} done", text::count(done), text::counted(done + with_gaps + cut, "box"));
        for (number, what) in [(with_gaps, "with gaps"), (cut, "did not finish")] {
            if number > 0 {
                said += &format!(", {} {what}", text::count(number));
            }
        }
        said
    }
}

/// The scan as it is shown.
#[derive(Debug, Clone, Default)]
pub struct ScanView {
    /// What it is doing.
    pub phase: Phase,
    /// Its gauges when they were last looked at.
    pub reading: ProgressSnapshot,
    /// A path that is being read, safe text.
    pub current: String,
    /// Of many boxes, how far their scans went: there is no scan of its own then.
    pub boxes: Option<BoxResults>,
    /// For how many seconds it has been without an answer, if that is longer than it should be.
    pub silent: Option<u64>,
}

/// More of a tree is not said to be done while the scan goes on.
const NEARLY: f64 = 0.99;

impl ScanView {
    /// Whether files are being scanned or will be.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Preparing | Phase::Running | Phase::Paused)
    }

    /// How much of the tree is done, 0 to 1, once the counting walk knows how much there is.
    pub fn part(&self) -> Option<f64> {
        match self.phase {
            Phase::Done => Some(1.0),
            _ => self
                .reading
                .total_files
                .filter(|total| *total > 0)
                // What runs is looked at after the files, and a container after itself: nothing is done before all is.
                .map(|total| (self.reading.files as f64 / total as f64).min(NEARLY)),
        }
    }

    /// How much of the tree a scan that did not go to its end has not come to, in words; `None` where it did, or goes on.
    pub fn unseen(&self) -> Option<String> {
        if !matches!(self.phase, Phase::Cancelled | Phase::Unended | Phase::Failed(_)) {
            return None;
        }
        if let Some(boxes) = self.boxes {
            return Some(format!("{} not seen to the end", text::counted(boxes.cut, "box")));
        }
        let left = self.reading.total_files.map(|total| total.saturating_sub(self.reading.files));
        Some(match left.zip(self.part()) {
            Some((left, part)) => {
                format!("about {} ({:.0} %) unseen", text::counted(left, "file"), ((1.0 - part) * 100.0).ceil())
            }
            None => "nobody knows how many files unseen".to_owned(),
        })
    }

    /// Bytes per second since the start.
    pub fn rate(&self) -> u64 {
        let seconds = self.reading.elapsed.as_secs_f64();
        if seconds < 0.05 { 0 } else { (self.reading.bytes as f64 / seconds) as u64 }
    }

    /// Seconds that are left, as far as files done so far tell.
    pub fn seconds_left(&self) -> Option<u64> {
        let part = self.part().filter(|part| *part > 0.02)?;
        Some((self.reading.elapsed.as_secs_f64() * (1.0 - part) / part).ceil() as u64)
    }

    /// The gauges in a line: files, bytes, rate, what could not be read.
    pub fn gauges(&self) -> String {
        let reading = &self.reading;
        let gaps = match reading.gaps {
            0 => String::new(),
            gaps => format!("  {}", text::counted(gaps, "gap")),
        };
        let rate = if self.boxes.is_some() { String::new() } else { format!("  {}/s", text::bytes(self.rate())) };
        format!("{}  {}{rate}{gaps}", reading.scanned(), text::bytes(reading.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn part_and_time_left_come_from_files_counted() {
        let reading = ProgressSnapshot {
            files: 25,
            total_files: Some(100),
            elapsed: Duration::from_secs(5),
            ..ProgressSnapshot::default()
        };
        let mut scan = ScanView { phase: Phase::Running, reading, ..ScanView::default() };
        assert_eq!(scan.part(), Some(0.25));
        assert_eq!(scan.seconds_left(), Some(15));
        scan.reading.total_files = None;
        assert_eq!(scan.part(), None);
        scan.phase = Phase::Done;
        assert_eq!(scan.part(), Some(1.0));
    }

    #[test]
    fn of_many_boxes_it_is_told_how_many_did_not_finish() {
        let boxes = BoxResults { done: 16, with_gaps: 1, cut: 2 };
        assert_eq!(boxes.words(), "16 of 19 boxes done, 1 with gaps, 2 did not finish");
        assert_eq!(BoxResults { done: 1, ..BoxResults::default() }.words(), "1 of 1 box done");
        let scan = ScanView { phase: Phase::Cancelled, boxes: Some(boxes), ..ScanView::default() };
        assert_eq!(scan.unseen().unwrap(), "2 boxes not seen to the end");
        assert!(!scan.gauges().contains("/s"), "{}", scan.gauges());
    }

    #[test]
    fn what_a_scan_that_ended_early_has_not_come_to_counts_as_unseen() {
        let reading = ProgressSnapshot { files: 7, total_files: Some(100), ..ProgressSnapshot::default() };
        let mut scan = ScanView { phase: Phase::Cancelled, reading, ..ScanView::default() };
        assert_eq!(scan.unseen().unwrap(), "about 93 files (93 %) unseen");
        scan.phase = Phase::Failed("no".into());
        scan.reading.total_files = None;
        assert_eq!(scan.unseen().unwrap(), "nobody knows how many files unseen");
        scan.phase = Phase::Done;
        assert_eq!(scan.unseen(), None);
    }
}
