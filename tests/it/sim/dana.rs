//! A person whose rows a test adds.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use withings_exporter::sim::{AWAKE, Account, Cloud, Device, LIGHT, Measure, MeasureGroup, Night, Person};
use withings_exporter::zone::Zone;

use super::server::{Answer, Server, clock};

/// A person in New York without data, a device, and a token that does not expire: the clock moves little here.
pub(crate) struct Dana {
    pub(crate) server: Server,
    pub(crate) account: Account,
    pub(crate) mat: Arc<Device>,
    pub(crate) access: String,
}

impl Dana {
    pub(crate) fn new() -> Self {
        let server = Server::start(Cloud::new(clock()));
        let account = server.cloud.add_person(Person::new(42, "Dana", Zone::known("America/New_York")));
        let access = server.login(42).access;
        let mat = Arc::new(Device::new("Sleep Monitor", "Aura Sensor V2", 63, "ab12"));
        Self { server, account, mat, access }
    }

    pub(crate) fn call(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.server.post(path, Some(&self.access), params)
    }

    pub(crate) fn groups(&self, params: &[(&str, &str)]) -> Vec<u64> {
        ids(&self.call("/measure", &[&[("action", "getmeas")], params].concat()).ok()["measuregrps"], "grpid")
    }

    pub(crate) fn summary(&self, params: &[(&str, &str)]) -> Value {
        self.call("/v2/sleep", &[&[("action", "getsummary")], params].concat()).ok()
    }

    pub(crate) fn nights(&self, params: &[(&str, &str)]) -> Vec<u64> {
        ids(&self.summary(params)["series"], "id")
    }

    pub(crate) fn weigh(&self, date: i64) -> u64 {
        self.account.add(MeasureGroup::new(date, [Measure::new(1, 72_345, -3)]))
    }

    pub(crate) fn sleep(&self, startdate: i64, minutes: u16) -> u64 {
        self.account.add(Night::asleep(&self.mat, startdate, &[(AWAKE, 10), (LIGHT, minutes)]))
    }

    pub(crate) fn check_refused(&self, path: &str, params: &[(&str, &str)]) {
        let refused = self.call(path, params);
        assert_eq!(refused.status(), 503, "{params:?}: {}", refused.body);
        assert!(refused.json()["error"].as_str().unwrap().starts_with("Invalid Params: "), "{}", refused.body);
    }
}

pub(crate) fn ids(rows: &Value, name: &str) -> Vec<u64> {
    rows.as_array().unwrap().iter().map(|row| row[name].as_u64().unwrap()).collect()
}

pub(crate) fn keys(map: &Value) -> BTreeSet<&str> {
    map.as_object().unwrap().keys().map(String::as_str).collect()
}
