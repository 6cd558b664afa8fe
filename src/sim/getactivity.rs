//! `getactivity`: the totals of days.

use serde_json::{Map, Value, json};

use super::activity::Activity;
use super::call::Params;
use super::reply::Refusal;
use super::select::{Days, page};
use super::stored::Stored;
use super::user::User;

/// So many days are in a page.
pub(super) const PAGE_SIZE: usize = 200;

/// The days that the call selects, by their date or by their last change. Without `data_fields` every field is
/// answered; an unknown name is ignored. As seen in the fixtures, `offset` is there when nothing follows, too.
pub(super) fn getactivity(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let days = Days::read(params, &user.person, now)?;
    let page = page(user.history.activities(now).filter(|day| days.have(day, day.row.date)).collect(), params, size)?;
    let fields = params.list("data_fields");
    let activities: Value = page.rows.iter().map(|day| day.to_json(fields.as_deref())).collect();
    Ok(json!({"activities": activities, "more": page.more, "offset": page.end}))
}

impl Stored<Activity> {
    fn to_json(&self, fields: Option<&[&str]>) -> Map<String, Value> {
        let mut json = self.row.data();
        json.retain(|name, _| fields.is_none_or(|fields| fields.contains(&name.as_str())));
        json.extend(self.row.frame());
        json.insert("timezone".to_owned(), self.zone.name().into());
        json.insert("modified".to_owned(), self.modified.into());
        json
    }
}
