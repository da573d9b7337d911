// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// record makes the record of an event with n random payload bytes.
func record(t testing.TB, rnd *rand.Rand, n int) []byte {
	t.Helper()
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byte(rnd.Uint32())
	}
	b, err := event.AppendRecord(nil, event.Event{Type: "t", Payload: payload}, 1_700_000_000_000, 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mixed makes n records: small ones, with now and then one about as long as a
// page and one that takes several.
func mixed(t testing.TB, seed uint64, n, pageBytes int) [][]byte {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	records := make([][]byte, n)
	for i := range records {
		size := rnd.IntN(400)
		switch rnd.IntN(20) {
		case 0:
			size = pageBytes - PageHeaderBytes - event.HeaderBytes - 1 + rnd.IntN(3) - 1
		case 1:
			size = rnd.IntN(5 * pageBytes)
		}
		records[i] = record(t, rnd, size)
	}
	return records
}

// A sealedSpan is what a Builder handed over at once.
type sealedSpan struct {
	Seal
	pages []byte
	tree  []digest.Hash // tier-1 nodes
	spans []digest.Hash // tier-2 nodes
}

// seal packs records and computes the trees of their full pages.
func seal(t testing.TB, pageBytes int, records [][]byte) []sealedSpan {
	t.Helper()
	var out []sealedSpan
	b := NewBuilder(pageBytes, 0, 0)
	for _, r := range records {
		err := b.Add(r, func(index uint64, page []byte, span Seal) error {
			if index == span.Page {
				out = append(out, sealedSpan{Seal: span})
			}
			last := &out[len(out)-1]
			last.pages = append(last.pages, page...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var m mmrindex.Peaks
	tree := merkleindex.NewBuilder(0)
	for i := range out {
		s := &out[i]
		tree.Reset(s.First)
		for k := range s.Count {
			r, _, err := event.DecodeRecord(records[int(s.First)+k])
			if err != nil {
				t.Fatal(err)
			}
			tree.Append(r.LeafHash())
		}
		s.tree = tree.Nodes(nil)
		err := m.Merge(tree.Range(), func(_ uint, _ uint64, h digest.Hash) { s.spans = append(s.spans, h) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (s *sealedSpan) end() uint64 { return s.First + uint64(s.Count) }

func (s *sealedSpan) trees() []Tree {
	trees := []Tree{{First: s.First, Count: s.Count, Nodes: s.tree}}
	for range s.Pages - 1 {
		trees = append(trees, Tree{First: s.end()})
	}
	return trees
}

// pagesOf counts the pages of spans.
func pagesOf(spans []sealedSpan) (n uint64) {
	for i := range spans {
		n += uint64(spans[i].Pages)
	}
	return n
}

// spanNodesOf counts the tier-2 nodes of spans.
func spanNodesOf(spans []sealedSpan) (n uint64) {
	for i := range spans {
		n += uint64(len(spans[i].spans))
	}
	return n
}

// write writes spans as a pipeline would, without syncing.
func write(l *Log, spans []sealedSpan, ordinal uint64) error {
	for i := range spans {
		s := &spans[i]
		if err := l.WritePages(s.Page, s.pages); err != nil {
			return err
		}
		if err := l.WriteTrees(s.Page, s.trees()); err != nil {
			return err
		}
		if err := l.WriteSpans(ordinal, s.spans); err != nil {
			return err
		}
		ordinal += uint64(len(s.spans))
	}
	return nil
}

func syncAll(l *Log) error {
	for _, sync := range []func() error{l.SyncPages, l.SyncTrees, l.SyncSpans} {
		if err := sync(); err != nil {
			return err
		}
	}
	return nil
}

func testParams(pageBytes, segmentPages int) Params {
	p := Params{
		Topic: digest.Sum([]byte("topic")), Author: digest.Sum([]byte("author")),
		Kind: 2, Number: 7<<32 | 3, PageBytes: pageBytes, SegmentPages: segmentPages,
	}
	p.Log = p.Name().ID()
	return p
}

// openLog opens a log of a store in dir; both are closed when the test ends.
func openLog(t testing.TB, fs durable.FS, dir string, p Params, o Options) *Log {
	t.Helper()
	s := NewStore(fs, dir, o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := s.Log(p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// unsynced is the operating system's file system without waiting for disks.
type unsynced struct{ durable.FS }

type unsyncedFile struct{ durable.File }

// noSync is for tests that are not about what a crash leaves.
var noSync = unsynced{durable.OS}

func (u unsynced) Open(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := u.FS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

func (u unsynced) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (u unsynced) SyncDir(string) error                         { return nil }
func (f unsyncedFile) Sync() error                              { return nil }

// recoverTo leaves the first pages of a log, whatever follows them.
func recoverTo(l *Log, pages uint64) error {
	f, err := l.Look(pages, 0)
	if err != nil {
		return err
	}
	return l.Recover(f, pages)
}
