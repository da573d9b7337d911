// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// crowd connects so many peers that never greet: a third says nothing, a third
// opens a stream, a third begins a HELLO.
func (a *arena) crowd(n int) []*foe {
	a.t.Helper()
	all := make([]*foe, n)
	for i := range all {
		f := a.foe()
		all[i] = f
		if i%3 == 0 {
			continue
		}
		if err := f.Open(ctx); err != nil {
			continue // it had to make room already
		}
		greeting := evilpeer.Encoded(f.Greeting(messages.Offer{}))
		_ = f.Raw(greeting[:1+i%3*20])
	}
	return all
}

// keep keeps an honest peer connected from now on.
func (a *arena) keep(peer *xaeroflux.DB) {
	a.t.Helper()
	storetest.Must(a.t, peer.Connect(ctx, a.addr.String()))
	storetest.Await(a.t, func() bool { p := peer.Peers(); return len(p) == 1 && p[0].InSync })
}

// However many peers connect and never greet, one that is connected is served on,
// and one that comes finds its place.
func TestCrowdOfHalfOpenSessions(t *testing.T) {
	o := storetest.Small()
	o.PeerTimeout = time.Hour // they are not waited out
	a := newArena(t, "memory", o)
	o = storetest.Small()
	o.NewCarrier = a.carrier
	good, _ := storetest.Joined(t, a.victim, o)
	a.keep(good)

	const crowd, places = 1000, 64
	a.crowd(crowd)
	storetest.MustAppend(t, good, 500, "event %d, said through the crowd")
	storetest.Await(t, func() bool {
		l, err := a.victim.Log(good.Head().Log)
		return err == nil && l.Size() == 500
	})
	a.honest(t) // one who comes later
	if n := len(a.victim.Peers()); n > places+2 {
		t.Errorf("%d peers are connected", n)
	}
	// A peer that greets takes its place from one of them.
	if n := a.victim.Refusals()[xaeroflux.CodeBusy]; n < crowd-places || n > crowd {
		t.Errorf("%d gave way, of %d", n, crowd)
	}
}

// However many keys a member connects with, who was named is served on, finds a
// seat later, and so do peers that come to it.
func TestMembersCannotTakeAllSeats(t *testing.T) {
	o := storetest.Small()
	o.PeerTimeout = time.Hour // they are not waited out
	a := newArena(t, "memory", o)
	o = storetest.Small()
	o.NewCarrier = a.carrier
	good, goodAddr := storetest.Joined(t, a.victim, o)
	storetest.Must(t, a.victim.Connect(ctx, goodAddr))
	storetest.Await(t, func() bool { p := good.Peers(); return len(p) == 1 && p[0].InSync })

	const crowd = 300
	for range crowd {
		f := a.foe()
		if err := f.Greet(ctx, a.topic); err == nil { // else it gave way already
			_ = f.Send(&messages.Peaks{})
		}
	}
	members := func() (n int) {
		for _, p := range a.victim.SyncStatus().Peers {
			if p.Topics > 0 && !p.Kept {
				n++
			}
		}
		return n
	}
	storetest.Await(t, func() bool { return members() >= peerbook.MemberSeats })
	later, laterAddr := storetest.Joined(t, a.victim, o)
	storetest.Must(t, a.victim.Connect(ctx, laterAddr))
	storetest.Await(t, func() bool {
		return storetest.ConnectedTo(a.victim, later.PeerID()) && storetest.ConnectedTo(a.victim, good.PeerID())
	})
	storetest.Await(t, func() bool { return members() <= peerbook.MemberSeats }) // one that gives way gets to hear so first
	storetest.MustAppend(t, good, 100, "event %d, said through the crowd")
	storetest.Await(t, func() bool {
		l, err := later.Log(good.Head().Log)
		return err == nil && l.Size() == 100
	})
}

// An author who tells two victims two histories parts them in that log and in
// nothing else.
func TestEquivocation(t *testing.T) {
	a := newArena(t, "memory", storetest.Small())
	b := &arena{t: t, carrier: a.carrier, topic: a.topic}
	o := storetest.Small()
	o.NewCarrier, o.Invite = a.carrier, storetest.Invited(a.victim)
	b.victim = storetest.Open(t, filepath.Join(t.TempDir(), "other victim"), o)
	addr, err := b.victim.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	b.addr = storetest.Dialed(addr)
	key := a.newKey()
	one, two := a.newLog(key, 4096, 40, "event %d as the first is told"), a.newLog(key, 4096, 50, "event %d as the second is told")
	a.give(one, 40)
	b.give(two, 50)
	storetest.MustAppend(t, b.victim, 7, "event %d of the other victim")

	storetest.Must(t, a.victim.Connect(ctx, addr.String()))
	holds := func(db *xaeroflux.DB, log xaeroflux.LogID, size uint64) bool {
		l, err := db.Log(log)
		return err == nil && l.Size() == size
	}
	storetest.Await(t, func() bool {
		return holds(a.victim, b.victim.Head().Log, 7) && holds(b.victim, a.victim.Head().Log, a.victim.Head().Size) && holds(b.victim, xaeroflux.LogID(a.bystander.ID), 100)
	})
	storetest.Await(t, func() bool {
		return a.victim.Refusals()[xaeroflux.CodeFork]+b.victim.Refusals()[xaeroflux.CodeFork] > 0
	})
	storetest.MustAppend(t, a.victim, 3, "event %d after the fork")
	storetest.Await(t, func() bool { return holds(b.victim, a.victim.Head().Log, a.victim.Head().Size) })
	for db, log := range map[*xaeroflux.DB]*evilpeer.Log{a.victim: one, b.victim: two} {
		l, err := db.Log(xaeroflux.LogID(log.ID))
		storetest.Must(t, err)
		if root, size := l.Root(); root != xaeroflux.Hash(log.Head.Root) || size != log.Head.Size {
			t.Errorf("holds %d events under %s, was told %d under %s", size, root, log.Head.Size, log.Head.Root)
		}
		storetest.Undisturbed(t, db)
	}
}

