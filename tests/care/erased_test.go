// SPDX-License-Identifier: MPL-2.0

package care

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// An eroded store is one of whose pages something was erased while it was closed.
type eroded struct {
	s      *store.Store
	l      *store.Log
	before []event.Record // of all events
	fates  []int          // 0 whole, 1 without payload, 2 wholly erased
}

func erode(t *testing.T, seed uint64) *eroded {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	rnd := rand.New(rand.NewPCG(seed, 1))
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 5})
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		n := rnd.IntN(500)
		if rnd.IntN(30) == 0 {
			n = rnd.IntN(20_000)
		}
		if _, err := db.Append(ctx, xaeroflux.Event{Type: "t", Payload: make([]byte, n)}); err != nil {
			t.Fatal(err)
		}
	}
	id := digest.Hash(db.Head().Log)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	e := &eroded{}
	e.open(t, dir, id)
	e.readAll(t)
	pages, size := e.l.Row().SealedPages, e.l.Row().SealedSize
	if err := e.s.Close(); err != nil {
		t.Fatal(err)
	}
	e.erase(t, dir, rnd, pages, size)
	e.open(t, dir, id)
	t.Cleanup(func() {
		if err := e.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *eroded) open(t *testing.T, dir string, id digest.Hash) {
	t.Helper()
	var err error
	if e.s, err = store.Open(dir, store.Options{}); err != nil {
		t.Fatal(err)
	}
	if e.l, err = e.s.Log(id); err != nil {
		t.Fatal(err)
	}
}

func (e *eroded) readAll(t *testing.T) {
	t.Helper()
	err := e.s.Read(e.l, 0, e.l.State().Size, func(run store.Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			kept := *r
			kept.Type, kept.Key, kept.Payload = bytes.Clone(r.Type), bytes.Clone(r.Key), bytes.Clone(r.Payload)
			e.before = append(e.before, kept)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// erase takes runs of events out of the pages. Of the segments some are checked
// on their own, and some trees are removed, so that they are made again.
func (e *eroded) erase(t *testing.T, dir string, rnd *rand.Rand, pages, size uint64) {
	t.Helper()
	e.fates = make([]int, len(e.before))
	var list []segwriter.Erasure
	for seq := uint64(0); seq < size; {
		end := min(seq+1+rnd.Uint64N(14), size)
		if fate := rnd.IntN(3); fate > 0 {
			list = append(list, segwriter.Erasure{First: seq, End: end, Wholly: fate == 2})
			for i := seq; i < end; i++ {
				e.fates[i] = fate
			}
		}
		seq = end
	}
	logDir := filepath.Join(dir, "logs", e.l.ID.String())
	p, ok := segwriter.FindParams(durable.OS, logDir)
	if !ok {
		t.Fatal("no segment")
	}
	files := segwriter.NewStore(durable.OS, dir, segwriter.Options{})
	l, err := files.Log(p)
	if err == nil {
		err = l.Erase(pages, list)
	}
	if err = errors.Join(err, files.Close()); err != nil {
		t.Fatal(err)
	}
	if rnd.IntN(2) == 0 {
		storetest.Must(t, os.Remove(filepath.Join(logDir, "000001.tree")))
	}
}

// A store of whose pages something is erased opens, is in order, reads what is
// left and says what is gone, and proves all that can be proven.
func TestErasedPagesInAStore(t *testing.T) {
	for seed := range uint64(4) {
		e := erode(t, seed)
		r, err := e.s.Check(ctx, nil)
		if err != nil || len(r.Findings) > 0 {
			t.Fatalf("seed %d: %v, %v", seed, r.Findings, err)
		}
		unprovable := 0
		for seq := range e.before {
			e.readOne(t, uint64(seq))
			if !e.prove(t, uint64(seq)) {
				unprovable++
			}
		}
		if unprovable == 0 || unprovable > len(e.before)/2 {
			t.Errorf("%d of %d events without a proof", unprovable, len(e.before))
		}
	}
}

func (e *eroded) readOne(t *testing.T, seq uint64) {
	t.Helper()
	err := e.s.ReadOne(e.l, seq, func(run store.Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			was := &e.before[seq]
			if r.LeafHash() != was.LeafHash() || r.Erased() != (e.fates[seq] == 1) || !r.Erased() && !bytes.Equal(r.Payload, was.Payload) {
				t.Errorf("event %d of fate %d is another one", seq, e.fates[seq])
			}
			return nil
		})
	})
	var gone *segwriter.ErasedError
	if errors.As(err, &gone) != (e.fates[seq] == 2) || gone == nil && err != nil || gone != nil && (seq < gone.First || seq >= gone.End) {
		t.Errorf("event %d of fate %d: %v", seq, e.fates[seq], err)
	}
}

// prove proves an event, and reports whether that could be done.
func (e *eroded) prove(t *testing.T, seq uint64) bool {
	t.Helper()
	p := e.l.State()
	hashes, err := e.s.Inclusion(e.l, seq, p.Size)
	if errors.Is(err, segwriter.ErrErased) {
		if e.fates[seq] != 2 {
			t.Errorf("event %d of fate %d has no proof: %v", seq, e.fates[seq], err)
		}
		return false
	}
	if err == nil {
		err = proof.VerifyInclusion(e.before[seq].LeafHash(), seq, p.Size, hashes, p.Root)
	}
	if err != nil {
		t.Errorf("event %d: %v", seq, err)
	}
	return true
}

// Such a store serves its pages as they are, under the same head: a peer that
// holds the erasure takes them, for any other they are missing.
func TestErasedPagesAreServed(t *testing.T) {
	e := erode(t, 7)
	src := e.s.Source()
	info, _, err := src.Log(e.l.ID)
	storetest.Must(t, err)
	for _, may := range []syncer.Erasable{nil, e.mayErase} {
		tr, err := syncer.NewTransfer(noStore{}, syncer.Pull{Info: info})
		storetest.Must(t, err)
		tr.Erasable = may
		var wire bytes.Buffer
		_, err = syncer.ServePages(&wire, src, info.Topic, &messages.PageRequest{Log: e.l.ID, Count: messages.MaxRunPages}, nil)
		storetest.Must(t, err)
		images, pages := 0, uint64(0)
		for err == nil && wire.Len() > 0 {
			var v *syncer.VerifiedPages
			if v, err = take(&wire, tr); v != nil {
				images += len(v.Images)
				last := v.Seals[len(v.Seals)-1]
				pages = last.Page + uint64(last.Pages)
			}
		}
		if may == nil && !errors.Is(err, syncer.ErrErased) || may != nil && (err != nil || images == 0 || pages < info.Pages-6) {
			t.Errorf("%d pages of %d, %d images, %v", pages, info.Pages, images, err)
		}
	}
}

func (e *eroded) mayErase(_ digest.Hash, first, end uint64) bool {
	for seq := first; seq < end; seq++ {
		if e.fates[seq] == 0 {
			return false
		}
	}
	return true
}

// take reads one PAGE_RESPONSE and verifies it.
func take(in io.Reader, tr *syncer.Transfer) (*syncer.VerifiedPages, error) {
	body, err := messages.ReadFrame(in, messages.MaxFrame, nil)
	if err != nil {
		return nil, err
	}
	m, err := messages.Decode(body)
	if err != nil {
		return nil, err
	}
	r := m.(*messages.PageResponse)
	n, err := tr.Announced(r)
	if err != nil {
		return nil, err
	}
	pages, err := messages.ReadRaw(in, n, nil)
	if err != nil {
		return nil, err
	}
	return tr.Pages(r, pages)
}

// noStore holds nothing.
type noStore struct{ syncer.Store }

func (noStore) Log(digest.Hash) (syncer.LogInfo, bool, error) { return syncer.LogInfo{}, false, nil }
