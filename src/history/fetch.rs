//! Fetching: one person's calls, window by window, as patient as the loop of the exporter.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::HistoryError;
use super::question::{Window, midnight};
use super::work::{Part, Work};
use crate::catalogue::Call;
use crate::session::{Next, Session, SessionError, after_failure};
use crate::telemetry::{Telemetry, Unknown};
use crate::withings::activity::Days;
use crate::withings::client::{Request, Rows};
use crate::withings::measures::{self, Context};
use crate::withings::wire::{Getactivity, Getmeas, Getsummary, Getworkouts, Page, SleepGet};
use crate::withings::{sleep, workouts};

/// For so long a call that fails is repeated before the whole is given up.
const PATIENCE: Duration = Duration::from_mins(30);

/// The pause where the exporter would wait for its next interval.
const INTERVAL: Duration = Duration::from_mins(5);

/// How far fetching has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whose history is fetched.
    pub profile: Arc<str>,
    /// The call that is made.
    pub call: Call,
    /// The end of the days whose answers are there, Unix seconds.
    pub reached: i64,
    /// The answers that are there, of all people.
    pub done: u64,
    /// How many there will be, as far as is known.
    pub total: u64,
}

/// Fetches what a question needs, a person at a time.
pub struct Fetch<'a> {
    work: Work,
    telemetry: Telemetry,
    report: Box<dyn FnMut(&Progress) + Send + 'a>,
    done: u64,
    total: u64,
    left_out: Vec<(Arc<str>, Call)>,
}

/// Why a part is not there.
enum Failure {
    /// The login lacks the permission for the call.
    NotPermitted,
    /// Everything ends.
    Of(HistoryError),
}

impl<E: Into<HistoryError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Of(error.into())
    }
}

impl<'a> Fetch<'a> {
    /// A fetch for `work`. Values that are not known are counted by `telemetry`; `report` hears of every answer.
    pub fn new(work: Work, telemetry: Telemetry, report: impl FnMut(&Progress) + Send + 'a) -> Self {
        let asked = work.asked();
        let calls = Call::DATA.into_iter().filter(|it| *it != Call::SleepGet && asked.question.needs(*it)).count();
        let total = calls * asked.windows().len() * asked.question.people.len();
        Self { work, telemetry, report: Box::new(report), done: 0, total: total as u64, left_out: Vec::new() }
    }

    /// Fetches what is not there yet of the person at `place` of the question, through their login.
    pub async fn person(&mut self, place: usize, session: &Session) -> Result<(), HistoryError> {
        for call in Call::DATA {
            if !self.work.asked().question.needs(call) {
                continue;
            }
            match self.call(place, session, call).await {
                Ok(()) => {}
                Err(Failure::NotPermitted) => self.leave_out(session, call),
                Err(Failure::Of(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The calls that the logins do not permit, with their profiles.
    #[must_use]
    pub fn left_out(&self) -> &[(Arc<str>, Call)] {
        &self.left_out
    }

    async fn call(&mut self, place: usize, session: &Session, call: Call) -> Result<(), Failure> {
        if call == Call::SleepGet {
            return self.segments(place, session).await;
        }
        for Window { from, to } in self.work.asked().windows() {
            let part = Part { place, call, from: midnight(from) };
            let rows = Rows::Days { from, to };
            match call {
                Call::Getmeas => {
                    self.part::<Getmeas, _>(session, part, Request::getmeas(rows), measures::each_moment).await?;
                }
                Call::Getsummary => {
                    self.part::<Getsummary, _>(session, part, Request::getsummary(rows), sleep::latest_versions)
                        .await?;
                }
                Call::Getactivity => {
                    let days = |rows: &[_], context: &mut Context<'_>| [Days::choose(rows, context)];
                    self.part::<Getactivity, _>(session, part, Request::getactivity(rows), days).await?;
                }
                Call::Getworkouts => {
                    self.part::<Getworkouts, _>(session, part, Request::getworkouts(rows), workouts::each).await?;
                }
                _ => unreachable!("the question needs no other call"),
            }
            self.report(session, call, midnight(to));
        }
        Ok(())
    }

    /// The stages of the nights that were fetched.
    async fn segments(&mut self, place: usize, session: &Session) -> Result<(), Failure> {
        let work = self.work.clone();
        let sleeps = spawn_blocking(move || work.sleeps(place)).await.expect("reading parts does not panic")?;
        let spans = sleeps.spans(&self.work.asked().stages());
        self.total += spans.len() as u64;
        for (from, to) in spans {
            let part = Part { place, call: Call::SleepGet, from };
            let keep = |segments: &[_], context: &mut Context<'_>| {
                sleep::newest_segment(segments, context);
                segments.to_vec()
            };
            self.part::<SleepGet, _>(session, part, Request::sleep_get(from, to), keep).await?;
            self.report(session, Call::SleepGet, to);
        }
        Ok(())
    }

    /// Makes a call with all its pages, unless that was done before, and keeps what `choose` makes of the rows.
    async fn part<P: Page + 'static, T: Serialize + Send + 'static>(
        &mut self,
        session: &Session,
        part: Part,
        request: Request,
        choose: impl FnOnce(&[P::Row], &mut Context<'_>) -> T,
    ) -> Result<(), Failure> {
        if self.work.has(part) {
            return Ok(());
        }
        let rows = patiently::<P>(session, &request).await?;
        let user_id = session.status().borrow().user_id.clone();
        if user_id.as_deref() != Some(&*self.work.asked().question.people[part.place].user_id) {
            return Err(HistoryError::AnotherPerson(Arc::clone(session.profile())).into());
        }
        let mut unknown = |kind: Unknown, what: &dyn Display| self.telemetry.unknown(kind, what);
        let chosen = choose(&rows, &mut Context { server_now: session.server_now(), unknown: &mut unknown });
        let work = self.work.clone();
        spawn_blocking(move || work.save(part, &chosen)).await.expect("saving a part does not panic")?;
        Ok(())
    }

    fn report(&mut self, session: &Session, call: Call, reached: i64) {
        self.done += 1;
        let profile = Arc::clone(session.profile());
        (self.report)(&Progress { profile, call, reached, done: self.done, total: self.total });
    }

    fn leave_out(&mut self, session: &Session, call: Call) {
        let (profile, scope) = (session.profile(), call.scope().unwrap_or_default());
        tracing::warn!(%profile, %call, scope, "the login lacks the permission; this call is left out");
        self.left_out.push((Arc::clone(profile), call));
    }
}

/// Makes a call with all its pages, again and again for half an hour.
async fn patiently<P: Page + 'static>(session: &Session, request: &Request) -> Result<Vec<P::Row>, Failure> {
    let (began, mut failures) = (Instant::now(), 0);
    loop {
        let error = match session.rows::<P>(request).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        failures += 1;
        let pause = match after_failure(&error, failures, fastrand::f64()) {
            Next::After(pause) => Some(pause),
            Next::Interval => Some(INTERVAL),
            Next::NewLogin if matches!(error, SessionError::Call(_)) => return Err(Failure::NotPermitted),
            Next::NewLogin => None,
        };
        let profile = session.profile();
        let Some(pause) = pause.filter(|it| began.elapsed() + *it <= PATIENCE) else {
            return Err(HistoryError::Call { profile: Arc::clone(profile), call: request.call, source: error }.into());
        };
        tracing::warn!(%profile, call = %request.call, %error, seconds = pause.as_secs(), "a call failed and is repeated");
        sleep(pause).await;
    }
}
