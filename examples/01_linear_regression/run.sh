#!/usr/bin/env bash
# One line through a few points: check, simulate, train, sample. Usage: run.sh path/to/sibyl
set -euo pipefail
sibyl=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

"$sibyl" check "$here/linear_regression.sib"
"$sibyl" simulate "$here/linear_regression.sib" -n 5 --seed 7 -o "$out/sims.csv" --truth "$out/truth.csv"
"$sibyl" train "$here/linear_regression.sib" -o "$out/regression.sibyl" --time "${SIBYL_EXAMPLE_TIME:-60s}"
"$sibyl" sample "$out/regression.sibyl" "$out/sims.csv" --by set -n 2000 -o "$out/draws.csv"
# The density of the truth, one number for each data set.
"$sibyl" sample "$out/regression.sibyl" "$out/sims.csv" --by set --at "$out/truth.csv"
