//! Days of activity, and workouts.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Value, json};
use withings_exporter::sim::people::{ALICE, BOB};
use withings_exporter::sim::{Activity, Cloud, Device, HeartRate, Person, Source, Workout};
use withings_exporter::zone::Zone;

use super::dana::{Dana, ids, keys};
use super::server::{NOW, Server, clock};

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

impl Dana {
    fn moved(&self, action: &str, params: &[(&str, &str)]) -> Value {
        self.call("/v2/measure", &[&[("action", action)], params].concat()).ok()
    }

    /// The dates of the days that the call answers, in its order.
    fn days(&self, params: &[(&str, &str)]) -> Vec<String> {
        let body = self.moved("getactivity", params);
        body["activities"].as_array().unwrap().iter().map(|day| day["date"].as_str().unwrap().to_owned()).collect()
    }

    fn workouts(&self, params: &[(&str, &str)]) -> Vec<u64> {
        ids(&self.moved("getworkouts", params)["series"], "id")
    }

    fn walk(&self, date: &str) -> u64 {
        self.account.add(Activity { steps: 7000, ..day(date, Source::GoogleFit) })
    }

    fn run(&self, startdate: i64) -> u64 {
        self.account.add(Workout::new(2, startdate, startdate + HOUR))
    }
}

fn day(date: &str, source: Source) -> Activity {
    Activity::new(date.parse::<NaiveDate>().unwrap(), source)
}

fn watch() -> Arc<Device> {
    Arc::new(Device::new("Activity Tracker", "ScanWatch", 93, "cd34"))
}

#[test]
fn a_day_has_the_fields_of_a_captured_one() {
    let dana = Dana::new();
    let heart = HeartRate { average: 80, min: 70, max: 81, zones: [100, 200, 300, 400] };
    let totals = Activity {
        steps: 1209,
        distance: 1028.559,
        elevation: 3,
        soft: 1864,
        moderate: 292,
        intense: 8,
        calories: 85.497,
        totalcalories: 2303.788,
        ..day("2026-03-01", Source::GoogleFit)
    };
    dana.account.add_at(totals.clone(), NOW - 60, NOW - 50);
    dana.account.add(Activity { source: Source::Tracker(watch()), heart: Some(heart), ..totals });
    let mut expected = json!({
        "steps": 1209, "distance": 1028.559, "elevation": 3, "soft": 1864, "moderate": 292, "intense": 8, "active": 300,
        "calories": 85.497, "totalcalories": 2303.788, "deviceid": null, "hash_deviceid": null,
        "timezone": "America/New_York", "date": "2026-03-01", "modified": NOW - 50, "brand": 18, "modelid": 1055,
        "model": "GoogleFit tracker", "is_tracker": false,
    });
    let body = dana.moved("getactivity", &[("lastupdate", "0")]);
    assert_eq!(body["activities"][0], expected);
    let of_the_watch = json!({
        "deviceid": "cd34", "hash_deviceid": "cd34", "modified": NOW, "brand": 1, "modelid": 93, "model": "ScanWatch",
        "is_tracker": true, "hr_average": 80, "hr_min": 70, "hr_max": 81, "hr_zone_0": 100, "hr_zone_1": 200,
        "hr_zone_2": 300, "hr_zone_3": 400,
    });
    expected.as_object_mut().unwrap().extend(of_the_watch.as_object().unwrap().clone());
    assert_eq!(body["activities"][1], expected);
    assert_eq!((&body["more"], &body["offset"]), (&json!(false), &json!(200)), "an offset that leads nowhere");
}

#[test]
fn data_fields_choose_and_an_unknown_one_is_ignored() {
    let dana = Dana::new();
    dana.walk("2026-03-01");
    let always =
        ["brand", "date", "deviceid", "hash_deviceid", "is_tracker", "model", "modelid", "modified", "timezone"];
    let row =
        |fields| dana.moved("getactivity", &[("lastupdate", "0"), ("data_fields", fields)])["activities"][0].take();
    assert_eq!(keys(&row("happiness")), always.into());
    let asked = row("steps,active,hr_average,happiness");
    assert_eq!((keys(&asked).len(), &asked["steps"], &asked["active"]), (always.len() + 2, &json!(7000), &json!(0)));
}

#[test]
fn a_day_from_two_sources_is_two_rows() {
    let dana = Dana::new();
    dana.walk("2026-03-02");
    dana.account.add(day("2026-03-02", Source::Tracker(watch())));
    let body = dana.moved("getactivity", &[("lastupdate", "0")]);
    let sources: Vec<_> = body["activities"].as_array().unwrap().iter().map(|day| day["is_tracker"].clone()).collect();
    assert_eq!(sources, [json!(false), json!(true)]);
}

