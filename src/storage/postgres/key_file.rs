//! The file with the keys of the logins: read, made, and given a new key.

#[cfg(test)]
#[path = "key_file_tests.rs"]
mod tests;

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustix::io::Errno;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use tempfile::{Builder, NamedTempFile};

use super::seal::{KEY_BYTES, Keys};
use super::uuid::{is_uuid, random_uuid};
use crate::process;
use crate::regular_file::{self, Links, MOST_BYTES};
use crate::storage::error::is_unsupported;

/// What the file begins with.
const HEADING: &str = "# The key of the logins that withings-exporter keeps in PostgreSQL. Who has it and the database has the \
     logins.\n# Keep a copy where the database's backups are not: without it no login in them can be used.\n";

/// How many keys a file may have: one that seals, and a former one that opens.
const MOST_KEYS: usize = 2;

/// What the group and all others may do with a file.
const OF_GROUP: u32 = 0o070;
const OF_OTHERS: u32 = 0o007;
const GROUP_READS: u32 = 0o040;

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}", path = path.display())]
pub struct KeyFileError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there is no such key file; bring the installation's own, or make one for a new installation with `withings-exporter storage new-key --storage.key-file {path}`", path = .0.display())]
    Missing(PathBuf),
    #[error("the key file cannot be read: {0}")]
    Read(io::Error),
    #[error("the key file cannot be written: {0}")]
    Write(io::Error),
    #[error("the key file is there already")]
    Exists,
    #[error("the key file is a symbolic link; name the file that it leads to")]
    Link,
    #[error("the key file belongs to user {owner}, and this is user {user}; `chown {user} {path}` gives it to the latter", path = path.display())]
    Owner { path: PathBuf, owner: u32, user: u32 },
    #[error("others may read or write the key file (mode {mode:03o}), and with it they have the logins; `chmod 600 {path}` takes that away. In Kubernetes `defaultMode: 0440` fits a secret", path = path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("the key file is not UTF-8 text")]
    Text,
    #[error(
        "line {0} of the key file is neither `installation: UUID` nor `key: BASE64`, nor a comment that begins with #"
    )]
    Line(usize),
    #[error("line {0} of the key file: a key is the base64 of 32 bytes; `withings-exporter storage new-key` makes one")]
    Key(usize),
    #[error("line {0} of the key file: an installation is a UUID, once, in lower case")]
    Installation(usize),
    #[error("the key file names no installation (`installation: UUID`)")]
    NoInstallation,
    #[error("the key file has no key (`key: BASE64`)")]
    NoKey,
    #[error("the key file has the same key twice")]
    SameKey,
    #[error(
        "the key file has more than two keys; only the first, which seals, and the one before it, which opens, can be there"
    )]
    ThreeKeys,
    #[error(
        "the key file has two keys already, and logins that were sealed with the second would be lost; delete its line when every login has been sealed anew, and then make a new key"
    )]
    NoRoom,
}

/// What a file says.
struct Content {
    installation: String,
    /// One or two.
    keys: Vec<SecretBox<[u8; KEY_BYTES]>>,
}

/// What became of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It was made, for a new installation.
    Made,
    /// A new key was put before the one that it had.
    Added,
}

impl Keys {
    /// Reads the key file at `path`, which only the user of this process may read; one of root may be read by a group too, as
    /// Kubernetes mounts secrets.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let Content { installation, keys } = read(path, Links::Followed)?.0;
        let former = keys.get(1).map(ExposeSecret::expose_secret);
        Ok(Self::new(installation, keys[0].expose_secret(), former))
    }
}

/// Makes a key file at `path` for a new installation: a random id, a random key, readable by this user alone. Fails where there
/// is a file already.
pub fn make(path: &Path) -> Result<(), KeyFileError> {
    let content = Content { installation: random_uuid(), keys: vec![random_key()] };
    let written = temporary(path).and_then(|file| fill(file, &content));
    let placed = written.and_then(|file| Ok(file.persist_noclobber(path)?)).and_then(|_| sync_folder(path));
    placed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => failed(path, Problem::Exists),
        _ => failed(path, Problem::Write(error)),
    })
}

/// Puts a new key before the one in the file at `path`, or makes the file where there is none. A crash at any moment leaves the
/// old file or the new one. Never takes a key out.
pub fn renew(path: &Path) -> Result<Renewed, KeyFileError> {
    if let Err(error) = fs::symlink_metadata(path) {
        return match error.kind() {
            io::ErrorKind::NotFound => make(path).map(|()| Renewed::Made),
            _ => Err(failed(path, Problem::Read(error))),
        };
    }
    let (mut content, found) = read(path, Links::Refused)?;
    if content.keys.len() == MOST_KEYS {
        return Err(failed(path, Problem::NoRoom));
    }
    content.keys.insert(0, random_key());
    replace(path, &content, &found).map_err(|error| failed(path, Problem::Write(error)))?;
    Ok(Renewed::Added)
}

