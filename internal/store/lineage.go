// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// ErrOtherHistory is returned for events and pages of a peer that do not fit what is
// held, or not yet: as a rule they were verified behind others, because their
// author signed both.
var ErrOtherHistory = errors.New("the events are of another history of the log than the one held")

// Two sessions may verify events of one log at the same time, each behind what
// was held when it looked. If the author forked the log, both are true and
// only one can be stored: the one that is committed first. So the committer
// holds events of a peer against the root of what it committed before.

// An end is a log's root at a size.
type end struct {
	size uint64
	root digest.Hash
}

// continues checks that the peer's events of a follow the events that row
// counts, and not others of the same number.
func (c *Committer) continues(row *aof.LogRow, a *messages.Append) error {
	h := a.Remote.Head
	if row.Size == 0 || h.Size == row.HeadSize && h.Root == row.HeadRoot {
		return nil
	}
	here, ok := c.endOf(row)
	if !ok {
		return fmt.Errorf("%w: log %s: its events up to %d have no root yet", ErrGap, a.Log.Short(), row.Size)
	}
	there, err := rootWithin(a, row.Size)
	if err != nil {
		return fmt.Errorf("%w: log %s: %w", ErrOtherHistory, a.Log.Short(), err)
	}
	if here != there {
		return fmt.Errorf("%w: log %s: root %s at %d, held is %s", ErrOtherHistory, a.Log.Short(), there.Short(), row.Size, here.Short())
	}
	return nil
}

// endOf returns the root of what a row counts, if it is known.
func (c *Committer) endOf(row *aof.LogRow) (digest.Hash, bool) {
	for _, ends := range []map[digest.Hash]end{c.pending, c.ends} {
		if e, ok := ends[row.ID]; ok && e.size == row.Size {
			return e.root, true
		}
	}
	if l, err := c.s.cached(row.ID); err == nil {
		if p := l.Whole(); p.Size == row.Size {
			return p.Root, true
		}
	}
	return digest.Hash{}, false
}

// rootWithin returns the root of a's history at a size in the middle of it.
func rootWithin(a *messages.Append, size uint64) (digest.Hash, error) {
	m, err := mountainsWithin(a, size)
	return m.Root(), err
}

func mountainsWithin(a *messages.Append, size uint64) (mmrindex.Peaks, error) {
	m, err := mmrindex.New(a.First, a.Remote.Left)
	if err != nil {
		return m, err
	}
	return m.With(a.Leaves[:size-a.First])
}

// provenFrom returns what proves the events of a from a sequence on, once those
// before it are cut off.
func provenFrom(a *messages.Append, first uint64) (*messages.Proven, error) {
	if a.Remote == nil || first == a.First {
		return a.Remote, nil
	}
	m, err := mountainsWithin(a, first)
	if err != nil {
		return nil, fmt.Errorf("%w: log %s: %w", ErrOtherHistory, a.Log.Short(), err)
	}
	p := *a.Remote
	p.Left = m.Hashes()
	return &p, nil
}

// rootBehind returns the root of m with leaves put behind it.
func rootBehind(m mmrindex.Peaks, leaves []digest.Hash) (digest.Hash, error) {
	whole, err := m.With(leaves)
	return whole.Root(), err
}

// ended keeps the roots that a transaction brought logs to, until the stages
// have published them. A log that is put out is waited for.
func (c *Committer) ended() {
	for id, e := range c.pending {
		evict(c.ends)
		c.ends[id] = e
	}
	c.pending = nil
}

// replaces checks that a peer's pages, which are put in place of the events
// from the last full page on, hold the events that are published.
func (st *secondTier) replaces(b *messages.Batch) error {
	p := st.l.Whole()
	if !b.Uncommitted || p.Size <= b.First || p.Size > b.End() || st.base.Size() != b.First {
		return nil
	}
	root, err := rootBehind(st.base, b.Leaves[:p.Size-b.First])
	if err == nil && root != p.Root {
		err = fmt.Errorf("%w: log %s: pages with root %s at %d, held is %s", ErrGap, b.Log.Short(), root.Short(), p.Size, p.Root.Short())
	}
	return err
}
