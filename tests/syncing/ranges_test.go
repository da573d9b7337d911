// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// fetchers opens a store that listens and holds events, and one in its topic
// that knows nothing of it.
func fetchers(t testing.TB, events int) (a, b *xaeroflux.DB, addr string) {
	t.Helper()
	a = storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
	o := storetest.Small()
	o.Invite = storetest.Invited(a)
	b = storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
	storetest.MustAppend(t, a, events, "event %d of a log that is fetched in parts")
	at, err := a.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	return a, b, at.String()
}

func mustFetch(t testing.TB, db *xaeroflux.DB, f xaeroflux.Fetch) xaeroflux.FetchReport {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	storetest.Must(t, err)
	r, err := topic.Fetch(ctx, f)
	storetest.Must(t, err)
	return r
}

// heldEvents reads what is held of a log beyond gaps too, and holds it against
// what the author has.
func heldEvents(t testing.TB, author, db *xaeroflux.DB, log xaeroflux.LogID) (seqs []uint64) {
	t.Helper()
	for rec, err := range db.Events(ctx, xaeroflux.Query{Log: log, Ranges: true}) {
		storetest.Must(t, err)
		want, err := author.Get(ctx, rec.Seq)
		storetest.Must(t, err)
		if rec.Hash() != want.Hash() || string(rec.Payload) != string(want.Payload) {
			t.Fatalf("event %d is %q, want %q", rec.Seq, rec.Payload, want.Payload)
		}
		seqs = append(seqs, rec.Seq)
	}
	return seqs
}

// The newest events of a log come first, the rest when it is asked for.
func TestFetchNewest(t *testing.T) {
	a, b, addr := fetchers(t, 10_000)
	log := a.Head().Log
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Last: 100, Peers: []string{addr}})
	if r.Events != 100 || r.Part != (xaeroflux.Span{First: 9900, End: 10_000}) || r.Head != a.Head() || len(r.Gaps) != 0 || !slices.Equal(r.From, []xaeroflux.PeerID{a.PeerID()}) {
		t.Fatalf("%+v", r)
	}
	l, err := b.Log(log)
	storetest.Must(t, err)
	if held, gaps := fmt.Sprint(l.Held()), fmt.Sprint(l.Gaps()); held != "[{9900 10000}]" || gaps != "[{0 9900}]" || l.Size() != 0 {
		t.Fatalf("held %s, missing %s", held, gaps)
	}
	if seqs := heldEvents(t, a, b, log); len(seqs) != 100 || seqs[0] != 9900 {
		t.Fatalf("%d events from %d", len(seqs), seqs[0])
	}
	rec, err := l.Get(ctx, 9950)
	storetest.Must(t, err)
	p, err := l.Prove(ctx, 9950, 10_000)
	storetest.Must(t, err)
	storetest.Must(t, xaeroflux.Verify(rec, p, l.NewestHead()))
	_, err = l.Get(ctx, 5000)
	var gap *xaeroflux.GapError
	if !errors.As(err, &gap) || !errors.Is(err, xaeroflux.ErrNotHeld) || xaeroflux.Span(gap.Gap) != (xaeroflux.Span{End: 9900}) || gap.Seq != 5000 {
		t.Errorf("an event in the gap: %v", err)
	}
	if _, err := l.Get(ctx, 10_000); !errors.Is(err, xaeroflux.ErrRange) || errors.Is(err, xaeroflux.ErrNotHeld) {
		t.Errorf("an event past the head: %v", err)
	}
	for range b.Events(ctx, xaeroflux.Query{Log: log}) {
		t.Fatal("an event beyond a gap without being asked for")
	}
	clean(t, b)
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: []string{addr}}); r.Events != 9900 || len(r.Gaps) != 0 {
		t.Fatalf("filling: %+v", r)
	}
	storetest.Same(t, a, b)
	if l.Head() != a.Head() || len(l.Held()) != 1 || len(l.Gaps()) != 0 {
		t.Errorf("head %+v, held %v", l.Head(), l.Held())
	}
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: []string{addr}}); r.Events != 0 {
		t.Errorf("again: %+v", r)
	}
}

