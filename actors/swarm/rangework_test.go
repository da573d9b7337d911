// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"fmt"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A noSource is asked for nothing.
type noSource struct{ Source }

func (noSource) Peer() (p identity.PeerID)    { return p }
func (noSource) Brought(events, pages uint64) {}

// Parts are asked for in the order that is wanted; what is not asked for yet is taken
// over from a source that stands still, from where it stopped.
func TestRangeWindowsInTheOrderThatIsWanted(t *testing.T) {
	x, y := &rangeSource{Source: noSource{}}, &rangeSource{Source: noSource{}}
	for newest, want := range map[bool]string{
		false: "[{100 350} {350 600} {600 850} {150 350}]",
		true:  "[{750 1000} {500 750} {250 500} {750 950}]",
	} {
		f := &rangeFetch{want: RangeFetch{Newest: newest}}
		f.init()
		f.report.Part = syncer.Span{First: 100, End: 1000}
		all := f.turn(f.report.Part)
		f.plan = syncer.NewWindows[Source](all.First, 1<<40, syncer.WindowSize{Least: 250, Most: 250})
		f.plan.Join(x, all.End)
		f.plan.Join(y, all.End)
		now := time.Now()
		var got []syncer.Span
		take := func(s Source, now time.Time) *syncer.Window[Source] {
			w := f.plan.Take(s, now)
			if w == nil {
				t.Fatalf("nothing for a source after %v", got)
			}
			got = append(got, f.turn(syncer.Span{First: w.From, End: w.End}))
			return w
		}
		still := take(x, now)
		came := f.turn(syncer.Span{First: still.From, End: still.From + 50})
		f.got(x, still, &syncer.Range{First: came.First, Count: 50}, 0)
		take(y, now)
		take(y, now)
		for w := f.plan.Take(y, now); w != nil; w = f.plan.Take(y, now) {
		}
		take(y, now.Add(time.Hour))
		if fmt.Sprint(got) != want {
			t.Errorf("newest first is %v: %v, want %s", newest, got, want)
		}
	}
}
