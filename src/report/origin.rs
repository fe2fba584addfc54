//! Where, when and by whom a scan was done, as every format says it.

use std::path::{Path, PathBuf};

use crate::case::{Case, CaseError, JournalEntry, ScanRow};
use crate::finding::{Digest, Sha256};
use crate::text;

/// A scan with the box it was done on.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The id of the case.
    pub case_id: String,
    /// Where the case is, safe text.
    pub case: String,
    /// What is known of the box, under the names of ECS.
    pub host: Vec<(String, String)>,
    /// The scan.
    pub scan: ScanRow,
    /// The entry by which it began: who started it, and where; `None` where the journal lacks it.
    pub began: Option<JournalEntry>,
    /// Where the box's `/` was mounted; `None` for the box itself.
    root: Option<PathBuf>,
}

impl Origin {
    /// That of a scan of `case`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn of(case: &Case, scan: ScanRow) -> Result<Self, CaseError> {
        let (ids, host): (Vec<_>, Vec<_>) = case.host()?.into_iter().partition(|(name, _)| name == "case.id");
        // The tree lies in the root, so its beginning is the root's very bytes.
        let root = scan.options.get("root").and_then(serde_json::Value::as_str).filter(|root| *root != "/");
        let root = root.and_then(|root| scan.tree.ancestors().find(|part| part.to_string_lossy() == root));
        Ok(Self {
            case_id: ids.into_iter().next().map(|(_, id)| id).unwrap_or_default(),
            case: text::escape_path(case.path()).into_owned(),
            host,
            began: case.scan_started(scan.id)?,
            root: root.map(Path::to_owned),
            scan,
        })
    }

    /// The box's name; `unknown` where the case does not know it.
    pub fn host_name(&self) -> &str {
        self.host_fact("host.name").filter(|name| !name.is_empty()).unwrap_or("unknown")
    }

    /// What is known of the box under this name.
    pub fn host_fact(&self, name: &str) -> Option<&str> {
        self.host.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.as_str())
    }

    /// Whether the box was mounted somewhere else than at `/`.
    pub fn is_mounted(&self) -> bool {
        self.root.is_some()
    }

    /// `path` as the box itself would name it.
    pub fn on_box(&self, path: &Path) -> PathBuf {
        let inside = self.root.as_ref().and_then(|root| path.strip_prefix(root).ok());
        inside.map_or_else(|| path.to_owned(), |inside| Path::new("/").join(inside))
    }

    /// Whether the scan went through the whole tree.
    pub fn is_complete(&self) -> bool {
        self.scan.is_complete()
    }

    /// An id of something in this scan: the same however often it is reported, another in another scan or case.
    pub fn event_id(&self, what: &str) -> String {
        text::hex(&Sha256::of(format!("{}\n{}\n{what}", self.case_id, self.scan.id).as_bytes()).0[..16])
    }

    /// What a finding is told from others by, whichever scan met it: box, rule, content and path.
    pub fn fingerprint(&self, rule: &Sha256, digest: &Digest, path: &Path) -> Sha256 {
        let host = self.host_fact("host.id").unwrap_or_else(|| self.host_name());
        fingerprint(host, rule, digest, &self.on_box(path))
    }
}

/// A digest over what a finding is told from others by.
pub(crate) fn fingerprint(host: &str, rule: &Sha256, digest: &Digest, path: &Path) -> Sha256 {
    use std::os::unix::ffi::OsStrExt as _;
    let mut bytes = format!("huntbook finding 1\n{}\n{host}{rule}{digest}\n", host.len()).into_bytes();
    bytes.extend(path.as_os_str().as_bytes());
    Sha256::of(&bytes)
}
