//! Webhooks, put together: who keeps the subscriptions, and who takes what Withings posts.

use std::iter::zip;

use anyhow::Result;
use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;
use crate::refresh::{Refresher, Services};
use crate::subscription::{Subscriber, Wish};
use crate::web::{Addressee, Inbox};
use crate::withings::notify::Appli;
use crate::withings::oauth::random_token;

/// What keeps the subscriptions of each refresher's profile, also where there shall be none; and where notifications
/// arrive, if there shall be some. Blocks.
pub(super) fn assemble(
    config: &Config,
    services: &Services,
    refreshers: &[Refresher],
) -> Result<(Vec<Subscriber>, Option<Inbox>)> {
    let secret = config.webhooks.then(|| services.storage.webhook_secret(random_token)).transpose()?;
    let wish = secret.as_ref().map(|secret| wish(config, secret));
    let subscriber = |it: &Refresher| Subscriber::new(it.session().clone(), wish.clone());
    let subscribers: Vec<_> = refreshers.iter().map(subscriber).collect();
    let inbox = secret.map(|secret| {
        let addressees = zip(refreshers, &subscribers).map(addressee).collect();
        Inbox::new(&secret, addressees, services.telemetry.clone(), services.clock.clone())
    });
    Ok((subscribers, inbox))
}

/// What Withings is asked to tell, and at which address.
fn wish(config: &Config, secret: &SecretString) -> Wish {
    Wish {
        callback: config.webhook_url(secret.expose_secret()).into(),
        shown: config.webhook_url("…").into(),
        applis: Appli::wanted(&config.measured()),
    }
}

fn addressee((refresher, subscriber): (&Refresher, &Subscriber)) -> Addressee {
    Addressee { session: refresher.session().clone(), nudges: refresher.nudges(), standing: subscriber.standing() }
}
