//! Logins that somebody else begins or ends: a page of another site, another browser, a person who was sent an address.

use std::time::Duration;

use withings_exporter::sim::Cloud;
use withings_exporter::storage::{NewConsent, NewLogin};

use crate::http_client::{Answer, Connection};
use crate::rotation::heard;
use crate::world::{World, joined};

/// How long a login waits for a person's word, and until Withings was told that nobody has given it.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(12);

/// An exporter without logins, and the household of the simulated cloud.
async fn household(profiles: &[&str]) -> World {
    World::start(profiles, |clock| Cloud::with_history(7, 1, clock)).await
}

/// The end of a login that `person` has begun in one browser, in another one.
async fn end_elsewhere(world: &World, profile: &str, person: &str) -> Answer {
    let callback = world.consent(profile, &world.account(person)).await;
    world.cookies.clear();
    world.get(&callback).await
}

async fn connect(world: &World, profile: &str, person: &str) {
    check_page(&world.log_in(profile, &world.account(person)).await, 200, &[&format!("{profile} is connected")]);
    world.until_up(profile).await;
}

#[track_caller]
fn check_page(answer: &Answer, status: u16, says: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for text in says {
        assert!(answer.body.contains(text), "{text} is missing in\n{}", answer.body);
    }
}

/// Presses the button of a page.
async fn press(world: &World, page: &Answer, field: &str) -> Answer {
    let button = page.body.split(&format!("name=\"{field}\" value=\"")).nth(1);
    let secret = button.unwrap_or_else(|| panic!("{}", page.body)).split('"').next().unwrap();
    world.post("/authorize", &[(field, secret)]).await
}

async fn is_connected(world: &World, profile: &str) -> bool {
    world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await == Some(1.0)
}

/// Whether Withings takes a token of this person.
fn has_tokens(world: &World, person: &str) -> bool {
    let live = world.account(person).live_tokens();
    live.access + live.refresh > 0
}

/// Begins a login as a stranger does, with these headers.
async fn begin(world: &World, headers: &str) -> Answer {
    Connection::open(world.address()).await.request("GET", "/authorize?profile=Mum", headers).await
}

