//! Connecting a profile with a browser.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use url::Url;
use withings_exporter::reading::{ProfileSnapshot, Sleep, Snapshot};
use withings_exporter::session::{BeginError, Connected, FinishError, Mode, Sessions};
use withings_exporter::web::Limits;

use super::{Server, Setup};
use crate::http_client::Answer;

const CONSENT: &str = "https://account.withings.com/oauth2_user/authorize2?state=s-1";

/// A server with one profile, whose login is state `s-1` with code `c-1`.
async fn server(profile: &'static str) -> Server {
    let begin = move |asked: &str, mode: Mode| match mode {
        _ if asked != profile => Err(BeginError::UnknownProfile),
        Mode::Real => Ok(Url::parse(CONSENT).unwrap()),
        Mode::Demo => Ok(Url::parse(&format!("{CONSENT}&mode=demo")).unwrap()),
    };
    let finished = move |state: &str, code: &str| match (state, code) {
        ("s-1", "c-1") => Ok(Connected { profile: profile.into(), demo: false }),
        _ => Err(FinishError::State),
    };
    let sessions = Sessions::programmed(begin, move |state, code| Box::pin(std::future::ready(finished(state, code))));
    let snapshot = Snapshot { profiles: vec![Arc::new(ProfileSnapshot::empty(profile.into(), Sleep::NotSelected))] };
    Setup { snapshot, sessions, ..Setup::default() }.start().await
}

async fn refused_at_begin(error: fn() -> BeginError) -> Answer {
    let sessions = Sessions::programmed(move |_, _| Err(error()), |_, _| unreachable!("no login begins"));
    Setup { sessions, ..Setup::default() }.start().await.get("/authorize?profile=Alice").await
}

async fn refused_at_finish(error: fn() -> FinishError) -> Answer {
    let begin = |_: &str, _| Err(BeginError::UnknownProfile);
    let sessions = Sessions::programmed(begin, move |_, _| Box::pin(async move { Err(error()) }));
    Setup { sessions, ..Setup::default() }.start().await.get("/callback?code=c-1&state=s-1").await
}

async fn paste(server: &Server, pasted: &str, headers: &str) -> Answer {
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("pasted", pasted).finish();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let length = form.len();
    let mut connection = server.connect().await;
    let head =
        format!("POST /authorize HTTP/1.1\r\nHost: nas.local\r\n{kind}\r\nContent-Length: {length}\r\n{headers}\r\n");
    connection.send(&format!("{head}{form}")).await;
    connection.answer("POST").await
}

