//! How far an exclusion reaches: the four scopes, narrowest first.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::finding::{Digest, FileFacts};
use crate::text::{self, subject};

/// A file's owner. The user id decides; the name tells boxes apart on which one id means two people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Name in the account database of the box where it was seen, if it had one there.
    pub name: Option<String>,
}

impl Owner {
    /// The owner of a scanned file.
    pub fn of(file: &FileFacts) -> Self {
        Self { uid: file.uid, name: file.owner.clone() }
    }

    /// Whether a file with this user id and name is this owner's. Two names that differ are two people.
    pub fn is(&self, uid: u32, name: Option<&str>) -> bool {
        self.uid == uid && self.name.as_deref().zip(name).is_none_or(|(mine, theirs)| mine == theirs)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(&text::escape_str(name)),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

/// What an exclusion covers, always together with its rule. There is no rule-wide scope: that blinds the rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This file as it is: one path with one content. The default.
    FileAsIs {
        /// Path as walked.
        path: PathBuf,
        /// Digest of its content. Only one of the same kind can equal it.
        digest: Digest,
    },
    /// This content, wherever it lies.
    Content {
        /// Digest of the content. Only one of the same kind can equal it.
        digest: Digest,
    },
    /// This path, whatever its content, while it has this owner.
    Path {
        /// Path as walked.
        path: PathBuf,
        /// Owner that the file must have.
        owner: Owner,
    },
    /// Every file below a folder that has this owner.
    Folder {
        /// Folder as walked.
        folder: PathBuf,
        /// Owner that a file must have.
        owner: Owner,
    },
}

/// The kinds of [`Scope`], narrowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKind {
    /// [`Scope::FileAsIs`].
    FileAsIs,
    /// [`Scope::Content`].
    Content,
    /// [`Scope::Path`].
    Path,
    /// [`Scope::Folder`].
    Folder,
}

impl ScopeKind {
    /// Every kind, narrowest first.
    pub const ALL: [Self; 4] = [Self::FileAsIs, Self::Content, Self::Path, Self::Folder];

    /// The word for this kind in the register and in exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::FileAsIs => "file-as-is",
            Self::Content => "content",
            Self::Path => "path",
            Self::Folder => "folder",
        }
    }

    /// The kind that `word` names, `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// A short title for a list of choices.
    pub fn title(self) -> &'static str {
        match self {
            Self::FileAsIs => "this file as it is",
            Self::Content => "this content anywhere",
            Self::Path => "this path whatever its content",
            Self::Folder => "everything below a folder",
        }
    }
}

impl Scope {
    /// Which of the four this is.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::FileAsIs { .. } => ScopeKind::FileAsIs,
            Self::Content { .. } => ScopeKind::Content,
            Self::Path { .. } => ScopeKind::Path,
            Self::Folder { .. } => ScopeKind::Folder,
        }
    }

    /// The owner that a file must have, `None` where anybody's counts.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Path { owner, .. } | Self::Folder { owner, .. } => Some(owner),
            Self::FileAsIs { .. } | Self::Content { .. } => None,
        }
    }

    /// The path or folder it is tied to, `None` for content anywhere.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::FileAsIs { path, .. } | Self::Path { path, .. } => Some(path),
            Self::Folder { folder, .. } => Some(folder),
            Self::Content { .. } => None,
        }
    }

    /// The scope in words, with its path or folder as `seen` shows it; safe text.
    pub fn shown<'s>(&'s self, seen: impl Fn(&'s Path) -> &'s Path) -> String {
        let place = self.path().map(|path| text::escape_path(seen(path))).unwrap_or_default();
        match self {
            Self::FileAsIs { digest, .. } => format!("{place} with content {}", digest.short()),
            Self::Content { digest } => format!("content {} anywhere", digest.short()),
            Self::Path { owner, .. } => format!("{place} owned by {owner}"),
            Self::Folder { owner, .. } => format!("everything of {owner} below {place}"),
        }
    }

    /// What could go wrong with this scope, in one plain sentence that names the place.
    pub fn danger(&self) -> String {
        match self {
            Self::FileAsIs { .. } => "none beyond this file: one changed byte brings the finding back".to_owned(),
            Self::Content { digest } => format!(
                "content {} is excluded wherever it lies, also where it has no business to be, such as /dev/shm",
                digest.short()
            ),
            Self::Path { path, owner } => {
                let file = text::escape_path(subject::file_of(path));
                let inside = subject::shown_members(path).join(&format!(" {} ", subject::ARROW));
                let there = if inside.is_empty() { "there".to_owned() } else { format!("in it as {inside}") };
                format!(
                    "anyone who can write to {file} can put other content {there} unseen, as long as {owner} owns it"
                )
            }
            Self::Folder { folder, .. } => {
                let folder = text::escape_path(folder);
                format!("anyone who can write to {folder} can hide here; what lies in archives there is not covered")
            }
        }
    }

    /// The scopes that fit a subject, narrowest first: for a plain file all four, with its own folder as the folder. A
    /// folder's scope covers plain files only.
    pub fn choices(file: &FileFacts) -> Vec<Self> {
        let (path, owner) = (file.path.clone(), Owner::of(file));
        let mut choices = vec![
            Self::FileAsIs { path: path.clone(), digest: file.digest },
            Self::Content { digest: file.digest },
            Self::Path { path, owner: owner.clone() },
        ];
        let folder = if file.is_inside() { None } else { file.path.parent() };
        choices.extend(folder.map(|folder| Self::Folder { folder: folder.to_owned(), owner }));
        choices
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(|path| path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Sha256;

    fn owner(uid: u32, name: Option<&str>) -> Owner {
        Owner { uid, name: name.map(str::to_owned) }
    }

    #[test]
    fn kinds_have_words_that_read_back() {
        for kind in ScopeKind::ALL {
            assert_eq!(ScopeKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(ScopeKind::from_word("rule"), None);
        assert!(ScopeKind::ALL.is_sorted());
    }

    #[test]
    fn an_id_that_means_two_people_is_two_owners() {
        let app = owner(1001, Some("app"));
        assert!(app.is(1001, Some("app")));
        assert!(app.is(1001, None));
        assert!(!app.is(1001, Some("mallory")));
        assert!(!app.is(0, Some("app")));
        assert!(owner(0, None).is(0, Some("root")));
    }

    #[test]
    fn dangers_name_the_place_and_escape_it() {
        let folder = Scope::Folder { folder: "/opt/reports".into(), owner: owner(0, Some("root")) };
        assert!(
            folder.danger().starts_with("anyone who can write to /opt/reports can hide here; what lies in archives")
        );
        let path = Scope::Path { path: "/opt/\u{1b}[2J".into(), owner: owner(7, None) };
        assert!(path.danger().contains(r"/opt/\x1b[2J") && path.danger().contains("uid 7"), "{}", path.danger());
        let as_is = Scope::FileAsIs { path: "/opt/x".into(), digest: Sha256::of(b"x").into() };
        assert!(as_is.danger().starts_with("none beyond this file"));
        assert_eq!(folder.to_string(), "everything of root below /opt/reports");
    }
}
