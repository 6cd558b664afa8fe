//! The dashboard for the morning: the newest values of each person, how old they are, and where they are going.

mod activity;
mod alerts;
mod composition;
mod devices;
mod further;
mod heart;
mod needs;
mod night;
mod pressure;
mod sleep;
mod temperature;
mod today;
mod watch;
mod weight;

use crate::dashboard::Dashboard;
use crate::expression::{firing_of, of_one_person};
use crate::quantity::System;
use crate::variables;

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
        ranges: &[("7 days", "now-7d"), ("30 days", "now-30d"), ("90 days", "now-90d"), ("1 year", "now-1y")],
        // They would stand in the charts of everybody who is shown.
        alerts: ("Vitals", of_one_person(&firing_of("vitals", r#"profile=~"$profile""#))),
        variables: vec![variables::step(), variables::guideline()],
        system,
        rows: vec![
            today::row(),
            weight::row(),
            pressure::row(),
            sleep::row(),
            sleep::more(),
            composition::row(),
            heart::row(),
            watch::row(),
            temperature::row(),
            activity::row(),
            further::row(),
            devices::row(),
            devices::exporter(),
        ],
    }
}
