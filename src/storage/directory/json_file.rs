//! One stored file: JSON, with the version of its format around what is stored.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::atomic::Durability;
use super::{StorageError, atomic};
use crate::regular_file::{self, MOST_BYTES};

/// The format of all files but the readings. It grows when an older program would misread the content, and not when a field
/// is added that it may ignore. Files without a format are from before there was one, and have the same content as format 1.
const FORMAT: u32 = 1;

/// How many bytes of a file tell its format.
const HEAD: u64 = 64;

/// A value with its format, as it is written.
#[derive(Serialize)]
struct WithFormat<'a, T> {
    format: u32,
    content: &'a T,
}

/// A stored value in the format that is written now, as nearly all are: it is read in one pass.
#[derive(Deserialize)]
struct Present<T> {
    format: u32,
    content: T,
}

/// A stored value with its format, whichever that is.
#[derive(Deserialize)]
struct Versioned<'a> {
    format: u32,
    /// The content, not read yet; a newer format may have it under another name.
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Why a file is of no use.
enum Unusable {
    /// A newer program wrote the file, in this format.
    Newer(u32),
    /// The content does not parse.
    Broken(serde_json::Error),
}

/// Replaces the file at `path` by `value`, whole or not at all, and durably.
pub fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StorageError> {
    save_as(FORMAT, path, value)
}

/// The same as [`save`] in another format.
pub(super) fn save_as<T: Serialize>(format: u32, path: &Path, value: &T) -> Result<(), StorageError> {
    atomic::write(path, &WithFormat { format, content: value }, Durability::Synced)
}

/// The same as [`save`], but a power cut may undo it.
pub(super) fn save_unsynced<T: Serialize>(path: &Path, value: &T) -> Result<(), StorageError> {
    atomic::write(path, &WithFormat { format: FORMAT, content: value }, Durability::Unsynced)
}

/// Reads a file; `None` if there is none, or if it does not parse and was set aside. One of a newer version of this program
/// is left alone, and an error.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StorageError> {
    load_formats(path, MOST_BYTES, &[FORMAT], |_, json| serde_json::from_str(json))
}

/// The same as [`load`] for a file that may have any size: a year of somebody's measures.
pub(super) fn load_of_any_size<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StorageError> {
    load_formats(path, u64::MAX, &[FORMAT], |_, json| serde_json::from_str(json))
}

/// The same as [`load`] for a file that has at most so many bytes and may have one of the `known` formats, of which the last is
/// the one of a `T`; `read` is given the format and the content.
pub(super) fn load_formats<T: DeserializeOwned>(
    path: &Path,
    most_bytes: u64,
    known: &[u32],
    read: impl FnOnce(u32, &str) -> serde_json::Result<T>,
) -> Result<Option<T>, StorageError> {
    let bytes = match atomic::open(path).and_then(|file| regular_file::content(file, most_bytes)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::file("read", path)(error)),
    };
    match parse(&bytes, known, read) {
        Ok(value) => Ok(Some(value)),
        Err(Unusable::Newer(format)) => {
            let newer = format!("its format {format} is of a newer version of this program");
            Err(StorageError::file("understand", path)(io::Error::new(io::ErrorKind::Unsupported, newer)))
        }
        Err(Unusable::Broken(error)) => {
            let aside = set_aside(path)?;
            // The position tells enough: the text of the error could repeat what the file says.
            tracing::error!(
                file = %path.display(), aside = %aside.display(), line = error.line(), column = error.column(),
                "a stored file does not parse; it was set aside and is treated as missing"
            );
            Ok(None)
        }
    }
}

fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    known: &[u32],
    read: impl FnOnce(u32, &str) -> serde_json::Result<T>,
) -> Result<T, Unusable> {
    let text = str::from_utf8(bytes).unwrap_or_default();
    if let Ok(Present { format, content }) = serde_json::from_str(text)
        && known.last() == Some(&format)
    {
        return Ok(content);
    }
    let (format, content) = match serde_json::from_slice(bytes) {
        Ok(Versioned { format, content }) => (format, content.map_or("", RawValue::get)),
        // From before there were versions.
        Err(_) => (FORMAT, text),
    };
    if !known.contains(&format) {
        return Err(Unusable::Newer(format));
    }
    read(format, content).map_err(Unusable::Broken)
}

/// The format of the file at `path`, if it says one. Only its beginning is read.
pub(super) fn format_of(path: &Path) -> Result<Option<u64>, StorageError> {
    let mut head = String::new();
    let read = atomic::open(path).and_then(|file| file.take(HEAD).read_to_string(&mut head));
    match read {
        Ok(_) => {}
        // A file that is no text is set aside when it is needed.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        Err(error) => return Err(StorageError::file("read", path)(error)),
    }
    let Some(rest) = head.strip_prefix("{\"format\":") else { return Ok(None) };
    Ok(rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()))
}

/// Renames a file that does not parse, so that it can be looked at and nothing overwrites it.
fn set_aside(path: &Path) -> Result<PathBuf, StorageError> {
    let candidates = (0_u32..).map(|n| path.with_extension(format!("json.broken-{n}")));
    let aside = candidates.into_iter().find(|path| !path.exists()).expect("a directory has fewer than 2^32 files");
    fs::rename(path, &aside).map_err(StorageError::file("set aside", path))?;
    Ok(aside)
}
