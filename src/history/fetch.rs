//! Fetching: one person's calls, window by window, as patient as the loop of the exporter.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::HistoryError;
use super::work::{Part, Work};
use crate::catalogue::Call;
use crate::login::{Caller, LoginError, Next, after_failure};
use crate::telemetry::log::with_causes;
use crate::telemetry::{Telemetry, Unknown};
use crate::withings::calls::sleep_get::SPAN;
use crate::withings::calls::{
    Context, Getactivity, Getintradayactivity, Getmeas, Getsummary, Getworkouts, HeartList, PastCall, RowKey, SleepGet,
};
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::AnswerPage;
use crate::zone::Zone;

/// For so long a call that fails is repeated before the whole is given up.
const PATIENCE: Duration = Duration::from_mins(30);

/// The pause where the exporter would wait for its next interval.
const INTERVAL: Duration = Duration::from_mins(5);

/// How far fetching has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchProgress {
    /// Whose history is fetched.
    pub profile: Arc<str>,
    /// The call that is made.
    pub call: Call,
    /// The end of the days whose answers are there, Unix seconds.
    pub reached: i64,
    /// How many values have come since the start.
    pub values: u64,
    /// The answers that are there, of all people.
    pub done: u64,
    /// How many there will be, as far as is known.
    pub total: u64,
}

/// Fetches what a question needs, a person at a time.
pub struct Fetch<'a> {
    work: Work,
    telemetry: Telemetry,
    report: Box<dyn FnMut(&FetchProgress) + Send + 'a>,
    /// How many calls there are in a minute.
    per_minute: NonZeroU32,
    values: u64,
    done: u64,
    total: u64,
    left_out: Vec<(Arc<str>, Call)>,
}

/// Why a part is not there.
enum PartFailure {
    /// The login lacks the permission for the call.
    NotPermitted,
    /// Everything ends.
    Of(HistoryError),
}

impl<E: Into<HistoryError>> From<E> for PartFailure {
    fn from(error: E) -> Self {
        Self::Of(error.into())
    }
}

impl<'a> Fetch<'a> {
    /// A fetch for `work`, of so many calls in a minute. Values that are not known are counted by `telemetry`; `report`
    /// hears of every answer.
    pub fn new(
        work: Work,
        telemetry: Telemetry,
        per_minute: NonZeroU32,
        report: impl FnMut(&FetchProgress) + Send + 'a,
    ) -> Self {
        let asked = work.asked();
        let is_of_windows = |call: &Call| !matches!(call, Call::SleepGet | Call::Getintradayactivity);
        let calls = Call::DATA.into_iter().filter(|call| is_of_windows(call) && asked.question.needs(*call)).count();
        let total = calls * asked.windows().len() * asked.question.people.len();
        Self {
            work,
            telemetry,
            report: Box::new(report),
            per_minute,
            values: 0,
            done: 0,
            total: total as u64,
            left_out: Vec::new(),
        }
    }

