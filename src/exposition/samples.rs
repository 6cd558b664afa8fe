//! What is known → samples: names, labels, values and times are said here, and written by others.

use std::borrow::Cow;
use std::ptr;

use crate::catalogue::{Call, Kind, LabelName, Measurement, Source};
use crate::reading::{Attempt, CallStatus, Labels, ProfileSnapshot, Reading, Snapshot};

use super::family::{Family, FamilyKind, TIMES};

/// One value of a family with its labels.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    /// The family.
    pub family: &'static Family,
    /// The person; `None` for what belongs to nobody.
    profile: Option<&'a str>,
    /// The labels of the reading that the sample is of.
    reading: Option<&'a Labels>,
    /// A label that the family itself adds: the state, the call, or what was measured.
    own: Option<(&'static str, Cow<'a, str>)>,
    /// Labels that every sample of a history gets.
    added: &'a [(String, String)],
    /// The value, finite.
    pub value: f64,
    /// When it had the value, Unix seconds; `None` for the present one.
    pub at: Option<i64>,
}

static AUTHORIZED: Family =
    Family::gauge("withings_authorized", None, "Whether the profile has a login that Withings accepts.");
static UP: Family = Family::gauge(
    "withings_up",
    None,
    "Whether the latest attempt of every call for the profile worked; 0 without a login.",
);
static TOKEN_EXPIRY: Family = Family::gauge(
    "withings_exporter_token_expiry_timestamp_seconds",
    Some("seconds"),
    "When the access token ends, Unix time.",
);
static REFRESH_DURATION: Family = Family::gauge(
    "withings_exporter_refresh_duration_seconds",
    Some("seconds"),
    "How long the latest refresh of the profile took.",
);
static REFRESH_SUCCESS: Family =
    Family::gauge("withings_exporter_refresh_success", None, "Whether the latest attempt of the call worked.");
static LAST_SUCCESS: Family = Family::gauge(
    "withings_exporter_refresh_last_success_timestamp_seconds",
    Some("seconds"),
    "When the call last worked, Unix time.",
);

/// What a person has of one measurement.
struct Measured<'a> {
    person: &'a ProfileSnapshot,
    /// One for each of their labels.
    readings: &'a [Reading],
}

/// What a snapshot says at `now` (Unix seconds), family after family.
pub fn samples(snapshot: &Snapshot, now: i64) -> impl Iterator<Item = Sample<'_>> {
    let values = by_measurement(snapshot).flat_map(move |(measurement, people)| {
        people.into_iter().flat_map(move |measured| values_of(measured, measurement, now))
    });
    let times = by_measurement(snapshot).filter(|(measurement, _)| measurement.has_time());
    let times = times.flat_map(move |(measurement, people)| {
        people.into_iter().flat_map(move |measured| times_of(measured, measurement, now))
    });
    values.chain(times).chain(logins(snapshot)).chain(refreshes(snapshot))
}

/// What all people have of each measurement. Their readings are in the order of measurements, so that each is found behind the
/// former one: to look for them was a third of the time that a page of a thousand people takes.
fn by_measurement(snapshot: &Snapshot) -> impl Iterator<Item = (Measurement, Vec<Measured<'_>>)> {
    let mut rest: Vec<_> = snapshot.profiles().map(|person| Measured { person, readings: &person.readings }).collect();
    Measurement::all()
        .map(move |measurement| (measurement, rest.iter_mut().map(|rest| rest.take(measurement)).collect()))
}

/// The samples of a value of `measurement`: one, or one for each state of a state set, whose value is the place of the
/// present state.
pub fn of_value<'a>(
    measurement: Measurement,
    profile: &'a str,
    labels: Option<&'a Labels>,
    value: f64,
) -> impl Iterator<Item = Sample<'a>> {
    let family = Family::of(measurement);
    let states = match measurement.kind() {
        Kind::StateSet(states) => states,
        Kind::Gauge | Kind::Info => &[],
    };
    let sample = Sample { profile: Some(profile), reading: labels, ..Sample::new(family, value) };
    let number = states.is_empty().then(|| sample.clone());
    number.into_iter().chain(states.iter().enumerate().map(move |(place, state)| Sample {
        own: Some((&family.name, Cow::Borrowed(*state))),
        value: if (place as f64 - value).abs() < 0.5 { 1.0 } else { 0.0 },
        ..sample.clone()
    }))
}

/// The sample that says when a value of `measurement` was measured, Unix seconds. Values of measure types that the
/// catalogue does not list are told apart by their type, which is among `labels`.
#[must_use]
pub fn of_time<'a>(measurement: Measurement, profile: &'a str, labels: Option<&Labels>, at: f64) -> Sample<'a> {
    let what = match labels.and_then(|labels| labels.get(LabelName::Meastype)) {
        Some(meastype) => Cow::Owned(format!("type_{meastype}")),
        None => Cow::Borrowed(measurement.key),
    };
    Sample { profile: Some(profile), own: Some(("measurement", what)), ..Sample::new(&TIMES, at) }
}