#[test]
fn days_come_by_their_last_change_a_page_at_a_time() {
    let dana = Dana::new();
    dana.server.cloud.page_size(2);
    let [first, ..] = ["2026-02-27", "2026-02-28", "2026-03-01"].map(|date| {
        let id = dana.walk(date);
        dana.server.advance(1);
        id
    });
    assert!(dana.account.edit_row::<Activity>(first, |activity| activity.steps = 9000));
    let page = dana.moved("getactivity", &[("lastupdate", "0")]);
    assert_eq!((&page["more"], &page["offset"]), (&json!(true), &json!(2)));
    assert_eq!(dana.days(&[("lastupdate", "0")]), ["2026-02-28", "2026-03-01"]);
    let last = dana.moved("getactivity", &[("lastupdate", "0"), ("offset", "2")]);
    assert_eq!((&last["more"], &last["activities"][0]["steps"]), (&json!(false), &json!(9000)));
    assert_eq!(dana.days(&[("lastupdate", &(NOW + 3).to_string())]), ["2026-02-27"], "only that one has changed");
    assert!(dana.account.delete::<Activity>(first) && !dana.account.delete::<Activity>(first));
    assert!(!dana.account.edit_row::<Activity>(first, |activity| activity.steps = 0));
    assert_eq!(dana.days(&[("lastupdate", "0"), ("offset", "2")]), [""; 0]);
}

#[test]
fn days_and_workouts_are_selected_by_the_persons_own_date() {
    let dana = Dana::new();
    let today = NOW - 3 * HOUR;
    for (begin, date) in [(today, "2026-03-02"), (today - DAY, "2026-03-01"), (today - 9 * DAY, "2026-02-21")] {
        dana.walk(date);
        dana.run(begin);
    }
    // On 1 March at 22:30 in New York, when it is 2 March in London.
    let late = dana.run(1_772_422_200);
    let of = |from, to| [("startdateymd", from), ("enddateymd", to)];
    assert_eq!(dana.days(&of("2026-03-01", "2026-03-02")), ["2026-03-02", "2026-03-01"]);
    assert_eq!(dana.days(&of("2026-02-22", "2026-02-28")), [""; 0]);
    assert_eq!(dana.workouts(&of("2026-03-01", "2026-03-01")).len(), 2);
    assert!(dana.workouts(&of("2026-03-01", "2026-03-01")).contains(&late));
    let everything = of("2009-01-01", "2026-03-03");
    assert_eq!((dana.days(&everything).len(), dana.workouts(&everything).len()), (3, 4));
    let both = [&everything[..], &[("lastupdate", "0")]].concat();
    assert_eq!((dana.days(&both), dana.workouts(&both).len()), (vec!["2026-03-02".to_owned()], 1), "today's only");
    dana.account.edit(|person| person.timezone = Zone::known("Asia/Tokyo"));
    assert_eq!(dana.days(&both), [""; 0], "it is 3 March in Tokyo");
    assert_eq!(dana.moved("getactivity", &everything)["activities"][0]["timezone"], "America/New_York");
}

#[test]
fn a_workout_has_the_fields_of_a_captured_one() {
    let dana = Dana::new();
    let start = NOW - 2 * HOUR;
    let walk = Workout::new(1, start, start + 502).counted().with([("steps", json!(779)), ("distance", json!(680))]);
    let id = dana.account.add_at(walk, NOW - 60, NOW - 50);
    let fields = "calories,hr_average,hr_zone_3,steps,distance,spo2_average,algo_pause_duration,happiness,pool_laps";
    let body = dana.moved("getworkouts", &[("lastupdate", "0"), ("data_fields", fields)]);
    let expected = json!({
        "id": id, "category": 1, "timezone": "America/New_York", "model": 1055, "attrib": 0, "startdate": start,
        "enddate": start + 502, "date": "2026-03-02", "deviceid": null, "modified": NOW - 50,
        "data": {
            "calories": 0, "hr_average": 0, "hr_zone_3": 0, "steps": 779, "distance": 680, "spo2_average": null,
            "algo_pause_duration": null,
        },
    });
    assert_eq!(body, json!({"series": [expected], "more": false, "offset": 0}));
    let without = dana.moved("getworkouts", &[("lastupdate", "0")]);
    assert_eq!(without["series"][0]["data"], json!({"algo_pause_duration": null}), "next to nothing unless asked for");
}

#[test]
fn a_tracker_signs_its_workout_and_a_phone_without_a_sensor_knows_the_time_only() {
    let dana = Dana::new();
    let start = NOW - 2 * HOUR;
    dana.account.add(Workout::new(28, start, start + HOUR).by(&watch()).attributed(7));
    dana.account.add(Workout::new(16, start, start + HOUR));
    let row = |index: usize, fields| {
        let params = [("lastupdate", "0"), ("data_fields", fields)];
        dana.moved("getworkouts", &params)["series"][index].take()
    };
    let tracked = row(0, "steps");
    assert_eq!((&tracked["deviceid"], &tracked["hash_deviceid"]), (&json!("cd34"), &json!("cd34")));
    assert_eq!((&tracked["model"], &tracked["attrib"], &tracked["created"]), (&json!(93), &json!(7), &json!(NOW)));
    assert_eq!(row(1, "steps,hr_average,algo_pause_duration")["data"], json!({"algo_pause_duration": null}));
    assert_eq!(row(1, "steps")["data"], json!([]), "an empty map is a list");
}

