// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

var topic = identitytest.NewTopic(1)

// A stock is a store of nothing but log states, in a fixed order.
type stock struct {
	logs    []syncer.LogInfo
	index   map[digest.Hash]int
	sum     digest.Multiset
	history *digest.Set // what was agreed on before, or nil
	changed []syncer.Change
}

func newStock(n int) *stock { return &stock{index: make(map[digest.Hash]int, n)} }

func (s *stock) put(l syncer.LogInfo) {
	if i, found := s.index[l.Log]; found {
		old := s.logs[i]
		s.sum.Remove(old.Log, old.Size, old.Root)
		s.changed = append(s.changed, syncer.Change{Log: l.Log, Before: old.Size})
		s.logs[i] = l
	} else {
		s.index[l.Log] = len(s.logs)
		s.logs = append(s.logs, l)
	}
	s.sum.Add(l.Log, l.Size, l.Root)
}

// A maker makes pairs of stocks out of one that both had before.
type maker struct {
	r      *rand.Rand
	common *stock
}

func newMaker(n int) *maker {
	m := &maker{r: rand.New(rand.NewPCG(uint64(n), 1)), common: newStock(n)}
	for range n {
		m.common.put(info(m.hash(), 1+m.r.Uint64N(2000), m.hash()))
	}
	return m
}

func (m *maker) hash() (h digest.Hash) {
	for i := 0; i < len(h); i += 8 {
		binary.LittleEndian.PutUint64(h[i:], m.r.Uint64())
	}
	return h
}

// pair returns two stocks that differ in d logs, half of which are newer on
// either side, and the digest of what both had before.
func (m *maker) pair(d int) (a, b *stock, before digest.Set) {
	a, b = m.common.clone(), m.common.clone()
	for i, k := range m.r.Perm(len(a.logs))[:d] {
		l := info(a.logs[k].Log, a.logs[k].Size+1+m.r.Uint64N(9), m.hash())
		if i%2 == 0 {
			a.put(l)
		} else {
			b.put(l)
		}
	}
	return a, b, m.common.sum.Set()
}

func (s *stock) clone() *stock {
	return &stock{logs: slices.Clone(s.logs), index: maps.Clone(s.index), sum: s.sum}
}

func info(log digest.Hash, size uint64, root digest.Hash) syncer.LogInfo {
	return syncer.LogInfo{
		Log: log, Topic: topic.ID(), PageBytes: 16384, Size: size, Root: root, Head: proof.Head{Log: log, Size: size, Root: root},
	}
}

// Summary implements syncer.Store.
func (s *stock) Summary(digest.Hash) (digest.Set, error) { return s.sum.Set(), nil }

// Logs implements syncer.Store.
func (s *stock) Logs(_ digest.Hash, yield func(syncer.LogInfo) bool) error {
	for i := range s.logs {
		if !yield(s.logs[i]) {
			break
		}
	}
	return nil
}

// Log implements syncer.Store.
func (s *stock) Log(id digest.Hash) (syncer.LogInfo, bool, error) {
	i, found := s.index[id]
	if !found {
		return syncer.LogInfo{}, false, nil
	}
	return s.logs[i], true, nil
}

// Time implements syncer.Store; no events are sent here.
func (s *stock) Time(digest.Hash, uint64) (int64, error) { return 0, nil }

// Mountains implements syncer.Store.
func (s *stock) PeaksAt(digest.Hash, uint64) (mmrindex.Peaks, error) {
	return mmrindex.Peaks{}, errors.New("a stock has no events")
}

// Met implements syncer.History.
func (s *stock) Met(identity.PeerID, digest.Hash) bool { return s.history != nil }

// Remembered implements syncer.History.
func (s *stock) Remembered(identity.PeerID, digest.Hash) (digest.Set, bool) {
	if s.history == nil {
		return digest.Set{}, false
	}
	return *s.history, true
}

// Changes implements syncer.History.
func (s *stock) Changes(_ digest.Hash, since digest.Set) ([]syncer.Change, bool, error) {
	return s.changed, s.history != nil && *s.history == since, nil
}

func (*stock) Counts(identity.LogName) (bool, error) { return true, nil }

// Roster implements syncer.Store: neither side holds anything of it.
func (*stock) Roster(digest.Hash) (syncer.Roster, error) { return syncer.Roster{}, nil }

// Position implements syncer.Store.
func (*stock) Position(digest.Hash) (identity.Position, error) { return syncer.Roster{}.Stated(), nil }
