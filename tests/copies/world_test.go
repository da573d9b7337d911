// SPDX-License-Identifier: MPL-2.0

// Package copies shows that a copy of a store is a new device: however the copy
// was made, both go on, everybody gets the events of both, nothing forks, and
// the person is told in both.
package copies

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// TestMain makes this test binary the xaeroflux command too.
func TestMain(m *testing.M) { storetest.Main(m, nil) }

var ctx = context.Background()

// A world is stores on one network in memory, of one topic.
type world struct {
	t      *testing.T
	net    *transport.Memory
	invite string
	said   []string // what was appended, over all stores
	opened int
}

func newWorld(t *testing.T) *world {
	return &world{t: t, net: transport.NewMemory(transport.MemoryOptions{})}
}

// A peer is an open store with its address.
type peer struct {
	*xaeroflux.DB
	w    *world
	at   string
	dir  string
	done bool
}

func (w *world) options() xaeroflux.Options {
	return xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		PageBytes: 4096, SegmentPages: 2,
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return w.net.NodeOf(key), nil },
	}
}

// open opens the store in dir. It is checked when the test ends.
func (w *world) open(dir string, change ...func(*xaeroflux.Options)) *peer {
	w.t.Helper()
	o := w.options()
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil {
		o.Invite = w.invite
	}
	for _, f := range change {
		f(&o)
	}
	db, err := xaeroflux.Open(dir, &o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.opened++
	p := &peer{DB: db, w: w, dir: dir}
	w.t.Cleanup(p.close)
	a, err := db.Listen(ctx, fmt.Sprintf("p%d:0", w.opened))
	if err != nil {
		w.t.Fatal(err)
	}
	if p.at = a.String(); w.invite == "" {
		w.invite = storetest.Invited(db)
	}
	return p
}

// close closes a store and checks it.
func (p *peer) close() {
	p.w.t.Helper()
	if p.done {
		return
	}
	p.done = true
	if err := p.Close(); err != nil {
		p.w.t.Errorf("close %s: %v", p.dir, err)
	}
	if report := checked(p.w.t, p.dir); report.Copy != "" {
		p.w.t.Errorf("%s is said to be a copy right after it was open: %s", p.dir, report.Copy)
	}
}

func checked(t *testing.T, dir string) xaeroflux.CheckReport {
	t.Helper()
	report, err := xaeroflux.Check(ctx, dir, nil)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, f := range report.Findings {
		t.Errorf("check %s: %s: %s", dir, f.Where, f.What)
	}
	return report
}

// say appends n events, which fill pages if there are many.
func (p *peer) say(n int, format string) xaeroflux.Receipt {
	p.w.t.Helper()
	events := make([]xaeroflux.Event, n)
	for i := range events {
		text := fmt.Sprintf(format, i)
		events[i] = xaeroflux.Event{Type: "line", Payload: []byte(text)}
		p.w.said = append(p.w.said, text)
	}
	r, err := p.AppendBatch(ctx, events)
	if err != nil {
		p.w.t.Fatalf("%s: %v", p.dir, err)
	}
	return r
}

func (p *peer) sync(with *peer) {
	p.w.t.Helper()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := p.Sync(limit, with.at); err != nil {
		p.w.t.Fatalf("%s with %s: %v", p.dir, with.dir, err)
	}
}

// wantSame holds every store against what was said by all: no event is missing
// or there twice, none is the engine's, and no log is forked.
func (w *world) wantSame(all ...*peer) {
	w.t.Helper()
	slices.Sort(w.said)
	for _, p := range all {
		var got []string
		for r, err := range p.Events(ctx, xaeroflux.Query{}) {
			if err != nil {
				w.t.Fatal(err)
			}
			got = append(got, string(r.Payload))
		}
		if slices.Sort(got); !slices.Equal(got, w.said) {
			w.t.Errorf("%s holds %d events, want %d", p.dir, len(got), len(w.said))
		}
		if forks, err := p.Forks(); err != nil || len(forks) > 0 {
			w.t.Errorf("%s knows of %d forks: %v", p.dir, len(forks), err)
		}
	}
}

// wantTold holds what the first store and its copy tell people. Others hear of
// nothing.
func wantTold(t *testing.T, first, copied *peer, others ...*peer) {
	t.Helper()
	if m := first.Moved(); m != nil {
		t.Errorf("the first store says that it moved: %+v", m)
	}
	m := copied.Moved()
	if m == nil || m.From != first.PeerID() || m.To != copied.PeerID() || m.Why == "" {
		t.Errorf("the copy says %+v, want from %s to %s", m, first.PeerID(), copied.PeerID())
	}
	log := copied.Head()
	told := first.Copies()
	if len(told) != 1 || told[0].Log != log.Log || told[0].Author != log.Author || told[0].Seen.IsZero() {
		t.Errorf("the first store knows of copies %+v, want one that writes %s", told, log.Log)
	}
	for _, p := range append(others, copied) {
		if c := p.Copies(); len(c) > 0 {
			t.Errorf("%s is told of copies %+v, which are not its own", p.dir, c)
		}
	}
}

// wantDevice checks that a copy's log begins with its card, and that readers
// pass it over unless they ask for it.
func wantDevice(t *testing.T, at *peer, log xaeroflux.LogID) {
	t.Helper()
	l, err := at.Log(log)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := l.Get(ctx, 0); err != nil || r.Type != "xf/device" {
		t.Errorf("%s: record 0 of the copy's log is %q: %v", at.dir, r.Type, err)
	}
	for _, engine := range []bool{false, true} {
		var types []string
		for r, err := range at.Events(ctx, xaeroflux.Query{Log: log, Limit: 2, Engine: engine}) {
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, r.Type)
		}
		if has := slices.Contains(types, "xf/device"); has != engine || len(types) != 2 {
			t.Errorf("%s: with Engine %v, Events yields %q", at.dir, engine, types)
		}
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// later waits until a file that is made now has another birth time than one made
// before: the clock of births ticks each 4 ms at most.
func later() { time.Sleep(5 * time.Millisecond) }

func contextOf(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
