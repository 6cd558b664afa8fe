//! Consent, codes, tokens.

use withings_exporter::sim::people::{ALICE, DEMO_USER};
use withings_exporter::sim::{Account, Cloud, LiveTokens, Person, Rotation};
use withings_exporter::zone::Zone;

use super::server::{Answer, REDIRECT, Server, clock};

const HOURS: u64 = 3600;

/// A cloud with one person, who has no data.
fn dana() -> (Server, Account) {
    let server = Server::start(Cloud::new(clock()));
    let dana = server.cloud.add_person(Person::new(42, "Dana <3", Zone::UTC));
    (server, dana)
}

fn works(server: &Server, access: &str) -> bool {
    match server.post("/v2/user", Some(access), &[("action", "getdevice")]).status() {
        0 => true,
        401 => false,
        other => panic!("status {other}"),
    }
}

fn check_refused(answer: &Answer, error: &str) {
    let json = answer.json();
    assert_eq!((answer.status(), json["error"].as_str()), (503, Some(error)));
    assert_eq!(json["body"], serde_json::json!({}));
}

#[test]
fn the_page_asks_who_you_are_and_a_link_signs_in() {
    let (server, _dana) = dana();
    let page = server.consent(&[("state", "a&b")]);
    assert_eq!((page.http, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.body.contains("Simulated Withings: who are you?") && page.body.contains("Dana &#60;3"),
        "{}",
        page.body
    );
    let link = page.body.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let signed_in = server.get(&format!("/oauth2_user/authorize2{link}"));
    assert_eq!(signed_in.redirect_param("state"), "a&b");
    assert!(signed_in.header("location").unwrap().starts_with(&format!("{REDIRECT}?code=")));
    assert_eq!(server.exchange(&signed_in.redirect_param("code")).ok()["userid"], "42");
}

#[test]
fn who_refuses_is_sent_back_with_an_error() {
    let (server, _dana) = dana();
    let page = server.consent(&[]).body;
    let refuse = format!("{REDIRECT}?error=access_denied&#38;state=s1");
    assert!(page.contains(&refuse), "{page}");
}

#[test]
fn the_page_names_what_is_wrong_with_its_address() {
    let (server, _dana) = dana();
    for (param, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("client_id", "other", "invalid_client"),
        ("client_id", "", "invalid_request"),
        ("redirect_uri", "http://evil.example/callback", "redirect_uri_mismatch"),
        ("redirect_uri", "no url", "redirect_uri_mismatch"),
        ("scope", "user.info user.metrics", "invalid_scope"),
        ("state", "", "invalid_request"),
        ("selecteduser", "43", "invalid_user"),
        ("selecteduser", "me", "invalid_user"),
    ] {
        let answer = server.consent(&[(param, value)]);
        let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.http, 400, "{param}={value}");
        assert!(message.starts_with(&format!("{error}: ")), "{param}={value}: {message}");
    }
}

#[test]
fn a_redirect_uri_may_continue_a_registered_one() {
    let (server, _dana) = dana();
    for (redirect, accepted) in [
        ("http://localhost:10064/callback/deeper", true),
        ("http://localhost:10064/callback?profile=Dana", true),
        ("http://localhost:10064/callbacks", false),
        ("http://localhost:10064/", false),
        ("http://localhost:10065/callback", false),
        ("https://localhost:10064/callback", false),
        ("http://localhost:10064@evil.example/callback", false),
        ("http://localhost:10064/callback#fragment", false),
    ] {
        let answer = server.consent(&[("redirect_uri", redirect), ("selecteduser", "42")]);
        assert_eq!(answer.http, if accepted { 302 } else { 400 }, "{redirect}");
    }
}

#[test]
fn demo_mode_signs_in_a_user_who_is_not_offered() {
    let (server, _dana) = dana();
    let code = server.consent(&[("mode", "demo")]).redirect_param("code");
    let answer = server.exchange(&code);
    assert_eq!(answer.ok()["userid"], DEMO_USER.to_string());
    let groups = server.post("/measure", Some(&answer.tokens().access), &[("action", "getmeas")]).ok();
    assert!(groups["measuregrps"].as_array().unwrap().len() > 20);
    assert!(!server.consent(&[]).body.contains("Demo"));
}

