//! Sizes as people write them.

/// Parses `4096`, `64KiB`, `10MB` or `2GiB` into bytes. Units ending in `iB` count in 1,024s, those in `B` alone in
/// 1,000s, a bare letter in 1,024s as `ls` and `dd` have it. Letter case does not matter.
///
/// # Errors
/// A message that says what is wrong with the text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| "a size begins with a number, as in 64MiB".to_owned())?;
    let written = text[digits..].trim();
    let unit = written.to_ascii_lowercase();
    let (letter, base) = match unit.as_str() {
        "" | "b" => return Ok(number),
        unit => match unit.strip_suffix("ib") {
            Some(letter) => (letter, 1024),
            None => unit.strip_suffix('b').map_or((unit, 1024), |letter| (letter, 1000)),
        },
    };
    let power = ["k", "m", "g", "t", "p"].iter().position(|known| *known == letter);
    let power = power.ok_or_else(|| format!("unknown unit '{written}'; use KiB, MiB, GiB or TiB"))?;
    u64::checked_pow(base, power as u32 + 1)
        .and_then(|factor| number.checked_mul(factor))
        .ok_or_else(|| "larger than any file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("64MiB", 64 << 20), ("2gib", 2 << 30), ("10MB", 10_000_000), ("1k", 1024)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "MiB", "1XB", "-1", "99999999999TiB", "1.5GiB", "1é"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert!(parse_size("1XB").unwrap_err().contains("'XB'"));
    }
}