fn from_another_site(mode: &str, destination: &str) -> String {
    format!("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {destination}\r\n")
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_ends_in_another_browser_is_exchanged_and_waits_for_a_persons_word() {
    let world = household(&["Mum"]).await;
    let asked = end_elsewhere(&world, "Mum", "Alice").await;
    let says = ["Connect this account as Mum?", "last stepped on a scale on 2026-11-", "Body Scan", "leave this page"];
    check_page(&asked, 200, &says);
    assert!(!is_connected(&world, "Mum").await && world.stored("Mum").is_none());
    let actions: Vec<_> = world.cloud.requests().into_iter().filter_map(|request| request.action).collect();
    assert_eq!(actions, ["requesttoken", "getdevice", "getmeas"], "it is used for more than a question needs");

    check_page(&press(&world, &asked, "confirm").await, 200, &["Mum is connected"]);
    assert!(is_connected(&world, "Mum").await);
    check_page(&press(&world, &asked, "confirm").await, 400, &["This login is over"]);
    world.pass(FORGOTTEN_AFTER).await;
    assert!(has_tokens(&world, "Alice") && world.calls("revoke").is_empty());
}

#[tokio::test(crate = "crate::paused")]
async fn what_nobody_confirms_is_forgotten_and_revoked() {
    let world = household(&["Mum"]).await;
    let asked = end_elsewhere(&world, "Mum", "Alice").await;
    world.pass(Duration::from_mins(9)).await;
    assert!(has_tokens(&world, "Alice"));
    world.pass(Duration::from_mins(3)).await;
    check_page(&press(&world, &asked, "confirm").await, 400, &["This login is over"]);
    assert!(!has_tokens(&world, "Alice") && !is_connected(&world, "Mum").await);
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_who_has_a_login_keeps_it_whatever_nobody_confirms() {
    let mut world = household(&["Mum", "Dad", "Granny"]).await;
    connect(&world, "Mum", "Alice").await;
    connect(&world, "Dad", "Bob").await;
    world.config.profiles = vec!["Mum".into(), "Granny".into()];
    assert_eq!(world.reload().await.status, 200);
    for (profile, person) in [("Mum", "Alice"), ("Granny", "Alice"), ("Granny", "Bob")] {
        check_page(
            &end_elsewhere(&world, profile, person).await,
            200,
            &[&format!("Connect this account as {profile}?")],
        );
    }
    world.pass(FORGOTTEN_AFTER).await;
    assert_eq!(world.calls("revoke").len(), 0);
    assert!(is_connected(&world, "Mum").await && has_tokens(&world, "Bob"));
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_who_logs_in_while_the_end_of_another_login_waits_for_its_turn_keeps_it() {
    let mut world = household(&["Mum"]).await;
    end_elsewhere(&world, "Mum", "Alice").await;
    world.config.requests_per_minute = 1.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
    heard(&mut world.cloud.listen(), "getnonce").await;
    let new = NewLogin {
        user_id: world.account("Alice").userid().to_string(),
        access_token: "new".into(),
        expires_at: world.clock.unix() + 10_800,
        refresh_token: "new".into(),
        scopes: Vec::new(),
    };
    let beside = joined(world.disk.path(), world.clock.clone());
    beside.connect(NewConsent { profile: "Mum".into(), new, demo: false }, &[], false).await.unwrap();
    world.pass(Duration::from_mins(5)).await;
    assert_eq!(world.calls("revoke").len(), 0);
}

#[tokio::test(crate = "crate::paused")]
async fn withings_demo_user_is_everybodys_and_never_revoked() {
    let world = household(&["Mum"]).await;
    let callback = world.follow("/authorize?profile=Mum&mode=demo").await;
    world.cookies.clear();
    check_page(&world.get(&callback).await, 200, &["Connect this account as Mum?"]);
    world.pass(FORGOTTEN_AFTER).await;
    assert_eq!(world.calls("revoke").len(), 0);
}

#[tokio::test(crate = "crate::paused")]
async fn of_21_logins_that_wait_the_oldest_goes() {
    let world = household(&["Mum"]).await;
    let first = end_elsewhere(&world, "Mum", "Alice").await;
    let mut second = None;
    for _ in 0..20 {
        world.pass(Duration::from_secs(1)).await;
        let asked = end_elsewhere(&world, "Mum", "Bob").await;
        second.get_or_insert(asked);
    }
    check_page(&press(&world, &first, "confirm").await, 400, &["This login is over"]);
    check_page(&press(&world, &second.unwrap(), "confirm").await, 200, &["Mum is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_confirmed_account_is_still_nobody_elses() {
    let world = household(&["Mum", "Dad"]).await;
    connect(&world, "Mum", "Alice").await;
    let asked = end_elsewhere(&world, "Dad", "Alice").await;
    check_page(&press(&world, &asked, "confirm").await, 409, &["That was Mum"]);
    let asked = end_elsewhere(&world, "Mum", "Bob").await;
    let again = press(&world, &asked, "confirm").await;
    check_page(&again, 409, &["This is another person", "Replace the account of Mum"]);
    check_page(&press(&world, &again, "replace").await, 200, &["Mum is connected"]);
    world.until("Mum", |snapshot| snapshot.login.is_some()).await;
    let bob = world.account("Bob").userid().to_string();
    assert_eq!(world.stored("Mum").unwrap().user_id, bob);
}

#[tokio::test(crate = "crate::paused")]
async fn two_logins_of_one_browser_end_without_a_question() {
    let world = household(&["Mum", "Dad"]).await;
    let mum = world.consent("Mum", &world.account("Alice")).await;
    let dad = world.consent("Dad", &world.account("Bob")).await;
    check_page(&world.get(&mum).await, 200, &["Mum is connected"]);
    check_page(&world.get(&dad).await, 200, &["Dad is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn an_address_that_is_pasted_in_another_browser_is_asked_about_too() {
    let world = household(&["Mum"]).await;
    let callback = world.consent("Mum", &world.account("Alice")).await;
    world.cookies.clear();
    let pasted = world.post("/authorize", &[("pasted", &format!("http://localhost:10064{callback}"))]).await;
    check_page(&pasted, 200, &["Connect this account as Mum?"]);
    check_page(&press(&world, &pasted, "confirm").await, 200, &["Mum is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn another_site_leads_people_to_a_login_and_begins_none_itself() {
    let world = household(&["Mum"]).await;
    for (mode, destination) in [("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "script")]
    {
        let refused = begin(&world, &from_another_site(mode, destination)).await;
        assert_eq!(refused.status, 403, "{mode} {destination}");
        assert!(refused.header("set-cookie").is_none());
    }
    assert_eq!(begin(&world, &from_another_site("navigate", "document")).await.status, 302);
    assert_eq!(begin(&world, "").await.status, 302, "a browser that says nothing");
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_from_the_overview_outlives_any_number_that_others_begin() {
    let world = household(&["Mum"]).await;
    assert_eq!(world.get("/").await.status, 200);
    let callback = world.consent("Mum", &world.account("Alice")).await;
    for _ in 0..1100 {
        assert_eq!(begin(&world, "").await.status, 302);
    }
    check_page(&world.get(&callback).await, 200, &["Mum is connected"]);
}

#[tokio::test(crate = "crate::paused")]
async fn logins_that_others_begin_forget_only_each_other() {
    let world = household(&["Mum"]).await;
    let callback = world.consent("Mum", &world.account("Alice")).await;
    world.pass(Duration::from_secs(1)).await;
    for _ in 0..64 {
        begin(&world, "").await;
    }
    check_page(&world.get(&callback).await, 400, &["This login is over"]);
}

#[tokio::test(crate = "crate::paused")]
async fn cookies_are_for_this_site_alone_and_with_https_for_tls_alone() {
    for (base_url, secure) in [("http://localhost:10064", ""), ("https://withings.example", "; Secure")] {
        let mut world = World::with_accounts(&["Mum"]).await;
        world.config.base_url = base_url.parse().unwrap();
        world.start_exporter().await;
        let (seen, begun) = (world.get("/").await, world.get("/authorize?profile=Mum").await);
        let ends = |answer: &Answer, end: &str| {
            let cookie = answer.header("set-cookie").unwrap();
            assert!(cookie.ends_with(&format!("{end}{secure}")), "{cookie}");
        };
        ends(&seen, "; HttpOnly; SameSite=Strict");
        ends(&begun, "; Max-Age=600; HttpOnly; SameSite=Lax");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn what_no_login_has_begun_with_is_not_remembered() {
    let world = household(&["Mum"]).await;
    for odd in ["%0A", "%00", "%7F", "%C3%A9", "%3B%20Domain%3Dexample", "%2C", "%20", "=", "%00.s-1.%0D%0A"] {
        world.cookies.clear();
        let begun = world.request("GET", "/authorize?profile=Mum", &format!("Cookie: withings_state={odd}\r\n")).await;
        assert_eq!(begun.status, 302, "{odd}: {}", begun.body);
        let cookie = begun.header("set-cookie").unwrap().strip_prefix("withings_state=").unwrap();
        let (states, attributes) = cookie.split_once(';').unwrap();
        assert_eq!(attributes, " Max-Age=600; HttpOnly; SameSite=Lax", "{odd}");
        let others: Vec<_> = states.split('.').skip(1).collect();
        assert_eq!(others, if odd.contains("s-1") { vec!["s-1"] } else { vec![] }, "{odd}");
    }
}
