#!/usr/bin/env bash
# Writes the file SHA256SUMS of the files in a folder: checksums.sh FOLDER. `sha256sum --check SHA256SUMS` checks them.
set -euo pipefail
cd "${1:?usage: checksums.sh FOLDER}"

rm -f SHA256SUMS
sums="$(sha256sum -- *)"
printf '%s\n' "$sums" >SHA256SUMS
