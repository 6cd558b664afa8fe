//! The Kubernetes manifests: rendered by kubectl, judged by the schemas of Kubernetes.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_yaml::Value;
use tempfile::TempDir;

use super::image::Image;
use super::{approved, check_answered, documented_labels, path, start_without_flags, strings, text, understood};
use crate::config::{exporter, write};
use crate::http_client::Connection;
use crate::program::fed;
use crate::python::tool;
use crate::sources::root;

/// The versions of kinds that an add-on brings, which the schemas do not know.
const OPERATOR: [&str; 2] = ["monitoring.coreos.com/v1", "monitoring.coreos.com/v1alpha1"];

/// The largest object that Kubernetes takes, bytes.
const LARGEST: usize = 1 << 20;

/// The manifests that kubectl renders from this folder of kubernetes/.
pub(super) fn rendered(folder: &str) -> Vec<Value> {
    rendered_at(&path("kubernetes").join(folder))
}

pub(super) fn rendered_at(folder: &Path) -> Vec<Value> {
    let mut kubectl = Command::new("kubectl");
    let output = fed(kubectl.arg("kustomize").arg(folder), b"");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{errors}(kubectl 1.22 or newer is needed)");
    let documents = serde_yaml::Deserializer::from_slice(&output.stdout);
    documents.map(|document| Value::deserialize(document).unwrap()).collect()
}

/// The only manifest of this kind.
pub(super) fn only<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    let mut found = manifests.iter().filter(|manifest| manifest["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    first
}

/// Whether it is of a kind that the operator brings.
pub(super) fn is_of_operator(manifest: &Value) -> bool {
    OPERATOR.contains(&manifest["apiVersion"].as_str().unwrap())
}

/// A copy of the manifests and of the dashboards that they refer to, in which overlays may be made.
pub(super) fn copied() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deploy")).unwrap();
    for (from, to) in [(path("kubernetes"), "deploy"), (root().join("grafana"), ".")] {
        approved(Command::new("cp").arg("-r").arg(from).arg(folder.path().join(to)));
    }
    folder
}

/// Expects that the schemas of the oldest and the newest Kubernetes that the judge has allow these, without the
/// add-on's.
fn check_valid(folder: &str) {
    let known = rendered(folder).into_iter().filter(|manifest| !is_of_operator(manifest));
    let known: Vec<_> = known.map(|manifest| serde_yaml::to_string(&manifest).unwrap()).collect();
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("manifests.yaml");
    write(&file, &known.join("---\n"));
    for version in ["1.25.0", "1.37.0"] {
        let judge = &mut tool("kubernetes-validate");
        approved(judge.args(["--strict", "--kubernetes-version", version]).arg(&file));
    }
}

#[test]
fn the_schemas_allow_everything() {
    for folder in
        ["base", "migrate", "overlays/demo", "overlays/operator", "overlays/replicas", "overlays/replicas-operator"]
    {
        check_valid(folder);
    }
}

#[test]
fn the_pod_is_as_restricted_as_kubernetes_knows_and_as_the_image_needs() {
    let (image, manifests) = (Image::read(), rendered("base"));
    let pod = &only(&manifests, "StatefulSet")["spec"]["template"]["spec"];
    let security = &pod["securityContext"];
    for owner in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert_eq!(security[owner], image.user(), "{owner}");
    }
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(strings(&container["securityContext"]["capabilities"]["drop"]), ["ALL"]);
}

#[test]
fn the_image_finds_its_files_in_the_pod() {
    let (image, manifests) = (Image::read(), rendered("base"));
    let container = &only(&manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0];
    let mounts =
        container["volumeMounts"].as_sequence().unwrap().iter().map(|mount| mount["mountPath"].as_str().unwrap());
    let variables = image.variables();
    let configuration = variables["WITHINGS_EXPORTER_CONFIG_FILE"].rsplit_once('/').unwrap();
    assert_eq!(mounts.collect::<Vec<_>>(), [configuration.0, variables["WITHINGS_EXPORTER_STORAGE_PATH"]]);
    assert!(!only(&manifests, "ConfigMap")["data"][configuration.1].is_null());
    assert_eq!(container["ports"][0]["containerPort"].as_u64().unwrap().to_string(), image.last("EXPOSE"));
}

