// SPDX-License-Identifier: MPL-2.0

package copies

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A copy of a copy, and the first copied once more: each is another device, and
// each store hears of those that were made of it, under the keys that it has or
// had.
func TestCopiesOfCopies(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"1")
	run(t, "cp", "-a", dir, dir+"2")
	b := w.open(dir + "1")
	b.say(30, "event %d of the copy")
	b.close()
	later()
	run(t, "cp", "-a", dir+"1", dir+"3") // a copy of the copy

	a, b = w.open(dir), w.open(dir+"1")
	second, third := w.open(dir+"2"), w.open(dir+"3")
	all := []*peer{a, b, second, third, c}
	ids := map[xaeroflux.LogID]bool{}
	for i, p := range all {
		p.say(40+i, "event %d of one of the five, "+p.dir)
		if ids[p.Head().Log] = true; p != c {
			p.sync(c)
		}
	}
	if len(ids) != len(all) {
		t.Errorf("%d logs of %d stores", len(ids), len(all))
	}
	for _, p := range all[:4] {
		p.sync(c)
	}
	w.wantSame(all...)
	for _, x := range []struct {
		p    *peer
		want []*peer
	}{
		{a, []*peer{b, second}}, // it never had the key of which the third is a copy
		{b, []*peer{second, third}},
		{second, []*peer{b}},
		{third, []*peer{second}}, // the first copy's log it holds as its own, from before
		{c, nil},
	} {
		wantCopies(t, x.p, x.want)
	}
}

func wantCopies(t *testing.T, p *peer, want []*peer) {
	t.Helper()
	told := map[xaeroflux.LogID]bool{}
	for _, c := range p.Copies() {
		told[c.Log] = true
	}
	for _, q := range want {
		if !told[q.Head().Log] {
			t.Errorf("%s is not told of %s", p.dir, q.dir)
		}
	}
	if len(told) != len(want) {
		t.Errorf("%s is told of %d copies, want %d", p.dir, len(told), len(want))
	}
}

// A store knows what it heard of copies when it is opened again, and it tells
// those who read sync events at once.
func TestToldOnceAndForGood(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"copy")
	a, b := w.open(dir), w.open(dir+"copy")
	told := make(chan xaeroflux.SyncEvent, 16)
	go func() {
		defer close(told)
		for e, err := range a.SyncEvents(ctx) {
			if err == nil && e.Kind == xaeroflux.SyncCopied {
				told <- e
			}
		}
	}()
	time.Sleep(20 * time.Millisecond) // until it listens
	b.say(300, "event %d, in pages, which come as pages")
	b.sync(c)
	time.Sleep(time.Second) // until they are sealed
	a.sync(c)
	a.sync(b)
	log := b.Head().Log
	a.close()
	n := 0
	for e := range told {
		if n++; xaeroflux.LogID(e.Log) != log || xaeroflux.TopicID(e.Topic) != a.Topics()[0].ID() {
			t.Errorf("told of %s", e.Log)
		}
	}
	if n != 1 {
		t.Errorf("told %d times, want once", n)
	}
	wantCopies(t, w.open(dir), []*peer{b})
}

// An event with an id is a repeat after the copy was made as before.
func TestEventIDsAcrossGenerations(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a := w.open(dir)
	e := xaeroflux.Event{Type: "paid", Payload: []byte("7 francs"), ID: xaeroflux.EventID{1, 2, 3}}
	first, err := a.Append(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	batch, id := []xaeroflux.Event{{Type: "a"}, {Type: "b"}}, xaeroflux.WithID(xaeroflux.EventID{4})
	both, err := a.AppendBatch(ctx, batch, id)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a.close()
		later()
		run(t, "cp", "-a", dir, dir+"x")
		dir += "x"
		a = w.open(dir)
		again, err := a.Append(ctx, e)
		if err != nil || again.Repeated != 1 || again.Count != 0 || again.Log != first.Log || again.Seq != first.Seq {
			t.Errorf("appended again as %+v, %v; it was %+v", again, err, first)
		}
		if again, err = a.AppendBatch(ctx, batch, id); err != nil || again.Repeated != 2 || again.Log != both.Log || again.Seq != both.Seq {
			t.Errorf("a batch appended again as %+v, %v; it was %+v", again, err, both)
		}
		if at, found, err := a.Topics()[0].Find(ctx, e.ID); err != nil || !found || at.Log != first.Log || at.Seq != first.Seq {
			t.Errorf("found %v at %+v, %v", found, at, err)
		}
		if again.Log == a.Head().Log {
			t.Error("the store did not become another device")
		}
		a.say(1, "event %d after it")
	}
}

// A store that follows its own log and some others goes on following the log
// that was its own.
func TestFollowedInPart(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	if err := a.Topics()[0].Follow(ctx, xaeroflux.Name(c.Head().Log)); err != nil {
		t.Fatal(err)
	}
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"copy")
	a, b := w.open(dir), w.open(dir+"copy")
	a.say(10, "event %d of the first")
	c.say(10, "event %d of the other")
	a.sync(c)
	b.sync(c)
	names, all := b.Topics()[0].Followed()
	if all || len(names) != 2 {
		t.Errorf("the copy follows %d logs, all: %v", len(names), all)
	}
	w.wantSame(a, b, c)
}

// A gatherer is an actor that notes what it is fed with.
type gatherer struct{ got chan string }

func (g *gatherer) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*xaeroflux.Committed); ok {
		for _, r := range m.Records {
			g.got <- r.Type
		}
		m.Done(nil)
	}
}

