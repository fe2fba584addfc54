//! The tab of times: what happened around the file, in one order: its own times, its neighbours', what names it, what runs it,
//! what the logs tell of logins, packages, schedules and other users.

use super::evidence::outdated;
use super::reading::Reading;
use crate::evidence::{Observed, timeline};
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;

/// The tab's lines.
pub(super) fn build(app: &App, page: &mut Reading<'_>) {
    let Some(detail) = &app.detail else { return };
    if let Some(said) = outdated(app) {
        page.wrapped(Role::Warning, &said);
    }
    page.heading("What happened around it, by the box's clock, in UTC");
    page.wrapped(
        Role::Dim,
        "● is the file itself. What stands beside a time is counted from the last change of its inode.",
    );
    page.blank();
    let Some(gathered) = &detail.gathered else {
        return page.wrapped(Role::Dim, "Asking the box …");
    };
    let evidence = &gathered.evidence;
    let (moments, left_out) = timeline::of(evidence);
    for moment in moments {
        let (sign, role) = if moment.own { ("●", Role::Strong) } else { ("·", Role::Text) };
        let at = moment.at.strftime("%Y-%m-%d %H:%M:%S");
        let head = format!("{sign} {at} {:>9}  ", timeline::apart(moment.after));
        page.row(&head, (role, &moment.message), moment.to);
    }
    if left_out > 0 {
        let said = format!("{} further from its own times are left out.", text::counted(left_out as u64, "moment"));
        page.wrapped(Role::Dim, &said);
    }
    page.blank();
    for (what, why) in [
        ("what the logs tell", evidence.events.reason()),
        ("what lies beside it", evidence.neighbours.reason()),
        ("schedules", evidence.schedules.reason()),
        ("processes", evidence.processes.reason()),
    ] {
        if let Some(why) = why {
            page.wrapped(Role::Warning, &format!("? {what}: unknown, {why}"));
        }
    }
    if matches!(evidence.events, Observed::NotFound) {
        page.wrapped(Role::Dim, "The logs tell nothing of the hour around its change.");
    }
}
