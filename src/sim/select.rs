//! Which rows a call asks for, and a page of them at a time.

use std::ops::RangeInclusive;

use chrono::NaiveDate;

use super::call::Params;
use super::person::Person;
use super::reply::Refusal;
use super::stored::Stored;

/// The names of the parameters that begin and end a period.
pub(super) struct Period {
    pub(super) start: &'static str,
    pub(super) end: &'static str,
}

/// The rows that a call selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection<'a> {
    /// Nothing was selected: all rows.
    All,
    /// The rows created or changed at this second or later.
    Since(i64),
    /// The rows of what happened between the two, both included and both optional.
    Between(Option<&'a str>, Option<&'a str>),
    /// A period and `lastupdate` were given, which exclude each other. As seen, the service silently answers today's
    /// rows (`vangorra/python_withings_api#73`).
    Today,
}

impl<'a> Selection<'a> {
    /// Reads the selection; a `lastupdate` ahead of the service's clock is refused, as seen (Zn4rK/php-withings#23).
    pub(super) fn read(params: &'a Params, period: &Period, now: i64) -> Result<Self, Refusal> {
        let (start, end) = (params.get(period.start), params.get(period.end));
        let dated = start.is_some() || end.is_some();
        match params.integer("lastupdate")? {
            Some(ahead) if ahead > now => Err(Refusal::future(ahead)),
            Some(_) if dated => Ok(Self::Today),
            Some(since) => Ok(Self::Since(since)),
            None if dated => Ok(Self::Between(start, end)),
            None => Ok(Self::All),
        }
    }
}

/// The rows that a call for nights, days or workouts selects.
pub(super) enum Days {
    /// The rows created or changed at this second or later.
    Since(i64),
    /// The rows that belong to these local days.
    Of(RangeInclusive<NaiveDate>),
}

impl Days {
    /// Reads `startdateymd` with `enddateymd`, or `lastupdate`; one of them must be there.
    pub(super) fn read(params: &Params, person: &Person, now: i64) -> Result<Self, Refusal> {
        const PERIOD: Period = Period { start: "startdateymd", end: "enddateymd" };
        let ymd = |name| params.required(name)?.parse().map_err(|_| Refusal::invalid(&format!("invalid {name}")));
        let today = person.local_date(now);
        Ok(match Selection::read(params, &PERIOD, now)? {
            Selection::Since(since) => Self::Since(since),
            Selection::Today => Self::Of(today..=today),
            Selection::Between(..) => Self::Of(ymd(PERIOD.start)?..=ymd(PERIOD.end)?),
            Selection::All => return Err(Refusal::invalid("missing startdateymd and enddateymd, or lastupdate")),
        })
    }

    /// Whether the row, which belongs to `date`, is selected.
    pub(super) fn have<T>(&self, row: &Stored<T>, date: NaiveDate) -> bool {
        match self {
            Self::Since(since) => row.modified >= *since,
            Self::Of(days) => days.contains(&date),
        }
    }
}

/// A page of rows, the offset at which it ends, and whether more rows follow.
pub(super) struct Page<'a, T> {
    pub(super) rows: Vec<&'a Stored<T>>,
    pub(super) end: usize,
    pub(super) more: bool,
}

/// At most `size` rows from the call's `offset` on. As seen in the fixtures, rows come in the order of their last
/// change, not of their dates.
pub(super) fn page<'a, T>(mut rows: Vec<&'a Stored<T>>, params: &Params, size: usize) -> Result<Page<'a, T>, Refusal> {
    let offset = params.integer("offset")?.unwrap_or(0);
    let offset = usize::try_from(offset).map_err(|_| Refusal::invalid("invalid offset"))?;
    rows.sort_by_key(|stored| (stored.modified, stored.id));
    let end = offset.saturating_add(size);
    let more = end < rows.len();
    Ok(Page { rows: rows.into_iter().skip(offset).take(size).collect(), end, more })
}
