//! The register screen: every exclusion with how it stands, and the selected one in full.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::reading::Reading;
use crate::text;
use crate::text::fuzzy::FuzzyPattern;
use crate::theme::Role;
use crate::triage::exclusion::Exclusion;
use crate::triage::register::RegisterEntry;
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::drawn::Drawn;
use crate::tui::state::register::{EntryState, listed};
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Columns from which on the list has room for dates.
const DATED: u16 = 80;

/// Draws the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let selected = app.register.selected();
    let lines = selected.map(|entry| {
        let hits = app.register.hits.get(&entry.id().unwrap_or_default());
        entry_lines(app, entry, hits, usize::from(area.width.saturating_sub(2)))
    });
    let lines = lines.unwrap_or_default();
    // The list has what it needs, up to half; all of the selected one is to be read where there is room.
    let list = (app.register.shown().len() as u16).saturating_add(2).clamp(4, (area.height / 2).max(4));
    let most = area.height.saturating_sub(list);
    let detail = (lines.len() as u16 + 2).clamp(area.height / 2, most.max(area.height / 2));
    let [list, detail] = Layout::vertical([Constraint::Fill(1), Constraint::Length(detail)]).areas(area);
    let count = app.register.entries.len() as u64;
    let room = usize::from(area.width).saturating_sub(30);
    let title = format!(
        "Register: {} in {}",
        text::counted(count, "exclusion"),
        text::truncate_middle(&app.register.path, room)
    );
    let inner = pane::pane(buffer, list, &app.theme, &title, true);
    draw_list(buffer, inner, app, drawn);
    let inner = pane::pane(buffer, detail, &app.theme, "Selected", false);
    for (index, line) in lines.iter().take(usize::from(inner.height)).enumerate() {
        paint::line(buffer, paint::row(inner, index), line);
    }
    let below = lines.len().saturating_sub(usize::from(inner.height));
    if below > 0 {
        let said = format!(" {} than there is room for ", text::counted(below as u64, "more line"));
        pane::footer(buffer, detail, &app.theme, (Role::Dim, &said));
    }
}

fn draw_list(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let height = usize::from(area.height);
    drawn.areas.entries = area;
    drawn.page = Some(height.max(1));
    let register = &app.register;
    let shown = register.shown();
    let top = paint::scroll(register.top, register.place, height, shown.len());
    drawn.register_top = Some(top);
    if shown.is_empty() {
        let back = app.keymap.first_key(Action::Back);
        let said = if register.filter.is_empty() {
            "Nothing was excluded yet.".to_owned()
        } else {
            format!("No exclusion matches the filter. {back} shows all.")
        };
        return paint::line(buffer, area, &StyledLine::styled(said, app.theme.style(Role::Dim)));
    }
    let now = app.now;
    let pattern = FuzzyPattern::new(&register.filter);
    for (index, entry) in shown.iter().skip(top).take(height).enumerate() {
        let state = EntryState::of(entry, now);
        let (sign, word) = state.shown();
        let role = match state {
            EntryState::InForce => Role::Excluded,
            EntryState::Expired => Role::Changed,
            EntryState::Doubtful => Role::Error,
            EntryState::Revoked => Role::Dim,
        };
        let hits = entry.id().and_then(|id| register.hits.get(&id)).copied().unwrap_or(0);
        let mut line = paint::Pieces::new(&app.theme)
            .add(role, format!("{sign} {word:<9} "))
            .add(Role::Dim, format!("{hits:>5} {:<4}  ", if hits == 1 { "hit" } else { "hits" }));
        if let Ok(exclusion) = &entry.content
            && area.width >= DATED
        {
            let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date().to_string();
            line.push(Role::Dim, format!("{} to {}  ", day(exclusion.created), day(exclusion.expires)));
        }
        if entry.exclusion().is_some_and(Exclusion::is_against_the_box) {
            line.push(Role::Malicious, "against the box  ");
        }
        let said = listed(entry, &register.tree);
        let places = pattern.find(&said).unwrap_or_default().places;
        // Rule and path tell entries apart; the reason stands below too.
        let cut = text::end(&said, usize::from(area.width).saturating_sub(line.width() + 1));
        line.push_matched(&said, cut, &places, |_| Role::Text);
        let row = paint::row(area, index);
        paint::line(buffer, row, &line.line());
        if top + index == register.place {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, area, &app.theme, top, shown.len());
}

fn entry_lines(app: &App, entry: &RegisterEntry, hits: Option<&u64>, width: usize) -> Vec<StyledLine> {
    let mut page = Reading::new(&app.theme, width);
    let mut add = |name: &str, value: &str| page.fact(name, &text::escape_str(value));
    let exclusion = match &entry.content {
        Ok(exclusion) => exclusion,
        Err(doubt) => {
            add("doubtful", &format!("{}; it excludes nothing until line {} is corrected", doubt.cause, doubt.line));
            return page.into_lines();
        }
    };
    if let Some(revocation) = &exclusion.revoked {
        add("revoked", &format!("{:.0} by {}: {}", revocation.at, revocation.by, revocation.why));
    }
    add("rule", &exclusion.rule);
    add("scope", &exclusion.covers());
    add("reason", &exclusion.reason);
    add("by", &format!("{} on {}, {:.0}", exclusion.by, exclusion.host, exclusion.created));
    add("expires", &format!("{:.0}", exclusion.expires));
    add("verdict", &exclusion.judgement.to_string());
    if let Some(scenario) = &exclusion.scenario {
        add("scenario", app.scenario_title(&exclusion.rule, scenario));
    }
    add("danger", &exclusion.scope.danger());
    add("last scan", &format!("covered {}", text::counted(hits.copied().unwrap_or(0), "finding")));
    if let Some(ticket) = &exclusion.ticket {
        add("ticket", ticket);
    }
    for check in &exclusion.checks {
        add("seen", &format!("{} — {}: {}", check.result.word(), check.check, check.seen));
    }
    add("id", &exclusion.id.to_string());
    page.into_lines()
}
