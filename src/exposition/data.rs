//! The data section of a page: what a snapshot says at a time, as OpenMetrics text.

use std::collections::BTreeMap;

use crate::catalogue::{Call, Kind, LabelName, Measurement, SLEEP_STATES, Source};
use crate::reading::{Attempt, CallStatus, ProfileSnapshot, Reading, SleepState, Snapshot};

use super::openmetrics::{Family, Label, Number, Samples, Writer};

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
    now: i64,
}

impl<'a> Person<'a> {
    fn new(snapshot: &'a ProfileSnapshot, now: i64) -> Self {
        Self { snapshot, label: Label::new("profile", &snapshot.profile), sleep_state: snapshot.sleep_state(now), now }
    }
}

/// A walk through a person's readings, which have the catalogue's order.
struct Cursor<'a> {
    person: &'a Person<'a>,
    rest: &'a [Reading],
}

impl<'a> Cursor<'a> {
    fn all(people: &'a [Person<'a>]) -> Vec<Self> {
        people.iter().map(|person| Self { person, rest: &person.snapshot.readings }).collect()
    }

    /// The readings of `measurement` that are shown. To be asked in the catalogue's order.
    fn take(&mut self, measurement: Measurement) -> impl Iterator<Item = &'a Reading> + use<'a> {
        let count = self.rest.iter().take_while(|it| it.measurement == measurement).count();
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        let now = self.person.now;
        taken.iter().filter(move |it| it.is_shown_at(now))
    }
}

