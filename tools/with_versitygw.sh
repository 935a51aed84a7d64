#!/bin/sh
# Run a command beside a real S3 server that is not moto: versitygw on this machine, with keys of its own.
#     tools/with_versitygw.sh make demo-lambda N=2048
# The server is bound to 127.0.0.1, ends with the command (an hour at the most), and its files go with it.
set -eu

PATH="$(go env GOPATH 2>/dev/null || echo "$HOME/go")/bin:$PATH"
command -v versitygw >/dev/null || { echo "with_versitygw: run tools/install_versitygw.sh first" >&2; exit 1; }

PORT="${PORT:-7171}"
FOLDER="$(mktemp -d)"
AWS_ACCESS_KEY_ID=local
AWS_SECRET_ACCESS_KEY="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
AWS_ENDPOINT_URL_S3="http://127.0.0.1:$PORT"
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL_S3

ROOT_ACCESS_KEY="$AWS_ACCESS_KEY_ID" ROOT_SECRET_KEY="$AWS_SECRET_ACCESS_KEY" \
    timeout 3600 versitygw --port "127.0.0.1:$PORT" posix "$FOLDER" >"$FOLDER.log" 2>&1 &
SERVER=$!
trap 'kill "$SERVER" 2>/dev/null; wait "$SERVER" 2>/dev/null || true; rm -rf "$FOLDER" "$FOLDER.log"' EXIT

n=0
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $PORT), 1)" 2>/dev/null; do
    n=$((n + 1))
    [ "$n" -lt 50 ] || { cat "$FOLDER.log" >&2; exit 1; }
    sleep 0.1
done
"$@"
