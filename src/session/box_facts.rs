//! Which box this is.

use std::io::Read as _;
use std::path::Path;

use rustix::system::uname;

/// Longest host name that is believed, in bytes; `HOST_NAME_MAX` of Linux is 64, a fully qualified one may be longer.
const MOST: u64 = 255;

/// The name of the box whose `/` is `root`: what the kernel says on a live system, `etc/hostname` of an image.
pub fn host_name(root: &Path) -> String {
    if root == Path::new("/") {
        return uname().nodename().to_string_lossy().into_owned();
    }
    let mut text = String::new();
    let file = std::fs::symlink_metadata(root.join("etc/hostname")).ok().filter(std::fs::Metadata::is_file);
    let read = file.and_then(|_| std::fs::File::open(root.join("etc/hostname")).ok());
    let known = read.and_then(|file| file.take(MOST).read_to_string(&mut text).ok());
    let name = text.lines().next().unwrap_or_default().trim();
    if known.is_none() || name.is_empty() { "unknown-image".to_owned() } else { name.to_owned() }
}

/// What a case keeps of the box, under the names of ECS.
pub(super) fn facts(root: &Path, name: &str) -> Vec<(&'static str, String)> {
    let kernel = uname();
    let mut facts = vec![("host.name", name.to_owned())];
    if root == Path::new("/") {
        facts.push(("host.os.kernel", kernel.release().to_string_lossy().into_owned()));
        facts.push(("host.os.full", kernel.version().to_string_lossy().into_owned()));
        facts.push(("host.architecture", kernel.machine().to_string_lossy().into_owned()));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_its_own_file() {
        let image = tempfile::tempdir().unwrap();
        assert_eq!(host_name(image.path()), "unknown-image");
        std::fs::create_dir(image.path().join("etc")).unwrap();
        std::fs::write(image.path().join("etc/hostname"), "web01\nmore").unwrap();
        assert_eq!(host_name(image.path()), "web01");
        assert!(!host_name(Path::new("/")).is_empty());
    }
}
