// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A store is a model of package store: a syncer.Source in memory. What it holds
// is durable; what is not yet waits in its peer's pipeline.
type store struct {
	logs map[digest.Hash]*log
	keys []digest.Hash // of logs, in the order in which they came

	sum   digest.Multiset // of the logs as they were last summed,
	set   digest.Set      // which is this
	dirty []digest.Hash   // logs that grew since

	memory memory
}

// maxPast bounds the states of which a memory knows what changed since.
const maxPast = 64

// A memory is what a store remembers for rung 1.
type memory struct {
	past   map[digest.Set]map[digest.Hash]uint64 // sizes at states that were agreed on
	order  []digest.Set
	agreed map[identity.PeerID]agreement
}

type agreement struct {
	instance [16]byte
	set      digest.Set
}

func newStore() *store {
	s := &store{logs: map[digest.Hash]*log{}, memory: memory{past: map[digest.Set]map[digest.Hash]uint64{}, agreed: map[identity.PeerID]agreement{}}}
	s.set = s.sum.Set()
	return s
}

// log returns a log, which is made where it is not there.
func (s *store) log(info syncer.LogInfo) *log {
	l := s.logs[info.Log]
	if l == nil {
		l = &log{info: syncer.LogInfo{Log: info.Log, Topic: info.Topic, Author: info.Author, PageBytes: info.PageBytes}}
		s.logs[info.Log] = l
		s.keys = append(s.keys, info.Log)
	}
	return l
}

// copied returns the store as it is now, as a backup of it would be.
func (s *store) copied() *store {
	c := newStore()
	c.keys, c.dirty, c.memory = slices.Clone(s.keys), slices.Clone(s.keys), s.memory.copied()
	for id, l := range s.logs {
		c.logs[id] = l.copied()
	}
	return c
}

func (m memory) copied() memory {
	return memory{past: maps.Clone(m.past), order: slices.Clone(m.order), agreed: maps.Clone(m.agreed)}
}

// Summary implements syncer.Store.
func (s *store) Summary(digest.Hash) (digest.Set, error) {
	for _, id := range s.dirty {
		l := s.logs[id]
		if l.summed > 0 {
			s.sum.Remove(id, l.summed, l.roots[l.summed-1])
		}
		if l.summed = l.size(); l.summed > 0 {
			s.sum.Add(id, l.summed, l.root())
		}
		s.set = s.sum.Set()
	}
	s.dirty = s.dirty[:0]
	return s.set, nil
}

// Logs implements syncer.Store.
func (s *store) Logs(_ digest.Hash, yield func(syncer.LogInfo) bool) error {
	for _, id := range s.keys {
		if s.logs[id].size() == 0 {
			continue
		}
		info, err := s.logs[id].state()
		if err != nil || !yield(info) {
			return err
		}
	}
	return nil
}

// Log implements syncer.Store.
func (s *store) Log(id digest.Hash) (syncer.LogInfo, bool, error) {
	l := s.logs[id]
	if l == nil {
		return syncer.LogInfo{}, false, nil
	}
	info, err := l.state()
	return info, true, err
}

// Time implements syncer.Store.
func (s *store) Time(id digest.Hash, size uint64) (int64, error) {
	l := s.logs[id]
	if l == nil || size == 0 || size > l.size() {
		return 0, fmt.Errorf("log %s does not hold %d events", id.Short(), size)
	}
	return event.TimeOf(l.records[size-1]), nil
}

// Mountains implements syncer.Store.
func (s *store) Mountains(id digest.Hash, size uint64) (mmrindex.Mountains, error) {
	l := s.logs[id]
	if l == nil || size > l.size() {
		return mmrindex.Mountains{}, fmt.Errorf("log %s does not hold %d events", id.Short(), size)
	}
	return l.at(size).Clone(), nil
}

