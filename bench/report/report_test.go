// SPDX-License-Identifier: MPL-2.0

package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/bench/figures"
)

// batchFigure returns results of a figure that has goals of all kinds.
func batchFigure(t *testing.T, rates map[string][]float64) Figure {
	t.Helper()
	def, err := figures.ByID("callers")
	if err != nil {
		t.Fatal(err)
	}
	f := New(def, 1, 3)
	for who, values := range rates {
		for _, v := range values {
			f.Add(who, []figures.Point{{Sample: figures.Sample{"rate": v, "cpu_us": 1e6 / v}}})
		}
	}
	return f
}

func TestGoalsAreJudgedByMedians(t *testing.T) {
	for _, c := range []struct {
		ours, peer float64
		want       [2]bool // a rate, and 7 times the best peer
	}{
		{300_000, 42_000, [2]bool{true, true}},
		{299_999, 42_000, [2]bool{false, true}},
		{300_000, 43_000, [2]bool{true, false}},
	} {
		f := batchFigure(t, map[string][]float64{
			"xaeroflux": {1, c.ours, 1e9}, "tessera": {c.peer, c.peer, c.peer}, "immudb": {5}, "lmdb": {1e8},
		})
		v := f.verdicts()
		if len(v) != 2 || v[0].met != c.want[0] || v[1].met != c.want[1] {
			t.Errorf("%v and %v: %+v", c.ours, c.peer, v)
		} else if !strings.HasSuffix(v[1].measured, "times tessera") {
			t.Errorf("the best peer is in %q", v[1].measured)
		}
	}
}

func TestDefeatsNameWhoIsBetter(t *testing.T) {
	f := batchFigure(t, map[string][]float64{"xaeroflux": {100}, "bbolt": {200}, "tessera": {104}, "lmdb": {1e6}})
	d := f.defeats()
	if len(d) != 2 || d[0].who != "bbolt" || d[0].times != 2 || d[1].metric.ID != "cpu_us" || d[1].times != 2 {
		t.Errorf("%+v", d)
	}
}

func TestCellsSayMedianRangeAndRatio(t *testing.T) {
	f := batchFigure(t, map[string][]float64{"xaeroflux": {100, 300, 200}, "tessera": {50}})
	table := f.table()
	for _, want := range []string{"| xaeroflux | 200/s (100 to 300) |", "| tessera | 50/s · **4x** |", "20 k us · **4x** |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestSplice(t *testing.T) {
	text := "a\n<!-- x: written by make bench -->\nold\n<!-- end of x -->\nb\n"
	got, err := splice(text, "x", "new\n")
	if want := "a\n<!-- x: written by make bench -->\nnew\n<!-- end of x -->\nb\n"; err != nil || got != want {
		t.Errorf("%q: %v", got, err)
	}
	if again, err := splice(got, "x", "new"); err != nil || again != got {
		t.Errorf("a second time: %q: %v", again, err)
	}
	if _, err := splice(text, "y", "new"); err == nil {
		t.Error("marks that are not there were found")
	}
}

// TestWriteKeepsOtherFigures writes one figure, then another: both are in the
// file, and a new run of the first replaces it.
func TestWriteKeepsOtherFigures(t *testing.T) {
	dir := t.TempDir()
	var page strings.Builder
	for _, name := range []string{"machine", "goals", "behind", "contenders", "figures"} {
		page.WriteString("<!-- " + name + ": written by make bench -->\n<!-- end of " + name + " -->\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(page.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(id string, v float64) {
		t.Helper()
		def, err := figures.ByID(id)
		if err != nil {
			t.Fatal(err)
		}
		f := New(def, 1, 1)
		f.Add("xaeroflux", []figures.Point{{X: 8, Sample: figures.Sample{"rate": v}}, {X: 64, Sample: figures.Sample{"rate": 2 * v}}})
		if err := (&Results{Figures: []Figure{f}}).Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	write("by-batch", 111)
	write("by-callers", 222)
	write("by-batch", 333)
	b, err := os.ReadFile(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 333 | 666 |", "| 222 | 444 |", "(img/bench-by-batch.svg)"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("benchmarks.md lacks %q", want)
		}
	}
	if strings.Contains(string(b), "111") {
		t.Error("the run of before is still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "img", "bench-by-callers.svg")); err != nil {
		t.Error(err)
	}
}

func TestFailuresAreAnError(t *testing.T) {
	f := batchFigure(t, nil)
	r := &Results{Figures: []Figure{f}}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	f.Fail("tessera", errors.New("broken"))
	if err := r.Err(); err == nil || !f.Skipped("tessera") {
		t.Errorf("a contender failed: %v", err)
	}
}
