//! What the flags ask of the history, with the configuration and the logins.

use anyhow::{Result, bail};

use crate::cli::{BackfillFlags, Label, Time, UsageError};
use crate::commands::unknown_profile;
use crate::config::Config;
use crate::history::{AskedProfile, Question};
use crate::storage::Storage;

/// The question at `now`, Unix seconds.
pub(super) async fn question(config: &Config, storage: &Storage, asked: &BackfillFlags, now: i64) -> Result<Question> {
    let question = Question {
        people: people(config, storage, asked).await?,
        measurements: config.measurements.iter().collect(),
        start: asked.start.map(Time::begin),
        end: asked.end.map(Time::end),
        sleep_stages: asked.sleep_stages,
        intraday: asked.intraday,
        fill: asked.fill.and_then(|fill| u32::try_from(fill.as_secs()).ok()),
        labels: Label::distinct(&asked.labels, "--label")?,
    };
    if question.period(now).is_empty() {
        bail!(UsageError("--start: nothing lies between it and the end, which is --end or three hours ago".to_owned()));
    }
    if !question.has_history() {
        bail!(UsageError(
            "none of the configured `measurements` has a history: goals and devices have a present alone, the sleep state \
             needs --sleep-stages, and what a watch measures through the day needs --intraday"
                .to_owned()
        ));
    }
    Ok(question)
}

/// The profiles that were named, each once, or else all that have a login.
async fn people(config: &Config, storage: &Storage, asked: &BackfillFlags) -> Result<Vec<AskedProfile>> {
    if let Some(unknown) = asked.profiles.iter().find(|name| config.profiles.iter().all(|profile| **profile != ***name))
    {
        bail!(UsageError(unknown_profile(config, unknown)));
    }
    let is_wanted = |name: &str| asked.profiles.is_empty() || asked.profiles.iter().any(|asked| asked == name);
    let mut people = Vec::new();
    for profile in config.profiles.iter().filter(|profile| is_wanted(profile)) {
        match storage.login(profile).await? {
            Some(login) => people.push(AskedProfile { profile: profile.to_string(), user_id: login.user_id }),
            None if asked.profiles.is_empty() => {}
            None => bail!(
                "{profile} has no login; `withings-exporter authorize {profile}` or the exporter's page makes one"
            ),
        }
    }
    if people.is_empty() {
        bail!("no profile has a login; `withings-exporter authorize PROFILE` or the exporter's page makes one");
    }
    Ok(people)
}
