//! The rows of the table of faults.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use withings_exporter::sim::{Account, DEEP, Device, Failure, Fault, Measure, MeasureGroup, Night};

use super::check::check;
use super::row::{Again, Row, Shown, Trouble};
use crate::config::write;
use crate::sources::root;

/// What stands before and after the table in the document.
const MARKS: [&str; 2] = ["<!-- faults -->\n", "<!-- /faults -->\n"];

const HEAD: &str =
    "| What goes wrong | Metric | Warning in the log | Shown meanwhile | Tried again |\n|---|---|---|---|---|\n";

const TRUNCATED: &str = r#"{"status":0,"body":{"measuregrps":[{"grpid":7,"measures":[{"val"#;

const NOT_A_NUMBER: &str =
    r#"{"status":0,"body":{"measuregrps":[{"date":1795367000,"measures":[{"value":NaN,"type":1,"unit":0}]}]}}"#;

const WRONG_TYPES: &str = r#"{"status":"0","body":{"updatetime":[],"timezone":7,"more":"no","offset":{},"measuregrps":[
    7,{"grpid":{},"attrib":"x","date":[],"created":true,"modified":"then","category":null,"measures":{"value":1}},
    {"grpid":8,"date":1795367000,"measures":[null,[],{"value":{},"type":"weight","unit":[]}]}]}}"#;

const TOO_HIGH: &str = r#"{"status":503,"error":"Invalid Params lastupdate is too high:[1900000000]"}"#;

const DUPLICATES: &str = r#"{"status":0,"body":{"measuregrps":[
    {"grpid":9,"attrib":0,"date":1795367101,"modified":1795367101,"measures":[{"value":71,"type":1,"unit":0}]},
    {"grpid":9,"attrib":8,"date":1795367101,"modified":1795367101,"measures":[{"value":71,"type":1,"unit":0}]}]}}"#;

const BEYOND_FLOATS: &str = r#"{"status":0,"body":{"measuregrps":[
    {"grpid":9,"date":1795367101,"modified":1795367101,
     "measures":[{"value":71,"type":1,"unit":0},{"value":1e999,"type":54,"unit":0}]}]}}"#;

const TOO_MANY: Failure = Failure::TooManyRequests { wait_seconds: Some(68) };

const ON_MARS: &str =
    r#"{"status":0,"body":{"activities":[{"date":"2026-11-22","timezone":"Mars/Olympus_Mons","steps":7}]}}"#;

/// Makes a test of each row, and the table of all.
macro_rules! rows {
    ($($name:ident: $row:expr,)*) => {
        $(
            #[tokio::test(crate = "crate::paused")]
            async fn $name() {
                check($row).await;
            }
        )*

        fn rows() -> Vec<Row> {
            vec![$($row),*]
        }
    };
}

