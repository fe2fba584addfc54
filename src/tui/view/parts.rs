//! The parts of a condition as lines.

use ratatui::text::Line;

use crate::explain::{Part, Value, lines};
use crate::theme::{Role, Theme};
use crate::tui::state::detail::Explanation;
use crate::tui::widget::paint;

/// The lines of a condition, `width` columns wide.
pub fn condition(theme: &Theme, part: &Part, width: usize) -> Vec<Line<'static>> {
    let line = |line: crate::explain::Line| {
        let role = match line.value {
            Value::True => Role::CheckMet,
            Value::False | Value::Undefined => Role::CheckNotMet,
            Value::Unknown => Role::CheckUnknown,
        };
        let said = paint::Pieces::new(theme).add(role, format!("  {}", line.part));
        said.add(Role::FieldMeaning, line.because).line()
    };
    lines(part, width.saturating_sub(2)).into_iter().map(line).collect()
}

/// What stands before the explanation: that it is awaited, or what bytes it rests on.
pub fn before(explanation: Option<&Explanation>) -> Option<(Role, String)> {
    match explanation {
        None => Some((Role::Dim, "Reading the file …".to_owned())),
        Some(explanation) => explanation.notice.as_ref().map(|notice| (Role::Warning, format!("! {notice}"))),
    }
}
