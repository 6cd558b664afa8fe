//! The seal of what nobody may read in the database: whoever has a copy of it, but no key, has no login.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::SecretSlice;
use sha2::{Digest, Sha256};

/// How long a key is, bytes.
pub(super) const KEY_BYTES: usize = 32;

/// The version of the format: one byte, the key's id, the nonce, and the sealed bytes with their tag.
const FORMAT: u8 = 1;

/// How long the id of a key is, bytes.
const ID_BYTES: usize = 4;

/// The keys of an installation: the first seals, all open.
#[derive(Debug)]
pub struct Keys {
    installation: String,
    first: Key,
    former: Option<Key>,
}

/// What a sealed value is, so that none can be put into the place of another: into another row, another version of the row, or
/// another installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// What kind of value it is.
    pub kind: Kind,
    /// The profile, or the name of a secret of the installation.
    pub name: &'a str,
    /// The version of the row; 0 where rows have none.
    pub version: i64,
}

/// The kinds of sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A login of `login.sealed`.
    Login,
    /// What a profile's notifications are called with, of `callbacks.sealed`.
    Callbacks,
    /// A secret of the installation, of `secret.sealed`.
    Secret,
    /// A consent that waits for a person's word, of `waiting.sealed`.
    Waiting,
}

/// A sealed value cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It ends before it should.
    #[error("what the database has is cut off")]
    Truncated,
    /// It was written by a newer version.
    #[error(
        "what the database has was sealed in format {0}, by a newer version of withings-exporter; use that version"
    )]
    Format(u8),
    /// The key is not in the key file.
    #[error("the key {id} is missing, with which this was sealed; the key file has {present}")]
    Key {
        /// The id of the missing key, hexadecimal.
        id: String,
        /// The ids of the keys that are there.
        present: String,
    },
    /// It was changed, or belongs somewhere else.
    #[error("what the database has was changed, or was sealed for another profile, version or installation")]
    Foreign,
}

/// One key with its id.
struct Key {
    id: [u8; ID_BYTES],
    cipher: RandomizedNonceKey,
}

impl Keys {
    /// The keys of `installation`, the first of which seals.
    pub(super) fn new(installation: String, first: &[u8; KEY_BYTES], former: Option<&[u8; KEY_BYTES]>) -> Self {
        Self { installation, first: Key::new(first), former: former.map(Key::new) }
    }

    /// The id of the installation: a UUID.
    #[must_use]
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// Seals `value` with the first key: other bytes each time.
    #[must_use]
    pub fn seal(&self, context: &Context, value: &[u8]) -> Vec<u8> {
        let key = &self.first;
        let mut sealed = value.to_vec();
        let nonce = key
            .cipher
            .seal_in_place_append_tag(self.bound(context, key.id), &mut sealed)
            .expect("the value is far shorter than 64 GiB, and the system has random numbers");
        [&[FORMAT][..], &key.id, nonce.as_ref(), &sealed].concat()
    }

    /// Opens what [`seal`](Self::seal) made of a value of the same context, with the same key here.
    pub fn open(&self, context: &Context, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let format = *sealed.first().ok_or(SealError::Truncated)?;
        if format != FORMAT {
            return Err(SealError::Format(format));
        }
        let (id, rest) = sealed[1..].split_first_chunk::<ID_BYTES>().ok_or(SealError::Truncated)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Truncated)?;
        let key = self.all().find(|key| key.id == *id).ok_or_else(|| self.missing(*id))?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut value = body.to_vec();
        let length = key
            .cipher
            .open_in_place(nonce, self.bound(context, key.id), &mut value)
            .map_err(|_| SealError::Foreign)?
            .len();
        value.truncate(length);
        Ok(value.into())
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.former)
    }

    fn missing(&self, id: [u8; ID_BYTES]) -> SealError {
        let present: Vec<_> = self.all().map(|key| hex(key.id)).collect();
        SealError::Key { id: hex(id), present: present.join(" and ") }
    }

    /// What a sealed value is bound to. Each text has its length before it, so that no two contexts make the same bytes.
    fn bound(&self, context: &Context, id: [u8; ID_BYTES]) -> Aad<Vec<u8>> {
        let mut bytes = vec![FORMAT];
        bytes.extend(id);
        for text in [&self.installation, context.kind.name(), context.name] {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(context.version.to_be_bytes());
        Aad::from(bytes)
    }
}