    /// Fetches what is not there yet of the person at `place` of the question, through their login.
    pub async fn person(&mut self, place: usize, caller: &Caller) -> Result<(), HistoryError> {
        for call in Call::DATA {
            if !self.work.asked().question.needs(call) {
                continue;
            }
            match self.call(place, caller, call).await {
                Ok(()) => {}
                Err(PartFailure::NotPermitted) => self.leave_out(caller, call),
                Err(PartFailure::Of(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The calls that the logins do not permit, with their profiles.
    #[must_use]
    pub fn left_out(&self) -> &[(Arc<str>, Call)] {
        &self.left_out
    }

    async fn call(&mut self, place: usize, caller: &Caller, call: Call) -> Result<(), PartFailure> {
        match call {
            Call::SleepGet => return self.segments(place, caller).await,
            Call::Getintradayactivity => {
                let days = self.work.asked().days();
                return self.spans::<Getintradayactivity>(place, caller, days).await;
            }
            _ => {}
        }
        for window in self.work.asked().windows() {
            let part = Part { place, call, from: Zone::UTC.midnight(window.from) };
            let rows = self.work.asked().rows(call, window);
            match call {
                Call::Getmeas => self.part::<Getmeas>(caller, part, rows).await?,
                Call::Getsummary => self.part::<Getsummary>(caller, part, rows).await?,
                Call::Getactivity => self.part::<Getactivity>(caller, part, rows).await?,
                Call::Getworkouts => self.part::<Getworkouts>(caller, part, rows).await?,
                Call::HeartList => self.part::<HeartList>(caller, part, rows).await?,
                _ => unreachable!("the question needs no other call"),
            }
            self.report(caller, call, Zone::UTC.midnight(window.to));
        }
        Ok(())
    }

    /// The stages of the nights that were fetched.
    async fn segments(&mut self, place: usize, caller: &Caller) -> Result<(), PartFailure> {
        let work = self.work.clone();
        let sleeps = spawn_blocking(move || work.sleeps(place)).await.expect("reading parts does not panic")?;
        let spans = sleeps.spans(&self.work.asked().detailed(), SPAN);
        self.spans::<SleepGet>(place, caller, spans).await
    }

    /// What costs a call for each of these spans, Unix seconds; how many calls that is, is said before.
    async fn spans<C: PastCall>(
        &mut self,
        place: usize,
        caller: &Caller,
        spans: Vec<(i64, i64)>,
    ) -> Result<(), PartFailure> {
        let part = |from| Part { place, call: C::CALL, from };
        self.total += spans.len() as u64;
        let calls = spans.iter().filter(|(from, _)| !self.work.has(part(*from))).count();
        let minutes = calls.div_ceil(self.per_minute.get() as usize);
        tracing::info!(profile = %caller.profile(), call = %C::CALL, calls, minutes, "each night or day costs a call");
        for (from, to) in spans {
            self.part::<C>(caller, part(from), RowSelection::Between { from, to }).await?;
            self.report(caller, C::CALL, to);
        }
        Ok(())
    }

    /// Makes a call with all its pages, unless that was done before, and keeps what matters of the rows.
    async fn part<C: PastCall>(&mut self, caller: &Caller, part: Part, rows: RowSelection) -> Result<(), PartFailure> {
        if self.work.has(part) {
            return Ok(());
        }
        let rows = patiently::<C>(caller, &C::request(rows)).await?;
        if caller.user_id().as_deref() != Some(&*self.work.asked().question.people[part.place].user_id) {
            return Err(HistoryError::AnotherPerson(Arc::clone(caller.profile())).into());
        }
        let mut unknown = |kind: Unknown, what: &dyn Display, row: RowKey| {
            self.telemetry.unknown(kind, what, (caller.profile(), C::CALL, row));
        };
        let kept = C::keep(&rows, &mut Context::new(caller.server_now(), &mut unknown));
        self.values += C::values(&kept) as u64;
        let work = self.work.clone();
        spawn_blocking(move || work.save(part, &kept)).await.expect("saving a part does not panic")?;
        Ok(())
    }

    fn report(&mut self, caller: &Caller, call: Call, reached: i64) {
        self.done += 1;
        let profile = Arc::clone(caller.profile());
        let Self { values, done, total, .. } = *self;
        (self.report)(&FetchProgress { profile, call, reached, values, done, total });
    }

    fn leave_out(&mut self, caller: &Caller, call: Call) {
        let (profile, scope) = (caller.profile(), call.scope().unwrap_or_default());
        tracing::warn!(%profile, %call, scope, "the login lacks the permission; this call is left out");
        self.left_out.push((Arc::clone(profile), call));
    }
}

/// Makes a call with all its pages, again and again for half an hour.
async fn patiently<P: AnswerPage>(caller: &Caller, request: &Request) -> Result<Vec<P::Row>, PartFailure> {
    let (began, mut failures) = (Instant::now(), 0);
    loop {
        let error = match caller.rows::<P>(request).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        failures += 1;
        let pause = match after_failure(&error, failures, fastrand::f64()) {
            Next::After(pause) => Some(pause),
            Next::Interval => Some(INTERVAL),
            Next::NewLogin if matches!(error, LoginError::Call(_)) => return Err(PartFailure::NotPermitted),
            Next::NewLogin => None,
        };
        let profile = caller.profile();
        let Some(pause) = pause.filter(|pause| began.elapsed() + *pause <= PATIENCE) else {
            return Err(HistoryError::Call { profile: Arc::clone(profile), call: request.call, source: error }.into());
        };
        tracing::warn!(%profile, call = %request.call, error = with_causes(&error), seconds = pause.as_secs(), "a call failed and is repeated");
        sleep(pause).await;
    }
}
