//! The Debian package: made by dpkg-deb from the list that cargo-deb reads, then installed, removed and purged in a root of
//! its own. The machine's own packages are left alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{approved, path, static_program};
use crate::config::write;
use crate::python::answer;
use crate::sources::{root, walk};

/// What the source of the program is called in the list, wherever it was built.
const PROGRAM: &str = "target/release/withings-exporter";

/// `package.metadata.deb` of Cargo.toml, as far as dpkg-deb needs it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    maintainer: String,
    section: String,
    depends: String,
    maintainer_scripts: PathBuf,
    conf_files: Vec<String>,
    /// Source, target (a folder if it ends in a slash) and permissions.
    assets: Vec<(String, String, String)>,
}

impl Listed {
    fn read() -> Self {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root()).args(["metadata", "--no-deps", "--offline", "--locked", "--format-version=1"]);
        let metadata: Value = serde_json::from_slice(&answer(&mut cargo, b"")).unwrap();
        let package =
            metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == "withings-exporter");
        serde_json::from_value(package.unwrap()["metadata"]["deb"].clone()).unwrap()
    }

    /// The files of the list, each with its place in the package and its permissions.
    fn files(&self) -> Vec<(PathBuf, PathBuf, u32)> {
        let of_asset = |(source, target, mode): &(String, String, String)| {
            let (target, mode) = (target.clone(), u32::from_str_radix(mode, 8).unwrap());
            sources(source).into_iter().map(move |file| {
                let place = if target.ends_with('/') { format!("{target}{}", name(&file)) } else { target.clone() };
                (file, place.into(), mode)
            })
        };
        self.assets.iter().flat_map(of_asset).collect()
    }

    /// Makes the package in `folder`.
    fn package(&self, folder: &Path) -> PathBuf {
        let program = static_program();
        let tree = folder.join("tree");
        for (source, place, mode) in self.files() {
            let source = if source.ends_with(PROGRAM) { &program } else { &source };
            install(source, &tree.join(place), mode);
        }
        for script in ["postinst", "prerm", "postrm"] {
            install(&root().join(&self.maintainer_scripts).join(script), &tree.join("DEBIAN").join(script), 0o755);
        }
        write(&tree.join("DEBIAN/conffiles"), &format!("{}\n", self.conf_files.join("\n")));
        write(&tree.join("DEBIAN/control"), &self.control());
        let package = folder.join("withings-exporter.deb");
        approved(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&package));
        package
    }

    fn control(&self) -> String {
        let architecture = approved(Command::new("dpkg").arg("--print-architecture"));
        let (version, description) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"));
        let Self { maintainer, section, depends, .. } = self;
        format!(
            "Package: withings-exporter\nVersion: {version}-1\nArchitecture: {architecture}Maintainer: {maintainer}\n\
             Section: {section}\nDepends: {depends}\nDescription: {description}\n"
        )
    }
}

/// The files that a source names, which may have a `*` in its last part.
fn sources(source: &str) -> Vec<PathBuf> {
    let (folder, pattern) = source.rsplit_once('/').unwrap_or((".", source));
    let Some((begin, end)) = pattern.split_once('*') else { return vec![root().join(source)] };
    let mut files = Vec::new();
    walk(&root().join(folder), &mut |file| files.push(file.to_owned()));
    files.retain(|file| name(file).starts_with(begin) && name(file).ends_with(end));
    files
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

fn install(source: &Path, target: &Path, mode: u32) {
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(source, target).unwrap();
    fs::set_permissions(target, fs::Permissions::from_mode(mode)).unwrap();
}

/// A root with as much of Debian as the package's scripts need: a shell, `rm`, and what dpkg knows of its packages.
struct Root {
    folder: TempDir,
}

impl Root {
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        for tool in ["/bin/sh", "/bin/rm"] {
            let libraries = approved(Command::new("ldd").arg(tool));
            let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/'));
            for file in libraries.chain([tool]) {
                install(Path::new(file), &made.path(file), 0o755);
            }
        }
        for folder in ["info", "updates"] {
            fs::create_dir_all(made.path("var/lib/dpkg").join(folder)).unwrap();
        }
        let authorities = "Package: ca-certificates\nStatus: install ok installed\nMaintainer: none\nArchitecture: all\n\
                           Version: 1\nDescription: none\n";
        write(&made.path("var/lib/dpkg/status"), authorities);
        write(&made.path("var/lib/dpkg/info/ca-certificates.list"), "");
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.trim_start_matches('/'))
    }

    /// What dpkg and the package's scripts print.
    fn dpkg(&self, action: &str, what: &Path) -> String {
        let mut dpkg = Command::new("unshare");
        dpkg.args(["--map-root-user", "dpkg", "--log=/dev/null", "--root"]).arg(self.folder.path());
        approved(dpkg.arg(action).arg(what))
    }

    fn exists(&self, name: &str) -> bool {
        // A link that leads nowhere is there, too.
        self.path(name).symlink_metadata().is_ok()
    }

    /// What the service leaves behind: systemd makes the first for its user, and a link to it.
    fn run_service(&self) {
        let state = self.path("var/lib/private/withings-exporter/logins");
        fs::create_dir_all(&state).unwrap();
        write(&state.join("alice.json"), "{}");
        symlink("private/withings-exporter", self.path("var/lib/withings-exporter")).unwrap();
    }
}

#[test]
fn everything_that_the_package_lists_is_there_and_nothing_that_people_install_is_missing() {
    let files = Listed::read().files();
    let mut missing = files.iter().filter(|(source, ..)| !source.exists() && !source.ends_with(PROGRAM));
    assert_eq!(missing.next(), None);
    for folder in ["man", "completions", "systemd"] {
        walk(&path(folder), &mut |file| {
            assert!(files.iter().any(|(source, ..)| source == file), "{} is not in the package", file.display());
        });
    }
}

#[test]
#[ignore = "long: tests/run --long"]
fn removing_the_package_keeps_logins_and_purging_deletes_them_and_says_so() {
    let (folder, root) = (tempfile::tempdir().unwrap(), Root::new());
    let package = Listed::read().package(folder.path());
    let said = root.dpkg("--install", &package);
    assert!(said.contains("systemctl enable --now withings-exporter"), "{said}");
    let mut version = Command::new("unshare");
    let version = approved(
        version.args(["--map-root-user", "chroot"]).arg(root.folder.path()).args(["withings-exporter", "--version"]),
    );
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let secret = root.path("etc/withings-exporter/client_secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);

    write(&secret, "secret");
    write(&root.path("etc/withings-exporter/withings.yaml"), "withings: {}\n");
    root.run_service();
    let said = root.dpkg("--install", &package);
    assert!(!said.contains("enable"), "an upgrade has nothing to explain: {said}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(fs::read_to_string(root.path("etc/withings-exporter/withings.yaml")).unwrap(), "withings: {}\n");

    let name = Path::new("withings-exporter");
    root.dpkg("--remove", name);
    assert!(!root.exists("usr/bin/withings-exporter"));
    assert!(
        root.exists("var/lib/withings-exporter/logins/alice.json")
            && root.exists("etc/withings-exporter/withings.yaml")
    );

    let said = root.dpkg("--purge", name);
    assert!(said.contains("deleted all logins and readings"), "{said}");
    for gone in ["var/lib/withings-exporter", "var/lib/private/withings-exporter", "etc/withings-exporter"] {
        assert!(!root.exists(gone), "{gone}");
    }
}
