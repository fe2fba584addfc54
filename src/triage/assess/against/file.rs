//! What the file itself, its folder and its times say against any benign explanation.

use std::path::Path;

use super::Contradiction;
use crate::evidence::baseline::DAY;
use crate::evidence::{ContentCheck, Evidence, NameMatch, Tracked};
use crate::text::{self, subject::as_names};

/// Set-user-id bit of a mode.
const SETUID: u32 = 0o4000;
/// Set-group-id bit of a mode.
const SETGID: u32 = 0o2000;
/// Programs that packages ship with a set-user-id or set-group-id bit; dpkg's database does not keep modes.
const SHIPPED_SPECIAL: [&str; 40] = [
    "at",
    "bsd-write",
    "chage",
    "chfn",
    "chsh",
    "crontab",
    "dbus-daemon-launch-helper",
    "dotlockfile",
    "exim4",
    "expiry",
    "fusermount",
    "fusermount3",
    "gpasswd",
    "mount",
    "mount.cifs",
    "mount.nfs",
    "newgidmap",
    "newgrp",
    "newuidmap",
    "ntfs-3g",
    "passwd",
    "ping",
    "pkexec",
    "polkit-agent-helper-1",
    "pppd",
    "snap-confine",
    "ssh-agent",
    "ssh-keysign",
    "staprun",
    "su",
    "sudo",
    "traceroute6.iputils",
    "umount",
    "unix_chkpwd",
    "usernetctl",
    "utempter",
    "wall",
    "write",
    "Xorg.wrap",
    "userhelper",
];

/// Whether a package ships the file, with this content.
fn is_as_shipped(evidence: &Evidence) -> bool {
    evidence.package.found().is_some_and(|owner| owner.installed && owner.content == ContentCheck::AsShipped)
}

/// That others than the owner could have put the file where it lies.
pub(super) fn writable_folder(evidence: &Evidence) -> Option<Contradiction> {
    let folders = evidence.folders.found()?;
    let nearest = folders.first().filter(|folder| !folder.writers.is_empty());
    // The sticky bit keeps others from moving away what they do not own, but not from making files.
    let above = || folders.iter().skip(1).find(|folder| !folder.writers.is_empty() && !folder.sticky);
    let folder = nearest.or_else(above)?;
    let who = folder.writers.join(" and ");
    let said = format!("{who} can write to {}, where it lies", text::escape_path(&folder.path));
    Some(Contradiction::new("folder-writable", said))
}

/// That a checkout lies where everybody can make one: what it tracks is what its maker put there.
pub(super) fn anybodys_checkout(evidence: &Evidence) -> Option<Contradiction> {
    let checkout = evidence.checkout.found()?;
    let anybodys = ["/tmp", "/var/tmp", "/dev/shm"];
    let temporary = anybodys.iter().any(|folder| checkout.path.starts_with(folder));
    let everyones = || {
        let above =
            evidence.folders.found().into_iter().flatten().filter(|folder| checkout.path.starts_with(&folder.path));
        { above }.any(|folder| folder.mode & 0o002 != 0)
    };
    (temporary || everyones()).then(|| {
        let said = format!("the checkout {} lies where everybody can make one", text::escape_path(&checkout.path));
        Contradiction::new("anybodys-checkout", said)
    })
}

/// That the file lies in a folder of a package which does not ship it.
pub(super) fn stray(evidence: &Evidence) -> Option<Contradiction> {
    let folder = evidence.folders.found()?.first()?;
    let owner = folder.package.found().filter(|owner| owner.installed)?;
    let is_tracked = evidence.checkout.found().is_some_and(|checkout| checkout.state == Tracked::Unmodified);
    if !matches!(evidence.package, crate::evidence::Observed::NotFound)
        || is_tracked
        || !is_program_folder(&folder.path)
    {
        return None;
    }
    let said = format!(
        "{} belongs to the package {}, which does not ship this file, nor does any other",
        text::escape_path(&folder.path),
        owner.package
    );
    Some(Contradiction::new("stray-in-package-folder", said))
}

/// Folders where what packages ship lies, and nothing that the box's own people put there. Configuration, state and
/// what is made by hand lie elsewhere (Filesystem Hierarchy Standard 3.0).
fn is_program_folder(folder: &Path) -> bool {
    let programs = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot"];
    let local = ["/usr/local", "/usr/src"];
    let under = |all: &[&str]| all.iter().any(|top| folder.starts_with(top));
    let vendor = folder.starts_with("/opt") && folder.components().count() > 2;
    (under(&programs) && !under(&local) && !folder.ends_with("__pycache__")) || vendor
}