impl Kind {
    /// Part of what values are bound to: never to be changed.
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Callbacks => "callbacks",
            Self::Secret => "secret",
            Self::Waiting => "waiting",
        }
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&Sha256::digest(bytes)[..ID_BYTES]);
        Self { id, cipher: RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("a key has 32 bytes") }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", hex(self.id))
    }
}

fn hex(id: [u8; ID_BYTES]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const HERE: &str = "5f0c6e1a-93f4-4c2b-8d1e-0a9b7c6d5e4f";
    const ALICE: Context = Context { kind: Kind::Login, name: "Alice", version: 7 };

    fn keys(first: u8, former: Option<u8>) -> Keys {
        Keys::new(HERE.to_owned(), &[first; KEY_BYTES], former.map(|byte| [byte; KEY_BYTES]).as_ref())
    }

    fn opened(keys: &Keys, context: &Context, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        keys.open(context, sealed).map(|value| value.expose_secret().to_vec())
    }

    #[test]
    fn what_was_sealed_is_opened_and_never_seen() {
        let keys = keys(1, None);
        for value in [&b""[..], b"s3cret", &[0; 4000]] {
            let (sealed, again) = (keys.seal(&ALICE, value), keys.seal(&ALICE, value));
            assert_eq!(opened(&keys, &ALICE, &sealed).unwrap(), value);
            assert_ne!(sealed, again, "a nonce is used once");
            assert!(!sealed.windows(6).any(|window| window == b"s3cret"));
        }
        assert_eq!(format!("{:?}", keys.first), "Key(72cd6e84)");
    }

    #[test]
    fn a_value_is_of_no_use_in_another_place() {
        let keys = keys(1, None);
        let sealed = keys.seal(&ALICE, b"s3cret");
        for elsewhere in [
            Context { name: "Bob", ..ALICE },
            Context { version: 6, ..ALICE },
            Context { kind: Kind::Callbacks, ..ALICE },
            Context { kind: Kind::Secret, ..ALICE },
        ] {
            assert_eq!(opened(&keys, &elsewhere, &sealed), Err(SealError::Foreign), "{elsewhere:?}");
        }
        let other = Keys::new("00000000-0000-4000-8000-000000000000".to_owned(), &[1; KEY_BYTES], None);
        assert_eq!(opened(&other, &ALICE, &sealed), Err(SealError::Foreign), "another installation");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let keys = keys(1, None);
        let sealed = keys.seal(&ALICE, b"s3cret");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(opened(&keys, &ALICE, &changed).is_err(), "byte {index}");
            let cut = opened(&keys, &ALICE, &sealed[..index]);
            assert!(matches!(cut, Err(SealError::Truncated | SealError::Foreign)), "{index}: {cut:?}");
        }
    }

    #[test]
    fn the_former_key_opens_and_the_first_one_seals() {
        let (before, during, after) = (keys(1, None), keys(2, Some(1)), keys(2, None));
        let old = before.seal(&ALICE, b"s3cret");
        assert_eq!(opened(&during, &ALICE, &old).unwrap(), b"s3cret");
        let new = during.seal(&ALICE, b"s3cret");
        assert_eq!(opened(&after, &ALICE, &new).unwrap(), b"s3cret");
        let error = opened(&after, &ALICE, &old).unwrap_err();
        let id = hex(before.first.id);
        assert_eq!(
            error.to_string(),
            format!("the key {id} is missing, with which this was sealed; the key file has {}", hex(after.first.id))
        );
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let keys = keys(1, None);
        let mut sealed = keys.seal(&ALICE, b"s3cret");
        sealed[0] = 2;
        assert_eq!(opened(&keys, &ALICE, &sealed), Err(SealError::Format(2)));
        assert_eq!(opened(&keys, &ALICE, &[]), Err(SealError::Truncated));
    }
}
