// SPDX-License-Identifier: MPL-2.0

// Package api uses the API as a program does that embeds it: appending, reading, proofs,
// work on events, and the end of it all.
package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

var ctx = context.Background() // of what no test ends

func TestAppendReadProveReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := storetest.Open(t, dir, storetest.Small())
	for i := range 50 {
		r := storetest.MustAppend(t, db, 37, "event %d of a batch that fills pages")
		if r.Seq != uint64(37*i) || r.Count != 37 || r.Size != r.Seq+37 {
			t.Fatalf("receipt %+v of batch %d", r, i)
		}
	}
	one, err := db.Append(ctx, xaeroflux.Event{Type: "note", Key: []byte("k"), Payload: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := db.Get(ctx, one.Seq)
	if err != nil || rec.Type != "note" || string(rec.Key) != "k" || string(rec.Payload) != "hello" {
		t.Fatalf("got %+v, %v", rec, err)
	}
	head := db.Head()
	if head.Size != 50*37+1 || head.Root != one.Root {
		t.Fatalf("head %d %s, receipt %d %s", head.Size, head.Root, one.Size, one.Root)
	}
	for seq := uint64(0); seq < head.Size; seq += 13 {
		proveOne(t, db, seq, head)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again := storetest.Open(t, dir, nil)
	if h := again.Head(); h != head {
		t.Fatalf("after reopening head is %+v, was %+v", h, head)
	}
	proveOne(t, again, 3, head)
	n := uint64(0)
	for r, err := range again.Events(ctx, xaeroflux.Query{}) {
		if err != nil || r.Seq != n {
			t.Fatalf("event %d: %+v, %v", n, r, err)
		}
		n++
	}
	if n != head.Size {
		t.Fatalf("%d events of %d", n, head.Size)
	}
}

func proveOne(t *testing.T, db *xaeroflux.DB, seq uint64, head xaeroflux.Head) {
	t.Helper()
	rec, err := db.Get(ctx, seq)
	if err != nil {
		t.Fatal(err)
	}
	p, err := db.Prove(ctx, seq, head.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := xaeroflux.Verify(rec, p, head); err != nil {
		t.Fatalf("event %d: %v", seq, err)
	}
	rec.Payload[0] ^= 1
	forged := rec.Clone()
	if err := xaeroflux.Verify(forged, p, head); err == nil {
		t.Fatalf("event %d: verified with another payload", seq)
	}
}

// A checkpoint and its proofs verify with x/mod/sumdb alone.
func TestStandardToolsVerify(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), storetest.Small())
	r := storetest.MustAppend(t, db, 1000, "event %d")
	head := db.Head()
	verifier, err := note.NewVerifier(head.VKey())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(head.Checkpoint(), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	var origin, root64 string
	var size int64
	if _, err := fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &origin, &size, &root64); err != nil || size != int64(r.Size) {
		t.Fatalf("checkpoint %q: %v", n.Text, err)
	}
	root, err := tlog.ParseHash(root64)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{0, 1, 499, 999} {
		rec, err := db.Get(ctx, seq)
		if err != nil {
			t.Fatal(err)
		}
		p, err := db.Prove(ctx, seq, head.Size)
		if err != nil {
			t.Fatal(err)
		}
		var proof tlog.RecordProof
		for _, h := range p.Hashes {
			proof = append(proof, tlog.Hash(h))
		}
		if err := tlog.CheckRecord(proof, size, root, int64(seq), tlog.RecordHash(rec.Leaf())); err != nil {
			t.Errorf("event %d: %v", seq, err)
		}
	}
}

func TestSubscribeReplaysThenFollows(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), storetest.Small())
	storetest.MustAppend(t, db, 500, "before %d")
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			storetest.MustAppend(t, db, 5, "after %d")
		}
	})
	next := uint64(0)
	for r, err := range db.Subscribe(ctx, xaeroflux.Query{}) {
		if err != nil || r.Seq != next {
			t.Fatalf("event %d, want %d: %v", r.Seq, next, err)
		}
		if next++; next == 1000 {
			break
		}
	}
	wg.Wait()
}

