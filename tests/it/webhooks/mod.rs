//! Notifications, from the simulated cloud over real sockets to the metrics: subscriptions, the calls that
//! notifications cause, and events in bed.

mod bed;
mod inbox;
mod parting;
mod program;
mod subscriptions;

use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{self, Cloud, Measure, MeasureGroup, Request};

use crate::http_client::{Answer, Connection};
use crate::world::{World, household};

/// The name under which Withings reaches the exporter, as through a proxy that ends TLS.
pub(crate) const HOST: &str = "health.example";

/// The exporter's address.
const OURS: &str = "https://health.example/webhook/";

/// Another program's address, which answers Withings' test of a callback URL.
const FOREIGN: &str = "https://other.example/-/healthy";

/// Every kind of event that the exporter subscribes to, by Withings' numbers.
const ALL_APPLIS: [u32; 13] = [1, 2, 4, 16, 44, 46, 50, 51, 54, 58, 61, 62, 63];

/// Longer than all subscriptions take.
const SUBSCRIBED_AFTER: Duration = Duration::from_secs(90);

/// These people, connected, refreshed and subscribed to what is configured by `change`.
pub(crate) async fn subscribed_to(profiles: &[&str], change: impl FnOnce(&mut World)) -> World {
    subscribed_in(profiles, |clock| household(profiles, clock), change).await
}

/// The same of people in this cloud.
async fn subscribed_in(
    profiles: &[&str],
    people: impl FnOnce(Clock) -> Cloud,
    change: impl FnOnce(&mut World),
) -> World {
    let mut world = World::asleep(profiles, people).await;
    world.config.webhooks = true;
    move_to(&mut world, HOST);
    change(&mut world);
    start(&mut world).await;
    for profile in profiles {
        world.connect(profile).await;
    }
    world.pass(SUBSCRIBED_AFTER).await;
    world
}

/// The same with all measurements configured.
async fn subscribed(profiles: &[&str]) -> World {
    subscribed_to(profiles, |_| {}).await
}

/// Configures the public name of the exporter.
pub(crate) fn move_to(world: &mut World, host: &str) {
    world.config.base_url = Url::parse(&format!("https://{host}")).unwrap();
    world.cloud.register(sim::App {
        client_id: world.config.client_id.clone(),
        client_secret: "secret-of-the-app".to_owned(),
        redirect_uris: vec![world.config.redirect_uri()],
    });
}

/// Starts the exporter at the address to which its public name leads.
async fn start(world: &mut World) {
    world.start_exporter().await;
    world.cloud.host(world.config.base_url.host_str().unwrap(), world.address());
}

async fn restart(world: &mut World) {
    world.stop_exporter().await;
    start(world).await;
}

/// The path of the callback URL that Withings knows.
pub(crate) fn path(world: &World) -> String {
    let (url, _) = world.account("Alice").subscriptions().pop().unwrap();
    Url::parse(&url).unwrap().path().to_owned()
}

/// The kinds of events to which this address is subscribed for a person, in ascending order.
fn applis(world: &World, name: &str, address: &str) -> Vec<u32> {
    let subscriptions = world.account(name).subscriptions().into_iter();
    let mut applis: Vec<_> =
        subscriptions.filter(|(url, _)| url.starts_with(address)).map(|(_, appli)| appli).collect();
    applis.sort_unstable();
    applis
}

/// What another program does with Alice's login and the same application.
async fn another_program(world: &World, form: &str) {
    world.cloud.host("other.example", world.address());
    let token = world.stored("Alice").unwrap().access_token;
    let token = token.expose_secret();
    let length = form.len();
    let head = format!(
        "POST /notify HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut connection = Connection::open(world.cloud_address()).await;
    connection.send(&(head + form)).await;
    assert_eq!(connection.answer("POST").await.body, "{\"body\":{},\"status\":0}");
}

/// The calls about subscriptions with this action.
fn notify_calls(world: &World, action: &str) -> Vec<Request> {
    world.calls(action).into_iter().filter(|call| call.path == "/notify").collect()
}

/// Posts a notification of this kind about Alice to the exporter.
async fn post(world: &World, path: &str, appli: u32, fields: &[(&str, &str)]) -> Answer {
    let (user, appli) = (world.account("Alice").userid().to_string(), appli.to_string());
    let who = [("userid", user.as_str()), ("appli", appli.as_str())];
    world.post(path, &[&who[..], fields].concat()).await
}

fn weigh(world: &World, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account("Alice").add(MeasureGroup::new(world.clock.unix(), [weight]));
}

/// How many notifications ended with this outcome.
async fn count(world: &World, kind: &str, outcome: &str) -> Option<f64> {
    world.sample(&format!("withings_exporter_notifications_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}")).await
}
