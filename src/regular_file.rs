//! Reading a file that somebody else may have put there: regular, of a bounded size, and opened without waiting. A pipe or a
//! device in the place of a file would never end, and nothing that waits for it could be stopped.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The most that a configuration, a secret, a certificate, a login or the readings of a person may have, bytes: 8 MiB.
pub const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// How long everything that comes through a pipe may take.
const PIPE_WITHIN: Duration = Duration::from_secs(5);

/// When a file is read, which decides whether it may be a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// At the start of a command: a pipe is read within 5 s, as a shell makes one of `<(sops -d withings.yaml)`.
    Start,
    /// Again, while the program runs: what came through a pipe is gone, and nobody writes to it any more.
    Reload,
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is followed, as in a folder that Kubernetes makes of a `ConfigMap`.
    Followed,
    /// It is an error.
    Refused,
}

/// The content of the file at `path`, or of the one that `path` links to: a regular file of at most 8 MiB, or at the start a
/// pipe. Any other is an error that says what it is.
pub fn read(path: &Path, at: ReadAt) -> io::Result<Vec<u8>> {
    if at == ReadAt::Start && fs::metadata(path)?.file_type().is_fifo() {
        return read_pipe(path);
    }
    content(open(path, Links::Followed)?, MOST_BYTES)
}

/// Opens a file for reading, without waiting for a pipe or a device.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    let follow = match links {
        Links::Followed => OFlags::empty(),
        Links::Refused => OFlags::NOFOLLOW,
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | follow;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// The content of an open file, which must be regular and have at most so many bytes.
pub fn content(file: File, most: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(Errno::ISDIR.into());
    }
    if kind.is_fifo() {
        return Err(refused("it is a FIFO, which is read at the start only; write what it gives into a file"));
    }
    if !kind.is_file() {
        return Err(refused("it is a device or a socket; name a regular file"));
    }
    bounded(file, metadata.len(), most)
}

/// Reads a pipe to its end, in a thread: one that nobody writes to ends with the process.
fn read_pipe(path: &Path) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    // The receiver is gone when this has taken too long.
    thread::spawn(move || sender.send(File::open(path).and_then(|pipe| bounded(pipe, 0, MOST_BYTES))).ok());
    receiver.recv_timeout(PIPE_WITHIN).unwrap_or_else(|_| {
        let late = "it is a FIFO, and not everything came through it within 5 seconds";
        Err(io::Error::new(io::ErrorKind::TimedOut, late))
    })
}

/// The bytes of a file that says to have so many: some have more, as those of `/proc`.
fn bounded(file: File, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if length <= most {
        // With room for a byte more, so that the end is found without growing.
        bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX).saturating_add(1))?;
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if length.max(bytes.len() as u64) > most {
        let large = format!("it has more than {} MiB; is it the right file?", most / (1024 * 1024));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, large));
    }
    Ok(bytes)
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
