//! The configuration of Alertmanager: valid as it is shipped and with each example, and the same in Kubernetes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_yaml::Value;
use tempfile::TempDir;

use super::{approved, path, text, yaml};
use crate::config::write;
use crate::sources::walk;

/// The examples of a receiver, by the key of their block.
const EXAMPLES: [&str; 3] = ["email_configs", "webhook_configs", "telegram_configs"];

/// A copy of the project's folder for Alertmanager.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let copy = Self(TempDir::new().unwrap());
        walk(&path("alertmanager"), &mut |file| {
            write(&copy.0.path().join(file.file_name().unwrap()), &fs::read_to_string(file).unwrap());
        });
        copy
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.path().join("alertmanager.yml")
    }

    /// Changes the text of the configuration.
    pub(crate) fn edit(&self, edit: impl FnOnce(String) -> String) {
        let file = self.configuration();
        write(&file, &edit(fs::read_to_string(&file).unwrap()));
    }

    /// Switches an example on, as the file says: the sign at the start of its lines is removed.
    pub(crate) fn switch_on(&self, example: &str) {
        self.edit(|text| {
            let begin = text.find(&format!("#    {example}:")).unwrap();
            let (before, rest) = text.split_at(begin);
            let end = rest.find("\n  ").map_or(rest.len(), |at| at + 1);
            let (block, after) = rest.split_at(end);
            let block: String = block.lines().map(|line| line.strip_prefix('#').unwrap().to_owned() + "\n").collect();
            [before, &block, after].concat()
        });
    }
}

#[test]
fn amtool_accepts_the_configuration_as_shipped_and_with_each_example() {
    let check = |folder: &Folder| approved(Command::new("amtool").arg("check-config").arg(folder.configuration()));
    let said = check(&Folder::new());
    assert!(said.contains("2 receivers") && said.contains("1 templates"), "{said}");
    for example in EXAMPLES {
        let folder = Folder::new();
        folder.switch_on(example);
        let configuration: Value = serde_yaml::from_str(&fs::read_to_string(folder.configuration()).unwrap()).unwrap();
        assert!(configuration["receivers"][1][example][0].is_mapping(), "{example} is still off");
        check(&folder);
    }
}

#[test]
fn nobody_is_told_anything_until_a_receiver_is_filled_in() {
    for configuration in [yaml("alertmanager/alertmanager.yml"), kubernetes()["spec"].clone()] {
        let receivers = configuration["receivers"].as_sequence().unwrap();
        assert!(receivers.iter().all(|receiver| receiver.as_mapping().unwrap().len() == 1), "{receivers:?}");
    }
}

#[test]
fn messages_say_each_alert_with_its_dashboard_and_its_runbook() {
    let alert = |summary: &str, status: &str, runbook: &str| {
        let annotations =
            format!("{{\"summary\": \"{summary}\", \"description\": \"Text.\", \"dashboard\": \"/d/x\"{runbook}}}");
        format!("{{\"status\": \"{status}\", \"annotations\": {annotations}}}")
    };
    let alerts = [
        alert("A: 1", "firing", ", \"runbook_url\": \"https://example.org/#a\""),
        alert("B: 2", "firing", ""),
        alert("C: 3", "resolved", ""),
    ];
    let data = TempDir::new().unwrap();
    let file = data.path().join("data.json");
    write(&file, &format!("{{\"status\": \"firing\", \"alerts\": [{}]}}", alerts.join(", ")));
    let rendered = |name: &str| {
        let mut amtool = Command::new("amtool");
        amtool.args(["template", "render", "--template.glob"]).arg(path("alertmanager/withings.tmpl"));
        amtool.arg("--template.data").arg(&file).args(["--template.text", &format!("{{{{ template \"{name}\" . }}}}")]);
        approved(&mut amtool)
    };
    let text = "A: 1\nText.\nhttp://localhost:3000/d/x\nhttps://example.org/#a\n\nB: 2\nText.\n\
                http://localhost:3000/d/x\n\nEnded: C: 3";
    let plain = |name: &str| rendered(name).replace('\u{a0}', " ").trim_end().to_owned();
    assert_eq!(plain("withings.text"), text);
    assert_eq!(plain("withings.subject"), "A: 1, and more");
}

#[test]
fn grafanas_address_is_in_one_line() {
    let files = ["alertmanager/alertmanager.yml", "alertmanager/withings.tmpl"].map(text).concat();
    assert_eq!(files.matches(":3000").count(), 1);
}

fn kubernetes() -> Value {
    yaml("kubernetes/overlays/operator/alertmanagerconfig.yaml")
}

#[test]
fn kubernetes_has_the_same_routes_and_inhibitions() {
    let (here, there) = (yaml("alertmanager/alertmanager.yml"), kubernetes()["spec"].clone());
    let matchers = |list: &Value| -> Vec<String> {
        let list = list.as_sequence().unwrap().iter();
        let written = |matcher: &Value| {
            let field = |name: &str| matcher[name].as_str().unwrap();
            format!("{}{}\"{}\"", field("name"), field("matchType"), field("value"))
        };
        list.map(|matcher| matcher.as_str().map_or_else(|| written(matcher), str::to_owned)).collect()
    };
    let route = |route: &Value, names: [&str; 4]| {
        let [by, wait, interval, repeat] = names.map(|name| route[name].clone());
        (route["receiver"].clone(), by, wait, interval, repeat)
    };
    let [snake, camel] = [
        ["group_by", "group_wait", "group_interval", "repeat_interval"],
        ["groupBy", "groupWait", "groupInterval", "repeatInterval"],
    ];
    assert_eq!(route(&here["route"], snake), route(&there["route"], camel));
    let (family, their_family) = (&here["route"]["routes"][0], &there["route"]["routes"][0]);
    assert_eq!(route(family, snake), route(their_family, camel));
    assert_eq!(matchers(&family["matchers"]), matchers(&their_family["matchers"]));
    // Alerts of others are there, too.
    assert_eq!(matchers(&there["route"]["matchers"]), ["alertname=~\"Withings.+\""]);
    let (rule, their_rule) = (&here["inhibit_rules"][0], &there["inhibitRules"][0]);
    assert_eq!(matchers(&rule["source_matchers"]), matchers(&their_rule["sourceMatch"]));
    assert_eq!(matchers(&rule["target_matchers"]), matchers(&their_rule["targetMatch"]));
    assert_eq!(rule["equal"], their_rule["equal"]);
}
