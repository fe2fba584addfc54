//! How evenly the byte values of a file are spread.

/// Shannon entropy in bits per byte: 0 when all bytes are the same, 8 when every value is as common as every other.
///
/// Machine code lies around 6, compressed or encrypted data above 7.5. Below some hundred bytes the figure says little:
/// `n` bytes cannot exceed log2(n).
pub fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u64; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    let share = |count: u64| count as f64 / total;
    let bits: f64 = counts.into_iter().filter(|&count| count > 0).map(|count| share(count) * share(count).log2()).sum();
    // A single value gives -0.0.
    (-bits).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_runs_from_zero_to_eight_bits() {
        assert!(entropy(b"").abs() < f64::EPSILON);
        assert!(entropy(&[7; 100]).abs() < f64::EPSILON);
        assert!((entropy(b"abab") - 1.0).abs() < 1e-9);
        let every: Vec<u8> = (0..=255).collect();
        assert!((entropy(&every) - 8.0).abs() < 1e-9);
        assert!((entropy(b"aab") - 0.918_295_834).abs() < 1e-6);
    }
}
