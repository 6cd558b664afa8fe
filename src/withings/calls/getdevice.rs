//! `getdevice`: what the person owns, each device once.
//!
//! Withings lists some devices several times. Entries with one id are one device: the newest contact is the device's,
//! and a battery or a model that one entry knows stands for all. Some sleep mats have a second entry with an id of its
//! own, a `Sleep Monitor` called `Aura Sensor V2`, beside the one that has the mat's name. For other mats that is the only
//! entry (joostlek/python-withings#587). So it is taken for a second entry only beside a mat that is not called Aura: one for
//! each such mat, the one longest out of contact first. What it knows goes to the mat.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::context::{Context, bounded};
use super::data_call::{DataCall, Moment, Readings};
use crate::catalogue::{BATTERY_STATES, Call, DeviceFact, LabelName, Measurement, Source};
use crate::reading::{Labels, Reading};
use crate::telemetry::Unknown;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{AnswerPage, int, list, words};

/// What Withings calls sleep mats.
const SLEEP_MONITOR: &str = "Sleep Monitor";

/// The model of a mat's second entry, and of some mats.
const SECOND_ENTRY: &str = "Aura Sensor V2";

/// How models of the first sleep mats begin, which have no second entry.
const AURA: &str = "Aura";

/// The label's value where Withings says nothing.
const UNKNOWN: &str = "unknown";

/// A page of the answer to `getdevice`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getdevice {
    #[serde(deserialize_with = "list")]
    devices: Vec<DeviceRow>,
}

/// A device that the person owns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeviceRow {
    /// The device's id, which other answers repeat.
    #[serde(deserialize_with = "words")]
    pub hash_deviceid: Option<String>,
    /// The same id under the older name of the field.
    #[serde(deserialize_with = "words")]
    pub deviceid: Option<String>,
    /// The kind of device, such as `Scale`.
    #[serde(rename = "type", deserialize_with = "words")]
    pub kind: Option<String>,
    /// The model of the device; may be empty.
    #[serde(deserialize_with = "words")]
    pub model: Option<String>,
    /// Withings' number of the model.
    #[serde(deserialize_with = "int")]
    pub model_id: Option<i64>,
    /// How full the battery is, in a word: there is no percentage (home-assistant/core#129153).
    #[serde(deserialize_with = "words")]
    pub battery: Option<String>,
    /// When the device last spoke to Withings, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub last_session_date: Option<i64>,
}

impl AnswerPage for Getdevice {
    type Row = DeviceRow;

    fn into_rows(self) -> (Vec<DeviceRow>, Option<i64>) {
        (self.devices, None)
    }
}

impl DataCall for Getdevice {
    const CALL: Call = Call::Getdevice;
    type Known = Readings;

    fn request(_: RowSelection) -> Request {
        Request::data(Call::Getdevice, "/v2/user", "getdevice", Vec::new())
    }

    fn note(
        _: &Readings,
        _: RowSelection,
        rows: &[DeviceRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Readings> {
        Some(Readings(readings(rows, context)))
    }

    fn readings(known: &Readings, _: &Moment<'_>) -> Vec<Reading> {
        known.0.clone()
    }
}

/// The readings of an answer's devices, by id and in the catalogue's order. Devices without an id are left out, and counted.
fn readings(devices: &[DeviceRow], context: &mut Context<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    let by_id = by_id(devices, context);
    for (id, device) in without_second_entries(bounded(by_id, |_| true, context)) {
        context.begin_row(id);
        let battery = battery(&device, context);
        let reading = |measurement: Measurement| {
            let (labels, value) = match measurement.source {
                Source::Device(DeviceFact::Info) => (described(id, &device), 1.0),
                Source::Device(DeviceFact::Battery) => (identified(id), battery as f64),
                // A device that has never spoken to Withings has a 0.
                Source::Device(DeviceFact::LastSeen) => {
                    (identified(id), device.last_session_date.filter(|at| *at > 0)? as f64)
                }
                _ => return None,
            };
            Some(Reading { measurement, labels, value, measured_at: 0, until: None })
        };
        readings.extend(Measurement::all().filter_map(reading));
    }
    readings
}

/// The devices by their ids, each as the entry of the newest contact says, completed by the others.
fn by_id<'a>(devices: &'a [DeviceRow], context: &mut Context<'_>) -> BTreeMap<&'a str, DeviceRow> {
    let mut merged: BTreeMap<&str, DeviceRow> = BTreeMap::new();
    for device in devices {
        let Some(id) = said(device.hash_deviceid.as_ref()).or(said(device.deviceid.as_ref())) else {
            context.begin_row((&device.kind, &device.model));
            context.note(Unknown::Row, &"a device without an id");
            continue;
        };
        let one = match merged.remove(id) {
            Some(known) if known.last_session_date >= device.last_session_date => completed(known, device),
            Some(known) => completed(device.clone(), &known),
            None => device.clone(),
        };
        merged.insert(id, one);
    }
    merged
}

fn without_second_entries(devices: BTreeMap<&str, DeviceRow>) -> BTreeMap<&str, DeviceRow> {
    let is_second_entry = |device: &DeviceRow| is_mat(device) && model_of(device) == Some(SECOND_ENTRY);
    let (entries, mut devices): (BTreeMap<_, _>, BTreeMap<_, _>) =
        devices.into_iter().partition(|(_, device)| is_second_entry(device));
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry.last_session_date);
    let mut entries = entries.into_iter();
    let mats = devices
        .values_mut()
        .filter(|device| is_mat(device) && !model_of(device).is_some_and(|model| model.starts_with(AURA)));
    for (mat, (_, entry)) in mats.zip(entries.by_ref()) {
        *mat = completed(std::mem::take(mat), &entry);
    }
    devices.extend(entries);
    devices
}

/// A device with what another entry of it knows as well.
fn completed(device: DeviceRow, other: &DeviceRow) -> DeviceRow {
    let has_battery = said(device.battery.as_ref()).is_some_and(|word| word != UNKNOWN);
    let has_model = model_of(&device).is_some();
    DeviceRow {
        last_session_date: device.last_session_date.max(other.last_session_date),
        battery: if has_battery { device.battery } else { other.battery.clone() },
        model: if has_model { device.model } else { other.model.clone() },
        kind: device.kind.or_else(|| other.kind.clone()),
        model_id: device.model_id.or(other.model_id),
        ..device
    }
}

fn is_mat(device: &DeviceRow) -> bool {
    device.kind.as_deref() == Some(SLEEP_MONITOR)
}

fn model_of(device: &DeviceRow) -> Option<&str> {
    said(device.model.as_ref())
}

fn identified(id: &str) -> Labels {
    Labels::new([(LabelName::Device, id)])
}

fn described(id: &str, device: &DeviceRow) -> Labels {
    let category = said(device.kind.as_ref()).unwrap_or(UNKNOWN);
    let number = device.model_id.map(|number| format!("model_{number}"));
    let model = model_of(device).or(number.as_deref()).unwrap_or(UNKNOWN);
    Labels::new([(LabelName::Device, id), (LabelName::Category, category), (LabelName::Model, model)])
}

/// The place of a device's battery among its states. No word is as good as the word `unknown`; any other is counted.
fn battery(device: &DeviceRow, context: &mut Context<'_>) -> usize {
    let word = said(device.battery.as_ref()).unwrap_or(UNKNOWN);
    BATTERY_STATES.iter().position(|state| *state == word).unwrap_or_else(|| {
        context.note(Unknown::Battery, &word);
        BATTERY_STATES.len() - 1
    })
}

fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "getdevice_tests.rs"]
mod tests;