#[test]
fn a_code_lives_thirty_seconds_and_once() {
    let (server, _dana) = dana();
    let code = server.code(42);
    server.advance(29);
    assert_eq!(server.exchange(&code).status(), 0);
    check_refused(&server.exchange(&code), "Invalid Params: invalid code");
    let code = server.code(42);
    server.advance(30);
    check_refused(&server.exchange(&code), "Invalid Params: invalid code");
    check_refused(&server.exchange("never given"), "Invalid Params: invalid code");
}

#[test]
fn a_code_is_worth_nothing_with_another_secret_or_uri() {
    let (server, _dana) = dana();
    let code = server.code(42);
    let exchange = |param: (&str, &str)| {
        let grant = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT)];
        let kept = grant.into_iter().filter(|(name, _)| *name != param.0);
        server.token(&kept.chain([param]).collect::<Vec<_>>())
    };
    check_refused(&exchange(("client_secret", "typo")), "Invalid Params: invalid code");
    check_refused(&exchange(("redirect_uri", "http://localhost:10064/other")), "Invalid Params: invalid code");
    check_refused(&exchange(("grant_type", "password")), "Invalid Params: invalid grant_type");
    check_refused(&exchange(("redirect_uri", "")), "Invalid Params: missing redirect_uri");
    assert_eq!(exchange(("state", "ignored")).status(), 0);
}

#[test]
fn the_answer_has_what_withings_sends() {
    let (server, _dana) = dana();
    let first = server.exchange(&server.code(42));
    let body = first.ok();
    assert_eq!(body["userid"], "42");
    assert_eq!(body["expires_in"], 10_800);
    assert_eq!(body["scope"], "user.info,user.metrics,user.activity");
    assert_eq!(body["token_type"], "Bearer");
    let hex = |name: &str| body[name].as_str().unwrap().bytes().all(|letter| letter.is_ascii_hexdigit());
    assert!(
        ["access_token", "refresh_token", "csrf_token"]
            .into_iter()
            .all(|name| hex(name) && body[name].as_str().unwrap().len() == 40)
    );
    assert_eq!(server.refresh(&first.tokens().refresh).ok()["userid"], 42);
}

#[test]
fn a_person_may_grant_fewer_scopes_than_asked() {
    let (server, dana) = dana();
    dana.edit(|person| person.scopes = vec!["user.info".to_owned()]);
    let answer = server.exchange(&server.code(42));
    assert_eq!(answer.ok()["scope"], "user.info");
    let call = |path, action| server.post(path, Some(&answer.tokens().access), &[("action", action)]);
    assert_eq!(call("/v2/user", "getdevice").status(), 0);
    assert_eq!(call("/v2/user", "getgoals").status(), 0);
    let refused = call("/measure", "getmeas");
    assert_eq!(refused.status(), 403);
    assert!(refused.json()["error"].as_str().unwrap().contains("Insufficient_scope"));
}

#[test]
fn an_access_token_lives_three_hours_and_dies_with_its_refresh() {
    let (server, _dana) = dana();
    let first = server.login(42);
    server.advance(3 * HOURS - 1);
    assert!(works(&server, &first.access));
    server.advance(1);
    assert!(!works(&server, &first.access));
    let second = server.refresh(&first.refresh).tokens();
    let third = server.refresh(&second.refresh).tokens();
    assert!(!works(&server, &second.access) && works(&server, &third.access));
    let error = server.post("/measure", Some("no token"), &[("action", "getmeas")]).json();
    let text = "XRequestID: Not provided invalid_token: The access token provided is invalid";
    assert_eq!(error, serde_json::json!({"status": 401, "body": {}, "error": text}));
}

#[test]
fn an_old_refresh_token_lives_until_the_new_access_token_is_used() {
    let (server, dana) = dana();
    let first = server.login(42);
    let lost = server.refresh(&first.refresh).tokens();
    server.advance(60);
    let kept = server.refresh(&first.refresh).tokens();
    assert!(!works(&server, &lost.access), "the pair that was replaced unused");
    assert_eq!(dana.live_tokens(), LiveTokens { access: 1, refresh: 2 });
    assert!(works(&server, &kept.access));
    assert_eq!(dana.live_tokens(), LiveTokens { access: 1, refresh: 1 });
    check_refused(&server.refresh(&first.refresh), "Invalid Params: invalid refresh_token");
    assert_eq!(server.refresh(&kept.refresh).status(), 0);
}

