#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Runs every fuzz target of the module for the given time each (default 3s).
set -euo pipefail
cd "$(dirname "$0")/.."
time="${1:-3s}"
out="$(mktemp)"
trap 'rm -f "$out"' EXIT

# run fuzzes one target. The go command fails a run whose workers it could not stop
# in time, on a busy machine; that is no finding, and the target is run again.
run() {
  for try in 1 2 3; do
    if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" </dev/null >"$out" 2>&1; then
      tail -n 1 "$out"
      return 0
    fi
    if grep -q 'Failing input' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
      break
    fi
  done
  cat "$out"
  return 1
}

grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
  pkg="./$(dirname "${file#./}")"
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | awk '{print $2}' | while read -r target; do
    echo "fuzz $pkg $target $time"
    run "$pkg" "$target" || exit 1
  done
done