/// Replaces the file at `path`; owner and permissions stay as they were found.
fn replace(path: &Path, content: &Content, found: &Metadata) -> io::Result<()> {
    let file = temporary(path)?;
    let made = file.as_file().metadata()?;
    if (made.uid(), made.gid()) != (found.uid(), found.gid()) {
        fchown(file.as_file(), Some(found.uid()), Some(found.gid()))?;
    }
    file.as_file().set_permissions(found.permissions())?;
    fill(file, content)?.persist(path)?;
    sync_folder(path)
}

/// A file that only this user may read, beside `path`.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(".key-").suffix(".new").tempfile_in(folder(path))
}

fn fill(mut file: NamedTempFile, content: &Content) -> io::Result<NamedTempFile> {
    file.write_all(content.text().expose_secret().as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes the file's name durable. Some file systems cannot, and the file itself is synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all().or_else(|error| if is_unsupported(&error) { Ok(()) } else { Err(error) })
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The content of the file, and whose it is.
fn read(path: &Path, links: Links) -> Result<(Content, Metadata), KeyFileError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => failed(path, Problem::Missing(path.to_owned())),
        _ if Errno::from_io_error(&error) == Some(Errno::LOOP) => failed(path, Problem::Link),
        _ => failed(path, Problem::Read(error)),
    };
    let file = regular_file::open(path, links).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.is_file() {
        check_closed(path, &found, process::user()).map_err(|problem| failed(path, problem))?;
    }
    let bytes = regular_file::content(file, MOST_BYTES).map_err(unreadable)?;
    let text = SecretString::from(String::from_utf8(bytes).map_err(|_| failed(path, Problem::Text))?);
    let content = Content::parse(text.expose_secret()).map_err(|problem| failed(path, problem))?;
    Ok((content, found))
}

/// Whether a file is for `user` alone.
fn check_closed(path: &Path, found: &Metadata, user: u32) -> Result<(), Problem> {
    let (path, mode, owner) = (path.to_owned(), found.permissions().mode() & 0o777, found.uid());
    if owner != user && owner != 0 {
        return Err(Problem::Owner { path, owner, user });
    }
    let is_mounted_secret = owner == 0 && mode & OF_GROUP == GROUP_READS;
    if mode & OF_OTHERS != 0 || (mode & OF_GROUP != 0 && !is_mounted_secret) {
        return Err(Problem::Open { path, mode });
    }
    Ok(())
}

impl Content {
    fn parse(text: &str) -> Result<Self, Problem> {
        let (mut installation, mut keys) = (None, Vec::new());
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(Problem::Line(number))?;
            match (name.trim(), value.trim()) {
                ("installation", value) if installation.is_none() && is_uuid(value) => {
                    installation = Some(value.to_owned());
                }
                ("installation", _) => return Err(Problem::Installation(number)),
                ("key", value) => keys.push(key(value).ok_or(Problem::Key(number))?),
                _ => return Err(Problem::Line(number)),
            }
        }
        let installation = installation.ok_or(Problem::NoInstallation)?;
        match &keys[..] {
            [] => Err(Problem::NoKey),
            [first, second] if first.expose_secret() == second.expose_secret() => Err(Problem::SameKey),
            [_] | [_, _] => Ok(Self { installation, keys }),
            _ => Err(Problem::ThreeKeys),
        }
    }

    fn text(&self) -> SecretString {
        let keys = self.keys.iter().map(|key| format!("key: {}\n", BASE64_STANDARD.encode(key.expose_secret())));
        format!("{HEADING}installation: {}\n{}", self.installation, keys.collect::<String>()).into()
    }
}

fn key(text: &str) -> Option<SecretBox<[u8; KEY_BYTES]>> {
    let bytes: [u8; KEY_BYTES] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(SecretBox::new(Box::new(bytes)))
}

fn random_key() -> SecretBox<[u8; KEY_BYTES]> {
    SecretBox::init_with_mut(|bytes: &mut [u8; KEY_BYTES]| {
        rand::fill(bytes).expect("the system has random numbers: TLS needs them too");
    })
}

fn failed(path: &Path, problem: Problem) -> KeyFileError {
    KeyFileError { path: path.to_owned(), problem }
}
