//! Which box this is, and whether a case is of it: by what the box is, never by its name alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::system::uname;

use crate::finding::Sha256;
use crate::root::Root;
use crate::text;
use crate::triage::bound::BoundBox;

/// Key of the box's own id among the facts about it, as ECS names it.
const ID: &str = "host.id";
/// Key of the id of its boot, as ECS names it.
const BOOT: &str = "host.boot.id";
/// Key of what tells one running system from others on the same kernel, such as containers.
const INSTANCE: &str = "host.instance";
/// Key of what its hardware says of itself.
const HARDWARE: &str = "host.hardware";
/// The network devices of the box (`sysfs-class-net` of the kernel's ABI documents).
const DEVICES: &str = "/sys/class/net";
/// What `addr_assign_type` says of an address that is the device's own (the same).
const PERMANENT: &str = "0";
/// Network devices that are asked for their address.
const MAX_DEVICES: usize = 64;
/// Longest file that an id is read from, in bytes; a machine id has 33 (machine-id(5)).
const MAX_BYTES: u64 = 4096;

/// What a box is told from others by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostIdentity {
    name: String,
    /// Digest of its machine id; absent where it has none.
    id: Option<String>,
    /// The kernel's id of this boot; absent for an image.
    boot: Option<String>,
    /// Digest of the boot and of the top folder; absent for an image.
    instance: Option<String>,
    /// Digests of what its hardware says of itself; none for an image.
    hardware: BTreeSet<String>,
}

impl HostIdentity {
    /// That of the box at `root`. Blocks where its file system does.
    pub(super) fn of(root: &Root, name: &str) -> Self {
        // The id itself is confidential and must not leave the box (machine-id(5)).
        let machine = line(root, "/etc/machine-id").or_else(|| line(root, "/var/lib/dbus/machine-id"));
        let id = machine.filter(|id| id != "uninitialized").map(|id| digest("huntbook host 1", &id));
        if !root.is_live() {
            return Self { name: name.to_owned(), id, ..Self::default() };
        }
        let boot = line(root, "/proc/sys/kernel/random/boot_id");
        let top = root.locate(Path::new("/"), true).ok().map(|top| top.metadata);
        let instance = boot.as_ref().zip(top).map(|(boot, top)| instance(boot, &top));
        Self { name: name.to_owned(), id, boot, instance, hardware: hardware(root) }
    }

    /// That of the box of a case, by the facts in it.
    pub fn of_case(facts: &[(String, String)]) -> Self {
        let facts: BTreeMap<&str, &str> = facts.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let fact = |key: &str| facts.get(key).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
        Self {
            name: fact("host.name").unwrap_or_default(),
            id: fact(ID),
            boot: fact(BOOT),
            instance: fact(INSTANCE),
            hardware: fact(HARDWARE).iter().flat_map(|all| all.split(',')).map(str::to_owned).collect(),
        }
    }

    /// As facts of a case.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let hardware = self.hardware.iter().cloned().collect::<Vec<_>>().join(",");
        [
            (ID, self.id.clone()),
            (BOOT, self.boot.clone()),
            (INSTANCE, self.instance.clone()),
            (HARDWARE, Some(hardware).filter(|all| !all.is_empty())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }

    /// The box as an exclusion may be bound to it.
    pub fn bound(&self) -> BoundBox {
        BoundBox { id: self.key().unwrap_or_default().to_owned(), name: self.name.clone() }
    }

    /// What tells it from others, whatever it is called: its machine id, or what runs.
    pub fn key(&self) -> Option<&str> {
        self.id.as_deref().or(self.instance.as_deref())
    }

    /// Why the box of a case, `self`, is not known to be `this` one; `None` when it is this one. Safe text.
    ///
    /// What runs now and ran then is the same box. Otherwise its machine id must be the same, and as a copied machine has
    /// the id of the first, its name too; and where one of that id and name has been started since, its hardware, for a copy may
    /// have kept both.
    pub fn differs_from(&self, this: &Self) -> Option<String> {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        let (name, here) = (text::escape_str(&self.name), text::escape_str(&this.name));
        if same(&self.instance, &this.instance) {
            return None;
        }
        match (&self.id, &this.id) {
            (Some(one), Some(other)) if one == other && self.name == this.name => self.may_be_a_copy_of(this),
            (Some(one), Some(other)) if one == other => {
                Some(format!("it is of {name}, which has the machine id of this box, {here}, but another name"))
            }
            (Some(_), Some(_)) => Some(format!("it is of {name}, another box than this one")),
            (Some(_), None) | (None, Some(_)) => Some(format!("it is of {name}, and this is not known to be that box")),
            (None, None) if self.instance.is_some() => {
                Some(format!("it is of {name}, which has no machine id, and was started again or is another box"))
            }
            (None, None) => Some("it does not say which box it is of".to_owned()),
        }
    }
}

impl HostIdentity {
    /// Why a box of this one's machine id and name may be a copy of it all the same.
    fn may_be_a_copy_of(&self, this: &Self) -> Option<String> {
        let name = text::escape_str(&self.name);
        // Two systems that run are two, whatever is the same about them: one kernel has one boot.
        let other_boot = self.boot.is_some() && this.boot.is_some() && self.boot != this.boot;
        if self.boot.is_some() && self.boot == this.boot {
            return Some(format!("it is of {name}, of this machine id and name, and of another system on this kernel"));
        }
        if !other_boot || !self.hardware.is_disjoint(&this.hardware) {
            return None;
        }
        Some(if self.hardware.is_empty() || this.hardware.is_empty() {
            format!(
                "it is of {name}, of this machine id and name, and was started again or is a copy of this box: which of them \
                 its hardware does not say"
            )
        } else {
            format!("it is of {name}, which has the machine id and the name of this box, but other hardware")
        })
    }
}

/// What the hardware says of itself, each hashed: its id by DMI, which only root may read, and the addresses of its network
/// devices. A copied virtual machine is given others.
fn hardware(root: &Root) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let uuid = line(root, "/sys/class/dmi/id/product_uuid").map(|uuid| uuid.to_ascii_lowercase());
    found.extend(uuid.map(|uuid| digest("huntbook hardware 1", &uuid)));
    let devices = root.folder(Path::new(DEVICES)).and_then(|folder| folder.names());
    let devices = devices.map(|(names, _)| names).unwrap_or_default();
    for device in devices.iter().filter_map(|name| name.to_str()).take(MAX_DEVICES) {
        let of = |what: &str| format!("{DEVICES}/{device}/{what}");
        // Without a device behind it, or with an address that the box gave it, it says nothing of the hardware.
        let is_hardware = root.locate(Path::new(&of("device")), true).is_ok();
        if is_hardware && line(root, &of("addr_assign_type")).as_deref() == Some(PERMANENT) {
            let address = line(root, &of("address")).filter(|address| address != "00:00:00:00:00:00");
            found.extend(address.map(|address| digest("huntbook hardware 1", &address)));
        }
    }
    found
}

