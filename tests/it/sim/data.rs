//! The data calls.

use std::sync::Arc;

use serde_json::{Value, json};
use withings_exporter::sim::people::{ALICE, ZOE};
use withings_exporter::sim::{AWAKE, Cloud, DEEP, LIGHT, Measure, MeasureGroup, Night, REM, Vitals};
use withings_exporter::zone::Zone;

use super::dana::{Dana, ids, keys};
use super::server::{NOW, Server, clock};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_group_has_the_fields_of_a_captured_one() {
    let dana = Dana::new();
    let group = MeasureGroup::new(NOW - 60, [Measure::new(1, 7212, -2), Measure::new(5, 5000, -2).at(7)]);
    let grpid = dana.account.add_at(group.clone().by(&dana.mat), NOW - 30, NOW - 20);
    dana.account.add(group.attributed(2));
    let body = dana.call("/measure", &[("action", "getmeas")]).ok();
    assert_eq!(
        keys(&body),
        ["measuregrps", "timezone", "updatetime"].into(),
        "`more` and `offset` are on no last page"
    );
    assert_eq!((&body["updatetime"], &body["timezone"]), (&json!(NOW), &json!("America/New_York")));
    assert_eq!(
        body["measuregrps"][0],
        json!({
            "grpid": grpid, "attrib": 0, "date": NOW - 60, "created": NOW - 30, "modified": NOW - 20, "category": 1,
            "deviceid": "ab12", "hash_deviceid": "ab12", "modelid": 63, "model": "Aura Sensor V2",
            "comment": null, "timezone": "America/New_York",
            "measures": [
                {"value": 7212, "type": 1, "unit": -2, "algo": 0, "fm": 3},
                {"value": 5000, "type": 5, "unit": -2, "algo": 0, "fm": 3, "position": 7},
            ],
        })
    );
    let by_hand = &body["measuregrps"][1];
    assert!(["deviceid", "hash_deviceid", "modelid", "model"].into_iter().all(|field| by_hand[field].is_null()));
}

#[test]
fn groups_come_by_their_last_change_a_page_at_a_time() {
    let dana = Dana::new();
    dana.server.cloud.page_size(2);
    let [old, middle, new] = [NOW - 3 * DAY, NOW - 2 * DAY, NOW - DAY].map(|date| {
        let id = dana.weigh(date);
        dana.server.advance(1);
        id
    });
    assert!(dana.account.edit_row::<MeasureGroup>(old, |group| group.attrib = 7));
    let first = dana.call("/measure", &[("action", "getmeas")]).ok();
    assert_eq!((&first["more"], &first["offset"]), (&json!(1), &json!(2)));
    assert_eq!(ids(&first["measuregrps"], "grpid"), [middle, new]);
    let last = dana.call("/measure", &[("action", "getmeas"), ("offset", "2")]).ok();
    assert_eq!((last.get("more"), last.get("offset")), (None, None));
    assert_eq!(ids(&last["measuregrps"], "grpid"), [old]);
    assert_eq!(dana.groups(&[("offset", "99")]), [0; 0]);
}

#[test]
fn lastupdate_asks_for_changes_and_dates_for_measurements() {
    let dana = Dana::new();
    let late = dana.weigh(NOW - 30 * DAY);
    dana.server.advance(100);
    let today = dana.weigh(NOW);
    let [since, next] = [NOW, NOW + 1].map(|time| time.to_string());
    assert_eq!(dana.groups(&[("lastupdate", "0")]), [late, today]);
    assert_eq!(dana.groups(&[("lastupdate", &since)]), [late, today]);
    assert_eq!(dana.groups(&[("lastupdate", &next)]), [today]);
    dana.account.edit_row::<MeasureGroup>(late, |group| group.attrib = 7);
    assert_eq!(dana.groups(&[("lastupdate", &next)]), [late, today]);
    assert!(dana.account.delete::<MeasureGroup>(late) && !dana.account.delete::<MeasureGroup>(late));
    assert_eq!(dana.groups(&[("lastupdate", &next)]), [today]);
    let late = dana.weigh(NOW - 30 * DAY);
    let [from, to] = [NOW - 31 * DAY, NOW - 29 * DAY].map(|time| time.to_string());
    assert_eq!(dana.groups(&[("startdate", &from), ("enddate", &to)]), [late]);
    assert_eq!(dana.groups(&[("startdate", &to)]), [today]);
    assert_eq!(dana.groups(&[("startdate", &from), ("enddate", &to), ("lastupdate", "0")]), [today], "today's only");
}

