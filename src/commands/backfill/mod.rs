//! `backfill`: the history of profiles, to a file, to standard output or to a server. Works beside a running exporter.

mod progress;
mod question;
mod report;

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::task::spawn_blocking;

use super::serve::Signals;
use crate::app::{logins, settle};
use crate::cli::{BackfillFlags, Flags, Output, UsageError};
use crate::clock::Clock;
use crate::config::Config;
use crate::history::{self, Fetch, FileFormat, HistoryError, Question, Work};
use crate::login::Logins;
use crate::remote_write::{Push, Target, TimeSeries};
use crate::storage::{Class, Storage};
use crate::telemetry::{Build, Telemetry};
use crate::visible::Terminal;
use report::{Given, Report};

/// The text while it is written, in the work directory.
const UNFINISHED: &str = "history";

/// How a server's confirmations are kept, in the work directory.
const CHECKPOINT: &str = "push";

/// Fetches what `asked` names and writes or sends it, until SIGTERM or SIGINT.
pub(super) fn run(flags: &Flags, asked: &BackfillFlags, out: &mut dyn Write) -> Result<()> {
    let config = super::config(flags, &super::security(flags)?)?;
    let telemetry = Telemetry::new(Build::this());
    let runtime = super::runtime()?;
    let report = runtime.block_on(async {
        let storage = super::place::joined(flags, &telemetry).await?;
        let backfill = Backfill::new(config, storage, Clock::system(), telemetry, asked).await?;
        let signals = Signals::listen()?;
        backfill.run(signals.received()).await
    });
    // A thread may still sort or write: what it does is begun anew.
    runtime.shutdown_background();
    let report = report?;
    if report.takes_stdout() { report.print(&mut Terminal(io::stderr())) } else { report.print(out) }
}

/// A history to be fetched and to be given to somebody.
pub struct Backfill {
    config: Config,
    storage: Storage,
    clock: Clock,
    telemetry: Telemetry,
    answer: Answer,
}

/// A question, and what is done with its answer.
pub(super) struct Answer {
    question: Question,
    destination: Destination,
    /// Where it is worked.
    directory: PathBuf,
}

/// Where a history goes.
#[derive(Debug)]
enum Destination {
    Stdout(FileFormat),
    File(PathBuf, FileFormat),
    Server(Target),
}

impl Backfill {
    /// Understands what `asked` wants of the profiles of `config`.
    pub async fn new(
        config: Config,
        storage: Storage,
        clock: Clock,
        telemetry: Telemetry,
        asked: &BackfillFlags,
    ) -> Result<Self> {
        let destination = Destination::of(asked)?;
        let directory = destination.directory(&storage);
        let question = question::question(&config, &storage, asked, clock.unix()).await?;
        Ok(Self { config, storage, clock, telemetry, answer: Answer { question, destination, directory } })
    }

    /// Fetches the history and gives it away, unless it is `interrupted`.
    pub async fn run(self, interrupted: impl Future<Output = ()>) -> Result<Report> {
        let Self { config, storage, clock, telemetry, answer } = self;
        let (logins, _) = logins(&config, &storage, &clock, &telemetry)?;
        let work = async { answer.give(&logins, &telemetry, config.requests_per_minute, clock.unix()).await };
        let report = tokio::select! {
            report = work => report.map_err(with_advice),
            () = interrupted => Err(anyhow::anyhow!("interrupted; the same command goes on from here")),
        };
        // A new pair of tokens must be stored before the process ends.
        settle(&storage).await;
        report
    }
}

impl Answer {
    /// The whole history of everybody in `storage` with these labels, to a file.
    pub(super) async fn to_file(
        config: &Config,
        storage: &Storage,
        file: &Path,
        labels: Vec<(String, String)>,
        now: i64,
    ) -> Result<Self> {
        let destination = Destination::file(file.to_owned(), FileFormat::OpenMetrics)?;
        let directory = destination.directory(storage);
        let question =
            Question { labels, ..question::question(config, storage, &BackfillFlags::default(), now).await? };
        Ok(Self { question, destination, directory })
    }

