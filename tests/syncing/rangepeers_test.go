// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Each peer holds another part of a log, and none of them all of it.
func TestFetchFromPartialPeers(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	o := storetest.OnMemory(net)
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	storetest.MustAppend(t, a, 6000, "event %d of a log that others hold in parts")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	log := a.Head().Log
	var peers []string
	for i, part := range []xaeroflux.Fetch{{To: 1500}, {From: 1200, To: 3300}, {From: 4000, Newest: true}} {
		p, addr := storetest.JoinedAt(t, a, o, fmt.Sprint("p", i))
		part.Log, part.Peers = log, []string{at.String()}
		mustFetch(t, p, part)
		peers = append(peers, addr)
	}
	o.Invite, err = a.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	storetest.Must(t, a.Close())
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: peers})
	if r.Events != 5300 || fmt.Sprint(r.Gaps) != "[{3300 4000}]" || len(r.From) != 3 {
		t.Fatalf("%+v", r)
	}
	o.Invite = ""
	a = storetest.Open(t, a.Dir(), o)
	at, err = a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	if seqs := heldEvents(t, a, b, log); len(seqs) != 5300 {
		t.Errorf("%d events", len(seqs))
	}
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: append(peers, at.String())}); r.Events != 700 || !slices.Equal(r.From, []xaeroflux.PeerID{a.PeerID()}) {
		t.Fatalf("%+v", r)
	}
	storetest.Same(t, a, b)
}

// joinedOf opens a store in a's topic that does not listen.
func joinedOf(t *testing.T, a *xaeroflux.DB, o *xaeroflux.Options) *xaeroflux.DB {
	t.Helper()
	with := *o
	with.Invite = storetest.Invited(a)
	return storetest.Open(t, filepath.Join(t.TempDir(), "b"), &with)
}

// Two copies of one store signed two histories: what is fetched of both proves
// it, at once if the sizes are the same.
func TestFetchFindsForkOfOneSize(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 1000, 400, 400)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 100, Peers: []string{at.String()}})
	storetest.Must(t, a.Close())
	at, err = copied.Listen(ctx, "copy:0")
	storetest.Must(t, err)
	_, err = storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, To: 100, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	if _, size := storetest.FrozenSize(t, b, log); size != 0 {
		t.Errorf("%d events without a gap", size)
	}
	if l := storetest.LogOf(t, b, log); fmt.Sprint(l.Held()) != "[{1300 1400}]" {
		t.Errorf("held %v", l.Held())
	}
	_, err = storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, To: 100, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("a frozen log is fetched: %v", err)
	}
}

// Of two sizes, the fork is seen if a range tells the root at the smaller one.
func TestFetchFindsForkWithinRange(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 1000, 400, 300)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := copied.Listen(ctx, "copy:0") // a head at 1300
	storetest.Must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 500, To: 600, Peers: []string{at.String()}})
	storetest.Must(t, copied.Close())
	at, err = a.Listen(ctx, "a:0") // and one at 1400, with the events 1290 to 1309
	storetest.Must(t, err)
	_, err = storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, From: 1290, To: 1310, Peers: []string{at.String()}})
	if !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	storetest.FrozenSize(t, b, log)
}

// A range of another history than the prefix that reaches it is dropped, and
// proves the fork when the log has its size.
func TestAbsorbOfAnotherHistory(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 1000, 500, 300)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	at, err := copied.Listen(ctx, "copy:0")
	storetest.Must(t, err)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 50, Peers: []string{at.String()}})
	storetest.Must(t, copied.Close())
	at, err = a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	// Too little to tell: the range stays where it is.
	mustFetch(t, b, xaeroflux.Fetch{Log: log, To: 1200, Peers: []string{at.String()}})
	l := storetest.LogOf(t, b, log)
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
	storetest.Must(t, b.Close())
	b = storetest.Open(t, dir, o) // the evidence is on disk
	_, err = storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, Peers: []string{at.String()}})
	if err != nil && !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Fatal(err)
	}
	storetest.Await(t, func() bool {
		_, frozen := storetest.LogOf(t, b, log).Frozen()
		return frozen
	})
	storetest.FrozenSize(t, b, log)
}

