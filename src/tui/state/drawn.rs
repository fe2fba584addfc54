//! What the views had room for. They only read the state; what came of drawing it is taken in afterwards.

use ratatui::layout::Rect;

use super::detail::{DrawnLines, Tab};
use super::elf_spot::ElfPage;
use super::overlay::Overlay;
use super::{App, Areas};

/// What was drawn, and where.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Where things stand on the terminal.
    pub areas: Areas,
    /// Lines that there was room for in what takes the keys.
    pub page: Option<usize>,
    /// First hunt shown.
    pub hunts_top: Option<usize>,
    /// First finding shown.
    pub list_top: Option<usize>,
    /// Whether there was room for a preview of the selected finding.
    pub shows_preview: Option<bool>,
    /// First line of coverage shown.
    pub coverage_top: Option<usize>,
    /// First entry of the register shown.
    pub register_top: Option<usize>,
    /// First printable text shown.
    pub strings_top: Option<usize>,
    /// Columns and lines that there was room for in the bytes.
    pub bytes: Option<(usize, usize)>,
    /// Whether there was room for both byte orders of the value at the cursor.
    pub both_orders: Option<bool>,
    /// Where in the ELF tab one is.
    pub elf: Option<ElfPage>,
    /// First line shown of each tab that is read, and what else was drawn of it.
    pub read: Vec<(Tab, usize, DrawnLines)>,
    /// How far the top layer is scrolled.
    pub overlay: Option<usize>,
}

impl App {
    /// What a frame begins with: everything stands where it stood.
    pub fn drawn_before(&self) -> Drawn {
        // What a click means goes by what is drawn: of another tab's lines nothing is left.
        let [bytes, strip, entries, scenarios] = [Rect::default(); 4];
        let areas = Areas { bytes, strip, entries, scenarios, ..self.areas };
        Drawn { areas, ..Drawn::default() }
    }

    /// Takes in what was drawn. Returns whether that changes what is shown, so that it must be drawn again.
    pub fn take_drawn(&mut self, drawn: Drawn) -> bool {
        let take = |place: &mut usize, drawn: Option<usize>| *place = drawn.unwrap_or(*place);
        let mut changed = self.areas != drawn.areas;
        self.areas = drawn.areas;
        take(&mut self.page, drawn.page);
        take(&mut self.hunts_top, drawn.hunts_top);
        take(&mut self.list_top, drawn.list_top);
        take(&mut self.coverage.top, drawn.coverage_top);
        take(&mut self.register.top, drawn.register_top);
        self.shows_preview = drawn.shows_preview.unwrap_or(self.shows_preview);
        match (&mut self.overlay, drawn.overlay) {
            (Some(Overlay::Help(shown)), Some(scroll)) => shown.scroll = scroll,
            (Some(Overlay::Summary { scroll }), Some(drawn)) => *scroll = drawn,
            (Some(Overlay::Reference(view)), Some(top)) => {
                if let Some(here) = view.here_mut() {
                    here.top = top;
                }
            }
            _ => {}
        }
        let Some(detail) = &mut self.detail else { return changed };
        take(&mut detail.hex.strings.texts.top, drawn.strings_top);
        for (tab, top, lines) in drawn.read {
            *detail.scroll_mut(tab) = top;
            detail.drawn[tab as usize] = lines;
        }
        detail.elf_page = drawn.elf.unwrap_or(detail.elf_page);
        if let Some(both_orders) = drawn.both_orders {
            changed |= both_orders != detail.hex.both_orders;
            detail.hex.both_orders = both_orders;
        }
        if let Some((columns, rows)) = drawn.bytes {
            changed |= detail.hex.fit(columns, rows);
        }
        changed
    }
}
