//! The value under the cursor, read in every way that makes sense.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::finding::FileTime;
use crate::text;

/// Bytes from the cursor on that the readings may take; fewer are enough where the file ends.
pub(crate) const NEEDED: usize = 64;

/// Seconds from 1601-01-01, where a FILETIME begins (MS-DTYP section 2.3.3), to 1970-01-01.
const FILETIME_TO_UNIX: i64 = 11_644_473_600;
/// A FILETIME counts intervals of 100 ns.
const FILETIME_PER_SECOND: u64 = 10_000_000;

/// Bytes read in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpretation {
    /// What they are read as, such as `u32`.
    pub name: &'static str,
    /// Bytes that were read, from the cursor on.
    pub length: usize,
    /// The value with the lowest byte first. Safe text.
    pub little: InspectedValue,
    /// The value with the highest byte first, where the order plays a part. Safe text.
    pub big: Option<InspectedValue>,
}

/// Which byte of a value comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// A value in words, or why there is none.
pub(crate) type InspectedValue = Result<String, NoValue>;

/// Why bytes have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoValue {
    /// Some of the bytes are not known: not kept, or not readable.
    #[error("unknown: not all of these bytes are to be had")]
    Unknown,
    /// The file ends within the value.
    #[error("past the end of the file")]
    PastEnd,
    /// The number is no time.
    #[error("no time")]
    NoTime,
    /// There are no printable characters.
    #[error("no text")]
    NoText,
}

/// Reads what is at the beginning of `bytes`: [`NEEDED`] bytes from the cursor on, `None` where they are unknown.
///
/// Integers and IEEE 754 floats; Unix time in seconds, signed; FILETIME; DOS date and time as FAT and ZIP store them
/// (time, then date, each little endian); text up to the first character that is not printable.
pub(crate) fn inspect(bytes: &[Option<u8>]) -> Vec<Interpretation> {
    vec![
        number("u8", bytes, |raw| Ok(u8::from_le_bytes(raw).to_string())),
        number("i8", bytes, |raw| Ok(i8::from_le_bytes(raw).to_string())),
        number("u16", bytes, |raw| Ok(u16::from_le_bytes(raw).to_string())),
        number("i16", bytes, |raw| Ok(i16::from_le_bytes(raw).to_string())),
        number("u32", bytes, |raw| Ok(u32::from_le_bytes(raw).to_string())),
        number("i32", bytes, |raw| Ok(i32::from_le_bytes(raw).to_string())),
        number("u64", bytes, |raw| Ok(u64::from_le_bytes(raw).to_string())),
        number("i64", bytes, |raw| Ok(i64::from_le_bytes(raw).to_string())),
        number("f32", bytes, |raw| Ok(format!("{:?}", f32::from_le_bytes(raw)))),
        number("f64", bytes, |raw| Ok(format!("{:?}", f64::from_le_bytes(raw)))),
        number("Unix 32", bytes, |raw| unix_time(i32::from_le_bytes(raw).into())),
        number("Unix 64", bytes, |raw| unix_time(i64::from_le_bytes(raw))),
        number("FILETIME", bytes, |raw| file_time(u64::from_le_bytes(raw))),
        number("DOS", bytes, |raw| dos_time(u32::from_le_bytes(raw))),
        ascii(bytes),
        utf16(bytes),
    ]
}

/// A reading of `N` bytes in both orders; `read` takes the lowest first.
fn number<const N: usize>(
    name: &'static str,
    bytes: &[Option<u8>],
    read: impl Fn([u8; N]) -> InspectedValue,
) -> Interpretation {
    let taken = take::<N>(bytes);
    let turned = taken.map(|mut raw| {
        raw.reverse();
        raw
    });
    Interpretation { name, length: N, little: taken.and_then(&read), big: (N > 1).then(|| turned.and_then(&read)) }
}

fn take<const N: usize>(bytes: &[Option<u8>]) -> Result<[u8; N], NoValue> {
    let mut raw = [0; N];
    for (to, from) in raw.iter_mut().zip(bytes.get(..N).ok_or(NoValue::PastEnd)?) {
        *to = from.ok_or(NoValue::Unknown)?;
    }
    Ok(raw)
}

