//! What the command line understands.

use std::net::ToSocketAddrs;
use std::path::Path;

use clap::{CommandFactory, Parser};

use super::{Cli, Command, DemoFlags, DocumentFormat, Flags, ListenAddress, Place};
use crate::telemetry::log::{Level, LogFormat};

fn parse(line: &str) -> Cli {
    Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|err| panic!("{line}: {err}"))
}

fn addresses(flags: &Flags) -> Vec<String> {
    flags.listen_addresses.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check_refused(line: &str, part_of_message: &str) {
    let err = Cli::try_parse_from(line.split_whitespace()).unwrap_err();
    assert_eq!(err.exit_code(), 2, "{line}");
    assert!(err.to_string().contains(part_of_message), "{line}: {err}");
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn nothing_means_serve_with_the_defaults() {
    let Cli { flags, command } = parse("withings-exporter");
    assert_eq!(command, None);
    assert_eq!(flags.config_file, Path::new("withings.yaml"));
    assert_eq!(addresses(&flags), ["127.0.0.1:10064"]);
    assert_eq!(flags.telemetry_path, "/metrics");
    assert_eq!(flags.max_requests, 40);
    assert!(!flags.disable_exporter_metrics);
    assert_eq!((flags.log_level, flags.log_format), (Level::Info, LogFormat::Logfmt));
}

#[test]
fn flags_stand_before_or_after_the_command() {
    for line in [
        "withings-exporter --config.file a.yaml --web.listen-address :1 --web.disable-exporter-metrics check-config",
        "withings-exporter check-config --config.file a.yaml --web.listen-address :1 --web.disable-exporter-metrics",
        "withings-exporter --config.file=a.yaml check-config --web.listen-address=:1 --web.disable-exporter-metrics",
    ] {
        let Cli { flags, command } = parse(line);
        assert_eq!(command, Some(Command::CheckConfig), "{line}");
        assert_eq!(flags.config_file, Path::new("a.yaml"), "{line}");
        assert_eq!(addresses(&flags), [":1"], "{line}");
        assert!(flags.disable_exporter_metrics, "{line}");
    }
}

#[test]
fn commands_have_their_own_flags() {
    let format = |line| match parse(line).command {
        Some(Command::Measurements { format }) => format,
        other => panic!("{other:?}"),
    };
    assert_eq!(format("withings-exporter measurements"), DocumentFormat::Table);
    assert_eq!(format("withings-exporter measurements --format markdown"), DocumentFormat::Markdown);
    let demo = parse("withings-exporter demo --demo.replay captured").command;
    assert_eq!(demo, Some(Command::Demo(DemoFlags { replay: Some("captured".into()), ..DemoFlags::default() })));
}

#[test]
fn every_flag_has_a_variable_named_after_it() {
    for arg in Cli::command().get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        let flag = arg.get_long().unwrap();
        let variable = format!("WITHINGS_EXPORTER_{}", flag.to_uppercase().replace(['.', '-'], "_"));
        assert_eq!(arg.get_env().unwrap().to_str(), Some(variable.as_str()), "{flag}");
    }
}

#[test]
fn addresses_are_repeated_or_separated_by_commas() {
    let repeated = parse("withings-exporter --web.listen-address [::1]:10064 --web.listen-address localhost:9");
    assert_eq!(addresses(&repeated.flags), ["[::1]:10064", "localhost:9"]);
    let commas = parse("withings-exporter --web.listen-address [::1]:10064,localhost:9");
    assert_eq!(commas.flags.listen_addresses, repeated.flags.listen_addresses);
    assert_eq!(repeated.flags.default_base_url(false).unwrap().as_str(), "http://localhost:10064/");
    assert_eq!(repeated.flags.default_base_url(true).unwrap().as_str(), "https://localhost:10064/");
    let passed = parse("withings-exporter --web.systemd-socket");
    assert_eq!(passed.flags.default_base_url(false), None);
}

#[test]
fn an_address_without_a_host_is_every_interface() {
    let tried = |text: &str| -> Vec<String> {
        let address: ListenAddress = text.parse().unwrap();
        address.to_socket_addrs().unwrap().map(|address| address.to_string()).collect()
    };
    assert_eq!(tried(":10064"), ["[::]:10064", "0.0.0.0:10064"]);
    assert_eq!(tried("[::1]:0"), ["[::1]:0"]);
    assert_eq!(tried("192.0.2.1:80"), ["192.0.2.1:80"]);
}

#[test]
fn the_own_exporter_is_found_on_this_host() {
    for (address, url) in [
        (":10064", "http://127.0.0.1:10064/"),
        ("0.0.0.0:80", "http://127.0.0.1/"),
        ("[::]:9", "http://[::1]:9/"),
        ("[::1]:9", "http://[::1]:9/"),
        ("192.0.2.1:9", "http://192.0.2.1:9/"),
        ("nas.local:9", "http://nas.local:9/"),
    ] {
        let flags = parse(&format!("withings-exporter --web.listen-address {address}")).flags;
        assert_eq!(flags.own_url(false).unwrap().as_str(), url);
        assert_eq!(flags.own_url(true).unwrap().scheme(), "https");
    }
    assert_eq!(parse("withings-exporter --web.listen-address :0").flags.own_url(false), None);
}

#[test]
fn storage_is_the_flags_then_systemds_then_data() {
    let default = parse("withings-exporter").flags;
    assert_eq!(default.storage_path(None), Path::new("data"));
    assert_eq!(default.storage_path(Some("".into())), Path::new("data"));
    assert_eq!(default.storage_path(Some("/var/lib/withings:/var/lib/other".into())), Path::new("/var/lib/withings"));
    let given = parse("withings-exporter --storage.path here").flags;
    assert_eq!(given.storage_path(Some("/var/lib/withings".into())), Path::new("here"));
}

/// Where state is kept, or why not, with these flags and variables.
#[cfg(feature = "postgres")]
fn place(flags: &str, variables: &[(&str, &str)]) -> Result<Place, String> {
    let flags = parse(&format!("withings-exporter {flags}")).flags;
    let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    flags.place(&env).map_err(|error| error.to_string())
}

#[cfg(feature = "postgres")]
#[test]
fn a_database_and_its_key_file_go_together_and_leave_no_place_for_a_directory() {
    const URL: &str = "--storage.url postgres://me@db/withings";
    let check_refused = |flags: &str, part_of_message: &str| {
        let message = place(flags, &[]).unwrap_err();
        assert!(message.contains(part_of_message), "{flags}: {message}");
    };
    check_refused(URL, "needs --storage.key-file");
    check_refused("--storage.key-file key", "--storage.url is missing");
    check_refused(&format!("{URL} --storage.key-file key --storage.path here"), "leave one of them out");
    let both = format!("{URL} --storage.key-file key");
    assert!(matches!(place(&both, &[]).unwrap(), Place::Database { key_file, .. } if key_file == Path::new("key")));
    assert!(
        matches!(place("", &[("STATE_DIRECTORY", "/state")]).unwrap(), Place::Directory(path) if path == Path::new("/state"))
    );
    // An image sets the variable of the directory for those who name no place.
    let of_image = [("WITHINGS_EXPORTER_STORAGE_PATH", "/data")];
    assert!(matches!(place(&format!("{both} --storage.path /data"), &of_image).unwrap(), Place::Database { .. }));
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_build_without_postgresql_says_so() {
    let flags = parse("withings-exporter --storage.url postgres://me@db/withings").flags;
    assert!(flags.place(&|_| None).unwrap_err().to_string().contains("built without PostgreSQL"));
    assert!(matches!(parse("withings-exporter").flags.place(&|_| None).unwrap(), Place::Directory(_)));
}

#[test]
fn a_password_in_an_address_is_seen_in_no_help_and_no_debug_text() {
    let flags = parse("withings-exporter --storage.url postgres://me:s3cret@db/withings").flags;
    assert!(!format!("{flags:?}").contains("s3cret"));
    let variable =
        |url: &'static str| move |name: &str| (name == "WITHINGS_EXPORTER_STORAGE_URL").then(|| url.to_owned());
    assert!(flags.shows_url(&|_| None));
    assert!(!flags.shows_url(&variable("postgres://me:s3cret@db/withings")), "it is in the variable");
    assert!(!parse("withings-exporter").flags.shows_url(&|_| None));
    let command = Cli::command();
    let url = command.get_arguments().find(|arg| arg.get_long() == Some("storage.url")).unwrap();
    assert!(url.is_hide_env_values_set());
}

#[test]
fn wrong_usage_is_refused_with_the_reason() {
    check_refused("withings-exporter --web.listen-address 10064", "no port");
    check_refused("withings-exporter --web.listen-address localhost:http", "0 to 65535");
    check_refused("withings-exporter --web.listen-address localhost:65536", "0 to 65535");
    check_refused("withings-exporter --web.listen-address ::1:10064", "brackets");
    check_refused("withings-exporter --web.listen-address http://localhost:10064", "brackets");
    check_refused("withings-exporter --web.telemetry-path metrics", "begin with /");
    check_refused("withings-exporter --web.telemetry-path /callback", "taken");
    check_refused("withings-exporter --web.telemetry-path /-/healthy", "taken");
    check_refused("withings-exporter --web.max-requests many", "invalid digit");
    check_refused("withings-exporter --log.level trace", "debug, info, warn, error");
    check_refused("withings-exporter --log.format text", "logfmt, json");
    check_refused("withings-exporter measurements --format xml", "table, markdown, json");
    check_refused("withings-exporter demo --demo.label job=demo", "--demo.backfill");
    check_refused("withings-exporter demo --demo.backfill file --demo.label profile=Alice", "have or reserve");
    check_refused("withings-exporter storage", "new-key");
    check_refused("withings-exporter serve", "unrecognized subcommand");
}
