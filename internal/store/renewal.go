// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Renewal lets a log begin anew: what is held of it is not what the roster names, its
// author is proven to have forked it, and peers have the other branch. What was held
// stays in a file, see layout.Branch.
type Renewal struct {
	Log  digest.Hash
	head proof.Head // newest of what is held: the log is as it was while that is the same
}

// NewRenewal returns the change that lets a log begin anew, nil if nothing calls for it.
// doubted is the newest head of what a peer's events under a signed head do not
// continue, or the zero one. It says nothing of what was stored since: several peers
// may doubt one branch, and the first one's word lets the other branch come.
func (s *Store) NewRenewal(id digest.Hash, doubted proof.Head) (*Renewal, error) {
	l, err := s.knownLog(id)
	if err != nil || l == nil {
		return nil, err
	}
	head := l.Row().Head()
	if !s.renews(l, doubted) {
		return nil, nil
	}
	if err := s.keepMember(l); err != nil {
		return nil, err
	}
	return &Renewal{id, head}, s.keepBranch(l)
}

// renews reports whether a log is to begin anew.
func (s *Store) renews(l *Log, doubted proof.Head) bool {
	c, row := l.cut.Load(), l.Row()
	if c == nil || !row.Frozen || row.Size == 0 {
		return false
	}
	return l.isAstray() || row.Size < c.Size && doubted.Size > 0 && sameHead(l.Shown().head, doubted)
}

func sameHead(a, b proof.Head) bool { return a.Size == b.Size && a.Root == b.Root }

// Astray returns the logs of a topic that are to begin anew.
func (s *Store) Astray(topic digest.Hash) (ids []digest.Hash, err error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	legs, err := s.legs(t)
	if err != nil {
		return nil, err
	}
	if err := s.askRoster(t, func(*roster.State) {}); err != nil {
		return nil, err
	}
	for _, l := range legs {
		if s.renews(l, proof.Head{}) {
			ids = append(ids, l.ID)
		}
	}
	for _, id := range s.forkedIn(t.ID) {
		l, err := s.knownLog(id)
		if err != nil {
			return nil, err
		}
		if l != nil && l.Kind == identity.KindData && s.renews(l, proof.Head{}) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// forkedIn returns the logs of a topic that are known to be forked.
func (s *Store) forkedIn(topic digest.Hash) (ids []digest.Hash) {
	s.forks.mu.RLock()
	defer s.forks.mu.RUnlock()
	for id, text := range s.forks.all {
		if f, err := proof.ParseFork(text); err == nil && f.Topic == topic {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *Renewal) log() digest.Hash { return r.Log }

func (r *Renewal) write(c *Committer, t *aof.Txn) error {
	row, err := c.row(t, r.Log, nil)
	if err != nil {
		return err
	}
	l := c.logs[r.Log]
	if _, coming := c.pending[r.Log]; coming || l == nil || !row.Frozen || row.Size == 0 || !sameHead(row.Head(), r.head) {
		return fmt.Errorf("%w: log %s is not as it was when it was to begin anew", ErrGap, r.Log.Short())
	}
	anew := aof.NewLogRow(row.Name(), false)
	anew.Num, anew.Frozen = row.Num, true
	if err := t.DropEventsFrom(row.Num, 0); err != nil {
		return err
	}
	if err := c.dropRanges(t, r.Log); err != nil {
		return err
	}
	*row = anew
	delete(c.ends, r.Log)
	c.done.Renewed = append(c.done.Renewed, r.Log)
	return t.PutLog(row)
}

// dropRanges drops what is held of a log beyond a gap.
func (c *Committer) dropRanges(t *aof.Txn, log digest.Hash) error {
	var keys []layout.RangeKey
	err := aof.EachRowOf(&t.View, layout.Ranges, log[:], func(k layout.RangeKey, _ *layout.Range) error {
		keys = append(keys, k)
		return nil
	})
	for _, k := range keys {
		err = errors.Join(err, aof.DeleteRow(t, layout.Ranges, k))
	}
	return errors.Join(err, aof.DeleteRow(t, layout.Doubts, log))
}

// made forgets what the log was. Files that cannot be given up make the store read-only:
// when it is opened again its rows say that they hold nothing.
func (r *Renewal) made(s *Store) error {
	l, err := s.Log(r.Log)
	if err != nil {
		return err
	}
	if err := giveUpFiles(l); err != nil {
		s.StopWriting(err)
		return err
	}
	l.begin(s)
	if l.Own { // it is nobody's of this store any more
		s.catalog.evict(l)
	}
	if s.chooseAgain(l); l.Kind != identity.KindRoster {
		return nil
	}
	return s.rosterMoved(l.Topic)
}

// giveUpFiles removes the page files of a log, once nobody reads them.
func giveUpFiles(l *Log) (err error) {
	for range 100 {
		if err = l.files.Recover(&segwriter.Found{}, 0); !errors.Is(err, segwriter.ErrBusy) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// begin makes the log an empty one, as its row is.
func (l *Log) begin(s *Store) {
	l.sealMu.Lock()
	l.epoch.Store(s.catalog.epochs.Add(1))
	l.sealMu.Unlock()
	l.openMu.Lock()
	l.open = nil
	l.openMu.Unlock()
	l.high.clear()
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	s.catalog.recount(l, func() {
		l.pub.Store(nothing(l))
		l.countBy(l.cut.Load(), nil)
	})
	l.signed.Store(nil)
	l.told = 0
	l.grew.Store(0)
	l.segmented.Store(0)
	l.treed.Store(0)
}
