//! What a hex view looks at: the file as it is on disk, or the bytes that were kept with the finding, and which.

use std::path::Path;
use std::sync::Arc;

use super::file::{Change, FileSource, FileState, MissingFile};
use super::member::MemberSource;
use super::snapshot::KeptSource;
use super::source::{self, Ahead, ByteSource, Piece};
use crate::finding::{FileFacts, KeptBytes};
use crate::text::{
    self,
    subject::{self, Inside},
};

/// A stretch of what is looked at, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteWindow {
    /// Offset of the first byte.
    pub offset: u64,
    /// The bytes, `None` where they are unknown; fewer than asked for where the file ends.
    pub bytes: Vec<Option<u8>>,
    /// Size of what is looked at, in bytes.
    pub size: u64,
    /// Which bytes these are.
    pub shown: ViewedBytes,
    /// Lines that end before the first byte; `None` where nobody asked, or too much must be read to tell.
    pub line: Option<u64>,
    /// What a responder must know about these bytes; `None` when they are the file's as it was scanned. Safe text.
    pub notice: Option<String>,
}

impl ByteWindow {
    /// The bytes of the window from `offset` on, `len` at most; none where it does not reach. To inspect the byte under
    /// a cursor in the last line, a window must be [`inspect::NEEDED`](super::inspect::NEEDED) bytes longer than the area.
    pub fn part(&self, offset: u64, len: usize) -> &[Option<u8>] {
        let start = offset.checked_sub(self.offset).and_then(|start| usize::try_from(start).ok());
        let rest = start.and_then(|start| self.bytes.get(start..)).unwrap_or_default();
        rest.get(..len).unwrap_or(rest)
    }
}

/// Which bytes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewedBytes {
    /// Those on disk.
    File,
    /// Those kept with the finding.
    Kept,
}

/// The bytes of one finding. Opening one costs a few system calls, whatever the file's size; reading may block, so a
/// view belongs to a worker thread. A search takes a view of its own.
#[derive(Debug)]
pub(crate) struct View {
    live: Result<Live, MissingFile>,
    kept: KeptSource,
    wanted: Option<ViewedBytes>,
}

/// The bytes that are still where they were scanned.
#[derive(Debug)]
enum Live {
    File(FileSource),
    Member(MemberSource),
}

impl Live {
    fn open(path: &Path, facts: &FileFacts) -> Result<Self, MissingFile> {
        match subject::steps(path).last() {
            None => FileSource::open(path, facts).map(Self::File),
            Some(Inside::Member { .. }) => MemberSource::open(path, facts).map(Self::Member),
            Some(Inside::Process { pid, .. }) => {
                FileSource::open(Path::new(&format!("/proc/{pid}/exe")), facts).map(Self::File)
            }
            Some(Inside::Region(_)) => Err(MissingFile::Inside("memory is not read again".to_owned())),
        }
    }

    fn source(&self) -> &dyn ByteSource {
        match self {
            Self::File(file) => file,
            Self::Member(member) => member,
        }
    }
}

impl View {
    /// Opens `path`, where the file of `facts` was scanned: the path in the facts or, on a mounted image, the one below
    /// its root. When it cannot be opened, the kept bytes are what is left to look at. No link in `path` is followed.
    pub(crate) fn open(path: &Path, facts: &FileFacts, kept: Arc<KeptBytes>) -> Self {
        Self { live: Live::open(path, facts), kept: KeptSource::new(kept, facts.size), wanted: None }
    }

    /// The kept bytes alone, of a file that is not waited for any longer.
    pub(crate) fn without_answer(facts: &FileFacts, kept: Arc<KeptBytes>) -> Self {
        Self { live: Err(MissingFile::Silent), kept: KeptSource::new(kept, facts.size), wanted: None }
    }

    /// The kept bytes alone, of a file of another box: what this one has at its path is another file.
    pub(crate) fn of_another_box(facts: &FileFacts, kept: Arc<KeptBytes>) -> Self {
        Self { live: Err(MissingFile::Elsewhere), kept: KeptSource::new(kept, facts.size), wanted: None }
    }

