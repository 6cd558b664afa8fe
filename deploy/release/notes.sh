#!/usr/bin/env bash
# Prints what the changelog says about a release: notes.sh TAG. Fails unless the tag is the version of Cargo.toml with a `v` before it,
# and the changelog has that version with its date.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

tag="${1:?usage: notes.sh TAG}"
version="$(cargo pkgid --locked)"
version="${version##*[#@]}"
[[ $tag == "v$version" ]] || fail "the tag is $tag, and Cargo.toml has version $version: it must be v$version"

notes="$(awk -v heading="## $version / " '
  index($0, "## ") == 1 { is_within = index($0, heading) == 1; next }
  is_within
' CHANGELOG.md)"
[[ -n ${notes//[[:space:]]/} ]] || fail "CHANGELOG.md has no section \"## $version / DATE\": give \"## Unreleased\" that heading"
printf '%s\n' "$notes"
