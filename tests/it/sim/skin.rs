//! The HTTP skin: odd requests, limits, and the journal of requests.

use chrono::DateTime;
use proptest::prelude::*;
use withings_exporter::sim::people::ALICE;
use withings_exporter::sim::{Cloud, Person, TokenPlace};
use withings_exporter::zone::Zone;

use super::server::{NOW, Server, clock};

#[test]
fn odd_requests_are_answered_and_break_nothing() {
    let server = Server::start(Cloud::new(clock()));
    for (request, http) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n", 404),
        ("PUT /measure HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n", 405),
        ("POST /oauth2_user/authorize2 HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 405),
        ("POST /measure HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: 3\r\n\r\n%\u{1}&", 200),
    ] {
        assert_eq!(server.send(request.as_bytes()).http, http, "{request:?}");
    }
}

#[test]
fn a_long_body_is_refused() {
    let server = Server::start(Cloud::new(clock()));
    let long = "x".repeat(100_000);
    assert_eq!(server.post("/measure", None, &[("action", &long)]).http, 413);
    assert_eq!(server.post("/measure", None, &[("action", "getmeas")]).status(), 401);
}

#[test]
fn requests_are_remembered_without_their_secrets() {
    let server = Server::start(Cloud::new(clock()));
    server.cloud.add_person(Person::new(42, "Dana", Zone::UTC));
    let tokens = server.login(42);
    server.refresh(&tokens.refresh);
    server.advance(5);
    server.post("/measure/", Some(&tokens.access), &[("action", "getmeas"), ("lastupdate", "17")]);
    server.get(&format!("/v2/user?action=getgoals&access_token={}", tokens.access));
    let requests = server.cloud.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            (&*request.method, &*request.path, request.action.as_deref(), request.user, request.http, request.status)
        })
        .collect();
    let [dana, token] = [Some(42), None].map(|user| (user, "/v2/oauth2"));
    assert_eq!(
        seen,
        [
            ("GET", "/oauth2_user/authorize2", None, None, 302, None),
            ("POST", dana.1, Some("requesttoken"), dana.0, 200, Some(0)),
            ("POST", token.1, Some("requesttoken"), dana.0, 200, Some(0)),
            ("POST", "/measure", Some("getmeas"), dana.0, 200, Some(401)),
            ("GET", "/v2/user", Some("getgoals"), dana.0, 200, Some(401)),
        ]
    );
    assert_eq!(requests[3].params["lastupdate"], "17");
    assert_eq!(requests[3].time, DateTime::from_timestamp(NOW + 5, 0).unwrap());
    let places: Vec<_> = requests[2..].iter().map(|request| request.token).collect();
    assert_eq!(places, [TokenPlace::Absent, TokenPlace::Header, TokenPlace::Parameter]);
    let text = format!("{requests:?}");
    assert!(
        [&tokens.access, &tokens.refresh, "client_secret"].into_iter().all(|secret| !text.contains(secret)),
        "{text}"
    );
}

/// The data calls with parameters.
const CALLS: [(&str, &str); 5] = [
    ("/measure", "getmeas"),
    ("/v2/measure", "getactivity"),
    ("/v2/measure", "getworkouts"),
    ("/v2/sleep", "get"),
    ("/v2/sleep", "getsummary"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The server notices its own panic when it ends.
    #[test]
    fn no_parameter_breaks_the_model(
        call in prop::sample::select(&CALLS[..]),
        params in prop::collection::vec((parameter(), value()), 0..6),
    ) {
        thread_local!(static SERVER: (Server, String) = {
            let server = Server::start(Cloud::with_history(1, 0, clock()));
            let access = server.login(ALICE).access;
            (server, access)
        });
        SERVER.with(|(server, access)| {
            let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = server.post(call.0, Some(access), &[&[("action", call.1)], &params[..]].concat());
            prop_assert!(matches!(answer.status(), 0 | 503), "{}", answer.body);
            Ok(())
        })?;
    }
}

fn parameter() -> impl Strategy<Value = &'static str> {
    let names = [
        "startdate",
        "enddate",
        "lastupdate",
        "offset",
        "startdateymd",
        "enddateymd",
        "meastypes",
        "category",
        "data_fields",
    ];
    prop::sample::select(names.to_vec())
}

fn value() -> impl Strategy<Value = String> {
    let near = (NOW - 1_000_000..NOW + 1_000_000).prop_map(|number| number.to_string());
    let extreme = any::<i64>().prop_map(|number| number.to_string());
    let date = (0..9999_u16, 0..14_u8, 0..33_u8).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    prop_oneof![near, extreme, date, Just("hr,rr".to_owned()), ".*"]
}
