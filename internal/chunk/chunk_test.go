// SPDX-License-Identifier: MPL-2.0

package chunk

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A whole is a log in memory of which parts are handed out.
type whole struct {
	memlog.Log
	info syncer.LogInfo
}

func newWhole(t testing.TB, n int, word string) *whole {
	t.Helper()
	topic := digest.Hash{7}
	key := identity.Seed{9}.JoinedKey(identity.Generation{9}, topic)
	name := identity.DataLog(topic, identity.PublicKey(key), 4096)
	w := &whole{memlog.Log{ID: name.ID(), Key: key}, syncer.LogOf(name.ID(), name, nil)}
	for i := range n {
		b, err := event.AppendRecord(nil, event.Event{Payload: fmt.Appendf(nil, "%s %d", word, i)}, 1, 0)
		if err == nil {
			err = w.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.SignAll()
	return w
}

func (w *whole) headAt(size uint64) proof.Head { return w.Sign(size, w.Root(size)) }

func (w *whole) part(from, to uint64) *syncer.Range {
	return &syncer.Range{
		Info: w.info, First: from, Count: int(to - from), Records: slices.Concat(w.Records[from:to]...), Leaves: w.Leaves[from:to],
		Head: w.Head, Left: w.Compact(0, from), Right: w.Compact(to, w.Head.Size),
	}
}

// TestRangeProvesByItself tries every part of a small log: each of its events, at
// each size that it tells, and no other.
func TestRangeProvesByItself(t *testing.T) {
	w := newWhole(t, 17, "event")
	for from := range uint64(17) {
		for to := from + 1; to <= 17; to++ {
			r := w.part(from, to)
			if err := Check(r); err != nil {
				t.Fatal(err)
			}
			for size := from + 1; size <= to; size++ {
				root, hashes, err := Root(r, size)
				if err != nil || root != w.Root(size) || proof.VerifyConsistency(size, root, 17, w.Head.Root, hashes) != nil {
					t.Fatalf("[%d, %d) at %d: root %s, %v", from, to, size, root, err)
				}
			}
			for seq := from; seq < to; seq++ {
				hashes, err := Inclusion(r, seq, 17)
				if err != nil || proof.VerifyInclusion(w.Leaves[seq], seq, 17, hashes, w.Head.Root) != nil {
					t.Fatalf("[%d, %d): event %d: %v", from, to, seq, err)
				}
			}
		}
	}
	r := w.part(3, 9)
	r.Records = append([]byte(nil), r.Records...)
	r.Records[len(r.Records)-1] ^= 1
	if Check(r) == nil {
		t.Error("a changed record is proven")
	}
}

// TestContradiction: a head of another history is proven a fork if its size is
// one that the range tells, and a head of the same history never is.
func TestContradiction(t *testing.T) {
	w, other := newWhole(t, 17, "event"), newWhole(t, 17, "another")
	r := w.part(5, 11)
	for size := uint64(1); size <= 17; size++ {
		if _, found, err := Contradiction(w.info.Name(), r, w.headAt(size)); found || err != nil {
			t.Errorf("the log's own head of %d is a fork: %v", size, err)
		}
		f, found, err := Contradiction(w.info.Name(), r, other.headAt(size))
		if tells := size == 17 || size >= 5 && size <= 11; found != tells || err != nil {
			t.Errorf("another head of %d: fork is %v, %v", size, found, err)
		}
		if found && f.Verify() != nil {
			t.Errorf("the proof at %d: %v", size, f.Verify())
		}
	}
}

// TestGapsAgainstTheObvious marks one event after another.
func TestGapsAgainstTheObvious(t *testing.T) {
	const n = 30
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(1, seed))
		size := r.Uint64N(n / 2)
		var ranges []syncer.Span
		var have [n]bool
		for i := range size {
			have[i] = true
		}
		for at := r.Uint64N(6); at < n; {
			end := min(at+1+r.Uint64N(6), n)
			ranges = append(ranges, syncer.Span{First: at, End: end})
			for i := at; i < end; i++ {
				have[i] = true
			}
			at = end + r.Uint64N(5)
		}
		held := Held(size, ranges)
		if want := runs(have[:], true, 0, n); !reflect.DeepEqual(held, want) {
			t.Fatalf("seed %d: %d and %v: held %v, want %v", seed, size, ranges, held, want)
		}
		from := r.Uint64N(n)
		to := from + r.Uint64N(n-from)
		if gaps, want := Gaps(held, syncer.Span{First: from, End: to}), runs(have[:], false, from, to); !reflect.DeepEqual(gaps, want) {
			t.Fatalf("seed %d: gaps %v in [%d, %d), want %v", seed, gaps, from, to, want)
		}
	}
}

// runs returns the runs of one value in a part of have.
func runs(have []bool, value bool, from, to uint64) (all []syncer.Span) {
	for i := from; i < to; i++ {
		switch last := len(all) - 1; {
		case have[i] != value:
		case last >= 0 && all[last].End == i:
			all[last].End++
		default:
			all = append(all, syncer.Span{First: i, End: i + 1})
		}
	}
	return all
}
