//! What is measured of a body.

use std::collections::{BTreeMap, BTreeSet};

use super::{NOW, people, value};
use crate::sim::MeasureGroup;

#[test]
fn weight_is_fat_free_mass_and_fat_mass() {
    for account in people() {
        let mut weighed = 0;
        for group in account.groups() {
            let [weight, lean, fat] = [1, 5, 8].map(|kind| value(&group.row, kind));
            if let (Some(weight), Some(lean), Some(fat)) = (weight, lean, fat) {
                assert!((weight - lean - fat).abs() < 1e-9, "{weight} is not {lean} + {fat}");
                assert!((weight * 6.0..weight * 46.0).contains(&(fat * 100.0)), "{fat} kg of {weight} kg are fat");
                weighed += 1;
            }
        }
        assert!(weighed > 8, "{weighed} weighings");
    }
}

#[test]
fn segments_of_the_body_are_the_body() {
    let [alice, ..] = people();
    let scans = alice.groups().into_iter().filter(|group| value(&group.row, 173).is_some());
    let mut seen = 0;
    for scan in scans {
        let total = |kind| {
            scan.row.measures.iter().filter(|measure| measure.kind == kind).map(|measure| measure.value).sum::<i64>()
        };
        // Fat-free mass and fat mass come twice.
        assert_eq!((total(173) * 2, total(174) * 2), (total(5), total(8)));
        let positions: BTreeSet<_> =
            scan.row.measures.iter().filter(|measure| measure.kind == 175).map(|measure| measure.position).collect();
        assert_eq!(positions, [2, 3, 10, 11, 12].map(Some).into());
        seen += 1;
    }
    assert!(seen > 900, "{seen} scans");
}

#[test]
fn fat_free_mass_and_fat_mass_of_a_scan_come_twice_for_the_whole_body() {
    let [alice, ..] = people();
    let of = |group: &MeasureGroup, kind| {
        group
            .measures
            .iter()
            .filter(|measure| measure.kind == kind)
            .map(|measure| (measure.value, measure.position))
            .collect::<Vec<_>>()
    };
    let mut positions = BTreeSet::new();
    for scan in alice.groups().into_iter().filter(|group| value(&group.row, 173).is_some()) {
        for kind in [5, 8] {
            assert!(matches!(of(&scan.row, kind)[..], [one, two] if one == two && one.1 == Some(7)));
        }
        positions.extend(of(&scan.row, 168).into_iter().map(|(_, position)| position));
    }
    assert_eq!(positions, [Some(6), Some(7)].into(), "water outside of the cells has two ways to say the whole body");
}

/// The devices of a person decide which types there are.
#[test]
fn everybody_has_the_types_of_their_devices() {
    let by_hand_and_scale = [1, 4, 5, 6, 8, 11, 76, 77, 88];
    let cuff = [9, 10];
    let electrocardiogram = [130, 135, 136, 137, 138];
    let scan = [91, 155, 158, 159, 167, 168, 169, 170, 173, 174, 175, 196, 197, 198, 226, 227, 229];
    let watch = [54, 123, 139];
    let thermometer = [12, 71, 73];
    let urine = [147, 148, 151, 204, 205, 248, 249, 251];
    let glucose = [119];
    let alice: [&[u32]; 7] = [&by_hand_and_scale, &cuff, &electrocardiogram, &scan, &watch, &thermometer, &urine];
    let bob: [&[u32]; 4] = [&by_hand_and_scale, &cuff, &electrocardiogram, &glucose];
    let expected = [alice.concat(), bob.concat(), by_hand_and_scale.to_vec()];
    for (account, expected) in people().into_iter().zip(expected) {
        let types = account.groups().into_iter().flat_map(|group| group.row.measures).map(|measure| measure.kind);
        assert_eq!(types.collect::<BTreeSet<_>>(), expected.into_iter().collect(), "{}", account.person().name);
    }
}

#[test]
fn every_type_is_seen_again_and_again() {
    let [alice, bob, _] = people();
    for groups in [alice.groups(), bob.groups()] {
        let mut dates = BTreeMap::<u32, BTreeSet<i64>>::new();
        for group in &groups {
            for measure in &group.row.measures {
                dates.entry(measure.kind).or_default().insert(group.row.date);
            }
        }
        for (kind, dates) in dates.into_iter().filter(|(kind, _)| *kind != 4) {
            let newest = (NOW - dates.last().unwrap()) / 86_400;
            assert!(dates.len() > 30 && newest <= 31, "type {kind}: {} times, {newest} days ago", dates.len());
        }
    }
}

#[test]
fn the_ratio_of_the_urine_is_that_of_its_amounts() {
    let [alice, ..] = people();
    let analyses: Vec<_> = alice.groups().into_iter().filter(|group| value(&group.row, 251).is_some()).collect();
    assert!(analyses.len() > 300);
    for group in analyses {
        let [calcium, creatinine, ratio] = [248, 249, 251].map(|kind| value(&group.row, kind).unwrap());
        assert!((calcium / creatinine - ratio).abs() <= 0.000_5 + 1e-9, "{calcium} / {creatinine} is not {ratio}");
    }
}
