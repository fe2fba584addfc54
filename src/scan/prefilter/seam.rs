//! What lies on the edge between two chunks.

/// The last bytes that have gone by, where a run may have begun.
#[derive(Debug, Default)]
pub(super) struct Seam {
    tail: Vec<u8>,
}

impl Seam {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.tail.clear();
    }

    /// Calls `search` with the seam between `chunk` and what came before, then with the chunk itself, each with the
    /// number of its bytes that lie before the chunk. Runs are at most `longest` bytes.
    pub(super) fn pass(&mut self, chunk: &[u8], longest: usize, mut search: impl FnMut(&[u8], usize)) {
        let reach = longest.saturating_sub(1);
        if !self.tail.is_empty() {
            let before = self.tail.len();
            self.tail.extend_from_slice(chunk.get(..reach).unwrap_or(chunk));
            search(&self.tail, before);
        }
        search(chunk, 0);
        if chunk.len() >= reach {
            self.tail.clear();
            self.tail.extend_from_slice(chunk.get(chunk.len() - reach..).unwrap_or_default());
        } else {
            if self.tail.is_empty() {
                self.tail.extend_from_slice(chunk);
            }
            let surplus = self.tail.len().saturating_sub(reach);
            self.tail.drain(..surplus);
        }
    }
}
