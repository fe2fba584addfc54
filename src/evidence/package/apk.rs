//! apk's database: `/lib/apk/db/installed`, one paragraph a package (apk-package(5), "Installed database V2").

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

use super::super::lines;
use super::super::observed::Gaps;
use super::digest::Shipped;
use super::{MAX_FILES, PackageEntry, Rights};
use crate::root::Root;

/// Where the database is: the first is older, the second goes with a merged `/usr`.
const PATHS: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// The database. It is small, so it is read anew at each look-up.
pub(super) struct Apk {
    path: PathBuf,
}

impl Apk {
    pub(super) fn read(root: &Root, gaps: &mut Gaps) -> Option<Self> {
        PATHS.iter().map(Path::new).find_map(|path| match root.open_file(path) {
            Ok(_) => Some(Self { path: path.to_owned() }),
            Err(error) => {
                gaps.add_error(path, &error);
                None
            }
        })
    }

    /// The paths of a package.
    pub(super) fn files(&self, package: &str, root: &Root) -> Result<Vec<PathBuf>, String> {
        let (_, file) = root.open_file(&self.path).map_err(|error| error.to_string())?;
        let (mut is_it, mut folder, mut files) = (false, PathBuf::new(), Vec::new());
        let read = lines::each(file, |line| {
            match line.split_first_chunk::<2>() {
                Some((b"P:", name)) => is_it = name == package.as_bytes(),
                Some((b"F:", name)) if is_it => folder = Path::new("/").join(OsStr::from_bytes(name)),
                Some((b"R:", name)) if is_it => files.push(folder.join(OsStr::from_bytes(name))),
                _ => {}
            }
            if files.len() < MAX_FILES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.map(|_| files).map_err(|error| error.to_string())
    }

    pub(super) fn entry(&self, path: &Path, root: &Root) -> Option<PackageEntry> {
        let folder = path.parent()?.as_os_str().as_bytes().strip_prefix(b"/")?;
        let name = path.file_name()?.as_bytes();
        let (_, file) = root.open_file(&self.path).ok()?;
        let (mut package, mut version) = (String::new(), String::new());
        let (mut in_folder, mut found) = (false, false);
        let mut sum = None;
        let read = lines::each(file, |line| {
            let Some((key, value)) = line.split_first_chunk::<2>() else {
                in_folder = false;
                return if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            };
            match key {
                b"P:" => package = String::from_utf8_lossy(value).into_owned(),
                b"V:" => version = String::from_utf8_lossy(value).into_owned(),
                b"F:" => in_folder = value == folder,
                // The digest stands after the name that it is of.
                b"R:" if found => return ControlFlow::Break(()),
                b"R:" if in_folder && value == name => found = true,
                b"Z:" if found => {
                    sum = value
                        .strip_prefix(b"Q1")
                        .and_then(|sum| BASE64.decode(sum).ok())
                        .and_then(|sum| sum.try_into().ok());
                    return ControlFlow::Break(());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        (read.is_ok() && found).then(|| PackageEntry {
            manager: "apk",
            package,
            version,
            installed: true,
            listed_as: path.to_owned(),
            // `Q1` stands before a SHA-1 in base64.
            shipped: sum.map_or_else(|| Shipped::Unusable("apk records no SHA-1 of it".to_owned()), Shipped::Sha1),
            rights: Rights::default(),
        })
    }
}
