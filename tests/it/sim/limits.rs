//! The limits of calls, and faults on demand.

use std::time::Duration;

use serde_json::json;
use withings_exporter::sim::{Cloud, Failure, Fault, Limits, Person};
use withings_exporter::zone::Zone;

use super::server::{Answer, Server, clock};

/// A cloud with two people and their tokens.
fn household(limits: Limits) -> (Server, [String; 2]) {
    let server = Server::start(Cloud::new(clock()));
    let access = [42, 43].map(|user| {
        server.cloud.add_person(Person::new(user, "Dana", Zone::UTC));
        server.login(user).access
    });
    server.advance(60);
    server.cloud.limits(limits);
    (server, access)
}

fn meas(server: &Server, access: &str, offset: usize) -> Answer {
    server.post("/measure", Some(access), &[("action", "getmeas"), ("offset", &offset.to_string())])
}

fn check_wait(answer: &Answer, error: &str, seconds: i64) {
    assert_eq!(answer.http, 200);
    assert_eq!(answer.json(), json!({"status": 601, "body": {"wait_seconds": seconds}, "error": error}));
}

#[test]
fn the_identical_call_of_a_user_waits_ten_seconds() {
    let (server, [dana, other]) = household(Limits::default());
    assert_eq!(meas(&server, &dana, 0).status(), 0);
    server.advance(3);
    check_wait(&meas(&server, &dana, 0), "Same arguments in less than 10 seconds", 7);
    assert_eq!(meas(&server, &dana, 1).status(), 0, "other arguments");
    assert_eq!(meas(&server, &other, 0).status(), 0, "another user");
    let by_parameter = server.get(&format!("/measure?action=getmeas&offset=0&access_token={dana}"));
    assert_eq!(by_parameter.status(), 601, "the token is no argument");
    server.advance(7);
    assert_eq!(meas(&server, &dana, 0).status(), 0);
}

#[test]
fn a_refresh_has_twins_too_and_a_new_token_does_not_make_a_new_call() {
    let (server, _) = household(Limits::default());
    let first = server.login(42);
    let second = server.refresh(&first.refresh).tokens();
    assert_eq!(server.refresh(&first.refresh).status(), 601);
    assert_eq!(meas(&server, &first.access, 0).status(), 401);
    assert_eq!(meas(&server, &second.access, 0).status(), 601);
}

#[test]
fn an_application_has_its_calls_a_minute_for_all_its_users() {
    let (server, access) = household(Limits::default());
    for call in 0..120 {
        assert_eq!(meas(&server, &access[call % 2], call).status(), 0);
        if call == 60 {
            server.advance(20);
        }
    }
    check_wait(&meas(&server, &access[0], 500), "Too Many Requests", 40);
    assert_eq!(server.refresh("any").status(), 601, "token calls count");
    server.advance(40);
    assert_eq!(meas(&server, &access[0], 500).status(), 0);
}

#[test]
fn limits_count_fractions_of_a_second() {
    let (server, [dana, _]) = household(Limits { per_minute: Some(2), same_call_seconds: Some(10) });
    let pass = |milliseconds| server.cloud.clock().advance(Duration::from_millis(milliseconds));
    pass(900);
    assert_eq!(meas(&server, &dana, 0).status(), 0);
    pass(9100);
    check_wait(&meas(&server, &dana, 0), "Same arguments in less than 10 seconds", 1);
    assert_eq!(meas(&server, &dana, 1).status(), 0);
    pass(50_800);
    check_wait(&meas(&server, &dana, 2), "Too Many Requests", 1);
    pass(100);
    assert_eq!(meas(&server, &dana, 2).status(), 0);
}

#[test]
fn both_limits_can_be_set() {
    let (server, [dana, _]) = household(Limits { per_minute: Some(2), same_call_seconds: None });
    let statuses = [0; 3].map(|offset| meas(&server, &dana, offset).status());
    assert_eq!(statuses, [0, 0, 601]);
    server.cloud.limits(Limits { per_minute: None, same_call_seconds: Some(100) });
    server.advance(99);
    assert_eq!(meas(&server, &dana, 0).status(), 601);
}

#[test]
fn a_fault_strikes_the_calls_it_is_meant_for_and_so_often() {
    let (server, [dana, other]) = household(Limits::OFF);
    let devices = |access: &str| server.post("/v2/user", Some(access), &[("action", "getdevice")]);
    server.cloud.fault(Fault::new(Failure::Http(502)).on("getmeas").of(42).times(2));
    assert_eq!(devices(&dana).status(), 0);
    assert_eq!(meas(&server, &other, 0).status(), 0);
    let broken = meas(&server, &dana, 0);
    assert_eq!((broken.http, broken.header("content-type")), (502, Some("text/html; charset=utf-8")));
    assert_eq!(meas(&server, &dana, 0).http, 502);
    assert_eq!(meas(&server, &dana, 0).status(), 0);
}

#[test]
fn every_failure_looks_like_a_captured_one() {
    let (server, [dana, _]) = household(Limits::OFF);
    for (failure, status, body) in [
        (Failure::InvalidToken, 401, json!({})),
        (Failure::InsufficientScope, 403, json!({})),
        (Failure::InvalidParams, 503, json!({})),
        (Failure::TooManyRequests { wait_seconds: Some(68) }, 601, json!({"wait_seconds": 68})),
        (Failure::TooManyRequests { wait_seconds: None }, 601, json!({})),
        (Failure::SameArguments { wait_seconds: 188 }, 601, json!({"wait_seconds": 188})),
    ] {
        server.cloud.fault(Fault::new(failure));
        let answer = meas(&server, &dana, 0).json();
        assert_eq!((&answer["status"], &answer["body"]), (&json!(status), &body), "{failure:?}");
        assert!(answer["error"].is_string());
    }
    assert_eq!(meas(&server, &dana, 0).status(), 0);
}

#[test]
fn a_refused_scope_has_used_the_token_up() {
    let (server, _) = household(Limits::OFF);
    let first = server.login(42);
    let second = server.refresh(&first.refresh).tokens();
    server.cloud.fault(Fault::new(Failure::InsufficientScope).times(2));
    assert_eq!(meas(&server, &first.access, 0).status(), 401, "a dead token has no scopes");
    assert_eq!(meas(&server, &second.access, 0).status(), 403);
    assert_eq!(server.refresh(&first.refresh).status(), 503);
}

#[test]
fn pages_can_break_off_and_never_end() {
    let (server, [dana, _]) = household(Limits::OFF);
    let page = |offset| {
        let form = [("action", "getmeas"), ("offset", offset)];
        server.post("/measure", Some(&dana), &form).json()
    };
    server.cloud.fault(Fault::new(Failure::InvalidParams).on_further_pages());
    assert_eq!((&page("")["status"], &page("1")["status"]), (&json!(0), &json!(503)));
    server.cloud.fault(Fault::new(Failure::EndlessPages).times(2));
    let promise = json!({"status": 0, "body": {"more": true, "offset": 100}});
    assert_eq!((page(""), page("100")), (promise.clone(), promise));
}

#[test]
fn a_fault_of_the_token_endpoint_costs_no_token_and_can_be_taken_back() {
    let (server, _) = household(Limits::OFF);
    let tokens = server.login(42);
    server.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken").times(u32::MAX));
    assert_eq!(server.refresh(&tokens.refresh).http, 502);
    server.cloud.heal();
    assert_eq!(server.refresh(&tokens.refresh).status(), 0);
}
