//! Where secrets come from that are not in the configuration file: `secrets.yaml` beside it, files with one secret, and the environment.

use std::io;
use std::path::Path;

use super::document;
use super::mistake::Mistake;
use super::nearest::nearest;
use super::node::{Node, Value};
use super::redaction::quoted_key;
use super::scalar::trimmed;
use crate::process;
use crate::regular_file::{self, ReadAt};

const SECRETS_FILE: &str = "secrets.yaml";

/// Where systemd puts the credentials of services.
const CREDENTIALS: &str = "/run/credentials";

/// The variable that a service with credentials has, and no other program.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// How many names of `secrets.yaml` a message shows.
const SHOWN_NAMES: usize = 3;

/// The sources of one configuration.
pub(super) struct SecretSources<'a> {
    /// The folder of the configuration file: relative paths start here.
    pub(super) folder: &'a Path,
    /// Whether files may be pipes.
    pub(super) at: ReadAt,
    /// A variable of the environment.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
}

impl SecretSources<'_> {
    /// A variable of the environment without what may stand around it; an empty one counts as not set.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        let value = trimmed(&value);
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// `node` with every `!secret NAME` in it replaced by what `secrets.yaml` says.
    pub(super) fn resolve(&self, node: &Node) -> Result<Node, Mistake> {
        let value = match &node.value {
            Value::Tagged(tag, name) => return self.secret(node, tag, name),
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.resolve(item)).collect::<Result<_, Mistake>>()?)
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(Node, Node)| Ok((self.resolve(key)?, self.resolve(value)?));
                Value::Map(entries.iter().map(entry).collect::<Result<_, Mistake>>()?)
            }
            scalar => scalar.clone(),
        };
        Ok(Node { value, ..*node })
    }

    /// The content of a file with one secret, named by `node`, without what may stand around it.
    pub(super) fn secret_file(&self, node: &Node, name: &str) -> Result<String, Mistake> {
        // The name is not shown: people put the secret itself there.
        let path = self.folder.join(name);
        let bytes = regular_file::read(&path, self.at).map_err(|err| {
            Mistake::at(node, format!("cannot read the secret file named here: {err}")).help(self.advice(&path, &err))
        })?;
        let text =
            String::from_utf8(bytes).map_err(|_| Mistake::at(node, "the secret file named here is not UTF-8 text"))?;
        let secret = trimmed(&text);
        if secret.is_empty() {
            return Err(Mistake::at(node, "the secret file named here is empty"));
        }
        if secret.contains(['\r', '\n']) {
            return Err(Mistake::at(node, "the secret file named here has more than one line")
                .help("it holds the secret and nothing else"));
        }
        Ok(secret.to_owned())
    }

    /// What to do about a secret file that cannot be read.
    fn advice(&self, path: &Path, error: &io::Error) -> String {
        let is_credential = path.starts_with(CREDENTIALS);
        if is_credential && self.variable(CREDENTIALS_VARIABLE).is_some() {
            "`LoadCredential` of the systemd unit gives this service no credential at this path".to_owned()
        } else if is_credential {
            "systemd gives this file to the running service alone: elsewhere set WITHINGS_CLIENT_SECRET, or run the command \
             with systemd-run and the same LoadCredential"
                .to_owned()
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            unreadable()
        } else {
            "`client_secret_file` is the path of a file with the secret in it, relative to this file".to_owned()
        }
    }

    fn secret(&self, node: &Node, tag: &str, name: &Node) -> Result<Node, Mistake> {
        if tag != "secret" {
            // Not named: a secret may begin with `!`.
            return Err(Mistake::at(node, "this tag is not known here")
                .did_you_mean(nearest(tag, ["secret"]).map(|_| "!secret NAME"))
                .help("the only tag is `!secret NAME`, which reads secrets.yaml beside this file"));
        }
        let Some(wanted) = name.text() else {
            return Err(Mistake::at(node, "`!secret` is followed by a name").help("for example `!secret withings`"));
        };
        let Value::Map(entries) = self.secrets(node)? else {
            return Err(
                Mistake::at(node, format!("{SECRETS_FILE} has no names")).help("it has lines like `NAME: value`")
            );
        };
        // Home Assistant takes the last of two, and it is its file.
        match entries.iter().rev().find(|(key, _)| key.text() == Some(wanted)) {
            Some((_, value)) => Ok(value.clone().hidden_at(node.id)),
            None => Err(missing(node, wanted, &entries)),
        }
    }

    fn secrets(&self, node: &Node) -> Result<Value, Mistake> {
        let bytes = regular_file::read(&self.folder.join(SECRETS_FILE), self.at).map_err(|err| {
            let help = if err.kind() == io::ErrorKind::PermissionDenied {
                unreadable()
            } else {
                format!("`!secret NAME` reads the line `NAME: value` of {SECRETS_FILE}")
            };
            Mistake::at(node, format!("cannot read {SECRETS_FILE} beside this file: {err}")).help(help)
        })?;
        let document = super::decode(&bytes).and_then(document::read);
        let broken = |mistake: Mistake| Mistake::at(node, format!("{SECRETS_FILE}, {}", mistake.in_secret_file()));
        Ok(document.map_err(broken)?.value)
    }
}

/// What to do about a file that this user may not read.
pub(super) fn unreadable() -> String {
    format!(
        "this program runs as user {0}, who may not read the file; `chown {0}` gives it to that user",
        process::user()
    )
}

/// The mistake of a name that `secrets.yaml` does not have. The word is not shown: people put the secret itself there.
fn missing(node: &Node, wanted: &str, entries: &[(Node, Node)]) -> Mistake {
    let mistake = Mistake::at(node, format!("{SECRETS_FILE} has no line with this name"));
    let mut names: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| Some((strsim::levenshtein(wanted, key.text()?), quoted_key(key, value)?)))
        .collect();
    names.sort();
    names.truncate(SHOWN_NAMES);
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    let mistake = match &names[..] {
        [] => mistake,
        [name] => mistake.help(format!("the nearest name there is {name}")),
        [first @ .., last] => mistake.help(format!("the nearest names there are {} and {last}", first.join(", "))),
    };
    mistake.help(format!("`!secret NAME` reads the line `NAME: value` of {SECRETS_FILE} beside this file"))
}
