// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// tailSound reports whether the AOF that is there holds all events of the log
// that are in no page.
func (l *logMend) tailSound() bool {
	t, err := l.rowTail()
	return err == nil && t.end() == l.row.Size
}

// rowTail reads what the AOF that is there holds of the log, as far as it can.
func (l *logMend) rowTail() (*tail, error) {
	t := &tail{first: l.row.SealedSize}
	return t, readable(l.r.rows.aof.View(func(v *aof.View) error {
		return v.Events(l.row.Num, l.row.SealedSize, l.row.Size, t.take)
	}))
}

// tailHere reads the events behind the sound pages, as far as they can be
// found: in the AOF that is there, or in what is left of a damaged one.
func (l *logMend) tailHere() (*tail, error) {
	if l.row != nil && l.row.SealedSize == l.m.Size() {
		return l.rowTail()
	}
	t := &tail{first: l.m.Size()}
	if l.old == nil {
		return t, nil
	}
	return t, readable(l.r.rows.old.Events(l.old.Num, t.first, t.take))
}

// take adds records of the AOF.
func (g *tail) take(_ uint64, count int, records []byte) error {
	leaves, err := leavesOf(records, count)
	if err != nil || len(g.records)+len(records) > maxTailBytes {
		return errUnreadable
	}
	g.records, g.leaves = append(g.records, records...), append(g.leaves, leaves...)
	return nil
}

// errUnreadable ends a tail at what is no record, or too much.
var errUnreadable = errors.New("no records")

// readable is nil for an end of what can be read.
func readable(err error) error {
	if errors.Is(err, errUnreadable) || errors.Is(err, aof.ErrCorrupt) {
		return nil
	}
	return err
}

// resume gives a log a new row: its pages, and the events behind them, under a
// head that proves them.
func (l *logMend) resume(whole bool) error {
	if whole {
		t, err := l.fetchTail()
		if err == nil {
			return l.resumeWith(t)
		}
		if l.info.own && l.untouched() && errors.Is(err, syncer.ErrNoLog) {
			return l.resumeWith(&tail{}) // nothing was ever appended
		}
		if l.info.own {
			return l.ownLost(err)
		}
		if l.mayNotHaveBegun() && errors.Is(err, syncer.ErrNoLog) {
			return nil // whoever is in the topic would hold it
		}
	}
	if l.info.own {
		return l.ownLost(l.r.notSent())
	}
	t, ok, err := l.proven()
	if err != nil {
		return err
	}
	if ok {
		return l.resumeWith(t)
	}
	l.r.missing(l.info.id, RemedySync, "%d events in %d pages are here, and nothing that proves them: they are set aside, and the log is empty until a peer has it", l.m.Size(), l.page)
	if l.row == nil {
		return nil
	}
	return l.empty()
}

// resumeWith stores the row of a log that is proven.
func (l *logMend) resumeWith(t *tail) error {
	row := aof.NewLogRow(l.info.name, l.info.own)
	row.SealedPages, row.SealedSize, row.Size = l.page, l.m.Size(), t.end()
	if l.row != nil {
		row.Num, row.Frozen, row.HighWater = l.row.Num, l.row.Frozen, l.row.HighWater
		if l.row.Size == row.Size {
			row.Closed = l.row.Closed
		}
	}
	if t.closed != 0 {
		row.Closed = t.closed
	}
	var err error
	if row.LastTime, err = l.lastTime(t); err != nil {
		return err
	}
	if !l.info.own || t.head.Size == row.Size {
		row.HeadSize, row.HeadRoot, row.HeadSig, row.Right = t.head.Size, t.head.Root, t.head.Sig, t.right
	}
	if l.info.own {
		row.HighWater = max(row.HighWater, l.head.Size)
	}
	lost := uint64(0)
	for _, r := range []*aof.LogRow{l.row, l.old} {
		if r != nil && r.Size > row.Size {
			lost = max(lost, r.Size-row.Size)
		}
	}
	if lost > 0 || l.info.own && l.head.Size > row.Size {
		l.r.missing(l.info.id, RemedySync, "events from %d on were not fetched: %v", row.Size, l.r.notSent())
	}
	if l.page < l.total { // opening the store cuts them off
		if err := l.keepAll(); err != nil {
			return err
		}
	}
	l.r.done(l.info.id, "%d events in %d pages and %d behind them, proven", row.SealedSize, row.SealedPages, len(t.leaves))
	return l.r.rows.commit(&row, func(txn *aof.Txn) error {
		if len(t.leaves) == 0 {
			return nil
		}
		return txn.AppendEvents(row.Num, t.first, t.records, len(t.leaves))
	})
}

