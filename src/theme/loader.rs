//! Where themes come from: those in the program, and a person's own files.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::ThemeError;
use super::theme_file::{ThemeFile, ThemeSource};
use crate::diagnostics::{Problem, did_you_mean, quoted};
use crate::text;

/// Themes in the program, the default first: name and TOML.
const BUILT_IN: [(&str, &str); 6] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../themes/deuteranopia.toml")),
    ("ansi16", include_str!("../../themes/ansi16.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// Bytes that a theme file may have; the largest built-in one has less than a fiftieth.
const MAX_BYTES: u64 = 256 * 1024;

/// Files of a person's folder that are listed; more would not fit a list that a person looks through.
const MAX_FILES: usize = 200;

/// Columns that the list of known names may take in a message.
const KNOWN_COLUMNS: usize = 200;

/// Names of the themes in the program, the default first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// All themes that can be chosen by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThemeCatalog<'a> {
    user_dir: Option<&'a Path>,
}

impl<'a> ThemeCatalog<'a> {
    pub(super) fn new(user_dir: Option<&'a Path>) -> Self {
        Self { user_dir }
    }

    /// The theme that `choice` names or that lies at that path, then its parents up to the one that inherits nothing.
    ///
    /// # Errors
    ///
    /// [`ThemeError`], also when the themes inherit in a circle.
    pub(super) fn chain(self, choice: &str) -> Result<Vec<ThemeFile>, ThemeError> {
        let source = if is_path(choice) { Some(read(Path::new(choice))?) } else { self.by_name(choice)? };
        let first = source.ok_or_else(|| {
            let (nearest, known) = self.guess(choice);
            ThemeError::Unknown { name: text::escape_str(&quoted(choice)).into_owned(), nearest, known }
        })?;
        let mut chain = vec![ThemeFile::parse(first)?];
        while let Some(parent) = self.parent(&chain)? {
            chain.push(parent);
        }
        Ok(chain)
    }

    /// The parent of the last theme in `chain`.
    fn parent(self, chain: &[ThemeFile]) -> Result<Option<ThemeFile>, ThemeError> {
        let Some((file, named)) = chain.last().and_then(|last| Some((last, last.content.inherits.as_ref()?))) else {
            return Ok(None);
        };
        let Some(source) = self.by_name(&named.text)? else {
            let (nearest, known) = self.guess(&named.text);
            let name = quoted(&named.text);
            let message = format!("no theme called {name} is there to inherit from; there are {known}");
            return Err(file.source.wrong(&named.span, message, nearest));
        };
        if chain.iter().any(|earlier| earlier.source.path == source.path) {
            let circle: Vec<_> = chain.iter().map(|file| file.source.name.as_str()).chain([&*source.name]).collect();
            let message = format!("the themes inherit in a circle: {}; take one `inherits` out", circle.join(" → "));
            return Err(file.source.wrong(&named.span, message, None));
        }
        ThemeFile::parse(source).map(Some)
    }

    /// The text of a theme by its name; `None` when there is none.
    fn by_name(self, name: &str) -> Result<Option<ThemeSource>, ThemeError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            let path = format!("themes/{name}.toml (built in)").into();
            return Ok(Some(ThemeSource { name: (*name).to_owned(), path, text: Cow::Borrowed(text) }));
        }
        match self.user_dir {
            Some(dir) if is_name(name) => {
                let path = dir.join(format!("{name}.toml"));
                if path.symlink_metadata().is_ok() { read(&path).map(Some) } else { Ok(None) }
            }
            _ => Ok(None),
        }
    }

    /// For a message about a `wrong` name: a hint at the nearest right one, and all of them, as far as a message should go on.
    fn guess(self, wrong: &str) -> (Option<String>, String) {
        let own = self.user_files().filter_map(|path| own_name(&path).ok());
        let known: Vec<_> = names().map(str::to_owned).chain(own).collect();
        let nearest = did_you_mean(wrong, known.iter().map(String::as_str));
        (nearest, text::truncate_end(&known.join(", "), KNOWN_COLUMNS).into_owned())
    }

    /// The TOML files in the person's folder, sorted; none when there is no such folder.
    pub(super) fn user_files(self) -> impl Iterator<Item = PathBuf> {
        let listed = self.user_dir.and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten();
        let mut files: Vec<_> = listed
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .take(MAX_FILES)
            .collect();
        files.sort();
        files.into_iter()
    }
}

/// The name that a file in the person's folder is chosen by.
///
/// # Errors
///
/// [`ThemeError::File`] when the file's name can't be one, or is that of a built-in theme.
pub(super) fn own_name(path: &Path) -> Result<String, ThemeError> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_name(name));
    let Some(name) = name else {
        return Err(unreadable(path, "a theme's file name has letters, digits, `-` and `_`; rename the file"));
    };
    if names().any(|known| known == name) {
        return Err(unreadable(path, "a built-in theme has this name; rename the file"));
    }
    Ok(name.to_owned())
}

/// Whether `text` can name a theme: nothing that could lead out of the folder.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_path(choice: &str) -> bool {
    choice.contains('/') || Path::new(choice).extension().is_some_and(|extension| extension == "toml")
}

/// Reads the theme file at `path`. A link is followed, for people keep their settings behind links.
fn read(path: &Path) -> Result<ThemeSource, ThemeError> {
    let file = open(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        let cause = format!("larger than {}, which no theme needs; is it the right file?", text::bytes(MAX_BYTES));
        return Err(unreadable(path, &cause));
    }
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(ThemeSource { name, path: path.to_owned(), text: Cow::Owned(text) }),
        Err(error) => Err(ThemeError::File(vec![Problem::not_utf8(path, &error)])),
    }
}

/// Opens without waiting for a writer, so that a FIFO can't hang the program.
fn open(path: &Path) -> io::Result<File> {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("not a regular file; give the path of a TOML file"))
    }
}

fn unreadable(path: &Path, cause: &str) -> ThemeError {
    ThemeError::File(vec![Problem::whole(path, cause)])
}