func TestManyCallersGetEachTheirOwnSequence(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	const callers, each = 64, 20
	var mu sync.Mutex // guards seen
	seen := map[uint64]string{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				text := fmt.Sprintf("caller %d event %d", c, i)
				r, err := db.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[r.Seq] = text
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != callers*each {
		t.Fatalf("%d sequences, want %d", len(seen), callers*each)
	}
	for seq, text := range seen {
		if r, err := db.Get(ctx, seq); err != nil || string(r.Payload) != text {
			t.Errorf("event %d: %q, want %q: %v", seq, r.Payload, text, err)
		}
	}
}

func TestLargeEvents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	o := storetest.Small()
	o.SegmentPages = 64 // the largest is in 64 segments, and not in 2000
	db := storetest.Open(t, dir, o)
	sizes := []int{0, 1, 4051, 4052, 4053, 10_000, 1 << 20, 16 << 20, 5}
	for i, n := range sizes {
		r, err := db.Append(ctx, xaeroflux.Event{Payload: bytes.Repeat([]byte{byte(i)}, n)})
		if err != nil || r.Seq != uint64(i) {
			t.Fatalf("%d bytes: %+v, %v", n, r, err)
		}
	}
	if _, err := db.Append(ctx, xaeroflux.Event{Payload: make([]byte, 16<<20+1)}); !errors.Is(err, xaeroflux.ErrTooLarge) {
		t.Fatalf("an event past the limit: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = storetest.Open(t, dir, nil)
	for i, n := range sizes {
		r, err := db.Get(ctx, uint64(i))
		if err != nil || !bytes.Equal(r.Payload, bytes.Repeat([]byte{byte(i)}, n)) {
			t.Errorf("%d bytes: got %d, %v", n, len(r.Payload), err)
		}
		proveLarge(t, db, uint64(i))
	}
}

func proveLarge(t *testing.T, db *xaeroflux.DB, seq uint64) {
	t.Helper()
	r, err := db.Get(ctx, seq)
	if err != nil {
		t.Fatal(err)
	}
	head := db.Head()
	p, err := db.Prove(ctx, seq, head.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := xaeroflux.Verify(r, p, head); err != nil {
		t.Errorf("event %d: %v", seq, err)
	}
}

// Trees and mountains are derived: without them they are rebuilt, byte for
// byte as they were.
func TestDerivedFilesAreRebuilt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := storetest.Open(t, dir, storetest.Small())
	for range 20 {
		storetest.MustAppend(t, db, 100, "event %d that takes some room in a page")
	}
	head := db.Head()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := map[string][]byte{}
	for _, pattern := range []string{"logs/*/*.tree", "mmr/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			before[name] = b
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	oneFindingEach(t, dir, before)
	db = storetest.Open(t, dir, nil)
	if h := db.Head(); h != head {
		t.Errorf("head %+v, want %+v", h, head)
	}
	proveOne(t, db, 7, head)
	for name, want := range before {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", filepath.Base(name), err)
		}
	}
}

// oneFindingEach checks a store in which files are missing: each is reported once,
// however many pages it was of.
func oneFindingEach(t *testing.T, dir string, missing map[string][]byte) {
	t.Helper()
	r, err := xaeroflux.Check(ctx, dir, nil)
	if err != nil || r.More > 0 {
		t.Fatalf("%d more, %v", r.More, err)
	}
	told := map[string]int{}
	for _, f := range r.Findings {
		told[f.File]++
	}
	for name := range missing {
		if told[name] != 1 {
			t.Errorf("%s is missing, and told %d times", filepath.Base(name), told[name])
		}
	}
	if len(told) != len(missing) {
		t.Errorf("%d files are told, %d are missing", len(told), len(missing))
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	storetest.Open(t, dir, nil)
	if _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrInUse) {
		t.Fatalf("second open: %v", err)
	}
}

func TestMustExist(t *testing.T) {
	if _, err := xaeroflux.Open(filepath.Join(t.TempDir(), "none"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true}); !errors.Is(err, xaeroflux.ErrNoStore) {
		t.Fatalf("open of nothing: %v", err)
	}
}

func TestCloseRefusesWork(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
}

// counter is a user actor that panics once in the middle.
type counter struct {
	mu     *sync.Mutex // guards the two below
	seen   *[]uint64
	panics *int
}

func (c counter) Receive(ctx actor.Context) {
	m, ok := ctx.Message().(*xaeroflux.Committed)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if *c.panics > 0 && len(*c.seen) > 300 {
		*c.panics--
		panic("in the middle of the work")
	}
	for _, r := range m.Records {
		*c.seen = append(*c.seen, r.Seq)
	}
	m.Done(nil)
}

func TestSpawnedActorGoesOnFromItsCursor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	var mu sync.Mutex // guards seen and panics
	var seen []uint64
	panics := 2
	props := actor.PropsFromProducer(func() actor.Actor { return counter{&mu, &seen, &panics} })
	await := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			have := len(seen)
			mu.Unlock()
			if have >= n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d events, want %d", have, n)
			}
		}
	}
	db := storetest.Open(t, dir, storetest.Small())
	storetest.MustAppend(t, db, 700, "event %d")
	if _, err := db.Spawn("counter", props, nil); err != nil {
		t.Fatal(err)
	}
	await(700)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = storetest.Open(t, dir, nil)
	storetest.MustAppend(t, db, 300, "event %d")
	if _, err := db.Spawn("counter", props, nil); err != nil {
		t.Fatal(err)
	}
	await(1000)
	mu.Lock()
	defer mu.Unlock()
	for i, seq := range seen {
		if seq != uint64(i) {
			t.Fatalf("event %d came at place %d", seq, i)
		}
	}
}

// A loop over events may append: it holds nothing that a commit waits for.
func TestAppendInsideOfALoop(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MapBytes: 1 << 20})
	storetest.MustAppend(t, db, 100, "event %d")
	n := 0
	for r, err := range db.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Append(ctx, xaeroflux.Event{Payload: bytes.Repeat(r.Payload, 20_000)}); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 100 {
		t.Errorf("%d events", n)
	}
}

// Close ends subscriptions, and those who read meanwhile get the error.
func TestCloseEndsSubscriptions(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 10, "event %d")
	ended := make(chan error)
	go func() {
		var last error
		for _, err := range db.Subscribe(ctx, xaeroflux.Query{}) {
			last = err
		}
		ended <- last
	}()
	time.Sleep(10 * time.Millisecond)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("the subscription ended with %v", err)
	}
	if _, err := db.Get(ctx, 0); !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("get after close: %v", err)
	}
}

// Two stores may share the actor system of the service around them.
func TestSharedActorSystem(t *testing.T) {
	storetest.NoLeaks(t)
	system := supervisor.NewSystem(nil)
	t.Cleanup(system.Shutdown)
	o := &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Actors: xaeroflux.ActorOptions{System: system}}
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
	storetest.MustAppend(t, a, 10, "event %d of a")
	storetest.MustAppend(t, b, 20, "event %d of b")
	if a.Head().Size != 10 || b.Head().Size != 20 {
		t.Errorf("sizes %d and %d", a.Head().Size, b.Head().Size)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	storetest.MustAppend(t, b, 1, "event %d of b, after a closed")
}
