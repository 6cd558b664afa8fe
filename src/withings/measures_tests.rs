//! Each test names the bug, seen in another program, that its rule prevents.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

fn groups(json: &serde_json::Value) -> Vec<Group> {
    serde_json::from_str::<Vec<Group>>(&json.to_string()).unwrap()
}

fn chosen(json: &serde_json::Value) -> Vec<(&'static str, f64)> {
    let mut context = Context { server_now: NOW, unknown: &mut |_, _| {} };
    choose(&groups(json), &mut context).iter().map(|it| (it.measurement.key, it.value)).collect()
}

fn unknown_of(json: &serde_json::Value) -> Vec<(Unknown, i64)> {
    let mut seen = Vec::new();
    let mut note = |kind, code: &dyn Display| seen.push((kind, code.to_string().parse().unwrap()));
    choose(&groups(json), &mut Context { server_now: NOW, unknown: &mut note });
    seen
}

/// A weigh-in of the person's own, at `date`.
fn weigh_in(grpid: i64, date: i64, kilograms: i64) -> serde_json::Value {
    json!({"grpid": grpid, "attrib": 0, "date": date, "modified": date + 30, "category": 1,
           "measures": [{"value": kilograms, "type": 1, "unit": 0}]})
}

fn with(mut group: serde_json::Value, field: &str, value: serde_json::Value) -> serde_json::Value {
    group[field] = value;
    group
}

#[test]
fn the_oldest_value_does_not_win() {
    assert_eq!(
        chosen(&json!([weigh_in(1, 100, 80), weigh_in(2, 300, 82), weigh_in(3, 200, 81)])),
        [("weight_kg", 82.0)]
    );
    assert_eq!(chosen(&json!([weigh_in(2, 300, 82), weigh_in(1, 100, 80)])), [("weight_kg", 82.0)]);
}

#[test]
fn a_late_upload_does_not_replace_a_newer_measure() {
    let late = with(with(weigh_in(9, 100, 99), "created", json!(900)), "modified", json!(900));
    assert_eq!(chosen(&json!([late, weigh_in(1, 300, 80)])), [("weight_kg", 80.0)]);
}

#[test]
fn an_ambiguous_person_does_not_win() {
    assert_eq!(
        chosen(&json!([weigh_in(1, 100, 80), with(weigh_in(2, 200, 55), "attrib", json!(1))])),
        [("weight_kg", 80.0)]
    );
}

#[test]
fn a_goal_is_no_weight() {
    assert_eq!(
        chosen(&json!([weigh_in(1, 100, 80), with(weigh_in(2, 200, 70), "category", json!(2))])),
        [("weight_kg", 80.0)]
    );
}

#[test]
fn a_missing_category_is_a_measure() {
    let mut group = weigh_in(1, 100, 80);
    group.as_object_mut().unwrap().remove("category");
    assert_eq!(chosen(&json!([group])), [("weight_kg", 80.0)]);
}

#[test]
fn a_height_typed_in_at_account_creation_counts_and_a_weight_does_not() {
    let measures = json!([{"value": 182, "type": 4, "unit": -2}, {"value": 85, "type": 1, "unit": 0}]);
    let group = with(with(weigh_in(1, 100, 0), "attrib", json!(4)), "measures", measures);
    assert_eq!(chosen(&json!([group])), [("height_m", 1.82)]);
}

#[test]
fn an_unknown_attribution_counts_and_is_noted() {
    let group = json!([with(weigh_in(1, 100, 80), "attrib", json!(10010))]);
    assert_eq!(chosen(&group), [("weight_kg", 80.0)]);
    assert_eq!(unknown_of(&group), [(Unknown::Attribution, 10010)]);
}

#[test]
fn a_limb_is_not_shown_as_the_body() {
    let fat = |value, position| json!({"value": value, "type": 8, "unit": -1, "position": position});
    let segments =
        with(weigh_in(1, 100, 0), "measures", json!([fat(61, 2), fat(70, 10), fat(240, 7), fat(240, 7), fat(99, 12)]));
    assert_eq!(chosen(&json!([segments])), [("fat_mass_kg", 24.0)]);
    let only_limbs = with(weigh_in(1, 100, 0), "measures", json!([fat(61, 2)]));
    assert_eq!(chosen(&json!([only_limbs])), []);
}

#[test]
fn a_pulse_wave_of_a_foot_is_not_shown_as_the_body() {
    let wave = |attrib, measure| with(with(weigh_in(1, 100, 0), "attrib", json!(attrib)), "measures", json!([measure]));
    let whole = wave(8, json!({"value": 712, "type": 91, "unit": -2}));
    let foot = wave(10, json!({"value": 655, "type": 91, "unit": -2, "position": 5}));
    assert_eq!(chosen(&json!([foot, whole])), [("pulse_wave_velocity", 7.12)]);
}

#[test]
fn for_a_temperature_the_position_only_says_where_it_was_taken() {
    let group = with(weigh_in(1, 100, 0), "measures", json!([{"value": 365, "type": 73, "unit": -1, "position": 1}]));
    assert_eq!(chosen(&json!([group])), [("skin_temperature_c", 36.5)]);
}

#[test]
fn there_is_no_float_noise() {
    let at = |value, unit| {
        let group = with(weigh_in(1, 100, 0), "measures", json!([{"value": value, "type": 12, "unit": unit}]));
        chosen(&json!([group]))[0].1
    };
    assert_eq!(at(368, -1).to_string(), "36.8");
    assert_eq!(at(80_250_000, -6).to_string(), "80.25");
    assert_eq!(at(7, 1).to_string(), "70");
}

