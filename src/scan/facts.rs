//! What is told of a file with a finding.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use rustix::fs::{AtFlags, Stat, StatxFlags};
use sha2::Digest as _;

use super::coverage::{Leave, Reason};
use super::read::{CHUNK, DataExtent, SizedFile};
use super::{FILE_TIMEOUT, MAX_FILE_SIZE, READ_TIMEOUT};
use crate::accounts::Accounts;
use crate::finding::{Digest, FileFacts, FileTime, Sha256};
use crate::root::{OpenedFile, Root, open_file};
use crate::timeout::blocking_call;

/// Zeros of holes that are hashed at most, in bytes: about a second's work.
pub(crate) const MAX_HASHED_ZEROS: u64 = 1 << 30;

/// Whether a file was changed, or came into being, at `since` or later. A clock that was set back hides that.
pub(super) fn is_newer(opened: &OpenedFile, since: Timestamp) -> bool {
    let time = |seconds: i64, nanos: i32| (seconds, nanos) >= (since.as_second(), since.subsec_nanosecond());
    time(opened.stat.st_ctime, opened.stat.st_ctime_nsec as i32)
        || born(&opened.file).is_some_and(|born| time(born.seconds, born.nanos as i32))
}

/// The facts of a file of `size` bytes with this digest.
pub(super) fn facts(path: &Path, opened: &OpenedFile, size: u64, digest: Digest, accounts: &Accounts) -> FileFacts {
    let time = |seconds: i64, nanos: u64| FileTime { seconds, nanos: nanos as u32 };
    let stat = &opened.stat;
    FileFacts {
        path: path.to_owned(),
        dev: stat.st_dev,
        ino: stat.st_ino,
        mode: stat.st_mode,
        links: stat.st_nlink,
        uid: stat.st_uid,
        gid: stat.st_gid,
        owner: accounts.user_name(stat.st_uid).map(str::to_owned),
        group: accounts.group_name(stat.st_gid).map(str::to_owned),
        size,
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
        born: born(&opened.file),
        digest,
        noatime: opened.noatime,
        stated: None,
    }
}

/// Whether size or times say that the content is no longer what it was when the file was opened, or `read` bytes are
/// not all of it. A size of 0 says nothing: the kernel gives it for files that it makes up while they are read. Of some
/// of those it says a whole page (sysfs(5)), so `is_made_up` is asked before a size that was not read counts.
pub(super) fn is_changed(before: &Stat, after: &Stat, read: u64, is_made_up: impl FnOnce() -> bool) -> bool {
    let seen = |s: &Stat| (s.st_size, s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
    seen(before) != seen(after) || (before.st_size != 0 && before.st_size as u64 != read && !is_made_up())
}

/// The file's birth, if its file system keeps it; zero is how some say that they do not.
fn born(file: &File) -> Option<FileTime> {
    let ask = || rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME);
    let stat = blocking_call(ask).ok()?;
    let known = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    let time = FileTime { seconds: stat.stx_btime.tv_sec, nanos: stat.stx_btime.tv_nsec };
    (known && time.seconds != 0).then_some(time)
}

