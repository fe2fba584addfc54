//! Which box this is, and whether a case is of it: by what the box is, never by its name alone.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::system::uname;

use crate::finding::Sha256;
use crate::root::Root;
use crate::text;

/// Key of the box's own id among the facts about it, as ECS names it.
const ID: &str = "host.id";
/// Key of the id of its boot, as ECS names it.
const BOOT: &str = "host.boot.id";
/// Key of what tells one running system from others on the same kernel, such as containers.
const INSTANCE: &str = "host.instance";
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
}

impl HostIdentity {
    /// That of the box at `root`. Blocks where its file system does.
    pub(super) fn of(root: &Root, name: &str) -> Self {
        // The id itself is confidential and must not leave the box (machine-id(5)).
        let machine = line(root, "/etc/machine-id").or_else(|| line(root, "/var/lib/dbus/machine-id"));
        let id = machine.filter(|id| id != "uninitialized").map(|id| digest("huntbook host 1", &id));
        if !root.is_live() {
            return Self { name: name.to_owned(), id, boot: None, instance: None };
        }
        let boot = line(root, "/proc/sys/kernel/random/boot_id");
        let top = root.locate(Path::new("/"), true).ok().map(|top| top.metadata);
        let instance = boot.as_ref().zip(top).map(|(boot, top)| instance(boot, &top));
        Self { name: name.to_owned(), id, boot, instance }
    }

    /// That of the box of a case, by the facts in it.
    pub fn of_case(facts: &[(String, String)]) -> Self {
        let facts: BTreeMap<&str, &str> = facts.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let fact = |key: &str| facts.get(key).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
        Self { name: fact("host.name").unwrap_or_default(), id: fact(ID), boot: fact(BOOT), instance: fact(INSTANCE) }
    }

    /// As facts of a case.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        [(ID, &self.id), (BOOT, &self.boot), (INSTANCE, &self.instance)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)))
    }

    /// What tells it from others, whatever it is called: its machine id, or what runs.
    pub fn key(&self) -> Option<&str> {
        self.id.as_deref().or(self.instance.as_deref())
    }

    /// Why the box of a case, `self`, is not known to be `this` one; `None` when it is this one. Safe text.
    ///
    /// What runs now and ran then is the same box. Otherwise its machine id must be the same, and as a copied machine has
    /// the id of the first, its name too.
    pub fn differs_from(&self, this: &Self) -> Option<String> {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        let (name, here) = (text::escape_str(&self.name), text::escape_str(&this.name));
        if same(&self.instance, &this.instance) {
            return None;
        }
        match (&self.id, &this.id) {
            (Some(one), Some(other)) if one == other && self.name == this.name => None,
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
        HostIdentity { name: name.into(), id: own(id), boot: None, instance: own(instance) }
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
