//! Electrocardiograms, and what a stethoscope has heard.

use std::sync::Arc;

use super::device::Device;

/// A recording: a row of `heart list`. Every part but the time may be missing, as documented.
#[derive(Clone, Debug)]
pub struct HeartRecording {
    /// When it was recorded, Unix seconds.
    pub timestamp: i64,
    /// What recorded it.
    pub device: Arc<Device>,
    /// The mean heart rate, beats per minute.
    pub heart_rate: Option<i64>,
    /// What the electrocardiogram says about atrial fibrillation: 0 negative, 1 positive, 2 inconclusive.
    pub afib: Option<i64>,
    /// What the stethoscope says about the valves.
    pub vhd: Option<i64>,
    /// The systolic and the diastolic pressure that a cuff measured with it, mmHg.
    pub pressure: Option<(i64, i64)>,
}

impl HeartRecording {
    /// An electrocardiogram of `device`.
    #[must_use]
    pub fn ecg(timestamp: i64, device: &Arc<Device>, heart_rate: i64, afib: i64) -> Self {
        let device = Arc::clone(device);
        Self { timestamp, device, heart_rate: Some(heart_rate), afib: Some(afib), vhd: None, pressure: None }
    }
}
