//! Logging in with a real browser.

mod chromium;
mod looks;

use std::num::NonZeroU32;

use chromium::{Browser, Setup};
use fantoccini::key::Key;
use tokio::net::TcpListener;
use withings_exporter::sim::{self, Cloud, Limits};

use crate::program::until;
use crate::world::World;

/// An exporter for `profiles` in a household, at an address that the browser reaches, and nobody in a hurry.
async fn household(profiles: &[&str]) -> (World, String) {
    let mut world = World::asleep(profiles, |clock| Cloud::with_history(7, 1, clock)).await;
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = NonZeroU32::new(12_000).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    redirect_to(&mut world, &home);
    world.start_exporter_on(listener).await;
    (world, home)
}

/// Registers the application with another address for the browser to come back to.
fn redirect_to(world: &mut World, base_url: &str) {
    world.config.base_url = base_url.parse().unwrap();
    world.cloud.register(sim::App {
        client_id: world.config.client_id.clone(),
        client_secret: "secret-of-the-app".to_owned(),
        redirect_uris: vec![world.config.redirect_uri()],
    });
}

/// Connects the person with the button of this name on the landing page.
async fn connect(browser: &Browser, home: &str, button: &str, person: &str) {
    browser.goto(home).await;
    browser.press(button).await;
    browser.sees(&["Simulated Withings: who are you?"]).await;
    browser.press(person).await;
}

