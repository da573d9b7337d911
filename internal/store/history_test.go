// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func rootAt(size uint64) digest.Hash { return digest.Sum(binary.LittleEndian.AppendUint64(nil, size)) }

// A grown is a history whose logs grow, with copies of all sizes at each mark.
type grown struct {
	*history
	logs  []*Log
	sizes map[digest.Hash]uint64
	past  map[digest.Set]map[digest.Hash]uint64
}

func newGrown(logs int) *grown {
	g := &grown{history: &history{}, sizes: map[digest.Hash]uint64{}, past: map[digest.Set]map[digest.Hash]uint64{}}
	for i := range logs {
		g.logs = append(g.logs, &Log{ID: digest.Sum([]byte{byte(i), byte(i >> 8)})})
	}
	g.note()
	return g
}

func (g *grown) note() {
	g.mark()
	g.past[g.state()] = maps.Clone(g.sizes)
}

func (g *grown) grow(l *Log, by uint64) {
	old := g.sizes[l.ID]
	g.sizes[l.ID] = old + by
	var before *LogState
	if old > 0 {
		before = &LogState{Size: old, Root: rootAt(old)}
	}
	g.changed(l, before, &LogState{Size: old + by, Root: rootAt(old + by)})
}

// Whatever was marked when, what changed since is what comparing all sizes
// finds.
func TestHistoryAgainstTheObvious(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := newGrown(1 + r.IntN(40))
		for range 400 {
			if r.IntN(15) == 0 {
				g.note()
			}
			g.grow(g.logs[r.IntN(len(g.logs))], 1+r.Uint64N(9))
		}
		for set, was := range g.past {
			all, known := g.since(set)
			if !known {
				t.Fatalf("seed %d: a mark is not known", seed)
			}
			got := map[digest.Hash]uint64{}
			for _, c := range all {
				got[c.Log] = c.Before
			}
			want := map[digest.Hash]uint64{}
			for id, size := range g.sizes {
				if size != was[id] {
					want[id] = was[id]
				}
			}
			if !maps.Equal(got, want) || len(all) != len(got) {
				t.Fatalf("seed %d: %d logs changed, want %d", seed, len(all), len(want))
			}
		}
		if _, known := g.since(digest.Set{Count: 1}); known {
			t.Fatal("changes since a state that never was")
		}
	}
}

// A history is bounded: what is too old is not known any more, and what is not
// too old still is.
func TestHistoryForgets(t *testing.T) {
	g := newGrown(2)
	first := g.state()
	for range 2*maxChanges + 2 {
		delete(g.recorded, g.logs[1].ID)
		g.record(g.logs[1].ID, 0)
	}
	if len(g.changes) > 2*maxChanges {
		t.Errorf("%d changes are kept", len(g.changes))
	}
	if _, known := g.since(first); known {
		t.Error("changes since a state that is too old are known")
	}
	g.note()
	recent := g.state()
	g.grow(g.logs[0], 5)
	if all, known := g.since(recent); !known || len(all) != 1 {
		t.Errorf("%v %v, want the one change since the mark", all, known)
	}
	for i := range maxMarks + 10 {
		g.grow(g.logs[i%2], 1)
		g.mark()
	}
	if len(g.marks) > maxMarks {
		t.Errorf("%d marks are kept, limit %d", len(g.marks), maxMarks)
	}
	if _, known := g.since(recent); known {
		t.Error("the oldest mark is still known")
	}
}

// A peer's agreement outlives the process, as long as the store and the
// peer's copy are what they were; the rows are bounded.
func TestCursorsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 16, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	reopen := func(s *Store) *Store {
		if s != nil {
			save(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(dir, Options{MapBytes: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reopen(nil)
	topic, err := s.Join(testTopic(3).Genesis, testTopic(3).Keys, "t")
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Summary(topic.ID)
	if err != nil {
		t.Fatal(err)
	}
	peer := identity.PeerID{5}
	s.Agreed(peer, topic.ID, digest.Set{Count: 9}) // not what is held now
	if _, found := s.Remembered(peer, topic.ID); found {
		t.Error("a state that is not this store's is remembered")
	}
	s.Agreed(peer, topic.ID, now)
	s = reopen(s)
	if s.catalog.history[topic.ID] == nil {
		t.Error("what changes from here on is not counted")
	}
	if set, found := s.Remembered(peer, topic.ID); !found || set != now {
		t.Errorf("%+v %v, want %+v", set, found, now)
	}
	if changes, known, err := s.Changes(topic.ID, now); !known || err != nil || len(changes) != 0 {
		t.Errorf("%v %v %v, want no changes since the store was opened", changes, known, err)
	}
	for i := range maxCursors + 5 {
		s.Agreed(identity.PeerID{byte(i), byte(i >> 8), 7}, topic.ID, now)
	}
	s = reopen(s)
	if n := len(s.cursors.all); n != maxCursors {
		t.Errorf("%d cursors, limit %d", n, maxCursors)
	}
	if _, found := s.Remembered(peer, topic.ID); found {
		t.Error("the cursor that was not used for longest is still there")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func save(t *testing.T, s *Store) {
	t.Helper()
	for _, row := range s.CursorRows() {
		if err := s.Do(row); err != nil {
			t.Fatal(err)
		}
	}
	if again := s.CursorRows(); len(again) > 0 {
		t.Errorf("%d rows are to be written again", len(again))
	}
}