#[test]
fn workouts_come_by_their_last_change_a_page_at_a_time() {
    let dana = Dana::new();
    dana.server.cloud.page_size(2);
    let [old, middle, new] = [3, 2, 1].map(|days| {
        let id = dana.run(NOW - days * DAY);
        dana.server.advance(1);
        id
    });
    assert!(dana.account.edit_row::<Workout>(old, |workout| workout.category = 3));
    let first = dana.moved("getworkouts", &[("lastupdate", "0")]);
    assert_eq!((&first["more"], &first["offset"]), (&json!(true), &json!(2)));
    assert_eq!(ids(&first["series"], "id"), [middle, new]);
    assert_eq!(dana.workouts(&[("lastupdate", "0"), ("offset", "2")]), [old]);
    assert_eq!(dana.workouts(&[("lastupdate", &(NOW + 3).to_string())]), [old]);
    assert!(dana.account.delete::<Workout>(old) && !dana.account.delete::<Workout>(old));
    assert_eq!(dana.workouts(&[("lastupdate", "0"), ("offset", "2")]), [0; 0]);
}

#[test]
fn rows_are_there_from_their_creation_on_and_uploads_are_contacts() {
    let dana = Dana::new();
    let watch = watch();
    dana.account.edit(|person| person.devices = vec![Arc::clone(&watch)]);
    let last_contact =
        || dana.call("/v2/user", &[("action", "getdevice")]).ok()["devices"][0]["last_session_date"].take();
    dana.account.add_at(day("2026-03-02", Source::Tracker(Arc::clone(&watch))), NOW + 60, NOW + 60);
    dana.account.add_at(Workout::new(2, NOW - HOUR, NOW).by(&watch), NOW + 90, NOW + 90);
    let seen = || (dana.days(&[("lastupdate", "0")]).len(), dana.workouts(&[("lastupdate", "0")]).len());
    assert_eq!((seen(), last_contact()), ((0, 0), Value::Null));
    dana.server.advance(60);
    assert_eq!((seen(), last_contact()), ((1, 0), json!(NOW + 60)));
    dana.server.advance(30);
    assert_eq!((seen(), last_contact()), ((1, 1), json!(NOW + 90)));
}

#[test]
fn who_does_not_share_activity_is_refused() {
    let server = Server::start(Cloud::new(clock()));
    let mut person = Person::new(42, "Dana", Zone::known("America/New_York"));
    person.scopes = vec!["user.metrics".to_owned(), "user.info".to_owned()];
    server.cloud.add_person(person);
    let access = server.login(42).access;
    for action in ["getactivity", "getworkouts"] {
        let refused = server.post("/v2/measure", Some(&access), &[("action", action), ("lastupdate", "0")]);
        assert_eq!(refused.status(), 403, "{}", refused.body);
    }
}

/// Alice's row of today, as her watch writes it from hour to hour.
#[test]
fn todays_row_is_rewritten_and_the_next_call_sees_only_that() {
    let server = Server::start(Cloud::with_history(5, 1, clock()));
    let access = server.login(ALICE).access;
    let since = |lastupdate: i64| {
        let params = [("action", "getactivity"), ("lastupdate", &*lastupdate.to_string()), ("data_fields", "steps")];
        let body = server.post("/v2/measure", Some(&access), &params).ok();
        body["activities"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|day| day["is_tracker"] == true)
            .cloned()
            .collect::<Vec<_>>()
    };
    let [before] = &since(NOW - HOUR)[..] else { panic!("not one row in an hour") };
    server.advance(3600);
    let [after] = &since(before["modified"].as_i64().unwrap() + 1)[..] else { panic!("not one new version") };
    assert_eq!((&before["date"], &after["date"]), (&json!("2026-03-02"), &json!("2026-03-02")));
    assert!(
        before["steps"].as_i64() < after["steps"].as_i64() && before["modified"].as_i64() < after["modified"].as_i64()
    );
}

#[test]
fn three_years_of_days_are_many_pages() {
    let server = Server::start(Cloud::seeded(5, clock()));
    let access = server.login(BOB).access;
    let (mut offset, mut dates) = (0, Vec::new());
    loop {
        let params = [("action", "getactivity"), ("lastupdate", "0"), ("offset", &*offset.to_string())];
        let body = server.post("/v2/measure", Some(&access), &params).ok();
        dates.extend(body["activities"].as_array().unwrap().iter().map(|day| day["date"].as_str().unwrap().to_owned()));
        if body["more"] == false {
            break;
        }
        offset = body["offset"].as_i64().unwrap();
    }
    let rows = dates.len();
    dates.sort();
    dates.dedup();
    assert!(rows > 1000 && dates.len() == rows, "{rows} rows of {} days", dates.len());
}
