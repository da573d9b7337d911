// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// Spans are handed out in the order that is wanted, and none to who has not
// brought it.
func TestRangeWorkIsHandedOutInOrder(t *testing.T) {
	x, y := &rangeSource{}, &rangeSource{}
	for _, newest := range []bool{false, true} {
		f := &rangeFetch{want: RangeFetch{Newest: newest}}
		f.changed = sync.NewCond(&f.mu)
		for _, first := range []uint64{40, 10, 30, 20} {
			it := rangeItem{Span: syncer.Span{First: first, End: first + 5}}
			if first == 20 {
				it.not = []*rangeSource{x}
			}
			f.todo = append(f.todo, it)
		}
		f.order()
		var got []uint64
		for _, s := range []*rangeSource{x, x, y, x} {
			it, ok := f.take(context.Background(), s)
			if !ok {
				t.Fatal("nothing left")
			}
			got = append(got, it.First)
		}
		want := []uint64{10, 30, 20, 40}
		if newest {
			want = []uint64{40, 30, 20, 10}
		}
		if !slices.Equal(got, want) {
			t.Errorf("newest first is %v: %v, want %v", newest, got, want)
		}
		f.busy = 0
		if it, ok := f.take(context.Background(), x); ok {
			t.Errorf("%v was handed out", it.Span)
		}
	}
}