fn unix_time(seconds: i64) -> InspectedValue {
    time(FileTime { seconds, nanos: 0 })
}

fn file_time(count: u64) -> InspectedValue {
    let seconds = (count / FILETIME_PER_SECOND) as i64 - FILETIME_TO_UNIX;
    time(FileTime { seconds, nanos: (count % FILETIME_PER_SECOND) as u32 * 100 })
}

fn time(time: FileTime) -> InspectedValue {
    time.timestamp().as_ref().map(Timestamp::to_string).ok_or(NoValue::NoTime)
}

/// Bits from the highest: 7 for the years since 1980, 4 month, 5 day, 5 hours, 6 minutes, 5 for pairs of seconds
/// (Microsoft's FAT specification, "Date and Time Formats"). There is no time zone in it.
fn dos_time(packed: u32) -> InspectedValue {
    let bits = |shift: u32, count: u32| (packed >> shift & ((1 << count) - 1)) as i8;
    let year = 1980 + (packed >> 25) as i16;
    let date_time = DateTime::new(year, bits(21, 4), bits(16, 5), bits(11, 5), bits(5, 6), bits(0, 5) * 2, 0);
    date_time.map(|local| format!("{local} local time")).map_err(|_| NoValue::NoTime)
}

fn ascii(bytes: &[Option<u8>]) -> Interpretation {
    let printable = |byte: &Option<u8>| byte.filter(|byte| matches!(byte, b' '..=b'~'));
    let read: Vec<u8> = bytes.iter().take(NEEDED).map_while(printable).collect();
    let little = in_quotes(bytes, &String::from_utf8_lossy(&read));
    Interpretation { name: "ASCII", length: read.len(), little, big: None }
}

fn utf16(bytes: &[Option<u8>]) -> Interpretation {
    let read = |from_bytes: fn([u8; 2]) -> u16| -> String {
        let units = bytes.chunks_exact(2).take(NEEDED / 2).map_while(|pair| take(pair).ok());
        let characters = char::decode_utf16(units.map(from_bytes)).map_while(Result::ok);
        characters.take_while(|character| !character.is_control()).collect()
    };
    let (little, big) = (read(u16::from_le_bytes), read(u16::from_be_bytes));
    let length = 2 * little.encode_utf16().count();
    Interpretation { name: "UTF-16", length, little: in_quotes(bytes, &little), big: Some(in_quotes(bytes, &big)) }
}

