//! One stored file: JSON, with the version of its format around what is stored.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{StorageError, atomic};

/// The format that is written. It grows when an older program would misread what is stored, not when a field is added
/// that it may ignore. Files without a version are from before there were any, and of the same content.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    content: &'a T,
}

#[derive(Deserialize)]
struct Versioned<'a> {
    format: u32,
    /// Nothing that we would find in a newer format.
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Why a file is of no use.
enum Unusable {
    /// A newer program wrote it.
    Newer(u32),
    /// It is not whole, or no such file.
    Broken(serde_json::Error),
}

/// Replaces the file at `path` by `value`.
pub fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StorageError> {
    atomic::write(path, &Written { format: FORMAT, content: value })
}

/// Reads a file; `None` if there is none, or if it is of no use and was set aside.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StorageError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::new("read", path)(error)),
    };
    let why = match parse(&bytes) {
        Ok(value) => return Ok(Some(value)),
        Err(why) => why,
    };
    let aside = set_aside(path)?;
    let (file, aside) = (path.display(), aside.display());
    match why {
        Unusable::Newer(format) => tracing::error!(
            %file, %aside, format, known = FORMAT,
            "a stored file was written by a newer version of this program; it was set aside and is treated as missing"
        ),
        // The position tells enough: the text of the error could repeat what the file says.
        Unusable::Broken(error) => tracing::error!(
            %file, %aside, line = error.line(), column = error.column(),
            "a stored file does not parse; it was set aside and is treated as missing"
        ),
    }
    Ok(None)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unusable> {
    let Ok(Versioned { format, content }) = serde_json::from_slice(bytes) else {
        return serde_json::from_slice(bytes).map_err(Unusable::Broken);
    };
    if format != FORMAT {
        return Err(Unusable::Newer(format));
    }
    serde_json::from_str(content.map_or("", RawValue::get)).map_err(Unusable::Broken)
}

/// Renames a file that is of no use, so that somebody can look at it and nothing overwrites it.
fn set_aside(path: &Path) -> Result<PathBuf, StorageError> {
    let candidates = (0_u32..).map(|n| path.with_extension(format!("json.broken-{n}")));
    let aside = candidates.into_iter().find(|it| !it.exists()).expect("a directory has fewer than 2^32 files");
    fs::rename(path, &aside).map_err(StorageError::new("set aside", path))?;
    Ok(aside)
}
