//! How much the program writes to its storage directory while nothing happens.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::figures::announce;
use crate::home::{Home, until_up};
use crate::refresh::settle;
use crate::simulation::Simulation;

const PROFILES: u64 = 2;

/// Written once a minute, whatever the interval is.
const BY_THE_MINUTE: &str = "plans.json";

/// Changed in place; everything else is replaced whole.
const IN_PLACE: &str = "budget";

/// The shortest interval.
const INTERVAL: &str = "refresh_interval: 15s";

/// With that interval there are as many refreshes in this time as in an hour with the interval of 5 minutes.
const WATCHED: Duration = Duration::from_mins(3);

/// How long the first reads and what follows them may take.
const SETTLED: Duration = Duration::from_mins(1);

/// How often the kernel's list of events is emptied.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn run() -> Result<()> {
    announce("writes", "writes to the storage directory in an hour without news, at the default interval");
    println!(
        "{PROFILES} profiles, watched by inotify for {WATCHED:?} at an interval of 15 s, which are the refreshes of an hour;"
    );
    println!(
        "what is written by the minute counts 20 times. A file that is replaced counts with its whole size, the budget"
    );
    println!("with its 32 bytes for each request; calls that are made once an hour are not among them");
    let simulation = Simulation::start(1)?;
    let names = settle(&simulation, PROFILES)?;
    let home = Home::new(&names, simulation.url()?.as_str(), 120)?;
    home.configure(INTERVAL)?;
    let program = home.start()?;
    drop(program.connect()?);
    names.iter().try_for_each(|name| simulation.log_in(program.address, name))?;
    until_up(&program, &names)?;
    sleep(SETTLED);
    let before = program.written()?;
    let written = Watch::on(&home.storage_path())?.for_a_while()?;
    let on_disk = program.written()? - before;
    let minutes = u32::try_from(Duration::from_hours(1).as_secs() / WATCHED.as_secs())?;
    let (mut times, mut bytes) = (0, 0);
    for (name, Written { times: some, bytes: of_them }) in written {
        let factor = u64::from(if name == BY_THE_MINUTE { minutes } else { 1 });
        println!("{name}: {} writes, {} bytes", some * factor, of_them * factor);
        (times, bytes) = (times + some * factor, bytes + of_them * factor);
    }
    println!("in an hour: {times} writes, {bytes} bytes");
    println!("by /proc/PID/io, whole pages while it was watched: {on_disk} bytes (0 where the directory is in memory)");
    Ok(())
}

/// What was written to one file, or to all of a folder.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    times: u64,
    bytes: u64,
}

/// A look at a storage directory and its folders.
struct Watch {
    inotify: Inotify,
    folders: BTreeMap<WatchDescriptor, PathBuf>,
    root: PathBuf,
}

impl Watch {
    fn on(root: &Path) -> Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let mut watched = vec![root.to_owned()];
        for entry in fs::read_dir(root)? {
            watched.extend(Some(entry?.path()).filter(|path| path.is_dir()));
        }
        let flags = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        let folders = watched.into_iter().map(|folder| Ok((inotify.add_watch(&folder, flags)?, folder)));
        Ok(Self { folders: folders.collect::<Result<_>>()?, inotify, root: root.to_owned() })
    }

    /// What is written in the time that is watched, by the name of the file, or of its folder.
    fn for_a_while(&self) -> Result<BTreeMap<String, Written>> {
        let mut written = BTreeMap::new();
        let mut modified = HashSet::new();
        let began = Instant::now();
        while began.elapsed() < WATCHED {
            sleep(LOOK);
            self.empty(&mut modified, &mut written)?;
        }
        Ok(written)
    }

    /// Takes the events that have come.
    fn empty(&self, modified: &mut HashSet<PathBuf>, written: &mut BTreeMap<String, Written>) -> Result<()> {
        let events = match self.inotify.read_events() {
            Err(Errno::EAGAIN) => return Ok(()),
            events => events?,
        };
        for event in events {
            let Some(name) = event.name else { continue };
            let path = self.folders.get(&event.wd).context("a folder that is not watched")?.join(name);
            let is_in_place = path.ends_with(IN_PLACE);
            if event.mask.contains(AddWatchFlags::IN_MODIFY) {
                modified.insert(path.clone());
            }
            let is_closed = event.mask.contains(AddWatchFlags::IN_CLOSE_WRITE) && modified.remove(&path);
            if event.mask.contains(AddWatchFlags::IN_MOVED_TO) || is_in_place && is_closed {
                let of_it = written.entry(self.named(&path)).or_default();
                of_it.times += 1;
                of_it.bytes += fs::metadata(&path)?.len();
            }
        }
        Ok(())
    }

    fn named(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        below.iter().next().unwrap_or_default().to_string_lossy().into_owned()
    }
}
