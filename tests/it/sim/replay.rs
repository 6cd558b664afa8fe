//! Captured answers in place of generated people.

use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};
use withings_exporter::sim::Cloud;

use super::server::{NOW, Server, clock};

/// A directory with these files.
fn recording(files: &[(&str, &str)]) -> tempfile::TempDir {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::File::create(dir.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }
    dir
}

fn call(server: &Server, path: &str, params: &[(&str, &str)]) -> Value {
    let user = server.cloud.account("replay").unwrap().userid();
    server.post(path, Some(&server.login(user).access), params).ok()
}

fn check_mistake(dir: &Path, message: &str, caused: bool) {
    let Err(error) = Cloud::replay(dir, clock()) else { panic!("accepted; expected: {message}") };
    assert_eq!(error.to_string().replace(&dir.display().to_string(), "DIR"), message);
    assert_eq!(error.source().is_some(), caused);
}

#[test]
fn captured_answers_are_served_with_and_without_the_envelope() {
    let dir = recording(&[
        ("getmeas.json", r#"[{"grpid": 7, "measures": []}]"#),
        ("getsummary.json", r#"{"status": 0, "body": {"series": [{"id": 8}], "more": true, "offset": 300}}"#),
        (
            "getactivity.json",
            r#"{"activities": [{"date": "2023-10-20", "steps": 1209}], "more": false, "offset": 200}"#,
        ),
        ("getworkouts.json", r#"{"status": 0, "body": {"series": [{"id": 9, "category": 1}], "more": false}}"#),
        ("getgoals.json", r#"{"goals": {"steps": 5000}}"#),
        ("notes.txt", "not an answer"),
    ]);
    let server = Server::start(Cloud::replay(dir.path(), clock()).unwrap());
    assert_eq!(call(&server, "/measure", &[("action", "getmeas")])["measuregrps"][0]["grpid"], 7);
    let nights = [("action", "getsummary"), ("lastupdate", "0")];
    assert_eq!(call(&server, "/v2/sleep", &nights)["series"][0]["id"], 8);
    let days = call(&server, "/v2/measure", &[("action", "getactivity"), ("lastupdate", "0")]);
    assert_eq!((&days["activities"][0]["steps"], &days["offset"]), (&json!(1209), &json!(200)));
    let workouts = call(&server, "/v2/measure", &[("action", "getworkouts"), ("lastupdate", "0")]);
    assert_eq!(workouts["series"][0]["category"], 1);
    assert_eq!(call(&server, "/v2/user", &[("action", "getgoals")]), json!({"goals": {"steps": 5000}}));
    let second = call(&server, "/v2/sleep", &[&nights[..], &[("offset", "300")]].concat());
    assert_eq!((&second["series"], &second["more"]), (&json!([]), &json!(false)), "one page was captured");
}

#[test]
fn what_was_not_captured_is_empty() {
    let dir = recording(&[("getgoals.json", r#"{"goals": []}"#)]);
    let server = Server::start(Cloud::replay(dir.path(), clock()).unwrap());
    assert_eq!(call(&server, "/measure", &[("action", "getmeas")])["measuregrps"], json!([]));
    assert_eq!(call(&server, "/v2/sleep", &[("action", "getsummary"), ("lastupdate", "0")])["series"], json!([]));
    let span = [("action", "get"), ("startdate", &*(NOW - 60).to_string()), ("enddate", &*NOW.to_string())];
    assert_eq!(call(&server, "/v2/sleep", &span)["series"], json!([]));
    assert_eq!(call(&server, "/v2/user", &[("action", "getdevice")])["devices"], json!([]));
    for (action, list) in [("getactivity", "activities"), ("getworkouts", "series")] {
        assert_eq!(call(&server, "/v2/measure", &[("action", action), ("lastupdate", "0")])[list], json!([]));
    }
}

#[test]
fn a_captured_error_is_an_answer_too() {
    let dir = recording(&[("getdevice.json", r#"{"status": 403, "body": {}, "error": "no"}"#)]);
    let server = Server::start(Cloud::replay(dir.path(), clock()).unwrap());
    let access = server.login(server.cloud.account("replay").unwrap().userid()).access;
    assert_eq!(server.post("/v2/user", Some(&access), &[("action", "getdevice")]).status(), 403);
}

#[test]
fn mistakes_are_named() {
    check_mistake(&recording(&[]).path().join("nowhere"), "DIR is not a directory", false);
    let names = "getmeas.json, getactivity.json, getintradayactivity.json, getworkouts.json, getsummary.json, \
                 sleep_get.json, getdevice.json, getgoals.json, heart_list.json";
    check_mistake(
        recording(&[("a.json", "{}")]).path(),
        &format!("DIR has no captured answer: looked for {names}"),
        false,
    );
    let broken = recording(&[("getmeas.json", "{\n  \"status\": zero\n}")]);
    check_mistake(broken.path(), "DIR/getmeas.json, line 2, column 13: not JSON", true);
    for wrong in ["[]", "{}", "7", r#"{"status": 0}"#, r#"{"status": 0, "body": {"devices": []}}"#] {
        let dir = recording(&[("getgoals.json", wrong)]);
        check_mistake(dir.path(), "DIR/getgoals.json is not an answer of its call: `goals` is missing", false);
    }
    let dir = recording(&[]);
    std::fs::create_dir(dir.path().join("getmeas.json")).unwrap();
    check_mistake(dir.path(), "cannot read DIR/getmeas.json", true);
}
