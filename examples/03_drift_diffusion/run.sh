#!/usr/bin/env bash
# Reaction times and choices of 14 people: what `./run demo` runs. Usage: run.sh path/to/sibyl
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SIBYL_DEMO_DIR=${SIBYL_EXAMPLE_DIR:-.} SIBYL_DEMO_TIME=${SIBYL_EXAMPLE_TIME:-170s} exec "$here/../demo.sh" "$1"
