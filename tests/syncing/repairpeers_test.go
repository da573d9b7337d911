// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A patient is a store that is to be repaired, in a village whose first store holds
// all that it holds.
type patient struct {
	*village
	dir  string
	log  xaeroflux.LogID // of the first store
	want map[digest.Hash]digest.Hash
}

// newPatient makes a village of which the first store has many pages of events, the last
// is the patient, and any between hold the first half.
func newPatient(t *testing.T, stores int) *patient {
	t.Helper()
	p := &patient{village: newVillage(t, stores, *storetest.Small())}
	author, last := p.dbs[0], p.dbs[stores-1]
	half := func() {
		for range 10 {
			storetest.MustAppend(t, author, 1000, "event %d of a log that is long enough for many windows of pages")
		}
	}
	half()
	for _, db := range p.dbs[1 : stores-1] {
		storetest.MustSync(t, db, p.addr(0))
		p.net.SetUp(identity.PeerID(author.PeerID()), identity.PeerID(db.PeerID()), false)
	}
	half()
	storetest.MustSync(t, last, p.addr(0))
	p.dir, p.log, p.want = last.Dir(), author.Head().Log, storetest.Roots(t, author)
	p.net.SetDelay(identity.PeerID(last.PeerID()), identity.PeerID(author.PeerID()), 20*time.Millisecond) // others are there before
	storetest.Must(t, last.Close())
	return p
}

// wounds are what is done to a patient: most pages are missing, of which it knows how
// many there were, or nothing tells how many.
var wounds = map[string]func(t *testing.T, p *patient){
	"pages": removePages,
	"pages and AOF": func(t *testing.T, p *patient) {
		removePages(t, p)
		storetest.Must(t, os.RemoveAll(filepath.Join(p.dir, "aof")))
		storetest.Must(t, os.Remove(filepath.Join(p.dir, "logs", p.log.String(), "head")))
	},
}

// removePages leaves the first segment of the log.
func removePages(t *testing.T, p *patient) {
	paths, err := filepath.Glob(filepath.Join(p.dir, "logs", p.log.String(), "*.seg"))
	storetest.Must(t, err)
	if len(paths) < 150 {
		t.Fatalf("%d segments", len(paths))
	}
	for _, path := range paths[1:] {
		storetest.Must(t, os.Remove(path))
	}
}

// mended repairs a copy of the patient after each wound, from peers whose patience is
// long, and holds it against the first store.
func (p *patient) mended(t *testing.T, from ...string) {
	for what, wound := range wounds {
		t.Run(what, func(t *testing.T) {
			whole := p.dir
			defer func() { p.dir = whole }()
			p.dir = storetest.Copied(t, p.dir)
			wound(t, p)
			limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			r, err := xaeroflux.Repair(limit, p.dir, xaeroflux.RepairOptions{
				From: from, Offline: true, Invites: []string{p.invite}, PeerTimeout: time.Hour, NewCarrier: storetest.OnMemory(p.net).NewCarrier,
			})
			if err != nil || !r.Clean() || len(r.Found) == 0 || len(r.Asked) != len(from) {
				t.Fatalf("%v\nfound %+v\ndone %+v\nmissing %+v\nleft %+v\nasked %v", err, r.Found, r.Done, r.Missing, r.Left, r.Asked)
			}
			storetest.CheckClean(t, p.dir)
			storetest.SameRoots(t, p.dir, p.want)
		})
	}
}

// A fetch that stands still at a peer in the midst of it goes on from another
// one, long before patience ends.
func TestRepairReplacesAPeerThatStandsStill(t *testing.T) {
	p := newPatient(t, 2)
	over := make(chan struct{})
	defer close(over)
	x, addr := newLiar(t, p.village, p.log, func(w io.Writer) io.Writer { return &halting{Writer: w, left: 20, over: over} })
	p.mended(t, addr, p.addr(0))
	if len(x.asked) < len(wounds) {
		t.Error("the peer was not asked for pages: the test shows nothing")
	}
}

// A halting writer stands still before it writes one page more.
type halting struct {
	io.Writer
	left int
	over chan struct{}
}

func (h *halting) Write(b []byte) (int, error) {
	if len(b) == 4096 {
		if h.left--; h.left < 0 {
			<-h.over
		}
	}
	return h.Writer.Write(b)
}

// Wrong pages, and wrong events behind them, are not written, and come from another
// peer.
func TestRepairDespiteALiar(t *testing.T) {
	for what, spoil := range map[string]func(io.Writer) io.Writer{
		"pages":  crookedly,
		"events": func(w io.Writer) io.Writer { return &crookedBehind{w} },
	} {
		t.Run(what, func(t *testing.T) {
			p := newPatient(t, 2)
			x, addr := newLiar(t, p.village, p.log, spoil)
			p.mended(t, addr, p.addr(0))
			if len(x.asked) < len(wounds) {
				t.Error("the liar was not asked for pages: the test shows nothing")
			}
		})
	}
}

// A crookedBehind writer changes the last byte of the events behind the pages.
type crookedBehind struct{ io.Writer }

func (c *crookedBehind) Write(b []byte) (int, error) {
	if len(b) != 4096 && bytes.Contains(b, []byte("windows of pages")) {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
	}
	return c.Writer.Write(b)
}

// A peer that holds a part of a log gives that part, and another one the rest.
func TestRepairTakesAllThatPeersHold(t *testing.T) {
	p := newPatient(t, 3)
	if !holds(p.dbs[1], p.log, 10_000)() {
		t.Fatal("the peer holds another part: the test shows nothing")
	}
	p.mended(t, p.addr(1), p.addr(0))
}
