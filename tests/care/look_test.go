// SPDX-License-Identifier: MPL-2.0

package care

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/doctor"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/durable/still"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/repair"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// closedStore makes a store with full pages and events behind them, and closes it.
func closedStore(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "s")
	db, err := xaeroflux.Open(dir, storetest.Small()) // whoever hurts it has no use for a check at the end
	storetest.Must(t, err)
	storetest.MustAppend(t, db, 900, "event %d of a store that is looked at")
	storetest.Must(t, db.Close())
	return dir
}

func picture(t *testing.T, dir string) still.Picture {
	t.Helper()
	p, err := still.Of(dir)
	storetest.Must(t, err)
	return p
}

// one returns the first file that fits.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	storetest.Must(t, err)
	if len(found) == 0 {
		t.Fatalf("no %s", pattern)
	}
	return found[0]
}

func overwrite(t *testing.T, path string, size int) {
	t.Helper()
	storetest.Must(t, os.WriteFile(path, bytes.Repeat([]byte{0xa5}, size), 0o600))
}

// Whatever a store is like, a check leaves each byte, name and time as it was; and
// what opening would mend without a word, it finds.
func TestCheckChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		kind  xaeroflux.Flaw // "" for none
	}{
		{"sound", func(*testing.T, string) {}, ""},
		{"garbage in a tree", func(t *testing.T, dir string) { overwrite(t, one(t, dir, "logs/*/000000.tree"), 5000) }, xaeroflux.FlawTree},
		{"no tree", func(t *testing.T, dir string) { storetest.Must(t, os.Remove(one(t, dir, "logs/*/000000.tree"))) }, xaeroflux.FlawTree},
		{"garbage in the mountains", func(t *testing.T, dir string) { overwrite(t, one(t, dir, "mmr/*"), 500) }, xaeroflux.FlawPeaks},
		{"a page behind the cursor", func(t *testing.T, dir string) {
			seg, err := os.ReadFile(one(t, dir, "logs/*/000000.seg"))
			storetest.Must(t, err)
			storetest.Must(t, os.WriteFile(filepath.Join(filepath.Dir(one(t, dir, "logs/*/000000.seg")), "000099.seg"), seg, 0o600))
		}, ""},
		{"an unfinished file", func(t *testing.T, dir string) {
			storetest.Must(t, os.WriteFile(one(t, dir, "logs/*/000000.seg")+".new", []byte("half"), 0o600))
		}, ""},
		{"a failed commit", func(t *testing.T, dir string) {
			storetest.Must(t, os.WriteFile(filepath.Join(dir, "aof/failed"), []byte("99999"), 0o600))
		}, ""},
		{"half a creation", func(t *testing.T, dir string) { storetest.Must(t, os.Mkdir(filepath.Join(dir, "aof/new"), 0o700)) }, ""},
		{"garbage in a page", func(t *testing.T, dir string) { overwrite(t, one(t, dir, "logs/*/000000.seg"), 9000) }, xaeroflux.FlawPages},
		{"no segment", func(t *testing.T, dir string) { storetest.Must(t, os.Remove(one(t, dir, "logs/*/000001.seg"))) }, xaeroflux.FlawPages},
		{"no directory of a log", func(t *testing.T, dir string) {
			storetest.Must(t, os.RemoveAll(filepath.Dir(one(t, dir, "logs/*/000000.seg"))))
		}, xaeroflux.FlawPages},
		{"garbage in the AOF", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "aof/data.mdb"), 40000) }, xaeroflux.FlawAOF},
		{"no AOF", func(t *testing.T, dir string) { storetest.Must(t, os.Remove(filepath.Join(dir, "aof/data.mdb"))) }, xaeroflux.FlawAOF},
		{"no FORMAT", func(t *testing.T, dir string) { storetest.Must(t, os.Remove(filepath.Join(dir, "FORMAT"))) }, xaeroflux.FlawFormat},
		{"another key", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "identity.key"), 100) }, xaeroflux.FlawSeed},
	} {
		dir := closedStore(t)
		c.spoil(t, dir)
		before := picture(t, dir)
		r, err := xaeroflux.Check(ctx, dir, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := before.Compare(picture(t, dir)); len(diff) > 0 {
			t.Errorf("%s: a check changed %s", c.name, strings.Join(diff, "\n"))
		}
		found := c.kind == "" && len(r.Findings) == 0
		for _, f := range r.Findings {
			found = found || f.Kind == c.kind
		}
		if !found {
			t.Errorf("%s: found %+v", c.name, r.Findings)
		}
	}
}

// Trees that are garbage are made again by a repair, in their place.
func TestRepairMakesTreesAgain(t *testing.T) {
	dir := closedStore(t)
	tree := one(t, dir, "logs/*/000000.tree")
	want, err := os.ReadFile(tree)
	storetest.Must(t, err)
	overwrite(t, tree, 5000)
	r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{Offline: true})
	if err != nil || !r.Clean() {
		t.Fatalf("%v, %+v", err, r)
	}
	if got, err := os.ReadFile(tree); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the tree is another: %d bytes, want %d, %v", len(got), len(want), err)
	}
	storetest.CheckClean(t, dir)
}

