//! Compressed files: gzip, xz, lzma, lzip, bzip2, Zstandard, LZ4. Several streams in a row are one content, as their own tools
//! have it.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use lzma_rust2::{LzipReader, LzmaReader, XzReader};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::budget::Metered;
use super::format::ArchiveFormat;
use super::walk::{ContainerContext, ContainerInput, Member, Walker};
use crate::finding::{FileTime, MemberFacts};
use crate::text::subject;

/// Memory that a decoder may take, in KiB: what `xz -9` and `zstd --ultra` need, and some.
pub(super) const MEMORY: u32 = 160 * 1024;

pub(super) fn content(
    walker: &mut Walker,
    place: &mut ContainerContext,
    format: ArchiveFormat,
    input: ContainerInput,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(32 * 1024, input);
    let gzip = if format == ArchiveFormat::Gzip { gzip_says(&mut input)? } else { GzipSays::default() };
    let facts = MemberFacts { format: format.name().to_owned(), modified: gzip.modified, ..MemberFacts::default() };
    let name = name_of(place, gzip.name);
    let member = Member { name, facts, size: None };
    let budget = walker.budget;
    let streams = Streams { format, state: State::Between(input) };
    walker.content(place, member, &mut Metered::new(streams, budget))
}

/// What the content is called: as its container, without the ending that says how it is compressed.
fn name_of(place: &ContainerContext, said: Option<Vec<u8>>) -> Vec<u8> {
    const ENDINGS: [(&str, &str); 16] = [
        (".gz", ""),
        (".lz", ""),
        (".tlz", ".tar"),
        (".xz", ""),
        (".bz2", ""),
        (".zst", ""),
        (".lz4", ""),
        (".lzma", ""),
        (".tgz", ".tar"),
        (".txz", ".tar"),
        (".tbz2", ".tar"),
        (".tbz", ".tar"),
        (".tzst", ".tar"),
        (".svgz", ".svg"),
        (".Z", ""),
        (".z", ""),
    ];
    let own = subject::members(place.path).pop().unwrap_or_else(|| {
        Cow::Owned(subject::file_of(place.path).file_name().unwrap_or_default().as_encoded_bytes().to_vec())
    });
    let own = own.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    for (ending, instead) in ENDINGS {
        if let Some(stem) = own.strip_suffix(ending.as_bytes()).filter(|stem| !stem.is_empty()) {
            return [stem, instead.as_bytes()].concat();
        }
    }
    said.filter(|name| !name.is_empty()).unwrap_or_else(|| b"content".to_vec())
}

#[derive(Default)]
struct GzipSays {
    name: Option<Vec<u8>>,
    modified: Option<FileTime>,
}

/// What the header of a gzip file says, as far as it lies in the buffer (RFC 1952, 2.3).
fn gzip_says(input: &mut impl BufRead) -> io::Result<GzipSays> {
    let head = input.fill_buf()?;
    let (Some(flags), Some(time)) = (head.get(3), head.get(4..8).and_then(|time| time.try_into().ok())) else {
        return Ok(GzipSays::default());
    };
    let seconds = i64::from(u32::from_le_bytes(time));
    let modified = (seconds != 0).then_some(FileTime { seconds, nanos: 0 });
    // The name stands first where there is no extra field.
    let name = (flags & 0x0c == 0x08)
        .then(|| head.get(10..)?.split(|byte| *byte == 0).next().filter(|name| name.len() < 4096).map(<[u8]>::to_vec));
    Ok(GzipSays { name: name.flatten(), modified })
}

/// All streams of a compressed file, one after the other.
struct Streams<R: BufRead> {
    format: ArchiveFormat,
    state: State<R>,
}

enum State<R: BufRead> {
    /// Before a stream.
    Between(R),
    Within(Box<Decoder<R>>),
    Over,
}

enum Decoder<R: BufRead> {
    Gzip(GzDecoder<R>),
    Bzip2(BzDecoder<R>),
    Xz(XzReader<R>),
    Lzma(LzmaReader<R>),
    Lzip(LzipReader<R>),
    Zstd(FrameDecoder, R),
    Lz4(Lz4Decoder<R>),
}

impl<R: BufRead> Read for Streams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(mut input) => match self.format {
                    _ if input.fill_buf()?.is_empty() => return Ok(0),
                    ArchiveFormat::Zstd if is_skippable(input.fill_buf()?) => {
                        skip_frame(&mut input)?;
                        self.state = State::Between(input);
                    }
                    format => self.state = State::Within(Box::new(Decoder::begin(format, input)?)),
                },
                State::Within(mut decoder) => match decoder.read(buffer)? {
                    0 => {
                        let Some(mut rest) = decoder.rest() else { return Ok(0) };
                        // What follows and is no other stream, padding among it, is no content.
                        if !follows(self.format, rest.fill_buf()?) {
                            return Ok(0);
                        }
                        self.state = State::Between(rest);
                    }
                    read => {
                        self.state = State::Within(decoder);
                        return Ok(read);
                    }
                },
            }
        }
    }
}

impl<R: BufRead> Decoder<R> {
    fn begin(format: ArchiveFormat, mut input: R) -> io::Result<Self> {
        Ok(match format {
            ArchiveFormat::Bzip2 => Self::Bzip2(BzDecoder::new(input)),
            ArchiveFormat::Xz => Self::Xz(XzReader::new_mem_limit(input, true, MEMORY)),
            ArchiveFormat::Lzma => Self::Lzma(LzmaReader::new_mem_limit(input, MEMORY, None)?),
            ArchiveFormat::Lzip => Self::Lzip(LzipReader::new(input)),
            ArchiveFormat::Lz4 => Self::Lz4(Lz4Decoder::new(input)),
            ArchiveFormat::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(u64::from(MEMORY) << 10);
                decoder.init(&mut input).map_err(io::Error::other)?;
                Self::Zstd(decoder, input)
            }
            _ => Self::Gzip(GzDecoder::new(input)),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Lzma(decoder) => decoder.read(buffer),
            Self::Lzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder, input) => {
                while decoder.can_collect() == 0 && !decoder.is_finished() {
                    decoder
                        .decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(io::Error::other)?;
                }
                decoder.read(buffer)
            }
            Self::Lz4(decoder) => decoder.read(buffer),
        }
    }

    /// What is left to read, where another stream may follow; the others go on by themselves.
    fn rest(self) -> Option<R> {
        match self {
            Self::Gzip(decoder) => Some(decoder.into_inner()),
            Self::Bzip2(decoder) => Some(decoder.into_inner()),
            Self::Zstd(_, input) => Some(input),
            Self::Lz4(decoder) => Some(decoder.into_inner()),
            Self::Xz(_) | Self::Lzma(_) | Self::Lzip(_) => None,
        }
    }
}

/// Whether what follows a stream begins another one.
fn follows(format: ArchiveFormat, head: &[u8]) -> bool {
    match format {
        ArchiveFormat::Gzip => head.starts_with(&[0x1f, 0x8b]),
        ArchiveFormat::Bzip2 => head.starts_with(b"BZh"),
        ArchiveFormat::Zstd => head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(head),
        ArchiveFormat::Lz4 => {
            head.get(1..4) == Some(&[0x22, 0x4d, 0x18]) || head.get(1..4) == Some(&[0x21, 0x4c, 0x18])
        }
        _ => false,
    }
}

/// A frame of Zstandard that holds what only its writer knows (RFC 8878, 3.1.2).
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn skip_frame(input: &mut impl BufRead) -> io::Result<()> {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let [.., a, b, c, d] = header;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    io::copy(&mut input.take(length), &mut io::sink()).map(drop)
}
