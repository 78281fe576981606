#!/usr/bin/env bash
# Trains the drift-diffusion example and prints the posteriors of 14 real people. Usage: demo.sh path/to/sibyl
set -euo pipefail
sibyl=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
output=${SIBYL_DEMO_DIR:-build/demo}
mkdir -p "$output"

commands=()
show() {
  local arguments
  printf -v arguments ' %q' "${@:2}"
  commands+=("sibyl$arguments")
  printf '\n$ %s\n' "${commands[-1]}"
  "$@"
}

show "$sibyl" check examples/03_drift_diffusion/drift_diffusion.sib
show "$sibyl" train examples/03_drift_diffusion/drift_diffusion.sib -o "$output/drift_diffusion.sibyl" \
  --time "${SIBYL_DEMO_TIME:-170s}"
show "$sibyl" sample "$output/drift_diffusion.sibyl" examples/data/cavanagh_2011.csv --by subj_idx -n 4000 \
  -o "$output/draws.csv"

printf '\nThe draws are in %s. What ran, to go on from:\n' "$output/draws.csv"
printf '  ./run %s\n' "${commands[@]}"
