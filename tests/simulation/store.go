// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A store is a model of package store: a syncer.Source in memory. All that it holds
// is durable; the rest waits in its peer's pipeline.
type store struct {
	w     *world
	logs  map[digest.Hash]*log
	rooms map[digest.Hash]*room
}

// A room is what a store holds of a topic.
type room struct {
	keys []digest.Hash // of data logs, in the order in which they came

	sum   digest.Multiset // of the logs as they were last summed,
	set   digest.Set      // which is this
	dirty []digest.Hash   // logs that grew since

	memory memory
}

// maxPast bounds the states of which a memory knows what changed since.
const maxPast = 64

// A memory is what a store remembers of a topic for rung 1.
type memory struct {
	past   map[digest.Set]map[digest.Hash]uint64 // sizes at states that were agreed on
	order  []digest.Set
	agreed map[identity.PeerID]digest.Set
}

func newMemory() memory {
	return memory{past: map[digest.Set]map[digest.Hash]uint64{}, agreed: map[identity.PeerID]digest.Set{}}
}

func newStore(w *world) *store {
	return &store{w: w, logs: map[digest.Hash]*log{}, rooms: map[digest.Hash]*room{}}
}

func (s *store) room(topic digest.Hash) *room {
	r := s.rooms[topic]
	if r == nil {
		r = &room{memory: newMemory()}
		r.set = r.sum.Set()
		s.rooms[topic] = r
	}
	return r
}

// log returns a log, which is made if it is not there.
func (s *store) log(info syncer.LogInfo) *log {
	l := s.logs[info.Log]
	if l == nil {
		l = &log{Log: memlog.Log{ID: info.Log, PageBytes: pageBytes}, info: syncer.LogOf(info.Log, info.Name(), info.Genesis)}
		s.logs[info.Log] = l
		if info.Kind == identity.KindData {
			r := s.room(info.Topic)
			r.keys = append(r.keys, info.Log)
		}
	}
	return l
}

// changed says that a log has grown.
func (s *store) changed(l *log) {
	if l.info.Kind == identity.KindData {
		r := s.room(l.info.Topic)
		r.dirty = append(r.dirty, l.info.Log)
	}
}

// copied returns the store as it is now, as a backup of it would be.
func (s *store) copied() *store {
	c := newStore(s.w)
	for id, r := range s.rooms {
		x := c.room(id)
		x.keys, x.dirty, x.memory = slices.Clone(r.keys), slices.Clone(r.keys), r.memory.copied()
	}
	for id, l := range s.logs {
		c.logs[id] = l.copied()
	}
	return c
}

func (m memory) copied() memory {
	return memory{past: maps.Clone(m.past), order: slices.Clone(m.order), agreed: maps.Clone(m.agreed)}
}

// memories returns copies of what the store remembers of its topics.
func (s *store) memories() map[digest.Hash]memory {
	all := map[digest.Hash]memory{}
	for id, r := range s.rooms {
		all[id] = r.memory.copied()
	}
	return all
}

// remember makes the store remember that, and nothing else.
func (s *store) remember(all map[digest.Hash]memory) {
	for id, r := range s.rooms {
		if m, ok := all[id]; ok {
			r.memory = m.copied()
		} else {
			r.memory = newMemory()
		}
	}
}

// Summary implements syncer.Store.
func (s *store) Summary(topic digest.Hash) (digest.Set, error) {
	r := s.room(topic)
	for _, id := range r.dirty {
		l := s.logs[id]
		if l.summed > 0 {
			r.sum.Remove(id, l.summed, l.Root(l.summed))
		}
		if l.summed = l.Size(); l.summed > 0 {
			r.sum.Add(id, l.summed, l.Root(l.summed))
		}
		r.set = r.sum.Set()
	}
	r.dirty = r.dirty[:0]
	return r.set, nil
}

// Logs implements syncer.Store.
func (s *store) Logs(topic digest.Hash, yield func(syncer.LogInfo) bool) error {
	for _, id := range s.room(topic).keys {
		if s.logs[id].Size() == 0 {
			continue
		}
		if !yield(s.logs[id].state()) {
			break
		}
	}
	return nil
}

// Roster implements syncer.Store.
func (s *store) Roster(topic digest.Hash) (r syncer.Roster, _ error) {
	info := s.w.place(topic).roster
	if l := s.logs[info.Log]; l != nil {
		info = l.state()
	}
	r.Legs = []syncer.LogInfo{info}
	if info.Size > 0 {
		r.Position = identity.Position{Size: info.Size, Root: info.Root}
	}
	return r, nil
}

