// SPDX-License-Identifier: MPL-2.0

package torn

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

func run(t *testing.T, count int, control bool) *harness.Result {
	t.Helper()
	r := &harness.Result{}
	cfg := harness.Config{Seed: 1, Count: count, At: -1, Dir: t.TempDir(), Control: control}
	if err := Run(t.Context(), cfg, r); err != nil {
		t.Fatal(err)
	}
	t.Log(r.Note)
	return r
}

func TestTornWrites(t *testing.T) {
	count := 2000
	if testing.Short() {
		count = 200
	}
	for _, f := range run(t, count, false).Failures {
		t.Errorf("position %d: %s", f.At, f.What)
	}
}

// Without syncs much must be lost.
func TestTornWritesControl(t *testing.T) {
	r := run(t, 60, true)
	if r.Failed < 10 {
		t.Errorf("syncs that do nothing were noticed %d times of %d", r.Failed, r.Count)
	}
	for _, f := range r.Failures[:min(3, len(r.Failures))] {
		t.Logf("position %d: %s", f.At, f.What)
	}
}
