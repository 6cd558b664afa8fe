//! `getdevice` and `getgoals`.

use serde_json::{Value, json};

use super::device::Device;
use super::person::Resident;

pub(super) fn getdevice(resident: &Resident, now: i64) -> Value {
    let devices = resident.person.devices.iter().map(|it| device(it, resident, now));
    json!({"devices": devices.collect::<Value>()})
}

pub(super) fn getgoals(resident: &Resident) -> Value {
    json!({"goals": resident.person.goals.to_json()})
}

fn device(device: &Device, resident: &Resident, now: i64) -> Value {
    json!({
        "type": device.kind,
        "model": device.model,
        "model_id": device.model_id,
        "battery": device.battery,
        "deviceid": device.id,
        "hash_deviceid": device.id,
        "timezone": resident.person.timezone.name(),
        "first_session_date": device.first_session,
        "last_session_date": device.last_session.max(resident.diary.last_upload(&device.id, now)),
    })
}
