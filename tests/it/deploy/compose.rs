//! The compose stack, without a container engine: the files that it names exist, and its one-shot script is run.

use std::path::Path;
use std::process::Command;

use serde_yaml::Value;
use withings_exporter::cli;

use super::image::Image;
use super::{approved, check_answered, documented, documented_labels, path, strings, text, understood, yaml};
use crate::config::write;
use crate::sources::root;

const PROFILES: [&str; 3] = ["demo", "home", "replicas"];

/// The user's own files, which exist only on the machine that runs the stack: the configuration, and the key of the logins.
pub(super) const USERS_OWN: [&str; 2] = ["./withings.yaml", "./storage.key"];

pub(super) fn stack() -> Value {
    yaml("compose.yaml")
}

/// The services with their names.
fn services(stack: &Value) -> Vec<(&str, &Value)> {
    let services = stack["services"].as_mapping().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap(), service)).collect()
}

/// The sources and targets of the mounts of a service.
pub(super) fn mounts(service: &Value) -> Vec<(&str, &str)> {
    let mounts = service["volumes"].as_sequence().unwrap().iter();
    let mounts = mounts.map(|mount| match mount.as_str() {
        Some(short) => {
            let mut parts = short.split(':');
            (parts.next().unwrap(), parts.next().unwrap())
        }
        None => (mount["source"].as_str().unwrap(), mount["target"].as_str().unwrap()),
    });
    mounts.collect()
}