#[test]
fn its_configuration_is_good_with_what_the_secret_brings() {
    let manifests = rendered("base");
    let folder = tempfile::tempdir().unwrap();
    let configuration = only(&manifests, "ConfigMap")["data"]["withings.yaml"].as_str().unwrap();
    write(&folder.path().join("withings.yaml"), configuration);
    let mut check = exporter(folder.path());
    let container = &only(&manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0];
    for variable in container["env"].as_sequence().unwrap() {
        assert_eq!(variable["valueFrom"]["secretKeyRef"]["name"], "withings-exporter");
        check.env(variable["name"].as_str().unwrap(), "secret");
    }
    approved(check.arg("check-config"));
}

#[tokio::test]
async fn the_program_answers_what_the_probes_ask() {
    let (_program, address, _folder) = start_without_flags().await;
    let manifests = rendered("base");
    let container = &only(&manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0];
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        let answer = Connection::open(address).await.request("GET", path, "").await;
        // Not yet ready is an answer too.
        assert!([200, 503].contains(&answer.status), "{probe} asks {path}: {}", answer.status);
    }
}

#[tokio::test]
async fn scrapes_of_its_pod_and_of_its_service_are_answered_without_a_flag() {
    let manifests = rendered("overlays/operator");
    let service = only(&manifests, "Service");
    let (name, port) =
        (service["metadata"]["name"].as_str().unwrap(), service["spec"]["ports"][0]["port"].as_u64().unwrap());
    let of_service = ["", ".monitoring.svc", ".monitoring.svc.cluster.local"].map(|end| format!("{name}{end}:{port}"));
    // The operator's Prometheus finds the pod by its address.
    let hosts =
        [&["10.42.0.7:10064", "[fd00::7]:10064", "localhost:10064"][..], &of_service.each_ref().map(String::as_str)];
    check_answered(&hosts.concat()).await;
}

