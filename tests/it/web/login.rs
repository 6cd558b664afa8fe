//! Connecting a profile with a browser, from the link to the page that says how it went.

use std::fs::{self, File};
use std::time::Duration;

use url::Url;
use withings_exporter::sim::{Failure, Fault};

use crate::http_client::{Answer, Connection};
use crate::world::{World, serve, url_of};

/// An exporter for `profiles`, who have Withings accounts of the same names and have not logged in.
async fn unconnected(profiles: &[&str]) -> World {
    let mut world = World::with_accounts(profiles).await;
    world.start_exporter().await;
    world
}

/// An exporter for Alice and Bob, of whom only Alice has logged in.
async fn alice_connected() -> World {
    let world = unconnected(&["Alice", "Bob"]).await;
    world.connect("Alice").await;
    world
}

/// Logs the account of `person` in as `profile` and expects this page.
async fn check_login(world: &World, person: &str, profile: &str, status: u16, says: &[&str]) -> Answer {
    let callback = world.consent(profile, &world.account(person)).await;
    check_finish(world, &callback, status, says).await
}

async fn check_finish(world: &World, callback: &str, status: u16, says: &[&str]) -> Answer {
    let answer = world.get(callback).await;
    check_page(&answer, status, says);
    let address = Url::parse("http://localhost").unwrap().join(callback).unwrap();
    for (name, secret) in address.query_pairs() {
        assert!(!answer.body.contains(&*secret), "the {name} is in\n{}", answer.body);
    }
    answer
}

fn check_page(answer: &Answer, status: u16, says: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for text in says {
        assert!(answer.body.contains(text), "{text} is missing in\n{}", answer.body);
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // A page with a button must say that the button was ours, and not the code in its address.
    let referrer = if answer.body.contains("<form") { "origin" } else { "no-referrer" };
    assert_eq!(answer.header("referrer-policy"), Some(referrer));
}

/// The callback after Withings' demo user was tried as `profile`.
async fn demo_consent(world: &World, profile: &str) -> String {
    let begun = world.get(&format!("/authorize?profile={profile}&mode=demo")).await;
    world.agree(begun.header("location").unwrap(), &world.account("Alice")).await
}

async fn is_connected(world: &World, profile: &str) -> bool {
    world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await == Some(1.0)
}

async fn paste(world: &World, pasted: &str, headers: &str) -> Answer {
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("pasted", pasted).finish();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let length = form.len();
    let headers = world.cookies.header() + headers;
    let mut connection = Connection::open(world.address()).await;
    let head =
        format!("POST /authorize HTTP/1.1\r\nHost: nas.local\r\n{kind}\r\nContent-Length: {length}\r\n{headers}\r\n");
    connection.send(&format!("{head}{form}")).await;
    connection.answer("POST").await
}

#[tokio::test(crate = "crate::paused")]
async fn the_link_leads_to_withings_and_asks_for_what_is_needed() {
    let world = unconnected(&["Alice"]).await;
    let begun = world.get("/authorize?profile=Alice").await;
    assert_eq!(begun.status, 302);
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert_eq!(begun.header("referrer-policy"), Some("no-referrer"));
    let consent = Url::parse(begun.header("location").unwrap()).unwrap();
    assert!(consent.as_str().starts_with(&format!("{}oauth2_user/authorize2?", world.config.account_url)));
    let parameters: Vec<_> = consent.query_pairs().filter(|(name, _)| name != "state").collect();
    let expected = [
        ("response_type", "code"),
        ("client_id", "the-app"),
        ("redirect_uri", "http://localhost:10064/callback"),
        ("scope", "user.info,user.metrics,user.activity"),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.into(), value.into())));
    let demo = world.get("/authorize?profile=Alice&mode=demo").await;
    assert!(demo.header("location").unwrap().ends_with("&mode=demo"), "{:?}", demo.header("location"));
}

