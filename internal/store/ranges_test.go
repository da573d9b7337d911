// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A parted is a log in memory of which parts are handed out.
type parted struct {
	memlog.Log
	info syncer.LogInfo
}

func newParted(t testing.TB, topic digest.Hash, n int) *parted {
	t.Helper()
	key := identity.Seed{9}.JoinedKey(identity.Generation{9}, topic)
	name := identity.DataLog(topic, identity.PublicKey(key), 4096)
	p := &parted{memlog.Log{ID: name.ID(), Key: key}, syncer.LogOf(name.ID(), name, nil)}
	for i := range n {
		rec, err := event.AppendRecord(nil, event.Event{Payload: fmt.Appendf(nil, "event %d", i)}, 1, 0)
		if err == nil {
			err = p.Add(rec)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p.SignAll()
	return p
}

func (p *parted) part(from, to uint64) *syncer.Range {
	return &syncer.Range{
		Info: p.info, First: from, Count: int(to - from), Records: bytes.Join(p.Records[from:to], nil), Leaves: p.Leaves[from:to],
		Head: p.Head, Left: p.Compact(0, from), Right: p.Compact(to, p.Head.Size),
	}
}

// newStore opens an empty store with one topic.
func newStore(t testing.TB) (*Store, *Topic) {
	t.Helper()
	s, _ := emptyStore(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	topic, err := s.Join(testTopic(7).Genesis, testTopic(7).Keys, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, topic
}

// emptyStore returns a store without a topic, and its directory.
func emptyStore(t testing.TB) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// keep stores a range as the pipeline does.
func (s *Store) keep(t testing.TB, r *syncer.Range) {
	t.Helper()
	err := s.aof.Commit(func(txn *aof.Txn) error {
		row := aof.LogRow{ID: r.Info.Log, Topic: r.Info.Topic, Author: r.Info.Author, PageBytes: r.Info.PageBytes}
		return txn.PutLog(&row)
	})
	if err = errors.Join(err, s.Do(NewKeepRange(r))); err != nil {
		t.Fatal(err)
	}
}

// What is held, what is missing, what is read and what is proven, against a set
// of sequences, in random order and after the index was read again.
func TestRangesAgainstTheObvious(t *testing.T) {
	const n = 60
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 5))
		s, topic := newStore(t)
		p := newParted(t, topic.ID, n)
		have := map[uint64]bool{}
		for range 15 {
			from := r.Uint64N(n)
			whole := p.part(from, from+1+r.Uint64N(min(n-from, 12)))
			parts := []*syncer.Range{whole}
			if l, err := s.Log(p.info.Log); err == nil {
				if parts, err = s.Missing(l, whole); err != nil {
					t.Fatal(err)
				}
			}
			for _, part := range parts {
				if err := chunk.Check(part); err != nil {
					t.Fatalf("seed %d: [%d, %d): %v", seed, part.First, part.End(), err)
				}
				for seq := part.First; seq < part.End(); seq++ {
					if have[seq] {
						t.Fatalf("seed %d: event %d is in two ranges", seed, seq)
					}
					have[seq] = true
				}
				s.keep(t, part)
			}
			for seq := whole.First; seq < whole.End(); seq++ {
				if !have[seq] {
					t.Fatalf("seed %d: event %d is left out", seed, seq)
				}
			}
			if r.IntN(4) == 0 {
				before := s.ranges.byLog
				if err := s.loadRanges(); err != nil || !reflect.DeepEqual(before, s.ranges.byLog) {
					t.Fatalf("seed %d: %v, read again: %v, want %v", seed, err, s.ranges.byLog, before)
				}
			}
			s.compare(t, p, have)
		}
		l, err := s.Log(p.info.Log)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range have {
			s.proveAll(t, l, p, seq)
		}
		if report, err := s.Check(t.Context(), nil); err != nil || report.Found() > 0 || report.Events != uint64(len(have)) {
			t.Fatalf("seed %d: %v, %+v", seed, err, report)
		}
	}
}

// compare holds a store against the set of events that it has of a log.
func (s *Store) compare(t testing.TB, p *parted, have map[uint64]bool) {
	t.Helper()
	l, err := s.Log(p.info.Log)
	if err != nil {
		t.Fatal(err)
	}
	in := func(spans []syncer.Span) map[uint64]bool {
		set := map[uint64]bool{}
		for i, span := range spans {
			if i > 0 && span.First <= spans[i-1].End {
				t.Fatalf("spans %v touch", spans)
			}
			for seq := span.First; seq < span.End; seq++ {
				set[seq] = true
			}
		}
		return set
	}
	held, gaps := in(s.Held(l)), in(s.Gaps(l))
	var read []uint64
	err = s.ReadHeld(l, 0, uint64(len(p.Leaves)), func(run Run) error {
		return run.Each(func(seq uint64, rec *event.Record) error {
			if rec.LeafHash() != p.Leaves[seq] {
				t.Fatalf("event %d is another one", seq)
			}
			read = append(read, seq)
			return nil
		})
	})
	if err != nil || len(read) != len(have) || !slices.IsSorted(read) {
		t.Fatalf("%d events read, want %d: %v", len(read), len(have), err)
	}
	for seq := range uint64(len(p.Leaves)) {
		err := s.ReadOne(l, seq, func(run Run) error { return nil })
		hashes, head, proofErr := s.RangeInclusion(l, seq)
		if have[seq] {
			if err == nil && proofErr == nil {
				err = proof.VerifyInclusion(p.Leaves[seq], seq, head.Size, hashes, head.Root)
			}
			if err != nil || proofErr != nil || !held[seq] || gaps[seq] {
				t.Fatalf("event %d: held %v, missing %v, %v, %v", seq, held[seq], gaps[seq], err, proofErr)
			}
			continue
		}
		var g *GapError
		if !errors.As(err, &g) || !errors.Is(proofErr, ErrNotHeld) || held[seq] || !gaps[seq] || g.Seq != seq || seq < g.Gap.First || seq >= g.Gap.End {
			t.Fatalf("event %d: held %v, missing %v, %v, %v", seq, held[seq], gaps[seq], err, proofErr)
		}
	}
}

// proveAll proves an event at every size: what is proven verifies, and at the
// sizes that its range tells it is proven.
func (s *Store) proveAll(t testing.TB, l *Log, p *parted, seq uint64) {
	t.Helper()
	span, _ := s.rangeAt(l, seq)
	for size := seq + 1; size <= p.Head.Size; size++ {
		hashes, err := s.InclusionHeld(l, seq, size)
		if known := size <= span.End || size == p.Head.Size; known != (err == nil) {
			t.Fatalf("event %d of %v at %d: %v", seq, span, size, err)
		}
		if err != nil && !errors.Is(err, ErrRange) {
			t.Fatalf("event %d of %v at %d: %v, want ErrRange", seq, span, size, err)
		}
		if err == nil {
			err = proof.VerifyInclusion(p.Leaves[seq], seq, size, hashes, merkleindex.Bag(p.Compact(0, size)))
			if err != nil {
				t.Fatalf("event %d of %v at %d: %v", seq, span, size, err)
			}
		}
	}
}

// A row with any bit flipped is damage, and a check names it.
func TestDamagedRange(t *testing.T) {
	s, topic := newStore(t)
	p := newParted(t, topic.ID, 30)
	s.keep(t, p.part(10, 13))
	l, err := s.Log(p.info.Log)
	if err != nil {
		t.Fatal(err)
	}
	span := syncer.Span{First: 10, End: 13}
	row := NewKeepRange(p.part(10, 13)).row.Value
	for i := range row {
		bad := bytes.Clone(row)
		bad[i] ^= 1 << (i % 8)
		r, err := decodeRange(infoOf(t, l), span, bad)
		if err == nil {
			err = chunk.Check(r)
		}
		if err == nil {
			t.Errorf("byte %d of %d is changed, and nothing found", i, len(row))
		}
	}
	for name, bad := range map[string]*syncer.Range{
		"an event more": p.part(10, 14), "an event fewer": p.part(10, 12), "another place": p.part(11, 14),
	} {
		if _, err := decodeRange(infoOf(t, l), span, NewKeepRange(bad).row.Value); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a row of %s: %v", name, err)
		}
	}
	more := p.part(10, 13)
	more.Records = append(more.Records, p.Records[13]...)
	if _, err := decodeRange(infoOf(t, l), span, NewKeepRange(more).row.Value); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a row with a record more: %v", err)
	}
	more = p.part(10, 13)
	more.Left = append(more.Left, digest.Hash{})
	if _, err := decodeRange(infoOf(t, l), span, NewKeepRange(more).row.Value); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a row with a left hash more: %v", err)
	}
	// A row that is sound by itself, of events that are not under its head.
	lie := p.part(10, 13)
	lie.Records = bytes.Join(p.Records[11:14], nil)
	if err := s.Do(&DropRange{p.info.Log, span}); err != nil {
		t.Fatal(err)
	}
	s.keep(t, lie)
	report, err := s.Check(t.Context(), nil)
	if err != nil || report.Found() != 1 || report.Findings[0].Kind != findings.FlawRange {
		t.Errorf("%v, %+v", err, report)
	}
}

