// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
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
	set   digest.Set // of sum, if clean
	clean bool

	seq      uint64 // of the newest change
	changes  []change
	marks    []mark                   // by increasing seq; most topics have one
	recorded map[digest.Hash]struct{} // logs that changed since the newest mark

	position identity.Position // of the topic's roster, as it is stated to peers, if
	placed   bool              // somebody asked

	counting sync.Mutex  // held while logs are counted for the first time
	upTo     digest.Hash // logs to here are counted
	whole    bool        // all are
}

// A mark is a state that changes can be counted from.
type mark struct {
	set digest.Set
	seq uint64
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
	now := h.state()
	if i := h.marked(now); i >= 0 {
		h.marks = slices.Delete(h.marks, i, i+1)
	} else if len(h.marks) >= maxMarks {
		h.marks = h.marks[1:]
	}
	h.marks = append(h.marks, mark{now, h.seq})
	h.recorded = nil
}

// marked returns the index of a state among the marks, or -1. Peers come back with a
// state of lately, as a rule.
func (h *history) marked(set digest.Set) int {
	for i := range slices.Backward(h.marks) {
		if h.marks[i].set == set {
			return i
		}
	}
	return -1
}

// changed takes note of a log's new state.
func (h *history) changed(l *Log, old, now *LogState) {
	if l.provisional.Load() {
		return
	}
	if l.frozen.Load() {
		if old == nil { // new here
			h.count(l, now)
			h.record(l.ID, 0)
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
		h.record(l.ID, before)
	}
}

// An entry is what a log is in the digest: a forked log is the same on all peers,
// whatever each of them holds of it, and a provisional one is nothing.
type entry struct {
	in   bool
	size uint64
	root digest.Hash
}

func entryOf(i syncer.LogInfo) (e entry) {
	switch {
	case i.Provisional:
	case i.Frozen:
		e = entry{in: true, root: digest.Empty}
	case i.Size > 0:
		e = entry{true, i.Size, i.Root}
	}
	return e
}

func (l *Log) entry(p *LogState) entry {
	var i syncer.LogInfo
	i.Provisional, i.Frozen, i.Size, i.Root = l.provisional.Load(), l.frozen.Load(), p.Size, p.Root
	return entryOf(i)
}

// count adds what a log is.
func (h *history) count(l *Log, p *LogState) { h.add(l.ID, l.entry(p)) }

func (h *history) add(id digest.Hash, e entry) {
	if h.clean = false; e.in {
		h.sum.Add(id, e.size, e.root)
	}
}

// replace takes note that a log is something else in the digest from now on.
func (h *history) replace(id digest.Hash, old, now entry) {
	if old == now {
		return
	}
	if old.in {
		h.sum.Remove(id, old.size, old.root)
	}
	h.add(id, now)
	h.record(id, old.size)
}

// record keeps the first change of a log after a mark.
func (h *history) record(id digest.Hash, before uint64) {
	if _, found := h.recorded[id]; found {
		return
	}
	if h.recorded == nil {
		h.recorded = map[digest.Hash]struct{}{}
	}
	h.recorded[id] = struct{}{}
	h.seq++
	if h.changes = append(h.changes, change{id, before}); len(h.changes) >= 2*maxChanges {
		h.changes = append([]change(nil), h.changes[maxChanges:]...)
	}
}

// counts reports whether a log's state is in the digest.
func (h *history) counts(id digest.Hash) bool { return h.whole || compareHashes(id, h.upTo) <= 0 }

// since returns the logs that changed since a mark, with their sizes then.
func (h *history) since(set digest.Set) ([]syncer.Change, bool) {
	i := h.marked(set)
	if i < 0 || h.seq-h.marks[i].seq > uint64(len(h.changes)) {
		return nil, false
	}
	at := h.marks[i].seq
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
	h := s.catalog.historyOf(topic)
	whole := h.whole
	s.catalog.setMu.Unlock()
	if !whole {
		if err := s.countLogs(topic, h); err != nil {
			return digest.Set{}, err
		}
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return h.state(), nil
}

// historyOf returns the history of a topic; c.setMu is held.
func (c *catalog) historyOf(topic digest.Hash) *history {
	h := c.history[topic]
	if h == nil {
		h = &history{}
		c.history[topic] = h
	}
	return h
}

// countLogs computes a topic's digest the first time somebody asks, log by log in
// the order of their ids. Of one that changes meanwhile, the change is counted too
// if the log was counted before. After an error it goes on where it stopped.
func (s *Store) countLogs(topic digest.Hash, h *history) error {
	h.counting.Lock()
	defer h.counting.Unlock()
	for !h.whole {
		ids, err := s.topicIDs(topic)
		if err != nil {
			return err
		}
		if err := s.countNext(h, after(ids, h.upTo), func() []digest.Hash {
			ids, _ := s.listed(topic)
			return after(ids, h.upTo)
		}); err != nil {
			return err
		}
	}
	return nil
}

// after returns those of the ids in order that follow one.
func after(ids []digest.Hash, id digest.Hash) []digest.Hash {
	i, found := slices.BinarySearchFunc(ids, id, compareHashes)
	if found {
		i++
	}
	return ids[i:]
}

// countNext counts the first of the logs that are left, unless there is another by
// the time that its state is known. h.counting is held.
func (s *Store) countNext(h *history, left []digest.Hash, now func() []digest.Hash) error {
	if len(left) == 0 {
		s.catalog.setMu.Lock()
		defer s.catalog.setMu.Unlock()
		if len(now()) == 0 {
			h.whole = true
			h.mark()
		}
		return nil
	}
	count := func(e func() entry) {
		s.catalog.setMu.Lock()
		defer s.catalog.setMu.Unlock()
		if now()[0] == left[0] {
			h.add(left[0], e())
			h.upTo = left[0]
		}
	}
	l, err := s.catalog.absent(left[0], func() error {
		info, err := s.rowInfo(left[0])
		if err == nil {
			count(func() entry { return entryOf(info) })
		}
		return err
	})
	if errors.Is(err, errUnsaid) {
		l, err = s.Log(left[0])
	}
	if l != nil {
		l.pubMu.Lock()
		defer l.pubMu.Unlock()
		count(func() entry { return l.entry(l.State()) })
	}
	return err
}

// countChange keeps the topic's history; l.pubMu is held.
func (s *Store) countChange(l *Log, old, now *LogState) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	s.catalog.count(l, old, now)
}

// count is countChange; c.setMu is held too.
func (c *catalog) count(l *Log, old, now *LogState) {
	switch h := c.history[l.Topic]; {
	case h == nil:
	case l.Kind == identity.KindRoster: // see rosterMoved
	case h.counts(l.ID):
		h.changed(l, old, now)
	}
}

// recount counts a log by something else from now on, which change says. l.pubMu and
// c.setMu are held.
func (c *catalog) recount(l *Log, change func()) {
	old := l.entry(l.State())
	change()
	if h := c.history[l.Topic]; h != nil && l.Kind != identity.KindRoster && h.counts(l.ID) {
		h.replace(l.ID, old, l.entry(l.State()))
	}
}

// countCreated counts a log that was just committed for the first time.
func (s *Store) countCreated(l *Log) {
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	if l.Kind != identity.KindRoster {
		s.added(l.Name(), l.ID)
	}
	s.catalog.count(l, nil, l.State())
}

// countLater takes note of a log that was just committed for the first time and
// cannot be read for the moment: its topic is counted anew when somebody asks.
func (s *Store) countLater(row *aof.LogRow) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	if row.Kind != identity.KindRoster {
		s.added(row.Name(), row.ID)
	}
	delete(s.catalog.history, row.Topic)
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
	s.catalog.recount(l, func() { l.frozen.Store(l.isFrozen(l.Row())) })
	if h := s.catalog.history[l.Topic]; h != nil && l.Kind == identity.KindRoster {
		h.placed = false // at a forked leg, perhaps
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
	h := s.catalog.history[topic]
	if h == nil {
		return nil, false, nil // forgotten meanwhile
	}
	all, known := h.since(since)
	return all, known, nil
}
