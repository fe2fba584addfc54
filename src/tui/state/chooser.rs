//! What the screen shows before a tree is chosen.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use ratatui::layout::Rect;

use super::Notice;
use super::themes::ThemeList;
use crate::places::{DiskUsage, ListedFolder, Mount, MountList, PathCompletion, Recent};
use crate::session::{HostIdentity, StartedAs};
use crate::text;
use crate::theme::Theme;
use crate::tui::backend::place_probe::OpenTarget;
use crate::tui::keymap::Keymap;
use crate::tui::widget::input::Input;

/// The sections of the screen, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChooserSection {
    /// Trees that were scanned before.
    Recent,
    /// What is mounted.
    Mounts,
    /// The folders of the folder looked at.
    Folders,
}

impl ChooserSection {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Recent, Self::Mounts, Self::Folders];
}

/// How full a mount is, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fullness {
    /// Asked; no answer yet.
    Asked,
    /// Asked; no answer within the limit.
    NoAnswer,
    /// The answer.
    Known(DiskUsage),
    /// Refused; safe text.
    Refused(String),
    /// Not asked: the kernel makes its files up.
    Pseudo,
}

/// A mount as it is listed.
#[derive(Debug, Clone)]
pub struct MountRow {
    /// The mount.
    pub mount: Mount,
    /// How full it is.
    pub fullness: Fullness,
}

/// The folder looked at.
#[derive(Debug)]
pub struct FolderView {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Its folders, by name; `None` until they are read.
    pub folders: Option<Vec<ListedFolder>>,
    /// Whether there are more than are listed.
    pub more: bool,
    /// Why it cannot be listed; safe text.
    pub error: Option<String>,
    /// The folder to select once it is listed: the one that was left upwards.
    pub wish: Option<OsString>,
}

impl FolderView {
    /// A folder that is about to be read.
    pub fn new(path: PathBuf, wish: Option<OsString>) -> Self {
        Self { path, folders: None, more: false, error: None, wish }
    }

    /// Rows before the first folder: the folder looked at itself, and the one above it if there is one.
    pub fn fixed(&self) -> usize {
        1 + usize::from(self.path.parent().is_some())
    }
}

