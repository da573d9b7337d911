// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xaeroflux/xaeroflux/cmd/xaeroflux/cli"
)

// RaceOptions keep a command built with the race detector from sleeping for a
// second before it ends.
const RaceOptions = "atexit_sleep_ms=0"

// Patience is what anything that should happen at once may take on a busy
// machine.
const Patience = 20 * time.Second

// Main is the TestMain of a package whose tests run commands: it makes the test binary
// also the xaeroflux command, and others.
func Main(m *testing.M, others map[string]func()) {
	os.Setenv("GORACE", RaceOptions) // for the commands that tests start
	commands := map[string]func(){"xaeroflux": func() { os.Exit(cli.Main(os.Args[1:])) }}
	maps.Copy(commands, others)
	testscript.Main(m, commands)
}

// Command runs the xaeroflux command to its end and returns what it prints.
func Command(t *testing.T, in io.Reader, args ...string) []byte {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command("xaeroflux", args...)
	cmd.Stdin, cmd.Stderr = in, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xaeroflux %v: %v\n%s%s", args, err, out, errs.String())
	}
	return out
}
