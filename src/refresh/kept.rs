//! What is known of a profile, packed between two refreshes: that is nearly always, and a seventh of the size.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::known::Known;

const IN_MEMORY: &str = "reading and writing memory does not fail";

/// What is known of a profile.
pub(super) enum Kept {
    /// As it is used.
    Open(Box<Known>),
    /// As compressed JSON.
    Packed(Box<[u8]>),
}

impl Kept {
    pub(super) fn new(known: Known) -> Self {
        Self::Open(Box::new(known))
    }

    /// What is known, unpacked until it is [packed](Self::pack) again.
    pub(super) fn open(&mut self) -> &mut Known {
        if let Self::Packed(packed) = self {
            let mut json = Vec::new();
            DeflateDecoder::new(&**packed).read_to_end(&mut json).expect(IN_MEMORY);
            let known = serde_json::from_slice(&json).expect("what was packed is read as it was");
            *self = Self::new(known);
        }
        match self {
            Self::Open(known) => known,
            Self::Packed(_) => unreachable!("it was opened"),
        }
    }

    /// Packs it until it is needed.
    pub(super) fn pack(&mut self) {
        let Self::Open(known) = self else { return };
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&known.to_json()).expect(IN_MEMORY);
        *self = Self::Packed(encoder.finish().expect(IN_MEMORY).into());
    }
}
