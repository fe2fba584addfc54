//! Colours of the screen: which style each [`Role`] has on a terminal of a given [`ColorDepth`].
//!
//! A theme is a TOML file. The built-in ones lie in `themes/`; a person's own lie in a folder of theirs or anywhere.
//!
//! ```toml
//! about = "One line for the list of themes"
//! inherits = "dark"                  # a built-in theme, or NAME.toml in the person's folder
//!
//! border = "line"                    # a colour: the foreground
//! "border.focused" = "sky"           # a dotted key stands in quotes
//! match = { fg = "black", bg = "#e6c37a", modifiers = ["bold"] }
//! anomaly = { fg = "red", underline = "red" }
//!
//! [palette]
//! line = "#5b647a"
//! sky = "bright-cyan"
//! ```
//!
//! `match.1` falls back to `match`, then to `text`; the first of them that the theme or its parents define counts
//! whole. A field that a style leaves out leaves alone what lies below. A colour is a name from the palette, `#rrggbb`,
//! one of the terminal's own (`black red green yellow blue magenta cyan white`, each also as `bright-…`), or `default`.
//! Modifiers are `bold dim italic underlined reversed crossed-out`.
//!
//! On a poorer terminal colours become the nearest it has, and what can't be expressed is lent by the built-in themes
//! `ansi16` and `mono`.

mod color;
mod color_depth;
mod downgrade;
mod error;
mod inheritance;
mod loader;
mod role;
#[cfg(test)]
mod tests;
mod theme_file;

use std::path::Path;

use ratatui::style::Style;

pub use self::color_depth::ColorDepth;
pub use self::error::ThemeError;
pub use self::role::Role;

use self::inheritance::Styles;
use self::loader::ThemeCatalog;

/// The theme that is used when none was chosen.
pub const DEFAULT: &str = "dark";

/// A theme made ready for one terminal: a style for every role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    about: String,
    depth: ColorDepth,
    styles: Styles,
}

impl Theme {
    /// The style of `role`; an array lookup.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The theme's name: that of its file without `.toml`. A file's name may be hostile; escape it before it is shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line that its author wrote about it, empty if none. May be hostile; escape it before it is shown.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The depth it was made ready for.
    pub fn depth(&self) -> ColorDepth {
        self.depth
    }
}

/// A theme that can be chosen by name, or a file of the person's folder that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTheme {
    /// Its name; for a file whose name can't name a theme, the file's name, safe to show.
    pub name: String,
    /// Whether it came with the program.
    pub built_in: bool,
    /// What its author wrote about it, or why it can't be used.
    pub about: Result<String, ThemeError>,
}

/// Loads the theme that `choice` names, or the TOML file that it is the path of: it has a `/` or ends in `.toml`.
///
/// A name is that of a built-in theme or of `NAME.toml` in `user_dir`; the built-in ones can't be replaced.
///
/// # Errors
///
/// [`ThemeError`] when there is no such theme, or it or a parent of it can't be read or holds something wrong.
pub fn load(choice: &str, user_dir: Option<&Path>, depth: ColorDepth) -> Result<Theme, ThemeError> {
    let catalog = ThemeCatalog::new(user_dir);
    let chain = catalog.chain(choice)?;
    let styles = inheritance::resolve(&chain)?;
    let lent = match downgrade::stand_in(depth) {
        Some(name) => inheritance::resolve(&catalog.chain(name)?)?,
        None => styles,
    };
    let styles = match depth {
        ColorDepth::TrueColor => styles,
        ColorDepth::Ansi256 => downgrade::to_256(&styles),
        ColorDepth::Ansi16 => downgrade::to_16(&styles, &lent),
        ColorDepth::Mono => downgrade::to_mono(&styles, &lent),
    };
    let (name, about) = chain.into_iter().next().map(|file| (file.source.name, file.content.about)).unwrap_or_default();
    Ok(Theme { name, about, depth, styles })
}

/// Names of the built-in themes, the default first.
pub fn names() -> impl Iterator<Item = &'static str> {
    loader::names()
}

/// The built-in themes, then up to 200 files of `user_dir` in alphabetical order, each loaded once to know whether it can
/// be used.
pub fn available(user_dir: Option<&Path>) -> Vec<ListedTheme> {
    let about = |name: &str| load(name, user_dir, ColorDepth::TrueColor).map(|theme| theme.about);
    let built_in = names().map(|name| ListedTheme { name: name.to_owned(), built_in: true, about: about(name) });
    let own = ThemeCatalog::new(user_dir).user_files().map(|path| match loader::own_name(&path) {
        Ok(name) => ListedTheme { about: about(&name), name, built_in: false },
        Err(error) => {
            let name = path.file_name().map(Path::new).map(crate::text::escape_path).unwrap_or_default().into_owned();
            ListedTheme { name, built_in: false, about: Err(error) }
        }
    });
    built_in.chain(own).collect()
}
