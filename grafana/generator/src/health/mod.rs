//! The dashboard for the morning: the newest values of each person, how old they are, and where they are going.

mod activity;
mod body;
mod devices;
mod further;
mod heart;
mod night;
mod sleep;
mod temperature;
mod today;
mod watch;

use crate::dashboard::Dashboard;
use crate::quantity::System;

/// The health dashboard in a system of units.
pub(super) fn dashboard(system: System) -> Dashboard {
    let (uid, title) = match system {
        System::Metric => ("withings-health", "Withings health"),
        System::Imperial => ("withings-health-imperial", "Withings health (imperial units)"),
    };
    Dashboard {
        uid,
        title,
        description: "The newest measurements of each person, their age, and their trends. For information only; this \
                      is not a medical device. Limits are for adults.",
        tags: &["withings", "health"],
        from: "now-30d",
        system,
        rows: vec![
            today::row(),
            body::row(),
            heart::row(),
            sleep::row(),
            watch::row(),
            temperature::row(),
            activity::row(),
            further::row(),
            devices::row(),
            devices::exporter(),
        ],
    }
}
