//! Answers in pieces say what they say as a whole.

use std::collections::BTreeSet;
use std::fmt::Display;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::telemetry::Unknown;
use crate::withings::calls::RowKey;
use crate::withings::calls::getmeas::{GroupRow, Measures};
use crate::withings::calls::{Context, DataCall, Getmeas};
use crate::withings::prune::{self, Prune};
use crate::withings::rows::{MANY, Rows};

/// When the newest group was measured, Unix seconds.
const NOW: i64 = 1_790_000_000;

/// What an answer says that comes in chunks of this many bytes.
fn answer(
    text: &str,
    chunk: usize,
    needs_body: bool,
    prune: Prune<GroupRow>,
) -> Result<(Vec<GroupRow>, PageEnd), CallError> {
    let mut rows = Rows::<Getmeas>::new(prune);
    let mut answer = StreamingDecoder::new(&mut rows, NOW);
    text.as_bytes().chunks(chunk).for_each(|piece| answer.push(piece));
    let end = answer.finish(needs_body)?;
    Ok((rows.kept(), end))
}

fn everything(text: &str, chunk: usize) -> Result<(Vec<GroupRow>, PageEnd), CallError> {
    answer(text, chunk, true, prune::nothing)
}

/// Weigh-ins, the oldest first, one every hour.
fn weigh_ins(number: i64) -> Vec<Value> {
    let weigh_in = |n: i64| {
        let date = NOW - (number - n) * 3600;
        json!({"grpid": n, "attrib": 0, "date": date, "modified": date, "category": 1, "comment": "a \"]},{[\\",
               "measures": [{"value": n, "type": 1, "unit": -3}, {"value": n, "type": 6, "unit": -1}]})
    };
    (1..=number).map(weigh_in).collect()
}

fn page(groups: &[Value]) -> String {
    json!({"status": 0, "body": {"measuregrps": groups, "more": 1, "offset": 7, "updatetime": NOW}}).to_string()
}

#[test]
fn a_history_is_read_whole_whatever_its_pieces_are() {
    let page = page(&weigh_ins(1000));
    for chunk in [1, 7, 8192, page.len()] {
        let (rows, end) = everything(&page, chunk).unwrap();
        assert_eq!((end.next, end.server_time), (Some(7), Some(NOW)));
        assert!(rows.iter().map(|group| group.grpid).eq((1..=1000).map(Some)), "in chunks of {chunk}");
        assert!(rows.iter().all(|group| group.measures.len() == 2));
    }
}

/// Rows that must stay few.
struct Few(Rows<Getmeas>);

impl PageRows for Few {
    fn begin(&mut self, server_now: i64) {
        self.0.begin(server_now);
    }

    fn take(&mut self, body: &[u8]) -> Result<PageEnd, DecodeError> {
        let end = self.0.take(body);
        assert!(self.0.of_page() < 2 * MANY, "{} rows are kept", self.0.of_page());
        end
    }

    fn keep(&mut self) {
        self.0.keep();
    }
}

#[test]
fn a_history_never_lies_in_memory() {
    let mut rows = Few(Rows::new(Getmeas::prune));
    let mut answer = StreamingDecoder::new(&mut rows, NOW);
    for chunk in page(&weigh_ins(5000)).as_bytes().chunks(8192) {
        answer.push(chunk);
        assert!(answer.text.len() < PIECE + 8192 + 1000, "{} bytes are kept", answer.text.len());
    }
    answer.finish(true).unwrap();
    assert!(!rows.0.kept().is_empty());
}

#[test]
fn rows_of_an_answer_that_is_refused_are_not_those_of_its_repetition() {
    let groups = Value::from(weigh_ins(1000));
    let refused = json!({"body": {"measuregrps": groups}, "status": 401}).to_string();
    let mut rows = Rows::<Getmeas>::new(prune::nothing);
    for (text, is_refused) in [(refused, true), (page(&weigh_ins(3)), false)] {
        let mut answer = StreamingDecoder::new(&mut rows, NOW);
        answer.push(text.as_bytes());
        assert_eq!(answer.finish(true).is_err(), is_refused);
    }
    assert_eq!(rows.kept().len(), 3);
}

