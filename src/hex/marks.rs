//! Offsets with a letter, to come back to.

/// A name that is no mark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("marks are named a to z")]
pub struct NotAMark;

/// Up to 26 marked offsets of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks([Option<u64>; 26]);

impl Marks {
    /// Marks `offset` with the letter `name`; an older mark of that name is gone.
    ///
    /// # Errors
    /// [`NotAMark`] unless `name` is `a` to `z`.
    pub fn set(&mut self, name: char, offset: u64) -> Result<(), NotAMark> {
        let slot = index(name).and_then(|index| self.0.get_mut(index)).ok_or(NotAMark)?;
        *slot = Some(offset);
        Ok(())
    }

    /// The offset marked with `name`, `None` if there is none.
    ///
    /// # Errors
    /// [`NotAMark`] unless `name` is `a` to `z`.
    pub fn get(&self, name: char) -> Result<Option<u64>, NotAMark> {
        index(name).and_then(|index| self.0.get(index)).copied().ok_or(NotAMark)
    }

    /// All marks in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (char, u64)> {
        ('a'..='z').zip(self.0).filter_map(|(name, offset)| Some((name, offset?)))
    }
}

fn index(name: char) -> Option<usize> {
    ('a'..='z').position(|letter| letter == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_by_letter() {
        let mut marks = Marks::default();
        assert_eq!(marks.set('z', 7), Ok(()));
        assert_eq!(marks.set('a', 5), Ok(()));
        assert_eq!(marks.set('a', 6), Ok(()));
        assert_eq!(marks.get('a'), Ok(Some(6)));
        assert_eq!(marks.get('b'), Ok(None));
        assert_eq!(marks.iter().collect::<Vec<_>>(), [('a', 6), ('z', 7)]);
        for name in ['A', '1', 'é', '\0'] {
            assert_eq!(marks.set(name, 1), Err(NotAMark));
            assert_eq!(marks.get(name), Err(NotAMark));
        }
    }
}