    /// Fetches through `logins`, a half of the `per_minute` calls at most, and gives the history away.
    pub(super) async fn give(
        self,
        logins: &Logins,
        telemetry: &Telemetry,
        per_minute: NonZeroU32,
        now: i64,
    ) -> Result<Report> {
        let Self { question, destination, directory } = self;
        let work =
            spawn_blocking(move || Work::begin(&directory, question, now)).await.expect("storage does not panic")?;
        if work.is_resumed() {
            tracing::info!("an interrupted backfill goes on; what it has fetched is there");
        }
        let mut display = progress::display();
        let mut fetch =
            Fetch::new(work.clone(), telemetry.clone(), half(per_minute), |progress| display.show(progress));
        for (place, person) in work.asked().question.people.iter().enumerate() {
            let profile = logins.profile(&person.profile).context("the profile is configured")?;
            fetch.person(place, &logins.caller(&profile, Class::Backfill)).await?;
        }
        let left_out = fetch.left_out().to_vec();
        drop(fetch);
        drop(display);
        tracing::info!("all history has been read from Withings; writing it");
        let given = destination.take(&work).await?;
        spawn_blocking(move || work.finish()).await.expect("storage does not panic")?;
        Ok(Report { given, left_out, now })
    }
}

impl Destination {
    fn of(asked: &BackfillFlags) -> Result<Self> {
        match (&asked.output, &asked.url) {
            (Some(Output::Stdout), _) => Ok(Self::Stdout(asked.format)),
            (Some(Output::File(path)), _) => Self::file(path.clone(), asked.format),
            (None, Some(url)) => Ok(Self::Server(url.parse().map_err(|error| UsageError(format!("--url: {error}")))?)),
            (None, None) => bail!(UsageError("write to a --output, or send to a --url".to_owned())),
        }
    }

    /// A file that can be put in place whole.
    fn file(path: PathBuf, format: FileFormat) -> Result<Self> {
        let shown = path.display();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!(UsageError(format!("--output: {shown}: there is no directory {}", folder.display())));
        }
        match fs::metadata(&path) {
            Ok(there) if !there.is_file() => {
                bail!(UsageError(format!("--output: {shown}: this is no file; - is standard output")))
            }
            _ => Ok(Self::File(path, format)),
        }
    }

    /// Where it is worked: beside the file, so that the file can be put in place by a rename.
    fn directory(&self, storage: &Storage) -> PathBuf {
        match self {
            Self::File(path, _) => {
                let mut parts = path.clone().into_os_string();
                parts.push(".parts");
                parts.into()
            }
            Self::Stdout(_) | Self::Server(_) => storage.backfill_directory(),
        }
    }

    /// Gives it the series of what was fetched.
    async fn take(self, work: &Work) -> Result<Given> {
        let sorted = work.clone();
        match self {
            Self::Stdout(format) => {
                let write = move || history::write(sorted.reader()?, format, io::stdout().lock());
                let written = spawn_blocking(write).await.expect("writing does not panic").map_err(broken_pipe)?;
                Ok(Given::Stdout(format, written))
            }
            Self::File(path, format) => {
                let write = move || {
                    let file = sorted.create(UNFINISHED)?;
                    let written = history::write(sorted.reader()?, format, &file)?;
                    sorted.publish(UNFINISHED, &file, &path)?;
                    Ok::<_, HistoryError>(Given::File(path, format, written))
                };
                Ok(spawn_blocking(write).await.expect("writing does not panic")?)
            }
            Self::Server(target) => {
                let mut push = Push::prepare(target.clone(), &work.identity(), work.path(CHECKPOINT))?;
                let before = push.confirmed();
                let reader = spawn_blocking(move || sorted.reader()).await.expect("sorting does not panic")?;
                let mut display = progress::display();
                let series = reader.map(|stretch| stretch.map(|stretch| TimeSeries::of(stretch.samples())));
                push.send(series, |samples| display.sent(samples)).await?;
                drop(display);
                Ok(Given::Server { target, samples: push.confirmed(), before })
            }
        }
    }
}

/// How many calls a backfill makes in a minute when it goes as fast as it may.
fn half(per_minute: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(per_minute.get() / 2).unwrap_or(NonZeroU32::MIN)
}

/// A reader of standard output that has seen enough is no failure.
fn broken_pipe(error: HistoryError) -> anyhow::Error {
    match error {
        HistoryError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => error.into(),
        error => error.into(),
    }
}

/// Says that nothing is lost, where that is so.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(HistoryError::Call { .. }) => {
            error.context("not everything was fetched; the same command goes on from here")
        }
        _ => error,
    }
}