    /// Whether the file was still what was scanned when it was last looked at.
    pub(crate) fn state(&self) -> FileState {
        match &self.live {
            Ok(Live::File(file)) => file.state().clone(),
            // Its digest is that of what was scanned.
            Ok(Live::Member(_)) => FileState::AsScanned,
            Err(gone) => FileState::Gone(gone.clone()),
        }
    }

    /// Which bytes are looked at: what the responder wants if it is to be had, else those in which the scanned offsets
    /// mean something.
    pub(crate) fn shown(&self) -> ViewedBytes {
        let other_content = match self.state() {
            FileState::Gone(_) => return ViewedBytes::Kept,
            FileState::ChangedSince(change) => change.is_another_content(),
            FileState::AsScanned => false,
        };
        let kept = self.wanted.map_or(other_content, |wanted| wanted == ViewedBytes::Kept);
        if kept && self.kept.count() > 0 { ViewedBytes::Kept } else { ViewedBytes::File }
    }

    /// Looks at these bytes from now on, as far as they can be had; `None` leaves the choice to the view.
    pub(crate) fn want(&mut self, wanted: Option<ViewedBytes>) {
        self.wanted = wanted;
    }

    /// Reads `len` bytes from `offset` on, at most [`source::MAX_READ_BYTES`], having looked whether the file is still what was
    /// scanned.
    pub(crate) fn window(&mut self, offset: u64, len: usize) -> ByteWindow {
        let before = self.shown();
        let mut bytes = source::read(self, offset, len);
        // Checked after the read, or a change between the two would go unnoticed.
        if let Ok(Live::File(file)) = &mut self.live {
            file.recheck();
        }
        let shown = self.shown();
        if shown != before {
            bytes = source::read(self, offset, len);
        }
        ByteWindow { offset, bytes, size: self.size(), shown, line: None, notice: self.notice() }
    }

    fn notice(&mut self) -> Option<String> {
        let unreadable = match &mut self.live {
            Ok(Live::File(file)) => file.take_unreadable(),
            _ => None,
        };
        let which = match self.shown() {
            ViewedBytes::Kept => Some(self.kept_notice()),
            ViewedBytes::File => self.file_notice(),
        };
        let unreadable = unreadable.map(|unreadable| unreadable.to_string());
        let parts: Vec<String> = which.into_iter().chain(unreadable).collect();
        (!parts.is_empty()).then(|| text::escape_str(&parts.join("; ")).into_owned())
    }

    fn file_notice(&self) -> Option<String> {
        let FileState::ChangedSince(change) = self.state() else { return None };
        let bytes = match change {
            Change::OtherFile => "these are the other file's bytes",
            change if change.is_scanned_content() => {
                "these are its bytes as they were scanned, until this view is closed"
            }
            _ => "these are its bytes as they are now",
        };
        Some(format!("{change}: {bytes}"))
    }

    fn kept_notice(&self) -> String {
        let (count, size) = (self.kept.count(), self.kept.size());
        let bytes = match (count, size) {
            (0, _) => "no bytes were kept with the finding".to_owned(),
            _ if count >= size => format!("what was kept with the finding: {}", text::counted(count, "byte")),
            _ => format!(
                "these are the {} of its {} bytes that were kept with the finding, the others are unknown",
                text::count(count),
                text::count(size)
            ),
        };
        match self.state() {
            FileState::AsScanned => bytes,
            FileState::ChangedSince(change) => format!("{change}: {bytes}"),
            FileState::Gone(gone) => format!("{gone}: {bytes}"),
        }
    }

    fn looked_at(&self) -> &dyn ByteSource {
        match &self.live {
            Ok(live) if self.shown() == ViewedBytes::File => live.source(),
            _ => &self.kept,
        }
    }

    fn source(&mut self) -> &mut dyn ByteSource {
        let shown = self.shown();
        match &mut self.live {
            Ok(Live::File(file)) if shown == ViewedBytes::File => file,
            Ok(Live::Member(member)) if shown == ViewedBytes::File => member,
            _ => &mut self.kept,
        }
    }
}

impl ByteSource for View {
    fn size(&self) -> u64 {
        self.looked_at().size()
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
        self.source().piece(offset, buffer)
    }

    fn ahead(&mut self, offset: u64) -> Ahead {
        self.source().ahead(offset)
    }

    fn known_first(&self) -> u64 {
        self.looked_at().known_first()
    }
}
