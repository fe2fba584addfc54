//! Which box this is.

use std::path::Path;
use std::time::Duration;

use rustix::system::uname;

use crate::root::Root;
use crate::timeout;

/// Longest host name that is believed, in bytes; `HOST_NAME_MAX` of Linux is 64, a fully qualified one may be longer.
const MAX_BYTES: u64 = 255;
/// How long an image may take to say its name.
const LIMIT: Duration = Duration::from_secs(5);

/// The name of the box: what the kernel says on a live system, `/etc/hostname` of an image.
pub fn host_name(root: &Root) -> String {
    if root.is_live() {
        return uname().nodename().to_string_lossy().into_owned();
    }
    let asked = root.clone();
    let read = move || asked.text_up_to(Path::new("/etc/hostname"), MAX_BYTES).ok();
    let text = timeout::run(LIMIT, read).ok().flatten().map(|text| text.bytes).unwrap_or_default();
    let text = std::str::from_utf8(&text).unwrap_or_default();
    let name = text.lines().next().unwrap_or_default().trim();
    if name.is_empty() { "unknown-image".to_owned() } else { name.to_owned() }
}

/// What a case keeps of the box, under the names of ECS.
pub(super) fn facts(root: &Root, name: &str) -> Vec<(&'static str, String)> {
    let kernel = uname();
    let mut facts = vec![("host.name", name.to_owned())];
    if root.is_live() {
        facts.push(("host.os.kernel", kernel.release().to_string_lossy().into_owned()));
        facts.push(("host.os.full", kernel.version().to_string_lossy().into_owned()));
        facts.push(("host.architecture", kernel.machine().to_string_lossy().into_owned()));
    }
    facts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_image_is_named_by_its_own_file() {
        let image = tempfile::tempdir().unwrap();
        let name = || host_name(&Root::image(image.path()));
        assert_eq!(name(), "unknown-image");
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let file = image.path().join("etc/hostname");
        std::fs::write(&file, "web01\nmore").unwrap();
        assert_eq!(name(), "web01");
        assert!(!host_name(&Root::live()).is_empty());
        std::fs::rename(&file, image.path().join("etc/hostname.real")).unwrap();
        symlink("/etc/hostname.real", &file).unwrap();
        assert_eq!(name(), "web01", "a link stays inside the image");
        std::fs::remove_file(&file).unwrap();
        symlink("/proc/sys/kernel/hostname", &file).unwrap();
        assert_eq!(name(), "unknown-image", "and does not lead out of it");
    }
}
