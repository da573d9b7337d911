// SPDX-License-Identifier: MPL-2.0

//go:build unix

// Package limits runs stores in processes that may have few descriptors: each
// test runs itself again as a child with a limit of its own.
package limits

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
)

const childEnv = "XAEROFLUX_LIMITS_CHILD"

var ctx = context.Background()

// under runs fn in a child process that may have so many descriptors.
func under(t *testing.T, descriptors int, fn func(t *testing.T)) {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		limit := syscall.Rlimit{Cur: uint64(descriptors), Max: uint64(descriptors)}
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		fn(t)
		return
	}
	var names []string
	for _, name := range strings.Split(t.Name(), "/") {
		names = append(names, "^"+name+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.timeout=30m", "-test.run="+strings.Join(names, "/"))
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, said, ok := strings.Cut(line, "_test.go:"); ok {
			t.Log(strings.TrimSpace(said))
		}
	}
}

// scale is how much larger than usual a test runs: XAEROFLUX_LIMITS_SCALE.
func scale() float64 {
	f, err := strconv.ParseFloat(os.Getenv("XAEROFLUX_LIMITS_SCALE"), 64)
	if err != nil {
		return 1
	}
	return f
}

func scaled(n int) int { return int(float64(n) * scale()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string, o *xaeroflux.Options) *xaeroflux.DB {
	t.Helper()
	db, err := xaeroflux.Open(dir, o)
	must(t, err)
	return db
}

// whole closes a store and wants every byte of it to be sound.
func whole(t testing.TB, db *xaeroflux.DB, dir string) {
	t.Helper()
	must(t, db.Close())
	report, err := xaeroflux.Check(ctx, dir, nil)
	must(t, err)
	for _, f := range report.Findings {
		t.Errorf("check: %s: %s", f.Where, f.What)
	}
}

// room is a directory, in memory if there is such a file system: these tests are
// about descriptors and bytes, and would wait for thousands of syncs.
func room(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "limits")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// topics joins n topics, the same for all stores.
func topics(t testing.TB, db *xaeroflux.DB, n int) (all []*xaeroflux.Topic) {
	t.Helper()
	for i := range n {
		topic, err := db.Join(ctx, identitytest.NewTopic(i).Invite())
		must(t, err)
		all = append(all, topic)
	}
	return all
}

// events makes so many events of 1,000 bytes.
func events(n int) []xaeroflux.Event {
	all := make([]xaeroflux.Event, n)
	for i := range all {
		all[i] = xaeroflux.Event{Type: "x", Payload: fmt.Appendf(nil, "%01000d", i)}
	}
	return all
}

// descriptors counts what this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	return len(all)
}

// diskBytes is the room that all below dir takes.
func diskBytes(t testing.TB, dir string) (n int64) {
	t.Helper()
	must(t, filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			n += 512 * int64(info.Sys().(*syscall.Stat_t).Blocks)
		}
		return err
	}))
	return n
}

// await polls until done, for at most a minute.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
