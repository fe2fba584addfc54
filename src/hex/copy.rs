//! stand-in
/// f
#[derive(Debug)]
pub enum Format {
    /// h
    Hex,
    /// t
    Text,
    /// c
    CArray,
    /// y
    Yara,
    /// o
    Offset,
}
impl Format {
    /// w
    pub fn write(&self, _o: u64, b: &[u8]) -> String {
        crate::text::hex(b)
    }
}
/// osc
pub fn osc52(s: &str) -> String {
    s.to_owned()
}