// A refusal is a call of a file system and what it answers.
type refusal struct {
	op  durable.Op
	err error
}

var refusals = []refusal{
	{durable.OpOpen, syscall.EMFILE}, {durable.OpOpen, syscall.EACCES}, {durable.OpRead, syscall.EIO},
	{durable.OpMap, syscall.ENOMEM}, {durable.OpFault, syscall.EIO}, {durable.OpStat, syscall.EIO}, {durable.OpStat, syscall.EACCES},
}

// from refuses the calls of one kind from the nth on, and says whether it did. What
// cannot be read through a map cannot be read otherwise.
func (r refusal) from(n int64) (durable.FS, *atomic.Bool) {
	var calls atomic.Int64
	var struck atomic.Bool
	return durable.NewFaulty(durable.OS, func(op durable.Op, name string) error {
		failing := r.op == durable.OpFault && op == durable.OpRead && struck.Load()
		if !failing && (op != r.op || calls.Add(1) <= n) {
			return nil
		}
		struck.Store(true)
		return &fs.PathError{Op: string(op), Path: name, Err: r.err}
	}), &struck
}

// A call that the machine refuses, whichever it is, is no damage: a check says what it
// was, finds nothing in a sound store, and goes through once it is over.
func TestTroubleIsNoDamage(t *testing.T) {
	sound, bad := closedStore(t), closedStore(t)
	overwrite(t, filepath.Join(bad, "FORMAT"), 100) // its files are looked at one by one
	for _, dir := range []string{sound, bad} {
		before := picture(t, dir)
		for _, r := range refusals {
			struck, last := 0, int64(-1)
			for n := int64(0); ; n += 1 + n/4 {
				fsys, hit := r.from(n)
				report, err := doctor.Check(ctx, fsys, dir, doctor.Options{})
				if !hit.Load() {
					last = n
					break
				}
				struck++
				var look *findings.LookError
				switch {
				case dir == sound && len(report.Findings) > 0:
					t.Fatalf("%s %v after %d: found %+v", r.op, r.err, n, report.Findings)
				case err == nil && r.op == durable.OpMap: // what cannot be mapped is read
				case !errors.As(err, &look) || !errors.Is(err, r.err):
					t.Fatalf("%s %v after %d: %v", r.op, r.err, n, err)
				}
			}
			if mapped := r.op == durable.OpMap || r.op == durable.OpFault; struck == 0 && !(dir == bad && mapped) {
				t.Errorf("%s %v: never met in %d calls", r.op, r.err, last)
			}
		}
		if diff := before.Compare(picture(t, dir)); len(diff) > 0 {
			t.Errorf("a check changed %s", strings.Join(diff, "\n"))
		}
	}
	storetest.CheckClean(t, sound)
}

// A repair that meets trouble, at whichever call, moves nothing aside that is sound:
// done again without trouble it ends as if there had been none.
func TestRepairStopsAtTrouble(t *testing.T) {
	whole := closedStore(t)
	for _, r := range append(refusals, refusal{durable.OpCreate, syscall.EMFILE}, refusal{durable.OpRename, syscall.EROFS}, refusal{durable.OpWrite, syscall.ENOSPC}) {
		struck := 0
		for n := int64(0); ; n += 1 + n/2 {
			dir := storetest.Copied(t, whole)
			tree := one(t, dir, "logs/*/000001.tree")
			overwrite(t, tree, 5000)
			before := picture(t, dir)
			fsys, hit := r.from(n)
			report, err := doctor.Repair(ctx, fsys, dir, repair.Options{Now: time.Now()})
			if !hit.Load() {
				if err != nil || !report.Clean() {
					t.Fatalf("%s %v after %d: %v, %+v", r.op, r.err, n, err, report)
				}
				break
			}
			struck++
			var look *findings.LookError
			if err != nil && !errors.As(err, &look) && durable.TroubleOf(err) == durable.NoTrouble {
				t.Fatalf("%s %v after %d: %v", r.op, r.err, n, err)
			}
			if len(report.Missing) > 0 {
				t.Fatalf("%s %v after %d: missing %+v", r.op, r.err, n, report.Missing)
			}
			for _, line := range before.Compare(picture(t, dir)) {
				if sound := strings.Contains(line, ".seg") || strings.Contains(line, "FORMAT ") || strings.Contains(line, ".key "); sound {
					t.Fatalf("%s %v after %d: %s", r.op, r.err, n, line)
				}
			}
			if report, err = doctor.Repair(ctx, durable.OS, dir, repair.Options{Now: time.Now().Add(time.Second)}); err != nil || !report.Clean() {
				t.Fatalf("%s %v after %d, then without: %v, %+v", r.op, r.err, n, err, report)
			}
			storetest.CheckClean(t, dir)
			if size := eventsOf(t, dir); size != 900 {
				t.Fatalf("%s %v after %d: %d events", r.op, r.err, n, size)
			}
		}
		if struck == 0 {
			t.Errorf("%s %v was never met", r.op, r.err)
		}
	}
}

func eventsOf(t *testing.T, dir string) uint64 {
	t.Helper()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true, Adopt: true})
	storetest.Must(t, err)
	defer db.Close()
	return db.Head().Size
}
