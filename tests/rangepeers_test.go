// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

func onTopic(t testing.TB, db *xaeroflux.DB) *xaeroflux.Topic {
	t.Helper()
	topic, err := db.Topic(xaeroflux.ID{})
	must(t, err)
	return topic
}

func logOf(t testing.TB, db *xaeroflux.DB, id xaeroflux.ID) *xaeroflux.Log {
	t.Helper()
	l, err := db.Log(id)
	must(t, err)
	return l
}

// Each peer holds another part of a log, and none of them all of it.
func TestFetchFromPartialPeers(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	o := onMemory(net)
	a := open(t, filepath.Join(t.TempDir(), "a"), o)
	mustAppend(t, a, 6000, "event %d of a log that others hold in parts")
	at, err := a.Listen(ctx, "a:0")
	must(t, err)
	log := a.Head().Log
	var peers []string
	for i, part := range []xaeroflux.Fetch{{To: 1500}, {From: 1200, To: 3300}, {From: 4000, Newest: true}} {
		p, addr := joinedAt(t, a, o, fmt.Sprint("p", i))
		part.Log, part.Peers = log, []string{at.String()}
		mustFetch(t, p, part)
		peers = append(peers, addr)
	}
	must(t, a.Close())
	b := joinedOf(t, a, o)
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: peers})
	if r.Events != 5300 || fmt.Sprint(r.Gaps) != "[{3300 4000}]" || len(r.From) != 3 {
		t.Fatalf("%+v", r)
	}
	a = open(t, a.Dir(), o)
	at, err = a.Listen(ctx, "a:0")
	must(t, err)
	if seqs := heldEvents(t, a, b, log); len(seqs) != 5300 {
		t.Errorf("%d events", len(seqs))
	}
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: append(peers, at.String())}); r.Events != 700 || !slices.Equal(r.From, []identity.PeerID{a.PeerID()}) {
		t.Fatalf("%+v", r)
	}
	same(t, a, b)
}

// joinedOf opens a store in a's topic that does not listen.
func joinedOf(t *testing.T, a *xaeroflux.DB, o *xaeroflux.Options) *xaeroflux.DB {
	t.Helper()
	with := *o
	with.Invite = a.Invite()
	return open(t, filepath.Join(t.TempDir(), "b"), &with)
}

// A peer that lies, one that hangs up and one that says nothing do not keep a
// fetch from what an honest one holds.
func TestFetchDespiteLiars(t *testing.T) {
	o := small()
	o.Patience = 150 * time.Millisecond
	a := newArena(t, "memory", o)
	honest := small()
	honest.NewCarrier = a.carrier
	peer, _ := joined(t, a.victim, honest)
	mustAppend(t, peer, 10, "event %d of an honest peer")
	mustSync(t, peer, a.addr.String())
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
		f := a.foe()
		defer f.Conn.CloseWithError(0, "")
		must(t, f.Greet(ctx, f.topic))
		must(t, f.Settled())
		wg.Go(func() {
			for n := 0; ; n++ {
				err := f.ServeRange(ctx, func(req *messages.RangeRequest) []messages.Message {
					if n == 0 {
						return []messages.Message{f.log.Range(7000, 7000)}
					}
					return lie(f, req)
				})
				if err != nil {
					return
				}
			}
		})
	}
	// A fourth one is honest, and holds the foes' log.
	f := a.foe()
	defer f.Conn.CloseWithError(0, "")
	must(t, f.Greet(ctx, f.topic))
	must(t, f.Settled())
	wg.Go(func() {
		for {
			err := f.ServeRange(ctx, func(req *messages.RangeRequest) []messages.Message {
				head := f.log.Range(7000, 7000)
				if req.From >= 7000 {
					return []messages.Message{head}
				}
				return []messages.Message{head, f.log.Range(req.From, min(req.To, 7000))}
			})
			if err != nil {
				return
			}
		}
	})
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	r, err := onTopic(t, a.victim).Fetch(limit, xaeroflux.Fetch{Log: f.log.ID, From: 1000})
	if err != nil || r.Events != 6000 || len(r.Gaps) != 0 || !slices.Contains(r.From, f.Self) {
		t.Fatalf("%+v, %v", r, err)
	}
	l := logOf(t, a.victim, f.log.ID)
	for seq := uint64(1000); seq < 7000; seq += 13 {
		rec, err := l.Get(ctx, seq)
		if err != nil || rec.Hash() != f.log.Leaves[seq] {
			t.Fatalf("event %d: %v", seq, err)
		}
	}
	if n := a.victim.Refusals()[messages.CodeBadEvents]; n != 1 {
		t.Errorf("%d peers were refused for their events, want 1", n)
	}
}

// Two copies of one store signed two histories: what is fetched of both proves
// it, at once where the sizes are the same.
func TestFetchFindsForkOfOneSize(t *testing.T) {
	o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := splitBrain(t, o, 1000, 400, 400)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := a.Listen(ctx, "a:0")
	must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 100, Peers: []string{at.String()}})
	must(t, a.Close())
	at, err = copied.Listen(ctx, "copy:0")
	must(t, err)
	_, err = onTopic(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, To: 100, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	if _, size := frozenSize(t, b, log); size != 0 {
		t.Errorf("%d events without a gap", size)
	}
	if l := logOf(t, b, log); fmt.Sprint(l.Held()) != "[{1300 1400}]" {
		t.Errorf("held %v", l.Held())
	}
	_, err = onTopic(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, To: 100, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("a frozen log is fetched: %v", err)
	}
}

// Of two sizes, the fork is seen where a range tells the root at the smaller one.
func TestFetchFindsForkWithinRange(t *testing.T) {
	o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := splitBrain(t, o, 1000, 400, 300)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := copied.Listen(ctx, "copy:0") // a head at 1300
	must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 500, To: 600, Peers: []string{at.String()}})
	must(t, copied.Close())
	at, err = a.Listen(ctx, "a:0") // and one at 1400, with the events 1290 to 1309
	must(t, err)
	_, err = onTopic(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, From: 1290, To: 1310, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	frozenSize(t, b, log)
}

// A range of another history than the prefix that reaches it is dropped, and
// proves the fork when the log has its size.
func TestAbsorbOfAnotherHistory(t *testing.T) {
	o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := splitBrain(t, o, 1000, 500, 300)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := copied.Listen(ctx, "copy:0")
	must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 50, Peers: []string{at.String()}})
	must(t, copied.Close())
	at, err = a.Listen(ctx, "a:0")
	must(t, err)
	// Too little to tell: the range stays where it is.
	mustFetch(t, b, xaeroflux.Fetch{Log: log, To: 1200, Peers: []string{at.String()}})
	l := logOf(t, b, log)
	if fmt.Sprint(l.Held()) != "[{0 1200} {1250 1300}]" {
		t.Fatalf("held %v", l.Held())
	}
	// The prefix reaches it, and does not fit: what is in its place comes anew.
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, To: 1280, Peers: []string{at.String()}})
	if r.Events != 80 || l.Size() != 1280 || fmt.Sprint(l.Held()) != "[{0 1280}]" {
		t.Fatalf("%+v, held %v", r, l.Held())
	}
	if _, frozen := l.Frozen(); frozen {
		t.Fatal("frozen without a proof")
	}
	dir := b.Dir()
	must(t, b.Close())
	b = open(t, dir, o) // the evidence is on disk
	_, err = onTopic(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, Peers: []string{at.String()}})
	if err != nil && !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	await(t, func() bool {
		_, frozen := logOf(t, b, log).Frozen()
		return frozen
	})
	frozenSize(t, b, log)
}