// FuzzRangeRow: a row that is taken is the row of what it is taken for, and any
// other is damage.
func FuzzRangeRow(f *testing.F) {
	topic := digest.Hash{3}
	p := newParted(f, topic, 20)
	for _, s := range []syncer.Span{{First: 0, End: 20}, {First: 5, End: 6}, {First: 13, End: 20}} {
		f.Add(s.First, s.End, NewKeepRange(p.part(s.First, s.End)).row.Value)
	}
	f.Add(uint64(0), uint64(1), []byte{})
	f.Fuzz(func(t *testing.T, first, end uint64, row []byte) {
		key := layout.Ranges.Key(layout.RangeKey{Log: p.info.Log, First: first, End: end})
		log, span, err := splitRangeKey(key)
		if err != nil {
			if first < end && end < 1<<48 {
				t.Fatal(err)
			}
			return
		}
		r, err := decodeRange(p.info, span, row)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if log != p.info.Log || r.First != first || r.End() != end || !bytes.Equal(NewKeepRange(r).row.Value, row) {
			t.Fatalf("[%d, %d) of %d bytes is taken for [%d, %d)", first, end, len(row), r.First, r.End())
		}
	})
}

func infoOf(t *testing.T, l *Log) syncer.LogInfo {
	t.Helper()
	info, err := l.info()
	must(t, err)
	return info
}
