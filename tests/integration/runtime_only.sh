#!/usr/bin/env bash
# Builds the runtime alone, as on a machine with neither LLVM nor Boost, proves that no header of theirs was read, and
# trains and samples there on a library that the full program wrote.
# Usage: runtime_only.sh SIBYL SOURCE BUILD [CMAKE ARGUMENT...]
set -euo pipefail
sibyl=$1 source=$2 build=$3
shift 3

fail() { echo "$1" >&2; exit 1; }

cmake -S "$source" -B "$build" -G Ninja -DSIBYL_COMPILER=OFF -DSIBYL_TESTS=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON "$@"
cmake --build "$build" --target sibyl_program

# Every file that the compiler opened, by the dependencies that it wrote down itself.
dependencies=$(ninja -C "$build" -t deps)
grep -q '/nlohmann/' <<<"$dependencies" || fail "the dependencies do not list system headers"
if grep -iE '/(llvm[^/]*|boost)/' <<<"$dependencies" | sort -u | grep .; then
  fail "the runtime read headers of LLVM or Boost"
fi
if ldd "$build/bin/sibyl" | grep -iE 'llvm|boost|torch'; then fail "the runtime's program links what it must not"; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
model=$source/examples/01_linear_regression/linear_regression.sib
"$sibyl" compile --shared "$model" -o "$work/model.so"

runtime=$build/bin/sibyl
"$runtime" simulate "$work/model.so" -n 3 --seed 5 -o "$work/sims.csv"
"$sibyl" simulate "$model" -n 3 --seed 5 -o "$work/same.csv"
cmp "$work/sims.csv" "$work/same.csv" || fail "the library simulates other data than the text"
"$runtime" train "$work/model.so" -o "$work/model.sibyl" --steps 20
"$runtime" sample "$work/model.sibyl" "$work/sims.csv" --by set -n 100 -o "$work/draws.csv"
[ "$(wc -l <"$work/draws.csv")" -eq 301 ] || fail "sampling gave other than 100 draws of 3 data sets"

# A text needs the compiler, and that is what the program says.
status=0
"$runtime" simulate "$model" -n 3 -o "$work/text.csv" 2>"$work/message" || status=$?
[ "$status" -eq 2 ] || fail "a model text ended with code $status"
grep -q 'no compiler' "$work/message" || fail "a model text gave the message: $(cat "$work/message")"
