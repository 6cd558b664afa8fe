//! The calls that bring data, a file for each: what is asked for, the rows of the answer, which value is chosen, what a backfill
//! keeps, and which notifications tell of it.
//!
//! A new call is its file here, its rows in the catalogue and its skin in `sim`; the compiler leads through the rest.

pub mod context;
pub mod data_call;
pub mod getactivity;
pub mod getdevice;
pub mod getgoals;
pub mod getintradayactivity;
pub mod getmeas;
pub mod getsummary;
pub mod getworkouts;
pub mod heart_list;
mod series;
pub mod sleep_get;
mod winners;

pub use context::{Context, RowKey};
pub use data_call::{DataCall, Moment, PastCall};
pub use getactivity::Getactivity;
pub use getdevice::Getdevice;
pub use getgoals::Getgoals;
pub use getintradayactivity::Getintradayactivity;
pub use getmeas::Getmeas;
pub use getsummary::Getsummary;
pub use getworkouts::Getworkouts;
pub use heart_list::HeartList;
pub use sleep_get::SleepGet;

use super::appli::Appli;
use crate::catalogue::{Call, Measurement, Source};

/// The kinds of notification that tell of `measurement`.
pub fn told_by(measurement: Measurement) -> impl Iterator<Item = Appli> {
    let of_call = move |call: &Call| notifications(*call).map_or(&[][..], |(_, told_by)| told_by(measurement));
    // What happens in bed comes with the notification itself.
    let in_bed: &[_] = if measurement.source == Source::BedEvent { &[Appli::InBed, Appli::OutOfBed] } else { &[] };
    measurement.source.calls().iter().flat_map(of_call).chain(in_bed).copied()
}

/// The calls that notifications of a kind tell of. Those about the account tell of all calls: any of them shows what has become
/// of the login.
pub fn told_of(appli: Appli) -> impl Iterator<Item = Call> {
    let is_told = move |call: &Call| notifications(*call).is_some_and(|(all, _)| all.contains(&appli));
    Call::DATA.into_iter().filter(move |call| appli == Appli::Account || is_told(call))
}

/// All kinds of notification that tell of a data call, and a function for those that tell of one of its measurements.
type NotificationKinds = (&'static [Appli], fn(Measurement) -> &'static [Appli]);

/// The kinds of notification that tell of a call; `None` if it brings no data.
fn notifications(call: Call) -> Option<NotificationKinds> {
    fn of<C: DataCall>() -> NotificationKinds {
        (C::NOTIFICATIONS, C::told_by)
    }
    Some(match call {
        Call::Getmeas => of::<Getmeas>(),
        Call::Getsummary => of::<Getsummary>(),
        Call::SleepGet => of::<SleepGet>(),
        Call::Getactivity => of::<Getactivity>(),
        Call::Getintradayactivity => of::<Getintradayactivity>(),
        Call::Getworkouts => of::<Getworkouts>(),
        Call::Getdevice => of::<Getdevice>(),
        Call::Getgoals => of::<Getgoals>(),
        Call::HeartList => of::<HeartList>(),
        Call::Requesttoken | Call::Revoke | Call::Notify => return None,
    })
}
