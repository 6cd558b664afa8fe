//! Each test names the bug, seen in another program, that its rule prevents.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

fn groups(json: &serde_json::Value) -> Vec<GroupRow> {
    serde_json::from_str::<Vec<GroupRow>>(&json.to_string()).unwrap()
}

fn chosen(json: &serde_json::Value) -> Vec<(&'static str, f64)> {
    let mut context = Context::silent(NOW);
    Measures::choose(&groups(json), &mut context)
        .readings()
        .map(|reading| (reading.measurement.key, reading.value))
        .collect()
}

/// The same with the labels' values: `fat_mass_segment_kg left_leg`.
fn labelled(json: &serde_json::Value) -> Vec<(String, f64)> {
    let mut context = Context::silent(NOW);
    Measures::choose(&groups(json), &mut context).readings().map(|reading| named_by_labels(&reading)).collect()
}

fn named_by_labels(reading: &Reading) -> (String, f64) {
    let labels = reading.labels.iter().map(|(_, value)| value);
    (std::iter::once(reading.measurement.key).chain(labels).collect::<Vec<_>>().join(" "), reading.value)
}

fn named_so<const N: usize>(expected: [(&str, f64); N]) -> Vec<(String, f64)> {
    expected.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn unknown_of(json: &serde_json::Value) -> Vec<(Unknown, i64)> {
    let mut seen = Vec::new();
    let mut note = |kind, code: &dyn Display, _: RowKey| seen.push((kind, code.to_string().parse().unwrap()));
    Measures::choose(&groups(json), &mut Context::new(NOW, &mut note));
    seen
}

/// A group of the person's own with these measures.
fn measured(grpid: i64, date: i64, measures: serde_json::Value) -> serde_json::Value {
    with(weigh_in(grpid, date, 0), "measures", measures)
}

/// A measure: type, value, unit, position.
fn measure(meastype: i64, value: i64, unit: i64, position: impl Into<Option<i64>>) -> serde_json::Value {
    let mut measure = json!({"type": meastype, "value": value, "unit": unit});
    if let Some(position) = position.into() {
        measure["position"] = json!(position);
    }
    measure
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
fn each_part_of_the_body_is_a_value_of_its_own() {
    let parts = |meastype, unit| [2, 3, 10, 11, 12].map(|position| measure(meastype, position + 20, unit, position));
    let scan = measured(1, 100, json!([parts(173, -1), parts(174, -2), parts(175, 0)].concat()));
    let of = |key: &str, values: [f64; 5]| {
        let parts = ["left_arm", "left_leg", "right_arm", "right_leg", "torso"];
        parts.iter().zip(values).map(|(part, value)| (format!("{key} {part}"), value)).collect::<Vec<_>>()
    };
    let expected = [
        of("fat_free_mass_segment_kg", [2.3, 3.0, 2.2, 3.1, 3.2]),
        of("fat_mass_segment_kg", [0.23, 0.3, 0.22, 0.31, 0.32]),
        of("muscle_mass_segment_kg", [23.0, 30.0, 22.0, 31.0, 32.0]),
    ];
    assert_eq!(labelled(&json!([scan])), expected.concat());
}

#[test]
fn a_part_of_the_body_keeps_its_value_when_the_next_scan_leaves_it_out() {
    let before = measured(1, 100, json!([measure(174, 30, -1, 10), measure(174, 20, -1, 2)]));
    let after = measured(2, 200, json!([measure(174, 31, -1, 10)]));
    let expected = named_so([("fat_mass_segment_kg left_leg", 3.1), ("fat_mass_segment_kg right_arm", 2.0)]);
    assert_eq!(labelled(&json!([after, before])), expected);
}

#[test]
fn water_and_metabolism_of_a_limb_are_not_shown_as_the_body() {
    for meastype in [5, 6, 8, 76, 77, 88, 91, 168, 169, 170, 226] {
        for (position, is_shown) in
            [(None, true), (Some(6), true), (Some(7), true), (Some(2), false), (Some(12), false)]
        {
            let group = json!([measured(1, 100, json!([measure(meastype, 9, 0, position)]))]);
            assert_eq!(chosen(&group).len(), usize::from(is_shown), "type {meastype} at {position:?}");
        }
    }
}

#[test]
fn of_the_same_value_sent_twice_the_first_counts() {
    let twice = measured(1, 100, json!([measure(5, 786, -1, 7), measure(5, 787, -1, 7)]));
    assert_eq!(chosen(&json!([twice])), [("fat_free_mass_kg", 78.6)]);
}

#[test]
fn left_and_right_foot_are_told_apart_by_type_and_not_by_position() {
    let nerves = [measure(158, 61, 0, None), measure(159, 62, 0, None), measure(167, 63, 0, 4)];
    let skin = [measure(196, 71, 0, None), measure(197, 72, 0, None), measure(198, 73, 0, 5)];
    let conductance = [measure(229, 81, 0, 4), measure(229, 82, 0, 5), measure(229, 83, 0, None)];
    let group = measured(1, 100, json!([&nerves[..], &skin, &conductance].concat()));
    let expected = [
        ("nerve_health_score feet", 63.0),
        ("nerve_health_score left_foot", 61.0),
        ("nerve_health_score right_foot", 62.0),
        ("electrodermal_activity_score feet", 71.0),
        ("electrodermal_activity_score left_foot", 72.0),
        ("electrodermal_activity_score right_foot", 73.0),
        ("electrochemical_skin_conductance_microsiemens left_foot", 82.0),
        ("electrochemical_skin_conductance_microsiemens none", 83.0),
        ("electrochemical_skin_conductance_microsiemens right_foot", 81.0),
    ];
    assert_eq!(labelled(&json!([group])), named_so(expected));
}

#[test]
fn milliseconds_are_seconds_without_float_noise() {
    let at = |value, unit| chosen(&json!([measured(1, 100, json!([measure(135, value, unit, None)]))]))[0];
    assert_eq!(at(92, 0), ("qrs_interval_seconds", 0.092));
    assert_eq!(at(9200, -2), ("qrs_interval_seconds", 0.092));
    assert_eq!(at(9, 1), ("qrs_interval_seconds", 0.09));
    assert_eq!(at(92, 3), ("qrs_interval_seconds", 92.0));
    // Each of these is another number if it is multiplied by 0.001.
    for (value, expected) in [(87, "0.087"), (174, "0.174"), (346, "0.346")] {
        assert_eq!(at(value, 0).1.to_string(), expected);
    }
}

#[test]
fn a_classification_is_the_state_of_its_number() {
    let place = |state| CLASSIFICATIONS.iter().position(|name| *name == state).unwrap() as f64;
    let shown = |code, unit| {
        let group = json!([measured(1, 100, json!([measure(130, code, unit, None), measure(139, code, unit, None)]))]);
        (chosen(&group), unknown_of(&group))
    };
    let both = |state| vec![("ecg_classification", place(state)), ("ppg_classification", place(state))];
    assert_eq!(shown(0, 0), (both("negative"), vec![]));
    assert_eq!(shown(13, 0), (both("no_diagnosis"), vec![]));
    assert_eq!(shown(10, -1), (both("positive"), vec![]));
    for code in [14, 99, -1] {
        let noted = vec![(Unknown::Classification, code); 2];
        assert_eq!(shown(code, 0), (both("unknown"), noted), "an unknown code is no other state");
    }
}

#[test]
fn an_unknown_type_does_not_crash_and_is_shown_and_noted() {
    let measures =
        json!([measure(10226, 15, -1, None), measure(10226, 2, 0, 10), measure(1, 80, 0, 77), measure(-3, 4, 0, 77)]);
    let group = json!([measured(1, 100, measures)]);
    let expected = [
        ("weight_kg", 80.0),
        ("unlisted_measure -3 position_77", 4.0),
        ("unlisted_measure 10226 left_leg", 2.0),
        ("unlisted_measure 10226 none", 1.5),
    ];
    assert_eq!(labelled(&group), named_so(expected));
    let (unknown_type, position) = (Unknown::MeasureType, Unknown::Position);
    assert_eq!(
        unknown_of(&group),
        [(unknown_type, 10226), (unknown_type, 10226), (position, 77), (position, 77), (unknown_type, -3)]
    );
}

#[test]
fn an_unknown_type_of_somebody_else_is_not_shown() {
    for (attribution, is_shown) in [(0, true), (2, true), (10010, true), (1, false), (4, false), (10, false)] {
        let group = with(measured(1, 100, json!([measure(10226, 15, 0, None)])), "attrib", json!(attribution));
        assert_eq!(chosen(&json!([group])).len(), usize::from(is_shown), "attribution {attribution}");
    }
    let goal = with(measured(1, 100, json!([measure(10226, 15, 0, None)])), "category", json!(2));
    assert_eq!(chosen(&json!([goal])), []);
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
fn merged(before: &serde_json::Value, changed: &serde_json::Value) -> Option<Measures> {
    let mut context = Context::silent(NOW);
    Measures::choose(&groups(before), &mut context).merge(&groups(changed), &mut context)
}

fn weight(merged: Option<Measures>) -> Option<f64> {
    merged.map(|known| known.0[0].value)
}

#[test]
fn an_answer_of_changes_keeps_what_it_does_not_mention() {
    let before = json!([weigh_in(1, 100, 80)]);
    assert_eq!(weight(merged(&before, &json!([]))), Some(80.0));
    assert_eq!(weight(merged(&before, &json!([weigh_in(2, 200, 81)]))), Some(81.0));
    assert_eq!(weight(merged(&before, &json!([weigh_in(2, 50, 81)]))), Some(80.0));
    assert_eq!(weight(merged(&before, &before)), Some(80.0));
}

#[test]
fn a_corrected_value_replaces_its_former_self() {
    let corrected = with(weigh_in(1, 100, 79), "modified", json!(900));
    assert_eq!(weight(merged(&json!([weigh_in(1, 100, 80)]), &json!([corrected]))), Some(79.0));
}

#[test]
fn a_winner_that_no_longer_wins_makes_everything_be_read() {
    let before = json!([weigh_in(1, 100, 80), weigh_in(2, 200, 81)]);
    for change in [("attrib", json!(1)), ("category", json!(2)), ("date", json!(90)), ("measures", json!([]))] {
        let changed = with(with(weigh_in(2, 200, 81), "modified", json!(900)), change.0, change.1.clone());
        assert_eq!(merged(&before, &json!([changed])), None, "{change:?}");
    }
    let moved = with(with(weigh_in(2, 90, 81), "modified", json!(900)), "attrib", json!(1));
    assert_eq!(weight(merged(&before, &json!([moved, weigh_in(3, 300, 82)]))), Some(82.0));
}

#[test]
fn a_part_of_the_body_that_no_longer_wins_makes_everything_be_read() {
    let scan = |grpid, date, parts: &[i64]| {
        let parts: Vec<_> = parts.iter().map(|position| measure(175, 10 + grpid, 0, *position)).collect();
        with(measured(grpid, date, json!(parts)), "modified", json!(900))
    };
    let before = json!([measured(1, 100, json!([measure(175, 9, 0, 10), measure(175, 8, 0, 11)]))]);
    assert_eq!(merged(&before, &json!([scan(1, 100, &[10])])), None, "the right leg is gone");
    let Some(known) = merged(&before, &json!([scan(2, 200, &[11])])) else { panic!() };
    let expected = [("muscle_mass_segment_kg left_leg", 9.0), ("muscle_mass_segment_kg right_leg", 12.0)];
    assert_eq!(known.readings().map(|reading| named_by_labels(&reading)).collect::<Vec<_>>(), named_so(expected));
}

properties! {
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

/// The weights of a history with their times.
fn weights(json: &serde_json::Value) -> Vec<(i64, f64)> {
    let mut context = Context::silent(NOW);
    Getmeas::keep(&groups(json), &mut context).iter().map(|reading| (reading.measured_at, reading.value)).collect()
}

#[test]
fn a_history_has_each_moment_by_the_rules_of_the_newest() {
    let corrected = with(weigh_in(4, 200, 84), "modified", json!(900));
    let of_somebody_else = with(weigh_in(5, 300, 40), "attrib", json!(1));
    let goal = with(weigh_in(6, 400, 70), "category", json!(2));
    let all =
        json!([weigh_in(3, 200, 82), corrected, of_somebody_else, goal, weigh_in(1, 100, 80), weigh_in(2, 100, 81)]);
    assert_eq!(weights(&all), [(100, 81.0), (200, 84.0)], "ties are decided for each moment");
}

properties! {
    /// What a history has last at a moment is what the page would have shown then.
    #[test]
    fn a_history_is_what_the_page_showed(
        of in proptest::collection::vec((0..20_i64, 0..6_i64, 0..3_i64, 0..2_i64), 0..30),
        moment in 0..7_i64,
    ) {
        let group = |(grpid, date, modified, attrib): &(i64, i64, i64, i64)| {
            let group = with(weigh_in(*grpid, *date, grpid * 100 + date * 10 + modified), "modified", json!(modified));
            with(group, "attrib", json!(attrib))
        };
        // A changed group stays where it was measured.
        let mut of = of;
        of.sort_unstable();
        of.dedup_by_key(|version| version.0);
        let (all, until): (Vec<_>, Vec<_>) = (of.iter().map(group).collect(), of.iter().filter(|version| version.1 <= moment).map(group).collect());
        let last = weights(&json!(all)).into_iter().rfind(|(at, _)| *at <= moment).map(|(_, value)| value);
        prop_assert_eq!(last, chosen(&json!(until)).first().map(|(_, value)| *value));
    }
}