// Events implements syncer.Source.
func (s *store) Events(id digest.Hash, from uint64, maxBytes int) (syncer.Chunk, error) {
	l := s.logs[id]
	c := syncer.Chunk{First: from, Head: l.head}
	if from < l.size() {
		c.Records = make([]byte, 0, min(maxBytes, len(l.records[from])*int(l.size()-from)))
	}
	for _, r := range l.records[from:] {
		if c.Count > 0 && len(c.Records)+len(r) > maxBytes {
			break
		}
		c.Records, c.Count = append(c.Records, r...), c.Count+1
	}
	var err error
	c.Right, err = l.rightOf(from + uint64(c.Count))
	return c, err
}

// Pages implements syncer.Source.
func (s *store) Pages(id digest.Hash, from, count uint64) (syncer.PageRun, error) {
	l := s.logs[id]
	if err := l.pack(); err != nil {
		return syncer.PageRun{}, err
	}
	run := syncer.PageRun{From: from, Head: l.head, Release: func() {}}
	first := slices.IndexFunc(l.spans, func(x segwriter.Span) bool { return x.Page >= from })
	if first < 0 {
		return run, fmt.Errorf("log %s has no page %d", id.Short(), from)
	}
	run.FirstSeq = l.spans[first].First
	for _, x := range l.spans[first:] {
		if n := uint64(len(run.Pages)); n > 0 && n+uint64(x.Pages) > count {
			break
		}
		run.EndSeq = x.First + uint64(x.Count)
		run.Pages = append(run.Pages, l.pages[x.Page:x.Page+uint64(x.Pages)]...)
	}
	var err error
	run.Right, err = l.rightOf(run.EndSeq)
	return run, err
}

// errGap is about events that do not follow: those before were not stored.
var errGap = errors.New("events are missing")

// ingest stores verified events; those that are there already are passed over.
func (s *store) ingest(v syncer.Verified) error {
	l := s.log(v.Info)
	if v.First > l.size() {
		return fmt.Errorf("%w: from %d behind %d", errGap, v.First, l.size())
	}
	end := v.First + uint64(v.Count)
	closes := v.Closed != 0 && l.info.Closed == 0 && end >= l.size()
	if end <= l.size() && !closes {
		return nil
	}
	if l.info.Closed != 0 {
		return syncer.ErrClosed
	}
	rest := v.Records
	for seq := v.First; seq < v.First+uint64(v.Count); seq++ {
		n, err := event.RecordLen(rest)
		if err != nil {
			return err
		}
		if seq == l.size() {
			if err := l.add(slices.Clone(rest[:n])); err != nil {
				return err
			}
		}
		rest = rest[n:]
	}
	l.head, l.right, l.info.Closed = v.Head, v.Right, v.Closed
	s.dirty = append(s.dirty, v.Info.Log)
	return l.proven()
}

// Met implements syncer.History.
func (s *store) Met(peer identity.PeerID, _ digest.Hash) bool {
	_, found := s.memory.agreed[peer]
	return found
}

// Remembered implements syncer.History.
func (s *store) Remembered(peer identity.PeerID, instance [16]byte, _ digest.Hash) (digest.Set, bool) {
	a, found := s.memory.agreed[peer]
	return a.set, found && a.instance == instance
}

// Changes implements syncer.History by comparing all sizes.
func (s *store) Changes(_ digest.Hash, since digest.Set) (all []syncer.Change, known bool, err error) {
	old, known := s.memory.past[since]
	for _, id := range s.keys {
		if known && s.logs[id].size() != old[id] {
			all = append(all, syncer.Change{Log: id, Before: old[id]})
		}
	}
	return all, known, nil
}

// agree takes note of a state that a peer holds too.
func (s *store) agree(peer identity.PeerID, instance [16]byte, set digest.Set) {
	if now, _ := s.Summary(digest.Hash{}); now != set {
		return
	}
	m := &s.memory
	m.agreed[peer] = agreement{instance, set}
	if m.past[set] != nil {
		return
	}
	if len(m.order) == maxPast {
		delete(m.past, m.order[0])
		m.order = m.order[1:]
	}
	sizes := make(map[digest.Hash]uint64, len(s.keys))
	for _, id := range s.keys {
		sizes[id] = s.logs[id].size()
	}
	m.past[set], m.order = sizes, append(m.order, set)
}

func (*store) Counts(identity.LogName) (bool, error) { return true, nil }
