#!/usr/bin/env bash
# A Python program that uses Sibyl; `pip install .` in the repository gives its Python the package. Usage: run.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

python3 "$here/posterior.py" "${SIBYL_EXAMPLE_TIME:-20s}" | tee "$out/posterior.csv"
