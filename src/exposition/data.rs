//! The data section of a page: what a snapshot says at a time, as OpenMetrics text.

use std::fmt::Display;
use std::iter::Peekable;
use std::slice;

use crate::catalogue::{Call, Kind, Measurement};
use crate::reading::{Attempt, CallStatus, ProfileSnapshot, Reading, SleepState, Snapshot};

use super::openmetrics::{Family, Label, Writer};

/// The section at `now`, Unix seconds.
pub(super) fn render(snapshot: &Snapshot, now: i64) -> String {
    let people: Vec<_> = snapshot.profiles.iter().map(|it| Person::new(it, now)).collect();
    let mut page = Writer::default();
    measurements(&mut page, &people);
    measurement_times(&mut page, &people);
    logins(&mut page, &people);
    refreshes(&mut page, &people);
    page.part()
}

/// A profile, and what several families need of it.
struct Person<'a> {
    snapshot: &'a ProfileSnapshot,
    label: Label,
    sleep_state: Option<SleepState>,
}

impl<'a> Person<'a> {
    fn new(snapshot: &'a ProfileSnapshot, now: i64) -> Self {
        Self { snapshot, label: Label::new("profile", &snapshot.profile), sleep_state: snapshot.sleep_state(now) }
    }
}

/// A walk through a person's readings, which have the catalogue's order.
struct Cursor<'a> {
    person: &'a Person<'a>,
    readings: Peekable<slice::Iter<'a, Reading>>,
}

impl<'a> Cursor<'a> {
    fn all(people: &'a [Person<'a>]) -> Vec<Self> {
        people.iter().map(|person| Self { person, readings: person.snapshot.readings.iter().peekable() }).collect()
    }

    /// The reading of `measurement`, if the person has one. To be asked in the catalogue's order.
    fn take(&mut self, measurement: Measurement) -> Option<&'a Reading> {
        self.readings.next_if(|it| it.measurement == measurement)
    }

    /// When the value of `measurement` that is shown was measured. To be asked in the catalogue's order.
    fn take_time(&mut self, measurement: Measurement) -> Option<i64> {
        match measurement.kind() {
            Kind::Gauge => self.take(measurement).map(|it| it.measured_at),
            Kind::StateSet(_) => self.person.sleep_state.and(self.person.snapshot.sleep_ended_at()),
        }
    }
}

fn measurements(page: &mut Writer, people: &[Person<'_>]) {
    let mut cursors = Cursor::all(people);
    for measurement in Measurement::all() {
        match measurement.kind() {
            Kind::Gauge => gauge(page, &mut cursors, measurement),
            Kind::StateSet(states) => state_set(page, people, measurement, states),
        }
    }
}

fn gauge(page: &mut Writer, cursors: &mut [Cursor<'_>], measurement: Measurement) {
    let (name, help) = (measurement.metric(), measurement.help());
    // `hydration` is in kilograms and its name does not say so.
    let unit = measurement.unit.suffix().filter(|it| name.ends_with(&format!("_{it}")));
    page.family(&Family::gauge(&name, unit, &help), |samples| {
        for cursor in cursors {
            if let Some(reading) = cursor.take(measurement) {
                samples.add(&[&cursor.person.label], reading.value);
            }
        }
    });
}

fn state_set(page: &mut Writer, people: &[Person<'_>], measurement: Measurement, states: &[&str]) {
    let (name, help) = (measurement.metric(), measurement.help());
    let rows: Vec<_> = states.iter().map(|state| (*state, Label::new(&name, state))).collect();
    page.family(&Family::state_set(&name, &help), |samples| {
        for person in people {
            let Some(present) = person.sleep_state else { continue };
            for (state, label) in &rows {
                samples.add(&[&person.label, label], u8::from(*state == present.name()));
            }
        }
    });
}

fn measurement_times(page: &mut Writer, people: &[Person<'_>]) {
    let mut cursors = Cursor::all(people);
    let help = "When the value was measured, Unix time.";
    page.family(&Family::gauge("withings_measurement_timestamp_seconds", Some("seconds"), help), |samples| {
        for measurement in Measurement::all() {
            let label = Label::new("measurement", measurement.key);
            for cursor in &mut cursors {
                if let Some(at) = cursor.take_time(measurement) {
                    samples.add(&[&cursor.person.label, &label], at);
                }
            }
        }
    });
}

fn logins(page: &mut Writer, people: &[Person<'_>]) {
    let help = "Whether the profile has a login that Withings accepts.";
    let family = Family::gauge("withings_authorized", None, help);
    each_profile(page, people, &family, |it| Some(u8::from(it.authorized())));

    let help = "Whether the latest attempt of every call for the profile worked; 0 without a login.";
    let family = Family::gauge("withings_up", None, help);
    each_profile(page, people, &family, |it| it.up().map(u8::from));

    let help = "When the access token ends, Unix time.";
    let family = Family::gauge("withings_exporter_token_expiry_timestamp_seconds", Some("seconds"), help);
    each_profile(page, people, &family, |it| it.login.as_ref().map(|login| login.token_expires_at));
}

fn refreshes(page: &mut Writer, people: &[Person<'_>]) {
    let help = "How long the latest refresh of the profile took.";
    let family = Family::gauge("withings_exporter_refresh_duration_seconds", Some("seconds"), help);
    each_profile(page, people, &family, |it| it.refresh.map(|refresh| refresh.duration));

    let help = "Whether the latest attempt of the call worked.";
    let family = Family::gauge("withings_exporter_refresh_success", None, help);
    each_call(page, people, &family, |it| match it.latest {
        Attempt::Worked => Some(1),
        Attempt::Failed(_) => Some(0),
        Attempt::None | Attempt::SwitchedOff { .. } => None,
    });

    let help = "When the call last worked, Unix time.";
    let name = "withings_exporter_refresh_last_success_timestamp_seconds";
    each_call(page, people, &Family::gauge(name, Some("seconds"), help), |it| it.last_success);
}

/// A family with a sample for each profile that has a value.
fn each_profile<V: Display>(
    page: &mut Writer,
    people: &[Person<'_>],
    family: &Family<'_>,
    value: impl Fn(&ProfileSnapshot) -> Option<V>,
) {
    page.family(family, |samples| {
        for person in people {
            if let Some(value) = value(person.snapshot) {
                samples.add(&[&person.label], value);
            }
        }
    });
}

/// A family with a sample for each call of each profile that has a value.
fn each_call<V: Display>(
    page: &mut Writer,
    people: &[Person<'_>],
    family: &Family<'_>,
    value: impl Fn(&CallStatus) -> Option<V>,
) {
    let labels = Call::DATA.map(|call| (call, Label::new("call", call.name())));
    page.family(family, |samples| {
        for person in people {
            for (call, label) in &labels {
                if let Some(value) = person.snapshot.calls.get(call).and_then(&value) {
                    samples.add(&[&person.label, label], value);
                }
            }
        }
    });
}