fn in_quotes(bytes: &[Option<u8>], read: &str) -> InspectedValue {
    match bytes.first() {
        _ if !read.is_empty() => Ok(format!("“{}”", text::escape_str(read))),
        None => Err(NoValue::PastEnd),
        Some(None) => Err(NoValue::Unknown),
        Some(Some(_)) => Err(NoValue::NoText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(bytes: &[u8]) -> Vec<Option<u8>> {
        bytes.iter().copied().map(Some).collect()
    }

    /// The values of the reading called `name`, as they are shown.
    fn read(name: &str, bytes: &[Option<u8>]) -> (String, Option<String>) {
        let reading = inspect(bytes).into_iter().find(|reading| reading.name == name).unwrap();
        let show = |value: InspectedValue| value.unwrap_or_else(|no| no.to_string());
        (show(reading.little), reading.big.map(show))
    }

    fn both(little: &str, big: &str) -> (String, Option<String>) {
        (little.into(), Some(big.into()))
    }

    #[test]
    fn numbers_in_both_orders() {
        let bytes = known(&[0xfe, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80]);
        assert_eq!(read("u8", &bytes), ("254".into(), None));
        assert_eq!(read("i8", &bytes), ("-2".into(), None));
        assert_eq!(read("u16", &bytes), both("65534", "65279"));
        assert_eq!(read("i16", &bytes), both("-2", "-257"));
        assert_eq!(read("u32", &bytes), both("2147483646", "4278189951"));
        assert_eq!(read("i32", &bytes), both("2147483646", "-16777345"));
        assert_eq!(read("u64", &bytes), both("9223372039002259454", "18374685925620842624"));
        assert_eq!(read("i64", &bytes), both("-9223372034707292162", "-72058148088708992"));
        assert_eq!(read("f32", &known(&[0, 0, 0xc0, 0x3f])).0, "1.5");
        assert_eq!(read("f64", &known(&1e300_f64.to_le_bytes())).0, "1e300");
        assert_eq!(read("f64", &known(&[0x7f, 0xf8, 0, 0, 0, 0, 0, 0])).1.unwrap(), "NaN");
    }

    #[test]
    fn times_by_their_epochs() {
        let day = 1_714_566_600_u32;
        assert_eq!(read("Unix 32", &known(&day.to_be_bytes())).1.unwrap(), "2024-05-01T12:30:00Z");
        assert_eq!(read("Unix 32", &known(&[0xff; 4])).0, "1969-12-31T23:59:59Z");
        assert_eq!(read("Unix 64", &known(&u64::from(day).to_le_bytes())).0, "2024-05-01T12:30:00Z");
        assert_eq!(read("Unix 64", &known(&[0x7f; 8])), both("no time", "no time"));
        // The epoch of Unix as a FILETIME, and 100 ns more (MS-DTYP, and Microsoft's "Converting a time_t").
        let epoch = 116_444_736_000_000_000_u64;
        assert_eq!(read("FILETIME", &known(&epoch.to_le_bytes())).0, "1970-01-01T00:00:00Z");
        assert_eq!(read("FILETIME", &known(&(epoch + 1).to_le_bytes())).0, "1970-01-01T00:00:00.0000001Z");
        assert_eq!(read("FILETIME", &known(&[0; 8])).0, "1601-01-01T00:00:00Z");
        assert_eq!(read("FILETIME", &known(&[0xff; 8])).0, "no time");
        // 2024-05-01 is 44, 5, 1; 12:30:58 is 12, 30, 29.
        let dos: u32 =
            [(44, 25), (5, 21), (1, 16), (12, 11), (30, 5), (29, 0)].iter().map(|(n, shift)| n << shift).sum();
        assert_eq!(read("DOS", &known(&dos.to_le_bytes())).0, "2024-05-01T12:30:58 local time");
        assert_eq!(read("DOS", &known(&[0; 4])).0, "no time");
    }

    #[test]
    fn text_ends_where_it_is_no_longer_text() {
        assert_eq!(read("ASCII", &known(b"GET /\r\n")), ("“GET /”".into(), None));
        assert_eq!(read("ASCII", &known(b"\0a")).0, "no text");
        let wide = "π\u{202e}x\0y".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        assert_eq!(read("UTF-16", &known(&wide)).0, r"“π\u{202e}x”");
        assert_eq!(read("UTF-16", &known(b"\0h\0i\0")).1.unwrap(), "“hi”");
        assert_eq!(read("UTF-16", &known(&[0x00, 0xdc])).0, "no text", "half a surrogate pair");
        assert_eq!(inspect(&known(&[b'a'; 1000]))[14].length, NEEDED);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let holed = [Some(1), Some(0), None, Some(0)];
        assert_eq!(read("u16", &holed), both("1", "256"));
        assert_eq!(read("u32", &holed).0, "unknown: not all of these bytes are to be had");
        assert_eq!(read("u64", &holed).0, "past the end of the file");
        assert_eq!(read("ASCII", &[None]).0, "unknown: not all of these bytes are to be had");
        assert_eq!(read("UTF-16", &[Some(b'a'), Some(0), None, Some(0)]).0, "“a”");
        assert!(inspect(&[]).iter().all(|reading| reading.little == Err(NoValue::PastEnd)));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<Option<u8>>(), 0..80)) {
            for reading in inspect(&bytes) {
                let values = [Some(reading.little), reading.big];
                for value in values.into_iter().flatten().flatten() {
                    prop_assert_eq!(text::escape_str(&value).replace("\\\\", "\\"), value);
                }
            }
        }
    }
}
