//! What is known of the people: plain immutable values, from one reading to the snapshot of all profiles.
//!
//! A snapshot is built by one task and then only read: a change is a new snapshot.

pub mod in_bed;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use indexmap::{Equivalent, IndexMap, IndexSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::catalogue::{Call, LabelName, Measurement, SLEEP_STATES};

/// How long the newest sleep segment is the present state after its end, in seconds: 6 hours.
pub const SLEEP_STATE_LASTS_SECONDS: i64 = 6 * 3600;

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The measurement.
    pub measurement: Measurement,
    /// The labels that tell the reading from others of the same measurement.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The value in the measurement's unit; of states the index of the present one; of information 1. Always finite.
    pub value: f64,
    /// When it was measured, Unix seconds; for a night, its end; 0 for what is not measured ([`crate::catalogue::CatalogueRow::has_time`]).
    pub measured_at: i64,
    /// When the value ends, Unix seconds: from then on it is not shown. `None` for a value that stays. It has four bytes, which
    /// last until the year 2106, for the bar of memory for each further profile: a reading has 32 bytes then, and not 40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NonZeroU32>,
}

/// The labels of a reading beside the profile, in the catalogue's order; most readings have none. Cheap to
/// clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Option<Pairs>);

/// Names and values behind a pointer of one word, for the bar of memory for each further profile: most readings have none.
type Pairs = Arc<Box<[(LabelName, Box<str>)]>>;

/// The labels in use. Equal labels are kept once, for the same bar: people have the same stages, workouts and positions, and
/// labels of its own were a third of a profile's memory.
#[derive(Default)]
struct LabelsInUse(IndexSet<Pairs>);

/// Labels that are looked for among those in use, without a copy of them: a start with many profiles looks for a hundred thousand.
#[derive(Hash)]
struct Wanted<'a>(&'a [(LabelName, &'a str)]);

impl Equivalent<Pairs> for Wanted<'_> {
    fn equivalent(&self, pairs: &Pairs) -> bool {
        self.0.iter().copied().eq(borrowed(pairs))
    }
}

impl LabelsInUse {
    /// The labels that are equal to `wanted`.
    fn shared(&mut self, wanted: &Wanted<'_>) -> Pairs {
        if let Some(same) = self.0.get(wanted) {
            return Arc::clone(same);
        }
        if self.0.len() == self.0.capacity() {
            self.0.retain(|pairs| Arc::strong_count(pairs) > 1);
        }
        let pairs: Pairs = Arc::new(wanted.0.iter().map(|(name, value)| (*name, (*value).into())).collect());
        self.0.insert(Arc::clone(&pairs));
        pairs
    }
}

fn borrowed(pairs: &Pairs) -> impl Iterator<Item = (LabelName, &str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_ref()))
}

impl Labels {
    /// Labels with these names and values.
    #[must_use]
    pub fn new<const N: usize>(labels: [(LabelName, &str); N]) -> Self {
        Self::of(&labels)
    }

    fn of(pairs: &[(LabelName, &str)]) -> Self {
        static IN_USE: LazyLock<Mutex<LabelsInUse>> = LazyLock::new(Mutex::default);
        let in_use = || IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(if pairs.is_empty() { None } else { Some(in_use().shared(&Wanted(pairs))) })
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The names and values of the labels.
    pub fn iter(&self) -> impl Iterator<Item = (LabelName, &str)> {
        self.0.iter().flat_map(borrowed)
    }

    /// The value of the label `name`.
    #[must_use]
    pub fn get(&self, name: LabelName) -> Option<&str> {
        self.iter().find_map(|(label, value)| (label == name).then_some(value))
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().flat_map(|pairs| pairs.iter()))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Pair<'a>(LabelName, #[serde(borrow)] Cow<'a, str>);
        let pairs = Vec::<Pair<'_>>::deserialize(deserializer)?;
        Ok(Self::of(&pairs.iter().map(|Pair(name, value)| (*name, &**value)).collect::<Vec<_>>()))
    }
}

