//! What an address says, and what is wrong with one.

use super::*;

fn parse(url: &str) -> Address {
    Address::parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[track_caller]
fn check_refused(url: &str, expected: &AddressError) {
    let error = Address::parse(url, Some("of-the-environment")).unwrap_err();
    assert_eq!(error, *expected, "{url}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn hosts_are_tried_as_they_are_written() {
    let address =
        parse("postgres://exporter:s3cret@db1:5433,[fe80::1],10.0.0.1/withings?target_session_attrs=read-write");
    assert_eq!(address.to_string(), "exporter@db1:5433,[fe80::1]:5432,10.0.0.1:5432/withings");
    let ports: Vec<_> = address.configs().iter().map(|config| config.get_ports().to_vec()).collect();
    assert_eq!(ports, [[5433], [5432], [5432]]);
    for config in address.configs() {
        assert_eq!(config.get_hosts().len(), 1, "each host has a share of the time");
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(config.get_application_name(), Some("withings-exporter"));
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(2)));
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(10)));
        assert_eq!((config.get_user(), config.get_dbname()), (Some("exporter"), Some("withings")));
    }
    let named = parse("postgresql://db/withings?application_name=study%20A&connect_timeout=4").configs();
    assert_eq!(named[0].get_application_name(), Some("study A"));
    assert_eq!(named[0].get_connect_timeout(), Some(&Duration::from_secs(4)));
    assert_eq!(named[0].get_user(), None);
}

#[test]
fn a_password_is_the_urls_then_the_environments_and_never_shown() {
    let password = |url: &str, of_environment: Option<&str>| {
        let address = Address::parse(url, of_environment).unwrap();
        assert!(!format!("{address} {address:?}").contains("s3cret"));
        let configs = address.configs();
        (address.has_password(), configs[0].get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    let of_url = "postgres://me:s3cret%40%2F@db/withings";
    assert_eq!(password(of_url, Some("other")), (true, Some("s3cret@/".into())));
    assert_eq!(password("postgres://me@db/withings", Some("s3cret")), (false, Some("s3cret".into())));
    assert_eq!(password("postgres://me:@db/withings", Some("s3cret")), (false, Some("s3cret".into())));
    assert_eq!(password("postgres://me@db/withings", Some("")), (false, None));
}

#[test]
fn another_machine_has_to_show_a_certificate_unless_told_otherwise() {
    let encryption = |url: &str| parse(url).encryption().clone();
    let checked = Encryption::Verified(None);
    for local in ["localhost", "127.0.0.1", "[::1]", "127.0.0.2,localhost", "%2Frun%2Fpostgresql"] {
        assert_eq!(encryption(&format!("postgres://{local}/withings")), Encryption::Off, "{local}");
    }
    for remote in ["db", "10.0.0.1", "localhost,db", "localhost.example.org", "%2Frun%2Fpostgresql,db"] {
        assert_eq!(encryption(&format!("postgres://{remote}/withings")), checked, "{remote}");
    }
    assert_eq!(encryption("postgres://db/withings?sslmode=disable"), Encryption::Off);
    assert_eq!(encryption("postgres://db/withings?sslmode=require"), Encryption::Unverified);
    assert_eq!(encryption("postgres://localhost/withings?sslmode=verify-full"), checked);
    let of_file = Encryption::Verified(Some("/etc/ca.pem".into()));
    assert_eq!(encryption("postgres://localhost/withings?sslrootcert=/etc/ca.pem"), of_file);
    assert_eq!(encryption("postgres://db/withings?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem"), of_file);
    let modes: Vec<_> = parse("postgres://%2Frun%2Fpostgresql,db/withings").configs();
    let modes: Vec<_> = modes.iter().map(Config::get_ssl_mode).collect();
    assert_eq!(modes, [SslMode::Disable, SslMode::Require], "a Unix socket has no TLS");
}

#[test]
fn a_unix_socket_is_a_host() {
    assert_eq!(parse("postgres:///withings?host=/run/postgresql").to_string(), "/run/postgresql:5432/withings");
    assert_eq!(parse("postgres://me@%2Frun%2Fpg:5433/withings").to_string(), "me@/run/pg:5433/withings");
}

#[test]
fn a_mistake_is_named_and_no_part_of_the_url_is_repeated() {
    check_refused("mysql://me:s3cret@db/withings", &AddressError::Scheme);
    check_refused("host=db password=s3cret", &AddressError::Scheme);
    for unescaped in [
        "postgres://me:p@s3cret@db/withings",
        "postgres://me:p/s3cret@db/withings",
        "postgres://me:p?s3cret@db/withings",
        "postgres://me:p#s3cret@db/withings",
        "postgres://me@db/withings#s3cret",
        "postgres://me@db/withings/s3cret",
    ] {
        check_refused(unescaped, &AddressError::Unescaped);
    }
    check_refused("postgres://me:s3cret@/withings", &AddressError::NoHost);
    check_refused("postgres://me:s3cret@db,/withings", &AddressError::NoHost);
    check_refused("postgres:///withings", &AddressError::NoHost);
    check_refused("postgres://me:s3cret@db", &AddressError::NoDatabase);
    check_refused("postgres://me:s3cret@db/", &AddressError::NoDatabase);
    for port in ["db:s3cret", "db:0", "db:65536", "::1"] {
        check_refused(&format!("postgres://{port}/withings"), &AddressError::Port);
    }
    check_refused("postgres://[::1/withings", &AddressError::Unreadable);
    check_refused("postgres://%ff@db/withings", &AddressError::Unreadable);
}

#[test]
fn a_wrong_parameter_is_refused_with_what_is_allowed() {
    let check = |parameters: &str, expected: &AddressError| {
        check_refused(&format!("postgres://me@db/withings?{parameters}"), expected);
    };
    for parameter in ["password=s3cret", "sslcert=a.pem", "options=-c%20statement_timeout=1s", "s3cret"] {
        check(parameter, &AddressError::Parameter);
    }
    check("sslmode=require&sslmode=disable", &AddressError::Twice("sslmode"));
    for mode in ["allow", "prefer", "verify-ca", "Require"] {
        check(&format!("sslmode={mode}"), &AddressError::SslMode);
    }
    check("sslmode=require&sslrootcert=ca.pem", &AddressError::SslRootCert);
    check("sslrootcert=ca.pem&sslmode=disable", &AddressError::SslRootCert);
    for attributes in ["any", "read-only", "primary", "prefer-standby"] {
        check(&format!("target_session_attrs={attributes}"), &AddressError::TargetSessionAttrs);
    }
    for seconds in ["0", "-1", "61", "2s", "1.5"] {
        check(&format!("connect_timeout={seconds}"), &AddressError::ConnectTimeout);
    }
    assert!(
        AddressError::Parameter
            .to_string()
            .ends_with("known are sslmode, sslrootcert, target_session_attrs, application_name, connect_timeout, host")
    );
}
