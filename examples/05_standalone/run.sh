#!/usr/bin/env bash
# A trained sampler as a program of its own, and as a library for C and Python. Usage: run.sh path/to/sibyl
set -euo pipefail
sibyl=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

model=$here/../01_linear_regression/linear_regression.sib
"$sibyl" simulate "$model" -n 5 --seed 7 -o "$out/sims.csv"
"$sibyl" train "$model" -o "$out/regression.sibyl" --time "${SIBYL_EXAMPLE_TIME:-60s}"

# One executable with nothing beside it: the flags and the draws of `sibyl sample`.
"$sibyl" build "$out/regression.sibyl" -o "$out/regression"
"$out/regression" "$out/sims.csv" --by set -n 2000 -o "$out/draws.csv"
ldd "$out/regression"

# A shared library, with its header sibyl_sampler.h beside it.
"$sibyl" build "$out/regression.sibyl" --lib -o "$out/libregression.so"
cc -O2 -I"$out" "$here/posterior.c" -o "$out/posterior" -L"$out" -lregression -Wl,-rpath,"$out"
"$out/posterior"
python3 "$here/posterior.py" "$out/libregression.so" "$out/sims.csv"