#[test]
fn a_row_is_there_from_its_creation_on() {
    let dana = Dana::new();
    let grpid = dana.account.add_at(MeasureGroup::new(NOW, [Measure::new(1, 70, 0)]), NOW + 60, NOW + 60);
    dana.server.advance(59);
    assert_eq!(dana.groups(&[]), [0; 0]);
    dana.server.advance(1);
    assert_eq!(dana.groups(&[]), [grpid]);
}

#[test]
fn a_lastupdate_ahead_of_the_clock_is_refused_without_a_body() {
    let dana = Dana::new();
    let ahead = (NOW + 1).to_string();
    let error = format!("Invalid Params lastupdate is too high:[{ahead}]");
    for (path, action) in [
        ("/measure", "getmeas"),
        ("/v2/measure", "getactivity"),
        ("/v2/measure", "getworkouts"),
        ("/v2/sleep", "getsummary"),
    ] {
        let refused = dana.call(path, &[("action", action), ("lastupdate", &ahead)]);
        assert_eq!(refused.json(), json!({"status": 503, "error": error}));
    }
}

#[test]
fn measure_types_and_category_can_be_chosen() {
    let dana = Dana::new();
    let cuff = [Measure::new(9, 80, 0), Measure::new(10, 120, 0), Measure::new(11, 60, 0)];
    let pressure = dana.account.add(MeasureGroup::new(NOW, cuff));
    let weight = dana.weigh(NOW);
    let goal = dana.account.add(MeasureGroup::new(NOW, [Measure::new(1, 70, 0)]).as_goal());
    assert_eq!(dana.groups(&[("category", "1")]), [pressure, weight]);
    assert_eq!(dana.groups(&[("category", "2")]), [goal]);
    assert_eq!(dana.groups(&[("meastype", "1")]), [weight, goal]);
    let body = dana.call("/measure", &[("action", "getmeas"), ("meastypes", "10,11,71")]).ok();
    let types = body["measuregrps"][0]["measures"].as_array().unwrap().iter().map(|measure| measure["type"].clone());
    assert_eq!(types.collect::<Value>(), json!([10, 11]));
}

#[test]
fn parameters_that_are_no_numbers_are_refused() {
    let dana = Dana::new();
    for param in [("meastypes", "weight"), ("lastupdate", "now"), ("offset", "-1"), ("startdate", "2026-01-01")] {
        dana.check_refused("/measure", &[("action", "getmeas"), param]);
    }
    for params in [&[][..], &[("startdateymd", "2026-01-01")], &[("startdateymd", "x"), ("enddateymd", "2026-01-01")]] {
        dana.check_refused("/v2/sleep", &[&[("action", "getsummary")], params].concat());
        for action in ["getactivity", "getworkouts"] {
            dana.check_refused("/v2/measure", &[&[("action", action)], params].concat());
        }
    }
}

#[test]
fn a_summary_without_data_fields_has_fifteen_and_with_them_those() {
    let dana = Dana::new();
    let vitals = Vitals { hr: 60, rr: 14, snoring: 0, rmssd: 40, sdnn: 50, movement: 3 };
    let stages = [(AWAKE, 10), (LIGHT, 200), (AWAKE, 5), (DEEP, 60), (REM, 90), (AWAKE, 15)];
    let start = NOW - 12 * HOUR;
    dana.account.add(Night::asleep(&dana.mat, start, &stages).measured(|_, _| vitals));
    let row = dana.summary(&[("lastupdate", "0")])["series"][0].take();
    let expected = json!({
        "wakeupduration": 1800, "wakeupcount": 1, "durationtosleep": 600, "remsleepduration": 5400,
        "durationtowakeup": 900, "total_timeinbed": 22_800, "total_sleep_time": 21_000, "sleep_efficiency": 0.92,
        "sleep_latency": 600, "wakeup_latency": 900, "waso": 300, "nb_rem_episodes": 1, "out_of_bed_count": 0,
        "lightsleepduration": 12_000, "deepsleepduration": 3600,
    });
    assert_eq!(row["data"], expected);
    assert_eq!((&row["model"], &row["model_id"], &row["hash_deviceid"]), (&json!(32), &json!(63), &json!("ab12")));
    assert_eq!((&row["startdate"], &row["enddate"]), (&json!(start), &json!(start + 22_800)));
    let named = dana.summary(&[("lastupdate", "0"), ("data_fields", "hr_average,sleep_score,waso")]);
    assert_eq!(named["series"][0]["data"], json!({"hr_average": 60, "waso": 300}));
    let nothing = dana.summary(&[("lastupdate", "0"), ("data_fields", "sleep_score")]);
    assert_eq!(nothing["series"][0]["data"], json!([]), "an empty map is a list");
}

