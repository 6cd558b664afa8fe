//! Token rotation: a new pair every three hours, from a service that forgets the old one, and never a lost login.

mod property;
mod refusals;
mod saving;

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use withings_exporter::sim::{Measure, MeasureGroup, Request};
use withings_exporter::storage::Login;

use crate::world::World;

/// The next call of `action`, as it arrives; within a day.
pub(crate) async fn heard(calls: &mut Receiver<Request>, action: &str) -> Request {
    let of_action = async {
        loop {
            let call = calls.recv().await.unwrap();
            if call.action.as_deref() == Some(action) {
                return call;
            }
        }
    };
    timeout(Duration::from_hours(24), of_action).await.unwrap_or_else(|_| panic!("{action} is not asked for"))
}

/// The next call, as it arrives; within a day.
pub(crate) async fn next_heard(calls: &mut Receiver<Request>) -> Request {
    timeout(Duration::from_hours(24), calls.recv()).await.expect("nothing is asked for").unwrap()
}

/// The statuses with which the token endpoint answered, oldest first.
fn token_answers(world: &World) -> Vec<Option<i64>> {
    world.calls("requesttoken").into_iter().map(|call| call.status).collect()
}

fn refresh_token(login: &Login) -> &str {
    login.refresh_token.expose_secret()
}

fn previous_token(login: &Login) -> Option<&str> {
    login.previous_refresh_token.as_ref().map(ExposeSecret::expose_secret)
}

fn weigh(world: &World, profile: &str, kilograms: i64) {
    world.account(profile).add(MeasureGroup::new(world.clock.unix(), [Measure::new(1, kilograms, 0)]));
}

pub(crate) async fn is_authorized(world: &World, profile: &str) -> bool {
    world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await == Some(1.0)
}
