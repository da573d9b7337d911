// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// sources opens stores that all hold one long log, and one more that holds
// nothing. The links of the last one are slow.
func sources(t *testing.T, holders int) (v *village, last *xaeroflux.DB, log xaeroflux.LogID) {
	t.Helper()
	o := *storetest.Small()
	v = newVillage(t, holders+1, o)
	for range 20 {
		storetest.MustAppend(t, v.dbs[0], 1000, "event %d of a log that is long enough for many windows of pages")
	}
	for i := 1; i < holders; i++ {
		storetest.MustSync(t, v.dbs[i], v.addr(0))
	}
	last = v.dbs[holders]
	for i := range holders {
		v.net.SetDelay(identity.PeerID(last.PeerID()), identity.PeerID(v.dbs[i].PeerID()), 20*time.Millisecond)
	}
	return v, last, v.dbs[0].Head().Log
}

func holds(db *xaeroflux.DB, log xaeroflux.LogID, size uint64) func() bool {
	return func() bool {
		l, err := db.Log(log)
		return err == nil && l.Size() == size
	}
}

// bytesIn is what came in all, and from how many peers events came.
func bytesIn(db *xaeroflux.DB) (bytes, events uint64, peers int) {
	for _, p := range db.Peers() {
		bytes, events = bytes+p.BytesIn, events+p.EventsIn
		if p.EventsIn > 0 {
			peers++
		}
	}
	return bytes, events, peers
}

// The pages of one log come from several peers at once, and none of them twice.
func TestPagesComeFromSeveralPeers(t *testing.T) {
	v, last, log := sources(t, 4)
	for i := range 4 {
		v.connect(4, i)
	}
	storetest.Await(t, holds(last, log, 20_000))
	storetest.Same(t, v.dbs[0], last)
	storetest.Await(t, func() bool { // the sessions count what came after it was stored
		_, events, _ := bytesIn(last)
		return events >= 20_000
	})
	moved, events, peers := bytesIn(last)
	size := storedPages(t, v.dbs[0])
	t.Logf("%d events from %d peers in %d bytes, the pages have %d", events, peers, moved, size)
	if events != 20_000 || peers < 3 || moved > size*5/4 {
		t.Errorf("%d events from %d peers in %d bytes, want 20000 from 3 at least, in little more than %d", events, peers, moved, size)
	}
	// Events appended now come live, from whoever has it.
	r := storetest.MustAppend(t, v.dbs[2], 1, "event %d, live")
	storetest.Await(t, holds(last, r.Log, r.Size))
	r = storetest.MustAppend(t, v.dbs[0], 1, "event %d, live")
	storetest.Await(t, holds(last, log, r.Size))
	storetest.Await(t, func() bool {
		for _, p := range last.SyncStatus().Peers {
			if p.Connected() && !p.InSync {
				return false
			}
		}
		return true
	})
}

func storedPages(t *testing.T, db *xaeroflux.DB) uint64 {
	t.Helper()
	r, err := db.Check(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Pages * 4096
}

// Peers that go, or stand still, in the middle of it are replaced by others.
func TestSourcesAreReplaced(t *testing.T) {
	v, last, log := sources(t, 4)
	v.net.CutAfter(identity.PeerID(last.PeerID()), identity.PeerID(v.dbs[1].PeerID()), 300_000)
	v.net.SetDelay(identity.PeerID(last.PeerID()), identity.PeerID(v.dbs[2].PeerID()), 300*time.Millisecond)
	for i := range 4 {
		v.connect(4, i)
	}
	storetest.Await(t, holds(last, log, 20_000))
	storetest.Same(t, v.dbs[0], last)
}

// Wherever a connection breaks, the next one takes up from what is stored.
func TestFetchGoesOnWhereItBroke(t *testing.T) {
	v, last, log := sources(t, 1)
	for at := int64(50_000); ; at = at*5/4 + 777 {
		v.net.CutAfter(identity.PeerID(last.PeerID()), identity.PeerID(v.dbs[0].PeerID()), at)
		if _, err := last.Sync(ctx, v.addr(0)); err == nil {
			break
		}
	}
	if !holds(last, log, 20_000)() {
		t.Error("in sync without all events")
	}
	storetest.Same(t, v.dbs[0], last)
}

// A liar is a member of the topic that holds the log, and serves pages of it as spoil
// lets them through.
type liar struct {
	t     *testing.T
	st    *store.Store
	topic *identity.Invite
	log   *store.Log
	spoil func(io.Writer) io.Writer
	asked chan struct{}
}

func newLiar(t *testing.T, v *village, log xaeroflux.LogID, spoil func(io.Writer) io.Writer) (x *liar, addr string) {
	t.Helper()
	topic, err := identity.ParseInvite(v.invite)
	storetest.Must(t, err)
	x = &liar{t: t, st: copyOf(t, v), topic: topic, spoil: spoil, asked: make(chan struct{}, 100_000)}
	x.log, err = x.st.Log(digest.Hash(log))
	storetest.Must(t, err)
	return x, x.listen(v.net)
}

func (x *liar) listen(net *transport.Memory) string {
	l, err := net.Node(x.st.Device().PeerID()).Listen(ctx, "liar:1")
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept(ctx)
			if err != nil {
				return
			}
			go x.serve(conn)
		}
	}()
	return l.Addr().String()
}

