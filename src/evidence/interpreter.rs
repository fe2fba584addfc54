//! Whether the program that an ELF file or a script names to run it is there, and whether `execve(2)` takes it: the checks
//! of `open_exec` in `fs/exec.c` and of `load_elf_binary` in `fs/binfmt_elf.c`, on the box or in its image.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;
use serde::Serialize;

use crate::elf::{self, Elf};
use crate::root::Root;
use crate::text;

/// Bytes of an interpreter that are looked at.
const HEAD: usize = 64 * 1024;

/// What there is at an interpreter's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interpreter {
    /// The path; safe text.
    pub path: String,
    /// The error of `execve(2)`; `None` where it takes it, or where that cannot be told.
    pub error: Option<&'static str>,
    /// What was found, in words; safe text.
    #[serde(rename = "said")]
    pub message: String,
}

impl Interpreter {
    /// The path as it is shown in a line: an empty one in quotes, a long one by both of its ends. Safe text.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        elf::shown_interpreter(&self.path)
    }
}

/// Looks for the interpreter that a file names, if it names one.
pub(crate) fn named(root: &Root, program: Option<&Elf>, script: Option<&[u8]>) -> Option<Interpreter> {
    if let Some(path) = script {
        return Some(of_script(root, path));
    }
    let program = program.filter(|program| program.kind.is_loaded())?;
    let path = &program.interpreter()?.interpreter.as_ref()?.bytes;
    Some(of_program(root, path, program))
}

/// Looks for the interpreter of an ELF file, as bytes of its path.
pub(crate) fn of_program(root: &Root, path: &[u8], program: &Elf) -> Interpreter {
    look(root, path, |head| {
        let found = elf::decode(head, head.len() as u64);
        match found {
            _ if head.len() < program.layout.header_size() as usize => {
                Some(("EIO", "shorter than an ELF header".to_owned()))
            }
            None => Some(("ELIBBAD", "no ELF file".to_owned())),
            Some(found) if found.header.values.e_machine != program.header.values.e_machine => Some((
                "ELIBBAD",
                format!("for {}, and this file is for {}", found.header.machine, program.header.machine),
            )),
            Some(found) if found.layout.class != program.layout.class => Some((
                "ELIBBAD",
                format!("{}, and this file is {}", found.layout.class.name(), program.layout.class.name()),
            )),
            Some(_) => None,
        }
    })
}

/// Looks for the interpreter of a script, as bytes of its path. It may be of any kind that runs.
pub(crate) fn of_script(root: &Root, path: &[u8]) -> Interpreter {
    look(root, path, |_| None)
}

fn look(root: &Root, path: &[u8], judge: impl FnOnce(&[u8]) -> Option<(&'static str, String)>) -> Interpreter {
    let shown = text::escape(path).into_owned();
    let told = |error, said: String| Interpreter { path: shown.clone(), error, message: said };
    let place = Path::new(OsStr::from_bytes(path));
    if path.is_empty() {
        return told(Some("EACCES"), "is an empty path, which is the current folder (EACCES)".to_owned());
    }
    if !place.is_absolute() {
        return told(None, "is looked for in the folder in which the file is run".to_owned());
    }
    let located = match root.locate(place, true) {
        Ok(located) => located,
        Err(error) => {
            return match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => told(Some("ENOENT"), "is not there (ENOENT)".to_owned()),
                Some(Errno::NOTDIR) => told(Some("ENOTDIR"), "leads through what is no folder (ENOTDIR)".to_owned()),
                Some(Errno::LOOP) => told(Some("ELOOP"), "leads through too many links (ELOOP)".to_owned()),
                Some(Errno::NAMETOOLONG) => {
                    told(Some("ENAMETOOLONG"), "has a name that is too long (ENAMETOOLONG)".to_owned())
                }
                _ => told(None, format!("cannot be looked at ({})", text::escape_str(&error.to_string()))),
            };
        }
    };
    if located.metadata.is_dir() {
        return told(Some("EACCES"), "is a folder (EACCES)".to_owned());
    }
    if !located.metadata.is_file() {
        return told(Some("EACCES"), "is no regular file (EACCES)".to_owned());
    }
    if located.metadata.mode() & 0o111 == 0 {
        return told(Some("EACCES"), "may not be executed by anyone (EACCES)".to_owned());
    }
    let mut head = Vec::new();
    let read = located.open().and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    if let Err(error) = read {
        return told(None, format!("is there, but cannot be read ({})", text::escape_str(&error.to_string())));
    }
    match judge(&head) {
        Some((error, why)) => told(Some(error), format!("is {why} ({error})")),
        None => told(None, "is there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn what_execve_would_say_of_an_interpreter_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::image(folder.path());
        let put = |name: &str, bytes: &[u8], mode: u32| {
            fs::write(folder.path().join(name), bytes).unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
        header.resize(64, 0);
        let program = elf::decode(&header, 64).unwrap();
        let mut other = header.clone();
        other[18] = 183;
        let mut small = header.clone();
        (small[4], small[18]) = (1, 3);
        put("ld.so", &header, 0o755);
        put("ld-arm.so", &other, 0o755);
        put("ld32.so", &small, 0o755);
        put("plain", b"text", 0o755);
        put("unrun", &header, 0o644);
        fs::create_dir(folder.path().join("lib")).unwrap();
        symlink("/ld.so", folder.path().join("lib/link")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        for (path, error, said) in [
            ("/ld.so", None, "is there"),
            ("/lib/link", None, "is there"),
            ("/missing", Some("ENOENT"), "is not there (ENOENT)"),
            ("/ld.so/x", Some("ENOTDIR"), "leads through what is no folder (ENOTDIR)"),
            ("/loop", Some("ELOOP"), "leads through too many links (ELOOP)"),
            ("/lib", Some("EACCES"), "is a folder (EACCES)"),
            ("/unrun", Some("EACCES"), "may not be executed by anyone (EACCES)"),
            ("/plain", Some("EIO"), "is shorter than an ELF header (EIO)"),
            (
                "/ld-arm.so",
                Some("ELIBBAD"),
                "is for AArch64, and this file is for Advanced Micro Devices X86-64 (ELIBBAD)",
            ),
            ("", Some("EACCES"), "is an empty path, which is the current folder (EACCES)"),
            ("ld.so", None, "is looked for in the folder in which the file is run"),
        ] {
            let found = of_program(&root, path.as_bytes(), &program);
            assert_eq!((found.error, found.message.as_str()), (error, said), "{path}");
        }
        assert_eq!(of_program(&root, b"/ld32.so", &program).error, Some("ELIBBAD"));
        assert_eq!(of_script(&root, b"/plain").message, "is there");
        let long = [b"/", &[b'x'; 300][..]].concat();
        assert_eq!(of_script(&root, &long).error, Some("ENAMETOOLONG"));
    }
}
