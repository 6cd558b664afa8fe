//! What is known of a profile, packed while it is not used: that is nearly always, and a seventh of the size.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::known::Known;

const IN_MEMORY: &str = "reading and writing memory does not fail";

/// What is known of a profile.
pub(super) struct Kept {
    /// As it is used.
    open: Option<Box<Known>>,
    /// As compressed JSON; `None` where it is not true any more.
    packed: Option<Box<[u8]>>,
}

impl Kept {
    pub(super) fn new(known: Known) -> Self {
        Self { open: Some(Box::new(known)), packed: None }
    }

    /// What is known, unpacked until it is [packed](Self::pack) again.
    pub(super) fn read(&mut self) -> &Known {
        let Self { open, packed } = self;
        open.get_or_insert_with(|| unpacked(packed.as_deref()))
    }

    /// The same, to be changed.
    pub(super) fn change(&mut self) -> &mut Known {
        let packed = self.packed.take();
        self.open.get_or_insert_with(|| unpacked(packed.as_deref()))
    }

    /// Packs it until it is needed.
    pub(super) fn pack(&mut self) {
        if let Some(known) = self.open.take() {
            self.packed.get_or_insert_with(|| packed(&known));
        }
    }
}

fn packed(known: &Known) -> Box<[u8]> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&known.to_json()).expect(IN_MEMORY);
    encoder.finish().expect(IN_MEMORY).into()
}

fn unpacked(packed: Option<&[u8]>) -> Box<Known> {
    let mut json = Vec::new();
    DeflateDecoder::new(packed.expect("what is not open is packed")).read_to_end(&mut json).expect(IN_MEMORY);
    serde_json::from_slice(&json).expect("what was packed is read as it was")
}