// Subscribers and actors are not fed with the engine's events, and go on behind
// them.
func TestEngineEventsAreNobodys(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, _ := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"copy")
	b := w.open(dir + "copy")
	b.say(3, "event %d of the copy")
	own := b.Head().Log

	for _, rounds := range []int{3, 2} {
		g := &gatherer{got: make(chan string, 1000)}
		s, err := b.Spawn("gatherer", actor.PropsFromProducer(func() actor.Actor { return g }), &xaeroflux.SpawnOptions{Log: own, Batch: 2})
		if err != nil {
			t.Fatal(err)
		}
		for range rounds {
			select {
			case typ := <-g.got:
				if typ != "line" {
					t.Errorf("an actor is fed with %q", typ)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("an actor waits for an event that is there")
			}
		}
		time.Sleep(50 * time.Millisecond)
		if err := s.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(g.got); n > 0 {
			t.Errorf("an actor is fed with %d events more than there are", n)
		}
		b.say(2, "event %d, later")
	}
	var seqs []uint64
	for r, err := range b.Subscribe(ctx, xaeroflux.Query{Log: own, Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, r.Seq)
	}
	if len(seqs) != 2 || seqs[0] != 1 || seqs[1] != 2 {
		t.Errorf("sequences %v, want 1 and 2: the first is the engine's", seqs)
	}
}

// A snapshot is what a store's files held: all but its name, its key and its
// FORMAT.
type snapshot map[string][]byte

var snapped = []string{"aof", "logs", "mmr", "CLOSED"}

func snap(t *testing.T, dir string) snapshot {
	t.Helper()
	s := snapshot{}
	for _, d := range snapped {
		err := filepath.WalkDir(filepath.Join(dir, d), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			s[path] = b
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// putBack writes the snapshot into the files that are there, which stay the
// files that they were; what was made since goes.
func (s snapshot) putBack(t *testing.T, dir string) {
	t.Helper()
	for path := range snap(t, dir) {
		if _, ok := s[path]; !ok {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, b := range s {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A snapshot that is put back in its very place cannot be seen. It meets a peer,
// learns that it signed more, and appends only when it has all of that again.
func TestSnapshotPutBackInItsPlace(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	s := snap(t, dir)
	a = w.open(dir)
	for range 30 {
		a.say(1000, "event %d after the snapshot, of which there are many, so that it takes a moment to fetch them back")
	}
	a.sync(c)
	was := a.Head()
	a.close()
	s.putBack(t, dir)

	behind := make(chan struct{})
	warned := sync.OnceFunc(func() { close(behind) })
	a = w.open(dir, func(o *xaeroflux.Options) { o.Logger = slog.New(onWarning{slog.DiscardHandler, warned}) })
	if a.Moved() != nil || a.Head().Log != was.Log || a.Head().Size >= was.Size {
		t.Fatalf("it says %+v, and has %d events", a.Moved(), a.Head().Size)
	}
	synced := make(chan error, 1)
	go func() {
		_, err := a.Sync(ctx, c.at)
		synced <- err
	}()
	<-behind // it was told that it is
	time.Sleep(time.Millisecond)
	if _, err := a.Append(ctx, xaeroflux.Event{Payload: []byte("too early")}); !errors.Is(err, xaeroflux.ErrStale) {
		t.Errorf("appended before its own events were back: %v", err)
	}
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	if r := a.say(5, "event %d, when all are back"); r.Log != was.Log || r.Seq != was.Size {
		t.Errorf("it goes on at %d, want %d", r.Seq, was.Size)
	}
	a.sync(c)
	w.wantSame(a, c)
}

// onWarning is a handler that calls do for each warning.
type onWarning struct {
	slog.Handler
	do func()
}

func (h onWarning) Enabled(_ context.Context, l slog.Level) bool { return l == slog.LevelWarn }

func (h onWarning) Handle(context.Context, slog.Record) error {
	h.do()
	return nil
}

// One that appends before it meets a peer has forked its log: that is proven,
// and everybody hears of it.
func TestSnapshotThatAppendsFirstForks(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	s := snap(t, dir)
	a = w.open(dir)
	a.say(20, "event %d after the snapshot")
	a.sync(c)
	log := a.Head().Log
	a.close()
	s.putBack(t, dir)
	a = w.open(dir)
	a.say(3, "event %d in the place of another")
	limit, cancel := contextOf(5 * time.Second)
	defer cancel()
	_, _ = a.Sync(limit, c.at) // whether it ends well is not the question
	deadline := time.Now().Add(10 * time.Second)
	for _, p := range []*peer{a, c} {
		for {
			forks, err := p.Forks()
			if err != nil {
				t.Fatal(err)
			}
			if len(forks) == 1 && forks[0].Log == log && proven(forks[0]) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s knows of %d forks", p.dir, len(forks))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if _, err := a.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("the forked log takes more: %v", err)
	}
}

// An AOF that is older than FORMAT knows the keys of a generation that went on
// elsewhere. It is no ground to take them up again.
func TestOlderAOFUnderNewerFormat(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"copy")
	s := snap(t, dir)
	b := w.open(dir + "copy")
	b.say(10, "event %d of the copy")
	b.sync(c)
	b.close()
	moved := snapshot{}
	for path, data := range s { // into the copy's files
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		moved[filepath.Join(dir+"copy", rel)] = data
	}
	moved.putBack(t, dir+"copy")
	a, again := w.open(dir), w.open(dir+"copy")
	if again.Head().Log == a.Head().Log || again.PeerID() == b.PeerID() || again.PeerID() == a.PeerID() {
		t.Fatal("the copy took up keys that are in use")
	}
	a.say(30, "event %d of the first, which is in use all the time")
	again.say(30, "event %d of the copy, again")
	a.sync(c)
	again.sync(c)
	a.sync(c)
	w.wantSame(a, again, c)
}

func proven(f xaeroflux.Fork) bool {
	p, err := proof.ParseFork(f.Text)
	return err == nil && p.Verify() == nil
}
