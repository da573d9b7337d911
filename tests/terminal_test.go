// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A terminal runs lines as a person types them, in one directory, with the node as
// xaeroflux in PATH and as bin/xaeroflux, and holds what they print against what a page
// shows.
type terminal struct {
	dir   string
	page  meaning
	lines int // that were run
}

// lineTime is how long a line may take on a busy machine.
const lineTime = 60 * time.Second

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	x := &terminal{dir: t.TempDir(), page: meaning{}}
	node, err := exec.LookPath("xaeroflux")
	storetest.Must(t, err)
	storetest.Must(t, os.Mkdir(filepath.Join(x.dir, "bin"), 0o700))
	storetest.Must(t, os.Symlink(node, filepath.Join(x.dir, "bin", "xaeroflux")))
	tests, err := os.Executable()
	storetest.Must(t, err)
	storetest.Must(t, os.Symlink(tests, filepath.Join(x.dir, "tests.test"))) // as go test -cpuprofile leaves it
	return x
}

// run runs a line and returns the lines that it printed; unless shown is nil, they have to
// be as shown. A line that ends in " &" goes on until the test ends, and is waited for
// only until it has printed that.
func (x *terminal) run(t *testing.T, line string, shown []string) []string {
	t.Helper()
	line, err := x.page.translate(line)
	if err != nil {
		t.Fatal(err)
	}
	x.lines++
	name := filepath.Join(x.dir, fmt.Sprintf(".line%d", x.lines))
	if first, stays := strings.CutSuffix(line, " &"); stays {
		x.stay(t, first, name)
		return x.await(t, line, shown, name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lineTime)
	defer cancel()
	cmd := x.shell(ctx, t, line, name)
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s\nended with %v:\n%s", line, err, text(t, name))
	}
	got := linesOf(text(t, name))
	if shown == nil {
		return got
	}
	if err := x.page.compare(line, shown, got); err != nil {
		t.Fatalf("%s\n%v; it printed\n%s", line, err, text(t, name))
	}
	return got
}

// linesOf returns the whole lines of a text.
func linesOf(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line, whole := strings.CutSuffix(line, "\n"); whole {
			all = append(all, line)
		}
	}
	return all
}

// shell is a line, printing to a file; $TOP is the top of the source tree.
func (x *terminal) shell(ctx context.Context, t *testing.T, line, out string) *exec.Cmd {
	t.Helper()
	source, err := filepath.Abs(top)
	storetest.Must(t, err)
	f, err := os.Create(out)
	storetest.Must(t, err)
	t.Cleanup(func() { f.Close() })
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = x.dir, f, f
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // what a make that runs the tests says to its own
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "XAEROFLUX_")
	})
	cmd.Env = append(cmd.Env, "TOP="+source)
	return cmd
}

// stay runs a line until the test ends, interrupts it, and expects exit code 0.
func (x *terminal) stay(t *testing.T, line, out string) {
	t.Helper()
	cmd := x.shell(context.Background(), t, "exec "+line, out)
	storetest.Must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(storetest.Patience, func() { cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s\nended with %v:\n%s", line, err, text(t, out))
		}
	})
}

// await waits until a line that stays has printed what is shown, and returns what it
// printed.
func (x *terminal) await(t *testing.T, line string, shown []string, out string) []string {
	t.Helper()
	for deadline := time.Now().Add(storetest.Patience); ; time.Sleep(5 * time.Millisecond) {
		got := linesOf(text(t, out))
		err := x.page.compare(line, shown, got)
		if err == nil {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s\n%v; it printed\n%s", line, err, text(t, out))
		}
	}
}
