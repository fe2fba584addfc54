//! What a line of `/proc/PID/maps` says (proc(5)).

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::makedev;

/// What the kernel adds to the path of a file whose name is gone.
const DELETED: &[u8] = b" (deleted)";

/// A mapping of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// Addresses.
    pub range: Range<u64>,
    /// `rwxp`.
    pub permissions: [u8; 4],
    /// Device number of the file system of what is mapped, as `st_dev` has it.
    pub dev: u64,
    /// Inode of what is mapped; 0 for memory of its own.
    pub ino: u64,
    /// What is mapped, or a name in brackets.
    pub path: PathBuf,
}

/// Bytes of a page.
pub(crate) fn page() -> u64 {
    rustix::param::page_size() as u64
}

impl Region {
    /// The regions of `maps`, in order; lines that are no such are left out.
    pub(crate) fn all(maps: &[u8]) -> Vec<Self> {
        maps.split(|byte| *byte == b'\n').filter_map(Self::of).collect()
    }

    fn of(line: &[u8]) -> Option<Self> {
        let mut rest = line;
        let mut fields = [&[][..]; 5];
        for field in &mut fields {
            let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
            (*field, rest) = (rest.get(..end)?, rest.get(end..)?.trim_ascii_start());
        }
        let [range, permissions, _, device, inode] = fields.map(|field| std::str::from_utf8(field).unwrap_or_default());
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let (major, minor) = device.split_once(':')?;
        Some(Self {
            range: (start < end).then_some(start..end)?,
            permissions: permissions.as_bytes().try_into().ok()?,
            dev: makedev(u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?),
            ino: inode.parse().ok()?,
            path: OsString::from_vec(rest.to_vec()).into(),
        })
    }

    /// Whether it can be read, is no other process's too, and holds what no file does: what was written, or what has no
    /// file behind it. The kernel's own pages are left out.
    pub(crate) fn is_private_memory(&self) -> bool {
        let [read, write, _, private] = self.permissions;
        let kernels = [&b"[vvar"[..], b"[vdso]", b"[vsyscall]"];
        let name = self.path.as_os_str().as_encoded_bytes();
        let of_its_own = write == b'w' || self.ino == 0 || name.ends_with(DELETED);
        read == b'r' && private == b'p' && of_its_own && !kernels.iter().any(|kernel| name.starts_with(kernel))
    }

    /// Whether what it holds may be executed, as a program's or a library's code is.
    pub(crate) fn is_code(&self) -> bool {
        self.permissions[2] == b'x'
    }

    /// Whether it runs, and is mapped from a file without a name.
    pub(crate) fn is_deleted_code(&self) -> bool {
        let name = self.path.as_os_str().as_encoded_bytes();
        self.is_code() && self.ino != 0 && name.ends_with(DELETED)
    }

    /// Path of the file that is mapped, without the kernel's word that its name is gone; `None` for memory of no file.
    pub(crate) fn file(&self) -> Option<&Path> {
        let name = self.path.as_os_str().as_encoded_bytes();
        let path = name.strip_suffix(DELETED).unwrap_or(name);
        (self.ino != 0).then(|| Path::new(OsStr::from_bytes(path)))
    }

    /// `7f00-7f20 rw-p [heap]`, for people.
    pub(crate) fn name(&self) -> String {
        let permissions = String::from_utf8_lossy(&self.permissions);
        let name = self.path.to_string_lossy();
        format!("{:x}-{:x} {permissions} {name}", self.range.start, self.range.end).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_told_apart_by_what_is_behind_them() {
        let maps = b"55d0-55d1 r-xp 00000000 08:01 12 /usr/bin/a b\n55d1-55d2 rw-p 00001000 08:01 12 /usr/bin/a b\n\
            55e0-5600 rw-p 00000000 00:00 0 [heap]\n7f00-7f01 r-xp 0 00:01 9 /memfd:x (deleted)\n\
            7f10-7f11 rw-s 0 00:01 9 /dev/shm/x\n7f20-7f21 r--p 0 00:00 0 [vvar]\n7f30-7f40 ---p 0 00:00 0\n\
            7f50-7f60 rw-p 00000000 00:00 0\nnonsense\n8-7 rw-p 0 0:0 0\n";
        let all = Region::all(maps);
        assert_eq!(all.len(), 8);
        let private: Vec<_> = all.iter().filter(|region| region.is_private_memory()).map(Region::name).collect();
        let wanted = [
            "55d1-55d2 rw-p /usr/bin/a b",
            "55e0-5600 rw-p [heap]",
            "7f00-7f01 r-xp /memfd:x (deleted)",
            "7f50-7f60 rw-p",
        ];
        assert_eq!(private, wanted);
        let code: Vec<_> = all.iter().filter(|region| region.is_deleted_code()).map(Region::name).collect();
        assert_eq!(code, ["7f00-7f01 r-xp /memfd:x (deleted)"]);
    }

    #[test]
    fn the_file_behind_a_region_has_its_device_and_its_path() {
        let maps = b"7f00-7f01 r-xp 00000000 08:01 1234   /opt/a b\n7f01-7f02 rw-p 00000000 00:00 0 [heap]\n\
            1-2 r--p 0 fe:02 9 /gone (deleted)\nbroken\n1-2 r--p 0 zz 9 /x\n1-2 r 0 08:01 9 /x\n";
        let all = Region::all(maps);
        let files: Vec<_> = all.iter().map(|region| (region.dev, region.file(), region.is_code())).collect();
        let path = |path| Some(Path::new(path));
        let wanted =
            [(makedev(8, 1), path("/opt/a b"), true), (0, None, false), (makedev(0xfe, 2), path("/gone"), false)];
        assert_eq!(files, wanted);
    }
}
