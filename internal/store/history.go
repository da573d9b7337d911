// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of a topic's history.
const (
	maxChanges = 1 << 16 // logs that changed, since the oldest mark that is kept
	maxMarks   = 1 << 12 // states that peers agreed to
)

// A history is the digest of a topic's logs and what changed since some of its
// earlier values, the marks. It lives in memory: a store that was opened again
// knows the state it was opened with, and what changes from there. It is
// guarded by catalog.setMu.
type history struct {
	sum   digest.Multiset
	set   digest.Set // of sum, where clean
	clean bool

	seq     uint64 // of the newest change
	changes []change
	marks   map[digest.Set]uint64 // state -> seq
	newest  uint64                // of the marks
}

// A change is the first of a log after a mark: further ones until the next
// mark say nothing new.
type change struct {
	log    digest.Hash
	before uint64 // size
}

// state returns the digest of now.
func (h *history) state() digest.Set {
	if !h.clean {
		h.set, h.clean = h.sum.Set(), true
	}
	return h.set
}

// mark keeps the state of now as one that changes can be counted from.
func (h *history) mark() {
	if len(h.marks) >= maxMarks {
		oldest, at := digest.Set{}, ^uint64(0)
		for set, seq := range h.marks {
			if seq < at {
				oldest, at = set, seq
			}
		}
		delete(h.marks, oldest)
	}
	h.marks[h.state()] = h.seq
	h.newest = h.seq
}

// changed takes note of a log's new state.
func (h *history) changed(l *Log, old, now *Published) {
	if l.frozen.Load() {
		if old == nil { // new here
			h.count(l, now)
			h.record(l, 0)
		}
		return
	}
	before := uint64(0)
	if old != nil && old.Size > 0 {
		before = old.Size
		h.sum.Remove(l.ID, old.Size, old.Root)
	}
	if now.Size > 0 {
		h.sum.Add(l.ID, now.Size, now.Root)
	}
	if h.clean = false; now.Size != before {
		h.record(l, before)
	}
}

// froze takes note that a log is forked, and counts as nothing else from now on.
func (h *history) froze(l *Log, p *Published) {
	if p.Size > 0 {
		h.sum.Remove(l.ID, p.Size, p.Root)
	}
	l.frozen.Store(true)
	h.count(l, p)
	h.record(l, p.Size)
}

// count adds what a log is: a forked log is the same on all peers, whatever each
// of them holds of it.
func (h *history) count(l *Log, p *Published) {
	h.clean = false
	if l.frozen.Load() {
		h.sum.Add(l.ID, 0, digest.Empty)
	} else if p.Size > 0 {
		h.sum.Add(l.ID, p.Size, p.Root)
	}
}

// record keeps the first change of a log after a mark.
func (h *history) record(l *Log, before uint64) {
	if l.changedAt > h.newest {
		return
	}
	h.seq++
	l.changedAt = h.seq
	if h.changes = append(h.changes, change{l.ID, before}); len(h.changes) >= 2*maxChanges {
		h.changes = append([]change(nil), h.changes[maxChanges:]...)
	}
}

// since returns the logs that changed since a mark, with their sizes then.
func (h *history) since(set digest.Set) ([]syncer.Change, bool) {
	at, found := h.marks[set]
	if !found || h.seq-at > uint64(len(h.changes)) {
		return nil, false
	}
	var all []syncer.Change
	seen := map[digest.Hash]bool{}
	for _, c := range h.changes[uint64(len(h.changes))-(h.seq-at):] {
		if !seen[c.log] {
			seen[c.log] = true
			all = append(all, syncer.Change{Log: c.log, Before: c.before})
		}
	}
	return all, true
}

// Summary returns the incremental digest of all logs of a topic that hold
// events: over log id, size, and root at that size.
func (s *Store) Summary(topic digest.Hash) (digest.Set, error) {
	s.catalog.setMu.Lock()
	h := s.catalog.history[topic]
	if h != nil {
		defer s.catalog.setMu.Unlock()
		return h.state(), nil
	}
	s.catalog.setMu.Unlock()
	return s.summarise(topic)
}

// summarise computes a topic's digest the first time somebody asks. Changes
// that happen meanwhile are caught by counting again until nothing changed.
func (s *Store) summarise(topic digest.Hash) (digest.Set, error) {
	for {
		s.catalog.setMu.Lock()
		before := s.catalog.changes
		s.catalog.setMu.Unlock()
		h := &history{marks: map[digest.Set]uint64{}}
		logs, err := s.TopicLogs(topic)
		if err != nil {
			return digest.Set{}, err
		}
		for _, l := range logs {
			h.count(l, l.State())
		}
		h.mark()
		s.catalog.setMu.Lock()
		if before == s.catalog.changes {
			s.catalog.history[topic] = h
			s.catalog.setMu.Unlock()
			return h.state(), nil
		}
		s.catalog.setMu.Unlock()
	}
}

// countChange keeps the topic's history; l.pubMu is held.
func (s *Store) countChange(l *Log, old, now *Published) {
	if l.Kind != identity.KindData {
		return // a digest is of data; a roster has a position of its own
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	s.catalog.changes++
	if h := s.catalog.history[l.Topic]; h != nil {
		h.changed(l, old, now)
	}
}

// countFrozen counts a log as forked from now on.
func (s *Store) countFrozen(l *Log) {
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	if l.frozen.Load() {
		return
	}
	s.catalog.changes++
	if l.Kind != identity.KindData {
		l.frozen.Store(true)
		return
	}
	if h := s.catalog.history[l.Topic]; h != nil {
		h.froze(l, l.State())
	} else {
		l.frozen.Store(true)
	}
}

// Changes returns the logs of a topic that changed since it had a digest, with
// their sizes then; false says that this is not known.
func (s *Store) Changes(topic digest.Hash, since digest.Set) ([]syncer.Change, bool, error) {
	if _, err := s.Summary(topic); err != nil {
		return nil, false, err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	all, known := s.catalog.history[topic].since(since)
	return all, known, nil
}