// Position implements syncer.Store.
func (s *store) Position(topic digest.Hash) (identity.Position, error) {
	r, err := s.Roster(topic)
	return r.Stated(), err
}

// Counts implements syncer.Store.
func (s *store) Counts(n identity.LogName) (bool, error) {
	t := s.w.place(n.Topic)
	return n.ID() == t.roster.Log || n == t.dataOf(n.Author).Name(), nil
}

// Log implements syncer.Store.
func (s *store) Log(id digest.Hash) (syncer.LogInfo, bool, error) {
	l := s.logs[id]
	if l == nil {
		return syncer.LogInfo{}, false, nil
	}
	return l.state(), true, nil
}

// Time implements syncer.Store.
func (s *store) Time(id digest.Hash, size uint64) (int64, error) {
	l := s.logs[id]
	if l == nil || size == 0 || size > l.Size() {
		return 0, fmt.Errorf("log %s does not hold %d events", id.Short(), size)
	}
	return event.TimeOf(l.Records[size-1]), nil
}

// PeaksAt implements syncer.Store.
func (s *store) PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error) {
	l := s.logs[id]
	if l == nil || size > l.Size() {
		return mmrindex.Peaks{}, fmt.Errorf("log %s does not hold %d events", id.Short(), size)
	}
	return l.Peaks(size), nil
}

// Events implements syncer.Source.
func (s *store) Events(id digest.Hash, from uint64, maxBytes int) (syncer.Chunk, error) {
	l := s.logs[id]
	records, n := l.Chunk(from, maxBytes)
	right, err := l.RightOf(from + uint64(n))
	return syncer.Chunk{First: from, Count: n, Records: records, Head: l.Head, Right: right}, err
}

// Pages implements syncer.Source.
func (s *store) Pages(id digest.Hash, from, count uint64) (syncer.PageRun, error) {
	l := s.logs[id]
	r, err := l.Run(from, count)
	if err != nil {
		return syncer.PageRun{}, err
	}
	right, err := l.RightOf(r.End)
	return syncer.PageRun{From: from, FirstSeq: r.First, EndSeq: r.End, Pages: r.Pages, Head: l.Head, Right: right, Release: func() {}}, err
}

// errGap is about events that do not follow: those before were not stored.
var errGap = errors.New("events are missing")

// ingest stores verified events; those that are there already are passed over.
func (s *store) ingest(v syncer.Verified) error {
	l := s.log(v.Info)
	end := v.First + uint64(v.Count)
	if l.info.Ends && end > l.Size() {
		return syncer.ErrClosed
	}
	if v.First > l.Size() {
		return fmt.Errorf("%w: from %d behind %d", errGap, v.First, l.Size())
	}
	closes := v.Closed != 0 && !l.info.Ends && end == l.Size()
	if end <= l.Size() && !closes {
		return nil
	}
	if _, err := l.Take(v.First, v.Count, v.Records, end); err != nil {
		return err
	}
	l.Head, l.Right = v.Head, v.Right
	if v.Closed != 0 {
		l.info.Ends, l.info.End, l.why = true, end, v.Closed
	}
	s.changed(l)
	return l.Proven()
}

// Met implements syncer.History.
func (s *store) Met(peer identity.PeerID, topic digest.Hash) bool {
	_, found := s.room(topic).memory.agreed[peer]
	return found
}

// Remembered implements syncer.History.
func (s *store) Remembered(peer identity.PeerID, topic digest.Hash) (digest.Set, bool) {
	set, found := s.room(topic).memory.agreed[peer]
	return set, found
}

// Changes implements syncer.History by comparing all sizes.
func (s *store) Changes(topic digest.Hash, since digest.Set) (all []syncer.Change, known bool, err error) {
	r := s.room(topic)
	old, known := r.memory.past[since]
	for _, id := range r.keys {
		if known && s.logs[id].Size() != old[id] {
			all = append(all, syncer.Change{Log: id, Before: old[id]})
		}
	}
	return all, known, nil
}

// agree takes note of a state that a peer holds too.
func (s *store) agree(peer identity.PeerID, topic digest.Hash, set digest.Set) {
	if now, _ := s.Summary(topic); now != set {
		return
	}
	r := s.room(topic)
	m := &r.memory
	m.agreed[peer] = set
	if m.past[set] != nil {
		return
	}
	if len(m.order) == maxPast {
		delete(m.past, m.order[0])
		m.order = m.order[1:]
	}
	sizes := make(map[digest.Hash]uint64, len(r.keys))
	for _, id := range r.keys {
		sizes[id] = s.logs[id].Size()
	}
	m.past[set], m.order = sizes, append(m.order, set)
}
