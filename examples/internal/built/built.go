// SPDX-License-Identifier: MPL-2.0

// Package built runs an example as a program of its own, for its test.
package built

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Program builds the example in the current directory, and returns the program's path.
func Program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// A Run is a program that runs.
type Run struct {
	Stdin io.WriteCloser

	cmd  *exec.Cmd
	mu   sync.Mutex // guards said
	said []byte
}

// Start starts a program, which is killed when the test ends.
func Start(t *testing.T, program string, args ...string) *Run {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Run{cmd: exec.CommandContext(ctx, program, args...)}
	r.cmd.Stdout, r.cmd.Stderr = r, os.Stderr
	var err error
	if r.Stdin, err = r.cmd.StdinPipe(); err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = r.cmd.Wait() })
	return r
}

// Write takes what the program says.
func (r *Run) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, b...)
	return len(b), nil
}

// Said returns what the program said until now.
func (r *Run) Said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.said)
}

// Kill ends the program as kill -9 does, and waits for its end.
func (r *Run) Kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// Await waits for a condition.
func Await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
