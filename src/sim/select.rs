//! Which rows a call asks for, and a page of them at a time.

use super::call::Params;
use super::person::Stored;
use super::reply::Refusal;

/// The names of the parameters that begin and end a period.
pub(super) struct Period {
    pub(super) start: &'static str,
    pub(super) end: &'static str,
}

/// The rows that a call selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection<'a> {
    /// Nothing was selected: everything.
    All,
    /// What was created or changed at this second or later.
    Since(i64),
    /// What happened between the two, both included and both optional.
    Between(Option<&'a str>, Option<&'a str>),
    /// Both were given, which excludes each other: the service silently answers today's rows.
    Today,
}

impl<'a> Selection<'a> {
    /// Reads the selection; a `lastupdate` ahead of the clock is refused.
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

/// A page of rows, and where the next one begins, if there is one.
pub(super) struct Page<'a, T> {
    pub(super) rows: Vec<&'a Stored<T>>,
    pub(super) next: Option<usize>,
}

/// The rows by their last change from the call's `offset` on, at most `size`.
pub(super) fn page<'a, T>(mut rows: Vec<&'a Stored<T>>, params: &Params, size: usize) -> Result<Page<'a, T>, Refusal> {
    let offset = params.integer("offset")?.unwrap_or(0);
    let offset = usize::try_from(offset).map_err(|_| Refusal::invalid("invalid offset"))?;
    rows.sort_by_key(|it| (it.modified, it.id));
    let end = offset.saturating_add(size);
    let next = (end < rows.len()).then_some(end);
    Ok(Page { rows: rows.into_iter().skip(offset).take(size).collect(), next })
}
