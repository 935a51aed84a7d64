#!/bin/sh
# Install versitygw, the S3 server that the store's conformance tests use beside moto: needs Go, takes a minute.
# It is put where `go install` puts programs; tests look for it there and on PATH.
set -eu

VERSION="${VERSITYGW_VERSION:-v1.8.0}"

for go in go /usr/local/go/bin/go; do
    if command -v "$go" >/dev/null 2>&1; then
        GO="$go"
        break
    fi
done
if [ -z "${GO:-}" ]; then
    echo "install_versitygw: there is no Go tool chain; the tests against versitygw will be skipped" >&2
    exit 1
fi

program="${GOBIN:-$("$GO" env GOPATH)/bin}/versitygw"
if [ ! -x "$program" ]; then
    "$GO" install "github.com/versity/versitygw/cmd/versitygw@$VERSION"
fi
"$program" --version
