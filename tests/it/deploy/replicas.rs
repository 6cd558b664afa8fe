//! Several replicas on one database, in Kubernetes and in Compose, as docs/replicas.md has them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_yaml::Value;

use super::cluster::{copied, is_of_operator, only, rendered, rendered_at};
use super::compose::{USERS_OWN, mounts, stack};
use super::image::Image;
use super::proxy::{around, nginx_in};
use super::{approved, check_answered, path, start_without_flags, strings, text, understood, yaml};
use crate::config::write;
use crate::documents::{blocks, document};
use crate::http_client::Connection;
use crate::installation::free_address;
use crate::program::{Program, fed, until};

const DOCUMENT: &str = "docs/replicas.md";

/// Files of root that the pod's group may read.
const GROUP_READS: u32 = 0o440;

/// The pod and the only container of a workload.
fn pod(workload: &Value) -> (&Value, &Value) {
    let pod = &workload["spec"]["template"]["spec"];
    assert_eq!(pod["containers"].as_sequence().unwrap().len(), 1);
    (pod, &pod["containers"][0])
}

/// The environment of a container: values, and for those from a Secret its name and key.
fn environment(container: &Value) -> BTreeMap<String, String> {
    let variables = container["env"].as_sequence().unwrap().iter().map(|variable| {
        let field = |value: &Value| value.as_str().unwrap().to_owned();
        let secret = &variable["valueFrom"]["secretKeyRef"];
        let value = if secret.is_null() {
            field(&variable["value"])
        } else {
            format!("{}/{}", field(&secret["name"]), field(&secret["key"]))
        };
        (field(&variable["name"]), value)
    });
    variables.collect()
}

/// The files that a pod gets from Secrets, as the container sees them.
fn files(pod: &Value, container: &Value) -> BTreeMap<String, String> {
    let mounts = container["volumeMounts"].as_sequence().unwrap().iter();
    let postgres = mounts.filter(|mount| mount["name"] == "postgres").collect::<Vec<_>>();
    let folder = postgres[0]["mountPath"].as_str().unwrap();
    assert_eq!(postgres[0]["readOnly"], true);
    let volumes = pod["volumes"].as_sequence().unwrap();
    let volume = &volumes.iter().find(|volume| volume["name"] == "postgres").unwrap()["projected"];
    assert_eq!(volume["defaultMode"], GROUP_READS);
    let sources = volume["sources"].as_sequence().unwrap().iter().map(|source| &source["secret"]);
    sources
        .map(|secret| {
            let (item, name) = (&secret["items"][0], secret["name"].as_str().unwrap());
            let field = |key: &str| item[key].as_str().unwrap();
            (format!("{folder}/{}", field("path")), format!("{name}/{}", field("key")))
        })
        .collect()
}

#[test]
fn nothing_of_a_directory_is_left_and_nothing_talks_to_kubernetes() {
    let (manifests, image) = (rendered("overlays/replicas"), Image::read());
    let kinds: BTreeSet<_> = manifests.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"].into());
    let deployment = only(&manifests, "Deployment");
    for of_set in ["serviceName", "volumeClaimTemplates"] {
        assert!(deployment["spec"][of_set].is_null(), "{of_set}");
    }
    let (pod, container) = pod(deployment);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let directory = image.variables()["WITHINGS_EXPORTER_STORAGE_PATH"];
    let mounts = container["volumeMounts"].as_sequence().unwrap();
    assert!(mounts.iter().all(|mount| mount["mountPath"] != directory));
}

#[test]
fn the_pods_are_as_restricted_as_that_of_the_base() {
    let base = rendered("base");
    let (base, base_container) = pod(only(&base, "StatefulSet"));
    for (folder, kind) in [("overlays/replicas", "Deployment"), ("migrate", "Job")] {
        let manifests = rendered(folder);
        let (pod, container) = pod(only(&manifests, kind));
        assert_eq!(pod["automountServiceAccountToken"], base["automountServiceAccountToken"], "{folder}");
        assert_eq!(container["securityContext"], base_container["securityContext"], "{folder}");
        for restriction in ["runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile"] {
            assert_eq!(pod["securityContext"][restriction], base["securityContext"][restriction], "{folder}");
        }
    }
}