func (x *liar) serve(conn transport.Conn) {
	control, err := conn.AcceptStream(ctx)
	if err != nil {
		return
	}
	p := x.log.State()
	head, err := x.log.Head(p)
	if err != nil {
		return
	}
	state := messages.LogState{
		Log: x.log.ID, Author: x.log.Author, PageBytes: uint32(x.log.PageBytes), Size: p.Size, Pages: p.Pages,
		Head: messages.Head{Size: head.Size, Root: head.Root, Sig: head.Sig},
	}
	for _, m := range []messages.Message{
		&messages.Hello{
			Version: syncer.Version, Peer: x.st.Device().PeerID(), Caps: []messages.Capability{{Name: messages.CapSync}},
			Offers:   []messages.Offer{syncer.OfferOf(x.topic.Keys.Prover(x.topic.Topic()), conn.Binding(), false)},
			MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
		},
		&messages.Peaks{Logs: 1, Digest: digest.Sum([]byte("of the log alone"))},
		&messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{state}},
	} {
		frame, err := messages.AppendFrame(nil, m)
		if err == nil {
			_, err = control.Write(frame)
		}
		if err != nil {
			return
		}
	}
	for {
		stream, err := conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		go x.pages(stream)
	}
}

func (x *liar) pages(stream transport.Stream) {
	body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
	if err != nil {
		return
	}
	m, err := messages.Decode(body)
	if err != nil {
		return
	}
	if req, ok := m.(*messages.RangeRequest); ok {
		syncer.ServeRange(stream, x.st.Source(), x.topic.Topic(), req)
	} else {
		x.asked <- struct{}{}
		syncer.ServePages(x.spoil(stream), x.st.Source(), x.topic.Topic(), m.(*messages.PageRequest), nil)
	}
	stream.CloseWrite()
}

// A crooked writer changes a byte in every page.
type crooked struct{ io.Writer }

func crookedly(w io.Writer) io.Writer { return &crooked{w} }

func (c *crooked) Write(b []byte) (int, error) {
	if len(b) == 4096 {
		b = bytes.Clone(b)
		b[2000] ^= 1
	}
	return c.Writer.Write(b)
}

// Events that a peer sends wrong are brought by others, and cost nobody
// else anything.
func TestLyingSourceIsReplaced(t *testing.T) {
	v, last, log := sources(t, 2)
	x, addr := newLiar(t, v, log, crookedly)
	v.connect(2, 0)
	if err := last.Connect(ctx, addr); err != nil {
		t.Fatal(err)
	}
	v.connect(2, 1)
	storetest.Await(t, holds(last, log, 20_000))
	storetest.Same(t, v.dbs[0], last)
	if len(x.asked) == 0 {
		t.Error("the liar was not asked for anything: the test shows nothing")
	}
	if _, events, _ := bytesIn(last); events > 20_000 {
		t.Errorf("%d events were stored, want each once", events)
	}
}

// copyOf opens the store of a further member, which has synced with the first.
func copyOf(t *testing.T, v *village) *store.Store {
	t.Helper()
	o := *storetest.Small()
	o.Invite, o.Actors.System = v.invite, v.system
	o.NewCarrier = func(key ed25519.PrivateKey) (transport.Carrier, error) { return v.net.NodeOf(key), nil }
	dir := filepath.Join(t.TempDir(), "liar")
	db, err := xaeroflux.Open(dir, &o)
	if err != nil {
		t.Fatal(err)
	}
	storetest.MustSync(t, db, v.addr(0))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(dir, store.Options{Look: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}
