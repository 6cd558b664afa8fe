//! The calls that bring data, a file for each: what is asked for, the rows of the answer, which value is chosen, what a backfill
//! keeps, and which notifications tell of it.
//!
//! A new call is its file here, its rows in the catalogue and its skin in `sim`; the compiler leads through the rest.

pub mod context;
pub mod data_call;
pub mod getactivity;
pub mod getdevice;
pub mod getgoals;
pub mod getmeas;
pub mod getsummary;
pub mod getworkouts;
pub mod sleep_get;

pub use context::Context;
pub use data_call::{DataCall, Moment, PastCall};
pub use getactivity::Getactivity;
pub use getdevice::Getdevice;
pub use getgoals::Getgoals;
pub use getmeas::Getmeas;
pub use getsummary::Getsummary;
pub use getworkouts::Getworkouts;
pub use sleep_get::SleepGet;

use super::appli::Appli;
use crate::catalogue::{Call, Measurement, Source};

/// The kinds of notification that tell of `measurement`.
pub fn told_by(measurement: Measurement) -> impl Iterator<Item = Appli> {
    let of_call = move |call: &Call| match call {
        Call::Getmeas => Getmeas::told_by(measurement),
        Call::Getsummary => Getsummary::told_by(measurement),
        Call::SleepGet => SleepGet::told_by(measurement),
        Call::Getactivity => Getactivity::told_by(measurement),
        Call::Getworkouts => Getworkouts::told_by(measurement),
        Call::Getdevice => Getdevice::told_by(measurement),
        Call::Getgoals => Getgoals::told_by(measurement),
        Call::Requesttoken | Call::Revoke | Call::Notify => &[],
    };
    // What happens in bed comes with the notification itself.
    let in_bed: &[_] = if measurement.source == Source::BedEvent { &[Appli::InBed, Appli::OutOfBed] } else { &[] };
    measurement.source.calls().iter().flat_map(of_call).chain(in_bed).copied()
}

/// The calls that notifications of a kind tell of. After news of the account every call shows what has become of the login.
pub fn told_of(appli: Appli) -> impl Iterator<Item = Call> {
    let notifications = |call: Call| match call {
        Call::Getmeas => Getmeas::NOTIFICATIONS,
        Call::Getsummary => Getsummary::NOTIFICATIONS,
        Call::SleepGet => SleepGet::NOTIFICATIONS,
        Call::Getactivity => Getactivity::NOTIFICATIONS,
        Call::Getworkouts => Getworkouts::NOTIFICATIONS,
        Call::Getdevice => Getdevice::NOTIFICATIONS,
        Call::Getgoals => Getgoals::NOTIFICATIONS,
        Call::Requesttoken | Call::Revoke | Call::Notify => &[],
    };
    Call::DATA.into_iter().filter(move |call| appli == Appli::Account || notifications(*call).contains(&appli))
}
