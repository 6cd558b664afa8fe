//! What the person owns: wire devices → readings, each device once.
//!
//! Withings lists some devices several times. Entries with one id are one device: the newest contact is the device's,
//! and a battery or a model that one entry knows stands for all. Some sleep mats have a second face with an id of its
//! own, a `Sleep Monitor` called `Aura Sensor V2`, beside the one that has the mat's name. As others call their only
//! entry so, it is one only beside a mat that is not called Aura, one for each such mat, the one longest out of contact
//! first. What it knows goes to the mat.

use std::collections::BTreeMap;

use super::measures::Context;
use super::wire::Device;
use crate::catalogue::{BATTERY_STATES, DeviceFact, LabelName, Measurement, Source};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;

/// What Withings calls sleep mats.
const SLEEP_MONITOR: &str = "Sleep Monitor";

/// The model of a mat's second face, and of some mats.
const SECOND_FACE: &str = "Aura Sensor V2";

/// How models of the first sleep mats begin, which have no second face.
const AURA: &str = "Aura";

/// What is not said.
const UNKNOWN: &str = "unknown";

/// The readings of an answer's devices, by id and in the catalogue's order. Devices without an id are left out.
pub fn readings(devices: &[Device], context: &mut Context<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (id, device) in without_second_faces(by_id(devices)) {
        let battery = battery(&device, context);
        let reading = |measurement: Measurement| {
            let (labels, value) = match measurement.source {
                Source::Device(DeviceFact::Info) => (described(id, &device), 1.0),
                Source::Device(DeviceFact::Battery) => (identified(id), battery as f64),
                Source::Device(DeviceFact::LastSeen) => (identified(id), device.last_session_date? as f64),
                _ => return None,
            };
            let origin = Origin { modified: 0, id: 0 };
            Some(Reading { measurement, labels, value, measured_at: 0, until: None, origin })
        };
        readings.extend(Measurement::all().filter_map(reading));
    }
    readings
}

/// The devices by their ids, each as the entry of the newest contact says, completed by the others.
fn by_id(devices: &[Device]) -> BTreeMap<&str, Device> {
    let mut merged: BTreeMap<&str, Device> = BTreeMap::new();
    for device in devices {
        let Some(id) = said(device.hash_deviceid.as_ref()).or(said(device.deviceid.as_ref())) else { continue };
        let one = match merged.remove(id) {
            Some(known) if known.last_session_date >= device.last_session_date => completed(known, device),
            Some(known) => completed(device.clone(), &known),
            None => device.clone(),
        };
        merged.insert(id, one);
    }
    merged
}

fn without_second_faces(devices: BTreeMap<&str, Device>) -> BTreeMap<&str, Device> {
    let is_second_face = |it: &Device| is_mat(it) && model_of(it) == Some(SECOND_FACE);
    let (faces, mut devices): (BTreeMap<_, _>, BTreeMap<_, _>) =
        devices.into_iter().partition(|(_, it)| is_second_face(it));
    let mut faces: Vec<_> = faces.into_iter().collect();
    faces.sort_by_key(|(_, it)| it.last_session_date);
    let mut faces = faces.into_iter();
    let mats = devices.values_mut().filter(|it| is_mat(it) && !model_of(it).is_some_and(|it| it.starts_with(AURA)));
    for (mat, (_, face)) in mats.zip(faces.by_ref()) {
        *mat = completed(std::mem::take(mat), &face);
    }
    devices.extend(faces);
    devices
}

/// A device with what another entry of it knows as well.
fn completed(device: Device, other: &Device) -> Device {
    let has_battery = said(device.battery.as_ref()).is_some_and(|it| it != UNKNOWN);
    let has_model = model_of(&device).is_some();
    Device {
        last_session_date: device.last_session_date.max(other.last_session_date),
        battery: if has_battery { device.battery } else { other.battery.clone() },
        model: if has_model { device.model } else { other.model.clone() },
        kind: device.kind.or_else(|| other.kind.clone()),
        model_id: device.model_id.or(other.model_id),
        ..device
    }
}

fn is_mat(device: &Device) -> bool {
    device.kind.as_deref() == Some(SLEEP_MONITOR)
}

fn model_of(device: &Device) -> Option<&str> {
    said(device.model.as_ref())
}

fn identified(id: &str) -> Labels {
    Labels::new([(LabelName::Device, id)])
}

fn described(id: &str, device: &Device) -> Labels {
    let category = said(device.kind.as_ref()).unwrap_or(UNKNOWN);
    let number = device.model_id.map(|it| format!("model_{it}"));
    let model = model_of(device).or(number.as_deref()).unwrap_or(UNKNOWN);
    Labels::new([(LabelName::Device, id), (LabelName::Category, category), (LabelName::Model, model)])
}

/// The place of a device's battery among its states. No word is as good as the word `unknown`; any other is counted.
fn battery(device: &Device, context: &mut Context<'_>) -> usize {
    let word = said(device.battery.as_ref()).unwrap_or(UNKNOWN);
    BATTERY_STATES.iter().position(|it| *it == word).unwrap_or_else(|| {
        (context.unknown)(Unknown::Battery, &word);
        BATTERY_STATES.len() - 1
    })
}

fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|it| !it.is_empty())
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
