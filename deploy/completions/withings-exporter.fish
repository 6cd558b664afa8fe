function __fish_withings_exporter_needs_command
    not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help
end

function __fish_withings_exporter_using_subcommand
    __fish_seen_subcommand_from $argv
end

complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "demo" -d 'Show a simulated household: metrics with no account'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "backfill" -d 'Write the history of profiles as OpenMetrics, or send it to a server'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "check-config" -d 'Read the configuration and print what would be exported, or the mistake'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "authorize" -d 'Log a profile in from this terminal. The exporter may be running'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "forget" -d 'Delete everything stored about a profile, and end its login at Withings'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "storage" -d 'Look after a storage in PostgreSQL'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "healthcheck" -d 'Ask the running exporter whether it is healthy; it is started with the same flags and variables'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "measurements" -d 'Print the catalogue of measurements'
complete -c withings-exporter -n "__fish_withings_exporter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l demo.replay -d 'Serve the captured answers in this directory instead of a simulation' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l demo.backfill -d 'First write the people\'s history to this file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l demo.label -d 'A label for every series of that file; repeat the flag for several. With `job` and `instance` as in Prometheus\' targets, history and live scrapes are the same series' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand demo" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l output -d 'Write it to this file, or to standard output for `-`' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l format -d 'Write OpenMetrics text with timestamps, for Prometheus and VictoriaMetrics, or a table for people, spreadsheets and notebooks' -r -f -a "openmetrics\t''
csv\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l url -d 'Send it to this server by remote write: Prometheus, VictoriaMetrics and others' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l profile -d 'The profile; repeat the flag for several [default: all that have a login]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l start -d 'The first time, as YYYY-MM-DD in UTC or RFC 3339 [default: everything]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l end -d 'The last day, as YYYY-MM-DD in UTC, or the first time to leave out, as RFC 3339 [default: three hours ago]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l label -d 'A label for every series; repeat the flag for several. With `job` and `instance` as in Prometheus\' targets, history and live scrapes are the same series' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l fill -d 'Repeat each value at this interval until the next one, such as 4m, for queries without `last_over_time`' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l sleep-stages -d 'Also read the stages and the curves of the nights, a request for each: of the last 90 days, or since --start'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l intraday -d 'Also read what watches measured through the days, a request for each: of the last 90 days, or since --start'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand backfill" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand check-config" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand authorize" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand forget" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "migrate" -d 'Bring the tables in PostgreSQL to this version; in an empty database make them, and the key file where there is none'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "import" -d 'Move everything from a directory into PostgreSQL. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "export" -d 'Move everything from PostgreSQL into a directory. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "accept-restore" -d 'After a restore that was meant: let logins be refreshed with this database again'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "new-key" -d 'Make a key file, or put a new key before the one in it, which opens what was sealed before'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and not __fish_seen_subcommand_from migrate import export accept-restore new-key help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from migrate" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l from -d 'The directory, from which no exporter serves' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l to -d 'The directory: an empty one, or the one from which it came' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from accept-restore" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from new-key" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "migrate" -d 'Bring the tables in PostgreSQL to this version; in an empty database make them, and the key file where there is none'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "import" -d 'Move everything from a directory into PostgreSQL. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "export" -d 'Move everything from PostgreSQL into a directory. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "accept-restore" -d 'After a restore that was meant: let logins be refreshed with this database again'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "new-key" -d 'Make a key file, or put a new key before the one in it, which opens what was sealed before'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand healthcheck" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l format -d 'Print columns for a terminal, a table in Markdown, or an array of objects' -r -f -a "table\t''
markdown\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l config.file -d 'The configuration file' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l storage.path -d 'The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l storage.url -d 'PostgreSQL in place of a directory, for many exporters with the same profiles: `postgres://USER@HOST/DATABASE`; the password is better in `PGPASSWORD` [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l storage.key-file -d 'The file with the key of the logins in PostgreSQL [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.listen-address -d 'The address to listen on, as HOST:PORT or :PORT; repeat it for several' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.config.file -d 'The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none]' -r -F
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.allowed-host -d 'A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it for several [default: none]' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.telemetry-path -d 'The path of the metrics' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.max-requests -d 'The most scrapes that wait for their pages at the same time; 0 is no limit' -r
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l log.level -d 'The least severe messages to log' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l log.format -d 'The format of log messages' -r -f -a "logfmt\t''
json\t''"
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.systemd-socket -d 'Listen on the sockets that systemd passes, instead of addresses'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -l web.disable-exporter-metrics -d 'Leave out the metrics of the exporter itself'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -s h -l help -d 'Print help'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand measurements" -s V -l version -d 'Print version'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "demo" -d 'Show a simulated household: metrics with no account'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "backfill" -d 'Write the history of profiles as OpenMetrics, or send it to a server'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "check-config" -d 'Read the configuration and print what would be exported, or the mistake'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "authorize" -d 'Log a profile in from this terminal. The exporter may be running'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "forget" -d 'Delete everything stored about a profile, and end its login at Withings'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "storage" -d 'Look after a storage in PostgreSQL'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "healthcheck" -d 'Ask the running exporter whether it is healthy; it is started with the same flags and variables'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "measurements" -d 'Print the catalogue of measurements'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and not __fish_seen_subcommand_from demo backfill check-config authorize forget storage healthcheck measurements help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "migrate" -d 'Bring the tables in PostgreSQL to this version; in an empty database make them, and the key file where there is none'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "import" -d 'Move everything from a directory into PostgreSQL. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "export" -d 'Move everything from PostgreSQL into a directory. It can be run again after it was cut off'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "accept-restore" -d 'After a restore that was meant: let logins be refreshed with this database again'
complete -c withings-exporter -n "__fish_withings_exporter_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "new-key" -d 'Make a key file, or put a new key before the one in it, which opens what was sealed before'
