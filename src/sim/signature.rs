//! Signed calls: `getnonce`, and `revoke`, which needs a nonce.

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::UserId;
use super::app::App;
use super::call::Params;
use super::random::Random;
use super::reply::Refusal;

/// A nonce lives so long, in seconds.
const NONCE_SECONDS: i64 = 30 * 60;

/// Nonces given out and not used yet.
#[derive(Default)]
pub(super) struct Nonces {
    given: u64,
    alive: Vec<Nonce>,
}

struct Nonce {
    text: String,
    client_id: String,
    issued: i64,
}

impl Nonces {
    /// `getnonce`: signed with the time.
    pub(super) fn getnonce(&mut self, apps: &[App], params: &Params, now: i64) -> Result<Value, Refusal> {
        let client_id = check(
            apps,
            params,
            &[params.required("action")?, params.required("client_id")?, params.required("timestamp")?],
        )?;
        // How old the time may be is not known.
        params.integer("timestamp")?;
        self.given += 1;
        let text = Random::new(self.given).named("nonce").hex();
        self.alive.push(Nonce { text: text.clone(), client_id, issued: now });
        Ok(json!({ "nonce": text }))
    }

    /// `revoke`: signed with a nonce, which works once. Answers the user whose logins it ends.
    pub(super) fn revoke(&mut self, apps: &[App], params: &Params, now: i64) -> Result<UserId, Refusal> {
        let nonce = params.required("nonce")?;
        let client_id = check(apps, params, &[params.required("action")?, params.required("client_id")?, nonce])?;
        self.alive.retain(|nonce| now - nonce.issued < NONCE_SECONDS);
        let place = self.alive.iter().position(|given| given.text == nonce && given.client_id == client_id);
        self.alive.swap_remove(place.ok_or_else(|| Refusal::invalid("invalid nonce"))?);
        let user = params.integer("userid")?.and_then(|number| u64::try_from(number).ok());
        user.ok_or_else(|| Refusal::invalid("missing userid"))
    }
}

/// The application whose signature of `values` this is.
fn check(apps: &[App], params: &Params, values: &[&str]) -> Result<String, Refusal> {
    let (client_id, signature) = (params.required("client_id")?, params.required("signature")?);
    let app =
        apps.iter().find(|app| app.client_id == client_id).ok_or_else(|| Refusal::invalid("invalid client_id"))?;
    if sign(&app.client_secret, values) == signature { Ok(client_id.to_owned()) } else { Err(Refusal::bad_signature()) }
}

/// HMAC-SHA256 of the values joined by commas, in lower-case hex.
fn sign(secret: &str, values: &[&str]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    format!("{:x}", mac.chain_update(values.join(",")).finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_signs_as_its_own_vectors_say() {
        let signature = sign("clientsecret", &["getnonce", "client_id", "1637090717"]);
        assert_eq!(signature, "613fa7b29b5c3a14ca7759886e9783750e057caba3e8e601495d5b470a30d1ac");
    }
}