// The names that a peer gives things name no file.
func TestPathsForNames(t *testing.T) {
	a := newArena(t, "memory", storetest.Small())
	var events []event.Event
	for i := range 300 {
		events = append(events, event.Event{Type: "../../../../tmp/x", Key: []byte("/etc/passwd\x00C:\\x"), Payload: fmt.Appendf(nil, "../%d", i)})
	}
	l, err := evilpeer.NewLog(a.topic.Topic(), a.newKey(), 4096, events...)
	storetest.Must(t, err)
	a.give(l, 300)
	held, err := a.victim.Log(xaeroflux.LogID(l.ID))
	storetest.Must(t, err)
	if r, err := held.Get(ctx, 299); err != nil || r.Type != events[299].Type {
		t.Errorf("%+v: %v", r, err)
	}
	beside, err := os.ReadDir(filepath.Dir(a.victim.Dir()))
	if err != nil || len(beside) != 1 {
		t.Errorf("beside the store lie %v: %v", beside, err)
	}
	name := regexp.MustCompile(`^(victim|LOCK|FORMAT|identity\.key|aof|logs|mmr|data\.mdb|lock\.mdb|head(\.tmp)?|[0-9a-f]{64}(\.mmr)?|[0-9]{6}\.(seg|tree))$`)
	storetest.Must(t, filepath.WalkDir(a.victim.Dir(), func(path string, d fs.DirEntry, err error) error {
		if !name.MatchString(filepath.Base(path)) {
			t.Errorf("there is a file %s", path)
		}
		return err
	}))
}

// An author may sign a head of 2^48 events. Only those that come count: one
// event, proven, stored and passed on, and no room made for the others.
func TestHeadOfHugeLog(t *testing.T) {
	a := newArena(t, "memory", storetest.Small())
	l := a.newLog(a.newKey(), 4096, 1, "event %d of 2^48")
	const size = messages.MaxCount
	rest := merkleindex.CompactRange{Begin: 1, End: size, Hashes: make([]digest.Hash, merkleindex.RangeLen(1, size))}
	whole := merkleindex.CompactRange{}
	storetest.Must(t, whole.Append(l.Leaves[0], nil))
	storetest.Must(t, whole.Merge(rest, nil))
	root, err := whole.Root()
	storetest.Must(t, err)
	m := l.Events(0, 1)
	m.Right, m.Head = rest.Hashes, evilpeer.Wire(l.Sign(size, root))
	f := a.foe()
	defer f.Conn.CloseWithError(0, "")
	storetest.Must(t, f.Greet(ctx, f.topic))
	storetest.Must(t, f.Send(m))
	storetest.Await(t, func() bool { held, err := a.victim.Log(xaeroflux.LogID(l.ID)); return err == nil && held.Size() == 1 })
	storetest.Must(t, f.Send(evilpeer.List(messages.LogState{
		Log: l.ID, Author: l.Author, PageBytes: 4096, Size: size, Pages: size / 2, Head: m.Head,
	})))
	if _, err := f.Answer(ctx, true); err != nil {
		t.Error(err)
	}
	storetest.Must(t, f.Alive(0, digest.Hash(a.victim.Head().Log), 0))
	storetest.Must(t, f.Conn.CloseWithError(0, ""))
	a.honest(t)
}

// BenchmarkBesideACrowd compares how fast one peer's events arrive alone and
// beside a thousand half-open sessions.
func BenchmarkBesideACrowd(b *testing.B) {
	a := newArena(b, "memory", &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	good, _ := storetest.Joined(b, a.victim, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewCarrier: a.carrier})
	a.keep(good)
	deliver := func() time.Duration {
		start := time.Now()
		for range 20 {
			if _, err := good.AppendBatch(ctx, storetest.Payloads(1000, 256)); err != nil {
				b.Fatal(err)
			}
		}
		storetest.Await(b, func() bool {
			l, err := a.victim.Log(good.Head().Log)
			return err == nil && l.Size() == good.Head().Size
		})
		return time.Since(start)
	}
	deliver()
	var alone, beside time.Duration
	for b.Loop() {
		alone += deliver()
		crowd := a.crowd(1000)
		beside += deliver()
		for _, f := range crowd {
			f.Conn.CloseWithError(0, "")
		}
		storetest.Await(b, func() bool { return len(a.victim.Peers()) == 1 })
	}
	b.ReportMetric(100*alone.Seconds()/beside.Seconds(), "%-of-rate")
}