#[test]
fn of_a_history_that_is_pruned_the_same_is_chosen() {
    let mut groups = weigh_ins(5000);
    // The only one of its kind, long ago, and the latest change.
    groups[3]["measures"] = json!([{"value": 170, "type": 4, "unit": -2}]);
    groups[10]["modified"] = json!(NOW);
    // What nobody believes, which is counted; or the answer's time is right, and not that of the host.
    groups[20]["date"] = json!(NOW + 5 * 86_400);
    groups[30]["measures"][0]["unit"] = json!(-300);
    let of = |groups: &[GroupRow]| {
        let mut noted = BTreeSet::new();
        let mut note = |kind: Unknown, what: &dyn Display, _: RowKey| noted.extend([format!("{kind:?} {what}")]);
        let known = Measures::choose(groups, &mut Context::new(NOW, &mut note));
        (known, noted, groups.iter().filter_map(Getmeas::changed_at).max())
    };
    for backwards in [false, true] {
        let (all, _) = everything(&page(&groups), 8192).unwrap();
        let (few, _) = answer(&page(&groups), 8192, true, Getmeas::prune).unwrap();
        assert_eq!(of(&few), of(&all), "backwards: {backwards}");
        assert_eq!((of(&few).0.readings().count(), of(&few).1.len()), (3, 2));
        assert!(few.len() < 4 * MANY, "{} groups stay", few.len());
        groups.reverse();
    }
}

#[test]
fn a_status_and_a_mistake_count_wherever_they_stand() {
    let groups = Value::from(weigh_ins(1000)).to_string();
    let refused = everything(&format!(r#"{{"body":{{"measuregrps":{groups}}},"status":401}}"#), 8192);
    assert!(matches!(refused, Err(CallError::Refused(_))));
    let cut = page(&weigh_ins(1000));
    let cut = everything(&cut[..cut.len() - 2000], 8192);
    assert_eq!(with_source(&cut.unwrap_err()), "unexpected end at `body`");
    let (wrong, right) = (
        format!("{},}},{}", &groups[..99], &groups[1..]),
        format!("{},7,[],{}", &groups[..groups.len() - 1], &groups[1..]),
    );
    let wrong = everything(&format!(r#"{{"status":0,"body":{{"measuregrps":{wrong}}}}}"#), 8192);
    assert!(with_source(&wrong.unwrap_err()).starts_with("unexpected character at "));
    let right = everything(&format!(r#"{{"status":0,"body":{{"measuregrps":{right}}}}}"#), 8192);
    let (groups, _) = right.unwrap();
    let dated = groups.iter().filter(|group| group.date.is_some()).count();
    assert_eq!((groups.len(), dated), (2002, 2000), "what is no group is one without a date");
}

/// What is wrong and where, without the line.
fn with_source(error: &CallError) -> String {
    let source = std::error::Error::source(error).expect("a decode error").to_string();
    source.split(',').next().unwrap().to_owned()
}

#[test]
fn a_body_may_be_absent_or_a_list() {
    let absent = [r#"{"status":0}"#, r#"{"status":0,"body":null}"#];
    let check = |text: &str, needs_body| answer(text, 8192, needs_body, prune::nothing);
    for answer in [absent[0], absent[1], r#"{"status":0,"body":[]}"#] {
        assert!(check(answer, false).unwrap().0.is_empty());
    }
    for answer in absent {
        assert!(matches!(check(answer, true), Err(CallError::NoBody)));
    }
    for empty in [r#"{"status":0,"body":[]}"#, r#"{"status":0,"body":{"measuregrps":[]}}"#] {
        assert!(check(empty, true).is_ok());
    }
    assert!(matches!(check(r#"{"status":0,"body":7}"#, false), Err(CallError::Body(_))));
}

/// A value of any shape, with every character that means something in JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        r#"[]\[{}",:\\a-c\n]{0,40}"#.prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        prop_oneof![list, prop::collection::btree_map("[a-c\"{]{1,3}", inner, 0..4).prop_map(|map| json!(map))]
    })
}

properties! {
    cases: 64;

    #[test]
    fn what_pieces_say_does_not_depend_on_where_they_are_cut(
        comments in prop::collection::vec(value(), 1..40), times in 1..40_usize, chunk in 1..9000_usize, pretty in any::<bool>()
    ) {
        let groups: Vec<_> = (0..comments.len() * times)
            .map(|n| json!({"grpid": n, "comment": comments[n % comments.len()], "measures": [{"type": n}]}))
            .collect();
        let page = json!({"status": 0, "x": {"measuregrps": comments}, "body": {"a": comments, "measuregrps": groups, "z": comments}});
        let page = if pretty { serde_json::to_string_pretty(&page)? } else { page.to_string() };
        let (rows, _) = everything(&page, chunk).unwrap();
        prop_assert_eq!(rows.len(), groups.len());
        for (n, row) in (0..).zip(rows) {
            prop_assert_eq!((row.grpid, row.measures[0].meastype), (Some(n), Some(n)));
        }
    }
}
