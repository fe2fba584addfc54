//! The findings' filter while it is typed: what is wrong with it, and what could come next.

use crate::text;
use crate::triage::filter;
use crate::tui::state::App;
use crate::tui::state::overlay::Prompt;

/// What could be typed next that is shown at once.
const SHOWN: usize = 12;

/// Shows what passes, what is wrong and what could come next.
pub(super) fn typed(app: &mut App, prompt: &mut Prompt) {
    app.list.set_filter(prompt.input.text());
    if let Some(wrong) = app.list.wrong() {
        prompt.wrong = Some(wrong.at.clone()).filter(|_| !wrong.unfinished);
        prompt.error = Some(wrong.message.clone()).filter(|_| !wrong.unfinished);
    }
    offer(app, prompt);
}

/// Shows what could come next.
pub(super) fn offer(app: &App, prompt: &mut Prompt) {
    let completion = complete_at(app, prompt);
    let typed = prompt.input.text().get(completion.at.clone()).unwrap_or_default();
    let options = completion.options.iter().filter(|option| *option != typed).take(SHOWN);
    prompt.offered = options.map(|option| text::escape_str(option).into_owned()).collect();
}

/// Takes what all that could come next has in common; where that is nothing more, the first of it.
pub(super) fn complete(app: &App, prompt: &mut Prompt) {
    let completion = complete_at(app, prompt);
    let typed = prompt.input.text().get(completion.at.clone()).unwrap_or_default();
    let Some(first) = completion.options.first() else { return };
    let longer = completion.common.len() > typed.len();
    let chosen = if longer { &completion.common } else { first };
    // A field goes on with its value; a value is done.
    let done = completion.options.len() == 1 || !longer;
    let end = if done && !chosen.ends_with([':', '>']) { " " } else { "" };
    let chosen = format!("{chosen}{end}");
    prompt.input.replace_back_to(completion.at.start, &chosen);
}

fn complete_at(app: &App, prompt: &Prompt) -> filter::FilterCompletion {
    filter::complete(prompt.input.text(), prompt.input.cursor(), |field| app.list.values(field))
}