#[test]
fn an_old_refresh_token_lives_eight_hours_more() {
    let (server, _dana) = dana();
    let first = server.login(42);
    server.refresh(&first.refresh).ok();
    server.advance(8 * HOURS - 1);
    server.refresh(&first.refresh).ok();
    server.advance(1);
    check_refused(&server.refresh(&first.refresh), "Invalid Params: invalid refresh_token");
}

#[test]
fn a_refresh_token_lives_a_year() {
    let (server, _dana) = dana();
    let first = server.login(42);
    server.advance(365 * 24 * HOURS - 1);
    let second = server.refresh(&first.refresh).tokens();
    server.advance(365 * 24 * HOURS);
    check_refused(&server.refresh(&second.refresh), "Invalid Params: invalid refresh_token");
}

#[test]
fn strict_rotation_kills_the_chain_of_a_reused_refresh_token() {
    let (server, dana) = dana();
    server.cloud.rotation(Rotation::Strict);
    let other = server.login(42);
    let first = server.login(42);
    let second = server.refresh(&first.refresh).tokens();
    assert!(works(&server, &second.access));
    check_refused(&server.refresh(&first.refresh), "Invalid Params: invalid refresh_token");
    assert!(!works(&server, &second.access));
    check_refused(&server.refresh(&second.refresh), "Invalid Params: invalid refresh_token");
    assert!(works(&server, &other.access), "another login is another chain");
    assert_eq!(dana.live_tokens(), LiveTokens { access: 1, refresh: 1 });
}

#[test]
fn lenient_rotation_lets_both_pairs_of_one_refresh_token_live() {
    let (server, dana) = dana();
    server.cloud.rotation(Rotation::Lenient);
    let first = server.login(42);
    let (one, other) = (server.refresh(&first.refresh).tokens(), server.refresh(&first.refresh).tokens());
    assert!(works(&server, &one.access) && works(&server, &other.access));
    check_refused(&server.refresh(&first.refresh), "Invalid Params: invalid refresh_token");
    assert_eq!(dana.live_tokens(), LiveTokens { access: 2, refresh: 2 });
}

#[test]
fn watchful_rotation_kills_the_chain_of_a_dead_refresh_token_alone() {
    let (server, dana) = dana();
    server.cloud.rotation(Rotation::Watchful);
    let first = server.login(42);
    let lost = server.refresh(&first.refresh).tokens();
    let second = server.refresh(&first.refresh).tokens();
    assert!(works(&server, &second.access) && !works(&server, &lost.access));
    check_refused(&server.refresh(&first.refresh), "Invalid Params: invalid refresh_token");
    check_refused(&server.refresh(&second.refresh), "Invalid Params: invalid refresh_token");
    assert_eq!(dana.live_tokens(), LiveTokens { access: 0, refresh: 0 });
}

#[test]
fn a_wrong_secret_does_not_cost_the_refresh_token() {
    let (server, _dana) = dana();
    let first = server.login(42);
    let grant = [("grant_type", "refresh_token"), ("refresh_token", first.refresh.as_str()), ("client_secret", "typo")];
    check_refused(&server.token(&grant), "Invalid Params: invalid refresh_token");
    assert_eq!(server.refresh(&first.refresh).status(), 0);
}

#[test]
fn revoking_cuts_one_person_off() {
    let server = Server::start(Cloud::with_history(1, 1, clock()));
    let (dana, alice) = (server.cloud.add_person(Person::new(42, "Dana", Zone::UTC)), server.login(ALICE));
    let (tokens, code) = (server.login(42), server.code(42));
    dana.revoke();
    assert!(!works(&server, &tokens.access) && works(&server, &alice.access));
    check_refused(&server.refresh(&tokens.refresh), "Invalid Params: invalid refresh_token");
    check_refused(&server.exchange(&code), "Invalid Params: invalid code");
    assert_eq!(dana.live_tokens(), LiveTokens { access: 0, refresh: 0 });
}
