//! The tracks of one person on disk, to be read again one at a time: what a history needs of memory is one person's tracks when
//! they are written and one track when they are read, however many people there are.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::timeline::{Topic, Track};

/// The tracks of one person, in the order of a page.
pub(super) struct Spool {
    /// The file is opened anew for each track: there may be more people than a process may open files.
    path: PathBuf,
    /// Where each track that is still to be read begins, bytes.
    begins: VecDeque<(Topic, u64)>,
}

impl Spool {
    /// Writes `tracks` to `file`, which is at `path` and empty: a track in each line, in any order.
    pub(super) fn write(tracks: impl Iterator<Item = (Topic, Track)>, file: File, path: PathBuf) -> io::Result<Self> {
        let mut out = BufWriter::new(file);
        let mut begins = Vec::new();
        let mut write = |topic, track: &Track| -> io::Result<()> {
            begins.push((topic, track.measurement, out.stream_position()?));
            serde_json::to_writer(&mut out, track)?;
            out.write_all(b"\n")
        };
        for (topic, track) in tracks {
            write(topic, &track)?;
            if let Some(times) = track.into_times() {
                write(Topic::Times, &times)?;
            }
        }
        out.flush()?;
        begins.sort_by_key(|(topic, measurement, _)| (*topic, *measurement));
        Ok(Self { path, begins: begins.into_iter().map(|(topic, _, begin)| (topic, begin)).collect() })
    }

    /// The next track if it is about `topic`.
    pub(super) fn next_about(&mut self, topic: Topic) -> io::Result<Option<Track>> {
        let Some((_, begin)) = self.begins.pop_front_if(|(next, _)| *next == topic) else { return Ok(None) };
        let mut file = BufReader::new(File::open(&self.path)?);
        file.seek(SeekFrom::Start(begin))?;
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line)?;
        Ok(Some(serde_json::from_slice(&line)?))
    }
}