/// Withings has a host for people and another for programs. Here the one ends as soon as it has been used, so that nothing else is
/// asked of it.
#[tokio::test(crate = "crate::paused")]
async fn people_and_calls_go_to_two_hosts_also_after_a_reload() {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    let mut hosts = Vec::new();
    for (profile, after_reload) in [("Alice", false), ("Bob", true)] {
        let (accounts, end) = serve(&world.cloud).await;
        world.config.account_url = url_of(accounts);
        if after_reload {
            assert_eq!(world.reload().await.status, 200);
        } else {
            world.start_exporter().await;
        }
        let begun = world.get(&format!("/authorize?profile={profile}")).await;
        let consent = begun.header("location").unwrap();
        assert!(consent.starts_with(world.config.account_url.as_str()), "{consent}");
        let callback = world.agree(consent, &world.account(profile)).await;
        drop(end);
        check_finish(&world, &callback, 200, &["is connected"]).await;
        world.until_up(profile).await;
        hosts.push(accounts);
    }
    assert!(hosts.iter().all(|host| *host != world.cloud_address()));
}

#[tokio::test(crate = "crate::paused")]
async fn the_callback_connects_once() {
    let world = unconnected(&["Alice"]).await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    check_finish(&world, &callback, 200, &["Alice is connected", "private window"]).await;
    assert!(is_connected(&world, "Alice").await);
    check_finish(&world, &callback, 200, &["Alice is connected"]).await;
    assert_eq!(world.calls("requesttoken").len(), 1, "a reloaded page changes nothing");
    world.cookies.clear();
    check_finish(&world, &callback, 400, &["This login is over"]).await;
    assert!(is_connected(&world, "Alice").await);
}