impl Reading {
    /// The reading with this end, Unix seconds; `None`: it stays.
    #[must_use]
    pub fn ending_at(self, end: Option<i64>) -> Self {
        let until = |end: i64| NonZeroU32::new(u32::try_from(end.max(1)).unwrap_or(u32::MAX));
        Self { until: end.and_then(until), ..self }
    }

    /// Whether the value has not ended at `now`, Unix seconds.
    #[must_use]
    pub fn is_shown_at(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until.get().into())
    }
}

/// What is stored as `json`. A reading of a measurement or with a label that this version does not know is left out, alone: after a
/// step back to an older version everything else is still shown.
pub fn understood<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    // Nearly always everything is known.
    serde_json::from_str(json).or_else(|_| {
        let mut stored = serde_json::from_str(json)?;
        leave_unknown_out(&mut stored);
        serde_json::from_value(stored)
    })
}

fn leave_unknown_out(stored: &mut Value) {
    match stored {
        Value::Array(elements) => {
            elements.retain(is_known);
            elements.iter_mut().for_each(leave_unknown_out);
        }
        Value::Object(fields) => fields.values_mut().for_each(leave_unknown_out),
        _ => {}
    }
}

/// Whether a stored element is no reading, or one that this version knows.
fn is_known(element: &Value) -> bool {
    element.get("measurement").is_none_or(|key| Measurement::deserialize(key).is_ok())
        && element.get("labels").is_none_or(|labels| Labels::deserialize(labels).is_ok())
}

/// The row of Withings that a value was taken from, so that a later change of that row is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// When Withings last changed the row, Unix seconds.
    pub modified: i64,
    /// `grpid` of a measure group, `id` of a night or a workout, 0 where rows have no id.
    pub id: i64,
}

/// The states of sleep, in the order of [`SLEEP_STATES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SleepState {
    /// Not known, or known to be none of the others.
    Unknown,
    /// Awake in bed.
    Awake,
    /// Light sleep.
    Light,
    /// Deep sleep.
    Deep,
    /// REM sleep.
    Rem,
}

impl SleepState {
    /// Its place among the states, from 0 on.
    #[must_use]
    pub fn place(self) -> usize {
        self as usize
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        SLEEP_STATES[self.place()]
    }
}

/// The newest segment of sleep that Withings has, by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SleepSegment {
    /// The state of the segment.
    pub state: SleepState,
    /// The end of the segment, Unix seconds.
    pub ended_at: i64,
}

impl SleepSegment {
    /// The sleep state at `now` (Unix seconds) by this segment: its own until 6 hours after its end, then unknown.
    #[must_use]
    pub fn state_at(&self, now: i64) -> SleepState {
        if now <= self.expires_at() { self.state } else { SleepState::Unknown }
    }

    /// The last second at which the segment's state is shown, Unix seconds.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.ended_at.saturating_add(SLEEP_STATE_LASTS_SECONDS)
    }
}

/// What the snapshot says about the sleep state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// `sleep_state` is not among the configured measurements: no rows.
    NotSelected,
    /// Selected: five rows; without a segment the state is unknown.
    Newest(Option<SleepSegment>),
}

/// Everything that is shown about one profile at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileSnapshot {
    /// The profile's name, as configured.
    pub profile: Arc<str>,
    /// The profile's login; `None` without one.
    pub login: Option<LoginStatus>,
    /// The last known value of each selected measurement and its labels but the sleep state, ascending by both, each at
    /// most once. Snapshots that differ only in something else share them.
    pub readings: Arc<[Reading]>,
    /// The sleep state.
    pub sleep: Sleep,
    /// The calls that the selected measurements need, and how they went.
    pub calls: BTreeMap<Call, CallStatus>,
    /// How long the latest refresh took, seconds; `None` before the first has ended since the start.
    pub refresh_seconds: Option<f64>,
    /// The configured profile that shows the same person instead: one person is never shown under two names.
    pub duplicate_of: Option<Arc<str>>,
}

/// A profile's login as the snapshot shows it: no token in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginStatus {
    /// Since when the profile is connected, Unix seconds.
    pub connected_at: i64,
    /// Whether Withings accepts the login.
    pub accepted: bool,
    /// When the access token ends, Unix seconds.
    pub token_expires_at: i64,
    /// Whether the login belongs to Withings' demo user.
    pub demo: bool,
}