// A quota stops a fetch where it is, and leaves what came.
func TestFetchWithinQuota(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.OnMemory(net))
	storetest.MustAppend(t, a, 2000, strings.Repeat("x", 1000)+" %d")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	log := a.Head().Log
	for bound, q := range map[string]xaeroflux.Quota{
		"log bytes": {LogBytes: 1 << 20}, "store bytes": {StoreBytes: 2 << 20},
	} {
		o := storetest.OnMemory(net)
		o.Quota, o.Invite = q, storetest.Invited(a)
		b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
		r, err := storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, From: 10, Peers: []string{at.String()}})
		storetest.WantQuota(t, err, bound)
		if len(r.Gaps) == 0 || b.ReadOnly() != nil {
			t.Errorf("%+v, read-only: %v", r, b.ReadOnly())
		}
		if n := len(heldEvents(t, a, b, log)); n == 0 || uint64(n) != r.Events || n > 1800 {
			t.Errorf("%d events are held, %d came", n, r.Events)
		}
		clean(t, b)
	}
}

// Over a session ranges come too, subscribers see nothing before the gap is
// filled, and everything then: by the sync, here.
func TestFetchOverSession(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	o := storetest.OnMemory(net)
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	storetest.MustAppend(t, a, 3000, "event %d of a log that is fetched and then synced")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	log := a.Head().Log
	b := joinedOf(t, a, o)
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 700, Peers: []string{at.String()}})
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	got := make(chan uint64, 5000)
	go func() {
		defer close(got)
		for rec, err := range b.Subscribe(limit, xaeroflux.Query{Log: log, Ranges: true}) {
			if err != nil {
				return
			}
			got <- rec.Seq
		}
	}()
	storetest.MustSync(t, b, at.String())
	r, err := storetest.TopicOf(t, b).Fetch(limit, xaeroflux.Fetch{Log: log}) // the session is asked
	storetest.Must(t, err)
	if r.Head.Size != 3000 || len(r.Gaps) != 0 {
		t.Errorf("%+v", r)
	}
	storetest.MustAppend(t, a, 100, "event %d that came later")
	storetest.MustSync(t, b, at.String())
	for want := range uint64(3100) {
		if seq := <-got; seq != want {
			t.Fatalf("event %d, want %d", seq, want)
		}
	}
	cancel()
	for range got {
		t.Error("one event too many")
	}
	storetest.Same(t, a, b)
	if l := storetest.LogOf(t, b, log); fmt.Sprint(l.Held()) != "[{0 3100}]" || len(l.Gaps()) != 0 {
		t.Errorf("held %v", l.Held())
	}
}

// The largest event there is, alone in a range.
func TestFetchLargestEvent(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	o := storetest.OnMemory(net)
	o.PageBytes, o.SegmentPages = 65536, 1024
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	storetest.MustAppend(t, a, 100, "event %d before the large one")
	_, err := a.Append(ctx, xaeroflux.Event{Type: strings.Repeat("t", 63), Key: make([]byte, 1023), Payload: make([]byte, 16<<20)})
	storetest.Must(t, err)
	storetest.MustAppend(t, a, 100, "event %d behind it")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	b := joinedOf(t, a, o)
	log := a.Head().Log
	for _, f := range []xaeroflux.Fetch{{From: 100, To: 101}, {From: 90, To: 110, Newest: true}, {}} {
		f.Log, f.Peers = log, []string{at.String()}
		if r := mustFetch(t, b, f); len(r.Gaps) > 0 {
			t.Errorf("%+v", r)
		}
	}
	if n := len(heldEvents(t, a, b, log)); n != 201 {
		t.Errorf("%d events", n)
	}
	storetest.Same(t, a, b)
}

