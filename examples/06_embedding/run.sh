#!/usr/bin/env bash
# A C++ program that embeds Sibyl, built against an installed one. Usage: run.sh path/to/installed/bin/sibyl
set -euo pipefail
prefix=$(cd "$(dirname "$1")/.." && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${SIBYL_EXAMPLE_DIR:-.}

cmake -S "$here" -B "$out/embedding" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build "$out/embedding"
time=${SIBYL_EXAMPLE_TIME:-20s}
"$out/embedding/embedding" "${time%s}" | tee "$out/posterior.csv"
