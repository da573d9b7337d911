// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// An Advance is a state that a log has come to, for Publish to make known; its zero
// value is none.
type Advance struct {
	log   *Log
	state *LogState
}

// ID returns the log that has come to it.
func (a Advance) ID() digest.Hash { return a.log.ID }

// Size returns how many events it then has.
func (a Advance) Size() uint64 { return a.state.Size }

// Covers reports whether that is a state of a log with its first size events.
func (a Advance) Covers(log digest.Hash, size uint64) bool {
	return a.log != nil && a.log.ID == log && a.state.Size >= size
}

// Publish makes a state the one that everybody sees, if it is news, and returns the
// log if those who wait for it should look. A state of a log of ours is committed before,
// and what is not published is not signed, so that no power cut can make us show two
// heads of the same size.
func (s *Store) Publish(a Advance) (advanced *Log, err error) {
	if a.log == nil {
		return nil, nil
	}
	if news, err := s.publish(a.log, a.state); !news {
		return nil, err
	}
	if a.log.Kind == identity.KindRoster {
		return a.log, s.rosterMoved(a.log.Topic)
	}
	return a.log, nil
}

func (s *Store) publish(l *Log, p *LogState) (news bool, err error) {
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	old, counted := l.Whole(), l.State()
	if p.Size < old.Size {
		return false, nil
	}
	if p.Pages < old.Pages { // the commit knows events, the stages pages
		p.Pages, p.PagesSize = old.Pages, old.PagesSize
	}
	if p.Size == old.Size && p.Root != old.Root {
		return false, &CorruptError{Where: "log " + l.ID.String(), What: fmt.Sprintf("its %d events have root %s, and had %s before", p.Size, p.Root.Short(), old.Root.Short())}
	}
	defer func() {
		if news {
			l.told = p.Size
		}
	}()
	if p.Size == old.Size && p.Pages <= old.Pages {
		return l.told < p.Size, nil // it may have been loaded with these events in it, and nobody was told
	}
	if err := l.prove(p); err != nil {
		return false, err
	}
	left, err := s.leave(l, p, l.cut.Load())
	if err != nil {
		return false, err
	}
	l.grew.Store(counted.Size)
	l.pub.Store(p)
	l.counted.Store(left)
	s.countChange(l, counted, l.State())
	return true, nil
}

// prove gives a state of our own log its head, which nobody signed yet, and holds that
// of a peer's log against the head that proves it.
func (l *Log) prove(p *LogState) error {
	if l.Own {
		p.head = proof.Head{Log: l.ID, Size: p.Size, Root: p.Root}
		return nil
	}
	return checkHead(l.ID, p)
}

// Head returns the signed head that proves a published state. One of ours is signed when
// somebody asks for it first: no append waits for that, and the state is committed
// before. That of an empty log of ours has no signature (see EmptyHead). The error is
// ErrIdentity, or a *CorruptError: the key was hurt in memory, and must not speak.
func (l *Log) Head(p *LogState) (proof.Head, error) {
	if !l.Own || p.head.Size == 0 {
		return p.head, nil
	}
	l.signMu.Lock()
	defer l.signMu.Unlock()
	newest := l.signed.Load()
	if newest != nil && sameState(*newest, p.head) {
		return *newest, nil
	}
	h := l.Row().Head()
	if !sameState(h, p.head) {
		key, err := l.key()
		if err != nil {
			return h, err
		}
		if h, err = key.sign(l.ID, p.head.Size, p.head.Root); err != nil {
			return h, err
		}
	}
	if newest == nil || newest.Size < h.Size {
		l.signed.Store(&h)
	}
	return h, nil
}

func sameState(a, b proof.Head) bool { return a.Size == b.Size && a.Root == b.Root }

// signOwn signs what was not yet of our logs that are in memory.
func (s *Store) signOwn(ids []digest.Hash) {
	for _, id := range ids {
		if l := s.catalog.find(id); l != nil {
			_, _ = l.Head(l.Whole()) // one that fails is not stored
		}
	}
}

