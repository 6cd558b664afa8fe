//! Ending a login at Withings. The call carries no token but a signature, made with a nonce that is asked for first
//! (<https://developer.withings.com/developer-guide/v3/get-access/sign-your-requests>).

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use super::client::Client;
use super::envelope::{self, DecodeError};
use super::error::CallError;
use super::wire;
use crate::storage::Class;

/// Revokes everything that the person `user_id` has granted to the application, with requests of this class: both tokens are
/// dead afterwards. Whether it `is_wanted` still is asked after the last turn, which may have been long in coming.
pub async fn revoke(
    client: &Client,
    class: Class,
    client_id: &str,
    client_secret: &SecretString,
    user_id: &str,
    is_wanted: impl Future<Output = bool>,
) -> Result<(), CallError> {
    let timestamp = client.clock().now().to_string();
    let signature = sign(client_secret, &["getnonce", client_id, &timestamp]);
    let asked =
        [("action", "getnonce"), ("client_id", client_id), ("timestamp", &timestamp), ("signature", &signature)];
    client.turn(class).await?;
    let answer = client.signed("/v2/signature", form(&asked)).await?;
    let body: NonceBody = envelope::parse(&answer).map_err(CallError::Body)?;
    let nonce = body.nonce.ok_or_else(|| CallError::Body(DecodeError::missing("nonce", "body.nonce")))?;

    client.turn(class).await?;
    if !is_wanted.await {
        return Ok(());
    }
    let signature = sign(client_secret, &["revoke", client_id, &nonce]);
    let asked = [
        ("action", "revoke"),
        ("client_id", client_id),
        ("nonce", &nonce),
        ("signature", &signature),
        ("userid", user_id),
    ];
    client.signed("/v2/oauth2", form(&asked)).await.map(|_| ())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NonceBody {
    #[serde(deserialize_with = "wire::text")]
    nonce: Option<String>,
}

/// HMAC-SHA256 of the values, joined by commas in the order of their parameters' names, in lower-case hex.
fn sign(secret: &SecretString, values: &[&str]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(values.join(",").as_bytes());
    format!("{:x}", mac.finalize().into_bytes())
}

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn withings_own_test_vectors_are_met() {
        let secret = SecretString::from("clientsecret");
        assert_eq!(
            sign(&secret, &["getnonce", "client_id", "1637090717"]),
            "613fa7b29b5c3a14ca7759886e9783750e057caba3e8e601495d5b470a30d1ac"
        );
        assert_eq!(
            sign(&secret, &["wsname", "client_id", "nonce"]),
            "ccb346f0416f06fb4b36d95ca75082098eaf2a8bc885506c689312806afa5b2b"
        );
    }
}
