//! Getting to know whose login it is: enough for a person to notice a mix-up, and no value.

use std::collections::BTreeSet;

use super::{Session, SessionError};
use crate::withings::client::Request;
use crate::withings::measures::{self, Context};
use crate::withings::wire::{Getdevice, Getmeas};

/// What tells one person from another without a measured value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acquaintance {
    /// The models of the devices, each once.
    pub devices: BTreeSet<String>,
    /// When the person last stepped on a scale, Unix seconds; `None` if never.
    pub newest_weigh_in: Option<i64>,
}

impl Session {
    /// Asks Withings who it is: two calls.
    pub async fn meet(&self) -> Result<Acquaintance, SessionError> {
        let devices = self.rows::<Getdevice>(&Request::getdevice()).await?;
        let names = devices.into_iter().filter_map(|it| it.model.filter(|it| !it.is_empty()).or(it.kind));
        let groups = self.rows::<Getmeas>(&Request::weigh_ins()).await?;
        let mut context = Context { server_now: self.server_now(), unknown: &mut |_, _| {} };
        let weigh_ins = measures::choose(&groups, &mut context);
        let newest_weigh_in = weigh_ins.iter().find(|it| it.measurement.key == "weight_kg").map(|it| it.measured_at);
        Ok(Acquaintance { devices: names.collect(), newest_weigh_in })
    }
}