#[tokio::test(crate = "crate::paused")]
async fn the_link_of_a_profile_works_whatever_its_name() {
    let long = "🙂".repeat(200);
    let names = ["Alice", "Zoë \"Z\" \\ O'Neil", "../x", "a&mode=demo", "50%+1 #?", &long, "<script>"];
    let world = unconnected(&names).await;
    let page = world.get("/").await.body;
    let links: Vec<_> =
        page.split("class=\"button\" href=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(links.len(), names.len(), "{page}");
    for (name, link) in names.into_iter().zip(links) {
        assert_eq!(world.get(&format!("/{link}")).await.status, 302, "{name}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_no_request_for_a_login_is_explained() {
    let world = unconnected(&["Alice"]).await;
    check_page(&world.get("/authorize?profile=Mallory").await, 404, &["“Mallory”"]);
    check_page(&world.get("/authorize?profile=%3Cb%3E").await, 404, &["“&#60;b&#62;”"]);
    check_page(&world.get("/authorize").await, 400, &["Which profile?"]);
    check_page(&world.get("/authorize?profile=Alice&mode=x").await, 400, &["Unknown mode"]);
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_no_redirect_of_a_login_is_explained() {
    let world = unconnected(&["Alice"]).await;
    for (query, says) in [
        ("", "No login code"),
        ("?code=&state=s-1", "No login code"),
        ("?code=c-1", "Whose login is this?"),
        ("?code=c-1&state=other", "This login is over"),
        ("?error=access_denied&state=s-1", "not allowed"),
        ("?error=server_error&state=s-1", "without asking"),
    ] {
        check_page(&world.get(&format!("/callback{query}")).await, 400, &[says]);
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_must_be_finished_within_10_minutes() {
    let world = unconnected(&["Alice"]).await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    world.clock.advance(Duration::from_mins(10));
    check_finish(&world, &callback, 400, &["This login is over"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_person_of_another_profile_is_refused_and_nothing_changes() {
    let world = alice_connected().await;
    let says = ["That was Alice", "private window to connect Bob", "take Alice out of “profiles”"];
    let taken = check_login(&world, "Alice", "Bob", 409, &says).await;
    assert!(!taken.body.contains("Connect again"), "the same person would sign in again");
    assert!(!is_connected(&world, "Bob").await);
    check_login(&world, "Bob", "Bob", 200, &["Bob is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn another_person_than_before_is_refused_and_nothing_changes() {
    let world = alice_connected().await;
    let says = ["This is another person", "private window to connect Alice", "replace the former one"];
    let replaced = check_login(&world, "Bob", "Alice", 409, &says).await;
    assert!(!replaced.body.contains("Connect again"), "the same person would sign in again");
    assert!(is_connected(&world, "Alice").await);
    check_login(&world, "Alice", "Alice", 200, &["Alice is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn withings_demo_user_can_be_tried_by_everybody_and_gives_way_to_the_person() {
    let world = unconnected(&["Alice", "Bob"]).await;
    for profile in ["Alice", "Bob"] {
        let callback = demo_consent(&world, profile).await;
        check_finish(&world, &callback, 200, &["demo user"]).await;
        world.until_measured(profile, "weight_kg").await;
    }
    check_login(&world, "Alice", "Alice", 200, &["Alice is connected"]).await;
    world.until_up("Alice").await;
    assert_eq!(world.sample("withings_weight_kg{profile=\"Alice\"}").await, None, "the demo user's weight stays");
}

#[tokio::test(crate = "crate::paused")]
async fn withings_demo_user_does_not_take_the_place_of_a_person() {
    let world = alice_connected().await;
    let callback = demo_consent(&world, "Alice").await;
    check_finish(&world, &callback, 409, &["This is another person"]).await;
    assert!(is_connected(&world, "Alice").await);
}

#[tokio::test(crate = "crate::paused")]
async fn a_wrong_client_secret_is_named_as_what_it_may_be() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.config.client_secret = "mistyped".into();
    world.start_exporter().await;
    let refused = check_login(&world, "Alice", "Alice", 502, &["Withings refused", "client_secret"]).await;
    assert!(!refused.body.contains("mistyped"), "{}", refused.body);
}

#[tokio::test(crate = "crate::paused")]
async fn a_code_older_than_30_seconds_is_refused_and_a_new_one_works() {
    let world = unconnected(&["Alice"]).await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    world.clock.advance(Duration::from_secs(31));
    check_finish(&world, &callback, 502, &["30 seconds", "Connect again"]).await;
    check_login(&world, "Alice", "Alice", 200, &["Alice is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_cloud_that_does_not_answer_is_not_the_users_mistake() {
    let mut world = unconnected(&["Alice"]).await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    world.stop_cloud().await;
    check_finish(&world, &callback, 502, &["Withings could not be reached", "Connect again"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_cannot_be_stored_says_so_and_works_once_it_can() {
    let world = unconnected(&["Alice"]).await;
    let (pending, logins) = (world.disk.path().join("pending.json"), world.disk.path().join("logins"));
    fs::create_dir(&pending).unwrap();
    check_page(&world.get("/authorize?profile=Alice").await, 500, &["storage directory does not work"]);
    fs::remove_dir(&pending).unwrap();
    fs::remove_dir(&logins).unwrap();
    File::create(&logins).unwrap();
    check_login(&world, "Alice", "Alice", 500, &["The login could not be stored"]).await;
    assert!(!is_connected(&world, "Alice").await, "a login that a restart would lose is shown");
    fs::remove_file(&logins).unwrap();
    check_login(&world, "Alice", "Alice", 200, &["Alice is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn while_withings_wants_a_pause_no_login_begins() {
    let world = alice_connected().await;
    world.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(68) }).on("getmeas"));
    world.until_down("Alice").await;
    let paused = world.get("/authorize?profile=Bob").await;
    let seconds: u64 = paused.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=69).contains(&seconds), "{seconds}");
    check_page(&paused, 503, &[&format!("Try again in {seconds} seconds."), "Nothing is broken"]);
    world.pass(Duration::from_secs(seconds)).await;
    check_login(&world, "Bob", "Bob", 200, &["Bob is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn withings_may_check_the_callback_without_finishing_anything() {
    let world = unconnected(&["Alice"]).await;
    assert_eq!(world.request("HEAD", "/callback", "").await.status, 200);
    let callback = world.consent("Alice", &world.account("Alice")).await;
    assert_eq!(world.request("HEAD", &callback, "").await.status, 200);
    assert!(world.calls("requesttoken").is_empty(), "HEAD used the code up");
    check_finish(&world, &callback, 200, &["Alice is connected"]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_address_can_be_pasted() {
    let world = unconnected(&["Alice"]).await;
    check_page(&paste(&world, "hello", "").await, 400, &["Whose login is this?"]);
    check_page(&paste(&world, "", "").await, 400, &["No login code"]);
    let callback = world.consent("Alice", &world.account("Alice")).await;
    let address = format!("  http://localhost:10064{callback}\n");
    check_page(&paste(&world, &address, "").await, 200, &["Alice is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_bare_code_belongs_to_the_login_that_this_browser_began() {
    let world = unconnected(&["Alice"]).await;
    let begun = world.get("/authorize?profile=Alice").await;
    let callback = world.agree(begun.header("location").unwrap(), &world.account("Alice")).await;
    let code = callback.split("code=").nth(1).unwrap().split('&').next().unwrap();
    check_page(&paste(&world, code, "").await, 200, &["Alice is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn other_sites_cannot_send_the_form() {
    let world = unconnected(&["Alice"]).await;
    for (headers, status) in [
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: http://nas.local\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        // The address of `base_url`, where a proxy names another host.
        ("Origin: http://localhost:10064\r\n", 200),
        ("Origin: http://localhost:10065\r\n", 403),
        ("Origin: https://localhost:10064\r\n", 403),
        ("Origin: http://192.168.1.2:8080\r\nX-Forwarded-Host: 192.168.1.2:8080, inner.example\r\n", 200),
        ("Origin: http://192.168.1.2\r\nX-Forwarded-Host: 192.168.1.2:8080\r\n", 403),
        ("Origin: http://evil.example\r\nX-Forwarded-Host: nas.local\r\n", 403),
        // A name of another site that leads to the proxy, which passes it on.
        ("Origin: http://evil.example\r\nX-Forwarded-Host: evil.example\r\n", 403),
    ] {
        let callback = world.consent("Alice", &world.account("Alice")).await;
        let answer = paste(&world, &format!("http://localhost:10064{callback}"), headers).await;
        assert_eq!(answer.status, status, "{headers}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn only_a_small_form_is_taken() {
    let world = unconnected(&["Alice"]).await;
    assert_eq!(paste(&world, &"x".repeat(9000), "").await.status, 413);
    let json = "Content-Type: application/json\r\nContent-Length: 0\r\n";
    assert_eq!(world.request("POST", "/authorize", json).await.status, 415);
}

#[tokio::test(crate = "crate::paused")]
async fn a_browser_that_goes_away_does_not_stop_the_exchange() {
    let mut world = World::with_accounts(&["Alice"]).await;
    // An exchange has a turn every ten seconds: this one waits for it while the browser goes.
    world.config.requests_per_minute = 20.try_into().unwrap();
    world.start_exporter().await;
    world.use_exchange_turn().await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    let mut browser = Connection::open(world.address()).await;
    let cookie = world.cookies.header();
    browser.send(&format!("GET {callback} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n")).await;
    // Answered after the server has read what came before it.
    assert_eq!(world.get("/-/healthy").await.status, 200);
    drop(browser);
    assert_eq!(world.get("/-/healthy").await.status, 200);
    assert!(world.calls("requesttoken").is_empty(), "the exchange did not wait");
    world.until("Alice", |snapshot| snapshot.login.is_some()).await;
}
