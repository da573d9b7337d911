#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Vets Xaeroflux and a program that embeds it as other systems compile them, and builds the
# program where it can be linked from here. LMDB is C: ZIG says how zig, which has a C
# compiler for those systems, is run.
set -euo pipefail
cd "$(dirname "$0")/.."
zig="${ZIG:-python3 -m ziglang}"
if ! version="$($zig version 2>&1)"; then
  echo "no zig ($zig): whether other systems compile Xaeroflux is not looked at"
  exit 0
fi
echo "zig $version"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
failed=0

# try runs a command and says whether it passed.
try() {
  local what="$1"
  shift
  if "$@"; then
    echo "$what: passed"
  else
    echo "$what: failed"
    failed=1
  fi
}

# cross looks at one system, by what Go and zig call it. A third argument says why a
# program cannot be linked for it.
cross() {
  export GOOS="${1%/*}" GOARCH="${1#*/}" CGO_ENABLED=1 CC="$zig cc -target $2" CGO_CFLAGS="-O2 -w"
  try "$1: vet" go vet ./...
  try "$1: vet of examples/chat" go -C examples vet ./chat
  if [ -n "${3:-}" ]; then
    echo "$1: examples/chat is not linked: $3"
  else
    try "$1: build of examples/chat" go -C examples build -o "$out/chat" ./chat
  fi
}

cross linux/arm64 aarch64-linux-gnu
cross windows/amd64 x86_64-windows-gnu
cross darwin/arm64 aarch64-macos "Go needs CoreFoundation and Security there, and zig has no frameworks of Apple's"
exit "$failed"
