//! The list of themes: the screen wears the selected one while it is looked at.

use crate::theme::Theme;

/// A theme that is there, or a file of the person's folder that is none.
#[derive(Debug, Clone)]
pub struct ThemeChoice {
    /// Its name; safe text.
    pub name: String,
    /// Whether it came with the program.
    pub built_in: bool,
    /// The theme, or why it can't be used; safe text.
    pub loaded: Result<Theme, String>,
}

/// What there is to choose from.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The themes.
    pub choices: Vec<ThemeChoice>,
    /// The person's `config.toml`, where a theme lasts; safe text.
    pub config: String,
}

/// The list, above the screen.
#[derive(Debug)]
pub struct ThemeList {
    /// The theme that Esc goes back to.
    pub before: Theme,
    /// The themes, once they are read.
    pub choices: Vec<ThemeChoice>,
    /// The person's `config.toml`; safe text.
    pub config: String,
    /// The selected one.
    pub place: usize,
}

impl ThemeList {
    /// A list that waits for its themes.
    pub fn new(before: Theme) -> Self {
        Self { before, choices: Vec::new(), config: String::new(), place: 0 }
    }

    /// Takes the themes in. One that was given as a file is in no folder, so it stands before the others.
    pub fn arrived(&mut self, offer: Offer) {
        Offer { choices: self.choices, config: self.config } = offer;
        let name = crate::text::escape_str(self.before.name()).into_owned();
        let worn = |choice: &ThemeChoice| choice.loaded.as_ref().is_ok_and(|theme| *theme == self.before);
        self.place = self.choices.iter().position(worn).unwrap_or_else(|| {
            let given = ThemeChoice { name, built_in: false, loaded: Ok(self.before.clone()) };
            self.choices.insert(0, given);
            0
        });
    }

    /// Selects the theme `by` places on, as far as there are any.
    pub fn step(&mut self, by: isize) {
        let last = self.choices.len().saturating_sub(1);
        self.place = self.place.saturating_add_signed(by).min(last);
    }

    /// The selected one.
    pub fn selected(&self) -> Option<&ThemeChoice> {
        self.choices.get(self.place)
    }

    /// What the screen is to wear: the selected theme, or the one before where that can't be used.
    pub fn worn(&self) -> &Theme {
        self.selected().and_then(|choice| choice.loaded.as_ref().ok()).unwrap_or(&self.before)
    }
}
