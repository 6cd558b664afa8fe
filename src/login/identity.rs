//! Whose login it is: enough for a person to notice a mix-up, and no measured value.

use std::collections::BTreeSet;

use super::{Caller, LoginError};
use crate::catalogue::Measurement;
use crate::withings::calls::getmeas::{Measures, weigh_ins};
use crate::withings::calls::{Context, DataCall, Getdevice, Getmeas};
use crate::withings::request::RowSelection;

/// What tells one person from another without a measured value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The models of the devices, each once.
    pub devices: BTreeSet<String>,
    /// When the person last stepped on a scale, Unix seconds; `None` if never.
    pub newest_weigh_in: Option<i64>,
}

impl Caller {
    /// Asks Withings for what tells whose login this is.
    pub async fn identity(&self) -> Result<Identity, LoginError> {
        Ok(Identity { devices: self.devices().await?, newest_weigh_in: self.newest_weigh_in().await? })
    }

    /// Asks for the models of the devices, each once.
    pub async fn devices(&self) -> Result<BTreeSet<String>, LoginError> {
        let devices = self.rows::<Getdevice>(&Getdevice::request(RowSelection::All)).await?;
        Ok(devices
            .into_iter()
            .filter_map(|device| device.model.filter(|model| !model.is_empty()).or(device.kind))
            .collect())
    }

    /// Asks when the person last stepped on a scale, Unix seconds; `None` if never.
    pub async fn newest_weigh_in(&self) -> Result<Option<i64>, LoginError> {
        let groups = self.pruned_rows::<Getmeas>(&weigh_ins(), Getmeas::prune).await?;
        let mut context = Context::silent(self.server_now());
        Ok(weighed_at(
            Measures::choose(&groups, &mut context)
                .readings()
                .map(|reading| (reading.measurement, reading.measured_at)),
        ))
    }
}

/// When the weight was measured, of what was `measured` when; Unix seconds.
pub fn weighed_at(mut measured: impl Iterator<Item = (Measurement, i64)>) -> Option<i64> {
    measured.find(|(measurement, _)| measurement.key == "weight_kg").map(|(_, at)| at)
}