/// The major and minor version that `program --version` prints.
fn version(program: &str) -> String {
    let said = approved(Command::new(program).arg("--version"));
    let version = said.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap();
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[test]
fn its_servers_are_those_of_the_tests() {
    let stack = stack();
    for (image, program) in [("prom/prometheus", "prometheus"), ("prom/alertmanager", "prometheus-alertmanager")] {
        let tested = version(program);
        let images = services(&stack).into_iter().map(|(_, service)| &service["image"]);
        let mut pinned: Vec<_> =
            images.filter_map(|name| name.as_str()?.strip_prefix(image)?.strip_prefix(":v")).collect();
        pinned.dedup();
        assert!(
            pinned.len() == 1 && pinned[0].starts_with(&format!("{tested}.")),
            "deploy/compose.yaml has {image} {pinned:?}, and the tests run {tested}: raise the older one, which is the \
             image there, or target/test-packages, to be removed and made anew by tests/run"
        );
    }
}

#[test]
fn the_oldest_prometheus_of_the_tests_is_the_one_of_the_documents() {
    let oldest = version("promtool-oldest");
    assert_eq!(oldest, version("prometheus-oldest"));
    for document in ["docs/dashboards.md", "deploy/prometheus/README.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        assert!(text.contains(&format!("Prometheus {oldest} or newer")), "{document}");
    }
}

#[test]
fn everything_that_a_service_names_is_there() {
    let stack = stack();
    for (name, service) in services(&stack) {
        for (source, _) in mounts(service) {
            let there = if source.starts_with('.') {
                USERS_OWN.contains(&source) || path(source).exists()
            } else {
                stack["volumes"].as_mapping().unwrap().contains_key(source)
            };
            assert!(there, "{name} mounts {source}");
        }
        for (other, condition) in service["depends_on"].as_mapping().into_iter().flatten() {
            assert_eq!(stack["services"][other]["profiles"], service["profiles"], "{name} waits for {other:?}");
            assert!(
                ["service_healthy", "service_completed_successfully"]
                    .contains(&condition["condition"].as_str().unwrap())
            );
        }
    }
    let build = &stack["services"]["exporter"]["build"];
    assert!(path(build["context"].as_str().unwrap()).join(build["dockerfile"].as_str().unwrap()).exists());
}

#[test]
fn each_profile_has_the_same_four_and_offers_them_to_this_machine_only() {
    let stack = stack();
    for profile in PROFILES {
        let of_profile = services(&stack).into_iter().map(|(_, service)| service);
        let mut ports: Vec<_> = of_profile
            .filter(|service| strings(&service["profiles"]).contains(&profile))
            .flat_map(|service| strings(&service["ports"]).into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        ports.sort();
        let expected = [3000, 9090, 9093, 10064].map(|port| format!("127.0.0.1:{port}:{port}"));
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(ports, expected, "{profile}");
        assert!(text("README.md").contains(&format!("docker compose --profile {profile} up")));
    }
}

#[test]
fn no_two_profiles_share_a_volume_with_data() {
    let stack = stack();
    let volumes = |profile: &str| {
        let services = services(&stack).into_iter().filter(|(_, service)| strings(&service["profiles"]) == [profile]);
        let mounted = services.flat_map(|(_, service)| mounts(service)).map(|(source, _)| source.to_owned());
        mounted.filter(|source| !source.starts_with('.')).collect::<Vec<_>>()
    };
    for (profile, other) in [("demo", "home"), ("demo", "replicas"), ("home", "replicas")] {
        let (here, there) = (volumes(profile), volumes(other));
        assert!(!here.is_empty() && !there.is_empty());
        assert!(here.iter().all(|volume| !there.contains(volume)), "{here:?} {there:?}");
    }
}

#[test]
fn the_exporters_find_their_files_and_understand_their_arguments() {
    let (stack, image) = (stack(), Image::read());
    let variables = image.variables();
    let (configuration, storage) =
        (variables["WITHINGS_EXPORTER_CONFIG_FILE"], variables["WITHINGS_EXPORTER_STORAGE_PATH"]);
    let [home, demo] = ["exporter", "demo-exporter"].map(|name| &stack["services"][name]);
    assert_eq!(mounts(home), [(USERS_OWN[0], configuration), ("logins", storage)]);
    assert_eq!(mounts(demo), [("demo-history", storage)]);
    let cli = understood(&strings(&demo["command"]));
    assert!(Path::new(&cli.flags.storage_path.unwrap()).starts_with(storage));
}

/// The configuration of Prometheus in the stack.
fn scraper(stack: &Value) -> Value {
    serde_yaml::from_str(stack["configs"]["prometheus"]["content"].as_str().unwrap()).unwrap()
}

#[test]
fn its_prometheus_is_the_one_beside_it_and_reaches_the_other_services() {
    let mut scraper = scraper(&stack());
    let alertmanager = &mut scraper["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0];
    assert_eq!(*alertmanager, Value::from("alertmanager:9093"));
    *alertmanager = Value::from("localhost:9093");
    let target = &mut scraper["scrape_configs"][0]["static_configs"][0]["targets"][0];
    assert_eq!(*target, Value::from(format!("exporter:{}", Image::read().last("EXPOSE"))));
    *target = Value::from("localhost:10064");
    let file = text("prometheus/prometheus.yml").replace("\n#alerting:", "\nalerting:").replace("\n#  ", "\n  ");
    assert_eq!(scraper, serde_yaml::from_str::<Value>(&file).unwrap());
}

#[tokio::test]
async fn its_prometheus_is_answered_without_a_flag() {
    let scraper = scraper(&stack());
    let target = scraper["scrape_configs"][0]["static_configs"][0]["targets"][0].as_str().unwrap();
    check_answered(&[target, "localhost:10064"]).await;
}

/// Runs the script that puts the history into Prometheus' directory, with folders of this machine.
fn import(history: &Path, prometheus: &Path) {
    let stack = stack();
    let service = &stack["services"]["demo-history"];
    let script = strings(&service["command"])[0]
        .replace("/history/", &format!("{}/", history.display()))
        .replace("/prometheus", prometheus.to_str().unwrap());
    let shell = strings(&service["entrypoint"]);
    // Files are given away by root alone.
    approved(Command::new(shell[0]).args(&shell[1..]).arg(format!("chown() {{ :; }}\n{script}")));
}

#[test]
fn the_history_is_given_once() {
    let folder = tempfile::tempdir().unwrap();
    let (history, prometheus) = (folder.path().join("volume"), folder.path().join("metrics"));
    for folder in [&history, &prometheus] {
        std::fs::create_dir(folder).unwrap();
    }
    let page = "# TYPE withings_weight_kg gauge\nwithings_weight_kg{profile=\"a\"} 72.5 1700000000\n# EOF\n";
    write(&history.join("history.om"), page);
    import(&history, &prometheus);
    let dump = || approved(Command::new("promtool").args(["tsdb", "dump"]).arg(&prometheus));
    let expected = "{__name__=\"withings_weight_kg\", profile=\"a\"} 72.5 1700000000000\n";
    // As soon as Prometheus has run.
    std::fs::create_dir(prometheus.join("wal")).unwrap();
    assert_eq!(dump(), expected);
    write(&history.join("history.om"), &page.replace("72.5", "60"));
    import(&history, &prometheus);
    assert_eq!(dump(), expected);
}

#[test]
fn the_history_has_the_labels_of_the_scrapes() {
    let stack = stack();
    let scrape = &scraper(&stack)["scrape_configs"][0];
    let expected = [("job", &scrape["job_name"]), ("instance", &scrape["static_configs"][0]["targets"][0])];
    let expected = expected.map(|(name, value)| format!("{name}={}", value.as_str().unwrap()).parse().unwrap());
    match understood(&strings(&stack["services"]["demo-exporter"]["command"])).command {
        Some(cli::Command::Demo(asked)) => assert_eq!(asked.labels, expected),
        other => panic!("{other:?}"),
    }
    assert_eq!(documented_labels("docker compose --profile home exec"), expected);
}

#[test]
fn the_history_of_real_people_is_added_to_their_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let page = "# TYPE withings_weight_kg gauge\nwithings_weight_kg{profile=\"a\"} 72.5 1700000000\n# EOF\n";
    write(&folder.path().join("history.om"), page);
    let command = documented("docker compose --profile home run");
    let (engine, arguments) = command.split_once(" prometheus ").unwrap();
    assert!(engine.contains("--volume \"$PWD/history.om:/history.om:ro\" --entrypoint promtool"), "{engine}");
    let prometheus = folder.path().join("prometheus");
    std::fs::create_dir_all(prometheus.join("wal")).unwrap();
    let arguments = arguments.replace("/prometheus", prometheus.to_str().unwrap());
    let arguments = arguments.replace("/history.om", folder.path().join("history.om").to_str().unwrap());
    approved(Command::new("promtool").args(arguments.split_whitespace()));
    let dump = approved(Command::new("promtool").args(["tsdb", "dump"]).arg(&prometheus));
    assert_eq!(dump, "{__name__=\"withings_weight_kg\", profile=\"a\"} 72.5 1700000000000\n");
    let stack = stack();
    assert!(mounts(&stack["services"]["prometheus"]).iter().any(|(_, target)| *target == "/prometheus"));
}

#[test]
fn the_dashboard_is_where_the_documents_link_to() {
    let link = "http://localhost:3000/d/";
    let dashboard = std::fs::read_to_string(root().join("grafana/dashboards/withings-health.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    for name in ["README.md", "deploy/README.md", "deploy/compose.yaml"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        assert!(text.contains(&format!("{link}{}", dashboard["uid"].as_str().unwrap())), "{name}");
    }
}
