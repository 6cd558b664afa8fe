//! A simulated Withings cloud inside the process: the accounts, the consent page, the tokens and the data calls of the
//! public API, with people about whom new data arrives as the clock moves. `demo` runs on it, and tests assert what it
//! was asked.
//!
//! Three parts: the model, which opens no connection and answers calls; the HTTP skin over it, [`serve()`], one listener for
//! what Withings spreads over two hosts, which also sends the notifications; and the [`people`], generated from a seed,
//! in whose place [`Cloud::replay`] serves captured answers.
//!
//! The model has type numbers and field names of its own: the rest of this crate must agree with it over the wire, and
//! shares nothing with it but the clock and the time zones, or a mistake made twice would cancel out. The zones are compared with
//! those of `chrono-tz` in their own tests. It follows the documentation at
//! developer.withings.com. Where the service does otherwise, a comment says *as seen* and names where in public: an
//! issue, or *the fixtures*, which are the captured answers in the tests of joostlek/python-withings.

mod account;
mod activity;
mod app;
mod call;
mod cloud;
mod consent;
mod deliver;
mod device;
mod events;
mod fault;
mod getactivity;
mod getdevice;
mod getintradayactivity;
mod getmeas;
mod getworkouts;
mod heart;
mod heart_list;
mod history;
mod intraday;
mod journal;
mod limit;
mod login;
mod measure;
mod model;
mod night;
mod notify;
pub mod people;
mod person;
mod random;
mod replay;
mod reply;
mod rows;
mod select;
mod serve;
mod signature;
mod sleep;
mod stored;
mod token;
mod user;
mod workout;

pub use account::Account;
pub use activity::{Activity, HeartRate, Source};
pub use app::App;
pub use cloud::Cloud;
pub use device::{Device, Goals};
pub use fault::{Failure, Fault};
pub use heart::HeartRecording;
pub use intraday::IntradayValues;
pub use journal::{Request, TokenPlace};
pub use limit::Limits;
pub use login::{LiveTokens, Rotation};
pub use measure::{Measure, MeasureGroup};
pub use night::{AWAKE, DEEP, LIGHT, Night, REM, Segment, Vitals};
pub use notify::{Callbacks, Delivery};
pub use person::Person;
pub use replay::ReplayError;
pub use serve::serve;
pub use stored::Stored;
pub use workout::Workout;

/// Withings' number of a user.
pub type UserId = u64;
