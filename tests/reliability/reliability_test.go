// SPDX-License-Identifier: MPL-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// Positions that every run of the tests tries. Frames, fuzz targets, simulations and families
// have tests of their own (TestCampaign, make fuzz, TestSeeds, TestFamilies). Those that run in this process see the race
// detector; kill, powercut and flips run in children, which it would slow down
// and show nothing of.
var perRun = map[string]int{
	"kill": 200, "powercut": 20, "torn": 2000, "ioerr": 100, "syscalls": 16, "flips": 500, "stages": 1000, "netlab": 20, "soak": 60,
	"ages": 60, "names": 15, "openers": 10, "limits": 8, "copies": 12,
}

// The counts under the race detector, which costs ten times as much.
var perRace = map[string]int{
	"kill": 50, "powercut": 10, "torn": 150, "ioerr": 40, "syscalls": 8, "flips": 150, "stages": 150, "soak": 10,
	"ages": 10, "names": 8, "openers": 6, "limits": 4, "copies": 6,
}

// The controls: how many positions, how the engine is broken if that needs a
// build of its own, and how many failures must be seen at least.
var controls = map[string]struct {
	count  int
	broken string
	want   int
}{
	"kill":       {count: 20, want: 5},
	"powercut":   {count: 6, broken: "nosync", want: 3},
	"torn":       {count: 600, want: 10}, // of three recordings: now and then one has little to lose
	"ioerr":      {count: 60, want: 15},
	"syscalls":   {count: 8, want: 2},
	"flips":      {count: 300, broken: "nochecksum", want: 10},
	"stages":     {count: 300, broken: "noreplay", want: 1},
	"frames":     {count: 5000, broken: "noproof", want: 1},
	"fuzz":       {count: 500, broken: "noproof", want: 1},
	"netlab":     {count: 2, want: 2},
	"simulation": {count: 8, want: 4},
	"families":   {count: 8, want: 4}, // in some nobody else belongs any more
	"soak":       {count: 5, want: 3},
	"ages":       {count: 12, want: 3},
	"names":      {count: 6, want: 4},
	"openers":    {count: 6, want: 3},
	"limits":     {count: 4, want: 4},
	"copies":     {count: 8, want: 1},
}

var binaries struct {
	sync.Mutex // guards dir and made
	dir        string
	made       map[string]string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "xf-reliability-test-")
	if err != nil {
		panic(err)
	}
	binaries.dir, binaries.made = dir, map[string]string{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// binary builds this program, once for each set of tags.
func binary(t *testing.T, tags string) string {
	t.Helper()
	binaries.Lock()
	defer binaries.Unlock()
	if path := binaries.made[tags]; path != "" {
		return path
	}
	path := filepath.Join(binaries.dir, "reliability"+tags)
	out, err := exec.Command("go", "build", "-tags", tags, "-o", path, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	binaries.made[tags] = path
	return path
}

func TestHarnesses(t *testing.T) {
	for _, e := range entries {
		t.Run(e.name, func(t *testing.T) {
			count := perRun[e.name]
			if count == 0 {
				t.Skip("other tests do")
			}
			if n := perRace[e.name]; race.Enabled && n > 0 {
				count = n
			}
			if testing.Short() {
				count = max(1, count/10)
			}
			r := runHere(t, e, count, false)
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
			for _, f := range r.Failures {
				t.Errorf("position %d: %s\n  again: go run ./tests/reliability -only %s -seed %d -at %d -count %d", f.At, f.What, e.name, r.Seed, f.At, count)
			}
			t.Logf("%d positions, %s", r.Count, r.Note)
		})
	}
}

func runHere(t *testing.T, e entry, count int, control bool) *harness.Result {
	t.Helper()
	r := &harness.Result{Name: e.name, Seed: uint64(time.Now().UnixNano())}
	cfg := harness.Config{Seed: r.Seed, Count: count, At: -1, Dir: t.TempDir(), Self: binary(t, ""), Control: control, Log: t.Logf}
	if err := e.run(t.Context(), cfg, r); err != nil {
		t.Fatalf("seed %d: %v", r.Seed, err)
	}
	return r
}

// TestControls breaks what each harness tests, and wants that it is seen.
func TestControls(t *testing.T) {
	for _, e := range entries {
		t.Run(e.name, func(t *testing.T) {
			c := controls[e.name]
			if c.broken != "" {
				runBroken(t, e, c.count, c.broken, c.want)
				return
			}
			r := runHere(t, e, c.count, true)
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
			if r.Failed < c.want {
				t.Errorf("seen %d times of %d, want at least %d", r.Failed, r.Count, c.want)
			}
		})
	}
}

// runBroken runs a harness in a build that leaves one check out.
func runBroken(t *testing.T, e entry, count int, what string, want int) {
	t.Helper()
	cmd := exec.Command(binary(t, "broken"), "-only", e.name, "-count", strconv.Itoa(count), "-seed", "1", "-control", "-dir", t.TempDir())
	cmd.Env = append(os.Environ(), "XAEROFLUX_BROKEN="+what)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "| skipped |") {
		t.Skip(string(out))
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("exit code %d (%v), want 1:\n%s", code, err, out)
	}
	if seen := strings.Count(string(out), "again: "); seen < want {
		t.Errorf("seen %d times, want at least %d:\n%s", seen, want, out)
	}
}
