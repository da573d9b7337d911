// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// maxCursors bounds the peers' cursors that are kept; the one that was not
// used for longest goes first.
const maxCursors = 1 << 12

// maxOpened bounds the logs that are loaded for cursors when a store is opened.
const maxOpened = 1 << 10

// A cursor is what this store and a peer's last agreed to hold of a topic. It is
// of use if the peer remembers that digest too.
type (
	cursor    = layout.Agreement
	cursorKey = layout.AgreementKey
)

type cursors struct {
	mu    sync.Mutex                  // guards what follows
	all   map[cursorKey]*list.Element // of a *held
	byUse list.List                   // those of all; the one that was not used for longest is in front
	dirty map[cursorKey]bool          // not written yet; at most 2*maxCursors and one
}

type held struct {
	cursorKey
	cursor
}

// get returns the cursor of a peer in a topic.
func (c *cursors) get(k cursorKey) (cursor, bool) {
	e, found := c.all[k]
	if !found {
		return cursor{}, false
	}
	return e.Value.(*held).cursor, true
}

// put makes a cursor the one that was used last. If there is no room for it, the one
// that was not used for longest is forgotten.
func (c *cursors) put(k cursorKey, set digest.Set) {
	use := uint64(1)
	if last := c.byUse.Back(); last != nil {
		use = last.Value.(*held).Use + 1
	}
	if e := c.all[k]; e != nil {
		c.byUse.Remove(e)
	} else if len(c.all) >= maxCursors {
		oldest := c.byUse.Remove(c.byUse.Front()).(*held).cursorKey
		delete(c.all, oldest)
		c.dirty[oldest] = true
	}
	c.all[k] = c.byUse.PushBack(&held{k, cursor{Set: set, Use: use}})
	c.dirty[k] = true
}

func (s *Store) loadCursors() error {
	s.cursors.all, s.cursors.dirty = map[cursorKey]*list.Element{}, map[cursorKey]bool{}
	var stored []*held
	err := s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Agreements, func(k cursorKey, c cursor) error {
			stored = append(stored, &held{k, c})
			return nil
		})
	})
	slices.SortFunc(stored, func(a, b *held) int { return cmp.Compare(a.Use, b.Use) })
	for _, h := range stored {
		s.cursors.all[h.cursorKey] = s.cursors.byUse.PushBack(h)
	}
	return err
}

// countOpened begins the history of topics that peers have cursors of, while
// nothing has changed yet: so a store that appends and then meets its peers
// knows what changed. Logs are loaded for that, so topics of many logs wait
// until somebody asks. A log that cannot be read is found when it is needed.
func (s *Store) countOpened() {
	left := uint64(maxOpened)
	counted := map[digest.Hash]bool{}
	for k := range s.cursors.all {
		c, _ := s.cursors.get(k)
		if _, err := s.Topic(k.Topic); err != nil || counted[k.Topic] || c.Set.Count > left {
			continue
		}
		counted[k.Topic] = true
		left -= c.Set.Count
		s.Summary(k.Topic)
	}
}

// Remembered returns the digest of a topic that this store and a peer's last
// agreed on.
func (s *Store) Remembered(peer identity.PeerID, topic digest.Hash) (digest.Set, bool) {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	c, found := s.cursors.get(cursorKey{Peer: peer, Topic: topic})
	return c.Set, found
}

// Met reports whether this store remembers a digest of a topic that it and some
// copy of a peer's agreed on.
func (s *Store) Met(peer identity.PeerID, topic digest.Hash) bool {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	_, found := s.cursors.all[cursorKey{Peer: peer, Topic: topic}]
	return found
}

// Came reports whether a peer brought something of a topic, or held as little of it as this
// store does.
func (s *Store) Came(t *Topic) bool {
	for l, err := range s.TopicLogs(t.ID) {
		if err == nil && l.ID != t.Log && l.Whole().Size > 0 {
			return true
		}
	}
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	for k := range s.cursors.all {
		if k.Topic == t.ID {
			return true
		}
	}
	return false
}

// Agreed takes note that a peer holds of a topic what this store does, unless
// it changed since. That is in memory only until CursorRows are written.
func (s *Store) Agreed(peer identity.PeerID, topic digest.Hash, set digest.Set) {
	if !s.markAgreed(topic, set) {
		return
	}
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	k := cursorKey{Peer: peer, Topic: topic}
	c, found := s.cursors.get(k)
	if found && c.Set == set || len(s.cursors.dirty) >= 2*maxCursors {
		return
	}
	s.cursors.put(k, set)
}

// CursorRows returns the rows that make durable what Agreed noted since they
// were asked for last. A row that is lost costs the next session of its peer
// more bytes, and nothing else.
func (s *Store) CursorRows() []Change {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	puts := s.metRows()
	for k := range s.cursors.dirty {
		p := deleteOf(layout.Agreements, k)
		if c, found := s.cursors.get(k); found {
			p = putOf(layout.Agreements, k, c)
		}
		puts = append(puts, p)
	}
	clear(s.cursors.dirty)
	return puts
}

// markAgreed keeps the state of now as one to count changes from, if it is the
// one that was agreed on.
func (s *Store) markAgreed(topic digest.Hash, set digest.Set) bool {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	h := s.catalog.history[topic]
	if h == nil || !h.whole || h.state() != set {
		return false
	}
	h.mark()
	return true
}
