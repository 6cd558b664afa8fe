//! `getmeas`: measured values, in groups.

use serde_json::{Value, json};

use super::call::Params;
use super::measure::MeasureGroup;
use super::reply::Refusal;
use super::select::{Period, Selection, page};
use super::stored::Stored;
use super::user::User;

/// An answer of the fixtures has 2,062 groups, and no more pages.
pub(super) const PAGE_SIZE: usize = 2500;

const PERIOD: Period = Period { start: "startdate", end: "enddate" };

/// The groups that the call selects. As seen, `more` and `offset` are absent on the last page (the notes on the live
/// service in tomek-i/withings-sdk).
pub(super) fn getmeas(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let types = types(params)?;
    let wanted = |kind| types.as_ref().is_none_or(|types| types.contains(&kind));
    let category = params.integer("category")?;
    let selected = selected(user, params, now)?;
    let rows = user.history.groups(now).filter(|group| {
        selected(group)
            && category.is_none_or(|category| category == i64::from(group.row.category))
            && group.row.measures.iter().any(|measure| wanted(measure.kind))
    });
    let page = page(rows.collect(), params, size)?;
    let groups: Value = page.rows.iter().map(|group| group.to_json(wanted)).collect();
    let mut body = json!({"updatetime": now, "timezone": user.person.timezone.name(), "measuregrps": groups});
    if page.more {
        body["more"] = 1.into();
        body["offset"] = page.end.into();
    }
    Ok(body)
}

/// The measure types asked for, in either way; `None` is all.
fn types(params: &Params) -> Result<Option<Vec<u32>>, Refusal> {
    let Some(list) = params.list("meastypes").or_else(|| params.list("meastype")) else { return Ok(None) };
    let number = |text: &str| text.parse().map_err(|_| Refusal::invalid("invalid meastypes"));
    list.into_iter().map(number).collect::<Result<_, _>>().map(Some)
}

/// Whether a group is selected.
type Selected = Box<dyn Fn(&Stored<MeasureGroup>) -> bool>;

fn selected(user: &User, params: &Params, now: i64) -> Result<Selected, Refusal> {
    Ok(match Selection::read(params, &PERIOD, now)? {
        Selection::All => Box::new(|_| true),
        Selection::Since(since) => Box::new(move |group| group.modified >= since),
        Selection::Between(..) => {
            let from = params.integer(PERIOD.start)?.unwrap_or(i64::MIN);
            let to = params.integer(PERIOD.end)?.unwrap_or(i64::MAX);
            Box::new(move |group| (from..=to).contains(&group.row.date))
        }
        Selection::Today => {
            let today = user.person.local_date(now);
            Box::new(move |group| group.date(group.row.date) == today)
        }
    })
}
