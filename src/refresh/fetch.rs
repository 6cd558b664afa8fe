//! One call of one profile: what to ask for, the answer, and what is known after it.

use super::profile_state::{Noted, Noting, ProfileState, Read, day};
use crate::catalogue::Call;
use crate::login::{Caller, LoginError};
use crate::telemetry::Telemetry;
use crate::withings::request::{Request, Rows};
use crate::withings::thin::{self, Thin};
use crate::withings::wire::{Getactivity, Getdevice, Getgoals, Getmeas, Getsummary, Getworkouts, Page, SleepGet};
use crate::withings::{measures, sleep, workouts};

/// Makes the calls of one profile and notes what they bring.
pub(super) struct Fetch<'a> {
    pub(super) caller: &'a Caller,
    pub(super) telemetry: &'a Telemetry,
    pub(super) state: &'a mut ProfileState,
}

impl Fetch<'_> {
    /// Makes `call`, with all its pages: everything that it brings is noted, or nothing.
    pub(super) async fn call(&mut self, call: Call) -> Result<(), LoginError> {
        match call {
            Call::Getmeas => {
                self.rows::<Getmeas>(call, Request::getmeas, measures::thin, ProfileState::note_measures).await
            }
            Call::Getsummary => {
                self.rows::<Getsummary>(call, Request::getsummary, sleep::thin, ProfileState::note_summaries).await
            }
            Call::SleepGet => self.segments().await,
            Call::Getactivity => self.days().await,
            Call::Getworkouts => {
                self.rows::<Getworkouts>(call, Request::getworkouts, workouts::thin, ProfileState::note_workouts).await
            }
            Call::Getdevice => self.whole::<Getdevice>(Request::getdevice(), ProfileState::note_devices).await,
            Call::Getgoals => self.whole::<Getgoals>(Request::getgoals(), ProfileState::note_goals).await,
            Call::Requesttoken | Call::Revoke | Call::Notify => {
                unreachable!("these are of logins and subscriptions")
            }
        }
    }

    /// Reads what has changed, or everything.
    async fn rows<P: Page>(
        &mut self,
        call: Call,
        request: fn(Rows) -> Request,
        thin: Thin<P::Row>,
        note: fn(&mut ProfileState, Read, &[P::Row], &Noting) -> Noted,
    ) -> Result<(), LoginError> {
        let mut read = self.state.next_read(call, self.caller.server_now());
        loop {
            // Of what has changed each row matters: the value that it had may be shown.
            let thin = if read.is_of_everything() { thin } else { thin::not };
            let rows = match self.read::<P>(request(read.rows()), thin).await {
                Err(error) if read.is_refused_as_a_whole(call, &error) => {
                    read = read.by_days();
                    continue;
                }
                rows => rows?,
            };
            let noting = self.noting();
            match note(self.state, read, &rows, &noting) {
                Noted::Everything => return Ok(()),
                Noted::ReadEverything => read = Read::everything(self.caller.server_now()),
            }
        }
    }

    /// Reads the days that can be the present one anywhere: all of their rows, so that nothing needs to be merged and
    /// what was deleted is gone at once. Older days are never shown.
    async fn days(&mut self) -> Result<(), LoginError> {
        let now = self.caller.server_now();
        let days = Rows::Days { from: day(now, -1), to: day(now, 1) };
        self.whole::<Getactivity>(Request::getactivity(days), ProfileState::note_days).await
    }

    /// Reads what a call always answers whole.
    async fn whole<P: Page>(
        &mut self,
        request: Request,
        note: fn(&mut ProfileState, &[P::Row], &Noting),
    ) -> Result<(), LoginError> {
        let rows = self.read::<P>(request, thin::not).await?;
        let noting = self.noting();
        note(self.state, &rows, &noting);
        Ok(())
    }

    async fn segments(&mut self) -> Result<(), LoginError> {
        let spans = self.state.sleep_spans(self.caller.server_now());
        for span in spans {
            let segments = self.read::<SleepGet>(Request::sleep_get(span.from, span.to), thin::not).await?;
            let noting = self.noting();
            self.state.note_segments(span, &segments, &noting);
        }
        Ok(())
    }

    async fn read<P: Page>(&mut self, request: Request, thin: Thin<P::Row>) -> Result<Vec<P::Row>, LoginError> {
        self.caller.thinned_rows::<P>(&request, thin).await
    }

    fn noting(&self) -> Noting {
        Noting { server_now: self.caller.server_now(), telemetry: self.telemetry.clone() }
    }
}