// lastTime returns the time of the last event behind a tail.
func (l *logMend) lastTime(t *tail) (int64, error) {
	records, count := t.records, len(t.leaves)
	if count == 0 {
		return l.timeBefore(l.page)
	}
	last, err := event.SkipRecords(records, uint64(count-1))
	if err != nil {
		return 0, err
	}
	return event.TimeOf(last), nil
}

// lastBefore is timeBefore for what is to be fetched: behind a page that cannot
// be read nothing is taken.
func (l *logMend) lastBefore(page uint64) int64 {
	ms, err := l.timeBefore(page)
	if err != nil {
		return event.MaxTime
	}
	return ms
}

// timeBefore returns the time of the last event before a page, 0 if there is
// none.
func (l *logMend) timeBefore(page uint64) (int64, error) {
	if page == 0 {
		return 0, nil
	}
	h, _, err := l.raw.Page(page - 1)
	if err != nil {
		return 0, err
	}
	first := page - 1
	if h.Kind == segwriter.KindContinuation {
		first -= uint64(h.Span)
	}
	records, h, err := l.span(first, page)
	if err != nil {
		return 0, err
	}
	last, err := event.SkipRecords(records, uint64(h.Count-1))
	if err != nil {
		return 0, err
	}
	return event.TimeOf(last), nil
}

// untouched reports whether nothing here says that the log ever held an event.
func (l *logMend) untouched() bool {
	return l.page == 0 && l.head.Size == 0 && (l.row == nil || l.row.Size == 0) && (l.old == nil || l.old.Size == 0)
}

// mayNotHaveBegun reports whether the log is the roster of an open topic, which begins once
// something is written to it, and nothing here says that it did.
func (l *logMend) mayNotHaveBegun() bool {
	topic, known := l.r.topics[l.info.topic]
	return known && l.info.name == topic.Roster() && topic.Genesis.Policy.Has(identity.PolicyOpen) && l.row == nil && l.untouched()
}

// ownLost leaves a log of ours as it is: to cut it would let this store sign
// other events instead of those that were signed. If that is accepted,
// what is left of it becomes the log of somebody else, who this store was.
func (l *logMend) ownLost(why error) error {
	if !l.r.o.AcceptLoss {
		l.r.ownLost, l.left = true, true
		l.r.missing(l.info.id, RemedyLoss, "of this store's own log, which stays as it is, the events from %d on were not fetched: %v", l.m.Size(), why)
		return nil
	}
	t, err := l.tailHere()
	if err != nil {
		return err
	}
	l.r.retire = true
	l.r.missing(l.info.id, RemedySync, "this store's own log from event %d on is given up, and appends go to a new log from now on: %v", t.end(), l.r.notSent())
	m, err := l.with(t)
	if err == nil && m.Size() == 0 && l.row != nil {
		return l.empty()
	}
	if err != nil || m.Size() == 0 {
		return err
	}
	key := l.r.device.AuthorKey(l.r.topics[l.info.topic].Genesis) // known, as the log is ours
	t.head = proof.Sign(key, l.info.id, m.Size(), m.Root())
	return l.resumeWith(t)
}

// with returns the peaks behind a tail.
func (l *logMend) with(t *tail) (mmrindex.Peaks, error) {
	if t.first != l.m.Size() {
		return l.m, fmt.Errorf("events from %d behind those to %d", t.first, l.m.Size())
	}
	return l.m.With(t.leaves)
}

// proven returns the events behind the pages that a head known here proves,
// and cuts the pages back to it where that is needed.
func (l *logMend) proven() (*tail, bool, error) {
	t, err := l.tailHere()
	if err != nil {
		return nil, false, err
	}
	for _, r := range []*aof.LogRow{l.row, l.old} {
		if r == nil || t.to(r.Size) != nil {
			continue
		}
		t.head, t.right = r.Head(), r.Right
		if l.proves(t) {
			return t, true, nil
		}
	}
	return l.cutTo(t)
}

// proves reports whether the pages, the tail and what is right of it are under
// the tail's head.
func (l *logMend) proves(t *tail) bool {
	if t.head.Size == 0 || t.head.Verify(l.info.author[:]) != nil {
		return false
	}
	m, err := l.with(t)
	if err == nil {
		err = m.Merge(merkleindex.CompactRange{Begin: t.end(), End: t.head.Size, Hashes: t.right}, nil)
	}
	return err == nil && m.Root() == t.head.Root
}

