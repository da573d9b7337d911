#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Runs every fuzz target of the module for the given time each (default 5s).
set -euo pipefail
cd "$(dirname "$0")/.."
time="${1:-5s}"
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
  pkg="./$(dirname "${file#./}")"
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | awk '{print $2}' | while read -r target; do
    echo "fuzz $pkg $target $time"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$pkg" </dev/null >/tmp/fuzz.$$ 2>&1 ||
      { cat /tmp/fuzz.$$; exit 1; }
    tail -n 1 /tmp/fuzz.$$
  done
done
rm -f /tmp/fuzz.$$
