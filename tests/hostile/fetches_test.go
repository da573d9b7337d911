// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A peer that lies, one that hangs up and one that says nothing do not keep a
// fetch from what an honest one holds.
func TestFetchDespiteLiars(t *testing.T) {
	o := storetest.Small()
	o.PeerTimeout = 300 * time.Millisecond
	a := newArena(t, "memory", o)
	honest := storetest.Small()
	honest.NewCarrier = a.carrier
	peer, _ := storetest.Joined(t, a.victim, honest)
	storetest.MustAppend(t, peer, 10, "event %d of an honest peer")
	storetest.MustSync(t, peer, a.addr.String())
	over := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	foes := []func(f *foe, req *messages.RangeRequest) []messages.Message{
		func(f *foe, req *messages.RangeRequest) []messages.Message {
			m := f.log.Range(req.From, req.From+10)
			m.Records[30] ^= 1
			return []messages.Message{f.log.Range(7000, 7000), m}
		},
		func(f *foe, _ *messages.RangeRequest) []messages.Message {
			f.Conn.CloseWithError(0, "")
			return nil
		},
		func(f *foe, _ *messages.RangeRequest) []messages.Message {
			<-over
			return nil
		},
	}
	for _, lie := range foes {
		n := 0
		f := a.rangeFoe(&wg, func(f *foe, req *messages.RangeRequest) []messages.Message {
			if n++; n == 1 {
				return []messages.Message{f.log.Range(7000, 7000)}
			}
			return lie(f, req)
		})
		defer f.Conn.CloseWithError(0, "")
	}
	// A fourth one is honest, and holds the foes' log.
	f := a.rangeFoe(&wg, (*foe).rangeOf7000)
	defer f.Conn.CloseWithError(0, "")
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	r, err := storetest.TopicOf(t, a.victim).Fetch(limit, xaeroflux.Fetch{Log: xaeroflux.LogID(f.log.ID), From: 1000})
	if err != nil || r.Events != 6000 || len(r.Gaps) != 0 || !slices.Contains(r.From, xaeroflux.PeerID(f.Self)) {
		t.Fatalf("%+v, %v", r, err)
	}
	l := storetest.LogOf(t, a.victim, xaeroflux.LogID(f.log.ID))
	for seq := uint64(1000); seq < 7000; seq += 13 {
		rec, err := l.Get(ctx, seq)
		if err != nil || digest.Hash(rec.Hash()) != f.log.Leaves[seq] {
			t.Fatalf("event %d: %v", seq, err)
		}
	}
	if n := a.victim.Refusals()[xaeroflux.Code(messages.CodeBadEvents)]; n != 1 {
		t.Errorf("%d peers were refused for their events, want 1", n)
	}
}

// rangeFoe connects a foe that answers requests for ranges, until its connection ends.
func (a *arena) rangeFoe(wg *sync.WaitGroup, answer func(*foe, *messages.RangeRequest) []messages.Message) *foe {
	a.t.Helper()
	f := a.foe()
	storetest.Must(a.t, f.Greet(ctx, f.topic))
	storetest.Must(a.t, f.Settled())
	storetest.Must(a.t, f.Send(&messages.Peaks{}))
	wg.Go(func() {
		for f.ServeRange(ctx, func(req *messages.RangeRequest) []messages.Message { return answer(f, req) }) == nil {
		}
	})
	return f
}

// rangeOf7000 answers truly from the 7000 events of the foe's log.
func (f *foe) rangeOf7000(req *messages.RangeRequest) []messages.Message {
	head := f.log.Range(7000, 7000)
	if req.From >= 7000 {
		return []messages.Message{head}
	}
	return []messages.Message{head, f.log.Range(req.From, min(req.To, 7000))}
}

// A request to a peer that says nothing goes to another one, long before
// patience with it ends.
func TestFetchReplacesAPeerThatStandsStill(t *testing.T) {
	o := storetest.Small()
	o.PeerTimeout = time.Hour
	a := newArena(t, "memory", o)
	over := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	for _, still := range []bool{true, false} {
		f := a.rangeFoe(&wg, func(f *foe, req *messages.RangeRequest) []messages.Message {
			if still && req.From < 7000 {
				<-over
			}
			return f.rangeOf7000(req)
		})
		defer f.Conn.CloseWithError(0, "")
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := storetest.TopicOf(t, a.victim).Fetch(limit, xaeroflux.Fetch{Log: xaeroflux.LogID(a.log.ID), From: 1000})
	if err != nil || r.Events != 6000 || len(r.From) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}