// The own log is not fetched in parts, and a fetch without a peer says so.
func TestFetchRefused(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	storetest.MustAppend(t, a, 10, "event %d")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	b := joinedOf(t, a, o)
	peers := []string{at.String()}
	log := a.Head().Log
	for name, c := range map[string]struct {
		f    xaeroflux.Fetch
		want error
	}{
		"own":        {xaeroflux.Fetch{Log: b.Head().Log, Peers: peers}, xaeroflux.ErrOwnLog},
		"own author": {xaeroflux.Fetch{Author: b.Head().Author, Peers: peers}, xaeroflux.ErrOwnLog},
		"no peer":    {xaeroflux.Fetch{Log: log}, xaeroflux.ErrNoPeer},
		"backwards":  {xaeroflux.Fetch{Log: log, From: 9, To: 3, Peers: peers}, xaeroflux.ErrRange},
		"nothing":    {xaeroflux.Fetch{Peers: peers}, xaeroflux.ErrUnknownLog},
	} {
		if _, err := storetest.TopicOf(t, b).Fetch(ctx, c.f); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Log(log); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("a log of which nothing came is here: %v", err)
	}
	if r := mustFetch(t, b, xaeroflux.Fetch{Author: a.Head().Author, From: 5, Peers: peers}); r.Log != log || r.Events != 5 {
		t.Errorf("by its author: %+v", r)
	}
	// Past what there is, nothing comes and nothing is wrong.
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 8, To: 30, Peers: peers}); r.Events != 0 || fmt.Sprint(r.Gaps) != "[{10 30}]" {
		t.Errorf("%+v", r)
	}
	storetest.Must(t, a.Close())
	if _, err := storetest.TopicOf(t, b).Fetch(ctx, xaeroflux.Fetch{Log: log, Peers: peers}); err == nil {
		t.Error("fetched from a peer that is gone")
	}
}

// A peer gives up a visit that lasts, as nothing is said in it: the visitor comes
// again and goes on.
func TestFetchOutlastsAVisit(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	o := storetest.OnMemory(net)
	o.PeerTimeout, o.PageBytes, o.SegmentPages = 30*time.Millisecond, 65536, 1024
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	for range 10 {
		storetest.MustAppend(t, a, 2000, strings.Repeat("long ", 200)+"%d")
	}
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	b := joinedOf(t, a, storetest.OnMemory(net))
	log := a.Head().Log
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 5, Peers: []string{at.String()}})
	if len(r.Gaps) != 0 || r.Events != 19_995 {
		t.Errorf("%d events, missing %v", r.Events, r.Gaps)
	}
	t.Logf("%d visits were given up", a.Refusals()[xaeroflux.CodeTimeout])
	heldEvents(t, a, b, log)
}

// Of a log that is not followed a part is fetched over the session that there is,
// and stays a part.
func TestFetchOfLogNotFollowed(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.OnMemory(net))
	storetest.MustAppend(t, a, 3000, "event %d of a log that is not followed")
	at, err := a.Listen(ctx, "a:0")
	storetest.Must(t, err)
	b := joinedOf(t, a, storetest.OnMemory(net))
	storetest.Must(t, storetest.TopicOf(t, b).Follow(ctx))
	storetest.MustSync(t, b, at.String())
	log := a.Head().Log
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 50}); r.Events != 50 || len(r.Gaps) != 0 {
		t.Fatalf("%+v", r)
	}
	storetest.MustAppend(t, a, 20, "event %d that nobody asked for")
	storetest.MustSync(t, b, at.String())
	if l := storetest.LogOf(t, b, log); fmt.Sprint(l.Held()) != "[{2950 3000}]" {
		t.Errorf("held %v", l.Held())
	}
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 50}); r.Events != 20 {
		t.Errorf("%+v", r)
	}
	if n := len(heldEvents(t, a, b, log)); n != 70 {
		t.Errorf("%d events", n)
	}
}

// A peer may answer, and be done with the stream, before we said that our
// request is all.
func TestFetchAnsweredAtOnce(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.OnMemory(net))
	storetest.MustAppend(t, a, 10, "event %d of a short log")
	b := joinedOf(t, a, storetest.OnMemory(net))
	log := a.Head().Log
	for i := range 30 {
		near, far := stdnet.Pipe()
		done := make(chan error, 1)
		go func() { done <- a.ServeOver(ctx, far, "there") }()
		r, err := storetest.TopicOf(t, b).FetchOver(ctx, near, "here", xaeroflux.Fetch{Log: log, From: 5})
		if err != nil || r.Head.Size != 10 || len(r.Gaps) > 0 {
			t.Fatalf("fetch %d: %+v, %v", i, r, err)
		}
		if err := <-done; err != nil {
			t.Errorf("the other end: %v", err)
		}
	}
}