async fn weight(world: &World, profile: &str) -> Option<f64> {
    world.sample(&format!("withings_weight_kg{{profile=\"{profile}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_connect_and_a_mix_up_is_seen_refused_and_put_right() {
    let (world, home) = household(&["Mum", "Dad"]).await;
    let browser = Browser::open(Setup::default()).await;
    connect(&browser, &home, "Connect Mum", "Alice").await;
    browser.sees(&["Mum is connected", "last stepped on a scale on 2026-11-", "Body Scan", "private window"]).await;

    // Withings remembers who signed in.
    connect(&browser, &home, "Connect Dad", "Alice").await;
    browser.sees(&["That was Mum", "so Dad was left as it was", "private window to connect Dad"]).await;
    browser.press("Back to the overview").await;
    connect(&browser, &home, "Connect Dad", "Bob").await;
    browser.sees(&["Dad is connected"]).await;
    world.until_measured("Mum", "weight_kg").await;
    world.until_measured("Dad", "weight_kg").await;
    browser.press("Back to the overview").await;
    browser.sees(&["Connected since", "Last measured"]).await;

    let former = weight(&world, "Mum").await.unwrap();
    connect(&browser, &home, "Reconnect Mum", "Zoë").await;
    browser.sees(&["This is another person", "Nothing was changed"]).await;
    assert_eq!(weight(&world, "Mum").await, Some(former));
    browser.press("Replace the account of Mum").await;
    browser.sees(&["Mum is connected"]).await;
    world.until_measured("Mum", "weight_kg").await;
    assert_ne!(weight(&world, "Mum").await, Some(former), "something of the former person stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_crosses_two_sites_without_a_question_and_another_browser_gets_one() {
    let (world, home) = household(&["Mum", "Dad"]).await;
    // Two sites for a browser: a name and an address.
    assert_eq!(
        (world.config.account_url.host_str(), world.config.base_url.host_str()),
        (Some("127.0.0.1"), Some("localhost"))
    );
    let browser = Browser::open(Setup::default()).await;
    connect(&browser, &home, "Connect Mum", "Alice").await;
    browser.sees(&["Mum is connected"]).await;

    browser.goto(&home).await;
    browser.press("Connect Dad").await;
    browser.sees(&["Simulated Withings: who are you?"]).await;
    let other = Browser::open(Setup::default()).await;
    other.goto(browser.address().await.as_str()).await;
    other.press("Bob").await;
    other.sees(&["Connect this account as Dad?", "last stepped on a scale on 2026-11-"]).await;
    assert!(weight(&world, "Dad").await.is_none());
    other.press("Connect as Dad").await;
    other.sees(&["Dad is connected"]).await;
    world.until_measured("Dad", "weight_kg").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_login_is_reconnected_by_its_button() {
    let (world, home) = household(&["Mum"]).await;
    let browser = Browser::open(Setup::default()).await;
    connect(&browser, &home, "Connect Mum", "Alice").await;
    world.until_measured("Mum", "weight_kg").await;
    world.cloud.account("Alice").unwrap().revoke();
    // The next call would come in five minutes: the restart makes one at once.
    restart(&home, world, &["Mum"], async |world| {
        world.until("Mum", |snapshot| snapshot.login.is_some() && !snapshot.authorized()).await;
        browser.goto(&home).await;
        browser.sees(&["Login refused", "no longer accepts this login", "Its last values stay"]).await;
        connect(&browser, &home, "Reconnect Mum", "Alice").await;
        browser.sees(&["Mum is connected"]).await;
        world.until_measured("Mum", "weight_kg").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_cannot_reach_the_callback_pastes_the_address_or_the_code() {
    let (mut world, home) = household(&["Mum", "Dad"]).await;
    redirect_to(&mut world, "http://callback.invalid");
    restart(&home, world, &["Mum", "Dad"], async |_| {
        let browser = Browser::open(Setup::default()).await;
        let stranded = async |button, person| {
            browser.goto(&home).await;
            browser.sees(&["You are at localhost:", "sends the browser to http://callback.invalid/callback"]).await;
            browser.press(button).await;
            browser.press(person).await;
            let address = browser.address().await;
            assert_eq!(address.host_str(), Some("callback.invalid"));
            browser.goto(&home).await;
            browser.sees(&["Paste the address that it tried to open"]).await;
            browser.tab_to("").await;
            address
        };
        let mut address = stranded("Connect Mum", "Alice").await;
        address.set_host(Some("edited.example")).unwrap();
        browser.type_text(address.as_str()).await;
        browser.press("Finish the login").await;
        browser.sees(&["Mum is connected"]).await;

        let address = stranded("Connect Dad", "Bob").await;
        let (_, code) = address.query_pairs().find(|(name, _)| name == "code").unwrap();
        browser.type_text(&code).await;
        browser.key(Key::Enter).await;
        browser.sees(&["Dad is connected"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_profile_connects_again_and_the_login_that_is_left_is_named() {
    let (world, home) = household(&["Alice"]).await;
    let browser = Browser::open(Setup::default()).await;
    connect(&browser, &home, "Connect Alice", "Alice").await;
    world.until_measured("Alice", "weight_kg").await;
    let former = weight(&world, "Alice").await;
    restart(&home, world, &["Mum"], async |world| {
        browser.goto(&home).await;
        browser.sees(&["Not connected", "Logins of profiles that are no longer configured"]).await;
        connect(&browser, &home, "Connect Mum", "Alice").await;
        world.until_measured("Mum", "weight_kg").await;
        assert_eq!(weight(world, "Mum").await, former);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withings_demo_user_is_one_click_away_and_a_refusal_is_explained() {
    let (_world, home) = household(&["Mum"]).await;
    let browser = Browser::open(Setup::default()).await;
    browser.goto(&home).await;
    browser.press("Connect Mum").await;
    browser.press("Refuse").await;
    browser.sees(&["No permission", "nothing was changed", "allow the access"]).await;
    browser.press("Back to the overview").await;
    browser.press("Try Withings’ demo user as Mum").await;
    browser.sees(&["Mum is connected", "demo user"]).await;
    browser.press("Back to the overview").await;
    browser.sees(&["Demo user"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough_and_so_is_a_browser_without_javascript() {
    let (world, home) = household(&["Mum"]).await;
    let browser = Browser::open(Setup { scripts: false, ..Setup::default() }).await;
    browser.goto("data:text/html,<title>off</title><script>document.title = 'on'</script>").await;
    assert_eq!(browser.title().await, "off", "this browser runs scripts");
    browser.goto(&home).await;
    browser.tab_to("Connect Mum").await;
    browser.key(Key::Enter).await;
    browser.sees(&["Simulated Withings"]).await;
    browser.tab_to("Alice").await;
    browser.key(Key::Enter).await;
    browser.sees(&["Mum is connected"]).await;
    browser.tab_to("Back to the overview").await;
    browser.key(Key::Enter).await;
    browser.sees(&["Profiles"]).await;
    browser.tab_to("The browser cannot open the page after the login?").await;
    browser.key(Key::Enter).await;
    browser.sees(&["Paste the address that it tried to open"]).await;
    world.until_measured("Mum", "weight_kg").await;
}

/// Restarts the exporter at its address with these profiles.
async fn restart(home: &str, mut world: World, profiles: &[&str], go_on: impl AsyncFnOnce(&World)) {
    world.stop_exporter().await;
    world.config.profiles = profiles.iter().map(|name| (*name).into()).collect();
    let address = home.trim_start_matches("http://").trim_end_matches('/');
    // Another test may have the port for a moment: it was free.
    let listener = until("its address", async || TcpListener::bind(address).await.ok()).await;
    world.start_exporter_on(listener).await;
    go_on(&world).await;
}
