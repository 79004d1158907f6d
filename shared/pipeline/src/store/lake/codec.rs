//! How objects are compressed. The end of the key says it, to us as to every query engine.

use std::io::{self, BufRead, Read, Write};
use std::str::FromStr;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Gzip level: on audit records the default (6) takes 17 % more time and saves 7 % of the bytes.
const GZIP_LEVEL: u32 = 4;

/// Most bytes of content that one byte of a deflate stream can stand for: two bits can stand for 258.
const DEFLATE_RATIO_MAX: usize = 1_032;

/// Zstandard level. Objects of 300 sample records are a third smaller than with gzip's level 4. The default (3) saves 5 % more
/// bytes, but takes a seventh of all the processor time that a blob needs.
const ZSTD_LEVEL: i32 = 1;

/// Bytes that the compressor looks back over, as a power of two: two megabytes hold the events of most blobs, and going round
/// in a smaller buffer is slow. Every reader must take eight megabytes (RFC 8878).
const ZSTD_WINDOW_LOG: u32 = 21;

/// A compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952: what everything reads.
    #[default]
    Gzip,
    /// RFC 8878: smaller; Athena, `DuckDB`, Spark and Snowflake read it.
    Zstd,
}

impl Codec {
    /// The name in settings and in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The last part of an object's name, without its dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// The compression of the object with this key: gzip, unless the key ends as one of zstd.
    pub(crate) fn of(key: &str) -> Self {
        if key.ends_with(".zst") {
            Self::Zstd
        } else {
            Self::Gzip
        }
    }

    /// Reads the content of a compressed object. One that is cut or damaged gives an error, at its end at the latest.
    ///
    /// # Errors
    /// Memory for the decompressor cannot be had.
    pub fn reader<'c>(
        self,
        compressed: impl BufRead + Send + 'c,
    ) -> io::Result<Box<dyn Read + Send + 'c>> {
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(compressed)?),
        })
    }

    /// The compressed object: equal content is equal bytes.
    #[must_use]
    pub fn compress(self, content: &[u8]) -> Vec<u8> {
        in_memory((|| {
            let mut compressor = Compressor::new(self, Vec::new())?;
            compressor.append(content)?;
            compressor.finish()
        })())
    }

    /// The content. One that is longer than `bytes_max` is cut off a byte after it, so that the caller sees that it is longer.
    ///
    /// # Errors
    /// The object is cut or damaged.
    pub fn decompress(self, compressed: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
        let read_max = bytes_max.saturating_add(1);
        let mut content = Vec::with_capacity(self.declared_len(compressed).min(read_max));
        self.reader(compressed)?
            .take(read_max as u64)
            .read_to_end(&mut content)?;
        Ok(content)
    }

    /// The length of the content as the object declares it, no longer than it can be. Room is made for so much at once, so that
    /// a large content is not copied while it grows; nothing else depends on it.
    fn declared_len(self, compressed: &[u8]) -> usize {
        match (self, compressed.last_chunk()) {
            // RFC 1952: the last four bytes.
            (Self::Gzip, Some(last)) => {
                let declared = usize::try_from(u32::from_le_bytes(*last)).unwrap_or(usize::MAX);
                declared.min(compressed.len().saturating_mul(DEFLATE_RATIO_MAX))
            }
            // A zstd frame that was made piece by piece declares no length.
            _ => 0,
        }
    }
}

/// An object that is compressed while its content is made, so that the whole content is never in memory.
pub struct Compressor<W: Write>(Encoder<W>);

enum Encoder<W: Write> {
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// Begins an object, which is written to `to`.
    ///
    /// # Errors
    /// Memory for the compressor cannot be had.
    pub fn new(codec: Codec, to: W) -> io::Result<Self> {
        Ok(Self(match codec {
            Codec::Gzip => Encoder::Gzip(GzEncoder::new(to, Compression::new(GZIP_LEVEL))),
            Codec::Zstd => Encoder::Zstd(zstd_encoder(to)?),
        }))
    }

    /// Adds content.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, content: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Gzip(encoder) => encoder.write_all(content),
            Encoder::Zstd(encoder) => encoder.write_all(content),
        }
    }

    /// Ends the object, and returns what it was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The frame ends in a checksum, so that a reader notices a damaged object as it notices a cut one.
fn zstd_encoder<W: Write>(to: W) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(to, ZSTD_LEVEL)?;
    encoder.window_log(ZSTD_WINDOW_LOG)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// The result of writing to memory, which cannot fail.
fn in_memory<T>(result: io::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(_) => unreachable!("writing to memory cannot fail"),
    }
}

impl FromStr for Codec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Gzip, Self::Zstd]
            .into_iter()
            .find(|codec| codec.as_str() == text)
            .ok_or("must be gzip or zstd")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Codec; 2] = [Codec::Gzip, Codec::Zstd];

    #[test]
    fn equal_content_is_equal_bytes_that_give_it_back() {
        let content = b"records".repeat(1_000);
        for codec in BOTH {
            let compressed = codec.compress(&content);
            assert_eq!(compressed, codec.compress(&content));
            assert_eq!(
                codec.decompress(&compressed, content.len()).unwrap(),
                content
            );
        }
    }

    #[test]
    fn a_cut_or_damaged_object_is_an_error_and_never_a_short_one() {
        let content: Vec<u8> = (0..20_000u32).flat_map(u32::to_le_bytes).collect();
        for codec in BOTH {
            let compressed = codec.compress(&content);
            let whole = content.len();
            let cut = &compressed[..compressed.len() - 9];
            assert!(codec.decompress(cut, whole).is_err(), "{codec:?}");
            let mut damaged = compressed.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x55;
            assert!(codec.decompress(&damaged, whole).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn room_is_made_for_the_declared_length_if_it_can_be() {
        let content = b"records".repeat(1_000);
        let mut compressed = Codec::Gzip.compress(&content);
        assert_eq!(Codec::Gzip.declared_len(&compressed), content.len());
        assert_eq!(Codec::Gzip.declared_len(b"abc"), 0);
        let end = compressed.len();
        compressed[end - 4..].fill(0xff);
        assert_eq!(
            Codec::Gzip.declared_len(&compressed),
            end * DEFLATE_RATIO_MAX
        );
        assert!(Codec::Gzip.decompress(&compressed, usize::MAX).is_err());
    }

    #[test]
    fn the_key_says_how_an_object_is_compressed() {
        for codec in BOTH {
            let key = format!("a/b.ndjson.{}", codec.ending());
            assert_eq!(Codec::of(&key), codec);
            assert_eq!(codec.as_str().parse(), Ok(codec));
        }
    }
}
