//! stand-in
/// row
#[derive(Debug)]
pub struct Row {
    /// n
    pub name: &'static str,
    /// v
    pub value: String,
}
/// rows
pub fn rows(_b: &[u8]) -> Vec<Row> {
    Vec::new()
}
