// SPDX-License-Identifier: MPL-2.0

package store

import (
	"math/bits"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// highNodesWide is how many nodes a level of the tree may have to be kept in
// memory: the levels near the top are part of every proof. Of all levels
// together twice as many are kept of a log, 1 MiB at most.
const highNodesWide = 16384

// lowestHigh returns the lowest level that is kept of a log of that size.
func lowestHigh(size uint64) int { return bits.Len64(size / highNodesWide) }

// highNodes keeps nodes near the top of a log's tree that a proof verified.
// They never change.
type highNodes struct {
	mu     sync.RWMutex      // guards levels
	levels [64][]digest.Hash // by index; zero if it was not read yet
}

func (c *highNodes) get(id mmrindex.NodeID) (digest.Hash, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.kept(id)
}

func (c *highNodes) kept(id mmrindex.NodeID) (h digest.Hash, ok bool) {
	if l := c.levels[id.Level&63]; id.Index < uint64(len(l)) {
		h = l[id.Index]
	}
	return h, h != digest.Hash{}
}

// addTo sets those of out that are not set and whose ids are kept.
func (c *highNodes) addTo(ids []mmrindex.NodeID, out []digest.Hash) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i, id := range ids {
		if out[i] == (digest.Hash{}) {
			out[i], _ = c.kept(id)
		}
	}
}

// put keeps a node of a log of that size if its level is narrow enough, and
// drops the levels that became too wide as the log grew.
func (c *highNodes) put(id mmrindex.NodeID, h digest.Hash, size uint64) {
	low := lowestHigh(size)
	if int(id.Level) < low {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.levels[:low])
	l := c.levels[id.Level]
	if id.Index >= uint64(len(l)) {
		grown := make([]digest.Hash, max(id.Index+1, size>>id.Level))
		copy(grown, l)
		l, c.levels[id.Level] = grown, grown
	}
	l[id.Index] = h
}

// clear forgets all, once a file turned out to be damaged.
func (c *highNodes) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.levels[:])
}
