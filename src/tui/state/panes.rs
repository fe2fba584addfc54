//! How wide the panes of a screen are. A divider that was moved is kept as a share of the width, so that it
//! stands sensibly on a terminal of any other size.

/// From this width on there is room for the third pane, which shows what is known of the selected finding; and on the
/// screen of one finding for its bytes beside another tab.
pub(crate) const THREE: u16 = 130;
/// Least width of a pane at a side, and of the list between.
const MIN_SIDE: u16 = 16;
const MIN_LIST: u16 = 34;
/// Least width of the bytes, and of what stands beside them.
const MIN_BYTES: u16 = 40;
/// Width of the bytes as long as the divider was not moved: sixteen a line as digits, or half the screen.
const USUAL_BYTES: u16 = 82;
/// What stands for the whole width in a share.
const WHOLE: u32 = 10_000;

/// A line between two panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divider {
    /// Between the hunts and the list.
    Hunts,
    /// Between the list and what is known of the selected finding.
    Preview,
    /// Between the bytes of a finding and the tab beside them.
    Bytes,
}

/// Where the dividers were moved to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Panes {
    hunts: Option<u32>,
    preview: Option<u32>,
    bytes: Option<u32>,
    /// The divider that the mouse holds.
    pub held: Option<Divider>,
}

/// Columns of each pane; they add up to the width of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widths {
    /// The hunts.
    pub hunts: u16,
    /// The list.
    pub list: u16,
    /// What is known of the selected finding; 0 where there is no room.
    pub preview: u16,
}

impl Panes {
    /// Hunts and summary this wide, in percent of the screen; the list takes the rest. The bytes of a finding as wide as
    /// usual, or as the third number says.
    pub fn of_percents([hunts, preview]: [u8; 2], bytes: Option<u8>) -> Self {
        let share = |percent: u8| Some(u32::from(percent.min(100)) * WHOLE / 100);
        Self { hunts: share(hunts), preview: share(preview), bytes: bytes.and_then(share), held: None }
    }

    /// What [`of_percents`](Self::of_percents) takes for the panes as they are on a screen of `total` columns.
    pub fn percents(&self, total: u16) -> Vec<u32> {
        let total = total.max(THREE);
        let widths = self.widths(total);
        let bytes = self.bytes.map(|_| self.bytes(total));
        let all = [Some(widths.hunts), Some(widths.preview), bytes].into_iter().flatten();
        all.map(|columns| (share(columns, total) * 100 + WHOLE / 2) / WHOLE).collect()
    }

    /// Columns of a finding's bytes where another tab stands beside them, on a screen of `total` columns.
    pub fn bytes(&self, total: u16) -> u16 {
        let most = total.saturating_sub(MIN_BYTES).max(MIN_BYTES);
        let usual = USUAL_BYTES.max(total / 2);
        self.bytes.map_or(usual, |share| columns(share, total)).clamp(MIN_BYTES, most).min(total)
    }

    /// The widths on a screen of `total` columns.
    pub fn widths(&self, total: u16) -> Widths {
        let preview_least = if total >= THREE { MIN_SIDE } else { 0 };
        let most = total.saturating_sub(MIN_LIST + preview_least).max(MIN_SIDE);
        let usual = if total >= 100 { 34 } else { 26 };
        let hunts = self.hunts.map_or(usual, |share| columns(share, total)).clamp(MIN_SIDE, most).min(total);
        let rest = total - hunts;
        if total < THREE {
            return Widths { hunts, list: rest, preview: 0 };
        }
        let most = rest.saturating_sub(MIN_LIST).max(MIN_SIDE);
        let usual = (rest * 2 + 2) / 5;
        let preview = self.preview.map_or(usual, |share| columns(share, total)).clamp(MIN_SIDE, most).min(rest);
        Widths { hunts, list: rest - preview, preview }
    }

    /// Moves a divider to `column` of `total`, as far as the least widths let it.
    pub fn place(&mut self, divider: Divider, column: u16, total: u16) {
        let before = self.widths(total);
        match divider {
            Divider::Hunts => {
                // The other divider stays where it is.
                self.preview = (before.preview > 0).then(|| share(before.preview, total)).or(self.preview);
                let most = total.saturating_sub(before.preview + MIN_LIST);
                self.hunts = Some(share(column.min(most).max(MIN_SIDE), total));
            }
            Divider::Preview if before.preview > 0 => {
                self.hunts = Some(share(before.hunts, total));
                self.preview = Some(share(total.saturating_sub(column).max(MIN_SIDE), total));
            }
            Divider::Bytes if total >= THREE => self.bytes = Some(share(column.max(MIN_BYTES), total)),
            Divider::Preview | Divider::Bytes => {}
        }
    }

    /// Moves a divider by some columns. Returns whether there is such a divider.
    pub fn shift(&mut self, divider: Divider, by: i16, total: u16) -> bool {
        let widths = self.widths(total);
        let column = match divider {
            Divider::Hunts => widths.hunts,
            Divider::Preview if widths.preview > 0 => total - widths.preview,
            Divider::Bytes if total >= THREE => self.bytes(total),
            Divider::Preview | Divider::Bytes => return false,
        };
        self.place(divider, column.saturating_add_signed(by), total);
        true
    }

