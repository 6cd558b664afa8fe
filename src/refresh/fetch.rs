//! One call of one profile: the requests, their answers, and what is known after them.

use std::fmt::Display;

use super::cursor::Read;
use super::profile_state::{PartOf, ProfileState};
use crate::catalogue::Call;
use crate::login::{Caller, LoginError};
use crate::telemetry::log::with_causes;
use crate::telemetry::{Telemetry, Unknown};
use crate::withings::calls::{Context, DataCall, RowKey};
use crate::withings::prune;

/// Makes the calls of one profile and notes what they bring.
pub(super) struct ProfileFetch<'a> {
    pub(super) caller: &'a Caller,
    pub(super) telemetry: &'a Telemetry,
    pub(super) state: &'a mut ProfileState,
}

impl ProfileFetch<'_> {
    /// Makes `call`, with all its pages: everything that it brings is noted, or nothing.
    pub(super) async fn call(&mut self, call: Call) -> Result<(), LoginError> {
        match call {
            Call::Getmeas => self.read(|state| &mut state.getmeas).await,
            Call::Getsummary => self.read(|state| &mut state.getsummary).await,
            Call::SleepGet => self.read(|state| &mut state.sleep_get).await,
            Call::Getactivity => self.read(|state| &mut state.getactivity).await,
            Call::Getintradayactivity => self.read(|state| &mut state.getintradayactivity).await,
            Call::Getworkouts => self.read(|state| &mut state.getworkouts).await,
            Call::Getdevice => self.read(|state| &mut state.getdevice).await,
            Call::Getgoals => self.read(|state| &mut state.getgoals).await,
            Call::HeartList => self.read(|state| &mut state.heart_list).await,
            Call::Requesttoken | Call::Revoke | Call::Notify => {
                unreachable!("these are of logins and subscriptions")
            }
        }
    }

    /// Reads what is next by the call's cursor, and something else instead where that fails or does not tell enough.
    async fn read<C: DataCall>(&mut self, part: PartOf<C>) -> Result<(), LoginError> {
        let mut read = part(self.state).cursor.next_read(self.caller.server_now());
        loop {
            match self.ask(part, read).await {
                Ok(true) => return Ok(()),
                Ok(false) => read = Read::everything(),
                Err(error) => {
                    let Some(other) = read.after_failure::<C>(&error, self.caller.server_now()) else {
                        return Err(error);
                    };
                    if !other.rows.is_everything() {
                        self.note_incomplete(part, &error);
                    }
                    read = other;
                }
            }
        }
    }

    /// Makes the requests of a read, one after another; returns whether the answers tell enough.
    async fn ask<C: DataCall>(&mut self, part: PartOf<C>, read: Read) -> Result<bool, LoginError> {
        for rows in self.state.asks(part, read.rows, self.caller.server_now()) {
            // Of changes each row matters: a row that was shown and has changed must not be left out.
            let prune = if rows.is_everything() { C::prune } else { prune::nothing };
            let answer = self.caller.pruned_rows::<C>(&C::request(rows), prune).await?;
            let mut unknown = |kind: Unknown, what: &dyn Display, row: RowKey| {
                self.telemetry.unknown(kind, what, (self.caller.profile(), C::CALL, row));
            };
            // The answer may have told another time.
            let mut context = Context::new(self.caller.server_now(), &mut unknown);
            if !self.state.note(part, rows, &answer, &mut context) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes that everything could not be read again: deleted rows are shown until that works.
    fn note_incomplete<C: DataCall>(&mut self, part: PartOf<C>, error: &LoginError) {
        part(self.state).cursor.note_failure(self.caller.server_now());
        let (profile, error) = (self.caller.profile(), with_causes(error));
        tracing::warn!(%profile, call = %C::CALL, error, "everything cannot be read again now; what has changed is read");
    }
}