/// How one call of one profile went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallStatus {
    /// The latest attempt since the start.
    pub latest: Attempt,
    /// When the call last succeeded, Unix seconds; survives a restart.
    pub last_success: Option<i64>,
    /// Since when the call fails, Unix seconds; survives a restart.
    pub failing_since: Option<i64>,
    /// When the call is made next, Unix seconds; `None`: not before the login changes.
    pub next_try: Option<i64>,
}

/// The outcome of a call's latest attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Not tried since the start.
    #[default]
    None,
    /// The call worked.
    Worked,
    /// The call failed: why, in plain words without secrets or values.
    Failed(String),
    /// Not made until the login changes, because this scope is missing.
    SwitchedOff {
        /// The permission that the login lacks.
        scope: &'static str,
    },
}

impl ProfileSnapshot {
    /// A profile of which nothing is known.
    #[must_use]
    pub fn empty(profile: Arc<str>, sleep: Sleep) -> Self {
        Self {
            profile,
            login: None,
            readings: Arc::default(),
            sleep,
            calls: BTreeMap::new(),
            refresh_seconds: None,
            duplicate_of: None,
        }
    }

    /// Whether there is a login that Withings accepts.
    #[must_use]
    pub fn authorized(&self) -> bool {
        self.login.as_ref().is_some_and(|login| login.accepted)
    }

    /// What `withings_up` says: whether the latest attempt of every call worked, calls that are switched off left out;
    /// `None` before the first attempt since the start; false without a login.
    #[must_use]
    pub fn up(&self) -> Option<bool> {
        if self.login.is_none() {
            return Some(false);
        }
        let mut attempts =
            self.calls.values().map(|call| &call.latest).filter(|attempt| **attempt != Attempt::None).peekable();
        attempts.peek()?;
        Some(attempts.all(|attempt| !matches!(attempt, Attempt::Failed(_))))
    }

    /// The sleep state at `now` (Unix seconds); `None` where no rows are shown: not selected, or no login.
    #[must_use]
    pub fn sleep_state(&self, now: i64) -> Option<SleepState> {
        match self.sleep {
            Sleep::Newest(segment) if self.login.is_some() => {
                Some(segment.map_or(SleepState::Unknown, |segment| segment.state_at(now)))
            }
            Sleep::Newest(_) | Sleep::NotSelected => None,
        }
    }

    /// When the newest sleep segment ended, Unix seconds.
    #[must_use]
    pub fn sleep_ended_at(&self) -> Option<i64> {
        match self.sleep {
            Sleep::Newest(segment) => segment.map(|segment| segment.ended_at),
            Sleep::NotSelected => None,
        }
    }

    /// The newest time of any value, Unix seconds.
    #[must_use]
    pub fn newest_measured_at(&self) -> Option<i64> {
        let measured = self.readings.iter().filter(|reading| reading.measurement.has_time());
        measured.map(|reading| reading.measured_at).chain(self.sleep_ended_at()).max()
    }

    /// When a value of this snapshot ends by itself after `now`; both Unix seconds.
    #[must_use]
    pub fn changes_at(&self, now: i64) -> Option<i64> {
        let segment = match self.sleep {
            Sleep::Newest(Some(segment)) => Some(segment.expires_at() + 1),
            Sleep::Newest(None) | Sleep::NotSelected => None,
        };
        let ends = self.readings.iter().filter_map(|reading| reading.until).map(|until| until.get().into());
        ends.chain(segment).filter(|at| *at > now).min()
    }
}

/// What is shown of all profiles, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By name: thousands of people are shown one after another.
    profiles: IndexMap<Arc<str>, Arc<ProfileSnapshot>>,
}

impl Snapshot {
    /// What is shown of each configured profile.
    #[must_use]
    pub fn profiles(&self) -> impl ExactSizeIterator<Item = &Arc<ProfileSnapshot>> {
        self.profiles.values()
    }

    /// What is shown of `profile`.
    #[must_use]
    pub fn get(&self, profile: &str) -> Option<&Arc<ProfileSnapshot>> {
        self.profiles.get(profile)
    }

