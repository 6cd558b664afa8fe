//! What must hold whatever comes from outside, one function for each way in. The fuzz targets look for inputs that
//! break it, and a plain test replays the inputs of the corpus.

use std::path::Path;

use url::Url;
use withings_exporter::config::Config;
use withings_exporter::config::web::WebConfig;
use withings_exporter::exposition::{Encoding, Format, negotiate};
use withings_exporter::reading::Reading;
use withings_exporter::regular_file::ReadAt;
use withings_exporter::web::Callback;
use withings_exporter::withings::appli::Appli;
use withings_exporter::withings::calls::sleep_get::Segments;
use withings_exporter::withings::calls::{
    Context, DataCall, Getactivity, Getdevice, Getgoals, Getintradayactivity, Getmeas, Getsummary, Getworkouts,
    HeartList, Moment, SleepGet,
};
use withings_exporter::withings::envelope::{self, DecodeError, NotAnEnvelope};
use withings_exporter::withings::notify::{Notification, SubscriptionList, is_future};
use withings_exporter::withings::oauth::to_rfc6749;
use withings_exporter::withings::request::RowSelection;
use withings_exporter::withings::wire::AnswerPage;

/// A way in: its name, and what must hold there.
pub type Target = (&'static str, fn(&[u8]));

/// Every way in.
pub const TARGETS: [Target; 6] = [
    ("accept", accept),
    ("config", config),
    ("envelope", envelope),
    ("notification", notification),
    ("redirect", redirect),
    ("web_config", web_config),
];

/// What a secret is written as in the corpus: letters that stand together in no word that a message has.
const SECRET: &str = "kqzvwxjyfghb";

/// What may stand before a secret of the configuration file so that it is one for sure.
const SECRET_KEYS: [&str; 4] = ["client_secret: ", "client_secret: '", "client_secret: \"", "\"client_secret\": \""];

/// What may stand before a secret of the web configuration file: a hash has such a beginning, and a key such a name.
const WEB_SECRET_KEYS: [&str; 4] = ["$2y$10$", "\n  key: ", "\n  key: '", "\"key\": \""];

/// 2026-11-22 17:05 UTC.
const NOW: i64 = 1_795_367_100;

const MOMENT: Moment<'_> = Moment { server_now: NOW, night: None };

/// The lines of `Accept` until an empty one, then those of `Accept-Encoding`: nobody gets what they did not ask for.
pub fn accept(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (accept, encoding) = text.split_once("\n\n").unwrap_or((&text, ""));
    let (format, chosen) = negotiate(accept.split('\n'), encoding.split('\n'));
    assert!(format.content_type().chars().all(|letter| letter == ' ' || letter.is_ascii_graphic()));
    if format != Format::Text {
        let names = ["application/openmetrics-text", "application/*", "*/*"];
        assert!(names.iter().any(|name| accept.to_ascii_lowercase().contains(name)));
    }
    if chosen == Encoding::Gzip {
        assert!(["gzip", "*"].iter().any(|name| encoding.to_ascii_lowercase().contains(name)));
    }
}

/// A configuration file: it is accepted within its limits, or refused without the secret and without control
/// characters.
pub fn config(input: &[u8]) {
    let default = Url::parse("http://localhost:10064").expect("it is one");
    let path = Path::new("nowhere/withings.yaml");
    let shown = match Config::from_bytes(input, path, ReadAt::Start, &|_| None, Some(&default)) {
        Err(error) => error.to_string(),
        Ok(config) => {
            assert!(!config.profiles.is_empty() && !config.client_id.trim().is_empty());
            assert!((15..=365 * 24 * 3600).contains(&config.refresh_interval.as_secs()));
            assert!(config.requests_per_minute.get() <= 120);
            assert!(config.redirect_uri().ends_with("/callback"));
            format!("{config:?}")
        }
    };
    check_shown(&shown, input, &SECRET_KEYS);
}

/// A web configuration file: the same.
pub fn web_config(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let shown = match WebConfig::parse(&text, Path::new("nowhere/web.yaml")) {
        Err(mistake) => mistake.to_string(),
        Ok(config) => {
            assert!(config.users.iter().all(|user| !user.name.is_empty()));
            assert!(config.rate_limit.is_none_or(|limit| !limit.interval.is_zero() && limit.burst > 0));
            format!("{config:?}")
        }
    };
    check_shown(&shown, input, &WEB_SECRET_KEYS);
}

#[track_caller]
fn check_shown(shown: &str, file: &[u8], secret_keys: &[&str]) {
    assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n'), "{shown}");
    if has_secret(file, secret_keys) {
        let mut parts = SECRET.as_bytes().windows(5);
        assert!(!parts.any(|part| contains(shown.as_bytes(), part)), "{shown}");
    }
}

/// Whether the file says the secret once, where a secret belongs, and no part of it anywhere else.
fn has_secret(file: &[u8], keys: &[&str]) -> bool {
    let Some(at) = file.windows(SECRET.len()).position(|window| window == SECRET.as_bytes()) else { return false };
    let (before, after) = (&file[..at], &file[at + SECRET.len()..]);
    let mut parts = SECRET.as_bytes().windows(5);
    keys.iter().any(|key| before.ends_with(key.as_bytes()))
        && parts.all(|part| !contains(before, part) && !contains(after, part))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// An answer of Withings to any call: values are finite, each once, and do not depend on the list's order.
pub fn envelope(input: &[u8]) {
    let _ = to_rfc6749(input);
    match envelope::open(input) {
        Err(NotAnEnvelope(error)) => check_says_where(&error),
        Ok(Err(refusal)) => {
            let _ = (refusal.remedy(), refusal.reason());
            assert!(!refusal.to_string().chars().any(char::is_control), "{refusal}");
        }
        Ok(Ok(body)) => {
            measures(rows::<Getmeas>(body));
            nights(&rows::<Getsummary>(body), rows::<SleepGet>(body));
            repeated::<Getworkouts>(&rows::<Getworkouts>(body));
            repeated::<Getactivity>(&rows::<Getactivity>(body));
            repeated::<Getintradayactivity>(&rows::<Getintradayactivity>(body));
            repeated::<HeartList>(&rows::<HeartList>(body));
            repeated::<Getdevice>(&rows::<Getdevice>(body));
            repeated::<Getgoals>(&rows::<Getgoals>(body));
            rows::<SubscriptionList>(body);
        }
    }
}

fn rows<P: AnswerPage>(body: &str) -> Vec<P::Row> {
    match envelope::parse::<P>(body.as_bytes()) {
        Ok(page) => page.into_rows().0,
        Err(error) => {
            check_says_where(&error);
            Vec::new()
        }
    }
}

/// An error's text has the place and nothing of the answer but names of fields.
fn check_says_where(error: &DecodeError) {
    let text = error.to_string();
    assert!(text.chars().count() < 300 && !text.chars().any(char::is_control), "{text}");
}

fn measures(mut groups: Vec<<Getmeas as AnswerPage>::Row>) {
    assert!(repeated::<Getmeas>(&groups), "an answer that repeats everything tells enough");
    // Withings sends a group again only when it has changed, or as it was.
    groups.sort_by_key(|group| group.grpid);
    groups.dedup_by_key(|group| group.grpid);
    let ascending = known::<Getmeas>(&groups);
    groups.reverse();
    assert_eq!(known::<Getmeas>(&groups), ascending);
}

fn nights(rows: &[<Getsummary as AnswerPage>::Row], mut segments: Vec<<SleepGet as AnswerPage>::Row>) {
    repeated::<Getsummary>(rows);
    let sleeps = known::<Getsummary>(rows);
    let moment = Moment { server_now: NOW, night: sleeps.night(NOW) };
    let told = |segments: &[_]| {
        let asked = SleepGet::asks(&Segments::default(), RowSelection::All, &moment)[0];
        let known = with_context(|context| SleepGet::note(&Segments::default(), asked, segments, &moment, context));
        let known = known.expect("what was asked for tells enough");
        (known.newest(), SleepGet::readings(&known, &moment))
    };
    let forwards = told(&segments);
    segments.reverse();
    assert_eq!(told(&segments), forwards);
    check(forwards.1);
}

/// What is known after an answer with everything that the call asks for.
fn known<C: DataCall>(rows: &[C::Row]) -> C::Known {
    let asked = C::asks(&C::Known::default(), RowSelection::All, &MOMENT)[0];
    let known = with_context(|context| C::note(&C::Known::default(), asked, rows, &MOMENT, context));
    known.expect("everything tells enough")
}

/// An answer that repeats everything changes nothing; whether it tells enough.
fn repeated<C: DataCall>(rows: &[C::Row]) -> bool {
    let known = known::<C>(rows);
    let readings = C::readings(&known, &MOMENT);
    let again = with_context(|context| C::note(&known, RowSelection::ChangedSince(0), rows, &MOMENT, context));
    if let Some(again) = &again {
        assert_eq!(C::readings(again, &MOMENT), readings);
    }
    check(readings);
    again.is_some()
}

/// Finite, and each series once.
#[track_caller]
fn check(mut readings: Vec<Reading>) {
    assert!(readings.iter().all(|reading| reading.value.is_finite()), "{readings:?}");
    readings.sort_by(|a, b| (a.measurement, &a.labels).cmp(&(b.measurement, &b.labels)));
    let is_same = |pair: &[Reading]| (pair[0].measurement, &pair[0].labels) == (pair[1].measurement, &pair[1].labels);
    assert!(!readings.windows(2).any(is_same), "{readings:?}");
}

fn with_context<T>(choose: impl FnOnce(&mut Context<'_>) -> T) -> T {
    choose(&mut Context::silent(NOW))
}

/// A form that Withings posts: it says whom and what it is about, and no more than is of use.
pub fn notification(input: &[u8]) {
    let Some(notification) = Notification::parse(input) else { return };
    assert!(notification.user_id.bytes().all(|letter| letter.is_ascii_digit()));
    assert!(notification.at.is_none_or(|at| at > 0));
    assert!(notification.device.as_ref().is_none_or(|device| (1..=64).contains(&device.len())));
    let kind = Appli::by_number(notification.appli);
    let event = kind.and_then(|kind| notification.bed_event(kind, NOW));
    assert_eq!(event.is_some(), matches!(kind, Some(Appli::InBed | Appli::OutOfBed)));
    assert!(event.as_ref().is_none_or(|event| notification.at.is_some() || !is_future(event, NOW)));
}

/// A query of a redirect, and the same pasted by hand: nothing is empty, and both mean the same.
pub fn redirect(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let remembered = || Some("remembered".to_owned());
    let pasted = Callback::from_pasted(&text, remembered());
    let query = Callback::from_query(&text);
    for callback in [&pasted, &query] {
        assert!(
            [&callback.code, &callback.state, &callback.error]
                .iter()
                .all(|part| part.as_ref().is_none_or(|text| !text.is_empty()))
        );
    }
    if text.trim() == text && !text.contains(['?', '#']) {
        let address = Callback::from_pasted(&format!("http://localhost:10064/callback?{text}"), remembered());
        assert_eq!((address.code, address.state, address.error), (query.code, query.state, query.error));
    }
    let address = text.split('#').next().unwrap_or_default();
    if address.contains(['=', '/', '?']) {
        let is_another = |state: &String| state != "remembered" || text.contains("remembered");
        assert!(pasted.state.is_none_or(|state| is_another(&state)));
    }
}
