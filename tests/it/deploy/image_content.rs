//! The image itself: built by buildah from what deploy/release/image.sh lays out, in a storage of its own, and entered as its
//! user. That needs root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::image::Image;
use super::{approved, path, release};
use crate::config::write;
use crate::http_client::Connection;
use crate::installation::free_address;
use crate::program::{Program, fed, until};
use crate::python::answer;
use crate::sources::{root, walk};

/// A built image, unpacked.
struct Built {
    folder: TempDir,
    root: PathBuf,
    variables: BTreeMap<String, String>,
    user: String,
}

impl Built {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context");
        approved(release("image.sh").arg(context.join("image")));
        let mut build = buildah(&folder, "build");
        build.args(["--isolation", "chroot", "--format", "docker", "--tag", "image", "--file"]).arg(path("Dockerfile"));
        approved(build.arg(format!("--build-context=build={}", context.display())).arg(root()));
        let container = said(buildah(&folder, "from").arg("image"));
        let unpacked = said(buildah(&folder, "mount").arg(&container));
        let described = said(buildah(&folder, "inspect").args(["--type", "image", "image"]));
        let described: Value = serde_json::from_str(&described).unwrap();
        let config = &described["Docker"]["config"];
        let variables = config["Env"].as_array().unwrap().iter();
        let variables = variables.map(|variable| variable.as_str().unwrap().split_once('=').unwrap());
        Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: config["User"].as_str().unwrap().to_owned(),
            root: unpacked.into(),
            folder,
        }
    }

    /// The program as a container engine runs it: in the image alone, as its user, with its variables.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut chroot = Command::new("/usr/sbin/chroot");
        chroot.env_clear().envs(&self.variables).arg(format!("--userspec={}", self.user)).arg(&self.root);
        chroot.arg("/usr/local/bin/withings-exporter").args(arguments);
        chroot
    }

    /// Every file, from the root of the image.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.root, &mut |file| files.push(file.strip_prefix(&self.root).unwrap().display().to_string()));
        files
    }

    /// Mode and owner of a folder.
    fn folder(&self, name: &str) -> (u32, u32) {
        let found = fs::metadata(self.root.join(name)).unwrap();
        (found.permissions().mode() & 0o7777, found.uid())
    }
}

/// buildah with a storage of its own, which goes with the folder.
fn buildah(folder: &TempDir, command: &str) -> Command {
    let place = |name: &str| folder.path().join(name);
    let mut buildah = Command::new("buildah");
    buildah.args(["--storage-driver", "vfs", "--root"]).arg(place("storage")).arg("--runroot").arg(place("run"));
    buildah.arg(command);
    buildah
}

/// What a command prints, without the end of the line.
fn said(command: &mut Command) -> String {
    String::from_utf8(answer(command, b"")).unwrap().trim_end().to_owned()
}

fn check_content(image: &Built) {
    let expected = ["etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/local/bin/withings-exporter"];
    assert_eq!(image.files(), expected);
    let user = Image::read().user().try_into().unwrap();
    assert_eq!(image.user, format!("{user}:{user}"));
    assert_eq!(image.folder("tmp"), (0o1777, 0));
    assert_eq!(image.folder("var/lib/withings-exporter"), (0o700, user));
}

/// The demo runs and keeps its people where a volume begins, and `healthcheck` tells whether it is well.
async fn check_demo(image: &Built) {
    let address = free_address();
    let listen = ["--web.listen-address", &address.to_string()];
    let _demo = Program::start(image.program(&["demo"]).args(listen), &image.folder.path().join("demo.log"));
    until("a weight", async || {
        fed(image.program(&["healthcheck"]).args(listen), b"").status.success().then_some(())?;
        let page = Connection::open(address).await.request("GET", "/metrics", "").await.body;
        page.contains("withings_weight_kg{profile=\"Alice\"}").then_some(())
    })
    .await;
    assert!(!fed(image.program(&["healthcheck"]).args(["--web.listen-address", "127.0.0.1:1"]), b"").status.success());
}

/// Without the certificates of public authorities the exporter would not start.
async fn check_certificates(image: &Built) {
    let folder = image.root.join("etc/withings-exporter");
    fs::create_dir(&folder).unwrap();
    write(&folder.join("withings.yaml"), "withings: {client_id: id, client_secret: secret, profiles: Alice}\n");
    let (address, own) = (free_address().to_string(), ["--storage.path", "/tmp/storage"]);
    let mut serve = image.program(&["--web.listen-address", &address]);
    let exporter = Program::start(serve.args(own), &image.folder.path().join("exporter.log"));
    until("the port", async || exporter.said().contains("listening").then_some(())).await;
    drop(exporter);
    fs::remove_dir_all(image.root.join("etc/ssl")).unwrap();
    let refused = fed(serve.args(own), b"");
    assert!(!refused.status.success(), "{}", String::from_utf8_lossy(&refused.stderr));
}

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn it_has_what_the_program_needs_and_nothing_else() {
    let image = Built::new();
    check_content(&image);
    check_demo(&image).await;
    check_certificates(&image).await;
}
