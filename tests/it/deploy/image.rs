//! The container image, without a container engine: the Dockerfile is linted and compared with the program.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use withings_exporter::process;

use super::{approved, path, text, understood};
use crate::config::{powerless, write};
use crate::program::fed;
use crate::python::tool;
use crate::sources::root;

/// The instructions of the Dockerfile.
pub(super) struct Image {
    instructions: Vec<(String, String)>,
}

impl Image {
    pub(super) fn read() -> Self {
        let text = text("Dockerfile").replace("\\\n", " ");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let instructions = lines.map(|line| line.split_once(' ').unwrap());
        Self { instructions: instructions.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The arguments of the last instruction of this name.
    pub(super) fn last(&self, name: &str) -> &str {
        self.all(name).last().unwrap_or_else(|| panic!("no {name}"))
    }

    pub(super) fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.instructions.iter().filter(move |(instruction, _)| instruction == name).map(|(_, value)| value.as_str())
    }

    /// The environment variables of the image.
    pub(super) fn variables(&self) -> BTreeMap<&str, &str> {
        self.last("ENV").split_whitespace().map(|setting| setting.split_once('=').unwrap()).collect()
    }

    /// The number of the user that runs the program.
    pub(super) fn user(&self) -> u64 {
        self.last("USER").split_once(':').unwrap().0.parse().unwrap()
    }
}

#[test]
fn the_linter_has_nothing_to_say() {
    assert_eq!(approved(tool("hadolint").arg(path("Dockerfile"))), "");
}

#[test]
fn it_runs_as_a_number_with_a_directory_of_its_own() {
    let image = Image::read();
    let (user, storage) = (image.user(), image.variables()["WITHINGS_EXPORTER_STORAGE_PATH"]);
    assert_eq!(image.last("USER"), format!("{user}:{user}"));
    assert_eq!(image.last("VOLUME"), storage);
    let folder = storage.strip_suffix("/withings-exporter").unwrap();
    assert!(image.last("COPY").ends_with(&format!("--chown={user}:{user} /image/state {folder}")));
    assert!(text("release/image.sh").contains(&format!("readonly user={user}\n")));
}

#[test]
fn it_listens_where_it_says_and_is_asked_there() {
    let image = Image::read();
    let address = image.variables()["WITHINGS_EXPORTER_WEB_LISTEN_ADDRESS"];
    assert_eq!(address, format!("0.0.0.0:{}", image.last("EXPOSE")));
    let asked = understood(&["healthcheck", "--web.listen-address", address]).flags;
    assert_eq!(asked.own_url(false).unwrap().as_str(), format!("http://127.0.0.1:{}/", image.last("EXPOSE")));
    assert!(image.last("HEALTHCHECK").ends_with(r#"CMD ["withings-exporter", "healthcheck"]"#));
    assert_eq!(image.last("ENTRYPOINT"), r#"["withings-exporter"]"#);
}

#[test]
fn its_labels_say_what_the_package_says() {
    let image = Image::read();
    let labels = image.all("LABEL").collect::<String>();
    for (label, said) in [("version", env!("CARGO_PKG_VERSION")), ("licenses", env!("CARGO_PKG_LICENSE"))] {
        assert!(labels.contains(&format!("org.opencontainers.image.{label}=\"{said}\"")), "{labels}");
    }
}

#[test]
fn it_is_built_from_what_is_there_and_what_the_program_needs() {
    let copied: Vec<PathBuf> =
        text("Dockerfile.dockerignore").lines().filter_map(|line| line.strip_prefix('!')).map(PathBuf::from).collect();
    for path in &copied {
        assert!(root().join(path).exists(), "{}", path.display());
    }
    // What cargo reads to build the program, and the folder of what rustc reads.
    for needed in ["Cargo.toml", "Cargo.lock", "build.rs", "askama.toml", "deploy/release", "src"] {
        assert!(copied.contains(&needed.into()), "{needed}");
    }
}

#[test]
fn a_volume_of_somebody_else_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("withings.yaml"), "withings:\n  client_id: id\n  profiles: Alice\n");
    let volume = folder.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    std::fs::set_permissions(&volume, std::fs::Permissions::from_mode(0o500)).unwrap();
    let (user, mut program) = (process::user(), powerless(folder.path()));
    program.args(["--web.listen-address", "127.0.0.1:0", "--storage.path"]).arg(&volume);
    let output = fed(program.env("WITHINGS_CLIENT_SECRET", "secret"), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let chown = format!("`chown -R {user} {}`", volume.display());
    for advice in [chown, format!("`fsGroup: {user}`"), "--storage.path".to_owned()] {
        assert!(said.contains(&advice), "{advice} is not in {said}");
    }
}