/// What a row stands for.
#[derive(Debug, Clone, Copy)]
pub enum ChooserRow<'c> {
    /// A tree that was scanned before.
    Recent(&'c Recent),
    /// A mount.
    Mount(&'c MountRow),
    /// The folder looked at.
    Here,
    /// The folder above it.
    Above,
    /// A folder in it.
    Folder(&'c ListedFolder),
}

/// A path that is being typed.
#[derive(Debug, Default)]
pub struct PathLine {
    /// What was typed.
    pub input: Input,
    /// What it may go on as, when that was asked for.
    pub completion: Option<PathCompletion>,
    /// What is wrong with it; safe text.
    pub error: Option<String>,
}

/// What the screen starts from.
#[derive(Debug)]
pub struct Outset {
    /// The folder looked at first, absolute.
    pub folder: PathBuf,
    /// Where a `~` leads.
    pub home: Option<PathBuf>,
    /// Name of the box that will be scanned.
    pub host: String,
    /// Which box that is.
    pub identity: HostIdentity,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

/// Everything.
#[derive(Debug)]
pub struct Chooser {
    /// Trees that were scanned before, the newest first.
    pub recent: Vec<Recent>,
    /// Whether more of them may come.
    pub recent_reading: bool,
    /// Why some cases cannot be read, the last one's reason; safe text.
    pub unread: Option<String>,
    /// The mounts; `None` until they are read.
    pub mounts: Option<Vec<MountRow>>,
    /// What is wrong with the list of mounts; safe text.
    pub mounts_error: Option<String>,
    /// The folder looked at.
    pub folder: FolderView,
    /// The section that takes the keys.
    pub focus: ChooserSection,
    /// The selected row of each section.
    pub places: [usize; 3],
    /// The first row shown of each section.
    pub tops: [usize; 3],
    /// Where the rows of each section were drawn last.
    pub areas: [Rect; 3],
    /// The beginning of a name that is jumped to.
    pub jump: String,
    /// A path that is being typed.
    pub path: Option<PathLine>,
    /// First line of the help that is shown.
    pub help: Option<usize>,
    /// The list of themes.
    pub themes: Option<Box<ThemeList>>,
    /// What was chosen, can be opened, and looks like the root of another system: how it is to be scanned is asked.
    pub asks_root: Option<OpenTarget>,
    /// What was chosen and is being opened.
    pub opening: Option<OpenTarget>,
    /// A line at the bottom, until the next key.
    pub notice: Option<Notice>,
    /// Where a `~` leads.
    pub home: Option<PathBuf>,
    /// Name of the box that will be scanned.
    pub host: String,
    /// Which box that is.
    pub identity: HostIdentity,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

/// What was drawn of the chooser, and where.
#[derive(Debug, Clone, Copy, Default)]
pub struct DrawnChooser {
    /// First row shown of each section.
    pub tops: [usize; 3],
    /// Where each section's rows stand.
    pub areas: [Rect; 3],
    /// How far the help is scrolled, if it is shown.
    pub help: Option<usize>,
}

impl Chooser {
    /// Takes in what was drawn.
    pub fn take_drawn(&mut self, drawn: DrawnChooser) {
        let DrawnChooser { tops, areas, help } = drawn;
        (self.tops, self.areas, self.help) = (tops, areas, help);
    }

    /// The screen before anything is known.
    pub fn new(outset: Outset) -> Self {
        Self {
            recent: Vec::new(),
            recent_reading: true,
            unread: None,
            mounts: None,
            mounts_error: None,
            folder: FolderView::new(outset.folder, None),
            focus: ChooserSection::Folders,
            places: [0; 3],
            tops: [0; 3],
            areas: [Rect::default(); 3],
            jump: String::new(),
            path: None,
            help: None,
            themes: None,
            asks_root: None,
            opening: None,
            notice: None,
            home: outset.home,
            host: outset.host,
            identity: outset.identity,
            theme: outset.theme,
            keymap: outset.keymap,
        }
    }

    /// Whether help or the list of themes lies above the rows.
    pub fn has_layer(&self) -> bool {
        self.help.is_some() || self.themes.is_some()
    }

    /// Rows of `section`.
    pub fn count(&self, section: ChooserSection) -> usize {
        match section {
            ChooserSection::Recent => self.recent.len(),
            ChooserSection::Mounts => self.mounts.as_ref().map_or(0, Vec::len),
            ChooserSection::Folders => self.folder.fixed() + self.folder.folders.as_ref().map_or(0, Vec::len),
        }
    }

    /// What a row of `section` stands for.
    pub fn spot(&self, section: ChooserSection, place: usize) -> Option<ChooserRow<'_>> {
        match section {
            ChooserSection::Recent => self.recent.get(place).map(ChooserRow::Recent),
            ChooserSection::Mounts => self.mounts.as_ref()?.get(place).map(ChooserRow::Mount),
            ChooserSection::Folders => match (place, place.checked_sub(self.folder.fixed())) {
                (_, Some(index)) => self.folder.folders.as_ref()?.get(index).map(ChooserRow::Folder),
                (0, None) => Some(ChooserRow::Here),
                (_, None) => Some(ChooserRow::Above),
            },
        }
    }

    /// What is selected.
    pub fn selected(&self) -> Option<ChooserRow<'_>> {
        self.spot(self.focus, self.place())
    }

    /// The selected row of the section that takes the keys.
    pub fn place(&self) -> usize {
        self.places[self.focus as usize]
    }

    /// Selects a row, the last one at most, and gives its section the keys.
    pub fn select(&mut self, section: ChooserSection, place: usize) {
        self.focus = section;
        self.places[section as usize] = place.min(self.count(section).saturating_sub(1));
    }

    /// Moves one row up or down, into the next section where this one ends.
    pub fn step(&mut self, down: bool) {
        let place = self.place();
        if down && place + 1 < self.count(self.focus) {
            self.select(self.focus, place + 1);
        } else if !down && place > 0 {
            self.select(self.focus, place - 1);
        } else if let Some(section) = self.neighbour(down) {
            self.select(section, if down { 0 } else { usize::MAX });
        }
    }

    /// The next section before or after this one that has rows.
    fn neighbour(&self, after: bool) -> Option<ChooserSection> {
        let here = self.focus as usize;
        let has_rows = |section: &ChooserSection| self.count(*section) > 0;
        if after {
            ChooserSection::ALL.into_iter().skip(here + 1).find(has_rows)
        } else {
            ChooserSection::ALL.into_iter().take(here).rev().find(has_rows)
        }
    }

    /// Gives the keys to the next section that has rows, or to the one before, all the way round.
    pub fn turn(&mut self, forward: bool) {
        let (here, count) = (self.focus as usize, ChooserSection::ALL.len());
        for by in 1..count {
            let place = if forward { here + by } else { here + count - by } % count;
            if self.count(ChooserSection::ALL[place]) > 0 {
                return self.select(ChooserSection::ALL[place], self.places[place]);
            }
        }
    }

    /// The path that a spot stands for.
    pub fn path_of(&self, spot: ChooserRow<'_>) -> PathBuf {
        match spot {
            ChooserRow::Recent(recent) => recent.summary.tree.clone(),
            ChooserRow::Mount(row) => row.mount.point.clone(),
            ChooserRow::Here => self.folder.path.clone(),
            ChooserRow::Above => self.folder.path.parent().unwrap_or(Path::new("/")).to_owned(),
            ChooserRow::Folder(folder) => self.folder.path.join(&folder.name),
        }
    }

    /// Whether a recent tree is one of the box that will be scanned, or of an image that was scanned here; otherwise only
    /// its case can be opened.
    pub fn is_here(&self, recent: &Recent) -> bool {
        let is_image = StartedAs::of(&recent.summary.options).root.is_some();
        is_image || HostIdentity::of_case(&recent.summary.box_facts).differs_from(&self.identity).is_none()
    }

    /// Selects the first row whose name begins with `typed`, or else holds it, in capitals or not; the selected row when
    /// it does, rows of its section before others. Returns whether there is one.
    pub fn jump_to(&mut self, typed: &str) -> bool {
        let typed = typed.to_lowercase();
        let others = ChooserSection::ALL.into_iter().filter(|section| *section != self.focus);
        let sections: Vec<_> = std::iter::once(self.focus).chain(others).collect();
        for fits in [begins as fn(&Path, &str) -> bool, holds] {
            for section in &sections {
                let count = self.count(*section);
                let from = if *section == self.focus { self.place() } else { 0 };
                let found = (from..count).chain(0..from).find(|place| {
                    let spot = self
                        .spot(*section, *place)
                        .filter(|spot| !matches!(spot, ChooserRow::Here | ChooserRow::Above));
                    spot.is_some_and(|spot| fits(&self.path_of(spot), &typed))
                });
                if let Some(place) = found {
                    self.select(*section, place);
                    return true;
                }
            }
        }
        false
    }

    /// A tree that was scanned before has become known.
    pub fn add_recent(&mut self, recent: Recent) {
        let index = self.recent.partition_point(|other| other.summary.started >= recent.summary.started);
        self.recent.insert(index, recent);
        let place = &mut self.places[ChooserSection::Recent as usize];
        // The selection stays on the tree it was on, once it was moved there.
        if index <= *place && (*place > 0 || self.focus == ChooserSection::Recent) && self.recent.len() > 1 {
            *place += 1;
        }
    }

    /// The mounts have become known; how full they are is asked for next.
    pub fn set_mounts(&mut self, mounts: MountList) {
        let row =
            |mount: Mount| MountRow { fullness: if mount.pseudo { Fullness::Pseudo } else { Fullness::Asked }, mount };
        self.mounts = Some(mounts.list.into_iter().map(row).collect());
        self.mounts_error = (mounts.bad > 0).then(|| {
            format!("{} of /proc/self/mountinfo cannot be understood", text::counted(mounts.bad as u64, "line"))
        });
        let place = &mut self.places[ChooserSection::Mounts as usize];
        *place = (*place).min(self.mounts.as_ref().map_or(0, Vec::len).saturating_sub(1));
    }

    /// The folders of the folder looked at have become known, or more of them. The selection stays on its folder.
    pub fn set_folders(&mut self, mut folders: Vec<ListedFolder>) {
        folders.sort_by(|a, b| a.name.cmp(&b.name));
        let place = self.places[ChooserSection::Folders as usize];
        let wish = self.folder.wish.take().filter(|_| place == 0);
        let name = match self.spot(ChooserSection::Folders, place) {
            Some(ChooserRow::Folder(folder)) => Some(folder.name.clone()),
            _ => wish,
        };
        let index = name.as_deref().and_then(|name: &OsStr| folders.iter().position(|folder| folder.name == name));
        self.folder.folders = Some(folders);
        if let Some(index) = index {
            self.places[ChooserSection::Folders as usize] = self.folder.fixed() + index;
        }
    }
}

/// Whether a path, or the last part of it, begins so; `typed` is in small letters.
fn begins(path: &Path, typed: &str) -> bool {
    let starts = |text: &OsStr| text.to_string_lossy().to_lowercase().starts_with(typed);
    path.file_name().is_some_and(starts) || starts(path.as_os_str())
}

/// Whether the last part of a path holds it.
fn holds(path: &Path, typed: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(typed))
}
