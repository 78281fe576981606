#!/usr/bin/env bash
# A posterior with two modes and a simulator without a density. Usage: run.sh path/to/sibyl
set -euo pipefail
sibyl=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

"$sibyl" check "$here/two_moons.sib"
"$sibyl" train "$here/two_moons.sib" -o "$out/two_moons.sibyl" --time "${SIBYL_EXAMPLE_TIME:-60s}"
"$sibyl" sample "$out/two_moons.sibyl" "$here/data.json" -n 4000 -o "$out/draws.csv" --density