fn digest(what: &str, id: &str) -> String {
    text::hex(&Sha256::of(format!("{what}\n{id}").as_bytes()).0[..16])
}

/// Containers share the kernel and its boot, and may share a name, but not the top folder.
fn instance(boot: &str, top: &Metadata) -> String {
    let space = uname().nodename().to_string_lossy().into_owned();
    digest("huntbook instance 1", &format!("{boot}\n{}\n{}\n{space}", top.dev(), top.ino()))
}

/// The first line of a small file of the box.
fn line(root: &Root, path: &str) -> Option<String> {
    let read = root.text_up_to(Path::new(path), MAX_BYTES).ok()?;
    let text = String::from_utf8(read.bytes).ok()?;
    Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, id: Option<&str>, instance: Option<&str>) -> HostIdentity {
        let own = |text: Option<&str>| text.map(str::to_owned);
        HostIdentity { name: name.into(), id: own(id), instance: own(instance), ..HostIdentity::default() }
    }

    #[test]
    fn a_copy_that_kept_machine_id_and_name_is_another_box() {
        let of = |boot: &str, instance: &str, hardware: &[&str]| HostIdentity {
            boot: Some(boot.into()),
            hardware: hardware.iter().map(|one| (*one).to_owned()).collect(),
            ..known("web01", Some("1"), Some(instance))
        };
        let first = of("b1", "i1", &["uuid 1", "mac 1"]);
        assert_eq!(first.differs_from(&of("b1", "i1", &[])), None);
        assert_eq!(first.differs_from(&of("b2", "i2", &["mac 1"])), None, "started again, not by root");
        let said = |other: &HostIdentity| first.differs_from(other).unwrap();
        assert!(said(&of("b2", "i2", &["uuid 2", "mac 2"])).contains("other hardware"));
        assert!(said(&of("b2", "i2", &[])).contains("or is a copy"));
        assert!(said(&of("b1", "i2", &["uuid 1", "mac 1"])).contains("another system on this kernel"), "a container");
        assert_eq!(first.differs_from(&known("web01", Some("1"), None)), None, "an image of it has not been started");
        let facts: Vec<_> = first.facts().map(|(key, value)| (key.to_owned(), value)).collect();
        let facts = [facts, vec![("host.name".to_owned(), "web01".to_owned())]].concat();
        assert_eq!(HostIdentity::of_case(&facts), first);
    }

    #[test]
    fn a_box_is_known_by_what_it_is_never_by_its_name_alone() {
        let web = known("web01", Some("1"), Some("a"));
        assert_eq!(web.differs_from(&web), None);
        assert_eq!(web.differs_from(&known("web01", Some("1"), Some("b"))), None, "started again");
        assert_eq!(web.differs_from(&known("web02", None, Some("a"))), None, "renamed while it runs");
        for other in [
            known("web01", Some("2"), Some("b")),
            known("web02", Some("1"), Some("b")),
            known("web01", None, Some("b")),
            known("web01", None, None),
        ] {
            let why = web.differs_from(&other).unwrap();
            assert!(why.contains("web01"), "{why}");
        }
        let old = known("web01", None, None);
        assert!(old.differs_from(&known("web01", None, None)).unwrap().contains("does not say which box"));
        assert!(old.differs_from(&web).is_some());
        assert!(known("c", None, Some("a")).differs_from(&known("c", None, Some("b"))).is_some());
    }

    #[test]
    fn an_image_has_its_own_machine_id_hashed_and_nothing_that_runs() {
        let image = tempfile::tempdir().unwrap();
        let of = || HostIdentity::of(&Root::image(image.path()), "web01");
        assert_eq!(of().key(), None);
        std::fs::create_dir(image.path().join("etc")).unwrap();
        let file = image.path().join("etc/machine-id");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let identity = of();
        let id = identity.key().unwrap();
        assert!(id.len() == 32 && !id.contains("0123456789"), "{id}");
        assert_eq!((&identity.boot, &identity.instance), (&None, &None));
        let facts: Vec<_> = identity.facts().map(|(key, value)| (key.to_owned(), value)).collect();
        let facts = [facts, vec![("host.name".to_owned(), "web01".to_owned())]].concat();
        assert_eq!(HostIdentity::of_case(&facts), identity);
        std::fs::write(&file, "uninitialized\n").unwrap();
        assert_eq!(of().key(), None);
    }
}