    /// Whether the divider of the screen of one finding is at `column` of `total`.
    pub fn bytes_end_at(&self, column: u16, total: u16) -> bool {
        let edge = self.bytes(total);
        total >= THREE && (column == edge || column + 1 == edge)
    }

    /// The divider at `column` of `total` of the findings screen: the two neighbouring frames are as good as one.
    pub fn at(&self, column: u16, total: u16) -> Option<Divider> {
        let widths = self.widths(total);
        let touches = |edge: u16| column == edge || column + 1 == edge;
        match () {
            () if touches(widths.hunts) => Some(Divider::Hunts),
            () if widths.preview > 0 && touches(total - widths.preview) => Some(Divider::Preview),
            () => None,
        }
    }
}

fn share(columns: u16, total: u16) -> u32 {
    (u32::from(columns) * WHOLE + u32::from(total) / 2) / u32::from(total.max(1))
}

fn columns(share: u32, total: u16) -> u16 {
    ((share * u32::from(total) + WHOLE / 2) / WHOLE) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_fill_the_screen_and_keep_their_least_widths() {
        for total in 60..400 {
            let mut panes = Panes::default();
            for (divider, column) in
                [(Divider::Hunts, 0), (Divider::Preview, 0), (Divider::Hunts, 999), (Divider::Preview, 999)]
            {
                let Widths { hunts, list, preview } = panes.widths(total);
                assert_eq!(hunts + list + preview, total);
                assert!(hunts >= MIN_SIDE && list >= MIN_LIST, "{total}: {hunts} {list} {preview}");
                assert_eq!(preview >= MIN_SIDE, total >= THREE, "{total}: {preview}");
                panes.place(divider, column, total);
            }
        }
        for total in 0..60 {
            let Widths { hunts, list, preview } = Panes::default().widths(total);
            assert_eq!(hunts + list + preview, total);
        }
    }

    #[test]
    fn a_divider_goes_where_it_is_put_and_leaves_the_other_alone() {
        let mut panes = Panes::default();
        let usual = panes.widths(160);
        panes.place(Divider::Hunts, 50, 160);
        assert_eq!(panes.widths(160), Widths { hunts: 50, list: 110 - usual.preview, preview: usual.preview });
        panes.place(Divider::Preview, 100, 160);
        assert_eq!(panes.widths(160), Widths { hunts: 50, list: 50, preview: 60 });
        assert!(panes.shift(Divider::Preview, -4, 160) && panes.shift(Divider::Hunts, 4, 160));
        assert_eq!(panes.widths(160), Widths { hunts: 54, list: 42, preview: 64 });
        assert_eq!((panes.at(53, 160), panes.at(54, 160)), (Some(Divider::Hunts), Some(Divider::Hunts)));
        assert_eq!((panes.at(96, 160), panes.at(70, 160)), (Some(Divider::Preview), None));
    }

    #[test]
    fn percents_bring_the_panes_back() {
        let mut panes = Panes::default();
        panes.place(Divider::Hunts, 50, 200);
        panes.place(Divider::Preview, 120, 200);
        assert_eq!(panes.percents(200), [25, 40]);
        assert_eq!(Panes::of_percents([25, 40], None).widths(200), panes.widths(200));
        for percents in [[0, 0], [100, 100], [255, 1]] {
            let Widths { hunts, list, preview } = Panes::of_percents(percents, None).widths(160);
            assert!(hunts + list + preview == 160 && hunts.min(preview) >= MIN_SIDE && list >= MIN_LIST);
        }
    }

    #[test]
    fn the_bytes_of_a_finding_have_a_divider_of_their_own() {
        let mut panes = Panes::default();
        assert_eq!([130, 160, 220].map(|total| panes.bytes(total)), [82, 82, 110]);
        assert!(!panes.shift(Divider::Bytes, 4, 129), "below that there are tabs");
        assert!(panes.shift(Divider::Bytes, 8, 160) && panes.bytes_end_at(90, 160) && panes.bytes_end_at(89, 160));
        assert_eq!(panes.percents(160), [21, 31, 56]);
        assert_eq!(panes.widths(160), Panes::default().widths(160), "those of the list stay");
        for column in [0, 999] {
            panes.place(Divider::Bytes, column, 160);
            assert!((MIN_BYTES..=160 - MIN_BYTES).contains(&panes.bytes(160)), "{}", panes.bytes(160));
        }
        assert_eq!(Panes::of_percents([21, 31], Some(56)).bytes(160), 90);
    }

    #[test]
    fn a_resize_keeps_the_shares_and_the_way_back_restores_them() {
        let mut panes = Panes::default();
        panes.place(Divider::Hunts, 40, 160);
        panes.place(Divider::Preview, 80, 160);
        assert_eq!(panes.widths(320), Widths { hunts: 80, list: 80, preview: 160 });
        assert_eq!(panes.widths(100), Widths { hunts: 25, list: 75, preview: 0 });
        assert!(!panes.shift(Divider::Preview, 4, 100));
        assert_eq!(panes.widths(160), Widths { hunts: 40, list: 40, preview: 80 });
    }
}
