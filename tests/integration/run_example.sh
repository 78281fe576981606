#!/usr/bin/env bash
# Runs one example as its script stands, with training cut short. Usage: run_example.sh SIBYL SCRIPT
set -euo pipefail
export SIBYL_EXAMPLE_TIME=5s SIBYL_EXAMPLE_DIR
SIBYL_EXAMPLE_DIR=$(mktemp -d)
trap 'rm -rf "$SIBYL_EXAMPLE_DIR"' EXIT
export XDG_CACHE_HOME=$SIBYL_EXAMPLE_DIR/cache
"$2" "$1"
ls "$SIBYL_EXAMPLE_DIR"/*.csv >/dev/null