fn values_of(
    Measured { person, readings }: Measured<'_>,
    measurement: Measurement,
    now: i64,
) -> impl Iterator<Item = Sample<'_>> {
    let shown = readings.iter().filter(move |reading| reading.is_shown_at(now));
    let values =
        shown.flat_map(move |reading| of_value(measurement, &person.profile, Some(&reading.labels), reading.value));
    let state = if measurement.source == Source::SleepState { person.sleep_state(now) } else { None };
    let states = state.map(|state| of_value(measurement, &person.profile, None, state.place() as f64));
    values.chain(states.into_iter().flatten())
}

fn times_of(
    Measured { person, readings }: Measured<'_>,
    measurement: Measurement,
    now: i64,
) -> impl Iterator<Item = Sample<'_>> {
    let groups = readings.chunk_by(|a, b| meastype(a) == meastype(b));
    let measured = groups.filter_map(move |group| {
        let shown = group.iter().filter(|reading| reading.is_shown_at(now));
        let at = shown.map(|reading| reading.measured_at).max()?;
        Some(of_time(measurement, &person.profile, Some(&group[0].labels), at as f64))
    });
    let slept = match measurement.source {
        Source::SleepState => person.sleep_state(now).and(person.sleep_ended_at()),
        _ => None,
    };
    measured.chain(slept.map(|at| of_time(measurement, &person.profile, None, at as f64)))
}

/// What tells the types that the catalogue does not list apart; `None` for all that it lists.
fn meastype(reading: &Reading) -> Option<&str> {
    reading.labels.get(LabelName::Meastype)
}

fn logins(snapshot: &Snapshot) -> impl Iterator<Item = Sample<'_>> {
    let authorized = each_profile(snapshot, &AUTHORIZED, |person| Some(number(person.authorized())));
    let up = each_profile(snapshot, &UP, |person| person.up().map(number));
    let expiry = each_profile(snapshot, &TOKEN_EXPIRY, |person| {
        person.login.as_ref().map(|login| login.token_expires_at as f64)
    });
    authorized.chain(up).chain(expiry)
}

fn refreshes(snapshot: &Snapshot) -> impl Iterator<Item = Sample<'_>> {
    let duration = each_profile(snapshot, &REFRESH_DURATION, |person| person.refresh_seconds);
    let success = each_call(snapshot, &REFRESH_SUCCESS, |call| match call.latest {
        Attempt::Worked => Some(1.0),
        Attempt::Failed(_) => Some(0.0),
        Attempt::None | Attempt::SwitchedOff { .. } => None,
    });
    let last = each_call(snapshot, &LAST_SUCCESS, |call| call.last_success.map(|at| at as f64));
    duration.chain(success).chain(last)
}

fn number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// A sample for each profile that has a value.
fn each_profile<'a>(
    snapshot: &'a Snapshot,
    family: &'static Family,
    value: fn(&ProfileSnapshot) -> Option<f64>,
) -> impl Iterator<Item = Sample<'a>> {
    snapshot.profiles().filter_map(move |person| {
        Some(Sample { profile: Some(&person.profile), ..Sample::new(family, value(person)?) })
    })
}

/// A sample for each call of each profile that has a value.
fn each_call<'a>(
    snapshot: &'a Snapshot,
    family: &'static Family,
    value: fn(&CallStatus) -> Option<f64>,
) -> impl Iterator<Item = Sample<'a>> {
    snapshot.profiles().flat_map(move |person| {
        Call::DATA.into_iter().filter_map(move |call| {
            let value = value(person.calls.get(&call)?)?;
            let own = Some(("call", Cow::Borrowed(call.name())));
            Some(Sample { profile: Some(&person.profile), own, ..Sample::new(family, value) })
        })
    })
}

impl Measured<'_> {
    /// Takes what is of `measurement` off the beginning.
    fn take(&mut self, measurement: Measurement) -> Self {
        let length = self.readings.iter().take_while(|reading| reading.measurement == measurement).count();
        let (readings, rest) = self.readings.split_at(length);
        self.readings = rest;
        Self { person: self.person, readings }
    }
}

impl<'a> Sample<'a> {
    /// A sample without labels.
    pub(super) fn new(family: &'static Family, value: f64) -> Self {
        Self { family, profile: None, reading: None, own: None, added: &[], value, at: None }
    }

    /// The same sample at a time, Unix seconds, with these labels too.
    #[must_use]
    pub fn of_history(self, at: i64, added: &'a [(String, String)]) -> Self {
        Self { at: Some(at), added, ..self }
    }

    /// Whether it says when a value was measured.
    pub(super) fn is_of_times(&self) -> bool {
        ptr::eq(self.family, &raw const TIMES)
    }

    /// Whether it says that a state is not the present one.
    pub(super) fn is_absent_state(&self) -> bool {
        self.family.kind == FamilyKind::StateSet && self.value == 0.0
    }

    /// The person; empty for what belongs to nobody.
    pub(super) fn profile(&self) -> &str {
        self.profile.unwrap_or_default()
    }

    /// Names and values of its labels beside the profile.
    pub(super) fn further_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let reading = self.reading.into_iter().flat_map(Labels::iter).map(|(name, value)| (name.name(), value));
        let own = self.own.iter().map(|(name, value)| (*name, &**value));
        reading.chain(own).chain(self.added.iter().map(|(name, value)| (&**name, &**value)))
    }

    /// Names and values of all its labels.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.profile.map(|profile| ("profile", profile)).into_iter().chain(self.further_labels())
    }
}