// unstored returns those of some logs of ours whose newest head is not in their rows, by
// number: rows that lie together are changed together.
func (s *Store) unstored(ids []digest.Hash) (all []digest.Hash, err error) {
	nums := map[digest.Hash]uint32{}
	err = s.aof.View(func(v *aof.View) error {
		for _, id := range ids {
			row, found, err := v.Log(id)
			if err != nil {
				return err
			}
			if found && s.catalog.ownHead(id).Size > row.HeadSize {
				all, nums[id] = append(all, id), row.Num
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b digest.Hash) int { return cmp.Compare(nums[a], nums[b]) })
	return all, err
}

// newestSigned returns the newest head of ours that was signed since the log was loaded.
func (l *Log) newestSigned() (h proof.Head) {
	if at := l.signed.Load(); at != nil {
		h = *at
	}
	return h
}

// checkHead holds the state of a peer's log against the head that proves it.
func checkHead(id digest.Hash, p *LogState) error {
	if p.Size == 0 {
		return nil
	}
	whole := p.Peaks.Clone()
	if err := whole.Merge(merkleindex.CompactRange{Begin: p.Size, End: p.head.Size, Hashes: p.Right}, nil); err != nil {
		return &CorruptError{Where: "log " + id.String(), What: fmt.Sprintf("the proof of its %d events", p.Size), Err: err}
	}
	if root := whole.Root(); root != p.head.Root {
		return &CorruptError{Where: "log " + id.String(), What: fmt.Sprintf("its events give root %s at size %d, its author signed %s",
			root.Short(), p.head.Size, p.head.Root.Short())}
	}
	return nil
}

// computeState works out a log's state from what is stored: peaks from the files
// up to the sealed cursor, the rest from the events in the AOF. It returns the row
// that it saw, too, which may be newer or older than the log's.
func (s *Store) computeState(l *Log) (*LogState, *aof.LogRow, error) {
	var p LogState
	var seen *aof.LogRow
	err := s.replay(l, ^uint64(0), func(row *aof.LogRow) (err error) {
		seen = row
		p = LogState{Size: row.SealedSize, Pages: row.SealedPages, PagesSize: row.SealedSize, head: row.Head(), Right: row.Right}
		p.Peaks, err = s.sealedMountains(l, row.SealedPages, row.SealedSize)
		return err
	}, func(b *messages.Batch) error {
		r := merkleindex.CompactRange{Begin: b.First, End: b.First}
		for _, leaf := range b.Leaves {
			if err := r.Append(leaf, nil); err != nil {
				return err
			}
		}
		p.Size = b.End()
		return p.Peaks.Merge(r, nil)
	})
	if err != nil {
		return nil, nil, err
	}
	if p.Size != seen.Size {
		return nil, nil, &CorruptError{Where: "log " + l.ID.String(), What: fmt.Sprintf("%d events, its row says %d", p.Size, seen.Size)}
	}
	p.Root = p.Peaks.Root()
	return &p, seen, s.checkOwn(l, seen, &p)
}

// checkOwn holds a log of ours against the last heads that were stored for it:
// having lost events that were signed would be a fork in the making.
func (s *Store) checkOwn(l *Log, row *aof.LogRow, p *LogState) error {
	if !l.Own {
		return nil
	}
	kept, err := s.signedBefore(l, row)
	if err != nil {
		return err
	}
	known := max(p.Size, row.HighWater) // what is missing of it comes back
	for _, h := range []proof.Head{row.Head(), kept} {
		if h.Size > known || h.Size == p.Size && h.Size > 0 && h.Root != p.Root {
			return &CorruptError{Where: "log " + l.ID.String(), What: fmt.Sprintf(
				"it holds %d events with root %s, but signed %d with root %s before: this is an older copy of the store, and appending would fork the log; put back the newer one, or "+
					"repair this one from a peer that holds its events",
				p.Size, p.Root.Short(), h.Size, h.Root.Short())}
		}
	}
	return nil
}

// stored returns what the row of a log says, if no stage holds it.
func (s *Store) stored(id digest.Hash) (a Advance, err error) {
	l, err := s.Log(id)
	if err != nil {
		return a, err
	}
	p, _, err := s.computeState(l)
	if err != nil {
		return a, err
	}
	return Advance{l, p}, nil
}

// Committed returns what is committed of a log of ours, from the AOF alone, for a log
// whose pages cannot be written: what follows the sealed ones is read from there.
func (s *Store) Committed(id digest.Hash) (a Advance, err error) {
	l, err := s.Log(id)
	if err != nil || !l.Own {
		return a, err
	}
	now := l.Whole()
	p := &LogState{Size: now.Size, Peaks: now.Peaks.Clone()}
	err = s.aof.View(func(v *aof.View) error {
		row, found, err := v.Log(id)
		if err != nil || !found || row.Size <= now.Size {
			return err
		}
		p.Pages, p.PagesSize = row.SealedPages, row.SealedSize
		return v.Events(row.Num, now.Size, row.Size, func(first uint64, _ int, records []byte) error {
			r := merkleindex.CompactRange{Begin: first, End: first}
			for rest := records; len(rest) > 0; {
				rec, n, err := event.DecodeRecord(rest)
				if err != nil {
					return err
				}
				if err := r.Append(rec.LeafHash(), nil); err != nil {
					return err
				}
				rest = rest[n:]
			}
			p.Size = r.End
			return p.Peaks.Merge(r, nil)
		})
	})
	if err != nil || p.Size == now.Size {
		return a, err
	}
	p.Root = p.Peaks.Root()
	return Advance{l, p}, nil
}
