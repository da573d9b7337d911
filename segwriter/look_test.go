// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Looking at files that run past the sealed pages changes none of them, and tells
// what is there: pages that follow, torn ones, and those of another history.
func TestLookTellsWhatIsBeyond(t *testing.T) {
	p := testParams(MinPageBytes, 4)
	dir, spans := written(t, p, 150)
	total, sealed := pagesOf(spans), uint64(0)
	i := 0
	for ; sealed < 3; i++ {
		sealed += uint64(spans[i].Pages)
	}
	first := spans[i].First
	flip(t, logFile(dir, p, "000001.seg"), p.pageOffset(2)+100, 1) // page 6 is torn
	before := files(t, dir)
	l := openLog(t, durable.OS, dir, p, Options{})
	f, err := l.Look(sealed, first)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files(t, dir) {
		if !bytes.Equal(b, before[name]) {
			t.Errorf("%s was changed", name)
		}
	}
	if uint64(len(f.Beyond)) != total-sealed {
		t.Fatalf("%d pages past %d, want %d", len(f.Beyond), sealed, total-sealed)
	}
	for _, b := range f.Beyond {
		if b.Checks != (b.Index != 6) || b.Follows != (b.Index < 6) {
			t.Errorf("page %d: %+v", b.Index, b)
		}
	}
	other, err := l.Look(sealed, first+1) // as if the cursor were of other events
	if err != nil || other.Beyond[0].Follows {
		t.Errorf("a page that begins elsewhere follows: %+v, %v", other.Beyond[0], err)
	}
}

// Pages to be kept past the sealed ones stay as they are; others go.
func TestRecoverKeeps(t *testing.T) {
	p := testParams(MinPageBytes, 4)
	dir, spans := written(t, p, 150)
	seg := logFile(dir, p, "000001.seg")
	before, err := os.ReadFile(seg)
	if err != nil {
		t.Fatal(err)
	}
	l := openLog(t, durable.OS, dir, p, Options{})
	f, err := l.Look(0, 0)
	if err == nil {
		err = l.Recover(f, 6)
	}
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(seg)
	if err != nil {
		t.Fatal(err)
	}
	end := p.pageOffset(2)
	if !bytes.Equal(after[:end], before[:end]) || !allZero(after[end:]) {
		t.Error("pages 4 and 5 are to stay, and no others of their file")
	}
	left, err := filepath.Glob(logFile(dir, p, "*"))
	if want := []string{logFile(dir, p, "000000.seg"), seg}; err != nil || len(left) != 2 || left[0] != want[0] || left[1] != want[1] {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
}

// A log whose first segment is missing has as many pages in each as the others say.
func TestPagesInASegmentBySegmentsThatAreLeft(t *testing.T) {
	p := testParams(MinPageBytes, 2)
	dir, _ := written(t, p, 100)
	if err := os.Remove(logFile(dir, p, "000000.seg")); err != nil {
		t.Fatal(err)
	}
	p.SegmentPages = DefaultSegmentPages
	l := openLog(t, durable.OS, dir, p, Options{})
	if n := l.SegmentPages(); n != 2 {
		t.Errorf("%d pages in a segment, want 2", n)
	}
}
