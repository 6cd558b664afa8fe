//! One row of the table.

use std::ops::RangeInclusive;

use withings_exporter::sim::{Account, Failure, Fault};

/// A fault and what comes of it.
pub(super) struct Row {
    /// What goes wrong, in words.
    pub(super) fault: &'static str,
    pub(super) trouble: Trouble,
    /// The sample that tells of it, and its value after the first try.
    pub(super) metric: Option<(String, f64)>,
    /// The text of the one log line at warn or above; `None` where there is nothing to do.
    pub(super) log: Option<&'static str>,
    pub(super) shown: Shown,
    pub(super) again: Again,
}

/// What is done to the world.
pub(super) enum Trouble {
    /// These of Alice's calls are struck until the end.
    Calls(&'static str, Fault),
    /// The same of Alice's `getmeas` when everything is read, which is once a day.
    Daily(Fault),
    /// Withings lists something odd of Alice beside her new weight, for good.
    Odd(fn(&Account, i64)),
    /// Withings' host refuses connections until the end.
    Refused,
    /// These people take the exporter's permission back, and give it again at the end.
    Revoked(&'static [&'static str]),
    /// The host's clock is set a day ahead, and back again after the end.
    ClockAhead,
    /// The host's clock is set a day back, and ahead again after the end.
    ClockBack,
    /// Nothing at all is known of Alice.
    Empty,
    /// Of the network around the exporter, which no paused clock can play.
    Network,
}

/// The values that are shown while the fault lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The values from before.
    Last,
    /// The new values, all but the odd one.
    New,
    /// No value: what was read is empty.
    Nothing,
}

/// When the call is tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Soon, then after longer and longer pauses.
    Growing,
    /// At the next interval.
    Interval,
    /// At once, with another token.
    OtherToken,
    /// Hourly, each time with another token.
    Hourly,
    /// With a whole read, after longer and longer pauses, in the end hourly.
    FullRead,
    /// When Withings has said; so many seconds here.
    Told(u64),
    /// After a minute, as Withings does not say when.
    Minute,
    /// A refused login.
    Login,
    /// Not before a new login.
    NewLogin,
}

impl Row {
    /// A failure of Alice's `getmeas`, with this reason in the metric and this text in the log.
    pub(super) fn failing(fault: &'static str, failure: Failure, reason: &str, log: &'static str) -> Self {
        Self::struck(fault, Fault::new(failure), reason, log)
    }

    /// The same, made by any fault.
    pub(super) fn struck(fault: &'static str, strike: Fault, reason: &str, log: &'static str) -> Self {
        let metric = Some((failures("getmeas", reason), 1.0));
        let trouble = Trouble::Calls("getmeas", strike.times(u32::MAX));
        Self { fault, trouble, metric, log: Some(log), shown: Shown::Last, again: Again::Growing }
    }

    /// An answer of Alice's `getmeas` without any usable value, which is not a failure.
    pub(super) fn bare(fault: &'static str, answer: &'static str) -> Self {
        let trouble = Trouble::Calls("getmeas", Fault::new(Failure::Verbatim(answer)).times(u32::MAX));
        Self { fault, trouble, metric: None, log: None, shown: Shown::Last, again: Again::Interval }
    }

    /// A value in Alice's answers that the exporter does not know, counted under this kind of unknown values.
    pub(super) fn odd(fault: &'static str, odd: fn(&Account, i64), kind: &str) -> Self {
        let metric = Some((format!("withings_exporter_unknown_values_total{{kind=\"{kind}\"}}"), 1.0));
        let (trouble, log) = (Trouble::Odd(odd), Some("a value that is not known or not believed"));
        Self { fault, trouble, metric, log, shown: Shown::New, again: Again::Interval }
    }

    pub(super) fn by(self, trouble: Trouble) -> Self {
        Self { trouble, ..self }
    }

    pub(super) fn shown(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }

    /// The same, striking once, which is over before the next try.
    pub(super) fn once(self) -> Self {
        let Trouble::Calls(action, fault) = self.trouble else { unreachable!("only calls are struck") };
        Self { trouble: Trouble::Calls(action, fault.times(1)), log: None, again: Again::OtherToken, ..self }
    }

    /// The same without a log line.
    pub(super) fn silently(self) -> Self {
        Self { metric: None, log: None, ..self }
    }

    pub(super) fn again(self, again: Again) -> Self {
        Self { again, ..self }
    }

    pub(super) fn told_by(self, metric: &str, value: f64) -> Self {
        Self { metric: Some((metric.to_owned(), value)), ..self }
    }

    /// The row of the table.
    pub(super) fn markdown(&self) -> String {
        let metric = self.metric.as_ref().map_or("none".to_owned(), |(series, value)| {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let label = labels.trim_end_matches('}').rsplit(',').next().unwrap_or_default();
            if *value == 0.0 { format!("`{name}` is 0") } else { format!("`{label}`") }
        });
        let log = self.log.map_or("none".to_owned(), |text| format!("“{text}”"));
        format!("| {} | {metric} | {log} | {} | {} |\n", self.fault, self.shown.words(), self.again.words())
    }
}

/// The series that counts failures of a call.
pub(super) fn failures(call: &str, reason: &str) -> String {
    format!("withings_exporter_api_request_failures_total{{call=\"{call}\",reason=\"{reason}\"}}")
}

impl Shown {
    fn words(self) -> &'static str {
        match self {
            Self::Last => "last values",
            Self::New => "new values",
            Self::Nothing => "no values",
        }
    }
}

impl Again {
    fn words(self) -> &'static str {
        match self {
            Self::Growing => "soon",
            Self::Interval => "next interval",
            Self::OtherToken => "after 11 s, with a new token",
            Self::Hourly => "after 11 s, then hourly, with a new token",
            Self::FullRead => {
                "after 30 to 45 s, reading everything, then after pauses that double, and hourly after five failures in a row"
            }
            Self::Told(_) => "when Withings says",
            Self::Minute => "after a minute",
            Self::Login => "after 10 min, after an hour, then every 6 h; at once after a start, a reload or a login",
            Self::NewLogin => "when somebody logs in, or after a start or a reload",
        }
    }

    /// The seconds between the first try and the second one; `None` if there is no second one.
    pub(super) fn pause(self) -> Option<RangeInclusive<u64>> {
        Some(match self {
            Self::Growing => 15..=23,
            Self::Interval => 0..=300,
            Self::OtherToken => 11..=11,
            Self::Hourly => 3600..=3600,
            Self::FullRead => 30..=45,
            Self::Minute => 60..=60,
            Self::Told(seconds) => seconds..=seconds + 1,
            Self::Login => 600..=600,
            Self::NewLogin => return None,
        })
    }
}