rows! {
    http_500: Row::failing("HTTP 500", Failure::Http(500), "http", "HTTP status 500"),
    http_502: Row::failing("HTTP 502", Failure::Http(502), "http", "HTTP status 502"),
    http_503: Row::failing("HTTP 503", Failure::Http(503), "http", "HTTP status 503"),
    http_504: Row::failing("HTTP 504", Failure::Http(504), "http", "HTTP status 504"),
    http_429: Row::failing("HTTP 429", Failure::Http(429), "http", "HTTP status 429"),
    html: Row::failing("A page of HTML", Failure::Verbatim("<html>"), "decode", "unexpected character"),
    empty: Row::failing("An empty answer", Failure::Verbatim(""), "decode", "unexpected end"),
    truncated: Row::failing("An answer that is cut off", Failure::Verbatim(TRUNCATED), "decode", "unexpected end"),
    not_a_number: Row::failing("`NaN`", Failure::Verbatim(NOT_A_NUMBER), "decode", "unexpected character"),
    wrong_body: Row::failing("A body that is a number", Failure::Verbatim(r#"{"status":0,"body":7}"#), "decode",
        "unexpected type of value"),
    no_status: Row::failing("No status", Failure::Verbatim(r#"{"body":{}}"#), "decode", "no status"),
    body_null: Row::bare("A body that is null", r#"{"status":0,"body":null}"#),
    body_missing: Row::bare("No body", r#"{"status":0}"#),
    no_body_of_everything: Row::failing("No body once a day, when everything is read", Failure::HangUp, "decode",
        "the answer has no body").by(Trouble::Daily(Fault::new(Failure::Verbatim(r#"{"status":0}"#)).times(u32::MAX)))
        .again(Again::Interval),
    body_list: Row::bare("A body that is an empty list", r#"{"status":0,"body":[]}"#),
    wrong_types: Row::bare("Values of wrong types in every field", WRONG_TYPES),
    large: Row::failing("An answer of 50 MB", Failure::Large(50_000_000), "too_large", "is larger than"),
    drip: Row::struck("An answer at one byte a second", Fault::drip(), "timeout", "no answer in time"),
    silence: Row::struck("No answer ever", Fault::delay(Duration::from_hours(1)), "timeout", "no answer in time"),
    reset: Row::failing("A connection that is cut", Failure::HangUp, "connect", "no connection"),
    refused: Row::failing("A connection that is refused", Failure::HangUp, "connect", "no connection")
        .by(Trouble::Refused),
    status_401_http_401: Row::struck("HTTP 401 around status 401", Fault::under(Failure::InvalidToken, 401), "auth", "")
        .once(),
    status_601_http_429: Row::struck("HTTP 429 around status 601", Fault::under(TOO_MANY, 429), "rate_limited",
        "status 601").again(Again::Told(68)),
    status_401_once: Row::struck("Status 401 once", Fault::new(Failure::InvalidToken), "auth", "").once(),
    status_401: Row::failing("Status 401 for ever", Failure::InvalidToken, "", "status 401")
        .told_by("withings_authorized{profile=\"Alice\"}", 0.0).again(Again::Hourly),
    status_403: Row::failing("Status 403: a permission is missing", Failure::InsufficientScope, "scope", "status 403")
        .again(Again::NewLogin),
    status_503: Row::failing("Status 503 to a call for data", Failure::InvalidParams, "invalid_request", "status 503")
        .again(Again::FullRead),
    lastupdate: Row::failing("`lastupdate` is refused, as if it were ahead", Failure::Verbatim(TOO_HIGH),
        "invalid_request", "lastupdate is too high").again(Again::FullRead),
    too_many: Row::failing("Status 601 with `wait_seconds`", TOO_MANY,
        "rate_limited", "status 601").again(Again::Told(68)),
    too_many_vaguely: Row::failing("Status 601 without", Failure::TooManyRequests { wait_seconds: None },
        "rate_limited", "status 601").again(Again::Minute),
    same_arguments: Row::failing("Status 601 to the same call", Failure::SameArguments { wait_seconds: 188 },
        "rate_limited", "status 601").again(Again::Told(189)),
    damaged: Row::struck("An answer that cannot be decompressed", Fault::damaged(), "decode",
        "not compressed as it says"),
    status_522: Row::failing("Status 522: time-out", Failure::Status(522), "timeout", "status 522"),
    status_524: Row::failing("Status 524: bad state", Failure::Status(524), "other", "status 524")
        .again(Again::Interval),
    status_2554: Row::failing("Status 2554: not implemented", Failure::Status(2554), "other", "status 2554")
        .again(Again::Interval),
    status_2555: Row::failing("Status 2555: unknown error", Failure::Status(2555), "other", "status 2555"),
    unknown_status: Row::failing("A status unheard of", Failure::Status(31_337), "other", "status 31337"),
    endless_pages: Row::failing("Pages that repeat their offset", Failure::EndlessPages, "decode", "do not end"),
    growing_pages: Row::failing("Pages without end", Failure::GrowingPages, "decode", "do not end"),
    unknown_type: Row::odd("An unknown measure type", |account, now| add(account, now, Measure::new(9999, 1, 0)), "measure_type"),
    attribution: Row::odd("An unknown attribution", attributed, "attribution"),
    position: Row::odd("An unknown position", |account, now| add(account, now, Measure::new(54, 97, 0).at(99)), "position"),
    classification: Row::odd("An unknown classification", |account, now| add(account, now, Measure::new(130, 99, 0)),
        "classification"),
    sleep_state: Row::odd("An unknown sleep state", sleep, "sleep_state"),
    battery: Row::odd("An unknown word for a battery", |account, _| own(account, "Body+", "weak"), "battery"),
    model: Row::odd("An unknown model of a device", |account, _| own(account, "Zeta 9000", "high"), "").silently(),
    time_zone: Row::odd("An unknown time zone", |_, _| (), "time_zone")
        .by(Trouble::Calls("getactivity", Fault::new(Failure::Verbatim(ON_MARS)).times(u32::MAX))),
    beyond_floats: Row::odd("A number beyond all floats", |_, _| (), "bad_number")
        .by(Trouble::Calls("getmeas", Fault::new(Failure::Verbatim(BEYOND_FLOATS)).times(u32::MAX))),
    exponent: Row::odd("An exponent out of range", |account, now| add(account, now, Measure::new(54, 97, -40)), "bad_number"),
    future: Row::odd("A time more than a day ahead", |account, now| add(account, now + 3 * 86_400, Measure::new(54, 97, 0)),
        "future_date"),
    duplicates: Row::bare("Two groups with one id", DUPLICATES).shown(Shown::New),
    clock_ahead: Row::bare("The host's clock jumps a day ahead, and back", "").shown(Shown::New)
        .by(Trouble::ClockAhead),
    clock_back: Row::bare("The host's clock jumps a day back, and ahead", "").shown(Shown::New)
        .by(Trouble::ClockBack),
    empty_account: Row::bare("An account with nothing in it", "").shown(Shown::Nothing).by(Trouble::Empty),
    revoked: Row::failing("One person revokes the login", Failure::InvalidToken, "", "connect it again")
        .by(Trouble::Revoked(&["Alice"])).told_by("withings_authorized{profile=\"Alice\"}", 0.0).again(Again::Login),
    all_revoked: Row::failing("Everybody revokes the login", Failure::InvalidToken, "", "connect it again")
        .by(Trouble::Revoked(&["Alice", "Bob"])).told_by("withings_authorized{profile=\"Alice\"}", 0.0)
        .again(Again::Login),
}

#[test]
fn the_document_shows_the_rows() {
    let path = root().join("docs/faults.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(MARKS[0]).unwrap();
    let (table, after) = rest.split_once(MARKS[1]).unwrap();
    let rows: String = rows().iter().chain(&super::network::rows()).map(Row::markdown).collect();
    let rows = HEAD.to_owned() + &rows;
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return write(&path, &[before, MARKS[0], &rows, MARKS[1], after].concat());
    }
    assert_eq!(table, rows, "UPDATE_EXPECT=1 writes it anew");
}

/// Adds a measure to `account`, in a group of its own.
fn add(account: &Account, at: i64, measure: Measure) {
    account.add(MeasureGroup::new(at, [measure]));
}

fn attributed(account: &Account, now: i64) {
    account.add(MeasureGroup::new(now, [Measure::new(54, 97, 0)]).attributed(99));
}

fn sleep(account: &Account, now: i64) {
    let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
    account.add(Night::asleep(&mat, now - 8 * 3600, &[(DEEP, 300), (9, 90)]));
}

fn own(account: &Account, model: &str, battery: &str) {
    let device = Device { battery: battery.to_owned(), ..Device::new("Scale", model, 9000, "cd34") };
    account.edit(|person| person.devices.push(device.into()));
}
