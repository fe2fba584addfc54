//! How wide the panes of the findings screen are. A divider that was moved is kept as a share of the width, so that it
//! stands sensibly on a terminal of any other size.

/// From this width on there is room for the third pane, which shows what is known of the selected finding.
pub(crate) const THREE: u16 = 130;
/// Least width of a pane at a side, and of the list between.
const LEAST_SIDE: u16 = 16;
const LEAST_LIST: u16 = 34;
/// What stands for the whole width in a share.
const WHOLE: u32 = 10_000;

/// A line between two panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divider {
    /// Between the hunts and the list.
    Hunts,
    /// Between the list and what is known of the selected finding.
    Preview,
}

/// Where the dividers were moved to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Panes {
    hunts: Option<u32>,
    preview: Option<u32>,
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
    /// Hunts and summary this wide, in percent of the screen; the list takes the rest.
    pub fn of_percents([hunts, preview]: [u8; 2]) -> Self {
        let share = |percent: u8| Some(u32::from(percent.min(100)) * WHOLE / 100);
        Self { hunts: share(hunts), preview: share(preview), held: None }
    }

    /// What [`of_percents`](Self::of_percents) takes for the panes as they are on a screen of `total` columns.
    pub fn percents(&self, total: u16) -> [u32; 2] {
        let widths = self.widths(total.max(THREE));
        [widths.hunts, widths.preview].map(|columns| (share(columns, total.max(THREE)) * 100 + WHOLE / 2) / WHOLE)
    }

    /// The widths on a screen of `total` columns.
    pub fn widths(&self, total: u16) -> Widths {
        let preview_least = if total >= THREE { LEAST_SIDE } else { 0 };
        let most = total.saturating_sub(LEAST_LIST + preview_least).max(LEAST_SIDE);
        let usual = if total >= 100 { 34 } else { 26 };
        let hunts = self.hunts.map_or(usual, |share| columns(share, total)).clamp(LEAST_SIDE, most).min(total);
        let rest = total - hunts;
        if total < THREE {
            return Widths { hunts, list: rest, preview: 0 };
        }
        let most = rest.saturating_sub(LEAST_LIST).max(LEAST_SIDE);
        let usual = (rest * 2 + 2) / 5;
        let preview = self.preview.map_or(usual, |share| columns(share, total)).clamp(LEAST_SIDE, most).min(rest);
        Widths { hunts, list: rest - preview, preview }
    }

    /// Moves a divider to `column` of `total`, as far as the least widths let it.
    pub fn place(&mut self, divider: Divider, column: u16, total: u16) {
        let before = self.widths(total);
        match divider {
            Divider::Hunts => {
                // The other divider stays where it is.
                self.preview = (before.preview > 0).then(|| share(before.preview, total)).or(self.preview);
                let most = total.saturating_sub(before.preview + LEAST_LIST);
                self.hunts = Some(share(column.min(most).max(LEAST_SIDE), total));
            }
            Divider::Preview if before.preview > 0 => {
                self.hunts = Some(share(before.hunts, total));
                self.preview = Some(share(total.saturating_sub(column).max(LEAST_SIDE), total));
            }
            Divider::Preview => {}
        }
    }

    /// Moves a divider by some columns. Returns whether there is such a divider.
    pub fn shift(&mut self, divider: Divider, by: i16, total: u16) -> bool {
        let widths = self.widths(total);
        let column = match divider {
            Divider::Hunts => widths.hunts,
            Divider::Preview if widths.preview > 0 => total - widths.preview,
            Divider::Preview => return false,
        };
        self.place(divider, column.saturating_add_signed(by), total);
        true
    }

    /// The divider at `column` of `total`: the two neighbouring frames are as good as one.
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
                assert!(hunts >= LEAST_SIDE && list >= LEAST_LIST, "{total}: {hunts} {list} {preview}");
                assert_eq!(preview >= LEAST_SIDE, total >= THREE, "{total}: {preview}");
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
        assert_eq!(Panes::of_percents([25, 40]).widths(200), panes.widths(200));
        for percents in [[0, 0], [100, 100], [255, 1]] {
            let Widths { hunts, list, preview } = Panes::of_percents(percents).widths(160);
            assert!(hunts + list + preview == 160 && hunts.min(preview) >= LEAST_SIDE && list >= LEAST_LIST);
        }
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