fn is_login_page(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body.contains(says), "{says} is missing in\n{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    for secret in ["s-1", "c-1"] {
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_login_goes_to_withings_and_comes_back() {
    let server = server("Alice").await;
    let begun = server.get("/authorize?profile=Alice").await;
    assert_eq!((begun.status, begun.header("location")), (302, Some(CONSENT)));
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    is_login_page(&server.get("/callback?code=c-1&state=s-1").await, 200, "Alice is connected");
    let demo = server.get("/authorize?profile=Alice&mode=demo").await;
    assert!(demo.header("location").unwrap().ends_with("&mode=demo"));
}

#[tokio::test]
async fn the_link_of_a_profile_works_whatever_its_name() {
    for name in ["Alice", "Zoë \"Z\" \\ O'Neil", "../x", "a&mode=demo", "50%+1 #?", "🙂".repeat(200).leak(), "<script>"]
    {
        let server = server(name).await;
        let page = server.get("/").await.body;
        let link = page.split("href=\"").map(|it| it.split('"').next().unwrap()).find(|it| it.starts_with("authorize"));
        let answer = server.get(&format!("/{}", link.unwrap())).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some(CONSENT)), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_request_for_a_login_is_explained() {
    let server = server("Alice").await;
    is_login_page(&server.get("/authorize?profile=Mallory").await, 404, "“Mallory”");
    is_login_page(&server.get("/authorize?profile=%3Cb%3E").await, 404, "“&#60;b&#62;”");
    is_login_page(&server.get("/authorize").await, 400, "Which profile?");
    is_login_page(&server.get("/authorize?profile=Alice&mode=x").await, 400, "Unknown mode");
}

#[tokio::test]
async fn what_is_no_redirect_of_a_login_is_explained() {
    let server = server("Alice").await;
    is_login_page(&server.get("/callback").await, 400, "No login code");
    is_login_page(&server.get("/callback?code=&state=s-1").await, 400, "No login code");
    is_login_page(&server.get("/callback?code=c-1").await, 400, "Whose login is this?");
    is_login_page(&server.get("/callback?code=c-1&state=other").await, 400, "This login is over");
    is_login_page(&server.get("/callback?error=access_denied&state=s-1").await, 400, "not allowed");
    is_login_page(&server.get("/callback?error=server_error&state=s-1").await, 400, "without asking");
}

#[tokio::test]
async fn a_login_that_cannot_begin_says_why() {
    let paused = refused_at_begin(|| BeginError::Paused { seconds: 68 }).await;
    is_login_page(&paused, 503, "Try again in 68 seconds.");
    assert_eq!(paused.header("retry-after"), Some("68"));
    is_login_page(&refused_at_begin(|| BeginError::Storage("disk full".into())).await, 500, "disk full");
}

#[tokio::test]
async fn a_login_that_cannot_be_finished_says_why() {
    let taken = || FinishError::WrongPerson { profile: "Alice".into(), owner: Some("Bob".into()) };
    let taken = refused_at_finish(taken).await;
    is_login_page(&taken, 409, "connected as Bob");
    assert!(!taken.body.contains("Connect again"), "the same person would sign in again");
    let replaced = || FinishError::WrongPerson { profile: "Alice".into(), owner: None };
    is_login_page(&refused_at_finish(replaced).await, 409, "another person");
    let refused = || FinishError::Refused { profile: "Alice".into(), advice: "Check the client secret.".into() };
    is_login_page(&refused_at_finish(refused).await, 502, "Check the client secret.");
    let unreachable = || FinishError::Unreachable { profile: "Alice".into(), reason: "connection refused".into() };
    is_login_page(&refused_at_finish(unreachable).await, 502, "connection refused");
    is_login_page(&refused_at_finish(|| FinishError::Storage("disk full".into())).await, 500, "disk full");
}

#[tokio::test]
async fn withings_may_check_the_callback_without_finishing_anything() {
    let sessions = Sessions::programmed(|_, _| unreachable!(), |_, _| unreachable!("HEAD finishes nothing"));
    let server = Setup { sessions, ..Setup::default() }.start().await;
    assert_eq!(server.request("HEAD", "/callback").await.status, 200);
    assert_eq!(server.request("HEAD", "/callback?code=c-1&state=s-1").await.status, 200);
}

#[tokio::test]
async fn the_address_can_be_pasted() {
    let server = server("Alice").await;
    let address = "http://localhost:10064/callback?code=c-1&state=s-1";
    is_login_page(&paste(&server, address, "").await, 200, "Alice is connected");
    is_login_page(&paste(&server, "hello", "").await, 400, "Whose login is this?");
    is_login_page(&paste(&server, "", "").await, 400, "No login code");
}

#[tokio::test]
async fn a_bare_code_belongs_to_the_login_that_this_browser_began() {
    let server = server("Alice").await;
    let begun = server.get("/authorize?profile=Alice").await;
    let cookie = begun.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    is_login_page(&paste(&server, "c-1", &format!("Cookie: a=b; {cookie}\r\n")).await, 200, "Alice is connected");
}

#[tokio::test]
async fn other_sites_cannot_send_the_form() {
    let server = server("Alice").await;
    let address = "http://localhost:10064/callback?code=c-1&state=s-1";
    for (headers, status) in [
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: http://nas.local\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
    ] {
        assert_eq!(paste(&server, address, headers).await.status, status, "{headers}");
    }
}

#[tokio::test]
async fn only_a_small_form_is_taken() {
    let server = server("Alice").await;
    assert_eq!(paste(&server, &"x".repeat(9000), "").await.status, 413);
    let json = "Content-Type: application/json\r\nContent-Length: 0\r\n";
    assert_eq!(server.connect().await.request("POST", "/authorize", json).await.status, 415);
}

#[tokio::test]
async fn a_browser_that_goes_away_does_not_stop_the_exchange() {
    let (step, mut steps) = watch::channel("asked");
    let (step, gone) = (Arc::new(step), Arc::new(Notify::new()));
    let finish = {
        let gone = Arc::clone(&gone);
        move |_: &str, _: &str| -> withings_exporter::session::Finished {
            let (step, gone) = (Arc::clone(&step), Arc::clone(&gone));
            Box::pin(async move {
                step.send_replace("exchanging");
                gone.notified().await;
                step.send_replace("exchanged");
                Ok(Connected { profile: "Alice".into(), demo: false })
            })
        }
    };
    let sessions = Sessions::programmed(|_, _| Err(BeginError::UnknownProfile), finish);
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Setup { sessions, limits, ..Setup::default() }.start().await;
    let mut browser = server.connect().await;
    browser.send("GET /callback?code=c-1&state=s-1 HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    steps.wait_for(|it| *it == "exchanging").await.unwrap();
    drop(browser);
    // Answered only when the place of the first connection is free again.
    assert_eq!(server.get("/-/healthy").await.status, 200);
    gone.notify_one();
    let exchanged = steps.wait_for(|it| *it == "exchanged");
    assert!(tokio::time::timeout(Duration::from_secs(10), exchanged).await.is_ok(), "the exchange was stopped");
}
