//! The text of a file: decompressed, and in UTF-8 without a byte order mark.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;
use records::BlobLimits;

/// Beyond the product's limit for one blob, gzip may expand this many times. Real records expand 10 to 40 times, a
/// decompression bomb some 1,000 times.
const GZIP_RATIO_MAX: u64 = 200;

/// How much is read at once, in bytes: some ten records.
const BUFFER_BYTES: usize = 64 * 1024;

/// The file is a decompression bomb.
#[derive(Debug, thiserror::Error)]
#[error("gzip expands more than {GZIP_RATIO_MAX} times")]
pub(super) struct Expands;

/// Tells gzip by its first bytes, and the encoding by a byte order mark.
pub(super) fn text(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let is_gzip = input.fill_buf()?.starts_with(&GZIP);
    let plain: Box<dyn Read> = if is_gzip {
        Box::new(Gunzip::new(input, BlobLimits::default().body_bytes_max))
    } else {
        input
    };
    let utf8 = DecodeReaderBytesBuilder::new()
        .utf8_passthru(true)
        .strip_bom(true)
        .build(plain);
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, utf8)))
}

/// Decompresses, within limits.
struct Gunzip {
    decoder: MultiGzDecoder<Counted>,
    decoded: u64,
    /// So much may come out of however little.
    bytes_free: u64,
}

impl Gunzip {
    fn new(input: Box<dyn BufRead>, bytes_free: u64) -> Self {
        let input = Counted { input, bytes: 0 };
        Self {
            decoder: MultiGzDecoder::new(input),
            decoded: 0,
            bytes_free,
        }
    }
}

impl Read for Gunzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.decoded += read as u64;
        let fair = self.decoder.get_ref().bytes.saturating_mul(GZIP_RATIO_MAX);
        if self.decoded > fair.max(self.bytes_free) {
            return Err(io::Error::other(Expands));
        }
        Ok(read)
    }
}

/// Counts what is read.
struct Counted {
    input: Box<dyn BufRead>,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.input.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gunzip(text: &[u8], bytes_free: u64) -> io::Result<usize> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        let gzip = Box::new(io::Cursor::new(gzip.finish().unwrap()));
        Gunzip::new(gzip, bytes_free).read_to_end(&mut Vec::new())
    }

    #[test]
    fn gzip_that_expands_too_far_is_refused() {
        let bomb = vec![b' '; 1_000_000];
        let refused = gunzip(&bomb, 100_000).unwrap_err();
        assert!(refused.get_ref().unwrap().is::<Expands>());
        assert_eq!(gunzip(&bomb, 1_000_000).unwrap(), 1_000_000);
        let dense: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(gunzip(&dense, 1_000).unwrap(), dense.len());
    }
}
