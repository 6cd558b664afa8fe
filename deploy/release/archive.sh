#!/usr/bin/env bash
# Packs the static program with its documents: archive.sh FOLDER writes FOLDER/withings-exporter-VERSION.linux-ARCHITECTURE.tar.gz.
# The same commit gives the same archive.
set -euo pipefail

mkdir -p "$1"
folder="$(realpath "$1")"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Documents keep their places, for they link to each other.
readonly content=(CHANGELOG.md CONTRIBUTING.md LICENSE README.md SECURITY.md docs deploy/README.md deploy/MIGRATION.md
  deploy/alertmanager/alertmanager.yml deploy/alertmanager/withings.tmpl deploy/compose.yaml deploy/Dockerfile
  deploy/completions deploy/debian deploy/examples deploy/kubernetes deploy/man deploy/prometheus deploy/systemd
  grafana/dashboards grafana/kustomization.yaml grafana/pictures grafana/provisioning)

program="$(deploy/release/build.sh)"
version="$(cargo pkgid --locked)"
case "$(uname -m)" in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture="$(uname -m)" ;;
esac
name="withings-exporter-${version##*[#@]}.linux-$architecture"

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$name"
install -m 0755 "$program" "$stage/$name/"
cp --parents --recursive "${content[@]}" "$stage/$name/"
tar --create --gzip --file "$folder/$name.tar.gz" --directory "$stage" --sort=name --owner=0 --group=0 --numeric-owner \
  --mode=u=rwX,go=rX --mtime="@$(git log -1 --format=%ct)" "$name"
