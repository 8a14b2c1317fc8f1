#!/usr/bin/env bash
# Builds the Collector of builder.yaml with Go and the Collector's own builder, through the Go module proxy, into a cache
# outside the checkout, once a manifest: build.sh. Prints the path of the binary, and nothing else, on standard output.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v go >/dev/null || { echo 'build.sh needs Go 1.25 or newer on the PATH (Debian: golang-go from backports)' >&2; exit 1; }
digest=$(sha256sum "$here/builder.yaml" | cut -c1-16)
target=${XDG_CACHE_HOME:-$HOME/.cache}/vigil-ci/otelcol-$digest
binary=$target/otelcol-vigil
[ -x "$binary" ] && { echo "$binary"; exit 0; }

version=$(sed -n 's/.*exporter\/debugexporter \(v[0-9.]*\)$/\1/p' "$here/builder.yaml")
mkdir -p "$target"
work=$(mktemp -d "$target/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
sed "s|^  output_path: .*|  output_path: $work/out|" "$here/builder.yaml" >"$work/builder.yaml"
# Not in the checkout, whose own settings for Go would hold.
cd "$work"
CGO_ENABLED=0 go run "go.opentelemetry.io/collector/cmd/builder@$version" --config builder.yaml >&2
# Whole or not at all: another run may look for it at this moment.
mv "$work/out/otelcol-vigil" "$target/.new.$$"
mv "$target/.new.$$" "$binary"
echo "$binary"
