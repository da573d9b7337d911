// SPDX-License-Identifier: MPL-2.0

package memlog

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

func newLog(t *testing.T, n int) *Log {
	t.Helper()
	l := &Log{ID: digest.Sum([]byte("a log")), PageBytes: 4096, Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	for i := range n {
		r, err := event.AppendRecord(nil, event.Event{Type: "t", Payload: make([]byte, 100+17*i)}, int64(1+i), 0)
		if err == nil {
			err = l.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l.SignAll()
	return l
}

// What is kept of each size is what all leaves up to there give.
func TestSizesAgainstTheObvious(t *testing.T) {
	l := newLog(t, 40)
	for size := range l.Size() + 1 {
		want := digest.Empty
		if size > 0 {
			want = merkleindex.Bag(l.Compact(0, size))
		}
		if m := l.Peaks(size); l.Root(size) != want || m.Root() != want || m.Size() != size {
			t.Errorf("%d events have the root %s, want %s", size, l.Root(size), want)
		}
		part := l.Clone()
		if err := part.Cut(size); err != nil || part.Proven() != nil || part.Size() != size {
			t.Errorf("cut to %d: %v, %v", size, err, part.Proven())
		}
		chunk, n := l.Chunk(size, 3000)
		if whole := slices.Concat(l.Records[size:min(int(size)+n, 40)]...); !bytes.Equal(chunk, whole) || n == 0 && size < 40 {
			t.Errorf("%d records from %d on are others", n, size)
		}
		if added, err := part.Take(0, 40, slices.Concat(l.Records...), 40); err != nil || added != 40-int(size) || part.Root(40) != l.Root(40) {
			t.Errorf("%d taken behind %d: %v", added, size, err)
		}
	}
	if l.Size() != 40 || l.Proven() != nil {
		t.Error("what happened to a clone happened to the log")
	}
}

// Pages are the same however they are asked for, and end where a cut log's do.
func TestPages(t *testing.T) {
	l := newLog(t, 40)
	again := newLog(t, 20)
	again.Pages()
	if _, err := again.Take(0, 40, slices.Concat(l.Records...), 40); err != nil {
		t.Fatal(err)
	}
	if len(l.Pages()) < 3 || !slices.EqualFunc(l.Pages(), again.Pages(), bytes.Equal) {
		t.Fatalf("%d pages, and %d", len(l.Pages()), len(again.Pages()))
	}
	for from := range uint64(len(l.Pages())) {
		r, err := l.Run(from, 2)
		if err != nil || r.First != l.Seals()[from].First || r.End > l.Sealed() || !bytes.Equal(r.Pages[0], l.Pages()[from]) {
			t.Errorf("pages from %d on: %d, of events %d to %d, %v", from, len(r.Pages), r.First, r.End, err)
		}
	}
	if _, err := l.Run(uint64(len(l.Pages())), 1); err == nil {
		t.Error("a page that is not full")
	}
	before := fmt.Sprint(l.Seals())
	if err := l.Cut(l.Sealed() - 1); err != nil || fmt.Sprint(l.Seals()) == before {
		t.Errorf("a cut log has the same pages (%v)", err)
	}
}
