//! A Withings cloud inside the process: the accounts, the consent page, the tokens and the data calls of the public
//! API, with people who go on living. `demo` runs on it, and tests assert what it has seen.
//!
//! Three parts: the model, which knows no HTTP and takes a call for an answer; the skin over it, [`serve()`], one
//! listener for what Withings spreads over two hosts, which also calls those who subscribed to notifications; and the [`people`], invented from a seed. [`Cloud::replay`]
//! serves captured answers in their place.
//!
//! The model knows the service from its documentation and from captured answers, with type numbers and field names of
//! its own: the rest of this crate must agree with it over the wire, and shares nothing with it but the clock.

mod account;
mod activity;
mod app;
mod call;
mod cloud;
mod consent;
mod deliver;
mod device;
mod fault;
mod getactivity;
mod getmeas;
mod getworkouts;
mod journal;
mod limit;
mod login;
mod measure;
mod model;
mod news;
mod night;
mod noise;
mod notify;
pub mod people;
mod person;
mod recording;
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
pub use app::{App, PageSizes};
pub use cloud::Cloud;
pub use device::{Device, Goals};
pub use fault::{Failure, Fault};
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