#[test]
fn selectors_find_the_pod_and_nothing_else() {
    let manifests = rendered("overlays/operator");
    let labels = &only(&manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"];
    let service = only(&manifests, "Service");
    assert_eq!(&service["spec"]["selector"], labels);
    assert_eq!(&only(&manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"], labels);
    let monitor = only(&manifests, "ServiceMonitor");
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
}

/// Whether an address is in a network, such as `10.0.0.0/8`.
fn is_in(network: &str, address: IpAddr) -> bool {
    let (base, length) = network.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match (base.parse().unwrap(), address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            (base.to_bits() ^ address.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            (base.to_bits() ^ address.to_bits()).checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Whether the rules of a policy let the pod talk to this port of an address.
fn may_talk_to(rules: &Value, port: u64, address: &str) -> bool {
    let address: IpAddr = address.parse().unwrap();
    rules.as_sequence().unwrap().iter().any(|rule| {
        let is_port = rule["ports"].as_sequence().unwrap().iter().any(|allowed| allowed["port"] == port);
        let is_there = rule["to"].as_sequence().is_none_or(|peers| {
            peers.iter().map(|peer| &peer["ipBlock"]).any(|block| {
                let is_except = |excepts: &Vec<Value>| excepts.iter().any(|net| is_in(net.as_str().unwrap(), address));
                is_in(block["cidr"].as_str().unwrap(), address) && !block["except"].as_sequence().is_some_and(is_except)
            })
        });
        is_port && is_there
    })
}

#[test]
fn the_pod_reaches_the_internet_and_names_and_nothing_near() {
    let manifests = rendered("base");
    let rules = &only(&manifests, "NetworkPolicy")["spec"]["egress"];
    for public in ["89.30.121.170", "1.1.1.1", "2a00:1450:4007:80e::200e"] {
        assert!(may_talk_to(rules, 443, public) && !may_talk_to(rules, 80, public), "{public}");
    }
    for near in [
        "10.96.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "127.0.0.1",
        "224.0.0.1",
        "fd00::1",
        "fe80::1",
        "::1",
    ] {
        assert!(!may_talk_to(rules, 443, near), "{near}");
        assert!(may_talk_to(rules, 53, near), "{near} may be where names are resolved");
    }
}

#[test]
fn the_operator_gets_rules_and_the_sidecar_dashboards() {
    let manifests = rendered("overlays/operator");
    let of_kind = |kind: &str| manifests.iter().filter(|manifest| manifest["kind"] == kind).collect::<Vec<_>>();
    let rules = of_kind("PrometheusRule");
    assert_eq!(rules.len(), 2);
    assert!(rules.iter().all(|rule| is_of_operator(rule) && rule["spec"]["groups"].is_sequence()));
    let mut dashboards = of_kind("ConfigMap");
    dashboards.retain(|dashboard| dashboard["metadata"]["labels"]["grafana_dashboard"] == "1");
    assert_eq!(dashboards.len(), 2);
    assert!(
        dashboards.iter().all(|dashboard| serde_yaml::to_string(dashboard).unwrap().len() < LARGEST),
        "too large for Kubernetes"
    );
}

#[test]
fn an_overlay_as_the_document_has_it_brings_its_own_image_and_people() {
    let folder = copied();
    let own = folder.path().join("deploy/kubernetes/overlays/own");
    fs::create_dir(&own).unwrap();
    let document = text("README.md");
    let (_, example) = document.split_once("```yaml\n").unwrap();
    write(&own.join("kustomization.yaml"), example.split("```").next().unwrap());
    write(&own.join("withings.yaml"), "withings: {profiles: Zoë}\n");
    let manifests = rendered_at(&own);
    let set = only(&manifests, "StatefulSet");
    assert_eq!(set["metadata"]["namespace"], "monitoring");
    let image = format!("REGISTRY/withings-exporter:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(set["spec"]["template"]["spec"]["containers"][0]["image"], image.as_str());
    assert!(document.contains(&format!("docker push {image}\n")));
    let mut of_operator = manifests.iter().filter(|manifest| is_of_operator(manifest));
    assert!(of_operator.all(|manifest| manifest["metadata"]["labels"]["release"] == "kube-prometheus-stack"));
    let people = manifests.iter().find(|manifest| !manifest["data"]["withings.yaml"].is_null()).unwrap();
    assert_eq!(people["data"]["withings.yaml"], "withings: {profiles: Zoë}\n");
    assert_eq!(set["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"], people["metadata"]["name"]);
}

#[test]
fn the_history_has_the_labels_of_the_live_series() {
    let manifests = rendered("overlays/operator");
    let set = only(&manifests, "StatefulSet");
    let monitor = &only(&manifests, "ServiceMonitor")["spec"]["endpoints"][0];
    let instance = &monitor["relabelings"][0];
    assert_eq!(instance["targetLabel"], "instance");
    let service = only(&manifests, "Service")["metadata"]["name"].as_str().unwrap();
    let pod = format!("{}-0", set["metadata"]["name"].as_str().unwrap());
    // As Prometheus Operator labels the targets of a `ServiceMonitor`.
    let expected = [
        ("job", service),
        ("instance", instance["replacement"].as_str().unwrap()),
        ("namespace", "monitoring"),
        ("service", service),
        ("pod", &pod),
        ("container", set["spec"]["template"]["spec"]["containers"][0]["name"].as_str().unwrap()),
        ("endpoint", monitor["port"].as_str().unwrap()),
    ];
    assert_eq!(
        documented_labels("kubectl exec"),
        expected.map(|(name, value)| format!("{name}={value}").parse().unwrap())
    );
}

#[test]
fn the_demo_needs_no_secret_and_keeps_nothing() {
    let manifests = rendered("overlays/demo");
    let set = only(&manifests, "StatefulSet");
    let pod = &set["spec"]["template"]["spec"];
    let demo = understood(&strings(&pod["containers"][0]["args"]));
    assert!(matches!(demo.command, Some(withings_exporter::cli::Command::Demo { .. })));
    // Everybody may write to the volume itself, which the exporter refuses.
    let mounts = pod["containers"][0]["volumeMounts"].as_sequence().unwrap();
    let volume = mounts.iter().find(|mount| mount["name"] == "storage").unwrap()["mountPath"].as_str().unwrap();
    assert_eq!(demo.flags.storage_path(None).parent(), Some(Path::new(volume)));
    assert!(
        strings(&pod["containers"][0]["env"]).is_empty()
            && set["spec"]["volumeClaimTemplates"].as_sequence().unwrap().is_empty()
    );
}
