//! The part of the page that a scrape asks for: all of it, a share of the people, or what the exporter counts itself.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::reading::Snapshot;

/// A part of the page. As text it is `INDEX/COUNT` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All people, and what the exporter counts itself.
    Whole,
    /// The people of one shard, and nothing else.
    People(Shard),
    /// What the exporter counts itself, also by profile, and nobody's measurements.
    Own,
}

/// One of several shards, each of which has about as many people as the others and nobody whom another one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    /// Below `count`.
    index: u16,
    count: NonZeroU16,
}

/// The text is no part of a page.
#[derive(Debug, thiserror::Error)]
#[error(
    "shard is INDEX/COUNT, such as 0/4 for the first of four shards, or none for what the exporter counts itself. INDEX \
     counts from 0 and stays below COUNT, which is at most 65535."
)]
pub struct InvalidPart;

impl FromStr for Part {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        if text == "none" {
            return Ok(Self::Own);
        }
        let (index, count) = text.split_once('/').ok_or(InvalidPart)?;
        let (index, count) = (index.parse().map_err(|_| InvalidPart)?, count.parse().map_err(|_| InvalidPart)?);
        Shard::new(index, count).map(Self::People).ok_or(InvalidPart)
    }
}

impl Part {
    /// What of `snapshot` it has.
    pub(super) fn of(self, snapshot: &Snapshot) -> Cow<'_, Snapshot> {
        match self {
            Self::Whole => Cow::Borrowed(snapshot),
            Self::Own => Cow::Owned(Snapshot::default()),
            Self::People(shard) => {
                let people = snapshot.profiles().filter(|person| shard.has(&person.profile));
                Cow::Owned(people.cloned().collect())
            }
        }
    }

    /// Whether it has what the exporter counts itself.
    pub(super) fn has_own(self) -> bool {
        !matches!(self, Self::People(_))
    }
}

impl Shard {
    fn new(index: u16, count: NonZeroU16) -> Option<Self> {
        (index < count.get()).then_some(Self { index, count })
    }

    /// Whether the shard has this person.
    fn has(self, profile: &str) -> bool {
        jump_hash(key(profile), self.count) == self.index
    }
}

/// A number for a name, the same in every version and in every process.
fn key(profile: &str) -> u64 {
    let digest = Sha256::digest(profile);
    u64::from_be_bytes(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

/// The bucket of a key: the jump consistent hash of Lamping and Veach (2014). With one bucket more, a key stays where it is
/// or goes to the new one.
fn jump_hash(mut key: u64, buckets: NonZeroU16) -> u16 {
    let mut bucket = 0;
    loop {
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let next = (u64::from(bucket) + 1) * (1 << 31) / ((key >> 33) + 1);
        match u16::try_from(next) {
            Ok(next) if next < buckets.get() => bucket = next,
            _ => return bucket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_buckets_that_other_implementations_have_them_in() {
        for (key, buckets, bucket) in
            [(1, 1, 0), (42, 57, 43), (0xDEAD_10CC, 1, 0), (0xDEAD_10CC, 666, 361), (256, 1024, 520)]
        {
            assert_eq!(jump_hash(key, NonZeroU16::new(buckets).unwrap()), bucket, "{key} of {buckets}");
        }
    }

    #[test]
    fn a_shard_more_takes_people_and_moves_nobody_else() {
        let shard = |count: u16, name: &str| {
            let shards = (0..count).filter_map(|index| Shard::new(index, NonZeroU16::new(count)?));
            let having: Vec<_> = shards.filter(|shard| shard.has(name)).map(|shard| shard.index).collect();
            assert_eq!(having.len(), 1, "{name} is in {having:?} of {count}");
            having[0]
        };
        let mut moved = 0;
        for name in (0..1_000).map(|number| format!("Person {number}")) {
            let (before, after) = (shard(4, &name), shard(5, &name));
            assert!(after == before || after == 4, "{name} went from {before} to {after}");
            moved += u32::from(after != before);
        }
        assert!((150..250).contains(&moved), "{moved} of 1,000 moved to the fifth shard");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "1", "/", "4/4", "0/0", "-1/4", "0/65536", "0/4/2", "None", " 0/4"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
        for text in ["none", "0/1", "3/4", "65534/65535"] {
            assert!(text.parse::<Part>().is_ok(), "{text}");
        }
    }
}