    /// Shows `profile` in the place of what was shown of it, or else as the last. Returns whether that changes anything.
    pub fn show(&mut self, profile: ProfileSnapshot) -> bool {
        let is_new = self.get(&profile.profile).is_none_or(|shown| **shown != profile);
        if is_new {
            self.profiles.insert(Arc::clone(&profile.profile), Arc::new(profile));
        }
        is_new
    }

    /// Shows only `profiles`, in this order.
    pub fn arrange(&mut self, profiles: &[Arc<str>]) {
        let shown = profiles.iter().filter_map(|profile| self.profiles.swap_remove(profile));
        *self = shown.collect();
    }

    /// When the next value of any profile ends by itself after `now`; both Unix seconds.
    #[must_use]
    pub fn changes_at(&self, now: i64) -> Option<i64> {
        self.profiles().filter_map(|shown| shown.changes_at(now)).min()
    }
}

impl<T: Into<Arc<ProfileSnapshot>>> FromIterator<T> for Snapshot {
    fn from_iter<I: IntoIterator<Item = T>>(profiles: I) -> Self {
        let profiles = profiles.into_iter().map(Into::into);
        Self { profiles: profiles.map(|shown| (Arc::clone(&shown.profile), shown)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_labels_are_kept_once_and_as_long_as_they_are_in_use() {
        let mut in_use = LabelsInUse::default();
        let mut of = |value: &str| in_use.shared(&Wanted(&[(LabelName::Device, value)]));
        let kept = of("kept");
        for device in 0..1000 {
            of(&device.to_string());
        }
        assert!(Arc::ptr_eq(&kept, &of("kept")));
        assert!(in_use.0.len() < 10, "{}", in_use.0.len());
    }

    fn connected(calls: &[Attempt], segment: Option<SleepSegment>) -> ProfileSnapshot {
        let status = |latest: &Attempt| CallStatus { latest: latest.clone(), ..CallStatus::default() };
        ProfileSnapshot {
            login: Some(LoginStatus { connected_at: 0, accepted: true, token_expires_at: 0, demo: false }),
            calls: Call::DATA.into_iter().zip(calls.iter().map(status)).collect(),
            ..ProfileSnapshot::empty("Alice".into(), Sleep::Newest(segment))
        }
    }

    #[test]
    fn up_is_absent_before_the_first_attempt_and_false_without_a_login() {
        assert_eq!(connected(&[Attempt::None], None).up(), None);
        assert_eq!(ProfileSnapshot::empty("Bob".into(), Sleep::NotSelected).up(), Some(false));
    }

    #[test]
    fn up_needs_every_call_but_those_switched_off() {
        let failed = Attempt::Failed("HTTP 502".to_owned());
        let off = Attempt::SwitchedOff { scope: "user.activity" };
        assert_eq!(connected(&[Attempt::Worked, Attempt::None, off.clone()], None).up(), Some(true));
        assert_eq!(connected(&[Attempt::Worked, failed, off], None).up(), Some(false));
    }

    #[test]
    fn deep_sleep_does_not_last_for_ever_after_an_outage() {
        let segment = SleepSegment { state: SleepState::Deep, ended_at: 1_000_000 };
        let snapshot = Snapshot::from_iter([connected(&[], Some(segment))]);
        let state = |now| snapshot.get("Alice").unwrap().sleep_state(now);
        let end = 1_000_000 + SLEEP_STATE_LASTS_SECONDS;
        assert_eq!(state(end), Some(SleepState::Deep));
        assert_eq!(state(end + 1), Some(SleepState::Unknown));
        assert_eq!(snapshot.changes_at(end), Some(end + 1));
        assert_eq!(snapshot.changes_at(end + 1), None);
    }

    #[test]
    fn without_a_sleep_device_the_state_is_unknown_and_without_a_login_there_is_none() {
        assert_eq!(connected(&[], None).sleep_state(0), Some(SleepState::Unknown));
        assert_eq!(ProfileSnapshot::empty("Bob".into(), Sleep::Newest(None)).sleep_state(0), None);
    }
}
