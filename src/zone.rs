//! Time zones by their IANA names, from tables in the program: what a row says must not depend on the host.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A time zone. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this host by its IANA name, from `TZ` or else from where the link `/etc/localtime` leads; UTC where neither names
    /// one. It is for invented people alone: what a row of Withings means must not depend on the host.
    #[must_use]
    pub fn of_host() -> Self {
        let named = TimeZone::try_system().ok().filter(|zone| zone.iana_name().is_some());
        named.map_or(Self::UTC, Self)
    }

    /// The zone of this IANA name, such as `Europe/Zurich`; `None` for a name that is not in the tables.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// The zone of a name that is a constant of the program.
    ///
    /// # Panics
    ///
    /// For a name that is not in the tables.
    #[must_use]
    pub fn known(name: &str) -> Self {
        Self::named(name).unwrap_or_else(|| panic!("there is no time zone {name}"))
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The local day at `unix`, Unix seconds.
    #[must_use]
    pub fn date(&self, unix: i64) -> NaiveDate {
        let offset = Timestamp::from_second(unix).map_or(Offset::UTC, |time| self.0.to_offset(time));
        DateTime::from_timestamp(unix.saturating_add(offset.seconds().into()), 0).unwrap_or_default().date_naive()
    }

    /// When `day` begins in the zone, Unix seconds: at its first minute, for where the clock jumps over midnight there is none. A
    /// day that a place left out, to change sides of the date line, begins when the next one does.
    #[must_use]
    pub fn midnight(&self, day: NaiveDate) -> i64 {
        let midnight = day.and_time(NaiveTime::MIN);
        let mut minutes = (0..=24 * 60).filter_map(|minute| midnight.checked_add_signed(TimeDelta::minutes(minute)));
        minutes.find_map(|local| self.earliest(local)).unwrap_or_else(|| midnight.and_utc().timestamp())
    }

    /// When the zone's clocks first show `local`, Unix seconds; `None` if they skip it.
    #[must_use]
    pub fn earliest(&self, local: NaiveDateTime) -> Option<i64> {
        let shown = local.and_utc().timestamp();
        // jiff's times end with the year 9999, which some rows give for "never"; a zone does not matter there.
        let Ok(in_utc) = Timestamp::from_second(shown) else { return Some(shown) };
        let on_clock = Offset::UTC.to_datetime(in_utc);
        match self.0.to_ambiguous_timestamp(on_clock).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                Some(shown - i64::from(offset.seconds()))
            }
            AmbiguousOffset::Gap { .. } => None,
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use chrono_tz::TZ_VARIANTS;

    use super::*;

    #[test]
    fn all_zones_are_what_another_library_says() {
        let midnights: Vec<_> = [(1999, 1), (2011, 12), (2016, 3), (2016, 10)]
            .into_iter()
            .flat_map(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1).unwrap().iter_days().take(31))
            .map(|day| day.and_time(NaiveTime::MIN))
            .collect();
        for theirs in TZ_VARIANTS {
            let ours = Zone::named(theirs.name()).unwrap_or_else(|| panic!("{theirs}"));
            for local in midnights.iter().flat_map(|midnight| [*midnight, *midnight + TimeDelta::minutes(150)]) {
                let expected = theirs.from_local_datetime(&local).earliest().map(|time| time.timestamp());
                assert_eq!(ours.earliest(local), expected, "{theirs} {local}");
                let unix = local.and_utc().timestamp();
                let date = theirs.timestamp_opt(unix, 0).unwrap().date_naive();
                assert_eq!(ours.date(unix), date, "{theirs} {local}");
            }
        }
    }

    #[test]
    fn the_end_of_all_days_is_a_day() {
        let zone = Zone::known("Asia/Tokyo");
        for date in [NaiveDate::from_ymd_opt(9999, 12, 31).unwrap(), NaiveDate::MAX, NaiveDate::MIN] {
            assert_eq!(zone.date(zone.midnight(date)), date);
        }
        assert_eq!(zone.date(i64::MIN), NaiveDate::default());
    }

    #[test]
    fn a_name_that_nobody_knows_is_no_zone() {
        assert_eq!(Zone::named("Europe/Atlantis"), None);
        assert_eq!(Zone::named("Europe/Zurich").unwrap().name(), "Europe/Zurich");
        assert_eq!(Zone::UTC.name(), "UTC");
    }
}