fn measurements(page: &mut Writer, people: &[Person<'_>]) {
    let mut cursors = Cursor::all(people);
    for measurement in Measurement::all() {
        match measurement.kind() {
            _ if measurement.source == Source::SleepState => sleep_states(page, people, measurement),
            Kind::Gauge => gauges(page, &mut cursors, measurement),
            Kind::Info => infos(page, &mut cursors, measurement),
            Kind::StateSet(states) => state_sets(page, &mut cursors, measurement, states),
        }
    }
}

fn gauges(page: &mut Writer, cursors: &mut [Cursor<'_>], measurement: Measurement) {
    let (name, help) = (measurement.metric(), measurement.help());
    let family = Family::of(measurement, &name, &help);
    each_reading(page, cursors, measurement, &family, |samples, series, reading| {
        samples.add(series.labels(), reading.value);
    });
}

fn infos(page: &mut Writer, cursors: &mut [Cursor<'_>], measurement: Measurement) {
    let (name, help) = (measurement.metric(), measurement.help());
    let family = Family::of(measurement, &name, &help);
    each_reading(page, cursors, measurement, &family, |samples, series, _| samples.add(series.labels(), true));
}

fn state_sets(page: &mut Writer, cursors: &mut [Cursor<'_>], measurement: Measurement, states: &[&str]) {
    let (name, help) = (measurement.metric(), measurement.help());
    let rows = StateRows::new(&name, states);
    let family = Family::of(measurement, &name, &help);
    each_reading(page, cursors, measurement, &family, |samples, series, reading| {
        rows.add(samples, series, |place, _| (place as f64 - reading.value).abs() < 0.5);
    });
}

fn sleep_states(page: &mut Writer, people: &[Person<'_>], measurement: Measurement) {
    let (name, help) = (measurement.metric(), measurement.help());
    let rows = StateRows::new(&name, SLEEP_STATES);
    page.family(&Family::of(measurement, &name, &help), |samples| {
        for person in people {
            let Some(present) = person.sleep_state else { continue };
            let series = Series { person: &person.label, own: &[] };
            rows.add(samples, series, |_, state| state == present.name());
        }
    });
}

/// The states of a family, each with its label.
struct StateRows<'a>(Vec<(&'a str, Label)>);

impl<'a> StateRows<'a> {
    fn new(name: &str, states: &[&'a str]) -> Self {
        Self(states.iter().map(|state| (*state, Label::new(name, state))).collect())
    }

    /// Adds a sample for each state; `is_present` is given its place and its name.
    fn add(&self, samples: &mut Samples<'_>, series: Series<'_>, is_present: impl Fn(usize, &str) -> bool) {
        for (place, (state, label)) in self.0.iter().enumerate() {
            samples.add(series.labels().chain([label]), is_present(place, state));
        }
    }
}

/// The labels of a reading: its person's, and its own.
#[derive(Clone, Copy)]
struct Series<'a> {
    person: &'a Label,
    own: &'a [Label],
}

impl<'a> Series<'a> {
    fn labels(self) -> impl Iterator<Item = &'a Label> {
        std::iter::once(self.person).chain(self.own)
    }
}

/// A family with what `add` writes for each reading of `measurement`, whose labels are given with it.
fn each_reading(
    page: &mut Writer,
    cursors: &mut [Cursor<'_>],
    measurement: Measurement,
    family: &Family<'_>,
    add: impl Fn(&mut Samples<'_>, Series<'_>, &Reading),
) {
    page.family(family, |samples| {
        for cursor in cursors {
            for reading in cursor.take(measurement) {
                let own: Vec<_> = reading.labels.iter().map(|(name, value)| Label::new(name.name(), value)).collect();
                add(samples, Series { person: &cursor.person.label, own: &own }, reading);
            }
        }
    });
}

fn measurement_times(page: &mut Writer, people: &[Person<'_>]) {
    let mut cursors = Cursor::all(people);
    page.family(&Family::times(), |samples| {
        for measurement in Measurement::all() {
            let label = Label::new("measurement", measurement.key);
            for cursor in &mut cursors {
                let person = &cursor.person.label;
                match measurement.source {
                    Source::UnlistedMeasure => {
                        for (meastype, at) in times_by_type(cursor.take(measurement)) {
                            let label = Label::new("measurement", &unlisted_type(meastype));
                            samples.add([person, &label], at);
                        }
                    }
                    _ => {
                        if let Some(at) = newest_time(cursor, measurement) {
                            samples.add([person, &label], at);
                        }
                    }
                }
            }
        }
    });
}

/// What the label `measurement` of a time says about a measure type that the catalogue does not list.
pub(super) fn unlisted_type(meastype: &str) -> String {
    format!("type_{meastype}")
}

/// When the newest value of `measurement` that is shown was measured.
fn newest_time(cursor: &mut Cursor<'_>, measurement: Measurement) -> Option<i64> {
    match measurement.source {
        Source::SleepState => cursor.person.sleep_state.and(cursor.person.snapshot.sleep_ended_at()),
        _ => cursor.take(measurement).filter(|it| it.measurement.has_time()).map(|it| it.measured_at).max(),
    }
}

/// The newest time of each measure type among readings that have it as a label.
fn times_by_type<'a>(readings: impl Iterator<Item = &'a Reading>) -> BTreeMap<&'a str, i64> {
    let mut newest = BTreeMap::new();
    for reading in readings {
        let meastype = reading.labels.get(LabelName::Meastype).unwrap_or_default();
        newest.entry(meastype).and_modify(|at| *at = reading.measured_at.max(*at)).or_insert(reading.measured_at);
    }
    newest
}

fn logins(page: &mut Writer, people: &[Person<'_>]) {
    let help = "Whether the profile has a login that Withings accepts.";
    let family = Family::gauge("withings_authorized", None, help);
    each_profile(page, people, &family, |it| Some(it.authorized()));

    let help = "Whether the latest attempt of every call for the profile worked; 0 without a login.";
    let family = Family::gauge("withings_up", None, help);
    each_profile(page, people, &family, ProfileSnapshot::up);

    let help = "When the access token ends, Unix time.";
    let family = Family::gauge("withings_exporter_token_expiry_timestamp_seconds", Some("seconds"), help);
    each_profile(page, people, &family, |it| it.login.as_ref().map(|login| login.token_expires_at));
}

fn refreshes(page: &mut Writer, people: &[Person<'_>]) {
    let help = "How long the latest refresh of the profile took.";
    let family = Family::gauge("withings_exporter_refresh_duration_seconds", Some("seconds"), help);
    each_profile(page, people, &family, |it| it.refresh_seconds);

    let help = "Whether the latest attempt of the call worked.";
    let family = Family::gauge("withings_exporter_refresh_success", None, help);
    each_call(page, people, &family, |it| match it.latest {
        Attempt::Worked => Some(true),
        Attempt::Failed(_) => Some(false),
        Attempt::None | Attempt::SwitchedOff { .. } => None,
    });

    let help = "When the call last worked, Unix time.";
    let name = "withings_exporter_refresh_last_success_timestamp_seconds";
    each_call(page, people, &Family::gauge(name, Some("seconds"), help), |it| it.last_success);
}

/// A family with a sample for each profile that has a value.
fn each_profile<V: Into<Number>>(
    page: &mut Writer,
    people: &[Person<'_>],
    family: &Family<'_>,
    value: impl Fn(&ProfileSnapshot) -> Option<V>,
) {
    page.family(family, |samples| {
        for person in people {
            if let Some(value) = value(person.snapshot) {
                samples.add([&person.label], value);
            }
        }
    });
}

/// A family with a sample for each call of each profile that has a value.
fn each_call<V: Into<Number>>(
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
                    samples.add([&person.label, label], value);
                }
            }
        }
    });
}
