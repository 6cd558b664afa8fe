//! Token rotation: a new pair every three hours, from a service that forgets the old one, and never a lost login.

mod property;
mod refusals;
mod saving;

use secrecy::ExposeSecret;
use tokio::sync::broadcast::Receiver;
use withings_exporter::sim::{Measure, MeasureGroup, Request};
use withings_exporter::storage::Login;

use crate::world::World;

/// The next call of `action`, as it arrives.
pub(crate) async fn heard(calls: &mut Receiver<Request>, action: &str) -> Request {
    loop {
        let call = calls.recv().await.unwrap();
        if call.action.as_deref() == Some(action) {
            return call;
        }
    }
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
