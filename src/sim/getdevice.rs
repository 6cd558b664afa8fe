//! `getdevice`: what a user owns.

use serde_json::{Value, json};

use super::device::Device;
use super::user::User;

/// Every device of the user.
pub(super) fn getdevice(user: &User, now: i64) -> Value {
    let devices = user.person.devices.iter().map(|device| to_json(device, user, now));
    json!({"devices": devices.collect::<Value>()})
}

fn to_json(device: &Device, user: &User, now: i64) -> Value {
    json!({
        "type": device.kind,
        "model": device.model,
        "model_id": device.model_id,
        "battery": device.battery,
        "deviceid": device.id,
        "hash_deviceid": device.id,
        "timezone": user.person.timezone.name(),
        "first_session_date": device.first_session,
        "last_session_date": device.last_session.max(user.history.last_upload(&device.id, now)),
    })
}