/// The digest of a file that is too large to be held: its whole content is read. `tick` is called with each offset that
/// is reached.
///
/// A sparse file of terabytes cannot be hashed in any time that a responder has. It gets a [`Digest::DataOnly`], and is in
/// coverage.
pub(super) fn digest(
    content: &SizedFile,
    buffer: &mut [u8],
    mut tick: impl FnMut(u64) -> Result<(), Leave>,
) -> Result<Digest, Leave> {
    let of_data = content.unstored > MAX_HASHED_ZEROS;
    let mut hasher = sha2::Sha256::new();
    if of_data {
        hasher.update(b"huntbook: data of a sparse file\n");
        hasher.update(content.size.to_le_bytes());
    }
    content.stream(buffer, |end, stretch| {
        match stretch {
            DataExtent::Bytes(bytes) if of_data => {
                hasher.update((end - bytes.len() as u64).to_le_bytes());
                hasher.update((bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
            DataExtent::Bytes(bytes) => hasher.update(bytes),
            DataExtent::Hole(_) if of_data => {}
            DataExtent::Hole(length) => zeros(&mut hasher, length),
        }
        tick(end)?;
        Ok::<_, Leave>(std::ops::ControlFlow::Continue(()))
    })?;
    let value = Sha256(hasher.finalize().into());
    Ok(if of_data { Digest::DataOnly(value) } else { Digest::Whole(value) })
}

/// The facts that a scan would report of an open file; all of it is read, for [`FILE_TIMEOUT`] at most. The names of owner
/// and group are those of the box at `root`.
///
/// # Errors
/// Why the file could not be read.
pub(crate) fn facts_now(path: &Path, opened: &OpenedFile, root: &Root) -> Result<FileFacts, Reason> {
    let content = SizedFile::new(&opened.file, &opened.stat);
    let begun = Instant::now();
    let within_time = |_| {
        let late = begun.elapsed() >= FILE_TIMEOUT;
        if late { Err(Leave::Unscanned(Reason::FileTimedOut(FILE_TIMEOUT.as_secs()))) } else { Ok(()) }
    };
    let digest = digest(&content, &mut vec![0; CHUNK], within_time).map_err(reason)?;
    Ok(facts(path, opened, content.size, digest, &Accounts::read_within(READ_TIMEOUT, root)))
}

/// The digest that a scan would give the file at `path` as it is now, for files of which up to [`MAX_FILE_SIZE`] bytes are
/// stored.
///
/// # Errors
/// Why the file could not be read; a link anywhere in the path is not followed.
pub(crate) fn digest_now(path: &Path) -> Result<Digest, Reason> {
    let read = || {
        let opened = open_file(path)?;
        let content = SizedFile::new(&opened.file, &opened.stat);
        if content.size.saturating_sub(content.unstored) > MAX_FILE_SIZE {
            let reason = Reason::TooLarge { size: content.size, limit: MAX_FILE_SIZE };
            return Err(Leave::Unscanned(reason));
        }
        digest(&content, &mut vec![0; CHUNK], |_| Ok(()))
    };
    read().map_err(reason)
}

fn reason(leave: Leave) -> Reason {
    match leave {
        Leave::Unscanned(reason) => reason,
        Leave::Cancelled => Reason::Skipped,
    }
}

fn zeros(hasher: &mut sha2::Sha256, mut length: u64) {
    const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];
    while length > 0 {
        let now = length.min(ZEROS.len() as u64);
        hasher.update(ZEROS.get(..now as usize).unwrap_or(&ZEROS));
        length -= now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    fn digest_of(file: &File) -> Digest {
        let stat = rustix::fs::fstat(file).unwrap();
        digest(&SizedFile::new(file, &stat), &mut vec![0; 4096], |_| Ok(())).unwrap()
    }

    #[test]
    fn a_size_that_was_not_read_is_a_change_unless_the_kernel_made_it_up() {
        let file = tempfile::tempfile().unwrap();
        let stat = |size| {
            file.set_len(size).unwrap();
            let mut stat = rustix::fs::fstat(&file).unwrap();
            (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec) = (0, 0, 0, 0);
            stat
        };
        let (page, grown) = (stat(4096), stat(5000));
        assert!(!is_changed(&page, &page, 4096, || false));
        assert!(is_changed(&page, &page, 12, || false));
        assert!(!is_changed(&page, &page, 12, || true));
        assert!(is_changed(&page, &grown, 12, || true), "what the file system itself says still counts");
    }

    #[test]
    fn a_file_with_holes_has_the_digest_of_its_content() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3_000_000).unwrap();
        file.write_all_at(b"abc", 1_000_000).unwrap();
        let mut content = vec![0; 3_000_000];
        content[1_000_000..1_000_003].copy_from_slice(b"abc");
        assert_eq!(digest_of(&file), Digest::Whole(Sha256::of(&content)));
    }

    #[test]
    fn holes_without_end_are_told_by_their_places() {
        let huge = |offset: u64, text: &[u8]| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(3 << 30).unwrap();
            file.write_all_at(text, offset).unwrap();
            digest_of(&file)
        };
        let one = huge(1 << 29, b"abc");
        assert!(one.sha256().is_none(), "{one}");
        assert_eq!(one, huge(1 << 29, b"abc"));
        assert_ne!(one, huge(1 << 30, b"abc"));
        assert_ne!(one, huge(1 << 29, b"abd"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(3 << 30).unwrap();
        file.write_all_at(b"abc", 1 << 29).unwrap();
        assert_eq!(digest_now(&path), Ok(one), "what is compared later is of the same kind");
    }
}
