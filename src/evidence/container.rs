//! Files of containers: whose layers a path lies in, and whether the layer is an image's, which no container writes to.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::show;
use crate::root::Root;

/// Layers whose names are compared with the one at hand.
const MAX_LAYERS: usize = 10_000;
/// Bytes of a list of layers.
const MAX_LIST: u64 = 16 << 20;

/// The layer or root that a file lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Whose it is: `docker`, `podman`, `containerd`, `lxc`, `nspawn`.
    pub runtime: Cow<'static, str>,
    /// Its root on the box.
    #[serde(with = "show::kept_path")]
    pub root: PathBuf,
    /// The file's path within.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Whether it is a layer of an image; `None` where that is not recorded.
    pub of_image: Option<bool>,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.of_image {
            Some(true) => "a layer of an image",
            Some(false) => "the layer that a container writes to",
            None => "the files of a container",
        };
        write!(f, "{what} ({}), as {}", self.runtime, self.path.display())
    }
}

/// Where each runtime keeps its layers; `*` is any one name, the last part is followed by the file's path.
const STORES: &[(&str, &str)] = &[
    ("docker", "/var/lib/docker/overlay2/*/diff"),
    ("docker", "/var/lib/docker/overlay2/*/merged"),
    ("docker", "/var/lib/docker/aufs/diff/*"),
    ("docker", "/var/lib/docker/btrfs/subvolumes/*"),
    ("docker", "/var/lib/docker/vfs/dir/*"),
    ("podman", "/var/lib/containers/storage/overlay/*/diff"),
    ("podman", "/var/lib/containers/storage/overlay/*/merged"),
    ("podman", "/home/*/.local/share/containers/storage/overlay/*/diff"),
    ("podman", "/home/*/.local/share/containers/storage/overlay/*/merged"),
    ("containerd", "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs"),
    ("containerd", "/run/containerd/io.containerd.runtime.v2.task/*/*/rootfs"),
    ("containerd", "/var/lib/rancher/k3s/agent/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs"),
    ("lxc", "/var/lib/lxc/*/rootfs"),
    ("lxc", "/var/lib/lxd/storage-pools/*/containers/*/rootfs"),
    ("lxc", "/var/snap/lxd/common/lxd/storage-pools/*/containers/*/rootfs"),
    ("lxc", "/var/lib/incus/storage-pools/*/containers/*/rootfs"),
    ("nspawn", "/var/lib/machines/*"),
];

/// The layer that the file at `path` lies in, if it lies in one.
pub(super) fn layer(root: &Root, path: &Path) -> Option<Layer> {
    let parts: Vec<_> = path.components().collect();
    let (runtime, top, variable) = STORES.iter().find_map(|(runtime, pattern)| {
        let pattern: Vec<_> = Path::new(pattern).components().collect();
        let fits = pattern.len() < parts.len()
            && pattern.iter().zip(&parts).all(|(wanted, part)| wanted.as_os_str() == "*" || wanted == part);
        let variable = pattern.iter().rposition(|part| part.as_os_str() == "*")?;
        fits.then(|| (*runtime, parts[..pattern.len()].iter().collect::<PathBuf>(), parts.get(variable)))
    })?;
    let id = variable?.as_os_str().to_str()?;
    let within = Path::new("/").join(path.strip_prefix(&top).ok()?);
    let of_image = match runtime {
        "docker" => docker(root, &top, id),
        "podman" => podman(root, &top, id),
        _ => None,
    };
    Some(Layer { runtime: runtime.into(), root: top, path: within, of_image })
}

/// Docker marks an image's layer in its layer database, and a container's in the mounts of that (`image/overlay2/layerdb`).
fn docker(root: &Root, top: &Path, id: &str) -> Option<bool> {
    if top.ends_with("merged") {
        return Some(false);
    }
    let layers = Path::new("/var/lib/docker/image/overlay2/layerdb");
    let names = |folder: &str, file: &str| {
        let folder = layers.join(folder);
        let Ok((names, _)) = root.folder(&folder).and_then(|open| open.names()) else { return false };
        names.into_iter().take(MAX_LAYERS).any(|name| {
            let text = root.text_up_to(&folder.join(name).join(file), 256);
            text.is_ok_and(|text| text.bytes.trim_ascii() == id.as_bytes())
        })
    };
    if names("mounts", "mount-id") {
        return Some(false);
    }
    let committed = || top.parent().is_some_and(|layer| root.locate(&layer.join("committed"), false).is_ok());
    (names("sha256", "cache-id") || committed()).then_some(true)
}

/// Podman lists both in JSON files of its storage.
fn podman(root: &Root, top: &Path, id: &str) -> Option<bool> {
    if top.ends_with("merged") {
        return Some(false);
    }
    let storage = top.parent()?.parent()?.parent()?;
    let lists = |file: &str| {
        let text = root.text_up_to(&storage.join(file), MAX_LIST).ok()?;
        Some(String::from_utf8_lossy(&text.bytes).contains(&format!("\"{id}\"")))
    };
    if lists("overlay-containers/containers.json")? {
        return Some(false);
    }
    lists("overlay-layers/layers.json")?.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::scratch;
    use super::*;

    #[test]
    fn layers_are_told_by_their_paths_and_lists() {
        let file = "var/lib/docker/overlay2/aaaa/diff/opt/x.py";
        let (_dir, root) = scratch(&[
            (file, ""),
            ("var/lib/docker/overlay2/bbbb/diff/opt/x.py", ""),
            ("var/lib/docker/image/overlay2/layerdb/sha256/1/cache-id", "aaaa\n"),
            ("var/lib/docker/image/overlay2/layerdb/mounts/2/mount-id", "bbbb"),
            ("var/lib/containers/storage/overlay-layers/layers.json", "[{\"id\":\"cccc\"}]"),
            ("var/lib/containers/storage/overlay-containers/containers.json", "[]"),
        ]);
        let of = |path: &str| layer(&root, Path::new(path));
        let found = of("/var/lib/docker/overlay2/aaaa/diff/opt/x.py").unwrap();
        assert_eq!(
            (&*found.runtime, found.path.as_path(), found.of_image),
            ("docker", Path::new("/opt/x.py"), Some(true))
        );
        assert_eq!(of("/var/lib/docker/overlay2/bbbb/diff/opt/x.py").unwrap().of_image, Some(false));
        assert_eq!(of("/var/lib/docker/overlay2/dddd/merged/x").unwrap().of_image, Some(false));
        assert_eq!(of("/var/lib/docker/overlay2/dddd/diff/x").unwrap().of_image, None);
        assert_eq!(of("/var/lib/containers/storage/overlay/cccc/diff/x").unwrap().of_image, Some(true));
        assert_eq!(of("/var/lib/lxc/web/rootfs/opt/x").unwrap().runtime, "lxc");
        for none in ["/opt/x", "/var/lib/docker/overlay2/aaaa/diff", "/var/lib/docker/overlay2/aaaa/link", "/"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
