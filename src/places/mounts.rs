//! What is mounted, from `/proc/self/mountinfo`, and how full it is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::scan;

/// The mounts that this process sees (`proc_pid_mountinfo(5)`).
const MOUNTINFO: &str = "/proc/self/mountinfo";
/// Bytes that are read of it at most; a mount takes about 150.
const MAX_TABLE_BYTES: u64 = 16 << 20;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// Type of the file system, such as `ext4` or `nfs4`; raw.
    pub kind: OsString,
    /// What is mounted: a device, a server's export, or whatever the file system calls it; raw.
    pub source: OsString,
    /// Whether its files are made up by the kernel; a scan leaves them out unless told otherwise.
    pub pseudo: bool,
}

/// All mounts: those with files on them before those of the kernel, each group by mount point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountList {
    /// The mounts.
    pub list: Vec<Mount>,
    /// Lines that could not be understood.
    pub bad: usize,
}

impl MountList {
    /// Reads what is mounted now.
    ///
    /// # Errors
    /// When `/proc/self/mountinfo` cannot be read.
    pub fn read() -> io::Result<Self> {
        let mut table = Vec::new();
        File::open(MOUNTINFO)?.take(MAX_TABLE_BYTES).read_to_end(&mut table)?;
        Ok(Self::parse(&table))
    }

    /// Reads a table as `/proc/self/mountinfo` holds it. Of several mounts on one point the last hides the others.
    pub fn parse(table: &[u8]) -> Self {
        let mut mounts = Self::default();
        for line in table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match parse_line(line) {
                Some(mount) => mounts.list.push(mount),
                None => mounts.bad += 1,
            }
        }
        mounts.list.reverse();
        mounts.list.sort_by(|a, b| a.point.cmp(&b.point));
        mounts.list.dedup_by(|later, kept| later.point == kept.point);
        mounts.list.sort_by_key(|mount| mount.pseudo);
        mounts
    }
}

/// `36 35 98:0 /root /point options tags… - type source options`: the tags are any number of fields.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = unescape(fields.nth(4)?);
    fields.next()?;
    fields.find(|field| *field == b"-")?;
    let kind = OsString::from_vec(unescape(fields.next()?));
    let source = OsString::from_vec(unescape(fields.next()?));
    let pseudo = kind.to_str().is_some_and(scan::is_pseudo_type);
    // A mount point outside the root of this process has no absolute path.
    point.starts_with(b"/").then(|| Mount { point: OsString::from_vec(point).into(), kind, source, pseudo })
}

/// Space, tab, line feed and backslash stand as a backslash with three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = digits.map(|digits| digits.iter().fold(0, |sum, digit| sum * 8 + u32::from(digit - b'0')));
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) if first == b'\\' => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => out.push(first),
        }
    }
    out
}

/// How full a file system is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// What it holds when it is full.
    pub size: u64,
    /// What it holds now.
    pub used: u64,
}

impl DiskUsage {
    /// Asks the file system that `point` is on. A server that does not answer holds the caller up for as long.
    ///
    /// # Errors
    /// What `statvfs(3)` says.
    pub fn of(point: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(point)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self { size: bytes(found.f_blocks), used: bytes(found.f_blocks.saturating_sub(found.f_bfree)) })
    }

    /// How much is used, in percent; `None` for a file system without a size.
    pub fn percent(self) -> Option<u64> {
        let percent = u128::from(self.used) * 100 / u128::from((self.size > 0).then_some(self.size)?);
        Some(percent as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn lines_are_read_with_any_number_of_tags_and_their_escapes() {
        let table = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
            22 28 0:20 / /sys rw - sysfs sysfs rw\n\
            40 35 0:9 / /media/My\\040\\134disk\\012\\011 rw - fuse.sshfs ann@host:/a\\040b rw\n\
            41 35 0:9 / /x\\777\\08y\\ rw - ext4 \\\\ rw\n\
            42 35 0:9 / /raw\\377\xfe rw - ext4 /dev/sdb rw\n";
        let mounts = MountList::parse(table);
        assert_eq!(mounts.bad, 0);
        let points: Vec<_> = mounts.list.iter().map(|mount| mount.point.as_os_str().as_bytes()).collect();
        assert_eq!(
            points,
            [&b"/media/My \\disk\n\t"[..], b"/mnt2", b"/raw\xff\xfe", b"/x\\777\\08y\\", b"/sys"],
            "the kernel's own come last"
        );
        assert_eq!(
            (mounts.list[0].kind.to_str(), mounts.list[0].source.to_str()),
            (Some("fuse.sshfs"), Some("ann@host:/a b"))
        );
        assert_eq!(
            mounts.list.iter().map(|mount| mount.pseudo).collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn bad_lines_are_counted_and_the_others_stand() {
        let table = b"\n\
            36 35 98:0 / /good rw - ext4 /dev/sda1 rw\n\
            36 35 98:0 / /short\n\
            36 35 98:0 / /no-separator rw shared:1 ext4 /dev/sda1 rw\n\
            36 35 98:0 / /no-source rw - ext4\n\
            36 35 98:0 / relative rw - ext4 /dev/sda1 rw\n\
            \xff\xfe";
        let mounts = MountList::parse(table);
        assert_eq!((mounts.list.len(), mounts.bad), (1, 5));
        assert_eq!(MountList::parse(b""), MountList::default());
    }

    #[test]
    fn the_last_mount_on_a_point_hides_the_others() {
        let table = b"36 35 98:0 / /a rw - ext4 /dev/old rw\n37 36 98:1 / /a rw - tmpfs new rw\n";
        let mounts = MountList::parse(table);
        assert_eq!(mounts.list.len(), 1);
        assert_eq!(mounts.list[0].source, "new");
    }

    #[test]
    fn this_process_has_mounts_and_knows_how_full_they_are() {
        let mounts = MountList::read().unwrap();
        assert!(mounts.list.iter().any(|mount| mount.point == Path::new("/")));
        let room = DiskUsage::of(tempfile::tempdir().unwrap().path()).unwrap();
        assert!(room.used <= room.size);
        assert!(DiskUsage::of(Path::new("/nonexistent")).is_err());
        assert_eq!(DiskUsage { size: 0, used: 0 }.percent(), None);
        assert_eq!(DiskUsage { size: u64::MAX, used: u64::MAX }.percent(), Some(100));
    }
}