/// That the file's content claims to be older than the file.
pub(super) fn set_back(evidence: &Evidence) -> Option<Contradiction> {
    let (facts, baseline) = (&evidence.facts, evidence.baseline.found()?);
    if is_as_shipped(evidence) || baseline.copied {
        return None;
    }
    let born = facts.born?;
    let before = born.seconds.saturating_sub(facts.modified.seconds);
    let whole_seconds = facts.modified.nanos == 0;
    if before <= 60 {
        return None;
    }
    let span = if before < 2 * DAY { format!("{} h", before / 3600) } else { format!("{} days", before / DAY) };
    let nanos = if whole_seconds { ", to a whole second as tools set it" } else { "" };
    let said = format!(
        "its content says it is {span} older than the file itself, which was made {born}{nanos}: copied with its times, or set back"
    );
    Some(Contradiction::new("times-set-back", said))
}

/// That the same content lies elsewhere under another name.
pub(super) fn copies(evidence: &Evidence) -> Option<Contradiction> {
    // A member of an archive goes by its own name, not by that of the archive.
    let own = as_names(&evidence.facts.path);
    let is_other = |copy: &Path| as_names(copy).file_name() != own.file_name();
    let other = evidence.copies.iter().find(|copy| !copy.is_mirrored && is_other(&copy.path))?;
    let said = format!("the same content lies at {}, under another name", text::escape_path(&other.path));
    Some(Contradiction::new("copies-under-other-names", said))
}

/// Rights and marks that a script or a document has no use for.
pub(super) fn special(evidence: &Evidence) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let name = evidence.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mode = evidence.facts.mode;
    let shipped_so = is_as_shipped(evidence)
        && evidence.package.found().is_some_and(|owner| match owner.mode {
            Some(shipped) => shipped & 0o7000 == mode & 0o7000,
            None => SHIPPED_SPECIAL.contains(&name),
        });
    let differs = evidence.package.found().map(|owner| owner.differs.join(", ")).filter(|differs| !differs.is_empty());
    if let Some(differs) = differs {
        found.push(Contradiction::new("not-as-its-package", format!("not as its package ships it: {differs}")));
    }
    if mode & (SETUID | SETGID) != 0 && !shipped_so {
        let whose = if mode & SETUID != 0 { "its owner's" } else { "its group's" };
        let said = format!("whoever executes it has {whose} rights, mode {:04o}", mode & 0o7777);
        found.push(Contradiction::new("setuid", said));
    }
    let Some(now) = evidence.file.found() else { return found };
    let capability = now.xattrs.found().into_iter().flatten().find(|xattr| xattr.name == "security.capability");
    let shipped_capability =
        is_as_shipped(evidence) && evidence.package.found().is_some_and(|owner| owner.has_capabilities);
    if let Some(capability) = capability.filter(|_| !shipped_capability) {
        let said = format!("it has capabilities of its own: {}", capability.value);
        found.push(Contradiction::new("capabilities", said));
    }
    if let Some(flags) = now.flags.found() {
        let said = format!("it is marked {}, so that not even root can remove it at once", flags.join(" and "));
        found.push(Contradiction::new("immutable", said));
    }
    found
}

/// That every program of the box loads it.
pub(super) fn preload(evidence: &Evidence) -> Option<Contradiction> {
    let all = evidence.persistence.found().into_iter().flatten();
    let mut naming = all
        .filter(|one| one.names == NameMatch::File && one.place.is_some_and(|place| place.kind == "library-preload"));
    let by = naming.next()?;
    let said = format!("{} has every program load it", text::escape_path(&by.referrer.path));
    Some(Contradiction::new("library-preload", said))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::evidence::{AskedFile, Gatherer, testing};
    use crate::root::Root;
    use crate::text::subject::{Inside, inside};

    #[test]
    fn a_member_goes_by_its_own_name_among_its_copies() {
        let (dir, _) = testing::scratch(&[("srv/nested.zip", "x")]);
        let member = |container: &str, name: &str| {
            inside(&dir.path().join(container), &Inside::Member { name: Cow::Borrowed(name.as_bytes()), nth: 1 })
        };
        let mut facts = testing::facts(&dir.path().join("srv/nested.zip"));
        facts.path = member("srv/nested.zip", "tools/tiny");
        let said = |copies: &[&str]| {
            let copies = copies.iter().map(|name| member("srv/a.7z", name)).collect();
            let about = AskedFile { facts: facts.clone(), peers: Vec::new(), copies };
            super::copies(&Gatherer::new(Root::image(dir.path())).gather_about(&about))
        };
        assert!(said(&["tiny", "other/tiny"]).is_none(), "the same name in another archive");
        assert!(said(&["tiny", "nested.zip"]).is_some_and(|against| against.message.contains("another name")));
    }
}
