//! Client id and client secret: from the file, from a file with the secret, or from the environment, which wins. What an editor
//! or a page may have put around them is taken off: they have no spaces in them.

use secrecy::{ExposeSecret, SecretString};

use super::block::Block;
use super::mistake::Mistake;
use super::scalar::{text, trimmed};

const ID: &str = "client_id";
const SECRET: &str = "client_secret";
const SECRET_FILE: &str = "client_secret_file";
const ID_VARIABLE: &str = "WITHINGS_CLIENT_ID";
const SECRET_VARIABLE: &str = "WITHINGS_CLIENT_SECRET";

/// What stands for id and secret in examples.
const EXAMPLES: [&str; 2] = ["CLIENT_ID", "CLIENT_SECRET"];

/// `client_id`, or the environment's.
pub(super) fn client_id(block: &Block<'_>) -> Result<String, Mistake> {
    if let Some(id) = block.sources.variable(ID_VARIABLE) {
        return Ok(id);
    }
    block.read(ID, |key, node| text(key, node).map(|id| trimmed(id).to_owned()))?.ok_or_else(|| {
        block.missing(ID, format!("your Withings application has one; write it here or set {ID_VARIABLE}"))
    })
}

/// `client_secret`, or the content of `client_secret_file`, or the environment's.
pub(super) fn client_secret(block: &Block<'_>) -> Result<SecretString, Mistake> {
    if let (Some(_), Some(file)) = (block.key(SECRET), block.key(SECRET_FILE)) {
        let what = format!("`{SECRET}` and `{SECRET_FILE}` are both given");
        return Err(Mistake::at(file, what).help("keep one of them"));
    }
    if let Some(secret) = block.sources.variable(SECRET_VARIABLE) {
        return Ok(secret.into());
    }
    if let Some(secret) = block.read(SECRET, |key, node| text(key, node).map(|secret| trimmed(secret).into()))? {
        return Ok(secret);
    }
    let file = block.read(SECRET_FILE, |key, node| block.sources.secret_file(node, text(key, node)?))?;
    file.map(SecretString::from).ok_or_else(|| {
        let help = format!(
            "your Withings application has one; write it here, name a file with `{SECRET_FILE}`, or set \
             {SECRET_VARIABLE}"
        );
        block.missing(SECRET, help)
    })
}

/// What to say of the words of an example that nobody has replaced, which begin no login.
pub(super) fn warnings(client_id: &str, client_secret: &SecretString) -> Vec<String> {
    [(ID, client_id), (SECRET, client_secret.expose_secret())]
        .into_iter()
        .filter(|(_, said)| EXAMPLES.contains(said))
        .map(|(key, said)| {
            format!("`{key}` is `{said}`, the word of the example; write what Withings’ developer dashboard shows")
        })
        .collect()
}
