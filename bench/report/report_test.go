// SPDX-License-Identifier: MPL-2.0

package report

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
)

// batchFigure returns results of a figure that has goals of all kinds.
func batchFigure(t *testing.T, rates map[string][]float64) Figure {
	t.Helper()
	def, err := figures.ByID("callers")
	if err != nil {
		t.Fatal(err)
	}
	f := New(def, Run{Scale: 1, Rounds: 3})
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

// write keeps a run of one figure in dir.
func write(t *testing.T, dir, id string, run Run, v float64) {
	t.Helper()
	def, err := figures.ByID(id)
	if err != nil {
		t.Fatal(err)
	}
	f := New(def, run)
	f.Add("xaeroflux", []figures.Point{{X: 8, Sample: figures.Sample{"rate": v}}, {X: 64, Sample: figures.Sample{"rate": 2 * v}}})
	if err := errors.Join(Prepare(dir), (&Results{Figures: []Figure{f}}).Write(dir)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWriteKeepsOtherFigures writes one figure into a folder that is not there,
// then another one: both are kept, each with the run it is from, and a new run
// of the first one replaces it.
func TestWriteKeepsOtherFigures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	here, there := measure.Machine{CPU: "this one"}, measure.Machine{CPU: "that one"}
	write(t, dir, "by-batch", Run{Scale: 1, Rounds: 1, Machine: here}, 111)
	write(t, dir, "by-callers", Run{Scale: 0.25, Rounds: 3, Machine: there, Commit: "c0ffee"}, 222)
	first, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "by-batch", Run{Scale: 1, Rounds: 5, Machine: here}, 333)
	second, err := load(dir)
	if err != nil || !reflect.DeepEqual(first.figure("by-callers"), second.figure("by-callers")) {
		t.Errorf("the figure that was not run was\n%+v\nand is\n%+v: %v", first.figure("by-callers"), second.figure("by-callers"), err)
	}
	page := read(t, dir, "benchmarks.md")
	for _, want := range []string{
		"# Benchmarks\n", "| 333 | 666 |", "| 222 | 444 |", "(img/bench-by-batch.svg)", "|  | machine 1 | machine 2 |",
		"*5 runs each, machine 1, at a scale of 1, " + time.Now().UTC().Format(time.DateOnly),
		"*3 runs each, machine 2, at a scale of 0.25, ", "commit c0ffee:* `make bench ONLY='^by-callers$' N=3 SCALE=0.25`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("benchmarks.md lacks %q", want)
		}
	}
	if strings.Contains(page, "111") {
		t.Error("the run that was replaced is still there")
	}
	read(t, dir, "img", "bench-by-callers.svg")
}

// TestPrepareRefusesBeforeTheRun has a bench.json that is none, and a folder
// whose name is a file's.
func TestPrepareRefusesBeforeTheRun(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, resultsName)
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, file} {
		if err := Prepare(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 2 {
		t.Errorf("left behind %v: %v", left, err)
	}
}

// TestThePageIsOfItsResults holds docs/benchmarks.md against docs/bench.json.
func TestThePageIsOfItsResults(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	kept, err := load(docs)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, docs, pageName) != kept.page() {
		t.Error("docs/benchmarks.md is not what bench/report/page.md.tmpl and docs/bench.json make: in bench, go run . -again -out ../docs")
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