#[test]
fn two_replicas_stay_when_a_node_is_drained_or_a_version_is_rolled_out() {
    let manifests = rendered("overlays/replicas");
    let deployment = &only(&manifests, "Deployment")["spec"];
    let labels = &deployment["template"]["metadata"]["labels"];
    assert_eq!(deployment["replicas"], 3);
    assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 1);
    let budget = &only(&manifests, "PodDisruptionBudget")["spec"];
    assert_eq!((&budget["minAvailable"], &budget["selector"]["matchLabels"]), (&Value::from(2), labels));
    let spread = deployment["template"]["spec"]["topologySpreadConstraints"].as_sequence().unwrap();
    let over: Vec<_> = spread.iter().map(|constraint| constraint["topologyKey"].as_str().unwrap()).collect();
    assert_eq!(over, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    assert!(spread.iter().all(|constraint| &constraint["labelSelector"]["matchLabels"] == labels));
}

#[test]
fn the_service_finds_the_replicas_and_not_the_migration() {
    let (manifests, migration) = (rendered("overlays/replicas-operator"), rendered("migrate"));
    let labels = &only(&manifests, "Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&only(&manifests, "Service")["spec"]["selector"], labels);
    for (kind, selector) in [("NetworkPolicy", "podSelector"), ("PodMonitor", "selector")] {
        assert_eq!(&only(&manifests, kind)["spec"][selector]["matchLabels"], labels, "{kind}");
    }
    let of_job = &only(&migration, "Job")["spec"]["template"]["metadata"]["labels"];
    assert_ne!(of_job, labels);
    assert_eq!(&only(&migration, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"], of_job);
}

#[test]
fn the_replicas_and_the_migration_have_the_same_database_and_key() {
    let (manifests, migration) = (rendered("overlays/replicas"), rendered("migrate"));
    let (replica, container) = pod(only(&manifests, "Deployment"));
    let (job, of_job) = pod(only(&migration, "Job"));
    assert_eq!(files(replica, container), files(job, of_job));
    let (mut variables, of_migration) = (environment(container), environment(of_job));
    variables.retain(|name, _| !name.starts_with("WITHINGS_CLIENT_"));
    assert_eq!(variables, of_migration);
    assert_eq!(variables["PGPASSWORD"], "withings-exporter-postgres/password");
    let key = &files(replica, container)[&variables["WITHINGS_EXPORTER_STORAGE_KEY_FILE"]];
    assert_eq!(key, "withings-exporter-key/storage.key");
    // The Secrets that the document makes, and the file that its address names.
    let commands = blocks(DOCUMENT, "sh").concat();
    assert!(commands.contains("secret generic withings-exporter-key --namespace monitoring --from-file=storage.key\n"));
    assert!(commands.contains("secret generic withings-exporter-postgres "));
    let (_, certificate) = commands.rsplit_once("sslrootcert=").unwrap();
    let certificate = certificate.split('\'').next().unwrap();
    assert_eq!(files(replica, container)[certificate], "withings-ca/ca.crt");
}

#[test]
fn the_replicas_reach_postgresql_beside_what_the_base_reaches() {
    let (base, manifests, migration) = (rendered("base"), rendered("overlays/replicas"), rendered("migrate"));
    let policy = |manifests| only(manifests, "NetworkPolicy")["spec"].clone();
    let (base, replicas, migration) = (policy(&base), policy(&manifests), policy(&migration));
    assert_eq!(replicas["ingress"], base["ingress"]);
    let postgres: Value =
        serde_yaml::from_str("{to: [{namespaceSelector: {}}], ports: [{port: 5432, protocol: TCP}]}").unwrap();
    let rules = |policy: &Value| policy["egress"].as_sequence().unwrap().clone();
    assert_eq!(rules(&replicas), [rules(&base), vec![postgres.clone()]].concat());
    let names = rules(&base).into_iter().find(|rule| rule["to"].is_null()).unwrap();
    assert_eq!(rules(&migration), [postgres, names]);
    assert!(migration["ingress"].is_null());
    assert_eq!(strings(&migration["policyTypes"]), ["Ingress", "Egress"]);
}

#[test]
fn the_overlays_as_the_document_has_them_bring_their_own_image_and_people() {
    let folder = copied();
    let overlays = folder.path().join("deploy/kubernetes/overlays");
    let examples = blocks(DOCUMENT, "yaml");
    for (own, example) in ["own", "own-migrate"].into_iter().zip(&examples) {
        std::fs::create_dir(overlays.join(own)).unwrap();
        write(&overlays.join(own).join("kustomization.yaml"), example);
    }
    write(&overlays.join("own/withings.yaml"), "withings: {profiles: Zoë}\n");
    let (manifests, migration) = (rendered_at(&overlays.join("own")), rendered_at(&overlays.join("own-migrate")));
    // What the document appends for another command.
    write(&overlays.join("own-migrate/kustomization.yaml"), &examples[1..3].concat());
    let other = rendered_at(&overlays.join("own-migrate"));
    assert_eq!(strings(&pod(only(&other, "Job")).1["args"]), ["storage", "accept-restore"]);
    let image = format!("REGISTRY/withings-exporter:{}", env!("CARGO_PKG_VERSION"));
    for workload in [only(&manifests, "Deployment"), only(&migration, "Job")] {
        assert_eq!(workload["metadata"]["namespace"], "monitoring");
        assert_eq!(pod(workload).1["image"], image.as_str());
    }
    let of_operator: Vec<_> = manifests.iter().filter(|manifest| is_of_operator(manifest)).collect();
    assert_eq!(of_operator.len(), 4);
    assert!(of_operator.iter().all(|manifest| manifest["metadata"]["labels"]["release"] == "kube-prometheus-stack"));
    assert!(manifests.iter().any(|manifest| manifest["data"]["withings.yaml"] == "withings: {profiles: Zoë}\n"));
}

/// Every shard with its number of targets, and the targets that are asked for their own metrics.
fn shards(static_configs: &Value) -> (BTreeMap<String, usize>, Vec<&str>) {
    let (mut shards, mut own) = (BTreeMap::new(), Vec::new());
    for targets in static_configs.as_sequence().unwrap() {
        let labels = &targets["labels"];
        assert_eq!(labels["shard"], labels["__param_shard"]);
        match labels["shard"].as_str().unwrap() {
            "none" => own.extend(strings(&targets["targets"])),
            shard => {
                assert!(labels["instance"].is_string(), "the replica that answers would be in the series of people");
                *shards.entry(shard.to_owned()).or_default() += strings(&targets["targets"]).len();
            }
        }
    }
    (shards, own)
}

/// Expects each of so many shards once.
fn check_shards(static_configs: &Value, count: usize) {
    let expected: BTreeMap<_, _> = (0..count).map(|index| (format!("{index}/{count}"), 1)).collect();
    assert_eq!(shards(static_configs).0, expected);
}

#[test]
fn everybody_is_scraped_once_and_each_replica_for_its_own_metrics() {
    let manifests = rendered("overlays/replicas-operator");
    let scrape = &only(&manifests, "ScrapeConfig")["spec"];
    check_shards(&scrape["staticConfigs"], 4);
    let dropped = &scrape["metricRelabelings"][0];
    assert_eq!((&dropped["action"], &dropped["regex"]), (&Value::from("labeldrop"), &Value::from("shard")));
    let monitor = &only(&manifests, "PodMonitor")["spec"];
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!(strings(&endpoint["params"]["shard"]), ["none"]);
    assert_eq!(endpoint["relabelings"][0]["targetLabel"], "instance");
    // One job, so that rules and dashboards have people and replicas together.
    let deployment = only(&manifests, "Deployment");
    let job = &deployment["spec"]["template"]["metadata"]["labels"][monitor["jobLabel"].as_str().unwrap()];
    assert_eq!(job, &scrape["jobName"]);
    let port = &pod(deployment).1["ports"][0]["name"];
    assert_eq!(&endpoint["port"], port);

    let file = yaml("prometheus/prometheus-replicas.yml");
    check_shards(&file["scrape_configs"][0]["static_configs"], 2);
    check_shards(&yaml("examples/scrape-shards.yml")["scrape_configs"][0]["static_configs"], 4);
    let mut example: Value = serde_yaml::from_str(&blocks(DOCUMENT, "yaml").pop().unwrap()).unwrap();
    let mut scrape = file["scrape_configs"][0].clone();
    for scrape in [&mut example["scrape_configs"][0], &mut scrape] {
        scrape.as_mapping_mut().unwrap().remove("scrape_interval");
        for targets in scrape["static_configs"].as_sequence_mut().unwrap() {
            targets.as_mapping_mut().unwrap().remove("targets");
        }
    }
    assert_eq!(example["scrape_configs"][0], scrape);
}

#[tokio::test]
async fn scrapes_of_the_service_and_of_the_replicas_are_answered_without_a_flag() {
    let manifests = rendered("overlays/replicas-operator");
    let shards_of_service = only(&manifests, "ScrapeConfig")["spec"]["staticConfigs"].clone();
    let file = yaml("prometheus/prometheus-replicas.yml");
    let of_file = &file["scrape_configs"][0]["static_configs"];
    let all = [&shards_of_service, of_file].map(|configs| configs.as_sequence().unwrap().iter());
    let hosts: BTreeSet<&str> = all.into_iter().flatten().flat_map(|targets| strings(&targets["targets"])).collect();
    assert!(hosts.contains("withings-exporter.monitoring.svc:10064") && hosts.contains("replica-3:10064"));
    check_answered(&hosts.into_iter().collect::<Vec<_>>()).await;
}

#[test]
fn prometheus_is_configured_as_for_one_exporter_and_reaches_the_services() {
    let (file, stack) = (path("prometheus/prometheus-replicas.yml"), stack());
    for promtool in ["promtool", "promtool-oldest"] {
        let said = approved(Command::new(promtool).args(["check", "config", "--lint-fatal"]).arg(&file));
        assert!(said.contains("2 rule files found"), "{said}");
    }
    let (one, many) = (yaml("prometheus/prometheus.yml"), yaml("prometheus/prometheus-replicas.yml"));
    for same in ["global", "rule_files"] {
        assert_eq!(one[same], many[same]);
    }
    let prometheus = &stack["services"]["replicas-prometheus"];
    assert!(mounts(prometheus).contains(&("./prometheus/prometheus-replicas.yml", "/etc/prometheus/prometheus.yml")));
    assert!(strings(&prometheus["configs"]).is_empty());
    let (_, replicas) = shards(&many["scrape_configs"][0]["static_configs"]);
    let port = Image::read().last("EXPOSE").to_owned();
    for target in replicas {
        let service = target.strip_suffix(&format!(":{port}")).unwrap();
        assert!(!stack["services"][service].is_null(), "{target}");
    }
    assert_eq!(strings(&stack["services"]["proxy"]["networks"]["default"]["aliases"]), ["exporter"]);
}

#[test]
fn compose_starts_three_replicas_after_the_migration_and_offers_the_database_to_them_alone() {
    let (stack, image) = (stack(), Image::read());
    let service = |name: &str| &stack["services"][name];
    let configuration = image.variables()["WITHINGS_EXPORTER_CONFIG_FILE"];
    let key = &service("migrate")["environment"]["WITHINGS_EXPORTER_STORAGE_KEY_FILE"];
    for name in ["migrate", "replica-1", "replica-2", "replica-3"] {
        assert_eq!(service(name)["environment"], service("migrate")["environment"], "{name}");
        let expected = [(USERS_OWN[0], configuration), (USERS_OWN[1], key.as_str().unwrap())];
        assert_eq!(mounts(service(name)), expected, "{name}");
        assert_eq!(strings(&service(name)["networks"]), ["default", "postgres"], "{name}");
        assert!(service(name)["ports"].is_null(), "{name}");
        for restriction in ["read_only", "cap_drop", "security_opt"] {
            assert_eq!(service(name)[restriction], service("exporter")[restriction], "{name}");
        }
    }
    for name in ["replica-1", "replica-2", "replica-3"] {
        let condition = &service(name)["depends_on"]["migrate"]["condition"];
        assert_eq!(condition, "service_completed_successfully", "{name}");
    }
    assert_eq!(stack["networks"]["postgres"]["internal"], true);
    assert_eq!(strings(&service("postgres")["networks"]), ["postgres"]);
    assert!(service("postgres")["ports"].is_null());
    assert!(service("postgres")["image"].as_str().unwrap().starts_with("postgres:15."));
    assert!(document(DOCUMENT).contains("PostgreSQL 15 is what the tests run with"));
}

#[test]
fn the_password_of_the_database_is_in_no_file_of_the_project() {
    let stack = stack();
    for (name, variable) in [("postgres", "POSTGRES_PASSWORD"), ("replica-1", "PGPASSWORD")] {
        // Without a value it is empty, so that the other profiles need none, and PostgreSQL says what is missing.
        assert_eq!(stack["services"][name]["environment"][variable], "${PGPASSWORD:-}", "{name}");
    }
    let ignored = document(".gitignore");
    assert!(["/deploy/.env\n", "/deploy/storage.key\n"].iter().all(|file| ignored.contains(file)));
}

#[test]
fn the_migration_is_a_command_of_the_program() {
    let (stack, manifests) = (stack(), rendered("migrate"));
    let arguments = &pod(only(&manifests, "Job")).1["args"];
    assert_eq!(arguments, &stack["services"]["migrate"]["command"]);
    understood(&strings(arguments));
}

#[tokio::test]
async fn nginx_asks_another_replica_while_one_is_down() {
    let (_exporter, address, _home) = start_without_flags().await;
    let folder = tempfile::tempdir().unwrap();
    let [outside, down, also_down] = [free_address(), free_address(), free_address()];
    // There is no name server, and the nginx of Debian 12 is older than `resolve`.
    let example = text("examples/nginx-replicas.conf").replace("resolver 127.0.0.11 valid=5s;", "");
    let mut example = example.replace(" resolve;", ";").replace("listen 10064", &format!("listen {outside}"));
    for (number, replica) in [down, address, also_down].iter().enumerate() {
        example = example.replace(&format!("replica-{}:10064", number + 1), &replica.to_string());
    }
    write(&folder.path().join("nginx.conf"), &around(&example, folder.path()));
    let log = folder.path().join("nginx.log");
    let _nginx = Program::start(nginx_in(folder.path()).args(["-g", "daemon off;"]), &log);
    let healthy = format!("http://{outside}/-/healthy");
    until("nginx", async || {
        let mut curl = Command::new("curl");
        fed(curl.args(["--silent", "--fail", &healthy]), b"").status.success().then_some(())
    })
    .await;
    let mut connection = Connection::open(outside).await;
    for _ in 0..6 {
        let answer = connection.request_to("localhost:10064", "GET", "/metrics?shard=0/2", "").await;
        assert_eq!(answer.status, 200);
    }
}
