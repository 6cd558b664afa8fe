//! Text → the bytes that are sent, in two parts: the first, large one is encoded once and kept, the last is encoded
//! anew while the first one stays. Compressed, both are one gzip member, because curl and others stop after the first.

use std::io::Write;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::{Encoding, Page};

/// With zlib-rs, level 2 makes pages as small as level 6 does, in half the time.
const LEVEL: Compression = Compression::new(2);

/// RFC 1952: magic, deflate, no flags, no time, no extra flags, operating system unknown.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// First parts up to this size are copied into each page, bytes.
const JOINED_BYTES: usize = 512 * 1024;

const VEC_WRITES: &str = "writing to a Vec does not fail";

/// A part of a page as it is sent.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    /// Of the text, where the encoding needs it.
    crc: Crc,
}

/// Compresses last parts. It is kept: to take and clear its quarter of a megabyte anew costs more than the rest of a scrape.
#[derive(Default)]
pub(super) struct Compressor(Option<Compress>);

impl Compressor {
    fn compress(&mut self, text: &[u8]) -> Vec<u8> {
        let compress = self.0.get_or_insert_with(|| Compress::new(LEVEL, false));
        compress.reset();
        let mut compressed = Vec::with_capacity(text.len() / 2);
        let mut rest = text;
        loop {
            compressed.reserve(64);
            let before = compress.total_in();
            let status = compress.compress_vec(rest, &mut compressed, FlushCompress::Finish);
            if status.expect("after a reset every text can be compressed") == Status::StreamEnd {
                return compressed;
            }
            let taken = usize::try_from(compress.total_in() - before).expect("no more than there was");
            rest = &rest[taken..];
        }
    }
}

impl Encoding {
    /// Encodes `text` so that another part can follow.
    pub(super) fn first(self, text: String) -> Part {
        match self {
            Self::Identity => Part::plain(text),
            Self::Gzip => {
                let mut encoder = DeflateEncoder::new(GZIP_HEADER.to_vec(), LEVEL);
                encoder.write_all(text.as_bytes()).expect(VEC_WRITES);
                // Ends on a whole byte. The next part is another encoder's, which cannot refer back into this one.
                encoder.flush().expect(VEC_WRITES);
                Part::compressed(std::mem::take(encoder.get_mut()), &text)
            }
        }
    }

    /// Encodes `text` as the last part.
    pub(super) fn last(self, text: String, compressor: &mut Compressor) -> Part {
        match self {
            Self::Identity => Part::plain(text),
            Self::Gzip => Part::compressed(compressor.compress(text.as_bytes()), &text),
        }
    }

    /// The page of both parts.
    pub(super) fn page(self, first: &Part, last: &Part) -> Page {
        let trailer = self.trailer(first, last);
        // Each chunk costs every scrape something.
        let chunks = if first.bytes.len() <= JOINED_BYTES {
            [[&first.bytes, &last.bytes, &trailer[..]].concat().into(), Bytes::new()]
        } else {
            [first.bytes.clone(), [&last.bytes, &trailer[..]].concat().into()]
        };
        Page { chunks }
    }

    /// What follows the last part: gzip's checksum and length of both texts.
    fn trailer(self, first: &Part, last: &Part) -> Vec<u8> {
        match self {
            Self::Identity => Vec::new(),
            Self::Gzip => {
                let mut crc = Crc::new();
                crc.combine(&first.crc);
                crc.combine(&last.crc);
                [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat()
            }
        }
    }
}

impl Part {
    fn plain(text: String) -> Self {
        Self { bytes: text.into(), crc: Crc::new() }
    }

    fn compressed(bytes: Vec<u8>, text: &str) -> Self {
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        Self { bytes: bytes.into(), crc }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::bufread::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn body(encoding: Encoding, first: &str, last: &str) -> Vec<u8> {
        let mut compressor = Compressor::default();
        // Whatever it compressed before leaves no trace.
        encoding.last(first.to_owned(), &mut compressor);
        let (a, b) = (encoding.first(first.to_owned()), encoding.last(last.to_owned(), &mut compressor));
        encoding.page(&a, &b).chunks.concat()
    }

    proptest! {
        #[test]
        fn two_parts_are_one_gzip_member(text in "(?s).{0,300}", times in 0..400_usize, last in "(?s).{0,300}") {
            let (first, last) = (text.repeat(times), format!("{last}{text}"));
            let body = body(Encoding::Gzip, &first, &last);
            // This decoder stops after one member, and checks its checksum and length.
            let mut decoder = GzDecoder::new(body.as_slice());
            let mut read = String::new();
            decoder.read_to_string(&mut read)?;
            prop_assert_eq!(read, format!("{first}{last}"));
            prop_assert_eq!(decoder.into_inner(), b"");
        }
    }

    #[test]
    fn without_encoding_the_parts_stay_as_they_are() {
        assert_eq!(body(Encoding::Identity, "a 1\n", "# EOF\n"), b"a 1\n# EOF\n");
    }
}
