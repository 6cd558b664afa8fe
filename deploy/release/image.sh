#!/usr/bin/env bash
# Lays out what the image has: image.sh FOLDER makes FOLDER/rootfs, and FOLDER/state with the directory that a new
# volume begins as: empty, and closed to others. In the image it belongs to the user.
set -euo pipefail

mkdir -p "$1"
folder="$(realpath "$1")"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# As `USER` in deploy/Dockerfile.
readonly user=10064

program="$(deploy/release/build.sh)"
install -D -m 0755 "$program" "$folder/rootfs/usr/local/bin/withings-exporter"
# The certificates of public authorities, which Withings' are checked against.
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$folder/rootfs/etc/ssl/certs/ca-certificates.crt"
printf 'withings-exporter:x:%s:%s::/var/lib/withings-exporter:/sbin/nologin\n' "$user" "$user" >"$folder/rootfs/etc/passwd"
printf 'withings-exporter:x:%s:\n' "$user" >"$folder/rootfs/etc/group"
install -d -m 1777 "$folder/rootfs/tmp"
install -d -m 0755 "$folder/state"
install -d -m 0700 "$folder/state/withings-exporter"