#[test]
fn an_unknown_type_does_not_crash_and_is_noted() {
    let measures = json!([{"value": 1, "type": 10226, "unit": 0}, {"value": 80, "type": 1, "unit": 0, "position": 77}]);
    let group = json!([with(weigh_in(1, 100, 0), "measures", measures)]);
    assert_eq!(chosen(&group), [("weight_kg", 80.0)]);
    assert_eq!(unknown_of(&group), [(Unknown::MeasureType, 10226), (Unknown::Position, 77)]);
}

#[test]
fn numbers_that_are_none_are_no_readings() {
    for (value, unit) in [
        (json!(null), json!(0)),
        (json!("x"), json!(0)),
        (json!(1), json!(21)),
        (json!(1), json!(-21)),
        (json!(1), json!(null)),
    ] {
        let group = json!([with(weigh_in(1, 100, 0), "measures", json!([{"value": value, "type": 1, "unit": unit}]))]);
        assert_eq!(chosen(&group), []);
        assert_eq!(unknown_of(&group), [(Unknown::BadNumber, 1)]);
    }
}

#[test]
fn a_date_more_than_a_day_ahead_is_not_believed() {
    let ahead = |seconds| json!([weigh_in(1, NOW - 50, 80), weigh_in(2, NOW + seconds, 90)]);
    assert_eq!(chosen(&ahead(24 * 3600)), [("weight_kg", 90.0)]);
    assert_eq!(chosen(&ahead(24 * 3600 + 1)), [("weight_kg", 80.0)]);
    assert_eq!(unknown_of(&ahead(24 * 3600 + 1)), [(Unknown::FutureDate, 2)]);
}

#[test]
fn ties_go_to_the_newest_modified_then_the_highest_id() {
    let older = with(weigh_in(9, 100, 80), "modified", json!(200));
    let newer = with(weigh_in(3, 100, 81), "modified", json!(300));
    assert_eq!(chosen(&json!([newer, older])), [("weight_kg", 81.0)]);
    let high = with(weigh_in(7, 100, 82), "modified", json!(300));
    assert_eq!(chosen(&json!([high, newer, older])), [("weight_kg", 82.0)]);
}

#[test]
fn a_group_without_date_or_id_does_not_crash() {
    let mut undated = weigh_in(1, 100, 80);
    undated.as_object_mut().unwrap().remove("date");
    let mut nameless = weigh_in(1, 50, 81);
    nameless.as_object_mut().unwrap().remove("grpid");
    assert_eq!(chosen(&json!([undated, nameless, {}])), [("weight_kg", 81.0)]);
}

/// What is known after `changed` came upon the history `before`.
fn merged(before: &serde_json::Value, changed: &serde_json::Value) -> Merged {
    let mut context = Context { server_now: NOW, unknown: &mut |_, _| {} };
    let known = choose(&groups(before), &mut context);
    merge(&known, &groups(changed), &mut context)
}

fn weight(merged: &Merged) -> Option<f64> {
    match merged {
        Merged::Known(readings) => Some(readings[0].value),
        Merged::ReadEverything => None,
    }
}

#[test]
fn an_answer_of_changes_keeps_what_it_does_not_mention() {
    let before = json!([weigh_in(1, 100, 80)]);
    assert_eq!(weight(&merged(&before, &json!([]))), Some(80.0));
    assert_eq!(weight(&merged(&before, &json!([weigh_in(2, 200, 81)]))), Some(81.0));
    assert_eq!(weight(&merged(&before, &json!([weigh_in(2, 50, 81)]))), Some(80.0));
    assert_eq!(weight(&merged(&before, &before)), Some(80.0));
}

#[test]
fn a_corrected_value_replaces_its_former_self() {
    let corrected = with(weigh_in(1, 100, 79), "modified", json!(900));
    assert_eq!(weight(&merged(&json!([weigh_in(1, 100, 80)]), &json!([corrected]))), Some(79.0));
}

#[test]
fn a_winner_that_no_longer_wins_makes_everything_be_read() {
    let before = json!([weigh_in(1, 100, 80), weigh_in(2, 200, 81)]);
    for change in [("attrib", json!(1)), ("category", json!(2)), ("date", json!(90)), ("measures", json!([]))] {
        let changed = with(with(weigh_in(2, 200, 81), "modified", json!(900)), change.0, change.1.clone());
        assert_eq!(merged(&before, &json!([changed])), Merged::ReadEverything, "{change:?}");
    }
    let moved = with(with(weigh_in(2, 90, 81), "modified", json!(900)), "attrib", json!(1));
    assert_eq!(weight(&merged(&before, &json!([moved, weigh_in(3, 300, 82)]))), Some(82.0));
}

proptest! {
    /// However Withings orders and pages a history, the same values are shown.
    #[test]
    fn order_and_paging_do_not_matter(
        rows in proptest::collection::vec((0..40_i64, 0..50_i64, 40..120_i64, 0..4_i64), 1..40),
        seed in any::<u64>(),
        cut in 0..40_usize,
    ) {
        let all: Vec<_> = rows.iter().enumerate()
            .map(|(n, (id, date, kg, attrib))| {
                // A version of its own for each row: two different groups with one id and one `modified` do not exist.
                with(with(weigh_in(*id, *date, *kg), "attrib", json!(attrib)), "modified", json!(1000 + n))
            })
            .collect();
        let mut shuffled = all.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let whole = chosen(&json!(all));
        prop_assert_eq!(&whole, &chosen(&json!(shuffled)));
        let cut = cut.min(shuffled.len());
        let rotated = [&shuffled[cut..], &shuffled[..cut]].concat();
        prop_assert_eq!(&whole, &chosen(&json!(rotated)));
    }
}
