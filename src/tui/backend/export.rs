//! The case as a file, for whoever is to read it.

use std::io::{self, Write as _};
use std::path::Path;

use crate::report::whole::WriteError;
use crate::report::{ReportFormat, ReportSource, many};
use crate::session::many::ManyCases;
use crate::session::{CaseReader, Records};
use crate::storage::NewFile;
use crate::text;

/// Writes what the case holds to a new file at `path`, in the format that its ending names. Returns what to say.
///
/// # Errors
/// Why there is no such file, in safe text.
pub(super) fn write(records: &Records, path: &Path) -> Result<String, String> {
    let shown = text::escape_path(path).into_owned();
    let format = ReportFormat::of_file(path).ok_or_else(|| format!("{shown}: no format has this ending"))?;
    let case = records.case();
    // A case that is in memory only, or ahead of its file, is copied.
    let archive = match records.unsaved() {
        Some(_) => case.copy_to_memory().and_then(CaseReader::of),
        None => CaseReader::open(case.path()),
    };
    let whole = archive.and_then(ReportSource::of).map_err(|error| error.to_string())?;
    whole.write_file(format, path).map_err(|error| match error {
        WriteError::Io(error) => cannot_write(&shown, &error),
        error @ WriteError::Case(_) => format!("cannot write {shown}: {error}"),
    })?;
    Ok(written_to(path))
}

/// Writes the report over many cases to a new file at `path`, in the format that its ending names. Returns what to say.
///
/// # Errors
/// Why there is no such file, in safe text.
pub(super) fn write_many(cases: &ManyCases, path: &Path) -> Result<String, String> {
    let shown = text::escape_path(path).into_owned();
    let format = ReportFormat::of_file(path).ok_or_else(|| format!("{shown}: no format has this ending"))?;
    many::check(format).map_err(|error| error.to_string())?;
    let cannot = |error: &dyn std::fmt::Display| format!("cannot write {shown}: {error}");
    let file = NewFile::beside(path).map_err(|error| cannot_write(&shown, &error))?;
    let mut out = io::BufWriter::new(file.file());
    if format.is_page() {
        // What was decided since the cases were listed is in their files.
        let files: Vec<_> = cases.cases.iter().map(|one| one.path.clone()).collect();
        let now = ManyCases::open(&files).map_err(|error| cannot(&error))?;
        many::write(&now, format, &mut out).map_err(|error| cannot(&error))?;
    } else {
        for (place, one) in cases.cases.iter().enumerate() {
            let whole = CaseReader::open(&one.path).and_then(ReportSource::of).map_err(|error| error.to_string())?;
            many::write_next(&whole, format, place == 0, &mut out).map_err(|error| cannot(&error))?;
        }
    }
    out.flush().map_err(|error| cannot(&error))?;
    drop(out);
    file.take_name(path, false).map_err(|error| cannot_write(&shown, &error))?;
    Ok(written_to(path))
}

/// Writes a text to a new file at `path` that its owner alone may read. Returns what to say.
///
/// # Errors
/// Why there is no such file, in safe text.
pub(super) fn write_text(path: &Path, text: &str) -> Result<String, String> {
    let shown = text::escape_path(path).into_owned();
    let written = NewFile::beside(path).and_then(|file| {
        file.file().write_all(text.as_bytes())?;
        file.take_name(path, false)
    });
    written.map_err(|error| cannot_write(&shown, &error))?;
    Ok(written_to(path))
}

/// That a file was written, and where it lies: a name alone does not tell the folder.
fn written_to(path: &Path) -> String {
    let whole = std::path::absolute(path);
    format!("written: {}", text::escape_path(whole.as_deref().unwrap_or(path)))
}

/// Why a new file could not be written, and what to do.
fn cannot_write(shown: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} is there already; give another name"),
        // The screen has given up writing anywhere but beside the case and where it was started.
        io::ErrorKind::PermissionDenied => format!(
            "cannot write {shown}: {error}; name a file in the folder that Huntbook was started in or in the case's, or use \
             huntbook report CASE --output FILE"
        ),
        _ => format!("cannot write {shown}: {error}"),
    }
}
