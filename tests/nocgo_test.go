// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// withoutCgo runs the go command as on a machine without a C compiler.
func withoutCgo(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestWithoutCgoASentenceSaysWhatIsMissing builds without cgo: all packages are
// found, and the one that needs C says so, in one line.
func TestWithoutCgoASentenceSaysWhatIsMissing(t *testing.T) {
	if out, err := withoutCgo(t, "list", "-deps", "."); err != nil {
		t.Errorf("packages without files: %v\n%s", err, out)
	}
	out, err := withoutCgo(t, "build", "./internal/aof")
	if err == nil || strings.Count(out, "undefined:") != 1 || !strings.Contains(out, "undefined: xaeroflux_needs_CGO_ENABLED_1_and_a_C_compiler_for_LMDB") {
		t.Errorf("%v\n%s", err, out)
	}
}
