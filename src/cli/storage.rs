//! Where state is kept: the flags, and the commands that are about it.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use super::{Flags, UsageError};

/// The variable of `--storage.url`.
const URL_VARIABLE: &str = "WITHINGS_EXPORTER_STORAGE_URL";

/// The variable of `--storage.path`, which images set for those who name no place.
const PATH_VARIABLE: &str = "WITHINGS_EXPORTER_STORAGE_PATH";

/// The flags of a storage that many exporters share.
#[derive(Clone, Debug, Default, Args)]
pub struct DatabaseFlags {
    /// PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the
    /// password is better in `PGPASSWORD` [default: none].
    // The value may have a password, which a help page with the values of variables would show.
    #[arg(
        id = "storage.url",
        long = "storage.url",
        value_name = "URL",
        global = true,
        env = URL_VARIABLE,
        hide_env_values = true,
        value_parser = secret
    )]
    pub url: Option<SecretString>,

    /// The file with the key of the logins in PostgreSQL [default: none].
    #[arg(
        id = "storage.key-file",
        long = "storage.key-file",
        value_name = "FILE",
        global = true,
        env = "WITHINGS_EXPORTER_STORAGE_KEY_FILE"
    )]
    pub key_file: Option<PathBuf>,
}

/// The commands about a storage.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum StorageCommand {
    /// Bring the tables in PostgreSQL to this version; in an empty database make them, and the key file where there is none.
    Migrate,
    /// Move everything from a directory into PostgreSQL. It can be run again after it was cut off.
    Import {
        /// The directory, from which no exporter serves.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
    },
    /// Move everything from PostgreSQL into a directory. It can be run again after it was cut off.
    Export {
        /// The directory: an empty one, or the one from which it came.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// After a restore that was meant: let logins be refreshed with this database again.
    AcceptRestore,
    /// Make a key file, or put a new key before the one in it, which opens what was sealed before.
    NewKey,
}

/// Where state is kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a directory.
    Directory(PathBuf),
    /// In PostgreSQL.
    Database {
        /// Its address.
        url: SecretString,
        /// The file with the key of the logins.
        key_file: PathBuf,
    },
}

impl Flags {
    /// Where state is kept, in an environment of these variables. Fails where the flags do not go together.
    pub fn place(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Place, UsageError> {
        let refused = |why: &str| Err(UsageError(why.to_owned()));
        // What an image sets for everybody is not what somebody asks for.
        let of_image = env(PATH_VARIABLE).map(PathBuf::from);
        let is_path_asked_for = self.storage_path.is_some() && self.storage_path != of_image;
        match (&self.database.url, &self.database.key_file) {
            (Some(_), _) if cfg!(not(feature = "postgres")) => refused(NOT_BUILT),
            (Some(_), _) if is_path_asked_for => {
                refused("--storage.path and --storage.url are two places for the same; leave one of them out")
            }
            (Some(_), None) => refused(
                "--storage.url needs --storage.key-file, the file with the key of the logins; `withings-exporter storage \
                 migrate` makes it for an empty database",
            ),
            (None, Some(_)) => refused("--storage.key-file is for logins in PostgreSQL, and --storage.url is missing"),
            (Some(url), Some(key_file)) => Ok(Place::Database { url: url.clone(), key_file: key_file.clone() }),
            (None, None) => Ok(Place::Directory(self.storage_path(env("STATE_DIRECTORY").map(Into::into)))),
        }
    }

    /// Whether every user of this machine sees the URL: it is in the flag, and not in the variable.
    #[must_use]
    pub fn shows_url(&self, env: &dyn Fn(&str) -> Option<String>) -> bool {
        let url = self.database.url.as_ref().map(ExposeSecret::expose_secret);
        url.is_some() && url != env(URL_VARIABLE).as_deref()
    }
}

/// What a build without the feature says.
pub const NOT_BUILT: &str = "this withings-exporter was built without PostgreSQL (the feature `postgres` is off); use \
     another build, or --storage.path";

/// Any text: a parser that refused one would show it.
#[allow(clippy::unnecessary_wraps, reason = "what clap asks for")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}