#[test]
fn a_night_belongs_to_the_local_day_of_its_end() {
    let dana = Dana::new();
    // It ends on 1 March at 23:00 in New York, when it is 2 March in London.
    let night = dana.sleep(1_772_424_000 - 190 * 60, 180);
    assert_eq!(dana.summary(&[("lastupdate", "0")])["series"][0]["date"], "2026-03-01");
    let day = |date| dana.nights(&[("startdateymd", date), ("enddateymd", date)]);
    assert_eq!(day("2026-03-01"), [night]);
    assert_eq!(day("2026-03-02"), [0; 0]);
    let today = dana.sleep(NOW - 8 * HOUR, 400);
    let everything = [("startdateymd", "2009-01-01"), ("enddateymd", "2026-03-03")];
    assert_eq!(dana.nights(&everything), [night, today]);
    assert_eq!(dana.nights(&[&everything[..], &[("lastupdate", "0")]].concat()), [today], "today's only");
}

#[test]
fn summaries_say_on_every_page_whether_more_follows() {
    let dana = Dana::new();
    dana.server.cloud.page_size(2);
    for night in 1..=3 {
        dana.sleep(NOW - night * DAY, 400);
    }
    let first = dana.summary(&[("lastupdate", "0")]);
    assert_eq!((&first["more"], &first["offset"]), (&json!(true), &json!(2)));
    let last = dana.summary(&[("lastupdate", "0"), ("offset", "2")]);
    assert_eq!((&last["more"], last["series"].as_array().unwrap().len()), (&json!(false), 1));
}

#[test]
fn sleep_get_answers_the_first_day_of_the_span_in_no_order() {
    let dana = Dana::new();
    let stages: Vec<_> = (0..40).map(|number| (if number % 2 == 0 { LIGHT } else { DEEP }, 10)).collect();
    for days in 1..=3 {
        dana.account.add(Night::asleep(&dana.mat, NOW - days * DAY, &stages));
    }
    let starts = |from: i64, to: i64| -> Vec<i64> {
        let span = [("action", "get"), ("startdate", &from.to_string()), ("enddate", &to.to_string())];
        let body = dana.call("/v2/sleep", &span).ok();
        body["series"].as_array().unwrap().iter().map(|segment| segment["startdate"].as_i64().unwrap()).collect()
    };
    let found = starts(NOW - 3 * DAY, NOW);
    assert_eq!(found.len(), 40);
    assert!(found.iter().all(|start| *start < NOW - 2 * DAY) && !found.is_sorted() && !found.iter().rev().is_sorted());
    assert_eq!(starts(NOW - DAY, NOW - DAY + HOUR).len(), 6);
    assert_eq!(starts(NOW - HOUR, NOW).len(), 0);
    let [weeks, now] = [NOW - 15 * DAY, NOW].map(|time| time.to_string());
    dana.check_refused("/v2/sleep", &[("action", "get"), ("startdate", &weeks), ("enddate", &now)]);
    dana.check_refused("/v2/sleep", &[("action", "get"), ("startdate", &now), ("enddate", &weeks)]);
    dana.check_refused("/v2/sleep", &[("action", "get"), ("startdate", &weeks)]);
}

#[test]
fn sleep_get_has_a_value_for_each_minute_of_the_fields_asked_for() {
    let dana = Dana::new();
    let vitals = |_, _| Vitals { hr: 60, rr: 14, snoring: 0, rmssd: 40, sdnn: 50, movement: 3 };
    let start = NOW - 6 * HOUR;
    dana.account.add(Night::asleep(&dana.mat, start, &[(REM, 2)]).measured(vitals));
    let [from, to] = [NOW - DAY, NOW].map(|time| time.to_string());
    let span = [("action", "get"), ("startdate", &from), ("enddate", &to)];
    let with =
        dana.call("/v2/sleep", &[&span[..], &[("data_fields", "hr,rr,snoring,sdnn_1,rmssd,hrv_quality")]].concat());
    let constant = |value: i64| json!({start.to_string(): value, (start + 60).to_string(): value});
    let expected = json!({
        "startdate": start, "enddate": start + 120, "state": 3, "model": "Aura Sensor V2", "model_id": 63,
        "hash_deviceid": "ab12", "hr": constant(60), "rr": constant(14), "snoring": constant(0),
        "sdnn_1": constant(50), "rmssd": constant(40),
    });
    assert_eq!(with.ok(), json!({"series": [expected], "model": 32}));
    let without = dana.call("/v2/sleep", &span).ok();
    assert!(without["series"][0].get("hr").is_none());
    dana.account.add(Night::asleep(&dana.mat, NOW - HOUR, &[(LIGHT, 2)]));
    let from = (NOW - 2 * HOUR).to_string();
    let unmeasured =
        dana.call("/v2/sleep", &[("action", "get"), ("startdate", &from), ("enddate", &to), ("data_fields", "hr")]);
    assert!(unmeasured.ok()["series"][0].get("hr").is_none());
}

