//! `getmeas`: what was measured, in groups.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::call::Params;
use super::measure::MeasureGroup;
use super::person::Resident;
use super::reply::Refusal;
use super::select::{Period, Selection, page};
use super::stored::Stored;

const PERIOD: Period = Period { start: "startdate", end: "enddate" };

/// The groups that the call selects. On the last page `more` and `offset` are absent, as seen.
pub(super) fn getmeas(resident: &Resident, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let types = types(params)?;
    let wanted = |kind| types.as_ref().is_none_or(|it| it.contains(&kind));
    let category = params.integer("category")?;
    let selected = selected(resident, params, now)?;
    let rows = resident.diary.groups(now).filter(|it| {
        selected(it)
            && category.is_none_or(|category| category == i64::from(it.row.category))
            && it.row.measures.iter().any(|measure| wanted(measure.kind))
    });
    let page = page(rows.collect(), params, size)?;
    let timezone = resident.person.timezone.name();
    let groups: Value = page.rows.iter().map(|it| it.to_json(timezone, wanted)).collect();
    let mut body = json!({"updatetime": now, "timezone": timezone, "measuregrps": groups});
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

type Chosen = Box<dyn Fn(&Stored<MeasureGroup>) -> bool>;

fn selected(resident: &Resident, params: &Params, now: i64) -> Result<Chosen, Refusal> {
    Ok(match Selection::read(params, &PERIOD, now)? {
        Selection::All => Box::new(|_| true),
        Selection::Since(since) => Box::new(move |it| it.modified >= since),
        Selection::Between(..) => {
            let from = params.integer(PERIOD.start)?.unwrap_or(i64::MIN);
            let to = params.integer(PERIOD.end)?.unwrap_or(i64::MAX);
            Box::new(move |it| (from..=to).contains(&it.row.date))
        }
        Selection::Today => {
            let person = resident.person.clone();
            let today: NaiveDate = person.local_date(now);
            Box::new(move |it| person.local_date(it.row.date) == today)
        }
    })
}
