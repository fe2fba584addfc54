//! A folder that is kept open for as long as something in it is on its way to a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::root::Folder;

/// A folder that is kept open, and counted as such.
#[derive(Debug)]
pub(super) struct OpenFolder {
    folder: Folder,
    open: Arc<AtomicUsize>,
}

impl OpenFolder {
    pub(super) fn new(folder: Folder, open: &Arc<AtomicUsize>) -> Arc<Self> {
        open.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { folder, open: Arc::clone(open) })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