func clean(t testing.TB, db *xaeroflux.DB) {
	t.Helper()
	r, err := db.Check(ctx, nil)
	storetest.Must(t, err)
	if r.Found() > 0 {
		t.Errorf("%+v", r.Findings)
	}
}

// Whatever is fetched, appended, synced and reopened in whatever order: what is
// held is what came, each event is the author's, and the prefix is a log.
func TestFetchAgainstTheObvious(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 77))
			a, b, addr := fetchers(t, 500+r.IntN(3000))
			log, have := a.Head().Log, map[uint64]bool{}
			for step := range 25 {
				size := a.Head().Size
				switch r.IntN(8) {
				case 0:
					storetest.MustAppend(t, a, 1+r.IntN(900), "event %d of a log that grows meanwhile")
				case 1:
					dir := b.Dir()
					storetest.Must(t, b.Close())
					b = storetest.Open(t, dir, storetest.Small())
				case 2:
					payload := make([]byte, r.IntN(300_000))
					_, err := a.Append(ctx, xaeroflux.Event{Payload: payload})
					storetest.Must(t, err)
				default:
					f := xaeroflux.Fetch{Log: log, Peers: []string{addr}, Newest: r.IntN(2) == 0}
					if f.From = r.Uint64N(size); r.IntN(3) > 0 {
						f.To = f.From + r.Uint64N(size)
					} else if r.IntN(2) == 0 {
						f.Last = r.Uint64N(200)
					}
					if r.IntN(12) == 0 {
						f.From, f.To, f.Last = 0, 0, 0
					}
					fetched(t, b, f, size, have)
				}
				if len(have) > 0 {
					obvious(t, a, b, log, have, fmt.Sprintf("seed %d step %d", seed, step))
				}
			}
			mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: []string{addr}})
			storetest.Same(t, a, b)
		})
	}
}

// fetched fetches and adds to have what must be held then.
func fetched(t testing.TB, b *xaeroflux.DB, f xaeroflux.Fetch, size uint64, have map[uint64]bool) {
	t.Helper()
	report := mustFetch(t, b, f)
	part := xaeroflux.Span{First: f.From, End: f.To}
	if part.End == 0 {
		part.End = size
	}
	if f.Last > 0 && part.End > f.Last {
		part.First = max(part.First, part.End-f.Last)
	}
	if report.Part != part {
		t.Fatalf("%+v wants %v, want %v", f, report.Part, part)
	}
	news := uint64(0)
	for seq := part.First; seq < min(part.End, size); seq++ {
		if !have[seq] {
			have[seq] = true
			news++
		}
	}
	if report.Events != news {
		t.Fatalf("%+v brought %d events, want %d", f, report.Events, news)
	}
}

// obvious holds a store against the set of events that it must hold.
func obvious(t testing.TB, a, b *xaeroflux.DB, log xaeroflux.LogID, have map[uint64]bool, when string) {
	t.Helper()
	l, err := b.Log(log)
	storetest.Must(t, err)
	seqs := heldEvents(t, a, b, log)
	if len(seqs) != len(have) {
		t.Fatalf("%s: %d events are held, want %d", when, len(seqs), len(have))
	}
	prefix := uint64(0)
	for i, seq := range seqs {
		if !have[seq] || i > 0 && seq <= seqs[i-1] {
			t.Fatalf("%s: event %d is held", when, seq)
		}
		if seq == prefix {
			prefix++
		}
	}
	if l.Size() != prefix {
		t.Fatalf("%s: the prefix has %d events, want %d", when, l.Size(), prefix)
	}
	count := uint64(0)
	for _, s := range l.Held() {
		count += s.End - s.First
	}
	if count != uint64(len(have)) {
		t.Fatalf("%s: held are %v", when, l.Held())
	}
}