// cutTo leaves the events below the newest head that covers only what is here.
func (l *logMend) cutTo(t *tail) (*tail, bool, error) {
	t.head, t.right = l.head, nil
	for n := len(l.marks); t.head.Size > 0 && t.head.Size < t.first && n > 0; n-- {
		at := l.marks[n-1]
		records, h, err := l.span(at.page, l.page)
		if err != nil {
			return nil, false, err
		}
		leaves, err := leavesOf(records, h.Count)
		if err != nil {
			return nil, false, err
		}
		l.page, l.m = at.page, at.m
		t.first, t.records, t.leaves = at.m.Size(), append(records[:len(records):len(records)], t.records...), append(leaves, t.leaves...)
	}
	if t.to(t.head.Size) != nil {
		return nil, false, nil
	}
	return t, l.proves(t), nil
}

// cut leaves of a peer's log what lies before the first page that nobody has,
// if the trees that are left prove it.
func (l *logMend) cut() error {
	if l.info.own {
		return l.ownLost(l.r.notSent())
	}
	for at := (mark{l.page, l.m}); ; {
		t, err := l.cutAt(at)
		if err == nil && l.proves(t) {
			return l.resumeCut(t)
		}
		n := len(l.marks)
		if n == 0 || at.page == 0 {
			break
		}
		at, l.marks = l.marks[n-1], l.marks[:n-1]
		l.page, l.m = at.page, at.m
	}
	l.r.missing(l.info.id, RemedySync, "the trees do not prove the pages before the damage: they are set aside, and the log is empty until a peer has it")
	return l.empty()
}

// cutAt computes the proof of the events below a mark from trees and mountains
// as they are.
func (l *logMend) cutAt(at mark) (*tail, error) {
	segs := segwriter.NewStore(l.r.files.FS, l.r.dir, segwriter.Options{})
	defer segs.Close()
	files, err := segs.Log(l.raw.Params())
	if err != nil {
		return nil, err
	}
	r, err := mmrindex.CompactRange(at.m.Size(), l.row.SealedSize, files.Nodes(l.row.SealedPages, l.row.SealedSize))
	if err != nil {
		return nil, err
	}
	err = l.r.rows.aof.View(func(v *aof.View) error {
		return v.Events(l.row.Num, l.row.SealedSize, l.row.Size, func(_ uint64, count int, records []byte) error {
			for range count {
				rec, size, err := event.DecodeRecord(records)
				if err != nil {
					return err
				}
				if err := r.Append(rec.LeafHash(), nil); err != nil {
					return err
				}
				records = records[size:]
			}
			return nil
		})
	})
	if err == nil {
		err = r.Merge(merkleindex.CompactRange{Begin: l.row.Size, End: l.row.HeadSize, Hashes: l.row.Right}, nil)
	}
	return &tail{first: at.m.Size(), head: l.row.Head(), right: r.Hashes}, err
}

// resumeCut gives a log the shorter row.
func (l *logMend) resumeCut(t *tail) error {
	l.r.missing(l.info.id, RemedySync, "events %d to %d were not fetched, and those before are kept: %v", t.end(), l.row.Size-1, l.r.notSent())
	l.row.Size = t.end() // what is cut off is reported here
	return l.resumeWith(t)
}

// keepAll sets copies of all page files of the log aside.
func (l *logMend) keepAll() error {
	paths, err := filepath.Glob(filepath.Join(l.r.dir, layout.LogsName, l.info.id.String(), "*"))
	for _, path := range paths {
		name, relErr := filepath.Rel(l.r.dir, path)
		if err = errors.Join(err, relErr); err == nil {
			err = l.r.files.Copy(name)
		}
	}
	return err
}

// empty sets the files of a log aside and leaves it without events, so that a
// sync brings them all.
func (l *logMend) empty() error {
	if err := l.r.files.Move(filepath.Join(layout.LogsName, l.info.id.String())); err != nil {
		return err
	}
	l.page, l.m, l.row.Size = 0, mmrindex.Peaks{}, 0
	row := aof.NewLogRow(l.info.name, false)
	row.Num = l.row.Num
	l.r.done(l.info.id, "all of it set aside")
	return l.r.rows.commit(&row, func(*aof.Txn) error { return nil })
}
