//! Code exchanges that anybody causes: they have their share of the budget and take turns, and nothing else waits for them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpSocket;
use withings_exporter::sim::Request;

use crate::http_client::{Answer, Connection};
use crate::world::World;

/// How many requests a minute are allowed.
const BUDGET: u32 = 30;

/// How far exchanges are apart with it, seconds.
const APART: i64 = 7;

/// Alice connected and read all the time, Bob about to log in.
async fn household() -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.config.requests_per_minute = BUDGET.try_into().unwrap();
    world.config.refresh_interval = Duration::from_secs(15);
    world.start_exporter().await;
    world.connect("Alice").await;
    world
}

/// A connection from this address of the host.
pub(super) async fn connect_from(client: [u8; 4], address: SocketAddr) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(client), 0).into()).unwrap();
    Connection::from(socket.connect(address).await.unwrap())
}

/// A GET from this address of the host.
async fn get_from(client: [u8; 4], address: SocketAddr, target: &str, headers: &str) -> Answer {
    connect_from(client, address).await.request("GET", target, headers).await
}

/// Begins a login and calls back with a code that nobody gave.
async fn guess(world: &World, client: [u8; 4]) -> Answer {
    let begun = get_from(client, world.address(), "/authorize?profile=Bob", "").await;
    let state = begun.header("location").unwrap().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    get_from(client, world.address(), &format!("/callback?code=made-up&state={state}"), "").await
}

/// Guesses without end, so many at one time.
async fn flood(world: &World, client: [u8; 4], at_once: usize) {
    let guesser = async || {
        loop {
            let answer = guess(world, client).await;
            assert!([502, 503].contains(&answer.status), "{}", answer.body);
            assert_eq!(answer.header("retry-after"), (answer.status == 503).then_some("60"), "{}", answer.body);
        }
    };
    join_all((0..at_once).map(|_| guesser())).await;
}

/// Whether a request exchanges a code.
fn is_exchange(request: &Request) -> bool {
    request.params.get("grant_type").is_some_and(|kind| kind == "authorization_code")
}

#[tokio::test(crate = "crate::paused")]
async fn made_up_codes_take_a_third_and_data_goes_on() {
    let world = household().await;
    let before = world.cloud.requests().len();
    tokio::select! {
        () = flood(&world, [127, 0, 0, 1], 20) => {}
        () = world.pass(Duration::from_mins(5)) => {}
    }
    let requests = world.cloud.requests().split_off(before);
    let exchanges = requests.iter().filter(|request| is_exchange(request)).count();
    let data = requests.iter().filter(|request| request.action.as_deref() == Some("getmeas")).count();
    assert!((44..=51).contains(&exchanges), "{exchanges} of {}", requests.len());
    assert!(data >= 5, "{data} of {}", requests.len());
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_from_another_address_waits_for_one_other_and_no_profile_is_locked() {
    let world = household().await;
    let log_in = async {
        world.pass(Duration::from_mins(1)).await;
        for _ in 0..3 {
            let callback = world.consent("Bob", &world.account("Bob")).await;
            let began = world.clock.unix();
            let done = get_from([127, 0, 0, 2], world.address(), &callback, &world.cookies.header()).await;
            assert_eq!(done.status, 200, "{}", done.body);
            let took = world.stored("Bob").unwrap().connected_at - began;
            assert!(took <= 2 * APART, "{took} s");
        }
    };
    tokio::select! {
        () = flood(&world, [127, 0, 0, 1], 20) => {}
        () = log_in => {}
    }
    assert_eq!(world.sample("withings_authorized{profile=\"Bob\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn who_waits_for_20_seconds_in_vain_is_told_when_to_come_again() {
    let world = household().await;
    let began = world.clock.now();
    let answers = join_all((0..40).map(|_| guess(&world, [127, 0, 0, 1]))).await;
    let took = (world.clock.now() - began).num_seconds();
    assert!((15..=25).contains(&took), "{took} s");
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 502);
    assert!((3..=6).contains(&served.len()), "{}", served.len());
    for answer in refused {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")));
        assert!(answer.body.contains("Connect again in a minute"), "{}", answer.body);
    }
}