#[test]
fn devices_and_goals_are_the_persons() {
    let dana = Dana::new();
    let call = |action| dana.call("/v2/user", &[("action", action)]).ok();
    assert_eq!(call("getdevice"), json!({"devices": []}));
    assert_eq!(call("getgoals"), json!({"goals": []}), "an empty map is a list");
    dana.account.edit(|person| {
        person.devices = vec![Arc::clone(&dana.mat)];
        person.goals.steps = Some(9000);
        person.goals.weight = Some(70_500);
    });
    assert_eq!(call("getgoals"), json!({"goals": {"steps": 9000, "weight": {"value": 70_500, "unit": -3}}}));
    let device = call("getdevice")["devices"][0].take();
    let expected = json!({
        "type": "Sleep Monitor", "model": "Aura Sensor V2", "model_id": 63, "battery": "high", "deviceid": "ab12",
        "hash_deviceid": "ab12", "timezone": "America/New_York", "first_session_date": null, "last_session_date": null,
    });
    assert_eq!(device, expected);
    dana.sleep(NOW - DAY, 60);
    assert_eq!(call("getdevice")["devices"][0]["last_session_date"], NOW, "the upload was a contact");
}

#[test]
fn a_path_answers_its_own_actions_only() {
    let dana = Dana::new();
    for (path, action) in [
        ("/measure", "getsummary"),
        ("/v2/sleep", "getmeas"),
        ("/v2/user", ""),
        ("/v2/oauth2", "x"),
        ("/v2/measure", "y"),
    ] {
        assert_eq!(dana.call(path, &[("action", action)]).status(), 2554, "{path} {action}");
    }
    assert_eq!(dana.call("/v2/nothing", &[("action", "getmeas")]).http, 404);
}

#[test]
fn old_clients_may_get_and_send_the_token_as_a_parameter() {
    let dana = Dana::new();
    let grpid = dana.weigh(NOW);
    let answer = dana.server.get(&format!("/measure/?action=getmeas&access_token={}", dana.access));
    assert_eq!(ids(&answer.ok()["measuregrps"], "grpid"), [grpid]);
}

#[test]
fn slashes_are_escaped_and_the_date_is_the_clouds() {
    let dana = Dana::new();
    let answer = dana.call("/measure", &[("action", "getmeas")]);
    assert!(answer.body.contains(r#""timezone":"America\/New_York""#), "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("date"), Some("Mon, 02 Mar 2026 18:00:00 GMT"));
}

#[test]
fn the_people_answer_the_same_to_the_same_question() {
    let answer = || {
        let server = Server::start(Cloud::with_history(5, 1, clock()));
        let access = server.login(ALICE).access;
        let span = [("startdate", &*(NOW - DAY).to_string()), ("enddate", &*NOW.to_string())];
        [
            server.post("/measure", Some(&access), &[("action", "getmeas")]).body,
            server.post("/v2/sleep", Some(&access), &[("action", "getsummary"), ("lastupdate", "0")]).body,
            server
                .post("/v2/sleep", Some(&access), &[&[("action", "get"), ("data_fields", "hr")], &span[..]].concat())
                .body,
            server.post("/v2/user", Some(&access), &[("action", "getdevice")]).body,
            server.post("/v2/measure", Some(&access), &[("action", "getactivity"), ("lastupdate", "0")]).body,
            server.post("/v2/measure", Some(&access), &[("action", "getworkouts"), ("lastupdate", "0")]).body,
        ]
    };
    let (one, other) = (answer(), answer());
    assert!(one == other, "two clouds of one seed differ");
    assert!(one.iter().all(|answer| answer.len() > 1000));
}

#[test]
fn a_new_owner_has_no_goals_and_two_weeks() {
    let server = Server::start(Cloud::with_history(5, 1, clock()));
    let access = server.login(ZOE).access;
    assert_eq!(server.post("/v2/user", Some(&access), &[("action", "getgoals")]).ok(), json!({"goals": []}));
    let nights = server.post("/v2/sleep", Some(&access), &[("action", "getsummary"), ("lastupdate", "0")]).ok();
    assert!((12..18).contains(&nights["series"].as_array().unwrap().len()));
    assert!(server.cloud.account("Zoë").unwrap().person().timezone != Zone::UTC);
}
