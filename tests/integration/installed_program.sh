#!/usr/bin/env bash
# The program of an installation works from a folder that it was moved to. Usage: installed_program.sh PREFIX MODEL
# BUILD
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$1" "$work/moved"
export XDG_CACHE_HOME=$work/cache
cd "$work"
sibyl=moved/bin/sibyl

for file in moved/bin/sibyl moved/lib/libsibyl.so moved/lib/sibyl/*.so; do
  if readelf -d "$file" | grep -E 'R(UN)?PATH' | grep -qF "$3"; then
    echo "$file looks for libraries in the build folder" >&2
    exit 1
  fi
done
test "$(find moved/include -type f | wc -l)" -eq 2
"$sibyl" check "$2"
"$sibyl" simulate "$2" -n 20 -o sims.csv
PATH="$work/moved/bin:$PATH" sibyl train "$2" -o model.sibyl --steps 5
"$sibyl" sample model.sibyl sims.csv --by set -n 50 -o draws.nc
test -s draws.nc
"$sibyl" compile "$2" --shared -o model.so
"$sibyl" simulate model.so -n 20 -o again.csv
cmp sims.csv again.csv
