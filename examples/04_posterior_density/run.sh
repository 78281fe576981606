#!/usr/bin/env bash
# A Stan text as a library for BridgeStan's clients: eight schools, non-centered. Usage: run.sh path/to/sibyl
set -euo pipefail
sibyl=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

"$sibyl" check "$here/eight_schools.stan"
"$sibyl" compile "$here/eight_schools.stan" --emit ir --function log_density | head -20
"$sibyl" compile "$here/eight_schools.stan" --shared -o "$out/eight_schools.so"
"$sibyl" simulate "$out/eight_schools.so" -n 3 --design "$here/eight_schools.json" -o "$out/prior_predictive.csv"
# In Python:  bridgestan.StanModel("eight_schools.so", data="eight_schools.json").log_density_gradient(...)
