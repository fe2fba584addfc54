//! A framed pane with a title, and the scroll bar at its right edge.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

use super::paint::{self, StyledLine};
use crate::theme::{Role, Theme};

/// Draws the frame and gives back what is inside. The pane that takes the keys has a double frame, so that the focus
/// shows without colours too.
pub(crate) fn pane(buffer: &mut Buffer, area: Rect, theme: &Theme, title: &str, focused: bool) -> Rect {
    let (border, name, kind) = if focused {
        (Role::BorderFocused, Role::TitleFocused, BorderType::Thick)
    } else {
        (Role::Border, Role::Title, BorderType::Plain)
    };
    let title = StyledLine::styled(format!(" {title} "), theme.style(name));
    let block = Block::bordered().border_type(kind).border_style(theme.style(border)).title(title.into_inner());
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// Draws a layer above the screen, as large as asked for where there is room, and gives back what is inside.
pub(crate) fn popup(buffer: &mut Buffer, screen: Rect, theme: &Theme, title: &str, size: (u16, u16)) -> Rect {
    let (width, height) = (size.0.min(screen.width), size.1.min(screen.height));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let title = StyledLine::styled(format!(" {title} "), theme.style(Role::PopupTitle));
    let block = Block::bordered()
        .border_type(BorderType::Double)
        .border_style(theme.style(Role::PopupBorder))
        .style(theme.style(Role::Popup))
        .title(title.into_inner());
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// Writes something into the lower edge of a frame, as far as there is room.
pub(crate) fn footer(buffer: &mut Buffer, area: Rect, theme: &Theme, (role, said): (Role, &str)) {
    let y = area.bottom().saturating_sub(1);
    let place = Rect { x: area.x + 2, y, width: area.width.saturating_sub(4), height: 1 };
    paint::text(buffer, place, said, theme.style(role));
}

/// Draws a scroll bar over the right edge of `area` when not all of `total` lines fit.
pub(crate) fn scroll_bar(buffer: &mut Buffer, area: Rect, theme: &Theme, top: usize, total: usize) {
    let height = usize::from(area.height);
    if total <= height || height == 0 || area.width == 0 {
        return;
    }
    let thumb = (height * height / total).clamp(1, height);
    let room = height - thumb;
    let start = (top * room).checked_div(total - height).unwrap_or(0).min(room);
    for y in 0..height {
        let on = (start..start + thumb).contains(&y);
        let (sign, role) = if on { ("█", Role::ScrollThumb) } else { ("│", Role::ScrollTrack) };
        paint::text(buffer, Rect { x: area.right() - 1, width: 1, ..paint::row(area, y) }, sign, theme.style(role));
    }
}
